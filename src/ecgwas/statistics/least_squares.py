"""Least squares of many traits on one variant at a time, without residualising genotypes.

With Q an orthonormal basis of intercept and covariates, y a trait residualised on Q and of unit length, g a genotype
(missing calls 0) and a = Q'g, the variant's part of the regression of y on [Q, g] is (Frisch, Waugh 1933; Lovell 1963)

    g'My = g'y        g'Mg = g'g - a'a        y'My = 1
    beta = g'My / g'Mg        t^2 = (g'My)^2 df / (g'Mg y'My - (g'My)^2)        df = N - rank(Q) - 1

Participants S without a call are excluded exactly, by downdating instead of a new fit. With A = I - Q_S'Q_S

    g'My += y_S'Q_S A^-1 a    g'Mg = g'g - a'A^-1 a    y'My -= y_S'(I - Q_S Q_S')^-1 y_S    df -= |S|

where, with L L' = I - Q_S Q_S', z = L^-1 Q_S a and E = L^-1 y_S, these terms are z'E, a'a + z'z and the column sums of E^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special, stats

from ecgwas.native.constants import SMALLEST_ROOT
from ecgwas.statistics.projection import residuals

LOG10 = float(np.log(10.0))
SMALLEST_P = 1e-280
"""Below this p-value, only the logarithm is computed."""

NEAR = 0.25
"""t squared below which 1 - p is computed instead of p."""


@dataclass(frozen=True)
class Design:
    """The traits of participants who have them all, prepared for the scan.

    basis   (N, R) float64, orthonormal, spans intercept and covariates; the first column is the intercept's
    traits  (N, K) float64, residuals on the basis, unit length
    norms   (K,) float64, length of the residuals, in the unit of the values
    """

    basis: NDArray[np.float64]
    traits: NDArray[np.float64]
    norms: NDArray[np.float64]

    @property
    def df(self) -> int:
        """Degrees of freedom of the t test without missing calls."""
        people, rank = self.basis.shape
        return int(people - rank - 1)


def design(basis: NDArray[np.float64], values: NDArray[np.float64]) -> Design:
    """Design of basis (N, R) and values (N, K) float64 without missing values. A trait without a residual has norm 0."""
    # Two passes, because the first leaves rounding errors of a trait's mean.
    remainder = residuals(values, basis, passes=2)
    norms = np.linalg.norm(remainder, axis=0)
    norms[norms <= 1e-10 * np.linalg.norm(values, axis=0)] = 0.0
    unit = np.divide(remainder, norms, out=np.zeros_like(remainder), where=norms > 0)
    return Design(np.ascontiguousarray(basis), unit, norms)


@dataclass(frozen=True)
class Missing:
    """Changes of one variant's sums by missing calls.

    projected_ss is added to a'a, raw_ss to g'g, cross_product (K,) to g'My; trait_ss (K,) is subtracted from y'My.
    """

    projected_ss: float
    raw_ss: float
    cross_product: NDArray[np.float64]
    trait_ss: NDArray[np.float64]


def left_out(basis: NDArray[np.float64], traits: NDArray[np.float64], projection: NDArray[np.float64]) -> Missing:
    """The change if m participants are excluded, from their rows of the basis (m, R) and traits (m, K), and a (R,) = Q'g.

    `projected_ss` is infinite if the covariates are collinear in the remaining participants.
    """
    if len(basis) <= basis.shape[1]:
        return _left_out_few(basis, traits, projection)
    return _left_out_many(basis, traits, projection)


def _left_out_few(basis: NDArray[np.float64], traits: NDArray[np.float64], projection: NDArray[np.float64]) -> Missing:
    root = _root(np.eye(len(basis)) - basis @ basis.T)
    if root is None:
        return _impossible(traits.shape[1])
    both = np.column_stack([basis @ projection, traits])
    solved = linalg.solve_triangular(root, both, lower=True, check_finite=False)
    genotype, trait = solved[:, 0], solved[:, 1:]
    return Missing(float(genotype @ genotype), 0.0, genotype @ trait, np.einsum("mk,mk->k", trait, trait))


def _left_out_many(basis: NDArray[np.float64], traits: NDArray[np.float64], projection: NDArray[np.float64]) -> Missing:
    root = _root(np.eye(basis.shape[1]) - basis.T @ basis)
    if root is None:
        return _impossible(traits.shape[1])
    both = np.column_stack([projection, basis.T @ traits])
    solved = linalg.solve_triangular(root, both, lower=True, check_finite=False)
    genotype, trait = solved[:, 0], solved[:, 1:]
    trait_ss = np.einsum("mk,mk->k", traits, traits) + np.einsum("rk,rk->k", trait, trait)
    return Missing(float(genotype @ genotype - projection @ projection), 0.0, genotype @ trait, trait_ss)


def _impossible(traits: int) -> Missing:
    return Missing(np.inf, 0.0, np.zeros(traits), np.zeros(traits))


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64] | None:
    try:
        root: NDArray[np.float64] = linalg.cholesky(matrix, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return None
    return root if np.diag(root).min() > SMALLEST_ROOT else None


def neglog10p(t: NDArray[np.float64], df: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """-log10 of the two-sided p-value of t (...,) with `df` degrees of freedom, computed in log space where p underflows.

    p = I_x(df / 2, 1 / 2) at x = df / (df + t^2), the regularised incomplete beta function. In the far tail its logarithm is
    computed from the continued fraction (Abramowitz and Stegun 26.5.8). The relative error is below 1e-10.
    """
    t, df = np.broadcast_arrays(np.asarray(t, dtype=np.float64), np.asarray(df, dtype=np.float64))
    shape, t, df = t.shape, t.ravel(), df.ravel()
    half = df / 2
    with np.errstate(invalid="ignore"):
        p = special.betainc(half, 0.5, df / (df + t * t))
        near = t * t < NEAR
    far = p < SMALLEST_P
    logs = np.log10(np.where(far | near, 1.0, p))
    logs[far] = _log_tail(t[far], df[far]) / LOG10
    # Near p = 1, x is too close to 1 to resolve the distance of p from 1.
    logs[near] = np.log1p(-special.betainc(0.5, half[near], t[near] ** 2 / (df[near] + t[near] ** 2))) / LOG10
    return np.asarray(-logs + 0.0).reshape(shape)


def _log_tail(t: NDArray[np.float64], df: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b = df / 2, 0.5
    x = df / (df + t * t)
    front = a * -np.log1p(t * t / df) + b * np.log1p(-x) - np.log(a) - special.betaln(a, b)
    return np.asarray(front + np.log(_fraction(a, b, x)))


def _fraction(a: NDArray[np.float64], b: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c = np.ones_like(x)
    d = 1 / np.maximum(1 - (a + b) * x / (a + 1), tiny)
    value = d.copy()
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            step = c * d
            value *= step
        if np.all(np.abs(step - 1) < 1e-14):
            break
    return value


@lru_cache(maxsize=4096)
def least_t_squared(limit: float, df: int) -> float:
    """The t squared at which -log10 p reaches `limit`."""
    if limit <= 0:
        return 0.0
    return float(stats.t.isf(10.0**-limit / 2, df) ** 2)
