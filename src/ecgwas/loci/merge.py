"""Hits merged into loci: loci are counted, not the correlated variants and traits in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ecgwas.loci import inflation
from ecgwas.loci import known as known_loci
from ecgwas.loci.thresholds import SETS, neglog10p_used, refuse_lost_hits
from ecgwas.study import LociOptions
from ecgwas.tables import VARIANT_KEY, Associations, Loci, ScanResult, Summary, Thresholds
from ecgwas.tables.loci import Clumps, SetHits

CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")
"""Order of chromosomes; others follow."""

LEAD_KEY = ("lead_pos", "lead_effect_allele", "lead_other_allele")
"""Columns of Clumps that identify a clump of a chromosome."""

SINGLE = "single"
SINGLE_TRAIT_BONUS = 1e6
"""Added to -log10 p of single traits, so that they lead a locus before trait sets do."""

COLUMNS = ("test", "set")
"""Further columns of loci.csv: the test that leads the locus (single | omnibus | acat), and the strongest trait set hit."""


@dataclass(frozen=True)
class LociTables:
    """Hits, loci and what is counted with them.

    thresholds    as given, with `significant` rows and `loci` counted for each
    summary       one row per trait, in the scan's order
    hits          every significant row, by chromosome, position, alleles, trait
    loci          one row per locus, with known.COLUMNS at the end
    set_hits      every significant test of a trait set
    clumps        each variant with a hit, and the lead variant of its clump
    not_computed  number of kept rows without a p-value, which are ignored
    notes         remarks for the log
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
    """Merge by distance alone."""
    return Clumps.empty()


def find_loci(
    options: LociOptions,
    thresholds: Thresholds,
    associations: Associations,
    results: Sequence[ScanResult],
    *,
    keep_neglog10p: float = 0.0,
    clump: Callable[[pl.DataFrame], Clumps] = no_clumps,
) -> LociTables:
    """Hits beyond the study's threshold, over all traits, and the loci that they form.

    associations: the rows that the scan kept; keep_neglog10p: below this it kept none; clump: clumps of the hits. Hits of one
    chromosome belong to one locus if they are at most `window_bp` from the next hit, or if a clump spans them. The lead is the
    strongest row (ties: first position, alleles, trait). Raises StudyError if rows between the study's threshold and
    keep_neglog10p were not kept.
    """
    limit = neglog10p_used(thresholds)
    refuse_lost_hits(limit, keep_neglog10p)
    computed = associations.frame.filter(pl.col("neglog10p").is_not_nan() & pl.col("neglog10p").is_not_null())
    ordered = in_order(computed)
    hits = significant(ordered, limit)
    set_hits = _significant_sets(thresholds, results)
    clumped = clump(hits)
    loci = merge_hits(in_order(pl.concat([hits, set_hits.as_rows(hits)], how="diagonal")), options.window_bp, clumped)
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


def _significant_sets(thresholds: Thresholds, results: Sequence[ScanResult]) -> SetHits:
    """Tests of trait sets beyond their threshold; none if there is no such threshold."""
    limit = thresholds.frame.filter(pl.col("kind") == SETS)["neglog10p"]
    if len(limit) == 0 or not results:
        return SetHits.empty()
    rows = pl.concat([result.sets.frame for result in results]).with_columns(
        neglog10p=pl.max_horizontal("omnibus", "acat"),
        test=pl.when(pl.col("omnibus") >= pl.col("acat")).then(pl.lit("omnibus")).otherwise(pl.lit("acat")),
    )
    return SetHits(in_order(rows.filter(pl.col("neglog10p") > limit.item()).rename({"best_trait": "trait"})))


def significant(rows: pl.DataFrame, neglog10p: float) -> pl.DataFrame:
    """The rows whose p-value is below the threshold."""
    return rows.filter(pl.col("neglog10p") > neglog10p)


def merge_hits(hits: pl.DataFrame, window_bp: int, clumped: Clumps | None = None) -> pl.DataFrame:
    """Columns of Loci, and COLUMNS, of the hits (columns of Associations, sorted by chromosome and position)."""
    if hits.height == 0:
        return Loci.empty().frame.with_columns(pl.lit(None, pl.String).alias(name) for name in COLUMNS)
    if "test" not in hits.columns:
        hits = hits.with_columns(test=pl.lit(SINGLE), set=pl.lit(None, pl.String))
    is_far = (pl.col("pos") - pl.col("pos").shift(1) > window_bp) & ~_spanned_by_clump(hits, clumped)
    starts_locus = (pl.col("chrom") != pl.col("chrom").shift(1)) | is_far
    numbered = hits.with_columns(locus=starts_locus.fill_null(True).cum_sum().cast(pl.Int64))
    # A single trait leads if any has a hit; trait sets lead only the loci that no single trait finds.
    single = pl.col("test").fill_null(SINGLE) == SINGLE
    strongest = (pl.col("neglog10p") + pl.when(single).then(SINGLE_TRAIT_BONUS).otherwise(0.0)).arg_max()
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
        **{column: pl.col(source).get(strongest) for column, source in lead.items()},
    )
    return loci.rename({"at": "pos", "best": "neglog10p"}).select([*Loci.columns, *COLUMNS])


def _spanned_by_clump(hits: pl.DataFrame, clumped: Clumps | None) -> pl.Series:
    """(H,) bool: a clump has members both before this hit and at or after it."""
    is_spanned = np.zeros(hits.height, dtype=bool)
    chrom, pos = hits["chrom"].to_numpy(), hits["pos"].to_numpy()
    clumps = Clumps.empty().frame if clumped is None else clumped.frame
    spans = clumps.group_by("chrom", *LEAD_KEY).agg(first=pl.col("pos").min(), last=pl.col("pos").max())
    for name, first, last in spans.select("chrom", "first", "last").iter_rows():
        is_spanned |= (chrom == name) & (pos > first) & (pos <= last)
    return pl.Series(is_spanned)


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of Associations by chromosome, position, alleles and trait."""
    ranks = {name: rank for rank, name in enumerate(CHROMOSOMES)}
    rank = pl.col("chrom").replace_strict(ranks, default=len(CHROMOSOMES), return_dtype=pl.Int64)
    return rows.sort(rank, *VARIANT_KEY, "trait", maintain_order=True)


def _counted(
    options: LociOptions,
    thresholds: Thresholds,
    rows: pl.DataFrame,
    set_hits: SetHits,
    keep_neglog10p: float,
    loci_used: int,
) -> Thresholds:
    """Counts beyond each threshold; null where the scan did not keep all rows beyond it, and for thresholds of trait sets that
    are not used.

    loci_used: loci at the study's threshold; at the others hits are merged by distance alone. For the threshold of trait sets:
    rows of set_hits, and their loci, whether or not single traits have hits there.
    """
    counts: list[tuple[int | None, int | None]] = []
    for kind, limit, is_used in thresholds.frame.select("kind", "neglog10p", "used").iter_rows():
        if kind == SETS:
            hits = in_order(set_hits.as_rows(rows))
        elif limit < keep_neglog10p or kind.startswith(f"{SETS}_"):
            counts.append((None, None))
            continue
        else:
            hits = significant(rows, limit)
        counts.append((hits.height, loci_used if is_used else merge_hits(hits, options.window_bp).height))
    schema = {"significant": pl.Int64, "loci": pl.Int64}
    return Thresholds(thresholds.frame.with_columns(pl.DataFrame(counts, schema=schema, orient="row")))


def _summary(results: Sequence[ScanResult], hits: pl.DataFrame, limit: float) -> Summary:
    if not results:
        return Summary.empty()
    sums = inflation.totals(results)
    hits_of_trait = dict(hits.group_by("trait").len().iter_rows())
    rows = [
        {
            "trait": trait, "n": int(sums.people[k]), "lambda_gc": inflation.lambda_gc(sums.chi2_counts[k]),
            "threshold": 10.0**-limit, "significant": hits_of_trait.get(trait, 0), "tests": int(sums.tests[k]),
            "not_computed": int(sums.not_computed[k]),
        }
        for k, trait in enumerate(sums.traits)
    ]  # fmt: skip
    return Summary.of(rows)
