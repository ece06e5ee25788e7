"""Simulated participants with covariates, features and outcomes of every kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special


@dataclass(frozen=True)
class Cohort:
    """features (N, F), covariates (N, C), diseases (N, D) with missing codes, times of one survival outcome, strata."""

    features: NDArray[np.float64]
    covariates: NDArray[np.float64]
    diseases: NDArray[np.int8]
    entry: NDArray[np.float64]
    exit: NDArray[np.float64]
    event: NDArray[np.int8]
    strata: NDArray[np.int64]


def drawn(
    people: int = 300, features: int = 4, outcomes: int = 3, *, seed: int = 1, effect: float = 0.5, decimals: int = 1
) -> Cohort:
    """decimals: times are rounded to, so that there are ties. The first feature raises the risk of every outcome."""
    rng = np.random.default_rng(seed)
    covariates = np.column_stack([rng.normal(60, 8, people), rng.integers(0, 2, people)]).astype(float)
    age = (covariates[:, 0] - 60) / 8
    values = rng.standard_normal((people, features)) * np.arange(1, features + 1) + 100 + 0.5 * age[:, None]
    liability = effect * (values[:, 0] - 100)[:, None] + 0.6 * age[:, None] - rng.uniform(0.5, 1.5, outcomes)
    diseases = (rng.random((people, outcomes)) < special.expit(liability)).astype(np.int8)
    diseases[rng.random((people, outcomes)) < 0.1] = -1
    hazard = 0.08 * np.exp(effect * (values[:, 0] - 100) + 0.4 * age)
    time = rng.exponential(1 / hazard)
    censored = rng.uniform(2, 15, people)
    entry = np.round(rng.uniform(0, 6, people), decimals)
    exit_ = np.round(entry + np.minimum(time, censored), decimals)
    exit_ = np.maximum(exit_, entry + 10.0**-decimals).round(decimals)
    event = (time <= censored).astype(np.int8)
    return Cohort(values, covariates, diseases, entry, exit_, event, rng.integers(0, 3, people))


def with_ones(covariates: NDArray[np.float64]) -> NDArray[np.float64]:
    """With an intercept."""
    return np.column_stack([np.ones(len(covariates)), covariates])
