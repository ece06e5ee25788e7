"""The compiled part of the scan (_table.c), optional at install. Each of its functions has a twin in NumPy.

Sums are taken in the same order on every machine, so the compiled results have the same bits everywhere. The twins give
the same numbers but for the order of their sums. _table.c looks at each array that it is given: numbers of another format, and
shapes that do not fit, raise TypeError and ValueError.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.native import constants
from ecgwas.native.constants import GROUP, LANES, MOST_LISTED

__all__ = ["GROUP", "LANES", "MOST_LISTED", "aligned", "counted", "gaps", "instructions", "list_room", "padded", "prepare",
           "products", "refits", "tests", "there", "tiled"]  # fmt: skip

LINE = 64
"""Bytes of a cache line."""


def _module() -> Any:
    return import_module("ecgwas.native._table")


@cache
def there() -> bool:
    """True if the compiled part was installed, in this version and with the constants of constants.py."""
    try:
        module = _module()
    except ImportError:
        return False
    return all(getattr(module, name, None) == getattr(constants, name) for name in constants.NAMES)


def aligned(shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
    """An array of zeros that begins with a cache line."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(count + LINE, dtype=np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + count].view(dtype).reshape(shape)


def padded(basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, R') float64 from (N, R), with zeros up to whole pairs of the widest vectors."""
    people, rank = basis.shape
    found = aligned((people, -(-rank // LANES) * LANES), np.float64)
    found[:, :rank] = basis
    return found


def tiled(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Columns (N, C) in tiles (T, 4 ceil(N / 4), LANES) float32, padded with zeros."""
    people, wanted = columns.shape
    tiles = -(-wanted // LANES)
    found = aligned((tiles, -(-people // 4) * 4, LANES), np.float32)
    for tile in range(tiles):
        some = columns[:, tile * LANES : (tile + 1) * LANES]
        found[tile, :people, : some.shape[1]] = some
    return found


def list_room(variants: int, people: int) -> int:
    """Bytes of `lists` below, for people padded to fours; up to MOST_LISTED of them."""
    return int(_module().list_room(variants, people // 4))


def products(
    packed: NDArray[np.uint8], tiles: NDArray[np.float32], lists: NDArray[np.uint8] | None = None
) -> NDArray[np.float32]:
    """(V, LANES T) float32: copies in packed (V, W) times the columns of `tiles`, padding included.

    lists: room (`list_room`) for what `counted` needs to know of packed.
    """
    count, people, _ = tiles.shape
    found = np.empty((len(packed), count * LANES), dtype=np.float32)
    _module().products(packed, tiles, found, lists, len(packed), packed.shape[1], people // 4, count)
    return found


def prepare(
    source: NDArray[np.uint8],
    keep: NDArray[np.uint64],
    people: int,
    words: int,
    empty: Callable[[tuple[int, ...], type], NDArray[Any]] = np.empty,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Rows of a .bed (V, S) uint8, people whose two bits are ones in `keep`: packed (V, 8 words), counts (4, V) int64.

    Counts: flipped, no call, one minor allele, two; see packed.Block. empty: makes the array of the packed rows.
    """
    packed = empty((len(source), words * 8), np.uint8)
    counts = np.empty((4, len(source)), dtype=np.int64)
    rows = np.ascontiguousarray(source)
    _module().prepare(rows, keep, packed, counts, len(source), source.shape[1], words, people)
    return packed, counts


def gaps(
    packed: NDArray[np.uint8], basis: NDArray[np.float64], traits: NDArray[np.float32], projection: NDArray[np.float64],
    missing: NDArray[np.int64], projected_ss: NDArray[np.float64], cross_product: NDArray[np.float32],
    trait_ss: NDArray[np.float32], *, thorough: bool,
) -> None:  # fmt: skip
    """Adjusts projected_ss (V,) and cross_product (V, C) for missing calls and fills trait_ss (V, K); see MissingCallAdjuster.

    basis (N, R') as `padded` gives it; traits (N, K') float32, padded with zeros to whole GROUPs; the first K columns of
    cross_product are the traits'.
    """
    variants, wanted = trait_ss.shape
    people, rank = len(basis), projection.shape[1]
    numbers = (variants, packed.shape[1] // 8, people, rank, wanted, traits.shape[1], cross_product.shape[1])
    _module().gaps(packed, basis, traits, projection, missing, projected_ss, cross_product, trait_ss, *numbers, thorough)


def tests(
    cross_product: NDArray[np.float32], genotype_ss: NDArray[np.float32], df: NDArray[np.float32], min_t2: NDArray[np.float32],
    testable: NDArray[np.bool_], trait_ss: NDArray[np.float32] | None, counts: NDArray[np.uint32],
) -> NDArray[np.int32]:  # fmt: skip
    """(H, 2) int32 variant and trait of tests at or above `min_t2` (V,), in that order; t squared joins counts (K, bins).

    The first K columns of cross_product (V, C) are the traits'.
    """
    numbers = (*cross_product.shape, *counts.shape)

    def test(counts: NDArray[np.uint32], candidates: NDArray[np.int32]) -> int:
        some = (cross_product, genotype_ss, df, min_t2, testable, trait_ss, counts, candidates)
        return int(_module().tests(*some, *numbers, len(candidates)))

    return _candidates(test, len(cross_product), counts)


def counted(
    packed: NDArray[np.uint8], tiles: NDArray[np.float32], genotype_ss: NDArray[np.float32], df: NDArray[np.float32],
    min_t2: NDArray[np.float32], testable: NDArray[np.bool_], counts: NDArray[np.uint32],
    lists: NDArray[np.uint8] | None = None,
) -> NDArray[np.int32]:  # fmt: skip
    """`tests` of the `products` of packed (V, W) with `tiles`, which hold K columns, the traits'; they are not kept.

    Nobody may lack a call. The same bits as one after the other. lists: as `products` filled them for the same packed.
    """
    numbers = (*packed.shape, tiles.shape[1] // 4, len(tiles), *counts.shape)

    def test(counts: NDArray[np.uint32], candidates: NDArray[np.int32]) -> int:
        some = (packed, tiles, lists, genotype_ss, df, min_t2, testable, counts, candidates)
        return int(_module().counted(*some, *numbers, len(candidates)))

    return _candidates(test, len(packed), counts)


def _candidates(
    test: Callable[[NDArray[np.uint32], NDArray[np.int32]], int], variants: int, counts: NDArray[np.uint32]
) -> NDArray[np.int32]:
    """(H, 2) in order, from what adds to counts (K, bins), fills in as many hits as there is room for, and tells how many."""
    traits = len(counts)
    room = variants * traits // 64 + 1024
    while True:
        candidates = np.empty((room, 2), dtype=np.int32)
        found = test(counts, candidates)
        if found <= room:
            hits = candidates[:found]
            return hits[np.argsort(hits[:, 0].astype(np.int64) * traits + hits[:, 1])]
        # Too many hits for the room: once more, into counts that are thrown away.
        room, counts = found, np.zeros_like(counts)


def refits(
    packed: NDArray[np.uint8], basis: NDArray[np.float64], rank: int, traits: NDArray[np.float64],
    candidates: NDArray[np.int32], missing: NDArray[np.int64], raw_ss: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """(H, 3) float64 of hits (H, 2), sorted by variant: g'My, g'Mg and y'My.

    basis (N, R') as `padded` gives it; traits (K, N) float64.
    """
    found = np.empty((len(candidates), 3))
    people = len(basis)
    numbers = (len(packed), packed.shape[1] // 8, people, rank, len(traits), len(candidates))
    _module().refits(packed, basis, traits, candidates, missing, raw_ss, found, *numbers)
    return found


def instructions(name: str | None = None) -> str:
    """The instruction set in use; `name` chooses another one that this machine has (for tests)."""
    return str(_module().instructions(name))
