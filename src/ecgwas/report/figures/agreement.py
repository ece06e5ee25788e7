"""Measurements compared with the ECG device's own (Bland-Altman plots)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report.contents import Figure, RepresentationResults
from ecgwas.report.figures import svg as d
from ecgwas.report.plot_data import PlotData, Points

ACROSS = 3
CELL = (292.0, 236.0)
PLOT = (196.0, 150.0)
BINS = 36
"""Cells along each axis: participants are counted, none is drawn."""
OUTSIDE = 0.005
"""Share of the differences at either end that may lie outside the figure; they are counted at its edge."""


def agreement(representation: RepresentationResults, min_people: int = 0) -> Figure | None:
    """Difference against mean of both, one panel per measurement, with mean difference and limits of agreement.

    min_people: cells with fewer participants are neither drawn nor in the numbers.
    """
    table = representation.agreement
    if table.height == 0:
        return None
    parts, frames, panels, points = [], [], list[d.Panel](), list[Points]()
    for place, row in enumerate(table.iter_rows(named=True)):
        corner = (place % ACROSS) * CELL[0], (place // ACROSS) * CELL[1]
        own = representation.device_pairs.filter(pl.col("measurement") == row["measurement"])
        counted = _counted(own, min_people)
        frames.append(counted.select(pl.lit(row["measurement"]).alias("measurement"), pl.all()))
        panels.append(_place(row, counted, corner))
        points.append(_points(place, row, counted))
        parts += _panel(row, counted, corner, panels[-1])
    rows = -(-table.height // ACROSS)
    title = f"{representation.name} compared with the ECG device's measurements"
    caption = (
        "Measured here minus measured by the ECG device, against the mean of both (Bland and Altman); darker cells hold more "
        "participants. Solid: mean difference; dashed: limits of agreement (mean ± 1.96 SD)."
    )
    caption += f" Cells of fewer than {min_people} participants are not drawn." if min_people else ""
    picture = d.svg(CELL[0] * min(ACROSS, table.height), CELL[1] * rows, parts, f"{title}: {caption}")
    return Figure(title, caption, picture, pl.concat(frames).write_csv(), PlotData(panels, points))


def _points(place: int, row: dict[str, object], counted: pl.DataFrame) -> Points:
    """The cells of a panel: counts, no participant's own values."""
    name = str(row["measurement"]).replace("_", " ")
    words = [f"{name}: mean {mean:g}, difference {d.label_of(difference)}\n{people:,} participant{'' if people == 1 else 's'}"
             for mean, difference, people in counted.select("mean", "difference", "people").iter_rows()]  # fmt: skip
    return Points(place, counted["mean"].to_numpy(), counted["difference"].to_numpy(), words)


def _counted(pairs: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """Columns mean, difference (middles of cells) and people, cells of at least `min_people` participants and at least one."""
    difference = pairs["difference"].to_numpy()
    mean = pairs["measured"].to_numpy() - difference / 2
    across, up = _edges(mean, min_people), _edges(difference, min_people)
    inside = np.clip(mean, across[0], across[-1]), np.clip(difference, up[0], up[-1])
    counts, _, _ = np.histogram2d(*inside, bins=(across, up))
    i, j = np.nonzero(counts >= max(min_people, 1))
    middles = [(edges[:-1] + edges[1:]) / 2 for edges in (across, up)]
    people = counts[i, j].astype(np.int64)
    return pl.DataFrame({"mean": middles[0][i].round(3), "difference": middles[1][j].round(3), "people": people})


def _edges(values: NDArray[np.float64], min_people: int) -> NDArray[np.float64]:
    """Edges of cells. Where small groups are hidden, cells are larger and their edges round: no participant's own values."""
    low, high = np.quantile(values, [OUTSIDE, 1 - OUTSIDE])
    if min_people:
        step = 10.0 ** np.ceil(np.log10(max(high - low, 1e-6)) - 1)
        rounded: NDArray[np.float64] = np.arange(np.floor(low / step), np.ceil(high / step) + 2) * step
        return rounded
    room = 0.5 * max(high - low, 1e-6) / BINS
    return np.linspace(low - room, high + room, BINS + 1)


def _lines(row: dict[str, object]) -> list[float]:
    """Lower limit of agreement, mean difference, upper limit."""
    return [float(row[key]) for key in ("low", "mean_difference", "high")]  # type: ignore[arg-type]


def _place(row: dict[str, object], counted: pl.DataFrame, corner: tuple[float, float]) -> d.Panel:
    x, y = (counted[key].cast(pl.Float64).to_numpy() for key in ("mean", "difference"))
    span = (min(*_lines(row), *y), max(*_lines(row), *y))
    room = 0.05 * (span[1] - span[0] or 1.0)
    across = (float(x.min()), float(max(x.max(), x.min() + 1e-3))) if len(x) else (0.0, 1.0)
    return d.Panel(corner[0] + 70, corner[1] + 30, *PLOT, across, (span[0] - room, span[1] + room))


def _panel(row: dict[str, object], counted: pl.DataFrame, corner: tuple[float, float], panel: d.Panel) -> list[str]:
    x, y, counts = (counted[key].cast(pl.Float64).to_numpy() for key in ("mean", "difference", "people"))
    head = f"{str(row['measurement']).replace('_', ' ')}, {row['n']:,} participants"
    parts = [d.text(corner[0] + 8, corner[1] + 18, head, size=12, fill=d.INK, font_weight="600")]
    parts += d.y_axis(panel, "difference", gap=50)
    shades = 0.25 + 0.75 * np.sqrt(counts / counts.max(initial=1.0))
    for level in np.unique(shades.round(1)):
        here = shades.round(1) == level
        parts.append(d.dots(panel.x(x[here]), panel.y(y[here]), d.BLUE, 4.2, float(level)))
    for value, dash in zip(_lines(row), ("5 3", None, "5 3"), strict=True):
        at = panel.y.at(value)
        parts.append(d.line(panel.left, at, panel.right, at, d.VERMILION, 1.4, stroke_dasharray=dash))
    return [*parts, *(d.x_axis(panel, "mean of both", about=4) if len(x) else [])]
