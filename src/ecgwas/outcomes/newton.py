"""Newton's method for concave log likelihoods, with pseudo-inverses and step halving."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS = 100
HALVINGS = 30
TOLERANCE = 1e-11
"""Twice the gain in log likelihood that the last step promised; the step is still made."""
ROUNDING = 1e-8
"""Likewise, of a step that rounding errors keep from raising the likelihood."""
RANK = 1e-9
"""Eigenvalues of an information matrix below this share of the largest count as zero."""


@dataclass(frozen=True)
class Point:
    """A log likelihood at p coefficients: value, score (p,) and information (p, p), which need not be exactly its curvature."""

    value: float
    score: NDArray[np.float64]
    information: NDArray[np.float64]


@dataclass(frozen=True)
class Maximum:
    """Coefficients (p,), the likelihood there, the number of steps, and whether the last of them was below the tolerance."""

    coefficients: NDArray[np.float64]
    point: Point
    iterations: int
    converged: bool


Likelihood = Callable[[NDArray[np.float64]], Point]


def inverse(information: NDArray[np.float64], share: float = RANK) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(p, p) pseudo-inverse of a symmetric matrix, and (p, s) the directions that it ignores, as columns.

    Eigenvalues below `share` of the largest count as zero.
    """
    if information.size == 0:
        return np.zeros_like(information), np.zeros((len(information), 0))
    values, vectors = np.linalg.eigh(information)
    kept = values > share * max(float(values[-1]), np.finfo(float).tiny)
    used = vectors[:, kept]
    return np.asarray((used / values[kept]) @ used.T), np.asarray(vectors[:, ~kept])


def maximise(
    likelihood: Likelihood, start: NDArray[np.float64], *, free: NDArray[np.bool_] | None = None,
    tolerance: float = TOLERANCE, rounds: int = ROUNDS,
) -> Maximum:  # fmt: skip
    """The maximum of a log likelihood from `start` (p,) over the coefficients that are `free` (p,) bool; by default all.

    Coefficients in whose direction the information vanishes, relative to the others, no longer change: those of collinear
    columns from the start, those that diverge (separation) once the likelihood is flat.
    """
    which = np.flatnonzero(np.ones(len(start), dtype=bool) if free is None else free)
    at, point = np.array(start, dtype=np.float64), likelihood(start)
    for iteration in range(1, rounds + 1):
        score = point.score[which]
        step = inverse(point.information[np.ix_(which, which)])[0] @ score
        gain = float(score @ step)
        following = _stepped(likelihood, at, which, step, point)
        if following is None:
            return Maximum(at, point, iteration, gain <= ROUNDING)
        at, point = following
        if gain <= tolerance:
            return Maximum(at, point, iteration, True)
    return Maximum(at, point, rounds, False)


def _stepped(
    likelihood: Likelihood, at: NDArray[np.float64], which: NDArray[np.int64], step: NDArray[np.float64], before: Point
) -> tuple[NDArray[np.float64], Point] | None:
    """The coefficients after the step, halved until the likelihood is no lower but for rounding; None if it always is."""
    lowest = before.value - 1e-12 * (1.0 + abs(before.value))
    for halving in range(HALVINGS):
        following = at.copy()
        following[which] += step * 0.5**halving
        point = likelihood(following)
        if np.isfinite(point.value) and point.value >= lowest:
            return following, point
    return None
