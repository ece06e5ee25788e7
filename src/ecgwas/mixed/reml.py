"""Restricted maximum likelihood of lambda, the ratio of genetic to other variance, in rotated coordinates (rotation.py).

With w = 1 / (lambda s + 1), and r = y - x b the residual at the best b (b'x absent without a variant), up to constants

    -2 l(lambda) = d log(sum w r^2) + sum log(lambda s + 1) + log(sum w x^2)        d = n - 1, or n without a variant

where the last term is absent without a variant. The derivatives in log lambda follow from w' = -w (1 - w). lambda is sought in
1e-5 to 1e5, as by GEMMA (Zhou and Stephens 2012, Nat Genet 44:821): on a grid first, because the likelihood may have several
maxima, then by Newton's method within the two grid points around the best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SMALLEST, LARGEST = 1e-5, 1e5
"""Bounds of lambda."""
GRID = np.linspace(np.log(SMALLEST), np.log(LARGEST), 41)
ROUNDS = 60
TOLERANCE = 1e-9
"""Precision of log lambda at which Newton's method ends."""


@dataclass(frozen=True)
class Terms:
    """First and second derivative of -2 l of H traits at their own log lambda, (H,) each."""

    slope: NDArray[np.float64]
    curvature: NDArray[np.float64]


def estimates(
    values: NDArray[np.float64], traits: NDArray[np.float64], variants: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """(H,) lambda of each trait (H, n), alone or with its variant (H, n) in the model; values (n,): s of the rotation.

    Each row is independent of the others, to the last bit.
    """
    best = np.argmin(_on_grid(values, traits, variants), axis=1)
    low, high = GRID[np.maximum(best - 1, 0)], GRID[np.minimum(best + 1, len(GRID) - 1)]
    at = GRID[best].copy()
    running = np.arange(len(traits))
    for _ in range(ROUNDS):
        terms = _terms(values, traits[running], None if variants is None else variants[running], at[running])
        rising = terms.slope > 0  # The minimum of -2 l lies below.
        high[running[rising]], low[running[~rising]] = at[running[rising]], at[running[~rising]]
        here, under, above = at[running], low[running], high[running]
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = here - terms.slope / terms.curvature
        inside = (terms.curvature > 0) & (newton > under) & (newton < above)
        following = np.where(inside, newton, (under + above) / 2)
        at[running] = following
        running = running[np.abs(following - here) > TOLERANCE]
        if len(running) == 0:
            break
    return np.asarray(np.exp(at))


def heritability(lambdas: NDArray[np.float64]) -> NDArray[np.float64]:
    """lambda / (1 + lambda): the share of variance of a participant whose entry on the diagonal of G is 1."""
    return lambdas / (1 + lambdas)


def weights(values: NDArray[np.float64], lambdas: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H, n) w = 1 / (lambda s + 1) of each lambda (H,)."""
    return np.asarray(1 / (lambdas[:, None] * values + 1))


def _on_grid(
    values: NDArray[np.float64], traits: NDArray[np.float64], variants: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """(H, len(GRID)) of -2 l."""
    w = weights(values, np.exp(GRID)).T
    determinant = -np.log(w).sum(axis=0)
    trait_ss = np.square(traits) @ w
    if variants is None:
        return np.asarray(len(values) * np.log(trait_ss) + determinant)
    variant_ss, product = np.square(variants) @ w, (variants * traits) @ w
    residual_ss = np.maximum(trait_ss - product**2 / variant_ss, np.finfo(float).tiny)
    return np.asarray((len(values) - 1) * np.log(residual_ss) + determinant + np.log(variant_ss))


def _terms(
    values: NDArray[np.float64], traits: NDArray[np.float64], variants: NDArray[np.float64] | None, at: NDArray[np.float64]
) -> Terms:
    """The likelihood of each trait (H, n) at its own log lambda `at` (H,)."""
    w = weights(values, np.exp(at))
    falling = w * (1 - w)  # -w'
    bending = falling * (1 - 2 * w)  # w''
    determinant = Terms((1 - w).sum(axis=1), falling.sum(axis=1))
    if variants is None:
        squares = np.square(traits)
        ss, slope, curvature = (np.einsum("hn,hn->h", each, squares) for each in (w, -falling, bending))
        return _joined(len(values), ss, slope, curvature, determinant)
    squares = np.square(variants)
    x0, x1, x2 = (np.einsum("hn,hn->h", each, squares) for each in (w, -falling, bending))
    effect = np.einsum("hn,hn,hn->h", w, variants, traits) / x0
    residuals = traits - effect[:, None] * variants
    cross = np.einsum("hn,hn,hn->h", falling, variants, residuals)
    squares = np.square(residuals)
    ss, slope, curvature = (np.einsum("hn,hn->h", each, squares) for each in (w, -falling, bending))
    own = _joined(len(values) - 1, ss, slope, curvature - 2 * cross**2 / x0, determinant)
    return Terms(own.slope + x1 / x0, own.curvature + x2 / x0 - (x1 / x0) ** 2)


def _joined(
    df: int, ss: NDArray[np.float64], slope: NDArray[np.float64], curvature: NDArray[np.float64], determinant: Terms
) -> Terms:
    """df log(ss) with the determinant's terms; slope and curvature are those of ss."""
    relative = slope / ss
    return Terms(df * relative + determinant.slope, df * (curvature / ss - relative**2) + determinant.curvature)
