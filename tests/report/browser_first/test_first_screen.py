"""The first screen, tables and pictures on narrow and wide pages, the list of contents, folded parts, print."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ecgwas.report import render
from ecgwas.study import ReportOptions
from ecgwas.tables import Summary
from tests.report.example import changed, make_contents, with_measured_hits

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

WIDTHS = (390, 768, 1440)
LEAST_PX = 11.0
LEADS = {1: "rs12143842", 2: "rs142556838", 3: "rs6801957"}
LOW_TRAIT, HIGH_TRAIT = "ae.V1.f02", "ae.V1.f03"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    contents = with_measured_hits(make_contents())
    lambdas = pl.when(pl.col("trait") == LOW_TRAIT).then(0.85).when(pl.col("trait") == HIGH_TRAIT).then(1.3)
    summary = contents.scan.summary.frame.with_columns(lambda_gc=lambdas.otherwise(pl.col("lambda_gc")))
    path = tmp_path_factory.mktemp("first") / "page.html"
    path.write_text(render(ReportOptions(), changed(contents, summary=Summary(summary))).html)
    return path


@pytest.fixture(scope="module")
def shared(browser: Any, path: Path) -> Iterator[Any]:
    """One page for all tests, and nothing in its console."""
    complaints: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    yield page
    assert complaints == []
    page.close()


@pytest.fixture
def page(shared: Any) -> Any:
    """The page at its start, 1440 pixels wide."""
    shared.emulate_media(color_scheme="light", media="screen")
    shared.set_viewport_size({"width": 1440, "height": 900})
    at(shared, "found")
    return shared


def at(page: Any, fragment: str) -> None:
    page.evaluate(f"location.hash = {fragment!r}")
    if fragment.startswith("trait-"):
        page.locator(f"body[data-drawn='{fragment[6:]}']").wait_for(state="attached")


def settled(page: Any, holds: Callable[[], bool]) -> bool:
    """Whether it holds within three seconds; the page's policy forbids waiting by a function that is evaluated."""
    for _ in range(60):
        if holds():
            return True
        page.wait_for_timeout(50)
    return False


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    return one["x"] < other["x"] + other["width"] and other["x"] < one["x"] + one["width"]


WORDS = """() => {
  const shown = [...document.querySelectorAll("main svg text")].filter((text) => text.getClientRects().length > 0);
  return shown.map((text) => {
    const svg = text.ownerSVGElement, scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return [Math.round(100 * parseFloat(getComputedStyle(text).fontSize) * scale) / 100, text.textContent];
  });
}"""


@pytest.mark.parametrize("width", WIDTHS)
def test_words_of_pictures_are_legible_and_the_page_does_not_scroll_sideways(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for fragment in ("found", "locus-1", "trait-pca.12L.f01"):
        at(page, fragment)
        if fragment.startswith("trait-"):
            page.locator("#trait-meaning svg").wait_for()
        sizes = page.evaluate(WORDS)
        assert len(sizes) > 10, fragment
        assert [pair for pair in sizes if pair[0] < LEAST_PX - 0.01] == [], fragment
        assert page.evaluate("document.documentElement.scrollWidth") <= width, fragment


def test_a_wide_picture_on_a_phone_says_that_it_scrolls_and_shows_its_peak(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for locus in (1, 2, 3):
        at(page, f"locus-{locus}")
        figure = page.locator(f"#figure-region_{locus}")
        playwright.expect(figure.locator(".hint")).to_be_visible()
        box = figure.locator(".picture")
        assert box.get_attribute("aria-describedby") == "sideways"
        words = box.locator("svg").get_by_text(LEADS[locus], exact=True).last
        assert settled(page, lambda box=box, words=words: overlap(box.bounding_box(), words.bounding_box())), locus
    box.hover()
    page.mouse.wheel(-2000, 0)
    assert settled(page, lambda: box.evaluate("box => box.scrollLeft") == 0)
    page.set_viewport_size({"width": 400, "height": 844})
    page.wait_for_timeout(150)
    assert box.evaluate("box => box.scrollLeft") == 0
    page.set_viewport_size({"width": 1440, "height": 900})
    playwright.expect(figure.locator(".hint")).to_be_hidden()
    playwright.expect(box).not_to_have_attribute("aria-describedby", "sideways")


def shown_columns(page: Any) -> list[str]:
    cells = page.locator("#table-loci th").all()
    return [cell.inner_text().strip() for cell in cells if cell.is_visible()]


def test_columns_of_loci_are_chosen_for_the_width_and_all_are_a_key_away(page: Any) -> None:
    assert shown_columns(page) == [
        "locus", "nearest gene", "lead variant", "p", "strongest trait", "effect allele", "effect per allele", "known or new",
    ]  # fmt: skip
    page.set_viewport_size({"width": 390, "height": 844})
    assert shown_columns(page) == ["locus", "nearest gene", "p", "effect per allele", "known or new"]
    table = page.locator(".table:has(#table-loci)")
    assert table.evaluate("box => box.scrollWidth - box.clientWidth") <= 1
    button = page.locator("button.all-columns[data-columns=table-loci]")
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert len(shown_columns(page)) == page.locator("#table-loci th").count() > 12
    playwright.expect(page.locator(".hint:has(+ .table #table-loci)")).to_be_visible()
    page.keyboard.press("Enter")
    assert len(shown_columns(page)) == 5


def test_p_is_sorted_by_its_value(page: Any) -> None:
    heading = page.locator("#table-loci th").filter(has_text=re.compile(r"^\s*p\s*$"))
    column = [cell.inner_text().strip() for cell in page.locator("#table-loci th").all()].index("p")
    heading.locator("button").click()
    cells = [row.locator("td").nth(column).inner_text() for row in page.locator("#table-loci tbody tr").all()]
    assert cells == ["3.2×10⁻²⁰", "6.3×10⁻¹⁵", "1.0×10⁻¹¹"]


def test_the_list_of_contents_follows_and_marks_the_section(page: Any) -> None:
    for section in ("methods", "traits", "loci"):
        page.locator(f"#toc a[href='#{section}']").click()
        marked = page.locator("#toc a[aria-current]")
        playwright.expect(marked).to_have_attribute("href", f"#{section}")
        assert marked.count() == 1
        place = marked.bounding_box()
        assert 0 <= place["y"] < 900
        assert place["x"] + place["width"] <= page.locator("main").bounding_box()["x"]
    at(page, "trait-pca.12L.f01")
    playwright.expect(page.locator("#toc a[aria-current]")).to_have_attribute("href", "#traits")
    at(page, "locus-2")
    playwright.expect(page.locator("#toc a[aria-current]")).to_have_attribute("href", "#loci")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_search_without_a_match_says_so_visibly(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    status = page.locator("#search-status")
    page.fill("#search", "no such gene")
    playwright.expect(status).to_have_text("nothing found")
    place = status.bounding_box()
    assert place["width"] > 50
    assert place["height"] > 10
    assert 0 <= place["x"] <= width - place["width"]
    page.fill("#search", "scn5a")
    playwright.expect(status).to_have_class("unseen")
    page.fill("#search", "")


def test_a_folded_table_opens_when_the_address_leads_into_it(page: Any) -> None:
    table = page.locator("#table-loci-heritability")
    assert not table.is_visible()
    at(page, "table-loci-heritability")
    playwright.expect(table).to_be_visible()
    assert page.locator("details:has(#table-loci-heritability) summary").inner_text().endswith("1 row")


def test_inflation_below_the_scale_does_not_look_missing(page: Any) -> None:
    page.locator("[data-shown=lambda]").click()
    fills = {trait: page.locator(f"[data-trait='{trait}']").get_attribute("fill") for trait in (LOW_TRAIT, HIGH_TRAIT)}
    assert fills == {LOW_TRAIT: "var(--sky)", HIGH_TRAIT: "var(--vermilion)"}
    others = {cell.get_attribute("fill") for cell in page.locator("#figure-grid_ae [data-trait]").all()}
    assert "var(--grid)" not in others
    assert "light blue: below" in page.locator("#figure-grid_ae [data-key]").text_content()
    page.locator("[data-shown=p]").click()


def test_print_has_all_parts(page: Any) -> None:
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for part in ("found", "loci", "locus-1", "locus-3", "trust", "people", "recordings", "traits", "genes", "methods"):
        assert page.locator(f"[id='{part}']").is_visible(), part
    assert page.locator("#table-loci-heritability").is_visible()
    assert not page.locator("nav").is_visible()
    pictures = page.evaluate("[...document.querySelectorAll('.picture svg')].map(svg => svg.getBoundingClientRect().right)")
    assert max(pictures) <= page.evaluate("document.documentElement.clientWidth")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") >= 8


def test_without_a_script_every_column_is_shown(browser: Any, path: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    plain = context.new_page()
    plain.goto(path.as_uri())
    assert len(shown_columns(plain)) == plain.locator("#table-loci th").count() > 12
    assert not plain.locator("button.all-columns").first.is_visible()
    context.close()
