"""Clumps: the strongest variant takes the hits in linkage disequilibrium with it, then the strongest of the rest does."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.loci.individual_data import KEY_AND_NAME, Chromosome, OpenChromosome, Region, r2_with
from ecgwas.tables import VARIANT_KEY
from ecgwas.tables.loci import Clumps


def clump(hits: pl.DataFrame, open_chromosome: OpenChromosome, *, min_r2: float, window_bp: int) -> Clumps:
    """One row per variant with a hit, over all traits, with the lead variant of its clump.

    hits: columns of Associations. A variant counts with its strongest trait. r2 is among the participants tested, missing
    calls counting as the mean. A variant joins the first lead within window_bp with which its r2 is min_r2 or more.
    """
    tables = [
        _of_chromosome(group, open_chromosome(str(chrom[0])), min_r2, window_bp)
        for chrom, group in hits.group_by("chrom", maintain_order=True)
    ]
    return Clumps(pl.concat(tables)) if tables else Clumps.empty()


def _of_chromosome(hits: pl.DataFrame, chromosome: Chromosome, min_r2: float, window_bp: int) -> pl.DataFrame:
    by_strength = hits.sort("neglog10p", "trait", descending=[True, False])
    strongest = by_strength.unique(KEY_AND_NAME, keep="first", maintain_order=True)
    strongest = strongest.sort("neglog10p", *VARIANT_KEY, descending=[True, *(False for _ in VARIANT_KEY)])
    region = chromosome.region(chromosome.find_variants(strongest))
    lead_index, r2 = _leads(region, strongest["pos"].to_numpy(), min_r2, window_bp)
    leads = strongest.select(
        lead="variant", lead_pos="pos", lead_effect_allele="effect_allele", lead_other_allele="other_allele"
    )[lead_index]
    columns = strongest.select("variant", *VARIANT_KEY, "trait", "neglog10p")
    return columns.hstack(leads).with_columns(r2=pl.Series(r2)).sort(VARIANT_KEY)


def _leads(
    region: Region, positions: NDArray[np.int64], min_r2: float, window_bp: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(V,) index of each variant's lead and (V,) r2 with it; variants ordered by strength."""
    lead_index = np.full(len(region), -1, dtype=np.int64)
    r2 = np.ones(len(region))
    for i in range(len(region)):
        if lead_index[i] >= 0:
            continue
        lead_index[i] = i
        unassigned = np.flatnonzero((lead_index < 0) & (np.abs(positions - positions[i]) <= window_bp))
        r2_with_lead = r2_with(region.pick(unassigned), region.pick(np.array([i])).mean_imputed[0])
        members = unassigned[r2_with_lead >= min_r2]
        lead_index[members], r2[members] = i, r2_with_lead[r2_with_lead >= min_r2]
    return lead_index, np.round(r2, 6)
