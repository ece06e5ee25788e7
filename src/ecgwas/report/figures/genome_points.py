"""Tests along the genome as points: of two colours by chromosome, hits of a third; and what is said of them."""

from __future__ import annotations

import polars as pl

from ecgwas.report.figures import svg as d
from ecgwas.report.figures.thinning import Genome
from ecgwas.report.panels import Panel
from ecgwas.report.plot_data import Points
from ecgwas.report.text.points import PointWords

THINNED = "below it, one test per pixel is drawn"
"""For captions of figures whose rows went through a PixelThinner."""


def drawn(
    panel: Panel, number: int, rows: pl.DataFrame, genome: Genome, limit: float, words: PointWords | None = None
) -> tuple[list[str], list[Points]]:  # fmt: skip
    """Marks of the panel, and what can be pointed at: of tests of even and of odd chromosomes, and of hits.

    number: of the panel, whose Points are number * 3 and the next two of the figure
    rows: columns variant, VARIANT_KEY, trait, neglog10p;  limit: -log10 p of the threshold;  words: None: nothing is said
    """
    starts = rows["chrom"].replace_strict(genome.starts, return_dtype=pl.Float64)
    odd = {chrom: i % 2 == 1 for i, chrom in enumerate(genome.starts)}
    texts, links = ([""] * rows.height, [""] * rows.height) if words is None else words.of_tests(rows)
    is_odd = rows["chrom"].replace_strict(odd, return_dtype=pl.Boolean)
    table = rows.with_columns(
        at=starts + rows["pos"], words=pl.Series(texts, dtype=pl.String), links=pl.Series(links, dtype=pl.String)
    )
    is_hit = rows["neglog10p"] > limit
    groups = ((~is_hit & ~is_odd, d.BLUE, 2.4), (~is_hit & is_odd, d.MUTED, 2.4), (is_hit, d.VERMILION, 4.0))
    marks, points = list[str](), list[Points]()
    for k, (chosen, colour, size) in enumerate(groups):
        own = table.filter(chosen)
        x, y = own["at"].to_numpy(), own["neglog10p"].to_numpy()
        index = None if words is None else number * len(groups) + k
        marks.append(d.dots(panel.x(x), panel.y(y), colour, size, points=index))
        if words is not None:
            points.append(Points(number, x, y, own["words"].to_list(), own["links"].to_list(), by_keys=colour == d.VERMILION))
    return marks, points


def chromosome_names(panel: Panel, genome: Genome, below: float) -> list[str]:
    """The name of each chromosome in the middle of its part of the axis, `below` the panel."""
    extents = {chrom: genome.extent(chrom) for chrom in genome.starts}
    return [d.text(panel.x.at(left + width / 2), panel.bottom + below, chrom, anchor="middle")
            for chrom, (left, width) in extents.items()]  # fmt: skip
