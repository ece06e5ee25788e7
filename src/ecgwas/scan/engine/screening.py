"""All tests of a block of variants: t squared, counted in histograms and compared with the limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecgwas.native import compiled, constants
from ecgwas.tables import CHI2_EDGES

BINS = len(CHI2_EDGES) - 1
BINS_PER_UNIT = constants.BINS_PER_UNIT
"""Bins of CHI2_EDGES are 0.01 wide, the last one open."""

SMALLEST = np.float32(constants.SMALLEST_SHARE)
"""Share of a trait's variance that is left unexplained at least."""


@dataclass(frozen=True)
class Screened:
    """Every test of V variants with k traits.

    cross_product  (V, C) float32, g'My of unit traits in the first k columns
    genotype_ss    (V,) float64, g'Mg, the residual sum of squares of the genotype
    trait_ss       (V, k) float32, y'My, or None where all are 1
    codes          (V,) int8, PLINK's error code where a test is not computed (plink2_checks.CODES), else 0
    testable       (V,) bool, True where the test is computed
    df             (V,) int64, degrees of freedom
    backend        the function that tests, as `candidates` does; None: `candidates` itself. On a GPU, cross_product and
                   trait_ss are torch tensors there. Where products are tested as they are made (fused.py), cross_product
                   holds the packed genotypes (V, W) uint8 instead.
    """

    cross_product: Any
    genotype_ss: NDArray[np.float64]
    trait_ss: Any
    codes: NDArray[np.int8]
    testable: NDArray[np.bool_]
    df: NDArray[np.int64]
    traits: int
    backend: Backend | None = None


Backend = Callable[[Screened, NDArray[np.float64], Any], NDArray[np.int32]]
"""As `candidates`."""


class Counter(Protocol):
    """Keeps histograms elsewhere than in the processor's memory."""

    def histograms(self) -> Any:
        """Zeros to add to."""

    def counted(self, counts: Any) -> NDArray[np.integer[Any]]:
        """(k, BINS) of them."""


class HistogramPool:
    """Histograms of t squared of k traits; each thread has its own, (k, BINS) uint32 or what `elsewhere` makes."""

    def __init__(self, traits: int, elsewhere: Counter | None = None) -> None:
        self._traits, self._elsewhere, self._local = traits, elsewhere, threading.local()
        self._all: list[Any] = []

    def local(self) -> Any:
        """This thread's histograms, to be added to."""
        if not hasattr(self._local, "counts"):
            made = np.zeros((self._traits, BINS), dtype=np.uint32) if self._elsewhere is None else self._elsewhere.histograms()
            self._local.counts = made
            self._all.append(made)
        return self._local.counts

    def total(self) -> NDArray[np.int64]:
        """(k, BINS) int64 over all threads."""
        found = np.zeros((self._traits, BINS), dtype=np.int64)
        for counts in self._all:
            found += counts if self._elsewhere is None else self._elsewhere.counted(counts)
        return found


def candidates(screened: Screened, min_t2: NDArray[np.float64], counts: NDArray[np.uint32]) -> NDArray[np.int32]:
    """(H, 2) int32 variant and trait of tests with t squared at or above `min_t2` (V,), in that order.

    All tests computed are added to the histograms `counts` (k, BINS).
    """
    testable, limits = np.ascontiguousarray(screened.testable), min_t2.astype(np.float32)
    if compiled.there():
        genotype_ss, df = screened.genotype_ss.astype(np.float32), screened.df.astype(np.float32)
        return compiled.tests(screened.cross_product, genotype_ss, df, limits, testable, screened.trait_ss, counts)
    values = chi2(screened)
    counts += histogram(values[testable]).astype(np.uint32)
    return np.argwhere((values >= limits[:, None]) & testable[:, None]).astype(np.int32)


def chi2(screened: Screened) -> NDArray[np.float32]:
    """(V, k) float32 t squared; meaningless where not computed."""
    genotype_ss = screened.genotype_ss.astype(np.float32)[:, None]
    square = np.square(screened.cross_product[:, : screened.traits])
    trait_ss = np.float32(1.0) if screened.trait_ss is None else screened.trait_ss
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.maximum(trait_ss * genotype_ss - square, genotype_ss * SMALLEST)
        found: NDArray[np.float32] = square / rest * screened.df.astype(np.float32)[:, None]
    return found


def histogram(values: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """(K, BINS) int64 from t squared (V, K) without missing values."""
    traits = values.shape[1]
    bins = np.minimum(values * BINS_PER_UNIT, BINS - 1).astype(np.int64)
    bins += np.arange(traits) * BINS
    return np.bincount(bins.ravel(), minlength=traits * BINS).reshape(traits, BINS)
