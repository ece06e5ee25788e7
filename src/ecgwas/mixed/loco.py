"""Predictions of the other chromosomes, and how good they are, from each chromosome's own prediction (ridge.py).

Chromosome c is tested with the sum of the others' predictions, those of the base q and those of level 1 apart:

    v sum q_d + w sum p_d over d other than c        v, w >= 0 by least squares on y in the other folds

for each trait and fold. Chromosomes are predicted one by one, so relatives' common background is in each of them, and the sum
would count it too often: v is then below 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

INDEPENDENT_SEGMENTS = 60_000.0
"""Effective number of independent segments of the genome, M_e, in unrelated Europeans."""


class Totals:
    """Sums over chromosomes of the predictions of K traits and N people, base and level 1 apart; float32, 8 K N bytes."""

    def __init__(self, traits: int, people: int) -> None:
        self.sums = np.zeros((2, traits, people), dtype=np.float32)

    def add(self, values: NDArray[np.float32], is_stacked: NDArray[np.bool_]) -> None:
        """Adds a chromosome's prediction (K, N); is_stacked (K,): by level 1."""
        for kind in (0, 1):
            self.sums[kind, is_stacked == kind] += values[is_stacked == kind]

    def without(self, values: NDArray[np.float32], is_stacked: NDArray[np.bool_]) -> Totals:
        """The sums of the other chromosomes."""
        others = Totals(*values.shape)
        for kind in (0, 1):
            others.sums[kind] = self.sums[kind]
            others.sums[kind, is_stacked == kind] -= values[is_stacked == kind]
        return others

    def prediction(
        self, traits: NDArray[np.float32], observed: NDArray[np.bool_] | None, folds: Sequence[int]
    ) -> NDArray[np.float32]:  # fmt: skip
        """(K, N) weighted sum, out of fold. Arguments as in ridge.Cohort."""
        spans = list(pairwise(folds))
        grams, crosses = np.zeros((len(spans), len(traits), 2, 2)), np.zeros((len(spans), len(traits), 2))
        for fold, (start, stop) in enumerate(spans):
            own = self.sums[:, :, start:stop]
            with_trait = own if observed is None else np.where(observed[:, start:stop], own, np.float32(0))
            grams[fold] = np.einsum("akn,bkn->kab", with_trait, with_trait, dtype=np.float64)
            crosses[fold] = np.einsum("akn,kn->ka", with_trait, traits[:, start:stop], dtype=np.float64)
        weights = _weights(grams.sum(axis=0) - grams, crosses.sum(axis=0) - crosses).astype(np.float32)
        values = np.empty(self.sums.shape[1:], dtype=np.float32)
        for (start, stop), weight in zip(spans, weights, strict=True):
            values[:, start:stop] = np.einsum("ka,akn->kn", weight, self.sums[:, :, start:stop])
        return values


def _weights(grams: NDArray[np.float64], crosses: NDArray[np.float64]) -> NDArray[np.float64]:
    """(J, K, 2) least-squares weights, at least 0, of two predictors; 0 for one that is 0."""
    (a, b), c = (grams[..., 0, 0], grams[..., 1, 1]), grams[..., 0, 1]
    x, y = crosses[..., 0], crosses[..., 1]
    determinant = a * b - c * c
    first, second = _ratio(b * x - c * y, determinant), _ratio(a * y - c * x, determinant)
    inside = (determinant > 1e-9 * a * b) & (first > 0) & (second > 0)
    alone = np.maximum(_ratio(x, a), 0.0), np.maximum(_ratio(y, b), 0.0)
    better = alone[0] * x >= alone[1] * y  # The first explains more than the second, each alone.
    outside = np.where(better, alone[0], 0.0), np.where(better, 0.0, alone[1])
    return np.stack([np.where(inside, first, outside[0]), np.where(inside, second, outside[1])], axis=-1)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 where `below` is not positive."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def explained(
    prediction: NDArray[np.float32], traits: NDArray[np.float32], observed: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    """(K,) share of variance explained by `prediction` (K, N): 1 - sum (y - p)^2 / sum y^2; below 0 for one worse than none."""
    residuals = traits - prediction if observed is None else np.where(observed, traits - prediction, np.float32(0))
    left, whole = (np.einsum("kn,kn->k", each, each, dtype=np.float64) for each in (residuals, traits))
    return np.asarray(1 - np.divide(left, whole, out=np.ones_like(left), where=whole > 0))


def expected_r2(
    people: NDArray[np.floating] | float, h2: NDArray[np.floating] | float, segments: float = INDEPENDENT_SEGMENTS
) -> NDArray[np.float64]:  # fmt: skip
    """Share of variance that a ridge prediction explains in other people: h2 N h2 / (N h2 + M_e).

    Daetwyler et al. 2008, PLoS ONE 3:e3395. chi2 of variants on other chromosomes grows by 1 / (1 - r2).
    """
    signal = np.asarray(people, dtype=float) * np.maximum(h2, 0.0)
    return np.asarray(np.maximum(h2, 0.0) * signal / (signal + segments))


@dataclass(frozen=True)
class GenomeSums:
    """Sums over the chromosomes (ridge.Prediction): squares (K,), trace, probed (B, N), and the number of variants."""

    squares: NDArray[np.float64]
    trace: float
    probed: NDArray[np.float64]
    variants: int


def heritability(
    sums: GenomeSums, traits: NDArray[np.float32], observed: NDArray[np.bool_] | None, rank: int
) -> NDArray[np.float64]:  # fmt: skip
    """(K,) estimates of h2 by Haseman-Elston regression, from -1 to 1; NaN without variants.

    With G = X X' / M: y'G y = a tr(G^2) + b tr(G) and y'y = a tr(G) + b (N - R) in expectation, a and b the genetic and other
    variance. tr(G^2) is estimated by random signs z, as the mean of |G z|^2 (Wu and Sankararaman 2018, Bioinformatics 34:i187).
    A trait observed in a share q of the people has q tr(G), and for tr(G^2) its diagonal times q, the rest times q^2.
    """
    people = traits.shape[1]
    trace = sums.trace / sums.variants
    square = float(np.square(sums.probed / sums.variants).sum(axis=1).mean())
    share = np.ones(len(traits)) if observed is None else observed.mean(axis=1)
    diagonal = trace**2 / people
    squared = share * diagonal + share**2 * (square - diagonal)
    freedom = share * people - rank
    own, whole = sums.squares / sums.variants, np.einsum("kn,kn->k", traits, traits, dtype=np.float64)
    determinant = squared * freedom - (share * trace) ** 2
    genetic = (own * freedom - whole * share * trace) / determinant
    other = (squared * whole - share * trace * own) / determinant
    return np.asarray(np.clip(genetic / (genetic + other), -1.0, 1.0))
