"""A wheel and two fingers zoom about where they are; the page keeps its own scrolling."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.report.browser_touch.conftest import Report, go_to, in_window
from tests.report.browser_touch.test_pointer import planted

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = pytest.mark.browser

MEGA = re.compile(r"(\w+):([\d.]+) – (\w+):([\d.]+) Mb")


@pytest.fixture(autouse=True)
def at_the_study(opened: Any) -> None:
    go_to(opened, "#found")
    for button in opened.locator(".picture-tools button:visible:enabled", has_text="Show all").all():
        button.click()
    opened.mouse.move(2, 2)
    opened.evaluate("document.activeElement.blur()")


def view(opened: Any, figure: str) -> Any:
    return opened.locator(f"#figure-{figure} .picture-tools [role=status]")


def shown(opened: Any, figure: str, place: str = "#figure-{}") -> tuple[float, float]:
    """The range of positions (Mb) that a figure with one chromosome in view says."""
    found = MEGA.fullmatch(opened.locator(f"{place.format(figure)} .picture-tools [role=status]").text_content())
    assert found
    assert found[1] == found[3]
    return float(found[2]), float(found[4])


def turn(opened: Any, pixels: float, times: int = 1, sideways: float = 0) -> None:
    for _ in range(times):
        opened.mouse.wheel(sideways, pixels)
        opened.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_ctrl_and_the_wheel_zoom_about_the_pointer(opened: Any, report: Report) -> None:
    x, y = report.place(opened, "all_traits", 0, *planted(report, "3"))
    opened.mouse.move(x, y)
    opened.keyboard.down("Control")
    turn(opened, -240, 8)
    expect(view(opened, "all_traits")).to_have_text(re.compile("^3:"))
    low, high = shown(opened, "all_traits")
    assert low < 38.0 < high
    assert high - low < 12
    # What is at the pointer stays there.
    expect(opened.locator("#tip")).to_contain_text("rs6801957")
    turn(opened, 600, 12)
    expect(view(opened, "all_traits")).to_have_text("")
    opened.keyboard.up("Control")


def test_the_wheel_scrolls_the_page_until_a_picture_is_clicked(opened: Any, report: Report) -> None:
    opened.mouse.move(*report.place(opened, "all_traits", 0, *planted(report, "3")))
    before = opened.evaluate("scrollY")
    turn(opened, 120)
    opened.wait_for_function("before => scrollY > before + 50", arg=before)
    assert view(opened, "all_traits").text_content() == ""
    # A click makes it the picture's; Escape gives it back.
    panel = report.page.figures["all_traits"].plot.panels[0]
    opened.mouse.click(*in_window(opened, "#figure-all_traits .picture", panel.left + 30, panel.top + 3))
    before = opened.evaluate("scrollY")
    turn(opened, -120, 3)
    expect(view(opened, "all_traits")).to_have_text(re.compile("Mb$"))
    assert opened.evaluate("scrollY") == before
    opened.keyboard.press("Escape")
    expect(view(opened, "all_traits")).to_have_text("")
    turn(opened, 120)
    opened.wait_for_function("before => scrollY > before + 50", arg=before)
    assert view(opened, "all_traits").text_content() == ""


def test_zooming_out_of_the_whole_scrolls_the_page(opened: Any, report: Report) -> None:
    panel = report.page.figures["all_traits"].plot.panels[0]
    opened.mouse.click(*in_window(opened, "#figure-all_traits .picture", panel.left + 30, panel.top + 3))
    before = opened.evaluate("scrollY")
    turn(opened, 120)
    opened.wait_for_function("before => scrollY > before + 50", arg=before)


def test_a_drag_moves_what_is_zoomed_and_with_shift_selects(opened: Any, report: Report) -> None:
    x, y = report.place(opened, "all_traits", 0, *planted(report, "3"))
    opened.mouse.move(x, y)
    opened.keyboard.down("Control")
    turn(opened, -240, 9)
    opened.keyboard.up("Control")
    low, high = shown(opened, "all_traits")
    panel = report.page.figures["all_traits"].plot.panels[0]
    width = opened.locator("#figure-all_traits svg").bounding_box()["width"] * panel.width / 930
    opened.mouse.move(x, y + 30)
    opened.mouse.down()
    opened.mouse.move(x - 60, y + 30, steps=4)
    opened.mouse.up()
    moved = (high - low) * 60 / width
    expect(view(opened, "all_traits")).not_to_have_text(f"3:{low:.1f} – 3:{high:.1f} Mb")
    assert shown(opened, "all_traits") == (pytest.approx(low + moved, abs=0.15), pytest.approx(high + moved, abs=0.15))
    opened.keyboard.down("Shift")
    opened.mouse.down()
    opened.mouse.move(x + 60, y + 30, steps=4)
    opened.mouse.up()
    opened.keyboard.up("Shift")
    narrow = shown(opened, "all_traits")
    assert narrow[1] - narrow[0] == pytest.approx((high - low) * 120 / width, rel=0.1)


def test_a_wheel_that_turns_sideways_moves(opened: Any, report: Report) -> None:
    x, y = report.place(opened, "all_traits", 0, *planted(report, "3"))
    opened.mouse.move(x, y)
    opened.keyboard.down("Control")
    turn(opened, -240, 9)
    opened.keyboard.up("Control")
    low, high = shown(opened, "all_traits")
    opened.mouse.click(x, y + 30)
    turn(opened, 0, sideways=160)
    assert shown(opened, "all_traits")[0] > low + 0.1 * (high - low)


def test_how_to_zoom_is_said_where_one_is_about_to(opened: Any, report: Report) -> None:
    how = opened.locator("#figure-all_traits .how")
    assert how.evaluate("element => getComputedStyle(element).opacity") == "0"
    opened.mouse.move(*report.place(opened, "all_traits", 0, *planted(report, "3")))
    assert how.evaluate("element => getComputedStyle(element).opacity") == "1"
    assert "with the wheel zooms" in how.text_content()
    assert view(opened, "all_traits").text_content() == ""


class TestLocusPage:
    """All plots of a locus zoom: the ECG by genotype in all leads together, all traits by their names."""

    @pytest.fixture(autouse=True)
    def at_the_locus(self, opened: Any, at_the_study: None) -> None:
        go_to(opened, "#locus-1")

    def test_the_ecg_by_genotype_zooms_in_all_leads(self, opened: Any, report: Report) -> None:
        def curves() -> list[str]:
            return [path.get_attribute("d") for path in opened.locator("#figure-locus_1 [data-panel] path").all()]

        whole = curves()
        for _ in range(2):
            opened.locator("#figure-locus_1 .picture-tools button", has_text="+").click()
        expect(view(opened, "locus_1")).to_have_text(re.compile(r"^−?\d+ – \d+ ms$"))
        low, high = (
            int(end) for end in view(opened, "locus_1").text_content().replace("−", "-").removesuffix(" ms").split(" – ")
        )
        times = report.contents.loci.genotype_beats[0].times_ms
        assert high - low == pytest.approx((times[-1] - times[0]) / 4, abs=2)
        zoomed = curves()
        assert len(zoomed) == len(whole)
        assert sum(a != b for a, b in zip(whole, zoomed, strict=True)) > 0.8 * len(whole)
        ticks = opened.locator("#figure-locus_1 [data-ticks]").first.locator("text").all_text_contents()
        assert all(low <= int(tick.replace("−", "-")) <= high for tick in ticks)
        # What is read off is what is drawn there.
        plot = report.page.figures["locus_1"].plot
        panel = plot.panels[0]
        opened.mouse.move(*in_window(opened, "#figure-locus_1 .picture", panel.left + panel.width / 2, panel.top + 20))
        said = opened.locator("#tip").inner_text().splitlines()
        time = int(said[0].removesuffix(" ms").replace("−", "-"))
        assert abs(time - (low + high) / 2) < 8
        curve = plot.curves[0]
        k = abs(curve.x - time).argmin()
        assert said[1] == f"{curve.name}: {curve.y[k]:.1f} µV".replace("-", "−")
        opened.keyboard.press("Escape")
        opened.locator("#figure-locus_1 .picture-tools button", has_text="Show all").click()
        assert curves() == whole

    def test_all_traits_of_a_variant_zoom_with_their_names(self, opened: Any, report: Report) -> None:
        plot = report.page.figures["phewas_1"].plot
        names = opened.locator("#figure-phewas_1 [data-ticks='0'] text")
        before = names.all_text_contents()
        corners = opened.locator("#figure-phewas_1 polygon").first.get_attribute("points")
        across, heights = (np.asarray(values, dtype=np.float64) for values in (plot.points[0].x, plot.points[0].y))
        strongest = int(heights.argmax())
        at = float(across[strongest]), float(heights[strongest])
        opened.mouse.move(*report.place(opened, "phewas_1", 0, *at))
        opened.keyboard.down("Control")
        turn(opened, -240, 2)
        opened.keyboard.up("Control")
        total = len(across)
        expect(view(opened, "phewas_1")).to_have_text(re.compile(rf"^\d+ of {total} traits$"))
        count = int(view(opened, "phewas_1").text_content().split()[0])
        assert 0 < count < total
        expect(opened.locator("#tip")).to_contain_text(plot.points[0].words[strongest].split("\n")[0])
        assert set(names.all_text_contents()) <= {name for _, _, name in plot.names}
        assert len(names.all_text_contents()) < len(before)
        # Triangles keep their shape.
        drawn = opened.locator("#figure-phewas_1 polygon").first.get_attribute("points")
        corners_now = [float(pair.split(",")[0]) for pair in drawn.split()]
        assert max(corners_now) - min(corners_now) == pytest.approx(7.2, abs=0.15)
        opened.locator("#figure-phewas_1 .picture-tools button", has_text="Show all").click()
        assert names.all_text_contents() == before
        assert opened.locator("#figure-phewas_1 polygon").first.get_attribute("points") == corners

    def test_a_regional_plot_that_is_chosen_answers_and_zooms(self, opened: Any, report: Report) -> None:
        choice = opened.locator("#locus-1 .chooser label").nth(1)
        choice.click()
        figure = opened.locator("#locus-1 .chosen figure").nth(1)
        name = figure.get_attribute("id").removeprefix("figure-")
        figure.locator("svg").wait_for()
        plot = report.page.figures[name].plot
        group = max(plot.points, key=lambda one: float(np.max(np.asarray(one.y))) if any(one.words) else -1.0)
        across, heights = (np.asarray(values, dtype=np.float64) for values in (group.x, group.y))
        strongest = int(heights.argmax())
        at = float(across[strongest]), float(heights[strongest])
        opened.mouse.move(*report.place(opened, name, 0, *at))
        expect(opened.locator("#tip")).to_contain_text(group.words[strongest].split("\n")[0])
        figure.locator(".picture-tools button", has_text="+").click()
        expect(figure.locator(".picture-tools [role=status]")).to_have_text(re.compile("Mb$"))
        opened.locator("#locus-1 .chooser label").first.click()


class TestTrait:
    """The Manhattan plot of a trait is drawn again at each step."""

    def test_the_wheel_zooms_about_the_pointer(self, opened: Any) -> None:
        opened.evaluate("location.hash = 'trait-clinical.12L.qt_ms'")
        opened.locator("#table-strongest tbody tr").first.wait_for()
        path = opened.locator("#trait-manhattan path[stroke-linecap=round]").get_attribute("d")
        x, y = (float(value) for value in re.findall(r"M([\d.]+) ([\d.]+)h0", path)[0])
        box = opened.locator("#trait-manhattan svg").bounding_box()
        opened.mouse.move(box["x"] + x, box["y"] + y)
        opened.keyboard.down("Control")
        turn(opened, -240, 4)
        opened.keyboard.up("Control")
        low, high = shown(opened, "trait", "#{}")
        assert low < 160.0 < high
        expect(opened.locator("#tip")).to_contain_text("rs12143842")


def touch(opened: Any, steps: Sequence[Sequence[tuple[float, float]]]) -> None:
    """Fingers go down at the first places, move through all others and are lifted."""
    session = opened.context.new_cdp_session(opened)
    for number, fingers in enumerate(steps):
        points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(fingers)]
        session.send("Input.dispatchTouchEvent", {"type": "touchMove" if number else "touchStart", "touchPoints": points})
        opened.wait_for_timeout(20)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    opened.wait_for_timeout(60)


class TestFingers:
    """A phone."""

    @pytest.fixture(autouse=True)
    def on_the_phone(self, phone: Any) -> None:
        go_to(phone, "#found")
        for button in phone.locator(".picture-tools button:visible:enabled", has_text="Show all").all():
            button.tap()

    def pinch(self, phone: Any, report: Report) -> tuple[float, float]:
        x, y = report.place(phone, "all_traits", 0, *planted(report, "3"))
        apart = (20, 35, 50, 70, 90)
        touch(phone, [[(x - gap, y + 20), (x + gap, y + 20)] for gap in apart])
        return x, y

    def test_two_fingers_zoom_about_their_middle(self, phone: Any, report: Report) -> None:
        scale, before = phone.evaluate("visualViewport.scale"), phone.evaluate("scrollY")
        x, y = self.pinch(phone, report)
        expect(view(phone, "all_traits")).to_have_text(re.compile("Mb$"))
        # The middle stays where it was: a tap there finds the hit.
        phone.touchscreen.tap(x, y)
        expect(phone.locator("#tip")).to_contain_text("rs6801957")
        assert phone.evaluate("visualViewport.scale") == scale, "the page itself is not zoomed"
        assert abs(phone.evaluate("scrollY") - before) < 900

    def test_two_fingers_together_show_more(self, phone: Any, report: Report) -> None:
        x, y = self.pinch(phone, report)
        touch(phone, [[(x - gap, y + 20), (x + gap, y + 20)] for gap in (150, 100, 60, 30, 15)])
        expect(view(phone, "all_traits")).to_have_text("")

    def test_a_finger_moves_what_is_zoomed(self, phone: Any, report: Report) -> None:
        x, y = self.pinch(phone, report)
        said = view(phone, "all_traits").text_content()
        touch(phone, [[(x - 12 * step, y + 20)] for step in range(6)])
        expect(view(phone, "all_traits")).not_to_have_text(said)
        expect(view(phone, "all_traits")).to_have_text(re.compile("Mb$"))

    def test_two_taps_show_everything(self, phone: Any, report: Report) -> None:
        x, y = self.pinch(phone, report)
        expect(view(phone, "all_traits")).to_have_text(re.compile("Mb$"))
        phone.touchscreen.tap(x, y + 30)
        phone.touchscreen.tap(x, y + 30)
        expect(view(phone, "all_traits")).to_have_text("")
        assert phone.locator("#found:visible").count() == 1

    def test_fingers_are_told_how(self, phone: Any) -> None:
        how = phone.locator("#figure-all_traits .how")
        assert how.text_content() == "two fingers zoom, a double tap shows all"
        assert how.evaluate("element => getComputedStyle(element).opacity") == "1"
