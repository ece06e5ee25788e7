"""Loci of several studies side by side: merged as those of one study, alleles of the same variant aligned."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from ecgwas.loci.merge import in_order, merge_hits
from ecgwas.loci.shared_loci import NO_NATURAL, READ, StudyHits, compared_loci, rows_in_loci, shared_loci
from ecgwas.tables import Associations
from ecgwas.tables.loci import Clumps

LIMIT = 7.0
ROW = {"variant": ".", "chrom": "1", "effect_allele": "A", "other_allele": "G", "eaf": 0.3, "n": 500, "beta": 0.5, "se": 0.1,
       "t": 5.0}  # fmt: skip


def rows(*given: dict[str, Any]) -> pl.DataFrame:
    return Associations.of([ROW | one for one in given]).frame


def study(name: str, table: pl.DataFrame, genotypes: str = "g", **more: Any) -> StudyHits:
    beyond = table.filter(pl.col("neglog10p") > LIMIT)
    return StudyHits(
        name, ("ae", "pca"), beyond, more.get("clumps", Clumps.empty()), more.get("natural", NO_NATURAL), genotypes
    )


def compared(*tables: pl.DataFrame, genotypes: tuple[str, ...] = ("g", "h", "i"), **more: Any) -> pl.DataFrame:
    studies = [study(name, table, place, **more) for name, table, place in zip("XYZ", tables, genotypes, strict=False)]
    loci = shared_loci(studies, 1000, LIMIT)
    inside = [rows_in_loci([table.select(READ)], loci) for table in tables]
    return compared_loci(studies, loci, inside, LIMIT).frame


def row_of(frame: pl.DataFrame, study: str, representation: str = "ae", locus: int = 1) -> dict[str, Any]:
    return frame.filter(pl.col("locus") == locus, study=study, representation=representation).row(0, named=True)


def test_hits_of_two_studies_within_the_window_are_one_locus() -> None:
    here = {"trait": "ae.V1.f1", "pos": 5000, "neglog10p": 9.0}
    near = {"trait": "pca.12L.f1", "pos": 5900, "neglog10p": 8.0}
    far = {"trait": "ae.V1.f1", "pos": 9000, "neglog10p": 12.0}
    frame = compared(rows(here), rows(near, far))
    places = frame.select("locus", "start", "stop", "pos").unique().sort("locus").rows()
    assert places == [(1, 5000, 5900, 5000), (2, 9000, 9000, 9000)]
    assert frame.height == 2 * 2 * 2
    found = frame.filter("found").select("locus", "study", "representation").rows()
    assert found == [(1, "X", "ae"), (1, "Y", "pca"), (2, "Y", "ae")]


def test_a_clump_of_one_study_joins_hits_beyond_the_window_unless_it_is_weaker_than_the_threshold() -> None:
    ends = [{"trait": "ae.V1.f1", "pos": pos, "neglog10p": 9.0} for pos in (5000, 8000)]
    blank = dict.fromkeys(Clumps.columns)
    member = blank | {"chrom": "1", "lead_pos": 5000, "lead_effect_allele": "A", "lead_other_allele": "G"}
    for strength, count in ((9.0, 1), (6.0, 2)):
        clumps = Clumps.of([member | {"pos": pos, "neglog10p": strength} for pos in (5000, 8000)])
        assert compared(rows(*ends), rows(), clumps=clumps)["locus"].n_unique() == count


def test_of_one_study_the_loci_are_those_of_merge_hits() -> None:
    table = rows(*({"trait": f"ae.V1.f{k % 3}", "pos": 700 * k**2, "neglog10p": 7.5 + k % 4} for k in range(1, 12)))
    loci = shared_loci([study("X", table)], 5000, LIMIT)
    assert loci.drop("lead_study").equals(merge_hits(in_order(table), 5000))
    assert loci["lead_study"].to_list() == [0] * loci.height


@pytest.mark.parametrize(
    ("alleles", "eaf", "expected"),
    [
        (("A", "G"), 0.3, ("same", 0.4, 0.3)), (("G", "A"), 0.7, ("swapped", -0.4, 0.3)),
        (("T", "C"), 0.3, ("same", 0.4, 0.3)), (("C", "T"), 0.7, ("swapped", -0.4, 0.3)), (("A", "T"), 0.3, None),
    ],
)  # fmt: skip
def test_the_effect_is_of_the_lead_variants_allele(
    alleles: tuple[str, str], eaf: float, expected: tuple[str, float, float] | None
) -> None:
    lead = {"trait": "ae.V1.f1", "pos": 5000, "neglog10p": 9.0}
    other = {"trait": "ae.V1.f2", "pos": 5000, "neglog10p": 4.0, "beta": 0.4, "eaf": eaf,
             "effect_allele": alleles[0], "other_allele": alleles[1]}  # fmt: skip
    row = row_of(compared(rows(lead), rows(other)), "Y")
    assert (row["effect_allele"], row["other_allele"]) == ("A", "G")
    assert (row["found"], row["best_trait"], row["best_neglog10p"]) == (False, "ae.V1.f2", 4.0)
    if expected is None:
        assert (row["trait"], row["alleles"], row["beta"]) == (None, None, None)
        return
    assert (row["alleles"], row["beta"]) == expected[:2]
    assert row["eaf"] == pytest.approx(expected[2])
    assert (row["trait"], row["neglog10p"], row["se"], row["n"]) == ("ae.V1.f2", 4.0, 0.1, 500)


def test_palindromic_alleles_need_frequencies_or_the_same_files() -> None:
    lead = {"trait": "ae.V1.f1", "pos": 5000, "neglog10p": 9.0, "other_allele": "T", "eaf": 0.48}
    other = {"trait": "ae.V1.f1", "pos": 5000, "neglog10p": 8.0, "effect_allele": "T", "other_allele": "A", "eaf": 0.52}
    unknown = row_of(compared(rows(lead), rows(other)), "Y")
    assert (unknown["alleles"], unknown["beta"], unknown["eaf"], unknown["neglog10p"]) == ("palindromic", None, None, 8.0)
    assert row_of(compared(rows(lead), rows(other), genotypes=("g", "g")), "Y")["beta"] == -0.5
    rare = [one | {"eaf": eaf} for one, eaf in ((lead, 0.1), (other, 0.9))]
    assert row_of(compared(rows(rare[0]), rows(rare[1])), "Y")["alleles"] == "swapped"


def test_effects_in_natural_units_are_aligned_too() -> None:
    lead = {"trait": "ae.V1.f1", "pos": 5000, "neglog10p": 9.0}
    other = lead | {"neglog10p": 8.0, "effect_allele": "G", "other_allele": "A", "eaf": 0.7}
    key = {"trait": "ae.V1.f1", "chrom": "1", "pos": 5000, "effect_allele": "G", "other_allele": "A"}
    natural = pl.DataFrame([key | {"effect": 3.0, "effect_se": 0.6, "unit": "ms"}], schema=NO_NATURAL.schema)
    frame = compared(rows(lead), rows(other), natural=natural)
    row = row_of(frame, "Y")
    assert (row["effect"], row["effect_se"], row["unit"], row["beta"]) == (-3.0, 0.6, "ms", -0.5)
    assert row_of(frame, "X")["effect"] is None


def test_the_strongest_test_of_each_representation_is_found_in_pieces_of_any_size() -> None:
    table = rows(
        {"trait": "ae.V1.f1", "pos": 5000, "neglog10p": 9.0}, {"trait": "ae.V1.f2", "pos": 5500, "neglog10p": 11.0},
        {"trait": "pca.12L.f1", "pos": 5200, "neglog10p": 4.0}, {"trait": "pca.12L.f2", "pos": 5500, "neglog10p": 3.5},
        {"trait": "ae.V1.f1", "pos": 90_000, "neglog10p": 3.1}, {"trait": "ae.V1.f1", "pos": 5100, "neglog10p": float("nan")},
    )  # fmt: skip
    loci = shared_loci([study("X", table)], 1000, LIMIT)
    whole = rows_in_loci([table.select(READ)], loci)
    pieces = rows_in_loci([table.select(READ)[k : k + 1] for k in range(table.height)], loci)
    for inside in (whole, pieces):
        frame = compared_loci([study("X", table)], loci, [inside], LIMIT).frame
        assert row_of(frame, "X")["best_trait"] == "ae.V1.f2"
        pca = row_of(frame, "X", "pca")
        assert (pca["best_variant"], pca["best_neglog10p"], pca["found"]) == (".", 4.0, False)
        assert (pca["trait"], pca["neglog10p"]) == ("pca.12L.f2", 3.5)


def test_without_hits_there_are_no_loci() -> None:
    weak = rows({"trait": "ae.V1.f1", "pos": 5000, "neglog10p": 4.0})
    assert compared(weak, weak).height == 0
