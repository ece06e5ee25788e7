"""Figures of recordings and their reconstruction, of training and of reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report.contents import Example, Figure, RepresentationResults
from ecgwas.report.figures import svg as d
from ecgwas.report.plot_data import Curve, PlotData, Points

STRIP_LEADS = ("II", "V2", "V5")
STRIP_SECONDS = 5.0
STRIP_HEIGHT = 118.0
GRID_LEADS = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
"""The usual order of twelve leads on paper."""

LARGE_SQUARE_S, LARGE_SQUARE_UV = 0.2, 500.0


def in_ms(panels: Sequence[d.Panel], curves: Sequence[Curve]) -> PlotData:
    """Curves over seconds, read off in milliseconds; all panels zoom together."""
    read = [replace(curve, x=np.asarray(curve.x, dtype=np.float64) * 1000) for curve in curves]
    return PlotData([panel.with_x_times(1000) for panel in panels], curves=read, zoomed=range(len(panels)), axis="ms")


def strip(example: Example, representations: Sequence[RepresentationResults] = ()) -> Figure:
    """The first seconds of three leads, as recorded, cleaned, and reconstructed from features of strips, on ECG paper."""
    count = min(int(STRIP_SECONDS * example.rate_hz), example.raw_uv.shape[1])
    times = np.arange(count) / example.rate_hz
    curves = {"as recorded": example.raw_uv, "cleaned": example.clean_uv, **_reconstructed(representations, example.clean_uv)}
    colours = dict(zip(curves, (d.VERMILION, d.BLUE, d.GREEN, d.AMBER, d.PINK), strict=False))
    rows = [lead for lead in STRIP_LEADS if lead in example.leads]
    parts = d.legend(56, 18, list(colours.items()))
    frames, panels, read = [], list[d.Panel](), list[Curve]()
    for place, lead in enumerate(rows):
        drawn = {name: curves[name][example.leads.index(lead), :count].astype(float) for name in colours}
        everything = _padded(np.concatenate(list(drawn.values())))
        panel = d.Panel(56, 34 + place * (STRIP_HEIGHT + 10), 860, STRIP_HEIGHT, (0, float(times[-1])), everything)
        waves = [d.polyline(panel.x(times), panel.y(values), colours[name], 1.2) for name, values in drawn.items()]
        parts.append(d.zoomable(place, panel, [*_paper(panel), *waves], "strip"))
        panels.append(panel)
        read += [Curve(place, times, values, f"{lead} {name}", "µV", 0) for name, values in drawn.items()]
        parts.append(d.text(8, panel.top + STRIP_HEIGHT / 2 + 5, lead, size=14, fill=d.INK, font_weight="600"))
        columns = {name.replace(" ", "_") + "_uv": values for name, values in drawn.items()}
        frames.append(pl.DataFrame({"lead": lead, "time_s": times, **columns}))
    bottom = 34 + len(rows) * (STRIP_HEIGHT + 10)
    parts.append(d.text(56, bottom + 8, "one large square: 0.2 s across, 0.5 mV up"))
    reconstructed = ", and reconstructed from features of the whole recording" if len(curves) > 2 else ""
    caption = f"The first five seconds of one recording in three leads, as recorded, after cleaning{reconstructed}."
    picture = d.svg(930, bottom + 18, parts, caption)
    return Figure("From raw to clean", caption, picture, pl.concat(frames).write_csv(), in_ms(panels, read))


def _reconstructed(
    representations: Sequence[RepresentationResults], like: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """Reconstructions of the same kind of signal (strip or beat), by name."""
    decoded = {r.name: r.reconstruction for r in representations if r.reconstruction is not None}
    return {name: array for name, array in decoded.items() if array.shape == like.shape}


def _padded(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = (float(np.nanmin(values)), float(np.nanmax(values))) if np.isfinite(values).any() else (-1.0, 1.0)
    room = 0.08 * (high - low or 1.0)
    return low - room, high + room


def _paper(panel: d.Panel) -> list[str]:
    """Squares of ECG paper: 0.2 s and 0.5 mV."""
    low, high = (np.ceil(panel.y_range[0] / LARGE_SQUARE_UV), np.floor(panel.y_range[1] / LARGE_SQUARE_UV))
    ups = panel.y(np.arange(low, high + 1) * LARGE_SQUARE_UV)
    acrosses = panel.x(np.arange(0, panel.x_range[1] + 1e-9, LARGE_SQUARE_S))
    parts = [d.line(panel.left, float(y), panel.right, float(y), d.PAPER) for y in ups]
    return parts + [d.line(float(x), panel.top, float(x), panel.bottom, d.PAPER) for x in acrosses]


def reconstruction(example: Example, representations: Sequence[RepresentationResults]) -> Figure | None:
    """The example's median beat in twelve leads, and as reconstructed by each representation that works on beats."""
    beat = example.beat_uv.astype(float)
    reconstructed = {name: array.astype(float) for name, array in _reconstructed(representations, example.beat_uv).items()}
    curves = {"median beat": beat, **reconstructed}
    if not reconstructed:
        return None
    colours = dict(zip(curves, (d.LIGHT, *d.SERIES), strict=False))
    parts = d.legend(16, 18, [(name, colours[name]) for name in curves if name in colours])
    everything = _padded(np.concatenate([array.ravel() for array in curves.values()]))
    times, panels, read = example.beat_times_ms / 1000, list[d.Panel](), list[Curve]()
    places = {lead: (16 + column * 230.0, 34 + row * 150.0) for row, leads in enumerate(GRID_LEADS)
              for column, lead in enumerate(leads) if lead in example.leads}  # fmt: skip
    for place, (lead, (left, top)) in enumerate(places.items()):
        panels.append(d.Panel(left, top, 220, 140, (float(times[0]), float(times[-1])), everything))
        waves = {name: array[example.leads.index(lead)] for name, array in curves.items() if name in colours}
        parts.append(d.zoomable(place, panels[-1], _beat_panel(panels[-1], times, waves, colours), "reconstruction"))
        parts.append(d.text(left + 4, top + 14, lead, size=13, fill=d.INK, font_weight="600"))
        read += [Curve(place, times, values, f"{lead} {name}", "µV", 0) for name, values in waves.items()]
    parts.append(d.text(16, 496, "one large square: 0.2 s across, 0.5 mV up; all leads on one scale"))
    caption = "Median beat of the same recording and its reconstruction from features, in twelve leads."
    picture = d.svg(930, 506, parts, caption)
    return Figure("From beat to features and back", caption, picture, _beat_csv(example, curves), in_ms(panels, read))


def _beat_panel(
    panel: d.Panel, times: NDArray[np.float64], waves: dict[str, NDArray[np.float64]], colours: dict[str, str]
) -> list[str]:  # fmt: skip
    """Paper and curves of one lead; times in seconds."""
    parts = [d.line(float(x), panel.top, float(x), panel.bottom, d.PAPER) for x in panel.x(np.arange(-0.2, 0.61, 0.2))]
    low, high = (np.ceil(panel.y_range[0] / LARGE_SQUARE_UV), np.floor(panel.y_range[1] / LARGE_SQUARE_UV))
    parts += [d.line(panel.left, float(y), panel.right, float(y), d.PAPER)
              for y in panel.y(np.arange(low, high + 1) * LARGE_SQUARE_UV)]  # fmt: skip
    for name, values in waves.items():
        width = 5 if name == "median beat" else 1.4
        parts.append(d.polyline(panel.x(times), panel.y(values), colours[name], width))
    return parts


def _beat_csv(example: Example, curves: dict[str, NDArray[np.float64]]) -> str:
    frames = []
    for i, lead in enumerate(example.leads):
        columns = {name.replace(" ", "_") + "_uv": array[i] for name, array in curves.items()}
        frames.append(pl.DataFrame({"lead": lead, "time_ms": example.beat_times_ms, **columns}))
    return pl.concat(frames).write_csv()


def error_distribution(representation: RepresentationResults) -> Figure | None:
    """Histogram of the reconstruction error over recordings and leads, on a logarithmic axis."""
    values = representation.mse["mse"].drop_nulls().to_numpy() if "mse" in representation.mse.columns else np.empty(0)
    values = values[np.isfinite(values) & (values > 0)]
    if len(values) < 2:
        return None
    logs = np.log10(values)
    limit = representation.max_mse
    ends = logs if limit is None else np.append(logs, np.log10(limit))  # the limit is always in the picture
    edges = np.linspace(ends.min(), ends.max() + 1e-9, 41)
    counts, _ = np.histogram(logs, edges)
    panel = d.Panel(
        64, 20, 380, 190, (float(edges[0]), float(edges[-1])), (0, float(counts.max()) * (1.06 if limit is None else 1.3))
    )
    parts = d.y_axis(panel, "recordings × leads", gap=48)
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        x, y = panel.x.at(left), panel.y.at(float(count))
        title = f"error {10**left:.3g} to {10**right:.3g}: {count:,}"
        parts.append(d.rect(x + 0.5, y, panel.x.at(right) - x - 1, panel.bottom - y, d.BLUE, title=title))
    middle = float(np.median(logs))
    parts += _labelled_line(panel, middle, f"median {10**middle:.3g}", d.VERMILION, panel.top + 10)
    parts += [] if limit is None else _labelled_line(panel, float(np.log10(limit)), f"limit {limit:g}", d.INK, panel.top + 26)
    parts += d.x_axis(panel, "log10 mean squared error (normalised units)")
    beyond = (
        ""
        if limit is None
        else f"; {int((values > limit).sum()):,} ({(values > limit).mean():.1%}) above the limit of {limit:g}"
    )
    caption = f"{len(values):,} recordings × leads; median {10**middle:.3g}, smallest {values.min():.3g}{beyond}."
    table = pl.DataFrame({"log10_mse_from": edges[:-1], "log10_mse_to": edges[1:], "count": counts})
    title = f"Reconstruction error of {representation.name}"
    return Figure(title, caption, d.svg(460, 260, parts, f"{title}: {caption}"), table.write_csv())


def _labelled_line(panel: d.Panel, value: float, words: str, colour: str, y: float) -> list[str]:
    """A dashed vertical line with words on the side where they fit."""
    at = panel.x.at(value)
    after = at + 5 + d.width_of(words) < panel.right
    line = d.line(at, panel.top, at, panel.bottom, colour, 1.5, stroke_dasharray="4 3")
    return [line, d.text(at + 5 if after else at - 5, y, words, fill=d.INK, anchor=None if after else "end")]


def training(representation: RepresentationResults) -> Figure | None:
    """Loss of each epoch, in training and on held-out participants."""
    history = representation.history
    if history.height == 0:
        return None
    drawn = history.select("epoch", "train_loss", "validation_loss", "learning_rate")
    epochs = drawn["epoch"].cast(pl.Float64).to_numpy()
    train, validation = (drawn[name].cast(pl.Float64).to_numpy() for name in ("train_loss", "validation_loss"))
    losses = np.concatenate([train, validation])
    top = float(np.nanmax(losses)) * 1.05 or 1.0
    panel = d.Panel(64, 34, 380, 176, (float(epochs[0]), float(max(epochs[-1], epochs[0] + 1))), (0, top))
    parts = [
        *d.legend(64, 18, [("training", d.BLUE), ("held-out participants", d.VERMILION)]),
        *d.y_axis(panel, "loss", gap=48),
    ]
    for values, colour in ((train, d.BLUE), (validation, d.VERMILION)):
        parts.append(d.polyline(panel.x(epochs), panel.y(values), colour, 2))
        parts.append(d.dots(panel.x(epochs), panel.y(values), colour, 4) if len(epochs) <= 30 else "")
    best = int(np.nanargmin(validation))
    at = panel.x.at(float(epochs[best]))
    parts.append(d.line(at, panel.top, at, panel.bottom, d.MUTED, 1, stroke_dasharray="4 3"))
    parts += d.x_axis(panel, "epoch")
    caption = (
        f"{len(epochs)} epochs; the best validation loss is {validation[best]:.4g} in epoch {epochs[best]:g} (dashed), whose "
        "weights are used."
    )
    title = f"Training of {representation.name}"
    curves = [Curve(0, epochs, train, "training", "", 4), Curve(0, epochs, validation, "held-out participants", "", 4)]
    picture = d.svg(460, 260, parts, f"{title}: {caption}")
    return Figure(title, caption, picture, drawn.write_csv(), PlotData([panel], curves=curves))


@dataclass(frozen=True)
class _Reliability:
    """A kind of reliability: its column of the table, its words in the key, its colour, its caption."""

    column: str
    words: str
    colour: str
    caption: str

    def full_caption(self, table: pl.DataFrame) -> str:
        """The caption with the median, and with the largest number of participants."""
        people = table["people"].max() if self.column == "icc" else 0
        return self.caption.format(middle=table[self.column].median(), people=people)


RELIABILITIES = (
    _Reliability(
        "r", "odd and even beats", d.BLUE,
        "on odd and on even heartbeats of the same recordings, sorted within a lead; median correlation {middle:.2f}",
    ),
    _Reliability(
        "icc", "two visits", d.VERMILION,
        "at two visits of {people:,} participants, sorted within a lead; median intraclass correlation, ICC(2,1), {middle:.2f}",
    ),
)  # fmt: skip


def reliability(representation: RepresentationResults) -> Figure | None:
    """Reliability of each feature by lead: between odd and even heartbeats, and between two visits."""
    table = representation.reliability
    drawn = [one for one in RELIABILITIES if table[one.column].null_count() < table.height]
    if not drawn:
        return None
    leads = table["lead"].unique(maintain_order=True).to_list()
    lowest = min(0.0, *(float(table[one.column].min()) for one in drawn))  # type: ignore[arg-type]
    panel = d.Panel(64, 20, 380, 190, (-0.5, len(leads) - 0.5), (lowest, 1.0))
    parts, points = d.y_axis(panel, "correlation", gap=48), list[Points]()
    for place, lead in enumerate(leads):
        for one in drawn:
            own = table.filter(pl.col("lead") == lead).drop_nulls(one.column).sort(one.column, "feature")
            values = own[one.column].to_numpy()
            spread = place + np.linspace(-0.3, 0.3, len(values)) if len(values) > 1 else np.full(len(values), place)
            parts.append(d.dots(panel.x(spread), panel.y(values), one.colour, 3.4))
            words = [
                f"{lead} {feature}, {one.words}: {value:.2f}"
                for feature, value in own.select("feature", one.column).iter_rows()
            ]
            points.append(Points(0, spread, values, words))
        at = panel.x.at(place)
        parts.append(d.text(at, panel.bottom + 16, lead, anchor="middle"))
    parts.append(d.line(panel.left, panel.bottom, panel.right, panel.bottom, d.MUTED))
    parts += d.legend(64, 12, [(one.words, one.colour) for one in drawn]) if len(drawn) > 1 else []
    caption = f"Each feature measured {', and '.join(one.full_caption(table) for one in drawn)}."
    title = f"Reliability of {representation.name}"
    numbers = table if RELIABILITIES[1] in drawn else table.select("lead", "feature", "r")
    picture = d.svg(460, 240, parts, f"{title}: {caption}")
    return Figure(title, caption, picture, numbers.write_csv(), PlotData([panel], points))
