from __future__ import annotations

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecgwas.errors import StudyError
from ecgwas.genotypes import packed as codes
from ecgwas.genotypes.packed import PackedBlock, SampleSelector
from ecgwas.genotypes.readers import COPIES_OF_CODE, pack
from ecgwas.native import compiled
from ecgwas.scan.engine import kernels

needs_table = pytest.mark.skipif(not compiled.is_available(), reason="the table kernel was not compiled at install")


def bed_codes(people: int, variants: int, seed: int) -> NDArray[np.uint8]:
    """(variants, people) codes of a .bed: rare, common and flipped variants, with and without missing calls."""
    rng = np.random.default_rng(seed)
    copies = rng.binomial(2, rng.uniform(0, 1, (variants, 1)) ** 2, (variants, people))
    found = np.array([3, 2, 0], dtype=np.uint8)[copies]
    found[rng.random(found.shape) < rng.choice([0.0, 0.1], (variants, 1))] = 1
    return found


def made(people: int, variants: int, seed: int) -> PackedBlock:
    return codes.recoded_block(pack(bed_codes(people, variants, seed)), people)


@given(people=st.integers(1, 230), variants=st.integers(0, 40), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_block_holds_what_the_bed_holds(people: int, variants: int, seed: int) -> None:
    bed = bed_codes(people, variants, seed)
    rows = np.flatnonzero(np.random.default_rng(seed).random(people) < 0.8)
    block = SampleSelector(rows, people).select(pack(bed))
    copies = COPIES_OF_CODE[bed[:, rows]]
    np.testing.assert_array_equal(block.missing_calls, np.isnan(copies).sum(axis=1))
    minor = np.where(block.minor_is_other[:, None], 2 - copies, copies)
    np.testing.assert_array_equal(block.minor_copies(), np.nan_to_num(minor))
    np.testing.assert_array_equal(block.minor_alleles, np.nansum(minor, axis=1))
    np.testing.assert_array_equal(block.raw_ss, np.nansum(minor**2, axis=1))
    assert np.all(block.minor_alleles <= block.called)
    for i in range(variants):
        np.testing.assert_array_equal(block.samples_missing(i), np.flatnonzero(np.isnan(copies[i])))


@given(people=st.integers(1, 700), variants=st.integers(0, 60), columns=st.integers(1, 50), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("name", ["numpy", "torch", pytest.param("table", marks=needs_table)])
def test_products_are_those_of_float64(name: str, people: int, variants: int, columns: int, seed: int) -> None:
    block = made(people, variants, seed)
    numbers = np.random.default_rng(seed).standard_normal((people, columns)).astype(np.float32)
    found = kernels.make(name, numbers).products(block)
    exact = block.minor_copies().astype(np.float64) @ numbers.astype(np.float64)
    size = block.minor_copies().astype(np.float64) @ np.abs(numbers).astype(np.float64)
    assert found.shape[0] == variants
    assert not found[:, columns:].any()
    assert found.dtype == np.float32
    assert np.all(np.abs(found[:, :columns] - exact) <= 1e-6 * size + 1e-30)


@needs_table
def test_the_table_kernel_names_its_instructions() -> None:
    assert importlib.import_module("ecgwas.native._table").instructions() in ("baseline", "avx2", "avx512f", "avx512vpopcntdq")


def test_without_a_compiler_the_reference_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "is_available", lambda: False)
    assert kernels.resolved("auto") == "numpy"
    assert kernels.make("auto", np.zeros((4, 2), dtype=np.float32)).name == "numpy"
    with pytest.raises(StudyError, match="not installed") as caught:
        kernels.check("table")
    assert "C compiler" in caught.value.fix
