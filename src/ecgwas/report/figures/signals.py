"""Whole recordings step by step, and signals with their reconstruction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report.contents import Example, Figure, ReconstructedSignal, RepresentationResults
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.recordings import LARGE_SQUARE_S, LARGE_SQUARE_UV, STRIP_LEADS, in_ms
from ecgwas.report.names import slug
from ecgwas.report.plot_data import Curve

MOST_POINTS = 1250
"""Most points of a curve: more cannot be seen."""

SECONDS = 5.0
"""Length of a signal that is drawn with its reconstruction."""

Floats = NDArray[np.float64]


def steps(example: Example, representations: Sequence[RepresentationResults]) -> Figure | None:
    """One lead of the example as recorded, after each step of cleaning, and as reconstructed, one below the other."""
    lead = _lead(example, representations)
    if lead is None:
        return None
    curves = _curves(example, representations, lead)
    step = max(1, -(-example.clean_uv.shape[1] // MOST_POINTS))
    drawn = {name: curve[::step] for name, curve in curves.items()}
    times = np.arange(example.clean_uv.shape[1])[::step] / example.rate_hz
    cleaned = _range([curve for name, curve in drawn.items() if name != RAW])
    parts, top, height = list[str](), 24.0, 104.0
    panels, read = list[d.Panel](), list[Curve]()
    for place, (name, curve) in enumerate(drawn.items()):
        heights = _range([curve]) if name == RAW else cleaned
        panel = d.Panel(20, top + place * (height + 28), 900, height, (0, float(times[-1])), heights)
        colour = (d.VERMILION, d.AMBER, d.BLUE, d.GREEN, d.PINK)[min(place, 4)]
        wave = [*_paper(panel), d.polyline(panel.x(times), panel.y(curve), colour, 1.2)]
        parts.append(d.zoomable(place, panel, wave, "steps"))
        parts.append(d.text(20, panel.top - 6, name, size=13, fill=d.INK, font_weight="600"))
        panels.append(panel)
        read.append(Curve(place, times, curve, name.split(":")[0], "µV", 0))
    bottom = top + len(drawn) * (height + 28) - 10
    parts.append(d.text(20, bottom, "one large square: 0.2 s across, 0.5 mV up; all but the first on one scale"))
    caption = f"Lead {lead} of one recording, step by step: {', '.join(drawn)}."
    columns = {name.split(":")[0].replace(" ", "_") + "_uv": curve for name, curve in drawn.items()}
    table = pl.DataFrame({"lead": lead, "time_s": times, **columns})
    picture = d.svg(940, bottom + 10, parts, caption)
    return Figure("A signal step by step", caption, picture, _rounded(table), in_ms(panels, read))


RAW = "as recorded"


def _lead(example: Example, representations: Sequence[RepresentationResults]) -> str | None:
    """The first of the usual leads that was recorded and has features, or else that of the smallest reconstruction error."""
    recorded = [lead for lead in (*STRIP_LEADS, *example.leads)
                if lead in example.leads and np.isfinite(example.clean_uv[example.leads.index(lead)]).all()]  # fmt: skip
    errors = {lead: mse / (one.max_mse or np.inf) for one in representations for lead, mse in one.example_mse.items()
              if lead in recorded and mse is not None and np.isfinite(mse)}  # fmt: skip
    within = [lead for lead in recorded[: len(STRIP_LEADS)] if errors.get(lead, 0.0) <= 1]
    return next(iter([*within, *sorted(errors, key=lambda lead: (errors[lead], lead)), *recorded]), None)


def _curves(example: Example, representations: Sequence[RepresentationResults], lead: str) -> dict[str, Floats]:
    """Name -> (S,) µV; a step that the study does not have is absent."""
    place = example.leads.index(lead)
    curves = {RAW: example.raw_uv[place].astype(float)}
    if example.baseline_removed_uv is not None:
        curves["baseline removed"] = example.baseline_removed_uv[place].astype(float)
    curves["denoised" if example.baseline_removed_uv is not None else "cleaned"] = example.clean_uv[place].astype(float)
    for one in representations:
        if one.reconstruction is not None and one.reconstruction.shape == example.clean_uv.shape:
            curves[f"reconstructed by {one.name}{_error(one, lead)}"] = one.reconstruction[place].astype(float)
    return curves


def _error(one: RepresentationResults, lead: str) -> str:
    mse = one.example_mse.get(lead, one.example_mse.get("12L"))
    if mse is None:
        return ""
    beyond = f", above the limit of {one.max_mse:g}" if one.max_mse is not None and mse > one.max_mse else ""
    return f": MSE {mse:.3g}{beyond}"


def several(representation: RepresentationResults) -> Figure | None:
    """A few signals on the left, each with its reconstruction on the right on the same scale."""
    pairs = representation.signals
    if not pairs or representation.rate_hz is None:
        return None
    count = min(int(SECONDS * representation.rate_hz), len(pairs[0].clean_uv))
    step = max(1, -(-count // MOST_POINTS))
    times = np.arange(count)[::step] / representation.rate_hz
    parts = [d.text(20, 16, "signal", size=13, fill=d.INK, font_weight="600")]
    parts.append(d.text(480, 16, f"reconstructed by {representation.name}", size=13, fill=d.INK, font_weight="600"))
    frames, top, height = [], 44.0, 96.0
    panels, read = list[d.Panel](), list[Curve]()
    for place, pair in enumerate(pairs):
        curves = [curve[:count:step].astype(float) for curve in (pair.clean_uv, pair.reconstructed_uv)]
        y = top + place * (height + 26)
        parts.append(d.text(20, y - 6, _words(pair, representation), size=12, fill=d.INK))
        for left, curve, colour, name in zip((20, 480), curves, (d.BLUE, d.GREEN), ("signal", "reconstructed"), strict=True):
            panel = d.Panel(left, y, 440, height, (0, float(times[-1])), _range(curves))
            wave = [*_paper(panel), d.polyline(panel.x(times), panel.y(curve), colour, 1.1)]
            parts.append(d.zoomable(len(panels), panel, wave, f"signals-{slug(representation.name)}"))
            read.append(Curve(len(panels), times, curve, f"{name}, lead {pair.lead}", "µV", 0))
            panels.append(panel)
        about = {"signal": place + 1, "lead": pair.lead, "mse": pair.mse, "time_s": times}
        frames.append(pl.DataFrame(about | {"signal_uv": curves[0], "reconstructed_uv": curves[1]}))
    bottom = top + len(pairs) * (height + 26)
    parts.append(d.text(20, bottom - 8, "one large square: 0.2 s across, 0.5 mV up; both sides of a row on one scale"))
    caption = (
        f"The first {count / representation.rate_hz:g} s of {len(pairs)} signals and their reconstruction by "
        f"{representation.name}, from the smallest reconstruction error to the largest{_and_beyond(representation)}. "
        "No one is named."
    )
    title = f"Signals and their reconstruction by {representation.name}"
    picture = d.svg(940, bottom, parts, f"{title}: {caption}")
    return Figure(title, caption, picture, _rounded(pl.concat(frames)), in_ms(panels, read))


def _and_beyond(representation: RepresentationResults) -> str:
    beyond = sum(not pair.kept for pair in representation.signals)
    return f" of those kept; the last {'is' if beyond == 1 else 'are'} excluded" if beyond else ""


def _words(pair: ReconstructedSignal, representation: RepresentationResults) -> str:
    if pair.kept:
        return f"lead {pair.lead}, MSE {pair.mse:.3g}"
    beyond = representation.max_mse is not None and pair.mse > representation.max_mse
    return f"lead {pair.lead}, MSE {pair.mse:.3g}: excluded" + (f", above {representation.max_mse:g}" if beyond else "")


def _range(curves: Sequence[Floats]) -> tuple[float, float]:
    """Range of the finite values of all curves, with a margin."""
    values = np.concatenate(curves)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return (-1.0, 1.0)
    room = 0.08 * (float(np.ptp(values)) or 1.0)
    return float(values.min()) - room, float(values.max()) + room


def _paper(panel: d.Panel) -> list[str]:
    """Large squares as one path."""
    low, high = np.ceil(panel.y_range[0] / LARGE_SQUARE_UV), np.floor(panel.y_range[1] / LARGE_SQUARE_UV)
    ups = panel.y(np.arange(low, high + 1) * LARGE_SQUARE_UV)
    across = panel.x(np.arange(0, panel.x_range[1] + 1e-9, LARGE_SQUARE_S))
    path = "".join(f"M{d.number(panel.left)} {d.number(float(y))}h{d.number(panel.width)}" for y in ups)
    path += "".join(f"M{d.number(float(x))} {d.number(panel.top)}v{d.number(panel.height)}" for x in across)
    return [f"<path d='{path}' stroke='{d.PAPER}' stroke-width='1' fill='none'/>"]


def _rounded(table: pl.DataFrame) -> str:
    return table.with_columns(pl.selectors.float().round_sig_figs(6)).write_csv()
