"""Loci found without some of the participants, by the study's own rule: its scan, threshold and clumps, in all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci import clumps, merge
from ecgwas.loci.individual_data import Chromosome, find_variants
from ecgwas.loci.thresholds import SETS, neglog10p_used
from ecgwas.scan import matrix
from ecgwas.study import LociOptions, Matrix
from ecgwas.tables import VARIANT_KEY, Covariates, Thresholds, Traits
from ecgwas.tables.loci import Clumps


@dataclass(frozen=True)
class DiscoverySample:
    """The participants in whom loci are found: traits and covariates as for a scan, ancestry (n,) their groups."""

    traits: Traits
    covariates: Covariates
    ancestry: NDArray[np.int64]


@dataclass(frozen=True)
class Rule:
    """The study's rule: variant QC of the scan, threshold, windows and clumping."""

    scan: Matrix
    loci: LociOptions
    thresholds: Thresholds

    @property
    def limit(self) -> float:
        """-log10 p above which a test is a hit."""
        return neglog10p_used(self.thresholds)

    @property
    def engine(self) -> Matrix:
        """The scan without permutations, as the threshold is known; with one if trait sets are tested, which needs one."""
        sets = self.scan.tests_sets and self.scan.permutations > 0 and bool((self.thresholds.frame["kind"] == SETS).any())
        changes = {"permutations": int(sets), "sets_of_traits": sets, "keep_neglog10p": self.limit, "dense": False}
        return self.scan.model_copy(update=changes)


@dataclass(frozen=True)
class Discovered:
    """The loci of one chromosome.

    lead_index  (L,) int64, index of the lead variants on the chromosome
    traits      columns trait, neglog10p: traits with hits, and -log10 p of the strongest
    """

    lead_index: NDArray[np.int64]
    traits: pl.DataFrame


def discover(rule: Rule, sample: DiscoverySample, genotypes: Genotypes, *, seed: int) -> Discovered:
    """Lead variants and traits of the loci of one chromosome, found in these participants alone.

    Raises InputError, as the scan does, if they are too few for one of their traits.
    """
    traits, covariates, ancestry = sample.traits, sample.covariates, sample.ancestry
    result = matrix.scan(rule.engine, traits, covariates, genotypes, seed=seed, ancestry=ancestry)
    options = rule.loci.model_copy(update={"known": None})

    def clump(hits: pl.DataFrame) -> Clumps:
        if hits.height == 0:
            return Clumps.empty()
        chromosome = Chromosome.of(genotypes, traits, covariates, ancestry, men_on_x=rule.engine.men_on_x)
        return clumps.clump(hits, lambda _: chromosome, min_r2=options.clump_r2, window_bp=options.clump_window_bp)

    tables = merge.find_loci(
        options, rule.thresholds, result.associations, [result], keep_neglog10p=rule.limit, clump=clump
    )  # fmt: skip
    leads = tables.loci.frame.select(*VARIANT_KEY, variant="lead_variant")
    hits = pl.concat([frame.select("trait", "neglog10p") for frame in (tables.hits.frame, tables.set_hits.frame)])
    strongest = hits.group_by("trait").agg(pl.col("neglog10p").max())
    return Discovered(find_variants(genotypes, leads), strongest)
