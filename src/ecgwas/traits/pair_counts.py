"""Counts of variants for all pairs of participants, from a bit per call, in the compiled part (native/_pairs.h).

What KING-robust kinship needs of a pair are four numbers of variants. With one bit per call, 64 variants are counted by one
operation, or 512 with the widest instructions. Variants are taken in strips, each spread evenly over the genome; a pair that
the strips so far show to be unrelated need not be compared over the others (`min_kinship`).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.packed import NO_CALL
from ecgwas.genotypes.packed_calls import GENOTYPES_PER_STEP, PackedCalls
from ecgwas.native import compiled
from ecgwas.native.constants import CACHE_LINE, KIN_WORDS, PEOPLE_PER_BYTE, WORD_BYTES
from ecgwas.progress import Track, silent

CALLS_PER_WORD = 8 * WORD_BYTES
WORDS_AT_ONCE = CACHE_LINE // WORD_BYTES
"""Strips are padded to whole vectors of the widest instructions."""
PEOPLE_PER_CALL = 256
"""Participants whose pairs with everyone after them are compared in one call."""


@dataclass(frozen=True)
class Strips:
    """Genotype calls of each participant one after the other, in strips of variants.

    calls     (N, S, 2 W) uint64: for each strip the low bits of its calls, then the high bits; padded with missing calls
    variants  (S,) int64, number of variants of each strip
    """

    calls: NDArray[np.uint64]
    variants: NDArray[np.int64]


def in_strips(calls: PackedCalls) -> Strips:
    """The calls in as few strips as hold them. Every S-th variant is in the same strip, and so is each number of strips spread
    evenly over the genome. Takes two bits per call, and as much again for a few participants at a time.
    """
    variants, people = calls.shape
    count = max(1, -(-variants // (KIN_WORDS * CALLS_PER_WORD)))
    starts = sorted(range(count), key=_reversed_bits)
    sizes = np.array([len(range(start, variants, count)) for start in starts])
    words = -(-max(int(sizes.max()), 1) // (CALLS_PER_WORD * WORDS_AT_ONCE)) * WORDS_AT_ONCE
    planes = np.empty((people, count, 2, words * WORD_BYTES), dtype=np.uint8)
    step = max(GENOTYPES_PER_STEP // (words * CALLS_PER_WORD) // PEOPLE_PER_BYTE, 1) * PEOPLE_PER_BYTE
    for first in range(0, people, step):
        last = min(first + step, people)
        width = slice(first // PEOPLE_PER_BYTE, -(-last // PEOPLE_PER_BYTE))
        for strip, start in enumerate(starts):
            codes = np.full((words * CALLS_PER_WORD, last - first), NO_CALL, dtype=np.uint8)
            codes[: sizes[strip]] = PackedCalls(calls.packed[start::count, width], last - first).unpacked()
            for bit in (0, 1):
                planes[first:last, strip, bit] = np.packbits(codes >> bit & 1, axis=0).T
    return Strips(planes.view(np.uint64).reshape(people, count, 2 * words), sizes.astype(np.int64))


def _reversed_bits(number: int) -> float:
    """The number's binary digits after the point in reverse order (van der Corput): 0, 1/2, 1/4, 3/4, 1/8 ..."""
    place, value = 0.5, 0.0
    while number:
        number, digit = divmod(number, 2)
        value += place * digit
        place /= 2
    return value


def pairs_above(
    strips: Strips, min_kinship: NDArray[np.float64], *, workers: int = 1, track: Track[Any] = silent
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[NDArray[np.int32], ...]]:
    """First and second participants of pairs whose kinship exceeds the last of min_kinship (S,), in order, and their counts.

    Counts (M,): both heterozygous; opposite homozygotes; the first heterozygous and the second called; the second heterozygous
    and the first called. A pair whose kinship within families (`kinship.screen`) is below min_kinship after a strip
    is not compared further. workers: threads; the result
    does not depend on them.
    """
    people = len(strips.calls)
    steps = list(track(_steps(strips, min_kinship, workers), "kinship", -(-people // PEOPLE_PER_CALL)))
    pairs = np.concatenate([np.empty((0, 2), dtype=np.int64), *(pairs for pairs, _ in steps)])
    counts = np.concatenate([np.empty((0, 4), dtype=np.int32), *(counts for _, counts in steps)])
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order, 0], pairs[order, 1], tuple(counts[order].T)


def _steps(
    strips: Strips, min_kinship: NDArray[np.float64], workers: int
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:  # fmt: skip
    people = len(strips.calls)

    def step(start: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        return compiled.related(strips.calls, strips.variants, min_kinship, start, min(start + PEOPLE_PER_CALL, people))

    with ThreadPoolExecutor(max(workers, 1)) as pool:
        yield from pool.map(step, range(0, people, PEOPLE_PER_CALL))
