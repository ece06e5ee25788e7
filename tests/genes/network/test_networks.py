"""Counts of a network by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from lxml import etree

from ecgwas.genes import cluster_names
from ecgwas.genes.network import networks
from ecgwas.genes.network.degree_null import EdgeEnrichment
from ecgwas.genes.sources import string_files
from ecgwas.report.figures import network as pictures
from ecgwas.report.figures.svg import SERIES
from ecgwas.study import Enrichment, StringFiles
from tests.genes.test_genes import nobody
from tests.report.example import make_contents


def test_clustering_of_a_triangle_with_a_tail() -> None:
    scores = {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): 0.9, ("c", "d"): 0.9}
    assert networks.clustering_coefficient(["a", "b", "c", "d", "e"], scores) == pytest.approx((1 + 1 + 1 / 3 + 0 + 0) / 5)
    assert networks.clustering_coefficient([], {}) is None


def test_every_cluster_of_two_genes_has_its_own_colour() -> None:
    names = [f"g{k}" for k in range(81)]
    groups = [names[2 * k : 2 * k + 2] for k in range(40)] + [names[80:]]
    scores = {(a, b): 0.9 for a, b in groups[:40]}
    frame = networks.build_network("x", "X 1", names, scores, groups, {}, EdgeEnrichment()).clusters.frame
    colours = frame.group_by("cluster").agg(pl.col("colour").unique()).sort("cluster")["colour"].to_list()
    assert all(len(own) == 1 for own in colours)
    given = [colour for (colour,) in colours[:40]]
    assert given[:6] == list(SERIES), "those of the pictures' palette, which follow the page's dark dress"
    assert len(set(given)) == 40
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in given)
    assert colours[40] == [None]


def test_a_pair_counts_once_with_its_larger_score() -> None:
    assert networks.undirected_edges([("b", "a", 0.4), ("a", "b", 0.6), ("c", "c", 1.0)]) == {("a", "b"): 0.6}


def test_notes_report_a_large_cluster_and_the_expected_edges() -> None:
    scores = {("a", "b"): 0.9, ("a", "c"): 0.9, ("a", "d"): 0.9}
    enrichment = EdgeEnrichment(1.5, 0.02, 99)
    network = networks.build_network("x", "X 1", list("abcd"), scores, [list("abcd")], {"e": "why"}, enrichment)
    assert any("100% of the genes" in note for note in network.notes)
    assert "3 edges, 1.5 expected by 99 networks of the same degrees: p = 0.02" in network.notes
    assert network.tests.frame["largest_cluster_share"].to_list() == [1.0]
    assert network.unplaced.frame.rows() == [("gene", "e", None, None, None, None, "x", "why")]


@pytest.mark.real
def test_a_real_network_is_clustered_named_and_drawn(shared: Path) -> None:
    """107 proteins of a STRING export with four hit genes that it does not hold."""
    folder = shared / "data" / "networks"
    lines = (folder / "string_interactions.tsv").read_text().splitlines()[1:]
    genes = sorted({gene for line in lines for gene in line.split("\t")[:2]})
    source, words = StringFiles(links=folder / "string_interactions.tsv"), Enrichment(terms=folder / "ReactomePathways.gmt")
    network = string_files.connect(source, [*genes, "NOTHERE"], seed=1)
    named = cluster_names.name_clusters((source, words), network.clusters, nobody)
    sizes = named.clusters.frame.select("cluster", "size", "name", "named_by").unique().sort("cluster").rows()
    assert [(cluster, size) for cluster, size, _, _ in sizes] == [(1, 101), (2, 4), (3, 2)]
    assert [name for _, _, name, _ in sizes] == ["Interleukin-4 and Interleukin-13 signaling", "Muscle contraction", None]
    found = replace(make_contents().genes, clusters=named.clusters, edges=network.edges)
    for figure in (pictures.network(found), *pictures.clusters(found, 12).values()):
        assert figure is not None
        drawn = list(etree.fromstring(figure.svg.encode()).iter("{http://www.w3.org/2000/svg}circle"))
        places = np.array([[float(circle.get("cx")), float(circle.get("cy"))] for circle in drawn])
        apart = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(len(places), 1)]
        assert apart.min() > 4, "two genes lie on each other"
    assert len(drawn) == 4, "the second cluster, alone"
