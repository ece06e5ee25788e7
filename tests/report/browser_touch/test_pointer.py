"""Figures at the pointer: words, addresses, zoom, lists, values of curves; everything said is what the tables say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ecgwas.report import render
from ecgwas.report.figures import svg
from ecgwas.report.figures.thinning import genome_of
from ecgwas.study import ReportOptions
from tests.report.browser_touch.conftest import TWO_FRAMES, Report, go_to, in_window
from tests.report.example import CHROMOSOMES

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def at_the_study(opened: Any) -> None:
    """Each test begins at the level of the study with nothing zoomed."""
    opened.mouse.move(2, 2)
    go_to(opened, "#found")
    for button in opened.locator(".picture-tools button:visible:enabled", has_text="Show all").all():
        button.click()


def planted(report: Report, chrom: str) -> tuple[float, float]:
    """Where the lead variant of the locus on a chromosome is in the Manhattan plot of all traits."""
    lead = report.contents.loci.loci.frame.row(by_predicate=pl.col("chrom") == chrom, named=True)
    start = genome_of(report.contents.scan.rows).starts[chrom]
    return start + lead["pos"], lead["neglog10p"]


def dots_of(opened: Any, figure: str) -> list[str]:
    """The path of each colour of points; of a group of paths, all of them joined."""
    of_element = "marks => marks.map(mark => [mark, ...mark.children].map(path => path.getAttribute('d') ?? '').join(''))"
    paths: list[str] = opened.locator(f"#figure-{figure} [data-points]").evaluate_all(of_element)
    return paths


def ticks_of(opened: Any, figure: str) -> list[str]:
    return opened.locator(f"#figure-{figure} [data-ticks='0'] text").all_text_contents()


def test_a_point_says_what_hits_csv_says_and_a_click_opens_its_locus(opened: Any, report: Report) -> None:
    opened.mouse.move(*report.place(opened, "all_traits", 0, *planted(report, "3")))
    expect(opened.locator("#tip")).to_contain_text("rs6801957, 3:38,000,000")
    row = report.contents.loci.hits.frame.filter(variant="rs6801957").sort("neglog10p", descending=True).row(0, named=True)
    words = opened.locator("#tip").inner_text().splitlines()
    assert words == [
        "rs6801957, 3:38,000,000", "nearest gene SCN5A",
        f"p 3.2×10⁻²⁰ (−log10 p {row['neglog10p']:.2f}), {row['trait']}",
        f"+{row['beta']:.3f} SD (SE {row['se']:.3f}) per copy of {row['effect_allele']}", f"n {row['n']}", "opens locus 3",
    ]  # fmt: skip
    assert opened.locator("#figure-all_traits .overlay .ring").count() == 1
    opened.mouse.click(*report.place(opened, "all_traits", 0, *planted(report, "3")))
    opened.locator("#locus-3").wait_for(state="visible")


def test_measured_traits_say_their_effect_in_their_unit(opened: Any, report: Report) -> None:
    plot = report.page.figures["miami_pca_clinical"].plot
    assert plot is not None
    words = [
        text for points in plot.points for text in points.words if "clinical.12L.heart_rate_bpm" in text and "copy" in text
    ]
    assert len(words) == 2
    assert all("−3.12 beats/min (SE 0.44) per copy of A" in text for text in words)


def test_a_test_outside_of_loci_opens_its_trait_and_is_ringed(opened: Any, report: Report) -> None:
    plot = report.page.figures["all_traits"].plot
    assert plot is not None
    points = plot.points[0]
    alone = [i for i, link in enumerate(points.links) if link.startswith("#trait-")]
    top = max(alone, key=lambda i: np.asarray(points.y)[i])
    opened.mouse.click(*report.place(opened, "all_traits", 0, np.asarray(points.x)[top], np.asarray(points.y)[top]))
    opened.locator("#trait-manhattan circle").first.wait_for()
    variant = points.words[top].split(",")[0]
    assert variant in opened.locator("#trait-manhattan svg text").all_text_contents()


def test_a_drag_zooms_and_everything_is_drawn_again(opened: Any, report: Report) -> None:
    x, y = planted(report, "3")
    opened.mouse.move(*report.place(opened, "all_traits", 0, x, y))
    expect(opened.locator("#tip")).to_contain_text("rs6801957")  # What can be pointed at is unpacked by now.
    whole, whole_ticks = dots_of(opened, "all_traits"), ticks_of(opened, "all_traits")
    assert whole_ticks == [*CHROMOSOMES]
    left, top = report.place(opened, "all_traits", 0, x - 1_500_000, 5)
    right, _ = report.place(opened, "all_traits", 0, x + 1_500_000, 5)
    opened.mouse.move(left, top)
    opened.mouse.down()
    opened.mouse.move((left + right) / 2, top, steps=3)
    assert opened.locator("#figure-all_traits .selection").count() == 1
    opened.mouse.move(right, top + 4, steps=3)
    opened.mouse.up()
    view = opened.locator("#figure-all_traits .picture-tools [role=status]")
    expect(view).to_have_text(re.compile(r"^3:36\.\d+ – 3:39\.\d+ Mb$"))
    assert all(re.fullmatch(r"3:[\d.]+ Mb", tick) for tick in ticks_of(opened, "all_traits"))
    assert dots_of(opened, "all_traits") != whole
    # The lead variant is now in the middle, and answers there.
    panel = report.page.figures["all_traits"].plot.panels[0]
    middle = panel.left + panel.width / 2
    opened.mouse.move(*in_window(opened, "#figure-all_traits .picture", middle, panel.y.at(y)))
    expect(opened.locator("#tip")).to_contain_text("rs6801957")
    opened.locator("#figure-all_traits .picture-tools button", has_text="Show all").click()
    assert dots_of(opened, "all_traits") == whole
    assert ticks_of(opened, "all_traits") == whole_ticks
    expect(view).to_have_text("")


def test_many_points_are_a_group_of_paths_and_zoom_as_one(
    browser: Any, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(svg, "DOTS_IN_A_PATH", 5)
    page = render(ReportOptions(), report.contents)
    (tmp_path / "report.html").write_text(page.html)
    window = browser.new_context(offline=True, viewport={"width": 1440, "height": 900}).new_page()
    window.goto((tmp_path / "report.html").as_uri())
    paths = window.locator("#figure-all_traits g[data-points='0'] path")
    closer = window.locator("#figure-all_traits .picture-tools button", has_text="+")
    whole = [path.get_attribute("d") for path in paths.all()]
    assert len(whole) > 1
    closer.click()
    expect(paths).to_have_count(1)
    assert len(paths.first.get_attribute("d")) > 0
    window.locator("#figure-all_traits .picture-tools button", has_text="Show all").click()
    expect(paths).to_have_count(len(whole))
    assert [path.get_attribute("d") for path in paths.all()] == whole
    window.context.close()


def test_buttons_zoom_and_a_double_click_resets(opened: Any, report: Report) -> None:
    closer, farther = (opened.locator("#figure-miami_pca_ae .picture-tools button", has_text=sign) for sign in ("+", "−"))
    whole = dots_of(opened, "miami_pca_ae")
    for _ in range(3):
        closer.click()
    view = opened.locator("#figure-miami_pca_ae .picture-tools [role=status]")
    expect(view).to_have_text(re.compile("Mb$"))
    once = dots_of(opened, "miami_pca_ae")
    assert all(before != after for before, after in zip(whole, once, strict=True)), "both halves move"
    farther.click()
    assert dots_of(opened, "miami_pca_ae") not in (whole, once)
    opened.mouse.dblclick(*in_window(opened, "#figure-miami_pca_ae .picture", 400, 205))
    assert dots_of(opened, "miami_pca_ae") == whole


def test_genes_list_loci_traits_and_terms_and_lead_there(opened: Any) -> None:
    opened.locator("#figure-network [data-gene=SCN5A]").click()
    listed = opened.locator("#figure-network .details")
    listed.wait_for()
    words = listed.locator("li").all_inner_texts()
    assert words[0] == "locus 3: rs6801957"
    assert words[1] == "pca.12L.f01: rs6801957, p 3.2×10⁻²⁰"
    assert "term: cardiac conduction" in words
    listed.locator("button").click()
    expect(listed).to_have_count(0)
    opened.locator("#figure-network [data-gene=SCN5A]").click()
    listed.locator("a", has_text="pca.12L.f01").click()
    opened.locator("#trait-manhattan circle").first.wait_for()


def test_clusters_of_the_network_can_be_hidden(opened: Any) -> None:
    buttons = opened.locator("#figure-network .picture-tools button")
    first = buttons.filter(has_text="cardiac conduction")
    expect(first).to_have_text("1: cardiac conduction (4)")
    circles = opened.locator("#figure-network circle:visible")
    before = circles.count()
    first.click()
    expect(first).to_have_attribute("aria-pressed", "false")
    assert circles.count() == before - 4
    assert not opened.locator("#figure-network [data-label=SCN5A]").is_visible()
    assert opened.locator("#figure-network [data-edge*=SCN5A]:visible").count() == 0
    first.click()
    assert circles.count() == before


def test_a_cell_of_the_heatmap_lists_its_variants(opened: Any, report: Report) -> None:
    hits = report.contents.loci.hits.frame.filter(variant="rs6801957", lead="12L").sort("neglog10p", descending=True)
    cell = opened.locator("#figure-gene_by_lead [data-details='SCN5A, 12L']")
    cell.hover()
    expect(opened.locator("#tip")).to_contain_text("SCN5A, 12L: 1 variant")
    cell.click()
    listed = opened.locator("#figure-gene_by_lead .details")
    expect(listed.locator("strong")).to_have_text("SCN5A in 12L: 1 significant variant")
    expect(listed.locator("li")).to_have_text(f"rs6801957, 3:38,000,000, p 3.2×10⁻²⁰ in {hits['trait'][0]}")
    assert listed.locator("a").get_attribute("href").startswith("#trait-")


@pytest.mark.parametrize(
    ("mark", "tip", "listed"),
    [
        ("#figure-genes [data-details=TTN]", "TTN: 1 variant", "locus 2: rs142556838"),
        ("#figure-per_feature [data-details='pca.f01']", "pca.f01:", "pca.12L.f01: rs6801957, p 3.2×10⁻²⁰"),
        ("#figure-per_lead [data-details='V1']", "V1:", "ae.V1."),
        ("#figure-enrichment [data-details]", "GO:000: 4 genes", "KCNQ1"),
    ],
)
def test_bars_and_terms_list_what_they_count(opened: Any, mark: str, tip: str, listed: str) -> None:
    opened.locator(mark).first.hover()
    expect(opened.locator("#tip")).to_contain_text(tip)
    opened.locator(mark).first.click()
    expect(opened.locator(f"{mark.split(' ')[0]} .details li", has_text=listed).first).to_be_visible()


def test_nothing_of_the_null_study_leads_to_the_study(report: Report) -> None:
    for name, figure in report.page.figures.items():
        if name.startswith("chance_") and figure.plot is not None:
            assert all(link == "" for details in figure.plot.details.values() for _, link in details.rows), name


def test_curves_are_read_off_as_their_numbers_say(opened: Any, report: Report) -> None:
    figure = report.page.figures["steps"]
    table = pl.read_csv(figure.csv.encode())
    row = table.row(table.height // 3, named=True)
    plot = figure.plot
    assert plot is not None
    middle = sum(plot.panels[1].y_range) / 2
    opened.mouse.move(*report.place(opened, "steps", 1, 1000 * row["time_s"], middle))
    tip = opened.locator("#tip")
    expect(tip).to_contain_text(f"{1000 * row['time_s']:.0f} ms")
    said = dict(line.split(": ") for line in tip.inner_text().splitlines()[1:])
    columns = {"as recorded": "as_recorded_uv", "cleaned": "cleaned_uv"}
    assert set(said) == set(columns)
    for name, column in columns.items():
        assert float(said[name].removesuffix(" µV").replace("−", "-")) == pytest.approx(row[column], abs=0.51)
    assert opened.locator("#figure-steps .crosshair").count() == len(plot.panels)


def test_agreement_says_counts_and_no_one(opened: Any, report: Report) -> None:
    plot = report.page.figures["agreement_clinical"].plot
    assert plot is not None
    table = pl.read_csv(report.page.figures["agreement_clinical"].csv.encode())
    row = table.row(table.height // 2, named=True)
    opened.mouse.move(*report.place(opened, "agreement_clinical", 0, row["mean"], row["difference"]))
    tip = opened.locator("#tip")
    expect(tip).to_contain_text("qt ms: mean")
    found = re.fullmatch(r"qt ms: mean ([\d.]+), difference ([−\d.]+)\n(\d+) participants?", tip.inner_text())
    assert found
    nearest = table.filter((pl.col("mean") - float(found[1])).abs() < 0.01,
                           (pl.col("difference") - float(found[2].replace("−", "-"))).abs() < 0.01)  # fmt: skip
    assert nearest["people"].to_list() == [int(found[3])]


def test_histograms_count(opened: Any, report: Report) -> None:
    opened.locator("#figure-inflation rect").nth(3).hover()
    expect(opened.locator("#tip")).to_contain_text(re.compile(r"λ [\d.]+ to [\d.]+: \d+ traits?"))
    line = opened.locator("#figure-null_study [data-to='#locus-3']").get_attribute("d")
    x, top = (float(value) for value in re.match(r"M([\d.]+) ([\d.]+)", line).groups())
    opened.mouse.click(*in_window(opened, "#figure-null_study .picture", x, top + 10))
    opened.locator("#locus-3").wait_for(state="visible")


class TestRegion:
    """The regional plot of a locus: tests, genes and the recombination rate over positions."""

    @pytest.fixture(autouse=True)
    def at_the_locus(self, opened: Any, at_the_study: None) -> None:
        go_to(opened, "#locus-1")

    def test_points_come_first_then_marks_then_curves(self, opened: Any, report: Report) -> None:
        tip = opened.locator("#tip")
        opened.mouse.move(*report.place(opened, "region_1", 0, 160_000_000, 14.2))
        expect(tip).to_contain_text("rs12143842\n1:160,000,000\np 6.3×10⁻¹⁵ (−log10 p 14.20)", use_inner_text=True)
        opened.locator("#figure-region_1 [data-tip^=MIDDLE1] text").hover()
        expect(tip).to_contain_text("MIDDLE1\n159,991,000–160,030,000", use_inner_text=True)
        for place, rate in ((159_800_000, "0.2"), (160_200_000, "1.5")):
            opened.mouse.move(*report.place(opened, "region_1", 0, place, 14))
            expect(tip).to_contain_text(f"recombination rate: {rate} cM/Mb")
            said = int(tip.inner_text().split("\n")[0].replace(",", ""))
            assert abs(said - place) < 1_500, "what is said is of where one points"

    def test_zoom_is_exact_and_stretches_no_symbol(self, opened: Any, report: Report) -> None:
        for _ in range(4):
            opened.locator("#figure-region_1 .picture-tools button", has_text="+").click()
        low, high = 160_000_000 - 15_625, 160_000_000 + 15_625
        view = opened.locator("#figure-region_1 .picture-tools [role=status]")
        ends = [float(end) for end in re.fullmatch(r"([\d.]+) – ([\d.]+) Mb", view.inner_text()).groups()]
        assert ends == [pytest.approx(low / 1e6, abs=1e-4), pytest.approx(high / 1e6, abs=1e-4)]
        panel = report.page.figures["region_1"].plot.panels[0]
        places = {float(x) for path in dots_of(opened, "region_1") for x in re.findall(r"M([-\d.]+) ", path)}
        shown = sorted(x for x in places if panel.left <= x <= panel.right)
        positions = report.contents.loci.regions[0].tests["pos"].to_numpy()
        inside = np.sort(positions[(positions >= low) & (positions <= high)])
        assert len(inside) > 2
        np.testing.assert_allclose(shown, panel.left + (inside - low) / (high - low) * panel.width, atol=0.1)
        corners = opened.locator("#figure-region_1 polygon").get_attribute("points").split()
        across = [float(corner.split(",")[0]) for corner in corners]
        assert max(across) - min(across) == pytest.approx(16, abs=0.2)
        gene = opened.locator("#figure-region_1 [data-tip^=MIDDLE1] path").first
        assert gene.evaluate("path => path.getBBox().width") > panel.width
        assert all(re.fullmatch(r"1(59|60)\.\d+", tick) for tick in ticks_of(opened, "region_1"))


def test_the_plot_of_a_trait_answers_and_zooms(opened: Any, report: Report) -> None:
    opened.evaluate("location.hash = 'trait-clinical.12L.qt_ms'")
    opened.locator("body[data-drawn='clinical.12L.qt_ms']").wait_for(state="attached")
    opened.locator("#table-strongest tbody tr").first.wait_for()
    opened.evaluate(TWO_FRAMES)  # The window scrolls to the trait once it is drawn.
    svg = opened.locator("#trait-manhattan svg")
    path = opened.locator("#trait-manhattan path[stroke-linecap=round]").get_attribute("d")
    x, y = (float(value) for value in re.findall(r"M([\d.]+) ([\d.]+)h0", path)[0])
    box = svg.bounding_box()
    opened.mouse.move(box["x"] + x, box["y"] + y)
    tip = opened.locator("#tip")
    expect(tip).to_contain_text("rs12143842, 1:160,000,000")
    assert tip.inner_text().splitlines() == [
        "rs12143842, 1:160,000,000", "nearest gene NOS1AP", "p 1.0×10⁻⁹ (−log10 p 9.00)",
        "−6.25 ms (SE 0.87) per copy of A (other G)", "n 74", "opens locus 1",
    ]  # fmt: skip
    before = opened.locator("#trait-manhattan image").get_attribute("href")
    opened.mouse.move(box["x"] + x - 40, box["y"] + 100)
    opened.mouse.down()
    opened.mouse.move(box["x"] + x + 40, box["y"] + 100, steps=4)
    opened.mouse.up()
    expect(opened.locator("#trait .picture-tools [role=status]")).to_have_text(re.compile("Mb$"))
    assert opened.locator("#trait-manhattan image").get_attribute("href") != before
    again = opened.locator("#trait-manhattan path[stroke-linecap=round]").get_attribute("d")
    middle = svg.bounding_box()["width"] / 2
    assert abs(float(re.findall(r"M([\d.]+) ", again)[0]) - middle) < 30
    opened.mouse.dblclick(box["x"] + 100, box["y"] + 15)
    assert opened.locator("#trait-manhattan path[stroke-linecap=round]").get_attribute("d") == path
    opened.mouse.click(box["x"] + x, box["y"] + y)
    opened.locator("#locus-1").wait_for(state="visible")


def test_the_qq_plot_says_expected_and_observed(opened: Any, report: Report) -> None:
    opened.evaluate("location.hash = 'trait-pca.12L.f01'")
    opened.locator("body[data-drawn='pca.12L.f01']").wait_for(state="attached")
    path = opened.locator("#trait-qq path[stroke-linecap=round]").get_attribute("d")
    x, y = (float(value) for value in re.findall(r"M([\d.]+) ([\d.]+)h0", path)[-1])
    box = opened.locator("#trait-qq svg").bounding_box()
    opened.mouse.move(box["x"] + x, box["y"] + y)
    strongest = report.contents.scan.qq.filter(trait="pca.12L.f01").sort("observed").row(-1, named=True)
    expect(opened.locator("#tip")).to_contain_text(f"expected −log10 p {strongest['expected']:.2f}")
    expect(opened.locator("#tip")).to_contain_text(f"observed {strongest['observed']:.2f}, p 3.2×10⁻²⁰")


def test_a_picture_is_saved_as_it_is_shown(opened: Any, report: Report) -> None:
    opened.locator("#figure-all_traits .picture-tools button", has_text="+").click()
    opened.mouse.move(*in_window(opened, "#figure-genes .picture", 200, 20))
    with opened.expect_download() as download:
        opened.locator("#figure-all_traits .save-picture").click()
    text = download.value.path().read_text()
    assert dots_of(opened, "all_traits")[0][:40] in text
    with opened.expect_download() as download:
        opened.locator("#figure-genes .save-picture").click()
    text = download.value.path().read_text()
    assert "overlay" not in text
    assert "<title>SCN5A: 1 variant" in text


def test_print_has_neither_buttons_nor_lists(opened: Any) -> None:
    opened.locator("#figure-genes [data-details=TTN]").click()
    opened.locator("#figure-genes .details").wait_for()
    opened.emulate_media(media="print")
    assert opened.locator(".picture-tools:visible, .details[role=group]:visible").count() == 0
    opened.emulate_media(media="screen")
    assert opened.locator("#figure-genes .details").is_visible()
