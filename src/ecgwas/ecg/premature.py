"""The median beat without premature beats of the usual shape: their P and PR are of another focus, and their T is early."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.beats import Beats, beats_of, epochs, minus_zero_line, window_samples, zero_line
from ecgwas.leads import INDEPENDENT
from ecgwas.study import BeatOptions


def without_premature(
    options: BeatOptions, strip: NDArray[np.float32], beats: Beats, premature: NDArray[np.bool_], rate_hz: float
) -> Beats:
    """The beats of a strip (12, S) µV, of which the premature (B,) ones no longer are normal.

    The same beats without `options.exclude_premature`, if none of the normal ones is premature, or if fewer than
    `options.min_beats` would remain.
    """
    kept = beats.normal & ~premature
    fewest = 2 if options.min_beats is None else options.min_beats
    if not options.exclude_premature or kept.sum() == beats.normal.sum() or kept.sum() < fewest:
        return beats
    before, after = window_samples(options, rate_hz)
    cut = epochs(strip.astype(np.float64), beats.r_samples[kept], before, after)
    zero = zero_line(np.nan_to_num(cut[:, INDEPENDENT]), before, rate_hz)
    return beats_of(beats.r_samples, kept, minus_zero_line(cut, zero))
