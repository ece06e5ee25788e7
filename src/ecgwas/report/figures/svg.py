"""SVG: scales, axes, shapes. Every function returns text; the same numbers give the same bytes.

Colours are hexadecimal. `themed` replaces those of the palette by CSS variables, so that a figure inside the page follows
its light or dark theme, while the .svg file needs nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecgwas.report.panels import Panel as Panel
from ecgwas.report.panels import Scale as Scale
from ecgwas.report.text.numbers import with_minus

INK, MUTED, GRID, SURFACE = "#1c2733", "#5a6675", "#e2e7ed", "#fefefe"
BLUE, VERMILION, GREEN, AMBER, SKY, PINK = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#56b4e9", "#cc79a7"
BAND, PAPER, LIGHT = "#dbe3ec", "#f6dcd8", "#b4bfcb"
SERIES = (BLUE, VERMILION, GREEN, AMBER, PINK, SKY)
"""Okabe and Ito's colours, distinguishable with any colour vision."""

VARIABLES = {
    INK: "--ink", MUTED: "--muted", GRID: "--grid", SURFACE: "--surface", BLUE: "--blue", VERMILION: "--vermilion",
    GREEN: "--green", AMBER: "--amber", SKY: "--sky", PINK: "--pink", BAND: "--band", PAPER: "--paper", LIGHT: "--light",
}  # fmt: skip

CIVIDIS = ("#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838")
FONT = "system-ui, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"


def number(value: float) -> str:
    """A coordinate with one decimal at most."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def attributes(**given: Any) -> str:
    """`stroke_width=1` becomes ` stroke-width="1"`; None is omitted."""
    pairs = ((name.replace("_", "-"), value) for name, value in given.items() if value is not None)
    return "".join(f' {name}="{number(value) if isinstance(value, float) else escape(str(value))}"' for name, value in pairs)


def label_of(value: float) -> str:
    """A tick's text."""
    return with_minus(f"{value:g}")


def text(x: float, y: float, words: str, *, size: float = 11, fill: str = MUTED, anchor: str | None = None, **more: Any) -> str:
    """Words at a baseline point."""
    given = attributes(x=float(x), y=float(y), font_size=float(size), fill=fill, text_anchor=anchor, **more)
    return f"<text{given}>{escape(words, quote=False)}</text>"


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = GRID, width: float = 1, **more: Any) -> str:
    """A straight line."""
    path = f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}"
    return f"<path d='{path}'{attributes(stroke=stroke, stroke_width=str(width), fill='none', **more)}/>"


def rect(x: float, y: float, width: float, height: float, fill: str, *, title: str | None = None, **more: Any) -> str:
    """A filled rectangle; the title is shown at the pointer."""
    given = attributes(x=float(x), y=float(y), width=float(max(width, 0)), height=float(max(height, 0)), fill=fill, **more)
    if title is None:
        return f"<rect{given}/>"
    return f"<rect{given}><title>{escape(title, quote=False)}</title></rect>"


def _points(xs: NDArray[np.float64], ys: NDArray[np.float64]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in zip(xs, ys, strict=True))


def polyline(xs: ArrayLike, ys: ArrayLike, stroke: str, width: float = 1.4, **more: Any) -> str:
    """A curve through points given in coordinates; NaN breaks it."""
    x, y = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    good = np.isfinite(x) & np.isfinite(y)
    runs = np.split(np.arange(len(x)), np.flatnonzero(np.diff(good.astype(np.int8))) + 1)
    pieces = ["M" + "L".join(f"{number(x[i])} {number(y[i])}" for i in run) for run in runs if len(run) > 1 and good[run[0]]]
    given = attributes(stroke=stroke, stroke_width=str(width), fill="none", stroke_linejoin="round", **more)
    return f"<path d='{''.join(pieces)}'{given}/>" if pieces else ""


def ribbon(xs: ArrayLike, low: ArrayLike, high: ArrayLike, fill: str, opacity: float = 0.2) -> str:
    """The area between two curves given in coordinates, without points where either is NaN."""
    x, a, b = (np.asarray(values, dtype=np.float64) for values in (xs, low, high))
    good = np.isfinite(a) & np.isfinite(b)
    if good.sum() < 2:
        return ""
    x, a, b = x[good], a[good], b[good]
    outline = _points(np.concatenate([x, x[::-1]]), np.concatenate([a, b[::-1]]))
    return f"<polygon points='{outline}' fill='{fill}' fill-opacity='{opacity}'/>"


DOTS_IN_A_PATH = 500
"""Browsers take longer for each point of a path if it has thousands."""


def dots(
    xs: ArrayLike, ys: ArrayLike, colour: str, size: float = 2.6, opacity: float | None = None, *, points: int | None = None
) -> str:  # fmt: skip
    """Round points given in coordinates, nine bytes each; points on the same half pixel are drawn once.

    points: index of these points among those of the figure's PlotData. Many points are a group of paths of DOTS_IN_A_PATH.
    """
    x, y = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    places = np.unique(np.round(np.column_stack([x, y]) * 2).astype(np.int64), axis=0) / 2
    if len(places) == 0:
        return ""
    each = [f"M{number(a)} {number(b)}h0" for a, b in places]
    paths = ["".join(each[start : start + DOTS_IN_A_PATH]) for start in range(0, len(each), DOTS_IN_A_PATH)]
    shade = None if opacity is None else str(opacity)
    given = attributes(stroke=colour, stroke_width=str(size), stroke_linecap="round", fill="none", stroke_opacity=shade)
    index = attributes(data_points=points)
    if len(paths) == 1:
        return f"<path d='{paths[0]}'{given}{index}/>"
    group = "".join(f"<path d='{path}'{given}/>" for path in paths)
    return f"<g{index}>{group}</g>"


def x_axis(panel: Panel, label: str, *, about: int = 6, grid: bool = False) -> list[str]:
    """Ticks, their numbers, the axis' name."""
    parts = [line(panel.left, panel.bottom, panel.right, panel.bottom, MUTED)]
    for tick in panel.x.ticks(about):
        at = panel.x.at(tick)
        parts += [line(at, panel.top, at, panel.bottom)] if grid else []
        parts.append(line(at, panel.bottom, at, panel.bottom + 4, MUTED))
        parts.append(text(at, panel.bottom + 16, label_of(tick), anchor="middle"))
    parts.append(text((panel.left + panel.right) / 2, panel.bottom + 34, label, anchor="middle", size=12, fill=INK))
    return parts


def y_axis(panel: Panel, label: str, *, about: int = 5, gap: float = 40) -> list[str]:
    """Grid lines, their numbers, the axis' name."""
    parts = []
    for tick in panel.y.ticks(about):
        at = panel.y.at(tick)
        parts.append(line(panel.left, at, panel.right, at))
        parts.append(text(panel.left - 7, at + 4, label_of(tick), anchor="end"))
    x, y = panel.left - gap, (panel.top + panel.bottom) / 2
    turn = f"rotate(-90 {number(x)} {number(y)})"
    parts.append(text(x, y, label, anchor="middle", size=12, fill=INK, transform=turn))
    return parts


def legend(x: float, y: float, entries: Iterable[tuple[str, str]], *, gap: float = 18) -> list[str]:
    """Coloured keys with their words, side by side."""
    parts: list[str] = []
    for words, colour in entries:
        parts.append(line(x, y - 4, x + 16, y - 4, colour, 3, stroke_linecap="round"))
        parts.append(text(x + 22, y, words, fill=INK))
        x += 22 + width_of(words) + gap
    return parts


def zoomable(index: int, panel: Panel, parts: Sequence[str], name: str, room: float = 0.0) -> str:
    """The marks of a panel that move with its zoom, cut off at its edges.

    name: of the figure, unique on the page;  room: below the panel, for marks of some size at its lower edge
    """
    clip = f"clip-{name}-{index}"
    box = (panel.left, panel.top, panel.width, panel.height + room)
    corner = "x='{}' y='{}' width='{}' height='{}'".format(*map(number, box))
    edge = f"<clipPath id='{clip}'><rect {corner}/></clipPath>"
    return f"{edge}<g clip-path='url(#{clip})'><g data-panel='{index}'>{''.join(parts)}</g></g>"


def ticks_of(index: int, parts: Sequence[str]) -> str:
    """Ticks and their numbers below the x axis of a panel."""
    return f"<g data-ticks='{index}'>{''.join(parts)}</g>"


def width_of(words: str, size: float = 11) -> float:
    """Approximate width of words."""
    return len(words) * size * 0.56


def shade(share: float) -> str:
    """Cividis, dark blue at 0 to yellow at 1, in ten steps."""
    return CIVIDIS[min(max(int(share * len(CIVIDIS)), 0), len(CIVIDIS) - 1)]


def ink_on(colour: str) -> str:
    """Black or white, whichever is more legible on the colour (WCAG relative luminance)."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    luminance = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
    return "#ffffff" if luminance < 0.18 else "#000000"


def svg(width: float, height: float, parts: Sequence[str], label: str) -> str:
    """The whole figure; `label` says in words what it shows."""
    size = f"viewBox='0 0 {number(width)} {number(height)}' width='{number(width)}' height='{number(height)}'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {size} role='img' font-family=\"{FONT}\">"
    return head + f"<title>{escape(label, quote=False)}</title>" + "".join(part for part in parts if part) + "</svg>\n"


def themed(picture: str) -> str:
    """The picture for a page: colours of the palette as CSS variables, the page's font, its words as aria-label (a title
    of the whole picture would pop up wherever one points)."""
    for colour, variable in VARIABLES.items():
        picture = picture.replace(colour, f"var({variable})")
    head, words, rest = re.match(r"(<svg[^>]*)><title>(.*?)</title>(.*)", picture, re.DOTALL).groups()  # type: ignore[union-attr]
    quoted = words.replace('"', "&quot;")
    return f'{head} aria-label="{quoted}">{rest}'.replace(f' font-family="{FONT}"', "")
