"""The screen with families: for every trait, what a variant's denominator needs, from few products.

t^2 = numerator^2 df / (denominator - numerator^2), with z_k = P_k y_k / sqrt(y_k'P_k y_k), numerator = g'z_k, denominator =
g'P_k g and P_k = V_k^-1 - V_k^-1 Q (Q'V_k^-1 Q)^-1 Q'V_k^-1. All is multiplied by 1 + lambda_k, so that people without
relatives have the weight 1. Of a variant g with mean 0

    g'P_k g = g'V_k^-1 g - |L_k'g|^2        g'V_k^-1 g = g'g + sum over families ((1 + lambda_k) / (lambda_k s + 1) - 1) (u'g)^2

with L_k L_k' = V_k^-1 Q (Q'V_k^-1 Q)^-1 Q'V_k^-1. Both parts are functions of lambda alone: sums over eigenvalues s of
(1 + lambda) / (lambda s + 1), with numbers that do not depend on lambda. So they are computed for a few traits and combined for
the others, with coefficients that reproduce this function for every s between the smallest and the largest eigenvalue (an
interpolative decomposition, Cheng et al. 2005, SIAM J Sci Comput 26:1389).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ecgwas.mixed.family_model import Covered, FamilyTraits

PRECISION = 1e-5
"""Largest relative error of g'V_k^-1 g, by interpolation."""
PRECISION_OF_COVARIATES = 2e-3
"""The same for what the covariates take away, which is small."""
GRID = 96
"""Eigenvalues at which interpolation is judged."""


@dataclass(frozen=True)
class Nodes:
    """Traits (m,) whose functions of s give those of all K traits, and the coefficients (m, K)."""

    chosen: NDArray[np.int64]
    coefficients: NDArray[np.float64]


@dataclass(frozen=True)
class Screen:
    """What a block of variants is multiplied with.

    columns       (n, K) float64: sqrt(1 + lambda_k) z_k
    intercepts    (n, m) float64: (1 + lambda) V^-1 1 of the nodes, and intercept_ss (m,): 1'(1 + lambda) V^-1 1
    covariates    (n, c R) float64: sqrt(1 + lambda) L of the nodes of covariates
    deviations    (J, m) float64: (1 + lambda) / (lambda s + 1) - 1 of the members' coordinates
    nodes, nodes_of_covariates  see Nodes
    """

    model: Covered
    columns: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    intercept_ss: NDArray[np.float64]
    covariates: NDArray[np.float64]
    deviations: NDArray[np.float64]
    nodes: Nodes
    nodes_of_covariates: Nodes

    def denominators(
        self, raw_ss: NDArray[np.float64], mean: NDArray[np.float64], family_ss: NDArray[np.float64],
        with_intercepts: NDArray[np.float32], with_covariates: NDArray[np.float32],
    ) -> NDArray[np.float32]:  # fmt: skip
        """(V, K) float32 (1 + lambda_k) g'P_k g of variants without missing values.

        raw_ss, mean (V,): g'g and mean; family_ss (V, m): sums of squared coordinates times `deviations`; the others: products
        with `intercepts` (V, m) and `covariates` (V, c R).
        """
        own = raw_ss[:, None] + family_ss - 2 * mean[:, None] * with_intercepts + np.square(mean)[:, None] * self.intercept_ss
        rank = self.model.basis.shape[1]
        centred = with_covariates - mean[:, None] * self.covariates.sum(axis=0)
        taken = np.square(centred).reshape(len(mean), -1, rank).sum(axis=2)
        both = np.hstack([own, -taken]).astype(np.float32)
        joined = np.vstack([self.nodes.coefficients, self.nodes_of_covariates.coefficients]).astype(np.float32)
        return np.asarray(both @ joined)


def screen(model: Covered, lambdas: NDArray[np.float64], columns: NDArray[np.float64]) -> Screen:
    """Of lambdas (K,) of all traits, and columns as in Screen, of some or none."""
    smallest = min(1.0, float(model.families.values.min(initial=1.0)))
    largest = max(1.0, float(model.families.values.max(initial=1.0)))
    nodes = interpolated(lambdas, smallest, largest, PRECISION)
    of_covariates = interpolated(lambdas, smallest, largest, PRECISION_OF_COVARIATES)
    ones = np.ones((len(model.basis), 1))
    intercepts = np.hstack([solved(model, lambdas[k], ones) for k in nodes.chosen])
    covariates = np.hstack([root(model, lambdas[k]) for k in of_covariates.chosen])
    deviations = np.column_stack([deviation(model.families.values, lambdas[k]) for k in nodes.chosen])
    return Screen(model, columns, intercepts, intercepts.sum(axis=0), covariates, deviations, nodes, of_covariates)


def numerators(traits: FamilyTraits) -> NDArray[np.float64]:
    """(n, K) sqrt(1 + lambda_k) P_k y_k / sqrt(y_k'P_k y_k)."""
    factors = deviation(traits.model.families.values[:, None], traits.lambdas)
    solution = times_function(traits.model, factors, _residuals(traits))
    return np.asarray(solution / np.sqrt(np.einsum("nk,nk->k", traits.values, solution)))


def whitened(traits: FamilyTraits) -> NDArray[np.float64]:
    """(n, K) sqrt(1 + lambda_k) V_k^-1/2 of the residuals by generalised least squares: uncorrelated but for covariates."""
    factors = np.sqrt(deviation(traits.model.families.values[:, None], traits.lambdas) + 1) - 1
    return times_function(traits.model, factors, _residuals(traits))


def _residuals(traits: FamilyTraits) -> NDArray[np.float64]:
    """(n, K) y_k - Q a_k by generalised least squares; P_k y_k = V_k^-1 of it."""
    model = traits.model
    factors = deviation(model.families.values[:, None], traits.lambdas)
    # Q'y = 0, so that only what differs from a weight of 1 counts.
    products = model.own_basis.T @ (factors * traits.vectors.coordinates.T)
    effects = np.linalg.solve(gram(model, traits.lambdas), products.T[:, :, None])[:, :, 0]
    return np.asarray(traits.values - model.basis @ effects.T)


def gram(model: Covered, lambdas: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, R, R) (1 + lambda) Q'V^-1 Q."""
    rank, own = model.basis.shape[1], model.own_basis
    outer = (own[:, :, None] * own[:, None, :]).reshape(len(own), rank * rank)
    factors = deviation(model.families.values[:, None], lambdas)
    return np.asarray(np.eye(rank) + (factors.T @ outer).reshape(-1, rank, rank))


def interpolated(lambdas: NDArray[np.float64], smallest: float, largest: float, precision: float) -> Nodes:
    """The fewest of lambdas (K,), by pivots, that give (1 + lambda) / (lambda s + 1) of all for s in [smallest, largest]."""
    different, which = np.unique(lambdas, return_inverse=True)
    first = np.array([np.flatnonzero(which == i)[0] for i in range(len(different))])
    s = smallest + (largest - smallest) * (1 - np.cos(np.linspace(0, np.pi, GRID))) / 2
    functions = (1 + different) / (different * s[:, None] + 1)
    scaled = functions / np.abs(functions).max(axis=0)
    _, upper, order = linalg.qr(scaled, mode="economic", pivoting=True, check_finite=False)
    for count in range(1, len(different) + 1):
        rest = np.eye(count, len(different))
        if count < len(different):
            rest[:, count:] = linalg.solve_triangular(upper[:count, :count], upper[:count, count:], check_finite=False)
        coefficients = np.empty_like(rest)
        coefficients[:, order] = rest
        if np.abs(scaled[:, order[:count]] @ coefficients / scaled - 1).max() <= precision:
            break
    sizes = np.abs(functions).max(axis=0)
    coefficients *= sizes / sizes[order[:count], None]
    return Nodes(first[order[:count]], coefficients[:, which])


def deviation(values: NDArray[np.float64], ratio: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 + lambda) / (lambda s + 1) - 1 of eigenvalues s, (J,), or (J, K) of values (J, 1) and lambda (K,)."""
    return np.asarray((1 + ratio) / (ratio * values + 1) - 1)


def times_function(model: Covered, factors: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, C) columns plus U diag(factors) U' of them, factors (J, C) or (J, 1): functions of G that are 1 for people without
    relatives."""
    members, result = model.families.members, columns.copy()
    result[members] += model.families.back(factors * model.families.turned(columns[members]))
    return result


def solved(model: Covered, ratio: float, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, C) (1 + lambda) V^-1 of columns (n, C)."""
    return times_function(model, deviation(model.families.values[:, None], ratio), columns)


def root(model: Covered, ratio: float) -> NDArray[np.float64]:
    """(n, R) sqrt(1 + lambda) L: see the module's docstring."""
    solution = solved(model, ratio, model.basis)
    lower = np.linalg.cholesky(model.basis.T @ solution)
    return np.asarray(linalg.solve_triangular(lower, solution.T, lower=True, check_finite=False).T)
