"""Max-T over features and outcomes: the largest association in each permutation of the participants.

What is permuted are the rows of the features' residuals on the covariates, one order for all features, outcomes and models.
Each participant keeps covariates, outcomes, follow-up and missing codes, so that the correlations among features, among
outcomes, and of outcomes with covariates are preserved (Westfall and Young 1993; Kennedy 1995, with the features as the
permuted side; Winkler et al. 2014, NeuroImage 92:381). The statistic of each test is that of the permuted feature given the
covariates, recomputed.

For least squares this is as permuting residuals of the outcome (Freedman and Lane 1983). For logistic and Cox regression it is
not: residuals y - mu have a variance that differs between participants, mu (1 - mu), and martingale residuals depend on the
length of follow-up, so they are not exchangeable, whereas residuals of a feature are, if its distribution around its fitted
value is the same for everyone. It is also cheap: null models do not change.

The level holds if no feature is associated with any outcome given the covariates. Participants without a feature count as
having their fitted value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ecgwas.outcomes import checks
from ecgwas.outcomes.score import Null, products
from ecgwas.progress import Track, silent
from ecgwas.statistics.least_squares import design
from ecgwas.statistics.projection import span

BLOCK = 32
"""Outcomes per product."""
SAMPLED = 16
"""Permuted features from which the share of information that remains is estimated."""
DEVIATIONS, SLACK = 6.0, 0.02
"""A test is computed exactly unless this many standard deviations, and this much more, cannot make it the largest."""
LEAST_REMAINING = 0.02


def residualised(features: NDArray[np.float64], covariates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, F) residuals of features (N, F), missing NaN, on intercept and covariates (N, C), of unit length; 0 where missing."""
    checks.complete(covariates, len(features), "covariates")
    checks.no_infinity(features, "features")
    values = np.zeros(features.shape)
    for known, columns in checks.same_missing(features):
        if known.any():
            values[np.ix_(known, columns)] = design(span(covariates[known]), features[np.ix_(known, columns)]).traits
    return values


def order(people: int, seed: int, permutation: int) -> NDArray[np.int64]:
    """(N,) the participant whose features each participant receives: the same for every outcome of a study."""
    return np.random.default_rng([seed, permutation]).permutation(people)


def maxima(
    features: NDArray[np.float64], basis: NDArray[np.float64], nulls: Iterable[Null], *,
    count: int, seed: int, track: Track[int] = silent,
) -> NDArray[np.float64]:  # fmt: skip
    """(count,) largest -log10 p of any feature with any outcome in each permutation; 0 without a test.

    features    (N, F) from `residualised`
    basis, nulls  basis (N, p) and null models in the N participants of logistic, Cox or linear outcomes, one kind per call: the
                Cox basis has no intercept. With the same seed, the maximum over calls is that of all outcomes together
    count       number of permutations; the family-wise threshold at level a is the k-th largest, k = a (count + 1), so that
                19 are the fewest for a = 0.05
    track       shows progress over permutations of each block of outcomes

    Tests are computed by products of matrices without what covariates and risk sets subtract from the information, which makes
    them too small; those that might be the largest are then computed exactly.
    """
    largest, waiting = np.zeros(count), (null for null in nulls if null.status.has_result)
    squares = np.square(features)
    while block := list(islice(waiting, BLOCK)):
        prepared = _Block.of(features, squares, basis, block, seed)
        for permutation in track(range(count), "permutations", count):
            turned = order(len(features), seed, permutation)
            largest[permutation] = prepared.largest(turned, largest[permutation])
    return largest


def adjusted(neglog10p: NDArray[np.float64], largest: NDArray[np.float64]) -> NDArray[np.float64]:
    """(...,) family-wise p-values of tests (...,), -log10 p, by the maxima (B,): (1 + number not smaller) / (B + 1); NaN for
    NaN."""
    ordered = np.sort(largest)
    larger = len(ordered) - np.searchsorted(ordered, np.nan_to_num(neglog10p, nan=-1.0), side="left")
    return np.where(np.isnan(neglog10p), np.nan, (1.0 + larger) / (len(ordered) + 1))


@dataclass(frozen=True)
class _Block:
    """Up to BLOCK null models. residuals, weights (N, B); remaining (B,): least share of f'Wf that V is expected to be."""

    features: NDArray[np.float64]
    squares: NDArray[np.float64]
    basis: NDArray[np.float64]
    nulls: Sequence[Null]
    residuals: NDArray[np.float64]
    weights: NDArray[np.float64]
    remaining: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        features: NDArray[np.float64],
        squares: NDArray[np.float64],
        basis: NDArray[np.float64],
        nulls: Sequence[Null],
        seed: int,
    ) -> _Block:
        """Estimates `remaining` from features that are permuted independently of each other."""
        rng = np.random.default_rng([seed, 0, 1])
        varying = np.flatnonzero(squares.any(axis=0))
        if len(varying):
            chosen = rng.choice(varying, SAMPLED)
            sample = rng.permuted(features[:, chosen], axis=0)
            shares = np.ones((len(nulls), SAMPLED))
            for k, (_, square, cross) in enumerate(products(sample, nulls, basis)):
                np.divide(nulls[k].information(sample, square, cross), square, out=shares[k], where=square > 0)
            share = shares.mean(axis=1) - DEVIATIONS * shares.std(axis=1) - SLACK
        else:
            share = np.ones(len(nulls))
        residuals = np.stack([null.residuals for null in nulls], axis=1)
        weights = np.stack([null.weights for null in nulls], axis=1)
        return cls(features, squares, basis, nulls, residuals, weights, np.clip(share, LEAST_REMAINING, 1.0))

    def largest(self, turned: NDArray[np.int64], best: float) -> float:
        """The larger of `best` and the largest -log10 p if participant i has the features of participant turned[i]."""
        back = np.argsort(turned)
        score = self.features.T @ self.residuals[back]
        square = self.squares.T @ self.weights[back]
        lower = np.divide(score**2, square, out=np.zeros_like(score), where=square > 0)
        upper = lower / self.remaining
        tops = np.array([float(null.neglog10p(upper[:, k].max(initial=0.0))) for k, null in enumerate(self.nulls)])
        for k in np.argsort(-tops, kind="stable"):
            if tops[k] <= best:
                break
            best = self._of_outcome(int(k), turned, score[:, k], square[:, k], upper[:, k], best)
        return best

    def _of_outcome(
        self, k: int, turned: NDArray[np.int64], score: NDArray[np.float64], square: NDArray[np.float64],
        upper: NDArray[np.float64], best: float,
    ) -> float:  # fmt: skip
        null, done, count = self.nulls[k], 0, 1
        ordered = np.argsort(-upper, kind="stable")
        bounds = null.neglog10p(upper[ordered])
        while done < len(ordered) and bounds[done] > best:
            rows = ordered[done : done + count]
            rows = rows[bounds[done : done + count] > best]
            features = self.features[np.ix_(turned, rows)]
            cross = (features * null.weights[:, None]).T @ self.basis
            value = null.information(features, square[rows], cross)
            ratio = np.divide(score[rows] ** 2, value, out=np.zeros_like(value), where=value > 0)
            best = max(best, float(null.neglog10p(ratio.max())))
            # Usually the first is the largest; otherwise, many at a time are cheaper than each on its own.
            done, count = done + count, 2 * count
        return best
