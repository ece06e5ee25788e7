"""Logistic regression in which some coefficients are penalised: ridge regression for a binary outcome.

    maximise  log likelihood - (lambda / 2) |b|^2        lambda = P / v

for P penalised columns of unit variance. v is the variance of the linear predictor that they are expected to make together if
their coefficients are independent, on the logit scale: 0.3 is about 8 % of the variance of a logistic liability, pi^2 / 3 + v
(Le Cessie and Van Houwelingen 1992, Appl Stat 41:191).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ecgwas.outcomes.logistic import likelihood
from ecgwas.outcomes.newton import Maximum, Point, maximise

TOLERANCE = 1e-7
"""Twice the gain in penalised log likelihood at which the search ends."""


def fit(
    free: NDArray[np.float64], penalised: NDArray[np.float64], cases: NDArray[np.bool_], variance: float,
    start: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:  # fmt: skip
    """(F + P,) coefficients of the columns free (N, F), whose span contains the intercept, and penalised (N, P).

    variance: v, 0 or more; with 0 the penalised coefficients are 0. start: coefficients at which the search begins.
    """
    x, y = np.hstack([free, penalised]), cases.astype(np.int8)
    unpenalised, count = free.shape[1], penalised.shape[1]
    penalty = np.zeros(x.shape[1])
    penalty[unpenalised:] = count / variance if variance > 0 else 0.0
    which = np.ones(x.shape[1], dtype=bool)
    which[unpenalised:] = variance > 0
    if start is None:
        start = np.zeros(x.shape[1])
        start[:unpenalised] = np.linalg.lstsq(free, np.full(len(x), special.logit(cases.mean())), rcond=None)[0]

    def at(coefficients: NDArray[np.float64]) -> Point:
        plain = likelihood(coefficients, x, y)
        value = plain.value - 0.5 * float(penalty @ coefficients**2)
        return Point(value, plain.score - penalty * coefficients, plain.information + np.diag(penalty))

    best: Maximum = maximise(at, np.where(which, start, 0.0), free=which, tolerance=TOLERANCE)
    return best.coefficients
