"""Tests counted tile by tile as the table kernel makes their products, which are never written to memory and read again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.associate.calls.codes import Block
from ecgwas.associate.engine import compiled
from ecgwas.associate.engine.algebra import Design
from ecgwas.associate.engine.screening import Screened
from ecgwas.study.scan import Matrix

MOST_PEOPLE = 3_072
"""Rows of tables are looked for twice, first for covariates; for more people that takes longer than the memory does."""

SMALLEST_LIMIT = 2.0
"""Below this -log10 p more tests are reached than compiled.counted has room for at first, and it would begin again."""


class Streamed:
    """Tests of hard calls that nobody lacks; the same bits as kernels.TableKernel and screening.reached."""

    def __init__(self, design: Design) -> None:
        self.traits = compiled.tiled(design.traits.astype(np.float32))
        # The intercept's product is known from counts.
        self.covariates = compiled.tiled(design.basis[:, 1:].astype(np.float32))

    def along(self, block: Block) -> NDArray[np.float32]:
        """(V, C) float32: genotypes times covariates' columns of the basis, and padding."""
        return compiled.products(block.packed, self.covariates)

    def reached(self, screened: Screened, least: NDArray[np.float64], counts: NDArray[np.uint32]) -> NDArray[np.int32]:
        """screening.reached where screened.product is packed genotypes (V, W)."""
        remaining, degrees, limits = (each.astype(np.float32) for each in (screened.remaining, screened.degrees, least))
        fine = np.ascontiguousarray(screened.fine)
        return compiled.counted(screened.product, self.traits, remaining, degrees, limits, fine, counts)


def fits(options: Matrix, *, people: int) -> bool:
    """True where every test's product is needed just once, and people are few."""
    return not options.dense and people <= MOST_PEOPLE and options.keep_neglog10p >= SMALLEST_LIMIT
