"""Two representations back to back: what each sees of the genome."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ecgwas.report.contents import Figure, Findings
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.thinning import Genome, Sieve

HEIGHT = 170.0


def sieves(findings: Findings, genome: Genome) -> list[Sieve]:
    """Of each picture the two halves: the first representation and another one; none where nothing was kept."""
    if findings.associations.survey.rows == 0:
        return []
    first, *others = dict.fromkeys(name.split(".", 1)[0] for name in findings.trait_names)
    return [_sieve(findings, genome, first, other) for other in others]


def _sieve(findings: Findings, genome: Genome, above: str, below: str) -> Sieve:
    limit, floor = float(findings.threshold["neglog10p"]), min(findings.keep_neglog10p, 3.0)
    heights = [findings.associations.survey.highest(f"{name}.") for name in (above, below)]
    top = max([limit, *(height for height in heights if height is not None)]) * 1.06
    panels = {above: d.Panel(56, 30, 860, HEIGHT, (0, genome.end), (floor, top)),
              below: d.Panel(56, 30 + HEIGHT + 26, 860, HEIGHT, (0, genome.end), (top, floor))}  # fmt: skip
    representation = pl.col("trait").str.splitn(".", 2).struct[0]
    return Sieve(genome, limit, panels, representation, strongest=True)


def miami(sieves: Sequence[Sieve]) -> dict[str, Figure]:
    """The first representation against each other one: each variant's strongest trait of each, one up, one down."""
    return {f"miami_{'_'.join(sieve.panels)}": _pair(sieve) for sieve in sieves}


def _pair(sieve: Sieve) -> Figure:
    above, below = sieve.panels
    parts: list[str] = []
    drawn, hits = [], []
    for name, panel in sieve.panels.items():
        rows = sieve.drawn(name)
        drawn.append(rows.with_columns(representation=pl.lit(name)))
        hits.append(rows.filter(pl.col("neglog10p") > sieve.limit).height)
        parts += _half(panel, rows, sieve.genome, sieve.limit, name)
    upper, lower = sieve.panels.values()
    parts += _chromosomes(upper, sieve.genome)
    middle = upper.bottom + 13
    turn = f"rotate(-90 18 {d.number(middle)})"
    parts.append(d.text(18, middle, "−log10 p", size=12, fill=d.INK, anchor="middle", transform=turn))
    caption = (
        f"Every variant's strongest association among the traits of {above} (up; {hits[0]} variants beyond the threshold) "
        f"and of {below} (down; {hits[1]}); dashed is the study's threshold, −log10 p {sieve.limit:.2f}."
    )
    picture = d.svg(930, lower.bottom + 16, parts, caption)
    return Figure(f"{above} and {below} back to back", caption, picture, pl.concat(drawn).write_csv())


def _half(panel: d.Panel, rows: pl.DataFrame, genome: Genome, limit: float, name: str) -> list[str]:
    low, high = sorted(panel.y_range)
    ticks = d.Panel(panel.left, panel.top, panel.width, panel.height, panel.x_range, (low, high)).y.ticks(4)
    parts = []
    for tick in ticks:
        at = panel.y.at(tick)
        parts += [d.line(panel.left, at, panel.right, at), d.text(panel.left - 7, at + 4, d.label_of(tick), anchor="end")]
    parts.append(d.text(panel.left, panel.top - 10 if panel.top < 100 else panel.bottom + 14, name, size=12, fill=d.INK))
    starts = rows["chrom"].replace_strict(genome.starts, return_dtype=pl.Float64)
    x, values = panel.x((starts + rows["pos"]).to_numpy()), rows["neglog10p"].to_numpy()
    odd = rows["chrom"].replace_strict({c: i % 2 for i, c in enumerate(genome.starts)}, return_dtype=pl.Int64).to_numpy() == 1
    hit = values > limit
    for chosen, colour, size in ((~hit & ~odd, d.BLUE, 2.4), (~hit & odd, d.MUTED, 2.4), (hit, d.VERMILION, 4)):
        parts.append(d.dots(x[chosen], panel.y(values[chosen]), colour, size))
    at = panel.y.at(limit)
    return [*parts, d.line(panel.left, at, panel.right, at, d.INK, 1, stroke_dasharray="5 4")]


def _chromosomes(panel: d.Panel, genome: Genome) -> list[str]:
    parts = []
    for chrom in genome.starts:
        left, width = genome.room(chrom)
        parts.append(d.text(panel.x.at(left + width / 2), panel.bottom + 17, chrom, anchor="middle"))
    return parts
