"""Lines of scoring files and variants of the genotypes: strands, order of alleles, palindromes, several alleles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgwas.scores import matching
from ecgwas.scores.matching import Matched, Palindromes
from ecgwas.scores.scoring_file import ScoringFile

COMPLEMENT = str.maketrans("ACGT", "TGCA")
SNVS = [(a, b) for a in "ACGT" for b in "ACGT" if a != b]
PALINDROMES = [(a, b) for a, b in SNVS if a.translate(COMPLEMENT) == b]
CLEAR = [pair for pair in SNVS if pair not in PALINDROMES]


def variants(*pairs: tuple[str, str], positions: list[int] | None = None) -> pl.DataFrame:
    """Variants of chromosome 1 with these effect and other alleles."""
    count = len(pairs)
    return pl.DataFrame({
        "chrom": ["1"] * count, "place": list(range(count)), "pos": positions or [100 * (j + 1) for j in range(count)],
        "variant": [f"rs{j}" for j in range(count)], "effect_allele": [a for a, _ in pairs],
        "other_allele": [b for _, b in pairs],
    })  # fmt: skip


def scoring(*rows: Mapping[str, object]) -> ScoringFile:
    """Lines with pos, effect and other allele; weights are 1, 2, 3 ..."""
    whole = [
        {"line": j + 2, "rsid": None, "chrom": "1", "frequency": None, "problem": None, "copies_0": 0.0,
         "copies_1": j + 1.0, "copies_2": 2 * (j + 1.0), **row} for j, row in enumerate(rows)
    ]  # fmt: skip
    schema = {"line": pl.Int64, "rsid": pl.String, "chrom": pl.String, "pos": pl.Int64, "effect_allele": pl.String,
              "other_allele": pl.String, "frequency": pl.Float64, "copies_0": pl.Float64, "copies_1": pl.Float64,
              "copies_2": pl.Float64, "problem": pl.String}  # fmt: skip
    frame = pl.DataFrame(whole, schema=schema)
    return ScoringFile(Path("score.txt"), "score", {}, "", frame, (), ())


def matched(file: ScoringFile, table: pl.DataFrame, palindromes: Palindromes = "drop", own: float = np.nan) -> Matched:
    found = matching.candidates(table, [file])
    return matching.match(file, found, palindromes=palindromes, frequencies=lambda rows: np.full(rows.height, own))


def status(found: Matched) -> list[str]:
    return found.frame["status"].to_list()


@given(pair=st.sampled_from(CLEAR), swap=st.booleans(), flip=st.booleans(), named=st.booleans(), stated=st.booleans())
@settings(deadline=None, max_examples=60)
def test_any_strand_and_order_counts_the_same_allele(
    pair: tuple[str, str], *, swap: bool, flip: bool, named: bool, stated: bool
) -> None:
    """By position or by rs number, with or without the other allele."""
    effect, other = pair[::-1] if swap else pair
    if flip:
        effect, other = effect.translate(COMPLEMENT), other.translate(COMPLEMENT)
    place = {"pos": None, "rsid": "rs0", "chrom": None} if named else {"pos": 100}
    found = matched(scoring({**place, "effect_allele": effect, "other_allele": other if stated else None}), variants(pair))
    expected = {(False, False): "matched", (True, False): "swapped", (False, True): "other strand",
                (True, True): "other strand, swapped"}[swap, flip]  # fmt: skip
    assert status(found) == [expected]
    values = found.frame.select("copies_0", "copies_1", "copies_2").row(0)
    assert values == ((2.0, 1.0, 0.0) if swap else (0.0, 1.0, 2.0))
    assert found.frame["place"].to_list() == [0]


@given(pair=st.sampled_from(PALINDROMES), swap=st.booleans(), flip=st.booleans(), frequency=st.floats(0.0, 1.0),
       drift=st.floats(-0.05, 0.05))  # fmt: skip
@settings(deadline=None, max_examples=100)
def test_a_palindrome_is_told_by_its_frequency_or_not_used(
    pair: tuple[str, str], *, swap: bool, flip: bool, frequency: float, drift: float
) -> None:
    """frequency: of the effect allele here; the file's frequency is of its own effect allele, a little off."""
    effect, other = pair[::-1] if swap else pair
    there = min(max((1 - frequency if swap else frequency) + drift, 0.0), 1.0)
    if flip:
        effect, other = effect.translate(COMPLEMENT), other.translate(COMPLEMENT)
    row = {"pos": 100, "effect_allele": effect, "other_allele": other, "frequency": there}
    assert status(matched(scoring(row), variants(pair))) == ["ambiguous palindrome"]
    found = matched(scoring(row), variants(pair), "frequency", frequency)
    if min(abs(frequency - 0.5), abs(there - 0.5)) < 0.08:
        assert status(found) == ["ambiguous palindrome"]
    else:
        assert status(found) == ["palindromic"]
        assert (found.frame["copies_2"][0] == 0.0) == swap
    kept = matched(scoring(row), variants(pair), "keep")
    assert status(kept) == ["palindromic"]
    assert (kept.frame["copies_2"][0] == 0.0) == (swap != flip)  # Strands are taken to be the same.


def test_a_palindrome_without_a_frequency_is_not_used() -> None:
    row: dict[str, object] = {"pos": 100, "effect_allele": "A", "other_allele": "T"}
    assert status(matched(scoring(row), variants(("A", "T")), "frequency", 0.2)) == ["ambiguous palindrome"]
    row["frequency"] = 0.2
    assert status(matched(scoring(row), variants(("A", "T")), "frequency")) == ["ambiguous palindrome"]


def test_of_several_variants_at_a_position_alleles_choose_one() -> None:
    table = variants(("A", "C"), ("A", "G"), ("AT", "A"), positions=[100, 100, 100])
    rows = [{"pos": 100, "effect_allele": a, "other_allele": b} for a, b in (("G", "A"), ("C", "A"), ("A", "AT"), ("A", None))]
    found = matched(scoring(*rows), table)
    assert status(found) == ["swapped", "swapped", "swapped", "several variants"]
    assert found.frame["place"].to_list() == [1, 0, 2, None]


def test_the_strand_of_the_file_goes_first() -> None:
    """T/G would also be A/C of the other strand."""
    table = variants(("A", "C"), ("T", "G"), positions=[100, 100])
    found = matched(scoring({"pos": 100, "effect_allele": "T", "other_allele": "G"}), table)
    assert status(found) == ["matched"]
    assert found.frame["place"].to_list() == [1]


def test_indels_are_not_turned_to_the_other_strand() -> None:
    rows = [{"pos": 100, "effect_allele": "TG", "other_allele": "T"}, {"pos": 200, "effect_allele": "CA", "other_allele": "C"}]
    found = matched(scoring(*rows), variants(("AC", "A"), ("C", "CA")))
    assert status(found) == ["other alleles", "swapped"]


def test_two_lines_of_one_variant_count_once_and_everything_is_counted() -> None:
    rows = [
        {"pos": 100, "effect_allele": "A", "other_allele": "G"}, {"pos": 100, "effect_allele": "G", "other_allele": "A"},
        {"pos": 300, "effect_allele": "A", "other_allele": "G"}, {"pos": 200, "effect_allele": "A", "other_allele": "G"},
        {"pos": None, "rsid": "rs77", "effect_allele": "A", "other_allele": "G"},
        {"pos": 100, "effect_allele": None, "other_allele": "G", "problem": "no effect allele"},
    ]  # fmt: skip
    found = matched(scoring(*rows), variants(("A", "G"), ("A", "C")))
    assert status(found) == ["matched", "duplicated", "absent", "other alleles", "absent", "no effect allele"]
    assert found.share == pytest.approx(1 / 6)
    counts = {name: (count, share) for name, count, share in found.counts()}
    assert sum(count for count, _ in counts.values()) == 6
    assert counts["absent"] == (2, pytest.approx((3 + 5) / 21))
    assert next(iter(counts)) == "matched"
