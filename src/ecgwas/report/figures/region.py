"""Regional plot of a locus: every variant's test, its r² with the lead variant, the genes below."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ecgwas.report.contents import Figure, LocusRegion
from ecgwas.report.figures import svg as d

LEFT, WIDTH, TOP, HEIGHT = 56.0, 860.0, 34.0, 220.0
R2_COLOURS = ((0.8, d.CIVIDIS[9]), (0.6, d.CIVIDIS[7]), (0.4, d.CIVIDIS[5]), (0.2, d.CIVIDIS[3]), (0.0, d.CIVIDIS[1]))
"""Smallest r² of each colour, strongest first (cividis)."""

MOST_ROWS = 7
"""Most rows of genes; genes that do not fit are only in the file of numbers."""

ROW = 24.0

PLACE = ("pos", "effect_allele", "other_allele")
"""What identifies a variant on its chromosome."""


def region(here: LocusRegion, limit: float, credible_sets: pl.DataFrame | None = None) -> Figure | None:
    """-log10 p along the region, coloured by r squared with the lead variant; None where no variant was tested.

    limit: -log10 p of the threshold;  credible_sets: Credible's columns locus and PLACE; None: not computed
    """
    tests = here.tests.filter(pl.col("neglog10p").is_finite())
    if tests.height == 0:
        return None
    top = max(float(tests["neglog10p"].max()), limit) * 1.1  # type: ignore[arg-type]
    panel = d.Panel(LEFT, TOP, WIDTH, HEIGHT, (here.start / 1e6, here.stop / 1e6), (0, top))
    credible = _credible(credible_sets, here)
    parts = [
        *_key(_of_lead(here), bool(credible)),
        *d.y_axis(panel, "−log10 p", gap=38),
        *_points(panel, tests, here, credible),
    ]
    at = panel.y.at(limit)
    parts.append(d.line(panel.left, at, panel.right, at, d.INK, 1, stroke_dasharray="5 4"))
    rows, left_out = _rows(panel, here.genes)
    below = panel.bottom + 12
    for place, row in enumerate(rows):
        for name, start, stop in row:
            parts += _gene(panel, name, start, stop, below + place * ROW)
    axis = d.Panel(LEFT, TOP, WIDTH, below + len(rows) * ROW - TOP, panel.x_range, panel.y_range)
    parts += d.x_axis(axis, f"chromosome {here.chrom}, Mb", about=8)
    caption = _caption(here, tests, left_out)
    picture = d.svg(930, axis.bottom + 44, parts, caption)
    title = f"Around {here.lead['variant'] if here.locus is None else f'locus {here.locus}'}"
    return Figure(title, caption, picture, tests.write_csv())


def _caption(here: LocusRegion, tests: pl.DataFrame, left_out: int) -> str:
    genes = (
        f"{here.genes.height} genes lie here"
        if here.genes.height
        else "there is no table of genes, or none of its genes is here"
    )
    more = f", {left_out} of them not drawn for lack of space" if left_out else ""
    return (
        f"{'' if here.locus is None else f'Locus {here.locus}: '}{here.trait} against all {tests.height:,} variants tested "
        f"here; colour is r² with {_of_lead(here)} {here.lead['variant']} (diamond) among the participants tested; dashed is "
        f"the study's threshold; {genes}{more}."
    )


def _credible(table: pl.DataFrame | None, here: LocusRegion) -> set[tuple[Any, ...]]:
    """Variants (columns PLACE) of the locus' credible sets, where they were computed."""
    return set() if table is None else set(table.filter(pl.col("locus") == here.locus).select(PLACE).iter_rows())


def _of_lead(here: LocusRegion) -> str:
    """What the variant is with which r squared is computed."""
    return "the variant" if here.locus is None else "the lead variant"


def _key(lead: str, credible: bool) -> list[str]:
    parts = [d.text(LEFT, 18, f"r² with {lead}", fill=d.INK)]
    x = LEFT + 140.0
    for min_r2, colour in R2_COLOURS:
        parts.append(d.dots([x], [14], d.INK, 9))
        parts.append(d.dots([x], [14], colour, 7.6))
        parts.append(d.text(x + 9, 18, f"{min_r2:g}–{min_r2 + 0.2:g}", fill=d.INK))
        x += 66
    if credible:
        parts += [_ring(x + 4, 14), d.text(x + 15, 18, "in a credible set", fill=d.INK)]
    return parts


def _ring(x: float, y: float) -> str:
    return f"<circle cx='{d.number(x)}' cy='{d.number(y)}' r='7' fill='none' stroke='{d.VERMILION}' stroke-width='1.6'/>"


def _points(panel: d.Panel, tests: pl.DataFrame, here: LocusRegion, credible: set[tuple[Any, ...]]) -> list[str]:
    x, y = panel.x(tests["pos"].to_numpy() / 1e6), panel.y(tests["neglog10p"].to_numpy())
    r2 = tests["r2"].fill_null(-1.0).to_numpy()
    parts = [d.dots(x[r2 < 0], y[r2 < 0], d.LIGHT, 5)]
    upper = np.inf
    for min_r2, colour in R2_COLOURS:
        chosen = (r2 >= min_r2) & (r2 < upper)
        upper = min_r2
        # A rim, so that every colour contrasts with a light and with a dark page.
        parts.insert(1, d.dots(x[chosen], y[chosen], colour, 5.4))
        parts.insert(1, d.dots(x[chosen], y[chosen], d.MUTED, 7))
    variants = list(tests.select(PLACE).iter_rows())
    parts += [_ring(float(x[i]), float(y[i])) for i, variant in enumerate(variants) if variant in credible]
    lead = tuple(here.lead[name] for name in PLACE)
    for i in [i for i, variant in enumerate(variants) if variant == lead][:1]:
        parts.append(_diamond(float(x[i]), float(y[i])))
        anchor = "start" if x[i] < panel.left + panel.width / 2 else "end"
        offset = 11 if anchor == "start" else -11
        parts.append(d.text(float(x[i]) + offset, float(y[i]) + 4, here.lead["variant"], anchor=anchor, fill=d.INK))
    return parts


def _diamond(x: float, y: float) -> str:
    points = " ".join(f"{d.number(x + dx)},{d.number(y + dy)}" for dx, dy in ((0, -8), (8, 0), (0, 8), (-8, 0)))
    return f"<polygon points='{points}' fill='{d.VERMILION}' stroke='{d.SURFACE}' stroke-width='1.5'/>"


def _rows(panel: d.Panel, genes: pl.DataFrame) -> tuple[list[list[tuple[str, int, int]]], int]:
    """Genes in rows such that neither bars nor names overlap, and how many do not fit."""
    rows: list[list[tuple[str, int, int]]] = []
    ends: list[float] = []
    left_out = 0
    for name, start, stop in genes.sort("start", "stop", "gene").iter_rows():
        low, high = _extent(panel, name, start, stop)
        free = [i for i, end in enumerate(ends) if end + 6 < low]
        if not free and len(rows) == MOST_ROWS:
            left_out += 1
            continue
        if not free:
            rows.append([])
            ends.append(0.0)
        place = free[0] if free else len(rows) - 1
        rows[place].append((name, start, stop))
        ends[place] = high
    return rows, left_out


def _extent(panel: d.Panel, name: str, start: int, stop: int) -> tuple[float, float]:
    """Where a gene's bar or name begins and ends, in coordinates."""
    first, last = panel.x.at(max(start / 1e6, panel.x_range[0])), panel.x.at(min(stop / 1e6, panel.x_range[1]))
    middle, half = (first + last) / 2, d.width_of(name, 10) / 2
    return min(first, middle - half), max(last, middle + half)


def _gene(panel: d.Panel, name: str, start: int, stop: int, y: float) -> list[str]:
    first, last = panel.x.at(max(start / 1e6, panel.x_range[0])), panel.x.at(min(stop / 1e6, panel.x_range[1]))
    half = d.width_of(name, 10) / 2
    middle = min(max((first + last) / 2, panel.left + half), panel.right - half)
    bar = d.rect(first, y, max(last - first, 1.5), 6, d.BLUE, title=f"{name} {start:,}–{stop:,}", rx=1)
    return [bar, d.text(middle, y + 17, name, size=10, anchor="middle", fill=d.INK, font_style="italic")]
