"""Transformation of features into traits: ranks, residuals on the covariates, and both within groups of participants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.statistics.projection import residuals
from ecgwas.study import TraitOptions

BLOM = 3.0 / 8.0
MIN_PEOPLE = 20
"""A group in which fewer participants have the trait is normalised together with another group."""
TENS = 10
"""Groups are numbered by ancestry in tens and sex in ones: 12 is women of the largest ancestry group, 20 all of the second."""


def rank_normal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal quantiles of the ranks: norm.ppf((rank - 3/8) / (n + 1/4)). Ties share their mean rank.

    values (N,) float64 without missing values, in any unit. Returns (N,) float64 without unit. Blom 1958; McCaw et al. 2020,
    Biometrics 76:1262 (indirect rank-based inverse normal transformation).
    """
    ranks = stats.rankdata(values, method="average")
    quantiles: NDArray[np.float64] = stats.norm.ppf((ranks - BLOM) / (len(values) + 1 - 2 * BLOM))
    return quantiles


def transformed(
    options: TraitOptions, values: NDArray[np.float64], basis: NDArray[np.float64], strata: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The trait (n,) of a feature (n,) without missing values, by `options.transform` and `options.normalised_within`.

    basis (n, R) from `span`; strata (n,): the group within which each participant is normalised, numbered as described at TENS.

    `rank_normal`: normal quantiles of the feature, their residuals on the covariates, and normal quantiles of those residuals
    within each group. The feature is ranked first, because a few outliers would otherwise decide what the covariates explain.
    If only the residuals of the raw values were ranked, the covariates could explain a third of the result again, and the
    residuals in the scan would have heavy tails.

    `none`: the feature unchanged. With groups, its residuals on the covariates, scaled so that each group has the SD of all
    residuals together.
    """
    groups = _groups(strata) if options.normalised_within else [np.arange(len(values))]
    if options.transform == "none":
        return values if len(groups) == 1 else _scaled(residuals(values, basis), groups)
    residual = rounded(residuals(rank_normal(rounded(values)), basis))
    normal = np.empty(len(residual))
    for people in groups:
        normal[people] = rank_normal(residual[people])
    return normal


def _groups(strata: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Indices of each group's participants.

    While the smallest group is below MIN_PEOPLE, it joins the largest group of its ancestry, or of all if there is no other.
    """
    joined = strata.copy()
    while True:
        numbers, counts = np.unique(joined, return_counts=True)
        smallest = int(np.argmin(counts))
        if len(numbers) == 1 or counts[smallest] >= MIN_PEOPLE:
            return [np.flatnonzero(joined == number) for number in numbers]
        others = np.arange(len(numbers)) != smallest
        same_ancestry = others & (numbers // TENS == numbers[smallest] // TENS)
        choice = np.flatnonzero(same_ancestry if same_ancestry.any() else others)
        joined[joined == numbers[smallest]] = numbers[choice[int(np.argmax(counts[choice]))]]


def _scaled(residual: NDArray[np.float64], groups: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Residuals scaled so that each group has the SD of all residuals together."""
    scaled, overall_sd = np.empty(len(residual)), float(residual.std())
    for people in groups:
        group_sd = float(residual[people].std())
        scaled[people] = residual[people] * (overall_sd / group_sd if group_sd > 0 else 1.0)
    return scaled


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values in SD, rounded to ten decimals: equal values stay tied, and ranks do not depend on the linear algebra library."""
    result: NDArray[np.float64] = np.round(values / float(np.std(values)), 10)
    return result
