"""Waves of each single beat, by laying the median beat's waves over it; and whether there is a P at all."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import detrend
from threadpoolctl import threadpool_limits

from ecgwas.delineation.fiducials import NOTHING, WAVE_SMOOTH_MS, Fiducials, delineate
from ecgwas.delineation.measurements import rhythm
from ecgwas.leads import INDEPENDENT, predict_unreliable_leads
from ecgwas.signals import GOOD, Rows, Signals

Floats = NDArray[np.float64]

P_STRETCH_MS = (250.0, 30.0)
"""Before QRS: where the atria of every beat are compared; nearer to it every beat has the ventricles' first stir or a spike."""
REGULAR = 0.05
"""SD of RR over its mean in a regular rhythm: a P that shows in one lead alone is believed only there, not in fibrillation."""
COHERENT_LEAD = 0.8
"""and only in a lead whose single beats are so coherent."""
LEAST_COHERENCE = 0.55
"""Mean correlation of each beat's stretch before QRS with the others' below which there is no P: atrial fibrillation."""
MOVES_MS = 30.0
"""P and T of one beat lie no further than this from the median beat's."""
SHARP_MS = 60.0
"""What is compared reaches this far to both sides of the wave's peak."""
LEAST_LIKENESS = 0.4
"""A beat whose stretch is less like the median beat's P than this has none."""


def one_thread() -> threadpool_limits:
    """While it lasts, linear algebra runs on one thread: for a beat, more threads only wait for each other."""
    return threadpool_limits(limits=1, user_api="blas")


def single_beats(signals: Signals, person: int) -> tuple[Floats, NDArray[np.bool_]]:
    """(B, 8, T) beats cut out of the strip, those that lie in it as a whole, and (B,) whether each is normal.

    A lead with noise or artefacts is what the other leads say of it.
    """
    peaks, normal = signals.r_samples[person], signals.normal[person]
    samples = signals.strips.shape[2]
    length = len(signals.beat_times_ms)
    starts = peaks - signals.r_sample
    whole = (peaks >= 0) & (starts >= 0) & (starts + length <= samples)
    strip = predict_unreliable_leads(
        np.asarray(signals.strips[person])[INDEPENDENT].astype(np.float64), reliable(signals, person)
    )
    cut = strip[:, starts[whole][:, None] + np.arange(length)]
    return cut.transpose(1, 0, 2), normal[whole]


def reliable(signals: Signals, person: int) -> NDArray[np.bool_]:
    """(8,) the leads in which waves are found."""
    return np.asarray(signals.lead_status[person][INDEPENDENT] == GOOD)


def median_beat(signals: Signals, person: int, beats: Rows | None = None) -> Floats:
    """(8, T) µV, the median beat (of `beats`, where they are others than the signals' own) in which waves are found.

    A lead with noise or artefacts is replaced by its estimate from the other leads.
    """
    median = np.asarray((signals.beats if beats is None else beats)[person], dtype=np.float64)
    return predict_unreliable_leads(median[INDEPENDENT], reliable(signals, person))


def usual_rr_ms(signals: Signals, person: int) -> float:
    """Mean RR between successive normal beats, ms; NaN without any."""
    return 60_000.0 / rhythm(signals.r_samples[person], signals.normal[person], signals.rate_hz)["heart_rate_bpm"]


def median_fiducials(signals: Signals, person: int, beats: Rows, normal_beats: Floats) -> Fiducials:
    """Of a person's median beat among `beats`, without P where the normal single beats (B, 8, T) do not share one.

    NaN where there is no median beat.
    """
    median = median_beat(signals, person, beats)
    if np.isnan(median).any():
        return NOTHING
    measured = rhythm(signals.r_samples[person], signals.normal[person], signals.rate_hz)
    rr_ms = 60_000.0 / measured["heart_rate_bpm"]
    regular = measured["rr_sd_ms"] <= REGULAR * rr_ms
    return fiducials(median, normal_beats, signals.beat_times_ms, rr_ms, regular=regular)


def fiducials(median: Floats, normal_beats: Floats, times_ms: Floats, rr_ms: float, *, regular: bool) -> Fiducials:
    """Of a median beat (8, T) µV: P in all leads together or, in a regular rhythm, in a single lead; none where the single
    beats (B, 8, T) do not share one."""
    found = delineate(median, times_ms, rr_ms)
    if not np.isnan(found.p_peak) or np.isnan(found.qrs_on) or not regular:
        return with_p_if_coherent(found, normal_beats, times_ms)
    leads = range(len(median))
    coherent = np.array([coherence(normal_beats[:, [k]], times_ms, found.qrs_on) >= COHERENT_LEAD for k in leads])
    return delineate(median, times_ms, rr_ms, p_leads=coherent) if coherent.any() else found


def coherence(beats: Floats, times_ms: Floats, qrs_on: float) -> float:
    """How alike (B, 8, T) beats are before QRS, -1 to 1: mean correlation of each one's stretch with the sum of the others'.

    Near 0 in atrial fibrillation, whose waves fall differently each time; NaN for fewer than three beats. Each lead's
    straight line over the stretch is taken away first.
    """
    inside = (times_ms >= qrs_on - P_STRETCH_MS[0]) & (times_ms <= qrs_on - P_STRETCH_MS[1])
    if len(beats) < 3 or inside.sum() < 10:
        return float("nan")
    smooth = gaussian_filter1d(beats, WAVE_SMOOTH_MS / (times_ms[1] - times_ms[0]), axis=2)[:, :, inside]
    flat = detrend(smooth, axis=2).reshape(len(beats), -1)
    others = flat.sum(axis=0) - flat
    return float(np.mean(_correlation(flat, others)))


def _correlation(first: Floats, second: Floats) -> Floats:
    """(B,) uncentred correlations of rows."""
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    product: Floats = (first * second).sum(axis=-1) / np.where(lengths > 0, lengths, 1.0)
    return product


def with_p_if_coherent(found: Fiducials, beats: Floats, times_ms: Floats) -> Fiducials:
    """The median beat's fiducials, without P where the single beats (B, 8, T) do not share one."""
    if np.isnan(found.p_peak) or not coherence(beats, times_ms, found.qrs_on) < LEAST_COHERENCE:
        return found
    return replace(found, p_on=np.nan, p_peak=np.nan, p_off=np.nan)


def each_beat(beats: Floats, normal: NDArray[np.bool_], median: Floats, of_median: Fiducials, times_ms: Floats) -> Floats:
    """(B, 7) ms from each beat's R, in the order of Fiducials' fields; NaN where a wave is absent.

    beats (B, 8, T) µV; median (8, T). A normal beat has the median beat's QRS; its P and T are the median's, moved to where
    they fit best. Other beats are delineated on their own, and have a P only where it looks like the median's.
    """
    step = times_ms[1] - times_ms[0]
    smooth = gaussian_filter1d(beats, WAVE_SMOOTH_MS / step, axis=2)
    model = gaussian_filter1d(median, WAVE_SMOOTH_MS / step, axis=1)
    p_move, p_like = _moved(smooth, model, of_median.p_peak, times_ms)
    t_move, _ = _moved(smooth, model, of_median.t_peak, times_ms)
    rows = []
    for b in range(len(beats)):
        p_shift = p_move[b] if p_like[b] >= LEAST_LIKENESS else np.nan
        own = of_median if normal[b] else delineate(beats[b], times_ms, np.nan)
        t_shift = t_move[b] if normal[b] else 0.0
        p = (of_median.p_on + p_shift, of_median.p_peak + p_shift, of_median.p_off + p_shift)
        rows.append((*p, own.qrs_on, own.qrs_off, own.t_peak + t_shift, own.t_off + t_shift))
    return np.array(rows, dtype=np.float64).reshape(len(beats), len(astuple(NOTHING)))


def _moved(smooth: Floats, model: Floats, peak_ms: float, times_ms: Floats) -> tuple[Floats, Floats]:
    """(B,) ms by which each beat's wave lies later than the model's, and (B,) its likeness there; NaN if there is no wave."""
    none = np.full(len(smooth), np.nan)
    if np.isnan(peak_ms):
        return none, none
    step = times_ms[1] - times_ms[0]
    peak, half, reach = (round(ms / step) for ms in (peak_ms - times_ms[0], SHARP_MS, MOVES_MS))
    first, last = max(peak - half, reach), min(peak + half, len(times_ms) - reach)
    if last - first < half:
        return np.zeros(len(smooth)), np.ones(len(smooth))
    target = detrend(model[:, first:last], axis=1).ravel()
    moves = np.arange(-reach, reach + 1)
    likeness = np.stack(
        [
            _correlation(detrend(smooth[:, :, first + k : last + k], axis=2).reshape(len(smooth), -1), target[None])
            for k in moves
        ]
    )  # (moves, B)
    best = likeness.argmax(axis=0)
    return moves[best] * step, likeness.max(axis=0)
