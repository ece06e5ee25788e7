"""Loci looked at closer: checks of their hits, separate signals, credible sets, as the stage `loci` left them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ecgwas.report.contents import ReportContents
from ecgwas.report.page import table_views
from ecgwas.tables import VARIANT_KEY

AUDIT, CONDITIONAL, CREDIBLE = "loci/audit", "loci/conditional", "loci/credible"
PLACED = (AUDIT, CONDITIONAL, CREDIBLE, "loci/clumps")
"""Tables that have a view here; clumps stand in the table of loci, as their number."""

OF_AUDIT = {
    "trait": ("trait", ""), "variant": ("strongest variant", ""), "neglog10p": ("−log10 p", ".2f"),
    "neglog10p_hc3": ("with unequal variances (HC3)", ".2f"),
    "neglog10p_without_top": ("without the most influential person", ".2f"),
    "top_share": ("share of the effect of that person", ".1%"), "carriers": ("carriers", ",d"),
    "neglog10p_dominance": ("of dominance", ".2f"), "hwe_p": ("Hardy-Weinberg p", ".2g"), "beta": ("beta", ".3f"),
    "beta_corrected": ("beta without the winner's curse", ".3f"),
    "beta_corrected_low": ("from", ".3f"), "beta_corrected_high": ("to", ".3f"), "neglog10p_odd": ("odd beats", ".2f"),
    "neglog10p_even": ("even beats", ".2f"), "neglog10p_seeds": ("with other seeds, the weakest", ".2f"),
    "flags": ("suspicious", ""),
}  # fmt: skip
COVERED = "nominally 95 %; of simulated sets 99 % held the cause of loci with one, 90 % of those with two or three"
OF_CONDITIONAL = {
    "step": ("step", "d"), "variant": ("variant", ""), "pos": ("position", ",d"), "effect_allele": ("effect allele", ""),
    "beta": ("beta beside earlier steps", ".3f"), "se": ("standard error", ".3f"),
    "neglog10p": ("−log10 p beside earlier steps", ".2f"), "neglog10p_alone": ("by itself", ".2f"),
    "neglog10p_joint": ("beside all other signals", ".2f"), "r2_with_lead": ("r² with the lead", ".3f"),
    "significant": ("a signal of its own", ""),
}  # fmt: skip
OF_CREDIBLE = {
    "set": ("set", "d"), "variant": ("variant", ""), "pos": ("position", ",d"), "posterior": ("posterior", ".3f"),
    "inclusion": ("inclusion", ".3f"), "variants": ("variants of the set", ",d"), "coverage": ("coverage", ".3f"),
    "purity": ("purity", ".3f"), "method": ("method", ""),
}  # fmt: skip


def audit_of(contents: ReportContents, locus: Mapping[str, Any]) -> table_views.View | None:
    """The checks of each trait's strongest variant in the locus; None where nothing was audited."""
    rows = _audited(contents, locus)
    if rows is None or rows.height == 0:
        return None
    shown = rows.with_columns(flags=pl.col("flags").fill_null("").replace("", "nothing"))
    return table_views.view(f"audit-{locus['locus']}", "Checks of the hits", shown, table_views.with_units(contents, OF_AUDIT))


def _audited(contents: ReportContents, locus: Mapping[str, Any]) -> pl.DataFrame | None:
    table = contents.more.get(AUDIT)
    if table is None:
        return None
    inside = (pl.col("chrom") == locus["chrom"]) & pl.col("pos").is_between(locus["start"], locus["stop"])
    ordered = table.filter(inside).sort("neglog10p", "trait", *VARIANT_KEY, descending=[True, *(False for _ in range(5))])
    return ordered.unique("trait", keep="first", maintain_order=True)


def verdict(contents: ReportContents, locus: Mapping[str, Any]) -> str | None:
    """`pass` if the checks found nothing suspicious in the locus' strongest hit and its lead variant is significant beside the
    other loci, else `warn`; None if it was not checked."""
    rows = _audited(contents, locus)
    if rows is None:
        return None
    strongest = rows.filter(pl.col("trait") == locus["best_trait"])["flags"].to_list()
    if not strongest:
        return None
    beside = locus.get("neglog10p_conditional")
    leans = beside is not None and beside <= contents.threshold["neglog10p"]
    return "warn" if strongest[0] or leans else "pass"


def flags(contents: ReportContents) -> table_views.View | None:
    """How many audited hits each suspicion falls on."""
    table = contents.more.get(AUDIT)
    if table is None or table.height == 0:
        return None
    said = table["flags"].fill_null("").str.split(";").explode().str.strip_chars()
    counted = said.replace("", "nothing").value_counts(name="hits").sort("hits", "flags", descending=[True, False])
    spelling = {"flags": ("suspicious", ""), "hits": ("hits", ",d")}
    return table_views.view("flags", f"Checks of {table.height:,} hits", counted, spelling)


def tables_of(contents: ReportContents, locus: int) -> list[table_views.View]:
    """Credible sets and separate signals of a locus, those that there are."""
    wanted = (
        (CREDIBLE, "credible", f"Credible sets ({COVERED})", OF_CREDIBLE),
        (CONDITIONAL, "conditional", "Separate signals", OF_CONDITIONAL),
    )
    found = []
    for name, stem, caption, spelling in wanted:
        table = contents.more.get(name)
        rows = None if table is None else table.filter(pl.col("locus") == locus)
        if rows is not None and rows.height > 0:
            trait = rows["trait"][0]
            found.append(
                table_views.view(f"{stem}-{locus}", f"{caption}, by {trait}", rows, table_views.with_units(contents, spelling))
            )
    return found
