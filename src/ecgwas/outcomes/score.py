"""Score tests of all features with all outcomes.

The null model of an outcome has the covariates C alone. With r the derivative of its log likelihood with respect to the linear
predictor of each participant, and w the weights of its information, the efficient score of a feature f is (Rao 1948;
Cox and Hinkley 1974, section 9.3)

    U = f'r        V = f'Wf - m'm - b'J b        b = C'Wf - c'm        z = U / sqrt(V)

where J is the inverse of the covariates' information C'WC - c'c. For logistic regression r = y - mu, w = mu (1 - mu), and m
and c are absent. For Cox regression r are martingale residuals, w the expected numbers of events, and m and c the means of
the feature and of the covariates in the risk set of each event (risk_sets.py). All sums over participants are products of
matrices, of all features with a block of outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ecgwas.outcomes.checks import Status, neglog10p
from ecgwas.statistics import least_squares
from ecgwas.statistics.least_squares import Design

ROWS = 2048
"""Participants per product."""
BLOCK = 16
"""Outcomes per product."""
COLUMNS = 64
"""Features whose means in the risk sets are computed together."""
LEAST_SHARE = 1e-9
"""Share of f'Wf that V must exceed: below, the feature does not vary."""

Means = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From features (N, F) to their means (m, F) in the risk set of each of m events."""


@dataclass(frozen=True)
class Null:
    """The null model of one outcome in N participants.

    residuals       (N,) float64, r; 0 for participants who are not in the analysis
    weights         (N,) float64, w; likewise
    inverse         (p, p) float64, J
    covariate_means (m, p) float64, c; no rows for logistic regression
    means           gives m of features; None for logistic regression
    cases, people   numbers of cases or events, and of participants in the analysis
    iterations      steps until the likelihood was maximal
    status          numbers are valid if it `has_result`
    df              of least squares, whose U^2 / V is a squared correlation; None: U^2 / V is chi-square
    """

    residuals: NDArray[np.float64]
    weights: NDArray[np.float64]
    inverse: NDArray[np.float64]
    covariate_means: NDArray[np.float64]
    means: Means | None
    cases: int
    people: int
    iterations: int
    status: Status
    df: int | None = None

    @classmethod
    def without_result(cls, shape: tuple[int, int], cases: int, people: int, status: Status, iterations: int = 0) -> Null:
        """Of an outcome that cannot be tested, in N participants with p covariates."""
        n, p = shape
        zeros = np.zeros(n)
        return cls(zeros, zeros, np.zeros((p, p)), np.zeros((0, p)), None, cases, people, iterations, status)

    def information(
        self, features: NDArray[np.float64], square: NDArray[np.float64], cross: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(F,) V of features (N, F), given square (F,) = f'Wf and cross (F, p) = f'WC. Zero where the feature does not vary."""
        value = square.copy()
        if self.means is not None:
            cross = cross.copy()
            for start in range(0, features.shape[1], COLUMNS):
                part = slice(start, start + COLUMNS)
                means = self.means(features[:, part])
                value[part] -= np.einsum("mf,mf->f", means, means)
                cross[part] -= means.T @ self.covariate_means
        value -= np.einsum("fp,fp->f", cross @ self.inverse, cross)
        value[value <= LEAST_SHARE * square] = 0.0
        return value

    def neglog10p(self, ratio: NDArray[np.float64]) -> NDArray[np.float64]:
        """(...,) -log10 of the two-sided p-value of ratio (...,) = U^2 / V."""
        if self.df is None:
            return neglog10p(np.sqrt(ratio))
        r2 = np.minimum(ratio, 1.0)
        with np.errstate(divide="ignore"):
            return least_squares.neglog10p(np.sqrt(r2 * self.df / (1 - r2)), float(self.df))


@dataclass(frozen=True)
class Scores:
    """Score tests of F features with D outcomes.

    score        (F, D) float64, U, per unit of the feature; NaN where status has no result
    information  (F, D) float64, V; likewise
    status       (F, D) int8, of `Status`
    cases        (F, D) int64, cases or events in the analysis
    people       (F, D) int64, participants in the analysis
    iterations   (F, D) int64, of the null model
    """

    score: NDArray[np.float64]
    information: NDArray[np.float64]
    status: NDArray[np.int8]
    cases: NDArray[np.int64]
    people: NDArray[np.int64]
    iterations: NDArray[np.int64]

    @property
    def z(self) -> NDArray[np.float64]:
        """(F, D) standard normal under the null hypothesis in large samples; NaN without a result."""
        return np.asarray(self.score / np.sqrt(self.information))

    @property
    def neglog10p(self) -> NDArray[np.float64]:
        """(F, D) -log10 of the two-sided p-value."""
        return neglog10p(self.z)

    @property
    def one_step(self) -> NDArray[np.float64]:
        """(F, D) U / V: the first step of Newton's method towards the log odds ratio or log hazard ratio per unit.

        Close to the maximum likelihood estimate for weak effects, too small in size for strong ones.
        """
        return np.asarray(self.score / self.information)

    @classmethod
    def empty(cls, features: int, outcomes: int) -> Scores:
        """To be filled in."""
        shape = (features, outcomes)
        whole = [np.zeros(shape, dtype=np.int64) for _ in range(3)]
        return cls(np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=np.int8), *whole)


def fill(
    scores: Scores, columns: NDArray[np.int64], prepared: Design, basis: NDArray[np.float64], nulls: Iterable[Null]
) -> None:
    """Tests the features in `columns` of `scores` with every outcome, in blocks of null models.

    prepared: the features, residualised on the covariates, of unit length; basis (N, p): orthonormal, of the null models;
    nulls: one per outcome in order, computed when they are needed.
    """
    first, waiting = 0, iter(nulls)
    while block := list(islice(waiting, BLOCK)):
        tested = products(prepared.traits, block, basis)
        for k, (null, (score, square, cross)) in enumerate(zip(block, tested, strict=True)):
            value = null.information(prepared.traits, square, cross)
            _store(scores, (columns, first + k), null, score, value, prepared.norms)
        first += len(block)


def _store(
    scores: Scores, where: tuple[NDArray[np.int64], int], null: Null, score: NDArray[np.float64],
    value: NDArray[np.float64], norms: NDArray[np.float64],
) -> None:  # fmt: skip
    varies = value > 0
    status = np.full(len(score), int(null.status), dtype=np.int8)
    if null.status.has_result:
        status[~varies] = Status.CONSTANT
        valid = varies
    else:
        valid = np.zeros(len(score), dtype=bool)
    scores.score[where] = np.where(valid, score * norms, np.nan)
    scores.information[where] = np.where(valid, value * norms**2, np.nan)
    scores.status[where] = status
    scores.cases[where], scores.people[where], scores.iterations[where] = null.cases, null.people, null.iterations


def products(
    features: NDArray[np.float64], nulls: Sequence[Null], basis: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
    """Of each null model f'r (F,), f'Wf (F,) and f'WC (F, p) with features (N, F) and basis (N, p)."""
    outcomes, p = len(nulls), basis.shape[1]
    residuals = np.stack([null.residuals for null in nulls], axis=1)
    weights = np.stack([null.weights for null in nulls], axis=1)
    score, square = np.zeros((2, features.shape[1], outcomes))
    cross = np.zeros((features.shape[1], outcomes * p))
    for start in range(0, len(features), ROWS):
        rows = slice(start, start + ROWS)
        part, weight = features[rows], weights[rows]
        score += part.T @ residuals[rows]
        square += np.square(part).T @ weight
        cross += part.T @ (weight[:, :, None] * basis[rows, None, :]).reshape(len(part), outcomes * p)
    for k in range(outcomes):
        yield score[:, k], square[:, k], cross[:, k * p : (k + 1) * p]
