"""What a reader sees of the page: no name of a column, a guard or an option where words belong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import polars as pl
import pytest
from lxml import etree, html

from ecgwas.report import ReportContents, render
from ecgwas.report.page.parts import OPTION_OR_FILE, coded
from ecgwas.report.page.render import headline
from ecgwas.report.text import labels
from ecgwas.study import ReportOptions
from ecgwas.tables import Guards, Thresholds, files
from tests.report.example import changed, make_contents, with_measured_hits

UNSEEN = {"script", "style", "code", "pre", "noscript"}
SNAKE = re.compile(r"[^\s,;:()]*[A-Za-z0-9]_[A-Za-z0-9][^\s,;:()]*")


def seen(element: etree._Element) -> Iterator[str]:
    """Texts of the page that are shown, and those for screen readers."""
    if not isinstance(element.tag, str) or element.tag in UNSEEN:
        return
    # Attributes cannot mark options and files as code.
    yield from (OPTION_OR_FILE.sub("", element.get(name, "")) for name in ("aria-label", "placeholder", "data-tip"))
    yield element.text or ""
    for child in element:
        yield from seen(child)
        yield child.tail or ""


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    """With each code that a study can have."""
    full = with_measured_hits(make_contents())
    guards = Guards.of([
        {"guard": guard, "about": "scan", "status": "warn", "value": 1.0, "limit": 0.5, "left_out": 3, "of": 9,
         "note": "variants below min_call_rate (loci.csv, neglog10p_conditional); see traits.normalise_within"}
        for guard in labels.GUARDS
    ])  # fmt: skip
    reasons = pl.DataFrame({"reason": list(labels.REASONS), "variants": range(1, len(labels.REASONS) + 1)})
    galwey = full.loci.thresholds.frame.head(1).with_columns(kind=pl.lit("effective_galwey"), used=pl.lit(False))
    return changed(
        full, tables={**full.tables, files.SAMPLE_GUARDS: guards.frame, files.SCAN_GUARDS: guards.frame},
        excluded_variants=reasons, thresholds=Thresholds(pl.concat([full.loci.thresholds.frame, galwey])),
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(contents: ReportContents) -> html.HtmlElement:
    return html.document_fromstring(render(ReportOptions(), contents).html)


def test_no_word_of_the_page_has_an_underscore(page: html.HtmlElement, contents: ReportContents) -> None:
    texts = list(seen(page))
    words = {word for text in texts for word in SNAKE.findall(text)}
    traits = set(contents.scan.trait_names)
    names = traits | {
        piece for trait in traits for piece in (trait.split(".", 2)[2], re.sub(r"\.[^.]+\.", ".", trait, count=1))
    }
    allowed = {word for word in words if word in names or word.endswith((".xml", ".svg", ".csv"))}
    assert words - allowed == set()
    assert "clinical.12L.qt_ms" in words
    shown = " ".join(texts)
    for said in ("t equals beta / standard error", "effective number of traits (Galwey)", "minor allele too rare (count)"):
        assert said in shown
    assert "mac" not in shown.split()


def test_options_and_files_are_code_and_the_rest_is_escaped() -> None:
    words = "see traits.normalise_within (guards.csv) <b> of loci.V1.f01 & 1.5"
    assert coded(words) == (
        "see <code>traits.normalise_within</code> (<code>guards.csv</code>) &lt;b&gt; of loci.V1.f01 &amp; 1.5"
    )


def test_the_family_wise_error_is_explained_where_it_stands(page: html.HtmlElement, contents: ReportContents) -> None:
    (summary,) = page.xpath("//section[@id='found']/dl")
    text = re.sub(r"\s+", " ", summary.text_content())
    assert "If no variant had any effect, a study such as this would report one or more loci with a probability of 0.05" in text
    frame = contents.loci.thresholds.frame
    sets = frame.head(1).with_columns(kind=pl.lit("sets"), used=pl.lit(False))
    with_sets = replace(contents, loci=replace(contents.loci, thresholds=Thresholds(pl.concat([frame, sets]))))
    assert "a probability of 0.04 (0.01 more for tests of trait sets)" in " ".join(headline(with_sets).sentences)


def test_the_first_screen_gives_the_strongest_effect_with_its_unit(page: html.HtmlElement) -> None:
    (found,) = page.xpath("//section[@id='found']")
    text = re.sub(r"\s+", " ", found.text_content())
    assert "The strongest is locus 3, nearest gene SCN5A. A allele of rs6801957: +0.100 SD (SE 0.020) of pca.12L.f01" in text


def test_long_tables_are_folded_with_their_number_of_rows(page: html.HtmlElement) -> None:
    for details in page.xpath("//details[@class='fold']"):
        (count,) = details.xpath("./summary/span")
        assert int(count.text.split()[0]) == len(details.xpath(".//tbody/tr"))
        assert "open" not in details.attrib
    folded = {table.get("id") for table in page.xpath("//details[@class='fold']//table")}
    assert {"table-loci-heritability", "table-traits", "table-strega", "table-flags"} <= folded
    assert folded.isdisjoint({"table-loci", "table-thresholds", "table-null_counts"})


def test_the_table_of_loci_has_p_as_readers_write_it_and_no_column_is_lost(page: html.HtmlElement) -> None:
    head, *rows = page.xpath("//table[@id='table-loci']//tr")
    names = [cell.text_content() for cell in head]
    shown = [cell.text_content() for cell in head if "asked" not in cell.get("class", "")]
    assert shown[:3] == ["locus", "nearest gene", "lead variant"]
    assert {"p", "effect per allele", "known or new"} <= set(shown)
    assert {"chr", "position", "−log10 p", "other allele", "effect allele frequency"} <= set(names) - set(shown)
    assert [row[names.index("p")].text_content() for row in rows] == ["6.3×10⁻¹⁵", "1.0×10⁻¹¹", "3.2×10⁻²⁰"]
