"""How many edges a set of genes has by chance: random networks in which every gene keeps its degree.

Networks are drawn from the model of largest entropy among those in which each node has its degree on average and no pair is
joined twice (Park and Newman 2004, Phys Rev E 70:066117; Squartini and Garlaschelli 2011, New J Phys 13:083001): nodes i and
j are joined with probability x_i x_j / (1 + x_i x_j), each pair by itself. Hubs are therefore expected to meet often, and a
set of well-studied genes with many edges is no finding by itself. (Gene sets drawn from bins of like degree, the common
short cut, fail here: degrees within the top bin differ manyfold.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SETTLED = 1e-6
MOST_STEPS = 2000


@dataclass(frozen=True)
class Chance:
    """Edges by chance: None where they are not known. resamples 0: by the service's own formula."""

    expected_edges: float | None = None
    p: float | None = None
    resamples: int = 0


def edges_by_chance(
    degree: NDArray[np.int64], chosen: NDArray[np.int64], observed: int, resamples: int, rng: np.random.Generator
) -> Chance:
    """Whether the chosen nodes have more edges among them than in random networks of the same degrees.

    degree (N,): of every node of the whole network; chosen (C,): distinct nodes; observed: edges among them.
    expected_edges is the mean of the resamples; p = (1 + resamples with as many edges) / (1 + resamples).
    """
    if resamples == 0 or len(chosen) < 2 or not degree.any():
        return Chance()
    classes, members = np.unique(degree[degree > 0], return_counts=True)
    fitness = fitted(classes, members)
    here = np.array([(degree[chosen] == value).sum() for value in classes])
    kept = np.flatnonzero(here)
    pairs, joined = _pairs(here[kept], fitness[kept])
    drawn = np.array([int(rng.binomial(pairs, joined).sum()) for _ in range(resamples)])
    return Chance(float(drawn.mean()), (1 + int((drawn >= observed).sum())) / (1 + resamples), resamples)


def fitted(classes: NDArray[np.int64], members: NDArray[np.int64]) -> NDArray[np.float64]:
    """(K,) x of the nodes of each degree, such that expected degrees are the degrees. members (K,): nodes of each."""
    fitness: NDArray[np.float64] = classes / np.sqrt((classes * members).sum())
    for _ in range(MOST_STEPS):
        # A node meets all others of its own class but not itself.
        met = fitness / (1 + np.outer(fitness, fitness))
        sums = met @ members - np.diagonal(met)
        updated = classes / sums
        step = np.abs(updated / fitness - 1).max()
        # The mean of old and new: the new alone swings where hubs are joined to nearly all.
        fitness = (fitness * updated) ** 0.5
        if step < SETTLED:
            break
    return fitness


def _pairs(here: NDArray[np.int64], fitness: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of chosen nodes by their classes, and the probability that such a pair is joined."""
    first, second = np.triu_indices(len(here))
    pairs = np.where(first == second, here[first] * (here[first] - 1) // 2, here[first] * here[second])
    product = fitness[first] * fitness[second]
    return pairs, product / (1 + product)
