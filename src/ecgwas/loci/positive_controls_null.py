"""Positive controls under the null: known variants tested again on shuffled participants, as the scan shuffles them.

Traits that are correlated share what chance gives them, and so do variants tested in the same participants: the share of
known variants that is seen by chance is neither 5 % (ACAT is liberal there for correlated traits: 5.7 % with 118 of this
package's own) nor binomial. The shuffles of participants keep both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from ecgwas.loci.competing_tests import Noise
from ecgwas.loci.individual_data import Chromosome
from ecgwas.scan.engine.samples import Cohort
from ecgwas.scan.permutation.max_t import orders
from ecgwas.statistics.projection import residuals, row_residuals
from ecgwas.tables.loci import KnownTested

SHUFFLES = 300
MOST_PEOPLE = 5000
"""Of a larger study so many participants, drawn by chance, are shuffled: what chance gives does not depend on their number."""

LEVEL = 0.05

STEPS, SMALLEST = 2**15, 1e-10

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Shuffled:
    """(R, B) each, of R rows of KnownTested in B shuffles: ACAT's p below LEVEL; on the same trait the published direction, and
    p below LEVEL as well (both false where a row has no direction)."""

    any_trait: Booleans
    same_direction: Booleans
    confirmed: Booleans


def shuffled(table: KnownTested, rows: Booleans, chromosomes: Iterable[Chromosome], *, seed: int) -> Shuffled:
    """The R rows of the table chosen by `rows`, in SHUFFLES shuffles; seed: that of the scan, whose shuffles they are."""
    chosen = table.frame.filter(pl.Series(rows))
    found = Shuffled(*(np.zeros((chosen.height, SHUFFLES), dtype=bool) for _ in range(3)))
    for chromosome in chromosomes:
        own = np.flatnonzero((chosen["chrom"] == chromosome.genotypes.chrom).to_numpy())
        if len(own):
            _fill(found, own, chosen[own], chromosome, seed)
    return found


def _fill(found: Shuffled, own: NDArray[np.int64], rows: pl.DataFrame, chromosome: Chromosome, seed: int) -> None:
    places, again = np.unique(chromosome.rows(rows), return_inverse=True)
    some = _fewer(chromosome.cohort, seed)
    here = replace(chromosome, cohort=some)
    noise = Noise.of(here)
    genotypes = row_residuals(here.at(places).filled, noise.basis)
    genotypes /= np.maximum(np.linalg.norm(genotypes, axis=1, keepdims=True), 1e-300)
    trait = np.array([noise.names.index(name) if name is not None else 0 for name in rows["trait"]], dtype=np.int64)
    # A row without a direction has a published effect of nought here, whose sign no correlation has.
    known = np.sign(rows["known_beta"].fill_null(0.0).to_numpy())
    known = np.where(rows["same_direction"].is_null().to_numpy(), 0.0, known)
    # Whoever lacks a trait is shuffled with the others and counts as 0: no test has fewer degrees of freedom.
    p_values, on_trait = PValues(len(some.fam_index) - noise.basis.shape[1] - 1), np.arange(len(own))
    for b, moved in enumerate(_moved(noise, some, seed)):
        correlations = (genotypes @ moved)[again]
        strengths = p_values.of(correlations)
        found.any_trait[own, b] = combined(strengths) < LEVEL
        same = np.sign(correlations[on_trait, trait]) == known
        found.same_direction[own, b] = same
        found.confirmed[own, b] = same & (strengths[on_trait, trait] < LEVEL)


def _fewer(cohort: Cohort, seed: int) -> Cohort:
    """At most MOST_PEOPLE, the same on every chromosome."""
    if cohort.total <= MOST_PEOPLE:
        return cohort
    drawn = np.random.default_rng([seed, cohort.total]).permutation(cohort.total)[:MOST_PEOPLE]
    kept = np.isin(cohort.table_index, drawn)
    males = None if cohort.males is None else cohort.males[kept]
    arrays = {name: getattr(cohort, name)[kept] for name in ("fam_index", "table_index", "values", "covariates")}
    return replace(cohort, males=males, **arrays)


def _moved(noise: Noise, cohort: Cohort, seed: int) -> Iterator[NDArray[np.float64]]:
    """(N, K) residuals of shuffled participants, without covariates and of unit length again, as in max_t.Shuffles."""
    for order in orders(cohort, SHUFFLES, seed):
        moved = noise.units[order]
        residuals(moved, noise.basis, out=moved)
        yield moved / np.maximum(np.linalg.norm(moved, axis=0), 1e-300)


class PValues:
    """Two-sided p of correlations with `degrees` of freedom, interpolated in a table of STEPS, within 1e-4 of themselves."""

    def __init__(self, df: int) -> None:
        t = np.linspace(0.0, float(special.stdtrit(df, 1 - SMALLEST / 2)), STEPS)
        self.correlations = t / np.sqrt(t**2 + df)
        self.p = 2 * special.stdtr(df, -t)

    def of(self, correlations: NDArray[np.float64]) -> NDArray[np.float64]:
        """(V, K) from (V, K); SMALLEST where it is less."""
        return np.asarray(np.interp(np.abs(correlations), self.correlations, self.p))


def combined(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V,) ACAT's p over K traits, from (V, K): as combine_p.acat, for p that need not be told from 0."""
    bounded = np.clip(p, 1e-15, 1 - 1e-15)
    return np.asarray(np.arctan2(1.0, (1 / np.tan(np.pi * bounded)).mean(axis=1)) / np.pi)
