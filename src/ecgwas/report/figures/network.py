"""The network of hit genes, as a whole and cluster by cluster, laid out by forces from a fixed start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.report.contents import Figure, GeneResults
from ecgwas.report.figures import svg as d
from ecgwas.report.figures.gene_details import GeneDetails
from ecgwas.report.plot_data import PlotData

STEPS = 300
DENSE = 4
"""Genes with more edges than this are pulled less by each."""
CROWD = 60
"""In figures of more genes than this, they are drawn smaller."""
MANY_EDGES = 300
"""In figures of more edges than this, they are thinner and paler."""
MOST_NAMED = 150
MOST_CLUSTERS, LEGEND_ROW = 12, 17.0
GROUND = {"paint_order": "stroke", "stroke": d.SURFACE, "stroke_width": "2.5", "stroke_opacity": "0.8"}
"""Background of names, so that no edge runs through them."""
SMALLEST_CLUSTER = 3
"""Clusters of fewer genes have no figure."""
WIDTH, HEIGHT = 930.0, 560.0


@dataclass(frozen=True)
class _Graph:
    """Genes, pairs (E, 2) of indices of genes, weights (E,), cluster of each gene (N,), colour of each cluster."""

    names: list[str]
    pairs: NDArray[np.int64]
    weights: NDArray[np.float64]
    clusters: NDArray[np.int64]
    colours: Mapping[int, str]

    @classmethod
    def of(cls, edges: pl.DataFrame, clusters: pl.DataFrame, names: list[str]) -> _Graph:
        """These genes with their edges."""
        index = {name: i for i, name in enumerate(names)}
        pairs = [[index[a], index[b]] for a, b in edges.select("gene_a", "gene_b").iter_rows()]
        cluster_of = dict(clusters.select("gene", "cluster").iter_rows())
        colours = dict(clusters.drop_nulls("colour").select("cluster", "colour").unique().iter_rows())
        of = np.array([cluster_of.get(name, 0) for name in names])
        return cls(names, np.array(pairs, dtype=np.int64).reshape(-1, 2), edges["score"].to_numpy(), of, colours)

    def colour(self, cluster: int) -> str:
        """Grey where the cluster has none."""
        return self.colours.get(cluster, d.MUTED)


def network(results: GeneResults, details: GeneDetails | None = None) -> Figure | None:
    """Genes as points, edges by STRING score, colours by cluster; genes without an edge are only counted.

    details: what is listed of a chosen gene; None: nothing
    """
    edges, clusters = results.edges.frame, results.clusters.frame
    if edges.height == 0:
        return None
    graph = _Graph.of(edges, clusters, sorted({*edges["gene_a"], *edges["gene_b"]}))
    drawn, below = _drawn(graph, numbered=True)
    named = _legend(clusters, graph, below + 16)
    number_of_clusters = len(set(graph.clusters[graph.clusters > 0].tolist()))
    alone = clusters.filter(~pl.col("gene").is_in(graph.names)).height
    caption = (
        f"{len(graph.names)} hit genes with {_count(edges.height, 'edge')} in STRING, "
        f"{_count(number_of_clusters, 'MCL cluster')} (colour and number; grey edges connect clusters). {alone} hit genes "
        "without an edge are not drawn: the table of clusters lists them."
    )
    table = edges.sort("gene_a", "gene_b")
    picture = d.svg(WIDTH, below + (6 + LEGEND_ROW * len(named)), [*drawn, *named], caption)
    plot = None if details is None else PlotData(details=details.of_genes(graph.names))
    return Figure("Network of the hit genes", caption, picture, table.write_csv(), plot)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def clusters(results: GeneResults, max_clusters: int) -> dict[str, Figure]:
    """`cluster_<number>` -> the genes and edges of one cluster, of the `most` largest that have SMALLEST_CLUSTER genes."""
    frame = results.clusters.frame.filter(pl.col("size") >= SMALLEST_CLUSTER)
    numbers = frame.get_column("cluster").unique().sort().to_list()[:max_clusters]
    edges = results.edges.frame
    return {f"cluster_{number}": _cluster(number, edges.filter(pl.col("cluster") == number), frame) for number in numbers}


def _cluster(number: int, edges: pl.DataFrame, clusters: pl.DataFrame) -> Figure:
    own = clusters.filter(pl.col("cluster") == number)
    graph = _Graph.of(edges, own, sorted(own["gene"]))
    drawn, below = _drawn(graph, numbered=False)
    caption = f"{own.height} hit genes with {edges.height} edges among them in STRING."
    title = f"Cluster {number}: {own['name'][0] or 'without a name'}"
    picture = d.svg(WIDTH, below + 6, drawn, f"{title}. {caption}")
    return Figure(title, caption, picture, edges.sort("gene_a", "gene_b").write_csv())


def _drawn(graph: _Graph, *, numbered: bool) -> tuple[list[str], float]:
    """Edges and genes, and their lower end. numbered: the cluster's number follows the gene's name."""
    size = min(1.0, 0.3 + float(np.sqrt(len(graph.names))) / 9)
    places = _fitted(_layout(len(graph.names), graph.pairs, graph.weights, graph.clusters), size)
    return _edges(graph, places) + _nodes(graph, places, numbered=numbered), HEIGHT * size


def _layout(
    count: int, pairs: NDArray[np.int64], weights: NDArray[np.float64], clusters: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(count, 2) places by Fruchterman and Reingold (1991, Softw Pract Exp 21:1129), started on a fixed circle.

    Edges within a cluster pull three times as hard, so that clusters gather; a weak pull to the middle keeps components
    together. An edge between genes with many edges pulls less, so that dense clusters do not collapse into one point.
    """
    angles = 2 * np.pi * np.argsort(np.argsort(clusters, kind="stable"), kind="stable") / count
    places = np.column_stack([np.cos(angles), np.sin(angles)]) * (1 + 0.1 * np.cos(7 * angles))[:, None]
    ideal = 1.6 / np.sqrt(count)
    degrees = np.maximum(np.bincount(pairs.ravel(), minlength=count), DENSE)
    pull = weights * np.where(clusters[pairs[:, 0]] == clusters[pairs[:, 1]], 3.0, 1.0)
    pull *= DENSE / np.sqrt(degrees[pairs[:, 0]] * degrees[pairs[:, 1]])
    for step in range(STEPS):
        offsets = places[:, None, :] - places[None, :, :]
        distance = np.maximum(np.linalg.norm(offsets, axis=2), 1e-3)
        force = (offsets * (ideal**2 / distance**2)[:, :, None]).sum(axis=1)
        edge = places[pairs[:, 0]] - places[pairs[:, 1]]
        drag = edge * (pull * np.linalg.norm(edge, axis=1) / ideal)[:, None]
        np.add.at(force, pairs[:, 0], -drag)
        np.add.at(force, pairs[:, 1], drag)
        force -= 0.6 * places
        size = np.maximum(np.linalg.norm(force, axis=1, keepdims=True), 1e-9)
        places = places + force / size * np.minimum(size, 0.12 * (1 - step / STEPS))
    return places


def _fitted(places: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """Stretched onto the middle of the figure with space for names; few genes take less of it."""
    low, high = places.min(axis=0), places.max(axis=0)
    share = (places - low) / np.where(high > low, high - low, 1.0)
    share = np.where(high > low, share, 0.5)
    fitted: NDArray[np.float64] = np.array([WIDTH / 2, HEIGHT * size / 2]) + (share - 0.5) * size * np.array(
        [WIDTH - 120, HEIGHT - 90]
    )
    return fitted


def _legend(clusters: pl.DataFrame, graph: _Graph, top: float) -> list[str]:
    """The largest clusters that are drawn, one a line."""
    names = dict(clusters.drop_nulls("name").select("cluster", "name").unique().sort("cluster").iter_rows())
    shown = [cluster for cluster in sorted(names) if cluster in set(graph.clusters.tolist())][:MOST_CLUSTERS]
    words = [f"{cluster}: {names[cluster]}" for cluster in shown]
    keys = zip(words, (graph.colour(cluster) for cluster in shown), strict=True)
    rows = [d.legend(16, top + i * LEGEND_ROW, [key]) for i, key in enumerate(keys)]
    return [f"<g data-cluster-name='{cluster}'>{''.join(row)}</g>" for cluster, row in zip(shown, rows, strict=True)]


def _edges(graph: _Graph, places: NDArray[np.float64]) -> list[str]:
    parts = []
    pale = min(1.0, float(np.sqrt(MANY_EDGES / max(len(graph.pairs), 1))))
    for (a, b), weight in zip(graph.pairs, graph.weights, strict=True):
        inside = graph.clusters[a] == graph.clusters[b]
        colour = graph.colour(int(graph.clusters[a])) if inside else d.MUTED
        x1, y1, x2, y2 = (float(value) for value in (*places[a], *places[b]))
        width = round(max(0.6, (0.6 + 2.0 * float(weight)) * pale), 1)
        pair = f"{graph.names[a]} {graph.names[b]}"
        opacity = f"{(0.5 if inside else 0.2) * pale:.2g}"
        parts.append(d.line(x1, y1, x2, y2, colour, width, stroke_opacity=opacity, data_edge=pair))
    return parts


def _nodes(graph: _Graph, places: NDArray[np.float64], *, numbered: bool) -> list[str]:
    degrees = np.bincount(graph.pairs.ravel(), minlength=len(graph.names))
    named = set(np.argsort(-degrees, kind="stable")[:MOST_NAMED].tolist())
    shrunk = min(1.0, float(np.sqrt(CROWD / len(graph.names))) / 1.5 if len(graph.names) > CROWD else 1.0)
    parts = []
    for i, name in enumerate(graph.names):
        x, y = places[i]
        radius = (5 + 1.6 * float(np.sqrt(degrees[i]))) * shrunk
        cluster = int(graph.clusters[i])
        title = f"<title>{name}: cluster {cluster or 'none'}, {_count(int(degrees[i]), 'edge')}</title>"
        at = f"cx='{d.number(x)}' cy='{d.number(y)}' r='{d.number(radius)}'"
        at += d.attributes(data_gene=name, data_cluster=cluster, data_details=name if numbered else None)
        fill = graph.colour(cluster)
        parts.append(f"<circle {at} fill='{fill}' stroke='{d.SURFACE}' stroke-width='1.5'>{title}</circle>")
        if i in named:
            mark = f"{name} {cluster}" if cluster and numbered else name
            label = d.text(x, y - radius - 4, mark, anchor="middle", size=11, fill=d.INK, font_style="italic",
                           data_label=name, pointer_events="none", **GROUND)  # fmt: skip
            parts.append(label)
    return parts
