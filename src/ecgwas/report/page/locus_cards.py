"""What the page of a locus says beside its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ecgwas.report.contents import ReportContents
from ecgwas.report.figures.all_figures import locus_pages
from ecgwas.report.figures.associations import nearest_genes
from ecgwas.report.page import locus_checks, table_views
from ecgwas.tables import VARIANT_KEY


@dataclass(frozen=True)
class Card:
    """row: the locus' row of loci.csv; known: "known" or "new", None without a table of known loci."""

    row: Mapping[str, Any]
    genes: str
    known: str | None
    about_known: str
    by_set: str
    verdict: str | None
    tables: tuple[table_views.View, ...]


def cards(contents: ReportContents) -> list[Card]:
    """Loci with a page of their own, strongest first."""
    names = nearest_genes(contents)
    rows = {row["locus"]: row for row in contents.loci.frame.iter_rows(named=True)}
    return [_card(contents, rows[locus], names.get(locus, "")) for locus in locus_pages(contents)]


def _card(contents: ReportContents, row: Mapping[str, Any], gene: str) -> Card:
    checks = locus_checks.audit_of(contents, row)
    tables = (table_views.traits_of(contents, row), *([checks] if checks else []),
              *locus_checks.tables_of(contents, row["locus"]),
              *table_views.more_of(contents, "loci", row["locus"], beside=locus_checks.PLACED), *_genes(contents, row["locus"]),
              *table_views.more_of(contents, "genes", row["locus"]))  # fmt: skip
    return Card(row, gene, row.get("known"), _about_known(row), _by_set(row), locus_checks.verdict(contents, row), tables)


def _by_set(row: Mapping[str, Any]) -> str:
    """How a locus was found that no trait finds by itself."""
    if row.get("test") in (None, "single"):
        return ""
    return f"No trait by itself passes the threshold here: found by the {row['test']} test of the traits {row['set']} at once."


def _about_known(row: Mapping[str, Any]) -> str:
    if row.get("known") != "known":
        return ""
    traits, genes, distance = (row.get(name) for name in ("known_traits", "known_genes", "known_distance_bp"))
    what = " ".join(str(word) for word in (traits, f"({genes})" if genes else "") if word)
    away = f", {distance:,} bp away" if distance is not None else ""
    return f"Known: {what or 'a published locus'}{away}."


def _genes(contents: ReportContents, locus: int) -> list[table_views.View]:
    here = contents.genes.frame.filter(pl.col("locus") == locus).drop_nulls("gene")
    if here.height == 0:
        return []
    grouped = here.group_by("gene", "source", maintain_order=True).agg(
        variants=pl.struct(VARIANT_KEY).n_unique(), distance_bp=pl.col("distance_bp").min(), relation=pl.col("relation").first()
    )
    spelling = {
        "gene": ("gene", ""), "relation": ("relation", ""), "distance_bp": ("smallest distance (bp)", ",d"),
        "variants": ("variants with a hit", ",d"), "source": ("source", ""),
    }  # fmt: skip
    return [
        table_views.view(f"genes-of-{locus}", "Genes of the variants with a hit", grouped.sort("distance_bp", "gene"), spelling)
    ]
