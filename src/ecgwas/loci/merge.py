"""Significant rows, joined into loci: loci are counted, not the correlated variants and traits in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ecgwas.loci import inflation
from ecgwas.loci import known as known_loci
from ecgwas.loci.thresholds import SETS, refuse_lost_hits, used
from ecgwas.study import LociOptions
from ecgwas.tables import VARIANT_KEY, Associations, Loci, ScanResult, Summary, Thresholds
from ecgwas.tables.loci import Clumps, SetHits

CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")
"""Order of chromosomes; others follow, by name."""


LEAD_KEY = ("lead_pos", "lead_effect_allele", "lead_other_allele")
"""Columns of Clumps that tell the clumps of a chromosome apart."""

SINGLE = "single"
FIRST = 1e6
COLUMNS = ("test", "set")
"""Further columns of loci.csv: which test leads the locus (single | omnibus | acat), and the strongest set of traits hit."""


@dataclass(frozen=True)
class LociTables:
    """What the stage `loci` gives.

    thresholds    as handed in, with `significant` rows and `loci` counted for each
    summary       one row per trait, in the scan's order
    hits          every significant row, by chromosome, position, alleles, trait
    loci          one row per locus, with known.COLUMNS at the end
    set_hits      every significant test of several traits at once
    clumps        each variant with a hit and the lead variant that linkage joins it to
    not_computed  kept rows without a p-value, left out of everything
    notes         what is worth knowing, in words
    """

    thresholds: Thresholds
    summary: Summary
    hits: Associations
    loci: Loci
    set_hits: SetHits
    clumps: Clumps
    not_computed: int
    notes: tuple[str, ...]


def no_clumps(hits: pl.DataFrame) -> Clumps:
    """Linkage joins nothing: loci by distance alone."""
    return Clumps.empty()


def find(
    options: LociOptions,
    thresholds: Thresholds,
    associations: Associations,
    results: Sequence[ScanResult],
    *,
    keep_neglog10p: float = 0.0,
    clump: Callable[[pl.DataFrame], Clumps] = no_clumps,
) -> LociTables:
    """Hits beyond the study's threshold, over all traits, and the loci that they form.

    associations: the rows that the scan kept; keep_neglog10p: below this it kept none; clump: what linkage joins. Hits of
    one chromosome whose positions are at most `window_bp` from the next hit, or that one clump spans, belong to one locus;
    its lead is the strongest row (ties: first position, alleles, trait). Raises StudyError if rows between the study's
    threshold and keep_neglog10p were not kept.
    """
    limit = used(thresholds)
    refuse_lost_hits(limit, keep_neglog10p)
    computed = associations.frame.filter(pl.col("neglog10p").is_not_nan() & pl.col("neglog10p").is_not_null())
    ordered = _ordered(computed)
    hits = beyond(ordered, limit)
    set_hits = _of_sets(thresholds, results)
    clumped = clump(hits)
    loci = joined(_ordered(pl.concat([hits, set_hits.as_rows(hits)], how="diagonal")), options.window_bp, clumped)
    known = None if options.known is None else known_loci.read(options.known)
    notes = [] if known is None else [f"known loci: {known.frame.height} read, {known.skipped} without one position skipped"]
    return LociTables(
        thresholds=_counted(options, thresholds, ordered, set_hits, keep_neglog10p, loci.height),
        summary=_summary(results, hits, limit),
        hits=Associations(hits),
        loci=Loci(known_loci.annotate(loci, known, options.window_bp)),
        set_hits=set_hits,
        clumps=clumped,
        not_computed=len(associations) - computed.height,
        notes=tuple(notes),
    )


def _of_sets(thresholds: Thresholds, results: Sequence[ScanResult]) -> SetHits:
    """Tests of sets of traits beyond their threshold; none where there is no such threshold."""
    limit = thresholds.frame.filter(pl.col("kind") == SETS)["neglog10p"]
    if len(limit) == 0 or not results:
        return SetHits.empty()
    rows = pl.concat([result.sets.frame for result in results]).with_columns(
        neglog10p=pl.max_horizontal("omnibus", "acat"),
        test=pl.when(pl.col("omnibus") >= pl.col("acat")).then(pl.lit("omnibus")).otherwise(pl.lit("acat")),
    )
    return SetHits(_ordered(rows.filter(pl.col("neglog10p") > limit.item()).rename({"best_trait": "trait"})))


def beyond(rows: pl.DataFrame, neglog10p: float) -> pl.DataFrame:
    """The rows whose p-value is below the threshold."""
    return rows.filter(pl.col("neglog10p") > neglog10p)


def joined(hits: pl.DataFrame, window_bp: int, clumped: Clumps | None = None) -> pl.DataFrame:
    """Loci of the hits (columns of Associations, sorted by chromosome and position), columns of Loci."""
    if hits.height == 0:
        return Loci.empty().frame.with_columns(pl.lit(None, pl.String).alias(name) for name in COLUMNS)
    if "test" not in hits.columns:
        hits = hits.with_columns(test=pl.lit(SINGLE), set=pl.lit(None, pl.String))
    apart = (pl.col("pos") - pl.col("pos").shift(1) > window_bp) & ~_spanned(hits, clumped)
    new = (pl.col("chrom") != pl.col("chrom").shift(1)) | apart
    numbered = hits.with_columns(locus=new.fill_null(True).cum_sum().cast(pl.Int64))
    # A single trait leads wherever there is one; sets of traits lead loci that they alone find.
    single = pl.col("test").fill_null(SINGLE) == SINGLE
    strongest = (pl.col("neglog10p") + pl.when(single).then(FIRST).otherwise(0.0)).arg_max()
    strongest_set = pl.col("neglog10p").filter(~single).arg_max()
    lead = {"lead_variant": "variant", "best_trait": "trait"}
    lead |= {name: name for name in ("effect_allele", "other_allele", "eaf")}
    loci = numbered.group_by("locus", maintain_order=True).agg(
        chrom=pl.col("chrom").first(),
        start=pl.col("pos").min(),
        stop=pl.col("pos").max(),
        at=pl.col("pos").get(strongest),
        best=pl.col("neglog10p").get(strongest),
        traits=pl.col("trait").filter(single).n_unique(),
        variants=pl.struct(VARIANT_KEY).n_unique(),
        test=pl.col("test").get(strongest).fill_null(SINGLE),
        set=pl.col("set").filter(~single).get(strongest_set),
        **{ours: pl.col(theirs).get(strongest) for ours, theirs in lead.items()},
    )
    return loci.rename({"at": "pos", "best": "neglog10p"}).select([*Loci.columns, *COLUMNS])


def _spanned(hits: pl.DataFrame, clumped: Clumps | None) -> pl.Series:
    """(H,) bool: a clump has members both before this hit and at or after it."""
    found = np.zeros(hits.height, dtype=bool)
    chrom, pos = hits["chrom"].to_numpy(), hits["pos"].to_numpy()
    clumps = Clumps.empty().frame if clumped is None else clumped.frame
    spans = clumps.group_by("chrom", *LEAD_KEY).agg(first=pl.col("pos").min(), last=pl.col("pos").max())
    for name, first, last in spans.select("chrom", "first", "last").iter_rows():
        found |= (chrom == name) & (pos > first) & (pos <= last)
    return pl.Series(found)


def _ordered(rows: pl.DataFrame) -> pl.DataFrame:
    ranks = {name: rank for rank, name in enumerate(CHROMOSOMES)}
    rank = pl.col("chrom").replace_strict(ranks, default=len(CHROMOSOMES), return_dtype=pl.Int64)
    return rows.sort(rank, *VARIANT_KEY, "trait", maintain_order=True)


def _counted(
    options: LociOptions, thresholds: Thresholds, ordered: pl.DataFrame, set_hits: SetHits, keep_neglog10p: float, own: int
) -> Thresholds:
    """Counts beyond each threshold; null where the scan did not keep all rows beyond it.

    own: loci at the study's threshold; at the others hits are joined by distance alone. Beyond that of sets of traits: rows of
    set_hits, and their loci, whether single traits have hits there or not.
    """
    counts: list[tuple[int | None, int | None]] = []
    for kind, limit, chosen in thresholds.frame.select("kind", "neglog10p", "used").iter_rows():
        if kind == SETS:
            hits = _ordered(set_hits.as_rows(ordered))
        elif limit < keep_neglog10p:
            counts.append((None, None))
            continue
        else:
            hits = beyond(ordered, limit)
        counts.append((hits.height, own if chosen else joined(hits, options.window_bp).height))
    schema = {"significant": pl.Int64, "loci": pl.Int64}
    return Thresholds(thresholds.frame.with_columns(pl.DataFrame(counts, schema=schema, orient="row")))


def _summary(results: Sequence[ScanResult], hits: pl.DataFrame, limit: float) -> Summary:
    if not results:
        return Summary.empty()
    whole = inflation.totals(results)
    counted = dict(hits.group_by("trait").len().iter_rows())
    rows = [
        {
            "trait": trait, "n": int(whole.people[k]), "lambda_gc": inflation.lambda_gc(whole.chi2_counts[k]),
            "threshold": 10.0**-limit, "significant": counted.get(trait, 0), "tests": int(whole.tests[k]),
            "not_computed": int(whole.not_computed[k]),
        }
        for k, trait in enumerate(whole.traits)
    ]  # fmt: skip
    return Summary.of(rows)
