"""The screen: t squared of every test of a block of variants, counted in histograms and compared with the limit."""

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

MIN_UNEXPLAINED = np.float32(constants.MIN_UNEXPLAINED)
"""Share of a trait's variance that always counts as unexplained."""


@dataclass(frozen=True)
class Screened:
    """Every test of V variants with k traits.

    cross_product  (V, C) float32, g'My of unit traits in the first k columns
    genotype_ss    (V,) float64, g'Mg, the residual sum of squares of the genotype
    trait_ss       (V, k) float32, y'My, or None where all are 1
    glm_errors     (V,) int8, PLINK's error where a test is not computed (index in plink2_checks.GLM_ERRORS), else 0
    testable       (V,) bool, True where the test is computed
    df             (V,) int64, degrees of freedom
    backend        a function that tests as `candidates` does; None: `candidates` itself. On a GPU, cross_product and
                   trait_ss are torch tensors on the device. Where products are tested as they are computed (fused.py),
                   cross_product holds the packed genotypes (V, W) uint8 instead.
    """

    cross_product: Any
    genotype_ss: NDArray[np.float64]
    trait_ss: Any
    glm_errors: NDArray[np.int8]
    testable: NDArray[np.bool_]
    df: NDArray[np.int64]
    traits: int
    backend: Backend | None = None


Backend = Callable[[Screened, NDArray[np.float64], Any], NDArray[np.int32]]
"""A function like `candidates`."""


class HistogramDevice(Protocol):
    """Keeps histograms on a device."""

    def histograms(self) -> Any:
        """New histograms of zeros."""

    def to_host(self, histograms: Any) -> NDArray[np.integer[Any]]:
        """(k, BINS), copied from the device."""


class HistogramPool:
    """Histograms of t squared of k traits; each thread has its own, (k, BINS) uint32 or on a device."""

    def __init__(self, traits: int, device: HistogramDevice | None = None) -> None:
        self._traits, self._device, self._local = traits, device, threading.local()
        self._all: list[Any] = []

    def local(self) -> Any:
        """This thread's histograms, to add to."""
        if not hasattr(self._local, "histograms"):
            histograms: Any = np.zeros((self._traits, BINS), dtype=np.uint32)
            if self._device is not None:
                histograms = self._device.histograms()
            self._local.histograms = histograms
            self._all.append(histograms)
        return self._local.histograms

    def total(self) -> NDArray[np.int64]:
        """(k, BINS) int64 over all threads."""
        total = np.zeros((self._traits, BINS), dtype=np.int64)
        for histograms in self._all:
            total += histograms if self._device is None else self._device.to_host(histograms)
        return total


def candidates(screened: Screened, min_t2: NDArray[np.float64], t2_histogram: NDArray[np.uint32]) -> NDArray[np.int32]:
    """(H, 2) int32 variant and trait of tests with t squared at or above `min_t2` (V,), sorted.

    Every computed test is added to t2_histogram (k, BINS).
    """
    testable, limits = np.ascontiguousarray(screened.testable), min_t2.astype(np.float32)
    if compiled.is_available():
        genotype_ss, df = screened.genotype_ss.astype(np.float32), screened.df.astype(np.float32)
        return compiled.tests(screened.cross_product, genotype_ss, df, limits, testable, screened.trait_ss, t2_histogram)
    values = chi2(screened)
    t2_histogram += histogram(values[testable]).astype(np.uint32)
    return np.argwhere((values >= limits[:, None]) & testable[:, None]).astype(np.int32)


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
