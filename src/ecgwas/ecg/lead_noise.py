"""Noise of single leads: which of a recording's leads cannot be relied on to find beats and waves.

Every question compares a lead with the recording's other leads, so that a recording that is noisy in all leads alike keeps
them all:

before beats   voltage that a linear combination of the other leads does not explain; noise above 40 Hz in half-second windows
               (muscle, mains, white noise); jumps: energy of a QRS in one lead while the other leads are quiet (contact)
after beats    the beats' deviation from their median in one lead; beats that resemble the median in all leads but one or two
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

MAD_TO_SD = 1.4826
UNEXPLAINED_UV, UNEXPLAINED_TIMES = 80.0, 4.0
"""A lead is noisy whose unexplained voltage (robust SD) exceeds this and so many times the median lead's.

In 500 recordings of PTB-XL 4 % have such a lead."""
SEARCHED_UV, SEARCHED_TIMES = 60.0, 2.5
"""The same where too few normal beats were found without leaving such leads out."""
RIDGE_UV = 5.0
"""Independent noise assumed in every lead, so that identical leads leave the regression solvable."""
FAST_HZ, WINDOW_S = 40.0, 0.5
FAST_UV, FAST_TIMES = 30.0, 3.0
"""A window is noisy if its robust SD above FAST_HZ exceeds this and so many times the median lead's."""
JUMP_BAND_HZ, JUMP_MS = (10.0, 30.0), 80.0
QRS_BAND_HZ = (5.0, 25.0)
JUMP_SHARE, QUIET, QUIET_SLOW, JUMP_TIMES = 0.25, 0.15, 0.25, 3.0
"""A jump has this share of a QRS' energy over all leads, while the median lead has less than QUIET of its own QRS' energy (less
than QUIET_SLOW in QRS_BAND_HZ) and the jumping lead so many times more."""
JUMP_APART_MS = 200.0
DEAD_UV, DEAD_TIMES = 4.0, 10.0
"""A lead is dead whose usual QRS energy is below this while the median lead has so many times more: not connected."""
OFTEN_SHARE = 0.25
"""A lead with more artefacts than this share of the beats is noisy."""
BEAT_UV, BEAT_TIMES = 60.0, 3.0
"""A lead is noisy whose beats deviate from their median by more than this (root mean square, median over beats) and so many
times the median lead's."""
UNUSABLE_UV = 80.0
"""A noisy lead is unusable where single beats deviate by more: the median of ten beats would be some 30 µV off."""
SPOILED_UV, SPOILED_TIMES = 150.0, 4.0
"""One beat is spoiled in a lead that deviates by more than this and so many times the median lead."""
MIN_LEADS_KEPT = 4
"""So many of the eight leads are never set aside: they must tell what a beat is."""


@dataclass(frozen=True)
class LeadNoise:
    """The noise of each of the eight independent leads.

    unexplained_uv (8,) float64 µV
    dead (8,) bool, without the QRS that the other leads have
    fast (8,) bool, noise above FAST_HZ in many windows
    noisy (8,) bool, any of these or other noise
    artefacts (8,) int64, noisy windows, jumps and spoiled beats
    deviation_uv (8,) float64 µV of single beats from their median, root mean square; NaN where no beats were found
    present (8,) bool, leads that the recording has; the others are neither reliable nor usable, whatever else is said of them
    """

    unexplained_uv: Floats
    dead: Flags
    fast: Flags
    noisy: Flags
    artefacts: Counts
    deviation_uv: Floats
    present: Flags

    @property
    def reliable(self) -> Flags:
        """(8,) leads without noise or artefacts; LEAST leads, the best that there are, always count as reliable."""
        doubtful = self.noisy | (self.artefacts > 0)
        order = np.lexsort((self.unexplained_uv, self.artefacts, self.noisy, self.present))[::-1]
        chosen = np.zeros_like(doubtful)
        chosen[order[: max(0, int(self.present.sum()) - MIN_LEADS_KEPT)]] = True
        return self.present & ~(doubtful & chosen)

    @property
    def usable(self) -> Flags:
        """(8,) leads whose median beat can be measured, reliable or not."""
        bad = self.dead | self.noisy & (np.nan_to_num(self.deviation_uv, nan=np.inf) > UNUSABLE_UV)
        return self.reliable | self.present & ~bad

    def subset(self, present: Flags) -> LeadNoise:
        """Of the leads that are present, (P,) alone."""
        return LeadNoise(*(getattr(self, one.name)[present] for one in fields(self)))

    def expanded(self, present: Flags) -> LeadNoise:
        """Of all eight leads, from (P,) leads; those that are not present have no noise, NaN where it is in µV."""
        if present.all():
            return self
        found = []
        for one in fields(self):
            values = getattr(self, one.name)
            whole = np.full(len(present), np.nan if values.dtype == np.float64 else 0).astype(values.dtype)
            whole[present] = values
            found.append(whole)
        return LeadNoise(*found)

    def judged_strictly(self) -> LeadNoise:
        """Judged more strictly, for a recording in which no beats were found."""
        if not self.present.all():
            return self.subset(self.present).judged_strictly().expanded(self.present)
        return replace(self, noisy=self.noisy | _exceeds(self.unexplained_uv, SEARCHED_UV, SEARCHED_TIMES))

    def with_beats(self, beats: Floats, normal: Flags, false_beats: Counts, min_correlation: float) -> LeadNoise:
        """With what single beats tell: (B, 8, T) µV zero at PQ, which of them resemble their median, false_beats (8,).

        What the other leads do not explain but every beat repeats is the heart's own, not noise.
        """
        if not self.present.all():
            here = self.present
            part = self.subset(here).with_beats(beats[:, here], normal, false_beats[here], min_correlation)
            return part.expanded(here)
        median = np.median(beats[normal], axis=0)
        deviations = np.sqrt(((beats - median) ** 2).mean(axis=2))  # (B, 8)
        artefacts = self.artefacts + false_beats + _spoiled(beats, normal, median, deviations, min_correlation)
        deviation = np.median(deviations[normal], axis=0)
        noisy = self.dead | self.fast | _exceeds(deviation, BEAT_UV, BEAT_TIMES) | (artefacts > OFTEN_SHARE * len(beats))
        return replace(self, noisy=noisy, artefacts=artefacts, deviation_uv=deviation)


def noise_before_beats(eight: Floats, rate_hz: float) -> LeadNoise:
    """The noise of (8, S) µV, one recording's independent leads, cleaned; judged without knowing the beats.

    A lead with NaN is not present, and the others are judged without it.
    """
    present = np.asarray(np.isfinite(eight).all(axis=1))
    if present.any() and not present.all():
        return noise_before_beats(eight[present], rate_hz).expanded(present)
    if not present.any():
        nothing, nan = np.zeros(len(eight), dtype=np.bool_), np.full(len(eight), np.nan)
        return LeadNoise(nan, nothing, nothing, nothing, np.zeros(len(eight), dtype=np.int64), nan, nothing)
    unexplained = unexplained_uv(eight)
    windows = _fast_windows(eight, rate_hz)  # (8, windows)
    fast = windows.mean(axis=1) > OFTEN_SHARE
    _, usual = _energy(eight, QRS_BAND_HZ, rate_hz)
    dead = (usual < DEAD_UV) & (float(np.median(usual)) > DEAD_TIMES * DEAD_UV)
    noisy = dead | fast | _exceeds(unexplained, UNEXPLAINED_UV, UNEXPLAINED_TIMES)
    artefacts = windows.sum(axis=1) + LeadEnergy.of(eight, noisy, rate_hz).jumps(rate_hz)
    return LeadNoise(unexplained, dead, fast, noisy, artefacts.astype(np.int64), np.full(len(eight), np.nan), present)


def unexplained_uv(eight: Floats) -> Floats:
    """(8,) robust SD of what is left of each lead after linear regression on the other seven."""
    covariance = eight @ eight.T / eight.shape[1] + RIDGE_UV**2 * np.eye(len(eight))
    precision = np.linalg.inv(covariance)
    residuals = (precision @ eight) / np.diag(precision)[:, None]
    robust_sd: Floats = MAD_TO_SD * np.median(np.abs(residuals), axis=1)
    return robust_sd


def _exceeds(values: Floats, least: float, times: float) -> Flags:
    """Which values exceed `least` and `times` the median along the first axis (leads)."""
    return np.asarray(values > np.maximum(least, times * np.median(values, axis=0)))


def _fast_windows(eight: Floats, rate_hz: float) -> Flags:
    """(8, W) windows with noise above FAST_HZ in that lead."""
    fast = sosfiltfilt(butter(2, FAST_HZ, "highpass", fs=rate_hz, output="sos"), eight, axis=1)
    length = min(eight.shape[1], round(WINDOW_S * rate_hz))
    whole = fast[:, : eight.shape[1] // length * length].reshape(len(eight), -1, length)
    return _exceeds(MAD_TO_SD * np.median(np.abs(whole), axis=2), FAST_UV, FAST_TIMES)


@dataclass(frozen=True)
class LeadEnergy:
    """Where leads move: uv (8, S) energy of each lead between 10 and 30 Hz, which T waves lack; own (8, S), over the lead's
    usual QRS; median (S,) of own over leads that are not noisy; slow (S,), the same between 5 and 25 Hz, where every ectopic
    beat moves; of_qrs, the usual QRS' uv over all leads."""

    uv: Floats
    own: Floats
    median: Floats
    slow: Floats
    of_qrs: float

    @classmethod
    def of(cls, eight: Floats, noisy: Flags, rate_hz: float) -> LeadEnergy:
        calm = ~noisy if not noisy.all() else np.ones_like(noisy)
        uv, usual = _energy(eight, JUMP_BAND_HZ, rate_hz)
        slow, usual_slow = _energy(eight[calm], QRS_BAND_HZ, rate_hz)
        own = uv / usual[:, None]
        of_qrs = float(np.sqrt((usual[calm] ** 2).sum() * len(eight) / calm.sum()))
        return cls(uv, own, np.median(own[calm], axis=0), np.median(slow / usual_slow[:, None], axis=0), of_qrs)

    @property
    def alone(self) -> Flags:
        """(8, S) where a lead moves and the others are quiet."""
        quiet = (self.median < QUIET) & (self.slow < QUIET_SLOW)
        return np.asarray(quiet & (self.own > JUMP_TIMES * self.median) & (self.uv > 0))

    def jumps(self, rate_hz: float) -> Counts:
        """(8,) how often a lead alone has a QRS' energy."""
        apart = round(JUMP_APART_MS * rate_hz / 1000)
        high = np.where(self.alone & (self.uv >= JUMP_SHARE * self.of_qrs), self.uv, 0.0)
        return np.array([len(find_peaks(np.pad(lead, 1), distance=apart)[0]) for lead in high], dtype=np.int64)

    def false_beats(self, peaks: Counts) -> Counts:
        """(8,) how many of the beats at (B,) samples are one lead's alone."""
        counts = np.zeros(len(self.uv), dtype=np.int64)
        for peak in peaks:
            alone = self.alone[:, peak]
            if alone.any():
                counts[np.where(alone, self.uv[:, peak], 0.0).argmax()] += 1
        return counts


def _energy(leads: Floats, band_hz: tuple[float, float], rate_hz: float) -> tuple[Floats, Floats]:
    """(L, S) root mean square over 80 ms of what lies in the band, and (L,) the usual peak of it, above zero: the median of the
    highest values of two-second pieces."""
    band = butter(2, band_hz, "bandpass", fs=rate_hz, output="sos")
    power = sosfiltfilt(band, leads, axis=1) ** 2
    mean = uniform_filter1d(power, round(JUMP_MS * rate_hz / 1000), axis=1, mode="constant")
    energy = np.sqrt(np.maximum(mean, 0.0))
    piece = min(leads.shape[1], round(2 * rate_hz))
    pieces = energy[:, : leads.shape[1] // piece * piece].reshape(len(leads), -1, piece)
    return energy, np.maximum(np.median(pieces.max(axis=2), axis=1), np.finfo(float).tiny)


def _spoiled(beats: Floats, normal: Flags, median: Floats, deviations: Floats, min_correlation: float) -> Counts:
    """(8,) beats that differ from the median in one or two leads only, counted in those leads."""
    spoiled = _exceeds(deviations.T, SPOILED_UV, SPOILED_TIMES).T  # (B, 8)
    counts = np.zeros(beats.shape[1], dtype=np.int64)
    for beat, here, is_normal in zip(beats, spoiled, normal, strict=True):
        if 1 <= here.sum() <= 2 and (is_normal or _correlation(beat[~here], median[~here]) >= min_correlation):
            counts += here
    return counts


def _correlation(beat: Floats, median: Floats) -> float:
    first, second = (part - part.mean(axis=1, keepdims=True) for part in (beat, median))
    length = np.linalg.norm(first) * np.linalg.norm(second)
    return float((first * second).sum() / length) if length > 0 else 0.0
