"""The reference: every step of the scan in NumPy, for hard calls and dosages."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.scan.engine import screening
from ecgwas.scan.engine.kernels import Kernel
from ecgwas.scan.engine.missing_calls import MissingCallAdjuster, RawSums, ReferenceAdjuster
from ecgwas.scan.engine.screening import BINS, BlockSums, Screened
from ecgwas.statistics.least_squares import Design, Missing, left_out

REFITTED_AT_ONCE = 64
"""Variants with candidates that are decoded together."""


class NumpyBackend:
    """See the module's docstring. The other backends on the processor replace single steps."""

    def __init__(
        self, design: Design, kernel: Kernel, *, fill_with_mean: bool, adjuster: MissingCallAdjuster | None = None
    ) -> None:
        """kernel: for columns of the traits, followed by the basis without its first column; fill_with_mean: a missing call
        counts as the variant's mean, otherwise that participant is excluded from the variant; adjuster: None for the
        reference, which holds a copy of the traits."""
        self.design, self.kernel, self.fill_with_mean = design, kernel, fill_with_mean
        self.adjuster = ReferenceAdjuster(design, fill_with_mean=fill_with_mean) if adjuster is None else adjuster
        self.traits_by_row = np.ascontiguousarray(design.traits.T)

    def sums(self, block: GenotypeBlock) -> BlockSums:
        """See Backend; float64 where digits would cancel."""
        n_traits = self.design.traits.shape[1]
        cross_product = self.kernel.products(block)
        return self.adjusted(block, cross_product, cross_product[:, n_traits:])

    def adjusted(
        self, block: GenotypeBlock, cross_product: NDArray[np.float32] | None, covariate_projection: NDArray[np.float32]
    ) -> BlockSums:
        """The sums that follow from the products (V, C) of a block with the traits and (V, R - 1 or more) with the basis
        without its first column. cross_product None: not computed yet; then no call may be missing."""
        n_traits, rank = self.design.traits.shape[1], self.design.basis.shape[1]
        projection = np.empty((len(block), rank))
        projection[:, 0] = block.minor_alleles * self.design.basis[0, 0]
        projection[:, 1:] = covariate_projection[:, : rank - 1]
        covariate_ss = np.einsum("vr,vr->v", projection[:, 1:], projection[:, 1:])
        projected_ss = covariate_ss + projection[:, 0] ** 2
        raw_ss = block.raw_ss.astype(np.float64)
        trait_ss = None
        if cross_product is not None and block.missing_calls.any():
            trait_ss = np.empty((len(block), n_traits), dtype=np.float32)
            self.adjuster.adjust(block, RawSums(projection, projected_ss, raw_ss, cross_product, trait_ss))
        return BlockSums(cross_product, trait_ss, raw_ss - projected_ss, covariate_ss, projection[:, 1:])

    def histograms(self) -> NDArray[np.uint32]:
        """(k, BINS) uint32 zeros."""
        return np.zeros((self.design.traits.shape[1], BINS), dtype=np.uint32)

    def to_host(self, histograms: NDArray[np.uint32]) -> NDArray[np.integer[Any]]:
        """They are on the host."""
        return histograms

    def test(
        self, block: GenotypeBlock, screened: Screened, min_t2: NDArray[np.float64], t2_histogram: NDArray[np.uint32]
    ) -> NDArray[np.int32]:
        """See Backend."""
        values, testable = screening.chi2(screened), screened.testable
        t2_histogram += screening.histogram(values[testable]).astype(np.uint32)
        is_candidate = (values >= min_t2.astype(np.float32)[:, None]) & testable[:, None]
        return np.argwhere(is_candidate).astype(np.int32)

    def refit(self, block: GenotypeBlock, candidates: NDArray[np.int32]) -> NDArray[np.float64]:
        """See Backend."""
        sums = np.empty((len(candidates), 3))
        hit, starts = np.unique(candidates[:, 0].astype(np.int64), return_index=True)
        for first in range(0, len(hit), REFITTED_AT_ONCE):
            chunk = hit[first : first + REFITTED_AT_ONCE]
            genotypes = block.select(chunk).minor_copies().astype(np.float64)
            for variant, start, genotype in zip(chunk, starts[first : first + REFITTED_AT_ONCE], genotypes, strict=True):
                here = slice(start, start + np.searchsorted(candidates[start:, 0], variant, side="right"))
                sums[here] = self._refit_variant(block, int(variant), genotype, candidates[here, 1])
        return sums

    def _refit_variant(
        self, block: GenotypeBlock, variant: int, genotype: NDArray[np.float64], traits: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """(h, 3) of one variant. One at a time: the bits of a larger product would depend on the other candidates."""
        projection = genotype @ self.design.basis
        cross_product = np.einsum("kn,n->k", self.traits_by_row[traits], genotype)
        projected_ss, raw_ss = float(projection @ projection), float(block.raw_ss[variant])
        trait_ss = np.ones(len(traits))
        if block.missing_calls[variant]:
            change = self._change(block, variant, projection, traits)
            raw_ss += change.raw_ss
            projected_ss += change.projected_ss
            cross_product += change.cross_product
            trait_ss -= change.trait_ss
        return np.column_stack([cross_product, np.full(len(traits), raw_ss - projected_ss), trait_ss])

    def _change(
        self, block: GenotypeBlock, variant: int, projection: NDArray[np.float64], traits: NDArray[np.int32]
    ) -> Missing:
        """How missing calls change the sums of one variant."""
        people = block.samples_missing(variant)
        basis, values = self.design.basis[people], self.design.traits[people][:, traits]
        if not self.fill_with_mean:
            return left_out(basis, values, projection)
        mean = float(block.minor_alleles[variant] / max(block.called[variant], 1))
        filled = projection + mean * basis.sum(axis=0)
        gained = float(filled @ filled - projection @ projection)
        cross_product = mean * values.sum(axis=0)
        return Missing(gained, mean * mean * len(people), cross_product, np.zeros(len(cross_product)))
