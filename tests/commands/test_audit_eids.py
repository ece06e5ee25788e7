"""Eids in shared files: what is a number of another kind, what is chance, and what is a person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas.commands.audit import are_by_chance
from ecgwas.commands.audit_words import COUNTED, SearchLog, json_texts, words

SHORT = {str(number) for number in np.random.default_rng(1).choice(np.arange(1000, 10_000), 466, replace=False)}
"""Eids of four digits, as hospitals' and public cohorts' may be."""


def found(path: Path, content: str) -> set[str]:
    path.write_text(content)
    return words(path, SearchLog())


def test_measurements_colours_and_namespaces_are_no_eids(tmp_path: Path) -> None:
    curves = pl.DataFrame({"lead": ["I"], "time_ms": [1234.0], "mean_uv": [2345.0], "st60_uv": [3456.0], "area": [4567.0]})
    curves.write_csv(tmp_path / "meaning.csv")
    in_table = words(tmp_path / "meaning.csv", SearchLog())
    assert "4567" in in_table, "a column without a unit is searched, also if whole numbers are stored as decimals"
    assert not {"1234", "2345", "3456"} & in_table
    drawn = found(tmp_path / "a.svg", '<svg xmlns="http://www.w3.org/2000/svg"><g fill="#123570"/><text>eid 1234</text></svg>')
    assert "1234" in drawn
    assert not {"2000", "123570"} & drawn


@pytest.mark.parametrize("seed", range(20))
def test_other_numbers_equal_some_short_eids(seed: int) -> None:
    numbers = {str(number) for number in np.random.default_rng(100 + seed).integers(1000, 10_000, 150)}
    equal = numbers & SHORT
    assert equal, "the file must hold such a number, else nothing is tested"
    assert are_by_chance(equal, numbers, SHORT)


@pytest.mark.parametrize("people", [4, 30, 466])
def test_a_list_of_short_eids_is_not_chance(people: int) -> None:
    listed = set(sorted(SHORT)[:people])
    assert not are_by_chance(listed, listed | {"1000", "beta"}, SHORT)


def test_long_eids_and_those_with_letters_are_never_chance() -> None:
    numbers = {str(number) for number in range(100_000, 101_000)}
    assert not are_by_chance({"100005"}, numbers, {"100005"})
    assert not are_by_chance({"P123"}, {"P123", *numbers}, {"P123"})
    assert not are_by_chance(set(), numbers, SHORT)


def test_hashes_are_no_words_but_a_path_in_their_place_is_found() -> None:
    entity = {"@id": "loci.csv", "sha256": "/home/ada/loci.csv", "about": [{"contentSize": "1234"}]}
    assert {"loci.csv", "/home/ada/loci.csv", "1234"} <= set(json_texts(entity))
    assert not {"/home/ada/loci.csv", "1234"} & set(json_texts(entity, COUNTED))
