"""Cytoscape's network: every edge ends in a node, names are unique."""

from __future__ import annotations

import json

from ecgwas.exchange import cytoscape
from ecgwas.tables import Clusters, Edges
from ecgwas.tables.genes import GeneCounts


def test_a_network_of_three_genes() -> None:
    clusters = Clusters.of([
        {"gene": gene, "cluster": cluster, "size": size, "degree": degree, "name": name, "named_by": None,
         "colour": None}
        for gene, cluster, size, degree, name in [("B", 1, 2, 2, "heart"), ("A", 1, 2, 1, "heart"), ("C", 2, 1, 1, None)]
    ])  # fmt: skip
    edges = Edges.of([
        {"gene_a": "B", "gene_b": "C", "score": 0.5, "cluster": None},
        {"gene_a": "A", "gene_b": "B", "score": 0.9, "cluster": 1},
    ])  # fmt: skip
    counts = GeneCounts.of([{"gene": "A", "variants": 3, "loci": 2, "leads": 1, "traits": 1, "neglog10p": 9.0}])
    content = cytoscape.network("demo", clusters, edges, counts, "0.1.0")
    nodes = [node["data"] for node in content["elements"]["nodes"]]
    lines = [line["data"] for line in content["elements"]["edges"]]
    assert json.loads(json.dumps(content)) == content
    assert [node["id"] for node in nodes] == ["A", "B", "C"]
    assert nodes[0] == {
        "id": "A", "name": "A", "cluster": 1, "cluster_name": "heart", "degree": 1, "variants": 3, "loci": 2,
    }  # fmt: skip
    assert {end for line in lines for end in (line["source"], line["target"])} <= {node["id"] for node in nodes}
    assert [(line["id"], line["cluster"]) for line in lines] == [("A (pp) B", 1), ("B (pp) C", 0)]
