"""The tests of a block of variants with the traits of one group: float32 for all of them, float64 for those that matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.associate import kernels
from ecgwas.associate.algebra import Missing, least_t_squared, left_out, neglog10p
from ecgwas.associate.codes import Block
from ecgwas.associate.cohort import Group
from ecgwas.associate.gaps import Gaps, Sums
from ecgwas.study.scan import Matrix

MARGIN = 1e-3
"""float32 t squared this far below the limit, relatively, are still computed in float64."""

TOGETHER = 64
"""Variants with hits that are decoded at once."""


@dataclass(frozen=True)
class Screened:
    """Every test of a block.

    chi2     (V, k) float32, t squared; 0 where not computed
    codes    (V,) text, PLINK's code where not computed, else empty
    degrees  (V,) int64, degrees of freedom
    """

    chi2: NDArray[np.float32]
    codes: NDArray[np.object_]
    degrees: NDArray[np.int64]


class Fitter:
    """Fits blocks of variants to the traits of one group."""

    def __init__(self, options: Matrix, group: Group) -> None:
        self.options, self.group = options, group
        design = group.design
        # The intercept's product is known from counts, exactly; the others are as good as the traits'.
        columns = np.hstack([design.traits, design.basis[:, 1:]]).astype(np.float32)
        self.kernel = kernels.make(options.kernel, columns)
        self.gaps = Gaps(design, fill_with_mean=options.missing == "mean")
        self.by_trait = np.ascontiguousarray(design.traits.T)

    def screen(self, block: Block) -> Screened:
        """All tests, in float32 but for what would cancel."""
        design = self.group.design
        wanted, rank = design.traits.shape[1], design.basis.shape[1]
        products = self.kernel.products(block)
        product, along = products[:, :wanted], np.empty((len(block), rank))
        along[:, 0] = block.minor * design.basis[0, 0]
        along[:, 1:] = products[:, wanted:]
        squares = block.squares.astype(np.float64)
        explained = np.einsum("vr,vr->v", along, along)
        length = np.ones((len(block), 1), dtype=np.float32)
        if block.missing.any():
            length = np.ones(product.shape, dtype=np.float32)
            self.gaps.mend(block, Sums(along, explained, squares, product, length))
        degrees = self._degrees(block)
        codes = self.group.rules.codes(block, along, squares - explained, rank)
        codes[(codes == "") & ~(squares - explained > 0)] = "VIF_INFINITE"
        return Screened(_t_squared(product, squares - explained, length, degrees, codes == ""), codes, degrees)

    def _degrees(self, block: Block) -> NDArray[np.int64]:
        lost = block.missing if self.options.missing == "exact" else np.zeros_like(block.missing)
        return np.asarray(self.group.design.degrees - lost)

    def _change(
        self, block: Block, variant: int, along: NDArray[np.float64], traits: NDArray[np.int64] | slice = slice(None)
    ) -> Missing:
        """What missing calls change; `along` itself is put right where they are filled with the mean."""
        people = block.absent(variant)
        basis, values = self.group.design.basis[people], self.group.design.traits[people][:, traits]
        if self.options.missing == "exact":
            return left_out(basis, values, along)
        mean = float(block.minor[variant] / max(block.called[variant], 1))
        before = float(along @ along)
        along += mean * basis.sum(axis=0)
        product = mean * values.sum(axis=0)
        return Missing(float(along @ along) - before, mean * mean * len(people), product, np.zeros(len(product)))

    def reached(self, screened: Screened) -> NDArray[np.bool_]:
        """(V, k) tests that may reach keep_neglog10p."""
        limit = self.options.keep_neglog10p
        fine = screened.codes == ""
        each = {int(degrees): least_t_squared(limit, int(degrees)) for degrees in np.unique(screened.degrees[fine])}
        least = np.array([each.get(int(degrees), np.inf) for degrees in screened.degrees]) * (1 - MARGIN)
        return np.asarray((screened.chi2 >= least[:, None]) & fine[:, None])

    def exact(self, block: Block, reached: NDArray[np.bool_], degrees: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The tests `reached` (V, k) in float64: variant, trait (places here), eaf, n, beta, se, t, neglog10p."""
        variants, traits = np.nonzero(reached)
        beta, se = np.empty(len(variants)), np.empty(len(variants))
        starts = np.searchsorted(variants, np.arange(len(block) + 1))
        hit = np.flatnonzero(reached.any(axis=1))
        for some in (hit[first : first + TOGETHER] for first in range(0, len(hit), TOGETHER)):
            genotypes = block.pick(some).decoded().astype(np.float64)
            for i, genotype in zip(some, genotypes, strict=True):
                here = slice(starts[i], starts[i + 1])
                beta[here], se[here] = self._refit(block, int(i), genotype, traits[here], int(degrees[i]))
        freedom = degrees[variants].astype(np.float64)
        t = np.divide(beta, se, out=np.full(len(beta), np.inf), where=se > 0)
        people = block.called if self.options.missing == "exact" else np.full(len(block), block.people)
        return {
            "variant": variants, "trait": traits, "eaf": block.effect_frequency[variants], "n": people[variants],
            "beta": beta, "se": se, "t": t, "neglog10p": neglog10p(t, freedom),
        }  # fmt: skip

    def _refit(
        self, block: Block, variant: int, genotype: NDArray[np.float64], traits: NDArray[np.int64], degrees: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Effect of one effect allele and its standard error, (k,) float64 each, in the traits' units."""
        design = self.group.design
        # One variant at a time: the bits of a larger product would depend on what else was hit.
        along = genotype @ design.basis
        product = np.einsum("kn,n->k", self.by_trait[traits], genotype)
        explained, squares, length = (
            float(along @ along),
            float(block.ones[variant] + 4 * block.twos[variant]),
            np.ones(len(traits)),
        )
        if block.missing[variant]:
            change = self._change(block, variant, along, traits)
            squares += change.squares
            explained += change.explained
            product += change.product
            length -= change.length
        remaining = squares - explained
        unexplained = np.maximum(remaining * length - product**2, 0.0)
        scale = design.norms[traits] / remaining
        sign = -1.0 if block.flipped[variant] else 1.0
        return sign * product * scale, np.sqrt(unexplained / degrees) * scale


def _t_squared(
    product: NDArray[np.float32], remaining: NDArray[np.float64], length: NDArray[np.float32], degrees: NDArray[np.int64],
    fine: NDArray[np.bool_],
) -> NDArray[np.float32]:  # fmt: skip
    scale = np.where(fine, remaining, 1.0).astype(np.float32)[:, None]
    explained = np.square(product) / scale
    unexplained = np.maximum(length - explained, np.float32(1e-12))
    chi2 = explained / unexplained * degrees.astype(np.float32)[:, None]
    chi2[~fine] = 0.0
    return np.asarray(chi2, dtype=np.float32)
