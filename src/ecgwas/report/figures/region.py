"""Regional plot of a locus: every variant's test, its r² with the lead variant, recombination rates, the genes below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report.contents import Figure, LocusRegion, RegionLayer
from ecgwas.report.figures import gene_track
from ecgwas.report.figures import svg as d
from ecgwas.report.names import slug
from ecgwas.report.plot_data import Curve, PlotData, Points
from ecgwas.report.text import effects
from ecgwas.report.text.numbers import p_and_neglog10p

LEFT, RIGHT, TOP, HEIGHT = 56.0, 916.0, 34.0, 220.0
ROOM_FOR_RATES = 44.0
"""Width of the axis of recombination rates."""

R2_COLOURS = ((0.8, "#f6f32b"), (0.6, "#fbb040"), (0.4, "#f27a62"), (0.2, "#bf50b4"), (0.0, "#4c49cc"))
"""Smallest r² of each colour, strongest first: yellow, orange, red, purple, blue, each darker than the one before, so that they
differ with any colour vision and in grey."""

WITH_RIM = 0.4
"""From this r² on the colours are light: points have a rim, so that they contrast with a light page, too."""

TOP_RATE = 100.0
"""cM/Mb at the top of the axis of recombination rates, unless a rate here is larger."""

MOST_POINTED, MOST_POINTED_OF_LAYERS = 1_000, 200
"""The strongest tests, this many, can be pointed at: of the strongest trait, and of each other trait or signal. All are drawn
and in the file of numbers."""

PLACE = ("pos", "effect_allele", "other_allele")
"""What identifies a variant on its chromosome."""

MAIN, RATES, GENES = range(3)
"""Panels."""

NATURAL = ("effect", "effect_se", "unit")

RING = ((d.INK, 12.4), (d.SURFACE, 9.4))
"""Colour and size of two wide dots below a point of a credible set: they keep their shape when the plot is stretched."""

CURVE_STEPS = 430
"""The recombination rate can be read off at each end of an interval of the map, and at this many places between the edges."""


@dataclass(frozen=True)
class _Layer:
    """What is drawn: a trait's tests and the variant of the diamond."""

    trait: str
    signal: int | None
    lead: Mapping[str, Any]
    tests: pl.DataFrame


@dataclass(frozen=True)
class _Group:
    """Variants that look alike: their tests; colour and size of the dots that lie on each other; whether they have words."""

    tests: pl.DataFrame
    dots: tuple[tuple[str, float], ...]
    has_words: bool = True


def figures(
    here: LocusRegion, limit: float, credible_sets: pl.DataFrame | None = None, hits: pl.DataFrame | None = None,
    sd_unit: str = "SD",
) -> dict[str, Figure | None]:  # fmt: skip
    """File name -> regional plot of a locus' strongest trait, of its other traits, and of its separate signals."""
    drawn: dict[str, Figure | None] = {name_of(here.locus): region(here, limit, credible_sets, hits=hits, sd_unit=sd_unit)}
    for layer in here.layers:
        own = None if layer.signal is None else credible_sets
        drawn[name_of(here.locus, layer)] = region(here, limit, own, layer, hits=hits, sd_unit=sd_unit)
    return drawn


def name_of(locus: int | None, layer: RegionLayer | None = None) -> str:
    """Name of the file of a locus' plot."""
    if layer is None:
        return f"region_{locus}"
    return f"region_{locus}_{slug(layer.trait) if layer.signal is None else f'signal_{layer.signal}'}"


def region(
    here: LocusRegion, limit: float, credible_sets: pl.DataFrame | None = None, layer: RegionLayer | None = None, *,
    hits: pl.DataFrame | None = None, sd_unit: str = "SD", which: str = "",
) -> Figure | None:  # fmt: skip
    """-log10 p along the region, coloured by r squared with the lead variant; None where no variant was tested.

    limit: -log10 p of the threshold;  credible_sets: Credible's columns locus and PLACE; None: not computed;  layer: one of the
    region's, instead of its strongest trait;  hits: columns of Hits, for effects in the trait's unit;  sd_unit: unit of beta;
    which: which variants `tests` has, in words; by default all that were tested here
    """
    shown = _Layer(here.trait, None, here.lead, here.tests)
    if layer is not None:
        shown = _Layer(layer.trait, layer.signal, layer.lead, layer.tests)
    tests = shown.tests.filter(pl.col("neglog10p").is_finite())
    if tests.height == 0:
        return None
    top = max(float(tests["neglog10p"].max()), limit) * 1.1  # type: ignore[arg-type]
    right = RIGHT - (ROOM_FOR_RATES if here.recombination.height else 0.0)
    panel = d.Panel(LEFT, TOP, right - LEFT, HEIGHT, (here.start, here.stop), (0, top))
    rows, left_out = gene_track.rows(panel, here.genes)
    track = d.Panel(LEFT, panel.bottom + 12, panel.width, len(rows) * gene_track.ROW, panel.x_range, (0, max(len(rows), 1)))
    credible = _credible(credible_sets, here)
    groups = _groups(tests, credible)
    name = name_of(here.locus, layer) if here.locus is not None else f"region_{slug(shown.trait)}"
    curves, rates = _rates(panel, here.recombination, name)
    genes = [gene_track.drawn(track, gene, track.top + i * gene_track.ROW) for i, row in enumerate(rows) for gene in row]
    at = panel.y.at(limit)
    parts = [
        *_key(_of_lead(here, shown), bool(credible), tests["r2"].null_count() > 0, bool(curves)),
        *d.y_axis(panel, "−log10 p", gap=38),
        *rates,
        d.zoomable(MAIN, panel, _marks(panel, groups, shown), name),
        d.line(panel.left, at, panel.right, at, d.INK, 1, stroke_dasharray="5 4"),
        d.zoomable(GENES, track, genes, name) if genes else "",
        *_axis(track, here.chrom),
    ]
    caption = _caption(here, shown, tests, left_out, which or f"all {tests.height:,} variants tested here")
    picture = d.svg(930, track.bottom + 44, parts, caption)
    points = _points(groups, _words_of_strongest(tests, here, shown, hits, sd_unit))
    panels = (panel, _rate_panel(panel, here.recombination), track)
    plot = PlotData(panels, points, curves, (MAIN, *((RATES,) if curves else ()), *((GENES,) if genes else ())), "bp")
    return Figure(_title(here, shown), caption, picture, tests.write_csv(), plot)


def _title(here: LocusRegion, shown: _Layer) -> str:
    around = f"Around {here.lead['variant'] if here.locus is None else f'locus {here.locus}'}"
    if shown.signal is not None:
        return f"{around}: signal {shown.signal}, {shown.lead['variant']}"
    return around if here.locus is None or shown.trait == here.trait else f"{around}: {shown.trait}"


def _caption(here: LocusRegion, shown: _Layer, tests: pl.DataFrame, left_out: int, which: str) -> str:
    genes = (
        f"{here.genes.height} genes lie here"
        if here.genes.height
        else "there is no table of genes, or none of its genes is here"
    )
    more = f", {left_out} of them not drawn for lack of space" if left_out else ""
    conditional = ", conditional on the other signals of the locus," if shown.signal is not None else ""
    rates = "; the line is the recombination rate of the study's genetic map (right axis)" if here.recombination.height else ""
    of_locus = "" if here.locus is None else f"Locus {here.locus}: "
    return (
        f"{of_locus}{shown.trait} against {which}{conditional}; colour is r² with "
        f"{_of_lead(here, shown)} {shown.lead['variant']} (diamond) among the participants tested; dashed is the study's "
        f"threshold{rates}; {genes}{more}."
    )


def _credible(table: pl.DataFrame | None, here: LocusRegion) -> set[tuple[Any, ...]]:
    """Variants (columns PLACE) of the locus' credible sets, where they were computed."""
    return set() if table is None else set(table.filter(pl.col("locus") == here.locus).select(PLACE).iter_rows())


def _of_lead(here: LocusRegion, shown: _Layer) -> str:
    """What the variant is with which r squared is computed."""
    if shown.signal is not None:
        return "the signal's variant"
    return "the variant" if here.locus is None else "the lead variant"


def _key(lead: str, credible: bool, unknown: bool, rates: bool) -> list[str]:
    parts = [d.text(LEFT, 18, f"r² with {lead}", fill=d.INK)]
    x = LEFT + d.width_of(f"r² with {lead}") + 4
    for min_r2, colour in R2_COLOURS[::-1]:
        parts += [d.dots([x], [14], d.MUTED, 8.8) if min_r2 >= WITH_RIM else "", d.dots([x], [14], colour, 7.4)]
        parts.append(d.text(x + 9, 18, f"{min_r2:g}–{min_r2 + 0.2:g}", fill=d.INK))
        x += 62
    if unknown:
        parts += [d.dots([x], [14], d.LIGHT, 7.4), d.text(x + 9, 18, "not known", fill=d.INK)]
        x += 76
    if credible:
        parts += [d.dots([x + 4], [14], colour, size) for colour, size in (*RING, (d.SURFACE, 7.0))]
        parts.append(d.text(x + 15, 18, "credible set", fill=d.INK))
        x += 96
    if rates:
        parts += [d.line(x, 14, x + 16, 14, d.SKY, 2), d.text(x + 21, 18, "recombination rate", fill=d.INK)]
    return parts


def _groups(tests: pl.DataFrame, credible: set[tuple[Any, ...]]) -> list[_Group]:
    """Variants by r squared, weakest first, so that the strongest lie on top; rings below those of credible sets."""
    r2 = tests["r2"].fill_null(-1.0)
    ringed = pl.Series([variant in credible for variant in tests.select(PLACE).iter_rows()], dtype=pl.Boolean)
    groups = [_Group(tests.filter(r2 < 0), ((d.LIGHT, 5.0),)), _Group(tests.filter(ringed), RING, has_words=False)]
    for (min_r2, colour), upper in reversed(list(zip(R2_COLOURS, (np.inf, *(low for low, _ in R2_COLOURS)), strict=False))):
        rim = ((d.MUTED, 6.8),) if min_r2 >= WITH_RIM else ()
        groups.append(_Group(tests.filter((r2 >= min_r2) & (r2 < upper)), (*rim, (colour, 5.4))))
    return [group for group in groups if group.tests.height]


def _marks(panel: d.Panel, groups: Sequence[_Group], shown: _Layer) -> list[str]:
    """Variants, then the lead as a diamond with its name."""
    parts = []
    for k, group in enumerate(groups):
        x, y = panel.x(group.tests["pos"].to_numpy()), panel.y(group.tests["neglog10p"].to_numpy())
        parts += [d.dots(x, y, colour, size, points=k) for colour, size in group.dots]
    is_lead = [pl.col(name) == shown.lead[name] for name in PLACE]
    lead = shown.tests.filter(*is_lead, pl.col("neglog10p").is_finite()).select("pos", "neglog10p").head(1)
    for pos, height in lead.iter_rows():
        across, up = panel.x.at(pos), panel.y.at(height)
        parts.append(_diamond(across, up))
        anchor, offset = ("start", 11) if across < panel.left + panel.width / 2 else ("end", -11)
        parts.append(d.text(across + offset, up + 4, shown.lead["variant"], anchor=anchor, fill=d.INK))
    return parts


def _diamond(x: float, y: float) -> str:
    points = " ".join(f"{d.number(x + dx)},{d.number(y + dy)}" for dx, dy in ((0, -8), (8, 0), (0, 8), (-8, 0)))
    return f"<polygon points='{points}' fill='{d.GREEN}' stroke='{d.SURFACE}' stroke-width='1.5'/>"


def _rate_panel(panel: d.Panel, rates: pl.DataFrame) -> d.Panel:
    highest = rates["rate"].max()
    top = TOP_RATE if highest is None else max(TOP_RATE, 1.05 * float(highest))  # type: ignore[arg-type]
    return d.Panel(panel.left, panel.top, panel.width, panel.height, panel.x_range, (0, top))


def _rates(main: d.Panel, rates: pl.DataFrame, name: str) -> tuple[list[Curve], list[str]]:
    """The recombination rate as steps, with its axis on the right."""
    if rates.height < 2:
        return [], []
    panel, label = _rate_panel(main, rates), "recombination rate"
    pos, rate = rates["pos"].cast(pl.Float64).to_numpy(), rates["rate"].fill_null(np.nan).to_numpy()
    x, y = np.repeat(pos, 2)[1:-1], np.repeat(rate[:-1], 2)
    x = np.clip(x, *panel.x_range)
    parts = [d.zoomable(RATES, panel, [d.polyline(panel.x(x), panel.y(y), d.SKY, 1.2)], name)]
    for tick in panel.y.ticks(5):
        at = panel.y.at(tick)
        parts.append(d.text(panel.right + 6, at + 4, d.label_of(tick)))
    edge, middle = panel.right + 38, (panel.top + panel.bottom) / 2
    turn = f"rotate(90 {d.number(edge)} {d.number(middle)})"
    parts.append(d.text(edge, middle, f"{label}, cM/Mb", anchor="middle", size=11, transform=turn))
    places = np.union1d(np.clip(pos, *panel.x_range), np.rint(np.linspace(*panel.x_range, CURVE_STEPS)))
    interval = np.clip(np.searchsorted(pos, places, side="right") - 1, 0, len(pos) - 2)
    known = np.where((places >= pos[0]) & (places <= pos[-1]), rate[interval], np.nan)
    return [Curve(RATES, places, known, label, "cM/Mb", 1)], parts


def _axis(panel: d.Panel, chrom: str) -> list[str]:
    """Positions in Mb below the genes."""
    ticks = []
    for tick in panel.x.ticks(8):
        at = panel.x.at(tick)
        ticks += [d.line(at, panel.bottom, at, panel.bottom + 4, d.MUTED)]
        ticks.append(d.text(at, panel.bottom + 16, d.label_of(tick / 1e6), anchor="middle"))
    middle = (panel.left + panel.right) / 2
    return [
        d.line(panel.left, panel.bottom, panel.right, panel.bottom, d.MUTED),
        d.ticks_of(MAIN, ticks),
        d.text(middle, panel.bottom + 34, f"chromosome {chrom}, Mb", anchor="middle", size=12, fill=d.INK),
    ]


def _points(groups: Sequence[_Group], by_variant: Mapping[tuple[Any, ...], str]) -> list[Points]:
    """All marks of each group, so that they are drawn again where they lie. by_variant: variant (PLACE) -> words"""
    points = []
    for group in groups:
        words = [by_variant.get(place, "") if group.has_words else "" for place in group.tests.select(PLACE).iter_rows()]
        points.append(Points(MAIN, group.tests["pos"].to_numpy(), group.tests["neglog10p"].to_numpy(), words))
    return points


def _words_of_strongest(
    tests: pl.DataFrame, here: LocusRegion, shown: _Layer, hits: pl.DataFrame | None, sd_unit: str
) -> dict[tuple[Any, ...], str]:  # fmt: skip
    """Variant (PLACE) -> words, of the strongest tests."""
    max_points = MOST_POINTED if shown.trait == here.trait and shown.signal is None else MOST_POINTED_OF_LAYERS
    chosen = tests.sort("neglog10p", *PLACE, descending=[True, False, False, False]).head(max_points)
    lacking = [name for name in ("eaf", "n", "beta", "se") if name not in chosen.columns]
    chosen = chosen.with_columns(pl.lit(None).alias(name) for name in lacking)
    if hits is not None and shown.signal is None and set(NATURAL) <= set(hits.columns):
        own = hits.filter(trait=shown.trait, chrom=here.chrom).select(*PLACE, *NATURAL).unique(PLACE)
        chosen = chosen.join(own, on=PLACE, how="left", maintain_order="left")
    genes = _nearest_genes(chosen["pos"].to_numpy(), here.genes)
    rows = zip(chosen.iter_rows(named=True), genes, strict=True)
    return {tuple(row[name] for name in PLACE): _words(row, gene, here.chrom, shown, sd_unit) for row, gene in rows}


def _words(row: Mapping[str, Any], gene: str, chrom: str, shown: _Layer, sd_unit: str) -> str:
    conditional = ", conditional on the other signals" if shown.signal is not None else ""
    lines = [
        f"{row['variant']}",
        f"{chrom}:{row['pos']:,}",
        p_and_neglog10p(row["neglog10p"], conditional),
        effects.per_copy(row, sd_unit),
        "" if row["eaf"] is None else f"frequency of {row['effect_allele']} {row['eaf']:.3f}",
        "" if row["n"] is None else f"{row['n']:,} participants",
        "r² not known" if row["r2"] is None else f"r² {row['r2']:.2f} with {shown.lead['variant']}",
        gene,
    ]
    return "\n".join(line for line in lines if line)


def _nearest_genes(positions: NDArray[np.int64], genes: pl.DataFrame) -> list[str]:
    """Of each position the genes that hold it, or the nearest gene of the region with its distance, in words."""
    if genes.height == 0:
        return [""] * len(positions)
    start, stop, names = genes["start"].to_numpy(), genes["stop"].to_numpy(), genes["gene"].to_list()
    words = []
    for at in positions:
        away = np.maximum(np.maximum(start - at, at - stop), 0)
        nearest = sorted({names[k] for k in np.flatnonzero(away == away.min())})[:3]
        distance = int(away.min())
        place = "in" if distance == 0 else "nearest gene"
        words.append(f"{place} {', '.join(nearest)}{f', {distance:,} bp away' if distance else ''}")
    return words
