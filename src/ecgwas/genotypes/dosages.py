"""Dosages of the participants tested: the counterpart of packed.PackedBlock for fractional copies of an allele.

Dosages are multiples of 1/16384, which float32 represents exactly. The Hardy-Weinberg test uses hard calls, as in PLINK 2.
Everything else uses dosages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.packed import NO_CALL, PackedBlock, SampleSelector, effect_frequency
from ecgwas.genotypes.readers import hard_call_codes, pack, unpack

BLOCK_BYTES = 2**27
"""Memory for the dosages that one thread holds at a time."""

BYTES_PER_DOSAGE = 24
"""Memory that one dosage needs while it is converted from the file to a block."""


@dataclass(frozen=True)
class DosageBlock:
    """A set of variants of the participants tested, with the same attributes as packed.PackedBlock.

    copies                 (V, N) float32, copies of the minor allele, 0 where missing
    is_missing             (V, N) bool, without a dosage
    minor_is_other         (V,) bool: the minor allele is not the effect allele
    missing_calls          (V,) int64, participants without a dosage
    minor_alleles, raw_ss  (V,) float64, sums of the copies and of their squares
    ones, twos             (V,) int64, hard calls with one and two minor alleles
    hard_calls             (V,) int64, hard calls
    frequency              (V,) float64, effect allele frequency where the copies do not give it; None: they do
    """

    copies: NDArray[np.float32]
    is_missing: NDArray[np.bool_]
    minor_is_other: NDArray[np.bool_]
    missing_calls: NDArray[np.int64]
    minor_alleles: NDArray[np.float64]
    raw_ss: NDArray[np.float64]
    ones: NDArray[np.int64]
    twos: NDArray[np.int64]
    hard_calls: NDArray[np.int64]
    frequency: NDArray[np.float64] | None = None

    @property
    def people(self) -> int:
        """N."""
        return int(self.copies.shape[1])

    @property
    def called(self) -> NDArray[np.int64]:
        """(V,) int64 participants with a dosage."""
        return self.people - self.missing_calls

    @cached_property
    def is_constant(self) -> NDArray[np.bool_]:
        """(V,) bool: all participants with a dosage have the same one."""
        high = np.where(self.is_missing, -np.inf, self.copies).max(axis=1, initial=-np.inf)
        low = np.where(self.is_missing, np.inf, self.copies).min(axis=1, initial=np.inf)
        return np.asarray(high <= low)

    @cached_property
    def effect_frequency(self) -> NDArray[np.float64]:
        """(V,) float64 effect allele frequency among participants with a dosage; NaN if there is none."""
        if self.frequency is not None:
            return self.frequency
        return effect_frequency(self.minor_alleles, self.called, self.minor_is_other)

    @property
    def stored(self) -> NDArray[np.float32]:
        """`copies`."""
        return self.copies

    def __len__(self) -> int:
        return len(self.copies)

    def select(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> DosageBlock:
        """A subset of the variants."""
        given = [name for name in self.__dataclass_fields__ if getattr(self, name) is not None]
        return DosageBlock(**{name: getattr(self, name)[chosen] for name in given})

    def minor_copies(self) -> NDArray[np.float32]:
        """(V, N) float32 copies of the minor allele, 0 where missing, as a new array."""
        return self.copies.copy()

    def minor_copies_of(self, variant: int) -> NDArray[np.float64]:
        """(N,) float64 copies of one variant's minor allele, 0 where missing."""
        wide: NDArray[np.float64] = self.copies[variant].astype(np.float64)
        return wide

    def samples_missing_each(self, variants: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices of participants without a dosage of `variants` (indices in the block), concatenated over variants."""
        return np.nonzero(self.is_missing[variants])[1]

    def samples_missing(self, variant: int) -> NDArray[np.int64]:
        """Indices (among the N) of participants without a dosage of one variant."""
        return np.flatnonzero(self.is_missing[variant])


GenotypeBlock = PackedBlock | DosageBlock


def hard_calls(block: GenotypeBlock) -> PackedBlock:
    """Returns the block if it holds hard calls. Raises TypeError for dosages."""
    if not isinstance(block, PackedBlock):
        raise TypeError("dosages where hard calls are needed")
    return block


def counted_once(block: GenotypeBlock, men: NDArray[np.bool_] | None) -> GenotypeBlock:
    """A block of X for the test, in which the one allele of the `men` (N,) bool counts 1 instead of 2; None: as it is.

    Frequency and hard calls remain those of the block given. A minor allele that is not the effect allele is counted from 1 in
    men and from 2 in women, which does not change effects beyond their sign, since sex is a covariate.
    """
    if men is None:
        return block
    copies = block.minor_copies()
    copies[:, men] *= np.float32(0.5)
    wide = copies.astype(np.float64)
    is_missing = block.is_missing if isinstance(block, DosageBlock) else unpack(block.packed, block.people) == NO_CALL
    return DosageBlock(
        copies=copies, is_missing=is_missing, minor_is_other=block.minor_is_other, missing_calls=block.missing_calls,
        minor_alleles=wide.sum(axis=1), raw_ss=np.einsum("vn,vn->v", wide, wide), ones=block.ones, twos=block.twos,
        hard_calls=block.hard_calls, frequency=block.effect_frequency,
    )  # fmt: skip


def block_reader(genotypes: Genotypes, start: int, stop: int) -> Callable[[SampleSelector], GenotypeBlock]:
    """Reads variants start to stop once; the function returned makes the block of a selector's participants from them."""
    if genotypes.hard_calls_only:
        packed = np.asarray(genotypes.packed(start, stop))
        return lambda selector: selector.select(packed)
    dosages = genotypes.dosages(start, stop)
    return lambda selector: dosage_block(dosages[:, selector.sample_index])


def dosage_block(dosages: NDArray[np.float64]) -> DosageBlock:
    """Makes a block from dosages of the effect allele, (V, N) float64, missing NaN."""
    is_missing = np.isnan(dosages)
    missing = is_missing.sum(axis=1, dtype=np.int64)
    minor_is_other = np.nansum(dosages, axis=1) > dosages.shape[1] - missing
    minor = np.where(minor_is_other[:, None], 2.0 - dosages, dosages)
    # Later computations use the float32 copies, so their sums are taken after rounding.
    copies = np.where(is_missing, 0.0, minor).astype(np.float32)
    wide = copies.astype(np.float64)
    hard = SampleSelector(np.arange(dosages.shape[1]), dosages.shape[1]).select(pack(hard_call_codes(dosages)))
    same = hard.minor_is_other == minor_is_other
    return DosageBlock(
        copies=copies,
        is_missing=is_missing,
        minor_is_other=minor_is_other,
        missing_calls=missing,
        minor_alleles=wide.sum(axis=1),
        raw_ss=np.einsum("vn,vn->v", wide, wide),
        ones=hard.ones,
        twos=np.where(same, hard.twos, hard.called - hard.ones - hard.twos),
        hard_calls=hard.called,
    )
