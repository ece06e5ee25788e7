"""Twelve leads in the usual three rows and four columns: paper, scale bars and axes of each lead's panels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.report.figures import svg as d
from ecgwas.report.figures.recordings import GRID_LEADS, LARGE_SQUARE_UV

LEFT, COLUMN, GUTTER = 12.0, 228.0, 46.0
"""Left edge of the grid, width of a lead, and of the space for its axes."""

LARGE_SQUARE_MS = 200.0
TOLERANCE = 0.12
"""Coordinates by which a drawn curve may miss its points: an eighth of a pixel."""

MOST_POINTS = 160
"""Time points of a curve that are drawn at most."""

WIDTH = COLUMN - GUTTER - 10
BARS_UV = (1000, 500, 200, 100, 50, 20, 10)
"""Lengths of scale bars, in µV."""


def places(leads: Sequence[str], top: float, row_height: float) -> Iterator[tuple[str, float, float, bool]]:
    """Each lead that there is, in the grid's order: name, left and top of its panels, and whether its axes are named (it is
    the first of its row)."""
    for row, names in enumerate(GRID_LEADS):
        for column, lead in enumerate(names):
            if lead in leads:
                yield lead, LEFT + column * COLUMN + GUTTER, top + row * row_height, column == 0


def group(leads: Sequence[str], lead: str) -> list[int]:
    """Indices of the leads that share a scale with this one: chest leads, or limb leads."""
    chest = lead.startswith("V")
    return [i for i, other in enumerate(leads) if other.startswith("V") == chest]


def drawn(times_ms: NDArray[np.float64]) -> slice:
    """Every so many of the time points, at most MOST_POINTS."""
    return slice(None, None, max(1, -(-len(times_ms) // MOST_POINTS)))


def span_of(values: NDArray[np.float64]) -> tuple[float, float]:
    """The range of values, with some room on either side."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.06 * (high - low or 1.0)
    return low - room, high + room


def name_of_lead(panel: d.Panel, lead: str) -> str:
    """In the panel's upper left corner."""
    return d.text(panel.left + 4, panel.top + 14, lead, size=13, fill=d.INK, font_weight="600")


def mean_waves(
    panel: d.Panel, times_ms: NDArray[np.float64], groups: Iterable[tuple[NDArray[np.float64], NDArray[np.float64], str]]
) -> list[str]:  # fmt: skip
    """Paper, and for each group its mean (T,), half its interval (T,), and colour: the band and the curve."""
    marks, x = [paper(panel)], panel.x(times_ms)
    for mean, half, colour in groups:
        marks.append(band(x, panel.y(mean - half), panel.y(mean + half), colour, 0.16))
        marks.append(curve(x, panel.y(mean), colour, 1.2, stroke_opacity="0.85"))
    return marks


def corners(*curves: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(T,) True for the points that a line through equally spaced points needs, for all curves (T,), in coordinates, together.

    Straight stretches of 2, 4, 8 or 16 steps keep their ends only, if no point is further than TOLERANCE from the line between.
    """
    count = len(curves[0])
    needed = np.ones(count, dtype=bool)
    for steps in (2, 4, 8, 16):
        places = np.arange(0, count - steps, steps)[:, None] + np.arange(steps + 1)
        fractions = np.linspace(0, 1, steps + 1)
        straight = np.ones(len(places), dtype=bool)
        for curve in curves:
            heights = curve[places]
            chord = heights[:, :1] + (heights[:, -1:] - heights[:, :1]) * fractions
            straight &= (np.abs(heights - chord) <= TOLERANCE).all(axis=1)
        needed[places[straight, 1:-1].ravel()] = False
    return needed


def curve(x: NDArray[np.float64], y: NDArray[np.float64], colour: str, width: float, **more: Any) -> str:
    """A curve in coordinates, without the points that it does not need."""
    needed = corners(y)
    return d.polyline(x[needed], y[needed], colour, width, **more)


def band(x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], colour: str, opacity: float) -> str:
    """The area between two curves in coordinates, without the points that they do not need."""
    needed = corners(low, high)
    return d.ribbon(x[needed], low[needed], high[needed], colour, opacity)


def paper(panel: d.Panel) -> str:
    """Small and large squares of ECG paper: 40 ms and 0.1 mV, 0.2 s and 0.5 mV."""
    small = _lines(panel, LARGE_SQUARE_MS / 5, LARGE_SQUARE_UV / 5, "0.35")
    return small + _lines(panel, LARGE_SQUARE_MS, LARGE_SQUARE_UV, "1")


def _lines(panel: d.Panel, every_ms: float, every_uv: float, stroke: str) -> str:
    columns, rows = (np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
                     for (low, high), step in ((panel.x_range, every_ms), (panel.y_range, every_uv)))  # fmt: skip
    path = "".join(f"M{d.number(x)} {d.number(panel.top)}v{d.number(panel.height)}" for x in panel.x(columns))
    path += "".join(f"M{d.number(panel.left)} {d.number(y)}h{d.number(panel.width)}" for y in panel.y(rows))
    return f"<path d='{path}' stroke='{d.PAPER}' stroke-width='{stroke}' fill='none'/>"


def scale_bar(panel: d.Panel) -> list[str]:
    """A vertical bar left of the panel with its length, at most half the panel's height."""
    span = panel.y_range[1] - panel.y_range[0]
    length = next((bar for bar in BARS_UV if bar <= span / 2), BARS_UV[-1])
    x, bottom = panel.left - 6, panel.bottom - 4
    height = length / span * panel.height
    words = f"{length / 1000:g} mV" if length >= 100 else f"{length} µV"
    return [
        d.line(x, bottom, x, bottom - height, d.INK, 2),
        _turned(panel.left - 12, bottom - height / 2, words),
    ]


def _turned(x: float, y: float, words: str) -> str:
    turn = f"rotate(-90 {d.number(x)} {d.number(y)})"
    return d.text(x, y, words, size=11, anchor="middle", fill=d.INK, transform=turn)


def heights(panel: d.Panel, ticks: Sequence[float], name: str | None) -> list[str]:
    """Ticks with their numbers left of a panel; name: of the axis, None: not written here."""
    parts = [d.line(panel.left, panel.top, panel.left, panel.bottom, d.MUTED, 0.8)]
    for tick in ticks:
        at = panel.y.at(tick)
        parts.append(d.line(panel.left - 3, at, panel.left, at, d.MUTED, 0.8))
        parts.append(d.text(panel.left - 5, at + 3.5, d.label_of(tick), size=11, anchor="end"))
    return parts if name is None else [*parts, _turned(panel.left - GUTTER + 5, panel.top + panel.height / 2, name)]


def times(panel: d.Panel, index: int) -> str:
    """Times below a panel, in ms from R."""
    parts = []
    for tick in np.arange(np.ceil(panel.x_range[0] / 200), np.floor(panel.x_range[1] / 200) + 1) * 200:
        at = panel.x.at(float(tick))
        parts.append(d.line(at, panel.bottom, at, panel.bottom + 3, d.MUTED, 0.8))
        parts.append(d.text(at, panel.bottom + 13, d.label_of(float(tick)), size=11, anchor="middle"))
    return d.line(panel.left, panel.bottom, panel.right, panel.bottom, d.MUTED, 0.8) + d.ticks_of(index, parts)


def key(x: float, y: float, entries: Sequence[tuple[str, str, str]]) -> list[str]:
    """What is drawn how, side by side; entries: words, colour, and `line`, `band`, `dashed` or `area`."""
    parts: list[str] = []
    for words, colour, kind in entries:
        if kind in ("band", "area"):
            opacity = "0.25" if kind == "band" else "0.7"
            parts.append(d.rect(x, y - 9, 16, 10, colour, fill_opacity=opacity))
        if kind != "area":
            dashes = "4 2" if kind == "dashed" else None
            parts.append(d.line(x, y - 4, x + 16, y - 4, colour, 1.8, stroke_dasharray=dashes))
        parts.append(d.text(x + 22, y, words, fill=d.INK))
        x += 22 + d.width_of(words) + 16
    return parts
