"""Several traits tested at once, variant by variant, inside the permutations: the omnibus test and ACAT over sets of traits.

A set is the features of one representation at one lead, or of one representation at all its leads. Both tests are made of
correlations with a variant that has no covariates left in it, for shuffled people and for people as they are, so that both
are calibrated by the same shuffles as the single tests.

    omnibus  q = |r|^2, r the correlations with the C scores of the set; -log10 p of F = q / (1 - q) (d + 1 - C) / C with C and
             d + 1 - C degrees of freedom: Hotelling's T squared, a MANOVA of one variant, on scores
    acat     the aggregated Cauchy test of the p-values of the set's K traits (combine_p.acat)

Why scores: T squared weighs each direction among the traits by its inverse variance. Traits that are normal one by one are
not so together: whoever is odd in a direction of little variance (two almost equal traits that differ) or in many traits
at once has a leverage in T squared that no rank transformation of single traits takes away; among 465 real recordings one
person had 0.62 of 1 in 32 components. So people keep their direction among the components of the set and their rank in
distance from the middle, and the distance becomes that of normal people (Hallin and Paindaveine 2002, Ann Stat 30:1103).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from ecgwas.statistics.combine_p import acat
from ecgwas.statistics.least_squares import SMALLEST_P, least_t_squared, neglog10p

EXPLAINED = 0.999
"""Share of the traits' variance that the components kept explain; the rest is rounding where traits depend on each other."""

ROUNDS = 4
"""Scores without covariates are not quite uncorrelated and normal in distance any more; a few rounds settle that."""

CEILINGS, FAR = 2**14, 12.0
"""ACAT's terms are bounded from above by a table of so many correlations, up to that of this -log10 p."""

CLOSE = 1 - 1e-5
"""Of limits within which rounding may move a correlation or a bound."""


@dataclass(frozen=True)
class TraitSet:
    """name: `<representation>.<lead>`, or `<representation>`; columns (K,) int64, which traits; scores (N, C) float32,

    orthonormal and orthogonal to the covariates.
    """

    name: str
    columns: NDArray[np.int64]
    scores: NDArray[np.float32]


def sets(names: Sequence[str], values: NDArray[np.float32], basis: NDArray[np.float64], df: int) -> tuple[TraitSet, ...]:
    """Sets of two traits or more; values (N, K) residuals of unit length on the covariates (orthonormal basis (N, R)).

    Sets of more than degrees / 4 traits are left out: their test would be of the people's number, not of the variant.
    """
    members: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        representation, lead, _ = name.split(".", 2)
        members.setdefault(f"{representation}.{lead}", []).append(k)
        members.setdefault(representation, []).append(k)
    found: dict[tuple[int, ...], TraitSet] = {}
    for name in sorted(members, key=lambda name: (-name.count("."), members[name][0])):
        columns = members[name]
        if 2 <= len(columns) <= df / 4 and tuple(columns) not in found:
            found[tuple(columns)] = TraitSet(name, np.array(columns, dtype=np.int64), scores(values[:, columns], basis))
    return tuple(found.values())


def scores(values: NDArray[np.float32], basis: NDArray[np.float64]) -> NDArray[np.float32]:
    """(N, C) float32 normal scores of people among the components of traits (N, K); orthonormal, without covariates."""
    left, sizes, _ = np.linalg.svd(values.astype(np.float64), full_matrices=False)
    share = np.cumsum(sizes**2) / np.sum(sizes**2)
    found = left[:, : int(np.searchsorted(share, EXPLAINED)) + 1]
    for _ in range(ROUNDS):
        found = _normal_distances(found)
        found = np.linalg.qr(found - basis @ (basis.T @ found))[0]
    return found.astype(np.float32)


def _normal_distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (N, C) whose distances from 0 are those of C normal variables, rank by rank; their directions stay."""
    people, count = points.shape
    distance = np.linalg.norm(points, axis=1)
    wanted = np.sqrt(stats.chi2.ppf(stats.rankdata(distance) / (people + 1), count))
    scale: NDArray[np.float64] = np.divide(wanted, distance, out=np.zeros(people), where=distance > 0)
    return np.asarray(points * scale[:, None])


@dataclass(frozen=True)
class TraitSets:
    """The sets of one chromosome, and the degrees of freedom of a single test."""

    sets: tuple[TraitSet, ...]
    df: int

    @property
    def width(self) -> int:
        """Scores of all sets together."""
        return sum(one.scores.shape[1] for one in self.sets)

    @cached_property
    def scores(self) -> NDArray[np.float32]:
        """(N, W) float32 scores of all sets."""
        return np.concatenate([one.scores for one in self.sets], axis=1)

    def shuffled(self, orders: NDArray[np.int64], basis: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, b W) float32 scores of all sets, W in all, of people in b other orders (b, N).

        Without covariates (basis (N, R)), those of each set orthonormal again.
        """
        if not self.sets:
            return np.empty((orders.shape[1], 0), dtype=np.float32)
        moved = self.scores[orders]  # (b, N, W)
        moved -= basis @ (basis.T @ moved)
        start = 0
        for one in self.sets:
            columns = slice(start, start + one.scores.shape[1])
            start = columns.stop
            own = np.ascontiguousarray(moved[:, :, columns])
            root = np.linalg.cholesky((own.transpose(0, 2, 1) @ own).astype(np.float64))
            moved[:, :, columns] = own @ np.linalg.inv(root).transpose(0, 2, 1).astype(np.float32)
        return np.ascontiguousarray(moved.transpose(1, 0, 2)).reshape(orders.shape[1], -1)

    @cached_property
    def members(self) -> NDArray[np.float32]:
        """(W, S) float32: 1 where a score belongs to a set."""
        sizes = [one.scores.shape[1] for one in self.sets]
        return np.repeat(np.eye(len(sizes), dtype=np.float32), sizes, axis=0)

    def omnibus(self, with_scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """(V, b, S) float32 q of S sets, from correlations (V, b W) of variants with the scores of all sets."""
        found: NDArray[np.float32] = np.square(with_scores).reshape(-1, self.width) @ self.members
        return found.reshape(len(with_scores), -1, len(self.sets))

    def strength(self, q: NDArray[np.floating], one: TraitSet) -> NDArray[np.float64]:
        """-log10 p of q (...,)."""
        count = one.scores.shape[1]
        rest = self.df + 1 - count
        explained = np.clip(np.asarray(q, dtype=np.float64), 0.0, 1 - 1e-12)
        p = special.betainc(rest / 2, count / 2, 1 - explained)
        far = -(rest / 2) * np.log10(1 - explained)  # Its leading term, where p itself underflows.
        return np.asarray(np.where(p > SMALLEST_P, -np.log10(np.maximum(p, SMALLEST_P)), far))

    def acat(self, correlations: NDArray[np.floating]) -> NDArray[np.float64]:
        """(M,) -log10 p from correlations (M, K)."""
        squares = np.minimum(np.square(correlations.astype(np.float64)), 1 - 1e-12)
        return acat(neglog10p(np.sqrt(squares * self.df / (1 - squares)), float(self.df)))

    def least(self, limit: float) -> float:
        """The absolute correlation whose -log10 p is `limit`."""
        t2 = least_t_squared(limit, self.df)
        return float(np.sqrt(t2 / (t2 + self.df)))

    def acat_maxima(
        self, correlations: NDArray[np.float32], largest: NDArray[np.float32], reached: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(b,) the larger of `reached` and ACAT's largest -log10 p over sets and variants, exactly, whatever their number.

        correlations (V, b, K); largest (b, K), of their absolute values over variants; reached (b,), 0 or more: what is known
        to be reached elsewhere. ACAT is never above the strongest of its tests, nor above the mean of the `ceilings` of all
        of them: few variants remain of which more has to be known.
        """
        found = reached.copy()
        for one in self.sets:
            self._begin(one, correlations, largest, found)
            limits = self.least_of(found)
            own = largest[:, one.columns]
            strong = own > limits[:, None]
            # No variant has more than all traits at their largest would have together.
            worth = strong.any(axis=1) & (self._bound(own) > _statistic(found))
            for shuffle in np.flatnonzero(worth):
                few = one.columns[strong[shuffle]]
                rows = np.flatnonzero((np.abs(correlations[:, shuffle, few]) > limits[shuffle]).any(axis=1))
                found[shuffle] = self._exceeding(correlations[rows[:, None], shuffle, one.columns], found[shuffle])
        return found

    def _begin(
        self, one: TraitSet, correlations: NDArray[np.float32], largest: NDArray[np.float32], found: NDArray[np.float64]
    ) -> None:
        """Where nothing is reached yet: ACAT of the variant of the set's strongest test."""
        fresh = np.flatnonzero(found == 0.0)
        if len(fresh) == 0:
            return
        traits = one.columns[largest[np.ix_(fresh, one.columns)].argmax(axis=1)]
        rows = [int(np.abs(correlations[:, b, k]).argmax()) for b, k in zip(fresh, traits, strict=True)]
        found[fresh] = self.acat(correlations[np.array(rows)[:, None], fresh[:, None], one.columns])

    def _exceeding(self, own: NDArray[np.float32], reached: float) -> float:
        """The larger of `reached` and ACAT of M variants, from correlations (M, K)."""
        bound = self._bound(np.abs(own))
        best = int(bound.argmax())
        if bound[best] <= _statistic(reached):
            return reached
        # First the likeliest alone: what it reaches leaves next to none of the others.
        reached = max(reached, float(self.acat(own[[best]])[0]))
        bound[best] = -np.inf
        worth = np.flatnonzero(bound > _statistic(reached))
        return max(reached, float(self.acat(own[worth]).max())) if len(worth) else reached

    def _bound(self, sizes: NDArray[np.float32]) -> NDArray[np.float64]:
        """(M,) what ACAT's mean cannot exceed, from absolute correlations (M, K)."""
        bins = np.minimum(sizes * np.float32(CEILINGS / self._far), CEILINGS).astype(np.int64)
        return np.asarray(self._ceilings[bins].mean(axis=1))

    @cached_property
    def _far(self) -> float:
        """The correlation beyond which no ceiling is tabulated."""
        return self.least(FAR)

    @cached_property
    def _ceilings(self) -> NDArray[np.float64]:
        """(CEILINGS + 1,) largest term of ACAT, cot(pi p), of a correlation in each bin; the last one is open."""
        ends = np.asarray(np.arange(1, CEILINGS + 1) * (self._far / CEILINGS), dtype=np.float64)
        p = 10.0 ** -neglog10p(np.asarray(ends * np.sqrt(self.df / (1 - ends**2))), float(self.df))
        return np.append(1 / np.tan(np.pi * np.minimum(p, 1 - 1e-15)), np.inf)

    def least_of(self, limits: NDArray[np.float64]) -> NDArray[np.float64]:
        """(b,) absolute correlations below which no -log10 p is `limits` (b,)."""
        t = special.stdtrit(self.df, 0.5 * 10.0**-limits)
        return np.asarray(np.abs(t) / np.sqrt(t**2 + self.df) * CLOSE)

    def strongest(self, explained: NDArray[np.float32]) -> NDArray[np.float64]:
        """(b,) the omnibus test's largest -log10 p over sets, from the largest q of each (b, S)."""
        strengths = [self.strength(explained[:, k], one) for k, one in enumerate(self.sets)]
        found: NDArray[np.float64] = np.max(strengths, axis=0, initial=0.0)
        return found


def _statistic(neglog10p: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """ACAT's mean of cot(pi p) at this -log10 p, a little less."""
    p = np.minimum(10.0 ** -np.asarray(neglog10p, dtype=np.float64), 1 - 1e-15)
    value = 1 / np.tan(np.pi * p)
    return np.asarray(value - np.abs(value) * (1 - CLOSE))
