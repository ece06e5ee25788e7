"""The compiled part of the scan. Results have the same bits on every machine, and tests the same as numpy_backend's."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock, hard_calls
from ecgwas.native import compiled
from ecgwas.scan.engine.backends.numpy_backend import NumpyBackend
from ecgwas.scan.engine.kernels import Kernel
from ecgwas.scan.engine.missing_calls import RawSums
from ecgwas.scan.engine.screening import BlockSums, Screened
from ecgwas.statistics.least_squares import Design


class DosageBackend(NumpyBackend):
    """Dosages: only the tests are compiled."""

    def test(
        self, block: GenotypeBlock, screened: Screened, min_t2: NDArray[np.float64], t2_histogram: NDArray[np.uint32]
    ) -> NDArray[np.int32]:
        """See Backend."""
        arrays = *_per_variant(screened, min_t2), screened.trait_ss, t2_histogram
        return compiled.tests(screened.cross_product, *arrays)


class HardCallBackend(DosageBackend):
    """Hard calls: everything is compiled, except missing calls that are filled with the mean."""

    def __init__(self, design: Design, kernel: Kernel, *, fill_with_mean: bool, thorough: bool = False) -> None:
        """kernel, fill_with_mean: see NumpyBackend; thorough: see CompiledAdjuster."""
        adjuster = None if fill_with_mean else CompiledAdjuster(design, thorough=thorough)
        super().__init__(design, kernel, fill_with_mean=fill_with_mean, adjuster=adjuster)
        self.padded_basis = compiled.padded(design.basis)

    def refit(self, block: GenotypeBlock, candidates: NDArray[np.int32]) -> NDArray[np.float64]:
        """See Backend."""
        if self.fill_with_mean and block.missing_calls.any():
            return super().refit(block, candidates)
        packed, rank, raw_ss = hard_calls(block).packed, self.design.basis.shape[1], block.raw_ss.astype(np.float64)
        return compiled.refit_exact(
            packed, self.padded_basis, rank, self.traits_by_row, candidates, block.missing_calls, raw_ss
        )


class CompiledAdjuster:
    """Excludes people without a call from that variant, as missing_calls.ReferenceAdjuster."""

    def __init__(self, design: Design, *, thorough: bool = True) -> None:
        """thorough: compute y'My exactly for every test. Otherwise the part of y'My that the covariates explain among the
        people without a call is set to its expectation, if that moves t squared by less than regression.MARGIN.
        """
        self.padded_basis, self.thorough = compiled.padded(design.basis), thorough
        people, count = design.traits.shape
        self.padded_traits = compiled.aligned((people, -(-count // compiled.GROUP) * compiled.GROUP), np.float32)
        self.padded_traits[:, :count] = design.traits

    def adjust(self, block: GenotypeBlock, sums: RawSums) -> None:
        """See MissingCallAdjuster."""
        arrays = sums.projection, block.missing_calls, sums.projected_ss, sums.cross_product, sums.trait_ss
        packed = hard_calls(block).packed
        compiled.adjust_missing(packed, self.padded_basis, self.padded_traits, *arrays, thorough=self.thorough)


class FusedBackend(HardCallBackend):
    """Products and tests in one pass: where no call of a block is missing, products are tested tile by tile, and are never
    written to memory and read again. The same bits as HardCallBackend with the table kernel."""

    MIN_NEGLOG10P = 2.0
    """Below this -log10 p there are more candidates than compiled.products_and_tests has room for, and it would start again."""

    def __init__(self, design: Design, kernel: Kernel, *, fill_with_mean: bool) -> None:
        """At most compiled.MOST_LISTED people; arguments as NumpyBackend."""
        super().__init__(design, kernel, fill_with_mean=fill_with_mean)
        self.trait_tiles = compiled.tiled(design.traits.astype(np.float32))
        self.covariate_tiles = compiled.tiled(design.basis[:, 1:].astype(np.float32))
        self._local = threading.local()

    def sums(self, block: GenotypeBlock) -> BlockSums:
        """See Backend; without cross-products where no call is missing."""
        if block.missing_calls.any():
            return super().sums(block)
        packed = hard_calls(block).packed
        needed = compiled.row_list_bytes(packed, self.trait_tiles)
        buffer = getattr(self._local, "row_lists", np.empty(0, dtype=np.uint8))
        # Each thread keeps its buffer from block to block: new memory would cost more than the lists save.
        self._local.row_lists = buffer if len(buffer) >= needed else np.empty(needed, dtype=np.uint8)
        self._local.packed = packed
        return self.adjusted(block, None, compiled.products(packed, self.covariate_tiles, self._local.row_lists))

    def test(
        self, block: GenotypeBlock, screened: Screened, min_t2: NDArray[np.float64], t2_histogram: NDArray[np.uint32]
    ) -> NDArray[np.int32]:
        """See Backend."""
        if screened.cross_product is not None:
            return super().test(block, screened, min_t2, t2_histogram)
        packed = hard_calls(block).packed
        row_lists = self._local.row_lists if getattr(self._local, "packed", None) is packed else None
        arrays = *_per_variant(screened, min_t2), t2_histogram, row_lists
        return compiled.products_and_tests(packed, self.trait_tiles, *arrays)


def _per_variant(
    screened: Screened, min_t2: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """g'Mg, degrees of freedom, limit, and whether the test is computed, (V,) each, as the compiled functions take them."""
    genotype_ss, df, limits = (each.astype(np.float32) for each in (screened.genotype_ss, screened.df, min_t2))
    return genotype_ss, df, limits, np.ascontiguousarray(screened.testable)
