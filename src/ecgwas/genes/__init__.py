"""From loci to genes, networks and terms. One file per source.

A source's file offers one of

    annotate(options, variants, loci) -> Genes    mapping: regions
    connect(options, genes) -> Network            networks: string_files
    enrich(options, genes) -> Enriched            terms: enrichment

Sources run in this order whatever their order in the study file. A source that asks a service takes a further argument
`get(url, params) -> bytes`, the only way to the internet (ecgwas.genes.web); a test hands in a function over a dict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ecgwas.errors import InputError, StudyError
from ecgwas.genes import builds, enrichment, regions, string_files
from ecgwas.genes.contract import Get
from ecgwas.study import Enrichment, GeneSource, Regions, StringFiles
from ecgwas.tables import Associations, Clusters, Edges, Genes, Loci, Terms

__all__ = ["GeneTables", "Get", "check", "run"]


@dataclass(frozen=True)
class GeneTables:
    """What the stage `genes` gives; notes: what is worth knowing, in words."""

    genes: Genes
    clusters: Clusters
    edges: Edges
    terms: Terms
    notes: tuple[str, ...]


def run(sources: Sequence[GeneSource], loci: Loci, hits: Associations, get: Get) -> GeneTables:
    """Genes of all significant variants, the network among them, the terms they share. Without sources all is empty."""
    variants = hits.frame.select("variant", "chrom", "pos").unique(maintain_order=True)
    mapped = [regions.annotate(source, variants, loci).frame for source in sources if isinstance(source, Regions)]
    genes = Genes(pl.concat(mapped)) if mapped else Genes.empty()
    symbols = sorted(set(genes.frame["gene"].drop_nulls()))
    notes: list[str] = []
    clusters, edges, terms = Clusters.empty(), Edges.empty(), [Terms.empty().frame]
    for source in sources:
        if isinstance(source, StringFiles):
            network = string_files.connect(source, symbols)
            clusters, edges = network.clusters, network.edges
            notes += network.notes
        elif isinstance(source, Enrichment):
            enriched = enrichment.enrich(source, symbols)
            terms.append(enriched.terms.frame)
            notes += enriched.notes
    return GeneTables(genes, clusters, edges, Terms(pl.concat(terms)), tuple(notes))


def check(sources: Sequence[GeneSource], build: str | None = None) -> list[str]:
    """Opens every source's files; what was found, in words. Raises InputError or StudyError without doing the work.

    build: hg19 | hg38, of the genotypes; a table of genes that is plainly of the other one is refused.
    """
    facts = []
    for source in sources:
        if isinstance(source, Regions):
            facts.append(_check_regions(source, build))
        elif isinstance(source, StringFiles):
            string_files.check(source)
            facts.append(f"network {source.links.name}")
        else:
            facts.append(f"{sum(1 for _ in enrichment.read(source))} terms in {source.terms.name}")
    networks = sum(isinstance(source, StringFiles) for source in sources)
    if networks > 1:
        raise StudyError(f"{networks} networks are named under `genes`", fix="keep one source of kind string_files")
    if sources and not any(isinstance(source, Regions) for source in sources):
        raise StudyError("no source under `genes` maps variants to genes", fix="add one of kind regions")
    return facts


def _check_regions(source: Regions, build: str | None) -> str:
    table = regions.read(source.file)
    own = builds.build_of(table)
    if own is not None and build is not None and own != build:
        problem = f"the table of genes has positions of {own}, the genotypes are said to be {build}"
        raise InputError(problem, where=source.file, fix=f"give a table of {build}, or correct `build` under `scan`")
    return f"{len(set(regions.symbols(table)))} genes in {source.file.name}, {own or 'build unknown'}"
