"""What a feature represents: beat or recording with the feature moved down and up, in twelve leads on ECG paper."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report.contents import Figure, Traversal
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.recordings import GRID_LEADS

MILLIMETRE, SMALL_MILLIMETRE = 7.0, 3.5
"""A millimetre of paper in coordinates, for beats and for whole recordings; 25 mm is a second, 10 mm a millivolt."""

MM_PER_MS, MM_PER_UV = 25 / 1000, 10 / 1000
COLOURS = (d.BLUE, d.MUTED, d.VERMILION)
MOST_POINTS, MOST_POINTS_OF_STRIPS = 150, 320
EDGE, HEAD, BETWEEN = 12.0, 34.0, 10.0


def traversal(name: str, moved: Traversal) -> Figure:
    """Twelve leads in the usual order, each curve decoded from features; `name` is the representation's."""
    step = max(1, -(-len(moved.times_ms) // (MOST_POINTS_OF_STRIPS if moved.of_strips else MOST_POINTS)))
    drawn = slice(None, None, step)
    times = moved.times_ms[drawn]
    beats = moved.beats_uv[:, :, drawn].astype(np.float64)
    millimetre = SMALL_MILLIMETRE if moved.of_strips else MILLIMETRE
    width = float(times[-1] - times[0]) * MM_PER_MS * millimetre
    rows = [row for row in ([lead for lead in leads if lead in moved.leads] for leads in GRID_LEADS) if row]
    spans = [_span(beats[:, [moved.leads.index(lead) for lead in row]], millimetre) for row in rows]
    total = (2 * EDGE + 4 * width + 3 * BETWEEN, HEAD + sum(high - low for low, high in spans) + 24)
    parts = _paper(EDGE, HEAD, total[0] - 2 * EDGE, total[1] - HEAD - 24, millimetre) + _legend(moved)
    zero = HEAD
    for row, (low, high) in zip(rows, spans, strict=True):
        zero += high
        for column, lead in enumerate(row):
            left = EDGE + column * (width + BETWEEN)
            x = left + (times - times[0]) * MM_PER_MS * millimetre
            parts += _lead(lead, x, beats[:, moved.leads.index(lead)] * MM_PER_UV * millimetre, zero, high)
        zero -= low
    parts.append(d.text(EDGE, total[1] - 7, "25 mm/s, 10 mm/mV: a small square is 40 ms and 0.1 mV"))
    caption = _caption(name, moved, beats)
    picture = d.svg(total[0], total[1], parts, caption)
    return Figure(f"What {moved.feature} of {name} represents", caption, picture, _csv(moved, times, beats))


def _caption(name: str, moved: Traversal, beats: NDArray[np.float64]) -> str:
    what = f"The first {(moved.times_ms[-1] + 1) / 1000:.1f} s of recordings" if moved.of_strips else "Beats"
    absent = [lead for leads in GRID_LEADS for lead in leads if lead not in moved.leads]
    without = f" {', '.join(absent)}: too few signals with features." if absent else ""
    return (
        f"{what} decoded by {name} with {moved.feature} at its mean and {moved.steps:g} standard deviations below and above, "
        f"all other features at their means. Largest change {_largest(beats):.0f} µV.{without}"
    )


def _largest(beats: NDArray[np.float64]) -> float:
    return float(np.abs(beats[[0, 2]] - beats[1]).max())


def _span(beats: NDArray[np.float64], millimetre: float) -> tuple[float, float]:
    """Coordinates below and above the zero line that a row needs: whole large squares."""
    large = 5 * millimetre
    scaled = beats * MM_PER_UV * millimetre
    return float(np.floor((scaled.min() - 4) / large)) * large, float(np.ceil((scaled.max() + 12) / large)) * large


def _paper(left: float, top: float, width: float, height: float, millimetre: float) -> list[str]:
    """Small squares as one pattern-less grid: a thin path for millimetres, a thicker one for every fifth."""
    return [_grid(left, top, width, height, millimetre, "0.35"), _grid(left, top, width, height, 5 * millimetre, "1")]


def _grid(left: float, top: float, width: float, height: float, step: float, stroke: str) -> str:
    ups = "".join(f"M{d.number(left + x)} {d.number(top)}v{d.number(height)}" for x in np.arange(0, width + 0.01, step))
    acrosses = "".join(f"M{d.number(left)} {d.number(top + y)}h{d.number(width)}" for y in np.arange(0, height + 0.01, step))
    return f"<path d='{ups}{acrosses}' stroke='{d.PAPER}' stroke-width='{stroke}' fill='none'/>"


def _legend(moved: Traversal) -> list[str]:
    words = (f"mean − {moved.steps:g} SD", "mean", f"mean + {moved.steps:g} SD")
    return d.legend(EDGE, 20, list(zip(words, COLOURS, strict=True)))


def _lead(name: str, x: NDArray[np.float64], heights: NDArray[np.float64], zero: float, high: float) -> list[str]:
    parts = [d.text(float(x[0]) + 3, zero - high + 14, name, size=13, fill=d.INK, font_weight="600")]
    for k, colour in enumerate(COLOURS):
        parts.append(d.polyline(x, zero - heights[k], colour, 1.4))
    return parts


def _csv(moved: Traversal, times: NDArray[np.float64], beats: NDArray[np.float64]) -> str:
    names = ("below_uv", "mean_uv", "above_uv")
    clock = {"time_s": times / 1000} if moved.of_strips else {"time_ms": times}
    frames = [
        pl.DataFrame({"lead": lead} | clock | {name: beats[k, i] for k, name in enumerate(names)})
        for i, lead in enumerate(moved.leads)
    ]
    return pl.concat(frames).with_columns(pl.selectors.float().round_sig_figs(6)).write_csv()
