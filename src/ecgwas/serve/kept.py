"""The tests that a scan kept, by variant and by trait, in memory: about 60 bytes per test and 100 per variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.serve.variants import NAMED, VariantTable, in_order, is_first

NUMBERS = ("eaf", "n", "beta", "se", "t", "neglog10p")
"""Numbers of a test, as in Associations."""


@dataclass(frozen=True)
class KeptTests:
    """R tests of V variants and K traits.

    table       the variants with a kept test
    traits      K names, in the order of the scan
    rows        R rows, by variant, then by trait: columns variant_number, trait_number, NUMBERS
    of_variant  (V + 1,) where each variant's rows begin
    by_trait    (R,) places of the rows, by trait, then along the genome;  of_trait  (K + 1,) where each trait's begin
    """

    table: VariantTable
    traits: tuple[str, ...]
    rows: pl.DataFrame
    of_variant: NDArray[np.int64]
    by_trait: NDArray[np.uint32]
    of_trait: NDArray[np.int64]

    @classmethod
    def of(cls, associations: pl.DataFrame, traits: Sequence[str]) -> Self:
        """From rows with the columns of Associations, in any order."""
        numbers = {name: k for k, name in enumerate(traits)}
        with_trait = associations.with_columns(
            trait_number=pl.col("trait").replace_strict(numbers, return_dtype=pl.UInt32)
        ).drop("trait")
        rows = in_order(with_trait, "trait_number").with_columns(first=is_first())
        first = rows["first"].to_numpy()
        table = VariantTable.of(rows.filter("first").select(NAMED))
        numbered = rows.select(
            pl.Series("variant_number", np.cumsum(first) - 1, dtype=pl.UInt32), "trait_number", *NUMBERS
        ).rechunk()
        of_trait = numbered["trait_number"].to_numpy()
        edges = np.searchsorted(np.sort(of_trait), np.arange(len(traits) + 1))
        by_trait = np.argsort(of_trait, kind="stable").astype(np.uint32)
        of_variant = np.append(np.flatnonzero(first), len(first)).astype(np.int64)
        return cls(table, tuple(traits), numbered, of_variant, by_trait, edges.astype(np.int64))

    def __len__(self) -> int:
        return self.rows.height

    def variant(self, number: int) -> pl.DataFrame:
        """Kept tests of a variant, in the order of the traits: columns trait, NUMBERS."""
        own = self.rows[int(self.of_variant[number]) : int(self.of_variant[number + 1])]
        return self._with_traits(own).select("trait", *NUMBERS)

    @property
    def no_test(self) -> pl.DataFrame:
        """No rows, with the columns of `variant`."""
        return self._with_traits(self.rows.clear()).select("trait", *NUMBERS)

    def trait(self, number: int) -> pl.DataFrame:
        """Kept tests of a trait, along the genome: columns NAMED, trait, NUMBERS."""
        places = self.by_trait[self.of_trait[number] : self.of_trait[number + 1]]
        return self._described(self.rows[places])

    def trait_between(self, number: int, variants: range) -> pl.DataFrame:
        """The same of these variants alone."""
        return self._described(self.between(variants).filter(pl.col("trait_number") == number))

    def between(self, variants: range) -> pl.DataFrame:
        """Rows of these variants."""
        return self.rows[int(self.of_variant[variants.start]) : int(self.of_variant[variants.stop])]

    def strongest_traits(self, variants: range, count: int) -> pl.DataFrame:
        """The strongest kept test of each trait among these variants, the strongest first: columns NAMED, trait, NUMBERS."""
        rows = self.between(variants).filter(pl.col("neglog10p").is_finite())
        best = rows.sort("neglog10p", descending=True, maintain_order=True).unique(
            "trait_number", keep="first", maintain_order=True
        )
        return self._described(best.head(count))

    def heights(self) -> NDArray[np.float64]:
        """(K,) the largest -log10 p of each trait; NaN for a trait without a kept test."""
        best = self.rows.group_by("trait_number").agg(pl.col("neglog10p").max())
        heights = np.full(len(self.traits), np.nan)
        heights[best["trait_number"].to_numpy()] = best["neglog10p"].fill_null(np.nan).to_numpy()
        return heights

    def _described(self, rows: pl.DataFrame) -> pl.DataFrame:
        variants = self.table.frame[rows["variant_number"].to_numpy()]
        return pl.concat([variants, self._with_traits(rows).select("trait", *NUMBERS)], how="horizontal")

    def _with_traits(self, rows: pl.DataFrame) -> pl.DataFrame:
        names = pl.Series("trait", self.traits, dtype=pl.String)
        return rows.with_columns(names.gather(rows["trait_number"]))
