"""Tests counted tile by tile as the table kernel makes their products, which are never written to memory and read again."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.packed import Block
from ecgwas.native import compiled
from ecgwas.scan.engine.screening import Screened
from ecgwas.statistics.least_squares import Design
from ecgwas.study.scan import Matrix

SMALLEST_LIMIT = 2.0
"""Below this -log10 p more tests are reached than compiled.counted has room for at first, and it would begin again."""


class Streamed:
    """Tests of hard calls that nobody lacks; the same bits as kernels.TableKernel and screening.candidates."""

    def __init__(self, design: Design) -> None:
        self.traits = compiled.tiled(design.traits.astype(np.float32))
        # The intercept's product is known from counts.
        self.covariates = compiled.tiled(design.basis[:, 1:].astype(np.float32))
        self._local = threading.local()

    def projection(self, block: Block) -> NDArray[np.float32]:
        """(V, C) float32: genotypes times covariates' columns of the basis, and padding."""
        needed = compiled.list_room(len(block), self.traits.shape[1])
        kept = getattr(self._local, "lists", np.empty(0, dtype=np.uint8))
        # Kept by each thread from block to block: new memory would cost more than the lists save.
        self._local.lists = kept if len(kept) >= needed else np.empty(needed, dtype=np.uint8)
        self._local.listed = block.packed
        return compiled.products(block.packed, self.covariates, self._local.lists)

    def candidates(self, screened: Screened, min_t2: NDArray[np.float64], counts: NDArray[np.uint32]) -> NDArray[np.int32]:
        """screening.candidates where screened.cross_product is packed genotypes (V, W)."""
        genotype_ss, df, limits = (each.astype(np.float32) for each in (screened.genotype_ss, screened.df, min_t2))
        testable = np.ascontiguousarray(screened.testable)
        listed = getattr(self._local, "listed", None) is screened.cross_product
        lists = self._local.lists if listed else None
        return compiled.counted(screened.cross_product, self.traits, genotype_ss, df, limits, testable, counts, lists)


def fits(options: Matrix, *, people: int) -> bool:
    """True where every test's product is needed just once, and people are few."""
    return not options.dense and people <= compiled.MOST_LISTED and options.keep_neglog10p >= SMALLEST_LIMIT
