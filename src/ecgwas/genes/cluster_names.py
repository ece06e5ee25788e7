"""Clusters of the network, each named after its strongest term, or after the genes with the most edges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ecgwas.errors import ServiceError
from ecgwas.genes import capabilities
from ecgwas.genes.sources.ontologies import NOTHING, Ancestry
from ecgwas.genes.web.contract import Get
from ecgwas.genes.web.services import skipped
from ecgwas.study import GeneSource
from ecgwas.tables import Clusters, Terms
from ecgwas.tables.genes import ClusterTerms

MIN_GENES = 3
"""Clusters of fewer genes are not tested for terms and have no name."""
GENES_IN_NAME = 3
"""Genes in the name of a cluster without a term."""
ACCESSION = re.compile(r"[A-Za-z-]+[:_-]?\d[\w.-]*")
"""Such as GO:0005515, R-HSA-164843, hsa04010."""


@dataclass(frozen=True)
class NamedClusters:
    """Clusters with their names, the terms of each, and notes for the user."""

    clusters: Clusters
    terms: ClusterTerms
    notes: tuple[str, ...]


def name_clusters(sources: Sequence[GeneSource], clusters: Clusters, get: Get, ancestry: Ancestry = NOTHING) -> NamedClusters:
    """Names of all clusters of at least MIN_GENES genes, and their terms: from files of terms, otherwise from services."""
    members = {
        int(number): group["gene"].to_list()
        for (number,), group in clusters.frame.sort("cluster", "gene").group_by("cluster", maintain_order=True)
        if group.height >= MIN_GENES
    }
    tables: dict[int, list[pl.DataFrame]] = {number: [] for number in members}
    notes: list[str] = []
    all_genes = clusters.frame["gene"].to_list()
    for source in term_sources(sources):
        try:
            for number, terms in _terms(source, members, all_genes, get, ancestry):
                tables[number].append(terms.frame)
        except ServiceError as error:
            notes.append(skipped(source, error, "names of clusters"))
        notes += _limit_note(source, len(members))
    rows = [
        frame.with_columns(cluster=pl.lit(number, pl.Int64), size=pl.lit(len(members[number]), pl.Int64))
        for number, frames in tables.items()
        for frame in frames
    ]
    all_terms = pl.concat([ClusterTerms.empty().frame, *rows], how="diagonal_relaxed")
    return NamedClusters(_with_names(clusters, tables), ClusterTerms(all_terms), tuple(notes))


def term_sources(sources: Sequence[GeneSource]) -> list[GeneSource]:
    """The sources that clusters are named by: files of terms, or services if there are none."""
    offering = capabilities.offering_terms(sources)
    return [source for source in offering if not source.queries_service] or offering


def _terms(
    source: GeneSource, members: Mapping[int, Sequence[str]], genes: Sequence[str], get: Get, ancestry: Ancestry
) -> Iterator[tuple[int, Terms]]:
    """Cluster by cluster, so that the answers of a service are kept if it then fails. genes: of all clusters."""
    offered = capabilities.of(source)
    largest = dict(list(members.items())[: source.max_named_clusters])
    if offered.enrich_clusters is not None:
        yield from offered.enrich_clusters(source, largest, genes, get, ancestry)
        return
    assert offered.enrich is not None
    for number, cluster in largest.items():
        yield number, offered.enrich(source, cluster, get, ancestry).terms


def _limit_note(source: GeneSource, clusters: int) -> list[str]:
    """A note if the source was asked about only some of the clusters."""
    limit = source.max_named_clusters
    if limit is None or clusters <= limit:
        return []
    return [
        f"{source.kind} was queried for terms of the {limit} largest of {clusters} clusters of {MIN_GENES} "
        "genes or more (max_clusters); the others are named after their genes with most edges"
    ]


def _with_names(clusters: Clusters, tables: Mapping[int, Sequence[pl.DataFrame]]) -> Clusters:
    names: dict[int, str] = {}
    reasons: dict[int, str] = {}
    for number, frames in tables.items():
        names[number], reasons[number] = _name_by_terms(frames) or _name_by_edges(clusters, number)
    cluster = pl.col("cluster")
    return Clusters(
        clusters.frame.with_columns(
            name=cluster.replace_strict(names, default=None, return_dtype=pl.String),
            named_by=cluster.replace_strict(reasons, default=None, return_dtype=pl.String),
        )
    )


def _name_by_terms(frames: Sequence[pl.DataFrame]) -> tuple[str, str] | None:
    """The kept term of smallest FDR, then p, then identifier, in words; and its category and FDR."""
    kept = pl.concat(frames, how="diagonal_relaxed").filter(pl.col("kept")) if frames else pl.DataFrame()
    if kept.height == 0:
        return None
    first = kept.sort("fdr", "p", "term").row(0, named=True)
    return words_of(first["term"], first["description"]), f"term of {first['category']}, FDR {first['fdr']:.2g}"


def _name_by_edges(clusters: Clusters, number: int) -> tuple[str, str]:
    """The genes with the most edges, for a cluster without a kept term."""
    frame = clusters.frame.filter(pl.col("cluster") == number).sort("degree", "gene", descending=[True, False])
    return "around " + ", ".join(frame["gene"].head(GENES_IN_NAME)), "edges"


def words_of(term: str, description: str | None) -> str:
    """A term in words: its description if the identifier is an accession, otherwise the identifier, as in many GMT files."""
    return description if description and ACCESSION.fullmatch(term) else term
