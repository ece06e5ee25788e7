"""The page of a locus: effect first, plots to choose from, every number as in the tables."""

from __future__ import annotations

import polars as pl
import pytest
from lxml import html

from ecgwas.report import Page, ReportContents
from ecgwas.report.page import tables
from ecgwas.report.text.numbers import p_value
from ecgwas.tables import VARIANT_KEY
from ecgwas.tables.loci import GroupEffects
from tests.report.example import make_contents, page_of, trait_names, with_measured_hits


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    return with_measured_hits(make_contents())


@pytest.fixture(scope="module")
def page() -> Page:
    return page_of("measured")


@pytest.fixture(scope="module")
def tree(page: Page) -> html.HtmlElement:
    return html.document_fromstring(page.html)


def test_the_effect_is_the_first_sentence(tree: html.HtmlElement) -> None:
    for locus in (1, 2, 3):
        (heading,) = tree.xpath(f"//h3[@id='h-locus-{locus}']")
        assert " allele of rs" in heading.getnext().text_content()
        assert " per copy" in heading.getnext().text_content()


def test_regional_plots_are_chosen_among_traits_and_signals(page: Page, tree: html.HtmlElement) -> None:
    (chooser,) = tree.xpath("//article[@id='locus-1']//fieldset")
    words = [label.text_content().strip() for label in chooser.iter("label")]
    region = page.figures["region_1_signal_2"].title.rsplit(" ", 1)[1]
    assert words == ["pca.12L.f01", "clinical.12L.qt_ms", "signal 1 (rs12143842) without the others",
                     f"signal 2 ({region}) without the others"]  # fmt: skip
    assert [box.get("checked") is not None for box in chooser.iter("input")] == [True, False, False, False]
    figures = [figure.get("id") for figure in chooser.iter("figure")]
    assert figures == [
        "figure-region_1",
        "figure-region_1_clinical.12L.qt_ms",
        "figure-region_1_signal_1",
        "figure-region_1_signal_2",
    ]
    assert not tree.xpath("//article[@id='locus-2']//fieldset")
    assert tree.xpath("//article[@id='locus-2']//figure[@id='figure-region_2']")


def test_all_traits_of_the_lead_variant_are_drawn(page: Page, tree: html.HtmlElement, contents: ReportContents) -> None:
    for locus in (1, 2, 3):
        figure = page.figures[f"phewas_{locus}"]
        written = pl.read_csv(figure.csv.encode(), schema_overrides={"chrom": pl.String})
        assert sorted(written["trait"]) == sorted(trait_names())
        own = contents.loci.lead_tests.filter(pl.col("locus") == locus)
        both = written.join(own, on="trait", suffix="_table")
        for name in ("beta", "se", "eaf", "n", "neglog10p"):
            assert both[name].equals(both[f"{name}_table"].cast(both[name].dtype), check_names=False)
        assert figure.plot is not None
        (points,) = figure.plot.points
        assert [words.split("\n")[0] for words in points.words] == written["trait"].to_list()
        for words, row in zip(points.words, written.iter_rows(named=True), strict=True):
            assert f"p {p_value(row['neglog10p'])} (−log10 p {row['neglog10p']:.2f})" in words
        assert points.links[0] == "#trait-pca.12L.f01"
        assert tree.xpath(f"//article[@id='locus-{locus}']//figure[@id='figure-phewas_{locus}']")
    measured = next(words for words in page.figures["phewas_1"].plot.points[0].words if words.startswith("clinical.12L.qt_ms"))
    assert "−6.25 ms (SE 0.87) per copy of A" in measured


def test_traits_of_a_locus_have_error_frequency_participants_and_gene(tree: html.HtmlElement, contents: ReportContents) -> None:
    headings, *rows = tree.xpath("//table[@id='table-traits-of-3']//tr")
    names = [heading.text_content() for heading in headings]
    hits = contents.loci.hits.frame
    genes = dict(contents.genes.genes.frame.filter(pl.col("rank") == 1).select("variant", "gene").iter_rows())
    assert len(rows) > 2
    for row in rows:
        shown = dict(zip(names, (cell.text_content() for cell in row), strict=True))
        own = hits.filter(trait=shown["trait"], variant=shown["strongest variant"]).row(0, named=True)
        assert shown["frequency"] == f"{own['eaf']:.3f}"
        assert shown["standard error (SD per allele)"] == f"{own['se']:.3f}"
        assert shown["participants"] == f"{own['n']:,}"
        assert shown["nearest gene"] == genes.get(own["variant"], "–")


def test_the_difference_between_genotypes_is_folded(tree: html.HtmlElement) -> None:
    (folded,) = tree.xpath("//article[@id='locus-1']//details[.//figure[@id='figure-locus_1_difference']]")
    assert folded.get("open") is None
    assert folded.find("summary").text_content() == "Difference between genotypes"


def test_figures_of_a_locus_have_ids_of_their_own(page: Page, tree: html.HtmlElement) -> None:
    ids = [element.get("id") for element in tree.iter() if isinstance(element.tag, str) and element.get("id")]
    assert len(ids) == len(set(ids))
    assert sum(name.startswith("clip-") for name in ids) > 3 * 36


def test_the_lead_variant_is_found_by_its_key(contents: ReportContents) -> None:
    """Tests of the lead variants carry the key of their locus."""
    leads = contents.loci.lead_tests.select("locus", *VARIANT_KEY).unique()
    assert leads.join(contents.loci.loci.frame, on=["locus", *VARIANT_KEY]).height == leads.height == 3


def test_groups_of_the_lead_variant_have_intervals_and_the_p_of_their_difference() -> None:
    """Of one locus; the rows of the others and tables without rows are not shown."""
    shared = {"trait": "ae.V3.f02", "variant": "rs1", "chrom": "1", "pos": 5, "effect_allele": "A", "other_allele": "G"}
    none = {"eaf": None, "neglog10p": 1.0, "q": None, "q_p": None, "i2": None}
    rows = [
        {"group": "men", "n": 100, "beta": 0.3, "se": 0.1}, {"group": "women", "n": 90, "beta": -0.1, "se": 0.1},
        {"group": "combined", "n": 190, "beta": 0.1, "se": 0.07, "q": 8.0, "q_p": 0.0047, "i2": 0.875},
    ]  # fmt: skip
    table = GroupEffects.of([{"locus": 2, "by": "sex", **shared, **none, **row} for row in rows]).frame
    shown = tables.groups_of_locus(table, 2, "SD per allele")
    assert shown is not None
    assert (shown.name, shown.caption.split(", on ")[1]) == ("groups-of-2", "ae.V3.f02")
    words = [[cell.words for cell in row] for row in shown.rows]
    low, high = ([heading.words.startswith(name) for heading in shown.headings].index(True) for name in ("95 %", "to"))
    assert [(row[low], row[high]) for row in words] == [("0.104", "0.496"), ("−0.296", "0.096"), ("−0.037", "0.237")]
    assert [("0.0047" in row, "88%" in row) for row in words] == [(False, False), (False, False), (True, True)]
    for nothing in (None, table.clear(), table.filter(locus=1)):
        assert tables.groups_of_locus(nothing, 1, "SD per allele") is None
