"""Scores by clumping and thresholding, out of fold: effects, clumps and sums, of one chromosome after another.

For each fold f, variant x and trait y, from the participants outside f (-f), with y without covariates:

    b = x'y / x'Mx      t = b sqrt(x'Mx / s2)      s2 = (y'y - b x'y) / (n - q - 1)      score of f = sum over clumps of b x_f

x'Mx is x'x of those participants times the share of x's variance that covariates leave. Variants are taken by |t|; one in
linkage disequilibrium with a stronger one is dropped (Purcell et al. 2009, Nature 460:748). Linkage disequilibrium is that of
all participants, or of LD_PEOPLE of them: it does not depend on the traits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.mixed.ridge import Cohort, Variants

LD_PEOPLE = 2_000
LD_STEP = 256
PEOPLE_AT_ONCE = 1024
"""As ridge.PEOPLE_AT_ONCE."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Neighbours:
    """Pairs of V variants in linkage disequilibrium, each in both orders, by the first: first, second (E,) int64."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]


@dataclass(frozen=True)
class Effects:
    """beta and |t| (V, K) float32 of the variants of a chromosome, from some of the participants."""

    beta: Array
    strength: Array


def neighbours(variants: Variants, positions: NDArray[np.int64], people: int, *, min_r2: float, window_bp: int) -> Neighbours:
    """Pairs of variants within `window_bp` whose squared correlation is min_r2 or more; positions (V,) increasing."""
    used = min(people, LD_PEOPLE)
    x = np.concatenate([variants.block(b, 0, used) for b in range(len(variants))]) if len(variants) else np.empty((0, used))
    x -= x.mean(axis=1, keepdims=True)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    stops = np.searchsorted(positions, positions + window_bp, side="right")
    pairs = []
    for start in range(0, len(x), LD_STEP):
        stop = min(start + LD_STEP, len(x))
        r2 = np.square(x[start:stop] @ x[start : stops[stop - 1]].T)
        first, second = np.nonzero(r2 >= min_r2)
        first, second = first + start, second + start
        later = (second > first) & (second < stops[first])
        pairs.append(np.stack([first[later], second[later]]))
    both = np.concatenate(pairs, axis=1) if pairs else np.empty((2, 0), dtype=np.int64)
    first, second = np.concatenate([both, both[::-1]], axis=1)
    order = np.lexsort((second, first))
    return Neighbours(first[order], second[order])


def clumped(strength: Array, pairs: Neighbours, limit: float) -> NDArray[np.bool_]:
    """(V,) variants of |t| (V,) `limit` or more that no stronger one of those that are kept is in linkage disequilibrium with.

    The same as taking the strongest, dropping its neighbours, and so on: in each round all that are stronger than their
    remaining neighbours are taken together.
    """
    remaining = strength >= limit
    kept = np.zeros(len(strength), dtype=bool)
    rank = np.empty(len(strength), dtype=np.int64)
    rank[np.argsort(strength, kind="stable")] = np.arange(len(strength))
    inside = remaining[pairs.first] & remaining[pairs.second]
    first, second = pairs.first[inside], pairs.second[inside]
    while len(first):
        starts = np.flatnonzero(np.r_[True, first[1:] != first[:-1]])
        owners = first[starts]
        strongest = owners[rank[owners] > np.maximum.reduceat(rank[second], starts)]
        taken = np.zeros(len(strength), dtype=bool)
        taken[strongest] = True
        dropped = second[taken[first]]
        kept |= taken
        remaining[dropped] = False
        remaining[strongest] = False
        inside = remaining[first] & remaining[second]
        first, second = first[inside], second[inside]
    return kept | remaining


class Scorer:
    """Out-of-fold scores of K traits and T limits, summed over chromosomes.

    values    (T, K, N) float32, participants in the order of the cohort;  counts (T, J, K): variants in the scores
    """

    def __init__(self, cohort: Cohort, p_values: Sequence[float], *, min_r2: float, window_bp: int) -> None:
        self.cohort, self.p_values, self.min_r2, self.window_bp = cohort, tuple(p_values), min_r2, window_bp
        folds, (traits, people) = len(cohort.folds) - 1, cohort.traits.shape
        self.values = np.zeros((len(p_values), traits, people), dtype=np.float32)
        self.counts = np.zeros((len(p_values), folds, traits), dtype=np.int64)

    def add(self, variants: Variants, positions: NDArray[np.int64]) -> None:
        """Adds one chromosome."""
        pairs = neighbours(variants, positions, self.cohort.traits.shape[1], min_r2=self.min_r2, window_bp=self.window_bp)
        for fold, own in enumerate(effects_without_folds(variants, self.cohort)):
            limits = t_limits(self.p_values, observed_outside(self.cohort, (fold,)), self.cohort.basis.shape[1])
            weights = clumped_weights(own, pairs, limits)
            self.counts[:, fold] += (weights != 0).sum(axis=2)
            self.score(variants, weights, self.cohort.folds[fold], self.cohort.folds[fold + 1])

    def score(self, variants: Variants, weights: Array, start: int, stop: int) -> None:
        """Adds the sums of weights (T, K, V) over variants to the scores of some participants."""
        flat = weights.reshape(-1, weights.shape[2])
        self.values[:, :, start:stop] += weighted(variants, flat, start, stop).reshape(*weights.shape[:2], -1)


def weighted(variants: Variants, weights: Array, start: int, stop: int) -> Array:
    """(M, n) sums of weights (M, V) over the variants of a chromosome, for the participants from `start`, a multiple of 4."""
    total = np.zeros((len(weights), stop - start), dtype=np.float32)
    for number, rows in blocks_of(variants):
        used = np.flatnonzero(weights[:, rows].any(axis=0))
        if len(used):
            total += weights[:, rows][:, used] @ variants.block(number, start, stop)[used]
    return total


def clumped_weights(estimated: Effects, pairs: Neighbours, limits: NDArray[np.float64]) -> Array:
    """(T, K, V) effects of the clumps whose |t| is at least the limits (T, K), 0 of other variants."""
    weights = np.zeros((len(limits), *estimated.beta.T.shape), dtype=np.float32)
    for k in range(estimated.beta.shape[1]):
        strength = estimated.strength[:, k]
        kept = clumped(strength, pairs, float(limits[:, k].min()))
        chosen = kept & (strength >= limits[:, k, None])
        weights[:, k][chosen] = np.broadcast_to(estimated.beta[:, k], chosen.shape)[chosen]
    return weights


def outside(cohort: Cohort, excluded: Sequence[int]) -> NDArray[np.int64]:
    """Indices of the participants outside some folds."""
    kept = np.ones(cohort.traits.shape[1], dtype=bool)
    for fold in excluded:
        kept[cohort.folds[fold] : cohort.folds[fold + 1]] = False
    return np.flatnonzero(kept)


def observed_outside(cohort: Cohort, excluded: Sequence[int]) -> NDArray[np.int64]:
    """(K,) participants with each trait outside some folds."""
    people = outside(cohort, excluded)
    if cohort.observed is None:
        return np.full(len(cohort.traits), len(people))
    return np.asarray(cohort.observed[:, people].sum(axis=1))


def t_limits(p_values: Sequence[float], people: NDArray[np.int64], rank: int) -> NDArray[np.float64]:
    """(T, K) |t| at each p-value, for traits of so many participants (K,); 0 at p 1."""
    return np.asarray(stats.t.isf(np.array(p_values)[:, None] / 2, np.maximum(people - rank - 1, 1)))


def blocks_of(variants: Variants) -> Iterator[tuple[int, slice]]:
    """Number of each block, and the rows of its variants among those of the chromosome."""
    start = 0
    for number in range(len(variants)):
        stop = start + len(variants.block(number, 0, 4))
        yield number, slice(start, stop)
        start = stop


def effects_without_folds(variants: Variants, cohort: Cohort) -> Iterator[Effects]:
    """Effects of the variants of a chromosome on all traits, from the participants outside each fold."""
    whole = sums(variants, cohort)
    return (effects(whole, cohort, (fold,)) for fold in range(len(cohort.folds) - 1))


def effects_of_all(variants: Variants, cohort: Cohort) -> Effects:
    """Effects from all participants."""
    return effects(sums(variants, cohort), cohort, ())


@dataclass(frozen=True)
class Sums:
    """Of J folds, V variants and K traits: crosses (J, V, K), squares (J, V, K) or (J, V, 1), left (V,)."""

    crosses: Array
    squares: Array
    left: Array


def sums(variants: Variants, cohort: Cohort) -> Sums:
    """Products of variants and traits in each fold, squares of the variants in those with the trait, and the share of each
    variant's variance that covariates leave; the chromosome must have variants."""
    blocks = [_sums(variants, cohort, number) for number in range(len(variants))]
    crosses, squares = (np.concatenate([getattr(one, name) for one in blocks], axis=1) for name in ("crosses", "squares"))
    return Sums(crosses, squares, np.concatenate([one.left for one in blocks]))


def _sums(variants: Variants, cohort: Cohort, number: int) -> Sums:
    """Of one block."""
    count, folds, traits = len(variants.block(number, 0, 4)), len(cohort.folds) - 1, len(cohort.traits)
    crosses = np.zeros((folds, count, traits), dtype=np.float32)
    squares = np.zeros((folds, count, 1 if cohort.observed is None else traits), dtype=np.float32)
    on_basis = np.zeros((count, cohort.basis.shape[1]), dtype=np.float32)
    total = np.zeros(count, dtype=np.float32)
    for fold, (start, stop) in enumerate(pairwise(cohort.folds)):
        for first in range(start, stop, PEOPLE_AT_ONCE):
            people = slice(first, min(first + PEOPLE_AT_ONCE, stop))
            x = variants.block(number, people.start, people.stop)
            own = np.square(x)
            crosses[fold] += x @ cohort.traits[:, people].T
            total += own.sum(axis=1)
            on_basis += x @ cohort.basis[people]
            if cohort.observed is None:
                squares[fold] += own.sum(axis=1, keepdims=True)
            else:
                squares[fold] += own @ cohort.observed[:, people].T.astype(np.float32)
    left = np.maximum(1 - np.square(on_basis).sum(axis=1) / total, np.float32(1e-6))
    return Sums(crosses, squares, left)


def effects(whole: Sums, cohort: Cohort, excluded: Sequence[int]) -> Effects:
    """Effects from the participants outside some folds."""
    # Folds are added up anew: a difference would keep rounding errors of those excluded.
    others = ~np.isin(np.arange(len(whole.crosses)), np.array(excluded, dtype=np.int64))
    cross, square = whole.crosses[others].sum(axis=0), whole.squares[others].sum(axis=0) * whole.left[:, None]
    traits = cohort.traits[:, outside(cohort, excluded)]
    total = np.einsum("kn,kn->k", traits, traits)
    freedom = np.maximum(observed_outside(cohort, excluded) - cohort.basis.shape[1] - 1, 1)
    square = np.maximum(square, 1e-6)
    beta = cross / square
    explained = beta * cross
    t2 = explained * freedom / np.maximum(total - explained, 1e-6 * np.maximum(total, 1e-30))
    return Effects(beta.astype(np.float32), np.sqrt(t2).astype(np.float32))
