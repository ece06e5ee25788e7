"""The page on paper: light, everything open, nothing to press, no table wider than the sheet, no number in two lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.report.browser_touch.conftest import Report, go_to

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser

A4_PX = 718
"""Width of A4 between Chromium's margins, at 96 pixels per inch."""

TABLES = "[...document.querySelectorAll('table')].filter(table => table.offsetWidth)"
WIDE = f"{TABLES}.filter(table => table.getBoundingClientRect().right > innerWidth).map(table => table.id)"
BROKEN = f"""{TABLES}.flatMap(table => [...table.querySelectorAll('td.number')])
  .filter(cell => {{ const range = document.createRange(); range.selectNodeContents(cell);
                     return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1; }})
  .map(cell => cell.textContent)"""


@pytest.fixture
def printed(browser: Any, report: Report) -> Iterator[Any]:
    """The page of someone who reads in the dark, as it is printed."""
    context = browser.new_context(offline=True, viewport={"width": A4_PX, "height": 1000}, color_scheme="dark")
    page = context.new_page()
    page.goto(report.path.as_uri())
    yield page
    context.close()


def at_print(page: Any) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")


@pytest.mark.parametrize("place", ["#found", "#locus-1", "#trait-clinical.12L.qt_ms"])
def test_what_is_printed_is_light_and_fits_the_sheet(printed: Any, place: str) -> None:
    if place.startswith("#trait"):
        printed.evaluate(f"location.hash = {place!r}")
        printed.locator("#table-strongest tbody tr").first.wait_for()
    else:
        go_to(printed, place)
    at_print(printed)
    assert printed.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert printed.evaluate("getComputedStyle(document.body).color") == "rgb(17, 17, 17)"
    assert printed.evaluate(WIDE) == []
    assert printed.evaluate(BROKEN) == []
    assert printed.evaluate("document.documentElement.scrollWidth") <= A4_PX
    for hidden in (".picture-tools", ".hint", ".files", ".save-table", "nav", "input", "#tip", ".all-columns"):
        assert printed.locator(f"{hidden}:visible").count() == 0, hidden


def test_the_study_is_printed_with_every_fold_open_and_closed_again_after(printed: Any) -> None:
    closed = printed.locator("details:not([open])").count()
    assert closed > 5
    at_print(printed)
    assert printed.locator("details:not([open])").count() == 0
    assert printed.locator("article:visible").count() == 3
    assert printed.locator("#table-traits tbody tr:visible").count() == 83
    assert printed.locator(".chooser:visible label:visible").all_inner_texts() == ["pca.12L.f01"]
    printed.evaluate("dispatchEvent(new Event('afterprint'))")
    assert printed.locator("details:not([open])").count() == closed
    assert printed.locator("article:visible").count() == 0
