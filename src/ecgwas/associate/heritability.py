"""How much of a trait's variance the genotypes of all variants explain together: Haseman-Elston regression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.associate.panel import Panel, standardised
from ecgwas.associate.traits import span
from ecgwas.loci_tables import Heritability
from ecgwas.tables import Covariates, Traits

MOST_PEOPLE = 4_000
"""Larger cohorts are thinned: the matrix of all pairs must fit in memory."""
DECIMALS = 6


def heritability(traits: Traits, covariates: Covariates, panel: Panel) -> Heritability:
    """One row per trait: share of variance and its standard error, by the method of moments on all pairs of people.

    With K the genetic relationship of the people tested, P the projection off the covariates and y the residual of unit
    variance, sigma = sum (l_i - l) (u_i'y)^2 / sum (l_i - l)^2 over eigenvectors u_i and eigenvalues l_i of PKP, l their mean
    (Haseman and Elston 1972; with covariates Ge et al. 2017, PLoS Genet 13:e1006711). Its variance follows from normal y.
    A person without the trait counts as the mean; estimate and error are divided by the share who have it. Estimates are
    not confined to 0..1. Of a few hundred people the error is of the size of 1: then it says what cannot be known.
    """
    if len(panel.codes) == 0 or len(traits.names) == 0:
        return Heritability.empty()
    chosen = np.linspace(0, len(traits.eids) - 1, min(len(traits.eids), MOST_PEOPLE)).astype(np.int64)
    place = {eid: i for i, eid in enumerate(panel.eids)}
    basis = span(covariates.values[chosen])
    values, vectors = _eigen(panel.codes[:, [place[traits.eids[i]] for i in chosen]], basis)
    centred = values - values.mean()
    moments = float(centred @ centred)
    rows = []
    for name, column in zip(traits.names, traits.values[chosen].T, strict=True):
        present = np.isfinite(column)
        trait = np.where(present, column - np.nanmean(column), 0.0)
        trait = trait - basis @ (basis.T @ trait)
        trait *= np.sqrt(len(values)) / np.linalg.norm(trait)
        share = float(centred @ (vectors.T @ trait) ** 2) / moments
        expected = np.maximum(share * values + (1 - share * values.mean()), 0.0)
        weights = centred / moments - share / len(values)  # The trait's own variance is estimated, too.
        error = np.sqrt(2 * float(weights**2 @ expected**2))
        seen = present.mean()
        rows.append(
            {"trait": name, "people": int(present.sum()), "variants": len(panel.codes),
             "heritability": round(share / seen, DECIMALS), "se": round(error / seen, DECIMALS)}
        )  # fmt: skip
    return Heritability.of(rows)


def _eigen(codes: NDArray[np.uint8], basis: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues (N - R,) and eigenvectors (N, N - R) of the genetic relationship off the covariates."""
    scaled = standardised(codes).astype(np.float64)
    relationship = scaled.T @ scaled / len(codes)
    relationship /= np.trace(relationship) / len(relationship)
    for _ in range(2):
        relationship -= basis @ (basis.T @ relationship)
        relationship = relationship.T
    values, vectors = np.linalg.eigh((relationship + relationship.T) / 2 + 1e6 * basis @ basis.T)
    inside = len(values) - basis.shape[1]
    return values[:inside], vectors[:, :inside]
