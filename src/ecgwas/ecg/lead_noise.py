"""Noise of single leads: which leads of a recording are not reliable for finding beats and waves.

Every criterion compares a lead with the recording's other leads, so that a recording that is equally noisy in all leads keeps
them all:

before beats   voltage that a linear combination of the other leads does not explain; noise above 40 Hz in half-second windows
               (muscle, mains, white noise); jumps: the energy of a QRS in one lead while the others are quiet (contact)
after beats    the beats' deviation from their median in one lead; beats that resemble the median in all leads but one or two
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks, sosfiltfilt

from ecgwas.ecg.filters import butterworth
from ecgwas.ecg.medians import median_over_first

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

MAD_TO_SD = 1.4826
UNEXPLAINED_UV, UNEXPLAINED_TIMES = 80.0, 4.0
"""A lead is noisy if its unexplained voltage (robust SD) exceeds this and so many times the median lead's.

Of 500 recordings of PTB-XL 4 % have such a lead."""
SEARCHED_UV, SEARCHED_TIMES = 60.0, 2.5
"""The same, for a second search if too few normal beats were found."""
RIDGE_UV = 5.0
"""Independent noise assumed in every lead, so that the regression is solvable even with identical leads."""
FAST_HZ, WINDOW_S = 40.0, 0.5
FAST_UV, FAST_TIMES = 30.0, 3.0
"""A window is noisy if its robust SD above FAST_HZ exceeds this and so many times the median lead's."""
JUMP_BAND_HZ, JUMP_MS = (10.0, 30.0), 80.0
QRS_BAND_HZ = (5.0, 25.0)
JUMP_SHARE, QUIET, QUIET_SLOW, JUMP_TIMES = 0.25, 0.15, 0.25, 3.0
"""A jump has this share of the energy of a QRS over all leads, while the median lead has less than QUIET of its own QRS energy
(QUIET_SLOW in QRS_BAND_HZ) and the jumping lead has so many times more than it."""
JUMP_APART_MS = 200.0
DEAD_UV, DEAD_TIMES = 4.0, 10.0
"""A lead is dead (not connected) if its typical QRS energy is below this while the median lead has so many times more."""
OFTEN_SHARE = 0.25
"""A lead is noisy if it has more artefacts than this share of the number of beats."""
BEAT_UV, BEAT_TIMES = 60.0, 3.0
"""A lead is noisy if its beats deviate from their median by more than this (root mean square, median over beats) and so many
times the median lead's."""
UNUSABLE_UV = 80.0
"""A noisy lead is unusable if single beats deviate by more: the median of ten beats would be some 30 µV off."""
SPOILED_UV, SPOILED_TIMES = 150.0, 4.0
"""A beat is spoiled in a lead in which it deviates by more than this and so many times the median lead."""
MIN_LEADS_KEPT = 4
"""So many of the eight leads always count as reliable, because they must show what a beat is."""


@dataclass(frozen=True)
class LeadNoise:
    """The noise of each of the eight independent leads.

    unexplained_uv (8,) float64 µV, robust SD of what the other leads do not explain
    dead (8,) bool, without the QRS that the other leads show
    fast (8,) bool, noise above FAST_HZ in many windows
    noisy (8,) bool, any of these or other noise
    artefacts (8,) int64, number of noisy windows, jumps and spoiled beats
    deviation_uv (8,) float64 µV, root mean square deviation of single beats from their median; NaN if no beats were found
    present (8,) bool, leads that the recording has; the others are neither reliable nor usable, whatever the other fields say
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
        """(8,) leads without noise or artefacts. The best MIN_LEADS_KEPT leads always count as reliable."""
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
        """Only the present leads, (P,)."""
        return LeadNoise(*(getattr(self, field.name)[present] for field in fields(self)))

    def expanded(self, present: Flags) -> LeadNoise:
        """All eight leads, from the (P,) present ones. The others have no noise, and NaN where a value is in µV."""
        if present.all():
            return self
        arrays = []
        for field in fields(self):
            values = getattr(self, field.name)
            out = np.full(len(present), np.nan if values.dtype == np.float64 else 0).astype(values.dtype)
            out[present] = values
            arrays.append(out)
        return LeadNoise(*arrays)

    def judged_strictly(self) -> LeadNoise:
        """Judged more strictly, for a recording in which no beats were found."""
        if not self.present.all():
            return self.subset(self.present).judged_strictly().expanded(self.present)
        return replace(self, noisy=self.noisy | _exceeds(self.unexplained_uv, SEARCHED_UV, SEARCHED_TIMES))

    def with_beats(self, beats: Floats, normal: Flags, false_beats: Counts, min_correlation: float) -> LeadNoise:
        """The noise judged again with the beats (B, 8, T) µV, zero at PQ, which of them are normal (B,), and false_beats (8,).

        What other leads do not explain but every beat repeats comes from the heart and is not noise.
        """
        if not self.present.all():
            present = self.present
            part = self.subset(present).with_beats(beats[:, present], normal, false_beats[present], min_correlation)
            return part.expanded(present)
        median = median_over_first(beats[normal])
        deviations = np.sqrt(((beats - median) ** 2).mean(axis=2))  # (B, 8)
        artefacts = self.artefacts + false_beats + _spoiled(beats, normal, median, deviations, min_correlation)
        deviation = np.median(deviations[normal], axis=0)
        noisy = self.dead | self.fast | _exceeds(deviation, BEAT_UV, BEAT_TIMES) | (artefacts > OFTEN_SHARE * len(beats))
        return replace(self, noisy=noisy, artefacts=artefacts, deviation_uv=deviation)


def noise_before_beats(eight: Floats, rate_hz: float) -> LeadNoise:
    """The noise of (8, S) µV, the independent leads of one cleaned recording, judged before beats are known.

    A lead with NaN is missing, and the others are judged without it.
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
    """(8,) robust SD of the residuals of each lead after linear regression on the other seven."""
    covariance = eight @ eight.T / eight.shape[1] + RIDGE_UV**2 * np.eye(len(eight))
    precision = np.linalg.inv(covariance)
    residuals = (precision @ eight) / np.diag(precision)[:, None]
    robust_sd: Floats = MAD_TO_SD * np.median(np.abs(residuals), axis=1)
    return robust_sd


def _exceeds(values: Floats, threshold: float, times: float) -> Flags:
    """Which values exceed `threshold`, and `times` the median along the first axis (leads)."""
    return np.asarray(values > np.maximum(threshold, times * np.median(values, axis=0)))


def _fast_windows(eight: Floats, rate_hz: float) -> Flags:
    """(8, W) windows with noise above FAST_HZ in that lead."""
    fast = sosfiltfilt(butterworth(2, FAST_HZ, "highpass", rate_hz), eight, axis=1)
    length = min(eight.shape[1], round(WINDOW_S * rate_hz))
    whole = fast[:, : eight.shape[1] // length * length].reshape(len(eight), -1, length)
    return _exceeds(MAD_TO_SD * np.median(np.abs(whole), axis=2), FAST_UV, FAST_TIMES)


@dataclass(frozen=True)
class LeadEnergy:
    """The energy of each lead over time, compared with that of a typical QRS.

    uv       (8, S) µV between 10 and 30 Hz, a band that T waves lack
    relative (8, S) uv divided by the lead's typical QRS
    median   (S,) median of `relative` over leads that are not noisy
    slow     (S,) the same between 5 and 25 Hz, a band in which every ectopic beat has energy
    qrs_uv   energy of a typical QRS over all leads
    """

    uv: Floats
    relative: Floats
    median: Floats
    slow: Floats
    qrs_uv: float

    @classmethod
    def of(cls, eight: Floats, noisy: Flags, rate_hz: float) -> LeadEnergy:
        calm = ~noisy if not noisy.all() else np.ones_like(noisy)
        uv, usual = _energy(eight, JUMP_BAND_HZ, rate_hz)
        slow, usual_slow = _energy(eight[calm], QRS_BAND_HZ, rate_hz)
        relative = uv / usual[:, None]
        qrs_uv = float(np.sqrt((usual[calm] ** 2).sum() * len(eight) / calm.sum()))
        return cls(uv, relative, median_over_first(relative[calm]), median_over_first(slow / usual_slow[:, None]), qrs_uv)

    @property
    def moves_alone(self) -> Flags:
        """(8, S) where one lead moves while the others are quiet."""
        quiet = (self.median < QUIET) & (self.slow < QUIET_SLOW)
        return np.asarray(quiet & (self.relative > JUMP_TIMES * self.median) & (self.uv > 0))

    def jumps(self, rate_hz: float) -> Counts:
        """(8,) how often one lead alone has the energy of a QRS."""
        min_distance = round(JUMP_APART_MS * rate_hz / 1000)
        high = np.where(self.moves_alone & (self.uv >= JUMP_SHARE * self.qrs_uv), self.uv, 0.0)
        return np.array([len(find_peaks(np.pad(lead, 1), distance=min_distance)[0]) for lead in high], dtype=np.int64)

    def false_beats(self, peaks: Counts) -> Counts:
        """(8,) how many of the beats at samples (B,) occur in one lead alone."""
        counts = np.zeros(len(self.uv), dtype=np.int64)
        for peak in peaks:
            moves_alone = self.moves_alone[:, peak]
            if moves_alone.any():
                counts[np.where(moves_alone, self.uv[:, peak], 0.0).argmax()] += 1
        return counts


def _energy(leads: Floats, band_hz: tuple[float, float], rate_hz: float) -> tuple[Floats, Floats]:
    """(L, S) root mean square in the band over 80 ms, and (L,) its typical peak, above zero: the median of the maxima of
    two-second pieces."""
    band = butterworth(2, band_hz, "bandpass", rate_hz)
    power = sosfiltfilt(band, leads, axis=1) ** 2
    mean = uniform_filter1d(power, round(JUMP_MS * rate_hz / 1000), axis=1, mode="constant")
    energy = np.sqrt(np.maximum(mean, 0.0))
    piece = min(leads.shape[1], round(2 * rate_hz))
    pieces = energy[:, : leads.shape[1] // piece * piece].reshape(len(leads), -1, piece)
    return energy, np.maximum(np.median(pieces.max(axis=2), axis=1), np.finfo(float).tiny)


def _spoiled(beats: Floats, normal: Flags, median: Floats, deviations: Floats, min_correlation: float) -> Counts:
    """(8,) beats that differ from the median in only one or two leads, counted in those leads."""
    spoiled = _exceeds(deviations.T, SPOILED_UV, SPOILED_TIMES).T  # (B, 8)
    counts = np.zeros(beats.shape[1], dtype=np.int64)
    for beat, leads, is_normal in zip(beats, spoiled, normal, strict=True):
        if 1 <= leads.sum() <= 2 and (is_normal or _correlation(beat[~leads], median[~leads]) >= min_correlation):
            counts += leads
    return counts


def _correlation(beat: Floats, median: Floats) -> float:
    first, second = (part - part.mean(axis=1, keepdims=True) for part in (beat, median))
    length = np.linalg.norm(first) * np.linalg.norm(second)
    return float((first * second).sum() / length) if length > 0 else 0.0
