"""From hits to genes, networks and terms. One file per kind of source; its functions say what it can do (capabilities.py).

All mapping sources together give the hit genes, which the network, the clusters and the terms are about. Steps run in a
fixed order, whatever the order of the sources in the study file. `get` is the only way to the internet
(ecgwas.genes.web.client); a test passes a function over a dict. A service that does not answer ends the run, or is skipped
with a warning among the notes (`if_unreachable`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from numpy import int64
from numpy.typing import NDArray

from ecgwas.errors import ServiceError
from ecgwas.genes import capabilities, cluster_names, matched_enrichment, summaries
from ecgwas.genes.checking import check
from ecgwas.genes.network.networks import Network, no_network
from ecgwas.genes.sources.enrichment import Enriched
from ecgwas.genes.sources.gene_positions import GeneModel, GenePositions, Window
from ecgwas.genes.sources.gwas_catalog import LookedUp
from ecgwas.genes.sources.ontologies import NOTHING, Ancestry
from ecgwas.genes.web import services
from ecgwas.genes.web.contract import Build, Get, Variants
from ecgwas.genes.web.services import foreseeable_failures
from ecgwas.study import GeneSource
from ecgwas.tables import VARIANT_KEY, Associations, Clusters, Edges, Genes, Loci, Terms
from ecgwas.tables.genes import (
    ClusterTerms,
    ClusterView,
    GeneCounts,
    GeneLeads,
    LocusTerms,
    NetworkTests,
    Published,
    TermChoice,
    Unplaced,
)

__all__ = ["GeneTables", "Get", "check", "foreseeable_failures", "gene_models", "gene_positions", "run"]

Tested = Mapping[str, NDArray[int64]]
"""Chromosome -> positions of all variants tested."""


@dataclass(frozen=True)
class GeneTables:
    """Results of the stage `genes`; notes: for the user, warnings among them."""

    genes: Genes
    clusters: Clusters
    edges: Edges
    terms: Terms
    gene_counts: GeneCounts
    gene_leads: GeneLeads
    cluster_terms: ClusterTerms
    cluster_view: ClusterView
    term_choice: TermChoice
    network_tests: NetworkTests
    published: Published
    unplaced: Unplaced
    locus_terms: LocusTerms
    notes: tuple[str, ...]


def run(
    sources: Sequence[GeneSource],
    loci: Loci,
    hits: Associations,
    get: Get,
    *,
    build: Build | None = None,
    seed: int = 1,
    tested: Tested | None = None,
) -> GeneTables:
    """Genes of all significant variants, the network of these genes, their terms, and published associations of the variants.

    build: of the positions; seed: of the random gene sets and networks; tested: without it, locus_terms is empty. Without
    sources every table is empty.
    """
    columns = hits.frame.select("variant", *VARIANT_KEY)
    variants = Variants(columns.unique(VARIANT_KEY, keep="first", maintain_order=True), build)
    genes, mapping_notes = _mapped(sources, variants, loci, get)
    symbols = sorted(set(genes.frame["gene"].drop_nulls()))
    network = _network(sources, symbols, get, seed)
    ancestry = _ancestry(sources)
    term_sources = capabilities.offering_terms(sources)
    enriched = [_enriched(source, symbols, get, ancestry) for source in term_sources]
    named = cluster_names.name_clusters(sources, network.clusters, get, ancestry)
    looked_up = [_looked_up(source, variants, loci, get, ancestry) for source in capabilities.offering(sources, "look_up")]
    notes = [*mapping_notes, *network.notes, *(note for each in enriched for note in each.notes), *named.notes]
    notes += [note for each in looked_up for note in each.notes]
    return GeneTables(
        genes=genes,
        clusters=named.clusters,
        edges=network.edges,
        terms=Terms(_concatenated(Terms.empty().frame, [each.terms.frame for each in enriched])),
        gene_counts=summaries.gene_counts(genes, hits),
        gene_leads=summaries.gene_leads(genes, hits),
        cluster_terms=named.terms,
        cluster_view=summaries.cluster_view(named.terms),
        term_choice=_term_choice(term_sources, enriched),
        network_tests=network.tests,
        published=Published(pl.concat([Published.empty().frame, *(each.published.frame for each in looked_up)])),
        unplaced=Unplaced(pl.concat([_without_genes(genes), network.unplaced.frame])),
        locus_terms=_locus_terms(sources, loci, tested, seed),
        notes=tuple(dict.fromkeys(notes)),
    )


def gene_positions(sources: Sequence[GeneSource], *, every_type: bool = False) -> GenePositions | None:
    """Where genes lie, by the first source that has a table of them; every_type: not only protein-coding ones."""
    for source in sources:
        read = capabilities.of(source).gene_positions
        if read is not None:
            return read(source, every_type=every_type)
    return None


def gene_models(sources: Sequence[GeneSource], windows: Sequence[Window]) -> list[list[GeneModel]]:
    """The genes that touch each window, by the first source that has a table of them; none without one."""
    for source in sources:
        read = capabilities.of(source).gene_models
        if read is not None:
            return read(source, windows)
    return [[] for _ in windows]


def _locus_terms(sources: Sequence[GeneSource], loci: Loci, tested: Tested | None, seed: int) -> LocusTerms:
    """Enrichment that allows for how easily a gene is hit, by files of terms and the first table of genes."""
    positions = None if tested is None or len(loci) == 0 else gene_positions(sources)
    if positions is None or tested is None:
        return LocusTerms.empty()
    frames = [LocusTerms.empty().frame]
    for source in sources:
        read_terms = capabilities.of(source).read_terms
        if read_terms is not None:
            terms = list(read_terms(source))
            limits = capabilities.term_limits(source)
            frames.append(matched_enrichment.enrich(limits, positions, terms, loci, tested, seed=seed).frame)
    return LocusTerms(pl.concat(frames))


def _term_choice(sources: Sequence[GeneSource], enriched: Sequence[Enriched]) -> TermChoice:
    pairs = zip(sources, enriched, strict=True)
    frames = [
        summaries.term_choice(each.terms, capabilities.term_limits(source).strongest_others).frame for source, each in pairs
    ]
    return TermChoice(_concatenated(TermChoice.empty().frame, frames))


def _concatenated(empty: pl.DataFrame, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([empty, *frames], how="diagonal_relaxed")


def _mapped(sources: Sequence[GeneSource], variants: Variants, loci: Loci, get: Get) -> tuple[Genes, list[str]]:
    """Genes by every mapping source, and notes, among them why a source was not asked."""
    frames, notes = [Genes.empty().frame], []
    for source in sources:
        annotate = capabilities.of(source).annotate
        if annotate is None or variants.frame.height == 0:
            continue
        reason = source.why_not_queried(variants.frame.height)
        if reason is not None:
            notes.append(f"{source.kind} was not queried for genes: {reason}")
            continue
        try:
            genes = annotate(source, variants, loci, get)
        except ServiceError as error:
            notes.append(services.skipped(source, error, "genes"))
            continue
        frames.append(genes.frame)
        notes.append(_note(genes))
    return Genes(pl.concat(frames)), notes


def _note(genes: Genes) -> str:
    variants, without = genes.frame.select(VARIANT_KEY).n_unique(), _without_genes(genes).height
    version = genes.frame["source_version"][0]
    return f"{version}: {genes.frame['gene'].drop_nulls().n_unique()} genes of {variants} variants; {without} have none"


def _without_genes(genes: Genes) -> pl.DataFrame:
    rows = genes.frame.filter(pl.col("relation") == "none")
    place = {name: name for name in VARIANT_KEY}
    return rows.select(what=pl.lit("variant"), name="variant", **place, source="source", reason="evidence")


def _network(sources: Sequence[GeneSource], symbols: Sequence[str], get: Get, seed: int) -> Network:
    for source in sources:
        connect = capabilities.of(source).connect
        if connect is not None:
            try:
                return connect(source, symbols, get, seed=seed)
            except ServiceError as error:
                return no_network(services.skipped(source, error, "network and clusters"))
    return no_network()


def _ancestry(sources: Sequence[GeneSource]) -> Ancestry:
    for source in sources:
        read_ancestry = capabilities.of(source).read_ancestry
        if read_ancestry is not None:
            return read_ancestry(source)
    return NOTHING


def _enriched(source: GeneSource, symbols: Sequence[str], get: Get, ancestry: Ancestry) -> Enriched:
    enrich = capabilities.of(source).enrich
    assert enrich is not None
    try:
        return enrich(source, symbols, get, ancestry)
    except ServiceError as error:
        return Enriched(Terms.empty(), (services.skipped(source, error, "terms"),))


def _looked_up(source: GeneSource, variants: Variants, loci: Loci, get: Get, ancestry: Ancestry) -> LookedUp:
    look_up = capabilities.of(source).look_up
    assert look_up is not None
    try:
        return look_up(source, variants, loci, get, ancestry)
    except ServiceError as error:
        return LookedUp(Published.empty(), (services.skipped(source, error, "published associations"),))
