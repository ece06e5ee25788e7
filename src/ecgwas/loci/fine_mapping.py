"""All that is asked of hits and loci on individual data, chromosome by chromosome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.genotypes import long_range_ld
from ecgwas.loci import competing_tests, conditional
from ecgwas.loci import credible_sets as credible
from ecgwas.loci.audit import Auditor, Halves, Leads
from ecgwas.loci.individual_data import BY, Chromosome, Model, Region, VariantsTested, filled, lead_of
from ecgwas.loci.merge import LEAD_KEY, SINGLE
from ecgwas.loci.verdicts import CONDITIONAL
from ecgwas.loci.winners_curse import Rivals
from ecgwas.statistics.correlation import r2
from ecgwas.study import LociOptions
from ecgwas.tables import Traits
from ecgwas.tables.loci import Audit, Clumps, Conditional, Credible

Open = Callable[[str], Chromosome]

COLUMNS = ("clumps", "signals", "long_range_linkage", CONDITIONAL)
"""Added at the end of loci.csv: clumps that linkage does not join, signals of the conditional analysis, the name of the
region of long-range linkage that the locus touches (null: none), and -log10 p of the lead variant beside those of other loci
(null for a locus that only sets of traits find)."""
MOST_BESIDE, PEOPLE_FOR_ONE = 32, 10
"""Lead variants of other loci beside which one is tested, at most, and the people there must be for each of them."""


@dataclass(frozen=True)
class Evidence:
    """loci: as given, with COLUMNS at the end."""

    conditional: Conditional
    credible: Credible
    audit: Audit
    loci: pl.DataFrame


def gather(
    options: LociOptions, hits: pl.DataFrame, loci: pl.DataFrame, clumped: Clumps, opened: Open, tested: VariantsTested,
    *, limit: float, build: str, halves: Halves | None = None, seeds: Sequence[Traits] = (),
) -> Evidence:  # fmt: skip
    """Conditional analysis and credible sets of each locus on its best trait, and the audit of the strongest hits.

    hits: columns of Associations; loci: columns of Loci; limit: -log10 p of the study's threshold; halves, seeds: as
    in Auditor.
    """
    steps, sets, leads = [], [], []
    strongest: dict[tuple[str, str, int, str, str], Rivals] = {}
    noise: competing_tests.Noise | None = None
    for locus in loci.iter_rows(named=True):
        shared = {"locus": locus["locus"], "trait": locus["best_trait"]}
        model, region, lead = _locus(options, locus, opened(locus["chrom"]), tested)
        found = conditional.stepwise(model, region, lead, limit=limit, most=options.max_signals)
        steps += [shared | row for row in found]
        sets += [shared | row for row in credible.sets(model, region, effects=options.max_signals)]
        leads.append(_of_everyone(opened(locus["chrom"]), region.copies[lead]))
        if locus["test"] == SINGLE:
            key = (locus["best_trait"], locus["chrom"], locus["pos"], locus["effect_allele"], locus["other_allele"])
            if noise is None or noise.chrom != locus["chrom"]:
                noise = competing_tests.Noise.of(opened(locus["chrom"]))
            strongest[key] = competing_tests.rivals(noise, region, lead, locus["best_trait"])
    told = Conditional.of(steps)
    audit = audited(options, hits, opened, limit, halves, seeds, strongest)
    return Evidence(told, Credible.of(sets), audit, _told(loci, clumped, told, build, _beside(loci, leads, opened)))


def _of_everyone(chromosome: Chromosome, copies: NDArray[np.float32]) -> NDArray[np.float32]:
    """(M,) copies of the M people with traits, in the order of the tables, from (N,) of those tested on the chromosome."""
    everyone = np.full(chromosome.cohort.total, np.nan, dtype=np.float32)
    everyone[chromosome.cohort.table_index] = copies
    return everyone


def _beside(loci: pl.DataFrame, leads: Sequence[NDArray[np.float32]], opened: Open) -> list[float | None]:
    """-log10 p of each lead variant on its trait beside the lead variants of the other loci, no call of those the mean.

    Among few people some variant always is a little like a strong one elsewhere, by chance, and shares its association.
    Beside it are those that go with the trait most, MOST_BESIDE at most. leads: (M,) copies of each.
    """
    called = [filled(lead[None])[0] for lead in leads]
    found: list[float | None] = []
    for i, locus in enumerate(loci.iter_rows(named=True)):
        if locus["test"] != SINGLE:
            found.append(None)
            continue
        chromosome = opened(locus["chrom"])
        model, order = chromosome.model(locus["best_trait"]), chromosome.cohort.table_index
        people, residual = order[model.people], model.residual
        alike = [-np.inf if j == i else r2(lead[None, people], residual)[0] for j, lead in enumerate(called)]
        most = min(MOST_BESIDE, len(people) // PEOPLE_FOR_ONE, len(called) - 1)
        others = np.argsort(alike, kind="stable")[::-1][:most]
        found.append(model.fit(leads[i][order], [called[j][order] for j in others]).neglog10p)
    return found


def _locus(
    options: LociOptions, locus: dict[str, Any], chromosome: Chromosome, tested: VariantsTested
) -> tuple[Model, Region, int]:
    """The best trait, the variants tested within window_bp of the locus, and the place of the lead variant among them."""
    region = chromosome.around(locus["start"] - options.window_bp, locus["stop"] + options.window_bp, tested)
    return chromosome.model(locus["best_trait"]), region, region.place_of(lead_of(locus))


def audited(
    options: LociOptions, hits: pl.DataFrame, opened: Open, limit: float, halves: Halves | None, seeds: Sequence[Traits] = (),
    leads: Leads | None = None,
) -> Audit:  # fmt: skip
    """The audit of the strongest `audit` hits, by chromosome and position; leads: as in Auditor."""
    strongest = hits.with_row_index("row").sort("neglog10p", "row", descending=[True, False]).head(options.audit).sort("row")
    rows = []
    for chrom, group in strongest.group_by("chrom", maintain_order=True):
        chromosome = opened(str(chrom[0]))
        auditor = Auditor(chromosome, limit, halves, seeds, leads or {})
        variants = group.unique(BY, keep="first", maintain_order=True)
        region = chromosome.at(chromosome.rows(variants))
        place = {key: i for i, key in enumerate(variants.select(BY).iter_rows())}
        for hit in group.iter_rows(named=True):
            copies = region.copies[place[tuple(hit[name] for name in BY)]]
            rows.append(auditor.look(hit, copies))
    return Audit.of(rows)


def _told(loci: pl.DataFrame, clumped: Clumps, steps: Conditional, build: str, beside: Sequence[float | None]) -> pl.DataFrame:
    signals = dict(steps.frame.filter(pl.col("significant")).group_by("locus").len().iter_rows())
    rows = []
    for locus, own in zip(loci.iter_rows(named=True), beside, strict=True):
        inside = (pl.col("chrom") == locus["chrom"]) & pl.col("pos").is_between(locus["start"], locus["stop"])
        leads = clumped.frame.filter(inside).select(LEAD_KEY).n_unique()
        name = long_range_ld.name_of(build, locus["chrom"], locus["start"], locus["stop"])
        rows.append((leads, signals.get(locus["locus"], 0), name, own))
    types = (pl.Int64, pl.Int64, pl.String, pl.Float64)
    return loci.hstack(pl.DataFrame(rows, schema=dict(zip(COLUMNS, types, strict=True)), orient="row"))
