"""How many variants of each chromosome were tested or excluded, with reasons; also of chromosomes that are not tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ecgwas.genotypes.chromosome_codes import NOT_LISTED, PAR_LABEL
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.tables.loci import VariantCounts

TESTED = "tested"


def counts(left_out: pl.DataFrame, genotypes: Genotypes, traits: int) -> VariantCounts:
    """One row per outcome of a chromosome's variants; the pseudoautosomal regions of X are counted separately.

    left_out: columns variant (index), trait (null: all traits), reason. A variant excluded for each of the `traits` separately
    counts under the reason of the first.
    """
    everywhere = left_out.filter(pl.col("trait").is_null())
    each = left_out.filter(pl.col("trait").is_not_null()).sort("variant", "trait", maintain_order=True)
    by_trait = each.group_by("variant", maintain_order=True).agg(pl.col("trait").n_unique(), pl.col("reason").first())
    excluded = pl.concat([everywhere.select("variant", "reason"), by_trait.filter(pl.col("trait") == traits).drop("trait")])
    excluded = excluded.unique("variant", keep="first", maintain_order=True)
    reasons = np.full(len(genotypes), TESTED, dtype=object)
    reasons[excluded["variant"].to_numpy()] = excluded["reason"].to_list()
    rows: list[dict[str, Any]] = []
    for is_diploid, name in ((False, genotypes.chrom), (True, PAR_LABEL)):
        outcomes = Counter(reasons[genotypes.is_pseudoautosomal == is_diploid].tolist())
        rows += _rows(name, outcomes | Counter({NOT_LISTED: genotypes.not_listed[is_diploid]}))
    return VariantCounts.of(rows)


def _rows(chrom: str, outcomes: Mapping[str, int]) -> list[dict[str, Any]]:
    """Rows of one chromosome: tested variants first, then the others by frequency; outcomes without a variant have no row."""
    order = sorted(outcomes, key=lambda name: (name != TESTED, -outcomes[name], name))
    total = sum(outcomes.values())
    rows = [{"chrom": chrom, "outcome": name, "variants": outcomes[name], "in_file": total} for name in order]
    return [row for row in rows if row["variants"]]


def of_untested(untested: Sequence[tuple[str, str, int]]) -> VariantCounts:
    """Rows for the result of chromosomes.untested; a requested chromosome without a file has a row of 0 variants."""
    names = ("chrom", "outcome", "variants", "in_file")
    return VariantCounts.of([dict(zip(names, (*row, row[2]), strict=True)) for row in untested])


def in_words(table: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line per chromosome: variants in the files, tested, and excluded by reason."""
    lines = []
    for chrom in dict.fromkeys(row["chrom"] for row in table):
        own = [row for row in table if row["chrom"] == chrom]
        done = sum(row["variants"] for row in own if row["outcome"] == TESTED)
        reasons = "; ".join(f"{row['outcome']}: {row['variants']}" for row in own if row["outcome"] != TESTED) or "none"
        lines.append(f"chromosome {chrom}: {own[0]['in_file']} variants in the files, {done} tested; excluded: {reasons}")
    return lines
