"""Outcomes: the strongest trait of each by group of diseases, and a forest of the effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ecgwas.report.contents import Figure
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.triangles import SIZE, labels, triangles
from ecgwas.report.plot_data import PlotData, Points
from ecgwas.report.text.numbers import p_and_neglog10p, with_minus
from ecgwas.tables import files
from ecgwas.tables.files import ResultFile

LEFT, TOP, WIDTH, HEIGHT = 56.0, 16.0, 860.0, 240.0
GAP = 2.0
"""Outcomes that would fit into the space between two groups."""
ROW, MOST_ROWS = 19.0, 30
NAMES_WIDTH, NUMBERS_WIDTH = 360.0, 190.0


def figures(tables: Mapping[ResultFile, pl.DataFrame]) -> dict[str, Figure | None]:
    """Both pictures; None where the study has no outcomes, or none with a test."""
    outcomes, tests, thresholds = (tables.get(file) for file in (files.OUTCOMES, files.OUTCOME_TESTS, files.OUTCOME_THRESHOLDS))
    if outcomes is None or tests is None or thresholds is None or tests.height == 0:
        return {}
    used = thresholds.filter(pl.col("used"))
    limit = float(used["neglog10p"][0])
    strongest = tests.unique(["outcome", "analysis"], keep="first", maintain_order=True)
    order = outcomes.select("outcome", "analysis").with_row_index("place")
    placed = strongest.join(order, on=["outcome", "analysis"]).sort("place")
    return {"outcomes_phewas": phewas(placed, limit, str(used["kind"][0])), "outcomes_forest": forest(strongest)}


def phewas(rows: pl.DataFrame, limit: float, kind: str) -> Figure:
    """-log10 p of each outcome's strongest trait, by group; a triangle points up where the trait raises the risk or the value.

    rows: of OutcomeTests, one per outcome, in the order of the outcomes; limit: -log10 p of the threshold of this kind.
    """
    ordered = pl.concat([rows.filter(pl.col("group") == group) for group in rows["group"].unique(maintain_order=True)])
    places, spans = _places(ordered["group"].to_list())
    top = max(float(ordered["neglog10p_score"].max()), limit) * 1.16  # type: ignore[arg-type]
    panel = d.Panel(LEFT, TOP, WIDTH, HEIGHT, (0.0, places[-1] + 1.5), (0.0, top))
    at, name = panel.y.at(limit), "outcomes_phewas"
    heights = ordered["neglog10p_score"].to_list()
    groups = {group: k for k, (group, *_) in enumerate(spans)}
    signed = zip(places, heights, ordered["beta"], map(groups.__getitem__, ordered["group"]), strict=True)
    named_marks = zip(heights, places, map(named, ordered.iter_rows(named=True)), strict=True)
    marks = [*triangles(panel, signed), *labels(panel, named_marks, limit)]
    parts = [
        *d.y_axis(panel, "−log10 p of the strongest trait", gap=38), *_groups(panel, spans),
        d.line(panel.left, at, panel.right, at, d.INK, 1, stroke_dasharray="5 4"),
        d.line(panel.left, panel.bottom, panel.right, panel.bottom, d.MUTED), d.zoomable(0, panel, marks, name, room=SIZE),
    ]  # fmt: skip
    beyond = int((ordered["neglog10p_score"] > limit).sum())
    caption = (
        f"{ordered.height:,} outcomes by group, each with its strongest trait (score test): {beyond} beyond the threshold over "
        f"all traits and outcomes ({kind}, −log10 p {limit:.2f}, dashed). A triangle points up where the trait raises the risk "
        "or the value."
    )
    words = [_words(row) for row in ordered.iter_rows(named=True)]
    points = Points(0, places, ordered["neglog10p_score"].to_numpy(), words)
    picture = d.svg(930, panel.bottom + 40, parts, caption)
    plot = PlotData((panel,), [points], (), (0,), "names", names=[(start, stop, group) for group, start, stop in spans])
    return Figure("Strongest trait of each outcome", caption, picture, ordered.drop("place").write_csv(), plot)


def _words(row: Mapping[str, Any]) -> str:
    """An outcome's strongest test in lines."""
    return "\n".join([named(row), row["trait"], p_and_neglog10p(row["neglog10p_score"]), effect(row)])


def named(row: Mapping[str, Any]) -> str:
    """The outcome, with its analysis where there may be two."""
    shown = str(row["outcome"]).replace("_", " ")
    return f"{shown} ({row['analysis']})" if row["analysis"] in ("prevalent", "incident") else shown


def effect(row: Mapping[str, Any], *, in_full: bool = True) -> str:
    """`odds ratio 1.84 (1.20 to 2.80) per SD`, or only the numbers; what is missing is a dash."""
    columns = ("beta", "low", "high") if row["measure"] == "slope" else ("ratio", "ratio_low", "ratio_high")
    form = ".3g" if row["measure"] == "slope" else ".2f"
    value, low, high = ("–" if row[name] is None else with_minus(format(row[name], form)) for name in columns)
    numbers = f"{value} ({low} to {high})"
    return f"{row['measure']} {numbers} per SD" if in_full else numbers


def _places(groups: Sequence[str]) -> tuple[list[float], list[tuple[str, float, float]]]:
    """The coordinate of each outcome, and of each group its first and last."""
    places: list[float] = []
    spans: list[tuple[str, float, float]] = []
    x = 0.0
    for group in groups:
        if not spans or spans[-1][0] != group:
            x += GAP if spans else 0.0
            spans.append((group, x, x))
        x += 1
        spans[-1] = (group, spans[-1][1], x)
        places.append(x - 0.5)
    return places, spans


def _groups(panel: d.Panel, spans: Sequence[tuple[str, float, float]]) -> list[str]:
    """Names of the groups that have room for them."""
    parts = []
    for group, start, stop in spans:
        if panel.x.at(stop + GAP) - panel.x.at(start) >= d.width_of(group, 11):
            parts.append(d.text((panel.x.at(start) + panel.x.at(stop)) / 2, panel.bottom + 16, group, anchor="middle"))
    return [d.ticks_of(0, parts)]


def forest(strongest: pl.DataFrame) -> Figure | None:
    """Odds and hazard ratios with 95 % intervals of each outcome's strongest trait, at most MOST_ROWS; None without a ratio."""
    whole = pl.all_horizontal(pl.col(name).is_not_null() for name in ("ratio", "ratio_low", "ratio_high"))
    rows = strongest.filter(whole).head(MOST_ROWS)
    if rows.height == 0:
        return None
    low, high = (float(rows[name].min() if name == "low" else rows[name].max()) for name in ("low", "high"))  # type: ignore[arg-type]
    margin = 0.05 * (max(high, 0.0) - min(low, 0.0))
    reach = (min(low, 0.0) - margin, max(high, 0.0) + margin)
    panel = d.Panel(NAMES_WIDTH, TOP, 930 - NAMES_WIDTH - NUMBERS_WIDTH, ROW * rows.height, reach, (float(rows.height), 0.0))
    zero = panel.x.at(0.0)
    parts = [*d.x_axis(panel, "log odds ratio or log hazard ratio per SD of the trait", grid=True)]
    parts.append(d.line(zero, panel.top, zero, panel.bottom, d.MUTED))
    for k, row in enumerate(rows.iter_rows(named=True)):
        y, colour = panel.top + ROW * (k + 0.5), d.VERMILION if row["measure"] == "hazard ratio" else d.BLUE
        parts += [
            d.text(NAMES_WIDTH - 10, y + 4, f"{named(row)}, {row['trait']}", anchor="end", fill=d.INK),
            d.line(panel.x.at(row["low"]), y, panel.x.at(row["high"]), y, colour, 1.6),
            d.rect(panel.x.at(row["beta"]) - SIZE, y - SIZE, 2 * SIZE, 2 * SIZE, colour),
            d.text(panel.right + 12, y + 4, effect(row, in_full=False), fill=d.INK),
        ]  # fmt: skip
    parts += d.legend(NAMES_WIDTH, panel.bottom + 56, [("odds ratio", d.BLUE), ("hazard ratio", d.VERMILION)])
    caption = (
        f"Ratio per SD of the strongest trait of {rows.height} outcomes, with 95 % intervals. A trait chosen as the strongest "
        "of many has an effect that is too large on average (winner's curse)."
    )
    return Figure("Effects of the strongest traits", caption, d.svg(930, panel.bottom + 66, parts, caption), rows.write_csv())
