"""What can be pointed at, unpacked again another way, against the figures and tables that it was packed from."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
import polars as pl
import pytest
from lxml import html

from ecgwas.report import Page, ReportContents
from ecgwas.report.figures.thinning import genome_of
from ecgwas.report.links import Links
from ecgwas.report.names import slug
from ecgwas.report.page import plots
from ecgwas.report.panels import Panel
from ecgwas.report.plot_data import Curve, Details, PlotData, Points
from ecgwas.report.text import points as words_of_points
from ecgwas.report.text.points import PointWords
from tests.report.example import changed, make_contents, page_of, rows_of, with_measured_hits

PANEL = Panel(10, 20, 300, 100, (0.0, 3e9), (3.0, 20.0))


@pytest.fixture(scope="module")
def contents() -> ReportContents:
    return with_measured_hits(make_contents())


@pytest.fixture(scope="module")
def page() -> Page:
    return page_of("measured")


def values(packed: list[Any]) -> list[float]:
    decimals, steps = packed
    known = np.cumsum([step for step in steps if step is not None]) / 10**decimals
    places = iter(known.tolist())
    return [float("nan") if step is None else next(places) for step in steps]


def unpacked(page: Page) -> dict[str, Any]:
    blocks = html.document_fromstring(page.html).xpath("//script[starts-with(@id, 'block-plot-')]")
    texts = {block.get("id").removeprefix("block-plot-"): zlib.decompress(base64.b64decode(block.text)) for block in blocks}
    return {name: json.loads(text) for name, text in texts.items()}


def test_numbers_come_back() -> None:
    y = [3.0, 19.12345, float("nan"), 4.5]
    x = [1.0, 2_999_999_999.0, 5.0, 160_000_000.0]
    plot = PlotData([PANEL], [Points(0, x, y, ["a", "", "b\nc", "d"], ["#locus-1", "", "", ""], by_keys=False)],
                    [Curve(0, x, y, "rate", "cM/Mb", 1)], [0], "genome", {"k": Details("t", [("w", "#x")], 2)})  # fmt: skip
    content = json.loads(plots.as_json(plot))
    assert content["panels"] == [[10, 20, 300, 100, 0.0, 3e9, 3.0, 20.0]]
    assert len(content["xs"]) == 1, "equal x are there once"
    assert values(content["xs"][0]) == x
    (points,), (curve,) = content["points"], content["curves"]
    assert values(points["y"]) == pytest.approx(y, abs=1e-3, nan_ok=True)
    assert values(curve["y"]) == pytest.approx([3.0, 19.1, float("nan"), 4.5], nan_ok=True)
    assert points["words"] == ["a", "", "b\nc", "d"]
    assert points["links"] == ["#locus-1", "", "", ""]
    assert points["keys"] is False
    assert content["details"] == {"k": ["t", 2, ["w", "#x"]]}


def test_positions_in_megabases_keep_single_bases() -> None:
    region = Panel(0, 0, 860, 220, (37.75, 38.25), (0.0, 20.0))
    x = [37.999999, 38.0, 38.000001]
    content = json.loads(plots.as_json(PlotData([region], [Points(0, x, [1.0, 2.0, 3.0], ["", "", ""])])))
    assert values(content["xs"][0]) == pytest.approx(x, abs=1e-7)


def test_every_figure_with_something_to_point_at_has_its_block(page: Page) -> None:
    inline = {name for name, figure in page.figures.items() if figure.plot is not None}
    assert {"all_traits", "miami_pca_ae", "steps", "strip", "genes", "network", "gene_by_lead", "enrichment"} <= inline
    assert set(unpacked(page)) == {slug(name) for name in inline}


def test_points_of_the_genome_are_the_drawn_tests(page: Page, contents: ReportContents) -> None:
    content, table = (
        unpacked(page)["all_traits"],
        pl.read_csv(page.figures["all_traits"].csv.encode(), schema_overrides={"chrom": pl.String}),
    )
    starts = genome_of(contents.scan.rows).starts
    drawn = sorted(zip((starts[chrom] + pos for chrom, pos in table.select("chrom", "pos").iter_rows()), table["neglog10p"],
                       strict=True))  # fmt: skip
    found = sorted((x, y) for points in content["points"]
                   for x, y in zip(values(content["xs"][points["x"]]), values(points["y"]), strict=True))  # fmt: skip
    assert np.allclose(np.array(found)[:, 0], np.array(drawn)[:, 0], atol=1)
    assert np.allclose(np.sort(np.array(found)[:, 1]), np.sort(np.array(drawn)[:, 1]), atol=1e-3)
    assert [points["keys"] for points in content["points"]] == [False, False, True]
    hits = content["points"][2]
    assert len(hits["words"]) == table.filter(pl.col("neglog10p") > contents.loci.min_neglog10p).height
    assert all(hits["words"])
    marks = html.document_fromstring(page.html).xpath("//*[@id='figure-all_traits']//*[@data-points]/@data-points")
    assert marks == ["0", "1", "2"]


def test_links_lead_to_pages(page: Page, contents: ReportContents) -> None:
    ids = set(html.document_fromstring(page.html).xpath("//@id"))
    links = {link for content in unpacked(page).values() for points in content["points"] for link in points["links"] if link}
    links |= {
        link for content in unpacked(page).values() for _, _, *rows in content["details"].values() for _, link in rows if link
    }
    assert {"#locus-1", "#locus-2", "#locus-3"} <= links
    pages = ids | {f"trait-{name}" for name in contents.scan.trait_names}
    assert [link for link in links if link[1:].split("%40")[0] not in pages] == []
    assert any("%40" in link for link in links), "some also name a variant"


def test_weaker_tests_than_the_strongest_have_no_words(contents: ReportContents, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(contents).head(400)
    monkeypatch.setattr(words_of_points, "MOST_WORDS", 50)
    words, links = PointWords.of(contents).of_tests(rows)
    said = [place for place, text in enumerate(words) if text]
    strongest = rows.with_row_index().sort("neglog10p", descending=True).head(50)["index"].to_list()
    assert sorted(said) == sorted(strongest)
    assert all(bool(links[place]) == (place in set(said)) for place in range(len(links)))


def test_variants_of_equal_names_keep_their_own_words(contents: ReportContents) -> None:
    """Words go by position and alleles: ids may be missing or repeated."""
    renamed = rows_of(contents).with_columns(variant=pl.lit("."))
    words, _ = PointWords.of(contents).of_tests(renamed)
    qt = (pl.col("trait") == "clinical.12L.qt_ms") & (pl.col("pos") == 160_000_000)
    place = renamed.with_row_index().row(by_predicate=qt, named=True)["index"]
    assert words[place].splitlines() == [
        "., 1:160,000,000", "nearest gene NOS1AP", "p 1.0×10⁻⁹ (−log10 p 9.00), clinical.12L.qt_ms",
        "−6.25 ms (SE 0.87) per copy of A", "n 74",
    ]  # fmt: skip


def test_effects_of_untransformed_traits_have_no_sd(contents: ReportContents) -> None:
    settings = {**contents.run.settings, "traits": {**contents.run.settings["traits"], "transform": "none"}}
    words, _ = PointWords.of(changed(contents, settings=settings)).of_tests(contents.loci.hits.frame.head(3))
    assert all("(SE 0.020) per copy of A" in text for text in words)
    assert not any(" SD " in text for text in words)


def test_addresses_only_lead_to_what_has_a_page() -> None:
    links = Links(frozenset({1}), frozenset({"a.V1.f 1"}))
    assert links.locus(1) == "#locus-1"
    assert links.locus(2) == ""
    assert links.trait("a.V1.f 1") == "#trait-a.V1.f%201"
    variant = {"chrom": "X", "pos": 5, "effect_allele": "A", "other_allele": "AT"}
    assert links.trait("a.V1.f 1", variant) == "#trait-a.V1.f%201%40X%3A5%3AA%3AAT"
    assert links.trait("b") == ""


def test_the_page_stays_the_same_without_what_is_pointed_at(page: Page) -> None:
    """Marks in groups are drawn without a script, and nothing outside of the page is referred to."""
    tree = html.document_fromstring(page.html)
    clips = set(tree.xpath("//*[local-name() = 'clippath']/@id"))
    used = [text.removeprefix("url(#").removesuffix(")") for text in tree.xpath("//@clip-path")]
    assert used
    assert set(used) <= clips
    assert len(clips) == len(tree.xpath("//*[local-name() = 'clippath']"))
