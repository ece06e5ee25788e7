"""Values of related participants made uncorrelated (whitened), so that least squares on them is the mixed model.

With coordinates U (N, n) in which the relationship is diagonal, s its diagonal there and w = 1 / (lambda s + 1),

    T = U diag(w)^(1/2) U'        T y = T C a + T x b + noise of equal variance, uncorrelated between participants

(generalised least squares; Aitken 1936, Proc R Soc Edinb 55:42). Row i of T y belongs to participant i as far as possible: of
all ways to whiten, this symmetric one changes the values least, so that analyses of single participants keep their meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from ecgwas.mixed import reml
from ecgwas.mixed.families import Families
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


@dataclass(frozen=True)
class OfFamilies:
    """The coordinates of families (N people), with the covariates left: basis (N, R), orthonormal."""

    families: Families
    basis: Floats

    @property
    def values(self) -> Floats:
        """See Coordinates; 1 for people without relatives."""
        values = np.ones(self.families.people)
        values[self.families.members] = self.families.values
        return values

    @property
    def fixed(self) -> Floats:
        """See Coordinates."""
        return self.turned(self.basis.T).T

    def turned(self, rows: Floats) -> Floats:
        """See Coordinates."""
        return self._with_members(rows, self.families.turned)

    def turned_back(self, rows: Floats) -> Floats:
        """See Coordinates."""
        return self._with_members(rows, self.families.back)

    def covariates(self, basis: Floats, lambda_: float) -> Floats:
        """See Coordinates."""
        return np.linalg.qr(whitened(self, basis.T, lambda_).T)[0]

    def _with_members(self, rows: Floats, turn: Callable[[Floats], Floats]) -> Floats:
        turned, members = rows.copy(), self.families.members
        turned[:, members] = turn(rows[:, members].T).T
        return turned


def whitened(coordinates: Coordinates, rows: Floats, lambda_: float) -> Floats:
    """(V, N) of rows (V, N), with one lambda."""
    scaled: Floats = np.sqrt(_weights(coordinates, lambda_)) * coordinates.turned(rows)
    return coordinates.turned_back(scaled)


def estimate(coordinates: Coordinates, trait: Floats, variants: Floats) -> float:
    """Lambda by restricted maximum likelihood, of a trait (n,) and variants (S, n) in the model, both in the coordinates.

    -2 l = (n - q) log(r'W r) + sum log(lambda s + 1) + log det(X'W X), X the q covariates and variants and r the residual;
    as in reml.py, for any number of variants, on its grid and within its bounds. The best point of the grid is refined by
    Brent's method. If variants are collinear with each other or the covariates, they are not in the model.
    """
    columns = np.column_stack([coordinates.fixed, *variants, trait])
    lengths = np.linalg.norm(columns, axis=0)
    likelihood = _Likelihood.of(coordinates.values, columns / np.where(lengths > 0, lengths, 1.0))
    try:
        on_grid = [likelihood(float(at)) for at in reml.GRID]
    except np.linalg.LinAlgError:
        if len(variants) == 0:
            raise
        return estimate(coordinates, trait, variants[:0])
    best = int(np.argmin(on_grid))
    bounds = float(reml.GRID[max(best - 1, 0)]), float(reml.GRID[min(best + 1, len(reml.GRID) - 1)])
    refined = optimize.minimize_scalar(likelihood, bounds=bounds, method="bounded", options={"xatol": LOG_TOLERANCE})
    return float(np.exp(refined.x))


@dataclass(frozen=True)
class _Likelihood:
    """-2 l at one log lambda. Rows with the most frequent value, such as those of people without relatives, are summed once.

    columns (r, q + 1): the other rows of covariates, variants and trait;  values (r,): theirs
    common (q + 1, q + 1): products of the columns over the `count` rows of the most frequent value
    """

    columns: Floats
    values: Floats
    common: Floats
    common_value: float
    count: int

    @classmethod
    def of(cls, values: Floats, columns: Floats) -> _Likelihood:
        """Of all n rows."""
        distinct, counts = np.unique(values, return_counts=True)
        value = float(distinct[np.argmax(counts)])
        is_common = values == value
        common = columns[is_common]
        return cls(columns[~is_common], values[~is_common], common.T @ common, value, len(common))

    def __call__(self, log_lambda: float) -> float:
        """Raises LinAlgError for collinear columns."""
        ratio = float(np.exp(log_lambda))
        w, common_w = 1 / (ratio * self.values + 1), 1 / (ratio * self.common_value + 1)
        products = common_w * self.common + (w[:, None] * self.columns).T @ self.columns
        logs = 2 * np.log(np.diag(np.linalg.cholesky(products)))
        people, fixed = len(self.values) + self.count, len(logs) - 1
        determinant = -float(np.log(w).sum()) - self.count * float(np.log(common_w))
        return float((people - fixed) * logs[-1] + determinant + logs[:-1].sum())


def _weights(coordinates: Coordinates, lambda_: float) -> Floats:
    return reml.weights(coordinates.values, np.array([lambda_])).ravel()
