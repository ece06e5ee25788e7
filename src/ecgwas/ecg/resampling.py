"""Resampling from the rate of the ECG device to that of the study."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from ecgwas.errors import InputError

MAX_TERM = 5000
"""Largest numerator or denominator of the fraction that represents the ratio of two rates: 500 / 499.8 is 2500 / 2499."""
MAX_RATIO_ERROR = 1e-7
"""Largest relative error of that fraction: a thousandth of a millisecond in ten seconds."""


def resampled(microvolts: NDArray[np.float64], rate_hz: float, wanted_hz: float) -> NDArray[np.float64]:
    """(L, S) at rate_hz -> (L, round(S wanted_hz / rate_hz)) at wanted_hz; the same array if the rates are equal.

    Polyphase filtering (scipy.signal.resample_poly; its zero-phase Kaiser window, beta 5, cuts at the lower of the two Nyquist
    frequencies) moves no wave. The line from the first to the last sample of each lead is subtracted before and added again
    after filtering, so that a lead far from 0 gets neither steps at its ends nor a ripple of 0.05 % of its level.

    Raises InputError if the ratio of the rates is not a fraction of integers up to 5000.
    """
    if rate_hz == wanted_hz:
        return microvolts
    ratio = Fraction(wanted_hz / rate_hz).limit_denominator(MAX_TERM)
    if ratio.numerator > MAX_TERM or abs(float(ratio) * rate_hz / wanted_hz - 1) > MAX_RATIO_ERROR:
        problem = f"{rate_hz:g} Hz cannot be resampled to {wanted_hz:g} Hz"
        raise InputError(problem, fix="resample the recording with another program, or exclude the file")
    count = microvolts.shape[1]
    samples = round(count * wanted_hz / rate_hz)
    filtered = resample_poly(microvolts - _line(microvolts, np.arange(count)), ratio.numerator, ratio.denominator, axis=1)
    # The filter returns a sample for each begun step, so at most one is lacking, by rounding.
    lacking = max(0, samples - filtered.shape[1])
    result: NDArray[np.float64] = np.pad(filtered, ((0, 0), (0, lacking)), mode="edge")[:, :samples]
    return result + _line(microvolts, np.arange(samples) * (rate_hz / wanted_hz))


def _line(microvolts: NDArray[np.float64], at_samples: NDArray[Any]) -> NDArray[np.float64]:
    """(L, len(at_samples)) the line through each lead's first and last sample, at sample numbers that need not be whole."""
    first, last = microvolts[:, :1], microvolts[:, -1:]
    line: NDArray[np.float64] = first + (last - first) * (at_samples / max(1, microvolts.shape[1] - 1))
    return line
