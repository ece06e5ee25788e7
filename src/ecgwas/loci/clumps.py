"""Hits that linkage joins: the strongest variant takes those it is correlated with, then the strongest of the rest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.loci.individual_data import BY, Chromosome, Region, with_one
from ecgwas.tables import VARIANT_KEY
from ecgwas.tables.loci import Clumps

OPEN = Callable[[str], Chromosome]


def clump(hits: pl.DataFrame, opened: OPEN, *, min_r2: float, window_bp: int) -> Clumps:
    """One row per variant with a hit, over all traits, with the lead variant of its clump.

    hits: columns of Associations. A variant's strength is that of its strongest trait. r squared among the people tested,
    no call filled with the mean; a variant joins the first lead within window_bp whose r squared is min_r2 or more.
    """
    tables = [
        _of_chromosome(group, opened(str(chrom[0])), min_r2, window_bp)
        for chrom, group in hits.group_by("chrom", maintain_order=True)
    ]
    return Clumps(pl.concat(tables)) if tables else Clumps.empty()


def _of_chromosome(hits: pl.DataFrame, chromosome: Chromosome, min_r2: float, window_bp: int) -> pl.DataFrame:
    strongest = hits.sort("neglog10p", "trait", descending=[True, False]).unique(BY, keep="first", maintain_order=True)
    strongest = strongest.sort("neglog10p", *VARIANT_KEY, descending=[True, *(False for _ in VARIANT_KEY)])
    region = chromosome.at(chromosome.rows(strongest))
    lead, correlation = _leads(region, strongest["pos"].to_numpy(), min_r2, window_bp)
    leads = strongest.select(
        lead="variant", lead_pos="pos", lead_effect_allele="effect_allele", lead_other_allele="other_allele"
    )[lead]
    columns = strongest.select("variant", *VARIANT_KEY, "trait", "neglog10p")
    return columns.hstack(leads).with_columns(r2=pl.Series(correlation)).sort(VARIANT_KEY)


def _leads(
    region: Region, positions: NDArray[np.int64], min_r2: float, window_bp: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(V,) place of each variant's lead and r squared with it; variants ordered by strength."""
    lead = np.full(len(region), -1, dtype=np.int64)
    correlation = np.ones(len(region))
    for i in range(len(region)):
        if lead[i] >= 0:
            continue
        lead[i] = i
        free = np.flatnonzero((lead < 0) & (np.abs(positions - positions[i]) <= window_bp))
        squared = with_one(region.pick(free), region.pick(np.array([i])).filled[0])
        joined = free[squared >= min_r2]
        lead[joined], correlation[joined] = i, squared[squared >= min_r2]
    return lead, np.round(correlation, 6)
