"""Heritability: share of a trait's variance that all variants explain together, by Haseman-Elston regression and GREML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from ecgwas.genotypes.pruned_panel import PrunedGenotypes, standardised
from ecgwas.statistics.projection import residuals, span
from ecgwas.tables import Covariates, Traits
from ecgwas.tables.calibration import Heritability

MAX_PEOPLE = 4_000
"""Of larger cohorts evenly spaced participants are used: the matrix of all pairs must fit in memory."""
DECIMALS = 6
MAX_SHARE = 0.9999
"""GREML searches shares from 0 to this: at 1 the likelihood diverges if the relationship matrix lacks full rank."""
GRID = np.linspace(0.0, MAX_SHARE, 41)


@dataclass(frozen=True)
class Estimate:
    """Share of variance, its standard error, and p of the likelihood ratio test against 0 (half a chi-square of 1 df)."""

    share: float
    se: float
    p: float


def heritability(traits: Traits, covariates: Covariates, panel: PrunedGenotypes) -> Heritability:
    """One row per trait: share of variance and its standard error, by moments on all pairs of participants and by restricted
    maximum likelihood.

    Moments: with K the genetic relationship matrix, P the projection orthogonal to the covariates and y the residual of unit
    variance, the share is sum (l_i - l) (u_i'y)^2 / sum (l_i - l)^2 over eigenvectors u_i and eigenvalues l_i of PKP, l
    their mean (Haseman and Elston 1972; with covariates Ge et al. 2017, PLoS Genet 13:e1006711). Its variance follows from
    normal y. Covariates are regressed out among the participants who have the trait; the others count as 0, and estimate and
    error are divided by the share who have it. Estimates are not confined to 0..1. With a few hundred participants the
    standard error is of the order of 1, and the estimate says little. Likelihood (GREML): `greml`, on the same eigenvalues.
    """
    if len(panel.codes) == 0 or len(traits.names) == 0:
        return Heritability.empty()
    chosen = np.linspace(0, len(traits.eids) - 1, min(len(traits.eids), MAX_PEOPLE)).astype(np.int64)
    panel_index = {eid: i for i, eid in enumerate(panel.eids)}
    basis = span(covariates.values[chosen])
    eigenvalues, vectors = _eigen(panel.codes.unpacked(people=np.array([panel_index[traits.eids[i]] for i in chosen])), basis)
    centred = eigenvalues - eigenvalues.mean()
    eigenvalue_ss = float(centred @ centred)
    bases = _Bases(covariates.values[chosen])
    rows = []
    # No LD score regression: below some 5,000 participants chi-squares hardly exceed 1, and its error is larger still.
    for name, column in zip(traits.names, traits.values[chosen].T, strict=True):
        present = np.isfinite(column)
        trait = np.zeros(len(column))
        trait[present] = residuals(column[present], bases.of(present))
        trait *= np.sqrt(len(eigenvalues)) / np.linalg.norm(trait)
        projections = vectors.T @ trait
        share = float(centred @ projections**2) / eigenvalue_ss
        expected = np.maximum(share * eigenvalues + (1 - share * eigenvalues.mean()), 0.0)
        weights = centred / eigenvalue_ss - share / len(eigenvalues)  # The trait's own variance is estimated, too.
        error = np.sqrt(2 * float(weights**2 @ expected**2))
        measured = present.mean()
        likely = greml(eigenvalues, projections)
        rows.append(
            {"trait": name, "people": int(present.sum()), "variants": len(panel.codes),
             "heritability": round(share / measured, DECIMALS), "se": round(error / measured, DECIMALS),
             "greml": round(likely.share / measured, DECIMALS), "greml_se": round(likely.se / measured, DECIMALS),
             "greml_p": float(f"{likely.p:.6g}")}
        )  # fmt: skip
    return Heritability.of(rows)


class _Bases:
    """Orthonormal bases of the covariates of the participants who have a trait; traits of the same participants share one."""

    def __init__(self, covariates: NDArray[np.float64]) -> None:
        self.covariates = covariates
        self.cache: dict[bytes, NDArray[np.float64]] = {}

    def of(self, present: NDArray[np.bool_]) -> NDArray[np.float64]:
        key = present.tobytes()
        if key not in self.cache:
            self.cache[key] = span(self.covariates[present])
        return self.cache[key]


def greml(eigenvalues: NDArray[np.float64], projections: NDArray[np.float64]) -> Estimate:
    """Restricted maximum likelihood of the share h in y ~ N(0, s2 (h K + (1 - h) I)) once covariates are regressed out.

    eigenvalues (n,) of PKP and projections (n,) of the trait on its eigenvectors, only those orthogonal to the covariates:
    such error contrasts have the restricted likelihood (Patterson and Thompson 1971, Biometrika 58:545; Yang et al. 2010, Nat
    Genet 42:565). h is sought in 0..MAX_SHARE. Its error is from the expected information of both variances, also at a bound.
    """

    def loss(share: float) -> float:
        """-2 log likelihood at the best s2, up to a constant."""
        variances = share * values + 1 - share
        return float(np.sum(np.log(variances)) + len(values) * np.log(np.sum(projections**2 / variances)))

    values = np.maximum(eigenvalues, 0.0)
    best = int(np.argmin([loss(share) for share in GRID]))
    low, high = GRID[max(best - 1, 0)], GRID[min(best + 1, len(GRID) - 1)]
    minimum = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-7})
    share = float(minimum.x) if minimum.fun < loss(GRID[best]) else float(GRID[best])
    ratio = max(loss(0.0) - loss(share), 0.0)
    return Estimate(share, _error(values, share), 0.5 * float(stats.chi2.sf(ratio, 1)) if ratio > 0 else 1.0)


def _error(eigenvalues: NDArray[np.float64], share: float) -> float:
    """Standard error of the share by the delta method; s2 cancels and is 1 here."""
    variances = share * eigenvalues + 1 - share
    derivatives = np.stack([eigenvalues, np.ones_like(eigenvalues)]) / variances
    covariance = np.linalg.pinv(derivatives @ derivatives.T / 2)
    gradient = np.array([1 - share, -share])
    return float(np.sqrt(gradient @ covariance @ gradient))


def _eigen(codes: NDArray[np.uint8], basis: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues (N - R,) and eigenvectors (N, N - R) of the genetic relationship matrix orthogonal to the covariates."""
    genotypes = standardised(codes)
    relationship = genotypes.T @ genotypes / len(codes)
    relationship /= np.trace(relationship) / len(relationship)
    for _ in range(2):
        relationship = residuals(relationship, basis, out=relationship).T
    values, vectors = np.linalg.eigh((relationship + relationship.T) / 2 + 1e6 * basis @ basis.T)
    orthogonal = len(values) - basis.shape[1]
    return values[:orthogonal], vectors[:, :orthogonal]
