"""The compiled part of the scan. Results have the same bits on every machine, and tests the same as numpy_backend's."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class DividedProducts:
    """Products of a block with the traits, computed during the tests for the variants of which no call is missing.

    lacks          (V,) bool, some call is missing
    complete       block of the other variants
    lacking        block of these variants
    cross_product, trait_ss  of `lacking`, as in BlockSums
    """

    lacks: NDArray[np.bool_]
    complete: GenotypeBlock
    lacking: GenotypeBlock
    cross_product: NDArray[np.float32]
    trait_ss: NDArray[np.float32]


class FusedBackend(HardCallBackend):
    """Products and tests in one pass: of variants without missing calls, products are tested tile by tile, and are never
    written to memory and read again. The same bits as HardCallBackend with the table kernel."""

    MIN_NEGLOG10P = 2.0
    """Below this -log10 p there are more candidates than compiled.products_and_tests has room for, and it would start again."""
    MIN_COMPLETE = 2.0
    """Variants without missing calls, per participant, from which a block is divided: its tables are then made twice, which
    takes longer the more participants there are, and the tests of each of these variants save the same time."""

    def __init__(self, design: Design, kernel: Kernel, *, fill_with_mean: bool) -> None:
        """At most compiled.MOST_LISTED people; arguments as NumpyBackend."""
        super().__init__(design, kernel, fill_with_mean=fill_with_mean)
        self.trait_tiles = compiled.tiled(design.traits.astype(np.float32))
        self.covariate_tiles = compiled.tiled(design.basis[:, 1:].astype(np.float32))
        self._local = threading.local()

    def sums(self, block: GenotypeBlock) -> BlockSums:
        """See Backend; without cross-products of variants of which no call is missing."""
        lacks = block.missing_calls > 0
        if not lacks.any():
            return self._without_products(block)
        if np.count_nonzero(~lacks) < self.MIN_COMPLETE * block.people:
            return super().sums(block)
        complete, lacking = block.select(~lacks), block.select(lacks)
        one, other = self._without_products(complete), super().sums(lacking)
        products = DividedProducts(lacks, complete, lacking, other.cross_product, other.trait_ss)
        return BlockSums(
            products, None, _merged(lacks, other.genotype_ss, one.genotype_ss),
            _merged(lacks, other.covariate_ss, one.covariate_ss), _merged(lacks, other.projection, one.projection),
        )  # fmt: skip

    def _without_products(self, block: GenotypeBlock) -> BlockSums:
        """Sums of a block without missing calls; only the products with the covariates are computed."""
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
        products = screened.cross_product
        if isinstance(products, DividedProducts):
            return self._test_divided(products, screened, min_t2, t2_histogram)
        if products is not None:
            return super().test(block, screened, min_t2, t2_histogram)
        packed = hard_calls(block).packed
        row_lists = self._local.row_lists if getattr(self._local, "packed", None) is packed else None
        arrays = *_per_variant(screened, min_t2), t2_histogram, row_lists
        return compiled.products_and_tests(packed, self.trait_tiles, *arrays)

    def _test_divided(
        self, products: DividedProducts, screened: Screened, min_t2: NDArray[np.float64], t2_histogram: NDArray[np.uint32]
    ) -> NDArray[np.int32]:
        """`test` of both parts."""
        candidates = []
        for which, block, cross_product, trait_ss in (
            (~products.lacks, products.complete, None, None),
            (products.lacks, products.lacking, products.cross_product, products.trait_ss),
        ):
            part = screened.select(which, cross_product, trait_ss)
            of_part = self.test(block, part, min_t2[which], t2_histogram)
            of_part[:, 0] = np.flatnonzero(which)[of_part[:, 0]]
            candidates.append(of_part)
        joined = np.concatenate(candidates)
        return joined[np.argsort(joined[:, 0], kind="stable")]  # Of a variant, all are in the same part, sorted by trait.


def _merged(lacks: NDArray[np.bool_], of_lacking: NDArray[Any], of_complete: NDArray[Any]) -> NDArray[Any]:
    """Rows of both parts in the order of the block."""
    rows = np.empty((len(lacks), *of_lacking.shape[1:]), dtype=of_lacking.dtype)
    rows[lacks], rows[~lacks] = of_lacking, of_complete
    return rows


def _per_variant(
    screened: Screened, min_t2: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """g'Mg, degrees of freedom, limit, and whether the test is computed, (V,) each, as the compiled functions take them."""
    genotype_ss, df, limits = (each.astype(np.float32) for each in (screened.genotype_ss, screened.df, min_t2))
    return genotype_ss, df, limits, np.ascontiguousarray(screened.testable)
