"""Scores of the study's own traits, out of fold, by clumping and thresholding (thresholding.py) and by ridge (mixed/ridge.py).

Participants are in J random folds; each is scored by effects to which only the others contributed. The score is compared with
the trait within each fold, both without the covariates of that fold. Without any effect their covariance, the sum above the
line, is then 0 on average, whatever covariates the traits were adjusted for; r is a little below 0, because folds that happen
to agree also have larger scores:

    r = sum_f s_f'M_f y_f / sqrt(sum_f s_f'M_f s_f  sum_f y_f'M_f y_f)      M_f: without intercept and covariates in fold f

Everything is repeated for the traits' residuals in random orders of the participants, the same for all traits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.mixed import loco, ridge
from ecgwas.mixed.ridge import Cohort, Prediction
from ecgwas.progress import silent
from ecgwas.scan import polygenic
from ecgwas.scan.polygenic import PlacedVariants
from ecgwas.scores import association
from ecgwas.scores.thresholding import Scorer
from ecgwas.statistics.projection import residuals, span
from ecgwas.study.scores import OwnScores

THRESHOLD, RIDGE = "threshold", "ridge"
TRAITS_AT_ONCE = 256
LEAST_FREEDOM = 5
"""Participants that each fold must have beyond the rank of its covariates."""


@dataclass(frozen=True)
class OwnScore:
    """One method and limit, of K traits.

    p_value   None of ridge;  r (K,) partial correlation out of fold, NaN without a test;  null (B, K): of permuted traits
    variants  (K,) in the score, mean over folds;  values (K, N) float32 scores of the participants, in the order given
    """

    method: str
    p_value: float | None
    r: NDArray[np.float64]
    null: NDArray[np.float64]
    variants: NDArray[np.float64]
    values: NDArray[np.float32]


@dataclass(frozen=True)
class OwnResult:
    """scores, and of each trait (K,): people with it, people minus the rank of covariates in the folds, h2, expected_r2."""

    scores: tuple[OwnScore, ...]
    people: NDArray[np.int64]
    freedom: NDArray[np.int64]
    h2: NDArray[np.float64]
    expected_r2: NDArray[np.float64]


class VariantPanel(Protocol):
    """Variants of all chromosomes, as polygenic.Panel has them. common: chromosome -> number of its variants."""

    @property
    def common(self) -> Mapping[str, int]: ...

    @property
    def variants(self) -> int: ...

    @property
    def blocks(self) -> int: ...

    def placed(self, name: str) -> PlacedVariants: ...


Positions = Callable[[str, NDArray[np.int64]], NDArray[np.int64]]
"""Positions (V,) of variants of a chromosome, by their indices on it."""


def random_order(people: int, seed: int) -> NDArray[np.int64]:
    """(N,) the participant at each place, so that folds are random parts."""
    return np.random.default_rng([seed, 1]).permutation(people)


def evaluate(
    options: OwnScores, panel: VariantPanel, values: NDArray[np.float64], covariates: NDArray[np.float64],
    positions: Positions, *, seed: int, track: Callable[..., Any] = silent,
) -> OwnResult:  # fmt: skip
    """values (N, K), missing NaN, and covariates (N, C) of the panel's participants, in its order, which must be random.

    Raises InputError if the folds are too small for the covariates.
    """
    rng = np.random.default_rng([seed, 2])
    rank = span(covariates).shape[1]
    fewest = options.folds * (rank + LEAST_FREEDOM + ridge.ALIGNED)
    if len(values) < fewest:
        problem = (
            f"scores.own needs {fewest} participants for {options.folds} folds and {rank - 1} covariates, not {len(values)}"
        )
        raise InputError(problem, fix="take fewer folds or covariates, or leave scores.own out")
    first = polygenic.prepare(values, covariates, panel, rng, options.folds)
    own = np.where(np.isnan(values), np.nan, first.cohort.traits.T)
    orders = [np.arange(len(values)), *(rng.permutation(len(values)) for _ in range(options.permutations))]
    repeated = np.concatenate([own[order] for order in orders], axis=1)
    cohort = polygenic.prepare(repeated, covariates, panel, rng, options.folds).cohort
    batches = [_batch(options, panel, cohort, start, positions, track) for start in range(0, repeated.shape[1], TRAITS_AT_ONCE)]
    traits, names = values.shape[1], batches[0].labels
    each = []
    for place, (method, p_value) in enumerate(names):
        scored = np.concatenate([batch.values[place] for batch in batches])
        counts = np.concatenate([batch.variants[place] for batch in batches])
        r = out_of_fold_r(scored, repeated.T, covariates, cohort.folds).reshape(len(orders), traits)
        each.append(OwnScore(method, p_value, r[0], r[1:], counts[:traits], scored[:traits]))
    h2 = batches[0].h2[:traits] if len(batches) == 1 else np.concatenate([batch.h2 for batch in batches])[:traits]
    people = (~np.isnan(values)).sum(axis=0)
    expected = loco.expected_r2(people * (1 - 1 / options.folds), h2)
    return OwnResult(tuple(each), people, people - options.folds * rank, h2, expected)


@dataclass(frozen=True)
class _Batch:
    """Of some traits: labels (T), values T of (K, N), variants T of (K,), h2 (K,)."""

    labels: list[tuple[str, float | None]]
    values: list[NDArray[np.float32]]
    variants: list[NDArray[np.float64]]
    h2: NDArray[np.float64]


def _batch(
    options: OwnScores, panel: VariantPanel, whole: Cohort, start: int, positions: Positions, track: Callable[..., Any]
) -> _Batch:  # fmt: skip
    stop = min(start + TRAITS_AT_ONCE, len(whole.traits))
    cohort = replace(whole.batch(start, stop), probes=whole.probes)
    scorer = Scorer(cohort, options.p_values, min_r2=options.clump_r2, window_bp=options.clump_window_bp)
    ridged, genome = np.zeros_like(cohort.traits), []
    for name in track(list(panel.common), "own scores", len(panel.common)):
        placed = panel.placed(name)
        variants = placed.variants
        if THRESHOLD in options.methods and len(variants):
            scorer.add(variants, positions(name, placed.index))
        predicted = ridge.prediction(variants, cohort)
        ridged += predicted.values
        genome.append(predicted)
    labels: list[tuple[str, float | None]] = []
    values, counts = [], []
    if THRESHOLD in options.methods:
        labels += [(THRESHOLD, p) for p in options.p_values]
        values += list(scorer.values)
        counts += list(scorer.counts.mean(axis=1))
    if RIDGE in options.methods:
        labels.append((RIDGE, None))
        values.append(ridged)
        counts.append(np.full(len(cohort.traits), float(panel.variants)))
    return _Batch(labels, values, counts, _heritability(genome, cohort, panel.variants))


def _heritability(genome: Sequence[Prediction], cohort: Cohort, variants: int) -> NDArray[np.float64]:
    squares, probed = (np.sum([getattr(one, name) for one in genome], axis=0) for name in ("squares", "probed"))
    own = loco.GenomeSums(squares, sum(one.trace for one in genome), probed, variants)
    return loco.heritability(own, cohort.traits, cohort.observed, cohort.basis.shape[1])


def out_of_fold_r(
    scores: NDArray[np.floating[Any]], traits: NDArray[np.float64], covariates: NDArray[np.float64], folds: Sequence[int]
) -> NDArray[np.float64]:  # fmt: skip
    """(K,) partial correlations of scores (K, N) and traits (K, N), missing NaN, pooled over folds; NaN for constant ones."""
    sums = np.zeros((3, len(traits)))
    for start, stop in pairwise(folds):
        own = traits[:, start:stop].T
        for group in association.patterns(own):
            chosen = np.flatnonzero(~np.isnan(own[:, group[0]]))
            if len(chosen) == 0:
                continue
            basis = span(covariates[start:stop][chosen])
            y = residuals(own[np.ix_(chosen, group)], basis, passes=2)
            s = residuals(scores[np.ix_(group, start + chosen)].T.astype(np.float64), basis, passes=2)
            sums[:, group] += np.stack([(s * y).sum(axis=0), np.square(s).sum(axis=0), np.square(y).sum(axis=0)])
    size = np.sqrt(sums[1] * sums[2])
    r = np.divide(sums[0], size, out=np.full(len(traits), np.nan), where=size > 1e-12 * sums[2])
    return np.asarray(r)


def signed_r2(r: NDArray[np.float64]) -> NDArray[np.float64]:
    """r squared with the sign of r."""
    return np.asarray(r * np.abs(r))
