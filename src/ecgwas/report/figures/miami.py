"""Two representations back to back: what each sees of the genome."""

from __future__ import annotations

import polars as pl

from ecgwas.report import drawing as d
from ecgwas.report.figures.associations import DRAWN, Genome, one_per_pixel
from ecgwas.report.findings import Figure, Findings

HEIGHT = 170.0


def miami(findings: Findings, genome: Genome) -> dict[str, Figure]:
    """The first representation against each other one: each variant's strongest trait of each, one up, one down."""
    rows = findings.associations.frame.select(DRAWN).filter(pl.col("neglog10p").is_finite())
    if rows.height == 0:
        return {}
    names = list(dict.fromkeys(name.split(".", 1)[0] for name in findings.trait_names))
    best = {name: _best(rows.filter(pl.col("trait").str.starts_with(f"{name}."))) for name in names}
    return {f"miami_{names[0]}_{other}": _pair(findings, genome, names[0], other, best) for other in names[1:]}


def _best(rows: pl.DataFrame) -> pl.DataFrame:
    order = rows.sort("neglog10p", "trait", descending=[True, False])
    return order.unique(["chrom", "pos", "variant"], keep="first", maintain_order=True)


def _pair(findings: Findings, genome: Genome, above: str, below: str, best: dict[str, pl.DataFrame]) -> Figure:
    limit, floor = float(findings.threshold["neglog10p"]), min(findings.keep_neglog10p, 3.0)
    strongest = [float(frame["neglog10p"].max()) for frame in (best[above], best[below]) if frame.height]  # type: ignore[arg-type]
    top = max([limit, *strongest]) * 1.06
    panels = (d.Panel(56, 30, 860, HEIGHT, (0, genome.end), (floor, top)),
              d.Panel(56, 30 + HEIGHT + 26, 860, HEIGHT, (0, genome.end), (top, floor)))  # fmt: skip
    parts: list[str] = []
    drawn = []
    for panel, name in zip(panels, (above, below), strict=True):
        rows = one_per_pixel(best[name], panel, genome, limit)
        drawn.append(rows.with_columns(representation=pl.lit(name)))
        parts += _half(panel, rows, genome, limit, name)
    parts += _chromosomes(panels[0], genome)
    middle = panels[0].bottom + 13
    turn = f"rotate(-90 18 {d.number(middle)})"
    parts.append(d.text(18, middle, "−log10 p", size=12, fill=d.INK, anchor="middle", transform=turn))
    hits = [best[name].filter(pl.col("neglog10p") > limit).height for name in (above, below)]
    caption = (
        f"Every variant's strongest association among the traits of {above} (up; {hits[0]} variants beyond the threshold) "
        f"and of {below} (down; {hits[1]}); dashed is the study's threshold, −log10 p {limit:.2f}."
    )
    picture = d.svg(930, panels[1].bottom + 16, parts, caption)
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
