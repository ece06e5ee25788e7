"""Numeric outcomes: least squares of all outcomes on all features, given covariates.

With f and y residuals on intercept and covariates, b = f'y / f'f and e = y - f b, the variance of b is e'e / (df f'f), or
(MacKinnon and White 1985, J Econometrics 29:305; Long and Ervin 2000, Am Stat 54:217)

    HC3    sum f^2 e^2 / (1 - h)^2 / (f'f)^2        h = h_C + f^2 / f'f

with h_C the leverage of the covariates. As h does not depend on the outcome, and e^2 = y^2 - 2 b f y + b^2 f^2, HC3 of all
pairs takes two products of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ecgwas.outcomes import checks
from ecgwas.outcomes.checks import Status
from ecgwas.outcomes.newton import inverse
from ecgwas.outcomes.score import Null
from ecgwas.statistics import least_squares
from ecgwas.statistics.least_squares import Design, design
from ecgwas.statistics.projection import span

ROWS = 4096
"""Participants per product."""
MIN_PEOPLE = 20
LEAST_RESIDUAL = 1e-18
"""Residual sum of squares over the outcome's, below which the fit is exact and the standard error 0."""

Errors = Literal["ordinary", "HC3"]


@dataclass(frozen=True)
class Regressions:
    """Regressions of D outcomes on F features, one by one.

    beta, se  (F, D) float64, units of the outcome per unit of the feature; NaN where status has no result
    df        (F, D) int64, residual degrees of freedom
    people    (F, D) int64, participants with feature and outcome
    status    (F, D) int8, of `Status`
    """

    beta: NDArray[np.float64]
    se: NDArray[np.float64]
    df: NDArray[np.int64]
    people: NDArray[np.int64]
    status: NDArray[np.int8]

    @property
    def t(self) -> NDArray[np.float64]:
        """(F, D) beta / se; infinite if the outcome is an exact function of feature and covariates."""
        with np.errstate(divide="ignore"):
            return np.asarray(self.beta / self.se)

    @property
    def neglog10p(self) -> NDArray[np.float64]:
        """(F, D) -log10 of the two-sided p-value of t."""
        return least_squares.neglog10p(self.t, np.maximum(self.df, 1).astype(np.float64))


def regress(
    features: NDArray[np.float64], outcomes: NDArray[np.float64], covariates: NDArray[np.float64], *,
    errors: Errors = "HC3", min_people: int = MIN_PEOPLE,
) -> Regressions:  # fmt: skip
    """Regressions of outcomes (N, D) on features (N, F), given covariates (N, C); the intercept is added.

    features, outcomes  float64, missing NaN; each regression has the participants with both
    covariates          float64, complete
    errors              HC3 is valid if the outcome's variance differs between participants; with few participants and extreme
                        features it is larger than `ordinary`
    min_people          fewer participants, or no degree of freedom: TOO_FEW

    CONSTANT if the feature or the outcome does not vary once the covariates are known. Invalid for related participants. Raises
    InputError if a covariate is missing or a value infinite.
    """
    checks.complete(covariates, len(features), "covariates")
    checks.no_infinity(features, "features")
    checks.no_infinity(outcomes, "outcomes")
    shape = (features.shape[1], outcomes.shape[1])
    beta, se = np.full((2, *shape), np.nan)
    df, people = np.zeros((2, *shape), dtype=np.int64)
    status = np.full(shape, int(Status.TOO_FEW), dtype=np.int8)
    for known, columns in checks.same_missing(features):
        for measured, those in checks.same_missing(outcomes):
            rows, cells = known & measured, np.ix_(columns, those)
            people[cells] = rows.sum()
            if rows.sum() < max(min_people, 1):
                continue
            basis = span(covariates[rows])
            df[cells] = max(int(rows.sum()) - basis.shape[1] - 1, 0)
            if df[cells].max() == 0:
                continue
            f = design(basis, features[np.ix_(rows, columns)])
            y = design(basis, outcomes[np.ix_(rows, those)])
            beta[cells], se[cells] = _of(f, y, errors)
            status[cells] = np.where(np.isfinite(beta[cells]), int(Status.TESTED), int(Status.CONSTANT))
    return Regressions(beta, se, df, people, status)


def _of(f: Design, y: Design, errors: Errors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """beta and se (F, D); both NaN if either does not vary."""
    slope = f.traits.T @ y.traits
    variance = np.maximum(1 - slope**2, 0.0) / f.df if errors == "ordinary" else _hc3(f, y, slope)
    variance[variance <= LEAST_RESIDUAL] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.where((f.norms[:, None] > 0) & (y.norms > 0), y.norms / f.norms[:, None], np.nan)
        return slope * unit, np.sqrt(variance) * unit


def _hc3(f: Design, y: Design, slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, D) HC3 variance of the slopes of traits of unit length.

    A participant whose leverage is 1 has no residual; they would make 0 / 0 and count as 0.
    """
    squares, crosses = np.zeros((2, *slope.shape))
    fourth = np.zeros(f.traits.shape[1])
    for start in range(0, len(f.basis), ROWS):
        rows = slice(start, start + ROWS)
        x, z = f.traits[rows], y.traits[rows]
        rest = 1 - np.square(f.basis[rows]).sum(axis=1)[:, None] - x**2
        weight = np.divide(x, rest, out=np.zeros_like(x), where=rest > 1e-9) ** 2
        squares += weight.T @ z**2
        crosses += (weight * x).T @ z
        fourth += np.einsum("nf,nf->f", weight, x**2)
    return np.asarray(np.maximum(squares - 2 * slope * crosses + slope**2 * fourth[:, None], 0.0))


def null_model(outcome: NDArray[np.float64], basis: NDArray[np.float64], *, min_people: int = MIN_PEOPLE) -> Null:
    """The null model of a numeric outcome (N,), missing NaN, on basis (N, p) with the intercept, for permutations.

    Its residuals have unit length and its weights are 1, so that U^2 / V is the squared partial correlation of a feature.
    """
    rows = ~np.isnan(outcome)
    people = int(rows.sum())
    covariance, ignored = inverse(basis[rows].T @ basis[rows])
    df = people - (basis.shape[1] - ignored.shape[1]) - 1
    if people < min_people or df < 1:
        return Null.without_result(basis.shape, 0, people, Status.TOO_FEW)
    x, y = basis[rows], outcome[rows] - outcome[rows].mean()
    for _ in range(2):  # The second pass removes rounding errors of the first.
        y = y - x @ (covariance @ (x.T @ y))
    length = float(np.linalg.norm(y))
    if length <= 1e-10 * float(np.linalg.norm(outcome[rows])):
        return Null.without_result(basis.shape, 0, people, Status.CONSTANT)
    residuals = np.zeros(len(outcome))
    residuals[rows] = y / length
    empty = np.zeros((0, basis.shape[1]))
    return Null(residuals, rows.astype(float), covariance, empty, None, 0, people, 1, Status.TESTED, df)
