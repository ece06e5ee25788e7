"""How often a participant's ECG can be matched to their genome, and the reverse: what the study's findings would reveal.

Genotypes predict the features of an ECG. The score of an ECG and a genome is the likelihood ratio of the features: under this
genome's prediction against the predictions of all genomes. Verification decides whether one pair belongs to one participant.
Identification ranks all genomes for an ECG, or all ECGs for a genome. The measures are those of face-to-DNA matching: Sero et
al. 2019, Nature Communications 10:2557.

Predictors are chosen, and their effects estimated, without the participants of the fold that they judge. In 400 participants
without any effect, the best 20 of 4,000 variants, chosen in the same participants, had an area of 0.62; the limit of random
matches was 0.53.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special, stats

from ecgwas.tables.loci import Matching

FOLDS = 10
"""At most a tenth of the participants are in one fold."""
PERMUTATIONS = 200
SHORT_LIST_SHARE = 0.05
"""Share of the candidates in a short list."""

PAIR, GENOME_OF_ECG, ECG_OF_GENOME = "one ECG with one genome", "genome of an ECG", "ECG of a genome"

ERROR = "equal error rate"

MAX_PEOPLE = 1000
"""Of a larger study, this many participants are drawn at random and matched. The number of pairs grows with the square."""

MIN_PEOPLE = 5 * FOLDS
"""Smaller folds have no random matches to compare with."""


@dataclass(frozen=True)
class Fold:
    """Some of N participants, with the features and predictors that were chosen in all others to judge them.

    people      (n,) int64 ascending, indices of the fold's participants among the N
    features    (F,) int64, columns of the features that are compared
    predictors  name -> (N, P) float64, missing NaN, predictors of every genome; P may be 0, which predicts nothing
    """

    people: NDArray[np.int64]
    features: NDArray[np.int64]
    predictors: Mapping[str, NDArray[np.float64]]


def assign_folds(people: int, *, seed: int) -> tuple[NDArray[np.int64], ...]:
    """Indices of the participants judged, fold by fold: MAX_PEOPLE or all of them, in as few folds as FOLDS allows.

    1,000 participants are assigned to ten folds. Of 10,000 or more, a thousand form one fold, and all others choose once.
    There are no folds for fewer than MIN_PEOPLE.
    """
    if people < MIN_PEOPLE:
        return ()
    drawn = np.random.default_rng([seed, 0]).permutation(people)[:MAX_PEOPLE]
    return tuple(np.sort(part) for part in np.array_split(drawn, count_of_folds(people)))


def count_of_folds(people: int) -> int:
    """Number of folds for MIN_PEOPLE or more participants."""
    return -(-FOLDS * min(people, MAX_PEOPLE) // people)


def matching(features: NDArray[np.float64], folds: Sequence[Fold], *, seed: int) -> Matching:
    """Verification and identification rates of each set of predictors, with the rates expected by chance.

    features  (N, K) float64, each standard normal, missing NaN
    folds     who is judged, as from `assign_folds`, and by which predictors; the names are the same in each. No folds: no rows.
    The rate expected by chance is exact: 0.5, or places / participants judged. Its limit is the value that random matches
    within the folds exceed in one of 40 cases, with its distance from their mean multiplied by `null_sd_inflation`. Invalid
    for related participants in different folds.
    """
    rows: list[dict[str, Any]] = []
    filled = _mean_imputed(features)
    for name in folds[0].predictors if folds else ():
        scores, fold_index = pair_scores(filled, folds, name)
        rows += _rates(name, scores, fold_index, null_sd_inflation(len(folds), len(scores), len(features)), seed)
    return Matching.of(rows)


def beyond_chance(row: Mapping[str, Any]) -> bool | None:
    """True if a rate (a row of Matching or Membership) is beyond the limit that chance passes in one of 40 cases; None: no
    limit."""
    if row["chance_limit"] is None:
        return None
    error = row["measure"] == ERROR
    return bool(row["rate"] < row["chance_limit"] if error else row["rate"] > row["chance_limit"])


def null_sd_inflation(folds: int, judged: int, people: int) -> float:
    """Upper bound, without any effect, of the SD of rates over all folds, relative to that of independent folds.

    Folds are not independent, because each fold helps to choose the predictors that judge the others. Let s be a fold's share
    of the participants who choose for another fold, and C(r) the correlation of what is chosen in two sets of participants
    whose statistics correlate with r. By Mehler's formula, the rates of two folds correlate with s C'(1 - s). Effects that are
    estimated but not chosen have C' = 1, so ten folds inflate the SD by the square root of 2. A choice by a threshold a of a
    normal statistic has, far from 0, C' = 2 b phi(b) / (1 - r^2), b = a sqrt((1 - r) / (1 + r)). This is largest at b = 1,
    where the SD is inflated by 1.82.
    """
    fold_size = judged / folds
    share = fold_size / (people - fold_size)
    steepest = max(1.0, 2 * float(stats.norm.pdf(1)) / (share * (2 - share)))
    return float(np.sqrt(1 + (folds - 1) * share * steepest))


def pair_scores(
    features: NDArray[np.float64], folds: Sequence[Fold], name: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(J, J) float64, log-likelihood ratio of ECG i under genome j for the J participants judged, and the fold of each (J,).

    Effects are estimated in all participants outside the fold of i. features (N, K) without missing values.
    """
    judged = np.concatenate([fold.people for fold in folds])
    fold_index = np.repeat(np.arange(len(folds)), [len(fold.people) for fold in folds])
    scores = np.empty((len(judged), len(judged)))
    for k, fold in enumerate(folds):
        outside = np.ones(len(features), dtype=bool)
        outside[fold.people] = False
        own = features[:, fold.features]
        design = np.hstack([np.ones((len(features), 1)), _mean_imputed(fold.predictors[name])])
        effects = np.linalg.lstsq(design[outside], own[outside], rcond=None)[0]
        residual = own[outside] - design[outside] @ effects
        predicted = design[judged] @ effects  # (J, F)
        weighted = linalg.solve(shrunk_covariance(residual), predicted.T, assume_a="pos")  # (F, J)
        scores[fold_index == k] = own[fold.people] @ weighted - (predicted.T * weighted).sum(axis=0) / 2
    ratio: NDArray[np.float64] = scores - special.logsumexp(scores, axis=1, keepdims=True) + np.log(len(judged))
    return np.round(ratio, 9), fold_index  # so that equal genomes score equally in spite of rounding


def shrunk_covariance(residual: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, K) covariance of (N, K) residuals of mean zero, shrunk towards a multiple of the identity: Ledoit and Wolf 2004."""
    people, count = residual.shape
    sample = residual.T @ residual / people
    target = np.trace(sample) / count * np.eye(count)
    distance = ((sample - target) ** 2).sum()
    squares = residual**2
    noise = ((squares.T @ squares / people - sample**2).sum()) / people
    weight = 1.0 if distance == 0 else float(np.clip(noise / distance, 0.01, 1.0))
    covariance: NDArray[np.float64] = weight * target + (1 - weight) * sample
    return covariance


def _mean_imputed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replaces missing values by the mean of the others; a column without any value becomes 0."""
    known = np.isfinite(values)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, values, mean)


def _rates(
    name: str, scores: NDArray[np.float64], fold_index: NDArray[np.int64], sd_inflation: float, seed: int
) -> list[dict[str, Any]]:  # fmt: skip
    people = len(scores)
    own, rng = np.arange(people), np.random.default_rng([seed, 2])
    orders = [_random_match(fold_index, rng) for _ in range(PERMUTATIONS)]
    ranks, ascending = stats.rankdata(scores.ravel()).reshape(scores.shape), np.sort(scores.ravel())
    areas = [roc_area(ranks, order) for order in orders]
    errors = [equal_error_rate(scores[own, order], ascending) for order in orders]
    measures = [
        ("area under the ROC curve", PAIR, roc_area(ranks, own), 0.5, _limit(areas, 0.975, sd_inflation)),
        (ERROR, PAIR, equal_error_rate(scores[own, own], ascending), 0.5, _limit(errors, 0.025, sd_inflation)),
    ]
    for direction, square in ((GENOME_OF_ECG, scores), (ECG_OF_GENOME, scores.T)):
        for measure, places in (
            ("first of all", 1),
            (f"among the first {SHORT_LIST_SHARE:.0%}", max(1, round(SHORT_LIST_SHARE * people))),
        ):
            share = in_short_list(square, places)
            shuffled = [float(share[own, order].mean()) for order in orders]
            measures.append(
                (measure, direction, share[own, own].mean(), places / people, _limit(shuffled, 0.975, sd_inflation))
            )
    return [
        {"predictors": name, "matched": what, "people": people, "measure": measure, "rate": float(rate), "chance": chance,
         "chance_limit": limit}
        for measure, what, rate, chance, limit in measures
    ]  # fmt: skip


def _random_match(fold_index: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """(J,) another participant of the same fold for each of the J participants; fold_index (J,): their folds.

    The match is of the same fold, because participants outside it have helped to choose the predictors that judge it.
    """
    partners = np.empty(len(fold_index), dtype=np.int64)
    for k in np.unique(fold_index):
        members = rng.permutation(np.flatnonzero(fold_index == k))
        partners[members] = np.roll(members, 1)
    return partners


def _limit(shuffled: Sequence[float], at: float, sd_inflation: float) -> float:
    """Quantile `at` of rates, with its distance from their mean multiplied by `sd_inflation`."""
    mean_rate = float(np.mean(shuffled))
    return float(np.clip(mean_rate + sd_inflation * (np.quantile(shuffled, at) - mean_rate), 0.0, 1.0))


def in_short_list(scores: NDArray[np.float64], places: int) -> NDArray[np.float64]:
    """(N, N) chance that candidate j is among the first `places` for probe i; candidates of equal score in random order."""
    last = stats.rankdata(scores, "max", axis=1)
    tied = last - stats.rankdata(scores, "min", axis=1) + 1
    share: NDArray[np.float64] = np.clip((places - (scores.shape[1] - last)) / tied, 0, 1)
    return share


def roc_area(ranks: NDArray[np.float64], match: NDArray[np.int64]) -> float:
    """Area under the ROC curve of the pairs (i, match[i]) against all others; ranks (N, N) of all pairs' scores."""
    people = len(ranks)
    true = ranks[np.arange(people), match].sum()
    return float((true - people * (people + 1) / 2) / (people * (people * people - people)))


def equal_error_rate(true: NDArray[np.float64], ascending: NDArray[np.float64]) -> float:
    """The rate at which true pairs are rejected as often as others are accepted; ties count half.

    true (N,) scores of true pairs; ascending (M,) sorted scores of all pairs, of which 1 in N is a true pair.
    """
    limits = np.unique(true)
    refused, below = (_share_below(values, limits) for values in (np.sort(true), ascending))
    refused = np.concatenate([[0.0], refused, [1.0]])
    taken = np.concatenate([[1.0], 1 - below, [0.0]])
    place = int(np.argmax(refused >= taken))
    before, after = refused[place - 1] - taken[place - 1], refused[place] - taken[place]
    share = -before / (after - before)
    return float(refused[place - 1] + share * (refused[place] - refused[place - 1]))


def _share_below(ascending: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the values below each limit; those equal to it count half."""
    below, at_most = (np.searchsorted(ascending, limits, side) for side in ("left", "right"))
    share: NDArray[np.float64] = (below + at_most) / 2 / len(ascending)
    return share
