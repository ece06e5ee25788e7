"""Fiducial points of a median beat, found on all leads together: onsets, peaks and ends of P, QRS and T.

QRS   where the spatial velocity is high. It ends on either side where the velocity has fallen close to its local minimum and
      stays there. Pacing spikes are bridged first; QRS after a spike begins at the minimum of the velocity between the two,
      because the muscle answers with a delay
T, P  the leads are projected on the direction of their largest change in the window in which the wave can be; the wave is the
      most prominent peak there, positive or negative
T     ends midway between two points: where the steepest tangent of its falling limb meets the level after it (Lepeschkin and
      Surawicz, Circulation 6:378, 1952), which cuts off the tail, and where its velocity has died down, which includes part of
      what follows
P     begins and ends midway between the feet of its limbs, extrapolated from where they cross shares of its height, and where
      its velocity along two directions rises and dies down

A wave that does not stand out of the beat's noise is absent: its times are NaN. Times are in ms from R, with a resolution finer
than a sample.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import find_peaks

from ecgwas.delineation.network import POINTS, Network, Proposal, installed
from ecgwas.delineation.pacing_spikes import bridge_spikes, find_spikes, sample_before_spike
from ecgwas.delineation.spatial_velocity import GAP_MS, SpatialVelocity

Floats = NDArray[np.float64]

WAVE_SMOOTH_MS = 8.0
ONSET_SHARE, OFFSET_SHARE, QUIET_FACTOR = 0.03, 0.06, 2.0
"""QRS has not begun, or has ended, below this share of its maximal velocity plus QUIET_FACTOR times the quietest velocity near
it."""
QUIET_MS, NEAR_MS = 20.0, 120.0
"""The quietest velocity is the lowest mean over QUIET_MS within NEAR_MS."""
SLOW_FACTOR, SLOW_GAP_MS = 1.5, 40.0
"""QRS may end slowly (right bundle branch block): what exceeds SLOW_FACTOR times the level of its end within SLOW_GAP_MS
belongs to it."""
CALM_MS, REACH_MS = 8.0, 60.0
"""Outside QRS the velocity stays low for CALM_MS; QRS begins and ends at most REACH_MS from its fast part."""
T_AFTER_QRS_MS, T_LATEST_MS, T_FALL_MS = 50.0, 440.0, 160.0
"""T peaks at least T_AFTER_QRS_MS after QRS and at most T_LATEST_MS after R (at 60 beats a minute; scaled with the square root
of RR), and falls within T_FALL_MS."""
T_CALM_SHARE = 0.2
"""T has ended when its velocity has fallen to this share of the maximum of its fall."""
P_BEFORE_QRS_MS = (330.0, 8.0)
P_USUAL_MS = (120.0, 70.0)
"""Mean and SD of the time by which P's peak usually precedes QRS: of two candidates the one nearer to it is preferred."""
P_HALF_MS = (130.0, 100.0)
"""P's feet are no further before and after its peak."""
P_SHARES = (0.5, 0.25)
"""The outer limbs of P are extrapolated from where it crosses these shares of its height."""
P_VELOCITY_SHARE, P_VELOCITY_SMOOTH_MS, P_CORE_MS = 0.25, 6.0, 30.0
"""P moves where its velocity exceeds P_VELOCITY_SHARE; no foot of P is within P_CORE_MS of its peak."""
RULES_LATE_MS = (0.0, 10.0, 4.0, -2.0, 0.0)
"""The rules find the points (in the order of POINTS) so much later than cardiologists, in the mean over LUDB."""
NETWORK_SHARE, AGREEMENT_MS = (0.67, 0.67, 0.33, 0.33, 0.0), (60.0, 60.0, 40.0, 40.0, 40.0)
"""A point is the weighted mean of what the rules find, corrected, and the network proposes, unless they are further apart:
then the rules decide. The network draws unusual widths of QRS towards usual ones: with a share of 0.67, QRS of simulated hearts
that differ by 10 ms are measured to differ by 9.1 ms, with 0.33 by 9.6 ms. It finds T end as well as the rules do in LUDB, and
less well in simulated hearts, so that the rules decide."""
FASTEST_RR_MS = 430.0
"""At shorter mean RR intervals the rules decide alone: only one person of LUDB has such."""
MAX_P_ABSENT = 0.7
"""There is no P if the network finds this probability that there is none, or more."""
ABSENT_UV = 10.0
"""A wave whose prominence (root mean square over leads) is smaller is absent."""
ABSENT_IN_LEAD_UV = 28.0
"""The same for one lead alone: as much voltage as ABSENT_UV in all eight."""


@dataclass(frozen=True)
class Fiducials:
    """Times in one beat, ms from R; NaN where the wave is absent or its end cannot be determined."""

    p_on: float
    p_peak: float
    p_off: float
    qrs_on: float
    qrs_off: float
    t_peak: float
    t_off: float


ALL_ABSENT = Fiducials(*[np.nan] * 7)


@dataclass(frozen=True)
class _Wave:
    """One wave: its upright projection (T,), the sample of its peak, and its prominence."""

    projected: Floats
    peak: int
    height: float


def delineate(
    eight: Floats, times_ms: Floats, rr_ms: float, p_leads: NDArray[np.bool_] | None = None, network: Network | None = None
) -> Fiducials:
    """Fiducials of a median beat: eight (8, T) µV, zero at PQ; times_ms (T,) evenly spaced; rr_ms mean RR interval or NaN.

    p_leads (8,), if given: P is sought in each of these leads alone, and the lead that shows it best decides. network: the
    installed one, unless another is given.
    """
    by_rules = delineate_by_rules(eight, times_ms, rr_ms, p_leads)
    if np.isnan(by_rules.qrs_on) or rr_ms < FASTEST_RR_MS:
        return by_rules
    return refined(by_rules, (network or installed()).propose(eight, times_ms, rr_ms))


def refined(by_rules: Fiducials, proposal: Proposal) -> Fiducials:
    """The points found by rules, moved towards where the network proposes them, if that is near; without P if it sees none."""
    if proposal.p_absent > MAX_P_ABSENT:
        by_rules = replace(by_rules, p_on=np.nan, p_peak=np.nan, p_off=np.nan)
    moved = {}
    of_points = zip(POINTS, proposal.times_ms, RULES_LATE_MS, NETWORK_SHARE, AGREEMENT_MS, strict=True)
    for name, proposed, late, share, reach in of_points:
        corrected = getattr(by_rules, name) - late
        near = abs(proposed - corrected) <= reach
        moved[name] = float(corrected + share * (proposed - corrected) if near else corrected)
    points = replace(by_rules, **moved)
    times = np.array(astuple(points))
    return points if (np.diff(times[np.isfinite(times)]) > 0).all() else by_rules


def delineate_by_rules(eight: Floats, times_ms: Floats, rr_ms: float, p_leads: NDArray[np.bool_] | None = None) -> Fiducials:
    """As `delineate`, without a network."""
    step = times_ms[1] - times_ms[0]
    spike = find_spikes(eight, times_ms)
    eight = bridge_spikes(eight, spike)
    qrs_on, qrs_off = _qrs(SpatialVelocity.of(eight, times_ms), spike, times_ms)
    if np.isnan(qrs_on):
        return ALL_ABSENT
    smooth = gaussian_filter1d(eight, WAVE_SMOOTH_MS / step, axis=1)
    t_peak, t_off = _t_wave(smooth, times_ms, qrs_off, rr_ms)
    earliest = t_off - rr_ms if np.isfinite(t_off - rr_ms) else -np.inf
    latest = times_ms[sample_before_spike(spike, int(np.searchsorted(times_ms, qrs_on)), round(REACH_MS / step))]
    searched = smooth if p_leads is None else smooth[p_leads]
    p_on, p_peak, p_off = _p_wave(searched, times_ms, qrs_on, (earliest, min(qrs_on, latest)), alone=p_leads is not None)
    return Fiducials(p_on, p_peak, p_off, qrs_on, qrs_off, t_peak, t_off)


def _qrs(motion: SpatialVelocity, spike: NDArray[np.bool_], times_ms: Floats) -> tuple[float, float]:
    """Onset and end of QRS; NaN if the beat is flat."""
    velocity, maximum = motion.velocity, motion.maximum
    if maximum == 0:
        return np.nan, np.nan
    calm, reach, near = (motion.samples(ms) for ms in (CALM_MS, REACH_MS, NEAR_MS))
    first, last = motion.fast_run()
    # The muscle answers a spike some ms later: QRS does not begin before the spike is over.
    spikes_before = np.flatnonzero(spike[: first + motion.samples(GAP_MS)])
    earliest = max(0, first - reach, spikes_before[-1] if len(spikes_before) else 0)
    first = max(first, earliest)
    quiet = QUIET_FACTOR * uniform_filter1d(velocity, motion.samples(QUIET_MS), mode="nearest")
    before = ONSET_SHARE * maximum + quiet[max(0, first - near) : first + 1].min()
    after = OFFSET_SHARE * maximum + quiet[last : last + near].min()
    last = _slow_end(last, velocity > SLOW_FACTOR * after, motion.samples(SLOW_GAP_MS))
    on = _samples_until_calm(velocity[earliest : first + 1][::-1], before, calm)
    off = _samples_until_calm(velocity[last : last + reach], after, calm)
    return float(times_ms[first] - on * motion.step_ms), float(times_ms[last] + off * motion.step_ms)


def _slow_end(last: int, moves: NDArray[np.bool_], gap: int) -> int:
    """The last sample that moves, counted from `last` with gaps of up to `gap` samples."""
    while (further := np.flatnonzero(moves[last + 1 : last + 1 + gap])).size:
        last += 1 + int(further[-1])
    return last


def _samples_until_calm(velocity: Floats, level: float, calm: int) -> float:
    """Samples, with a fraction, until the velocity falls to `level` and stays there for `calm` samples.

    If it never does, samples until its minimum.
    """
    low = velocity <= level
    stays = np.convolve(low, np.ones(calm), mode="valid") >= calm if len(low) >= calm else np.zeros(0, dtype=bool)
    if not stays.any():
        return float(velocity.argmin())
    first = int(stays.argmax())
    if first == 0:
        return 0.0
    return float(first - (level - velocity[first]) / (velocity[first - 1] - velocity[first]))


def _t_wave(smooth: Floats, times_ms: Floats, qrs_off: float, rr_ms: float) -> tuple[float, float]:
    """Peak and end of T."""
    latest = times_ms[-1] if np.isnan(rr_ms) else min(times_ms[-1], T_LATEST_MS * np.sqrt(rr_ms / 1000))
    window = np.flatnonzero((times_ms >= qrs_off + T_AFTER_QRS_MS) & (times_ms <= latest))
    wave = _most_prominent_wave(smooth, window)
    if wave is None:
        return np.nan, np.nan
    step = times_ms[1] - times_ms[0]
    last = min(wave.peak + round(T_FALL_MS / step), len(times_ms) - 1)
    foot = wave.peak + int(wave.projected[wave.peak : last + 1].argmin())
    length = np.linalg.norm(smooth - smooth[:, foot, None], axis=0)
    top = wave.peak + int(length[wave.peak : foot + 1].argmax())
    by_tangent = top + _tangent_end(length[top : foot + 1])
    smoother = gaussian_filter1d(smooth, WAVE_SMOOTH_MS / step, axis=1)
    by_velocity = wave.peak + _samples_until_t_calms(smoother[:, wave.peak : last + 1])
    end = (by_tangent + by_velocity) / 2
    return _vertex(wave.projected, times_ms, wave.peak), float(times_ms[0] + end * step)


def _samples_until_t_calms(falling: Floats) -> float:
    """Samples until the velocity of (8, S) has fallen from its maximum to T_CALM_SHARE of the way to its minimum after that."""
    velocity = np.linalg.norm(np.gradient(falling, axis=1), axis=0)
    fastest = int(velocity.argmax())
    lowest = velocity[fastest:].min()
    level = lowest + T_CALM_SHARE * (velocity[fastest] - lowest)
    return fastest + _samples_until_below(velocity[fastest:], level)


def _samples_until_below(velocity: Floats, level: float) -> float:
    """Samples, with a fraction, until the velocity is at most `level` for the first time."""
    first = int((velocity <= level).argmax())
    if first == 0:
        return 0.0
    return float(first - (level - velocity[first]) / (velocity[first - 1] - velocity[first]))


def _most_prominent_wave(smooth: Floats, window: NDArray[np.int64], weights: Floats | None = None) -> _Wave | None:
    """The wave, positive or negative, with the largest prominence along the direction of largest change; None if all are small.

    weights (T,), if given, multiply the prominence of a peak at each sample.
    """
    if len(window) < 20:
        return None
    part = smooth[:, window]
    _, _, directions = np.linalg.svd(np.gradient(part, axis=1).T, full_matrices=False)
    projected = directions[0] @ smooth
    weights = np.ones(smooth.shape[1]) if weights is None else weights
    waves = [wave for sign in (1.0, -1.0) for wave in _peaks(sign * projected, window)]
    if not waves:
        return None
    best = max(waves, key=lambda wave: wave.height * weights[wave.peak])
    smallest = ABSENT_UV if len(smooth) > 1 else ABSENT_IN_LEAD_UV
    return best if best.height / np.sqrt(len(smooth)) >= smallest else None


def _most_prominent_in_one_lead(smooth: Floats, window: NDArray[np.int64], weights: Floats) -> tuple[_Wave | None, Floats]:
    """The wave of the single lead in which it is most prominent, and that lead (1, T).

    For a P that only V1 shows: where the end of T moves all leads, their direction of largest change is T's.
    """
    waves = [(wave, lead) for lead in smooth[:, None] if (wave := _most_prominent_wave(lead, window, weights)) is not None]
    if not waves:
        return None, smooth
    return max(waves, key=lambda pair: pair[0].height * weights[pair[0].peak])


def _peaks(projected: Floats, window: NDArray[np.int64]) -> list[_Wave]:
    peaks, properties = find_peaks(projected[window], prominence=0.0)
    heights = properties["prominences"]
    return [_Wave(projected, int(window[k]), float(height)) for k, height in zip(peaks, heights, strict=True)]


def _vertex(projected: Floats, times_ms: Floats, peak: int) -> float:
    """Time of the vertex of the parabola through the peak and its neighbours five samples away."""
    reach = min(5, peak, len(projected) - 1 - peak)
    left, top, right = projected[peak - reach], projected[peak], projected[peak + reach]
    curvature = left - 2 * top + right
    shift = 0.0 if curvature >= 0 else 0.5 * (left - right) / curvature
    return float(times_ms[peak] + shift * reach * (times_ms[1] - times_ms[0]))


def _tangent_end(limb: Floats) -> float:
    """Samples from the peak to where the steepest tangent of the falling limb meets zero; NaN if it does not fall."""
    if len(limb) < 3:
        return np.nan
    slope = np.gradient(limb)
    steepest = int(slope.argmin())
    if slope[steepest] >= 0:
        return np.nan
    return float(min(steepest - limb[steepest] / slope[steepest], len(limb) - 1))


def _p_wave(
    smooth: Floats, times_ms: Floats, qrs_on: float, between_ms: tuple[float, float], *, alone: bool
) -> tuple[float, float, float]:
    """Onset, peak and end of P, in all leads together or in one alone; NaN if there is none."""
    absent = (np.nan, np.nan, np.nan)
    first = max(times_ms[0], qrs_on - P_BEFORE_QRS_MS[0], between_ms[0])
    window = np.flatnonzero((times_ms >= first) & (times_ms <= between_ms[1] - P_BEFORE_QRS_MS[1]))
    weights = np.exp(-0.5 * ((qrs_on - times_ms - P_USUAL_MS[0]) / P_USUAL_MS[1]) ** 2)
    if alone:
        wave, smooth = _most_prominent_in_one_lead(smooth, window, weights)
    else:
        wave = _most_prominent_wave(smooth, window, weights)
    if wave is None:
        return absent
    step = times_ms[1] - times_ms[0]
    before, after = (round(reach / step) for reach in P_HALF_MS)
    start, stop = max(wave.peak - before, window[0]), min(wave.peak + after, window[-1])
    left = start + int(wave.projected[start : wave.peak + 1].argmin())
    right = wave.peak + int(wave.projected[wave.peak : stop + 1].argmin())
    if not left < wave.peak < right:
        return absent
    by_limb = (
        wave.peak - _foot(wave.projected[left : wave.peak + 1][::-1]),
        wave.peak + _foot(wave.projected[wave.peak : right + 1]),
    )
    by_velocity = _moving_part(smooth[:, start : stop + 1], wave.peak - start, step)
    on, off = ((limb + start + moving) / 2 for limb, moving in zip(by_limb, by_velocity, strict=True))
    return float(times_ms[0] + on * step), _vertex(wave.projected, times_ms, wave.peak), float(times_ms[0] + off * step)


def _moving_part(part: Floats, peak: int, step: float) -> tuple[float, float]:
    """First and last sample of (8, S) where the wave around `peak` is fast.

    Fast is above P_VELOCITY_SHARE of the way from the quietest sample on that side to the maximal velocity. The velocity is
    along the two directions of largest change, so that a wave that is positive in some leads first and negative in others later
    counts as a whole.
    """
    _, _, directions = np.linalg.svd(np.gradient(part, axis=1).T, full_matrices=False)
    velocity = np.linalg.norm(np.gradient(directions[:2] @ part, axis=1), axis=0)
    velocity = gaussian_filter1d(velocity, P_VELOCITY_SMOOTH_MS / step)
    core = round(P_CORE_MS / step)
    left = int(velocity[: max(1, peak - core)].argmin())
    right = min(peak + core, part.shape[1] - 1)
    right += int(velocity[right:].argmin())
    wave = velocity[left : right + 1]
    after_left, before_right = (
        wave > velocity[foot] + P_VELOCITY_SHARE * (wave.max() - velocity[foot]) for foot in (left, right)
    )
    return float(left + after_left.argmax()), float(right - before_right[::-1].argmax())


def _foot(limb: Floats) -> float:
    """Samples from the peak to the wave's end; NaN if the limb does not come down.

    The end is where the straight line through the last crossings of two shares of the limb's height meets its last sample's
    level.
    """
    rise = limb - limb[-1]
    high, low = (_last_crossing(rise, share * rise[0]) for share in P_SHARES)
    if np.isnan(low) or np.isnan(high):
        return np.nan
    return min(low + (low - high) * P_SHARES[1] / (P_SHARES[0] - P_SHARES[1]), float(len(limb) - 1))


def _last_crossing(limb: Floats, level: float) -> float:
    """Samples, with a fraction, until `limb` falls through `level` for the last time; NaN if it ends above."""
    above = np.flatnonzero(limb > level)
    last = int(above[-1]) if len(above) else -1
    if last < 0 or last == len(limb) - 1:
        return np.nan
    return float(last + (limb[last] - level) / (limb[last] - limb[last + 1]))
