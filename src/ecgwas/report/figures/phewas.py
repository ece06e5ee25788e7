"""All traits of one variant (a phenome-wide scan): -log10 p by trait, grouped by representation and lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ecgwas.leads import ALL_LEADS
from ecgwas.report.contents import Figure
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.triangles import SIZE, labels, triangles
from ecgwas.report.names import in_address
from ecgwas.report.plot_data import PlotData, Points
from ecgwas.report.text import effects
from ecgwas.report.text.numbers import p_and_neglog10p
from ecgwas.report.trait_order import lead_rank, natural, wave_of, wave_rank, with_pieces

LEFT, TOP, WIDTH, HEIGHT = 56.0, 16.0, 860.0, 240.0
MIN_LEAD_WIDTH = 16.0
"""A lead with less room for its name on the axis is not named there."""

MAIN, REPRESENTATIONS = range(2)
"""Panels: the tests, and the names of representations below them."""

GAP = 3.0
"""Traits that would fit into the space between two representations."""


@dataclass(frozen=True)
class Place:
    """Where a trait is drawn: its coordinate in traits, and the number of its lead, which sets the colour."""

    x: float
    group: int


def phewas(
    variant: str, effect_allele: str, tests: pl.DataFrame, limit: float, *, sd_unit: str = "SD", linked: bool = False,
    name: str = "phewas",
) -> Figure | None:  # fmt: skip
    """-log10 p of every trait, as triangles that point in the direction of the effect; None if no trait was tested.

    tests: columns trait, beta, neglog10p and others, which the numbers keep; with se, n, effect, effect_se and unit, the
    pointer shows them. limit: -log10 p of the threshold;  sd_unit: unit of beta;  linked: traits lead to their pages;
    name: of the figure, unique on its page
    """
    tested = tests.filter(pl.col("neglog10p").is_finite())
    if tested.height == 0:
        return None
    ordered = in_order(tested)
    places, spans = _places(ordered)
    top = max(float(ordered["neglog10p"].max()), limit) * 1.16  # type: ignore[arg-type]
    panel = d.Panel(LEFT, TOP, WIDTH, HEIGHT, (0.0, max(place.x for place in places) + 1), (0.0, top))
    beyond = int((ordered["neglog10p"] > limit).sum())
    at, heights = panel.y.at(limit), ordered["neglog10p"].to_list()
    signed = (
        (place.x, height, beta, place.group) for place, height, beta in zip(places, heights, ordered["beta"], strict=True)
    )
    named = ((height, place.x, trait) for place, height, trait in zip(places, heights, ordered["trait"], strict=True))
    parts = [
        *d.y_axis(panel, "−log10 p", gap=38),
        *_groups(panel, spans, name),
        d.line(panel.left, at, panel.right, at, d.INK, 1, stroke_dasharray="5 4"),
        d.line(panel.left, panel.bottom, panel.right, panel.bottom, d.MUTED),
        d.zoomable(MAIN, panel, [*triangles(panel, signed), *labels(panel, named, limit)], name, room=SIZE),
    ]
    caption = (
        f"{variant} against {ordered.height:,} traits, by representation and lead, measured features by wave: {beyond} beyond "
        f"the study's threshold (−log10 p {limit:.2f}, dashed). A triangle points up where {_allele(effect_allele)} raises the "
        "trait."
    )
    picture = d.svg(930, panel.bottom + 52, parts, caption)
    links = [f"#trait-{in_address(trait)}" for trait in ordered["trait"]] if linked else []
    words = [_words(row, effect_allele, sd_unit) for row in ordered.iter_rows(named=True)]
    points = Points(0, [place.x for place in places], ordered["neglog10p"].to_numpy(), words, links)
    names = [(start, stop, lead) for _, lead, start, stop in spans]
    plot = PlotData((panel, _below(panel)), [points], (), (MAIN, REPRESENTATIONS), "names", names=names)
    return Figure(f"All traits of {variant}", caption, picture, ordered.write_csv(), plot)


def _words(row: Mapping[str, Any], effect_allele: str, sd_unit: str) -> str:
    """A trait's test in lines."""
    lines = [
        row["trait"],
        p_and_neglog10p(row["neglog10p"]),
        effects.per_copy({**row, "effect_allele": effect_allele}, sd_unit),
        "" if row.get("n") is None else f"{row['n']:,} participants",
    ]
    return "\n".join(line for line in lines if line)


def in_order(tests: pl.DataFrame) -> pl.DataFrame:
    """The rows by representation (in the order in which they come), lead, wave and feature."""
    rows = with_pieces(tests).with_row_index("row")
    first = {name: place for place, name in enumerate(rows["representation"].unique(maintain_order=True))}
    keys = [
        (first[representation], lead_rank(lead or ""), wave_rank(feature or ""), natural(feature or ""), row)
        for row, representation, lead, feature in rows.select("row", "representation", "lead", "feature").iter_rows()
    ]
    return tests[[row for *_, row in sorted(keys)]]


def _allele(name: str) -> str:
    return name if len(name) <= 10 else "the effect allele"


def _places(ordered: pl.DataFrame) -> tuple[list[Place], list[tuple[str, str, float, float]]]:
    """The place of each row, and of each lead (of all leads together, each wave) its representation, name, first and last
    coordinate."""
    places: list[Place] = []
    spans: list[tuple[str, str, float, float]] = []
    x = 0.0
    for representation, lead, feature in with_pieces(ordered).select("representation", "lead", "feature").iter_rows():
        group = (wave_of(feature or "") or lead) if lead == ALL_LEADS else lead
        if not spans or spans[-1][:2] != (representation, group):
            x += GAP if spans and spans[-1][0] != representation else 0.0
            spans.append((representation, group, x, x))
        x += 1
        spans[-1] = (*spans[-1][:3], x)
        places.append(Place(x - 0.5, len(spans) - 1))
    return places, spans


def _below(panel: d.Panel) -> d.Panel:
    """Where the names of representations are."""
    return d.Panel(panel.left, panel.bottom + 18, panel.width, 24.0, panel.x_range, (0.0, 1.0))


def _groups(panel: d.Panel, spans: Sequence[tuple[str, str, float, float]], name: str) -> list[str]:
    """Names of leads or waves and, below, of representations."""
    leads: list[str] = []
    for _, lead, start, stop in spans:
        if panel.x.at(stop) - panel.x.at(start) >= max(MIN_LEAD_WIDTH, d.width_of(lead, 10)):
            middle = (panel.x.at(start) + panel.x.at(stop)) / 2
            leads.append(d.text(middle, panel.bottom + 14, lead, size=11, anchor="middle"))
    below: list[str] = []
    for representation in dict.fromkeys(span[0] for span in spans):
        own = [span for span in spans if span[0] == representation]
        start, stop = panel.x.at(own[0][2]), panel.x.at(own[-1][3])
        below.append(d.line(start, panel.bottom + 22, stop, panel.bottom + 22, d.MUTED))
        half = d.width_of(representation, 12) / 2
        middle = min(max((start + stop) / 2, panel.left + half), panel.right - half)
        below.append(d.text(middle, panel.bottom + 37, representation, anchor="middle", size=12, fill=d.INK))
    return [d.ticks_of(MAIN, leads), d.zoomable(REPRESENTATIONS, _below(panel), below, name)]
