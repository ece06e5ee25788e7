"""The page of `ecgwas compare --page` in Chromium: pointer, click, keys, touch, zero complaints, accessibility."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecgwas.commands import compare, compare_page
from tests.commands.compared_studies import two_studies

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
expect = playwright.expect

pytestmark = pytest.mark.browser

UPSET = "#figure-found_by"
STRENGTH = "#figure-strength_1"
WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    made = compare_page.page(compare.read_studies(two_studies(folder)), None)
    return made.write(folder / "comparison.html")[0]


def opened(browser: Any, path: Path, **context: Any) -> Iterator[Any]:
    complaints: list[str] = []
    own = browser.new_context(offline=True, **context)
    page = own.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.extend([] if request.url.startswith(("file:", "data:")) else [request.url]))
    page.goto(path.as_uri())
    yield page
    assert complaints == []
    own.close()


@pytest.fixture
def page(browser: Any, path: Path) -> Iterator[Any]:
    yield from opened(browser, path, **WIDE)


@pytest.fixture
def phone(browser: Any, path: Path) -> Iterator[Any]:
    yield from opened(browser, path, **PHONE)


def mark(page: Any, key: str) -> Any:
    return page.locator(f"{UPSET} [data-details='{key}']")


def said(page: Any, figure: str) -> Any:
    return page.locator(f"{figure} .picture + .unseen[role=status]")


def test_the_pointer_names_the_loci_of_a_combination_and_a_click_lists_them(page: Any) -> None:
    mark(page, "of-2").hover()
    expect(page.locator("#tip")).to_contain_text("1 locus of both: alpha and beta")
    expect(page.locator("#tip")).to_contain_text("Locus 1: rs1, 1:5,000")
    mark(page, "of-2").click()
    listed = page.locator(f"{UPSET} .details")
    expect(listed).to_contain_text("1 locus of both: alpha and beta")
    listed.locator("a", has_text="Locus 1").click()
    expect(page.locator("#locus-1")).to_have_attribute("open", "")
    expect(page.locator("#table-tests-of-1")).to_be_in_viewport()
    mark(page, "all-0").click()
    expect(listed.locator("a")).to_have_count(2)
    # The same address once more opens the locus again.
    page.locator("#locus-1").evaluate("element => { element.open = false; }")
    listed.locator("a", has_text="Locus 1").click()
    expect(page.locator("#locus-1")).to_have_attribute("open", "")


def test_keys_go_through_combinations_and_open_their_loci(page: Any) -> None:
    page.locator(f"{UPSET} .picture").focus()
    expect(said(page, UPSET)).to_contain_text("Arrow keys move, Enter opens.")
    words = set()
    for key in ("End", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
        words.add(said(page, UPSET).text_content().split(";")[0])
    assert words == {"1 locus of only beta", "1 locus of only alpha", "1 locus of both: alpha and beta"}
    page.keyboard.press("Enter")
    listed = page.locator(f"{UPSET} .details")
    expect(listed).to_be_focused()
    page.keyboard.press("Escape")
    expect(listed).to_have_count(0)
    expect(page.locator(f"{UPSET} .picture")).to_be_focused()


def test_the_strengths_are_said_and_open_the_locus(page: Any) -> None:
    page.locator(f"{STRENGTH} .picture").focus()
    said_words = []
    for key in ("Home", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
        expect(page.locator(f"{STRENGTH} .ring")).to_have_count(1)
        said_words.append(said(page, STRENGTH).text_content())
    assert said_words[0].startswith(
        "1 of 3: Locus 3: rs3, 1:7,000,000; alpha: below −log10 p 3, or not tested; beta: −log10 p 8.00"
    )
    assert "alpha: −log10 p 9.50, clinical.12L.qt_ms; beta: −log10 p 3.50, clinical.12L.qt_ms, not found" in said_words[1]
    assert "alpha: −log10 p 12.00, ae.V1.f1; beta: −log10 p 10.00, ae.V1.f1" in said_words[2]
    page.keyboard.press("Enter")
    expect(page.locator("#locus-1")).to_have_attribute("open", "")
    expect(page.locator("#locus-1 > summary")).to_be_focused()


def test_the_table_leads_to_the_locus_and_is_sorted_by_key(page: Any) -> None:
    page.locator("#table-shared_loci a", has_text="2").click()
    expect(page.locator("#table-tests-of-2")).to_be_in_viewport()
    heading = page.locator("#table-shared_loci th", has_text=re.compile("beta: −log10 p$"))
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert [row.locator("td a").inner_text() for row in page.locator("#table-shared_loci tbody tr").all()] == ["2", "3", "1"]


def test_a_finger_shows_first_and_then_lists(phone: Any) -> None:
    mark(phone, "of-0").tap()
    expect(phone.locator("#tip")).to_contain_text("1 locus of only alpha")
    expect(phone.locator(f"{UPSET} .details")).to_have_count(0)
    mark(phone, "of-0").tap()
    expect(phone.locator(f"{UPSET} .details")).to_contain_text("Locus 2: rs2")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390


def test_a_figure_is_saved_with_its_colours(page: Any) -> None:
    with page.expect_download() as download:
        page.locator(f"{UPSET} a.save-picture").click()
    saved = Path(download.value.path()).read_text()
    assert download.value.suggested_filename == "found_by.svg"
    assert "var(--" not in saved
    assert "1 locus of only alpha" in saved


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_after_use(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    mark(page, "of-0").click()
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    response = axe.Axe().run(page).response
    assert len(response["passes"]) > 15
    assert [(fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in response["violations"]] == []


def test_the_theme_changes_and_print_opens_every_locus(page: Any) -> None:
    page.locator("#theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("details:not([open])")).to_have_count(0)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("details[open]")).to_have_count(0)
