"""Miami plots: two representations back to back along the genome."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ecgwas.report.contents import Figure, ScanResults
from ecgwas.report.figures import genome_points
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.thinning import Genome, PixelThinner
from ecgwas.report.names import slug
from ecgwas.report.plot_data import PlotData, Points
from ecgwas.report.text.points import PointWords

HEIGHT = 170.0


def thinners(scan: ScanResults, limit: float, genome: Genome) -> list[PixelThinner]:
    """One per figure, for both halves: the first representation and another one; none where no row was kept.

    limit: -log10 p of the threshold
    """
    if scan.rows.summary.rows == 0:
        return []
    first, *others = dict.fromkeys(name.split(".", 1)[0] for name in scan.trait_names)
    return [_thinner(scan, limit, genome, first, other) for other in others]


def _thinner(scan: ScanResults, limit: float, genome: Genome, above: str, below: str) -> PixelThinner:
    floor = min(scan.keep_neglog10p, 3.0)
    heights = [scan.rows.summary.highest(f"{name}.") for name in (above, below)]
    top = max([limit, *(height for height in heights if height is not None)]) * 1.06
    panels = {above: d.Panel(56, 30, 860, HEIGHT, (0, genome.end), (floor, top)),
              below: d.Panel(56, 30 + HEIGHT + 26, 860, HEIGHT, (0, genome.end), (top, floor))}  # fmt: skip
    representation = pl.col("trait").str.splitn(".", 2).struct[0]
    return PixelThinner(genome, limit, panels, representation, strongest=True)


def miami(thinners: Sequence[PixelThinner], words: PointWords | None = None) -> dict[str, Figure]:
    """The first representation against every other: each variant's strongest trait of both, one up, one down.

    words: what is said of points; None: nothing
    """
    return {f"miami_{'_'.join(thinner.panels)}": _pair(thinner, words) for thinner in thinners}


def _pair(thinner: PixelThinner, words: PointWords | None) -> Figure:
    above, below = thinner.panels
    parts, drawn, hits, points = list[str](), [], [], list[Points]()
    for place, (name, panel) in enumerate(thinner.panels.items()):
        rows = thinner.drawn(name)
        drawn.append(rows.with_columns(representation=pl.lit(name)))
        hits.append(rows.filter(pl.col("neglog10p") > thinner.limit).height)
        marks, own_points = genome_points.drawn(panel, place, rows, thinner.genome, thinner.limit, words)
        points += own_points
        parts += [*_axis(panel, name), d.zoomable(place, panel, marks, f"miami-{slug(above)}-{slug(below)}")]
        at = panel.y.at(thinner.limit)
        parts.append(d.line(panel.left, at, panel.right, at, d.INK, 1, stroke_dasharray="5 4"))
    upper, lower = thinner.panels.values()
    parts.append(d.ticks_of(0, genome_points.chromosome_names(upper, thinner.genome, 17)))
    middle = upper.bottom + 13
    turn = f"rotate(-90 18 {d.number(middle)})"
    parts.append(d.text(18, middle, "−log10 p", size=12, fill=d.INK, anchor="middle", transform=turn))
    caption = (
        f"Every variant's strongest association among the traits of {above} (up; {hits[0]} variants beyond the threshold) "
        f"and of {below} (down; {hits[1]}); dashed is the study's threshold, −log10 p {thinner.limit:.2f}; "
        f"{genome_points.THINNED}."
    )
    picture = d.svg(930, lower.bottom + 16, parts, caption)
    plot = PlotData([upper, lower], points, zoomed=[0, 1], axis="genome") if points else None
    return Figure(f"{above} and {below} back to back", caption, picture, pl.concat(drawn).write_csv(), plot)


def _axis(panel: d.Panel, name: str) -> list[str]:
    """Grid lines with their numbers, and the representation's name."""
    low, high = sorted(panel.y_range)
    ticks = d.Panel(panel.left, panel.top, panel.width, panel.height, panel.x_range, (low, high)).y.ticks(4)
    parts = []
    for tick in ticks:
        at = panel.y.at(tick)
        parts += [d.line(panel.left, at, panel.right, at), d.text(panel.left - 7, at + 4, d.label_of(tick), anchor="end")]
    parts.append(d.text(panel.left, panel.top - 10 if panel.top < 100 else panel.bottom + 14, name, size=12, fill=d.INK))
    return parts
