"""The compiled part of the scan (_table.c), optional at install. Each of its functions has a counterpart in NumPy.

Sums are taken in the same order on every machine, so compiled results have the same bits everywhere. The counterparts give the
same numbers except for the order of their sums. Sizes are those of the arrays, and every array is checked (_arrays.h): a wrong
number format raises TypeError; a wrong shape, rows that are not contiguous, a read-only result or contents that point outside
an array ValueError. The error names the argument, what was expected and what was found.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.native import constants
from ecgwas.native.constants import CACHE_LINE, GROUP, LANES, MOST_LISTED, PEOPLE_PER_BYTE

__all__ = [
    "GROUP", "LANES", "MOST_LISTED", "adjust_missing", "aligned", "instructions", "is_available", "padded", "prepare",
    "products", "products_and_tests", "refit_exact", "related", "row_list_bytes", "tests", "tiled",
]  # fmt: skip

MOST_PAIRS = 65_536
"""Room for related pairs; if there are more, they are counted first and then listed."""


def _module() -> Any:
    return import_module("ecgwas.native._table")


@cache
def is_available() -> bool:
    """True if the compiled part is installed, in this version and with the constants of constants.py."""
    try:
        module = _module()
    except ImportError:
        return False
    return all(getattr(module, name, None) == getattr(constants, name) for name in constants.NAMES)


def aligned(shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
    """An array of zeros that begins with a cache line."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(count + CACHE_LINE, dtype=np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    return memory[start : start + count].view(dtype).reshape(shape)


def padded(basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, R') float64 from (N, R), with zeros up to whole pairs of the widest vectors."""
    people, rank = basis.shape
    wide = aligned((people, -(-rank // LANES) * LANES), np.float64)
    wide[:, :rank] = basis
    return wide


def tiled(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Columns (N, C) in tiles (T, 4 ceil(N / 4), LANES) float32, padded with zeros to whole bytes of packed genotypes."""
    people, count = columns.shape
    tile_count = -(-count // LANES)
    tiles = aligned((tile_count, -(-people // PEOPLE_PER_BYTE) * PEOPLE_PER_BYTE, LANES), np.float32)
    for tile in range(tile_count):
        chunk = columns[:, tile * LANES : (tile + 1) * LANES]
        tiles[tile, :people, : chunk.shape[1]] = chunk
    return tiles


def row_list_bytes(packed: NDArray[np.uint8], tiles: NDArray[np.float32]) -> int:
    """Bytes that `row_lists` needs below; for at most MOST_LISTED people."""
    return int(_module().row_list_bytes(packed, tiles))


def products(
    packed: NDArray[np.uint8], tiles: NDArray[np.float32], row_lists: NDArray[np.uint8] | None = None
) -> NDArray[np.float32]:
    """(V, LANES T) float32: packed genotypes (V, W) times the columns of `tiles`, padding included.

    row_lists: memory of `row_list_bytes`, filled with what products_and_tests needs to know of `packed`.
    """
    out = np.empty((len(packed), len(tiles) * LANES), dtype=np.float32)
    _module().products(packed, tiles, out, row_lists)
    return out


def prepare(source: NDArray[np.uint8], keep: NDArray[np.uint64], packed: NDArray[np.uint8]) -> NDArray[np.int64]:
    """From rows of a .bed (V, S) uint8, fills `packed` (V, W) with the people whose two bits are set in `keep`.

    Returns counts (4, V): the minor allele is the other one, no call, one minor allele, two; see packed.PackedBlock.
    """
    counts = np.empty((4, len(source)), dtype=np.int64)
    _module().prepare(np.ascontiguousarray(source), keep, packed, counts)
    return counts


def adjust_missing(
    packed: NDArray[np.uint8], basis: NDArray[np.float64], traits: NDArray[np.float32], projection: NDArray[np.float64],
    missing: NDArray[np.int64], projected_ss: NDArray[np.float64], cross_product: NDArray[np.float32],
    trait_ss: NDArray[np.float32], *, thorough: bool,
) -> None:  # fmt: skip
    """Adjusts projected_ss (V,) and cross_product (V, C) for missing calls and fills trait_ss (V, K); see missing_calls.py.

    basis (N, R') from `padded`; traits (N, K') float32, padded with zeros to whole GROUPs. The first K columns of cross_product
    are the traits'. thorough: see compiled_backend.CompiledAdjuster.
    """
    arrays = packed, basis, traits, projection, missing, projected_ss, cross_product, trait_ss
    _module().adjust_missing(*arrays, thorough)


def tests(
    cross_product: NDArray[np.float32], genotype_ss: NDArray[np.float32], df: NDArray[np.float32], min_t2: NDArray[np.float32],
    testable: NDArray[np.bool_], trait_ss: NDArray[np.float32] | None, t2_histogram: NDArray[np.uint32],
) -> NDArray[np.int32]:  # fmt: skip
    """(H, 2) int32 variant and trait of tests with t squared of `min_t2` (V,) or more, sorted; adds to t2_histogram.

    The first K columns of cross_product (V, C) are the traits'.
    """

    def test(t2_histogram: NDArray[np.uint32], candidates: NDArray[np.int32]) -> int:
        arrays = cross_product, genotype_ss, df, min_t2, testable, trait_ss, t2_histogram, candidates
        return int(_module().tests(*arrays))

    return _candidates(test, len(cross_product), t2_histogram)


def products_and_tests(
    packed: NDArray[np.uint8], tiles: NDArray[np.float32], genotype_ss: NDArray[np.float32], df: NDArray[np.float32],
    min_t2: NDArray[np.float32], testable: NDArray[np.bool_], t2_histogram: NDArray[np.uint32],
    row_lists: NDArray[np.uint8] | None = None,
) -> NDArray[np.int32]:  # fmt: skip
    """`tests` of the `products` of packed (V, W) and `tiles`, whose K columns are the traits; the products are not kept.

    No call may be missing. The same bits as `products` and `tests` in turn. row_lists: as `products` filled them for `packed`.
    """

    def test(t2_histogram: NDArray[np.uint32], candidates: NDArray[np.int32]) -> int:
        arrays = packed, tiles, row_lists, genotype_ss, df, min_t2, testable, t2_histogram, candidates
        return int(_module().products_and_tests(*arrays))

    return _candidates(test, len(packed), t2_histogram)


def _candidates(
    test: Callable[[NDArray[np.uint32], NDArray[np.int32]], int], variants: int, t2_histogram: NDArray[np.uint32]
) -> NDArray[np.int32]:
    """(H, 2) sorted. `test` adds to t2_histogram (K, bins), lists as many candidates as fit, and returns how many there are."""
    traits = len(t2_histogram)
    capacity = variants * traits // 64 + 1024
    while True:
        candidates = np.empty((capacity, 2), dtype=np.int32)
        count = test(t2_histogram, candidates)
        if count <= capacity:
            hits = candidates[:count]
            return hits[np.argsort(hits[:, 0].astype(np.int64) * traits + hits[:, 1])]
        # More candidates than fit: test again, into a histogram that is thrown away.
        capacity, t2_histogram = count, np.zeros_like(t2_histogram)


def refit_exact(
    packed: NDArray[np.uint8], basis: NDArray[np.float64], rank: int, traits: NDArray[np.float64],
    candidates: NDArray[np.int32], missing: NDArray[np.int64], raw_ss: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """(H, 3) float64 of candidates (H, 2), sorted by variant: g'My, g'Mg and y'My.

    basis (N, R') from `padded`; traits (K, N) float64.
    """
    sums = np.empty((len(candidates), 3))
    _module().refit_exact(packed, basis, rank, traits, candidates, missing, raw_ss, sums)
    return sums


def related(
    calls: NDArray[np.uint64], variants: NDArray[np.int64], min_kinship: NDArray[np.float64], begin: int, end: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pairs (M, 2) int32 of people begin to end with those after them whose kinship exceeds the last of `min_kinship`.

    And their counts (M, 4) int32 over all variants: both heterozygous; opposite homozygotes; the first heterozygous and the
    second called; the second heterozygous and the first called. calls (N, strips, 2 words): the low bits of each strip's calls,
    then the high bits, 3 where missing; those beyond the strip's `variants` (strips,) are padding, 3. Pairs whose
    kinship within families (kinship.screen) is below min_kinship (strips,) after a strip are dropped. In no particular order.
    """
    capacity = MOST_PAIRS
    while True:
        pairs, counts = np.empty((capacity, 2), dtype=np.int32), np.empty((capacity, 4), dtype=np.int32)
        count = int(_module().related(calls, variants, min_kinship, begin, end, pairs, counts))
        if count <= capacity:
            return pairs[:count].copy(), counts[:count].copy()
        capacity = count


def instructions(name: str | None = None) -> str:
    """The instruction set in use; `name` selects another that this machine has (for tests)."""
    return str(_module().instructions(name))
