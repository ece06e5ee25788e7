"""Missing calls of a block of variants, for all traits at once: what leaving those people out changes.

The algebra is that of least_squares.left_out; here variants with the same number of missing calls are done together, the part
with all traits in float32. What is written is computed again by least_squares.left_out in float64.
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
class BlockSums:
    """Sums from which the tests of a block follow; the arrays are changed in place.

    projection     (V, R) float64, Q'g: genotypes times the basis
    projected_ss   (V,) float64, its sum of squares;  raw_ss (V,) float64, that of the genotypes
    cross_product  (V, C) float32, of which the first K columns are the traits'
    trait_ss       (V, K) float32
    """

    projection: NDArray[np.float64]
    projected_ss: NDArray[np.float64]
    raw_ss: NDArray[np.float64]
    cross_product: NDArray[np.float32]
    trait_ss: NDArray[np.float32]


class MissingCallAdjuster:
    """Adjusts the sums of a block for missing calls."""

    def __init__(self, design: Design, *, fill_with_mean: bool, thorough: bool = True) -> None:
        """thorough: y'My in full for every test. Otherwise, where that moves t squared by less than regression.MARGIN
        whatever the trait, the part of it that the covariates take from the people left out is set to its expectation.
        """
        self.basis, self.wide = design.basis, compiled.padded(design.basis)
        people, wanted = design.traits.shape
        self.padded = compiled.aligned((people, -(-wanted // compiled.GROUP) * compiled.GROUP), np.float32)
        self.padded[:, :wanted] = design.traits
        self.traits = self.padded[:, :wanted]
        self.fill_with_mean, self.thorough = fill_with_mean, thorough

    def adjust(self, block: AnyBlock, sums: BlockSums) -> None:
        """People without a call are left out of that variant, or take its mean."""
        if compiled.there() and isinstance(block, Block) and not self.fill_with_mean:
            arrays = sums.projection, block.missing, sums.projected_ss, sums.cross_product, sums.trait_ss
            compiled.gaps(block.packed, self.wide, self.padded, *arrays, thorough=self.thorough)
            return
        sums.trait_ss.fill(1.0)
        cross_product = sums.cross_product[:, : self.traits.shape[1]]
        sums = BlockSums(sums.projection, sums.projected_ss, sums.raw_ss, cross_product, sums.trait_ss)
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

    def _mean(self, block: AnyBlock, variants: NDArray[np.int64], people: NDArray[np.int64], sums: BlockSums) -> None:
        mean = block.minor[variants] / np.maximum(block.called[variants], 1)
        sums.projection[variants] += mean[:, None] * self.basis[people].sum(axis=1)
        sums.projected_ss[variants] = np.einsum("gr,gr->g", sums.projection[variants], sums.projection[variants])
        sums.raw_ss[variants] += mean**2 * people.shape[1]
        sums.cross_product[variants] += mean[:, None].astype(np.float32) * self.traits[people].sum(axis=1)

    def _few(self, variants: NDArray[np.int64], people: NDArray[np.int64], sums: BlockSums) -> None:
        basis = self.basis[people]  # (G, m, R)
        inner = np.eye(people.shape[1]) - basis @ basis.transpose(0, 2, 1)
        root = _inverse_root(inner)
        genotype = root @ (basis @ sums.projection[variants][:, :, None])  # (G, m, 1)
        traits = root.astype(np.float32) @ self.traits[people]  # (G, m, K)
        sums.projected_ss[variants] += _known(np.einsum("gmx,gmx->g", genotype, genotype), root)
        sums.cross_product[variants] += (genotype.astype(np.float32).transpose(0, 2, 1) @ traits)[:, 0]
        sums.trait_ss[variants] -= np.einsum("gmk,gmk->gk", traits, traits)

    def _many(self, variants: NDArray[np.int64], people: NDArray[np.int64], sums: BlockSums) -> None:
        basis, values = self.basis[people], self.traits[people]  # (G, m, R), (G, m, K)
        projection = sums.projection[variants]
        root = _inverse_root(np.eye(basis.shape[2]) - basis.transpose(0, 2, 1) @ basis)
        genotype = root @ projection[:, :, None]  # (G, R, 1)
        traits = root.astype(np.float32) @ (basis.astype(np.float32).transpose(0, 2, 1) @ values)  # (G, R, K)
        gained = np.einsum("grx,grx->g", genotype, genotype) - np.einsum("gr,gr->g", projection, projection)
        sums.projected_ss[variants] += _known(gained, root)
        sums.cross_product[variants] += (genotype.astype(np.float32).transpose(0, 2, 1) @ traits)[:, 0]
        sums.trait_ss[variants] -= np.einsum("gmk,gmk->gk", values, values) + np.einsum("grk,grk->gk", traits, traits)


def _inverse_root(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverses of the Cholesky factors (G, m, m); NaN where there is none."""
    roots = np.full(matrices.shape, np.nan)
    definite = np.linalg.eigvalsh(matrices)[:, 0] > SMALLEST_ROOT**2
    roots[definite] = np.linalg.inv(np.linalg.cholesky(matrices[definite]))
    return roots


def _known(projected_ss: NDArray[np.float64], root: NDArray[np.float64]) -> NDArray[np.float64]:
    """Infinite where the people who remain cannot carry the covariates."""
    return np.where(np.isnan(root[:, 0, 0]), np.inf, projected_ss)
