"""Genotype calls of many participants in two bits each, unpacked only in part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.packed import NO_CALL
from ecgwas.genotypes.readers import SHIFTS, pack, unpack
from ecgwas.native.constants import PEOPLE_PER_BYTE

GENOTYPES_PER_STEP = 2**24
"""Number of calls unpacked together. As bytes, those of a biobank would take four times the memory, as floats 32 times."""
TABLES_AT_ONCE = 512
"""Variants for which tables of bytes, 8 KiB each, are made together."""
CODES_OF_BYTE = unpack(np.arange(256, dtype=np.uint8)[:, None], PEOPLE_PER_BYTE)
"""(256, 4) uint8."""


@dataclass(frozen=True)
class PackedCalls:
    """Genotype calls of V variants and N participants: copies of the minor allele, 3 where missing.

    packed  (V, ceil(N / 4)) uint8, four participants in a byte, the first in the lowest bits; bits beyond the last are ignored
    people  N
    """

    packed: NDArray[np.uint8]
    people: int

    def __post_init__(self) -> None:
        if self.packed.ndim != 2 or self.packed.shape[1] != -(-self.people // PEOPLE_PER_BYTE):
            raise ValueError(f"packed calls of {self.people} people cannot have the shape {self.packed.shape}")

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def shape(self) -> tuple[int, int]:
        """(V, N)."""
        return len(self.packed), self.people

    def unpacked(self, variants: slice = slice(None), people: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """(V', N') uint8 codes of some variants and, by their indices, some participants; by default all."""
        rows = self.packed[variants]
        if people is None:
            return unpack(rows, self.people)
        codes: NDArray[np.uint8] = rows[:, people // PEOPLE_PER_BYTE] >> SHIFTS[people % PEOPLE_PER_BYTE] & np.uint8(NO_CALL)
        return codes

    def steps(self, calls_per_step: int = GENOTYPES_PER_STEP) -> Iterator[slice]:
        """Successive variants: one, or up to so many calls."""
        step = max(1, calls_per_step // max(self.people, 1))
        return (slice(start, min(start + step, len(self))) for start in range(0, len(self), step))

    def blocks(self, calls_per_block: int = GENOTYPES_PER_STEP) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
        """Successive variants as in `steps`, and their codes (V', N)."""
        return ((rows, self.unpacked(rows)) for rows in self.steps(calls_per_block))

    def replaced(self, variants: slice, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(V', N) float64 of some variants: values (V', 4) of each variant's four codes in place of the codes."""
        rows, wide = self.packed[variants], np.empty((len(values), self.packed.shape[1], PEOPLE_PER_BYTE))
        # A byte's four values are copied together, from a table of all bytes for each variant.
        for start in range(0, len(rows), TABLES_AT_ONCE):
            block = slice(start, start + TABLES_AT_ONCE)
            tables = values[block][:, CODES_OF_BYTE].reshape(-1, PEOPLE_PER_BYTE)
            place = rows[block] + 256 * np.arange(len(rows[block]))[:, None]
            np.take(tables, place, axis=0, out=wide[block], mode="clip")
        return wide.reshape(len(rows), PEOPLE_PER_BYTE * self.packed.shape[1])[:, : self.people]

    def of_variants(self, variants: slice) -> PackedCalls:
        """Some of the variants; shares their memory."""
        return PackedCalls(self.packed[variants], self.people)

    def select(self, people: NDArray[np.int64]) -> PackedCalls:
        """The participants at the indices `people`, in that order."""
        chosen = np.empty((len(self), -(-len(people) // PEOPLE_PER_BYTE)), dtype=np.uint8)
        selected = PackedCalls(chosen, len(people))
        for rows in selected.steps():
            chosen[rows] = pack(self.unpacked(rows, people))
        return selected


def packed_calls(calls: PackedCalls | NDArray[np.uint8]) -> PackedCalls:
    """Calls as they are, or packed from codes (V, N) uint8."""
    return calls if isinstance(calls, PackedCalls) else PackedCalls(pack(calls), calls.shape[1])
