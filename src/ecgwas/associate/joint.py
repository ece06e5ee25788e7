"""Several traits tested at once, variant by variant, inside the permutations: the omnibus test and ACAT over sets of traits.

A set is the features of one representation at one lead, or of one representation at all its leads. Both tests work on the
correlations r of a variant with the K traits of a set that the permutations compute anyway, for shuffled people and for
people as they are, so that both are calibrated by the same shuffles as the single tests.

    omnibus  q = r' R^-1 r, R the regularised correlation of the traits; -log10 p of F = q / (1 - q) (d + 1 - K) / K with K
             and d + 1 - K degrees of freedom (of Hotelling's T squared; exact without regularisation and for normal traits)
    acat     the aggregated Cauchy test of the K p-values (multitrait.acat)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ecgwas.associate.algebra import SMALLEST_P, least_t_squared, neglog10p
from ecgwas.associate.multitrait import acat

SHRINK = 0.05
"""Leads and learned features are close to linearly dependent: R = 0.95 correlation + 0.05 identity."""

SCREEN = 5.0
"""ACAT is never below the smallest p of its set: in shuffles, sets without a -log10 p beyond this cannot be the largest."""


@dataclass(frozen=True)
class TraitSet:
    """name: `<representation>.<lead>`, or `<representation>`; columns (K,) int64, which traits; root (K, K) float32, R^-1/2."""

    name: str
    columns: NDArray[np.int64]
    root: NDArray[np.float32]


def sets(names: Sequence[str], values: NDArray[np.float32], degrees: int) -> tuple[TraitSet, ...]:
    """Sets of two traits or more; values (N, K) residuals of unit length. Sets of more than degrees / 4 traits are left out:

    their test would be of the people's number, not of the variant.
    """
    members: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        representation, lead, _ = name.split(".", 2)
        members.setdefault(f"{representation}.{lead}", []).append(k)
        members.setdefault(representation, []).append(k)
    found: dict[tuple[int, ...], TraitSet] = {}
    for name in sorted(members, key=lambda name: (-name.count("."), members[name][0])):
        columns = members[name]
        if 2 <= len(columns) <= degrees / 4 and tuple(columns) not in found:
            found[tuple(columns)] = TraitSet(name, np.array(columns, dtype=np.int64), _root(values[:, columns]))
    return tuple(found.values())


def _root(values: NDArray[np.float32]) -> NDArray[np.float32]:
    wide = values.astype(np.float64)
    regular = (1 - SHRINK) * wide.T @ wide + SHRINK * np.eye(wide.shape[1])
    root: NDArray[np.float32] = np.linalg.inv(np.linalg.cholesky(regular)).T.astype(np.float32)
    return root


@dataclass(frozen=True)
class Joint:
    """The sets of one chromosome, and the degrees of freedom of a single test."""

    sets: tuple[TraitSet, ...]
    degrees: int

    def omnibus(self, correlations: NDArray[np.float32], one: TraitSet) -> NDArray[np.float32]:
        """(V, b) float32 q, from correlations (V, b, K)."""
        own = np.ascontiguousarray(correlations[:, :, one.columns])
        whitened = own.reshape(-1, len(one.columns)) @ one.root
        q: NDArray[np.float32] = np.einsum("ik,ik->i", whitened, whitened)
        return q.reshape(own.shape[:2])

    def strength(self, q: NDArray[np.floating], one: TraitSet) -> NDArray[np.float64]:
        """-log10 p of q (...,)."""
        count, rest = len(one.columns), self.degrees + 1 - len(one.columns)
        explained = np.clip(np.asarray(q, dtype=np.float64), 0.0, 1 - 1e-12)
        p = special.betainc(rest / 2, count / 2, 1 - explained)
        far = -(rest / 2) * np.log10(1 - explained)  # Its leading term, where p itself underflows.
        return np.where(p > SMALLEST_P, -np.log10(np.maximum(p, SMALLEST_P)), far)

    def acat(self, correlations: NDArray[np.floating]) -> NDArray[np.float64]:
        """(M,) -log10 p from correlations (M, K)."""
        squares = np.minimum(np.square(correlations.astype(np.float64)), 1 - 1e-12)
        return acat(neglog10p(np.sqrt(squares * self.degrees / (1 - squares)), float(self.degrees)))

    def least(self, limit: float) -> float:
        """The absolute correlation whose -log10 p is `limit`."""
        t2 = least_t_squared(limit, self.degrees)
        return float(np.sqrt(t2 / (t2 + self.degrees)))

    def maxima(self, correlations: NDArray[np.float32], largest: NDArray[np.float32]) -> NDArray[np.float64]:
        """(b,) the largest -log10 p of either test over sets and variants; correlations (V, b, K), largest (b, K) of |r|."""
        found = np.zeros(correlations.shape[1])
        limit = self.least(SCREEN)
        for one in self.sets:
            best = self.omnibus(correlations, one).max(axis=0)
            found = np.maximum(found, self.strength(best, one))
            for shuffle in np.flatnonzero(largest[:, one.columns].max(axis=1) > limit):
                own = correlations[:, shuffle, one.columns]
                strong = np.abs(own).max(axis=1) > limit
                found[shuffle] = max(found[shuffle], self.acat(own[strong]).max(initial=0.0))
        return found
