"""How well covariates and ECG features tell a binary target, in people on whom nothing was fitted.

Participants are divided into folds, cases and controls evenly. What is fitted (means, standard deviations, coefficients) and
what is chosen (the penalty, by cross-validation within) comes from the other folds alone. Three models are compared:

    covariates            logistic regression on the study's covariates
    ECG                   ridge logistic regression on the features
    ECG and covariates    both; only the features are penalised

A risk is compared with others of its own fold only: each fold has a model of its own, and a fold with fewer cases has a model
that expects more of them, which would make pooled risks of a useless model look worse than chance. The area under the ROC curve
is the mean over folds, weighted by their pairs of a case and a control, and its variance that of independent folds (LeDell,
Petersen and Van der Laan 2015, Electron J Stat 9:1583, with the areas' covariances by DeLong).

The permutation test asks whether the ECG adds to the covariates. Features are residualised on the covariates, the residuals are
permuted among participants, and the areas' difference is found again, always with the variance TESTED; without an effect every
permutation is as good as the observed order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ecgwas.outcomes import measures, ridge_logistic
from ecgwas.statistics.projection import residuals, span

MODELS = ("covariates", "ECG", "ECG and covariates")
VARIANCES = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Expected variances of the linear predictor, of which one is chosen; 0: the features say nothing."""
TESTED = 0.3
ROUGH = 1e-3
"""Twice the gain in log likelihood at which fits end by which a variance is chosen, and those of permutations."""
INNER = 4
"""Folds within the other folds, by which the variance is chosen."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """Risks of N participants and what follows. folds (N,); risks (N, 3), of MODELS; variances (folds, 3), as chosen.

    coefficients  (folds, P) of the features in `ECG`, per SD
    areas, lows, highs  (3,) area under the ROC curve with its 95 % interval
    gain          of `ECG and covariates` over `covariates`
    p             of the permutation test; NaN without permutations
    """

    cases: NDArray[np.bool_]
    folds: NDArray[np.int64]
    risks: Floats
    variances: Floats
    coefficients: Floats
    areas: tuple[measures.Estimate, ...]
    gain: measures.Difference
    p: float


def predict(
    features: Floats, covariates: Floats, cases: NDArray[np.bool_], *, folds: int = 5, permutations: int = 0, seed: int = 0,
    track: Callable[..., Any] = lambda steps, *_: steps,
) -> Prediction:  # fmt: skip
    """Of features (N, P), missing NaN, and covariates (N, C), complete. Each of the `folds` needs two cases and two
    controls."""
    rng = np.random.default_rng(seed)
    number, rest = folds_of(cases, folds, rng), _residual(features, covariates)
    risks, coefficients = np.empty((len(cases), len(MODELS))), np.empty((folds, features.shape[1]))
    variances = np.zeros((folds, len(MODELS)))
    for fold in range(folds):
        train, test = number != fold, number == fold
        for k, (unpenalised, penalised) in enumerate(_designs(features, rest, covariates, train)):
            variance = _chosen(unpenalised[train], penalised[train], cases[train], rng) if penalised.shape[1] else 0.0
            fitted = ridge_logistic.fit(unpenalised[train], penalised[train], cases[train], variance)
            risks[test, k] = special.expit(np.hstack([unpenalised[test], penalised[test]]) @ fitted)
            variances[fold, k] = variance
            if k == 1:
                coefficients[fold] = fitted[1:]
    areas, covariance = areas_of(risks, cases, number)
    estimates = tuple(_estimate(*one) for one in zip(areas, np.diag(covariance), strict=True))
    p = _permuted(rest, covariates, cases, number, permutations, rng, track) if permutations else np.nan
    return Prediction(cases, number, risks, variances, coefficients, estimates, _difference(areas, covariance), p)


def _designs(
    features: Floats, rest: Floats, covariates: Floats, train: NDArray[np.bool_]
) -> Iterator[tuple[Floats, Floats]]:  # fmt: skip
    """Of each of MODELS the columns that are not penalised and those that are; rest (N, P): residuals of the features."""
    free = _free(covariates, train)
    yield free, np.empty((len(train), 0))
    yield np.ones((len(train), 1)), standardised(features, train)
    yield free, standardised(rest, train)


def folds_of(cases: NDArray[np.bool_], folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(N,) fold of each participant, cases and controls each divided evenly."""
    number = np.empty(len(cases), dtype=np.int64)
    for members in (np.flatnonzero(cases), np.flatnonzero(~cases)):
        number[rng.permutation(members)] = np.arange(len(members)) % folds
    return number


def standardised(values: Floats, train: NDArray[np.bool_]) -> Floats:
    """(N, P) with mean 0 and SD 1 in the participants `train` (N,); missing values 0, and columns without variance there."""
    with np.errstate(invalid="ignore"):
        mean, sd = np.nanmean(values[train], axis=0), np.nanstd(values[train], axis=0)
    scaled = (values - mean) / np.where(sd > 1e-12 * np.maximum(np.abs(mean), 1e-300), sd, np.inf)
    return np.asarray(np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0))


def areas_of(scores: Floats, cases: NDArray[np.bool_], folds: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """(K,) areas under the ROC curve of scores (N, K), which are compared within folds, and their covariance (K, K).

    Folds (N,) with fewer than two cases or two controls do not count; NaN if none does.
    """
    areas, covariance, pairs = np.zeros(scores.shape[1]), np.zeros((scores.shape[1],) * 2), 0
    for fold in np.unique(folds):
        own = folds == fold
        if min(int(cases[own].sum()), int((~cases[own]).sum())) < 2:
            continue
        of_cases, of_controls = measures.placements(scores[own], cases[own])
        weight = len(of_cases) * len(of_controls)
        areas += weight * of_cases.mean(axis=0)
        covariance += weight**2 * measures.covariance(of_cases, of_controls)
        pairs += weight
    return (areas / pairs, covariance / pairs**2) if pairs else (areas * np.nan, covariance * np.nan)


def area_of(scores: Floats, cases: NDArray[np.bool_], folds: NDArray[np.int64]) -> measures.Estimate:
    """Area under the ROC curve of scores (N,), compared within folds, with its 95 % interval."""
    areas, covariance = areas_of(scores[:, None], cases, folds)
    return _estimate(float(areas[0]), float(covariance[0, 0]))


def _estimate(area: float, variance: float) -> measures.Estimate:
    """With the interval on the logit scale."""
    half = measures.QUANTILE * np.sqrt(variance) / (area * (1 - area)) if 0 < area < 1 else np.nan
    low, high = (float(special.expit(special.logit(area) + side * half)) for side in (-1, 1))
    return measures.Estimate(float(area), low, high)


def _difference(areas: Floats, covariance: Floats) -> measures.Difference:
    """Of the last area and the first."""
    contrast = np.array([-1.0, 0.0, 1.0])
    return measures.difference(float(contrast @ areas), float(contrast @ covariance @ contrast))


def _free(covariates: Floats, train: NDArray[np.bool_]) -> Floats:
    """(N, R) intercept and standardised covariates, without those that the others explain in the participants `train`."""
    scaled = standardised(covariates, train)
    kept = list[int]()
    for column in range(scaled.shape[1]):
        rest = residuals(scaled[train, column], span(scaled[train][:, kept]))
        if np.linalg.norm(rest) > 1e-6 * np.sqrt(train.sum()):
            kept.append(column)
    return np.column_stack([np.ones(len(scaled)), scaled[:, kept]])


def _residual(features: Floats, covariates: Floats) -> Floats:
    """(N, P) features less what covariates explain linearly; a missing value counts as explained."""
    basis, mean = span(covariates), np.nanmean(features, axis=0)
    return np.asarray(residuals(np.where(np.isnan(features), mean, features), basis))


def _chosen(free: Floats, penalised: Floats, cases: NDArray[np.bool_], rng: np.random.Generator) -> float:
    """The variance with the highest likelihood in folds on which nothing was fitted."""
    folds = folds_of(cases, INNER, rng)
    value = np.zeros(len(VARIANCES))
    for fold in range(INNER):
        train, test = folds != fold, folds == fold
        start = None
        for k, variance in enumerate(VARIANCES):
            start = ridge_logistic.fit(free[train], penalised[train], cases[train], variance, start, tolerance=ROUGH)
            eta = np.hstack([free[test], penalised[test]]) @ start
            value[k] += float(eta[cases[test]].sum() - np.logaddexp(0.0, eta).sum())
    return VARIANCES[int(np.argmax(value))]


def _permuted(
    rest: Floats, covariates: Floats, cases: NDArray[np.bool_], folds: NDArray[np.int64], permutations: int,
    rng: np.random.Generator, track: Callable[..., Any],
) -> float:  # fmt: skip
    """p of the difference of areas that the observed order of `rest` (N, P) gives, among that of permuted orders."""
    orders: Iterator[NDArray[np.int64]] = (
        np.arange(len(cases)) if k == 0 else rng.permutation(len(cases)) for k in range(1 + permutations)
    )
    free = [_free(covariates, folds != fold) for fold in range(int(folds.max()) + 1)]
    starts: list[Floats | None] = [None] * len(free)
    areas = []
    for order in track(orders, "permutations", 1 + permutations):
        scores = np.empty((len(cases), 1))
        for fold, unpenalised in enumerate(free):
            train, test = folds != fold, folds == fold
            x = standardised(rest[order], train)
            fitted = ridge_logistic.fit(unpenalised[train], x[train], cases[train], TESTED, starts[fold], tolerance=ROUGH)
            starts[fold] = np.concatenate([fitted[: unpenalised.shape[1]], np.zeros(x.shape[1])])
            scores[test, 0] = np.hstack([unpenalised[test], x[test]]) @ fitted
        areas.append(areas_of(scores, cases, folds)[0][0])
    return float((np.array(areas) >= areas[0]).sum() / len(areas))
