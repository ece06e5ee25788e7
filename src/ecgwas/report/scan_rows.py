"""The rows that the scan kept, read in chunks: there are millions, and a page shows only what the eye can distinguish."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import polars as pl

from ecgwas.tables import Associations

CHUNK_ROWS = 2**15
"""Rows of a chunk: intermediate results take ten times the memory of the rows."""


@dataclass(frozen=True)
class ScanRowsSummary:
    """Summary of all kept rows that have a p-value.

    rows       their number;  strongest  trait -> its largest -log10 p
    spans      chromosome -> the first and the last position
    """

    rows: int
    strongest: Mapping[str, float]
    spans: Mapping[str, tuple[int, int]]

    def highest(self, prefix: str = "") -> float | None:
        """The largest -log10 p of the traits whose names begin with `prefix`; None where there is none."""
        return max((height for trait, height in self.strongest.items() if trait.startswith(prefix)), default=None)


@dataclass(frozen=True)
class ScanRows:
    """Rows of Associations that stay where they are and are read in chunks.

    read        gives the named columns of all rows, in order and in pieces, each time it is called
    min_people  rows of alleles carried fewer times are skipped; 0: none
    """

    read: Callable[[Sequence[str]], Iterable[pl.DataFrame]]
    min_people: int = 0

    @classmethod
    def of(cls, rows: Associations) -> Self:
        """Rows in memory; those of one position follow each other."""
        return cls(lambda columns: [rows.frame.select(columns)])

    def chunks(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The columns of all rows, at most CHUNK_ROWS rows at a time; never an empty chunk."""
        carried = [name for name in ("eaf", "n") if self.min_people > 0 and name not in columns]
        for rows in self.read([*columns, *carried]):
            chosen = rows if self.min_people == 0 else rows.filter(~carried_by_few(self.min_people)).select(columns)
            if chosen.height > 0:
                yield from chosen.iter_slices(CHUNK_ROWS)

    def by_position(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The same, but with all rows of a position in one chunk; the scan writes them one after the other.

        Chunks have at least CHUNK_ROWS rows, except the last. `columns` must hold chrom and pos.
        """
        chunk: pl.DataFrame | None = None
        for rows in self.chunks(columns):
            full = chunk is not None and chunk.height >= CHUNK_ROWS
            same = _rows_at(chunk.row(-1, named=True), rows) if chunk is not None and full else rows.height
            chunk = rows if chunk is None else pl.concat([chunk, rows[:same]])
            if same < rows.height:
                yield chunk
                chunk = rows[same:]
        if chunk is not None:
            yield chunk

    def carried_by_few(self, min_people: int) -> int:
        """The number of rows of alleles carried fewer times."""
        return sum(int(rows.select(carried_by_few(min_people).sum()).item()) for rows in self.chunks(("eaf", "n")))

    @cached_property
    def summary(self) -> ScanRowsSummary:
        """The summary, from one pass over all rows."""
        count, strongest, spans = 0, dict[str, float](), dict[str, tuple[int, int]]()
        for chunk in self.chunks(("trait", "chrom", "pos", "neglog10p")):
            rows = chunk.filter(pl.col("neglog10p").is_finite())
            count += rows.height
            for trait, height in rows.group_by("trait").agg(pl.col("neglog10p").max()).iter_rows():
                strongest[trait] = max(height, strongest.get(trait, height))
            for chrom, low, high in rows.group_by("chrom").agg(low=pl.col("pos").min(), high=pl.col("pos").max()).iter_rows():
                first, last = spans.get(chrom, (low, high))
                spans[chrom] = (min(low, first), max(high, last))
        return ScanRowsSummary(count, strongest, spans)


def carried_by_few(min_people: int) -> pl.Expr:
    """True where the rarer allele is carried fewer times (columns eaf, n); false where its frequency is not known."""
    rarer = pl.min_horizontal(pl.col("eaf"), 1 - pl.col("eaf"))
    return (2 * pl.col("n") * rarer < min_people - 1e-6).fill_null(False)


def _rows_at(place: Mapping[str, Any], rows: pl.DataFrame) -> int:
    """How many of the first rows are at this position (keys chrom, pos)."""
    others = ((rows["pos"] != place["pos"]) | (rows["chrom"] != place["chrom"])).arg_true()
    return int(others[0]) if len(others) else rows.height


def compact(rows: pl.DataFrame) -> pl.DataFrame:
    """A few rows of many with their text copied: filtered text in Polars keeps all of the original in memory."""
    return rows.with_columns(pl.col(pl.String) + "")
