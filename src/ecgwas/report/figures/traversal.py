"""What a feature stands for: the beat with the feature moved down and up, in twelve leads on ECG paper."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report import drawing as d
from ecgwas.report.figures.recordings import GRID_LEADS
from ecgwas.report.findings import Figure, Traversal

MILLIMETRE = 7.0
"""Of paper, in coordinates: 25 mm is a second, 10 mm a millivolt."""

MM_PER_MS, MM_PER_UV = 25 / 1000, 10 / 1000
COLOURS = (d.BLUE, d.MUTED, d.VERMILION)
MOST_POINTS = 150
EDGE, HEAD, BETWEEN = 12.0, 34.0, 10.0


def traversal(name: str, moved: Traversal) -> Figure:
    """Twelve leads in the usual order, each curve a beat decoded from features; `name` is the representation's."""
    step = max(1, -(-len(moved.times_ms) // MOST_POINTS))
    drawn = slice(None, None, step)
    times = moved.times_ms[drawn]
    beats = moved.beats_uv[:, :, drawn].astype(np.float64)
    width = float(times[-1] - times[0]) * MM_PER_MS * MILLIMETRE
    rows = [[lead for lead in leads if lead in moved.leads] for leads in GRID_LEADS]
    spans = [_span(beats[:, [moved.leads.index(lead) for lead in row]]) for row in rows]
    total = (2 * EDGE + 4 * width + 3 * BETWEEN, HEAD + sum(high - low for low, high in spans) + 24)
    parts = _paper(EDGE, HEAD, total[0] - 2 * EDGE, total[1] - HEAD - 24) + _legend(moved)
    zero = HEAD
    for row, (low, high) in zip(rows, spans, strict=True):
        zero += high
        for column, lead in enumerate(row):
            left = EDGE + column * (width + BETWEEN)
            parts += _lead(
                lead, left + (times - times[0]) * MM_PER_MS * MILLIMETRE, beats[:, moved.leads.index(lead)], zero, high
            )
        zero -= low
    parts.append(d.text(EDGE, total[1] - 7, "25 mm/s, 10 mm/mV: a small square is 40 ms and 0.1 mV"))
    caption = (
        f"Beats decoded by {name} with {moved.feature} at its mean and {moved.steps:g} standard deviations below and above, "
        f"all other features at their means. Largest change {_largest(beats):.0f} µV."
    )
    picture = d.svg(total[0], total[1], parts, caption)
    return Figure(f"What {moved.feature} of {name} stands for", caption, picture, _csv(moved, times, beats))


def _largest(beats: NDArray[np.float64]) -> float:
    return float(np.abs(beats[[0, 2]] - beats[1]).max())


def _span(beats: NDArray[np.float64]) -> tuple[float, float]:
    """Coordinates below and above the zero line that a row needs: whole large squares."""
    large = 5 * MILLIMETRE
    scaled = beats * MM_PER_UV * MILLIMETRE
    return float(np.floor((scaled.min() - 4) / large)) * large, float(np.ceil((scaled.max() + 12) / large)) * large


def _paper(left: float, top: float, width: float, height: float) -> list[str]:
    """Small squares as one pattern-less grid: a thin path for millimetres, a thicker one for every fifth."""
    return [_grid(left, top, width, height, MILLIMETRE, "0.35"), _grid(left, top, width, height, 5 * MILLIMETRE, "1")]


def _grid(left: float, top: float, width: float, height: float, step: float, stroke: str) -> str:
    ups = "".join(f"M{d.number(left + x)} {d.number(top)}v{d.number(height)}" for x in np.arange(0, width + 0.01, step))
    acrosses = "".join(f"M{d.number(left)} {d.number(top + y)}h{d.number(width)}" for y in np.arange(0, height + 0.01, step))
    return f"<path d='{ups}{acrosses}' stroke='{d.PAPER}' stroke-width='{stroke}' fill='none'/>"


def _legend(moved: Traversal) -> list[str]:
    words = (f"mean − {moved.steps:g} SD", "mean", f"mean + {moved.steps:g} SD")
    return d.legend(EDGE, 20, list(zip(words, COLOURS, strict=True)))


def _lead(name: str, x: NDArray[np.float64], beats: NDArray[np.float64], zero: float, high: float) -> list[str]:
    parts = [d.text(float(x[0]) + 3, zero - high + 14, name, size=13, fill=d.INK, font_weight="600")]
    for k, colour in enumerate(COLOURS):
        parts.append(d.polyline(x, zero - beats[k] * MM_PER_UV * MILLIMETRE, colour, 1.4))
    return parts


def _csv(moved: Traversal, times: NDArray[np.float64], beats: NDArray[np.float64]) -> str:
    names = ("below_uv", "mean_uv", "above_uv")
    frames = [
        pl.DataFrame({"lead": lead, "time_ms": times} | {name: beats[k, i] for k, name in enumerate(names)})
        for i, lead in enumerate(moved.leads)
    ]
    return pl.concat(frames).with_columns(pl.selectors.float().round_sig_figs(6)).write_csv()
