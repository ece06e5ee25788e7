"""Panels of a figure: rectangles with a scale for each axis, in the coordinates of the SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Scale:
    """Linear map of [low, high] onto the coordinates [start, stop]; an empty range is widened."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        span = self.high - self.low or 1.0
        placed = self.start + (np.asarray(values, dtype=np.float64) - self.low) / span * (self.stop - self.start)
        return np.asarray(placed, dtype=np.float64)

    def at(self, value: float) -> float:
        """The coordinate of one value."""
        return float(self(value))

    def ticks(self, about: int = 5) -> list[float]:
        """About `about` round values within the range."""
        span = self.high - self.low
        if not math.isfinite(span) or span <= 0:
            return [self.low]
        rough = span / about
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(i * step, 12) for i in range(first, last + 1)]


@dataclass(frozen=True)
class Panel:
    """A rectangle with a scale for each axis; y grows upwards in values, downwards on paper."""

    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    @property
    def x(self) -> Scale:
        """Horizontal scale."""
        return Scale(*self.x_range, self.left, self.left + self.width)

    @property
    def y(self) -> Scale:
        """Vertical scale."""
        return Scale(*self.y_range, self.top + self.height, self.top)

    @property
    def bottom(self) -> float:
        """Coordinate of the lower edge."""
        return self.top + self.height

    @property
    def right(self) -> float:
        """Coordinate of the right edge."""
        return self.left + self.width

    def with_x_times(self, factor: float) -> Panel:
        """The same rectangle with x in another unit, `factor` times as large numbers."""
        return replace(self, x_range=(self.x_range[0] * factor, self.x_range[1] * factor))
