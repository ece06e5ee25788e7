"""Discrimination and calibration of scores for a binary outcome, and bootstrap intervals.

Scores are higher in those who are expected to be cases; any scale will do for discrimination. Risks are probabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from ecgwas.errors import InputError
from ecgwas.outcomes.logistic import likelihood
from ecgwas.outcomes.newton import Point, maximise

CONFIDENCE = 0.95
QUANTILE = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
"""Standard errors on either side of a value in its interval."""
Measure = Callable[..., float]


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """Of two AUROCs of the same participants, with standard error, 95 % interval and two-sided p-value."""

    value: float
    se: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Calibration:
    """Agreement of risks with outcomes.

    slope      of logit risk in a logistic regression; 1 is ideal, below 1 the risks are too extreme
    intercept  of a logistic regression with logit risk as offset (calibration in the large); 0 is ideal
    people     (G,) int64, participants in each group of increasing risk
    predicted  (G,) float64, their mean risk
    observed   (G,) float64, the share of cases among them
    """

    slope: float
    intercept: float
    people: NDArray[np.int64]
    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]


@dataclass(frozen=True)
class Bootstrap:
    """A measure, its percentile interval, and how many of the resamples had no value (no case, for instance)."""

    value: float
    low: float
    high: float
    resamples: int
    without_value: int


def auroc(scores: NDArray[np.float64], cases: NDArray[np.bool_]) -> Estimate:
    """Area under the ROC curve: the probability that a case has a higher score than a control, ties counting one half.

    The interval is DeLong's (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837), on the logit scale, so that it lies
    within 0 to 1; none if the area is 0 or 1 or there are fewer than two cases or controls. NaN without cases or controls.
    """
    _check(scores, cases)
    if cases.all() or not cases.any():
        return Estimate(np.nan, np.nan, np.nan)
    of_cases, of_controls = placements(scores[:, None], cases)
    value = float(of_cases.mean())
    if not 0 < value < 1 or min(len(of_cases), len(of_controls)) < 2:
        return Estimate(value, np.nan, np.nan)
    variance = float(covariance(of_cases, of_controls)[0, 0])
    half = QUANTILE * np.sqrt(variance) / (value * (1 - value))
    low, high = (float(special.expit(special.logit(value) + side * half)) for side in (-1, 1))
    return Estimate(value, low, high)


def auroc_difference(first: NDArray[np.float64], second: NDArray[np.float64], cases: NDArray[np.bool_]) -> Difference:
    """AUROC of the first score (N,) minus that of the second in the same participants, tested by DeLong's method.

    NaN with fewer than two cases or controls; p is 1 if the scores rank everyone equally.
    """
    scores = np.column_stack([first, second])
    _check(scores, cases)
    if min(cases.sum(), (~cases).sum()) < 2:
        return Difference(*([np.nan] * 5))
    of_cases, of_controls = placements(scores, cases)
    value = float(of_cases[:, 0].mean() - of_cases[:, 1].mean())
    contrast = np.array([1.0, -1.0])
    return difference(value, float(contrast @ covariance(of_cases, of_controls) @ contrast))


def difference(value: float, variance: float) -> Difference:
    """A difference of areas and its variance, with the interval and test of the normal distribution."""
    se = float(np.sqrt(max(variance, 0.0)))
    if se <= 1e-12:
        return Difference(value, se, value, value, 1.0 if abs(value) <= 1e-12 else 0.0)
    half = QUANTILE * se
    return Difference(value, se, value - half, value + half, float(2 * stats.norm.sf(abs(value) / se)))


def placements(scores: NDArray[np.float64], cases: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of scores (N, K): for each case the share of controls below it (cases, K), and for each control the share of cases
    above it.

    Ties count one half. From midranks (Sun and Xu 2014, IEEE Signal Process Lett 21:1389).
    """
    m, n = int(cases.sum()), int((~cases).sum())
    whole = stats.rankdata(scores, axis=0)
    of_cases = (whole[cases] - stats.rankdata(scores[cases], axis=0)) / n
    of_controls = 1 - (whole[~cases] - stats.rankdata(scores[~cases], axis=0)) / m
    return of_cases, of_controls


def covariance(of_cases: NDArray[np.float64], of_controls: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, K) of the K areas, from what `placements` returns."""
    parts = (np.atleast_2d(np.cov(each, rowvar=False)) / len(each) for each in (of_cases, of_controls))
    return np.asarray(sum(parts))


def auprc(scores: NDArray[np.float64], cases: NDArray[np.bool_]) -> float:
    """Average precision: precision at each distinct score, from the highest on, weighted by the recall that it adds.

    A score without information has the share of cases. NaN without cases.
    """
    _check(scores, cases)
    if not cases.any():
        return float("nan")
    descending = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[descending])), len(scores) - 1)
    hits = np.cumsum(cases[descending])[last]
    return float((np.diff(hits, prepend=0) * (hits / (last + 1))).sum() / cases.sum())


def brier(risks: NDArray[np.float64], cases: NDArray[np.bool_]) -> float:
    """Mean squared difference of risk and outcome: 0 is perfect. Raises InputError unless risks are 0 to 1."""
    _check(risks, cases)
    _check_risks(risks)
    return float(np.mean((risks - cases) ** 2))


def top_prevalence(scores: NDArray[np.float64], cases: NDArray[np.bool_], share: float = 0.1) -> float:
    """Share of cases among the participants with the highest scores, a `share` of all, 0 to 1.

    If participants with the same score lie on both sides of the limit, each counts in part, as if drawn at random among them.
    """
    _check(scores, cases)
    if not 0 < share <= 1:
        raise ValueError(f"share {share} is not above 0 and at most 1")
    wanted_people = share * len(scores)
    values, group = np.unique(-scores, return_inverse=True)
    people = np.bincount(group.reshape(-1), minlength=len(values))
    before = np.concatenate([[0], np.cumsum(people)[:-1]])
    taken = np.clip((wanted_people - before) / people, 0.0, 1.0)
    return float(taken @ np.bincount(group.reshape(-1), cases, minlength=len(values)) / wanted_people)


def calibration(risks: NDArray[np.float64], cases: NDArray[np.bool_], *, groups: int = 10) -> Calibration:
    """Calibration slope and intercept, and groups of equal size by risk, deciles by default; equal risks stay together.

    Slope and intercept are NaN if all risks are equal, there are no cases or no controls, risk separates them, or a risk is 0
    or 1. Raises InputError unless risks are 0 to 1. Cox 1958, Biometrika 45:562; Van Calster et al. 2019, BMC Med 17:230.
    """
    _check(risks, cases)
    _check_risks(risks)
    number = np.minimum((stats.rankdata(risks, method="average") - 0.5) * groups // len(risks), groups - 1).astype(np.int64)
    _, group = np.unique(number, return_inverse=True)
    people = np.bincount(group)
    predicted, observed = (np.bincount(group, values) / people for values in (risks, cases))
    slope, intercept = _slope_and_intercept(risks, cases)
    return Calibration(slope, intercept, people, predicted, observed)


def _slope_and_intercept(risks: NDArray[np.float64], cases: NDArray[np.bool_]) -> tuple[float, float]:
    nan = float("nan")
    if risks.min() <= 0 or risks.max() >= 1 or cases.all() or not cases.any():
        return nan, nan
    offset, y = special.logit(risks), cases.astype(np.int8)
    ones = np.ones((len(y), 1))

    def shifted(at: NDArray[np.float64]) -> Point:
        eta = offset + at[0]
        mu = special.expit(eta)
        value = float(eta[cases].sum() - np.logaddexp(0.0, eta).sum())
        return Point(value, np.array([(y - mu).sum()]), np.array([[(mu * (1 - mu)).sum()]]))

    large = maximise(shifted, np.zeros(1))
    intercept = float(large.coefficients[0]) if large.converged else nan
    spread = offset.std()
    if spread <= 1e-12 * max(abs(offset.mean()), 1.0):
        return nan, intercept
    x = np.hstack([ones, ((offset - offset.mean()) / spread)[:, None]])
    best = maximise(lambda at: likelihood(at, x, y), np.zeros(2))
    mu = special.expit(x @ best.coefficients)
    separated = not best.converged or float(np.median(mu * (1 - mu))) < 1e-9
    return (nan if separated else float(best.coefficients[1] / spread)), intercept


def bootstrap(
    measure: Measure, columns: tuple[NDArray[np.generic], ...], *, count: int = 300, rng: np.random.Generator
) -> Bootstrap:
    """Percentile interval, 95 %, of measure(*columns), by resampling participants, the rows of all columns together.

    For a paired difference of two scores: `lambda a, b, y: auroc(a, y).value - auroc(b, y).value`. Resamples in which the
    measure is NaN are counted and not used; the interval is NaN if none remains.
    """
    people = len(columns[0])
    value = float(measure(*columns))
    values = np.empty(count)
    for resample in range(count):
        rows = rng.integers(0, people, people)
        values[resample] = measure(*(column[rows] for column in columns))
    valid = values[~np.isnan(values)]
    tails = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
    low, high = np.quantile(valid, tails) if len(valid) else (np.nan, np.nan)
    return Bootstrap(value, float(low), float(high), count, count - len(valid))


def _check(scores: NDArray[np.float64], cases: NDArray[np.bool_]) -> None:
    if len(scores) != len(cases) or cases.dtype != np.bool_:
        raise ValueError(f"{len(scores)} scores and {len(cases)} cases of type {cases.dtype}: as many bool are needed")
    if len(scores) == 0:
        raise InputError("a measure of no participants", fix="check the selection of participants")
    if not np.isfinite(scores).all():
        problem = f"{int((~np.isfinite(scores)).sum())} scores are missing or infinite"
        raise InputError(problem, fix="exclude these participants from all scores that are compared")


def _check_risks(risks: NDArray[np.float64]) -> None:
    if risks.min() < 0 or risks.max() > 1:
        problem = f"risks range from {risks.min():g} to {risks.max():g}, not within 0 to 1"
        raise InputError(problem, fix="give probabilities, such as fitted values of a logistic regression")
