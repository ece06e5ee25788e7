"""From hearts to recordings: a rotating dipole, eight leads that record it, four derived leads, and the noise of a clinic.

Each wave is an asymmetric Gaussian bump with a time, two widths, a magnitude and a direction in space (after McSharry et al.,
IEEE Trans Biomed Eng 50:289, 2003, and Sameni et al., EURASIP J Adv Signal Process 2007:043407).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import INDEPENDENT_LEADS, LEADS, twelve_from_eight
from ecgwas.simulate.heart import QT_PER_RR, Hearts

RATE_HZ = 500.0
SECONDS = 10.0
UV_PER_COUNT = 5.0
SAMPLES = int(RATE_HZ * SECONDS)
ECTOPIC_SHARE = 0.05
BEFORE_S, AFTER_S = 0.45, 1.0  # from QRS onset: every wave of a beat lies well inside

Heart = Mapping[str, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Waves:
    """The W waves of one beat. Seconds count from QRS onset.

    centres, rises, falls   (W,) s: time of the peak, Gaussian SD before and after it
    dipoles                 (W, 3) µV: left, down, back
    r_centre                s: the main deflection, the R peak of the recording
    """

    centres: Floats
    rises: Floats
    falls: Floats
    dipoles: Floats
    r_centre: float

    def at(self, times_s: Floats) -> Floats:
        """(T, 3) µV, the dipole at times counted from QRS onset."""
        away = times_s[:, None] - self.centres  # (T, W)
        bumps = np.exp(-0.5 * (away / np.where(away < 0, self.rises, self.falls)) ** 2)
        dipole: Floats = bumps @ self.dipoles
        return dipole


@dataclass(frozen=True)
class Recording:
    """Ten seconds of one person.

    counts      (12, S) int32, 5 µV each; III = II - I exactly, aVR, aVL, aVF rounded half up as the device does
    clean_uv    (12, S) float32, the same without noise, mains, baseline wander and rounding
    r_samples   (B,) int32, R peaks within the recording, ascending;  ectopic (B,) bool
    """

    counts: NDArray[np.int32]
    clean_uv: NDArray[np.float32]
    r_samples: NDArray[np.int32]
    ectopic: NDArray[np.bool_]


@dataclass(frozen=True)
class SimulatedSignals:
    """N recordings.

    noisy_uv, clean_uv   (N, 12, S) float32
    r_samples            (N, B) int32, -1 after the last;  ectopic (N, B) bool
    """

    noisy_uv: NDArray[np.float32]
    clean_uv: NDArray[np.float32]
    r_samples: NDArray[np.int32]
    ectopic: NDArray[np.bool_]


def simulate_signals(hearts: Hearts, rng: np.random.Generator) -> SimulatedSignals:
    """Recordings of all hearts, 500 Hz, 10 s, with and without noise. Person i depends only on child i of `rng`."""
    streams = rng.spawn(len(hearts))
    recordings = [record(hearts, i, stream) for i, stream in enumerate(streams)]
    max_beats = max((len(recording.r_samples) for recording in recordings), default=0)
    peaks = np.full((len(hearts), max_beats), -1, dtype=np.int32)
    ectopic = np.zeros((len(hearts), max_beats), dtype=bool)
    for i, recording in enumerate(recordings):
        peaks[i, : len(recording.r_samples)] = recording.r_samples
        ectopic[i, : len(recording.r_samples)] = recording.ectopic
    shape = (len(hearts), len(LEADS), SAMPLES)
    noisy = np.array([recording.counts for recording in recordings], dtype=np.float32).reshape(shape) * np.float32(UV_PER_COUNT)
    clean = np.array([recording.clean_uv for recording in recordings], dtype=np.float32).reshape(shape)
    return SimulatedSignals(noisy, clean, peaks, ectopic)


def clean_beats(hearts: Hearts, *, before_ms: float = 350.0, after_ms: float = 600.0) -> NDArray[np.float32]:
    """(N, 12, T) float32 µV: one noise-free beat of each heart without breathing, R peak at sample `before_ms` / 2.

    Without its neighbouring beats; 500 Hz; T = (before_ms + after_ms) / 2.
    """
    samples = np.arange(-round(before_ms * RATE_HZ / 1000), round(after_ms * RATE_HZ / 1000))
    beats = np.empty((len(hearts), len(LEADS), len(samples)), dtype=np.float32)
    for i, heart in enumerate(hearts):
        waves = normal_waves(heart, heart["qt_ms"] / 1000)
        dipole = waves.at(samples / RATE_HZ + waves.r_centre)
        beats[i] = twelve_from_eight(hearts.lead_vectors[i] @ dipole.T)
    return beats


def record(hearts: Hearts, i: int, rng: np.random.Generator) -> Recording:
    """Ten seconds of person i, which begin at any point of a beat."""
    heart = hearts.person(i)
    onsets, rr_s = _rhythm(heart, rng)
    ectopic = _ectopic(len(onsets), rng)
    onsets = onsets - np.where(ectopic, 0.3 * rr_s, 0.0)  # early; the next beat keeps its time: a compensatory pause
    dipole = np.zeros((SAMPLES, 3))
    peaks = np.empty(len(onsets))
    phase = rng.uniform(0, 2 * np.pi)
    for k, onset in enumerate(onsets):
        waves = _waves_of_beat(heart, float(rr_s[k]), bool(ectopic[k]))
        breath = np.sin(2 * np.pi * heart["resp_bpm"] / 60 * onset + phase)
        peaks[k] = onset + waves.r_centre
        _add(dipole, waves, float(onset), _breathing(heart, float(breath)))
    eight = hearts.lead_vectors[i] @ dipole.T  # (8, S)
    noisy = eight + _noise(heart, rng)
    samples = np.rint(peaks * RATE_HZ).astype(np.int32)
    inside = (samples >= 0) & (samples < SAMPLES)
    return Recording(
        counts=twelve_leads_of_counts(np.rint(noisy / UV_PER_COUNT).astype(np.int32)),
        clean_uv=twelve_from_eight(eight).astype(np.float32),
        r_samples=samples[inside],
        ectopic=ectopic[inside],
    )


def normal_waves(heart: Heart, qt_s: float) -> Waves:
    """P (right and left atrium), septum, R, S, ST, T and U of a conducted beat with the given QT.

    T ends where the steepest tangent of its descent crosses zero, two SDs after its peak; this is QT after QRS onset.
    """
    ms = 1e-3
    qrs, p = heart["qrs_ms"] * ms, heart["p_ms"] * ms
    t_rise = heart["t_ms"] * ms * (1 + heart["t_skew"])
    t_fall = heart["t_ms"] * ms * (1 - heart["t_skew"])
    atria = -heart["pr_ms"] * ms + p / 2
    split, p_sd = heart["p_delay"] * p / 2, p / 6.5
    r = heart["r_time"] * qrs
    r_sd = heart["r_width"] * qrs
    bumps = (  # centre, rise, fall, magnitude, axis, tilt
        (atria - split, p_sd, p_sd, 0.62 * heart["p_uv"], heart["p_axis_deg"], heart["p_tilt_deg"] - 22),
        (atria + split, p_sd, p_sd, 0.62 * heart["p_uv"], heart["p_axis_deg"] - 12, heart["p_tilt_deg"] + 28),
        (0.20 * qrs, 0.09 * qrs, 0.09 * qrs, heart["q_uv"], heart["q_axis_deg"], heart["q_tilt_deg"]),
        (r, r_sd, r_sd, heart["r_uv"], heart["qrs_axis_deg"], heart["qrs_tilt_deg"]),
        (0.72 * qrs, 0.11 * qrs, 0.12 * qrs, heart["s_uv"], heart["s_axis_deg"], heart["s_tilt_deg"]),
        (qrs + 60 * ms, 25 * ms, 60 * ms, heart["st_uv"], heart["t_axis_deg"], heart["t_tilt_deg"]),
        (qt_s - 2 * t_fall, t_rise, t_fall, heart["t_uv"], heart["t_axis_deg"], heart["t_tilt_deg"]),
        (qt_s + heart["u_delay_ms"] * ms, 26 * ms, 30 * ms, heart["u_uv"], heart["t_axis_deg"], heart["t_tilt_deg"]),
    )
    return _waves(bumps, r)


def ectopic_waves(heart: Heart, qt_s: float) -> Waves:
    """A premature ventricular beat: no P, a broad and tall QRS in another direction, and a T opposite to it."""
    qrs = 1.6e-3 * heart["qrs_ms"]
    axis, tilt = heart["qrs_axis_deg"] + 75, heart["qrs_tilt_deg"] + 20
    bumps = (
        (0.40 * qrs, 0.14 * qrs, 0.16 * qrs, 1.3 * heart["r_uv"], axis, tilt),
        (0.78 * qrs, 0.12 * qrs, 0.12 * qrs, 0.6 * heart["s_uv"], axis + 160, -tilt),
        (qt_s - 0.02, 0.060, 0.045, 1.2 * heart["t_uv"], axis + 180, -tilt),
    )
    return _waves(bumps, 0.40 * qrs)


def twelve_leads_of_counts(eight: NDArray[np.int32]) -> NDArray[np.int32]:
    """(12, S) int32 counts from (8, S): III exact, halves rounded up (the one real CardioSoft file does so)."""
    rounded: NDArray[np.int32] = np.floor(twelve_from_eight(eight.astype(np.float64)) + 0.5).astype(np.int32)
    return rounded


def direction(axis_deg: float, tilt_deg: float) -> Floats:
    """(3,) unit vector: left, down, back."""
    axis, tilt = np.deg2rad(axis_deg), np.deg2rad(tilt_deg)
    return np.array([np.cos(tilt) * np.cos(axis), np.cos(tilt) * np.sin(axis), np.sin(tilt)])


def _waves(bumps: tuple[tuple[float, ...], ...], r_centre: float) -> Waves:
    centres, rises, falls = (np.array([bump[k] for bump in bumps]) for k in range(3))
    dipoles = np.stack([bump[3] * direction(bump[4], bump[5]) for bump in bumps])
    return Waves(centres, rises, falls, dipoles, r_centre)


def qt_seconds(heart: Heart, rr_s: float) -> float:
    """QT of a beat, s, after an RR interval of rr_s.

    QT adapts to a single RR only in part (hysteresis): by two thirds of the relation between people.
    """
    return heart["qt_ms"] / 1000 + 0.67 * QT_PER_RR * (rr_s - 60 / heart["hr_bpm"])


def _waves_of_beat(heart: Heart, rr_s: float, ectopic: bool) -> Waves:
    qt_s = qt_seconds(heart, rr_s)
    return ectopic_waves(heart, qt_s) if ectopic else normal_waves(heart, qt_s)


def _rhythm(heart: Heart, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """QRS onsets (s, from before to after the recording) and the RR interval before each."""
    mean = 60 / heart["hr_bpm"]
    count = int(SECONDS / mean) + 8
    breath = 2 * np.pi * heart["resp_bpm"] / 60 * mean * np.arange(count) + rng.uniform(0, 2 * np.pi)
    # Variance: half respiratory sinus arrhythmia, half slow and random.
    spread = heart["rr_sd_ms"] / 1000 * (np.sin(breath) + rng.standard_normal(count) / np.sqrt(2))
    rr_s = np.clip(mean + spread, 0.6 * mean, 1.5 * mean)
    onsets = np.cumsum(rr_s) - 3 * mean + rng.uniform(0, mean)
    return onsets, rr_s


def _ectopic(beats: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(B,) which beats are premature: none in most people, one or two in a few."""
    ectopic = np.zeros(beats, dtype=bool)
    has_them, how_many = rng.random() < ECTOPIC_SHARE, rng.integers(1, 3)
    places = rng.permutation(np.arange(5, beats - 5, 2))[:how_many]
    ectopic[places] = has_them
    return ectopic


def _breathing(heart: Heart, breath: float) -> Floats:
    """(3, 3) matrix that rotates and scales a dipole (as a row) with the breath, which is between -1 and 1."""
    angle = np.deg2rad(heart["resp_deg"] * breath)
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    scaled: Floats = (1 + heart["resp_gain"] * breath) * turn
    return scaled


def _add(dipole: Floats, waves: Waves, onset: float, breathing: Floats) -> None:
    """Adds one beat to the dipole (S, 3) in place."""
    first = max(0, int((onset - BEFORE_S) * RATE_HZ))
    last = min(SAMPLES, int((onset + AFTER_S) * RATE_HZ))
    if first >= last:
        return
    times = np.arange(first, last) / RATE_HZ - onset
    dipole[first:last] += waves.at(times) @ breathing


def _noise(heart: Heart, rng: np.random.Generator) -> Floats:
    """(8, S) µV: white, muscle (broad-band, waxing and waning), mains, baseline wander."""
    leads = len(INDEPENDENT_LEADS)
    t = np.arange(SAMPLES) / RATE_HZ
    white = heart["white_uv"] * rng.standard_normal((leads, SAMPLES))
    bursts = np.interp(t, np.linspace(0, SECONDS, 9), rng.gamma(2.0, 0.5, 9))
    rough = rng.standard_normal((leads, SAMPLES + 1))
    muscle = heart["muscle_uv"] / np.sqrt(2) * bursts * np.diff(rough, axis=1)  # differencing leaves the high frequencies
    strength = rng.uniform(0.3, 1.7, (leads, 1))
    mains = heart["mains_uv"] * strength * np.sin(2 * np.pi * 50 * t + rng.uniform(0, 2 * np.pi))
    wander = np.zeros((leads, SAMPLES))
    for hz in (0.05, 0.11, 0.19, heart["resp_bpm"] / 60):
        phases = rng.uniform(0, 2 * np.pi, (leads, 1))
        wander += rng.uniform(0.3, 1.0, (leads, 1)) * np.sin(2 * np.pi * hz * t + phases)
    wander *= heart["wander_uv"] / np.sqrt(2)
    noise: Floats = white + muscle + mains + wander
    return noise
