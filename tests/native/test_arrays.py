"""Arrays that the compiled functions do not expect: refused in words, and never read or written beyond their ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecgwas.native import compiled
from ecgwas.native.constants import LANES, MOST_LISTED

pytestmark = pytest.mark.skipif(not compiled.is_available(), reason="the compiled part was not built at install")

REFUSED = (TypeError, ValueError)
MAY_BE_NONE = {("products", "row_lists"), ("products_and_tests", "row_lists"), ("tests", "trait_ss")}
MAY_BE_EMPTY = {
    ("tests", "candidates", 0), ("products_and_tests", "candidates", 0), ("row_list_bytes", "packed", 0),
    ("row_list_bytes", "tiles", 0),
}  # fmt: skip
OWN_LENGTHS = {
    ("products", "tiles"): (1,), ("products", "row_lists"): (0,), ("row_list_bytes", "packed"): (0,),
    ("row_list_bytes", "tiles"): (0, 1), ("prepare", "source"): (1,), ("adjust_missing", "projection"): (1,),
    ("adjust_missing", "cross_product"): (1,), ("adjust_missing", "trait_ss"): (1,), ("tests", "cross_product"): (1,),
    ("tests", "t2_histogram"): (1,), ("tests", "candidates"): (0,), ("products_and_tests", "tiles"): (1,),
    ("products_and_tests", "row_lists"): (0,), ("products_and_tests", "t2_histogram"): (0, 1),
    ("products_and_tests", "candidates"): (0,), ("refit_exact", "traits"): (0,), ("related", "calls"): (0, 2),
}  # fmt: skip
"""Axes whose length no other array has, or only rounded up."""
OUTPUTS = {
    "products": ("out", "row_lists"), "row_list_bytes": (), "prepare": ("packed", "counts"),
    "adjust_missing": ("projected_ss", "cross_product", "trait_ss"), "tests": ("t2_histogram", "candidates"),
    "products_and_tests": ("t2_histogram", "candidates"), "refit_exact": ("sums",),
    "related": ("pairs", "counts"),
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A valid call of a compiled function: its arguments by name, in their order."""

    function: str
    arguments: dict[str, Any]

    def run(self, **other: Any) -> Any:
        """Calls it with copies of its arrays, or others; they are handed on as they are."""
        return getattr(compiled._module(), self.function)(
            *({name: self.copy(name) for name in self.arguments} | other).values()
        )

    def copy(self, name: str) -> Any:
        value = self.arguments[name]
        return aligned(value) if isinstance(value, np.ndarray) else value

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        return {name: value for name, value in self.arguments.items() if isinstance(value, np.ndarray)}


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """A copy that begins with a cache line."""
    copied = compiled.aligned(array.shape, array.dtype.type)
    copied[...] = array
    return copied


def zeros(*shape: int, of: type = np.float32) -> NDArray[Any]:
    return np.zeros(shape, dtype=of)


def calls(variants: int = 2, people: int = 38, rank: int = 3, traits: int = 5) -> tuple[Call, ...]:
    """Every function with arrays of these sizes, full of zeros."""
    tile_count, columns = -(-traits // LANES), traits + 3
    packed = zeros(variants, -(-people // 32) * 8, of=np.uint8)
    tiles = zeros(tile_count, -(-people // 4) * 4, LANES)
    keep = np.frombuffer(np.packbits(np.arange(packed.shape[1] * 8) < 2 * people, bitorder="little"), dtype=np.uint64)
    basis = zeros(people, -(-rank // LANES) * LANES, of=np.float64)
    per_variant = {name: zeros(variants) for name in ("genotype_ss", "df", "min_t2")} | {
        "testable": np.ones(variants, dtype=bool)
    }
    found = {"t2_histogram": zeros(traits, 10, of=np.uint32), "candidates": zeros(3, 2, of=np.int32)}
    whole, sums = zeros(variants, of=np.int64), zeros(variants, of=np.float64)
    room = zeros(compiled.row_list_bytes(packed, tiles), of=np.uint8)
    lists = aligned(room)
    compiled.products(packed, tiles, lists)
    hits = np.column_stack([np.arange(variants), np.full(variants, traits - 1)]).astype(np.int32)
    return (
        Call("products", {"packed": packed, "tiles": tiles, "out": zeros(variants, tile_count * LANES), "row_lists": room}),
        Call("row_list_bytes", {"packed": packed, "tiles": tiles}),
        Call("prepare", {"source": zeros(variants, packed.shape[1], of=np.uint8), "keep": keep, "packed": packed,
                         "counts": zeros(4, variants, of=np.int64)}),
        Call("adjust_missing", {
            "packed": packed, "basis": basis, "traits": zeros(people, -(-traits // 64) * 64),
            "projection": zeros(variants, rank, of=np.float64), "missing": whole, "projected_ss": sums,
            "cross_product": zeros(variants, columns), "trait_ss": zeros(variants, traits), "thorough": True,
        }),
        Call("tests", {
            "cross_product": zeros(variants, columns), **per_variant, "trait_ss": zeros(variants, traits), **found,
        }),
        Call("products_and_tests", {"packed": packed, "tiles": tiles, "row_lists": lists, **per_variant, **found}),
        Call("refit_exact", {
            "packed": packed, "basis": basis, "rank": rank, "traits": zeros(traits, people, of=np.float64), "candidates": hits,
            "missing": whole, "raw_ss": sums, "sums": zeros(len(hits), 3, of=np.float64),
        }),
        Call("related", {
            "calls": zeros(people, 2, 16, of=np.uint64), "variants": zeros(2, of=np.int64),
            "min_kinship": zeros(2, of=np.float64), "begin": 0, "end": people, "pairs": zeros(3, 2, of=np.int32),
            "counts": zeros(3, 4, of=np.int32),
        }),
    )  # fmt: skip


CALLS = {call.function: call for call in calls()}
ARRAYS = [(call, name) for call in CALLS.values() for name in call.arrays]
each_array = pytest.mark.parametrize(("call", "name"), ARRAYS, ids=lambda it: it if isinstance(it, str) else it.function)


def other_numbers(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    yield array.astype(np.float32 if array.dtype == np.float64 else np.float64)
    yield array.astype(np.complex64)
    yield array.view(f"V{array.dtype.itemsize}")
    yield array.astype(object)
    yield array.astype(f"S{array.dtype.itemsize}")
    if array.dtype.itemsize > 1:
        yield array.astype(array.dtype.newbyteorder(">"))
        yield array.view({"u": "i", "i": "u", "f": "i"}[array.dtype.kind] + str(array.dtype.itemsize))


def other_shapes(call: Call, name: str) -> Iterator[tuple[int, ...]]:
    """Shapes of other lengths, as far as another array has the same length, and of more or fewer dimensions."""
    shape = call.arrays[name].shape
    for axis, length in enumerate(shape):
        if axis not in OWN_LENGTHS.get((call.function, name), ()):
            yield from ((*shape[:axis], other, *shape[axis + 1 :]) for other in (length - 1, length + 1, 2 * length))
        if (call.function, name, axis) not in MAY_BE_EMPTY:
            yield (*shape[:axis], 0, *shape[axis + 1 :])
    yield from ((*shape, 1), (1, *shape), shape[1:])


@each_array
def test_numbers_of_another_format_are_refused(call: Call, name: str) -> None:
    call.run()
    for wrong in other_numbers(call.arrays[name]):
        with pytest.raises(TypeError, match=rf"^{name}: .+, expected (float|u?int)\d+$"):
            call.run(**{name: wrong})


@each_array
def test_what_is_no_array_of_numbers_is_refused(call: Call, name: str) -> None:
    for wrong in (None, [1.0], "text", 3, np.zeros(2, dtype="M8[s]")):
        if wrong is None and (call.function, name) in MAY_BE_NONE:
            continue
        kind = type(wrong).__name__
        with pytest.raises(TypeError, match=rf"^{name}: {kind}[^,]*, expected an array of (float|u?int)\d+$"):
            call.run(**{name: wrong})


@each_array
def test_another_shape_and_an_empty_array_are_refused(call: Call, name: str) -> None:
    """Where an array sets a length, the next array that has it is named."""
    for shape in other_shapes(call, name):
        with pytest.raises(ValueError, match=f"^({'|'.join(call.arguments)}): .+, expected "):
            call.run(**{name: compiled.aligned(shape, call.arrays[name].dtype.type)})


@each_array
def test_memory_that_cannot_be_used_is_refused(call: Call, name: str) -> None:
    array = call.arrays[name]
    rows_apart = np.repeat(array, 2, axis=-1)[..., ::2]
    for wrong in (rows_apart, np.asfortranarray(array)) if array.ndim > 1 else (rows_apart,):
        with pytest.raises(ValueError, match=f"^{name}: not contiguous, expected rows"):
            call.run(**{name: wrong})
    if array.dtype.itemsize > 1 or name == "packed":
        raw = compiled.aligned((array.nbytes + 1,), np.uint8)
        with pytest.raises(ValueError, match=rf"^{name}: not aligned, expected memory from a multiple of \d+ bytes$"):
            call.run(**{name: raw[1:].view(array.dtype).reshape(array.shape)})


@pytest.mark.parametrize(("function", "name"), [(function, name) for function in OUTPUTS for name in OUTPUTS[function]])
def test_an_array_that_may_not_be_written_is_refused(function: str, name: str) -> None:
    call = CALLS[function]
    out = aligned(call.arrays[name])
    out.flags.writeable = False
    with pytest.raises(ValueError, match=f"^{name}: read-only, expected an array to write to$"):
        call.run(**{name: out})


def test_arrays_that_are_only_read_may_be_read_only() -> None:
    for call in CALLS.values():
        for name, array in call.arrays.items():
            if name not in OUTPUTS[call.function]:
                copied = aligned(array)
                copied.flags.writeable = False
                call.run(**{name: copied})


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (np.ones((1, 8, 16)), TypeError, "tiles: float64, expected float32"),
        (np.ones((1, 8, 15), np.float32), ValueError, "tiles: shape (1, 8, 15), expected (tiles, people, 16)"),
        (np.ones((1, 6, 16), np.float32), ValueError, "tiles: 6 people, expected a multiple of 4"),
        (np.ones((1, 68, 16), np.float32), ValueError, "packed: shape (2, 16), expected (variants, bytes = 24 from tiles)"),
        (np.ones((2, 40, 16), np.float32), ValueError,
         "out: shape (2, 16), expected (variants = 2 from packed, columns = 32 from tiles)"),
        (np.ones((1, 8, 16), ">f4"), TypeError, "tiles: format >f, expected float32"),
        (None, TypeError, "tiles: NoneType, expected an array of float32"),
    ],
)  # fmt: skip
def test_errors_name_the_argument_what_was_expected_and_what_was_found(
    wrong: NDArray[Any] | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(words)}$"):
        CALLS["products"].run(tiles=wrong)


def filled(name: str, call: Call, values: Any) -> dict[str, NDArray[Any]]:
    array = aligned(call.arrays[name])
    array[...] = values
    return {name: array}


@pytest.mark.parametrize(
    ("function", "other", "words"),
    [
        ("refit_exact", lambda call: filled("candidates", call, [[0, 9], [0, 0]]), "candidates: row 0 is variant 0, trait 9"),
        ("refit_exact", lambda call: filled("candidates", call, [[0, 0], [-1, 0]]), "candidates: row 1 is variant -1, trait 0"),
        ("refit_exact", lambda call: filled("packed", call, 255), "packed: variant 0 has bits beyond the last person"),
        ("refit_exact", lambda call: filled("missing", call, 2**60), "missing: 1152921504606846976 calls of variant 0"),
        ("refit_exact", lambda call: {"rank": 0}, "rank: rank 0, expected 1 or more"),
        (
            "refit_exact",
            lambda call: {"rank": 39, "basis": compiled.aligned((38, 48), np.float64)},
            "rank: rank 39, expected at most the 38 people of basis",
        ),
        ("refit_exact", lambda call: {"rank": 17}, r"basis: shape \(38, 16\), expected \(people, columns = 32 from rank\)"),
        ("adjust_missing", lambda call: filled("missing", call, -1), "missing: -1 calls of variant 0, expected 0 to the 38"),
        ("adjust_missing", lambda call: filled("packed", call, 255) | filled("missing", call, 1), "packed: variant 0 has bits"),
        ("prepare", lambda call: filled("keep", call, 1), "keep: word 0, expected both bits of each person"),
        ("prepare", lambda call: {"source": zeros(2, 9, of=np.uint8)}, "keep: word 1, .* none beyond the 9 bytes of source"),
        ("tests", lambda call: filled("genotype_ss", call, -1), "genotype_ss: variant 0 below 0"),
        ("tests", lambda call: filled("genotype_ss", call, -0.0), "genotype_ss: variant 0 below 0"),
        ("tests", lambda call: filled("df", call, [3, -1]), "df: variant 1 below 0"),
        ("products_and_tests", lambda call: filled("row_lists", call, 1), "row_lists: of other genotypes"),
        ("related", lambda call: {"begin": -1}, "begin: people from -1 to 38, expected 0 to the 38 of calls"),
        ("related", lambda call: {"end": 39}, "begin: people from 0 to 39, expected 0 to the 38 of calls"),
        ("related", lambda call: {"begin": 2, "end": 1}, "begin: people from 2 to 1, expected"),
        (
            "related",
            lambda call: filled("variants", call, [0, 513]),
            "variants: 513 of strip 1, expected 0 to the 512 that fit",
        ),
        ("related", lambda call: filled("variants", call, -1), "variants: -1 of strip 0, expected 0 to the 512"),
        (
            "related",
            lambda call: {"calls": zeros(38, 2, 8, of=np.uint64)},
            "calls: 4 words of a strip, expected a multiple of 8",
        ),
        ("related", lambda call: {"calls": zeros(38, 2, 176, of=np.uint64)}, "calls: 88 words of a strip, .* up to 80"),
        ("products_and_tests", lambda call: {"t2_histogram": zeros(17, 4, of=np.uint32)}, "t2_histogram: 17 traits, expected"),
    ],
)
def test_contents_that_lead_out_of_the_arrays_are_refused(
    function: str, other: Callable[[Call], dict[str, Any]], words: str
) -> None:
    call = CALLS[function]
    with pytest.raises(ValueError, match=f"^{words}"):
        call.run(**other(call))


def test_row_lists_of_too_many_people_or_in_too_little_memory_are_refused() -> None:
    call = CALLS["products"]
    with pytest.raises(ValueError, match=r"^row_lists: \d+ bytes, expected \d+ as row_list_bytes says"):
        call.run(row_lists=call.arrays["row_lists"][:-1].copy())
    for people, words in ((MOST_LISTED, None), (MOST_LISTED + 4, "tiles: 3076 people, expected at most 3072")):
        packed, tiles = zeros(2, -(-people // 32) * 8, of=np.uint8), zeros(1, people, LANES)
        if words is None:
            assert compiled.row_list_bytes(packed, tiles) > 0
            continue
        with pytest.raises(ValueError, match=words):
            compiled.row_list_bytes(packed, tiles)


@given(
    variants=st.integers(0, 40), people=st.integers(1, 200), rank=st.integers(1, 40), traits=st.integers(1, 70),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_arrays_of_any_size_are_taken(variants: int, people: int, rank: int, traits: int) -> None:
    for call in calls(variants, people, min(rank, people), traits):
        call.run()


FORMATS = ("f4", "f8", "u1", "?", "u4", "u8", "i4", "i8", ">f4", "c8", "f2", "V4")


def anything(rng: np.random.Generator, like: NDArray[Any]) -> NDArray[Any]:
    """An array of random bytes that may resemble another one."""
    kind = np.dtype(rng.choice(FORMATS)) if rng.random() < 0.2 else like.dtype
    shape = list(like.shape)
    if rng.random() < 0.3:
        shape[rng.integers(len(shape))] = int(rng.choice([0, 1, 2, 3, 4, 8, 16, 40]))
    if rng.random() < 0.1:
        shape = shape[1:] if rng.random() < 0.5 else [*shape, 1]
    bytes_needed = int(np.prod(shape)) * kind.itemsize
    shift = 1 if rng.random() < 0.1 else 0
    raw = compiled.aligned((bytes_needed + shift,), np.uint8)
    raw[...] = rng.integers(0, 256, len(raw)) * (rng.random() < 0.7)
    made: NDArray[Any] = raw[shift:].view(kind).reshape(shape)
    if made.ndim and rng.random() < 0.1:
        made = made[::-1]
    made.flags.writeable = bool(rng.random() < 0.9)
    return made


def refusal(call: Call, other: dict[str, NDArray[Any]]) -> str | None:
    """What the error says; None if the arrays are taken."""
    try:
        call.run(**other)
    except REFUSED as error:
        return str(error)
    return None


@given(seed=st.integers(0, 2**32), function=st.sampled_from(sorted(CALLS)))
@settings(max_examples=400, deadline=None)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_random_arrays_are_refused_in_words_or_taken(seed: int, function: str) -> None:
    rng = np.random.default_rng(seed)
    sizes = int(rng.integers(0, 9)), int(rng.integers(1, 80)), int(rng.integers(1, 20)), int(rng.integers(1, 40))
    call = next(each for each in calls(sizes[0], sizes[1], min(sizes[1:3]), sizes[3]) if each.function == function)
    changed = rng.choice(list(call.arrays), size=min(int(rng.integers(1, 4)), len(call.arrays)), replace=False)
    other = {str(name): anything(rng, call.arrays[name]) for name in changed}
    said = refusal(call, other)
    assert said is None or re.match(f"({'|'.join(call.arguments)}): .+, expected ", said), said
