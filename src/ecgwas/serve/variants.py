"""Variants along the genome: by position, by key, by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report.trait_order import chromosome_rank
from ecgwas.tables import VARIANT_KEY

NAMED = ("variant", *VARIANT_KEY)
MOST_COMPARED = 2_000
"""Names with the same beginning that are compared with a mistyped one."""


@dataclass(frozen=True)
class VariantTable:
    """V variants, each once, in the order of chromosomes and positions.

    frame      columns NAMED
    positions  (V,) int64
    spans      chromosome -> its first variant, and the first one after it
    names      (V,) text in lower case, sorted;  by_name  (V,) the variant of each name
    """

    frame: pl.DataFrame
    positions: NDArray[np.int64]
    spans: Mapping[str, tuple[int, int]]
    names: pl.Series
    by_name: NDArray[np.uint32]

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Self:
        """From rows with columns NAMED that are in order (`in_order`), each variant once."""
        starts = frame.with_row_index("at").group_by("chrom", maintain_order=True).agg(pl.col("at").min())
        edges = [*starts["at"].to_list(), frame.height]
        spans = {chrom: (edges[k], edges[k + 1]) for k, chrom in enumerate(starts["chrom"].to_list())}
        names = frame["variant"].fill_null("").str.to_lowercase()
        by_name = names.arg_sort()
        return cls(frame, frame["pos"].to_numpy(), spans, names.gather(by_name), by_name.to_numpy())

    def __len__(self) -> int:
        return self.frame.height

    def row(self, number: int) -> dict[str, Any]:
        """Columns NAMED of one variant."""
        return self.frame.row(number, named=True)

    def between(self, chrom: str, start: int, stop: int) -> range:
        """Numbers of the variants from start to stop, both included; empty on an unknown chromosome."""
        first, after = self.spans.get(chrom, (0, 0))
        low, high = np.searchsorted(self.positions[first:after], [start, stop + 1], side="left")
        return range(first + int(low), first + int(high))

    def number_of(self, variant: Mapping[str, Any]) -> int | None:
        """The variant with this key (VARIANT_KEY); None: it is not here."""
        key = tuple(variant[name] for name in VARIANT_KEY)
        for number in self.between(variant["chrom"], variant["pos"], variant["pos"]):
            if self.frame.select(VARIANT_KEY).row(number) == key:
                return number
        return None

    def with_alleles(self, chrom: str, pos: int, alleles: frozenset[str] | None) -> list[int]:
        """Variants at a position, of these two alleles in either order; alleles None: all."""
        here = self.between(chrom, pos, pos)
        if alleles is None:
            return list(here)
        rows = self.frame[here.start : here.stop].select("effect_allele", "other_allele").iter_rows()
        return [number for number, own in zip(here, rows, strict=True) if {one.upper() for one in own} == alleles]

    def nearest(self, chrom: str, pos: int, count: int) -> list[int]:
        """The variants nearest to a position, nearest first."""
        first, after = self.spans.get(chrom, (0, 0))
        at = first + int(np.searchsorted(self.positions[first:after], pos))
        around = range(max(first, at - count), min(after, at + count))
        return sorted(around, key=lambda number: (abs(int(self.positions[number]) - pos), number))[:count]

    def named(self, name: str, count: int = 20) -> list[int]:
        """Variants of this name, whatever its case; at most `count`. A missing name (`.`) names none."""
        lower = name.lower()
        low, high = self._range(lower, lower + "\0")
        return [] if lower in ("", ".") else sorted(int(number) for number in self.by_name[low : min(high, low + count)])

    def starting_with(self, text: str, count: int) -> list[int]:
        """Variants whose names begin with the text, whatever its case; at most `count`, in the order of names."""
        lower = text.lower()
        low, high = self._range(lower, lower + "\U0010ffff")
        return [int(number) for number in self.by_name[low : min(high, low + count)]]

    def similar(self, name: str, count: int = 3) -> list[int]:
        """Variants whose names are most like a mistyped one, among those of the same beginning."""
        start = name[: max(len(name) - 2, 2)]
        by_lower = {str(self.row(number)["variant"]).lower(): number for number in self.starting_with(start, MOST_COMPARED)}
        return [by_lower[lower] for lower in difflib.get_close_matches(name.lower(), by_lower, n=count)]

    def _range(self, low: str, high: str) -> tuple[int, int]:
        """Places of the sorted names from low to before high."""
        first, after = (int(self.names.search_sorted(text, side="left")) for text in (low, high))
        return first, after


def in_order(frame: pl.DataFrame, *further: str) -> pl.DataFrame:
    """Rows in the order of VariantTable, then by further columns."""
    return frame.sort(chromosome_rank("chrom"), *VARIANT_KEY, *further)


def is_first() -> pl.Expr:
    """True for the first of consecutive rows of one variant (VARIANT_KEY)."""
    return pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in VARIANT_KEY)
