"""Figures for print: those of the page, redrawn by matplotlib as SVG, PDF and PNG.

They are drawn from the figure's SVG, so that page and print cannot differ: from the small part of SVG that `svg` writes,
path (M, L, h, v), rect, polygon, circle, text, and groups of these, which may be clipped. Points are rasterised, curves and
words are not: words stay words in SVG (svg.fonttype none) and in PDF (TrueType, pdf.fonttype 42), and can be edited.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
WIDE, NARROW = 930.0, 460.0
"""Pixels: figures that fill the page, and those that stand side by side."""

MM_PER_PIXEL = 180 / WIDE
"""Of a figure that is not made for a journal's columns."""

DOTS_PER_INCH = 300
RASTERISED_FROM = 200
"""Paths of fewer points are not rasterised."""

HEADING = 22.0
"""Pixels above a figure for its heading."""

MM_PER_INCH, POINTS_PER_INCH = 25.4, 72.0


@dataclass(frozen=True)
class Columns:
    """Widths of a journal's columns, mm: narrow figures fill the single one, wide ones the double one."""

    single: float
    double: float

    def mm_per_pixel(self, width: float) -> float:
        """Of a figure `width` pixels wide."""
        return self.single / NARROW if width <= NARROW else self.double / max(width, WIDE)


DEFAULT_COLUMNS = Columns(85, 175)
JOURNALS: Mapping[str, Columns] = {
    "nature": Columns(89, 183), "cell": Columns(85, 174), "science": Columns(121, 184), "plos": Columns(132, 190),
}  # fmt: skip
"""From the journals' instructions; of Science's three columns two and three, as words would be too small in one."""

SETTINGS: Any = {
    "svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "ecgwas", "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Helvetica", "DejaVu Sans"], "path.simplify": False,
}  # fmt: skip
UNDATED: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
NAME = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class _Pen:
    """Where shapes are drawn. points: printer's points per pixel; order: of the shape, later ones lie above; clip: rectangle
    (x, y, width, height) outside of which nothing is drawn, None: everywhere."""

    axes: Axes
    points: float
    order: int = 0
    clip: tuple[float, float, float, float] | None = None

    def add(self, artist: Any) -> None:
        """Clips what was drawn."""
        if self.clip is not None:
            x, y, width, height = self.clip
            artist.set_clip_path(Rectangle((x, y), width, height, transform=self.axes.transData))


def save(
    figure: Figure, path: Path, *, dots_per_inch: int = DOTS_PER_INCH, columns: Columns | None = None, heading: str = ""
) -> None:
    """Writes the figure to `path`; its ending (.svg, .pdf, .png) is the format. The same figure gives the same bytes.

    columns: None: MM_PER_PIXEL. heading: words above the figure, such as the trait that it is about.
    """
    root = etree.fromstring(figure.svg.encode(), etree.XMLParser(resolve_entities=False))
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    above = HEADING if heading else 0.0
    inches = (MM_PER_PIXEL if columns is None else columns.mm_per_pixel(width)) / MM_PER_INCH
    kind = path.suffix[1:]
    with mpl.rc_context(SETTINGS), _quiet_about_fonts():
        canvas = Canvas(figsize=(width * inches, (height + above) * inches))
        axes = canvas.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, -above))
        axes.axis("off")
        points = inches * POINTS_PER_INCH
        if heading:
            axes.text(8, -6, heading.replace("$", r"\$"), fontsize=12 * points, fontweight="bold", va="baseline")
        for order, (element, clip) in enumerate(_shapes(root, root)):
            _draw(_Pen(axes, points, order, clip), element)
        canvas.savefig(path, dpi=dots_per_inch, metadata=UNDATED[kind], facecolor="white")


@contextmanager
def _quiet_about_fonts() -> Iterator[None]:
    """Without matplotlib's warnings of fonts that this machine lacks: SETTINGS names others that are used instead."""
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


Clip = tuple[float, float, float, float] | None


def _shapes(parent: Any, root: Any, clip: Clip = None) -> Iterator[tuple[Any, Clip]]:
    """Shapes in the order in which they are drawn, those of groups too, each with the rectangle that clips it."""
    for element in parent:
        if element.tag == f"{NAME}g":
            yield from _shapes(element, root, _clip_of(element, root) or clip)
        else:
            yield element, clip


def _clip_of(group: Any, root: Any) -> Clip:
    """The rectangle of the group's clip path; None without one."""
    named = re.fullmatch(r"url\(#([^)]+)\)", group.get("clip-path") or "")
    for path in root.iter(f"{NAME}clipPath") if named else ():
        if path.get("id") == named[1] and len(path):  # type: ignore[index]
            x, y, width, height = (_number(path[0], name) for name in ("x", "y", "width", "height"))
            return x, y, width, height
    return None


def _draw(pen: _Pen, element: Any) -> None:
    draw = DRAWERS.get(str(element.tag).removeprefix(NAME))
    if draw is not None:
        draw(pen, element)


def _number(element: Any, name: str, missing: float = 0.0) -> float:
    return float(element.get(name, missing))


def _colour(element: Any, name: str) -> str:
    return str(element.get(name) or "none")


def _path(pen: _Pen, element: Any) -> None:
    commands = element.get("d")
    width = _number(element, "stroke-width", 1) * pen.points
    shade = _number(element, "stroke-opacity", 1)
    if "h0" in commands:
        _points(pen, commands, _colour(element, "stroke"), width, shade)
        return
    dashes = element.get("stroke-dasharray")
    style: Any = (0, [float(part) * pen.points / width for part in dashes.split()]) if dashes else "-"
    caps = "round" if element.get("stroke-linecap") == "round" else "butt"
    for xs, ys in _runs(commands):
        (line,) = pen.axes.plot(xs, ys, color=_colour(element, "stroke"), linewidth=width, alpha=shade, linestyle=style,
                                zorder=pen.order, solid_capstyle=caps, dash_capstyle="butt",
                                solid_joinstyle="round")  # fmt: skip
        pen.add(line)


def _points(pen: _Pen, commands: str, colour: str, width: float, shade: float) -> None:
    """Each point is `Mx yh0`: a line of no length with round ends."""
    places = np.array(re.findall(r"M(-?[\d.]+) (-?[\d.]+)h0", commands), dtype=np.float64)
    if len(places) == 0:
        return
    pen.add(pen.axes.scatter(places[:, 0], places[:, 1], s=width**2, c=colour, alpha=shade, linewidths=0, zorder=pen.order,
                             rasterized=len(places) > RASTERISED_FROM))  # fmt: skip


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


def _filled(pen: _Pen, element: Any) -> dict[str, Any]:
    """Fill and stroke of an area, and its order."""
    stroke = _colour(element, "stroke")
    return {
        "facecolor": _colour(element, "fill"), "edgecolor": stroke, "alpha": _number(element, "fill-opacity", 1),
        "linewidth": 0 if stroke == "none" else _number(element, "stroke-width", 1) * pen.points, "zorder": pen.order,
    }  # fmt: skip


def _rect(pen: _Pen, element: Any) -> None:
    x, y, width, height = (_number(element, name) for name in ("x", "y", "width", "height"))
    radius = min(_number(element, "rx"), width / 2, height / 2)
    if radius == 0:
        pen.add(pen.axes.add_patch(Rectangle((x, y), width, height, **_filled(pen, element))))
        return
    round_box = f"round,pad=0,rounding_size={radius}"
    pen.add(pen.axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=round_box, **_filled(pen, element))))


def _polygon(pen: _Pen, element: Any) -> None:
    corners: NDArray[np.float64] = np.array([pair.split(",") for pair in element.get("points").split()], dtype=np.float64)
    pen.add(pen.axes.add_patch(Polygon(corners, closed=True, **_filled(pen, element))))


def _circle(pen: _Pen, element: Any) -> None:
    middle = (_number(element, "cx"), _number(element, "cy"))
    pen.add(pen.axes.add_patch(Circle(middle, _number(element, "r"), **_filled(pen, element))))


def _text(pen: _Pen, element: Any) -> None:
    turn = re.search(r"rotate\((-?[\d.]+)", element.get("transform") or "")
    words = pen.axes.text(
        _number(element, "x"), _number(element, "y"), (element.text or "").replace("$", r"\$"),
        fontsize=_number(element, "font-size", 11) * pen.points, color=_colour(element, "fill"), zorder=pen.order,
        ha={"middle": "center", "end": "right"}.get(element.get("text-anchor"), "left"), va="baseline",
        rotation=-float(turn.group(1)) if turn else 0, rotation_mode="anchor",
        fontstyle=element.get("font-style") or "normal", fontweight=int(element.get("font-weight") or 400),
    )  # fmt: skip
    pen.add(words)


DRAWERS = {"path": _path, "rect": _rect, "polygon": _polygon, "circle": _circle, "text": _text}
