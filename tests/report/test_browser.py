"""The page in Chromium, from a file, with the network off."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecgwas.report import render
from ecgwas.study import ReportOptions
from tests.report.example import make_empty_findings, make_findings

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.browser

QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync")  # fmt: skip
KINDS = ("full", "without_hits", "empty")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    made = {"full": make_findings(), "without_hits": make_findings(hits=False), "empty": make_empty_findings()}
    for name, findings in made.items():
        (folder / f"{name}.html").write_text(render(ReportOptions(), findings).html)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=list(QUIET))
        yield browser
        browser.close()


class Opened:
    """A page and all that it complained of or asked for."""

    def __init__(self, browser: playwright.Browser, path: Path, **context: object) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.context = browser.new_context(offline=True, **context)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())


@pytest.fixture
def opened(browser: playwright.Browser, folder: Path) -> Iterator[Opened]:
    opened = Opened(browser, folder / "full.html", viewport={"width": 1440, "height": 900})
    yield opened
    assert opened.complaints == []
    opened.context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_no_complaint_and_nothing_asked_of_the_network(browser: playwright.Browser, folder: Path, kind: str) -> None:
    opened = Opened(browser, folder / f"{kind}.html")
    assert opened.complaints == []
    assert [url for url in opened.asked if not url.startswith(("file:", "data:"))] == []
    opened.context.close()


@pytest.mark.parametrize(("kind", "scheme"), [("full", "light"), ("full", "dark"), ("empty", "light")])
def test_axe_finds_no_accessibility_fault(browser: playwright.Browser, folder: Path, kind: str, scheme: str) -> None:
    opened = Opened(browser, folder / f"{kind}.html", color_scheme=scheme)
    opened.page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    response = axe.Axe().run(opened.page).response
    faults = response["violations"]
    assert len(response["passes"]) > 15
    assert [(fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in faults] == []
    opened.context.close()


def test_a_table_is_sorted_by_keyboard(opened: Opened) -> None:
    page = opened.page
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


def test_missing_values_sort_last_both_ways(opened: Opened) -> None:
    page = opened.page
    button = page.locator("#table-planted th", has_text="found as locus").locator("button")
    for _ in range(2):
        button.click()
        assert page.locator("#table-planted tbody tr").last.inner_text().startswith("rs4246215")


def test_search_finds_a_locus_by_gene_and_leads_to_it(opened: Opened) -> None:
    page = opened.page
    page.fill("#search", "scn5a")
    assert page.locator("article:visible").count() == 1
    assert page.locator("article:visible svg").count() == 1
    assert page.locator("#search-status").inner_text().startswith("1 of ")
    page.keyboard.press("Enter")
    assert page.locator("#locus-3").bounding_box()["y"] < 200
    page.fill("#search", "")
    assert page.locator("article:visible").count() == 3


def test_a_deep_link_opens_its_trait(browser: playwright.Browser, folder: Path) -> None:
    opened = Opened(browser, folder / "full.html")
    closed = opened.page.locator("details:not([open])[id^=trait-]").first.get_attribute("id")
    opened.page.goto(f"{(folder / 'full.html').as_uri()}#{closed}")
    assert opened.page.locator(f"[id='{closed}'] svg").first.is_visible()
    opened.context.close()


def test_a_table_is_saved_as_csv(opened: Opened) -> None:
    with opened.page.expect_download() as download:
        opened.page.click("[data-table=table-loci]")
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("locus,nearest gene,lead variant,chr,position,−log10 p")
    assert lines[1].startswith('1,NOS1AP,rs12143842,1,"160,000,000",14.20')


def test_the_page_is_whole_without_scripts(browser: playwright.Browser, folder: Path) -> None:
    opened = Opened(browser, folder / "full.html", java_script_enabled=False)
    assert opened.page.locator("#locus-1 svg").is_visible()
    assert opened.page.locator("#table-loci tbody tr").count() == 3
    assert not opened.page.locator("#search").is_visible()
    opened.page.locator("summary").nth(1).click()
    assert opened.page.locator("details").nth(1).locator("svg").first.is_visible()
    opened.context.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_never_scrolls_sideways(browser: playwright.Browser, folder: Path, width: int) -> None:
    opened = Opened(browser, folder / "full.html", viewport={"width": width, "height": 900})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.context.close()


def test_print_shows_every_trait(opened: Opened) -> None:
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.locator("details:not([open])").count() == 0
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("details:not([open])").count() > 3
