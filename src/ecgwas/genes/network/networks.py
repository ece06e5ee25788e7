"""Tables of a network of hit genes, whatever its source: edges, clusters, and the test of its number of edges."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecgwas.genes.network import mcl
from ecgwas.genes.network.degree_null import EdgeEnrichment
from ecgwas.tables import VARIANT_KEY, Clusters, Edges
from ecgwas.tables.genes import NetworkTests, Unplaced

LARGE_CLUSTER_SHARE = 0.75
"""A largest cluster with this share of the genes or more gives a note: such clusters mean little."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9")
"""Okabe and Ito's colours, distinct with any colour vision; further clusters are distinguished by their numbers."""
GOLDEN_RATIO = 0.6180339887

Scores = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Network:
    """Edges and clusters of the hit genes, the test of the number of edges, genes outside the network, notes for the user."""

    clusters: Clusters
    edges: Edges
    tests: NetworkTests
    unplaced: Unplaced
    notes: tuple[str, ...]


def no_network(*notes: str) -> Network:
    """Empty tables."""
    return Network(Clusters.empty(), Edges.empty(), NetworkTests.empty(), Unplaced.empty(), notes)


def undirected_edges(pairs: Sequence[tuple[str, str, float]]) -> dict[tuple[str, str], float]:
    """Each pair once, its names in order, with its larger score; without loops."""
    scores: dict[tuple[str, str], float] = {}
    for a, b, score in pairs:
        if a != b:
            key = (min(a, b), max(a, b))
            scores[key] = max(score, scores.get(key, 0.0))
    return scores


def build_network(
    source: str, version: str, genes: Sequence[str], scores: Scores, groups: Sequence[Sequence[str]],
    unplaced: Mapping[str, str], enrichment: EdgeEnrichment,
) -> Network:  # fmt: skip
    """Tables of a network. groups: its clusters, the largest first; unplaced: gene -> why it is not in the network."""
    cluster_of = {gene: number for number, group in enumerate(groups, start=1) for gene in group}
    largest = max((len(group) for group in groups), default=0) / max(len(genes), 1)
    test = {
        "source": source, "source_version": version, "genes": len(genes), "edges": len(scores),
        "average_degree": 2 * len(scores) / len(genes) if genes else None, "clustering": clustering_coefficient(genes, scores),
        "expected_edges": enrichment.expected_edges, "p": enrichment.p, "resamples": enrichment.resamples,
        "largest_cluster_share": largest if genes else None,
    }  # fmt: skip
    no_position = dict.fromkeys(VARIANT_KEY)
    rows = [
        {"what": "gene", "name": gene, **no_position, "source": source, "reason": reason}
        for gene, reason in sorted(unplaced.items())
    ]
    notes = [f"{len(genes)} of {len(genes) + len(unplaced)} hit genes are in {version}, with {len(scores)} edges"]
    notes += [f"not in {version}: {', '.join(sorted(unplaced))}"] if unplaced else []
    notes += _enrichment_notes(len(scores), enrichment)
    if len(genes) > 3 and largest >= LARGE_CLUSTER_SHARE:
        notes.append(f"the largest cluster holds {largest:.0%} of the genes: raise min_score or inflation to see parts of it")
    return Network(
        _clusters(groups, scores), _edges(scores, cluster_of), NetworkTests.of([test]), Unplaced.of(rows), tuple(notes)
    )


def _enrichment_notes(edges: int, enrichment: EdgeEnrichment) -> list[str]:
    if enrichment.p is None or enrichment.expected_edges is None:
        return []
    method = f"{enrichment.resamples} networks of the same degrees" if enrichment.resamples else "the service's formula"
    return [f"{edges} edges, {enrichment.expected_edges:.1f} expected by {method}: p = {enrichment.p:.2g}"]


def _clusters(groups: Sequence[Sequence[str]], scores: Scores) -> Clusters:
    degree: dict[str, int] = {}
    for pair in scores:
        for gene in pair:
            degree[gene] = degree.get(gene, 0) + 1
    unnamed = {"name": None, "named_by": None}
    return Clusters.of(
        [
            {"gene": gene, "cluster": number, "size": len(group), "degree": degree.get(gene, 0), "colour": colour, **unnamed}
            for number, group in enumerate(groups, start=1)
            for colour in [colour_of(number) if len(group) > 1 else None]
            for gene in group
        ]
    )


def colour_of(cluster: int) -> str:
    """#rrggbb of a cluster: the first ones from COLOURS, further ones by steps of the golden angle around the hues."""
    if cluster <= len(COLOURS):
        return COLOURS[cluster - 1]
    hue = (cluster * GOLDEN_RATIO) % 1.0
    lightness = (0.38, 0.52)[cluster % 2]
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, lightness, 0.6))


def _edges(scores: Scores, cluster_of: Mapping[str, int]) -> Edges:
    rows = []
    for (a, b), score in sorted(scores.items()):
        cluster = cluster_of[a] if cluster_of[a] == cluster_of[b] else None
        rows.append({"gene_a": a, "gene_b": b, "score": score, "cluster": cluster})
    return Edges.of(rows)


def mcl_clusters(genes: Sequence[str], scores: Scores, inflation: float) -> list[list[str]]:
    """Clusters by Markov clustering, with the scores as weights."""
    return mcl.cluster(sorted(genes), [(a, b, score) for (a, b), score in scores.items()], inflation)


def clustering_coefficient(genes: Sequence[str], scores: Scores) -> float | None:
    """Mean local clustering coefficient (Watts and Strogatz 1998, Nature 393:440); a gene with fewer than two edges has 0."""
    if not genes:
        return None
    neighbours: dict[str, set[str]] = {gene: set() for gene in genes}
    for a, b in scores:
        neighbours[a].add(b)
        neighbours[b].add(a)
    coefficients = []
    for adjacent in neighbours.values():
        triangles = sum(len(adjacent & neighbours[gene]) for gene in adjacent) / 2
        possible = len(adjacent) * (len(adjacent) - 1) / 2
        coefficients.append(triangles / possible if possible else 0.0)
    return float(np.mean(coefficients))
