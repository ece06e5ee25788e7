"""Pictures of the scan: Manhattan, QQ, the grid of leads and features, the null study beside the real one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ecgwas.report.contents import Figure, ReportContents
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.thinning import Genome, PixelThinner
from ecgwas.report.trait_order import natural
from ecgwas.tables import VARIANT_KEY

ALL = "all"


def thinner_of_traits(contents: ReportContents, traits: Sequence[str], genome: Genome) -> PixelThinner:
    """For the Manhattan plots of these traits."""
    heights = contents.associations.summary.strongest
    panels = {trait: _panel(contents, heights.get(trait), genome, height=230, room=1.06) for trait in traits}
    return PixelThinner(genome, float(contents.threshold["neglog10p"]), panels, pl.col("trait"))


def thinner_of_all(contents: ReportContents, genome: Genome) -> PixelThinner:
    """For the Manhattan plot of all traits together."""
    panel = _panel(contents, contents.associations.summary.highest(), genome, height=300, room=1.14)
    return PixelThinner(genome, float(contents.threshold["neglog10p"]), {ALL: panel}, pl.lit(ALL), strongest=True)


def manhattan(contents: ReportContents, trait: str, thinner: PixelThinner) -> Figure:
    """All kept tests of a trait along the genome."""
    drawn = thinner.drawn(trait)
    beyond = drawn.filter(pl.col("neglog10p") > thinner.limit).height
    caption = (
        f"{trait}: {beyond} variants beyond −log10 p {thinner.limit:.2f} (dashed). "
        f"Tests below {contents.keep_neglog10p:g} are counted, not drawn."
    )
    picture = _manhattan(drawn, thinner.panels[trait], thinner.genome, thinner.limit, caption)
    return Figure(f"Manhattan plot of {trait}", caption, picture, drawn.drop("trait").write_csv())


def manhattan_of_all(contents: ReportContents, thinner: PixelThinner) -> Figure | None:
    """Each variant's strongest trait along the genome, leads of loci named."""
    drawn = thinner.drawn(ALL)
    if drawn.height == 0:
        return None
    caption = (
        f"Every variant's strongest association over {len(contents.trait_names)} traits; the dashed line is the study's "
        f"threshold, −log10 p {thinner.limit:.2f} ({contents.threshold['kind']}). "
        f"Tests below {contents.keep_neglog10p:g} are counted, not drawn."
    )
    names = nearest_genes(contents)
    marks = [(row["chrom"], row["pos"], row["neglog10p"], names.get(row["locus"], row["lead_variant"]))
             for row in contents.loci.frame.iter_rows(named=True)]  # fmt: skip
    picture = _manhattan(drawn, thinner.panels[ALL], thinner.genome, thinner.limit, caption, marks)
    return Figure("All traits along the genome", caption, picture, drawn.write_csv())


def _panel(contents: ReportContents, strongest: float | None, genome: Genome, *, height: float, room: float) -> d.Panel:
    limit, floor = float(contents.threshold["neglog10p"]), contents.keep_neglog10p
    top = max(limit if strongest is None else strongest, limit) * room
    return d.Panel(56, 16, 860, height - 66, (0, genome.end), (min(floor, limit), top))


def nearest_genes(contents: ReportContents) -> dict[int, str]:
    """The gene of each locus' lead variant, where one was found."""
    genes = contents.genes.frame.join(contents.loci.frame.select("locus", *VARIANT_KEY), on=["locus", *VARIANT_KEY])
    genes = genes.drop_nulls("gene").sort("locus", "rank", "gene")
    return dict(genes.unique("locus", keep="first", maintain_order=True).select("locus", "gene").iter_rows())


def _manhattan(
    rows: pl.DataFrame, panel: d.Panel, genome: Genome, limit: float, caption: str,
    marks: Sequence[tuple[str, int, float, str]] = (),
) -> str:  # fmt: skip
    parts = d.y_axis(panel, "−log10 p", gap=38)
    for place, (chrom, group) in enumerate(sorted(_by_chromosome(rows).items(), key=lambda item: natural(item[0]))):
        x = panel.x(genome.starts[chrom] + group["pos"].cast(pl.Float64).to_numpy())
        values = group["neglog10p"].to_numpy()
        hit = values > limit
        parts.append(d.dots(x[~hit], panel.y(values[~hit]), (d.BLUE, d.MUTED)[place % 2], 2.4))
        parts.append(d.dots(x[hit], panel.y(values[hit]), d.VERMILION, 4))
    for chrom in genome.starts:
        left, width = genome.room(chrom)
        parts.append(d.text(panel.x.at(left + width / 2), panel.bottom + 16, chrom, anchor="middle"))
    at = panel.y.at(limit)
    parts.append(d.line(panel.left, at, panel.right, at, d.INK, 1, stroke_dasharray="5 4"))
    parts.append(d.line(panel.left, panel.bottom, panel.right, panel.bottom, d.MUTED))
    parts.append(d.text((panel.left + panel.right) / 2, panel.bottom + 34, "chromosome", anchor="middle", size=12, fill=d.INK))
    parts += _names(panel, genome, marks)
    return d.svg(930, panel.bottom + 50, parts, caption)


def _by_chromosome(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {str(key[0]): group for key, group in rows.group_by("chrom", maintain_order=True)}


def _names(panel: d.Panel, genome: Genome, marks: Sequence[tuple[str, int, float, str]]) -> list[str]:
    """Names over the strongest loci; one that would lie on another is left to the table."""
    parts: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for chrom, pos, height, name in sorted(marks, key=lambda mark: -mark[2])[:25]:
        x, y = panel.x.at(genome.starts[chrom] + pos), panel.y.at(height) - 7
        half = d.width_of(name) / 2 + 3
        x_text = min(max(x, panel.left + half), panel.right - half)
        if any(abs(x_text - other) < half + width and abs(y - row) < 12 for other, width, row in taken):
            continue
        taken.append((x_text, half, y))
        parts.append(d.text(x_text, y, name, anchor="middle", fill=d.INK, font_style="italic"))
    return parts


def qq(contents: ReportContents, trait: str) -> Figure | None:
    """Observed against expected -log10 p, with the 95 % band of independent tests and lambda."""
    points = contents.qq.filter(pl.col("trait") == trait)
    if points.height == 0:
        return None
    found = contents.summary.frame.filter(pl.col("trait") == trait)["lambda_gc"].to_list()
    inflation = f"{found[0]:.3f}" if found and found[0] is not None else "not known"
    expected, observed, low, high = (points[name].to_numpy() for name in ("expected", "observed", "low", "high"))
    end = float(expected.max()) * 1.03 or 1.0
    panel = d.Panel(56, 16, 200, 164, (0, end), (0, max(float(np.nanmax(observed)), end) * 1.05))
    parts = d.y_axis(panel, "observed", gap=38)
    parts.append(d.ribbon(panel.x(expected), panel.y(low), panel.y(high), d.MUTED, 0.25))
    parts.append(d.line(panel.x.at(0), panel.y.at(0), panel.x.at(end), panel.y.at(end), d.MUTED))
    parts.append(d.dots(panel.x(expected), panel.y(observed), d.BLUE, 4))
    parts += d.x_axis(panel, "expected −log10 p", about=4)
    parts.append(d.text(panel.left + 8, panel.top + 14, f"λ = {inflation}", size=13, fill=d.INK))
    caption = f"{trait}: λ {inflation}; grey is the 95 % band for independent tests."
    return Figure(f"QQ plot of {trait}", caption, d.svg(270, 230, parts, caption), points.drop("trait").write_csv())


def null_study(contents: ReportContents) -> Figure | None:
    """The strongest test of every shuffled study, and the loci of the real one."""
    maxima = contents.permutation_max
    if len(maxima) < 2:
        return None
    limit = float(contents.threshold["neglog10p"])
    loci = contents.loci.frame["neglog10p"].to_numpy()
    end = max(float(maxima.max()), limit, float(loci.max()) if len(loci) else 0.0) * 1.04
    start = float(maxima.min()) * 0.96
    edges = np.linspace(start, float(maxima.max()) + 1e-9, 31)
    counts, _ = np.histogram(maxima, edges)
    panel = d.Panel(56, 34, 860, 150, (start, end), (0, float(counts.max()) * 1.08))
    parts = [
        *d.legend(56, 18, [("shuffled studies", d.MUTED), ("loci of this study", d.VERMILION)]),
        *d.y_axis(panel, "studies"),
    ]
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        x, y = panel.x.at(left), panel.y.at(float(count))
        parts.append(d.rect(x + 0.5, y, max(panel.x.at(right) - x - 1, 1), panel.bottom - y, d.MUTED, fill_opacity="0.6"))
    for value in loci:
        at = panel.x.at(float(value))
        parts.append(d.line(at, panel.top + 60, at, panel.bottom, d.VERMILION, 2.5, stroke_linecap="round"))
    at = panel.x.at(limit)
    parts.append(d.line(at, panel.top, at, panel.bottom, d.INK, 1, stroke_dasharray="5 4"))
    parts.append(d.text(at + 6, panel.top + 12, f"threshold {limit:.2f}", fill=d.INK))
    parts += d.x_axis(panel, "strongest −log10 p", about=8)
    chance = float((maxima > limit).mean())
    caption = (
        f"{len(maxima)} studies with people shuffled against their genotypes, run through the same scan: the strongest test "
        f"of each (grey). {chance:.1%} of them pass the study's threshold; the loci of the real study are red."
    )
    table = pl.DataFrame({"from": edges[:-1], "to": edges[1:], "shuffled_studies": counts})
    return Figure("The same study on chance alone", caption, d.svg(930, 236, parts, caption), table.write_csv())


def inflation(contents: ReportContents) -> Figure | None:
    """Genomic inflation of every trait, as a histogram."""
    values = contents.summary.frame["lambda_gc"].drop_nulls().to_numpy()
    if len(values) < 2:
        return None
    low, high = min(float(values.min()), 0.95), max(float(values.max()), 1.05)
    edges = np.linspace(low, high + 1e-9, 33)
    counts, _ = np.histogram(values, edges)
    panel = d.Panel(56, 20, 390, 160, (low, high), (0, float(counts.max()) * 1.08))
    parts = d.y_axis(panel, "traits")
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        x, y = panel.x.at(left), panel.y.at(float(count))
        parts.append(d.rect(x + 0.5, y, panel.x.at(right) - x - 1, panel.bottom - y, d.BLUE))
    at = panel.x.at(1.0)
    parts.append(d.line(at, panel.top, at, panel.bottom, d.INK, 1, stroke_dasharray="5 4"))
    parts += d.x_axis(panel, "λ (1: no inflation)")
    median = float(np.median(values))
    caption = (
        f"Genomic inflation λ of {len(values)} traits: median {median:.3f}, from {values.min():.3f} to {values.max():.3f}."
    )
    table = contents.summary.frame.select("trait", "lambda_gc")
    return Figure("Genomic inflation", caption, d.svg(460, 232, parts, caption), table.write_csv())
