"""Scores and traits: partial R2 with its interval, and what permuted scores give.

With s and y residuals of score and trait from the covariates, in the n participants with the trait, and q the rank of intercept
and covariates:

    r = s'y / (|s| |y|)      t = r sqrt(df / (1 - r^2))      df = n - q - 1      atanh(r) +- 1.96 / sqrt(n - q - 2)

Permutations move the score's residuals among the participants, remove the covariates again, and compute r anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.progress import silent
from ecgwas.statistics.least_squares import design, neglog10p
from ecgwas.statistics.projection import span

Array = NDArray[np.float64]
Z_95 = 1.959963984540054
LEAST_FREEDOM = 3


@dataclass(frozen=True)
class ScoreTests:
    """Of S scores and K traits, (S, K) float64 each, NaN where there is no test; people (K,).

    beta, se  per SD of the score, in the unit of the traits;  r: partial correlation
    null      mean r^2 of permuted scores, p_permuted: their share with r^2 as high; NaN without permutations
    p_family  family-wise p by permutation; without permutations, Bonferroni's
    """

    people: NDArray[np.int64]
    beta: Array
    se: Array
    r: Array
    neglog10p: Array
    low: Array
    high: Array
    null: Array
    p_permuted: Array
    p_family: Array

    @property
    def r2(self) -> Array:
        """(S, K) partial R2."""
        return self.r**2


def partial_r2(
    scores: Array, traits: Array, covariates: Array, *, permutations: int, seed: int, track: Callable[..., Any] = silent
) -> ScoreTests:  # fmt: skip
    """scores (N, S) without missing values, traits (N, K) missing NaN, covariates (N, C), of the same participants.

    Invalid for related participants.
    """
    shape = scores.shape[1], traits.shape[1]
    people, exceeded = np.zeros(shape[1], dtype=np.int64), np.zeros(shape)
    beta, se, r, strength, low, high, null = np.full((7, *shape), np.nan)
    largest = np.zeros(permutations)
    for group in patterns(traits):
        chosen = np.flatnonzero(~np.isnan(traits[:, group[0]]))
        people[group] = len(chosen)
        basis = span(covariates[chosen]) if len(chosen) else np.empty((0, 1))
        if len(chosen) - basis.shape[1] - 1 < LEAST_FREEDOM:
            continue
        own, prepared = design(basis, scores[chosen]), design(basis, traits[np.ix_(chosen, group)])
        own_r = np.clip(own.traits.T @ prepared.traits, -1.0, 1.0)
        own_r[(own.norms == 0)[:, None] | (prepared.norms == 0)] = np.nan
        t = _t(own_r, own.df)
        scale = scores[chosen].std(axis=0, ddof=1)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            beta[:, group] = own_r * prepared.norms / own.norms[:, None] * scale
            se[:, group] = np.abs(beta[:, group] / t)
        r[:, group], strength[:, group] = own_r, neglog10p(t, own.df)
        low[:, group], high[:, group] = interval(own_r, len(chosen) - basis.shape[1])
        total = np.zeros_like(own_r)
        for b in track(range(permutations), "permutations", permutations):
            order = np.argsort(np.random.default_rng([seed, b]).random(len(scores))[chosen])
            permuted = np.abs(_permuted(own.traits[order], prepared.traits, basis))
            total += permuted**2
            exceeded[:, group] += permuted >= np.abs(own_r) - 1e-12
            largest_r = permuted[np.isfinite(own_r)].max(initial=0.0)
            largest[b] = max(largest[b], float(neglog10p(_t(largest_r, own.df), own.df)))
        null[:, group] = np.where(np.isfinite(own_r), total / permutations, np.nan) if permutations else np.nan
    has_test = np.isfinite(strength)
    p_permuted = np.where(has_test, (1 + exceeded) / (1 + permutations), np.nan) if permutations else np.full(shape, np.nan)
    p_family = _family(strength, largest, has_test)
    return ScoreTests(people, beta, se, r, strength, low, high, null, p_permuted, p_family)


def patterns(traits: Array) -> Iterator[NDArray[np.int64]]:
    """Indices of the traits (N, K) that the same participants have."""
    by_pattern: dict[bytes, list[int]] = {}
    for k, column in enumerate(np.isnan(traits).T):
        by_pattern.setdefault(column.tobytes(), []).append(k)
    return (np.array(members) for members in by_pattern.values())


def _t(r: Any, df: int) -> Any:
    with np.errstate(divide="ignore"):
        return r * np.sqrt(df / np.maximum(1 - np.square(r), 1e-300))


def _permuted(scores: Array, traits: Array, basis: Array) -> Array:
    """(S, K) partial correlations of unit residuals of scores (n, S) in a new order with those of the traits (n, K)."""
    left = 1 - np.square(basis.T @ scores).sum(axis=0)
    scale = np.sqrt(np.maximum(left, 1e-12))
    return np.asarray(np.clip(scores.T @ traits / scale[:, None], -1.0, 1.0))


def interval(r: Array, freedom: int | NDArray[np.int64]) -> tuple[Array, Array]:
    """95 % interval of r^2 by Fisher's transformation of |r|; an end below 0 is 0.

    freedom: participants minus the rank of intercept and covariates.
    """
    low, high = interval_of_r(np.abs(r), freedom)
    return np.square(np.maximum(low, 0.0)), np.square(high)


def interval_of_r(r: Array, freedom: int | NDArray[np.int64]) -> tuple[Array, Array]:
    """95 % interval of r by Fisher's transformation; see `interval`."""
    half = Z_95 / np.sqrt(np.maximum(np.asarray(freedom) - 2.0, 1.0))
    centre = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))
    return np.tanh(centre - half), np.tanh(centre + half)


def _family(strength: Array, largest: Array, has_test: NDArray[np.bool_]) -> Array:
    """(S, K) family-wise p."""
    if len(largest) == 0:
        return np.where(has_test, np.minimum(1.0, 10.0**-strength * max(1, int(has_test.sum()))), np.nan)
    ordered = np.sort(largest)
    larger = len(ordered) - np.searchsorted(ordered, np.nan_to_num(strength, nan=-1.0) - 1e-9, side="left")
    return np.where(has_test, (1.0 + larger) / (len(ordered) + 1), np.nan)


def within_groups(scores: Array, groups: NDArray[np.int64]) -> Array:
    """(N, S) scores of mean 0 and variance 1 in each group (N,); 0 in groups of one participant or without variance."""
    result = np.zeros_like(scores)
    for group in np.unique(groups):
        own = scores[groups == group]
        spread = own.std(axis=0, ddof=1) if len(own) > 1 else np.zeros(scores.shape[1])
        result[groups == group] = np.divide(own - own.mean(axis=0), spread, out=np.zeros_like(own), where=spread > 0)
    return result
