"""Fiducial points of single beats, found by matching each beat to the median beat; and whether there is a P wave at all."""

from __future__ import annotations

from dataclasses import astuple, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from threadpoolctl import threadpool_limits

from ecgwas.delineation.fiducials import ALL_ABSENT, WAVE_SMOOTH_MS, Fiducials, delineate
from ecgwas.delineation.measurements import rhythm
from ecgwas.delineation.network import POINTS, Network, installed
from ecgwas.leads import INDEPENDENT, predict_unreliable_leads
from ecgwas.signals import GOOD, Signals, StackedArrays

Floats = NDArray[np.float64]

P_WINDOW_MS = (250.0, 30.0)
"""Before QRS: where the atrial activity of all beats is compared. Closer to QRS every beat has the beginning of ventricular
activity, or a spike."""
REGULAR = 0.05
"""Largest SD of RR over its mean in a regular rhythm. Only there is a P that shows in one lead alone accepted, not in atrial
fibrillation,"""
COHERENT_LEAD = 0.8
"""and only in a lead whose single beats have this coherence."""
MIN_COHERENCE = 0.55
"""Mean correlation of each beat before QRS with the others below which there is no P: atrial fibrillation."""
FILTER_REACH_SDS = 4.0
"""So far from a sample scipy's Gaussian filter uses others: only these need smoothing."""
MAX_RESTLESSNESS, DOUBTFUL_COHERENCE = 1.2, 0.75
"""Activity before P, as a share of that during P, above which there is no P, if the coherence is below the second number: waves
of coarse fibrillation or of flutter, which never rest, and of which one is before QRS in many beats by chance."""
REST_MS, AFTER_T_MS, BEFORE_P_MS = (60.0, 200.0), 20.0, 10.0
"""The last 200 ms of the rest before P are compared, if it lasts 60 ms; it begins and ends that far from T and P."""
LEAD_REACH_MS = 80.0
"""A lead's own onset or end is no further from that of all leads together."""
MAX_SHIFT_MS = 30.0
"""P and T of one beat are at most this far from the median beat's,"""
SHIFT_COST = 0.2
"""and so far only if this correlation is gained: in fibrillation a T is shifted to where the waves around it fit."""
MATCH_HALF_MS = 60.0
"""Waves are compared over this length on either side of the peak."""
MIN_SIMILARITY = 0.4
"""A beat whose correlation with the median beat's P is lower has no P."""


def single_threaded_blas() -> threadpool_limits:
    """Context in which linear algebra runs on one thread: for a single beat, more threads only wait for each other."""
    return threadpool_limits(limits=1, user_api="blas")


def single_beats(signals: Signals, participant: int) -> tuple[Floats, NDArray[np.bool_]]:
    """(B, 8, T) beats cut out of the strip, those that lie whole within it, and (B,) whether each is normal.

    A lead with noise or artefacts is predicted from the other leads.
    """
    peaks, normal = signals.r_samples[participant], signals.normal[participant]
    samples = signals.strips.shape[2]
    length = len(signals.beat_times_ms)
    starts = peaks - signals.r_sample
    whole = (peaks >= 0) & (starts >= 0) & (starts + length <= samples)
    strip = np.asarray(signals.strips[participant])[INDEPENDENT].astype(np.float64)
    strip = predict_unreliable_leads(strip, reliable_leads(signals, participant))
    cut = strip[:, starts[whole][:, None] + np.arange(length)]
    return cut.transpose(1, 0, 2), normal[whole]


def reliable_leads(signals: Signals, participant: int) -> NDArray[np.bool_]:
    """(8,) True for leads that are used for delineation."""
    return np.asarray(signals.lead_status[participant][INDEPENDENT] == GOOD)


def median_beat(signals: Signals, participant: int, beats: StackedArrays | None = None) -> Floats:
    """(8, T) µV, the median beat used for delineation; from `beats`, if given, instead of the signals' own.

    A lead with noise or artefacts is predicted from the other leads.
    """
    median = np.asarray((signals.beats if beats is None else beats)[participant], dtype=np.float64)
    return predict_unreliable_leads(median[INDEPENDENT], reliable_leads(signals, participant))


def mean_rr_ms(signals: Signals, participant: int) -> float:
    """Mean RR interval between successive normal beats, ms; NaN if there is none."""
    return 60_000.0 / rhythm(signals.r_samples[participant], signals.normal[participant], signals.rate_hz)["heart_rate_bpm"]


def fiducials_of_participant(signals: Signals, participant: int, beats: StackedArrays, normal_beats: Floats) -> Fiducials:
    """Of a participant's median beat in `beats`, without P if the normal single beats (B, 8, T) do not share one.

    All NaN if there is no median beat.
    """
    median = median_beat(signals, participant, beats)
    if np.isnan(median).any():
        return ALL_ABSENT
    measured = rhythm(signals.r_samples[participant], signals.normal[participant], signals.rate_hz)
    rr_ms = 60_000.0 / measured["heart_rate_bpm"]
    regular = measured["rr_sd_ms"] <= REGULAR * rr_ms
    return fiducials_of_median(median, normal_beats, signals.beat_times_ms, rr_ms, regular=regular)


def fiducials_of_median(
    median: Floats,
    normal_beats: Floats,
    times_ms: Floats,
    rr_ms: float,
    *,
    regular: bool,
    network: Network | None = None,
) -> Fiducials:
    """Of a median beat (8, T) µV.

    P is sought in all leads together or, in a regular rhythm, in a single lead; there is none if the single beats (B, 8, T) do
    not share one.
    """
    fiducials = delineate(median, times_ms, rr_ms, network=network)
    if not np.isnan(fiducials.p_peak) or np.isnan(fiducials.qrs_on) or not regular:
        return without_false_p(fiducials, normal_beats, times_ms, rr_ms)
    leads = range(len(median))
    coherent = np.array([coherence(normal_beats[:, [k]], times_ms, fiducials.qrs_on) >= COHERENT_LEAD for k in leads])
    return delineate(median, times_ms, rr_ms, p_leads=coherent, network=network) if coherent.any() else fiducials


def coherence(beats: Floats, times_ms: Floats, qrs_on: float) -> float:
    """How similar (B, 8, T) beats are before QRS, -1 to 1: mean correlation of each one with the sum of the others.

    Near 0 in atrial fibrillation, whose waves fall differently in each beat; NaN for fewer than three beats. A straight line is
    first removed from each lead.
    """
    window = np.flatnonzero((times_ms >= qrs_on - P_WINDOW_MS[0]) & (times_ms <= qrs_on - P_WINDOW_MS[1]))
    if len(beats) < 3 or len(window) < 10:
        return float("nan")
    sd = WAVE_SMOOTH_MS / (times_ms[1] - times_ms[0])
    first, after = window[0], window[-1] + 1
    start = max(0, first - round(FILTER_REACH_SDS * sd))
    near = beats[:, :, start : after + round(FILTER_REACH_SDS * sd)]
    flat = without_lines(gaussian_filter1d(near, sd, axis=2)[:, :, first - start : after - start]).reshape(len(beats), -1)
    others = flat.sum(axis=0) - flat
    return float(np.mean(_correlation(flat, others)))


def without_lines(traces: Floats) -> Floats:
    """Traces (..., T) less the straight line of least squares of each.

    As scipy.signal.detrend, in a tenth of its time: the two directions of a line are computed once for each length.
    """
    lines = _lines(traces.shape[-1])
    residuals: Floats = traces - (traces @ lines) @ lines.T
    return residuals


@cache
def _lines(samples: int) -> Floats:
    """(T, 2): an orthonormal basis of the straight lines of T samples."""
    slope = np.arange(samples) - (samples - 1) / 2
    return np.stack([np.full(samples, samples**-0.5), slope / np.linalg.norm(slope)], axis=1)


def _correlation(first: Floats, second: Floats) -> Floats:
    """(B,) uncentred correlations of rows."""
    norms = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    correlation: Floats = (first * second).sum(axis=-1) / np.where(norms > 0, norms, 1.0)
    return correlation


def without_false_p(fiducials: Fiducials, beats: Floats, times_ms: Floats, rr_ms: float) -> Fiducials:
    """The median beat's fiducials, without P if the single beats (B, 8, T) do not share one, or never rest before it."""
    if np.isnan(fiducials.p_peak):
        return fiducials
    shared = coherence(beats, times_ms, fiducials.qrs_on)
    doubtful = shared < DOUBTFUL_COHERENCE and restlessness(fiducials, beats, times_ms, rr_ms) > MAX_RESTLESSNESS
    if not doubtful and not shared < MIN_COHERENCE:
        return fiducials
    return replace(fiducials, p_on=np.nan, p_peak=np.nan, p_off=np.nan)


def restlessness(fiducials: Fiducials, beats: Floats, times_ms: Floats, rr_ms: float) -> float:
    """Activity of (B, 8, T) beats between T and P over that during P: medians over beats of the root mean square over leads.

    The rest after T, until the next P, is used if it is longer in the beat's window than that before P. NaN if neither
    lasts, or without P. A straight line is first removed from each lead.
    """
    p_on, p_off, t_off = fiducials.p_on, fiducials.p_off, fiducials.t_off
    before = (np.nanmax([times_ms[0], t_off - rr_ms + AFTER_T_MS]), p_on - BEFORE_P_MS)
    after = (t_off + AFTER_T_MS, np.nanmin([times_ms[-1], rr_ms + p_on - BEFORE_P_MS]))
    first, last = max(before, after, key=lambda span: np.nan_to_num(span[1] - span[0]))
    if not last - first >= REST_MS[0] or len(beats) == 0:
        return float("nan")
    smooth = gaussian_filter1d(beats, WAVE_SMOOTH_MS / (times_ms[1] - times_ms[0]), axis=2)
    at_rest, moving = (
        np.median(np.sqrt((without_lines(smooth[:, :, (times_ms >= span[0]) & (times_ms <= span[1])]) ** 2).mean(axis=(1, 2))))
        for span in ((max(first, last - REST_MS[1]), last), (p_on, p_off))
    )
    return float(at_rest / moving)


def fiducials_by_lead(
    leads: Floats, of_median: Fiducials, times_ms: Floats, rr_ms: float, network: Network | None = None
) -> Floats:
    """(L, 7) ms from R, in the order of Fiducials' fields: onsets and ends as each lead of a median beat (L, T) µV shows them.

    of_median is of all leads together. A lead in which the network sees no P, or no T, has none (NaN). Peaks are the heart's.
    """
    proposals = (network or installed()).propose_by_lead(leads, times_ms, rr_ms)
    proposed = np.stack([proposal.times_ms for proposal in proposals])
    columns = [list(of_median.__dataclass_fields__).index(name) for name in POINTS]
    rows = np.tile(np.array(astuple(of_median)), (len(leads), 1))
    together = rows[:, columns]
    rows[:, columns] = np.where(np.abs(proposed - together) <= LEAD_REACH_MS, proposed, together)
    rows[[proposal.p_absent > 0.5 for proposal in proposals], :3] = np.nan
    rows[[proposal.t_absent > 0.5 for proposal in proposals], 5:] = np.nan
    return rows


def fiducials_of_beats(
    beats: Floats,
    normal: NDArray[np.bool_],
    median: Floats,
    of_median: Fiducials,
    times_ms: Floats,
    network: Network | None = None,
) -> Floats:
    """(B, 7) ms from each beat's R, in the order of Fiducials' fields; NaN where a wave is absent.

    beats (B, 8, T) µV; median (8, T). A normal beat has the median beat's QRS; its P and T are the median's, shifted to where
    they fit best. Other beats are delineated on their own, and have a P only if it resembles the median's.
    """
    step = times_ms[1] - times_ms[0]
    smooth = gaussian_filter1d(beats, WAVE_SMOOTH_MS / step, axis=2)
    smooth_median = gaussian_filter1d(median, WAVE_SMOOTH_MS / step, axis=1)
    p_shifts, p_similarity = _shifts(smooth, smooth_median, of_median.p_peak, times_ms)
    t_shifts, _ = _shifts(smooth, smooth_median, of_median.t_peak, times_ms)
    rows = []
    for b in range(len(beats)):
        p_shift = p_shifts[b] if p_similarity[b] >= MIN_SIMILARITY else np.nan
        own = of_median if normal[b] else delineate(beats[b], times_ms, np.nan, network=network)
        t_shift = t_shifts[b] if normal[b] else 0.0
        p = (of_median.p_on + p_shift, of_median.p_peak + p_shift, of_median.p_off + p_shift)
        rows.append((*p, own.qrs_on, own.qrs_off, own.t_peak + t_shift, own.t_off + t_shift))
    return np.array(rows, dtype=np.float64).reshape(len(beats), len(astuple(ALL_ABSENT)))


def _shifts(smooth: Floats, median: Floats, peak_ms: float, times_ms: Floats) -> tuple[Floats, Floats]:
    """(B,) ms by which each beat's wave is later than the median's, and (B,) its correlation there; NaN if there is no wave."""
    absent = np.full(len(smooth), np.nan)
    if np.isnan(peak_ms):
        return absent, absent
    step = times_ms[1] - times_ms[0]
    peak, half, reach = (round(ms / step) for ms in (peak_ms - times_ms[0], MATCH_HALF_MS, MAX_SHIFT_MS))
    first, last = max(peak - half, reach), min(peak + half, len(times_ms) - reach)
    if last - first < half:
        return np.zeros(len(smooth)), np.ones(len(smooth))
    target = without_lines(median[:, first:last]).ravel()
    shifts = np.arange(-reach, reach + 1)
    similarity = np.stack(
        [_correlation(without_lines(smooth[:, :, first + k : last + k]).reshape(len(smooth), -1), target[None]) for k in shifts]
    )  # (shifts, B)
    best = (similarity - SHIFT_COST * (shifts * step / MAX_SHIFT_MS)[:, None] ** 2).argmax(axis=0)
    return shifts[best] * step, similarity.max(axis=0)
