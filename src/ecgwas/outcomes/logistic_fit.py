"""Fits of chosen tests of binary outcomes: maximum likelihood, and Firth's penalised likelihood.

Firth (1993, Biometrika 80:27) maximises

    l*(b) = l(b) + log |X'WX| / 2        score X'(y - mu + h (1/2 - mu))

with h the diagonal of W^1/2 X (X'WX)^-1 X'W^1/2. The estimate is finite under separation, and its bias of order 1/N is removed.
Its test and interval compare l* with its maximum over the other coefficients, the penalty always of the whole model (profile
penalised likelihood; Heinze and Schemper 2002, Stat Med 21:2409).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from ecgwas.outcomes import checks
from ecgwas.outcomes.checks import MISSING, Status, neglog10p
from ecgwas.outcomes.logistic import PREDICTED, likelihood
from ecgwas.outcomes.newton import Maximum, Point, inverse, maximise
from ecgwas.statistics.least_squares import design
from ecgwas.statistics.projection import span

CONFIDENCE = 0.95
FIRTH_TOLERANCE = 1e-14
"""Steps towards the penalised maximum shrink by a constant factor, not quadratically."""
FIRTH_ROUNDS = 1000
CASES_PER_COEFFICIENT = 2
EXPANSIONS = 60
"""Steps in search of a value outside of a profile interval."""
INVOLVED = 1e-4
"""Component of the feature in a direction of separation from which on its own estimate is infinite."""


@dataclass(frozen=True)
class Fit:
    """One feature and one outcome.

    beta, se     log odds ratio (or log hazard ratio) per unit of the feature, and its standard error from the information
    low, high    95 % interval: by profile of the penalised likelihood for Firth, beta -+ 1.96 se otherwise
    chi2         likelihood ratio, 1 degree of freedom; penalised for Firth
    cases        cases or events in the analysis
    people       participants in the analysis
    iterations   steps of the full model
    status       numbers are NaN unless it `has_result`
    """

    beta: float
    se: float
    low: float
    high: float
    chi2: float
    cases: int
    people: int
    iterations: int
    status: Status

    @property
    def wald_neglog10p(self) -> float:
        """-log10 p of the Wald test."""
        return float(neglog10p(self.beta / self.se))

    @property
    def neglog10p(self) -> float:
        """-log10 p of the (penalised) likelihood ratio test."""
        return float(neglog10p(np.sqrt(max(self.chi2, 0.0)))) if np.isfinite(self.chi2) else float("nan")

    @classmethod
    def without_result(cls, cases: int, people: int, iterations: int, status: Status) -> Self:
        """Numbers that do not exist."""
        nan = float("nan")
        return cls(nan, nan, nan, nan, nan, cases, people, iterations, status)


@dataclass(frozen=True)
class Sample:
    """The participants of a fit: x (n, p) with the residualised feature, of variance 1, in the first column; y (n,) 0 or 1.

    A coefficient of that column divided by `scale` is one per unit of the feature.
    """

    x: NDArray[np.float64]
    y: NDArray[np.int8]
    scale: float

    @property
    def cases(self) -> int:
        """Number of cases."""
        return int(self.y.sum())


def maximum_likelihood(feature: NDArray[np.float64], outcome: NDArray[np.int8], covariates: NDArray[np.float64]) -> Fit:
    """Logistic regression of outcome (N,) on feature (N,) and covariates (N, C) with intercept: Wald and likelihood ratio.

    feature: missing NaN; outcome: case 1, control 0, not in the analysis -1; covariates: complete. Participants without the
    feature are not in the analysis. The status is INFINITE if the feature separates cases from controls, alone or together with
    covariates. If covariates alone predict some participants, the status is SEPARATED and the numbers are the limit.
    Raises InputError for other codes and infinite values.
    """
    sample = _sample(feature, outcome, covariates)
    if isinstance(sample, Fit):
        return sample
    start = np.zeros(sample.x.shape[1])
    start[1] = special.logit(sample.cases / len(sample.y))
    full = maximise(lambda at: likelihood(at, sample.x, sample.y), start)
    null = maximise(lambda at: likelihood(at, sample.x[:, 1:], sample.y), start[1:])
    covariance, flat = inverse(full.point.information)
    status = _status(sample, full, null, flat)
    if not status.has_result:
        return Fit.without_result(sample.cases, len(sample.y), full.iterations, status)
    beta, se = float(full.coefficients[0]) / sample.scale, float(np.sqrt(covariance[0, 0])) / sample.scale
    half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * se
    chi2 = max(2 * (full.point.value - null.point.value), 0.0)
    return Fit(beta, se, beta - half, beta + half, chi2, sample.cases, len(sample.y), full.iterations, status)


def firth(feature: NDArray[np.float64], outcome: NDArray[np.int8], covariates: NDArray[np.float64]) -> Fit:
    """Firth's logistic regression, its penalised likelihood ratio test, and the profile interval.

    Arguments and errors as of `maximum_likelihood`. Exists under separation; needs at least one case and one control. A bound
    is NaN, and the status NOT_CONVERGED, if the search for it ends without one. With one or two cases, or controls, the
    penalised likelihood often has several maxima, and the interval may be that of a lower one.
    """
    sample = _sample(feature, outcome, covariates)
    if isinstance(sample, Fit):
        return sample
    start = np.zeros(sample.x.shape[1])
    start[1] = special.logit((sample.cases + 0.5) / (len(sample.y) + 1))
    full = maximise(lambda at: penalised(at, sample.x, sample.y), start, tolerance=FIRTH_TOLERANCE)
    null = _profile(sample, 0.0, full.coefficients)
    counts = (sample.cases, len(sample.y), full.iterations)
    if not (full.converged and null.converged):
        return Fit.without_result(*counts, Status.NOT_CONVERGED)
    se = float(np.sqrt(inverse(likelihood(full.coefficients, sample.x, sample.y).information)[0][0, 0]))
    low, high = (_bound(sample, full, se, side) for side in (-1.0, 1.0))
    status = Status.TESTED if np.isfinite(low) and np.isfinite(high) else Status.NOT_CONVERGED
    chi2 = max(2 * (full.point.value - null.point.value), 0.0)
    beta, se, low, high = (float(value) / sample.scale for value in (full.coefficients[0], se, low, high))
    return Fit(beta, se, low, high, chi2, *counts, status)


def penalised(at: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.int8]) -> Point:
    """l* of coefficients (p,) with design x (n, p) and cases y (n,), its score, and the information of the augmented data.

    With leverages fixed, the score is that of y + h / 2 cases among 1 + h participants, whose information is X'(1 + h)WX. Steps
    with it do not overshoot where leverages are large.
    """
    plain = likelihood(at, x, y)
    try:
        root = np.linalg.cholesky(plain.information)
    except np.linalg.LinAlgError:
        # So far from the maximum that rounding hides the information: a step to such a place is halved.
        return Point(-np.inf, plain.score, plain.information)
    mu = special.expit(x @ at)
    weights = mu * (1 - mu)
    leverage = weights * np.square(np.linalg.solve(root, x.T)).sum(axis=0)
    value = plain.value + float(np.log(np.diag(root)).sum())
    augmented = (x * (weights * (1 + leverage))[:, None]).T @ x
    return Point(value, plain.score + x.T @ (leverage * (0.5 - mu)), augmented)


def _sample(feature: NDArray[np.float64], outcome: NDArray[np.int8], covariates: NDArray[np.float64]) -> Sample | Fit:
    checks.binary(outcome)
    checks.complete(covariates, len(feature), "covariates")
    checks.no_infinity(feature, "feature")
    rows = (outcome != MISSING) & ~np.isnan(feature)
    y = outcome[rows]
    cases, people = int(y.sum()), len(y)
    if min(cases, people - cases) < 1:
        return Fit.without_result(cases, people, 0, Status.TOO_FEW)
    basis = span(covariates[rows])
    prepared = design(basis, feature[rows, None])
    if prepared.norms[0] == 0 or people <= basis.shape[1] + 1:
        return Fit.without_result(cases, people, 0, Status.CONSTANT)
    root = np.sqrt(people)
    return Sample(np.hstack([prepared.traits, basis]) * root, y, float(prepared.norms[0]) / root)


def _status(sample: Sample, full: Maximum, null: Maximum, flat: NDArray[np.float64]) -> Status:
    """Of a fit by maximum likelihood; flat (p, s): directions in which the information vanished."""
    mu = special.expit(sample.x @ full.coefficients)
    weights = mu * (1 - mu)
    if not (full.converged and null.converged):
        return Status.NOT_CONVERGED
    if weights.max() <= PREDICTED or (np.abs(flat[0]) > INVOLVED).any():
        return Status.INFINITE
    return Status.SEPARATED if flat.shape[1] else Status.TESTED


def _profile(sample: Sample, value: float, start: NDArray[np.float64]) -> Maximum:
    """l* maximised over the other coefficients, the feature's fixed at `value`.

    With few cases or controls l* may have several maxima: the highest of those from `start` and from zero is taken.
    """
    free = np.arange(len(start)) > 0
    starts = [np.where(free, start, value)]
    if min(sample.cases, len(sample.y) - sample.cases) < CASES_PER_COEFFICIENT * len(start):
        starts.append(np.where(free, 0.0, value))
    maxima = [
        maximise(lambda at: penalised(at, sample.x, sample.y), begin, free=free, tolerance=FIRTH_TOLERANCE, rounds=FIRTH_ROUNDS)
        for begin in starts
    ]
    return max(maxima, key=lambda one: (one.converged, one.point.value))


def _bound(sample: Sample, full: Maximum, se: float, side: float) -> float:
    """The coefficient below (side -1) or above (1) the estimate at which 2 l* is lower than its maximum by the quantile."""
    limit = float(stats.chi2.ppf(CONFIDENCE, 1))
    latest = full

    def excess(value: float) -> float:
        nonlocal latest
        latest = _profile(sample, value, latest.coefficients)
        return 2 * (full.point.value - latest.point.value) - limit if latest.converged else float("nan")

    inner = float(full.coefficients[0])
    outer = inner + side * np.sqrt(limit) * se
    for _ in range(EXPANSIONS):
        beyond = excess(outer)
        if np.isnan(beyond):
            return float("nan")
        if beyond > 0:
            break
        inner, outer = outer, outer + side * se
    else:
        return float("nan")
    try:
        return float(optimize.brentq(excess, inner, outer, xtol=1e-9 * se, rtol=1e-12))
    except (ValueError, RuntimeError):
        # A profile that did not converge on the way.
        return float("nan")
