"""Loci chosen without some of the people, by the study's own rule: its scan, threshold and clumps, in all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci import clumps
from ecgwas.loci import merge as loci
from ecgwas.loci.individual_data import Chromosome, rows_of
from ecgwas.loci.thresholds import SETS, used
from ecgwas.scan import matrix
from ecgwas.study import LociOptions, Matrix
from ecgwas.tables import VARIANT_KEY, Covariates, Thresholds, Traits
from ecgwas.tables.loci import Clumps


@dataclass(frozen=True)
class Choosers:
    """The people who choose: traits and covariates as for a scan, ancestry (n,) their groups."""

    traits: Traits
    covariates: Covariates
    ancestry: NDArray[np.int64]


@dataclass(frozen=True)
class Rule:
    """The study's rule: filters of the scan, threshold, windows and linkage."""

    scan: Matrix
    loci: LociOptions
    thresholds: Thresholds

    @property
    def limit(self) -> float:
        """-log10 p beyond which a test is a hit."""
        return used(self.thresholds)

    @property
    def engine(self) -> Matrix:
        """The scan without shuffles: the threshold is there. For sets of traits it makes one, beside which they are tested."""
        sets = self.scan.sets_of_traits and self.scan.permutations > 0 and bool((self.thresholds.frame["kind"] == SETS).any())
        quiet = {"permutations": int(sets), "sets_of_traits": sets, "keep_neglog10p": self.limit, "dense": False}
        return self.scan.model_copy(update=quiet)


@dataclass(frozen=True)
class Chosen:
    """What one chromosome gives: leads (L,) int64, places of the loci's lead variants on it; traits with hits, with the
    -log10 p of the strongest: columns trait, neglog10p."""

    leads: NDArray[np.int64]
    traits: pl.DataFrame


def choose(rule: Rule, choosers: Choosers, genotypes: Genotypes, *, seed: int) -> Chosen:
    """Lead variants and traits of the loci of one chromosome, found in these people alone.

    Raises InputError as the scan does, where these people are too few for one of their traits.
    """
    traits, covariates, ancestry = choosers.traits, choosers.covariates, choosers.ancestry
    result = matrix.scan(rule.engine, traits, covariates, genotypes, seed=seed, ancestry=ancestry)
    options = rule.loci.model_copy(update={"known": None})

    def clump(hits: pl.DataFrame) -> Clumps:
        if hits.height == 0:
            return Clumps.empty()
        opened = Chromosome.of(genotypes, traits, covariates, ancestry)
        return clumps.clump(hits, lambda _: opened, min_r2=options.clump_r2, window_bp=options.clump_window_bp)

    found = loci.find(
        options, rule.thresholds, result.associations, [result], keep_neglog10p=rule.limit, clump=clump
    )  # fmt: skip
    leads = found.loci.frame.select(*VARIANT_KEY, variant="lead_variant")
    hits = pl.concat([one.select("trait", "neglog10p") for one in (found.hits.frame, found.set_hits.frame)])
    strongest = hits.group_by("trait").agg(pl.col("neglog10p").max())
    return Chosen(rows_of(genotypes, leads), strongest)
