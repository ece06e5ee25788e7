"""What Manhattan plots draw of millions of rows: every hit, and one row per pixel below the threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ecgwas.report.figures import svg as d
from ecgwas.report.scan_rows import CHUNK_ROWS, ScanRows, compact
from ecgwas.report.trait_order import chromosome_rank
from ecgwas.tables import VARIANT_KEY

GAP_SHARE = 0.012
"""Room between chromosomes, as a share of all their lengths."""

DRAWN = ("variant", *VARIANT_KEY, "trait", "neglog10p")
"""Columns of a kept row that are drawn; the others are not read."""


@dataclass(frozen=True)
class Genome:
    """Chromosomes side by side: where each starts on the common axis, and the axis' end."""

    starts: dict[str, float]
    lengths: dict[str, float]
    end: float

    def extent(self, chrom: str) -> tuple[float, float]:
        """Where the chromosome's part of the common axis begins, and its width."""
        gap = (self.end - sum(self.lengths.values())) / max(len(self.lengths) - 1, 1)
        before = list(self.lengths)[: list(self.lengths).index(chrom)]
        return sum(self.lengths[name] + gap for name in before), self.lengths[chrom]


def genome_of(kept: ScanRows) -> Genome:
    """The part of each chromosome that the rows cover, in order; each takes at least 3 % of the axis."""
    spans = kept.summary.spans
    order = pl.DataFrame({"chrom": list(spans)}, schema={"chrom": pl.String}).sort(chromosome_rank("chrom"), "chrom")["chrom"]
    lengths = {chrom: float(spans[chrom][1] - spans[chrom][0]) for chrom in order}
    min_length = 0.03 * sum(lengths.values()) or 1.0
    gap = GAP_SHARE * max(sum(lengths.values()), 1.0)
    starts, at = {}, 0.0
    for chrom in order:
        room = max(lengths[chrom], min_length)
        starts[chrom] = at + (room - lengths[chrom]) / 2 - float(spans[chrom][0])
        lengths[chrom] = room
        at += room + gap
    return Genome(starts, lengths, max(at - gap, 1.0))


class PixelThinner:
    """Takes rows in chunks and keeps what the eye can distinguish, whatever their number.

    panels     figure -> where it is drawn;  limit  -log10 p beyond which a row is a hit, and always drawn
    picture    which figure a row belongs to; rows of no figure are skipped
    strongest  keep only each variant's strongest trait; the rows of a variant must come in one chunk
    """

    def __init__(
        self, genome: Genome, limit: float, panels: Mapping[str, d.Panel], picture: pl.Expr, *, strongest: bool = False
    ) -> None:  # fmt: skip
        self.genome = genome
        self.limit = limit
        self.panels = dict(panels)
        self._picture = picture
        self._strongest = strongest
        text = {name: pl.String for name in ("variant", "chrom", "effect_allele", "other_allele", "trait", "picture")}
        numbers = {"pos": pl.Int64, "neglog10p": pl.Float64, "column": pl.Float64, "row": pl.Float64}
        self._kept = pl.DataFrame(schema={**text, **numbers})
        self._hits = [self._kept]
        self._more: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Adds rows with the columns DRAWN."""
        added = rows.filter(pl.col("neglog10p").is_finite()).with_columns(picture=self._picture)
        added = added.filter(pl.col("picture").is_in(list(self.panels)))
        if self._strongest:
            added = pl.concat([_strongest(added.filter(pl.col("picture") == name)) for name in self.panels])
        added = added.with_columns(self._places()).select(self._kept.columns)
        hit = pl.col("neglog10p") > self.limit
        self._hits.append(compact(added.filter(hit)))
        self._more.append(compact(_one_per_pixel(added.filter(~hit))))
        # At doubled size: each row is then compared with earlier ones a few times, not once per chunk.
        if sum(rows.height for rows in self._more) > max(CHUNK_ROWS, self._kept.height):
            self._join()

    def drawn(self, picture: str) -> pl.DataFrame:
        """The rows of a figure, along the genome."""
        self._join()
        rows = pl.concat([*self._hits, self._kept]).filter(pl.col("picture") == picture)
        return rows.sort(chromosome_rank("chrom"), *VARIANT_KEY, "trait").select(DRAWN)

    def _join(self) -> None:
        rows = pl.concat([self._kept, *self._more])
        self._kept = compact(_one_per_pixel(_by_strength(rows) if self._strongest else rows))
        self._more = []

    def _places(self) -> list[pl.Expr]:
        """The pixel of each row."""
        across = {name: panel.width / self.genome.end for name, panel in self.panels.items()}
        up = {name: panel.height / (panel.y_range[1] - panel.y_range[0]) for name, panel in self.panels.items()}
        starts, rightwards, upwards = (
            pl.col(name).replace_strict(numbers, return_dtype=pl.Float64)
            for name, numbers in (("chrom", self.genome.starts), ("picture", across), ("picture", up))
        )
        column, row = (starts + pl.col("pos")) * rightwards, pl.col("neglog10p") * upwards
        return [column.round().alias("column"), row.round().alias("row")]


def _by_strength(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("neglog10p", "trait", descending=[True, False])


def _strongest(rows: pl.DataFrame) -> pl.DataFrame:
    return _by_strength(rows).unique(VARIANT_KEY, keep="first", maintain_order=True)


def _one_per_pixel(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.struct("picture", "column", "row").is_first_distinct())


def thin(rows: ScanRows, thinners: Sequence[PixelThinner]) -> None:
    """Passes all rows to all thinners, reading them once."""
    for chunk in rows.by_position(DRAWN):
        for thinner in thinners:
            thinner.add(chunk)
