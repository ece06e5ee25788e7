"""Findings to be passed on: nobody's recording, no small group, nothing that could be worked out from the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from ecgwas.report import LeadVariant, ScanRows, genotype_beats, pooled, render, sample_flow, shareable
from ecgwas.report.figures.genotype import ecg_by_genotype
from ecgwas.study import ReportOptions
from ecgwas.tables import Associations, Loci, People, files
from ecgwas.tables.loci import GroupEffects, Hits
from tests.factories import make_signals
from tests.report.example import changed, make_contents, page_of, rows_of

LEAST = 10


def variant(counts: tuple[int, int, int]) -> LeadVariant:
    return LeadVariant(1, "rs1", "A", "G", np.repeat([0.0, 1.0, 2.0], counts))


@pytest.mark.parametrize(
    ("counts", "expected", "genotype"),
    [((30, 20, 10), [30, 20, 10], None), ((30, 25, 5), [30, 30, 0], 2), ((3, 27, 30), [0, 30, 30], 0),
     ((40, 20, 0), [40, 20, 0], None)],
)  # fmt: skip
def test_few_homozygotes_count_as_having_one_copy(
    counts: tuple[int, int, int], expected: list[int], genotype: int | None
) -> None:
    found = pooled(variant(counts), LEAST)
    assert found is not None
    assert [int((found.dosage == k).sum()) for k in range(3)] == expected
    assert found.pooled == genotype


@pytest.mark.parametrize("counts", [(55, 5, 0), (50, 6, 3), (2, 50, 3), (60, 0, 0), (50, 0, 2)])
def test_where_no_two_groups_remain_there_is_no_picture(counts: tuple[int, int, int]) -> None:
    assert pooled(variant(counts), LEAST) is None


def test_the_hidden_mean_cannot_be_worked_out() -> None:
    """From means, effect and counts one could solve for the few; pooled, they enter only with the others."""
    signals = make_signals(60, 4)
    alone = variant((30, 29, 1))
    together = pooled(alone, LEAST)
    assert together is not None
    (found,) = genotype_beats(signals, [together])
    beats = np.asarray(signals.beats, dtype=np.float64)
    np.testing.assert_allclose(found.mean_uv[1], beats[30:].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.slope_uv, beats[30:].mean(axis=0) - beats[:30].mean(axis=0), atol=1e-6)
    drawn = ecg_by_genotype(found)
    assert "A/G or A/A (30)" in drawn.svg
    assert "Few participants have A/A" in drawn.caption
    assert "mean_2_uv" in drawn.csv
    assert pl.read_csv(drawn.csv.encode())["mean_2_uv"].null_count() == 12 * len(found.times_ms[:: max(1, -(-475 // 160))])


def test_rare_reasons_are_counted_together() -> None:
    reasons = ["no genotypes"] * 40 + ["no covariates"] * 12 + ["withdrawn"] * 3 + ["sex"] * 4
    rows = [{"eid": f"{1000 + i}", "status": "dropped", "reason": reason} for i, reason in enumerate(reasons)]
    contents = changed(make_contents(), people=People.of(rows))
    (*_, last) = sample_flow.steps(contents.cohort, LEAST)
    assert last.excluded == (("no genotypes", 40), ("other reasons", 19)), "7 would still be few: the next one hides them"
    (*_, last) = sample_flow.steps(contents.cohort, 0)
    assert last.excluded[-1] == ("withdrawn", 3)


def test_twelve_files_of_one_person_are_one_person() -> None:
    contents = make_contents()
    frame = contents.cohort.recordings.frame
    twelve = pl.concat([frame.filter(pl.col("reason") == "flat lead V3").head(1)] * 12)
    recordings = replace(contents.cohort.recordings, frame=pl.concat([frame.filter(pl.col("status") == "kept"), twelve]))
    _, step, _ = sample_flow.steps(changed(contents, recordings=recordings).cohort, LEAST)
    assert step.excluded == (("other reasons", 12),)


def test_nothing_of_one_person_is_on_the_page() -> None:
    contents = make_contents()
    shared = shareable(contents, LEAST)
    page = render(ReportOptions(), shared)
    assert {"strip", "reconstruction"} & set(page_of("full").figures)
    assert not {"strip", "reconstruction"} & set(page.figures)
    assert not [name for name in page.figures if name.startswith("error_")]
    assert "One participant's recording" not in page.html
    assert f"no group of fewer than {LEAST} participants" in page.html
    audit = shared.tables[files.AUDIT]
    assert not {"top_share", "neglog10p_without_top"} & set(audit.columns)


def test_an_icc_of_few_people_is_not_passed_on() -> None:
    contents = make_contents()
    few, many = contents.representations[:2]
    few = replace(few, reliability=few.reliability.with_columns(people=pl.lit(LEAST - 1, dtype=pl.Int64)))
    hidden, shown, *_ = shareable(changed(contents, representations=(few, many)), LEAST).representations
    for name in ("icc", "icc_low", "icc_high", "people"):
        assert hidden.reliability[name].null_count() == hidden.reliability.height > 0
        assert shown.reliability[name].equals(many.reliability[name])
    assert hidden.reliability["r"].equals(few.reliability["r"])


def test_one_small_genotype_hides_all_counts_of_the_hit() -> None:
    contents = make_contents()
    audit = contents.tables[files.AUDIT].with_columns(people_2=pl.Series([4, 0, 30], dtype=pl.Int64))
    shown = shareable(changed(contents, tables={files.AUDIT: audit}), LEAST).tables[files.AUDIT]
    for name in ("people_0", "people_1", "people_2", "mean_0"):
        assert shown[name].is_null().to_list() == [True, False, False], name


def test_a_table_without_rows_has_no_types_and_nothing_to_hide() -> None:
    contents = make_contents()
    empty = pl.DataFrame(schema={name: pl.String for name in contents.tables[files.AUDIT].columns})
    shown = shareable(changed(contents, tables={files.AUDIT: empty}), LEAST).tables[files.AUDIT]
    assert shown.height == 0
    assert "top_share" not in shown.columns


def test_rare_alleles_are_left_out_and_counted() -> None:
    contents = make_contents()
    rare = rows_of(contents).with_columns(eaf=pl.when(pl.int_range(pl.len()) == 0).then(4 / 148).otherwise(pl.col("eaf")))
    shared = shareable(changed(contents, rows=ScanRows.of(Associations(rare))), LEAST)
    assert rows_of(shared).equals(rare[1:])
    assert "1 tests of alleles carried fewer than 10 times are not shown" in shared.run.notes


def test_the_same_findings_twice_are_the_same() -> None:
    once = shareable(make_contents(), LEAST)
    assert render(ReportOptions(), once).html == render(ReportOptions(), shareable(once, LEAST)).html


@pytest.mark.parametrize("name", ["rs1", "."])
def test_a_locus_is_hidden_by_its_place_whatever_its_lead_variant_is_called(name: str) -> None:
    """All hits have one name: those of chromosome 1 are carried by few, the loci elsewhere are shown."""
    plain = make_contents(5)
    few = pl.when(pl.col("chrom") == "1").then(0.01).otherwise("eaf")
    hits = Hits(plain.loci.hits.frame.with_columns(variant=pl.lit(name), eaf=few))
    loci = Loci(plain.loci.loci.frame.with_columns(lead_variant=pl.lit(name)))
    found = shareable(changed(plain, hits=hits, loci=loci), LEAST)
    assert found.loci.loci.frame["chrom"].to_list() == ["2", "3"]
    assert set(found.loci.hits.frame["chrom"]) == {"2", "3"}


def test_regional_plots_and_lead_variants_omit_alleles_carried_by_few() -> None:
    contents = make_contents()
    here = contents.loci.regions[0]
    eaf = pl.when(pl.int_range(pl.len()) % 5 == 1).then(0.02).otherwise("eaf")
    rare = replace(here, tests=here.tests.with_columns(eaf=eaf), layers=tuple(
        replace(layer, tests=layer.tests.with_columns(eaf=eaf)) for layer in here.layers))  # fmt: skip
    leads = contents.loci.lead_tests.with_columns(eaf=pl.when(pl.col("locus") == 2).then(0.99).otherwise("eaf"))
    shared = shareable(changed(contents, regions=(rare, *contents.loci.regions[1:]), lead_tests=leads), LEAST)
    shown = shared.loci.regions[0]
    for tests in (shown.tests, *(layer.tests for layer in shown.layers)):
        assert tests["eaf"].unique().to_list() == [0.31]
        assert 0 < tests.height < here.tests.height
    assert shared.loci.lead_tests["locus"].unique().sort().to_list() == [1, 3]


def test_a_locus_that_is_not_shared_has_no_figure() -> None:
    contents = make_contents()
    place = contents.loci.loci.frame.row(1, named=True)
    hits = contents.loci.hits.frame.with_columns(eaf=pl.when(pl.col("pos") == place["pos"]).then(0.01).otherwise("eaf"))
    shared = shareable(changed(contents, hits=Hits(hits)), LEAST)
    assert shared.loci.loci.frame["locus"].to_list() == [1, 3]
    figures = render(ReportOptions(), shared).figures
    assert {name for name in figures if name.startswith("phewas_")} == {"phewas_1", "phewas_3"}
    assert not {"locus_2", "locus_2_difference", "region_2"} & set(figures)


def group_rows(**sizes: int) -> pl.DataFrame:
    """A comparison of two groups at two loci; sizes: group -> participants."""
    return GroupEffects.of([
        {"locus": locus, "trait": "ae.V3.f02", "variant": "rs1", "chrom": "1", "pos": 5, "effect_allele": "A",
         "other_allele": "G", "by": "ancestry", "group": group, "n": n, "eaf": None if group == "combined" else 0.2,
         "beta": 0.1, "se": 0.1, "neglog10p": 1.0, "q": None, "q_p": None, "i2": None}
        for locus in (1, 2) for group, n in sizes.items()
    ]).frame  # fmt: skip


def shared_groups(table: pl.DataFrame) -> pl.DataFrame:
    return shareable(changed(make_contents(), tables={files.GROUP_EFFECTS: table}), LEAST).tables[files.GROUP_EFFECTS]


def test_a_comparison_with_few_carriers_in_a_group_is_not_passed_on() -> None:
    table = group_rows(**{"1": 300, "2": 80, "combined": 380, "all": 380})
    assert shared_groups(table).equals(table)
    is_rare = (pl.col("locus") == 1) & (pl.col("group") == "2")
    rare = table.with_columns(eaf=pl.when(is_rare).then((LEAST - 1) / 160).otherwise(pl.col("eaf")))
    assert shared_groups(rare).equals(table.filter(locus=2))
    assert shared_groups(table.clear()).height == 0


def test_a_group_too_small_to_be_shown_does_not_follow_from_the_others() -> None:
    names = {"1": 300, "2": 80, "3": None, "combined": 380}
    hidden = shared_groups(group_rows(**names, all=380 + LEAST - 1))
    assert hidden["n"].null_count() == hidden["eaf"].null_count() == hidden.height == 10
    assert hidden["beta"].null_count() == 0
    table = group_rows(**names, all=380 + LEAST)
    assert shared_groups(table).equals(table)


def test_a_rare_rhythm_does_not_follow_from_the_others() -> None:
    table = pl.DataFrame({
        "rhythm": ["sinus_rhythm", "atrial_fibrillation", "paced", "tachycardia"], "recordings": [80, 0, 12, 15],
        "excluded": [2, 4, 0, 0],
    })  # fmt: skip
    counts = shareable(changed(make_contents(), tables={files.RHYTHM_COUNTS: table}), LEAST).tables[files.RHYTHM_COUNTS]
    assert counts["recordings"].to_list() == [None, None, 12, 15]
    assert counts["excluded"].to_list() == [None, None, 0, 0]
    common = table.with_columns(excluded=pl.lit(0))
    assert (
        shareable(changed(make_contents(), tables={files.RHYTHM_COUNTS: common}), LEAST)
        .tables[files.RHYTHM_COUNTS]
        .equals(common)
    )
