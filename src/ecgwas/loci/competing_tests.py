"""The tests with which the lead variant of a locus competed to be the strongest: all variants of the region, all traits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.loci.individual_data import Chromosome, Region
from ecgwas.loci.models import Model
from ecgwas.loci.winners_curse import CompetingTests
from ecgwas.statistics.projection import row_residuals, span

SAME_TEST = 0.999
"""Tests whose noise correlates with the lead's beyond this are the same test, but for missing calls and rounding."""


@dataclass(frozen=True)
class UnitResiduals:
    """The residuals of K traits of the N participants tested on one chromosome.

    basis      (N, R) float64, orthonormal, spans intercept and covariates
    residuals  (N, K) float64, of unit length, 0 where the trait is missing
    present    (N, K) float64, 1 where the trait is known, else 0; None: no trait is missing for anyone
    df         (K,) float64, degrees of freedom of a test
    """

    chrom: str
    names: tuple[str, ...]
    basis: NDArray[np.float64]
    residuals: NDArray[np.float64]
    present: NDArray[np.float64] | None
    df: NDArray[np.float64]

    @classmethod
    def of(cls, chromosome: Chromosome) -> UnitResiduals:
        """Traits known for the same participants share one basis. With relatives, residuals are whitened."""
        is_known = ~np.isnan(chromosome.cohort.values)
        present = None if is_known.all() else is_known.astype(np.float64)
        basis = span(chromosome.cohort.covariates)
        residuals, df = _by_pattern(chromosome, is_known) if chromosome.relatives is None else _by_model(chromosome)
        return cls(chromosome.genotypes.chrom, chromosome.names, basis, residuals, present, df)


def _by_pattern(chromosome: Chromosome, is_known: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Residuals and df of UnitResiduals by least squares."""
    values = chromosome.cohort.values
    unit, df = np.zeros(values.shape), np.empty(values.shape[1])
    traits_of_pattern: dict[bytes, list[int]] = {}
    for k in range(values.shape[1]):
        traits_of_pattern.setdefault(is_known[:, k].tobytes(), []).append(k)
    for traits in traits_of_pattern.values():
        sample_index = np.flatnonzero(is_known[:, traits[0]])
        basis = span(chromosome.cohort.covariates[sample_index])
        block = np.ix_(sample_index, np.array(traits, dtype=np.int64))
        unit[block] = _of_unit_length(row_residuals(values[block].T, basis)).T
        df[traits] = len(sample_index) - basis.shape[1] - 1
    return unit, df


def _by_model(chromosome: Chromosome) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Residuals and df of UnitResiduals of related participants."""
    unit, df = np.zeros(chromosome.cohort.values.shape), np.empty(len(chromosome.names))
    for k, name in enumerate(chromosome.names):
        model = chromosome.model(name).alone()
        unit[model.sample_index, k] = _of_unit_length(model.residuals[None])[0]
        df[k] = len(model.values) - model.basis.shape[1] - 1
    return unit, df


def _of_unit_length(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows (K, n) of unit length; a row of zeros stays."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1), 1e-300)[:, None])


def competing_tests(
    traits: UnitResiduals, region: Region, lead: int, trait: str, relatives: Model | None = None
) -> CompetingTests:
    """What the lead variant (its index in the region) on its trait had to exceed to be the strongest test of the region.

    Let r be the correlation of another test's noise with the lead's (the product of the correlations of the variants and of
    the traits). Then c, the other test's z less r times the lead's, is independent of the lead's z. The lead is the larger one
    as long as its z exceeds c / (1 - r) and, for the other sign, -c / (1 + r). Missing calls count as the mean. Traits that
    some participants lack are correlated over those they share. The work is one product of variants, participants and traits.

    relatives: with relatives, the trait's model without variants (Model.alone); genotypes are whitened as that trait's values,
    for all traits, so that every z has its distribution, and other traits' tests differ a little from those of the scan.
    """
    k = traits.names.index(trait)

    def residualised_rows(copies: NDArray[np.float64]) -> NDArray[np.float64]:
        if relatives is None:
            return row_residuals(copies, traits.basis)
        rows = np.zeros(copies.shape)
        rows[:, relatives.sample_index] = row_residuals(relatives.rows(copies), relatives.basis)
        return rows

    lead_genotype = residualised_rows(region.pick(np.array([lead])).mean_imputed)
    lead_genotype /= np.linalg.norm(lead_genotype)
    trait_r = _trait_correlations(traits.residuals, lead_genotype[0], k)
    lead_z = _z(lead_genotype, traits)[0, k]
    sign = 1.0 if lead_z >= 0 else -1.0
    min_abs_z, tests = 0.0, 0
    for _, copies in region.batches():
        residualised = residualised_rows(copies)
        length = np.linalg.norm(residualised, axis=1)
        unit = residualised[length > 0] / length[length > 0, None]
        z = sign * _z(unit, traits)
        tests += z.size
        min_abs_z = max(min_abs_z, _exceeded(z, np.outer(unit @ lead_genotype[0], trait_r), abs(lead_z)))
    return CompetingTests(max(tests, 1), min_abs_z)


def _trait_correlations(traits: NDArray[np.float64], lead_genotype: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """(K,) correlation of the traits (N, K) with trait k, once the lead variant (N,) is regressed out of both."""
    noise = traits - np.outer(lead_genotype, lead_genotype @ traits)
    noise /= np.maximum(np.linalg.norm(noise, axis=0), 1e-300)
    return np.asarray(noise[:, k] @ noise)


def _z(unit_genotypes: NDArray[np.float64], traits: UnitResiduals) -> NDArray[np.float64]:
    """(V, K) normal deviates with the p of the t tests of variants (V, N), by Wallace 1959, Ann Math Stat 30:1121."""
    cross_product, df = unit_genotypes @ traits.residuals, traits.df
    genotype_ss = np.ones((len(unit_genotypes), 1)) if traits.present is None else unit_genotypes**2 @ traits.present
    r_squared = np.minimum(cross_product**2 / np.maximum(genotype_ss, 1e-12), 1 - 1e-12)
    size = (8 * df + 1) / (8 * df + 3) * np.sqrt(df * -np.log1p(-r_squared))
    return np.asarray(np.sign(cross_product) * size)


def _exceeded(z: NDArray[np.float64], r: NDArray[np.float64], lead_z: float) -> float:
    """The largest limit that the tests set to the lead's |z|; 0 if there are none.

    z (V, K) with the sign that makes the lead's positive;  r (V, K) correlation of each test's noise with the lead's
    """
    independent = z - r * lead_z
    is_other = np.abs(r) < SAME_TEST
    same_sign = np.where(is_other, independent / np.where(is_other, 1 - r, 1.0), 0.0)
    other_sign = np.where(is_other, -independent / np.where(is_other, 1 + r, 1.0), 0.0)
    return float(max(same_sign.max(initial=0.0), other_sign.max(initial=0.0)))
