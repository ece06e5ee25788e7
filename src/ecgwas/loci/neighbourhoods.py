"""Regional associations: the best trait of each locus against every variant around it.

The scan keeps tests with a small p only, so the built-in engine tests the variants around a locus once more and keeps all of
them. The report, the figures and the LocusZoom export read the table; no other stage tests a region.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import scan
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci.individual_data import VARIANTS_AT_ONCE, find_variants, lead_variant_of
from ecgwas.scan.work import Work
from ecgwas.statistics.correlation import r2
from ecgwas.study import ScanOptions
from ecgwas.tables import Covariates, Traits
from ecgwas.tables.loci import Neighbourhoods

FLANK_BP = 250_000
"""How far a neighbourhood extends beyond the first and the last significant variant of its locus."""

MAX_VARIANTS = 8_000
"""Of a neighbourhood with more variants, those nearest to the lead variant are tested."""


ROW_BYTES = 60.0
"""A row on disk."""
DECODED_BYTES = 40.0
"""One person's genotype while r² is computed: as read, of the participants, and standardised, float64."""


def expected_variants(variants_per_bp: float, locus_bp: float) -> float:
    """Variants tested around a locus of this width, where variants lie evenly."""
    return min(float(MAX_VARIANTS), variants_per_bp * (locus_bp + 2 * FLANK_BP))


def work(people: int, variants: float, *, dosages: bool) -> Work:
    """Work of one locus, for planning: one trait and r² with the lead variant, for each variant; genotypes are read twice.

    dosages: whether genotypes are dosages rather than hard calls.
    """
    genotypes = people * variants
    units = {"scan_variant": variants, "neighbourhood_call": genotypes} | ({"dosage": 2 * genotypes} if dosages else {})
    return Work(units, DECODED_BYTES * min(variants, VARIANTS_AT_ONCE) * people, ROW_BYTES * variants)


def neighbourhoods(
    loci: pl.DataFrame, traits: Traits, covariates: Covariates, genotypes_of: Callable[[str], Genotypes], *,
    engine: ScanOptions, ancestry: NDArray[np.int64],
) -> Neighbourhoods:  # fmt: skip
    """One row per locus and variant that was tested around it.

    loci: columns of Loci; genotypes_of: chromosome -> its genotypes; engine: with the study's filters, keeping every test;
    ancestry (N,): groups of the participants, in the order of the traits.
    """
    tables = [Neighbourhoods.empty().frame]
    for locus in loci.iter_rows(named=True):
        best_trait = traits.select([locus["best_trait"]])
        around = _around(genotypes_of(locus["chrom"]), locus)
        tests = scan.scan(engine, best_trait, covariates, around, seed=0, ancestry=ancestry).associations.frame
        r2_with_lead = _r2_with(around, place_of_lead(around, locus), traits.eids)[find_variants(around, tests)]
        first, last = int(around.positions.min()), int(around.positions.max())
        with_locus = tests.with_columns(
            locus=pl.lit(locus["locus"], dtype=pl.Int64), start=pl.lit(first), stop=pl.lit(last),
            r2_with_lead=pl.Series(r2_with_lead, dtype=pl.Float64),
        )  # fmt: skip
        sorted_tests = with_locus.sort("pos", "effect_allele", "other_allele")
        tables.append(sorted_tests.select(list(Neighbourhoods.columns)))
    return Neighbourhoods(pl.concat(tables, how="vertical_relaxed"))


def place_of_lead(genotypes: Genotypes, locus: Mapping[str, Any]) -> int:
    """Index of a locus's lead variant among the variants of its chromosome."""
    return int(find_variants(genotypes, pl.DataFrame([lead_variant_of(locus)]))[0])


def _around(genotypes: Genotypes, locus: Mapping[str, Any]) -> Genotypes:
    """The variants within FLANK_BP of the locus, at most MAX_VARIANTS."""
    inside = (genotypes.positions >= locus["start"] - FLANK_BP) & (genotypes.positions <= locus["stop"] + FLANK_BP)
    variant_index = np.flatnonzero(inside)
    nearest = np.argsort(np.abs(genotypes.positions[variant_index] - locus["pos"]), kind="stable")[:MAX_VARIANTS]
    return genotypes.select(np.sort(variant_index[nearest]))


def _r2_with(genotypes: Genotypes, lead: int, eids: Sequence[str]) -> NDArray[np.float64]:
    """(V,) squared correlation of each variant's dosage with that of variant `lead`; missing calls count as the mean."""
    sample_index, lead_dosage = genotypes.sample_index(eids), genotypes.dosage_of(lead, eids)
    values = np.empty(len(genotypes))
    for start in range(0, len(genotypes), VARIANTS_AT_ONCE):
        stop = min(start + VARIANTS_AT_ONCE, len(genotypes))
        values[start:stop] = r2(genotypes.dosages(start, stop)[:, sample_index], lead_dosage)
    return values
