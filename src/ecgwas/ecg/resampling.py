"""From a recorder's rate to the study's."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from ecgwas.errors import InputError

LARGEST_TERM = 5000
"""Of the fraction that stands for the ratio of two rates: 500 / 499.8 is 2500 / 2499."""
CLOSE_ENOUGH = 1e-7
"""Largest relative error of that fraction: a thousandth of a millisecond in ten seconds."""


def resampled(microvolts: NDArray[np.float64], rate_hz: float, wanted_hz: float) -> NDArray[np.float64]:
    """(L, S) at rate_hz -> (L, round(S wanted_hz / rate_hz)) at wanted_hz; the same array where the rates are equal.

    Polyphase filtering (scipy.signal.resample_poly; its zero-phase Kaiser window, beta 5, cuts at the lower of the two Nyquist
    frequencies), so that no wave moves. Of each lead the line from its first to its last sample is taken away before and given
    back after: a lead that rests far from 0 gets neither steps at its ends nor a ripple of the filter's 0.05 %.

    Raises InputError if the ratio of the rates is no fraction of whole numbers up to 5000.
    """
    if rate_hz == wanted_hz:
        return microvolts
    ratio = Fraction(wanted_hz / rate_hz).limit_denominator(LARGEST_TERM)
    if ratio.numerator > LARGEST_TERM or abs(float(ratio) * rate_hz / wanted_hz - 1) > CLOSE_ENOUGH:
        problem = f"{rate_hz:g} Hz cannot be brought to {wanted_hz:g} Hz"
        raise InputError(problem, fix="resample the recording with another program, or leave the file out")
    count = microvolts.shape[1]
    samples = round(count * wanted_hz / rate_hz)
    made = resample_poly(microvolts - _line(microvolts, np.arange(count)), ratio.numerator, ratio.denominator, axis=1)
    # The filter gives a sample for each begun step, so there is never one too few but by rounding.
    lacking = max(0, samples - made.shape[1])
    even: NDArray[np.float64] = np.pad(made, ((0, 0), (0, lacking)), mode="edge")[:, :samples]
    return even + _line(microvolts, np.arange(samples) * (rate_hz / wanted_hz))


def _line(microvolts: NDArray[np.float64], places: NDArray[Any]) -> NDArray[np.float64]:
    """(L, len(places)) the line through each lead's first and last sample; places count its samples."""
    first, last = microvolts[:, :1], microvolts[:, -1:]
    line: NDArray[np.float64] = first + (last - first) * (places / max(1, microvolts.shape[1] - 1))
    return line
