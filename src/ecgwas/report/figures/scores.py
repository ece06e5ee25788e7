"""Polygenic scores: partial R2 of each score and trait, by trait group."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import polars as pl

from ecgwas.report.contents import Figure
from ecgwas.report.figures import svg as d
from ecgwas.report.text.numbers import p_and_neglog10p
from ecgwas.tables import files
from ecgwas.tables.files import ResultFile

LEFT, TOP, WIDTH, HEIGHT = 62.0, 16.0, 700.0, 210.0
MOST_SCORES = len(d.SERIES)
SIZE = 3.2
GAP = 3.0
"""Traits that would fit into the space between two groups."""


def figures(tables: Mapping[ResultFile, pl.DataFrame]) -> dict[str, Figure | None]:
    """The picture; none where the study has no scores of files, or none with a test."""
    tests = tables.get(files.SCORE_TRAITS)
    if tests is None or tests.height == 0 or tests["r2"].null_count() == tests.height:
        return {}
    return {"score_traits": by_group(tests.filter(pl.col("r2").is_not_null()))}


def group_of(trait: str) -> str:
    """<representation>.<lead> of a trait's name."""
    return ".".join(trait.split(".")[:2])


def by_group(tests: pl.DataFrame) -> Figure:
    """Points of r2, traits from left to right by group, one colour per score; the scores with the strongest tests.

    tests: of ScoreTraits, with r2.
    """
    strongest = tests.sort("neglog10p", descending=True)["score"].unique(maintain_order=True).to_list()
    scores = strongest[:MOST_SCORES]
    rows = tests.filter(pl.col("score").is_in(scores))
    places, spans = _places(sorted(rows["trait"].unique(), key=lambda name: (group_of(name), name)))
    top = max(float(rows["r2"].max()) * 1.12, 1e-4)  # type: ignore[arg-type]
    panel = d.Panel(LEFT, TOP, WIDTH, HEIGHT, (0.0, max(places.values()) + 1.0), (0.0, top))
    parts = [*d.y_axis(panel, "partial R²", gap=42), d.line(panel.left, panel.bottom, panel.right, panel.bottom, d.MUTED)]
    for name, start, stop in spans:
        if panel.x.at(stop) - panel.x.at(start) >= d.width_of(name, 11):
            parts.append(d.text((panel.x.at(start) + panel.x.at(stop)) / 2, panel.bottom + 16, name, anchor="middle"))
    null = rows["r2_null"].mean()
    if null is not None:
        at = panel.y.at(float(null))  # type: ignore[arg-type]
        parts.append(d.line(panel.left, at, panel.right, at, d.INK, 1, stroke_dasharray="5 4"))
    for row in rows.iter_rows(named=True):
        parts.append(_point(panel, row, places[row["trait"]], d.SERIES[scores.index(row["score"])]))
    parts += d.legend(LEFT, panel.bottom + 40, [(name, d.SERIES[k]) for k, name in enumerate(scores)])
    return Figure("Scores and traits", _caption(tests, scores), d.svg(800, panel.bottom + 52, parts, "scores and traits"),
                  rows.write_csv())  # fmt: skip


def _caption(tests: pl.DataFrame, scores: list[str]) -> str:
    significant = int(tests["significant"].sum())
    more = tests["score"].n_unique() - len(scores)
    others = f" {more} further scores are in the table." if more else ""
    return (
        f"Partial R² of each score and trait, given the covariates; traits by representation and lead. {significant} of "
        f"{tests.height:,} tests are significant (filled). The dashed line is the mean of permuted scores.{others}"
    )


def _point(panel: d.Panel, row: Mapping[str, Any], place: float, colour: str) -> str:
    x, y = d.number(panel.x.at(place)), d.number(panel.y.at(row["r2"]))
    fill = colour if row["significant"] else "none"
    words = f"{row['score']}, {row['trait']}: {p_and_neglog10p(row['neglog10p'])}"
    given = f"cx='{x}' cy='{y}' r='{SIZE}' fill='{fill}' stroke='{colour}'"
    return f"<circle {given}><title>{escape(words, quote=False)}</title></circle>"


def _places(traits: list[str]) -> tuple[dict[str, float], list[tuple[str, float, float]]]:
    """The coordinate of each trait, and of each group its start and end."""
    places: dict[str, float] = {}
    spans: list[tuple[str, float, float]] = []
    x = 0.0
    for trait in traits:
        name = group_of(trait)
        if not spans or spans[-1][0] != name:
            x += GAP if spans else 0.0
            spans.append((name, x, x))
        x += 1
        spans[-1] = (name, spans[-1][1], x)
        places[trait] = x - 0.5
    return places, spans
