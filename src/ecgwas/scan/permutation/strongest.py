"""The strongest test of each permutation, found with float32 products and computed again in float64.

The last digits of a float32 product depend on the processor, and on how many variants are multiplied together, which depends on
the number of threads. Thresholds would, too. The strongest variant and trait do not, so that only theirs are computed again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ecgwas.statistics import least_squares

DECIMALS = 6
"""Decimals of the maxima and of tests of trait sets."""
VALUES_AT_ONCE = 2**18
"""Permutations times participants whose strongest tests are computed again together, in four arrays of float64."""
BYTES = 32 * VALUES_AT_ONCE
"""Memory that this takes."""


class Strongest:
    """In each of `count` permutations the largest absolute correlation, float32, with its variant and trait; -1: none yet."""

    def __init__(self, count: int) -> None:
        self.correlation = np.zeros(count, dtype=np.float32)
        self.variant, self.trait = np.full(count, -1), np.full(count, -1)

    def update(self, first: int, start: int, correlations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Takes notice of correlations (v, b, K) of the variants from index `start` on, in b permutations from `first` on.

        Returns (b, K) the largest absolute values.
        """
        largest = np.maximum(correlations.max(axis=0), -correlations.min(axis=0))
        permutations = slice(first, first + len(largest))
        strongest = largest.max(axis=1)
        better = np.flatnonzero(strongest > self.correlation[permutations])
        if len(better):
            trait = largest[better].argmax(axis=1)
            variant = start + np.abs(correlations[:, better, trait]).argmax(axis=0)
            self.correlation[first + better] = strongest[better]
            self.variant[first + better], self.trait[first + better] = variant, trait
        return np.asarray(largest)

    def permutations(self, people: int) -> Iterator[NDArray[np.int64]]:
        """Permutations of `people` participants with a strongest test, some at a time."""
        permutations, step = np.flatnonzero(self.variant >= 0), max(1, VALUES_AT_ONCE // people)
        for start in range(0, len(permutations), step):
            yield permutations[start : start + step]


def neglog10p(maxima: NDArray[np.float64], df: int) -> NDArray[np.float64]:
    """(count,) -log10 p of the largest correlations (count,), with df degrees of freedom."""
    r2 = np.minimum(np.square(maxima), 1.0)
    with np.errstate(divide="ignore"):
        t = np.sqrt(r2 * df / (1.0 - r2))
    return np.round(least_squares.neglog10p(t, float(df)), DECIMALS)
