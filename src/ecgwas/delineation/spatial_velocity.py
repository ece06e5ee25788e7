"""How fast a beat's leads move together, from which QRS is told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Floats = NDArray[np.float64]

SMOOTH_MS = 3.0
QRS_WITHIN_MS = (-200.0, 260.0)
"""From R: paced and blocked beats last long, and R may lie at either end of them."""
LEAST_SWING = 0.5
"""A lead that swings less than this share of the largest is not magnified further: its noise, and a T as large as its QRS,
would count as QRS."""
FAST, GAP_MS = 0.2, 30.0
"""QRS is where the speed passes this share of its greatest, with gaps no longer than this."""


@dataclass(frozen=True)
class Motion:
    """speed (T,) per ms of the eight leads' vector, each lead over its swing; bend (T,) its second differences, unsmoothed;
    inside (T,) where QRS can lie; step_ms of a sample. In a dead beat all is 0."""

    speed: Floats
    bend: Floats
    inside: NDArray[np.bool_]
    step_ms: float

    @classmethod
    def of(cls, eight: Floats, times_ms: Floats) -> Motion:
        """Of a beat (8, T) µV; times_ms (T,) from R."""
        step_ms = float(times_ms[1] - times_ms[0])
        inside = (times_ms >= QRS_WITHIN_MS[0]) & (times_ms <= QRS_WITHIN_MS[1])
        swing = np.ptp(eight[:, inside], axis=1)
        # The smallest float keeps a dead beat at 0.
        alike = eight / np.maximum(swing, LEAST_SWING * swing.max() + np.finfo(float).tiny)[:, None]
        smooth = gaussian_filter1d(alike, SMOOTH_MS / step_ms, axis=1)
        bend = np.diff(alike, 2, axis=1, prepend=alike[:, :1], append=alike[:, -1:])
        speed = np.linalg.norm(np.gradient(smooth, step_ms, axis=1), axis=0)
        return cls(speed, np.linalg.norm(bend, axis=0), inside, step_ms)

    @property
    def fastest(self) -> float:
        """The greatest speed where QRS can lie."""
        return float(self.speed[self.inside].max())

    def samples(self, ms: float) -> int:
        """The same length in samples."""
        return round(ms / self.step_ms)

    def fast_stretch(self) -> tuple[int, int]:
        """First and last sample of the fast run, gaps bridged, in which the path is longest."""
        fast = np.flatnonzero(self.inside & (self.speed > FAST * self.fastest))
        runs = np.split(fast, np.flatnonzero(np.diff(fast) > self.samples(GAP_MS)) + 1)
        longest = max(runs, key=lambda run: float(self.speed[run].sum()))
        return int(longest[0]), int(longest[-1])
