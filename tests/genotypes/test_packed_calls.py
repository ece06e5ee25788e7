"""Packed calls hold what their codes hold, in part and in whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecgwas.genotypes import packed_calls as packing
from ecgwas.genotypes.packed_calls import PackedCalls, packed_calls


def drawn(variants: int, people: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 4, (variants, people), dtype=np.uint8)


@given(variants=st.integers(0, 30), people=st.integers(0, 70), seed=st.integers(0, 10**6), step=st.integers(1, 500))
@settings(max_examples=60, deadline=None)
def test_packed_calls_are_the_codes(variants: int, people: int, seed: int, step: int) -> None:
    codes, rng = drawn(variants, people, seed), np.random.default_rng(seed)
    calls = packed_calls(codes)
    assert packed_calls(calls) is calls
    assert len(calls) == variants
    assert calls.shape == codes.shape
    assert calls.packed.nbytes == variants * -(-people // 4)
    np.testing.assert_array_equal(calls.unpacked(), codes)
    some = rng.permutation(people)[: people // 2]
    rows = slice(variants // 3, variants)
    np.testing.assert_array_equal(calls.unpacked(rows, some), codes[rows][:, some])
    np.testing.assert_array_equal(calls.of_variants(slice(None, None, 3)).unpacked(), codes[::3])
    values = rng.standard_normal((variants, 4))
    expected = np.take_along_axis(values[rows], codes[rows].astype(np.int64), axis=1)
    np.testing.assert_array_equal(calls.replaced(rows, values[rows]), expected)
    blocks = list(calls.blocks(step))
    assert all(block.size <= max(step, people) for _, block in blocks)
    np.testing.assert_array_equal(np.concatenate([codes[:0], *(block for _, block in blocks)]), codes)
    np.testing.assert_array_equal(np.concatenate([codes[:0], *(codes[rows] for rows, _ in blocks)]), codes)


def test_people_are_selected_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "GENOTYPES_PER_STEP", 40)
    codes = drawn(37, 23, 1)
    people = np.array([22, 0, 5, 6, 7, 1, 9, 13, 3])
    np.testing.assert_array_equal(packed_calls(codes).select(people).unpacked(), codes[:, people])


def test_values_in_place_of_codes_for_more_variants_than_have_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "TABLES_AT_ONCE", 8)
    codes, values = drawn(37, 23, 2), np.random.default_rng(2).standard_normal((37, 4))
    found = packed_calls(codes).replaced(slice(None), values)
    np.testing.assert_array_equal(found, np.take_along_axis(values, codes.astype(np.int64), axis=1))


def test_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"packed calls of 9 people cannot have the shape \(2, 2\)"):
        PackedCalls(np.zeros((2, 2), dtype=np.uint8), 9)
