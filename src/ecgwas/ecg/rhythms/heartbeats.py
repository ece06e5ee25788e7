"""What the rhythm of one recording is judged on: beats, intervals, shapes, and the median beat with its fiducial points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ecgwas.delineation.fiducials import Fiducials
from ecgwas.delineation.single_beats import REGULAR, fiducials_of_median
from ecgwas.ecg.beats import Beats, minus_zero_line, window_samples, zero_line
from ecgwas.ecg.medians import median_over_first
from ecgwas.leads import INDEPENDENT, predict_unreliable_leads
from ecgwas.study import BeatOptions

Floats = NDArray[np.float64]
Samples = NDArray[np.int64]
Flags = NDArray[np.bool_]

WINDOW = BeatOptions()
"""The window of the median beat."""
QRS_HALF_MS = 80.0
SAME_SHAPE = 0.85
"""Smallest correlation of a beat's QRS with the median beat's, all leads together, of a beat of the same origin; as
`read.beats.min_correlation` of whole beats, by default."""


@dataclass(frozen=True)
class Heartbeats:
    """The beats of one recording, at least one of them normal.

    raw      (L, S) µV, the independent leads that the recording has, before cleaning
    eight    (8, S) µV, independent leads after cleaning; unreliable ones predicted from the others, or 0 if these are too few
    reliable (8,) leads that are not predicted
    peaks    (B,) R peaks, samples, ascending;  normal (B,) True if the beat entered the median beat
    median   (8, T) µV, zero at PQ, R at `r_sample`
    """

    raw: Floats
    eight: Floats
    reliable: Flags
    peaks: Samples
    normal: Flags
    median: Floats
    r_sample: int
    rate_hz: float

    @classmethod
    def of(cls, raw: Floats, eight: Floats, reliable: Flags, beats: Beats, rate_hz: float) -> Heartbeats:
        """From the independent leads (8, S) µV before and after cleaning, NaN in missing ones, and the beats found in them.

        The median beat is that of `eight`, which may have been cleaned otherwise than the signal of `beats`.
        """
        before, after = window_samples(WINDOW, rate_hz)
        complete = np.nan_to_num(predict_unreliable_leads(eight, reliable))
        cut = around(complete, beats.r_samples[beats.normal], before, after)
        median = median_over_first(minus_zero_line(cut, zero_line(cut, before, rate_hz)))
        return cls._with(raw, complete, reliable, beats, median, rate_hz)

    @classmethod
    def of_same(cls, raw: Floats, eight: Floats, reliable: Flags, beats: Beats, rate_hz: float) -> Heartbeats:
        """The same, where `eight` is the signal in which the beats were found, with WINDOW, so that their median is right."""
        complete, median = (
            np.nan_to_num(predict_unreliable_leads(leads, reliable)) for leads in (eight, beats.median[INDEPENDENT])
        )
        return cls._with(raw, complete, reliable, beats, median, rate_hz)

    @classmethod
    def _with(cls, raw: Floats, eight: Floats, reliable: Flags, beats: Beats, median: Floats, rate_hz: float) -> Heartbeats:
        present = np.isfinite(raw).all(axis=1)
        before, _ = window_samples(WINDOW, rate_hz)
        return cls(raw[present], eight, reliable, beats.r_samples, beats.normal, median, before, rate_hz)

    def samples(self, ms: float) -> int:
        """That many ms as a number of samples."""
        return round(ms * self.rate_hz / 1000)

    @cached_property
    def times_ms(self) -> Floats:
        """(T,) ms from R, of the median beat."""
        samples = np.arange(self.median.shape[1], dtype=np.float64) - self.r_sample
        return samples * (1000 / self.rate_hz)

    @cached_property
    def rr_ms(self) -> Floats:
        """(B - 1,) intervals between all successive beats."""
        return np.diff(self.peaks) * (1000 / self.rate_hz)

    @property
    def rate_bpm(self) -> float:
        """60,000 / mean interval between all beats."""
        return float(60_000 / self.rr_ms.mean())

    @cached_property
    def usual_rr_ms(self) -> float:
        """Median over beats of the mean of the intervals before and after: an early beat and its pause cancel."""
        two = (self.rr_ms[1:] + self.rr_ms[:-1]) / 2
        return float(np.median(two if len(two) else self.rr_ms))

    @cached_property
    def similarity(self) -> Floats:
        """(B,) correlation of each beat's QRS with the median beat's, all leads together."""
        half = self.samples(QRS_HALF_MS)
        qrs = around(self.eight, self.peaks, half, half)
        usual = self.median[:, self.r_sample - half : self.r_sample + half]
        return correlations(qrs, usual)

    @cached_property
    def same_shape(self) -> Flags:
        """(B,) True for beats whose QRS is the median beat's."""
        return np.asarray(self.similarity >= SAME_SHAPE)

    @cached_property
    def normal_beats(self) -> Floats:
        """(N, 8, T) normal beats."""
        return around(self.eight, self.peaks[self.normal], self.r_sample, self.median.shape[1] - self.r_sample)

    @cached_property
    def fiducials(self) -> Fiducials:
        """Of the median beat; P is absent if the normal beats do not share one."""
        regular = bool(self.rr_ms.std() <= REGULAR * self.rr_ms.mean())
        return fiducials_of_median(self.median, self.normal_beats, self.times_ms, float(np.median(self.rr_ms)), regular=regular)


def around(signal: Floats, peaks: Samples, before: int, after: int) -> Floats:
    """(B, L, before + after) pieces of (L, S) around the peaks; the signal is extended by its first and last value."""
    padded = np.pad(signal, ((0, 0), (before, after)), mode="edge")
    pieces: Floats = padded[:, (peaks + before)[:, None] + np.arange(-before, after)].transpose(1, 0, 2)
    return pieces


def correlations(beats: Floats, usual: Floats) -> Floats:
    """(B,) correlations of (B, L, W) with (L, W), each lead less its mean; 0 where one of them is constant."""
    first = (beats - beats.mean(axis=2, keepdims=True)).reshape(len(beats), -1)
    second = (usual - usual.mean(axis=1, keepdims=True)).ravel()
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second)
    correlation: Floats = (first @ second) / np.where(norms > 0, norms, 1.0)
    return correlation
