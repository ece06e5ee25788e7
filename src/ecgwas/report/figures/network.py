"""The network of hit genes, laid out by forces from a fixed start."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report import drawing as d
from ecgwas.report.findings import Figure, Findings

STEPS = 300
MOST_NAMED = 150
MOST_CLUSTERS, LEGEND_ROW = 12, 17.0
WIDTH, HEIGHT = 930.0, 560.0


def network(findings: Findings) -> Figure | None:
    """Genes as points, edges by STRING score, colours by cluster; genes without an edge are only counted."""
    edges = findings.edges.frame
    if edges.height == 0:
        return None
    names = sorted({*edges["gene_a"], *edges["gene_b"]})
    index = {name: i for i, name in enumerate(names)}
    pairs = np.array([[index[a], index[b]] for a, b in edges.select("gene_a", "gene_b").iter_rows()])
    clusters = dict(findings.clusters.frame.select("gene", "cluster").iter_rows())
    of = np.array([clusters.get(name, 0) for name in names])
    size = min(1.0, 0.3 + float(np.sqrt(len(names))) / 9)
    places = _fitted(_layout(len(names), pairs, edges["score"].to_numpy(), of), size)
    parts = _edges(names, places, pairs, edges["score"].to_numpy(), of) + _nodes(names, places, of, np.bincount(pairs.ravel()))
    below = HEIGHT * size
    named = _legend(findings, of, below + 16)
    number_of_clusters = len(set(of[of > 0].tolist()))
    alone = findings.clusters.frame.filter(~pl.col("gene").is_in(names)).height
    caption = (
        f"{len(names)} hit genes with {edges.height} edges in STRING, {number_of_clusters} MCL clusters (colour and number; "
        f"grey edges run between clusters). {alone} hit genes without an edge are not drawn."
    )
    table = edges.sort("gene_a", "gene_b")
    return Figure(
        "Network of the hit genes",
        caption,
        d.svg(WIDTH, below + (6 + LEGEND_ROW * len(named)), [*parts, *named], caption),
        table.write_csv(),
    )


def _layout(
    count: int, pairs: NDArray[np.int64], weights: NDArray[np.float64], clusters: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(count, 2) places by Fruchterman and Reingold (1991, Softw Pract Exp 21:1129), started on a fixed circle.

    Edges within a cluster pull thrice as hard, so that clusters gather; a weak pull to the middle keeps pieces together.
    """
    angles = 2 * np.pi * np.argsort(np.argsort(clusters, kind="stable"), kind="stable") / count
    places = np.column_stack([np.cos(angles), np.sin(angles)]) * (1 + 0.1 * np.cos(7 * angles))[:, None]
    ideal = 1.6 / np.sqrt(count)
    pull = weights * np.where(clusters[pairs[:, 0]] == clusters[pairs[:, 1]], 3.0, 1.0)
    for step in range(STEPS):
        apart = places[:, None, :] - places[None, :, :]
        distance = np.maximum(np.linalg.norm(apart, axis=2), 1e-3)
        force = (apart * (ideal**2 / distance**2)[:, :, None]).sum(axis=1)
        along = places[pairs[:, 0]] - places[pairs[:, 1]]
        drag = along * (pull * np.linalg.norm(along, axis=1) / ideal)[:, None]
        np.add.at(force, pairs[:, 0], -drag)
        np.add.at(force, pairs[:, 1], drag)
        force -= 0.6 * places
        size = np.maximum(np.linalg.norm(force, axis=1, keepdims=True), 1e-9)
        places = places + force / size * np.minimum(size, 0.12 * (1 - step / STEPS))
    return places


def _fitted(places: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """Stretched onto the middle of the picture with room for names; few genes take less of it."""
    low, high = places.min(axis=0), places.max(axis=0)
    share = (places - low) / np.where(high > low, high - low, 1.0)
    share = np.where(high > low, share, 0.5)
    fitted: NDArray[np.float64] = np.array([WIDTH / 2, HEIGHT * size / 2]) + (share - 0.5) * size * np.array(
        [WIDTH - 120, HEIGHT - 90]
    )
    return fitted


def _legend(findings: Findings, clusters: NDArray[np.int64], top: float) -> list[str]:
    """The clusters that have a name and are drawn, one a line."""
    names = dict(findings.clusters.frame.drop_nulls("name").select("cluster", "name").unique().sort("cluster").iter_rows())
    shown = [cluster for cluster in sorted(names) if cluster in set(clusters.tolist())][:MOST_CLUSTERS]
    words = [f"{cluster}: {names[cluster]}" for cluster in shown]
    return ["".join(d.legend(16, top + i * LEGEND_ROW, [(words[i], _colour(cluster))])) for i, cluster in enumerate(shown)]


def _colour(cluster: int) -> str:
    return d.SERIES[(cluster - 1) % len(d.SERIES)] if cluster > 0 else d.MUTED


def _edges(
    names: list[str], places: NDArray[np.float64], pairs: NDArray[np.int64], weights: NDArray[np.float64],
    clusters: NDArray[np.int64],
) -> list[str]:  # fmt: skip
    parts = []
    for (a, b), weight in zip(pairs, weights, strict=True):
        inside = clusters[a] == clusters[b]
        colour = _colour(int(clusters[a])) if inside else d.MUTED
        x1, y1, x2, y2 = (float(value) for value in (*places[a], *places[b]))
        width = round(0.6 + 2.0 * float(weight), 1)
        pair = f"{names[a]} {names[b]}"
        parts.append(d.line(x1, y1, x2, y2, colour, width, stroke_opacity="0.5" if inside else "0.2", data_edge=pair))
    return parts


def _nodes(names: list[str], places: NDArray[np.float64], clusters: NDArray[np.int64], degrees: NDArray[np.int64]) -> list[str]:
    named = set(np.argsort(-degrees, kind="stable")[:MOST_NAMED].tolist())
    parts = []
    for i, name in enumerate(names):
        x, y = places[i]
        radius = 5 + 1.6 * float(np.sqrt(degrees[i]))
        cluster = int(clusters[i])
        title = f"<title>{name}: cluster {cluster or 'none'}, {degrees[i]} edges</title>"
        at = f"cx='{d.number(x)}' cy='{d.number(y)}' r='{d.number(radius)}'"
        at += d.attributes(data_gene=name)
        parts.append(f"<circle {at} fill='{_colour(cluster)}' stroke='{d.SURFACE}' stroke-width='1.5'>{title}</circle>")
        if i in named:
            mark = f"{name} {cluster}" if cluster else name
            parts.append(d.text(x, y - radius - 4, mark, anchor="middle", size=11, fill=d.INK, font_style="italic"))
    return parts
