"""The rows that the scan kept, some at a time: they are millions, and a page shows what the eye can tell apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import polars as pl

from ecgwas.tables import Associations

CHUNK_ROWS = 2**15
"""Rows that are looked at together: what is made of them on the way takes ten times what they take."""


@dataclass(frozen=True)
class ScanRowsSummary:
    """What the kept rows that have a p-value are like, all together.

    rows       how many they are;  strongest  trait -> its largest -log10 p
    spans      chromosome -> the first and the last position
    """

    rows: int
    strongest: Mapping[str, float]
    spans: Mapping[str, tuple[int, int]]

    def highest(self, prefix: str = "") -> float | None:
        """The largest -log10 p of the traits whose names begin so; None where there is none."""
        return max((height for trait, height in self.strongest.items() if trait.startswith(prefix)), default=None)


@dataclass(frozen=True)
class ScanRows:
    """Rows of Associations that lie where they are, and are looked at some at a time.

    read        columns of all rows, in order, some rows at a time, as often as it is called
    min_people  rows of alleles carried fewer times are passed over; 0: none
    """

    read: Callable[[Sequence[str]], Iterable[pl.DataFrame]]
    min_people: int = 0

    @classmethod
    def of(cls, rows: Associations) -> Self:
        """Rows that are in memory, those of a position one after the other."""
        return cls(lambda columns: [rows.frame.select(columns)])

    def chunks(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Columns of at most CHUNK_ROWS rows, then of the next, until all have come; never of none."""
        carried = [name for name in ("eaf", "n") if self.min_people > 0 and name not in columns]
        for rows in self.read([*columns, *carried]):
            chosen = rows if self.min_people == 0 else rows.filter(~carried_by_few(self.min_people)).select(columns)
            if chosen.height > 0:
                yield from chosen.iter_slices(CHUNK_ROWS)

    def by_position(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The same, but the rows of a position, which follow each other where the scan wrote them, come together.

        Pieces are joined until they have CHUNK_ROWS rows; columns hold chrom and pos.
        """
        held: pl.DataFrame | None = None
        for rows in self.chunks(columns):
            full = held is not None and held.height >= CHUNK_ROWS
            same = _leading(rows, held.row(-1, named=True)) if held is not None and full else rows.height
            held = rows if held is None else pl.concat([held, rows[:same]])
            if same < rows.height:
                yield held
                held = rows[same:]
        if held is not None:
            yield held

    def carried_by_few(self, min_people: int) -> int:
        """How many of the rows are of alleles carried fewer times."""
        return sum(int(rows.select(carried_by_few(min_people).sum()).item()) for rows in self.chunks(("eaf", "n")))

    @cached_property
    def summary(self) -> ScanRowsSummary:
        """All rows, looked at once."""
        count, strongest, spans = 0, dict[str, float](), dict[str, tuple[int, int]]()
        for some in self.chunks(("trait", "chrom", "pos", "neglog10p")):
            rows = some.filter(pl.col("neglog10p").is_finite())
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


def _leading(rows: pl.DataFrame, last: Mapping[str, Any]) -> int:
    """How many of the first rows are at the position of the last row before them."""
    others = ((rows["pos"] != last["pos"]) | (rows["chrom"] != last["chrom"])).arg_true()
    return int(others[0]) if len(others) else rows.height


def compact(rows: pl.DataFrame) -> pl.DataFrame:
    """Few rows of many, their text copied: as Polars filters text it holds all that it was filtered from."""
    return rows.with_columns(pl.col(pl.String) + "")
