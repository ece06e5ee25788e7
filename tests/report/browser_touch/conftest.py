"""One report and one browser for all tests of what figures answer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ecgwas.report import Page, ReportContents, render
from ecgwas.study import ReportOptions
from ecgwas.tables.recordings import DeviceAgreement
from tests.report.conftest import QUIET
from tests.report.example import changed, make_contents, with_measured_hits

PATIENCE_MS = 30_000
"""Machines that run the suite may be busy."""
TWO_FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Ends when what the page has changed is laid out and drawn."""


@dataclass(frozen=True)
class Report:
    """A written report: its contents, figures and file."""

    contents: ReportContents
    page: Page
    path: Path

    def place(self, opened: Any, name: str, panel: int, x: float, y: float) -> tuple[float, float]:
        """Where a value of a figure is in the window, after scrolling to the figure. opened: the browser's page"""
        plot = self.page.figures[name].plot
        assert plot is not None
        at = plot.panels[panel]
        return in_window(opened, f"[id='figure-{name}'] .picture", at.x.at(x), at.y.at(y))


def go_to(opened: Any, place: str) -> None:
    """Opens a part of the report and waits until the window has scrolled there."""
    opened.evaluate(f"location.hash = {place!r}")
    opened.locator(place).wait_for(state="visible")
    opened.evaluate(TWO_FRAMES)


def in_window(opened: Any, picture: str, x: float, y: float) -> tuple[float, float]:
    """Where a coordinate of an SVG is in the window."""
    svg = opened.locator(f"{picture} svg")
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    width = float(svg.get_attribute("viewBox").split()[2])
    return box["x"] + x * box["width"] / width, box["y"] + y * box["width"] / width


def _with_device(contents: ReportContents) -> ReportContents:
    """QT of 300 participants, measured here and by an ECG device."""
    rng = np.random.default_rng(4)
    device = rng.normal(400, 25, 300)
    difference = rng.normal(-6, 9, 300)
    row = {"measurement": "qt_ms", "n": 300, "mean_difference": -6.0, "sd": 9.0, "low": -23.6, "high": 11.6,
           "median_difference": -6.0, "r": 0.9}  # fmt: skip
    pairs = pl.DataFrame({"measurement": "qt_ms", "measured": device + difference, "device": device, "difference": difference})
    *others, clinical = contents.representations
    clinical = replace(clinical, agreement=DeviceAgreement.of([row]).frame, device_pairs=pairs)
    return changed(contents, representations=(*others, clinical))


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    contents = _with_device(with_measured_hits(make_contents()))
    page = render(ReportOptions(), contents)
    path = tmp_path_factory.mktemp("touched") / "report.html"
    path.write_text(page.html)
    return Report(contents, page, path)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        playwright.expect.set_options(timeout=PATIENCE_MS)
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def opened(browser: Any, report: Report) -> Iterator[Any]:
    """The report in a wide window; nothing may be written to the console."""
    yield from _opened(browser, report, viewport={"width": 1440, "height": 900})


@pytest.fixture(scope="module")
def phone(browser: Any, report: Report) -> Iterator[Any]:
    """The report on a phone with a touch screen."""
    yield from _opened(browser, report, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)


def _opened(browser: Any, report: Report, **context: Any) -> Iterator[Any]:
    complaints: list[str] = []
    own = browser.new_context(offline=True, **context)
    own.set_default_timeout(PATIENCE_MS)
    page = own.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.path.as_uri())
    yield page
    assert complaints == []
    own.close()
