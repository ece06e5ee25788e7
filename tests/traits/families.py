"""Cohorts of several ancestries with planted relatives, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CODES = NDArray[np.uint8]


@dataclass(frozen=True)
class Cohort:
    """codes (V, N) copies; ancestry (N,) int64; pairs: relationship -> pairs of people, by place."""

    codes: CODES
    ancestry: NDArray[np.int64]
    pairs: dict[str, list[tuple[int, int]]]


def frequencies(rng: np.random.Generator, populations: int, fst: float, variants: int) -> NDArray[np.float64]:
    """(populations, V) of Balding and Nichols (1995): each variant's frequencies spread by `fst` around a common one."""
    ancestral = rng.uniform(0.1, 0.9, variants)
    if fst == 0:
        return np.tile(ancestral, (populations, 1))
    scale = (1 - fst) / fst
    return rng.beta(ancestral * scale, (1 - ancestral) * scale, (populations, variants))


def people(rng: np.random.Generator, share: NDArray[np.float64], count: int) -> CODES:
    """(V, count) copies of unrelated people."""
    return rng.binomial(2, share[:, None], (len(share), count)).astype(np.uint8)


def child(rng: np.random.Generator, mother: CODES, father: CODES) -> CODES:
    """(V,) copies of a child of two people (V,), variants unlinked."""
    return ((rng.random(len(mother)) < mother / 2) + (rng.random(len(father)) < father / 2).astype(np.uint8)).astype(np.uint8)


def mixed(
    seed: int,
    sizes: Sequence[int],
    fst: float,
    *,
    variants: int = 5000,
    duplicates: int = 5,
    siblings: int = 10,
    parents: int = 5,
) -> Cohort:
    """Unrelated people, sizes[k] of ancestry k, and in each ancestry pairs of duplicates, full siblings, parent and child."""
    rng = np.random.default_rng(seed)
    shares = frequencies(rng, len(sizes), fst, variants)
    columns: list[CODES] = []
    ancestry: list[int] = []
    pairs: dict[str, list[tuple[int, int]]] = {"duplicate": [], "sibling": [], "parent": []}

    def add(codes: CODES, k: int) -> int:
        columns.append(codes)
        ancestry.append(k)
        return len(columns) - 1

    for k, size in enumerate(sizes):
        for codes in people(rng, shares[k], size).T:
            add(codes, k)
        strangers = iter(people(rng, shares[k], 2 * (siblings + parents)).T)
        first = len(columns) - size
        for i in range(duplicates):
            pairs["duplicate"].append((first + i, add(columns[first + i], k)))
        for _ in range(siblings):
            mother, father = next(strangers), next(strangers)
            pairs["sibling"].append((add(child(rng, mother, father), k), add(child(rng, mother, father), k)))
        for _ in range(parents):
            mother, father = next(strangers), next(strangers)
            pairs["parent"].append((add(mother, k), add(child(rng, mother, father), k)))
    return Cohort(np.stack(columns, axis=1), np.array(ancestry), pairs)
