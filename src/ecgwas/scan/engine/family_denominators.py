"""Denominators of a block of variants in the mixed model of families, from the genotypes of people who have relatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.genotypes.packed import NO_CALL, PackedBlock
from ecgwas.mixed import family_screen
from ecgwas.native.constants import PEOPLE_PER_BYTE
from ecgwas.scan.engine import backends
from ecgwas.statistics.least_squares import Design
from ecgwas.study.scan import Matrix

CHUNK_BYTES = 2**23
"""Size of the genotypes that are decoded at a time."""


@dataclass(frozen=True)
class BlockDenominators:
    """denominators (V, K) float32, and share (V,), see FamilyScreened."""

    denominators: NDArray[np.float32]
    share: NDArray[np.float64]


class BlockFactors:
    """Multiplies blocks of variants with the columns of a screen, and finds their denominators. Threads may share it."""

    def __init__(self, options: Matrix, screen: family_screen.Screen, *, hard: bool) -> None:
        """options: as of Fitter; missing genotypes count as the mean."""
        self.screen, self.count = screen, screen.columns.shape[1]
        basis = screen.model.basis
        columns = np.hstack([screen.columns, screen.intercepts, screen.covariates])
        self.backend = backends.choose(options, Design(basis, columns, np.ones(columns.shape[1])), hard=hard)
        families_of = screen.model.families
        self.members, self.vectors = families_of.members, families_of.vectors.T.tocsr().astype(np.float32)
        # A last function of the coordinates, which is 1, for the share.
        self.deviations = np.column_stack([screen.deviations, np.ones(len(self.members))]).astype(np.float32)

    def denominators(self, block: GenotypeBlock, products: NDArray[np.float32]) -> BlockDenominators:
        """Of a block and its products with the backend's columns."""
        mean = block.minor_alleles / np.maximum(block.called, 1)
        raw_ss = block.raw_ss + np.square(mean) * block.missing_calls
        family_ss = np.zeros((len(block), self.deviations.shape[1]), dtype=np.float32)
        step = max(1, CHUNK_BYTES // (4 * max(len(self.members), 1)))
        for start in range(0, len(block) if len(self.members) else 0, step):
            chosen = np.arange(start, min(start + step, len(block)))
            coordinates = self.vectors @ copies_of(block.select(chosen), self.members, mean[chosen])
            np.square(coordinates, out=coordinates)
            family_ss[chosen] = (self.deviations.T @ coordinates).T
        nodes = self.screen.intercepts.shape[1]
        with_intercepts = products[:, self.count : self.count + nodes]
        with_covariates = products[:, self.count + nodes : self.count + nodes + self.screen.covariates.shape[1]]
        denominators = self.screen.denominators(raw_ss, mean, family_ss[:, :-1], with_intercepts, with_covariates)
        return BlockDenominators(denominators, np.minimum(family_ss[:, -1] / np.maximum(raw_ss, 1e-30), 1.0))


def copies_of(block: GenotypeBlock, people: NDArray[np.int64], mean: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n, V) float32 copies of the minor allele of some people (n,), a missing call the variant's mean (V,)."""
    if isinstance(block, PackedBlock):
        codes = np.ascontiguousarray(block.packed.T)[people // PEOPLE_PER_BYTE]
        codes >>= (2 * (people % PEOPLE_PER_BYTE)).astype(np.uint8)[:, None]
        codes &= 3
        copies = codes.astype(np.float32)
        missing = np.nonzero(codes == NO_CALL) if block.missing_calls.any() else None
    else:
        copies = np.ascontiguousarray(block.copies[:, people].T)
        missing = np.nonzero(block.is_missing[:, people].T)
    if missing is not None:
        copies[missing] = mean[missing[1]]
    return copies


def filled(block: GenotypeBlock) -> NDArray[np.float32]:
    """(V, N) float32 copies of the minor allele, a missing call the variant's mean."""
    copies = block.minor_copies()
    mean = block.minor_alleles / np.maximum(block.called, 1)
    for i in np.flatnonzero(block.missing_calls):
        copies[i, block.samples_missing(int(i))] = mean[i]
    return copies
