"""What can be pointed at in a figure, packed into the page; page.interact.js unpacks it when it is first needed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ecgwas.report.contents import Figure
from ecgwas.report.figures.svg import themed
from ecgwas.report.names import slug
from ecgwas.report.page.embedded import packed
from ecgwas.report.page.short_paths import shortened
from ecgwas.report.plot_data import PlotData

X_DIGITS, Y_DIGITS = 6, 4
"""Positions are exact to this many digits of a panel's range: x to one part in a million, for zooming in."""


def pictures(figures: Mapping[str, Figure]) -> dict[str, str]:
    """`picture-<figure>` -> packed SVG, of the figures that are drawn when they are asked for."""
    return {f"picture-{slug(name)}": packed(in_page(figure.svg).encode()) for name, figure in figures.items()}


def in_page(picture: str) -> str:
    """The SVG as the page holds it: in the colours of its theme, with short paths."""
    return shortened(themed(picture))


def plots(figures: Mapping[str, Figure]) -> dict[str, str]:
    """`plot-<figure>` -> packed block, of the figures in which something can be pointed at."""
    return {f"plot-{slug(name)}": packed(as_json(figure.plot).encode()) for name, figure in figures.items() if figure.plot}


def as_json(plot: PlotData) -> str:
    """Axis, zoomed, panels, points, curves, details, names as JSON.

    Numbers are whole numbers, see `steps`; equal x are there once.
    """
    xs: dict[str, int] = {}
    panels = [[p.left, p.top, p.width, p.height, *p.x_range, *p.y_range] for p in plot.panels]
    points = [
        {"panel": one.panel, "x": _shared(xs, one.x, _decimals(plot.panels[one.panel].x_range, X_DIGITS)),
         "y": steps(one.y, _decimals(plot.panels[one.panel].y_range, Y_DIGITS)), "words": list(one.words),
         "links": list(one.links) if any(one.links) else [], "keys": one.by_keys}
        for one in plot.points
    ]  # fmt: skip
    curves = [
        {"panel": one.panel, "x": _shared(xs, one.x, _decimals(plot.panels[one.panel].x_range, X_DIGITS)),
         "y": steps(one.y, one.decimals), "name": one.name, "unit": one.unit, "decimals": one.decimals}
        for one in plot.curves
    ]  # fmt: skip
    content = {
        "axis": plot.axis, "zoomed": list(plot.zoomed), "panels": panels, "xs": [json.loads(x) for x in xs],
        "points": points, "curves": curves,
        "details": {key: [one.title, one.more, *([words, link] for words, link in one.rows)]
                    for key, one in plot.details.items()},
        **({"names": [list(one) for one in plot.names]} if plot.names else {}),
    }  # fmt: skip
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def steps(values: ArrayLike, decimals: int) -> list[Any]:
    """[decimals, differences]: of the values times 10**decimals as whole numbers, each less the known one before; None: NaN.

    The first is less 0. Differences of curves are small numbers, which compress well.
    """
    scaled = np.round(np.asarray(values, dtype=np.float64) * 10.0**decimals)
    known = np.isfinite(scaled)
    differences: list[int | None] = [None] * len(scaled)
    for place, step in zip(np.flatnonzero(known).tolist(), np.diff(scaled[known], prepend=0.0).tolist(), strict=True):
        differences[place] = int(step)
    return [decimals, differences]


def _shared(xs: dict[str, int], values: ArrayLike, decimals: int) -> int:
    """The number of these x among all of the figure."""
    return xs.setdefault(json.dumps(steps(values, decimals)), len(xs))


def _decimals(span: tuple[float, float], digits: int) -> int:
    width = abs(span[1] - span[0]) or 1.0
    return min(max(digits - math.floor(math.log10(width)), 0), 9)
