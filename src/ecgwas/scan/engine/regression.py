"""The tests of a block of variants with the traits of one group: float32 for all of them, float64 for those that matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import AnyBlock
from ecgwas.genotypes.packed import Block
from ecgwas.native import compiled
from ecgwas.scan.engine import fused, kernels, screening
from ecgwas.scan.engine.missing_calls import Gaps, Sums
from ecgwas.scan.engine.samples import Group
from ecgwas.scan.engine.screening import Screened, Tally, Tester
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
        self.gaps = Gaps(design, fill_with_mean=options.missing == "mean", thorough=options.dense)
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

    def tally(self) -> Tally:
        """Histograms of this group's tests, where they are counted."""
        return Tally(self.group.design.traits.shape[1], self.on_device)

    def reached(self, screened: Screened, counts: Any) -> NDArray[np.int32]:
        """(H, 2) int32 variant and trait of tests that may reach keep_neglog10p; all tests join a thread's `counts`."""
        return (screened.by or screening.reached)(screened, self.least(screened), counts)

    def screen(self, block: AnyBlock) -> Screened:
        """All tests, in float32 but for what would cancel."""
        design = self.group.design
        wanted, rank = design.traits.shape[1], design.basis.shape[1]
        squares = block.squares.astype(np.float64)
        if self.on_device is not None:
            assert isinstance(block, Block)
            held = self.on_device.sums(block)
            remaining = squares - held.explained
            codes = self.group.rules.codes(block, held.of_covariates, held.along_covariates, remaining)
            arrays = held.product, remaining, held.length, codes, codes == 0, self._degrees(block)
            return Screened(*arrays, wanted, self.on_device.reached)
        along = np.empty((len(block), rank))
        along[:, 0] = block.minor * design.basis[0, 0]
        by: Tester | None = None
        if self.streamed is not None and isinstance(block, Block) and not block.missing.any():
            product: NDArray[Any] = block.packed
            by = self.streamed.reached
            along[:, 1:] = self.streamed.along(block)[:, : rank - 1]
        else:
            product = self.kernel.products(block)
            along[:, 1:] = product[:, wanted : wanted + rank - 1]
        of_covariates = np.einsum("vr,vr->v", along[:, 1:], along[:, 1:])
        explained = of_covariates + along[:, 0] ** 2
        length = None
        if block.missing.any():
            length = np.empty((len(block), wanted), dtype=np.float32)
            self.gaps.mend(block, Sums(along, explained, squares, product, length))
        remaining = squares - explained
        codes = self.group.rules.codes(block, of_covariates, lambda some: along[some, 1:], remaining)
        return Screened(product, remaining, length, codes, codes == 0, self._degrees(block), wanted, by)

    def _degrees(self, block: AnyBlock) -> NDArray[np.int64]:
        lost = block.missing if self.options.missing == "exact" else np.zeros_like(block.missing)
        return np.asarray(self.group.design.degrees - lost)

    def least(self, screened: Screened) -> NDArray[np.float64]:
        """(V,) t squared from which a test may reach keep_neglog10p."""
        values, places = np.unique(screened.degrees, return_inverse=True)
        limit = self.options.keep_neglog10p
        each = [least_t_squared(limit, int(degrees)) if degrees > 0 else np.inf for degrees in values]
        found: NDArray[np.float64] = np.array(each)[places] * (1 - MARGIN)
        return found

    def exact(self, block: AnyBlock, reached: NDArray[np.int32], degrees: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The tests `reached` (H, 2) in float64 that are kept: variant, trait (places here), eaf, n, beta, se, t, neglog10p."""
        variants, traits = reached[:, 0].astype(np.int64), reached[:, 1].astype(np.int64)
        product, remaining, length = self._refits(block, reached).T
        freedom = degrees[variants].astype(np.float64)
        unexplained = np.maximum(remaining * length - product**2, 0.0)
        scale = (
            np.where(block.flipped[variants], -self.per_allele, self.per_allele) * self.group.design.norms[traits] / remaining
        )
        beta, se = product * scale, np.sqrt(unexplained / freedom) * np.abs(scale)
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
        product = screened.product[:, : screened.traits]
        remaining = np.where(screened.fine, screened.remaining, np.nan)[:, None]
        length = 1.0 if screened.length is None else screened.length
        unexplained = np.maximum(length * remaining - np.square(product, dtype=np.float64), 0.0)
        scale = self.per_allele * self.group.design.norms / remaining
        sign = np.where(block.flipped, -1.0, 1.0)[:, None]
        se = np.sqrt(unexplained / np.maximum(screened.degrees, 1)[:, None]) * scale
        return (sign * product * scale).astype(np.float32), se.astype(np.float32)

    def _refits(self, block: AnyBlock, reached: NDArray[np.int32]) -> NDArray[np.float64]:
        """(H, 3) float64: g'My, g'Mg and y'My of unit traits."""
        design = self.group.design
        exact = self.options.missing == "exact" or not block.missing.any()
        if compiled.there() and isinstance(block, Block) and exact:
            squares = block.squares.astype(np.float64)
            return compiled.refits(
                block.packed, self.wide, design.basis.shape[1], self.by_trait, reached, block.missing, squares
            )
        found = np.empty((len(reached), 3))
        hit, starts = np.unique(reached[:, 0].astype(np.int64), return_index=True)
        for first in range(0, len(hit), TOGETHER):
            some = hit[first : first + TOGETHER]
            genotypes = block.pick(some).decoded().astype(np.float64)
            for i, start, genotype in zip(some, starts[first : first + TOGETHER], genotypes, strict=True):
                here = slice(start, start + np.searchsorted(reached[start:, 0], i, side="right"))
                found[here] = self._refit(block, int(i), genotype, reached[here, 1])
        return found

    def _refit(
        self, block: AnyBlock, variant: int, genotype: NDArray[np.float64], traits: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """(h, 3) of one variant. One at a time: the bits of a larger product would depend on what else was hit."""
        along = genotype @ self.group.design.basis
        product = np.einsum("kn,n->k", self.by_trait[traits], genotype)
        explained, squares = float(along @ along), float(block.squares[variant])
        length = np.ones(len(traits))
        if block.missing[variant]:
            change = self._change(block, variant, along, traits)
            squares += change.squares
            explained += change.explained
            product += change.product
            length -= change.length
        return np.column_stack([product, np.full(len(traits), squares - explained), length])

    def _change(self, block: AnyBlock, variant: int, along: NDArray[np.float64], traits: NDArray[np.int32]) -> Missing:
        """What missing calls change."""
        people = block.absent(variant)
        basis, values = self.group.design.basis[people], self.group.design.traits[people][:, traits]
        if self.options.missing == "exact":
            return left_out(basis, values, along)
        mean = float(block.minor[variant] / max(block.called[variant], 1))
        filled = along + mean * basis.sum(axis=0)
        gained = float(filled @ filled - along @ along)
        product = mean * values.sum(axis=0)
        return Missing(gained, mean * mean * len(people), product, np.zeros(len(product)))
