"""Binary outcomes: null models by logistic regression on the covariates, and score tests of all features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ecgwas.outcomes import checks
from ecgwas.outcomes.checks import MISSING, Status
from ecgwas.outcomes.newton import RANK, Point, inverse, maximise
from ecgwas.outcomes.score import Null, Scores, fill
from ecgwas.statistics.least_squares import design
from ecgwas.statistics.projection import span

MIN_CASES = 20
"""Below this number of cases or of controls, the normal approximation of the score test is poor and Firth's test is
preferable."""
PREDICTED = 1e-7
"""If no participant's fitted variance exceeds this, the outcome is predicted."""


def screen(
    features: NDArray[np.float64], outcomes: NDArray[np.int8], covariates: NDArray[np.float64], *, min_cases: int = MIN_CASES
) -> Scores:
    """Score tests of features (N, F) with binary outcomes (N, D), given covariates (N, C); the intercept is added.

    features    float64, missing NaN. Features with the same missing participants share null models, which are then fitted
                without these participants, so tests are exact; many different patterns cost as many null models per outcome
    outcomes    int8: case 1, control 0, not in the analysis -1
    covariates  float64, complete
    min_cases   outcomes with fewer cases or fewer controls have status TOO_FEW and no result

    Invalid for related participants, and approximate with few cases. Raises InputError if an outcome has another code, a
    covariate is missing, or a value is infinite.
    """
    checks.binary(outcomes)
    checks.complete(covariates, len(features), "covariates")
    checks.no_infinity(features, "features")
    scores = Scores.empty(features.shape[1], outcomes.shape[1])
    for known, columns in checks.same_missing(features):
        if not known.any():
            scores.status[columns] = Status.TOO_FEW
            continue
        basis = span(covariates[known])
        prepared = design(basis, features[np.ix_(known, columns)])
        nulls = (null_model(outcomes[known, k], basis, min_cases=min_cases) for k in range(outcomes.shape[1]))
        fill(scores, columns, prepared, basis, nulls)
    return scores


def null_model(outcome: NDArray[np.int8], basis: NDArray[np.float64], *, min_cases: int = MIN_CASES) -> Null:
    """Maximum likelihood of outcome (N,) on basis (N, p), whose span contains the intercept, by Newton's method (IRLS).

    If covariates predict some participants perfectly (quasi-complete separation), the likelihood has no maximum; the null model
    is then its limit, in which these participants have weight 0 and the status is SEPARATED.
    """
    rows = outcome != MISSING
    cases, people = int((outcome == 1).sum()), int(rows.sum())
    if min(cases, people - cases) < max(min_cases, 1):
        return Null.without_result(basis.shape, cases, people, Status.TOO_FEW)
    x, y = (basis, outcome) if people == len(outcome) else (basis[rows], outcome[rows])
    ones, gram = x.sum(axis=0), x.T @ x
    start = inverse(gram)[0] @ ones * special.logit(cases / people)
    best = maximise(lambda at: likelihood(at, x, y), start)
    if not best.converged:
        return Null.without_result(basis.shape, cases, people, Status.NOT_CONVERGED, best.iterations)
    mu = special.expit(x @ best.coefficients)
    weights = mu * (1 - mu)
    if weights.max() <= PREDICTED:
        return Null.without_result(basis.shape, cases, people, Status.PREDICTED, best.iterations)
    covariance, flat = inverse(best.point.information)
    separated = flat.shape[1] > inverse(gram, RANK)[1].shape[1]
    all_residuals, all_weights = np.zeros((2, len(outcome)))
    all_residuals[rows], all_weights[rows] = y - mu, weights
    status = Status.SEPARATED if separated else Status.TESTED
    return Null(
        all_residuals, all_weights, covariance, np.zeros((0, basis.shape[1])), None, cases, people, best.iterations, status
    )


def likelihood(at: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.int8]) -> Point:
    """Log likelihood of coefficients (p,) with design x (n, p) and cases y (n,), its score and information."""
    eta = x @ at
    mu = special.expit(eta)
    value = float(eta[y == 1].sum() - np.logaddexp(0.0, eta).sum())
    return Point(value, x.T @ (y - mu), (x * (mu * (1 - mu))[:, None]).T @ x)
