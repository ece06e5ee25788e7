"""What a reader can point at in a figure: points with their words, curves with their values.

A figure is SVG and needs no script. Where it also has `PlotData`, the page's script shows the words of the nearest point, reads
curves off at the pointer, and zooms along x. In the SVG, marks that move with the zoom of a panel are within one `zoomable`
group, and the ticks of its x axis within one `ticks_of` group, which the script draws again. A path of `dots(..., points=k)`
is drawn again from the k-th of the points, so that it is exact at any zoom; other marks are moved.

Single elements need no `PlotData`: the words of `data-tip` (or of their `<title>`) are shown at them, `data-to` is an address
that they open, and `data-details` names an entry of `PlotData.details`, which is listed below the figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from numpy.typing import ArrayLike

from ecgwas.report.panels import Panel

Axis = Literal["value", "genome", "bp", "ms", "names"]
"""What x is: a plain value, a place along all chromosomes, a position on one chromosome, milliseconds, traits in order."""


@dataclass(frozen=True)
class Points:
    """Marks of one panel.

    panel: its index. x, y: (n,), in the values of the panel's axes. words: n texts, shown at the pointer; a new line starts a
    line. links: n addresses within the page such as `#locus-3`, "" where a point leads nowhere; empty if none does.
    """

    panel: int
    x: ArrayLike
    y: ArrayLike
    words: Sequence[str]
    links: Sequence[str] = ()
    by_keys: bool = True


@dataclass(frozen=True)
class Curve:
    """A curve of one panel, read off at the pointer: x, y (n,), NaN where there is no value."""

    panel: int
    x: ArrayLike
    y: ArrayLike
    name: str
    unit: str = ""
    decimals: int = 2


@dataclass(frozen=True)
class Details:
    """What a mark comprises: title; rows of words and an address within the page (or ""); how many more are not given."""

    title: str
    rows: Sequence[tuple[str, str]]
    more: int = 0


@dataclass(frozen=True)
class PlotData:
    """Panels of a figure, as drawn, and what can be pointed at in them.

    zoomed: indices of the panels that zoom along x, together; empty: the figure does not zoom.
    details: what is listed below the figure when a mark with this `data-details` is chosen.
    names: of an axis "names", first and last x of each name.
    """

    panels: Sequence[Panel] = ()
    points: Sequence[Points] = ()
    curves: Sequence[Curve] = ()
    zoomed: Sequence[int] = ()
    axis: Axis = "value"
    details: Mapping[str, Details] = field(default_factory=dict)
    names: Sequence[tuple[float, float, str]] = ()
