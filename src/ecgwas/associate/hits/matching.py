"""How often a person's ECG can be matched to the person's genome, and back: what the study's findings would give away.

From genotypes the ECG's features are predicted (effects estimated in other people); a pair of an ECG and a genome is scored by
how much likelier the features are under this genome's prediction than under that of anybody. Verification asks of one pair
whether it is one person; identification ranks all genomes for an ECG, or all ECGs for a genome. The measures are those of
face-to-DNA matching: Sero et al. 2019, Nature Communications 10:2557.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special, stats

from ecgwas.tables import Matching

FOLDS = 10
SHUFFLES = 200
TOP = 0.05
"""Share of the candidates that a short list holds."""

PAIR, GENOME_OF_ECG, ECG_OF_GENOME = "one ECG with one genome", "genome of an ECG", "ECG of a genome"

ERROR = "equal error rate"

MOST_PEOPLE = 1000
"""Of a larger study so many people, drawn by chance, are matched: pairs grow with their square."""


def matching(
    features: NDArray[np.float64],
    predictors: Mapping[str, NDArray[np.float64]],
    *,
    seed: int,
    chosen_here: Collection[str] = (),
) -> Matching:
    """Verification and identification rates of each set of predictors, beside chance.

    features    (N, K) float64, standard normal each, missing NaN: what an ECG holds
    predictors  name -> (N, P) float64, missing NaN: what a genome holds
    chosen_here names of predictors that were chosen because they go with these features in these participants, as loci are
    Chance is exact where it can be said (half the pairs, one of N), its upper end the 97.5th centile of SHUFFLES random
    matches. Predictors that were chosen here pass that limit without any effect (twenty variants of 4,000 without one had an
    area of 0.62 beside a limit of 0.53), since effects alone are cross-validated: they have none, and their rates are an upper
    bound. Invalid for fewer than 2 * FOLDS people: no rows.
    """
    if len(features) < 2 * FOLDS:
        return Matching.empty()
    drawn = np.sort(np.random.default_rng([seed, 0]).permutation(len(features))[:MOST_PEOPLE])
    rows: list[dict[str, Any]] = []
    for name, matrix in predictors.items():
        scores = pair_scores(_filled(features[drawn]), _filled(matrix[drawn]), np.random.default_rng([seed, 1]))
        own = _rates(name, scores, np.random.default_rng([seed, 2]))
        rows += [row | {"chance_limit": None} for row in own] if name in chosen_here else own
    return Matching.of(rows)


def beyond_chance(row: Mapping[str, Any]) -> bool | None:
    """True where a rate (a row of Matching or Membership) is beyond what chance gives in one of 40 cases; None: no limit."""
    if row["chance_limit"] is None:
        return None
    error = row["measure"] == ERROR
    return bool(row["rate"] < row["chance_limit"] if error else row["rate"] > row["chance_limit"])


def pair_scores(
    features: NDArray[np.float64], predictors: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(N, N) float64: log-likelihood ratio of ECG i under genome j, by effects estimated without person i."""
    people = len(features)
    design = np.hstack([np.ones((people, 1)), predictors])
    fold = rng.permutation(people) % FOLDS
    scores = np.empty((people, people))
    for k in range(FOLDS):
        inside, held = fold != k, fold == k
        effects = np.linalg.lstsq(design[inside], features[inside], rcond=None)[0]
        residual = features[inside] - design[inside] @ effects
        predicted = design @ effects  # (N, K)
        weighed = linalg.solve(shrunk_covariance(residual), predicted.T, assume_a="pos")  # (K, N)
        scores[held] = features[held] @ weighed - (predicted.T * weighed).sum(axis=0) / 2
    ratio: NDArray[np.float64] = scores - special.logsumexp(scores, axis=1, keepdims=True) + np.log(people)
    return np.round(ratio, 9)  # equal genomes score equally, whatever the last bit


def shrunk_covariance(residual: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, K) covariance of (N, K) residuals of mean zero, shrunk to a multiple of one: Ledoit and Wolf 2004."""
    people, count = residual.shape
    sample = residual.T @ residual / people
    target = np.trace(sample) / count * np.eye(count)
    distance = ((sample - target) ** 2).sum()
    squares = residual**2
    noise = ((squares.T @ squares / people - sample**2).sum()) / people
    weight = 1.0 if distance == 0 else float(np.clip(noise / distance, 0.01, 1.0))
    covariance: NDArray[np.float64] = weight * target + (1 - weight) * sample
    return covariance


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Missing values as the mean of the others; a column without any is nought."""
    known = np.isfinite(values)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, values, mean)


def _rates(name: str, scores: NDArray[np.float64], rng: np.random.Generator) -> list[dict[str, Any]]:
    people = len(scores)
    own = np.arange(people)
    orders = [rng.permutation(people) for _ in range(SHUFFLES)]
    ranks, ascending = stats.rankdata(scores.ravel()).reshape(scores.shape), np.sort(scores.ravel())
    areas = [area(ranks, order) for order in orders]
    errors = [equal_error(scores[own, order], ascending) for order in orders]
    found = [
        ("area under the ROC curve", PAIR, area(ranks, own), 0.5, np.quantile(areas, 0.975)),
        (ERROR, PAIR, equal_error(scores[own, own], ascending), 0.5, np.quantile(errors, 0.025)),
    ]
    for direction, square in ((GENOME_OF_ECG, scores), (ECG_OF_GENOME, scores.T)):
        for measure, places in (("first of all", 1), (f"among the first {TOP:.0%}", max(1, round(TOP * people)))):
            share = within(square, places)
            shuffled = [share[own, order].mean() for order in orders]
            found.append((measure, direction, share[own, own].mean(), places / people, np.quantile(shuffled, 0.975)))
    return [
        {"predictors": name, "matched": what, "people": people, "measure": measure, "rate": float(rate), "chance": chance,
         "chance_limit": float(limit)}
        for measure, what, rate, chance, limit in found
    ]  # fmt: skip


def within(scores: NDArray[np.float64], places: int) -> NDArray[np.float64]:
    """(N, N) chance that candidate j is among the first `places` for probe i: candidates of equal score in random order."""
    last = np.apply_along_axis(stats.rankdata, 1, scores, "max")
    tied = last - np.apply_along_axis(stats.rankdata, 1, scores, "min") + 1
    share: NDArray[np.float64] = np.clip((places - (scores.shape[1] - last)) / tied, 0, 1)
    return share


def area(ranks: NDArray[np.float64], match: NDArray[np.int64]) -> float:
    """Area under the ROC curve of the pairs (i, match[i]) against all others; ranks (N, N) of all pairs' scores."""
    people = len(ranks)
    true = ranks[np.arange(people), match].sum()
    return float((true - people * (people + 1) / 2) / (people * (people * people - people)))


def equal_error(true: NDArray[np.float64], ascending: NDArray[np.float64]) -> float:
    """The rate at which true pairs are refused as often as others are taken; ties are broken evenly.

    true (N,) scores of true pairs; ascending (M,) sorted scores of all pairs: the true ones among them weigh 1 in N.
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
    """Share of the values below each limit, those on it counted half."""
    below, at_most = (np.searchsorted(ascending, limits, side) for side in ("left", "right"))
    share: NDArray[np.float64] = (below + at_most) / 2 / len(ascending)
    return share
