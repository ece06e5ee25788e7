"""One recording on ECG paper, at true scale: 25 mm/s and 10 mm/mV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.leads import LEADS
from ecgwas.report.contents import Figure
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.publication import MM_PER_PIXEL
from ecgwas.report.figures.recordings import GRID_LEADS

MM = 1 / MM_PER_PIXEL
"""Pixels per millimetre, so that a print by `publication.save` is true to scale."""
MM_PER_S, UV_PER_MM = 25.0, 100.0
SMALL_SQUARE, LARGE_SQUARE = "#f6dcd8", "#e8aea5"
LEFT_MM, TOP_MM, BOTTOM_MM = 12.0, 10.0, 8.0
LONGEST_S = 10.0
LEAST_ROW_MM = 20.0
PAD_MM = 3.0
RHYTHM = "II"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Piece:
    """A stretch of one lead: from `start` s of the recording on, drawn `at` s from the left."""

    lead: str
    start: float
    seconds: float
    at: float


def on_paper(leads: Mapping[str, Floats], rate_hz: float, title: str, caption: str) -> Figure:
    """Twelve leads in the usual four columns with lead II below, or, where leads are missing, a row for each.

    leads: name -> (S,) µV, as in the file and derived; the first ten seconds are drawn, each lead about its median; NaN leaves
    a gap.
    """
    rows = _rows(leads, rate_hz)
    seconds = max(piece.at + piece.seconds for row in rows for piece in row)
    width = LEFT_MM + np.ceil(seconds * MM_PER_S / 5) * 5 + 2
    drawn: list[str] = []
    bottom = TOP_MM
    for row in rows:
        up, down = _reach(leads, rate_hz, row)
        middle = bottom + max(LEAST_ROW_MM / 2, up + PAD_MM)
        bottom = middle + max(LEAST_ROW_MM / 2, down + PAD_MM)
        drawn += [_calibration(middle), *(part for piece in row for part in _curve(leads, rate_hz, piece, middle))]
    height = float(np.ceil(bottom / 5) * 5 + BOTTOM_MM)
    words = [
        d.text(2 * MM, 6 * MM, title, size=13, fill=d.INK, font_weight="700"),
        d.text(2 * MM, (height - 2.5) * MM, "25 mm/s   10 mm/mV", size=11),
    ]
    picture = d.svg(width * MM, height * MM, [*_squares(width, height - BOTTOM_MM), *drawn, *words], f"{title}. {caption}")
    return Figure(title, caption, picture, _table(leads, rate_hz))


def _rows(leads: Mapping[str, Floats], rate_hz: float) -> list[list[_Piece]]:
    shortest = min(len(values) for values in leads.values()) / rate_hz
    if not set(LEADS) <= set(leads) or shortest < LONGEST_S:
        return [[_Piece(lead, 0.0, min(len(values) / rate_hz, LONGEST_S), 0.0)] for lead, values in leads.items()]
    column = LONGEST_S / len(GRID_LEADS[0])
    grid = [[_Piece(lead, k * column, column, k * column) for k, lead in enumerate(row)] for row in GRID_LEADS]
    return [*grid, [_Piece(RHYTHM, 0.0, LONGEST_S, 0.0)]]


def _values(leads: Mapping[str, Floats], rate_hz: float, piece: _Piece) -> Floats:
    """The stretch in mm above the lead's median."""
    known = leads[piece.lead][: round(LONGEST_S * rate_hz)]
    zero = np.nanmedian(known) if np.isfinite(known).any() else 0.0
    start = round(piece.start * rate_hz)
    stretch: Floats = (known[start : start + round(piece.seconds * rate_hz)] - zero) / UV_PER_MM
    return np.where(np.isfinite(stretch), stretch, np.nan)


def _reach(leads: Mapping[str, Floats], rate_hz: float, row: Sequence[_Piece]) -> tuple[float, float]:
    """mm that a row's curves reach above and below the middle."""
    known = np.concatenate([_values(leads, rate_hz, piece) for piece in row])
    known = known[np.isfinite(known)]
    # Impossible voltages would give a figure of metres.
    return float(np.clip(known.max(initial=0), 0, 100)), float(np.clip(-known.min(initial=0), 0, 100))


def _curve(leads: Mapping[str, Floats], rate_hz: float, piece: _Piece, middle: float) -> list[str]:
    values = np.clip(_values(leads, rate_hz, piece), -100, 100)
    left = LEFT_MM + piece.at * MM_PER_S
    xs = (left + np.arange(len(values)) * (MM_PER_S / rate_hz)) * MM
    name = d.text((left + 1) * MM, (middle - 6) * MM, piece.lead, size=13, fill=d.INK, font_weight="700")
    return [d.polyline(xs, (middle - values) * MM, d.INK, 1.1), name]


def _calibration(middle: float) -> str:
    """The calibration pulse of 1 mV and 0.2 s before each row."""
    xs = np.array([2.0, 3.5, 3.5, 8.5, 8.5, 10.0])
    ys = middle - np.array([0.0, 0.0, 10.0, 10.0, 0.0, 0.0])
    return d.polyline(xs * MM, ys * MM, d.INK, 1.1)


def _squares(width: float, height: float) -> list[str]:
    top = TOP_MM - 2
    return [_lines(width, height, top, 1.0, SMALL_SQUARE, 0.5), _lines(width, height, top, 5.0, LARGE_SQUARE, 0.7)]


def _lines(width: float, height: float, top: float, step: float, colour: str, stroke: float) -> str:
    """All lines of one kind as one path; large squares begin where the curves do."""
    first = LEFT_MM % step
    ups = [f"M{d.number(x * MM)} {d.number(top * MM)}L{d.number(x * MM)} {d.number(height * MM)}"
           for x in np.arange(first, width + 1e-9, step)]  # fmt: skip
    acrosses = [f"M0 {d.number(y * MM)}L{d.number(width * MM)} {d.number(y * MM)}"
                for y in np.arange(top, height + 1e-9, step)]  # fmt: skip
    return f"<path d='{''.join(ups + acrosses)}'{d.attributes(stroke=colour, stroke_width=str(stroke), fill='none')}/>"


def _table(leads: Mapping[str, Floats], rate_hz: float) -> str:
    frames = [
        pl.DataFrame({"lead": lead, "time_s": np.arange(len(values)) / rate_hz, "uv": values}) for lead, values in leads.items()
    ]
    return pl.concat(frames).write_csv()
