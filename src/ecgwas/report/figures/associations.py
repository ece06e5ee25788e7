"""Figures of the scan: Manhattan and QQ plots, permutations compared with the real study, genomic inflation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report.contents import Figure, ScanResults
from ecgwas.report.figures import genome_points
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.thinning import Genome, PixelThinner
from ecgwas.report.links import NO_LINKS, Links
from ecgwas.report.plot_data import PlotData
from ecgwas.report.text.points import PointWords
from ecgwas.tables import Loci, Summary

ALL = "all"
MOST_LABELS = 25


def thinner_of_traits(scan: ScanResults, limit: float, traits: Sequence[str], genome: Genome) -> PixelThinner:
    """For the Manhattan plots of these traits; limit: -log10 p of the threshold."""
    strongest = scan.rows.summary.strongest
    heights = {trait: max(strongest.get(trait, limit), limit) for trait in traits}
    floor = min(scan.keep_neglog10p, limit)
    panels = {trait: panel_along(genome, floor, height * 1.06, height=230) for trait, height in heights.items()}
    return PixelThinner(genome, limit, panels, pl.col("trait"))


def thinner_of_all(scan: ScanResults, limit: float, genome: Genome) -> PixelThinner:
    """For the Manhattan plot of all traits together; limit: -log10 p of the threshold."""
    highest = scan.rows.summary.highest()
    top = limit if highest is None else max(highest, limit)
    panel = panel_along(genome, min(scan.keep_neglog10p, limit), top * 1.14, height=300)
    return PixelThinner(genome, limit, {ALL: panel}, pl.lit(ALL), strongest=True)


def manhattan(trait: str, thinner: PixelThinner, keep_neglog10p: float) -> Figure:
    """All kept tests of a trait along the genome."""
    drawn = thinner.drawn(trait)
    beyond = drawn.filter(pl.col("neglog10p") > thinner.limit).height
    caption = (
        f"{trait}: {beyond} variants beyond −log10 p {thinner.limit:.2f} (dashed). "
        f"Tests below {keep_neglog10p:g} are counted, not drawn."
    )
    panel, genome = thinner.panels[trait], thinner.genome
    marks, _ = genome_points.drawn(panel, 0, drawn, genome, thinner.limit)
    picture = along_genome(panel, genome, thinner.limit, caption, marks)
    return Figure(f"Manhattan plot of {trait}", caption, picture, drawn.drop("trait").write_csv())


def manhattan_of_all(
    thinner: PixelThinner, scan: ScanResults, threshold_kind: str, loci: Loci, genes: Mapping[int, str],
    words: PointWords | None = None,
) -> Figure | None:  # fmt: skip
    """Each variant's strongest trait along the genome; lead variants are labelled with their gene.

    genes: locus -> gene; without one the lead variant itself is named.  words: what is said of points; None: nothing.
    """
    rows = thinner.drawn(ALL)
    if rows.height == 0:
        return None
    caption = (
        f"Every variant's strongest association over {len(scan.trait_names)} traits; the dashed line is the study's "
        f"threshold, −log10 p {thinner.limit:.2f} ({threshold_kind}); {genome_points.THINNED}. "
        f"Tests below {scan.keep_neglog10p:g} are counted, not drawn."
    )
    labels = [(row["chrom"], row["pos"], row["neglog10p"], genes.get(row["locus"], row["lead_variant"]))
              for row in loci.frame.iter_rows(named=True)]  # fmt: skip
    panel, genome = thinner.panels[ALL], thinner.genome
    marks, points = genome_points.drawn(panel, 0, rows, genome, thinner.limit, words)
    moving = d.zoomable(0, panel, [*marks, *labels_of_loci(panel, genome, labels)], "all-traits")
    picture = along_genome(panel, genome, thinner.limit, caption, [moving])
    plot = PlotData([panel], points, zoomed=[0], axis="genome") if points else None
    return Figure("All traits along the genome", caption, picture, rows.write_csv(), plot)


def panel_along(genome: Genome, floor: float, top: float, *, height: float) -> d.Panel:
    """The panel of a Manhattan plot, from -log10 p `floor` to `top`; height: of the whole figure."""
    return d.Panel(56, 16, 860, height - 66, (0, genome.end), (floor, top))


def along_genome(panel: d.Panel, genome: Genome, limit: float, caption: str, marks: Sequence[str]) -> str:
    """The SVG of a Manhattan plot: axes, threshold and marks. limit: -log10 p of the threshold."""
    parts = [*d.y_axis(panel, "−log10 p", gap=38), *marks]
    parts.append(d.ticks_of(0, genome_points.chromosome_names(panel, genome, 16)))
    at = panel.y.at(limit)
    parts.append(d.line(panel.left, at, panel.right, at, d.INK, 1, stroke_dasharray="5 4"))
    parts.append(d.line(panel.left, panel.bottom, panel.right, panel.bottom, d.MUTED))
    parts.append(d.text((panel.left + panel.right) / 2, panel.bottom + 34, "chromosome", anchor="middle", size=12, fill=d.INK))
    return d.svg(930, panel.bottom + 50, parts, caption)


def labels_of_loci(panel: d.Panel, genome: Genome, labels: Sequence[tuple[str, int, float, str]]) -> list[str]:
    """Labels (chromosome, position, -log10 p, name) over the strongest loci; one that would overlap a stronger one is omitted:
    the table has it."""
    parts: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for chrom, pos, height, name in sorted(labels, key=lambda label: -label[2])[:MOST_LABELS]:
        x, y = panel.x.at(genome.starts[chrom] + pos), panel.y.at(height) - 7
        half = d.width_of(name) / 2 + 3
        x_text = min(max(x, panel.left + half), panel.right - half)
        if any(abs(x_text - other) < half + width and abs(y - row) < 12 for other, width, row in taken):
            continue
        taken.append((x_text, half, y))
        parts.append(d.text(x_text, y, name, anchor="middle", fill=d.INK, font_style="italic"))
    return parts


def qq(trait: str, curves: pl.DataFrame, summary: Summary) -> Figure | None:
    """Observed against expected -log10 p of a trait, with the 95 % band for independent tests and lambda."""
    points = curves.filter(pl.col("trait") == trait)
    if points.height == 0:
        return None
    lambda_gc = dict(summary.frame.select("trait", "lambda_gc").iter_rows()).get(trait)
    inflation = "not known" if lambda_gc is None else f"{lambda_gc:.3f}"
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


def permutations(maxima: NDArray[np.float64], limit: float, loci: Loci, links: Links = NO_LINKS) -> Figure | None:
    """The strongest test of every permutation, and the loci of the real study.

    maxima: (B,) -log10 p;  limit: -log10 p of the threshold;  links: where loci have pages
    """
    if len(maxima) < 2:
        return None
    heights = loci.frame["neglog10p"].to_numpy()
    end = max(float(maxima.max()), limit, float(heights.max(initial=0.0))) * 1.04
    start = float(maxima.min()) * 0.96
    edges = np.linspace(start, float(maxima.max()) + 1e-9, 31)
    counts, _ = np.histogram(maxima, edges)
    panel = d.Panel(56, 34, 860, 150, (start, end), (0, float(counts.max()) * 1.08))
    parts = [
        *d.legend(56, 18, [("permutations", d.MUTED), ("loci of this study", d.VERMILION)]),
        *d.y_axis(panel, "permutations"),
    ]
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        x, y = panel.x.at(left), panel.y.at(float(count))
        title = f"strongest −log10 p {left:.2f} to {right:.2f}: {count} permutation{'' if count == 1 else 's'}"
        width = max(panel.x.at(right) - x - 1, 1)
        parts.append(d.rect(x + 0.5, y, width, panel.bottom - y, d.MUTED, title=title, fill_opacity="0.6"))
    for locus, value in loci.frame.select("locus", "neglog10p").iter_rows():
        at, about = panel.x.at(float(value)), f"locus {locus}: −log10 p {value:.2f}"
        to = links.locus(locus) or None
        parts.append(d.line(at, panel.top + 60, at, panel.bottom, d.VERMILION, 2.5, stroke_linecap="round",
                            data_tip=about, data_to=to))  # fmt: skip
    at = panel.x.at(limit)
    parts.append(d.line(at, panel.top, at, panel.bottom, d.INK, 1, stroke_dasharray="5 4"))
    parts.append(d.text(at + 6, panel.top + 12, f"threshold {limit:.2f}", fill=d.INK))
    parts += d.x_axis(panel, "strongest −log10 p", about=8)
    share_beyond = float((maxima > limit).mean())
    caption = (
        f"{len(maxima)} permutations of the participants against their genotypes, tested by the same scan: the strongest test "
        f"of each (grey). {share_beyond:.1%} of them pass the study's threshold; the loci of the real study are red."
    )
    table = pl.DataFrame({"from": edges[:-1], "to": edges[1:], "permutations": counts})
    return Figure("The same study by chance alone", caption, d.svg(930, 236, parts, caption), table.write_csv())


def inflation(summary: Summary) -> Figure | None:
    """Histogram of the genomic inflation factors of all traits."""
    values = summary.frame["lambda_gc"].drop_nulls().to_numpy()
    if len(values) < 2:
        return None
    low, high = min(float(values.min()), 0.95), max(float(values.max()), 1.05)
    edges = np.linspace(low, high + 1e-9, 33)
    counts, _ = np.histogram(values, edges)
    panel = d.Panel(56, 20, 390, 160, (low, high), (0, float(counts.max()) * 1.08))
    parts = d.y_axis(panel, "traits")
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        x, y = panel.x.at(left), panel.y.at(float(count))
        title = f"λ {left:.3f} to {right:.3f}: {count} trait{'' if count == 1 else 's'}"
        parts.append(d.rect(x + 0.5, y, panel.x.at(right) - x - 1, panel.bottom - y, d.BLUE, title=title))
    at = panel.x.at(1.0)
    parts.append(d.line(at, panel.top, at, panel.bottom, d.INK, 1, stroke_dasharray="5 4"))
    parts += d.x_axis(panel, "λ (1: no inflation)")
    median = float(np.median(values))
    caption = (
        f"Genomic inflation λ of {len(values)} traits: median {median:.3f}, from {values.min():.3f} to {values.max():.3f}."
    )
    table = summary.frame.select("trait", "lambda_gc")
    return Figure("Genomic inflation", caption, d.svg(460, 232, parts, caption), table.write_csv())
