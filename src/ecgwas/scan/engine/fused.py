"""Products and tests in one pass: tests are counted tile by tile, and products are never written to memory and read again."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.packed import Block
from ecgwas.native import compiled
from ecgwas.scan.engine.screening import Screened
from ecgwas.statistics.least_squares import Design
from ecgwas.study.scan import Matrix

MIN_NEGLOG10P = 2.0
"""Below this -log10 p there are more candidates than compiled.products_and_tests has room for, and it would start again."""


class FusedTests:
    """Tests of hard calls without missing ones; the same bits as kernels.TableKernel and screening.candidates."""

    def __init__(self, design: Design) -> None:
        self.traits = compiled.tiled(design.traits.astype(np.float32))
        # The intercept's product follows from the counts.
        self.covariates = compiled.tiled(design.basis[:, 1:].astype(np.float32))
        self._local = threading.local()

    def projection(self, block: Block) -> NDArray[np.float32]:
        """(V, C) float32: genotypes times the covariates' columns of the basis, and padding."""
        needed = compiled.row_list_bytes(len(block), self.traits.shape[1])
        buffer = getattr(self._local, "row_lists", np.empty(0, dtype=np.uint8))
        # Each thread keeps its buffer from block to block: new memory would cost more than the lists save.
        self._local.row_lists = buffer if len(buffer) >= needed else np.empty(needed, dtype=np.uint8)
        self._local.packed = block.packed
        return compiled.products(block.packed, self.covariates, self._local.row_lists)

    def candidates(
        self, screened: Screened, min_t2: NDArray[np.float64], t2_histogram: NDArray[np.uint32]
    ) -> NDArray[np.int32]:
        """As screening.candidates; screened.cross_product holds packed genotypes (V, W)."""
        genotype_ss, df, limits = (each.astype(np.float32) for each in (screened.genotype_ss, screened.df, min_t2))
        testable = np.ascontiguousarray(screened.testable)
        is_listed = getattr(self._local, "packed", None) is screened.cross_product
        row_lists = self._local.row_lists if is_listed else None
        arrays = genotype_ss, df, limits, testable, t2_histogram
        return compiled.products_and_tests(screened.cross_product, self.traits, *arrays, row_lists)


def is_possible(options: Matrix, *, people: int) -> bool:
    """True if every product is needed only once and the row lists of so many people fit."""
    return not options.dense and people <= compiled.MOST_LISTED and options.keep_neglog10p >= MIN_NEGLOG10P
