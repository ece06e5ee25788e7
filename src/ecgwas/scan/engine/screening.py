"""The screen: sums of a block of variants, t squared of every test, histograms of t squared, and who computes them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.native import constants
from ecgwas.tables import CHI2_EDGES

BINS = len(CHI2_EDGES) - 1
BINS_PER_UNIT = constants.BINS_PER_UNIT
"""Bins of CHI2_EDGES are 0.01 wide; the last bin is open."""

MIN_UNEXPLAINED = np.float32(constants.MIN_UNEXPLAINED)
"""Share of a trait's variance that always counts as unexplained."""


@dataclass(frozen=True)
class BlockSums:
    """Sums from which the tests of V variants against k traits follow.

    cross_product  (V, C) float32, g'My of unit traits in the first k columns; None: computed during the tests; or whatever the
                   backend that made it tests
    trait_ss       (V, k) float32, y'My; None: all are 1
    genotype_ss    (V,) float64, g'Mg, the residual sum of squares of the genotype
    covariate_ss   (V,) float64, sum of squares that the covariates explain if a missing call counts as 0
    projection     (V, R - 1) float64, the genotypes times the basis without the intercept's column
    On a GPU, cross_product, trait_ss and projection are torch tensors on the device.
    """

    cross_product: Any
    trait_ss: Any
    genotype_ss: NDArray[np.float64]
    covariate_ss: NDArray[np.float64]
    projection: Any

    def covariate_projection(self, variants: NDArray[np.int64]) -> NDArray[np.float64]:
        """(S, R - 1) float64: `projection` of S variants, given by their indices."""
        return np.asarray(self.projection[variants])


@dataclass(frozen=True)
class Screened:
    """Every test of V variants against k traits.

    cross_product, trait_ss, genotype_ss  as in BlockSums
    glm_errors     (V,) int8, PLINK's error where a test is not computed (index in plink2_checks.GLM_ERRORS), else 0
    testable       (V,) bool, True where the test is computed
    df             (V,) int64, degrees of freedom
    """

    cross_product: Any
    genotype_ss: NDArray[np.float64]
    trait_ss: Any
    glm_errors: NDArray[np.int8]
    testable: NDArray[np.bool_]
    df: NDArray[np.int64]
    traits: int

    def select(self, variants: NDArray[np.bool_], cross_product: Any, trait_ss: Any) -> Screened:
        """Some of the variants, whose cross-products and y'My are given."""
        arrays = self.glm_errors[variants], self.testable[variants], self.df[variants]
        return Screened(cross_product, self.genotype_ss[variants], trait_ss, *arrays, self.traits)


class Backend(Protocol):
    """What the scan asks of whoever computes the tests of one group of traits. Threads may share a backend."""

    def sums(self, block: GenotypeBlock) -> BlockSums:
        """Cross-products and sums of squares of a block of variants, adjusted for missing calls."""

    def histograms(self) -> Any:
        """New histograms of zeros, for `test` to add to."""

    def to_host(self, histograms: Any) -> NDArray[np.integer[Any]]:
        """(k, BINS): the histograms as an array of NumPy."""

    def test(
        self, block: GenotypeBlock, screened: Screened, min_t2: NDArray[np.float64], t2_histogram: Any
    ) -> NDArray[np.int32]:
        """(H, 2) int32 variant and trait of tests with t squared at or above `min_t2` (V,), sorted.

        screened: made from the `sums` of this block. Every computed test is added to t2_histogram (see `histograms`).
        """

    def refit(self, block: GenotypeBlock, candidates: NDArray[np.int32]) -> NDArray[np.float64]:
        """(H, 3) float64 of candidates (H, 2), sorted by variant: g'My, g'Mg and y'My of unit traits.

        Each row has the same bits whatever the other candidates are.
        """


class HistogramPool:
    """Histograms of t squared of k traits; each thread has its own."""

    def __init__(self, traits: int, backend: Backend) -> None:
        self._traits, self._backend, self._local = traits, backend, threading.local()
        self._all: list[Any] = []

    def local(self) -> Any:
        """This thread's histograms, to which tests are added."""
        if not hasattr(self._local, "histograms"):
            histograms = self._backend.histograms()
            self._local.histograms = histograms
            self._all.append(histograms)
        return self._local.histograms

    def total(self) -> NDArray[np.int64]:
        """(k, BINS) int64, summed over all threads."""
        total = np.zeros((self._traits, BINS), dtype=np.int64)
        for histograms in self._all:
            total += self._backend.to_host(histograms)
        return total


def chi2(screened: Screened) -> NDArray[np.float32]:
    """(V, k) float32 t squared; meaningless where the test is not computed."""
    genotype_ss = screened.genotype_ss.astype(np.float32)[:, None]
    square = np.square(screened.cross_product[:, : screened.traits])
    trait_ss = np.float32(1.0) if screened.trait_ss is None else screened.trait_ss
    with np.errstate(divide="ignore", invalid="ignore"):
        residual_ss = np.maximum(trait_ss * genotype_ss - square, genotype_ss * MIN_UNEXPLAINED)
        t2: NDArray[np.float32] = square / residual_ss * screened.df.astype(np.float32)[:, None]
    return t2


def histogram(values: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """(K, BINS) int64 from t squared (V, K) without missing values."""
    traits = values.shape[1]
    bins = np.minimum(values * BINS_PER_UNIT, BINS - 1).astype(np.int64)
    bins += np.arange(traits) * BINS
    return np.bincount(bins.ravel(), minlength=traits * BINS).reshape(traits, BINS)
