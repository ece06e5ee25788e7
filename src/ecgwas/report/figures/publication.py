"""Figures for print: those of the page, redrawn by matplotlib as SVG, PDF and PNG.

They are drawn from the figure's SVG, so that page and print cannot differ: from the small part of SVG that `svg` writes,
path (M, L, h, v), rect, polygon, circle, text. Points are rasterised, curves and words are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from lxml import etree
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle
from numpy.typing import NDArray

from ecgwas.report.contents import Figure

FORMATS = ("svg", "pdf", "png")
MM_PER_PIXEL = 180 / 930
"""A wide figure fills two columns of a journal (180 mm), a narrow one (460) one column (89 mm); words are 6 points."""

DOTS_PER_INCH = 300
RASTERISED_FROM = 200
"""Paths of fewer points are not rasterised."""

INCHES = MM_PER_PIXEL / 25.4
POINTS = INCHES * 72
SETTINGS: Any = {
    "svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "ecgwas", "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Helvetica", "DejaVu Sans"], "path.simplify": False,
}  # fmt: skip
UNDATED: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
NAME = "{http://www.w3.org/2000/svg}"


def save(figure: Figure, path: Path, *, dots_per_inch: int = DOTS_PER_INCH) -> None:
    """Writes the figure to `path`; its ending (.svg, .pdf, .png) is the format. The same figure gives the same bytes."""
    root = etree.fromstring(figure.svg.encode(), etree.XMLParser(resolve_entities=False))
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    kind = path.suffix[1:]
    with mpl.rc_context(SETTINGS):
        canvas = Canvas(figsize=(width * INCHES, height * INCHES))
        axes = canvas.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.axis("off")
        for place, element in enumerate(_shapes(root)):
            _draw(axes, element, place)
        canvas.savefig(path, dpi=dots_per_inch, metadata=UNDATED[kind], facecolor="white")


def _shapes(parent: Any) -> Iterator[Any]:
    """Shapes in the order in which they are drawn, those of groups too."""
    for element in parent:
        if element.tag == f"{NAME}g":
            yield from _shapes(element)
        else:
            yield element


def _draw(axes: Axes, element: Any, order: int) -> None:
    draw = DRAWERS.get(str(element.tag).removeprefix(NAME))
    if draw is not None:
        draw(axes, element, order)


def _number(element: Any, name: str, missing: float = 0.0) -> float:
    return float(element.get(name, missing))


def _colour(element: Any, name: str) -> str:
    return str(element.get(name) or "none")


def _path(axes: Axes, element: Any, order: int) -> None:
    commands = element.get("d")
    width = _number(element, "stroke-width", 1) * POINTS
    shade = _number(element, "stroke-opacity", 1)
    if "h0" in commands:
        _points(axes, commands, _colour(element, "stroke"), width, shade, order)
        return
    dashes = element.get("stroke-dasharray")
    style: Any = (0, [float(part) * POINTS / width for part in dashes.split()]) if dashes else "-"
    caps = "round" if element.get("stroke-linecap") == "round" else "butt"
    for xs, ys in _runs(commands):
        axes.plot(xs, ys, color=_colour(element, "stroke"), linewidth=width, alpha=shade, linestyle=style, zorder=order,
                  solid_capstyle=caps, dash_capstyle="butt", solid_joinstyle="round")  # fmt: skip


def _points(axes: Axes, commands: str, colour: str, width: float, shade: float, order: int) -> None:
    """Each point is `Mx yh0`: a line of no length with round ends."""
    places = np.array(re.findall(r"M(-?[\d.]+) (-?[\d.]+)h0", commands), dtype=np.float64)
    if len(places) == 0:
        return
    axes.scatter(places[:, 0], places[:, 1], s=width**2, c=colour, alpha=shade, linewidths=0, zorder=order,
                 rasterized=len(places) > RASTERISED_FROM)  # fmt: skip


def _runs(commands: str) -> Iterator[tuple[list[float], list[float]]]:
    """Each piece that begins with M as its x and y; h and v are relative."""
    for piece in commands.split("M")[1:]:
        xs: list[float] = []
        ys: list[float] = []
        for letter, numbers in re.findall(r"([Lhv]?)([-\d. ]+)", piece):
            values = [float(value) for value in numbers.split()]
            if letter in ("h", "v"):
                xs.append(xs[-1] + (values[0] if letter == "h" else 0))
                ys.append(ys[-1] + (values[0] if letter == "v" else 0))
            else:
                xs.append(values[0])
                ys.append(values[1])
        yield xs, ys


def _filled(element: Any) -> dict[str, Any]:
    """Fill and stroke of an area."""
    stroke = _colour(element, "stroke")
    return {
        "facecolor": _colour(element, "fill"), "edgecolor": stroke, "alpha": _number(element, "fill-opacity", 1),
        "linewidth": 0 if stroke == "none" else _number(element, "stroke-width", 1) * POINTS,
    }  # fmt: skip


def _rect(axes: Axes, element: Any, order: int) -> None:
    x, y, width, height = (_number(element, name) for name in ("x", "y", "width", "height"))
    radius = min(_number(element, "rx"), width / 2, height / 2)
    if radius == 0:
        axes.add_patch(Rectangle((x, y), width, height, zorder=order, **_filled(element)))
        return
    round_box = f"round,pad=0,rounding_size={radius}"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=round_box, zorder=order, **_filled(element)))


def _polygon(axes: Axes, element: Any, order: int) -> None:
    corners: NDArray[np.float64] = np.array([pair.split(",") for pair in element.get("points").split()], dtype=np.float64)
    axes.add_patch(Polygon(corners, closed=True, zorder=order, **_filled(element)))


def _circle(axes: Axes, element: Any, order: int) -> None:
    middle = (_number(element, "cx"), _number(element, "cy"))
    axes.add_patch(Circle(middle, _number(element, "r"), zorder=order, **_filled(element)))


def _text(axes: Axes, element: Any, order: int) -> None:
    turn = re.search(r"rotate\((-?[\d.]+)", element.get("transform") or "")
    axes.text(
        _number(element, "x"), _number(element, "y"), (element.text or "").replace("$", r"\$"),
        fontsize=_number(element, "font-size", 11) * POINTS, color=_colour(element, "fill"), zorder=order,
        ha={"middle": "center", "end": "right"}.get(element.get("text-anchor"), "left"), va="baseline",
        rotation=-float(turn.group(1)) if turn else 0, rotation_mode="anchor",
        fontstyle=element.get("font-style") or "normal", fontweight=int(element.get("font-weight") or 400),
    )  # fmt: skip


DRAWERS = {"path": _path, "rect": _rect, "polygon": _polygon, "circle": _circle, "text": _text}
