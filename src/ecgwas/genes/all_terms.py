"""Terms by every source that gives some: of all hit genes, and of each cluster, which is named after its strongest term."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ecgwas.errors import ServiceError
from ecgwas.genes.sources import enrichment, gprofiler, string_db
from ecgwas.genes.sources.enrichment import Enriched
from ecgwas.genes.sources.ontologies import NOTHING, Ancestry
from ecgwas.genes.sources.term_groups import Grouper
from ecgwas.genes.web.contract import Get
from ecgwas.genes.web.services import skipped
from ecgwas.study import Enrichment, GeneSource, Gprofiler, StringDb
from ecgwas.tables import Clusters, Terms
from ecgwas.tables.genes import ClusterTerms

TermSource = Enrichment | StringDb | Gprofiler

SMALLEST_NAMED = 3
"""Clusters of fewer genes are not looked at for terms."""
MOST_IN_NAME = 3
"""Genes in the name of a cluster without a term."""
ACCESSION = re.compile(r"[A-Za-z-]+[:_-]?\d[\w.-]*")
"""Such as GO:0005515, R-HSA-164843, hsa04010."""


@dataclass(frozen=True)
class Named:
    """Clusters with their names, the terms of each, and what to know, in words."""

    clusters: Clusters
    terms: ClusterTerms
    notes: tuple[str, ...]


def enrich(source: TermSource, genes: Sequence[str], get: Get, ancestry: Ancestry = NOTHING) -> Enriched:
    """The terms that the genes share, by one source."""
    if isinstance(source, StringDb):
        return string_db.enrich(source, genes, get, ancestry)
    if isinstance(source, Gprofiler):
        return gprofiler.enrich(source, genes, get, ancestry)
    return enrichment.enrich(source, genes, ancestry)


def of_clusters(sources: Sequence[GeneSource], clusters: Clusters, get: Get, ancestry: Ancestry = NOTHING) -> Named:
    """The clusters with their names, and the terms of each that has SMALLEST_NAMED genes: by files of terms, else services."""
    members = {
        int(number): group["gene"].to_list()
        for (number,), group in clusters.frame.sort("cluster", "gene").group_by("cluster", maintain_order=True)
        if group.height >= SMALLEST_NAMED
    }
    found: dict[int, list[pl.DataFrame]] = {number: [] for number in members}
    notes: list[str] = []
    among = clusters.frame["gene"].to_list()
    for source in _asked(sources):
        try:
            for number, terms in _by(source, members, among, get, ancestry):
                found[number].append(terms.frame)
        except ServiceError as error:
            notes.append(skipped(source, error, "names of clusters"))
        notes += _not_asked(source, len(members))
    rows = [
        frame.with_columns(cluster=pl.lit(number, pl.Int64), size=pl.lit(len(members[number]), pl.Int64))
        for number, frames in found.items()
        for frame in frames
    ]
    terms_of_all = pl.concat([ClusterTerms.empty().frame, *rows], how="diagonal_relaxed")
    return Named(_with_names(clusters, found), ClusterTerms(terms_of_all), tuple(notes))


def _asked(sources: Sequence[GeneSource]) -> list[TermSource]:
    files: list[TermSource] = [source for source in sources if isinstance(source, Enrichment)]
    return files or [source for source in sources if isinstance(source, StringDb) or _has_terms(source)]  # type: ignore[misc]


def _has_terms(source: GeneSource) -> bool:
    return isinstance(source, Gprofiler) and len(source.sources) > 0


def _by(
    source: TermSource, members: Mapping[int, Sequence[str]], among: Sequence[str], get: Get, ancestry: Ancestry
) -> Iterator[tuple[int, Terms]]:
    """Cluster by cluster, so that what a service has answered is there if it then falls silent."""
    if isinstance(source, Enrichment):
        # A file of terms may be large: read once, not once per cluster.
        terms = list(enrichment.read(source)) if members else []
        grouper = Grouper(source, ancestry)
        yield from ((number, enrichment.over(source, terms, genes, grouper).terms) for number, genes in members.items())
        return
    for number, genes in list(members.items())[: source.max_clusters]:
        if isinstance(source, StringDb):
            yield number, string_db.enrich(source, genes, get, ancestry, among=among).terms
        else:
            yield number, gprofiler.enrich(source, genes, get, ancestry).terms


def _not_asked(source: TermSource, clusters: int) -> list[str]:
    """A word on clusters that a service is not asked for."""
    if isinstance(source, Enrichment) or clusters <= source.max_clusters:
        return []
    return [
        f"{source.kind} was asked for terms of the {source.max_clusters} largest of {clusters} clusters of {SMALLEST_NAMED} "
        "genes or more (max_clusters); the others are named after their genes of most edges"
    ]


def _with_names(clusters: Clusters, found: Mapping[int, Sequence[pl.DataFrame]]) -> Clusters:
    names: dict[int, str] = {}
    reasons: dict[int, str] = {}
    for number, frames in found.items():
        names[number], reasons[number] = _of_terms(frames) or _of_edges(clusters, number)
    cluster = pl.col("cluster")
    return Clusters(
        clusters.frame.with_columns(
            name=cluster.replace_strict(names, default=None, return_dtype=pl.String),
            named_by=cluster.replace_strict(reasons, default=None, return_dtype=pl.String),
        )
    )


def _of_terms(frames: Sequence[pl.DataFrame]) -> tuple[str, str] | None:
    """Words of the kept term of smallest FDR, then p, then identifier; and where they come from."""
    kept = pl.concat(frames, how="diagonal_relaxed").filter(pl.col("kept")) if frames else pl.DataFrame()
    if kept.height == 0:
        return None
    first = kept.sort("fdr", "p", "term").row(0, named=True)
    return words_of(first["term"], first["description"]), f"term of {first['category']}, FDR {first['fdr']:.2g}"


def _of_edges(clusters: Clusters, number: int) -> tuple[str, str]:
    """The genes of most edges: a cluster without a kept term has no other name."""
    frame = clusters.frame.filter(pl.col("cluster") == number).sort("degree", "gene", descending=[True, False])
    return "around " + ", ".join(frame["gene"].head(MOST_IN_NAME)), "edges"


def words_of(term: str, description: str | None) -> str:
    """A term in words: its description where the identifier is a mere accession; GMT files have the words in its place."""
    return description if description and ACCESSION.fullmatch(term) else term
