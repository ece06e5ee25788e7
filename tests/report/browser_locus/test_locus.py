"""The page of a locus in Chromium: regional plots are chosen without a script, by pointer and by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.example import page_of
from tests.report.test_browser import Opened

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page_of("full").html)
    return path


def shown(page: playwright.Page) -> list[str]:
    """Ids of the regional plots that can be seen."""
    figures = page.locator("#locus-1 .chosen > figure").all()
    return [str(figure.get_attribute("id")) for figure in figures if figure.is_visible()]


@pytest.mark.parametrize("scripts", [True, False])
def test_one_regional_plot_is_shown_and_another_can_be_chosen(
    browser: playwright.Browser, path: Path, scripts: bool
) -> None:  # fmt: skip
    opened = Opened(browser, path, "locus-1", java_script_enabled=scripts)
    page = opened.page
    assert shown(page) == ["figure-region_1"]
    page.get_by_label("clinical.12L.qt_ms", exact=True).check()
    assert shown(page) == ["figure-region_1_clinical.12L.qt_ms"]
    page.keyboard.press("ArrowDown")
    assert shown(page) == ["figure-region_1_signal_1"]
    assert opened.complaints == []
    opened.context.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_figures_of_a_locus_stay_within_the_page(
    browser: playwright.Browser, path: Path, width: int
) -> None:  # fmt: skip
    opened = Opened(browser, path, "locus-1", viewport={"width": width, "height": 900})
    page = opened.page
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("locus_1", "locus_1_difference", "region_1", "phewas_1"):
        assert page.locator(f"[id='figure-{name}'] svg").is_visible()
    opened.context.close()
