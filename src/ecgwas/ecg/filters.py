"""Butterworth filters, designed once for each rate: their design takes longer than filtering a lead."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter

Floats = NDArray[np.float64]


def butterworth(
    order: int, cutoff_hz: float | tuple[float, float], kind: Literal["highpass", "bandpass"], rate_hz: float
) -> Floats:  # fmt: skip
    """(sections, 6) second-order sections of a Butterworth filter, as `scipy.signal.butter` gives them."""
    return _sections(order, cutoff_hz, kind, rate_hz).copy()


@lru_cache(maxsize=64)
def _sections(order: int, cutoff_hz: float | tuple[float, float], kind: str, rate_hz: float) -> Floats:
    return np.asarray(butter(order, cutoff_hz, kind, fs=rate_hz, output="sos"))
