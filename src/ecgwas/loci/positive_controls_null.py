"""Positive controls under the null: known variants tested on permuted participants, with the scan's permutations.

Tests of correlated traits are correlated, and so are tests of variants in the same participants. The share of known variants
that replicates by chance is therefore neither 5 % (ACAT is liberal for correlated traits: 5.7 % with 118 of this package's
own) nor binomial. Permutations of the participants preserve both correlations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from ecgwas.loci.competing_tests import UnitResiduals
from ecgwas.loci.individual_data import Chromosome
from ecgwas.scan.engine.samples import Cohort
from ecgwas.scan.permutation.max_t import orders
from ecgwas.statistics.projection import residuals, row_residuals
from ecgwas.tables.loci import KnownTested

PERMUTATIONS = 300
MAX_PEOPLE = 5000
"""Of a larger study a random sample of this size is permuted: the null distribution does not depend on the number."""

LEVEL = 0.05

TABLE_SIZE, MIN_P = 2**15, 1e-10

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Permuted:
    """(R, B) bool each, of R rows of KnownTested in B permutations.

    any_trait       ACAT's p is below LEVEL
    same_direction  on the same trait, the effect has the published direction; false if a row has none
    confirmed       it also has a p below LEVEL
    """

    any_trait: Booleans
    same_direction: Booleans
    confirmed: Booleans


def permuted(table: KnownTested, rows: Booleans, chromosomes: Iterable[Chromosome], *, seed: int) -> Permuted:
    """The R rows of the table chosen by `rows`, in PERMUTATIONS permutations; seed: the scan's, for the same permutations."""
    chosen = table.frame.filter(pl.Series(rows))
    result = Permuted(*(np.zeros((chosen.height, PERMUTATIONS), dtype=bool) for _ in range(3)))
    for chromosome in chromosomes:
        row_index = np.flatnonzero((chosen["chrom"] == chromosome.genotypes.chrom).to_numpy())
        if len(row_index):
            _fill(result, row_index, chosen[row_index], chromosome, seed)
    return result


def _fill(result: Permuted, row_index: NDArray[np.int64], rows: pl.DataFrame, chromosome: Chromosome, seed: int) -> None:
    """Writes the rows of one chromosome into the result."""
    variant_index, variant_of_row = np.unique(chromosome.find_variants(rows), return_inverse=True)
    cohort = _sampled(chromosome.cohort, seed)
    # The permuted are unrelated by design, so that least squares is the test whose chance the mixed model has in relatives.
    sampled = replace(chromosome, cohort=cohort, relatives=None)
    traits = UnitResiduals.of(sampled)
    genotypes = row_residuals(sampled.region(variant_index).mean_imputed, traits.basis)
    genotypes /= np.maximum(np.linalg.norm(genotypes, axis=1, keepdims=True), 1e-300)
    trait_index = np.array([traits.names.index(name) if name is not None else 0 for name in rows["trait"]], dtype=np.int64)
    # A row without a direction gets a published effect of 0, whose sign no correlation has.
    known_sign = np.sign(rows["known_beta"].fill_null(0.0).to_numpy())
    known_sign = np.where(rows["same_direction"].is_null().to_numpy(), 0.0, known_sign)
    # Participants who lack a trait are permuted with the others and count as 0: no test has fewer degrees of freedom.
    p_values, all_rows = PValues(len(cohort.fam_index) - traits.basis.shape[1] - 1), np.arange(len(row_index))
    for b, permuted_traits in enumerate(_permuted_traits(traits, cohort, seed)):
        correlations = (genotypes @ permuted_traits)[variant_of_row]
        p = p_values.of(correlations)
        result.any_trait[row_index, b] = combined(p) < LEVEL
        same = np.sign(correlations[all_rows, trait_index]) == known_sign
        result.same_direction[row_index, b] = same
        result.confirmed[row_index, b] = same & (p[all_rows, trait_index] < LEVEL)


def _sampled(cohort: Cohort, seed: int) -> Cohort:
    """At most MAX_PEOPLE participants, the same on every chromosome."""
    if cohort.total <= MAX_PEOPLE:
        return cohort
    drawn = np.random.default_rng([seed, cohort.total]).permutation(cohort.total)[:MAX_PEOPLE]
    kept = np.isin(cohort.table_index, drawn)
    males = None if cohort.males is None else cohort.males[kept]
    arrays = {name: getattr(cohort, name)[kept] for name in ("fam_index", "table_index", "values", "covariates")}
    return replace(cohort, males=males, **arrays)


def _permuted_traits(traits: UnitResiduals, cohort: Cohort, seed: int) -> Iterator[NDArray[np.float64]]:
    """(N, K) residuals of permuted participants, again residualised on the covariates and of unit length, as in max_t."""
    for order in orders(cohort, PERMUTATIONS, seed):
        permuted_residuals = traits.residuals[order]
        residuals(permuted_residuals, traits.basis, out=permuted_residuals)
        yield permuted_residuals / np.maximum(np.linalg.norm(permuted_residuals, axis=0), 1e-300)


class PValues:
    """Two-sided p of correlations with `df` degrees of freedom, interpolated in a table; relative error below 1e-4."""

    def __init__(self, df: int) -> None:
        t = np.linspace(0.0, float(special.stdtrit(df, 1 - MIN_P / 2)), TABLE_SIZE)
        self.correlations = t / np.sqrt(t**2 + df)
        self.p = 2 * special.stdtr(df, -t)

    def of(self, correlations: NDArray[np.float64]) -> NDArray[np.float64]:
        """(V, K) from (V, K); MIN_P where it is less."""
        return np.asarray(np.interp(np.abs(correlations), self.correlations, self.p))


def combined(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V,) ACAT's p over K traits, from (V, K): as combine_p.acat, where very small p need not be exact."""
    bounded = np.clip(p, 1e-15, 1 - 1e-15)
    return np.asarray(np.arctan2(1.0, (1 / np.tan(np.pi * bounded)).mean(axis=1)) / np.pi)
