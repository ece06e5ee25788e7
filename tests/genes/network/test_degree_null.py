"""Edge enrichment: calibrated on random networks, compared with degree-preserving rewiring, and finding planted modules."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from ecgwas.genes.network import degree_null

Edges = NDArray[np.int64]


def random_network(rng: np.random.Generator, nodes: int, mean_degree: float) -> Edges:
    """(E, 2) edges, none twice; a few nodes have a great many, as in STRING."""
    weight = rng.pareto(2.0, nodes) + 0.5
    product = mean_degree * nodes * np.outer(weight, weight) / weight.sum() ** 2
    return np.argwhere(np.triu(rng.random((nodes, nodes)) < product / (1 + product), 1))


def degrees(edges: Edges, nodes: int) -> Edges:
    return np.bincount(edges.ravel(), minlength=nodes)


def among(edges: Edges, chosen: Edges) -> int:
    return int(np.isin(edges, chosen).all(axis=1).sum())


def edge_test(edges: Edges, nodes: int, chosen: Edges, resamples: int, seed: int) -> degree_null.EdgeEnrichment:
    rng = np.random.default_rng(seed)
    return degree_null.edge_enrichment(degrees(edges, nodes), chosen, among(edges, chosen), resamples, rng)


def test_p_of_hubs_of_a_random_network_is_uniform() -> None:
    rng = np.random.default_rng(1)
    p = []
    for seed in range(150):
        edges = random_network(rng, 300, 8)
        degree = degrees(edges, 300)
        hubs_first = rng.choice(300, 40, replace=False, p=degree / degree.sum())
        p.append(edge_test(edges, 300, hubs_first, 199, seed).p)
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert np.sum(np.array(p) <= 0.05) <= stats.binom.ppf(0.999, 150, 0.05)


def rewired(edges: Edges, rng: np.random.Generator, swaps: int) -> Edges:
    """Maslov and Sneppen 2002 (Science 296:910): two edges change partners, if neither new one is there already."""
    pairs = [tuple(edge) for edge in edges.tolist()]
    there = set(pairs)
    for _ in range(swaps):
        i, j = rng.integers(len(pairs), size=2)
        (a, b), (c, d) = pairs[i], pairs[j] if rng.random() < 0.5 else pairs[j][::-1]
        first, second = (min(a, d), max(a, d)), (min(c, b), max(c, b))
        if len({a, b, c, d}) == 4 and first not in there and second not in there:
            there -= {pairs[i], pairs[j]}
            there |= {first, second}
            pairs[i], pairs[j] = first, second
    return np.array(pairs)


def test_expected_edges_are_those_of_rewired_networks() -> None:
    rng = np.random.default_rng(2)
    edges = random_network(rng, 120, 6)
    degree = degrees(edges, 120)
    for chosen in (np.argsort(degree)[-30:], rng.choice(120, 40, replace=False)):
        counts, network = [], edges
        for _ in range(60):
            network = rewired(network, rng, 3 * len(edges))
            assert (degrees(network, 120) == degree).all()
            counts.append(among(network, chosen))
        ours = edge_test(edges, 120, chosen, 2000, 3).expected_edges
        assert ours == pytest.approx(np.mean(counts), abs=4 * np.std(counts) / np.sqrt(60) + 0.03 * np.mean(counts))


def test_expected_degrees_are_the_degrees() -> None:
    degree = degrees(random_network(np.random.default_rng(3), 400, 12), 400)
    classes, members = np.unique(degree[degree > 0], return_counts=True)
    x = degree_null.fit_fitness(classes, members)
    each = np.repeat(x, members)
    joined = np.outer(each, each) / (1 + np.outer(each, each))
    np.testing.assert_allclose(joined.sum(axis=1) - np.diagonal(joined), np.repeat(classes, members), rtol=1e-4)


def test_a_planted_module_is_more_than_chance() -> None:
    rng = np.random.default_rng(4)
    edges = random_network(rng, 600, 6)
    module = np.arange(20)
    planted = np.array([pair for pair in combinations(module.tolist(), 2) if rng.random() < 0.4])
    together = np.unique(np.concatenate([edges, planted]), axis=0)
    found = edge_test(together, 600, module, 200, 5)
    assert found.p == 1 / 201
    assert found.expected_edges is not None
    assert found.expected_edges < len(planted) / 2


def test_the_same_seed_gives_the_same_chance_and_nothing_to_test_gives_none() -> None:
    edges = random_network(np.random.default_rng(7), 300, 5)
    chosen = np.arange(30)
    assert edge_test(edges, 300, chosen, 50, 1) == edge_test(edges, 300, chosen, 50, 1)
    assert edge_test(edges, 300, chosen, 50, 1) != edge_test(edges, 300, chosen, 50, 2)
    assert edge_test(edges, 300, np.arange(1), 50, 1) == degree_null.EdgeEnrichment()
    assert edge_test(edges, 300, chosen, 0, 1) == degree_null.EdgeEnrichment()
    assert edge_test(np.empty((0, 2), dtype=np.int64), 300, chosen, 50, 1) == degree_null.EdgeEnrichment()
