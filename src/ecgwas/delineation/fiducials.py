"""Where P, QRS and T begin, peak and end in a median beat, all leads judged together.

QRS   where the speed of the eight leads' vector, each lead over its swing, is high; it ends on either side where the speed
      has fallen near its quietest there and stays so. Pacemaker spikes are bridged first; QRS after a spike begins where
      the speed is least between the two, for the muscle answers after a while
T, P  the leads are projected on the direction in which they change most in the stretch where the wave can lie; the wave is
      the peak, of either sign, that stands out most there
T     ends midway between where the steepest tangent of the falling limb meets the level after it (Lepeschkin and Surawicz,
      Circulation 6:378, 1952), which cuts off its tail, and where its speed has died down, which counts some of what follows
P     begins and ends midway between the feet of its limbs, from the places where these pass shares of its height, and where
      its speed along two directions rises and dies down

A wave that does not stand out of the beat's noise is absent: its times are NaN, nothing is invented. Times are in ms from R,
finer than a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import find_peaks

from ecgwas.delineation.pacing_spikes import before_spike, bridged, spikes
from ecgwas.delineation.spatial_velocity import GAP_MS, Motion

Floats = NDArray[np.float64]

WAVE_SMOOTH_MS = 8.0
ONSET_SHARE, OFFSET_SHARE, QUIET_TIMES = 0.03, 0.06, 2.0
"""QRS has not begun, or has ended, below this share of its greatest speed and so many times the quietest speed beside it."""
QUIET_MS, BESIDE_MS = 20.0, 120.0
"""The quietest mean over the first, within the second."""
SLOW_TIMES, SLOW_GAP_MS = 1.5, 40.0
"""It may go on slowly (right bundle branch block): what passes so many times the level of its end so soon belongs to it."""
CALM_MS, REACH_MS = 8.0, 60.0
"""The speed stays low for this long outside of QRS, which begins and ends no further from its fast part than the second."""
T_AFTER_QRS_MS, T_LATEST_MS, T_FALL_MS = 50.0, 440.0, 160.0
"""T peaks from so long after QRS to so long after R (at 60 beats a minute; with the root of RR), and falls within the third."""
T_CALM_SHARE = 0.2
"""Share of T's greatest speed of fall at which it has ended."""
P_BEFORE_QRS_MS = (330.0, 8.0)
P_USUAL_MS = (120.0, 70.0)
"""P peaks about so long before QRS, give or take: of two candidates the one nearer to it counts more."""
P_HALF_MS = (130.0, 100.0)
"""P's feet lie no further before and after its peak."""
P_SHARES = (0.5, 0.25)
"""The outer limbs of P are judged where it passes these shares of its height."""
P_SPEED_SHARE, P_SPEED_SMOOTH_MS, P_CORE_MS = 0.25, 6.0, 30.0
"""P moves where its speed passes this share; no foot of P lies within the third of its peak."""
ABSENT_UV = 10.0
"""A wave that stands out less (root mean square over leads) is absent."""
ABSENT_IN_LEAD_UV = 28.0
"""The same in one lead alone: as much voltage as ABSENT_UV in all eight."""


@dataclass(frozen=True)
class Fiducials:
    """Times of one beat, ms from R; NaN where the wave is absent or the end cannot be told."""

    p_on: float
    p_peak: float
    p_off: float
    qrs_on: float
    qrs_off: float
    t_peak: float
    t_off: float


NOTHING = Fiducials(*[np.nan] * 7)


@dataclass(frozen=True)
class _Wave:
    """One wave's projection (T,), upright, the sample of its peak, and how far it stands out."""

    projected: Floats
    peak: int
    height: float


def delineate(eight: Floats, times_ms: Floats, rr_ms: float, p_leads: NDArray[np.bool_] | None = None) -> Fiducials:
    """Fiducials of a median beat: eight (8, T) µV, zero at PQ; times_ms (T,) evenly spaced; rr_ms usual RR interval or NaN.

    p_leads (8,), where given: P is sought in each of these leads by itself, and the one that shows it best decides.
    """
    step = times_ms[1] - times_ms[0]
    spike = spikes(eight, times_ms)
    eight = bridged(eight, spike)
    qrs_on, qrs_off = _qrs(Motion.of(eight, times_ms), spike, times_ms)
    if np.isnan(qrs_on):
        return NOTHING
    smooth = gaussian_filter1d(eight, WAVE_SMOOTH_MS / step, axis=1)
    t_peak, t_off = _t_wave(smooth, times_ms, qrs_off, rr_ms)
    earliest = t_off - rr_ms if np.isfinite(t_off - rr_ms) else -np.inf
    latest = times_ms[before_spike(spike, int(np.searchsorted(times_ms, qrs_on)), round(REACH_MS / step))]
    shown = smooth if p_leads is None else smooth[p_leads]
    p_on, p_peak, p_off = _p_wave(shown, times_ms, qrs_on, (earliest, min(qrs_on, latest)), alone=p_leads is not None)
    return Fiducials(p_on, p_peak, p_off, qrs_on, qrs_off, t_peak, t_off)


def _qrs(motion: Motion, spike: NDArray[np.bool_], times_ms: Floats) -> tuple[float, float]:
    """Onset and end of QRS; NaN if nothing moves."""
    speed, fastest = motion.speed, motion.fastest
    if fastest == 0:
        return np.nan, np.nan
    calm, reach, beside = (motion.samples(ms) for ms in (CALM_MS, REACH_MS, BESIDE_MS))
    first, last = motion.fast_stretch()
    # The muscle answers a spike some ms later: QRS does not begin before the spike is over.
    spikes_before = np.flatnonzero(spike[: first + motion.samples(GAP_MS)])
    earliest = max(0, first - reach, spikes_before[-1] if len(spikes_before) else 0)
    first = max(first, earliest)
    quiet = QUIET_TIMES * uniform_filter1d(speed, motion.samples(QUIET_MS), mode="nearest")
    before = ONSET_SHARE * fastest + quiet[max(0, first - beside) : first + 1].min()
    after = OFFSET_SHARE * fastest + quiet[last : last + beside].min()
    last = _slow_end(last, speed > SLOW_TIMES * after, motion.samples(SLOW_GAP_MS))
    on = _falls(speed[earliest : first + 1][::-1], before, calm)
    off = _falls(speed[last : last + reach], after, calm)
    return float(times_ms[first] - on * motion.step_ms), float(times_ms[last] + off * motion.step_ms)


def _slow_end(last: int, moves: NDArray[np.bool_], gap: int) -> int:
    """The last sample that moves, gaps bridged, from `last` on."""
    while (further := np.flatnonzero(moves[last + 1 : last + 1 + gap])).size:
        last += 1 + int(further[-1])
    return last


def _falls(speed: Floats, level: float, calm: int) -> float:
    """Samples, with a fraction, until `speed` has fallen to `level` and stays there for `calm` samples; where it never does,
    until it is lowest."""
    low = speed <= level
    stays = np.convolve(low, np.ones(calm), mode="valid") >= calm if len(low) >= calm else np.zeros(0, dtype=bool)
    if not stays.any():
        return float(speed.argmin())
    first = int(stays.argmax())
    if first == 0:
        return 0.0
    return float(first - (level - speed[first]) / (speed[first - 1] - speed[first]))


def _t_wave(smooth: Floats, times_ms: Floats, qrs_off: float, rr_ms: float) -> tuple[float, float]:
    """Peak and end of T."""
    latest = times_ms[-1] if np.isnan(rr_ms) else min(times_ms[-1], T_LATEST_MS * np.sqrt(rr_ms / 1000))
    inside = np.flatnonzero((times_ms >= qrs_off + T_AFTER_QRS_MS) & (times_ms <= latest))
    wave = _standing_out(smooth, inside)
    if wave is None:
        return np.nan, np.nan
    step = times_ms[1] - times_ms[0]
    last = min(wave.peak + round(T_FALL_MS / step), len(times_ms) - 1)
    foot = wave.peak + int(wave.projected[wave.peak : last + 1].argmin())
    length = np.linalg.norm(smooth - smooth[:, foot, None], axis=0)
    top = wave.peak + int(length[wave.peak : foot + 1].argmax())
    by_tangent = top + _tangent_end(length[top : foot + 1])
    by_speed = wave.peak + _calms_down(gaussian_filter1d(smooth, WAVE_SMOOTH_MS / step, axis=1)[:, wave.peak : last + 1])
    end = (by_tangent + by_speed) / 2
    return _vertex(wave.projected, times_ms, wave.peak), float(times_ms[0] + end * step)


def _calms_down(falling: Floats) -> float:
    """Samples until the speed of (8, S) has fallen from its greatest to T_CALM_SHARE of the way to its least after that."""
    speed = np.linalg.norm(np.gradient(falling, axis=1), axis=0)
    fastest = int(speed.argmax())
    least = speed[fastest:].min()
    level = least + T_CALM_SHARE * (speed[fastest] - least)
    return fastest + _first_below(speed[fastest:], level)


def _first_below(speed: Floats, level: float) -> float:
    """Samples, with a fraction, to the first place where `speed` is no more than `level`."""
    first = int((speed <= level).argmax())
    if first == 0:
        return 0.0
    return float(first - (level - speed[first]) / (speed[first - 1] - speed[first]))


def _standing_out(smooth: Floats, inside: NDArray[np.int64], likely: Floats | None = None) -> _Wave | None:
    """The wave, of either sign, that stands out most along the direction of greatest change; None if none does enough.

    likely (T,), where given, is what a peak counts at each sample.
    """
    if len(inside) < 20:
        return None
    part = smooth[:, inside]
    _, _, directions = np.linalg.svd(np.gradient(part, axis=1).T, full_matrices=False)
    along = directions[0] @ smooth
    counts = np.ones(smooth.shape[1]) if likely is None else likely
    found = [wave for sign in (1.0, -1.0) for wave in _peaks(sign * along, inside)]
    if not found:
        return None
    best = max(found, key=lambda wave: wave.height * counts[wave.peak])
    least = ABSENT_UV if len(smooth) > 1 else ABSENT_IN_LEAD_UV
    return best if best.height / np.sqrt(len(smooth)) >= least else None


def _in_one_lead(smooth: Floats, inside: NDArray[np.int64], likely: Floats) -> tuple[_Wave | None, Floats]:
    """The wave of the single lead in which it stands out most, and that lead (1, T).

    For a P that V1 shows alone: where T's end moves all leads, their direction of greatest change is T's.
    """
    found = [(wave, lead) for lead in smooth[:, None] if (wave := _standing_out(lead, inside, likely)) is not None]
    if not found:
        return None, smooth
    return max(found, key=lambda one: one[0].height * likely[one[0].peak])


def _peaks(projected: Floats, inside: NDArray[np.int64]) -> list[_Wave]:
    peaks, found = find_peaks(projected[inside], prominence=0.0)
    return [_Wave(projected, int(inside[k]), float(height)) for k, height in zip(peaks, found["prominences"], strict=True)]


def _vertex(projected: Floats, times_ms: Floats, peak: int) -> float:
    """Time of the parabola's vertex through the peak and its neighbours five samples away."""
    reach = min(5, peak, len(projected) - 1 - peak)
    left, top, right = projected[peak - reach], projected[peak], projected[peak + reach]
    bend = left - 2 * top + right
    shift = 0.0 if bend >= 0 else 0.5 * (left - right) / bend
    return float(times_ms[peak] + shift * reach * (times_ms[1] - times_ms[0]))


def _tangent_end(limb: Floats) -> float:
    """Samples from the peak to where the steepest tangent of the falling limb meets zero; NaN if nothing falls."""
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
    """Onset, peak and end of P in all leads together, or in one alone; NaN where there is none."""
    absent = (np.nan, np.nan, np.nan)
    first = max(times_ms[0], qrs_on - P_BEFORE_QRS_MS[0], between_ms[0])
    inside = np.flatnonzero((times_ms >= first) & (times_ms <= between_ms[1] - P_BEFORE_QRS_MS[1]))
    likely = np.exp(-0.5 * ((qrs_on - times_ms - P_USUAL_MS[0]) / P_USUAL_MS[1]) ** 2)
    wave, smooth = _in_one_lead(smooth, inside, likely) if alone else (_standing_out(smooth, inside, likely), smooth)
    if wave is None:
        return absent
    step = times_ms[1] - times_ms[0]
    before, after = (round(reach / step) for reach in P_HALF_MS)
    start, stop = max(wave.peak - before, inside[0]), min(wave.peak + after, inside[-1])
    left = start + int(wave.projected[start : wave.peak + 1].argmin())
    right = wave.peak + int(wave.projected[wave.peak : stop + 1].argmin())
    if not left < wave.peak < right:
        return absent
    by_limb = (
        wave.peak - _foot(wave.projected[left : wave.peak + 1][::-1]),
        wave.peak + _foot(wave.projected[wave.peak : right + 1]),
    )
    by_speed = _moving(smooth[:, start : stop + 1], wave.peak - start, step)
    on, off = ((limb + start + moving) / 2 for limb, moving in zip(by_limb, by_speed, strict=True))
    return float(times_ms[0] + on * step), _vertex(wave.projected, times_ms, wave.peak), float(times_ms[0] + off * step)


def _moving(part: Floats, peak: int, step: float) -> tuple[float, float]:
    """First and last sample of (8, S) where the wave around `peak` moves faster than P_SPEED_SHARE of the way from its
    quietest sample on that side to its greatest speed; along the two directions of greatest change, so that a wave which is
    up in some leads first and down in others later counts whole."""
    _, _, directions = np.linalg.svd(np.gradient(part, axis=1).T, full_matrices=False)
    speed = np.linalg.norm(np.gradient(directions[:2] @ part, axis=1), axis=0)
    speed = gaussian_filter1d(speed, P_SPEED_SMOOTH_MS / step)
    core = round(P_CORE_MS / step)
    left = int(speed[: max(1, peak - core)].argmin())
    right = min(peak + core, part.shape[1] - 1)
    right += int(speed[right:].argmin())
    inside = speed[left : right + 1]
    after_left, before_right = (inside > speed[foot] + P_SPEED_SHARE * (inside.max() - speed[foot]) for foot in (left, right))
    return float(left + after_left.argmax()), float(right - before_right[::-1].argmax())


def _foot(limb: Floats) -> float:
    """Samples from the peak to the wave's end: where the limb comes down for good through two shares of its height above its
    last sample, and the straight line through both places meets that. NaN if it does not come down."""
    rise = limb - limb[-1]
    high, low = (_last_above(rise, share * rise[0]) for share in P_SHARES)
    if np.isnan(low) or np.isnan(high):
        return np.nan
    return min(low + (low - high) * P_SHARES[1] / (P_SHARES[0] - P_SHARES[1]), float(len(limb) - 1))


def _last_above(limb: Floats, level: float) -> float:
    """Samples, with a fraction, to the last place where `limb` falls through `level`; NaN if it ends above."""
    above = np.flatnonzero(limb > level)
    last = int(above[-1]) if len(above) else -1
    if last < 0 or last == len(limb) - 1:
        return np.nan
    return float(last + (limb[last] - level) / (limb[last] - limb[last + 1]))
