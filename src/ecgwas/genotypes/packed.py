"""Packed genotypes of the participants tested: selects, counts and recodes them.

In a .bed, two bits code two effect alleles as 0, a missing call as 1, one effect allele as 2 and none as 3. Here they hold the
copies of the minor allele, 0, 1 or 2, and 3 for a missing call. A zero byte is then four participants without the minor
allele. Most bytes of most variants are zero, and the table kernel skips them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.readers import SHIFTS, pack, unpack
from ecgwas.native import compiled
from ecgwas.native.constants import PEOPLE_PER_BYTE, WORD_BYTES

__all__ = ["NO_CALL", "PackedBlock", "SampleSelector", "recoded_block"]

NO_CALL = 3
SAMPLES_PER_WORD = PEOPLE_PER_BYTE * WORD_BYTES
"""Samples per 64-bit word, two bits each."""

EFFECT_COPIES = np.array([2, NO_CALL, 1, 0], dtype=np.uint8)
"""Code of a .bed -> copies of the effect allele."""
OTHER_COPIES = np.array([0, NO_CALL, 1, 2], dtype=np.uint8)
"""Code of a .bed -> copies of the other allele."""


def _byte_table(of_code: NDArray[np.uint8]) -> NDArray[np.uint8]:
    codes = unpack(np.arange(256, dtype=np.uint8)[:, None], 4)
    shifted: NDArray[np.uint8] = of_code[codes] << SHIFTS
    joined: NDArray[np.uint8] = np.bitwise_or.reduce(shifted, axis=1)
    return joined


RECODE = np.stack([_byte_table(EFFECT_COPIES), _byte_table(OTHER_COPIES)])
"""(2, 256) uint8: recodes a byte of four participants to copies of the effect allele (row 0) or of the other allele (row 1)."""
COPIES_OF_BYTE = np.array([0, 1, 2, 0], dtype=np.float32)[unpack(np.arange(256, dtype=np.uint8)[:, None], 4)]
"""(256, 4) float32: copies of the minor allele of the four participants of a byte, 0 where missing."""


def effect_frequency(
    minor: NDArray[np.int64] | NDArray[np.float64], called: NDArray[np.int64], minor_is_other: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(V,) float64 effect allele frequency, from minor alleles and the number of participants called; NaN without calls.

    minor_is_other: the minor allele is not the effect allele.
    """
    with np.errstate(invalid="ignore"):
        share = minor / (2 * called)
    return np.where(minor_is_other, 1 - share, share)


@dataclass(frozen=True)
class PackedBlock:
    """A set of variants of the participants tested.

    packed          (V, W) uint8, W a multiple of 8; copies of the minor allele, 3 where missing; padding bits are 0
    people          N
    minor_is_other  (V,) bool: the minor allele is not the effect allele
    missing_calls   (V,) int64, participants without a call
    ones, twos      (V,) int64, participants with one and two minor alleles
    """

    packed: NDArray[np.uint8]
    people: int
    minor_is_other: NDArray[np.bool_]
    missing_calls: NDArray[np.int64]
    ones: NDArray[np.int64]
    twos: NDArray[np.int64]

    @property
    def called(self) -> NDArray[np.int64]:
        """(V,) int64 participants with a call."""
        return self.people - self.missing_calls

    @property
    def hard_calls(self) -> NDArray[np.int64]:
        """(V,) int64 hard calls: here the same as `called`."""
        return self.called

    @property
    def minor_alleles(self) -> NDArray[np.int64]:
        """(V,) int64 minor alleles (men count 0 or 2 on X)."""
        return self.ones + 2 * self.twos

    @property
    def raw_ss(self) -> NDArray[np.int64]:
        """(V,) int64 sums of the squared copies of the minor allele."""
        return self.ones + 4 * self.twos

    @property
    def is_constant(self) -> NDArray[np.bool_]:
        """(V,) bool: all participants called have the same genotype."""
        none = self.called - self.ones - self.twos
        return np.asarray((self.ones == self.called) | (self.twos == self.called) | (none == self.called))

    @cached_property
    def effect_frequency(self) -> NDArray[np.float64]:
        """(V,) float64 effect allele frequency among participants called; NaN without calls."""
        return effect_frequency(self.minor_alleles, self.called, self.minor_is_other)

    @property
    def stored(self) -> NDArray[np.uint8]:
        """`packed`."""
        return self.packed

    def __len__(self) -> int:
        return len(self.packed)

    def select(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> PackedBlock:
        """A subset of the variants."""
        return PackedBlock(
            packed=self.packed[chosen],
            people=self.people,
            minor_is_other=self.minor_is_other[chosen],
            missing_calls=self.missing_calls[chosen],
            ones=self.ones[chosen],
            twos=self.twos[chosen],
        )

    def minor_copies(self) -> NDArray[np.float32]:
        """(V, N) float32 copies of the minor allele, 0 where missing."""
        used = (self.people + 3) // 4
        copies: NDArray[np.float32] = COPIES_OF_BYTE[self.packed[:, :used]]
        return copies.reshape(len(self), 4 * used)[:, : self.people]

    def minor_copies_of(self, variant: int) -> NDArray[np.float64]:
        """(N,) float64 copies of one variant's minor allele, 0 where missing."""
        copies = COPIES_OF_BYTE[self.packed[variant, : (self.people + 3) // 4]]
        return copies.reshape(-1)[: self.people].astype(np.float64)

    def samples_missing_each(self, variants: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices of participants without a call of `variants` (indices in the block), concatenated over variants."""
        return np.nonzero(unpack(self.packed[variants], self.people) == NO_CALL)[1]

    def samples_missing(self, variant: int) -> NDArray[np.int64]:
        """Indices (among the N) of participants without a call of one variant."""
        codes = unpack(self.packed[variant : variant + 1], self.people)
        return np.flatnonzero(codes[0] == NO_CALL)


@dataclass(frozen=True)
class SampleSelector:
    """Selects the participants tested from packed rows in the codes of a .bed.

    sample_index     (N,) int64, ascending indices of the participants in the file
    samples_in_file  number of samples in the file
    allocate         makes the arrays of packed rows
    """

    sample_index: NDArray[np.int64]
    samples_in_file: int
    allocate: Callable[[tuple[int, ...], type], NDArray[Any]] = np.empty

    @cached_property
    def bit_mask(self) -> NDArray[np.uint64]:
        """(ceil(samples_in_file / 32),) uint64 with ones at the two bits of each selected participant."""
        codes = np.zeros((1, -(-self.samples_in_file // SAMPLES_PER_WORD) * SAMPLES_PER_WORD), dtype=np.uint8)
        codes[0, self.sample_index] = 3
        words: NDArray[np.uint64] = pack(codes).view(np.uint64)[0]
        return words

    def select(self, packed: NDArray[np.uint8]) -> PackedBlock:
        """Block of the selected participants. packed: (V, ceil(samples_in_file / 4)) uint8, coded as in a .bed."""
        people = len(self.sample_index)
        if compiled.is_available():
            words = self.allocate((len(packed), -(-people // SAMPLES_PER_WORD) * WORD_BYTES), np.uint8)
            flipped, *counts = compiled.prepare(packed, self.bit_mask, words)
            return PackedBlock(words, people, flipped == 1, *counts)
        chosen = packed if people == self.samples_in_file else pack(unpack(packed, self.samples_in_file)[:, self.sample_index])
        return recoded_block(chosen, people)


def recoded_block(packed: NDArray[np.uint8], people: int) -> PackedBlock:
    """Counts and recodes rows (V, ceil(people / 4)) uint8, coded as in a .bed."""
    words = np.zeros((len(packed), -(-packed.shape[1] // WORD_BYTES) * WORD_BYTES), dtype=np.uint8)
    words[:, : packed.shape[1]] = packed
    mask = _mask(people, words.shape[1])
    words &= mask
    both, low, high = _count_codes(words)
    two_effect = people - both - low - high
    minor_is_other = 2 * two_effect + high > people - low
    recoded = np.where(minor_is_other[:, None], RECODE[1][words], RECODE[0][words]) & mask
    twos = np.where(minor_is_other, both, two_effect)
    return PackedBlock(recoded, people, minor_is_other, low, high, twos)


def _mask(people: int, width: int) -> NDArray[np.uint8]:
    """(width,) uint8 with ones in the bits of participants and zeros in the padding."""
    mask = np.zeros(width, dtype=np.uint8)
    mask[: people // 4] = 0xFF
    if people % 4:
        mask[people // 4] = (1 << (2 * (people % 4))) - 1
    return mask


def _count_codes(words: NDArray[np.uint8]) -> Sequence[NDArray[np.int64]]:
    """Numbers of participants with code 3, with code 1 and with code 2, (V,) int64 each."""
    wide = words.view(np.uint64)
    ones = np.uint64(0x5555555555555555)
    low, high = wide & ones, (wide >> np.uint64(1)) & ones
    return [np.bitwise_count(bits).sum(axis=1, dtype=np.int64) for bits in (low & high, low & ~high, high & ~low)]
