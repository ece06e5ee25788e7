"""Figures by keyboard and on a touch screen; without accessibility faults after use."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import polars as pl
import pytest

from ecgwas.tables import VARIANT_KEY
from tests.report.browser_touch.conftest import Report, go_to
from tests.report.browser_touch.test_pointer import planted

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
expect = playwright.expect

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def at_the_study(opened: Any) -> None:
    go_to(opened, "#found")


def said(opened: Any, figure: str) -> str:
    return opened.locator(f"#figure-{figure} .picture + .unseen[role=status]").text_content()


def test_keys_go_through_every_hit_with_the_words_of_hits_csv(opened: Any, report: Report) -> None:
    hits = report.contents.loci.hits.frame
    strongest = hits.sort("neglog10p", "trait", descending=[True, False]).unique(VARIANT_KEY, keep="first", maintain_order=True)
    opened.locator("#figure-all_traits .picture").focus()
    status = opened.locator("#figure-all_traits .picture + .unseen[role=status]")
    expect(status).to_contain_text("Left and Right go through the strongest tests")
    opened.keyboard.press("Home")
    rows = {(row["variant"], row["pos"]): row for row in strongest.iter_rows(named=True)}
    places, count = [], len(rows)
    for k in range(count):
        expect(status).to_contain_text(f"{k + 1} of {count}: ")
        words = said(opened, "all_traits")
        assert opened.locator("#figure-all_traits .ring").count() == 1
        variant, chrom, pos = re.search(r": (\w+), (\w+):([\d,]+);", words).groups()
        row = rows.pop((variant, int(pos.replace(",", ""))))
        places.append((list("123").index(chrom), row["pos"]))
        power, neglog10p = math.floor(-row["neglog10p"]), row["neglog10p"]
        factor = 10 ** (-neglog10p - power)
        digits = "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(-power))
        assert f"p {factor:.1f}×10⁻{digits} (−log10 p {neglog10p:.2f}), {row['trait']};" in words or f"{factor:.1f}" == "10.0"
        assert f"n {row['n']}" in words
        opened.keyboard.press("ArrowRight")
    assert rows == {}
    assert places == sorted(places)
    opened.keyboard.press("Home")
    expect(status).to_contain_text("1 of ")
    opened.keyboard.press("Enter")
    opened.locator("#locus-1").wait_for(state="visible")


def test_keys_zoom_move_and_reset(opened: Any) -> None:
    picture = opened.locator("#figure-all_traits .picture")
    picture.focus()
    view = opened.locator("#figure-all_traits .picture-tools [role=status]")
    opened.keyboard.press("Escape")
    opened.keyboard.press("+")
    expect(view).to_have_text(re.compile("Mb$"))
    first = view.text_content()
    opened.keyboard.press("Shift+ArrowRight")
    expect(view).not_to_have_text(first)
    moved = view.text_content()
    opened.keyboard.press("Shift+ArrowLeft")
    expect(view).to_have_text(first)
    assert moved != first
    opened.keyboard.press("-")
    expect(view).to_have_text("")
    for key in ("0", "Escape"):
        opened.keyboard.press("+")
        expect(view).to_have_text(first)
        opened.keyboard.press(key)
        expect(view).to_have_text("")
    # A point outside of the range is brought into view.
    opened.keyboard.press("Home")
    for _ in range(6):
        opened.keyboard.press("+")
    expect(view).to_have_text(re.compile(r"^1:"))
    opened.keyboard.press("End")
    expect(view).to_have_text(re.compile(r"^3:"))
    opened.keyboard.press("Escape")


def test_keys_read_curves_off(opened: Any, report: Report) -> None:
    opened.locator("#figure-strip .picture").focus()
    status = opened.locator("#figure-strip .picture + .unseen[role=status]")
    expect(status).to_contain_text("Left and Right read off")
    opened.keyboard.press("Home")
    table = pl.read_csv(report.page.figures["strip"].csv.encode()).filter(lead="II")
    expect(status).to_contain_text(f"0 ms; II as recorded: {table['as_recorded_uv'][0]:.0f} µV".replace("-", "−"))
    opened.keyboard.press("ArrowRight")
    expect(status).not_to_contain_text("; II as recorded: 0 ms")
    assert not said(opened, "strip").startswith("0 ms")


def test_keys_move_over_marks_and_open_lists(opened: Any) -> None:
    opened.locator("#figure-gene_by_lead .picture").focus()
    opened.keyboard.press("ArrowRight")
    first = said(opened, "gene_by_lead")
    opened.keyboard.press("ArrowDown")
    second = said(opened, "gene_by_lead")
    assert first.split(",")[0] == second.split(",")[0]
    assert first != second
    while "0 variants" in said(opened, "gene_by_lead"):
        before = said(opened, "gene_by_lead")
        opened.keyboard.press("ArrowDown")
        if said(opened, "gene_by_lead") == before:
            opened.keyboard.press("ArrowRight")
    opened.keyboard.press("Enter")
    listed = opened.locator("#figure-gene_by_lead .details")
    expect(listed).to_be_focused()
    opened.keyboard.press("Escape")
    expect(listed).to_have_count(0)
    expect(opened.locator("#figure-gene_by_lead .picture")).to_be_focused()


def test_axe_finds_no_fault_after_use(opened: Any, report: Report) -> None:
    opened.locator("#figure-network [data-gene=SCN5A]").click()
    opened.locator("#figure-gene_by_lead [data-details='SCN5A, 12L']").click()
    opened.locator("#figure-network .picture-tools button").nth(1).click()
    opened.locator("#figure-all_traits .picture-tools button", has_text="+").click()
    opened.mouse.move(*report.place(opened, "miami_pca_ae", 0, *planted(report, "3")))
    opened.locator("#tip").wait_for(state="visible")
    response = axe.Axe().run(opened).response
    faults = [(fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in response["violations"]]
    assert faults == []


class TestFingers:
    """A phone: the first tap shows, the second opens; the page still scrolls."""

    @pytest.fixture(autouse=True)
    def on_the_phone(self, phone: Any) -> None:
        go_to(phone, "#found")

    def place(self, phone: Any, report: Report) -> tuple[float, float]:
        """Of the strongest hit, to which a picture wider than the screen is scrolled."""
        x, y = report.place(phone, "all_traits", 0, *planted(report, "3"))
        assert 0 < x < 390
        return x, y

    def test_the_first_tap_shows_and_the_second_opens(self, phone: Any, report: Report) -> None:
        phone.touchscreen.tap(*self.place(phone, report))
        expect(phone.locator("#tip")).to_contain_text("rs6801957")
        box = phone.locator("#tip").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert phone.locator("#locus-3:visible").count() == 0
        phone.touchscreen.tap(*self.place(phone, report))
        phone.locator("#locus-3").wait_for(state="visible")

    def test_a_tap_elsewhere_hides(self, phone: Any, report: Report) -> None:
        x, y = self.place(phone, report)
        phone.touchscreen.tap(x, y)
        expect(phone.locator("#tip")).to_be_visible()
        phone.touchscreen.tap(x + 60, y)
        expect(phone.locator("#tip")).to_be_hidden()

    def test_the_page_scrolls_over_a_picture(self, phone: Any) -> None:
        for name in ("all_traits", "strip", "miami_pca_ae"):
            action = phone.locator(f"#figure-{name} svg").first.evaluate("element => getComputedStyle(element).touchAction")
            assert action in ("manipulation", "pan-y pinch-zoom"), name
        picture = phone.locator("#figure-all_traits .picture")
        picture.scroll_into_view_if_needed()
        before = phone.evaluate("scrollY")
        box = picture.bounding_box()
        x, y = 190, box["y"] + box["height"] / 2
        finger = phone.context.new_cdp_session(phone)
        moves = [{"x": x, "y": y - 20 * step} for step in range(8)]
        for kind, points in (("touchStart", [moves[0]]), *(("touchMove", [move]) for move in moves[1:]), ("touchEnd", [])):
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            phone.wait_for_timeout(30)
        for _ in range(60):
            if phone.evaluate("scrollY") > before + 50:
                break
            phone.wait_for_timeout(20)
        assert phone.evaluate("scrollY") > before + 50
        assert np.isclose(phone.evaluate("document.documentElement.scrollWidth"), 390)

    def test_buttons_zoom(self, phone: Any) -> None:
        phone.locator("#figure-all_traits .picture-tools button", has_text="+").tap()
        expect(phone.locator("#figure-all_traits .picture-tools [role=status]")).to_have_text(re.compile("Mb$"))
        phone.locator("#figure-all_traits .picture-tools button", has_text="Show all").tap()
