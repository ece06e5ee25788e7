"""All that the page of a comparison shows of several studies, or of the representations of one; no participant's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

NULL_COUNTS = {
    "study": pl.String(), "representation": pl.String(), "loci": pl.Int64(), "pairs": pl.Int64(), "null_loci": pl.Int64(),
    "null_pairs": pl.Int64(),
}  # fmt: skip
"""Loci and variant-trait pairs of each representation beyond the common threshold, and of the null study; null: not run."""


@dataclass(frozen=True)
class Threshold:
    """The threshold that all tests share: -log10 p, its 95 % Monte-Carlo interval (None: not known), and sentences about it."""

    neglog10p: float
    low: float | None
    high: float | None
    about: tuple[str, ...]


@dataclass(frozen=True)
class ComparisonContents:
    """Studies side by side.

    settings, results  the tables that `ecgwas compare` prints of several studies, one row per study and representation
    representations    columns of tables.comparison.Comparison, of one study; None: of several
    compared           columns of tables.comparison.ComparedLoci, every study and representation in each locus
    order              study -> its representations
    floors             study -> -log10 p below which its scan kept no rows
    units              study -> unit of beta in words: SD, or empty for the units of untransformed features
    null_counts        columns NULL_COUNTS
    notes              further sentences about the comparison
    build              genome build of all positions;  version: of ecgwas
    """

    settings: pl.DataFrame
    results: pl.DataFrame
    representations: pl.DataFrame | None
    threshold: Threshold
    compared: pl.DataFrame
    order: Mapping[str, tuple[str, ...]]
    floors: Mapping[str, float]
    units: Mapping[str, str]
    null_counts: pl.DataFrame
    notes: tuple[str, ...]
    build: str
    version: str

    @property
    def sides(self) -> dict[str, tuple[str, str | None]]:
        """What is put side by side: label -> study and representation. Of several studies each with all its representations
        (None); of one study its representations."""
        if len(self.order) > 1:
            return {study: (study, None) for study in self.order}
        return {name: (study, name) for study, names in self.order.items() for name in names}

    @property
    def members(self) -> dict[str, tuple[str, str | None]]:
        """Every study and representation by its label: as short as it is clear."""
        if len(self.order) == 1 or all(len(names) == 1 for names in self.order.values()):
            return self.sides
        return {f"{study}: {name}": (study, name) for study, names in self.order.items() for name in names}

    def rows_of(self, study: str, representation: str | None) -> pl.DataFrame:
        """The rows of `compared` of a side or member."""
        of_study = self.compared.filter(pl.col("study") == study)
        return of_study if representation is None else of_study.filter(pl.col("representation") == representation)

    def loci_of(self, study: str, representation: str | None) -> frozenset[int]:
        """Numbers of the loci that a side or member finds."""
        return frozenset(self.rows_of(study, representation).filter(pl.col("found"))["locus"])

    @property
    def loci(self) -> pl.DataFrame:
        """Each locus once: its number, place, lead variant and alleles."""
        columns = ("locus", "lead_variant", "chrom", "pos", "start", "stop", "effect_allele", "other_allele")
        return self.compared.select(columns).unique("locus", keep="first", maintain_order=True)
