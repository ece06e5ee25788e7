"""Terms by every source that gives some: of all hit genes, and of each cluster, which is named after its strongest term."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from ecgwas.gene_tables import ClusterTerms
from ecgwas.genes import enrichment, gprofiler, string_db
from ecgwas.genes.contract import Get
from ecgwas.genes.enrichment import Enriched
from ecgwas.study import Enrichment, GeneSource, Gprofiler, StringDb
from ecgwas.tables import Clusters, Terms

TermSource = Enrichment | StringDb | Gprofiler

SMALLEST_NAMED = 3
"""Clusters of fewer genes are not looked at for terms."""
ACCESSION = re.compile(r"[A-Za-z-]+[:_-]?\d[\w.-]*")
"""Such as GO:0005515, R-HSA-164843, hsa04010."""
MOST_ASKED = 20
"""So many clusters at most are named by a service; a file of terms names all."""


def enrich(source: TermSource, genes: Sequence[str], get: Get) -> Enriched:
    """The terms that the genes share, by one source."""
    if isinstance(source, StringDb):
        return string_db.enrich(source, genes, get)
    if isinstance(source, Gprofiler):
        return gprofiler.enrich(source, genes, get)
    return enrichment.enrich(source, genes)


def of_clusters(sources: Sequence[GeneSource], clusters: Clusters, get: Get) -> tuple[Clusters, ClusterTerms]:
    """The clusters with their names, and the terms of each that has SMALLEST_NAMED genes: by files of terms, else services."""
    members = {
        int(number): group["gene"].to_list()
        for (number,), group in clusters.frame.sort("cluster", "gene").group_by("cluster", maintain_order=True)
        if group.height >= SMALLEST_NAMED
    }
    found: dict[int, list[pl.DataFrame]] = {number: [] for number in members}
    for source in _asked(sources):
        for number, terms in _by(source, members, get):
            found[number].append(terms.frame)
    names = {number: _name(frames) for number, frames in found.items()}
    named = pl.col("cluster").replace_strict(names, default=None, return_dtype=pl.String)
    rows = [
        frame.with_columns(cluster=pl.lit(number, pl.Int64), size=pl.lit(len(members[number]), pl.Int64))
        for number, frames in found.items()
        for frame in frames
    ]
    terms_of_all = pl.concat([ClusterTerms.empty().frame, *rows], how="diagonal_relaxed")
    return Clusters(clusters.frame.with_columns(name=named)), ClusterTerms(terms_of_all)


def _asked(sources: Sequence[GeneSource]) -> list[TermSource]:
    files: list[TermSource] = [source for source in sources if isinstance(source, Enrichment)]
    return files or [source for source in sources if isinstance(source, StringDb | Gprofiler)]


def _by(source: TermSource, members: Mapping[int, Sequence[str]], get: Get) -> list[tuple[int, Terms]]:
    if isinstance(source, Enrichment):
        # A file of terms may be large: read once, not once per cluster.
        terms = list(enrichment.read(source)) if members else []
        return [(number, enrichment.over(source, terms, genes).terms) for number, genes in members.items()]
    return [(number, enrich(source, genes, get).terms) for number, genes in list(members.items())[:MOST_ASKED]]


def _name(frames: Sequence[pl.DataFrame]) -> str | None:
    """Words of the kept term of smallest FDR, then p, then identifier."""
    kept = pl.concat(frames, how="diagonal_relaxed").filter(pl.col("kept")) if frames else pl.DataFrame()
    if kept.height == 0:
        return None
    first = kept.sort("fdr", "p", "term").row(0, named=True)
    return words_of(first["term"], first["description"])


def words_of(term: str, description: str | None) -> str:
    """A term in words: its description where the identifier is a mere accession; GMT files have the words in its place."""
    return description if description and ACCESSION.fullmatch(term) else term
