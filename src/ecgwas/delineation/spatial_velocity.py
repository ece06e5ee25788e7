"""Spatial velocity of a beat: how fast its leads change together. QRS and pacing spikes are found with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Floats = NDArray[np.float64]

SMOOTH_MS = 3.0
QRS_WINDOW_MS = (-200.0, 260.0)
"""From R: paced and blocked beats last long, and R may be at either end of them."""
MIN_RANGE_SHARE = 0.5
"""A lead whose range is smaller than this share of the largest is not magnified further: its noise, and a T as large as its
QRS, would count as QRS."""
FAST_SHARE, GAP_MS = 0.2, 30.0
"""QRS is where the velocity exceeds this share of its maximum, with gaps no longer than this."""


@dataclass(frozen=True)
class SpatialVelocity:
    """Of one beat; all zero if the beat is flat.

    velocity           (T,) 1/ms, length of the derivative of the eight leads' vector, each lead divided by its range
    second_difference  (T,) length of the second differences of the same vector, not smoothed
    in_qrs_window      (T,) True where QRS can be
    step_ms            length of a sample
    """

    velocity: Floats
    second_difference: Floats
    in_qrs_window: NDArray[np.bool_]
    step_ms: float

    @classmethod
    def of(cls, eight: Floats, times_ms: Floats) -> SpatialVelocity:
        """Of a beat (8, T) µV; times_ms (T,) from R."""
        step_ms = float(times_ms[1] - times_ms[0])
        in_qrs_window = (times_ms >= QRS_WINDOW_MS[0]) & (times_ms <= QRS_WINDOW_MS[1])
        ranges = np.ptp(eight[:, in_qrs_window], axis=1)
        # The smallest float keeps a flat beat at 0.
        scaled = eight / np.maximum(ranges, MIN_RANGE_SHARE * ranges.max() + np.finfo(float).tiny)[:, None]
        smooth = gaussian_filter1d(scaled, SMOOTH_MS / step_ms, axis=1)
        second = np.diff(scaled, 2, axis=1, prepend=scaled[:, :1], append=scaled[:, -1:])
        velocity = np.linalg.norm(np.gradient(smooth, step_ms, axis=1), axis=0)
        return cls(velocity, np.linalg.norm(second, axis=0), in_qrs_window, step_ms)

    @property
    def maximum(self) -> float:
        """The largest velocity where QRS can be."""
        return float(self.velocity[self.in_qrs_window].max())

    def samples(self, ms: float) -> int:
        """That many ms as a number of samples."""
        return round(ms / self.step_ms)

    def fast_run(self) -> tuple[int, int]:
        """First and last sample of the fast run, gaps bridged, with the longest path of the vector."""
        fast = np.flatnonzero(self.in_qrs_window & (self.velocity > FAST_SHARE * self.maximum))
        runs = np.split(fast, np.flatnonzero(np.diff(fast) > self.samples(GAP_MS)) + 1)
        longest = max(runs, key=lambda run: float(self.velocity[run].sum()))
        return int(longest[0]), int(longest[-1])
