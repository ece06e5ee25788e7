"""From a feature to a trait: ranks, residuals on the covariates, and both within groups of people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.statistics.projection import residuals
from ecgwas.study import TraitOptions

BLOM = 3.0 / 8.0
MIN_PEOPLE = 20
"""A group with fewer people who have the trait is normalised together with another one."""
TENS = 10
"""Groups are numbered by ancestry in tens and sex in ones: 12 are women of the largest ancestry, 20 all of the second."""


def rank_normal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal quantiles of the ranks: norm.ppf((rank - 3/8) / (n + 1/4)), ties share their mean rank.

    values (N,) float64 without missing values, in any unit; gives (N,) float64 without unit.
    Blom 1958; McCaw et al. 2020, Biometrics 76:1262 (indirect rank-based inverse normal transformation).
    """
    ranks = stats.rankdata(values, method="average")
    quantiles: NDArray[np.float64] = stats.norm.ppf((ranks - BLOM) / (len(values) + 1 - 2 * BLOM))
    return quantiles


def transformed(
    options: TraitOptions, values: NDArray[np.float64], basis: NDArray[np.float64], strata: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The trait (n,) of a feature (n,) without missing values, as `options.transform` and `normalise_within` say.

    basis (n, R) from `span`; strata (n,): the group within which each person is normalised, numbered as TENS says.
    `rank_normal`: normal quantiles, residuals of these on the covariates, normal quantiles of those, within each group. Ranked
    first, because a few outliers would decide what the covariates explain: of the raw values' residuals, ranked, the
    covariates can explain a third again, and what remains in the scan then has heavy tails.
    `none`: the feature as it is; with groups, its residuals on the covariates, those of each group with the same SD, that of
    all residuals together.
    """
    parts = _groups(strata) if options.normalise_within else [np.arange(len(values))]
    if options.transform == "none":
        return values if len(parts) == 1 else _scaled(residuals(values, basis), parts)
    rest = rounded(residuals(rank_normal(rounded(values)), basis))
    normal = np.empty(len(rest))
    for people in parts:
        normal[people] = rank_normal(rest[people])
    return normal


def _groups(strata: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Places of the people of each group; the smallest group below MIN_PEOPLE joins the largest of its ancestry, or of all."""
    joined = strata.copy()
    while True:
        numbers, counts = np.unique(joined, return_counts=True)
        smallest = int(np.argmin(counts))
        if len(numbers) == 1 or counts[smallest] >= MIN_PEOPLE:
            return [np.flatnonzero(joined == number) for number in numbers]
        others = np.arange(len(numbers)) != smallest
        kin = others & (numbers // TENS == numbers[smallest] // TENS)
        choice = np.flatnonzero(kin if kin.any() else others)
        joined[joined == numbers[smallest]] = numbers[choice[int(np.argmax(counts[choice]))]]


def _scaled(rest: NDArray[np.float64], parts: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    scaled, spread = np.empty(len(rest)), float(rest.std())
    for people in parts:
        own = float(rest[people].std())
        scaled[people] = rest[people] * (spread / own if own > 0 else 1.0)
    return scaled


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ten digits: equal values stay tied, and the ranks are the same whatever linear algebra library computed them."""
    result: NDArray[np.float64] = np.round(values / float(np.std(values)), 10)
    return result
