"""What the page of a locus says next to its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ecgwas.report.contents import LocusRegion, ReportContents
from ecgwas.report.figures import region
from ecgwas.report.page import tables
from ecgwas.report.page.table_view import ShownTable, existing
from ecgwas.report.queries import locus_pages, nearest_genes
from ecgwas.report.sample_flow import eids_of
from ecgwas.report.text import effects
from ecgwas.report.text.effects import EffectWords
from ecgwas.report.text.look_up import LookUp, look_up
from ecgwas.tables import files

PLACED = (files.AUDIT, files.GROUP_EFFECTS, files.CONDITIONAL, files.CREDIBLE, files.CLUMPS)
"""Tables that have a view here; of clumps the table of loci gives the number."""


@dataclass(frozen=True)
class Choice:
    """A regional plot of a locus that can be chosen: the name of the figure, and what it shows."""

    figure: str
    words: str


@dataclass(frozen=True)
class Card:
    """What the page of one locus says.

    row: the locus' row of loci.csv; known: "known" or "new", None without a table of known loci; effect: the strongest measured
    one, None for a locus that only trait sets find; look_up: where else to read of its lead variant; regions: its regional
    plots, that of the strongest trait first
    """

    row: Mapping[str, Any]
    gene: str
    known: str | None
    about_known: str
    by_set: str
    effect: EffectWords | None
    verdict: str | None
    tables: tuple[ShownTable, ...]
    look_up: LookUp
    regions: tuple[Choice, ...] = ()


def cards(contents: ReportContents) -> list[Card]:
    """Loci with a page, strongest first."""
    nearest = nearest_genes(contents.genes.genes, contents.loci.loci)
    rows = {row["locus"]: row for row in contents.loci.loci.frame.iter_rows(named=True)}
    return [_card(contents, rows[locus], nearest.get(locus, "")) for locus in locus_pages(contents.loci)]


def _card(contents: ReportContents, row: Mapping[str, Any], gene: str) -> Card:
    locus, audit = row["locus"], contents.tables.get(files.AUDIT)
    unit, eids = tables.effect_unit(contents.run), eids_of(contents.cohort)
    of_traits = tables.traits_of_locus(contents.loci, row, unit, contents.genes.genes)
    of_locus = (
        *existing(of_traits, tables.audit_of_locus(audit, row, unit)),
        *existing(tables.groups_of_locus(contents.tables.get(files.GROUP_EFFECTS), locus, unit)),
        *tables.signals_of_locus(contents.tables, locus, unit),
        *tables.further(contents.tables, eids, "loci", locus, except_for=PLACED, unit=unit),
        *existing(tables.genes_of_locus(contents.genes.genes, locus)),
        *tables.further(contents.tables, eids, "genes", locus),
    )
    checked = verdict(audit, row, contents.loci.min_neglog10p)
    words = effects.of_locus(contents.loci.hits.frame, row, audit, tables.unit_of_beta(contents.run))
    regions = tuple(choice for here in contents.loci.regions if here.locus == locus for choice in _choices(here))
    browsers = look_up(row, str(contents.run.settings["scan"]["build"]))
    return Card(row, gene, row.get("known"), _about_known(row), _by_set(row), words, checked, of_locus, browsers, regions)


def _choices(here: LocusRegion) -> list[Choice]:
    """Regional plots of a locus: its strongest trait, its other traits, its signals; those without a test are not drawn."""
    choices = [Choice(region.name_of(here.locus), here.trait)] if _has_tests(here.tests) else []
    for layer in here.layers:
        words = layer.trait if layer.signal is None else f"signal {layer.signal} ({layer.lead['variant']}) without the others"
        choices += [Choice(region.name_of(here.locus, layer), words)] if _has_tests(layer.tests) else []
    return choices


def _has_tests(tests: pl.DataFrame) -> bool:
    return bool(tests["neglog10p"].is_finite().any())


def verdict(audit: pl.DataFrame | None, locus: Mapping[str, Any], min_neglog10p: float) -> str | None:
    """`pass` if the strongest hit has no flag and the lead variant is significant conditional on the other loci.

    Otherwise `warn`; None if the hit was not audited. min_neglog10p: of the threshold
    """
    rows = tables.strongest_audited(audit, locus)
    if rows is None:
        return None
    flags = rows.filter(pl.col("trait") == locus["best_trait"])["flags"].to_list()
    if not flags:
        return None
    conditional = locus.get("neglog10p_conditional")
    depends_on_others = conditional is not None and conditional <= min_neglog10p
    return "warn" if flags[0] or depends_on_others else "pass"


def _by_set(row: Mapping[str, Any]) -> str:
    """How a locus was found that no single trait finds."""
    if row.get("test") in (None, "single"):
        return ""
    test = f"the {row['test']} test of the trait set {row['set']}"
    return f"No single trait passes the threshold here: the locus was found by {test}."


def _about_known(row: Mapping[str, Any]) -> str:
    if row.get("known") != "known":
        return ""
    traits, genes, distance = (row.get(name) for name in ("known_traits", "known_genes", "known_distance_bp"))
    what = " ".join(str(word) for word in (traits, f"({genes})" if genes else "") if word)
    away = f", {distance:,} bp away" if distance is not None else ""
    return f"Known: {what or 'a published locus'}{away}."
