"""Follow-up of hits and loci on individual data: conditional analysis, credible sets, audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.genotypes import long_range_ld
from ecgwas.loci import competing_tests, conditional, credible_sets
from ecgwas.loci.audit import Auditor, Leads, OddEvenTraits
from ecgwas.loci.guards import CONDITIONAL
from ecgwas.loci.individual_data import (
    KEY_AND_NAME,
    Chromosome,
    OpenChromosome,
    Region,
    VariantsTested,
    lead_variant_of,
)
from ecgwas.loci.merge import LEAD_KEY, SINGLE
from ecgwas.loci.models import Model, mean_imputed
from ecgwas.loci.neighbourhoods import index_around
from ecgwas.loci.signal_neighbourhoods import conditional_on_others
from ecgwas.loci.winners_curse import CompetingTests
from ecgwas.statistics.correlation import r2
from ecgwas.study import LociOptions
from ecgwas.tables import Traits
from ecgwas.tables.loci import Audit, Clumps, Conditional, Credible, SignalNeighbourhoods, inside

COLUMNS = ("clumps", "signals", "long_range_linkage", CONDITIONAL)
"""Added at the end of loci.csv: the number of clumps that linkage disequilibrium does not join, the signals of the conditional
analysis, the name of the region of long-range LD that the locus touches (null: none), and -log10 p of the lead variant
conditional on those of other loci (null for a locus found only by trait sets)."""

MAX_CONDITIONED_ON, PEOPLE_PER_VARIANT = 32, 10
"""A lead variant is tested conditional on at most so many lead variants of other loci, and at most one per ten participants."""


@dataclass(frozen=True)
class FineMapping:
    """The tables of the follow-up; loci: as given, with COLUMNS at the end."""

    conditional: Conditional
    signal_neighbourhoods: SignalNeighbourhoods
    credible: Credible
    audit: Audit
    loci: pl.DataFrame


def fine_map(
    options: LociOptions, hits: pl.DataFrame, loci: pl.DataFrame, clumped: Clumps, open_chromosome: OpenChromosome,
    tested: VariantsTested, *, limit: float, build: str, odd_even: OddEvenTraits | None = None, reseeded: Sequence[Traits] = (),
) -> FineMapping:  # fmt: skip
    """Conditional analysis and credible sets of each locus on its best trait, the neighbourhood of each of several signals,
    and the audit of the strongest hits.

    hits: columns of Associations; loci: columns of Loci; limit: -log10 p of the study's threshold; odd_even, reseeded: as in
    Auditor.
    """
    steps, sets, lead_copies = [], [], []
    around_signals = [SignalNeighbourhoods.empty().frame]
    competitors: dict[tuple[str, str, int, str, str], CompetingTests] = {}
    unit_residuals: competing_tests.UnitResiduals | None = None
    for locus in loci.iter_rows(named=True):
        of_locus = {"locus": locus["locus"], "trait": locus["best_trait"]}
        chromosome = open_chromosome(locus["chrom"])
        model, region, lead = _locus_data(options, locus, chromosome, tested)
        signals = conditional.stepwise(model, region, lead, limit=limit, max_signals=options.max_signals)
        steps += [of_locus | row for row in signals]
        around_signals.append(_around_signals(locus, model, region, signals))
        sets += [of_locus | row for row in credible_sets.credible_sets(model, region, effects=options.max_signals)]
        lead_copies.append(_for_all_participants(chromosome, region.copies[lead]))
        if locus["test"] == SINGLE:
            key = (locus["best_trait"], locus["chrom"], locus["pos"], locus["effect_allele"], locus["other_allele"])
            if unit_residuals is None or unit_residuals.chrom != locus["chrom"]:
                unit_residuals = competing_tests.UnitResiduals.of(chromosome)
            of_relatives = None if chromosome.relatives is None else model.alone()
            competitors[key] = competing_tests.competing_tests(
                unit_residuals, region, lead, locus["best_trait"], of_relatives
            )  # fmt: skip
    signals_table = Conditional.of(steps)
    audit = audit_hits(options, hits, open_chromosome, limit, odd_even, reseeded, competitors)
    conditional_p = _conditional_on_other_loci(loci, lead_copies, open_chromosome)
    return FineMapping(
        signals_table, SignalNeighbourhoods(pl.concat(around_signals)), Credible.of(sets), audit,
        _with_columns(loci, clumped, signals_table, build, conditional_p),
    )  # fmt: skip


def _around_signals(
    locus: dict[str, Any], model: Model, region: Region, steps: Sequence[dict[str, Any]]
) -> pl.DataFrame:  # fmt: skip
    """Rows of SignalNeighbourhoods of the locus; none if it has only one signal. steps: rows of Conditional."""
    signals = [region.index_of(row) for row in steps if row["significant"]]
    if len(signals) < 2:
        return SignalNeighbourhoods.empty().frame
    tests = conditional_on_others(model, region, signals, index_around(region.positions, locus))
    of_locus = tests.with_columns(locus=pl.lit(locus["locus"], dtype=pl.Int64), trait=pl.lit(locus["best_trait"]))
    return of_locus.select(list(SignalNeighbourhoods.columns))


def _for_all_participants(chromosome: Chromosome, copies: NDArray[np.float32]) -> NDArray[np.float32]:
    """(M,) copies of all M participants with traits, in the tables' order, from (N,) of those tested on the chromosome."""
    all_copies = np.full(chromosome.cohort.total, np.nan, dtype=np.float32)
    all_copies[chromosome.cohort.table_index] = copies
    return all_copies


def _conditional_on_other_loci(
    loci: pl.DataFrame, lead_copies: Sequence[NDArray[np.float32]], open_chromosome: OpenChromosome
) -> list[float | None]:
    """-log10 p of each lead variant on its trait, conditional on the lead variants of the other loci; None for trait sets.

    In a small sample a variant can correlate by chance with a strong signal elsewhere, and inherit part of its association.
    The model has those of the other lead variants that correlate with the trait most, MAX_CONDITIONED_ON at most; their
    missing calls count as the mean. lead_copies: (M,) copies of each lead variant.
    """
    imputed = [mean_imputed(copies[None])[0] for copies in lead_copies]
    values: list[float | None] = []
    for i, locus in enumerate(loci.iter_rows(named=True)):
        if locus["test"] != SINGLE:
            values.append(None)
            continue
        chromosome = open_chromosome(locus["chrom"])
        model, table_index = chromosome.model(locus["best_trait"]), chromosome.cohort.table_index
        with_trait, trait = table_index[model.sample_index], model.residuals
        trait_r2 = [-np.inf if j == i else r2(copies[None, with_trait], trait)[0] for j, copies in enumerate(imputed)]
        count = min(MAX_CONDITIONED_ON, len(with_trait) // PEOPLE_PER_VARIANT, len(imputed) - 1)
        others = np.argsort(trait_r2, kind="stable")[::-1][:count]
        values.append(model.fit(lead_copies[i][table_index], [imputed[j][table_index] for j in others]).neglog10p)
    return values


def _locus_data(
    options: LociOptions, locus: dict[str, Any], chromosome: Chromosome, tested: VariantsTested
) -> tuple[Model, Region, int]:
    """The best trait, the variants tested within window_bp of the locus, and the index of the lead variant among them."""
    region = chromosome.region_around(locus["start"] - options.window_bp, locus["stop"] + options.window_bp, tested)
    return chromosome.model(locus["best_trait"]), region, region.index_of(lead_variant_of(locus))


def audit_hits(
    options: LociOptions, hits: pl.DataFrame, open_chromosome: OpenChromosome, limit: float, odd_even: OddEvenTraits | None,
    reseeded: Sequence[Traits] = (), leads: Leads | None = None,
) -> Audit:  # fmt: skip
    """The audit of the strongest `audit` hits, by chromosome and position; leads: as in Auditor."""
    strongest = hits.with_row_index("row").sort("neglog10p", "row", descending=[True, False]).head(options.audit).sort("row")
    rows = []
    for chrom, hits_of_chromosome in strongest.group_by("chrom", maintain_order=True):
        chromosome = open_chromosome(str(chrom[0]))
        auditor = Auditor(chromosome, limit, odd_even, reseeded, leads or {})
        variants = hits_of_chromosome.unique(KEY_AND_NAME, keep="first", maintain_order=True)
        region = chromosome.region(chromosome.find_variants(variants))
        index = {key: i for i, key in enumerate(variants.select(KEY_AND_NAME).iter_rows())}
        for hit in hits_of_chromosome.iter_rows(named=True):
            rows.append(auditor.audit(hit, region.copies[index[tuple(hit[name] for name in KEY_AND_NAME)]]))
    return Audit.of(rows)


def _with_columns(
    loci: pl.DataFrame, clumped: Clumps, steps: Conditional, build: str, conditional_p: Sequence[float | None]
) -> pl.DataFrame:
    """The loci with COLUMNS."""
    signals = dict(steps.frame.filter(pl.col("significant")).group_by("locus").len().iter_rows())
    rows = []
    for locus, neglog10p in zip(loci.iter_rows(named=True), conditional_p, strict=True):
        clumps = clumped.frame.filter(inside(locus)).select(LEAD_KEY).n_unique()
        name = long_range_ld.region_name(build, locus["chrom"], locus["start"], locus["stop"])
        rows.append((clumps, signals.get(locus["locus"], 0), name, neglog10p))
    types = (pl.Int64, pl.Int64, pl.String, pl.Float64)
    return loci.hstack(pl.DataFrame(rows, schema=dict(zip(COLUMNS, types, strict=True)), orient="row"))
