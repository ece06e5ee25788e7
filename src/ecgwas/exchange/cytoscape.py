"""The network of hit genes for Cytoscape (File > Import > Network) and Cytoscape.js: its JSON format (.cyjs)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecgwas.tables import Clusters, Edges
from ecgwas.tables.genes import GeneCounts


def network(name: str, clusters: Clusters, edges: Edges, counts: GeneCounts, version: str) -> Mapping[str, Any]:
    """Genes with cluster, its name, degree and numbers of variants and loci; edges with score and cluster (0: between)."""
    counts_of = {row["gene"]: row for row in counts.frame.iter_rows(named=True)}
    nodes = [
        {
            "data": {
                "id": row["gene"], "name": row["gene"], "cluster": row["cluster"], "cluster_name": row["name"] or "",
                "degree": row["degree"], "variants": counts_of.get(row["gene"], {}).get("variants", 0),
                "loci": counts_of.get(row["gene"], {}).get("loci", 0),
            }
        }
        for row in clusters.frame.sort("gene").iter_rows(named=True)
    ]  # fmt: skip
    links = [
        {
            "data": {
                "id": f"{row['gene_a']} (pp) {row['gene_b']}", "source": row["gene_a"], "target": row["gene_b"],
                "interaction": "pp", "score": row["score"], "cluster": row["cluster"] or 0,
            }
        }
        for row in edges.frame.sort("gene_a", "gene_b").iter_rows(named=True)
    ]  # fmt: skip
    return {
        "format_version": "1.0", "generated_by": f"ecgwas {version}", "target_cytoscapejs_version": "~2.1",
        "data": {"name": name, "shared_name": name}, "elements": {"nodes": nodes, "edges": links},
    }  # fmt: skip
