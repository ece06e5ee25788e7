"""Missing calls of a block of variants: the changes for all traits when participants without a call are excluded.

The algebra is that of least_squares.left_out. Variants with the same number of missing calls are processed together, and sums
over traits are in float32. Tests that are kept are refitted in float64 by least_squares.left_out. The compiled part has an
adjuster of the same kind (backends/compiled_backend.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.native.constants import SMALLEST_ROOT
from ecgwas.statistics.least_squares import Design

GATHERED_BYTES = 2**25
"""Size of the traits' rows that are gathered at a time."""


@dataclass(frozen=True)
class RawSums:
    """Sums in which a missing call counts as 0 copies. An adjuster changes these arrays in place.

    projection     (V, R) float64, Q'g: genotypes times the basis
    projected_ss   (V,) float64, sum of squares of the projection;  raw_ss (V,) float64, that of the genotypes
    cross_product  (V, C) float32, of which the first K columns are the traits'
    trait_ss       (V, K) float32, not yet filled in
    """

    projection: NDArray[np.float64]
    projected_ss: NDArray[np.float64]
    raw_ss: NDArray[np.float64]
    cross_product: NDArray[np.float32]
    trait_ss: NDArray[np.float32]


class MissingCallAdjuster(Protocol):
    """Adjusts the sums of a block for missing calls."""

    def adjust(self, block: GenotypeBlock, sums: RawSums) -> None:
        """Changes `sums` and fills in their trait_ss; some calls in `block` are missing."""


class ReferenceAdjuster:
    """A MissingCallAdjuster in NumPy."""

    def __init__(self, design: Design, *, fill_with_mean: bool) -> None:
        self.basis, self.traits = design.basis, design.traits.astype(np.float32)
        self.fill_with_mean = fill_with_mean

    def adjust(self, block: GenotypeBlock, sums: RawSums) -> None:
        """Excludes participants without a call from that variant, or assigns them its mean."""
        sums.trait_ss.fill(1.0)
        cross_product = sums.cross_product[:, : self.traits.shape[1]]
        sums = RawSums(sums.projection, sums.projected_ss, sums.raw_ss, cross_product, sums.trait_ss)
        for missing in np.unique(block.missing_calls[block.missing_calls > 0]):
            for variants, people in self._grouped(block, int(missing)):
                if self.fill_with_mean:
                    self._fill(block, variants, people, sums)
                elif missing <= self.basis.shape[1]:
                    self._by_sample(variants, people, sums)
                else:
                    self._by_covariate(variants, people, sums)

    def _grouped(self, block: GenotypeBlock, missing: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yields variants (G,) with `missing` missing calls, and the participants without a call (G, missing), in chunks."""
        same = np.flatnonzero(block.missing_calls == missing)
        bytes_each = 4 * missing * max(self.traits.shape[1], self.basis.shape[1]) + block.people
        step = max(1, GATHERED_BYTES // bytes_each)
        for start in range(0, len(same), step):
            chunk = same[start : start + step]
            yield chunk, block.samples_missing_each(chunk).reshape(len(chunk), missing)

    def _fill(self, block: GenotypeBlock, variants: NDArray[np.int64], people: NDArray[np.int64], sums: RawSums) -> None:
        mean = block.minor_alleles[variants] / np.maximum(block.called[variants], 1)
        sums.projection[variants] += mean[:, None] * self.basis[people].sum(axis=1)
        sums.projected_ss[variants] = np.einsum("gr,gr->g", sums.projection[variants], sums.projection[variants])
        sums.raw_ss[variants] += mean**2 * people.shape[1]
        sums.cross_product[variants] += mean[:, None].astype(np.float32) * self.traits[people].sum(axis=1)

    def _by_sample(self, variants: NDArray[np.int64], people: NDArray[np.int64], sums: RawSums) -> None:
        basis = self.basis[people]  # (G, m, R)
        complement = np.eye(people.shape[1]) - basis @ basis.transpose(0, 2, 1)
        root = _inverse_root(complement)
        genotype = root @ (basis @ sums.projection[variants][:, :, None])  # (G, m, 1)
        traits = root.astype(np.float32) @ self.traits[people]  # (G, m, K)
        sums.projected_ss[variants] += _infinite_if_singular(np.einsum("gmx,gmx->g", genotype, genotype), root)
        sums.cross_product[variants] += (genotype.astype(np.float32).transpose(0, 2, 1) @ traits)[:, 0]
        sums.trait_ss[variants] -= np.einsum("gmk,gmk->gk", traits, traits)

    def _by_covariate(self, variants: NDArray[np.int64], people: NDArray[np.int64], sums: RawSums) -> None:
        basis, values = self.basis[people], self.traits[people]  # (G, m, R), (G, m, K)
        projection = sums.projection[variants]
        root = _inverse_root(np.eye(basis.shape[2]) - basis.transpose(0, 2, 1) @ basis)
        genotype = root @ projection[:, :, None]  # (G, R, 1)
        traits = root.astype(np.float32) @ (basis.astype(np.float32).transpose(0, 2, 1) @ values)  # (G, R, K)
        gained = np.einsum("grx,grx->g", genotype, genotype) - np.einsum("gr,gr->g", projection, projection)
        sums.projected_ss[variants] += _infinite_if_singular(gained, root)
        sums.cross_product[variants] += (genotype.astype(np.float32).transpose(0, 2, 1) @ traits)[:, 0]
        sums.trait_ss[variants] -= np.einsum("gmk,gmk->gk", values, values) + np.einsum("grk,grk->gk", traits, traits)


def _inverse_root(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverses of the Cholesky factors (G, m, m); NaN if not positive definite."""
    roots = np.full(matrices.shape, np.nan)
    definite = np.linalg.eigvalsh(matrices)[:, 0] > SMALLEST_ROOT**2
    roots[definite] = np.linalg.inv(np.linalg.cholesky(matrices[definite]))
    return roots


def _infinite_if_singular(projected_ss: NDArray[np.float64], root: NDArray[np.float64]) -> NDArray[np.float64]:
    """Infinite where the covariates are collinear among the remaining participants."""
    return np.where(np.isnan(root[:, 0, 0]), np.inf, projected_ss)
