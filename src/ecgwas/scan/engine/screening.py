"""All tests of a block of variants: their t squared counted in histograms and compared with the limit."""

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

    product    (V, C) float32, g'My of unit traits in the first k columns
    remaining  (V,) float64, g'Mg;  length (V, k) float32, y'My, or None: 1
    codes      (V,) int8, PLINK's code where not computed (collinear.CODES), else 0;  fine (V,) bool, computed
    degrees    (V,) int64, degrees of freedom

    by         who tests, as `reached` does; None: `reached`, by the products themselves. Where a GPU tests, product and length
               are torch tensors there; where products are made while they are tested (streamed.py), product is what of:
               packed genotypes (V, W) uint8
    """

    product: Any
    remaining: NDArray[np.float64]
    length: Any
    codes: NDArray[np.int8]
    fine: NDArray[np.bool_]
    degrees: NDArray[np.int64]
    traits: int
    by: Tester | None = None


Tester = Callable[[Screened, NDArray[np.float64], Any], NDArray[np.int32]]
"""As `reached`."""


class Counter(Protocol):
    """Who counts elsewhere than in the processor's memory."""

    def histograms(self) -> Any:
        """Zeros to add to."""

    def counted(self, counts: Any) -> NDArray[np.integer[Any]]:
        """(k, BINS) of them."""


class Tally:
    """Histograms of t squared of k traits; every thread counts in its own, (k, BINS) uint32 or what `elsewhere` makes."""

    def __init__(self, traits: int, elsewhere: Counter | None = None) -> None:
        self._traits, self._elsewhere, self._local = traits, elsewhere, threading.local()
        self._all: list[Any] = []

    def mine(self) -> Any:
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


def reached(screened: Screened, least: NDArray[np.float64], counts: NDArray[np.uint32]) -> NDArray[np.int32]:
    """(H, 2) int32 variant and trait of tests with t squared at or above `least` (V,), in that order.

    All tests computed join the histograms `counts` (k, BINS).
    """
    fine, limits = np.ascontiguousarray(screened.fine), least.astype(np.float32)
    if compiled.there():
        remaining, degrees = screened.remaining.astype(np.float32), screened.degrees.astype(np.float32)
        return compiled.tests(screened.product, remaining, degrees, limits, fine, screened.length, counts)
    values = chi2(screened)
    counts += histogram(values[fine]).astype(np.uint32)
    return np.argwhere((values >= limits[:, None]) & fine[:, None]).astype(np.int32)


def chi2(screened: Screened) -> NDArray[np.float32]:
    """(V, k) float32 t squared; meaningless where not computed."""
    remaining = screened.remaining.astype(np.float32)[:, None]
    square = np.square(screened.product[:, : screened.traits])
    length = np.float32(1.0) if screened.length is None else screened.length
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.maximum(length * remaining - square, remaining * SMALLEST)
        found: NDArray[np.float32] = square / rest * screened.degrees.astype(np.float32)[:, None]
    return found


def histogram(values: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """(K, BINS) int64 from t squared (V, K) without missing values."""
    traits = values.shape[1]
    bins = np.minimum(values * BINS_PER_UNIT, BINS - 1).astype(np.int64)
    bins += np.arange(traits) * BINS
    return np.bincount(bins.ravel(), minlength=traits * BINS).reshape(traits, BINS)
