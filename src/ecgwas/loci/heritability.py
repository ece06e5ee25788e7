"""How much of a trait's variance the genotypes of all variants explain together: Haseman-Elston regression, and GREML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from ecgwas.genotypes.pruned_panel import Panel, standardised
from ecgwas.statistics.projection import residuals, span
from ecgwas.tables import Covariates, Traits
from ecgwas.tables.loci import Heritability

MOST_PEOPLE = 4_000
"""Larger cohorts are thinned: the matrix of all pairs must fit in memory."""
DECIMALS = 6
LARGEST = 0.9999
"""GREML looks for shares from 0 to this: at 1 the likelihood of a relationship without full rank has no end."""
GRID = np.linspace(0.0, LARGEST, 41)


@dataclass(frozen=True)
class Estimate:
    """Share of variance, its standard error, and p of the likelihood ratio against 0 (half chi-square of 1)."""

    share: float
    se: float
    p: float


def heritability(traits: Traits, covariates: Covariates, panel: Panel) -> Heritability:
    """One row per trait: share of variance and its standard error, by the method of moments on all pairs of people and by
    restricted maximum likelihood.

    Moments: with K the genetic relationship of the people tested, P the projection off the covariates and y the residual of
    unit variance, sigma = sum (l_i - l) (u_i'y)^2 / sum (l_i - l)^2 over eigenvectors u_i and eigenvalues l_i of PKP, l
    their mean (Haseman and Elston 1972; with covariates Ge et al. 2017, PLoS Genet 13:e1006711). Its variance follows from
    normal y.
    Covariates are taken out among the people who have the trait; the others count as 0, and estimate and error are divided by
    the share who have it. Estimates are
    not confined to 0..1. Of a few hundred people the error is of the size of 1: then it says what cannot be known.
    Likelihood (GREML): see `greml`, on the same eigenvalues.
    """
    if len(panel.codes) == 0 or len(traits.names) == 0:
        return Heritability.empty()
    chosen = np.linspace(0, len(traits.eids) - 1, min(len(traits.eids), MOST_PEOPLE)).astype(np.int64)
    place = {eid: i for i, eid in enumerate(panel.eids)}
    basis = span(covariates.values[chosen])
    values, vectors = _eigen(panel.codes[:, [place[traits.eids[i]] for i in chosen]], basis)
    centred = values - values.mean()
    moments = float(centred @ centred)
    spans = _Spans(covariates.values[chosen])
    rows = []
    # LD score regression is not offered: below some 5,000 people its chi-squares hardly exceed 1 and its error is larger still.
    for name, column in zip(traits.names, traits.values[chosen].T, strict=True):
        present = np.isfinite(column)
        trait = np.zeros(len(column))
        trait[present] = residuals(column[present], spans.of(present))
        trait *= np.sqrt(len(values)) / np.linalg.norm(trait)
        along = vectors.T @ trait
        share = float(centred @ along**2) / moments
        expected = np.maximum(share * values + (1 - share * values.mean()), 0.0)
        weights = centred / moments - share / len(values)  # The trait's own variance is estimated, too.
        error = np.sqrt(2 * float(weights**2 @ expected**2))
        seen = present.mean()
        likely = greml(values, along)
        rows.append(
            {"trait": name, "people": int(present.sum()), "variants": len(panel.codes),
             "heritability": round(share / seen, DECIMALS), "se": round(error / seen, DECIMALS),
             "greml": round(likely.share / seen, DECIMALS), "greml_se": round(likely.se / seen, DECIMALS),
             "greml_p": float(f"{likely.p:.6g}")}
        )  # fmt: skip
    return Heritability.of(rows)


class _Spans:
    """Orthonormal covariates of the people who have a trait; traits that the same people have share them."""

    def __init__(self, covariates: NDArray[np.float64]) -> None:
        self.covariates = covariates
        self.known: dict[bytes, NDArray[np.float64]] = {}

    def of(self, present: NDArray[np.bool_]) -> NDArray[np.float64]:
        key = present.tobytes()
        if key not in self.known:
            self.known[key] = span(self.covariates[present])
        return self.known[key]


def greml(values: NDArray[np.float64], along: NDArray[np.float64]) -> Estimate:
    """Restricted maximum likelihood of the share h in y ~ N(0, s2 (h K + (1 - h) I)) once covariates are taken out.

    values (n,) eigenvalues of PKP and along (n,) the trait along its eigenvectors, those off the covariates alone: such error
    contrasts have the restricted likelihood (Patterson and Thompson 1971, Biometrika 58:545; Yang et al. 2010, Nat Genet
    42:565). h is sought in 0..0.9999. Its error is from the expected information of both variances, also at a bound.
    """

    def loss(share: float) -> float:
        """-2 log likelihood, s2 at its best, but for a constant."""
        spread = share * values + 1 - share
        return float(np.sum(np.log(spread)) + len(values) * np.log(np.sum(along**2 / spread)))

    values = np.maximum(values, 0.0)
    best = int(np.argmin([loss(share) for share in GRID]))
    low, high = GRID[max(best - 1, 0)], GRID[min(best + 1, len(GRID) - 1)]
    found = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-7})
    share = float(found.x) if found.fun < loss(GRID[best]) else float(GRID[best])
    ratio = max(loss(0.0) - loss(share), 0.0)
    return Estimate(share, _error(values, share), 0.5 * float(stats.chi2.sf(ratio, 1)) if ratio > 0 else 1.0)


def _error(values: NDArray[np.float64], share: float) -> float:
    """Standard error of the share by the delta method; s2 is 1, which cancels."""
    spread = share * values + 1 - share
    parts = np.stack([values, np.ones_like(values)]) / spread
    covariance = np.linalg.pinv(parts @ parts.T / 2)
    slope = np.array([1 - share, -share])
    return float(np.sqrt(slope @ covariance @ slope))


def _eigen(codes: NDArray[np.uint8], basis: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues (N - R,) and eigenvectors (N, N - R) of the genetic relationship off the covariates."""
    scaled = standardised(codes)
    relationship = scaled.T @ scaled / len(codes)
    relationship /= np.trace(relationship) / len(relationship)
    for _ in range(2):
        relationship = residuals(relationship, basis, out=relationship).T
    values, vectors = np.linalg.eigh((relationship + relationship.T) / 2 + 1e6 * basis @ basis.T)
    inside = len(values) - basis.shape[1]
    return values[:inside], vectors[:, :inside]
