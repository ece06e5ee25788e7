"""Regional associations: the strongest traits of each locus against every variant around it, and its lead variant against
every trait.

The scan keeps tests with a small p only, so the built-in engine tests the variants around a locus once more and keeps all of
them. The report, the figures and the LocusZoom export read the tables; no other stage tests a region.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import scan
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci.individual_data import KEY_AND_NAME, VARIANTS_AT_ONCE, find_variants, lead_variant_of
from ecgwas.scan.work import Work
from ecgwas.statistics.correlation import r2
from ecgwas.study import ScanOptions
from ecgwas.tables import Covariates, Traits
from ecgwas.tables.loci import LeadTests, Neighbourhoods, inside

FLANK_BP = 250_000
"""How far a neighbourhood extends beyond the first and the last significant variant of its locus."""

MAX_VARIANTS = 8_000
"""Of a neighbourhood with more variants, those nearest to the lead variant are tested."""

MAX_TRAITS = 5
"""Traits of a locus, its best among them, that are tested against the variants around it."""


def traits_around(locus: Mapping[str, Any], hits: pl.DataFrame) -> list[str]:
    """At most MAX_TRAITS traits with a hit in the locus: its best, the strongest of each other representation, then the
    strongest of the others. hits: columns trait, chrom, pos, neglog10p."""
    here = hits.filter(inside(locus)).sort("neglog10p", "trait", descending=[True, False])
    names = [locus["best_trait"], *here["trait"].unique(maintain_order=True)]
    first_of: dict[str, str] = {}
    for name in names:
        first_of.setdefault(name.split(".")[0], name)
    return list(dict.fromkeys([*first_of.values(), *names]))[:MAX_TRAITS]


ROW_BYTES = 60.0
"""A row on disk."""
DECODED_BYTES = 40.0
"""One person's genotype while r² is computed: as read, of the participants, and standardised, float64."""


def expected_variants(variants_per_bp: float, locus_bp: float) -> float:
    """Variants tested around a locus of this width, where variants lie evenly."""
    return min(float(MAX_VARIANTS), variants_per_bp * (locus_bp + 2 * FLANK_BP))


def work(people: int, variants: float, *, dosages: bool) -> Work:
    """Work of one locus, for planning: MAX_TRAITS traits and r² with the lead variant, for each variant. Genotypes are read
    twice, which takes far longer than the tests.

    dosages: whether genotypes are dosages rather than hard calls.
    """
    genotypes = people * variants
    units = {"scan_variant": variants, "neighbourhood_call": genotypes} | ({"dosage": 2 * genotypes} if dosages else {})
    return Work(units, DECODED_BYTES * min(variants, VARIANTS_AT_ONCE) * people, ROW_BYTES * variants * MAX_TRAITS)


def _as_they_are(traits: Traits, chrom: str) -> Traits:
    """The same traits on every chromosome."""
    return traits


def neighbourhoods(
    loci: pl.DataFrame, traits: Traits, covariates: Covariates, genotypes_of: Callable[[str], Genotypes], *,
    engine: ScanOptions, ancestry: NDArray[np.int64], hits: pl.DataFrame | None = None,
    tested_on: Callable[[Traits, str], Traits] = _as_they_are,
) -> Neighbourhoods:  # fmt: skip
    """One row per locus, trait (`traits_around`, best first) and variant that was tested around the locus.

    loci: columns of Loci; genotypes_of: chromosome -> its genotypes; engine: with the study's filters, keeping every test;
    ancestry (N,): groups of the participants, in the order of the traits; hits: columns of Associations, None: only the best
    trait of each locus is tested; tested_on: traits, chromosome -> what the scan tests of them there.
    """
    tables = [Neighbourhoods.empty().frame]
    for locus in loci.iter_rows(named=True):
        names = [locus["best_trait"]] if hits is None else traits_around(locus, hits)
        around = around_locus(genotypes_of(locus["chrom"]), locus)
        own = tested_on(traits.select(names), locus["chrom"])
        tests = scan.scan(engine, own, covariates, around, seed=0, ancestry=ancestry).associations.frame
        r2_with_lead = _r2_with(around, place_of_lead(around, locus), traits.eids)[find_variants(around, tests)]
        first, last = int(around.positions.min()), int(around.positions.max())
        with_locus = tests.with_columns(
            locus=pl.lit(locus["locus"], dtype=pl.Int64), start=pl.lit(first), stop=pl.lit(last),
            r2_with_lead=pl.Series(r2_with_lead, dtype=pl.Float64),
        )  # fmt: skip
        order = pl.col("trait").cast(pl.Enum(names)).to_physical()
        sorted_tests = with_locus.sort(order, "pos", "effect_allele", "other_allele")
        tables.append(sorted_tests.select(list(Neighbourhoods.columns)))
    return Neighbourhoods(pl.concat(tables, how="vertical_relaxed"))


def lead_tests(
    loci: pl.DataFrame, traits: Traits, covariates: Covariates, genotypes_of: Callable[[str], Genotypes], *,
    engine: ScanOptions, ancestry: NDArray[np.int64], tested_on: Callable[[Traits, str], Traits] = _as_they_are,
) -> LeadTests:  # fmt: skip
    """The lead variant of each locus against every trait, in the order of the traits; arguments as in `neighbourhoods`."""
    tables = [LeadTests.empty().frame]
    order = pl.col("trait").cast(pl.Enum(traits.names)).to_physical()
    for (chrom,), of_chrom in loci.group_by("chrom", maintain_order=True):
        genotypes = genotypes_of(str(chrom))
        places = [place_of_lead(genotypes, locus) for locus in of_chrom.iter_rows(named=True)]
        leads = genotypes.select(np.unique(places))
        own_traits = tested_on(traits, str(chrom))
        tests = scan.scan(engine, own_traits, covariates, leads, seed=0, ancestry=ancestry).associations.frame
        own = of_chrom.select("locus", *(pl.col("lead_variant" if name == "variant" else name).alias(name)
                                         for name in KEY_AND_NAME))  # fmt: skip
        joined = own.join(tests, on=KEY_AND_NAME, nulls_equal=True)
        tables.append(joined.sort("locus", order).select(list(LeadTests.columns)))
    return LeadTests(pl.concat(tables, how="vertical_relaxed").sort("locus", maintain_order=True))


def place_of_lead(genotypes: Genotypes, locus: Mapping[str, Any]) -> int:
    """Index of a locus's lead variant among the variants of its chromosome."""
    return int(find_variants(genotypes, pl.DataFrame([lead_variant_of(locus)]))[0])


def around_locus(genotypes: Genotypes, locus: Mapping[str, Any]) -> Genotypes:
    """The variants of the locus's neighbourhood."""
    return genotypes.select(index_around(genotypes.positions, locus))


def index_around(positions: NDArray[np.int64], locus: Mapping[str, Any]) -> NDArray[np.int64]:
    """Indices of the positions (V,) within FLANK_BP of the locus, of the MAX_VARIANTS nearest to the lead variant at most."""
    within = (positions >= locus["start"] - FLANK_BP) & (positions <= locus["stop"] + FLANK_BP)
    index = np.flatnonzero(within)
    nearest = np.argsort(np.abs(positions[index] - locus["pos"]), kind="stable")[:MAX_VARIANTS]
    return np.sort(index[nearest])


def _r2_with(genotypes: Genotypes, lead: int, eids: Sequence[str]) -> NDArray[np.float64]:
    """(V,) squared correlation of each variant's dosage with that of variant `lead`; missing calls count as the mean."""
    sample_index, lead_dosage = genotypes.sample_index(eids), genotypes.dosage_of(lead, eids)
    values = np.empty(len(genotypes))
    for start in range(0, len(genotypes), VARIANTS_AT_ONCE):
        stop = min(start + VARIANTS_AT_ONCE, len(genotypes))
        values[start:stop] = r2(genotypes.dosages(start, stop)[:, sample_index], lead_dosage)
    return values
