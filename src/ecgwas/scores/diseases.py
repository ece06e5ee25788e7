"""Scores of several traits combined for a disease: ridge logistic regression in nested folds (the third step of REGLE).

Yun et al. 2024, Nat Genet 56:1604, combine the scores of coordinates by a model fitted on few labelled participants. Here the
participants with labels are those of the study. Fold f is predicted by a model of the others, fitted on their scores; these
come from effects without f and without their own fold, so that neither traits nor diseases of f are in the model:

    score of g in the model for f: effects from the participants outside f and g        score of f: from those outside f

Scores from effects of everybody but g would know the traits of f. Covariates have next to no penalty; that of the scores is
the one with the smallest deviance within the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.mixed.ridge import Cohort
from ecgwas.outcomes import measures, prediction, ridge_logistic
from ecgwas.progress import silent
from ecgwas.scores import thresholding
from ecgwas.scores.own import Positions, VariantPanel

Array = NDArray[np.float64]
PENALTIES = (1e1, 1e2, 1e3, 1e4)
"""Added to the information of each score in SD; with the largest, scores hardly count among some thousand participants."""
OF_COVARIATES = 1e-2
"""Penalty of covariates, so that separated ones have finite effects."""
RESAMPLES = 300


@dataclass(frozen=True)
class Combined:
    """Of one disease and set of scores.

    auroc  of covariates and scores together, out of fold, compared within folds (outcomes/prediction.py)
    gain   over covariates alone, with its interval by paired bootstrap
    p      of the gain, by permutation of the scores among the participants of each fold
    """

    auroc: measures.Estimate
    gain: measures.Bootstrap
    p: float


def nested_scores(
    panel: VariantPanel, cohort: Cohort, positions: Positions, *, p_value: float, min_r2: float, window_bp: int,
    track: Callable[..., Any] = silent,
) -> NDArray[np.float32]:  # fmt: skip
    """(J, K, N): for each fold f, scores of its own participants from those outside f, and of each other fold g from those
    outside f and g."""
    count, (traits, people) = len(cohort.folds) - 1, cohort.traits.shape
    values = np.zeros((count, traits, people), dtype=np.float32)
    spans = [slice(start, stop) for start, stop in pairwise(cohort.folds)]
    sets = [*((fold,) for fold in range(count)), *combinations(range(count), 2)]
    for name in track(list(panel.common), "scores of diseases", len(panel.common)):
        placed = panel.placed(name)
        if len(placed.index) == 0:
            continue
        pairs = thresholding.neighbours(
            placed.variants, positions(name, placed.index), people, min_r2=min_r2, window_bp=window_bp
        )
        whole = thresholding.sums(placed.variants, cohort)
        for excluded in sets:
            observed = thresholding.observed_outside(cohort, excluded)
            limits = thresholding.t_limits((p_value,), observed, cohort.basis.shape[1])
            weights = thresholding.clumped_weights(thresholding.effects(whole, cohort, excluded), pairs, limits)[0]
            for fold, scored in [(excluded[0], excluded[-1]), (excluded[-1], excluded[0])][: len(excluded)]:
                span = spans[scored]
                values[fold, :, span] += thresholding.weighted(placed.variants, weights, span.start, span.stop)
    return values


def combined(
    scores: NDArray[np.float32], covariates: Array, cases: Array, folds: Sequence[int], *, permutations: int, seed: int
) -> Combined:  # fmt: skip
    """scores (J, K, N) of `nested_scores`, covariates (N, C), cases (N,): 1, 0, NaN: not in the analysis."""
    rng = np.random.default_rng(seed)
    has = ~np.isnan(cases)
    alone = risks(scores[:, :0], covariates, cases, folds)[has]
    together = risks(scores, covariates, cases, folds)[has]
    y, fold_of = cases[has] == 1, _fold_of(folds, len(cases))[has]
    gain = measures.bootstrap(_gain, (together, alone, y, fold_of), count=RESAMPLES, rng=rng)
    larger = 0
    for _ in range(permutations):
        order = np.concatenate([start + rng.permutation(stop - start) for start, stop in pairwise(folds)])
        permuted = risks(scores[:, :, order], covariates, cases, folds)[has]
        larger += _gain(permuted, alone, y, fold_of) >= gain.value - 1e-12
    p = (1 + larger) / (1 + permutations) if permutations else np.nan
    return Combined(prediction.area_of(together, y, fold_of), gain, p)


def alone(covariates: Array, cases: Array, folds: Sequence[int]) -> measures.Estimate:
    """AUROC of the covariates, out of fold."""
    empty = np.zeros((len(folds) - 1, 0, len(cases)), dtype=np.float32)
    has = ~np.isnan(cases)
    return prediction.area_of(risks(empty, covariates, cases, folds)[has], cases[has] == 1, _fold_of(folds, len(cases))[has])


def _gain(first: Array, second: Array, cases: NDArray[np.bool_], fold_of: NDArray[np.int64]) -> float:
    areas, _ = prediction.areas_of(np.column_stack([first, second]), cases, fold_of)
    return float(areas[0] - areas[1])


def _fold_of(folds: Sequence[int], people: int) -> NDArray[np.int64]:
    """(N,) fold of each participant."""
    return np.searchsorted(np.array(folds[1:-1]), np.arange(people), side="right")


def risks(scores: NDArray[np.float32], covariates: Array, cases: Array, folds: Sequence[int]) -> Array:
    """(N,) logit of the risk, out of fold; NaN for participants who are not in the analysis."""
    result = np.full(len(cases), np.nan)
    fold_of = _fold_of(folds, len(cases))
    has = ~np.isnan(cases)
    for fold in range(len(folds) - 1):
        training, own = np.flatnonzero(has & (fold_of != fold)), np.flatnonzero(has & (fold_of == fold))
        x, count = _design(scores[fold], covariates, training)
        y = cases[training]
        penalty = _penalty(x[training], y, fold_of[training], count) if count else PENALTIES[0]
        result[own] = x[own] @ ridge_logistic.maximum(x[training], y, _penalties(x.shape[1], count, penalty))
    return result


def _design(scores: NDArray[np.float32], covariates: Array, training: NDArray[np.int64]) -> tuple[Array, int]:
    """(N, 1 + C + K') intercept, covariates and scores in SD of the training set, and K', the scores that vary there."""
    values = np.column_stack([covariates, scores.T.astype(np.float64)])
    mean, spread = values[training].mean(axis=0), values[training].std(axis=0)
    varies = spread > 1e-12 * (1 + np.abs(mean))
    x = np.column_stack([np.ones(len(values)), (values[:, varies] - mean[varies]) / spread[varies]])
    return x, int(varies[covariates.shape[1] :].sum())


def _penalties(columns: int, scores: int, penalty: float) -> Array:
    """(P,) 0 for the intercept, OF_COVARIATES for covariates, `penalty` for the last columns."""
    each = np.full(columns, OF_COVARIATES)
    each[0] = 0.0
    each[columns - scores :] = penalty
    return each


def _penalty(x: Array, y: Array, fold_of: NDArray[np.int64], scores: int) -> float:
    """The one of PENALTIES with the smallest deviance in excluded folds of the training set."""
    deviance = np.zeros(len(PENALTIES))
    for fold in np.unique(fold_of):
        inside = fold_of != fold
        start = None
        for place, penalty in reversed(list(enumerate(PENALTIES))):
            penalties = _penalties(x.shape[1], scores, penalty)
            start = ridge_logistic.maximum(x[inside], y[inside], penalties, start)
            logit = x[~inside] @ start
            deviance[place] += float(np.sum(np.logaddexp(0, logit) - y[~inside] * logit))
    return PENALTIES[int(np.argmin(deviance))]
