"""Figures of what was hit: genes, features and leads, and their combinations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from ecgwas.report.contents import Figure, LociResults, ScanResults
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.gene_details import GeneDetails
from ecgwas.report.links import NO_LINKS, Links
from ecgwas.report.plot_data import Details, PlotData
from ecgwas.report.queries import loci_of_traits, strongest_of_traits
from ecgwas.report.text.numbers import p_value
from ecgwas.report.trait_order import lead_rank, natural, with_pieces
from ecgwas.tables import VARIANT_KEY, Associations

MOST_FREQUENT = 30
"""Genes that are drawn where the study sets no number of variants."""

MOST_GENES, MOST_COLUMNS, MOST_FEATURES = 200, 60, 200
"""Most that one figure can show: genes as bars, genes as columns of the heatmap, features as bars."""

TOP_LEADS = 10
MOST_LISTED = 12
"""Most traits that are listed of a feature or lead."""

VIOLIN_FROM = 5
"""Fewer values are drawn as points: a density of four points is meaningless."""


def genes(gene_hits: pl.DataFrame, *, more_than: int = 0, details: GeneDetails | None = None) -> Figure | None:
    """Genes by their number of distinct significant variants: those with more than `more_than`, or those with the most.

    gene_hits: as queries.gene_hits gives them;  details: what is listed of a chosen gene; None: nothing
    """
    counted = gene_counts(gene_hits)
    if counted.height == 0:
        return None
    shown, which = _shown(counted, more_than, MOST_GENES)
    names = shown["gene"].to_list()
    titles = [f"{row['gene']}: {_count(row['variants'], 'variant')}, {_count(row['pairs'], 'variant–trait pair')}, "
              f"{_count(row['traits'], 'trait')}" for row in shown.iter_rows(named=True)]  # fmt: skip
    parts = _bars(names, shown["variants"].to_numpy(), "significant variants", titles, italic=True)
    caption = (
        f"{counted.height} genes have a significant variant; {which}. Each variant counts once in a gene, however many "
        "traits it is significant for; variants in LD count individually."
    )
    picture = d.svg(460, _bars_height(shown.height), parts, caption)
    plot = None if details is None else PlotData(details=details.of_genes(names))
    return Figure("Genes by their significant variants", caption, picture, counted.write_csv(), plot)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def gene_counts(gene_hits: pl.DataFrame) -> pl.DataFrame:
    """Columns gene, variants (distinct), pairs (of variant and trait), traits, loci; genes with the most variants first."""
    counted = gene_hits.group_by("gene").agg(
        variants=pl.struct(VARIANT_KEY).n_unique(), pairs=pl.len(), traits=pl.col("trait").n_unique(),
        loci=pl.col("locus").n_unique(),
    )  # fmt: skip
    return counted.sort("variants", "pairs", "gene", descending=[True, True, False])


def _shown(counted: pl.DataFrame, more_than: int, max_genes: int) -> tuple[pl.DataFrame, str]:
    """The genes to draw, and which these are in words."""
    chosen = counted.filter(pl.col("variants") > more_than)
    if more_than == 0 or chosen.height == 0:
        shown = counted.head(MOST_FREQUENT)
        none = "" if more_than == 0 else f"none has more than {more_than}, "
        return shown, f"{none}{_the_first(shown.height, counted.height)}"
    shown = chosen.head(max_genes)
    words = f"the {chosen.height} with more than {more_than} are drawn"
    return (
        shown,
        words if shown.height == chosen.height else f"of the {chosen.height} with more than {more_than}, {max_genes} are drawn",
    )


def _the_first(shown: int, of: int) -> str:
    return "all are drawn" if shown == of else f"the {shown} with the most are drawn"


def _bars_height(rows: int) -> float:
    return 20 + rows * 19 + 46


def _bars(
    names: list[str], counts: NDArray[np.int64], label: str, titles: list[str], *, italic: bool = False, left: float = 110
) -> list[str]:  # fmt: skip
    """Horizontal bars with their numbers; titles: the words of each bar."""
    top = max(float(counts.max()), 1.0)
    panel = d.Panel(left, 12, 460 - left - 56, len(names) * 19.0, (0, top), (0, len(names)))
    parts = []
    for i, (name, count, title) in enumerate(zip(names, counts, titles, strict=True)):
        y = panel.top + i * 19
        width = panel.x.at(float(count)) - panel.left
        parts.append(d.text(left - 8, y + 14, name, anchor="end", size=12, fill=d.INK, font_style="italic" if italic else None))
        parts.append(d.rect(left, y + 3, max(width, 1), 14, d.BLUE, title=title, rx=2, data_details=name))
        parts.append(d.text(left + width + 6, y + 14, f"{count:,}"))
    return [*parts, *d.x_axis(panel, label, about=4)]


def per_feature(hits: Associations, trait_names: Sequence[str], links: Links = NO_LINKS) -> Figure | None:
    """Significant variants per feature, all leads together, and the -log10 p of the hits; links: where traits have pages."""
    rows = with_pieces(hits.frame).with_columns(group=pl.col("representation") + "." + pl.col("feature"))
    counted = _counted(rows).sort("variants", "group", descending=[True, False])
    title = "Variants per feature"
    what = "distinct significant variants of each feature, all leads together"
    without = len({_of_all_leads(trait) for trait in trait_names} - set(counted["group"]))
    absent = f" {without} further features have no significant variant." if without else ""
    return _bars_and_violins(rows, counted, title, what, links, shown=MOST_FEATURES, absent=absent)


def _of_all_leads(trait: str) -> str:
    """Representation and feature of a trait."""
    representation, _, feature = trait.split(".", 2)
    return f"{representation}.{feature}"


def per_lead(hits: Associations, links: Links = NO_LINKS) -> Figure | None:
    """The same per lead: the ten with the largest mean -log10 p."""
    rows = with_pieces(hits.frame).with_columns(group=pl.col("lead"))
    counted = _counted(rows).sort("mean_neglog10p", "group", descending=[True, False])
    what = "distinct significant variants of each lead (12L: all leads together), largest mean −log10 p first"
    return _bars_and_violins(rows, counted, "Variants per lead", what, links, shown=TOP_LEADS)


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("group").agg(
        variants=pl.struct(VARIANT_KEY).n_unique(), hits=pl.len(), mean_neglog10p=pl.col("neglog10p").mean(),
        median_neglog10p=pl.col("neglog10p").median(), max_neglog10p=pl.col("neglog10p").max(),
    )  # fmt: skip


def _bars_and_violins(
    rows: pl.DataFrame, counted: pl.DataFrame, title: str, what: str, links: Links, *, shown: int, absent: str = ""
) -> Figure | None:  # fmt: skip
    if rows.height == 0:
        return None
    limit = float(rows["neglog10p"].min())  # type: ignore[arg-type]
    drawn = counted.head(shown)
    names = drawn["group"].to_list()
    left = min(max(110.0, max(d.width_of(name, 12) for name in names) + 14), 230.0)
    titles = [f"{row['group']}: {_count(row['variants'], 'variant')}, {_count(row['hits'], 'hit')}, −log10 p up to "
              f"{row['max_neglog10p']:.2f}, median {row['median_neglog10p']:.2f}"
              for row in drawn.iter_rows(named=True)]  # fmt: skip
    parts = _bars(names, drawn["variants"].to_numpy(), "variants", titles, left=left)
    top = float(rows["neglog10p"].max()) * 1.03  # type: ignore[arg-type]
    panel = d.Panel(480, 12, 430, len(names) * 19.0, (min(limit * 0.95, top), top), (0, len(names)))
    for tick in panel.x.ticks(5):
        parts.append(d.line(panel.x.at(tick), panel.top, panel.x.at(tick), panel.bottom))
    for i, name in enumerate(names):
        values = rows.filter(pl.col("group") == name)["neglog10p"].sort().to_numpy()
        parts += _violin(panel, panel.top + i * 19 + 10, values)
    parts += d.x_axis(panel, "−log10 p of the hits")
    more = f" The first {shown} of {counted.height} are drawn." if counted.height > shown else ""
    caption = f"Left: {what}. Right: distribution of their −log10 p; the tick is the median.{more}{absent}"
    picture = d.svg(930, _bars_height(len(names)), parts, f"{title}: {caption}")
    plot = PlotData(details=_traits_of(rows, names, links))
    return Figure(title, caption, picture, counted.rename({"group": "name"}).write_csv(), plot)


def _traits_of(rows: pl.DataFrame, names: list[str], links: Links) -> dict[str, Details]:
    """Group (a feature or a lead) -> its traits with the strongest hits."""
    groups = {str(key[0]): own for key, own in strongest_of_traits(rows).group_by("group", maintain_order=True)}
    details = {}
    for name in names:
        own = groups[name]
        listed = [(f"{row['trait']}: {row['variant']}, p {p_value(row['neglog10p'])}", links.trait(row["trait"], row))
                  for row in own.head(MOST_LISTED).iter_rows(named=True)]  # fmt: skip
        details[name] = Details(f"{name}: {_count(own.height, 'trait')} with a hit", listed, max(own.height - MOST_LISTED, 0))
    return details


def _violin(panel: d.Panel, middle: float, values: NDArray[np.float64]) -> list[str]:
    """Density of the values around a horizontal line; points if they are few."""
    x = panel.x(values)
    at = panel.x.at(float(np.median(values)))
    tick = d.line(at, middle - 7, at, middle + 7, d.INK, 2)
    spread = float(values.std())
    if len(values) < VIOLIN_FROM or spread == 0:
        return [d.dots(x, np.full(len(x), middle), d.BLUE, 5), tick]
    width = 0.9 * spread * len(values) ** -0.2
    grid = np.linspace(float(values[0]), float(values[-1]), 60)
    density = np.exp(-0.5 * ((grid[:, None] - values[None, :]) / width) ** 2).sum(axis=1)
    half = 8 * density / density.max()
    return [d.ribbon(panel.x(grid), middle - half, middle + half, d.BLUE, 0.55), tick]


def gene_by_lead(gene_hits: pl.DataFrame, *, more_than: int = 0, details: GeneDetails | None = None) -> Figure | None:
    """Genes along X, leads along Y; a cell is the number of distinct significant variants of that gene and lead.

    gene_hits: as queries.gene_hits gives them;  details: what is listed of a chosen cell; None: nothing
    """
    if gene_hits.height == 0:
        return None
    counted = gene_hits.group_by("gene", "lead").agg(variants=pl.struct(VARIANT_KEY).n_unique()).sort("gene", "lead")
    shown, which = _shown(gene_counts(gene_hits), more_than, MOST_COLUMNS)
    names = _clustered(counted, shown["gene"].to_list())
    leads = sorted(counted["lead"].unique().to_list(), key=lead_rank)
    cells = {(gene, lead): int(variants) for gene, lead, variants in counted.iter_rows()}
    caption = (
        f"Distinct significant variants of each gene (column) and lead (row); {which}. "
        "Genes with similar distributions over the leads are next to each other."
    )
    picture = _heatmap(names, leads, cells, caption)
    table = counted.pivot("lead", index="gene", values="variants").fill_null(0).select("gene", *leads)
    plot = None if details is None else PlotData(details=details.of_cells(names))
    return Figure("Genes by lead", caption, picture, table.write_csv(), plot)


def _clustered(counted: pl.DataFrame, names: list[str]) -> list[str]:
    """Genes in the order of an average-linkage tree over their shares of variants per lead (leaves ordered optimally)."""
    if len(names) < 3:
        return names
    wide = counted.filter(pl.col("gene").is_in(names)).pivot("lead", index="gene", values="variants").fill_null(0).sort("gene")
    numbers = wide.drop("gene").to_numpy().astype(np.float64)
    shares = numbers / numbers.sum(axis=1, keepdims=True)
    tree = hierarchy.linkage(shares, method="average", optimal_ordering=True)
    return [wide["gene"][int(leaf)] for leaf in hierarchy.leaves_list(tree)]


def _heatmap(genes: list[str], leads: list[str], cells: dict[tuple[str, str], int], caption: str) -> str:
    """Genes along X with upright names, leads along Y, each cell with its number."""
    left, height, size = 48.0, 26.0, 11
    top = 1.25 * max(d.width_of(gene, size) for gene in genes) + 16  # capitals and digits are wide
    width = min(max(870.0 / len(genes), 22.0), 46.0)
    max_count = max(max((cells.get((gene, lead), 0) for gene in genes for lead in leads), default=1), 1)
    parts = [d.text(left - 8, top + (r + 0.5) * height + 4, lead, anchor="end", fill=d.INK) for r, lead in enumerate(leads)]
    for c, gene in enumerate(genes):
        x = left + c * width
        parts.append(_upright(x + width / 2 + 4, top - 7, gene, size, fill=d.INK, font_style="italic"))
        for r, lead in enumerate(leads):
            parts += _cell(x, top + r * height, width, height, gene, lead, cells.get((gene, lead), 0), max_count)
    below = top + len(leads) * height
    parts.append(d.text(left, below + 18, f"number: distinct significant variants; yellow: {max_count}, the most of any cell"))
    return d.svg(max(left + len(genes) * width + 10, 460), below + 28, parts, caption)


def _cell(x: float, y: float, width: float, height: float, gene: str, lead: str, value: int, max_count: int) -> list[str]:
    fill = d.shade(value / max_count) if value else d.GRID
    title = f"{gene}, {lead}: {value} variant{'' if value == 1 else 's'}"
    listed = f"{gene}, {lead}" if value else None
    cell = d.rect(x + 1, y + 1, width - 2, height - 2, fill, title=title, rx=2, data_details=listed)
    if not value:
        return [cell]
    middle, base = x + width / 2, y + height / 2 + 4
    return [cell, d.text(middle, base, f"{value:,}", anchor="middle", fill=d.ink_on(fill), pointer_events="none")]


def grid(scan: ScanResults, results: LociResults) -> dict[str, Figure]:
    """Representation -> the strongest test of every lead and feature."""
    loci = loci_of_traits(results.loci, results.hits)
    table = with_pieces(scan.strongest.join(scan.summary.frame.select("trait", "lambda_gc", "significant"), on="trait"))
    table = table.with_columns(loci=pl.Series([len(loci.get(trait, [])) for trait in table["trait"]], dtype=pl.Int64))
    groups = {str(key[0]): rows for key, rows in table.group_by("representation")}
    order = dict.fromkeys(trait.split(".", 1)[0] for trait in scan.trait_names)
    return {name: _grid(name, groups[name], results.min_neglog10p) for name in order if name in groups}


def _grid(name: str, rows: pl.DataFrame, limit: float) -> Figure:
    leads = sorted(rows["lead"].unique().to_list(), key=lead_rank)
    features = sorted(rows["feature"].unique().to_list(), key=natural)
    widest = max(max(d.width_of(feature, 10) for feature in features), 20)
    upright = widest > 30 or len(features) > 26
    left, top, height = 48.0, (widest + 14 if upright else 24.0), 22.0
    width = min(max(870.0 / len(features), 11), 60)
    scale = max(float(rows["neglog10p"].max()), limit)  # type: ignore[arg-type]
    parts = [d.text(left - 8, top + (i + 0.5) * height + 4, lead, anchor="end", fill=d.INK) for i, lead in enumerate(leads)]
    parts += [_column_name(left + (i + 0.5) * width, top - 6, feature, upright) for i, feature in enumerate(features)]
    for row in rows.sort("lead", "feature").iter_rows(named=True):
        x, y = left + features.index(row["feature"]) * width, top + leads.index(row["lead"]) * height
        parts += _grid_cell(x, y, width, height, row, scale, limit)
    below = top + len(leads) * height + 22
    parts += _key(left, below, scale)
    beyond = rows.filter(pl.col("significant") > 0).height
    caption = (
        f"{name}: {rows.height} traits (row: lead, column: feature), coloured by what the key below them names. "
        f"{beyond} of them have a hit (dot)."
    )
    picture = d.svg(max(left + len(features) * width + 10, 460), below + 22, parts, caption)
    order = ["trait", "lead", "feature", "neglog10p", "lambda_gc", "significant", "loci"]
    return Figure(f"Leads and features of {name}", caption, picture, rows.sort("trait").select(order).write_csv())


def _column_name(x: float, y: float, name: str, upright: bool) -> str:
    if not upright:
        return d.text(x, y, name, size=10, anchor="middle")
    return _upright(x + 3, y, name, 10)


def _upright(x: float, y: float, words: str, size: float, **more: str) -> str:
    """Words that run upwards."""
    return d.text(x, y, words, size=size, transform=f"rotate(-90 {d.number(x)} {d.number(y)})", **more)


def _grid_cell(
    x: float, y: float, width: float, height: float, row: dict[str, object], scale: float, limit: float
) -> list[str]:
    value = float(row["neglog10p"])  # type: ignore[arg-type]
    lambda_gc = row["lambda_gc"]
    inflation = "not known" if lambda_gc is None else f"{lambda_gc:.3f}"
    title = f"{row['trait']}: −log10 p {value:.2f}, λ {inflation}, {row['significant']} hits in {row['loci']} loci"
    fill = d.shade(value / scale)
    about = {"data_trait": row["trait"], "data_p": f"{value:.4g}", "data_hits": row["significant"], "data_loci": row["loci"]}
    about |= {} if lambda_gc is None else {"data_lambda": f"{lambda_gc:.4g}"}
    cell = d.rect(x + 0.5, y + 0.5, width - 1, height - 1, fill, title=title, **about)
    if value <= limit:
        return [cell]
    # White with a black rim, which every colouring of the cell leaves visible.
    middle = f"cx='{d.number(x + width / 2)}' cy='{d.number(y + height / 2)}'"
    return [cell, f"<circle {middle} r='3' fill='#ffffff' stroke='#000000' stroke-width='1'/>"]


def _key(left: float, y: float, scale: float) -> list[str]:
    steps = len(d.CIVIDIS)
    parts = [d.rect(left + i * 14, y - 9, 14, 11, colour) for i, colour in enumerate(d.CIVIDIS)]
    parts.append(d.text(left + steps * 14 + 8, y, f"strongest −log10 p, from 0 to {scale:.1f}", data_key="p"))
    return parts
