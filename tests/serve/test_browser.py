"""The served page in Chromium: search, points, keys, touch, both themes, both widths; without faults or complaints."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecgwas.study import Study
from ecgwas.tables import files
from tests.conftest import ROOT
from tests.serve.conftest import TOKEN

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
expect = playwright.expect

pytestmark = pytest.mark.browser

WAIT_MS = 120_000


class Opened:
    """A page, and what it complained of or asked of others."""

    def __init__(self, browser: Any, address: str, **context: Any) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.address = address
        self.context = browser.new_context(**context)
        self.context.set_default_timeout(WAIT_MS)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)
        self.shown("")

    def shown(self, address: str) -> None:
        """Waits until the view of an address is there."""
        wanted = f"[data-shown='{address}']" if address else "[data-shown]"
        self.page.locator(f"body{wanted}").wait_for(state="attached")

    def go(self, address: str) -> None:
        self.page.evaluate("address => { location.hash = address; }", address)
        self.shown(address)


@pytest.fixture(scope="module")
def opened(browser: Any, address: str) -> Iterator[Opened]:
    expect.set_options(timeout=WAIT_MS)
    opened = Opened(browser, address, viewport={"width": 1440, "height": 900})
    yield opened
    opened.context.close()
    assert opened.complaints == []
    origin = address.partition("/?")[0]
    assert [url for url in opened.asked if not url.startswith((origin, "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def locus(strong: Study) -> dict[str, Any]:
    return files.LOCI.read(strong.results).frame.sort("neglog10p", descending=True).row(0, named=True)


def test_the_token_is_not_in_the_address_and_the_page_says_private(opened: Opened) -> None:
    assert TOKEN not in opened.page.url
    assert "Tables of participants are shown" in opened.page.locator(".private").inner_text()
    assert "The scan kept its" in opened.page.locator("#view").inner_text()


def test_search_then_a_point_then_the_region(opened: Opened, locus: dict[str, Any]) -> None:
    """By mouse: a variant is searched for, and a point of its traits opens the region of that trait."""
    page = opened.page
    page.fill("#search", locus["lead_variant"])
    page.locator("#search-results li", has_text="variant at ").first.click()
    expect(page.locator("#view-title")).to_have_text(locus["lead_variant"])
    picture = page.locator("#figure-phewas-strong .picture")
    picture.hover()
    place = picture.locator("polygon").first
    place.wait_for()
    tops = [(box["y"], box) for box in (one.bounding_box() for one in picture.locator("polygon").all())]
    _, box = min(tops, key=lambda pair: pair[0])
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#tip")).to_contain_text("opens the region")
    words = page.locator("#tip").inner_text().splitlines()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#view-title")).to_contain_text(f"{words[0]} at {locus['chrom']}:")
    assert page.locator("#figure-region svg").is_visible()
    assert page.locator("#table-variants tbody tr").count() > 5
    page.go_back()
    expect(page.locator("#view-title")).to_have_text(locus["lead_variant"])


def test_everything_by_keyboard(opened: Opened, locus: dict[str, Any]) -> None:
    page = opened.page
    opened.go("loci/strong")
    page.evaluate("document.activeElement.blur()")
    page.fill("#search", "an earlier search")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")  # selects what is there
    page.keyboard.type("pr_ms")
    page.locator("#search-results li").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#view-title")).to_have_text("clinical.12L.pr_ms")
    page.locator("#figure-manhattan .picture").focus()
    status = page.locator("#figure-manhattan .picture + .unseen[role=status]")
    expect(status).to_contain_text("go through the strongest tests")
    page.keyboard.press("Home")
    expect(status).to_contain_text("opens the variant with Enter")
    variant = status.text_content().partition(": ")[2].partition(",")[0]
    page.keyboard.press("Enter")
    expect(page.locator("#view-title")).to_have_text(variant)
    heading = page.locator("#table-tests-strong th", has_text="beta").locator("button")
    heading.focus()
    page.keyboard.press("Enter")
    assert page.locator("#table-tests-strong th", has_text="beta").get_attribute("aria-sort") == "ascending"


def test_an_unknown_variant_offers_the_nearest(opened: Opened, locus: dict[str, Any]) -> None:
    page = opened.page
    opened.go(f"variant-{locus['chrom']}:{locus['pos'] + 1}/strong")
    page.locator("#view .link-row a").first.click()
    expect(page.locator("#view-title")).to_have_text(locus["lead_variant"])


def test_the_study_is_chosen(opened: Opened) -> None:
    opened.go("traits/strong")
    opened.page.select_option("#study", "every")
    expect(opened.page.locator("#view-title")).to_have_text("Traits of every")


def test_a_region_is_moved_and_another_trait_chosen(opened: Opened, locus: dict[str, Any]) -> None:
    page = opened.page
    opened.go(f"region-{locus['chrom']}:{locus['pos'] - 100_000}-{locus['pos'] + 100_000}/every")
    before = page.locator("#view-title").inner_text()
    page.locator(".link-row a", has_text="wider").click()
    expect(page.locator("#view-title")).not_to_have_text(before)
    second = page.locator("#table-region-traits tbody tr").nth(1).locator("a").first
    name = second.inner_text()
    second.click()
    expect(page.locator("#view-title")).to_contain_text(name)


VIEWS = (
    "start/strong",
    "variant-{lead}/strong",
    "trait-{trait}/strong",
    "region-{chrom}:{start}-{stop},{trait}/every",
    "tables/strong",
)


def addresses_of(locus: dict[str, Any]) -> list[str]:
    values = {"lead": f"{locus['chrom']}:{locus['pos']}", "trait": locus["best_trait"], "chrom": locus["chrom"],
              "start": locus["pos"] - 100_000, "stop": locus["pos"] + 100_000}  # fmt: skip
    return [view.format(**values) for view in VIEWS]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_and_nothing_is_cut_off(opened: Opened, locus: dict[str, Any], width: int, scheme: str) -> None:
    page = opened.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for address in addresses_of(locus):
        opened.go(address)
        options = {"runOnly": ["color-contrast"]} if scheme == "dark" else None
        response = axe.Axe().run(page, options=options).response
        assert len(response["passes"]) > (0 if options else 15)
        faults = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in response["violations"]]
        assert faults == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")


def test_a_finger_shows_a_point_first_and_opens_it_then(browser: Any, address: str, locus: dict[str, Any]) -> None:
    opened = Opened(browser, address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = opened.page
    opened.go(f"variant-{locus['chrom']}:{locus['pos']}/strong")
    picture = page.locator("#figure-phewas-strong .picture")
    picture.scroll_into_view_if_needed()
    frame = picture.bounding_box()
    boxes = [one.bounding_box() for one in picture.locator("polygon").all()]
    inside = [box for box in boxes if frame["x"] + 20 < box["x"] < frame["x"] + frame["width"] - 20]
    box = min(inside, key=lambda one: one["y"])
    at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.touchscreen.tap(*at)
    expect(page.locator("#tip")).to_contain_text("opens the region")
    page.touchscreen.tap(*at)
    expect(page.locator("#view-title")).to_contain_text(f" at {locus['chrom']}:")
    assert opened.complaints == []
    opened.context.close()


def test_a_variant_is_tested_again_on_request(opened: Opened, locus: dict[str, Any]) -> None:
    page = opened.page
    opened.go(f"variant-{locus['chrom']}:{locus['pos']}/strong")
    page.locator("button.ask").first.click()
    page.locator("#figure-beats-strong svg").wait_for()
    assert page.locator("#figure-every-strong svg").is_visible()


def test_the_command_prints_its_address_and_ends_quietly(strong: Study) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, "-m", "ecgwas", "serve", str(strong.results)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    assert "tests of " in lines[0]
    assert lines[1].startswith("Open http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "", "")


def test_screenshots_are_made_if_a_folder_is_named(browser: Any, address: str, locus: dict[str, Any]) -> None:
    """ECGWAS_SCREENSHOTS=FOLDER: to be looked at; without it the views are only opened in the dark."""
    folder = os.environ.get("ECGWAS_SCREENSHOTS")
    opened = Opened(browser, address, viewport={"width": 1440, "height": 900}, color_scheme="dark")
    for k, view in enumerate(addresses_of(locus)):
        opened.go(view)
        if folder:
            opened.page.screenshot(path=Path(folder) / f"{k}.png", full_page=True)
    assert opened.complaints == []
    opened.context.close()
