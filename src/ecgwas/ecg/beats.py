"""Beats of one recording: R peaks from all leads together, selection of normal beats, the median beat.

1. Where a QRS is: energy between 5 and 25 Hz over the eight independent leads, smoothed over 80 ms. Peaks count if they exceed
   a share of the typical peak, are at least 250 ms apart, and are not T waves, which have little energy above 10 Hz. A gap
   longer than 1.6 typical intervals is searched again with half the share.
2. Where R is: beats are aligned to a template by cross-correlation of all leads together; the template is the median of the
   largest family of similar beats. R is where the template's heart vector is longest in the frontal plane, so that one
   definition applies to every beat and every lead.
3. Which beats are normal: those that correlate with the median beat, all leads together, at `min_correlation` or better and lie
   completely within the recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import find_peaks, sosfiltfilt

from ecgwas.ecg.filters import butterworth
from ecgwas.ecg.lead_noise import LeadEnergy, LeadNoise, noise_before_beats
from ecgwas.ecg.medians import median_over_first
from ecgwas.leads import INDEPENDENT, LEADS, predict_unreliable_leads
from ecgwas.study import BeatOptions

Floats = NDArray[np.float64]
Samples = NDArray[np.int64]

QRS_BAND_HZ = (5.0, 25.0)
ENERGY_MS = 80.0
REFRACTORY_MS = 250.0
MIN_ENERGY_SHARE = 0.25
"""A peak of QRS energy below this share of the typical peak is not a beat."""
MIN_ENERGY_UV = 5.0
"""With a typical QRS energy below this, the recording has no heartbeat; a QRS of 100 µV in one lead has ten times as much."""
SHARP_BAND_HZ = (10.0, 30.0)
T_WAVE_MS, T_WAVE_SHARE = 500.0, 0.3
"""A peak within this time of another, with less than this share of its energy between 10 and 30 Hz, is the T wave of that beat.

A tall narrow T has up to half the energy of its QRS between 5 and 25 Hz, but a fifth of it in this band; an extrasystole has
half.
"""
LONG_GAP = 1.6
TEMPLATE_WINDOW_MS = (-120.0, 400.0)
"""Window around R in which two beats are compared. It ends at 0.7 of the typical interval, so that the next beat is outside."""
FRONTAL = np.array(
    [
        [0.38, -0.07, -0.13, 0.05, -0.01, 0.14, 0.06, 0.54],
        [-0.07, 0.93, 0.06, -0.02, -0.05, 0.06, -0.17, 0.13],
    ]
)
"""(2, 8): the heart vector in the frontal plane, X and Y from I, II, V1-V6: Kors et al., Eur Heart J 11:1083 (1990).

R is where this vector is longest. With Z, or with a plain sum over leads, the S of V1-V3 is longer than R in many people but
not in others, and the beats of different people would be aligned with errors of 10 to 30 ms.
"""
USUAL_AXIS = np.array([np.cos(np.pi / 4), np.sin(np.pi / 4)])
USUAL_AXIS_WEIGHT = 0.2
"""The component of the vector along the usual axis of the ventricles, 45 degrees down to the left, gets this additional weight,
so that a slightly longer S is not taken for R: S points up to the right, where R points in few hearts."""
R_SMOOTH_MS = 4.0
"""SD of the Gaussian that smooths the vector first, so that a pacing spike or a step in one lead is not taken for R."""
ZERO_MS = 250.0
"""The zero of the vector is its median within this time on either side; in a shorter window it could lie within a broad QRS."""
SHIFT_MS = 40.0
QRS_HALF_MS = 70.0
PQ_MS = 20.0
"""Length of the zero line before QRS: one period of 50 Hz mains, which is averaged out."""


@dataclass(frozen=True)
class Beats:
    """The beats of one recording.

    r_samples   (B,) int64 ascending;  normal (B,) bool, True if the beat entered the median
    median, odd, even   (12, T) float64 in the strip's unit: median over normal beats; over the 1st, 3rd, ...; the 2nd, 4th, ...
    noise       (12,) float64, SD of the normal beats around the median beat
    """

    r_samples: Samples
    normal: NDArray[np.bool_]
    median: Floats
    odd: Floats
    even: Floats
    noise: Floats


def window_samples(options: BeatOptions, rate_hz: float) -> tuple[int, int]:
    """Number of samples of a beat before R, and from R on."""
    return round(options.before_ms * rate_hz / 1000), round(options.after_ms * rate_hz / 1000)


@dataclass(frozen=True)
class BeatSearch:
    """The beats of a recording, None if fewer than `min_beats` are normal, and the noise of its independent leads."""

    beats: Beats | None
    noise: LeadNoise


def no_beats(options: BeatOptions, rate_hz: float) -> Beats:
    """Used instead of beats if none were found: no R peaks, NaN for the median."""
    nan_beat = np.full((len(LEADS), sum(window_samples(options, rate_hz))), np.nan)
    noise = np.full(len(LEADS), np.nan)
    return Beats(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_), nan_beat, nan_beat, nan_beat, noise)


def find_beats(options: BeatOptions, strip: NDArray[np.float32], rate_hz: float) -> BeatSearch:
    """The beats of a cleaned strip (12, S) µV, found in the leads without noise or artefacts.

    A lead with NaN is missing: beats are found without it, and its median is NaN. If noise becomes apparent only around the
    median beat, the search is repeated without the noisy leads. The zero line of each lead is its PQ segment, the 20 ms before
    QRS; if no quiet segment is found before QRS (pre-excitation, flutter), it is the lead's median over the beat.
    """
    signal = strip.astype(np.float64)
    noise = noise_before_beats(signal[INDEPENDENT], rate_hz)
    if not noise.present.any():
        return BeatSearch(None, noise)
    detected = _Detected.of(options, signal, noise, rate_hz)
    if detected is None:
        noise = noise.judged_strictly()
        detected = _Detected.of(options, signal, noise, rate_hz)
    if detected is None:
        return BeatSearch(None, noise)
    false_beats = np.zeros(len(INDEPENDENT), dtype=np.int64)
    present = noise.present
    energy = LeadEnergy.of(signal[INDEPENDENT][present], noise.noisy[present], rate_hz)
    false_beats[present] = energy.false_beats(detected.peaks)
    judged = noise.with_beats(detected.beats[:, INDEPENDENT], detected.is_normal, false_beats, options.min_correlation)
    if (judged.reliable != noise.reliable).any():
        detected = _Detected.of(options, signal, judged, rate_hz) or detected
    return BeatSearch(detected.summary, judged)


@dataclass(frozen=True)
class _Detected:
    """Beats before they are summarised.

    peaks      (B,) R peaks;  whole (B,), True for the W beats that lie completely within the recording
    beats      (W, 12, T), zero at PQ;  is_normal (W,)
    """

    peaks: Samples
    whole: NDArray[np.bool_]
    beats: Floats
    is_normal: NDArray[np.bool_]

    @classmethod
    def of(cls, options: BeatOptions, signal: Floats, noise: LeadNoise, rate_hz: float) -> _Detected | None:
        """From (12, S) µV; None if fewer than `options.min_beats` are normal."""
        min_beats = 2 if options.min_beats is None else options.min_beats
        # If too few leads determine the heart vector, a missing lead is flat.
        eight = np.nan_to_num(predict_unreliable_leads(signal[INDEPENDENT], noise.reliable), nan=0.0)
        peaks = qrs_samples(eight, rate_hz)
        if len(peaks) < min_beats:
            return None
        peaks = align_r_peaks(eight, peaks, rate_hz, options.min_correlation)
        before, after = window_samples(options, rate_hz)
        whole = (peaks >= before) & (peaks + after <= signal.shape[1])
        if whole.sum() < min_beats:
            return None
        cut = epochs(eight, peaks[whole], before, after)  # (W, 8, T)
        zero = zero_line(cut, before, rate_hz)
        is_normal = match_template(
            minus_zero_line(cut, zero), before, _template_window(peaks, rate_hz), options.min_correlation
        )
        if is_normal.sum() < min_beats:
            return None
        return cls(peaks, whole, minus_zero_line(epochs(signal, peaks[whole], before, after), zero), is_normal)

    @property
    def summary(self) -> Beats:
        """The median beats."""
        normal = np.zeros(len(self.peaks), dtype=bool)
        normal[np.flatnonzero(self.whole)[self.is_normal]] = True
        return beats_of(self.peaks, normal, self.beats[self.is_normal])


def beats_of(peaks: Samples, normal: NDArray[np.bool_], beats: Floats) -> Beats:
    """Medians of the normal beats (N, 12, T)."""
    median, odd, even = (median_over_first(chosen) for chosen in (beats, beats[::2], beats[1::2]))
    return Beats(peaks, normal, median, odd, even, (beats - median).std(axis=(0, 2)))


def qrs_samples(eight: Floats, rate_hz: float) -> Samples:
    """(B,) samples at which QRS energy peaks, ascending; from (8, S). Empty if there is no heartbeat."""
    energy = qrs_energy(eight, rate_hz)
    min_distance = round(REFRACTORY_MS * rate_hz / 1000)
    candidates, _ = find_peaks(energy, distance=min_distance)
    usual = _usual_peak(energy, rate_hz)
    if usual < MIN_ENERGY_UV or len(candidates) == 0:
        return np.empty(0, dtype=np.int64)
    strong = candidates[energy[candidates] >= MIN_ENERGY_SHARE * usual]
    sharp = qrs_energy(eight, rate_hz, SHARP_BAND_HZ)
    strong = strong[~_t_waves_at_start(strong, sharp, _usual_peak(sharp, rate_hz), rate_hz)]
    strong = _without_t_waves(strong, sharp, rate_hz)
    return _with_beats_in_gaps(strong, candidates, energy, 0.5 * MIN_ENERGY_SHARE * usual, rate_hz)


def qrs_energy(eight: Floats, rate_hz: float, band_hz: tuple[float, float] = QRS_BAND_HZ) -> Floats:
    """(S,) energy in a band, by default 5 to 25 Hz: root sum of squares over leads, mean over 80 ms."""
    band = butterworth(2, band_hz, "bandpass", rate_hz)
    power = (sosfiltfilt(band, eight, axis=1) ** 2).sum(axis=0)
    smooth: Floats = uniform_filter1d(power, round(ENERGY_MS * rate_hz / 1000), mode="constant")
    energy: Floats = np.sqrt(np.maximum(smooth, 0.0))
    return energy


def _usual_peak(energy: Floats, rate_hz: float) -> float:
    """Median of the maxima of two-second pieces: nearly every piece contains a beat, few contain an artefact."""
    piece = min(len(energy), round(2 * rate_hz))
    pieces = energy[: len(energy) // piece * piece].reshape(-1, piece)
    return float(np.median(pieces.max(axis=1)))


def _t_waves_at_start(peaks: Samples, energy: Floats, usual: float, rate_hz: float) -> NDArray[np.bool_]:
    """Weak peaks right after the start, whose QRS was before the recording."""
    return (peaks * 1000 / rate_hz < T_WAVE_MS) & (energy[peaks] < T_WAVE_SHARE * usual)


def _without_t_waves(peaks: Samples, energy: Floats, rate_hz: float) -> Samples:
    kept: list[int] = []
    for peak in peaks:
        soon = bool(kept) and (peak - kept[-1]) * 1000 / rate_hz < T_WAVE_MS
        if soon and energy[peak] < T_WAVE_SHARE * energy[kept[-1]]:
            continue
        kept.append(int(peak))
    return np.array(kept, dtype=np.int64)


def _with_beats_in_gaps(peaks: Samples, candidates: Samples, energy: Floats, low: float, rate_hz: float) -> Samples:
    """The peaks, with the highest candidate above `low` that is not a T wave in each long gap."""
    if len(peaks) < 3:
        return peaks
    usual = float(np.median(np.diff(peaks)))
    added = []
    for left, right in pairwise(peaks):
        if right - left < LONG_GAP * usual:
            continue
        near = T_WAVE_MS * rate_hz / 1000
        inside = candidates[(candidates > left + near) & (candidates < right - near / 2) & (energy[candidates] >= low)]
        if len(inside):
            added.append(inside[np.argmax(energy[inside])])
    return np.sort(np.concatenate([peaks, np.array(added, dtype=np.int64)]))


def align_r_peaks(eight: Floats, peaks: Samples, rate_hz: float, min_correlation: float) -> Samples:
    """(B,) R peaks by one definition, ascending, from (8, S) and (B,) samples near each QRS.

    In a beat unlike the template, R is where the beat's own vector is longest. A QRS cut off at an end of the recording is kept
    only if the rest of it resembles the template.
    """
    half, shift = round(QRS_HALF_MS * rate_hz / 1000), round(SHIFT_MS * rate_hz / 1000)
    edge = half + shift
    wide = _padded_epochs(eight, peaks, edge)  # (B, 8, W + 2 shifts)
    unmoved = np.zeros(len(peaks), dtype=np.int64)
    template = _largest_family_median(_moved_windows(wide, unmoved, shift), min_correlation)
    for _ in range(3):
        moved, correlation = _best_shift(wide, template, shift)
        similar = correlation >= min_correlation
        chosen = similar if similar.any() else np.ones(len(peaks), dtype=bool)
        template = median_over_first(_moved_windows(wide, moved, shift)[chosen])
    frontal = gaussian_filter1d(FRONTAL @ eight, R_SMOOTH_MS * rate_hz / 1000, axis=1)
    vectors = _padded_epochs(frontal, peaks, round(ZERO_MS * rate_hz / 1000) + shift)
    own = _longest_vector(_moved_windows(vectors, unmoved, shift), half)
    of_template = _longest_vector(median_over_first(_moved_windows(vectors, moved, shift)[chosen])[None], half)[0]
    aligned = peaks + np.where(similar, moved + of_template, own)
    whole = (peaks >= edge) & (peaks < eight.shape[1] - edge)
    inside = (aligned >= 0) & (aligned < eight.shape[1])
    return np.unique(aligned[inside & (whole | similar)])


def _moved_windows(wide: Floats, moved: Samples, shift: int) -> Floats:
    """(B, L, W) windows within (B, L, W + 2 shift), moved by (B,) samples, -shift to shift."""
    width = wide.shape[2] - 2 * shift
    index = (moved + shift)[:, None] + np.arange(width)
    windows: Floats = np.take_along_axis(wide, index[:, None, :], axis=2)
    return windows


def _largest_family_median(beats: Floats, min_correlation: float) -> Floats:
    """Median (8, W) of the largest family of beats: those that correlate with the beat with which most others correlate."""
    correlation = _correlations(beats, beats)
    members = correlation >= min_correlation
    head = np.lexsort((correlation.sum(axis=1), members.sum(axis=1)))[-1]
    return median_over_first(beats[members[head]])


def _correlations(beats: Floats, others: Floats) -> Floats:
    """(B, C) correlations over all leads and samples, after subtraction of each lead's mean."""
    product: Floats = _normalised(beats) @ _normalised(others).T
    return product


def _normalised(beats: Floats) -> Floats:
    centred = beats - beats.mean(axis=2, keepdims=True)
    flat = centred.reshape(len(beats), -1)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    unit: Floats = flat / np.where(length > 0, length, 1.0)
    return unit


def _best_shift(wide: Floats, template: Floats, shift: int) -> tuple[Samples, Floats]:
    """(B,) samples by which to move each beat's window to correlate best with the template, and (B,) that correlation."""
    width = template.shape[1]
    windows = sliding_window_view(wide, width, axis=2)  # (B, 8, shifts, W)
    target = _normalised(template[None])[0].reshape(template.shape)
    # The target's leads have mean zero, so the windows' means cancel in the product, but not in their norm.
    product = np.einsum("blsw,lw->bs", windows, target)
    spread = (_running_sum(wide**2, width) - _running_sum(wide, width) ** 2 / width).sum(axis=1)
    correlation = product / np.sqrt(np.maximum(spread, 1e-12))
    best = correlation.argmax(axis=1)
    return best - shift, correlation[np.arange(len(wide)), best]


def _running_sum(values: Floats, width: int) -> Floats:
    """Sums over `width` neighbours along the last axis."""
    total = np.cumsum(np.pad(values, ((0, 0), (0, 0), (1, 0))), axis=2)
    sums: Floats = total[:, :, width:] - total[:, :, :-width]
    return sums


def _longest_vector(vectors: Floats, half: int) -> Samples:
    """(B,) samples, at most `half`, from the middle of (B, 2, U) vectors to the longest one. Zero is the median; the component
    along the usual axis gets additional weight."""
    level = vectors - np.median(vectors, axis=2, keepdims=True)
    middle = vectors.shape[2] // 2
    qrs = level[:, :, middle - half : middle + half + 1]
    counted = np.linalg.norm(qrs, axis=1) + USUAL_AXIS_WEIGHT * (USUAL_AXIS @ qrs)
    return np.asarray(counted.argmax(axis=1), dtype=np.int64) - half


def _padded_epochs(signal: Floats, peaks: Samples, reach: int) -> Floats:
    """(B, L, 2 reach + 1) pieces of (L, S) around the peaks; the signal is extended by its first and last value."""
    padded = np.pad(signal, ((0, 0), (reach, reach + 1)), mode="edge")
    return epochs(padded, peaks + reach, reach, reach + 1)


def epochs(signal: Floats, peaks: Samples, before: int, after: int) -> Floats:
    """(B, L, before + after) pieces of (L, S) around the peaks, which must lie within the signal."""
    around = peaks[:, None] + np.arange(-before, after)
    pieces: Floats = signal[:, around].transpose(1, 0, 2)
    return pieces


def zero_line(beats: Floats, r_sample: int, rate_hz: float) -> slice | None:
    """Samples of the PQ segment of (B, 8, T) beats; None if none is found."""
    length = round(PQ_MS * rate_hz / 1000)
    end = qrs_onset(median_over_first(beats), r_sample, rate_hz)
    return None if end is None or end < length else slice(end - length, end)


def minus_zero_line(beats: Floats, zero: slice | None) -> Floats:
    """(B, L, T) beats minus each lead's mean over the zero line, or its median if there is none."""
    if zero is None:
        return beats - np.median(beats, axis=2, keepdims=True)
    level: Floats = beats - beats[:, :, zero].mean(axis=2, keepdims=True)
    return level


def qrs_onset(eight: Floats, r_sample: int, rate_hz: float) -> int | None:
    """The last quiet sample before QRS in a median beat (8, T); None if there is none 20 to 140 ms before R.

    Quiet means a slope over all leads (across 16 ms) below 6 % of its maximum around R.
    """
    step = round(8 * rate_hz / 1000)
    slope = np.zeros(eight.shape[1])
    slope[step:-step] = np.sqrt(((eight[:, 2 * step :] - eight[:, : -2 * step]) ** 2).sum(axis=0))
    ms = rate_hz / 1000
    first, last = max(0, r_sample - round(140 * ms)), r_sample - round(20 * ms)
    steepest = slope[max(0, r_sample - round(60 * ms)) : r_sample + round(60 * ms)].max()
    quiet = np.flatnonzero(slope[first:last] < 0.06 * steepest)
    if len(quiet) == 0:
        return None
    # The slope of a sample reaches `step` ahead, so nothing has begun there yet.
    return int(first + quiet[-1])


def match_template(beats: Floats, r_sample: int, window: tuple[int, int], min_correlation: float) -> NDArray[np.bool_]:
    """(B,) which of (B, 8, T) beats correlate with the median of those that do, in two iterations."""
    first, last = max(0, r_sample + window[0]), min(beats.shape[2], r_sample + window[1])
    compared = beats[:, :, first:last]
    median = _largest_family_median(compared, min_correlation)
    for _ in range(2):
        keep = _correlations(compared, median[None])[:, 0] >= min_correlation
        if not keep.any():
            return keep
        median = median_over_first(compared[keep])
    return keep


def _template_window(peaks: Samples, rate_hz: float) -> tuple[int, int]:
    ms = rate_hz / 1000
    usual = float(np.median(np.diff(peaks)))
    return round(TEMPLATE_WINDOW_MS[0] * ms), round(min(TEMPLATE_WINDOW_MS[1] * ms, 0.7 * usual))
