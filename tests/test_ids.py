"""Lists of ids, and how ids of two tables meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas import ids
from ecgwas.errors import InputError

PEOPLE = [str(1000000 + 7 * i) for i in range(80)]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("1000008.0", "decimals"), ("1000008.", "decimals"), ("1000008.000", "decimals"), ("1.000008e+06", "spreadsheet or R"),
        ("1E+06", "spreadsheet or R"), ("1.00E06", "spreadsheet or R"), ("#####", "too narrow"), ("#REF!", "spreadsheet"),
        ("1,000,008", "thousands"), ("'1000008", "quotation mark"), ("NA", "no id"), ("", "no id"), ("NaN", "no id"),
    ],
)  # fmt: skip
def test_what_other_programs_make_of_an_id_is_recognised(name: str, word: str) -> None:
    assert word in str(ids.damage(name))


@pytest.mark.parametrize(
    "name",
    ["1000008", "0001", "-1", "NA12878", "HG00096_HG00096", "1E5", "S1.5", "1.5", "rs123", "3:100:A:G", "é 1"],
)
def test_ids_that_may_be_one_are_not_damaged(name: str) -> None:
    assert ids.damage(name) is None


@pytest.mark.parametrize(
    ("rewrite", "how"),
    [
        (lambda eid: f"{eid}_{eid}", "after the last _"), (lambda eid: f"{eid}_2_0", "before the first _"),
        (lambda eid: f"UKB{eid}", "as digits alone"), (lambda eid: f"00{eid}", "without leading zeros"),
        (lambda eid: f'"{eid}"', "without quotation marks"), (lambda eid: f"{eid}.0", "without decimals"),
    ],
)  # fmt: skip
def test_how_ids_would_match_is_said(rewrite, how: str) -> None:  # type: ignore[no-untyped-def]
    assert ids.hint([rewrite(eid) for eid in PEOPLE], PEOPLE) == f"; read {how}, they would match"
    assert ids.hint(PEOPLE, [rewrite(eid) for eid in PEOPLE]).endswith(f"with the other side read {how}, they would match")


def test_nothing_is_said_where_no_way_of_writing_matches() -> None:
    assert ids.hint(["4444444", "5555555"], PEOPLE) == ""


def test_59_of_80_ids_that_match_nobody_are_counted_with_examples_of_both_sides() -> None:
    recorded = [f"{eid}x" if i < 59 else eid for i, eid in enumerate(PEOPLE)]
    (said,) = ids.overlap_warnings({"the recordings": recorded, "the genotypes": [*PEOPLE, "7"]})
    assert said.startswith(
        "59 of 80 ids of the recordings are not in the genotypes (the recordings: 1000000x, 1000007x, 1000014x (+56 more)"
    )
    assert "the genotypes: 1000000, 1000007" in said


def test_a_few_ids_that_do_not_meet_are_usual() -> None:
    assert ids.overlap_warnings({"a": PEOPLE, "b": [*PEOPLE[8:], *map(str, range(5000))]}) == []
    assert len(ids.overlap_warnings({"a": PEOPLE, "b": [*PEOPLE[9:], *map(str, range(5000))]})) == 1


def test_listed_ids_that_match_nobody(tmp_path: Path) -> None:
    def said(listed: list[str]) -> str | None:
        lines = {name: line for line, name in enumerate(listed, start=1)}
        return ids.unknown(lines, PEOPLE, what="people to exclude", source="the study", where=tmp_path, fix="correct it")

    assert said([]) is None
    assert said(PEOPLE[:3]) is None
    assert str(said([PEOPLE[0], "4444444"])).startswith(
        "1 of 2 people to exclude are not in the study (listed: 4444444; the study: "
    )
    with pytest.raises(
        InputError, match=r"none of the 2 people to exclude is in the study \(listed: 4444444, 5555555; the study"
    ):
        said(["4444444", "5555555"])


def test_lines_of_a_list_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("\ufeffeid\r\n\r\n7\r\n# 8\r\n9\r\n7\r\n")
    assert ids.read_list(path, what="people", fix="") == {"7": 3, "9": 5}
    path.write_text("")
    assert ids.read_list(path, what="people", fix="", may_be_empty=True) == {}
    with pytest.raises(InputError, match="the list of people is empty"):
        ids.read_list(path, what="people", fix="")
