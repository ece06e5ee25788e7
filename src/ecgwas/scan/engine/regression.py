"""The tests of a block of variants with the traits of one group: float32 for all of them, float64 for those that matter."""

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
"""float32 t squared this far below the limit, relatively, are still computed in float64."""

TOGETHER = 64
"""Variants with hits that are decoded at once."""


class Fitter:
    """Fits blocks of variants to the traits of one group."""

    def __init__(
        self, options: Matrix, group: Group, *, hard: bool = True, haploid: bool = False, streaming: bool = False
    ) -> None:
        """hard: genotypes are hard calls, not dosages; haploid: everybody has one allele, counted as two; streaming: products
        need not be kept where tests can do without.
        """
        self.options, self.group, self.per_allele = options, group, 2.0 if haploid else 1.0
        design = group.design
        # The intercept's product is known from counts, exactly; the others are as good as the traits'.
        columns = np.hstack([design.traits, design.basis[:, 1:]]).astype(np.float32)
        self.kernel = kernels.make(options.kernel, columns, hard=hard)
        self.on_device = self._device_tests(hard=hard)
        streaming = streaming and isinstance(self.kernel, kernels.TableKernel) and fused.fits(options, people=len(columns))
        self.streamed = fused.Streamed(design) if streaming else None
        self.adjuster = MissingCallAdjuster(design, fill_with_mean=options.missing == "mean", thorough=options.dense)
        self.by_trait = np.ascontiguousarray(design.traits.T)
        self.wide = compiled.padded(design.basis)

    def _device_tests(self, *, hard: bool) -> DeviceTests | None:
        """Where every test is kept, or dosages or means are used, a GPU computes the product alone."""
        if self.options.kernel != "torch" or not hard or self.options.dense or self.options.missing != "exact":
            return None
        from ecgwas.scan.engine.cuda_kernel import TorchKernel
        from ecgwas.scan.engine.cuda_tests import DeviceTests

        assert isinstance(self.kernel, TorchKernel)
        return DeviceTests(self.group.design, self.kernel)

    def pool(self) -> HistogramPool:
        """Histograms of this group's tests, where they are counted."""
        return HistogramPool(self.group.design.traits.shape[1], self.on_device)

    def candidates(self, screened: Screened, counts: Any) -> NDArray[np.int32]:
        """(H, 2) int32 variant and trait of tests that may reach keep_neglog10p; all tests join a thread's `counts`."""
        return (screened.backend or screening.candidates)(screened, self.min_t2(screened), counts)

    def screen(self, block: AnyBlock) -> Screened:
        """All tests, in float32 but for what would cancel."""
        design = self.group.design
        wanted, rank = design.traits.shape[1], design.basis.shape[1]
        raw_ss = block.raw_ss.astype(np.float64)
        if self.on_device is not None:
            assert isinstance(block, Block)
            held = self.on_device.sums(block)
            genotype_ss = raw_ss - held.projected_ss
            codes = self.group.rules.codes(block, held.of_covariates, held.covariate_projection, genotype_ss)
            arrays = held.cross_product, genotype_ss, held.trait_ss, codes, codes == 0, self._degrees(block)
            return Screened(*arrays, wanted, self.on_device.candidates)
        projection = np.empty((len(block), rank))
        projection[:, 0] = block.minor * design.basis[0, 0]
        backend: Backend | None = None
        if self.streamed is not None and isinstance(block, Block) and not block.missing.any():
            cross_product: NDArray[Any] = block.packed
            backend = self.streamed.candidates
            projection[:, 1:] = self.streamed.projection(block)[:, : rank - 1]
        else:
            cross_product = self.kernel.products(block)
            projection[:, 1:] = cross_product[:, wanted : wanted + rank - 1]
        of_covariates = np.einsum("vr,vr->v", projection[:, 1:], projection[:, 1:])
        projected_ss = of_covariates + projection[:, 0] ** 2
        trait_ss = None
        if block.missing.any():
            trait_ss = np.empty((len(block), wanted), dtype=np.float32)
            self.adjuster.adjust(block, BlockSums(projection, projected_ss, raw_ss, cross_product, trait_ss))
        genotype_ss = raw_ss - projected_ss
        codes = self.group.rules.codes(block, of_covariates, lambda some: projection[some, 1:], genotype_ss)
        return Screened(cross_product, genotype_ss, trait_ss, codes, codes == 0, self._degrees(block), wanted, backend)

    def _degrees(self, block: AnyBlock) -> NDArray[np.int64]:
        lost = block.missing if self.options.missing == "exact" else np.zeros_like(block.missing)
        return np.asarray(self.group.design.df - lost)

    def min_t2(self, screened: Screened) -> NDArray[np.float64]:
        """(V,) t squared from which a test may reach keep_neglog10p."""
        values, places = np.unique(screened.df, return_inverse=True)
        limit = self.options.keep_neglog10p
        each = [least_t_squared(limit, int(df)) if df > 0 else np.inf for df in values]
        found: NDArray[np.float64] = np.array(each)[places] * (1 - MARGIN)
        return found

    def exact(self, block: AnyBlock, candidates: NDArray[np.int32], df: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The tests `candidates` (H, 2) in float64 that are kept: variant, trait (places here), eaf, n, beta, se, t,
        neglog10p."""
        variants, traits = candidates[:, 0].astype(np.int64), candidates[:, 1].astype(np.int64)
        cross_product, genotype_ss, trait_ss = self._refits(block, candidates).T
        freedom = df[variants].astype(np.float64)
        unexplained = np.maximum(genotype_ss * trait_ss - cross_product**2, 0.0)
        scale = (
            np.where(block.flipped[variants], -self.per_allele, self.per_allele) * self.group.design.norms[traits] / genotype_ss
        )
        beta, se = cross_product * scale, np.sqrt(unexplained / freedom) * np.abs(scale)
        t = np.divide(beta, se, out=np.full(len(beta), np.inf), where=se > 0)
        people = self.people(block)
        found = {
            "variant": variants, "trait": traits, "eaf": block.effect_frequency[variants], "n": people[variants],
            "beta": beta, "se": se, "t": t, "neglog10p": neglog10p(t, freedom),
        }  # fmt: skip
        kept = found["neglog10p"] >= self.options.keep_neglog10p
        return {name: column[kept] for name, column in found.items()}

    def people(self, block: AnyBlock) -> NDArray[np.int64]:
        """(V,) int64, people tested."""
        return block.called if self.options.missing == "exact" else np.full(len(block), block.people)

    def effects(self, block: AnyBlock, screened: Screened) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """beta and se of every test, (V, k) float32 each; NaN where not computed."""
        cross_product = screened.cross_product[:, : screened.traits]
        genotype_ss = np.where(screened.testable, screened.genotype_ss, np.nan)[:, None]
        trait_ss = 1.0 if screened.trait_ss is None else screened.trait_ss
        unexplained = np.maximum(trait_ss * genotype_ss - np.square(cross_product, dtype=np.float64), 0.0)
        scale = self.per_allele * self.group.design.norms / genotype_ss
        sign = np.where(block.flipped, -1.0, 1.0)[:, None]
        se = np.sqrt(unexplained / np.maximum(screened.df, 1)[:, None]) * scale
        return (sign * cross_product * scale).astype(np.float32), se.astype(np.float32)

    def _refits(self, block: AnyBlock, candidates: NDArray[np.int32]) -> NDArray[np.float64]:
        """(H, 3) float64: g'My, g'Mg and y'My of unit traits."""
        design = self.group.design
        exact = self.options.missing == "exact" or not block.missing.any()
        if compiled.there() and isinstance(block, Block) and exact:
            raw_ss = block.raw_ss.astype(np.float64)
            return compiled.refits(
                block.packed, self.wide, design.basis.shape[1], self.by_trait, candidates, block.missing, raw_ss
            )
        found = np.empty((len(candidates), 3))
        hit, starts = np.unique(candidates[:, 0].astype(np.int64), return_index=True)
        for first in range(0, len(hit), TOGETHER):
            some = hit[first : first + TOGETHER]
            genotypes = block.pick(some).decoded().astype(np.float64)
            for i, start, genotype in zip(some, starts[first : first + TOGETHER], genotypes, strict=True):
                here = slice(start, start + np.searchsorted(candidates[start:, 0], i, side="right"))
                found[here] = self._refit(block, int(i), genotype, candidates[here, 1])
        return found

    def _refit(
        self, block: AnyBlock, variant: int, genotype: NDArray[np.float64], traits: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """(h, 3) of one variant. One at a time: the bits of a larger product would depend on what else was hit."""
        projection = genotype @ self.group.design.basis
        cross_product = np.einsum("kn,n->k", self.by_trait[traits], genotype)
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
        """What missing calls change."""
        people = block.absent(variant)
        basis, values = self.group.design.basis[people], self.group.design.traits[people][:, traits]
        if self.options.missing == "exact":
            return left_out(basis, values, projection)
        mean = float(block.minor[variant] / max(block.called[variant], 1))
        filled = projection + mean * basis.sum(axis=0)
        gained = float(filled @ filled - projection @ projection)
        cross_product = mean * values.sum(axis=0)
        return Missing(gained, mean * mean * len(people), cross_product, np.zeros(len(cross_product)))
