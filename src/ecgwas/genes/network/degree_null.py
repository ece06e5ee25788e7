"""Whether a set of genes has more edges than expected: random networks in which every gene keeps its number of edges.

Random networks follow the model of largest entropy among those in which each node has its degree on average and no pair is
joined twice (Park and Newman 2004, Phys Rev E 70:066117; Squartini and Garlaschelli 2011, New J Phys 13:083001): nodes i and
j are joined with probability x_i x_j / (1 + x_i x_j), independently for each pair. Hubs are therefore expected to be joined,
and well-studied genes with many edges are not significant for that reason alone. (The common shortcut, gene sets drawn from
bins of similar degree, fails here because degrees within the top bin differ manyfold.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-6
MAX_STEPS = 2000


@dataclass(frozen=True)
class EdgeEnrichment:
    """Expected edges and p-value; None: unknown. resamples: random networks, 0 if computed by the service's own formula."""

    expected_edges: float | None = None
    p: float | None = None
    resamples: int = 0


def edge_enrichment(
    degree: NDArray[np.int64], chosen: NDArray[np.int64], observed: int, resamples: int, rng: np.random.Generator
) -> EdgeEnrichment:
    """Tests whether the chosen nodes have more edges among them than in random networks of the same degrees.

    degree (N,): of every node of the whole network; chosen (C,): distinct nodes; observed: edges among them.
    expected_edges is the mean over the resamples; p = (1 + resamples with at least as many edges) / (1 + resamples).
    """
    if resamples == 0 or len(chosen) < 2 or not degree.any():
        return EdgeEnrichment()
    degrees, nodes = np.unique(degree[degree > 0], return_counts=True)
    fitness = fit_fitness(degrees, nodes)
    chosen_nodes = np.array([(degree[chosen] == value).sum() for value in degrees])
    present = np.flatnonzero(chosen_nodes)
    pairs, probability = _pairs(chosen_nodes[present], fitness[present])
    counts = np.array([int(rng.binomial(pairs, probability).sum()) for _ in range(resamples)])
    p = (1 + int((counts >= observed).sum())) / (1 + resamples)
    return EdgeEnrichment(float(counts.mean()), p, resamples)


def fit_fitness(degrees: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.float64]:
    """(K,) fitness x of the nodes of each of K degrees, so that expected degrees equal degrees. nodes (K,): of each degree."""
    fitness: NDArray[np.float64] = degrees / np.sqrt((degrees * nodes).sum())
    for _ in range(MAX_STEPS):
        # A node can be joined to all other nodes of its degree, but not to itself.
        rates = fitness / (1 + np.outer(fitness, fitness))
        sums = rates @ nodes - np.diagonal(rates)
        updated = degrees / sums
        change = np.abs(updated / fitness - 1).max()
        # The geometric mean of old and new: the new alone oscillates where hubs are joined to nearly all nodes.
        fitness = (fitness * updated) ** 0.5
        if change < TOLERANCE:
            break
    return fitness


def _pairs(nodes: NDArray[np.int64], fitness: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Number of pairs of chosen nodes for each pair of degrees, and the probability that such a pair is joined."""
    first, second = np.triu_indices(len(nodes))
    pairs = np.where(first == second, nodes[first] * (nodes[first] - 1) // 2, nodes[first] * nodes[second])
    product = fitness[first] * fitness[second]
    return pairs, product / (1 + product)
