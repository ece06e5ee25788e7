"""Cohorts with relatives: families whose genotypes come from their parents, and traits with a given heritability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIBLINGS = (4, 2)
"""Families have as many children, by turns; their parents are not in the cohort."""


@dataclass(frozen=True)
class Cohort:
    """copies (N, V) int8, copies 0-2; chromosome (V,) int64, 1 to C; N people, the families before the unrelated."""

    copies: NDArray[np.int8]
    chromosome: NDArray[np.int64]


def draw(people: int, variants: int, *, related: float, seed: int, chromosomes: int = 4, segments: int = 10) -> Cohort:
    """A share `related` of `people` are siblings; variants lie on `chromosomes`, each inherited in `segments` pieces."""
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0.05, 0.5, variants)
    chromosome = np.sort(np.arange(variants) % chromosomes) + 1
    segment = (np.arange(variants) * chromosomes * segments) // variants
    rows: list[NDArray[np.int8]] = []
    family = 0
    while len(rows) < related * people:
        parents = (rng.random((2, 2, variants)) < frequency).astype(np.int8)
        for _ in range(SIBLINGS[family % len(SIBLINGS)]):
            chosen = rng.integers(0, 2, (2, int(segment.max()) + 1))[:, segment]
            rows.append(sum(np.where(chosen[i] == 1, parents[i, 1], parents[i, 0]) for i in range(2)))
        family += 1
    rows = rows[:people]
    unrelated = rng.binomial(2, frequency, (people - len(rows), variants)).astype(np.int8)
    return Cohort(np.concatenate([np.array(rows, dtype=np.int8).reshape(-1, variants), unrelated]), chromosome)


def siblings(people: int, related: float) -> list[tuple[int, int]]:
    """The pairs of siblings of a cohort that `draw` makes."""
    pairs: list[tuple[int, int]] = []
    start, family = 0, 0
    while start < related * people:
        stop = min(start + SIBLINGS[family % len(SIBLINGS)], people)
        pairs += [(i, j) for i in range(start, stop) for j in range(i + 1, stop)]
        start, family = stop, family + 1
    return pairs


def polygenic(copies: NDArray[np.int8], shares: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """(N, K) traits of variance 1; the share of each (K,) is the sum of small effects of all variants (N, V)."""
    rng = np.random.default_rng([seed, 7])
    scaled = (copies - copies.mean(axis=0)) / np.maximum(copies.std(axis=0), 1e-9)
    effects = rng.standard_normal((copies.shape[1], len(shares))) / np.sqrt(copies.shape[1])
    noise = rng.standard_normal((len(copies), len(shares)))
    return np.asarray(scaled @ effects * np.sqrt(shares) + noise * np.sqrt(1 - shares))
