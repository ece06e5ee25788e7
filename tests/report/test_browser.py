"""The page in Chromium, from a file, with the network off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest
from lxml import etree

from tests.report.example import make_contents, page_of, rows_of

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.browser

KINDS = ("full", "without hits", "empty")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    for kind in (*KINDS, "measured"):
        (folder / f"{kind}.html").write_text(page_of(kind).html)
    return folder


class Opened:
    """A page and all that it complained of or asked for."""

    def __init__(self, browser: playwright.Browser, path: Path, fragment: str = "", **context: object) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.context = browser.new_context(offline=True, **context)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri() + (f"#{fragment}" if fragment else ""))


@pytest.fixture(scope="module")
def shared(browser: playwright.Browser, folder: Path) -> Iterator[Opened]:
    opened = Opened(browser, folder / "full.html", viewport={"width": 1440, "height": 900})
    yield opened
    opened.context.close()


@pytest.fixture
def opened(shared: Opened) -> Opened:
    """One page for all tests, at its start."""
    shared.page.emulate_media(color_scheme="light")
    shared.page.evaluate("location.hash = ''")
    shared.page.locator("#found").wait_for()
    shared.page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = false; })")
    shared.page.fill("#search", "")
    shared.page.evaluate("document.activeElement.blur()")
    shared.page.mouse.move(0, 0)
    return shared


@pytest.fixture
def fresh(opened: Opened) -> Iterator[Opened]:
    """For a test that changes more of the page than what is shown."""
    yield opened
    opened.page.reload()


@pytest.fixture(autouse=True)
def no_complaint(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "opened" in request.fixturenames:
        assert request.getfixturevalue("shared").complaints == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_complaint_and_nothing_asked_of_the_network(browser: playwright.Browser, folder: Path, kind: str) -> None:
    opened = Opened(browser, folder / f"{kind}.html")
    assert opened.complaints == []
    assert [url for url in opened.asked if not url.startswith(("file:", "data:"))] == []
    opened.context.close()


AXE = [("", "light"), ("", "dark"), ("locus-2", "light"), ("trait-pca.12L.f01", "light"), ("trait-pca.12L.f01", "dark")]


@pytest.mark.parametrize(("fragment", "scheme"), AXE)
def test_axe_finds_no_accessibility_fault(opened: Opened, fragment: str, scheme: str) -> None:
    """In the dark only what colours decide: the rest is the same."""
    opened.page.emulate_media(color_scheme=scheme)
    opened.page.evaluate(f"location.hash = {fragment!r}")
    if fragment.startswith("trait"):
        shows(opened.page, fragment[6:])
        opened.page.locator("#trait-meaning svg").wait_for()
        opened.page.locator("#table-strongest tbody tr").first.wait_for()
    opened.page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    check_with_axe(opened.page, only="color-contrast" if scheme == "dark" else None)


def test_axe_finds_no_accessibility_fault_in_an_empty_page(browser: playwright.Browser, folder: Path) -> None:
    opened = Opened(browser, folder / "empty.html")
    opened.page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    check_with_axe(opened.page)
    opened.context.close()


def check_with_axe(page: playwright.Page, only: str | None = None) -> None:
    response = axe.Axe().run(page, options={"runOnly": [only]} if only else None).response
    assert len(response["passes"]) > (15 if only is None else 0)
    assert [(fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in response["violations"]] == []


def test_a_table_is_sorted_by_keyboard(fresh: Opened) -> None:
    page = fresh.page
    page.locator("button.all-columns[data-columns=table-loci]").click()
    heading = page.locator("#table-loci th", has_text=re.compile("−log10 p"))
    column = [cell.inner_text() for cell in page.locator("#table-loci th").all()].index(heading.inner_text())

    def shown() -> list[float]:
        return [float(row.locator("td").nth(column).inner_text()) for row in page.locator("#table-loci tbody tr").all()]

    heading.locator("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert shown() == [11.0, 14.2, 19.5]
    page.keyboard.press("Space")
    assert heading.get_attribute("aria-sort") == "descending"
    assert shown() == [19.5, 14.2, 11.0]
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"


def test_missing_values_sort_last_both_ways(fresh: Opened) -> None:
    page = fresh.page
    button = page.locator("#table-planted th", has_text="found as locus").locator("button")
    for _ in range(2):
        button.click()
        assert page.locator("#table-planted tbody tr").last.inner_text().startswith("rs4246215")


def shows(page: playwright.Page, trait: str) -> None:
    """Waits until a trait's plot is drawn. The page's policy forbids waiting by a function that is evaluated."""
    page.locator(f"body[data-drawn='{trait}']").wait_for(state="attached")


def test_search_finds_a_locus_by_gene_and_leads_to_its_ecg_by_genotype(opened: Opened) -> None:
    page = opened.page
    page.keyboard.press("/")
    page.keyboard.type("scn5a")
    page.locator("#search-status", has_text="2 found").wait_for()  # Fewer letters find more.
    page.keyboard.press("Enter")
    page.locator("#locus-3").wait_for(state="visible")
    assert page.locator("article:visible").count() == 1
    assert page.locator("#figure-locus_3 svg").is_visible()
    assert page.locator("#figure-region_3 svg").is_visible()
    assert page.locator("#locus-3").bounding_box()["y"] < 250
    assert not page.locator("#found").is_visible()


def test_search_finds_a_variant_and_rings_it_in_its_strongest_trait(opened: Opened) -> None:
    page = opened.page
    page.fill("#search", "rs6801957")
    page.locator("#search-results li", has_text="variant at ").first.wait_for()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.locator("#trait-manhattan circle").wait_for()
    assert page.locator("#h-trait").inner_text() == "pca.12L.f01"
    assert page.locator("#table-strongest tbody tr").first.inner_text().startswith("rs6801957\tSCN5A\t3\t38,000,000")


def test_search_finds_a_variant_by_its_position(opened: Opened) -> None:
    page = opened.page
    for text in ("3:38000000", "chr3:38000000:A:G"):
        page.fill("#search", text)
        item = page.locator("#search-results li", has_text="variant at 3:38,000,000")
        item.first.wait_for()
        assert item.first.inner_text().startswith("rs6801957")
    page.fill("#search", "2:38000000")
    playwright.expect(page.locator("#search-status")).to_have_text("nothing found")


def test_search_says_when_nothing_is_found_and_closes(opened: Opened) -> None:
    page = opened.page
    page.fill("#search", "no such gene")
    playwright.expect(page.locator("#search-status")).to_have_text("nothing found")
    page.fill("#search", "ae.V1")
    page.locator("#search-results li").first.wait_for()
    page.keyboard.press("Escape")
    assert not page.locator("#search-results").is_visible()


def test_a_deep_link_opens_its_trait(browser: playwright.Browser, folder: Path) -> None:
    opened = Opened(browser, folder / "full.html", fragment="trait-pca.12L.f03")
    page = opened.page
    page.locator("#trait-manhattan svg").wait_for()
    page.locator("#trait-meaning svg").wait_for()
    assert page.locator("#h-trait").inner_text() == "pca.12L.f03"
    assert page.locator("#trait-qq svg").is_visible()
    assert not page.locator("#found").is_visible()
    page.click("#trait-after")
    shows(page, "pca.12L.f04")
    page.go_back()
    shows(page, "pca.12L.f03")
    page.locator("nav a", has_text="Results").click()
    page.locator("#found").wait_for()
    page.locator("#trait").wait_for(state="hidden")
    assert opened.complaints == []
    opened.context.close()


def test_numbers_of_a_trait_are_those_of_its_table(opened: Opened) -> None:
    contents = make_contents()
    page = opened.page
    for trait in ("pca.12L.f01", "ae.V3.f02", "clinical.12L.qt_ms"):
        page.evaluate(f"location.hash = 'trait-{trait}'")
        shows(page, trait)
        rows = rows_of(contents).filter(pl.col("trait") == trait).sort("neglog10p", descending=True)
        first = page.locator("#table-strongest tbody tr").first
        playwright.expect(first.locator("td").nth(9)).to_have_text(f"{rows['neglog10p'][0]:.2f}")
        shown = [row.locator("td").all_inner_texts() for row in page.locator("#table-strongest tbody tr").all()]
        top = rows.head(25)
        assert [row[9] for row in shown] == [f"{value:.2f}" for value in top["neglog10p"]]
        for column, name, form in ((6, "eaf", ".3f"), (7, "beta", ".3f"), (8, "se", ".3f"), (10, "n", ",d")):
            assert {row[column] for row in shown} == {format(value, form) for value in top[name]}
        assert sorted(row[0] for row in shown) == sorted(top["variant"])
        summary = contents.scan.summary.frame.row(by_predicate=pl.col("trait") == trait, named=True)
        facts = page.locator("#trait-facts").inner_text()
        assert f"λ {summary['lambda_gc']:.3f}" in facts
        assert f"{summary['significant']:,} significant variants" in facts
        assert ("heritability −0.04 (standard error 0.20)" in facts) == (trait == "ae.V3.f02")
        beyond = rows.filter(pl.col("neglog10p") > 8.4).height
        assert page.locator("#trait-manhattan-words").inner_text().startswith(f"{beyond} variants beyond")


def test_a_measured_trait_says_what_is_measured(opened: Opened) -> None:
    opened.page.evaluate("location.hash = 'trait-clinical.12L.qt_ms'")
    playwright.expect(opened.page.locator("#trait-meaning")).to_have_text("Measured: QRS onset to T end (ms).")
    opened.page.evaluate("location.hash = 'trait-ae.V1.f01'")
    playwright.expect(opened.page.locator("#trait-meaning")).to_contain_text("cannot be decoded")


def test_a_measured_trait_starts_with_the_effect_of_its_strongest_hit(browser: playwright.Browser, folder: Path) -> None:
    opened = Opened(browser, folder / "measured.html", "trait-clinical.12L.qt_ms")
    page, table = opened.page, opened.page.locator("#table-strongest")
    table.locator("tbody tr").first.wait_for()
    words = page.locator("#trait-effect")
    playwright.expect(words).to_have_text(
        "Strongest hit: A allele of rs12143842 (nearest gene NOS1AP), −6.25 ms (SE 0.87) per copy."
    )
    headings = [heading.strip() for heading in table.locator("thead th").all_inner_texts()]
    assert headings[-2:] == ["effect per allele (ms)", "standard error (ms)"]
    shown = [row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()]
    assert [row[-2:] for row in shown if float(row[9]) > 8.4] == [["−6.25", "0.87"]] * 2
    assert {tuple(row[-2:]) for row in shown if float(row[9]) < 8.4} == {("–", "–")}
    page.evaluate("location.hash = 'trait-pca.12L.f01'")
    shows(page, "pca.12L.f01")
    playwright.expect(words).to_have_text(
        "Strongest hit: A allele of rs6801957 (nearest gene SCN5A), +0.100 SD (SE 0.020) per copy."
    )
    page.evaluate("location.hash = 'trait-clinical.12L.pr_ms'")
    shows(page, "clinical.12L.pr_ms")
    playwright.expect(words).to_be_hidden()
    playwright.expect(table.locator("th.natural").first).to_be_hidden()
    assert opened.complaints == []
    opened.context.close()


def test_a_cell_of_the_grid_opens_its_trait_by_pointer_and_by_keyboard(opened: Opened) -> None:
    page = opened.page
    page.locator("[data-trait='ae.V2.f03']").click()
    shows(page, "ae.V2.f03")
    page.go_back()
    page.locator("#figure-grid_ae .picture").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    said = page.locator("#grid-status").inner_text()
    assert said.startswith("ae.II.f02: −log10 p")
    page.keyboard.press("Enter")
    shows(page, "ae.II.f02")


def test_the_grid_changes_its_colours(opened: Opened) -> None:
    page = opened.page
    cell = page.locator("[data-trait='ae.V2.f03']")
    before = cell.get_attribute("fill")
    page.locator("[data-shown=lambda]").click()
    assert page.locator("#figure-grid_ae [data-key]").text_content().startswith("λ from 0.9 to 1.1; light blue: below")
    page.locator("[data-shown=p]").click()
    assert cell.get_attribute("fill") == before


def test_pointing_at_a_test_says_what_it_is(opened: Opened) -> None:
    page = opened.page
    page.evaluate("location.hash = 'trait-pca.12L.f01'")
    shows(page, "pca.12L.f01")
    page.locator("#table-strongest tbody tr").first.wait_for()
    path = page.locator("#trait-manhattan path[stroke-linecap=round]")
    box = page.locator("#trait-manhattan svg").bounding_box()
    x, y = re.findall(r"M([\d.]+) ([\d.]+)h0", path.get_attribute("d"))[0]
    page.mouse.move(box["x"] + float(x), box["y"] + float(y))
    assert "−log10 p" in page.locator("#tip").inner_text()


def test_a_gene_of_the_network_keeps_its_neighbours(opened: Opened) -> None:
    page = opened.page
    page.mouse.move(0, 0)  # The page is shared: the pointer may lie on the gene already.
    page.locator("#figure-network [data-gene=TTN]").hover()
    playwright.expect(page.locator("#figure-network circle.faded")).to_have_count(6)
    faded = {node.get_attribute("data-gene") for node in page.locator("#figure-network circle.faded").all()}
    assert faded == {"SCN10A", "NOS1AP", "KCNQ1", "TBX5", "NPPA", "SCN5A"}


def test_light_and_dark_can_be_chosen(fresh: Opened) -> None:
    page = fresh.page
    ink = "getComputedStyle(document.body).color"
    light = page.evaluate(ink)
    page.click("#theme")
    assert page.evaluate(ink) != light
    page.click("#theme")
    assert page.evaluate(ink) == light


def test_every_link_of_the_page_leads_somewhere(opened: Opened) -> None:
    """Of links to traits, which all take the same way, one of ten; that each has a page, test_render.py shows."""
    page = opened.page
    targets = page.evaluate("[...new Set([...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href')))]")
    traits = [target for target in targets if target.startswith("#trait-")]
    assert len(traits) > 60
    for target in [*sorted(set(targets) - set(traits)), *traits[::10]]:
        page.evaluate(f"location.hash = {target!r}")
        name = unquote(target[1:])
        if name.startswith("trait-"):
            shows(page, name[6:])
            assert page.locator("#trait-manhattan svg").is_visible()
        else:
            page.locator(f"[id='{name}']").wait_for()


def test_pictures_are_saved_as_svg_that_stands_alone(opened: Opened) -> None:
    page = opened.page
    with page.expect_download() as download:
        page.locator("#figure-genes .save-picture").click()
    text = download.value.path().read_text()
    assert etree.fromstring(text.encode()).tag.endswith("svg")
    assert "var(" not in text
    page.evaluate("location.hash = 'trait-pca.12L.f01'")
    shows(page, "pca.12L.f01")
    with page.expect_download() as download:
        page.locator("[data-save=trait-manhattan]").click()
    text = download.value.path().read_text()
    assert etree.fromstring(text.encode()).tag.endswith("svg")
    assert "data:image/png;base64," in text


def test_a_table_is_saved_as_csv(opened: Opened) -> None:
    with opened.page.expect_download() as download:
        opened.page.click("[data-table=table-loci]")
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("locus,nearest gene,lead variant,chr,position,−log10 p")
    assert lines[1].startswith('1,NOS1AP,rs12143842,1,"160,000,000",14.20')


def test_the_page_is_whole_without_scripts(browser: playwright.Browser, folder: Path) -> None:
    opened = Opened(browser, folder / "full.html", java_script_enabled=False)
    assert opened.page.locator("#figure-locus_1 svg").is_visible()
    assert opened.page.locator("#table-loci tbody tr").count() == 3
    assert not opened.page.locator("#search").is_visible()
    assert opened.page.locator("#figure-region_2 svg").is_visible()
    assert not opened.page.locator("#trait").is_visible()
    folded = opened.page.locator("details:has(.picture)").first
    folded.locator("summary").first.click()
    assert folded.locator("svg").first.is_visible()
    opened.context.close()


def test_an_old_browser_says_what_it_cannot_do_and_does_the_rest(browser: playwright.Browser, folder: Path) -> None:
    opened = Opened(browser, folder / "empty.html")
    page = opened.page
    page.add_init_script("delete window.DecompressionStream")
    page.goto(f"{(folder / 'full.html').as_uri()}?old#trait-pca.12L.f01")
    playwright.expect(page.locator("#trait-facts")).to_contain_text("too old")
    page.fill("#search", "scn5a")
    page.locator("#search-results li").first.wait_for()
    page.keyboard.press("Enter")
    page.locator("#figure-locus_3 svg").wait_for()
    assert opened.complaints == []
    opened.context.close()


def test_print_shows_every_locus_and_what_is_folded(opened: Opened) -> None:
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.locator("details:not([open])").count() == 0
    assert opened.page.locator("article:visible").count() == 3
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("details:not([open])").count() > 1
    assert opened.page.locator("article:visible").count() == 0
