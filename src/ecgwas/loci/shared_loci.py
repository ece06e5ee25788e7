"""Loci of several studies side by side: hits of all studies merged into loci, and each study's tests there.

Every study's positions must refer to the same genome build.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ecgwas.genotypes.alleles import OTHERS, PALINDROMIC, SAME, SWAPPED, orientation
from ecgwas.loci.merge import in_order, merge_hits
from ecgwas.tables import NATURAL_EFFECT, VARIANT_KEY, Associations
from ecgwas.tables.comparison import ComparedLoci
from ecgwas.tables.loci import Clumps

SIGN = {SAME: 1.0, SWAPPED: -1.0}
READ = ("trait", "variant", *VARIANT_KEY, "eaf", "n", "beta", "se", "neglog10p")
"""Columns of the rows that a comparison reads."""
PLACE = ("locus", "lead_variant", "chrom", "pos", "start", "stop", "effect_allele", "other_allele")
"""Columns of a locus."""


@dataclass(frozen=True)
class StudyHits:
    """A study's part in a comparison.

    representations  names of its representations, in its order
    hits             its rows beyond the common threshold, columns of Associations
    clumps           its clumps;  natural: trait, VARIANT_KEY and NATURAL_EFFECT, where it has fitted them
    genotypes        equal for studies that read the same genotype files, whose alleles are then on the same strand
    """

    name: str
    representations: tuple[str, ...]
    hits: pl.DataFrame
    clumps: Clumps
    natural: pl.DataFrame
    genotypes: object


def shared_loci(studies: Sequence[StudyHits], window_bp: int, neglog10p: float) -> pl.DataFrame:
    """Columns of Loci, and lead_study: index of the study whose hit leads the locus.

    Hits of all studies together are merged as those of one study (merge_hits): hits of a chromosome belong to one locus if
    they are at most `window_bp` from the next, or if a clump of a study spans them. neglog10p: clumps of hits at or below it
    do not count.
    """
    pooled = in_order(pl.concat([study.hits.select(list(Associations.columns)) for study in studies]))
    spans = pl.concat([study.clumps.frame for study in studies]).filter(pl.col("neglog10p") > neglog10p)
    loci = merge_hits(pooled, window_bp, Clumps(spans))
    leads = [next(i for i, study in enumerate(studies) if _has(study.hits, locus)) for locus in loci.iter_rows(named=True)]
    return loci.with_columns(lead_study=pl.Series(leads, dtype=pl.Int64))


def _has(hits: pl.DataFrame, locus: Mapping[str, Any]) -> bool:
    """True if the locus' lead variant on its best trait is among the hits."""
    same = [pl.col(name) == locus[name] for name in (*VARIANT_KEY, "neglog10p")]
    return hits.filter(*same, pl.col("trait") == locus["best_trait"]).height > 0


def rows_in_loci(chunks: Iterable[pl.DataFrame], loci: pl.DataFrame) -> pl.DataFrame:
    """What a comparison needs of a study's rows (columns READ), with columns locus and representation.

    Of each locus and representation the strongest row, and every row at the position of the lead variant. chunks: the rows
    that the scan kept, in any order.
    """
    schema = {name: Associations.columns[name].dtype for name in READ} | {"representation": pl.String, "locus": pl.Int64}
    kept = [pl.DataFrame(schema=schema)]
    leads = loci.select("locus", lead_pos="pos")
    for chunk in chunks:
        inside = _numbered(chunk.filter(pl.col("neglog10p").is_finite()), loci)
        if inside.height:
            of_trait = pl.col("trait").str.splitn(".", 2).struct[0]
            inside = inside.with_columns(representation=of_trait).join(leads, on="locus")
            at_lead = inside.filter(pl.col("pos") == pl.col("lead_pos"))
            kept.append(pl.concat([_strongest(inside), at_lead]).unique(maintain_order=True).select(list(schema)))
    return pl.concat(kept)


def _strongest(rows: pl.DataFrame) -> pl.DataFrame:
    order = rows.sort("neglog10p", *VARIANT_KEY, "trait", descending=[True, *(False for _ in range(5))])
    return order.unique(["locus", "representation"], keep="first", maintain_order=True)


def _numbered(rows: pl.DataFrame, loci: pl.DataFrame) -> pl.DataFrame:
    """The rows within a locus, with its number; loci of a chromosome do not overlap and are in order."""
    parts = [rows.clear().with_columns(locus=pl.lit(None, pl.Int64))]
    for (chrom,), own in loci.group_by("chrom", maintain_order=True):
        here = rows.filter(pl.col("chrom") == chrom)
        pos, start, stop, number = here["pos"].to_numpy(), *(own[name].to_numpy() for name in ("start", "stop", "locus"))
        place = np.maximum(np.searchsorted(start, pos, side="right") - 1, 0)
        inside = (pos >= start[place]) & (pos <= stop[place])
        parts.append(here.with_columns(locus=pl.Series(number[place], dtype=pl.Int64)).filter(pl.Series(inside)))
    return pl.concat(parts)


def compared_loci(
    studies: Sequence[StudyHits], loci: pl.DataFrame, rows: Sequence[pl.DataFrame], neglog10p: float
) -> ComparedLoci:
    """One row per locus, study and representation.

    loci: as shared_loci gives them; rows: of each study, as rows_in_loci gives them; neglog10p: the common threshold. Alleles
    are harmonised with those of the lead variant as `orientation` does; where studies read the same genotype files, the
    strand is known.
    """
    tests = [
        _row(locus, study, representation, own, _is_on_one_strand(studies, locus, study)) | {"threshold": neglog10p}
        for locus in loci.iter_rows(named=True)
        for study, of_study in zip(studies, rows, strict=True)
        for representation, own in _by_representation(study, of_study.filter(pl.col("locus") == locus["locus"]))
    ]
    table = ComparedLoci.of(tests)
    beyond = (pl.col("best_neglog10p") > neglog10p).fill_null(False)
    return ComparedLoci(table.frame.with_columns(found=beyond))


def _by_representation(study: StudyHits, rows: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    return [(name, rows.filter(pl.col("representation") == name)) for name in study.representations]


def _is_on_one_strand(studies: Sequence[StudyHits], locus: Mapping[str, Any], study: StudyHits) -> bool:
    return bool(study.genotypes == studies[locus["lead_study"]].genotypes)


def _row(
    locus: Mapping[str, Any], study: StudyHits, representation: str, rows: pl.DataFrame, one_strand: bool
) -> dict[str, Any]:  # fmt: skip
    row: dict[str, Any] = dict.fromkeys(ComparedLoci.columns) | {name: locus[name] for name in PLACE}
    row |= {"study": study.name, "representation": representation}
    if rows.height == 0:
        return row
    best = _strongest(rows).row(0, named=True)
    row |= {f"best_{name}": best[name] for name in ("trait", "variant", "neglog10p")}
    return row | _at_lead(locus, study, rows.filter(pl.col("pos") == locus["pos"]), one_strand)


def _at_lead(locus: Mapping[str, Any], study: StudyHits, rows: pl.DataFrame, one_strand: bool) -> dict[str, Any]:
    """The strongest test of the lead variant, for its effect allele; empty if the study has none.

    Effects and frequency are null where it is not known which allele is meant.
    """
    own = (locus["effect_allele"], locus["other_allele"])
    same_pair = {pair for pair in rows.select("effect_allele", "other_allele").iter_rows() if orientation(own, pair) != OTHERS}
    pairs = {pair for pair in same_pair if set(pair) == set(own)} or same_pair
    is_there = pl.Series([pair in pairs for pair in rows.select("effect_allele", "other_allele").iter_rows()], dtype=pl.Boolean)
    of_variant = rows.filter(is_there)
    if of_variant.height == 0:
        return {}
    on = ["trait", *VARIANT_KEY]
    test = _strongest(of_variant).join(study.natural.unique(on), on=on, how="left").row(0, named=True)
    pair = (test["effect_allele"], test["other_allele"])
    agreement = (SAME if pair == own else SWAPPED) if one_strand else orientation(own, pair, locus["eaf"], test["eaf"])
    sign = SIGN.get(agreement)
    facts = {name: test[name] for name in ("trait", "n", "se", "neglog10p", "effect_se", "unit")} | {"alleles": agreement}
    if sign is None:
        return facts
    effects = {name: None if test[name] is None else sign * test[name] for name in ("beta", "effect")}
    return facts | effects | {"eaf": test["eaf"] if sign > 0 else 1 - test["eaf"]}


NO_NATURAL = pl.DataFrame(schema={"trait": pl.String, **{name: Associations.columns[name].dtype for name in VARIANT_KEY}}
                          | {name: column.dtype for name, column in NATURAL_EFFECT.items()})  # fmt: skip
"""Of a study without effects in natural units."""

__all__ = ["NO_NATURAL", "PALINDROMIC", "READ", "StudyHits", "compared_loci", "rows_in_loci", "shared_loci"]
