"""Trait sets: several traits tested together, variant by variant, by an omnibus test and by ACAT.

A set contains the features of one representation, at one lead or at all its leads. Both tests follow from correlations with a
residualised variant, in the permutations as in the observed data. Both are therefore calibrated by the same permutations as the
tests of single traits.

    omnibus  q = |r|^2, r the correlations with the C components of the set; -log10 p of F = q / (1 - q) (d + 1 - C) / C with
             C and d + 1 - C degrees of freedom: Hotelling's T squared, a MANOVA of one variant, on components
    acat     the aggregated Cauchy association test of the p-values of the set's K traits (combine_p.acat)

The omnibus test uses components instead of traits, because T squared weights each direction among the traits by its inverse
variance, and traits that are each normal are not jointly normal. A participant who is unusual in a direction of small variance
(two almost equal traits that differ), or in many traits, has a leverage in T squared that no rank transformation of single
traits removes: among 465 real recordings, one participant had a leverage of 0.62 (the maximum is 1) in 32 components.
Participants therefore keep their direction among the components and their rank of distance from the centre, and the distances
become those of a normal sample (Hallin and Paindaveine 2002, Ann Stat 30:1103).
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
from ecgwas.statistics.projection import residuals

EXPLAINED = 0.999
"""Share of the traits' variance that the components explain. If traits are collinear, the rest is rounding error."""

ROUNDS = 4
"""Residualising disturbs the components' orthogonality and normal distances; a few rounds restore both."""

CEILINGS, FAR = 2**14, 12.0
"""Number of correlations for which upper bounds of ACAT's terms are tabulated, and the -log10 p of the largest."""

CLOSE = 1 - 1e-5
"""Factor by which limits are lowered, because rounding may shift a correlation or a bound."""


@dataclass(frozen=True)
class TraitSet:
    """name: `<representation>.<lead>`, or `<representation>`; columns (K,) int64: indices of the traits.

    components (N, C) float32: orthonormal and orthogonal to the covariates.
    """

    name: str
    columns: NDArray[np.int64]
    components: NDArray[np.float32]


def sets(names: Sequence[str], values: NDArray[np.float32], basis: NDArray[np.float64], df: int) -> tuple[TraitSet, ...]:
    """Sets of at least two traits. values (N, K): residuals on the covariates (orthonormal basis (N, R)), of unit length.

    Sets of more than df / 4 traits are excluded, because their test would reflect the sample size, not the variant.
    """
    members: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        representation, lead, _ = name.split(".", 2)
        members.setdefault(f"{representation}.{lead}", []).append(k)
        members.setdefault(representation, []).append(k)
    by_columns: dict[tuple[int, ...], TraitSet] = {}
    for name in sorted(members, key=lambda name: (-name.count("."), members[name][0])):
        columns = members[name]
        if 2 <= len(columns) <= df / 4 and tuple(columns) not in by_columns:
            by_columns[tuple(columns)] = TraitSet(
                name, np.array(columns, dtype=np.int64), set_components(values[:, columns], basis)
            )
    return tuple(by_columns.values())


def set_components(values: NDArray[np.float32], basis: NDArray[np.float64]) -> NDArray[np.float32]:
    """(N, C) float32 components of traits (N, K), with normal distances, orthonormal and orthogonal to the covariates."""
    left, sizes, _ = np.linalg.svd(values.astype(np.float64), full_matrices=False)
    share = np.cumsum(sizes**2) / np.sum(sizes**2)
    components = left[:, : int(np.searchsorted(share, EXPLAINED)) + 1]
    for _ in range(ROUNDS):
        components = _normal_distances(components)
        components = np.linalg.qr(residuals(components, basis))[0]
    return components.astype(np.float32)


def _normal_distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (N, C) with unchanged directions and ranks of distance from 0, and with distances as of C normal variables."""
    people, count = points.shape
    distance = np.linalg.norm(points, axis=1)
    normal = np.sqrt(stats.chi2.ppf(stats.rankdata(distance) / (people + 1), count))
    scale: NDArray[np.float64] = np.divide(normal, distance, out=np.zeros(people), where=distance > 0)
    return np.asarray(points * scale[:, None])


@dataclass(frozen=True)
class TraitSets:
    """The trait sets of one chromosome, and the degrees of freedom of a test of one trait."""

    sets: tuple[TraitSet, ...]
    df: int

    @property
    def width(self) -> int:
        """Number of components of all sets."""
        return sum(trait_set.components.shape[1] for trait_set in self.sets)

    @cached_property
    def components(self) -> NDArray[np.float32]:
        """(N, W) float32 components of all sets."""
        return np.concatenate([trait_set.components for trait_set in self.sets], axis=1)

    def shuffled(self, orders: NDArray[np.int64], basis: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, b W) float32: the W components of all sets, with participants in b other orders (b, N).

        They are residualised on the covariates (basis (N, R)) and orthonormal within each set.
        """
        if not self.sets:
            return np.empty((orders.shape[1], 0), dtype=np.float32)
        permuted = self.components[orders]  # (b, N, W)
        residuals(permuted, basis, out=permuted)
        start = 0
        for trait_set in self.sets:
            columns = slice(start, start + trait_set.components.shape[1])
            start = columns.stop
            within_set = np.ascontiguousarray(permuted[:, :, columns])
            root = np.linalg.cholesky((within_set.transpose(0, 2, 1) @ within_set).astype(np.float64))
            permuted[:, :, columns] = within_set @ np.linalg.inv(root).transpose(0, 2, 1).astype(np.float32)
        return np.ascontiguousarray(permuted.transpose(1, 0, 2)).reshape(orders.shape[1], -1)

    @cached_property
    def members(self) -> NDArray[np.float32]:
        """(W, S) float32: 1 where a component belongs to a set."""
        sizes = [trait_set.components.shape[1] for trait_set in self.sets]
        return np.repeat(np.eye(len(sizes), dtype=np.float32), sizes, axis=0)

    def omnibus(self, with_components: NDArray[np.float32]) -> NDArray[np.float32]:
        """(V, b, S) float32 q of S sets, from correlations (V, b W) of variants with the components of all sets."""
        q: NDArray[np.float32] = np.square(with_components).reshape(-1, self.width) @ self.members
        return q.reshape(len(with_components), -1, len(self.sets))

    def omnibus_neglog10p(self, q: NDArray[np.floating], trait_set: TraitSet) -> NDArray[np.float64]:
        """-log10 p of the omnibus test, from q (...,)."""
        count = trait_set.components.shape[1]
        df2 = self.df + 1 - count
        explained = np.clip(np.asarray(q, dtype=np.float64), 0.0, 1 - 1e-12)
        p = special.betainc(df2 / 2, count / 2, 1 - explained)
        far = -(df2 / 2) * np.log10(1 - explained)  # The leading term, used where p underflows.
        return np.asarray(np.where(p > SMALLEST_P, -np.log10(np.maximum(p, SMALLEST_P)), far))

    def acat(self, correlations: NDArray[np.floating]) -> NDArray[np.float64]:
        """(M,) -log10 p from correlations (M, K)."""
        r2 = np.minimum(np.square(correlations.astype(np.float64)), 1 - 1e-12)
        return acat(neglog10p(np.sqrt(r2 * self.df / (1 - r2)), float(self.df)))

    def min_correlation(self, limit: float) -> float:
        """The absolute correlation whose -log10 p is `limit`."""
        t2 = least_t_squared(limit, self.df)
        return float(np.sqrt(t2 / (t2 + self.df)))

    def acat_maxima(
        self, correlations: NDArray[np.float32], largest: NDArray[np.float32], before: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(b,) the larger of `before` and ACAT's largest -log10 p over sets and variants.

        correlations (V, b, K); largest (b, K): the largest absolute value over variants; before (b,), at least 0: maxima found
        elsewhere. The result is exact, but few variants need an exact ACAT, because ACAT never exceeds the strongest of its
        tests, nor the mean of their upper bounds.
        """
        maxima = before.copy()
        for trait_set in self.sets:
            self._start(trait_set, correlations, largest, maxima)
            limits = self.min_correlations(maxima)
            within_set = largest[:, trait_set.columns]
            strong = within_set > limits[:, None]
            # No variant exceeds the bound that the largest correlation of every trait gives.
            may_exceed = strong.any(axis=1) & (self._bound(within_set) > _statistic(maxima))
            for shuffle in np.flatnonzero(may_exceed):
                columns = trait_set.columns[strong[shuffle]]
                rows = np.flatnonzero((np.abs(correlations[:, shuffle, columns]) > limits[shuffle]).any(axis=1))
                candidates = correlations[rows[:, None], shuffle, trait_set.columns]
                maxima[shuffle] = self._max_acat(candidates, maxima[shuffle])
        return maxima

    def _start(
        self, trait_set: TraitSet, correlations: NDArray[np.float32], largest: NDArray[np.float32], maxima: NDArray[np.float64]
    ) -> None:
        """Sets maxima that are still 0 to ACAT of the variant with the set's strongest test."""
        unset = np.flatnonzero(maxima == 0.0)
        if len(unset) == 0:
            return
        traits = trait_set.columns[largest[np.ix_(unset, trait_set.columns)].argmax(axis=1)]
        rows = [int(np.abs(correlations[:, b, k]).argmax()) for b, k in zip(unset, traits, strict=True)]
        maxima[unset] = self.acat(correlations[np.array(rows)[:, None], unset[:, None], trait_set.columns])

    def _max_acat(self, correlations: NDArray[np.float32], before: float) -> float:
        """The larger of `before` and ACAT's largest -log10 p of M variants, from correlations (M, K)."""
        bound = self._bound(np.abs(correlations))
        best = int(bound.argmax())
        if bound[best] <= _statistic(before):
            return before
        # The variant with the largest bound comes first, because it usually rules out almost all others.
        maximum = max(before, float(self.acat(correlations[[best]])[0]))
        bound[best] = -np.inf
        others = np.flatnonzero(bound > _statistic(maximum))
        return max(maximum, float(self.acat(correlations[others]).max())) if len(others) else maximum

    def _bound(self, sizes: NDArray[np.float32]) -> NDArray[np.float64]:
        """(M,) upper bound of ACAT's mean, from absolute correlations (M, K)."""
        bins = np.minimum(sizes * np.float32(CEILINGS / self._far), CEILINGS).astype(np.int64)
        return np.asarray(self._ceilings[bins].mean(axis=1))

    @cached_property
    def _far(self) -> float:
        """The correlation beyond which no upper bound is tabulated."""
        return self.min_correlation(FAR)

    @cached_property
    def _ceilings(self) -> NDArray[np.float64]:
        """(CEILINGS + 1,) largest term of ACAT, cot(pi p), of a correlation in each bin; the last bin is open."""
        ends = np.asarray(np.arange(1, CEILINGS + 1) * (self._far / CEILINGS), dtype=np.float64)
        p = 10.0 ** -neglog10p(np.asarray(ends * np.sqrt(self.df / (1 - ends**2))), float(self.df))
        return np.append(1 / np.tan(np.pi * np.minimum(p, 1 - 1e-15)), np.inf)

    def min_correlations(self, limits: NDArray[np.float64]) -> NDArray[np.float64]:
        """(b,) absolute correlations below which no -log10 p reaches `limits` (b,)."""
        t = special.stdtrit(self.df, 0.5 * 10.0**-limits)
        return np.asarray(np.abs(t) / np.sqrt(t**2 + self.df) * CLOSE)

    def max_neglog10p(self, largest_q: NDArray[np.float32]) -> NDArray[np.float64]:
        """(b,) the omnibus test's largest -log10 p over sets, from the largest q of each (b, S)."""
        of_sets = [self.omnibus_neglog10p(largest_q[:, k], trait_set) for k, trait_set in enumerate(self.sets)]
        maxima: NDArray[np.float64] = np.max(of_sets, axis=0, initial=0.0)
        return maxima


def _statistic(neglog10p: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """ACAT's mean of cot(pi p) at this -log10 p, slightly lowered."""
    p = np.minimum(10.0 ** -np.asarray(neglog10p, dtype=np.float64), 1 - 1e-15)
    value = 1 / np.tan(np.pi * p)
    return np.asarray(value - np.abs(value) * (1 - CLOSE))
