"""What is made of edges among hit genes, wherever they come from: clusters, tables, and whether they are more than chance."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecgwas.genes.network import mcl
from ecgwas.genes.network.degree_null import Chance
from ecgwas.tables import VARIANT_KEY, Clusters, Edges
from ecgwas.tables.genes import NetworkTests, Unplaced

HAIRBALL = 0.75
"""A largest cluster with this share of the genes says that the clusters mean little."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9")
"""Okabe and Ito's, told apart with any colour vision; further clusters are told apart by their numbers."""
GOLDEN = 0.6180339887

Scores = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Network:
    """Edges and clusters of the hit genes, the test of their number, genes not in it, and what to know, in words."""

    clusters: Clusters
    edges: Edges
    tests: NetworkTests
    unplaced: Unplaced
    notes: tuple[str, ...]


def no_network(*notes: str) -> Network:
    """Empty tables."""
    return Network(Clusters.empty(), Edges.empty(), NetworkTests.empty(), Unplaced.empty(), notes)


def undirected(pairs: Sequence[tuple[str, str, float]]) -> dict[tuple[str, str], float]:
    """Each pair once, in order of names, with its larger score; loops are left out."""
    scores: dict[tuple[str, str], float] = {}
    for a, b, score in pairs:
        if a != b:
            key = (min(a, b), max(a, b))
            scores[key] = max(score, scores.get(key, 0.0))
    return scores


def describe(
    source: str, version: str, genes: Sequence[str], scores: Scores, groups: Sequence[Sequence[str]],
    unplaced: Mapping[str, str], chance: Chance,
) -> Network:  # fmt: skip
    """Tables of a network. groups: its clusters, the largest first; unplaced: gene -> why it is not in the network."""
    cluster_of = {gene: number for number, group in enumerate(groups, start=1) for gene in group}
    largest = max((len(group) for group in groups), default=0) / max(len(genes), 1)
    test = {
        "source": source, "source_version": version, "genes": len(genes), "edges": len(scores),
        "average_degree": 2 * len(scores) / len(genes) if genes else None, "clustering": clustering(genes, scores),
        "expected_edges": chance.expected_edges, "p": chance.p, "resamples": chance.resamples,
        "largest_cluster_share": largest if genes else None,
    }  # fmt: skip
    place = dict.fromkeys(VARIANT_KEY)
    rows = [
        {"what": "gene", "name": gene, **place, "source": source, "reason": reason} for gene, reason in sorted(unplaced.items())
    ]
    notes = [f"{len(genes)} of {len(genes) + len(unplaced)} hit genes are in {version}, with {len(scores)} edges"]
    notes += [f"not in {version}: {', '.join(sorted(unplaced))}"] if unplaced else []
    notes += _about_chance(len(scores), chance)
    if len(genes) > 3 and largest >= HAIRBALL:
        notes.append(f"the largest cluster holds {largest:.0%} of the genes: raise min_score or inflation to see parts of it")
    return Network(
        _clusters(groups, scores), _edges(scores, cluster_of), NetworkTests.of([test]), Unplaced.of(rows), tuple(notes)
    )


def _about_chance(edges: int, chance: Chance) -> list[str]:
    if chance.p is None or chance.expected_edges is None:
        return []
    how = f"{chance.resamples} networks of the same degrees" if chance.resamples else "the service's formula"
    return [f"{edges} edges, {chance.expected_edges:.1f} expected by {how}: p = {chance.p:.2g}"]


def _clusters(groups: Sequence[Sequence[str]], scores: Scores) -> Clusters:
    degree: dict[str, int] = {}
    for pair in scores:
        for gene in pair:
            degree[gene] = degree.get(gene, 0) + 1
    blank = {"name": None, "named_by": None}
    return Clusters.of(
        [
            {"gene": gene, "cluster": number, "size": len(group), "degree": degree.get(gene, 0), "colour": colour, **blank}
            for number, group in enumerate(groups, start=1)
            for colour in [colour_of(number) if len(group) > 1 else None]
            for gene in group
        ]
    )


def colour_of(cluster: int) -> str:
    """#rrggbb of a cluster: the first few by COLOURS, those after them by turns of the golden angle around the hues."""
    if cluster <= len(COLOURS):
        return COLOURS[cluster - 1]
    hue = (cluster * GOLDEN) % 1.0
    lightness = (0.38, 0.52)[cluster % 2]
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, lightness, 0.6))


def _edges(scores: Scores, cluster_of: Mapping[str, int]) -> Edges:
    rows = []
    for (a, b), score in sorted(scores.items()):
        together = cluster_of[a] if cluster_of[a] == cluster_of[b] else None
        rows.append({"gene_a": a, "gene_b": b, "score": score, "cluster": together})
    return Edges.of(rows)


def clustered(genes: Sequence[str], scores: Scores, inflation: float) -> list[list[str]]:
    """MCL clusters, weights = scores."""
    return mcl.cluster(sorted(genes), [(a, b, score) for (a, b), score in scores.items()], inflation)


def clustering(genes: Sequence[str], scores: Scores) -> float | None:
    """Mean local clustering coefficient (Watts and Strogatz 1998, Nature 393:440); 0 for genes of fewer than two edges."""
    if not genes:
        return None
    neighbours: dict[str, set[str]] = {gene: set() for gene in genes}
    for a, b in scores:
        neighbours[a].add(b)
        neighbours[b].add(a)
    shares = []
    for near in neighbours.values():
        closed = sum(len(near & neighbours[gene]) for gene in near) / 2
        possible = len(near) * (len(near) - 1) / 2
        shares.append(closed / possible if possible else 0.0)
    return float(np.mean(shares))
