"""Where P, QRS and T begin, peak and end in a median beat, all leads judged together.

QRS   speed of the eight leads' vector; QRS ends where the speed has fallen to a share of its greatest, on either side
T     the leads are projected on their common direction at the peak of T; its end is where the steepest tangent of the
      falling limb meets the zero line (Lepeschkin and Surawicz, Circulation 6:378, 1952)
P     the same between the end of the T before and QRS; its ends are where the tangents of both limbs meet the zero line

A wave that does not rise above the beat's own noise is absent: its times are NaN, nothing is invented. Times are in ms
from R, finer than a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Floats = NDArray[np.float64]

QRS_SMOOTH_MS = 3.0
WAVE_SMOOTH_MS = 8.0
QRS_WITHIN_MS = (-90.0, 130.0)
ONSET_SHARE, OFFSET_SHARE = 0.06, 0.10
"""Share of QRS' greatest speed below which it has not begun, or has ended."""
CALM_MS = 8.0
"""The speed stays low for this long outside of QRS."""
T_AFTER_QRS_MS = 60.0
T_LATEST_OF_RR = 0.72
P_LONGEST_MS = 300.0
P_GAP_MS = 6.0
P_SHARES = (0.5, 0.25)
"""The outer limbs of P are judged where its vector passes these shares of its height."""
ABSENT_UV = 12.0
"""A wave whose peak vector is shorter (root mean square over leads) is absent."""
ABSENT_NOISE = 3.5
"""Or shorter than this many times the noise of the stretch it lies in."""


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


def delineate(eight: Floats, times_ms: Floats, rr_ms: float) -> Fiducials:
    """Fiducials of a median beat: eight (8, T) µV, zero at PQ; times_ms (T,) evenly spaced; rr_ms usual RR interval or NaN."""
    step = times_ms[1] - times_ms[0]
    qrs_on, qrs_off = _qrs(gaussian_filter1d(eight, QRS_SMOOTH_MS / step, axis=1), times_ms)
    if np.isnan(qrs_on):
        return NOTHING
    smooth = gaussian_filter1d(eight, WAVE_SMOOTH_MS / step, axis=1)
    smooth = smooth - _at(smooth, times_ms, qrs_on - P_GAP_MS)[:, None]
    t_peak, t_off = _t_wave(smooth, times_ms, qrs_off, rr_ms)
    p_on, p_peak, p_off = _p_wave(smooth, eight - smooth, times_ms, qrs_on, t_off, rr_ms)
    return Fiducials(p_on, p_peak, p_off, qrs_on, qrs_off, t_peak, t_off)


def _at(signal: Floats, times_ms: Floats, when: float) -> Floats:
    """(L,) values of (L, T) at a time between samples."""
    return np.array([np.interp(when, times_ms, lead) for lead in signal])


def _qrs(smooth: Floats, times_ms: Floats) -> tuple[float, float]:
    """Onset and end of QRS; NaN if the speed never falls."""
    speed = np.linalg.norm(np.gradient(smooth, times_ms, axis=1), axis=0)
    inside = (times_ms >= QRS_WITHIN_MS[0] / 2) & (times_ms <= QRS_WITHIN_MS[1] / 2)
    fastest = float(speed[inside].max())
    if fastest == 0:
        return np.nan, np.nan
    fast = np.flatnonzero(inside & (speed > 0.5 * fastest))
    calm = round(CALM_MS / (times_ms[1] - times_ms[0]))
    on = _falls(speed[: fast[0] + 1][::-1], ONSET_SHARE * fastest, calm)
    off = _falls(speed[fast[-1] :], OFFSET_SHARE * fastest, calm)
    step = times_ms[1] - times_ms[0]
    onset = times_ms[fast[0]] - on * step
    end = times_ms[fast[-1]] + off * step
    if not (QRS_WITHIN_MS[0] <= onset and end <= QRS_WITHIN_MS[1]):
        return np.nan, np.nan
    return float(onset), float(end)


def _falls(speed: Floats, level: float, calm: int) -> float:
    """Samples, with a fraction, until `speed` has fallen to `level` and stays there for `calm` samples; NaN if it does not."""
    low = speed <= level
    stays = np.convolve(low, np.ones(calm), mode="valid") >= calm
    first = int(stays.argmax()) if stays.any() else -1
    if first < 1:
        return np.nan
    before, after = speed[first - 1], speed[first]
    return float(first - 1 + (before - level) / (before - after))


def _t_wave(smooth: Floats, times_ms: Floats, qrs_off: float, rr_ms: float) -> tuple[float, float]:
    """Peak and end of T."""
    latest = times_ms[-1] if np.isnan(rr_ms) else min(times_ms[-1], T_LATEST_OF_RR * rr_ms)
    inside = np.flatnonzero((times_ms >= qrs_off + T_AFTER_QRS_MS) & (times_ms <= latest))
    if len(inside) < 10:
        return np.nan, np.nan
    wave = _along_peak(smooth, inside)
    if wave is None:
        return np.nan, np.nan
    projected, peak = wave
    end = _tangent_end(projected[peak : inside[-1] + 1], 0.0)
    step = times_ms[1] - times_ms[0]
    return _vertex(projected, times_ms, peak), float(times_ms[peak] + end * step)


def _along_peak(signal: Floats, inside: NDArray[np.int64]) -> tuple[Floats, int] | None:
    """(T,) projection on the leads' direction where their vector is longest, and that sample; None if it is at an edge."""
    length = np.linalg.norm(signal[:, inside], axis=0)
    rises = np.flatnonzero((length[1:-1] >= length[:-2]) & (length[1:-1] >= length[2:])) + 1
    if len(rises) == 0:
        return None
    peak = int(inside[rises[np.argmax(length[rises])]])
    direction = signal[:, peak] / np.linalg.norm(signal[:, peak])
    return direction @ signal, peak


def _vertex(projected: Floats, times_ms: Floats, peak: int) -> float:
    """Time of the parabola's vertex through the peak and its neighbours five samples away."""
    reach = min(5, peak, len(projected) - 1 - peak)
    left, top, right = projected[peak - reach], projected[peak], projected[peak + reach]
    bend = left - 2 * top + right
    shift = 0.0 if bend >= 0 else 0.5 * (left - right) / bend
    return float(times_ms[peak] + shift * reach * (times_ms[1] - times_ms[0]))


def _tangent_end(limb: Floats, zero: float) -> float:
    """Samples from the peak to where the steepest tangent of the falling limb meets `zero`; NaN if nothing falls.

    Only the fall from the peak to the first rise after the limb has come below half its height is looked at, so that a U
    wave or the next P does not count.
    """
    slope = np.gradient(limb)
    turned = np.flatnonzero((slope > 0) & (limb < zero + 0.5 * (limb[0] - zero)))
    last = int(turned[0]) if len(turned) else len(limb)
    if last < 3:
        return np.nan
    steepest = int(slope[:last].argmin())
    if slope[steepest] >= 0:
        return np.nan
    return float(steepest + (zero - limb[steepest]) / slope[steepest])


def _p_wave(
    smooth: Floats, rest: Floats, times_ms: Floats, qrs_on: float, t_off: float, rr_ms: float
) -> tuple[float, float, float]:
    """Onset, peak and end of P; NaN where there is none."""
    absent = (np.nan, np.nan, np.nan)
    earliest = max(times_ms[0], qrs_on - P_LONGEST_MS)
    if np.isfinite(t_off) and np.isfinite(rr_ms):
        earliest = max(earliest, t_off - rr_ms)
    inside = np.flatnonzero((times_ms >= earliest) & (times_ms <= qrs_on - P_GAP_MS))
    if len(inside) < 30:
        return absent
    level = _levelled(smooth, inside)
    wave = _along_peak(level, inside)
    if wave is None:
        return absent
    projected, peak = wave
    height = np.sqrt((level[:, peak] ** 2).mean())
    noise = np.sqrt((rest[:, inside] ** 2).mean())
    if height < ABSENT_UV or height < ABSENT_NOISE * noise / np.sqrt(level.shape[0]):
        return absent
    step = times_ms[1] - times_ms[0]
    length = np.sqrt((level**2).mean(axis=0))
    on = _outer_end(length[inside[0] : peak + 1][::-1], height)
    off = _outer_end(length[peak : inside[-1] + 1], height)
    return float(times_ms[peak] - on * step), _vertex(projected, times_ms, peak), float(times_ms[peak] + off * step)


def _levelled(signal: Floats, inside: NDArray[np.int64]) -> Floats:
    """The signal less a straight line: its quietest level at the left of the stretch to its level at the right end."""
    count = max(3, len(inside) // 12)
    left, right = signal[:, inside[:count]].mean(axis=1), signal[:, inside[-count:]].mean(axis=1)
    place = (np.arange(signal.shape[1]) - inside[0]) / max(1, inside[-1] - inside[0])
    levelled: Floats = signal - left[:, None] - (right - left)[:, None] * np.clip(place, 0, 1)
    return levelled


def _outer_end(length: Floats, height: float) -> float:
    """Samples from the peak outwards to the wave's end: where the vector first comes down through two shares of its height,
    and the straight line through both places meets zero. NaN if it does not come down."""
    high, low = (_first_below(length, share * height) for share in P_SHARES)
    if np.isnan(low) or np.isnan(high):
        return np.nan
    return low + (low - high) * P_SHARES[1] / (P_SHARES[0] - P_SHARES[1])


def _first_below(length: Floats, level: float) -> float:
    """Samples, with a fraction, to the first place where `length` falls through `level`; NaN if it stays above."""
    below = np.flatnonzero(length <= level)
    if len(below) == 0 or below[0] == 0:
        return np.nan
    first = int(below[0])
    return float(first - (level - length[first]) / (length[first - 1] - length[first]))
