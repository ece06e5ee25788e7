"""The tests that a locus's lead variant had to beat: all variants of the region on all traits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.loci.individual_data import Chromosome, Region
from ecgwas.loci.winners_curse import Rivals
from ecgwas.statistics.projection import row_residuals, span

ALIKE = 0.999
"""Tests whose noise is correlated with the lead's beyond this are the same test: they differ by missing calls and rounding."""


@dataclass(frozen=True)
class Noise:
    """The K traits of one chromosome's N participants, as tests of many variants at once take them.

    basis (N, R) orthonormal, of the covariates;  units (N, K) residuals of unit length, 0 where the trait is lacking
    present (N, K) 1 where it is there, else 0; None: nobody lacks any;  degrees (K,) degrees of freedom of a test
    """

    chrom: str
    names: tuple[str, ...]
    basis: NDArray[np.float64]
    units: NDArray[np.float64]
    present: NDArray[np.float64] | None
    df: NDArray[np.float64]

    @classmethod
    def of(cls, chromosome: Chromosome) -> Noise:
        """Traits that the same participants have share one basis."""
        values = chromosome.cohort.values
        there = ~np.isnan(values)
        units, df = np.zeros(values.shape), np.empty(values.shape[1])
        patterns: dict[bytes, list[int]] = {}
        for k in range(values.shape[1]):
            patterns.setdefault(there[:, k].tobytes(), []).append(k)
        for members in patterns.values():
            people = np.flatnonzero(there[:, members[0]])
            basis = span(chromosome.cohort.covariates[people])
            places = np.ix_(people, np.array(members, dtype=np.int64))
            residual = row_residuals(values[places].T, basis)
            units[places] = (residual / np.maximum(np.linalg.norm(residual, axis=1), 1e-300)[:, None]).T
            df[members] = len(people) - basis.shape[1] - 1
        present = None if there.all() else there.astype(np.float64)
        basis = span(chromosome.cohort.covariates)
        return cls(chromosome.genotypes.chrom, chromosome.names, basis, units, present, df)


def rivals(noise: Noise, region: Region, lead: int, trait: str) -> Rivals:
    """What the lead variant (its place in the region) on its trait had to exceed to be the strongest test of the region.

    With r the correlation of another test's noise with the lead's (the product of those of variants and of traits), its z less
    r times the lead's is independent of the lead's; c = that difference. The lead is the larger one as long as its z is above
    c / (1 - r) and, of the other sign, -c / (1 + r). No call is filled with the mean; traits that lack participants are
    correlated over those they share. The work is that of one product of variants, participants and traits.
    """
    k = noise.names.index(trait)
    own = row_residuals(region.pick(np.array([lead])).filled, noise.basis)
    own /= np.linalg.norm(own)
    traits = _alike(noise.units, own[0], k)
    z_lead = _z(own, noise)[0, k]
    sign = 1.0 if z_lead >= 0 else -1.0
    least, tests = 0.0, 0
    for _, copies in region.strips():
        rest = row_residuals(copies, noise.basis)
        length = np.linalg.norm(rest, axis=1)
        rest = rest[length > 0] / length[length > 0, None]
        z = sign * _z(rest, noise)
        tests += z.size
        least = max(least, _exceeded(z, np.outer(rest @ own[0], traits), abs(z_lead)))
    return Rivals(max(tests, 1), least)


def _alike(units: NDArray[np.float64], own: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """(K,) correlation of the traits' noise with that of trait k: without what the lead variant (N,) explains of both."""
    rest = units - np.outer(own, own @ units)
    rest /= np.maximum(np.linalg.norm(rest, axis=0), 1e-300)
    return np.asarray(rest[:, k] @ rest)


def _z(rest: NDArray[np.float64], noise: Noise) -> NDArray[np.float64]:
    """(V, K) normal deviates with the p of the t tests of variants (V, N), by Wallace 1959, Ann Math Stat 30:1121."""
    product, df = rest @ noise.units, noise.df
    length = np.ones((len(rest), 1)) if noise.present is None else rest**2 @ noise.present
    square = np.minimum(product**2 / np.maximum(length, 1e-12), 1 - 1e-12)
    size = (8 * df + 1) / (8 * df + 3) * np.sqrt(df * -np.log1p(-square))
    return np.asarray(np.sign(product) * size)


def _exceeded(z: NDArray[np.float64], alike: NDArray[np.float64], lead: float) -> float:
    """The largest limit that tests of deviates z (V, K), the lead's sign being up, set to the lead's deviate; 0 without any."""
    left = z - alike * lead
    other = np.abs(alike) < ALIKE
    same_side = np.where(other, left / np.where(other, 1 - alike, 1.0), 0.0)
    other_side = np.where(other, -left / np.where(other, 1 + alike, 1.0), 0.0)
    return float(max(same_side.max(initial=0.0), other_side.max(initial=0.0)))
