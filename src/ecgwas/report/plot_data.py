"""What a reader can point at in a figure: points with their words, curves with their values.

A figure is SVG and needs no script. Where it also has `PlotData`, the page's script shows the words of the nearest point, reads
curves off at the pointer, and zooms along x. In the SVG, marks that move with the zoom of a panel are within one `zoomable`
group, and the ticks of its x axis within one `ticks_of` group, which the script draws again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from ecgwas.report.panels import Panel

Axis = Literal["value", "genome", "bp", "ms"]
"""What x is: a plain value, a place along all chromosomes, a position on one chromosome, milliseconds."""


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
class PlotData:
    """Panels of a figure, as drawn, and what can be pointed at in them.

    zoomed: indices of the panels that zoom along x, together; empty: the figure does not zoom.
    """

    panels: Sequence[Panel]
    points: Sequence[Points] = ()
    curves: Sequence[Curve] = ()
    zoomed: Sequence[int] = ()
    axis: Axis = "value"
