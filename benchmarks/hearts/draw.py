"""`draw`: hearts of a kind, recorded twice, with their true parameters and fiducial points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.hearts import beats, ecgsyn, lead_fields
from benchmarks.hearts.beats import Beat, Shape
from benchmarks.hearts.kinds import KINDS, NOT_THE_HEART, Kind
from benchmarks.hearts.model import RATE_HZ, SAMPLES, Drawn, DrawnHearts, Recording, Recordings, stacked
from ecgwas.signals import FIDUCIAL_POINTS
from ecgwas.simulate import PARAMETERS, Hearts, Parameter, draw_hearts, simulate_signals

Floats = NDArray[np.float64]
Heart = Mapping[str, float]

BEFORE_S, AFTER_S = 0.6, 1.2
"""A beat's waves lie within this time of its origin."""
SPIKE_DIRECTION = np.array([0.35, 0.85, -0.4])
SPIKE_TAIL_S, SPIKE_TAIL_SHARE = 0.012, 0.08
"""After a pacing spike of one sample the electrode discharges with this time constant, from this share of the spike."""


def draw(kind: str, people: int, seed: int) -> Drawn:
    """Hearts of `people` people of a kind (`KINDS`), and two recordings of each at 500 Hz, ten seconds.

    The same arguments give the same arrays; a person's heart and recordings do not depend on `people`, except for kinds `own`
    (parameter by parameter, as in `ecgwas.simulate`). Raises ValueError for an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"no such kind: {kind}; there are {', '.join(KINDS)}")
    chosen = KINDS[kind]
    if chosen.model == "simulator":
        return _simulated(kind, people, seed)
    hearts = _hearts(kind, chosen, people, seed)
    first, second = (
        stacked([_recorded(chosen, hearts, i, np.random.default_rng([seed, i, visit])) for i in range(people)])
        for visit in (1, 2)
    )
    return Drawn(hearts, first, second)


def _simulated(kind: str, people: int, seed: int) -> Drawn:
    """Hearts and recordings of `ecgwas.simulate`, as `benchmarks.findings.representations` has always drawn them."""
    hearts: Hearts = draw_hearts(people, np.random.default_rng(seed))
    judged = tuple(name for name in PARAMETERS if name not in NOT_THE_HEART)
    drawn = DrawnHearts(kind, tuple(PARAMETERS), hearts.values, hearts.lead_vectors, judged)
    recordings = []
    for visit in (1, 2):
        made = simulate_signals(hearts, np.random.default_rng(seed + visit))
        unknown = np.full((*made.r_samples.shape, len(FIDUCIAL_POINTS)), np.nan)
        recordings.append(Recordings(made.noisy_uv, made.clean_uv, made.r_samples, made.ectopic, unknown))
    return Drawn(drawn, recordings[0], recordings[1])


def _hearts(kind: str, chosen: Kind, people: int, seed: int) -> DrawnHearts:
    streams = [np.random.default_rng([seed, i, 0]) for i in range(people)]
    rows = [_row(chosen, stream) for stream in streams]
    columns = {name: np.array([row[name] for row in rows]) for name in _row(chosen, np.random.default_rng(0))}
    columns = chosen.adjusted(columns)
    vectors = np.array([
        lead_fields.lead_vectors(chosen.lead_field, 1, stream, spread=chosen.spread)[0] for stream in streams
    ]).reshape(people, 8, 3)  # fmt: skip
    if chosen.high_v1_v2:
        vectors = lead_fields.with_high_v1_v2(vectors)
    left = {*NOT_THE_HEART, *chosen.not_judged}
    judged = tuple(name for name in columns if name not in left)
    return DrawnHearts(kind, tuple(columns), np.column_stack(list(columns.values())), vectors, judged)


def _row(chosen: Kind, rng: np.random.Generator) -> dict[str, float]:
    """The parameters of one person, before `adjusted`."""
    if chosen.model == "ecgsyn":
        return {name: _value(parameter, rng) for name, parameter in ecgsyn.PARAMETERS.items()}
    own = draw_hearts(1, rng).person(0)
    return own | {name: _value(parameter, rng) for name, parameter in chosen.changes.items()}


def _value(parameter: Parameter, rng: np.random.Generator) -> float:
    return float(np.clip(rng.normal(parameter.mean, parameter.sd), parameter.low, parameter.high))


def _recorded(chosen: Kind, hearts: DrawnHearts, i: int, rng: np.random.Generator) -> Recording:
    heart = hearts.person(i)
    if chosen.model == "ecgsyn":
        dipole, r_s, points = ecgsyn.recorded_vector(heart, rng)
        ectopic = np.zeros(len(r_s), dtype=bool)
    else:
        dipole, r_s, points, ectopic = _vector(chosen, heart, rng)
    noisy, clean = chosen.electrodes.recorded(hearts.lead_vectors[i] @ dipole.T, heart, rng)
    samples = np.rint(r_s * RATE_HZ).astype(np.int32)
    inside = (samples >= 0) & (samples < SAMPLES)
    return Recording(noisy, clean, samples[inside], ectopic[inside], points[inside])


def _vector(chosen: Kind, heart: Heart, rng: np.random.Generator) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Heart vector (S, 3) µV; for B beats, R peaks (B,) s, fiducial points (B, 7) ms, whether ectopic (B,)."""
    rhythm = chosen.rhythm(heart, rng)
    shape = Shape(chosen.sech, heart.get("turn_deg", 0.0), heart.get("plane_deg", 0.0))
    builds = {"normal": chosen.beat, "ventricular": beats.ventricular, "atrial": beats.atrial}
    dipole = rhythm.atria(np.arange(SAMPLES) / RATE_HZ)
    phase, r_s, points = rng.uniform(0, 2 * np.pi), [], []
    for onset, rr_s, origin in zip(rhythm.onsets_s, rhythm.rr_s, rhythm.origins, strict=True):
        beat = builds[origin](heart, float(rr_s))
        breath = float(np.sin(2 * np.pi * heart["resp_bpm"] / 60 * onset + phase))
        _add(dipole, beat, shape, float(onset), _breathing(heart, breath))
        _add_spike(dipole, beat, float(onset), heart)
        r_s.append(onset + beat.waves.r_centre)
        points.append(1000 * onset + beat.points_ms)
    return dipole, np.array(r_s), np.array(points), np.array(rhythm.origins) != "normal"


def _add(dipole: Floats, beat: Beat, shape: Shape, onset: float, breathing: Floats) -> None:
    """Adds a beat to the dipole (S, 3) in place."""
    first, last = max(0, int((onset - BEFORE_S) * RATE_HZ)), min(SAMPLES, int((onset + AFTER_S) * RATE_HZ))
    if first < last:
        times = np.arange(first, last) / RATE_HZ - onset
        dipole[first:last] += shape.dipole(beat.waves, times) @ breathing


def _add_spike(dipole: Floats, beat: Beat, onset: float, heart: Heart) -> None:
    """Adds a beat's pacing spike, if it has one, to the dipole (S, 3) in place."""
    if np.isnan(beat.spike_ms):
        return
    first = round((onset + beat.spike_ms / 1000) * RATE_HZ)
    times = np.arange(first, first + round(6 * SPIKE_TAIL_S * RATE_HZ))
    tail = -SPIKE_TAIL_SHARE * np.exp(-(times - first) / RATE_HZ / SPIKE_TAIL_S)
    tail[0] = 1.0
    inside = (times >= 0) & (times < SAMPLES)
    dipole[times[inside]] += heart["spike_uv"] * tail[inside, None] * SPIKE_DIRECTION


def _breathing(heart: Heart, breath: float) -> Floats:
    """(3, 3) matrix that turns the frontal axis of a dipole (as a row) and scales it with the breath, -1 to 1."""
    angle = np.deg2rad(heart["resp_deg"] * breath)
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    matrix: Floats = (1 + heart["resp_gain"] * breath) * turn
    return matrix
