"""Logistic regression in which some coefficients are penalised: ridge regression for a binary outcome.

    maximise  log likelihood - (lambda / 2) |b|^2        lambda = P / v

for P penalised columns of unit variance. v is the variance of the linear predictor that they are expected to make together if
their coefficients are independent, on the logit scale: 0.3 is about 8 % of the variance of a logistic liability, pi^2 / 3 + v
(Le Cessie and Van Houwelingen 1992, Appl Stat 41:191).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

TOLERANCE = 1e-7
"""Twice the gain in penalised log likelihood that the last step of Newton's method promised."""
ROUNDS, HALVINGS = 50, 30
SMALLEST_PENALTY = 1e-10
"""Smallest penalty, which keeps coefficients finite where cases are separated from controls."""

Floats = NDArray[np.float64]


def fit(
    free: Floats, penalised: Floats, cases: NDArray[np.bool_], variance: float, start: Floats | None = None,
    *, tolerance: float = TOLERANCE,
) -> Floats:  # fmt: skip
    """(F + P,) coefficients of the columns free (N, F), linearly independent, with the intercept in their span, and penalised
    (N, P).

    variance: v, 0 or more; with 0 the penalised coefficients are 0. start: coefficients at which the search begins.
    """
    count, unpenalised = penalised.shape[1], free.shape[1]
    if variance == 0 and count:
        alone = fit(free, penalised[:, :0], cases, 0.0, None if start is None else start[:unpenalised], tolerance=tolerance)
        return np.concatenate([alone, np.zeros(count)])
    penalties = np.zeros(unpenalised + count)
    penalties[unpenalised:] = count / variance if count else 0.0
    return maximum(np.hstack([free, penalised]), cases.astype(np.float64), penalties, start, tolerance=tolerance)


def maximum(
    x: Floats, y: Floats, penalties: Floats, start: Floats | None = None, *, tolerance: float = TOLERANCE
) -> Floats:  # fmt: skip
    """(P,) coefficients b that maximise the log likelihood of cases y (N,), 0 or 1, less the sum of penalties b^2 / 2.

    x (N, P), with the intercept among its columns; penalties (P,), 0 or more; start: coefficients at which the search begins.
    """
    penalty = np.maximum(penalties, SMALLEST_PENALTY)
    at = np.zeros(x.shape[1]) if start is None else start.copy()
    eta = x @ at
    value = _value(eta, y, at, penalty)
    for _ in range(ROUNDS):
        risk = special.expit(eta)
        score = x.T @ (y - risk) - penalty * at
        information = (x * (risk * (1 - risk))[:, None]).T @ x
        information[np.diag_indices_from(information)] += penalty
        step = linalg.solve(information, score, assume_a="pos", check_finite=False)
        for halving in range(HALVINGS):
            following = at + step * 0.5**halving
            ahead = x @ following
            improved = _value(ahead, y, following, penalty)
            if improved >= value - 1e-12 * (1 + abs(value)):
                break
        at, eta, value = following, ahead, improved
        if score @ step <= tolerance:
            break
    return at


def _value(eta: Floats, y: Floats, at: Floats, penalty: Floats) -> float:
    """Penalised log likelihood."""
    return float(y @ eta - np.logaddexp(0.0, eta).sum() - 0.5 * (penalty @ at**2))
