"""The ECG of cases of an outcome and of matched controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report.contents import Figure
from ecgwas.report.figures import ecg_grid
from ecgwas.report.figures import svg as d
from ecgwas.report.mean_beats import CaseBeats
from ecgwas.report.names import slug
from ecgwas.report.plot_data import Curve, PlotData
from ecgwas.report.text.numbers import p_and_neglog10p

WAVE, DIFFERENCE, BETWEEN, TOP, ROW = 112, 70, 5, 34.0, 217.0
"""Heights of the two panels of a lead, the space between them, the top of the first, and the distance from lead to lead."""
GROUPS = (("cases", d.VERMILION), ("matched controls", d.BLUE))

Floats = NDArray[np.float64]


def figures(all_beats: Sequence[CaseBeats]) -> Mapping[str, Figure]:
    """`cases_<outcome>` -> its figure."""
    return {name_of(beats): ecg_of_cases(beats) for beats in all_beats}


def name_of(beats: CaseBeats) -> str:
    """Of the figure's file, and in the page."""
    return f"cases_{slug(f'{beats.outcome}_{beats.analysis}')}"


def title_of(beats: CaseBeats) -> str:
    """Of the figure."""
    return f"ECG of cases and matched controls: {_outcome(beats)}"


def ecg_of_cases(beats: CaseBeats) -> Figure:
    """Mean median beat of cases and of matched controls in twelve leads with 95 % bands; below, their difference."""
    drawn, name = ecg_grid.drawn(beats.times_ms), name_of(beats)
    counts = (beats.cases, beats.controls)
    keys = [(f"{words} ({count:,})", colour, "band") for (words, colour), count in zip(GROUPS, counts, strict=True)]
    parts = ecg_grid.key(ecg_grid.LEFT, 18, [*keys, ("difference", d.GREEN, "band")])
    half = beats.difference_half_width_uv
    differences = ecg_grid.span_of(np.stack([beats.difference_uv - half, beats.difference_uv + half]))
    panels, curves = list[d.Panel](), list[Curve]()
    for number, (lead, x, y, first) in enumerate(ecg_grid.places(beats.leads, TOP, ROW)):
        i = beats.leads.index(lead)
        waves = ecg_grid.span_of(beats.mean_uv[:, ecg_grid.group(beats.leads, lead)])
        span = float(beats.times_ms[0]), float(beats.times_ms[-1])
        above = d.Panel(x, y, ecg_grid.WIDTH, WAVE, span, waves)
        below = d.Panel(x, y + WAVE + BETWEEN, ecg_grid.WIDTH, DIFFERENCE, span, differences)
        panels += [above, below]
        parts += _waves(beats, above, i, drawn, name, 2 * number)
        parts += _difference(beats, below, i, drawn, name, 2 * number + 1, first=first)
        times = beats.times_ms[drawn]
        curves += [Curve(2 * number, times, beats.mean_uv[k, i, drawn], GROUPS[k][0], "µV", 1) for k in range(2)]
        curves.append(Curve(2 * number + 1, times, beats.difference_uv[i, drawn], "cases minus controls", "µV", 1))
    caption = _caption(beats)
    picture = d.svg(930, TOP + 3 * ROW, parts, caption)
    return Figure(
        title_of(beats), caption, picture, _csv(beats, drawn),
        PlotData(panels, (), curves, range(len(panels)), "ms"),
    )  # fmt: skip


def _outcome(beats: CaseBeats) -> str:
    shown = beats.outcome.replace("_", " ")
    return f"{shown} ({beats.analysis})" if beats.analysis in ("prevalent", "incident") else shown


def _waves(beats: CaseBeats, panel: d.Panel, lead: int, drawn: slice, name: str, index: int) -> list[str]:
    means = [(beats.mean_uv[k, lead, drawn], beats.half_width_uv[k, lead, drawn], GROUPS[k][1]) for k in (1, 0)]
    marks, title = ecg_grid.mean_waves(panel, beats.times_ms[drawn], means), ecg_grid.name_of_lead(panel, beats.leads[lead])
    return [d.zoomable(index, panel, marks, name), *ecg_grid.scale_bar(panel), title]


def _difference(
    beats: CaseBeats, panel: d.Panel, lead: int, drawn: slice, name: str, index: int, *, first: bool
) -> list[str]:  # fmt: skip
    x, zero = panel.x(beats.times_ms[drawn]), panel.y.at(0)
    mean, half = beats.difference_uv[lead, drawn], beats.difference_half_width_uv[lead, drawn]
    marks = [
        d.line(panel.left, zero, panel.right, zero, d.MUTED, 0.7),
        ecg_grid.band(x, panel.y(mean - half), panel.y(mean + half), d.GREEN, 0.25),
        ecg_grid.curve(x, panel.y(mean), d.GREEN, 1.5),
    ]
    axis = ecg_grid.heights(panel, panel.y.ticks(4), "difference, µV" if first else None)
    return [d.zoomable(index, panel, marks, name), ecg_grid.times(panel, index), *axis]


def _caption(beats: CaseBeats) -> str:
    left = f" {beats.unmatched:,} cases have no control that is near enough, and are not drawn." if beats.unmatched else ""
    return (
        f"{_outcome(beats)}: mean median beat of {beats.cases:,} cases and of {beats.controls:,} controls with similar "
        "covariates (matched by the propensity score, up to four for each case), with 95 % bands, on ECG paper (large squares "
        "0.2 s and 0.5 mV; limb leads on one scale, chest leads on another; times in ms from R). Below each lead: the mean "
        f"difference within matched sets, largest {np.nanmax(np.abs(beats.difference_uv)):.0f} µV. Strongest trait: "
        f"{beats.trait}, {p_and_neglog10p(beats.neglog10p)}.{left}"
    )


def _csv(beats: CaseBeats, drawn: slice) -> str:
    frames = []
    for i, lead in enumerate(beats.leads):
        columns: dict[str, object] = {"lead": lead, "time_ms": beats.times_ms[drawn]}
        for k, kind in enumerate(("cases", "controls")):
            columns[f"mean_{kind}_uv"] = beats.mean_uv[k, i, drawn]
            columns[f"half_width_{kind}_uv"] = beats.half_width_uv[k, i, drawn]
        columns["difference_uv"] = beats.difference_uv[i, drawn]
        columns["difference_half_width_uv"] = beats.difference_half_width_uv[i, drawn]
        frames.append(pl.DataFrame(columns))
    numbers = pl.selectors.float()
    return pl.concat(frames).with_columns(numbers.fill_nan(None).round_sig_figs(6)).write_csv()
