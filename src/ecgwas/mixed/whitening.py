"""Values of related participants made uncorrelated (whitened), so that least squares on them is the mixed model.

With coordinates U (N, n) in which the relationship is diagonal, s its diagonal there and w = 1 / (lambda s + 1),

    T = U diag(w)^(1/2) U'        T y = T C a + T x b + noise of equal variance, uncorrelated between participants

(generalised least squares; Aitken 1936, Proc R Soc Edinb 55:42). Row i of T y belongs to participant i as far as possible: of
all ways to whiten, this symmetric one changes the values least, so that analyses of single participants keep their meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from ecgwas.mixed import reml
from ecgwas.mixed.rotation import Rotation

Floats = NDArray[np.float64]

LOG_TOLERANCE = 1e-9
"""Precision of log lambda."""


class Coordinates(Protocol):
    """Coordinates of N participants in which their relationship is diagonal."""

    @property
    def values(self) -> Floats:
        """(n,) the diagonal, s >= 0."""

    @property
    def fixed(self) -> Floats:
        """(n, R) intercept and covariates, as far as they are left in these coordinates."""

    def turned(self, rows: Floats) -> Floats:
        """(V, n) of rows (V, N)."""

    def turned_back(self, rows: Floats) -> Floats:
        """(V, N) of rows (V, n)."""

    def covariates(self, basis: Floats, lambda_: float) -> Floats:
        """(N, R) orthonormal, spans the covariates among whitened values; basis (N, R): among the values."""


@dataclass(frozen=True)
class WithoutCovariates:
    """The coordinates of a Rotation, from which the covariates are gone."""

    rotation: Rotation

    @property
    def values(self) -> Floats:
        """See Coordinates."""
        return self.rotation.values

    @property
    def fixed(self) -> Floats:
        """See Coordinates."""
        return np.empty((len(self.rotation.values), 0))

    def turned(self, rows: Floats) -> Floats:
        """See Coordinates."""
        return rows @ self.rotation.basis

    def turned_back(self, rows: Floats) -> Floats:
        """See Coordinates."""
        return rows @ self.rotation.basis.T

    def covariates(self, basis: Floats, lambda_: float) -> Floats:
        """See Coordinates. Whitened values are orthogonal to the covariates, which take degrees of freedom all the same."""
        return basis


def whitened(coordinates: Coordinates, rows: Floats, lambda_: float) -> Floats:
    """(V, N) of rows (V, N), with one lambda."""
    scaled: Floats = np.sqrt(_weights(coordinates, lambda_)) * coordinates.turned(rows)
    return coordinates.turned_back(scaled)


def estimate(coordinates: Coordinates, trait: Floats, variants: Floats) -> float:
    """Lambda by restricted maximum likelihood, of a trait (n,) and variants (S, n) in the model, both in the coordinates.

    -2 l = (n - q) log(r'W r) + sum log(lambda s + 1) + log det(X'W X), X the q covariates and variants and r the residual;
    as in reml.py, for any number of variants, on its grid and within its bounds. The best point of the grid is refined by
    Brent's method. Invalid for variants that are collinear with each other or the covariates.
    """
    fixed = np.column_stack([coordinates.fixed, *variants])

    def minus_two_l(log_lambda: float) -> float:
        w = _weights(coordinates, float(np.exp(log_lambda)))
        determinant = -float(np.log(w).sum())
        root = np.sqrt(w)
        left: Floats = root * trait
        if fixed.shape[1]:
            q, r = np.linalg.qr(root[:, None] * fixed)
            left = left - q @ (q.T @ left)
            determinant += 2 * float(np.log(np.abs(np.diag(r))).sum())
        return float((len(trait) - fixed.shape[1]) * np.log(left @ left)) + determinant

    grid = reml.GRID
    best = int(np.argmin([minus_two_l(float(at)) for at in grid]))
    bounds = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    refined = optimize.minimize_scalar(minus_two_l, bounds=bounds, method="bounded", options={"xatol": LOG_TOLERANCE})
    return float(np.exp(refined.x))


def _weights(coordinates: Coordinates, lambda_: float) -> Floats:
    return reml.weights(coordinates.values, np.array([lambda_])).ravel()
