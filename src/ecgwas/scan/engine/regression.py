"""Tests of a block of variants with the traits of one group: a screen of all tests in float32, refits in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import AnyBlock
from ecgwas.genotypes.packed import Block
from ecgwas.native import compiled
from ecgwas.scan.engine import fused, kernels, screening
from ecgwas.scan.engine.missing_calls import BlockSums, MissingCallAdjuster
from ecgwas.scan.engine.samples import Group
from ecgwas.scan.engine.screening import Backend, HistogramPool, Screened
from ecgwas.statistics.least_squares import Missing, least_t_squared, left_out, neglog10p
from ecgwas.study.scan import Matrix

if TYPE_CHECKING:
    from ecgwas.scan.engine.cuda_tests import DeviceTests

MARGIN = 1e-3
"""Tests whose float32 t squared is below the limit by no more than this share are refitted in float64, too."""

REFITTED_AT_ONCE = 64
"""Variants with candidates that are decoded together."""


class Fitter:
    """Fits blocks of variants to the traits of one group."""

    def __init__(self, options: Matrix, group: Group, *, hard: bool = True, haploid: bool = False, fuse: bool = False) -> None:
        """hard: genotypes are hard calls, not dosages; haploid: everyone has one allele, counted as two; fuse: products need
        not be kept where tests do without them.
        """
        self.options, self.group, self.per_allele = options, group, 2.0 if haploid else 1.0
        design = group.design
        # The intercept's product follows exactly from the counts; the others are as precise as the traits'.
        columns = np.hstack([design.traits, design.basis[:, 1:]]).astype(np.float32)
        self.kernel = kernels.make(options.kernel, columns, hard=hard)
        self.device_tests = self._device_tests(hard=hard)
        fuse = fuse and isinstance(self.kernel, kernels.TableKernel) and fused.is_possible(options, people=len(columns))
        self.fused = fused.FusedTests(design) if fuse else None
        self.adjuster = MissingCallAdjuster(design, fill_with_mean=options.missing == "mean", thorough=options.dense)
        self.traits_by_row = np.ascontiguousarray(design.traits.T)
        self.padded_basis = compiled.padded(design.basis)

    def _device_tests(self, *, hard: bool) -> DeviceTests | None:
        """None if not on a GPU. Where every test is kept, or with dosages or means, the GPU computes only the product."""
        if self.options.kernel != "torch" or not hard or self.options.dense or self.options.missing != "exact":
            return None
        from ecgwas.scan.engine.cuda_kernel import TorchKernel
        from ecgwas.scan.engine.cuda_tests import DeviceTests

        assert isinstance(self.kernel, TorchKernel)
        return DeviceTests(self.group.design, self.kernel)

    def pool(self) -> HistogramPool:
        """Histograms of this group's tests."""
        return HistogramPool(self.group.design.traits.shape[1], self.device_tests)

    def candidates(self, screened: Screened, t2_histogram: Any) -> NDArray[np.int32]:
        """(H, 2) int32 variant and trait of tests that may reach keep_neglog10p; t2_histogram counts all tests."""
        return (screened.backend or screening.candidates)(screened, self.min_t2(screened), t2_histogram)

    def screen(self, block: AnyBlock) -> Screened:
        """Every test, in float32 except where digits would cancel."""
        design = self.group.design
        n_traits, rank = design.traits.shape[1], design.basis.shape[1]
        raw_ss = block.raw_ss.astype(np.float64)
        if self.device_tests is not None:
            assert isinstance(block, Block)
            sums = self.device_tests.sums(block)
            genotype_ss = raw_ss - sums.projected_ss
            errors = self.group.plink2_checks.glm_errors(block, sums.covariate_ss, sums.covariate_projection, genotype_ss)
            arrays = sums.cross_product, genotype_ss, sums.trait_ss, errors, errors == 0, self._df(block)
            return Screened(*arrays, n_traits, self.device_tests.candidates)
        projection = np.empty((len(block), rank))
        projection[:, 0] = block.minor * design.basis[0, 0]
        backend: Backend | None = None
        if self.fused is not None and isinstance(block, Block) and not block.missing.any():
            cross_product: NDArray[Any] = block.packed
            backend = self.fused.candidates
            projection[:, 1:] = self.fused.projection(block)[:, : rank - 1]
        else:
            cross_product = self.kernel.products(block)
            projection[:, 1:] = cross_product[:, n_traits : n_traits + rank - 1]
        covariate_ss = np.einsum("vr,vr->v", projection[:, 1:], projection[:, 1:])
        projected_ss = covariate_ss + projection[:, 0] ** 2
        trait_ss = None
        if block.missing.any():
            trait_ss = np.empty((len(block), n_traits), dtype=np.float32)
            self.adjuster.adjust(block, BlockSums(projection, projected_ss, raw_ss, cross_product, trait_ss))
        genotype_ss = raw_ss - projected_ss
        checks = self.group.plink2_checks
        errors = checks.glm_errors(block, covariate_ss, lambda variants: projection[variants, 1:], genotype_ss)
        return Screened(cross_product, genotype_ss, trait_ss, errors, errors == 0, self._df(block), n_traits, backend)

    def _df(self, block: AnyBlock) -> NDArray[np.int64]:
        missing = block.missing if self.options.missing == "exact" else np.zeros_like(block.missing)
        return np.asarray(self.group.design.df - missing)

    def min_t2(self, screened: Screened) -> NDArray[np.float64]:
        """(V,) t squared from which a test may reach keep_neglog10p."""
        distinct, index = np.unique(screened.df, return_inverse=True)
        limit = self.options.keep_neglog10p
        each = [least_t_squared(limit, int(df)) if df > 0 else np.inf for df in distinct]
        limits: NDArray[np.float64] = np.array(each)[index] * (1 - MARGIN)
        return limits

    def refit(self, block: AnyBlock, candidates: NDArray[np.int32], df: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Refits `candidates` (H, 2) in float64 and returns those to keep: variant, trait (indices in block and group), eaf,
        n, beta, se, t, neglog10p."""
        variants, traits = candidates[:, 0].astype(np.int64), candidates[:, 1].astype(np.int64)
        cross_product, genotype_ss, trait_ss = self._refit_sums(block, candidates).T
        df_of_test = df[variants].astype(np.float64)
        residual_ss = np.maximum(genotype_ss * trait_ss - cross_product**2, 0.0)
        scale = (
            np.where(block.flipped[variants], -self.per_allele, self.per_allele) * self.group.design.norms[traits] / genotype_ss
        )
        beta, se = cross_product * scale, np.sqrt(residual_ss / df_of_test) * np.abs(scale)
        t = np.divide(beta, se, out=np.full(len(beta), np.inf), where=se > 0)
        people = self.people(block)
        found = {
            "variant": variants, "trait": traits, "eaf": block.effect_frequency[variants], "n": people[variants],
            "beta": beta, "se": se, "t": t, "neglog10p": neglog10p(t, df_of_test),
        }  # fmt: skip
        kept = found["neglog10p"] >= self.options.keep_neglog10p
        return {name: column[kept] for name, column in found.items()}

    def people(self, block: AnyBlock) -> NDArray[np.int64]:
        """(V,) int64: people tested."""
        return block.called if self.options.missing == "exact" else np.full(len(block), block.people)

    def effects(self, block: AnyBlock, screened: Screened) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """beta and se of every test, (V, k) float32 each; NaN where not computed."""
        cross_product = screened.cross_product[:, : screened.traits]
        genotype_ss = np.where(screened.testable, screened.genotype_ss, np.nan)[:, None]
        trait_ss = 1.0 if screened.trait_ss is None else screened.trait_ss
        residual_ss = np.maximum(trait_ss * genotype_ss - np.square(cross_product, dtype=np.float64), 0.0)
        scale = self.per_allele * self.group.design.norms / genotype_ss
        sign = np.where(block.flipped, -1.0, 1.0)[:, None]
        se = np.sqrt(residual_ss / np.maximum(screened.df, 1)[:, None]) * scale
        return (sign * cross_product * scale).astype(np.float32), se.astype(np.float32)

    def _refit_sums(self, block: AnyBlock, candidates: NDArray[np.int32]) -> NDArray[np.float64]:
        """(H, 3) float64: g'My, g'Mg and y'My of unit traits."""
        design = self.group.design
        exact = self.options.missing == "exact" or not block.missing.any()
        if compiled.is_available() and isinstance(block, Block) and exact:
            raw_ss = block.raw_ss.astype(np.float64)
            return compiled.refit_exact(
                block.packed, self.padded_basis, design.basis.shape[1], self.traits_by_row, candidates, block.missing, raw_ss
            )
        sums = np.empty((len(candidates), 3))
        hit, starts = np.unique(candidates[:, 0].astype(np.int64), return_index=True)
        for first in range(0, len(hit), REFITTED_AT_ONCE):
            chunk = hit[first : first + REFITTED_AT_ONCE]
            genotypes = block.pick(chunk).decoded().astype(np.float64)
            for i, start, genotype in zip(chunk, starts[first : first + REFITTED_AT_ONCE], genotypes, strict=True):
                here = slice(start, start + np.searchsorted(candidates[start:, 0], i, side="right"))
                sums[here] = self._refit_variant(block, int(i), genotype, candidates[here, 1])
        return sums

    def _refit_variant(
        self, block: AnyBlock, variant: int, genotype: NDArray[np.float64], traits: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """(h, 3) of one variant. One at a time: the bits of a larger product would depend on the other candidates."""
        projection = genotype @ self.group.design.basis
        cross_product = np.einsum("kn,n->k", self.traits_by_row[traits], genotype)
        projected_ss, raw_ss = float(projection @ projection), float(block.raw_ss[variant])
        trait_ss = np.ones(len(traits))
        if block.missing[variant]:
            change = self._change(block, variant, projection, traits)
            raw_ss += change.raw_ss
            projected_ss += change.projected_ss
            cross_product += change.cross_product
            trait_ss -= change.trait_ss
        return np.column_stack([cross_product, np.full(len(traits), raw_ss - projected_ss), trait_ss])

    def _change(self, block: AnyBlock, variant: int, projection: NDArray[np.float64], traits: NDArray[np.int32]) -> Missing:
        """How missing calls change the sums."""
        people = block.absent(variant)
        basis, values = self.group.design.basis[people], self.group.design.traits[people][:, traits]
        if self.options.missing == "exact":
            return left_out(basis, values, projection)
        mean = float(block.minor[variant] / max(block.called[variant], 1))
        filled = projection + mean * basis.sum(axis=0)
        gained = float(filled @ filled - projection @ projection)
        cross_product = mean * values.sum(axis=0)
        return Missing(gained, mean * mean * len(people), cross_product, np.zeros(len(cross_product)))
