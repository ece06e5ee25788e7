"""Missing calls of a block of variants, for all traits at once: what leaving those people out changes.

The algebra is that of algebra.left_out; here variants with the same number of missing calls are done together, the part
with all traits in float32. What is written is computed again by algebra.left_out in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import AnyBlock
from ecgwas.genotypes.packed import Block
from ecgwas.native import compiled
from ecgwas.statistics.least_squares import Design

GATHERED_BYTES = 2**25
"""Rows of traits that are gathered at once."""

SMALLEST_ROOT = 1e-6
"""A Cholesky factor with a smaller diagonal means that the people who remain cannot carry the covariates."""


@dataclass(frozen=True)
class Sums:
    """What the tests of a block are made of; the arrays are changed in place.

    along (V, R) genotypes times basis; explained, squares (V,) float64; product (V, C) float32, of which the first K
    columns are the traits', and length (V, K) float32
    """

    along: NDArray[np.float64]
    explained: NDArray[np.float64]
    squares: NDArray[np.float64]
    product: NDArray[np.float32]
    length: NDArray[np.float32]


class Gaps:
    """Puts missing calls right."""

    def __init__(self, design: Design, *, fill_with_mean: bool, thorough: bool = True) -> None:
        """thorough: y'My in full for every test. Otherwise, where that moves t squared by less than fit.MARGIN whatever the
        trait, the part of it that the covariates take from the people left out is set to what is expected of them.
        """
        self.basis, self.wide = design.basis, compiled.padded(design.basis)
        people, wanted = design.traits.shape
        self.padded = compiled.aligned((people, -(-wanted // compiled.GROUP) * compiled.GROUP), np.float32)
        self.padded[:, :wanted] = design.traits
        self.traits = self.padded[:, :wanted]
        self.fill_with_mean, self.thorough = fill_with_mean, thorough

    def mend(self, block: AnyBlock, sums: Sums) -> None:
        """People without a call are left out of that variant, or take its mean."""
        if compiled.there() and isinstance(block, Block) and not self.fill_with_mean:
            arrays = sums.along, block.missing, sums.explained, sums.product, sums.length
            compiled.gaps(block.packed, self.wide, self.padded, *arrays, thorough=self.thorough)
            return
        sums.length.fill(1.0)
        product = sums.product[:, : self.traits.shape[1]]
        sums = Sums(sums.along, sums.explained, sums.squares, product, sums.length)
        for missing in np.unique(block.missing[block.missing > 0]):
            for variants, people in self._together(block, int(missing)):
                if self.fill_with_mean:
                    self._mean(block, variants, people, sums)
                elif missing <= self.basis.shape[1]:
                    self._few(variants, people, sums)
                else:
                    self._many(variants, people, sums)

    def _together(self, block: AnyBlock, missing: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Variants (G,) with so many missing calls and the people who miss them (G, missing), some at a time."""
        same = np.flatnonzero(block.missing == missing)
        wide = 4 * missing * max(self.traits.shape[1], self.basis.shape[1]) + block.people
        step = max(1, GATHERED_BYTES // wide)
        for start in range(0, len(same), step):
            some = same[start : start + step]
            yield some, block.lacking(some).reshape(len(some), missing)

    def _mean(self, block: AnyBlock, variants: NDArray[np.int64], people: NDArray[np.int64], sums: Sums) -> None:
        mean = block.minor[variants] / np.maximum(block.called[variants], 1)
        sums.along[variants] += mean[:, None] * self.basis[people].sum(axis=1)
        sums.explained[variants] = np.einsum("gr,gr->g", sums.along[variants], sums.along[variants])
        sums.squares[variants] += mean**2 * people.shape[1]
        sums.product[variants] += mean[:, None].astype(np.float32) * self.traits[people].sum(axis=1)

    def _few(self, variants: NDArray[np.int64], people: NDArray[np.int64], sums: Sums) -> None:
        basis = self.basis[people]  # (G, m, R)
        inner = np.eye(people.shape[1]) - basis @ basis.transpose(0, 2, 1)
        root = _inverse_root(inner)
        genotype = root @ (basis @ sums.along[variants][:, :, None])  # (G, m, 1)
        traits = root.astype(np.float32) @ self.traits[people]  # (G, m, K)
        sums.explained[variants] += _known(np.einsum("gmx,gmx->g", genotype, genotype), root)
        sums.product[variants] += (genotype.astype(np.float32).transpose(0, 2, 1) @ traits)[:, 0]
        sums.length[variants] -= np.einsum("gmk,gmk->gk", traits, traits)

    def _many(self, variants: NDArray[np.int64], people: NDArray[np.int64], sums: Sums) -> None:
        basis, values = self.basis[people], self.traits[people]  # (G, m, R), (G, m, K)
        along = sums.along[variants]
        root = _inverse_root(np.eye(basis.shape[2]) - basis.transpose(0, 2, 1) @ basis)
        genotype = root @ along[:, :, None]  # (G, R, 1)
        traits = root.astype(np.float32) @ (basis.astype(np.float32).transpose(0, 2, 1) @ values)  # (G, R, K)
        gained = np.einsum("grx,grx->g", genotype, genotype) - np.einsum("gr,gr->g", along, along)
        sums.explained[variants] += _known(gained, root)
        sums.product[variants] += (genotype.astype(np.float32).transpose(0, 2, 1) @ traits)[:, 0]
        sums.length[variants] -= np.einsum("gmk,gmk->gk", values, values) + np.einsum("grk,grk->gk", traits, traits)


def _inverse_root(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverses of the Cholesky factors (G, m, m); NaN where there is none."""
    roots = np.full(matrices.shape, np.nan)
    definite = np.linalg.eigvalsh(matrices)[:, 0] > SMALLEST_ROOT**2
    roots[definite] = np.linalg.inv(np.linalg.cholesky(matrices[definite]))
    return roots


def _known(explained: NDArray[np.float64], root: NDArray[np.float64]) -> NDArray[np.float64]:
    """Infinite where the people who remain cannot carry the covariates."""
    return np.where(np.isnan(root[:, 0, 0]), np.inf, explained)
