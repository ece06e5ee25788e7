"""From hits to genes, networks and terms. One file per source; what a source offers it says by its functions:

    annotate(options, variants, loci, get) -> Genes       regions, gprofiler, haploreg, ensembl_vep, open_targets
    connect(options, genes, get) -> Network               string_files, string_db
    enrich(options, genes, get) -> Enriched               enrichment, string_db, gprofiler
    look_up(options, variants, loci, get) -> Published    gwas_catalog
    read(options) -> Ancestry                             ontologies, by which terms are grouped

Sources run in this order whatever their order in the study file; those of files alone take no `get`. `get` is the only way
to the internet (ecgwas.genes.web.client); a test hands in a function over a dict. The genes of all mapping sources together are
the hit genes: the network, the clusters and the terms are theirs. A service that gives no answer ends the run, or is skipped
with a warning among the notes (`if_unreachable`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import ServiceError, first_few
from ecgwas.genes import all_terms as terms
from ecgwas.genes import matched_enrichment, summaries
from ecgwas.genes.checking import check
from ecgwas.genes.network.networks import Network
from ecgwas.genes.sources import (
    enrichment,
    ensembl_vep,
    gprofiler,
    gwas_catalog,
    haploreg,
    ontologies,
    open_targets,
    regions,
    string_db,
    string_files,
)
from ecgwas.genes.web import services
from ecgwas.genes.web.contract import Build, Get, Variants
from ecgwas.genes.web.services import foreseen
from ecgwas.study import (
    Enrichment,
    EnsemblVep,
    GeneSource,
    Gprofiler,
    GwasCatalog,
    Haploreg,
    Ontologies,
    OpenTargets,
    Regions,
    StringDb,
    StringFiles,
    VariantService,
)
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

__all__ = ["GeneTables", "Get", "check", "foreseen", "run"]

MAPPING: dict[type, Callable[[Any, Variants, Loci, Get], Genes]] = {
    Regions: lambda options, variants, loci, _: regions.annotate(options, variants, loci),
    Gprofiler: gprofiler.annotate,
    Haploreg: haploreg.annotate,
    EnsemblVep: ensembl_vep.annotate,
    OpenTargets: open_targets.annotate,
}


@dataclass(frozen=True)
class GeneTables:
    """What the stage `genes` gives; notes: what is worth knowing, in words."""

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
    tested: Mapping[str, NDArray[np.int64]] | None = None,
) -> GeneTables:
    """Genes of all significant variants, the network among them, the terms they share, what others found at the variants.

    build: of the positions; seed: of the gene sets drawn by chance; tested: chromosome -> positions of all variants tested,
    without which nothing is said of how easily a gene is hit. Without sources every table is empty.
    """
    columns = hits.frame.select("variant", *VARIANT_KEY)
    variants = Variants(columns.unique(VARIANT_KEY, keep="first", maintain_order=True), build)
    genes, notes = _mapped(sources, variants, loci, get)
    symbols = sorted(set(genes.frame["gene"].drop_nulls()))
    network = _network(sources, symbols, get, seed)
    above = _ancestry(sources)
    enriched = [(source, _enriched(source, symbols, get, above)) for source in sources if isinstance(source, terms.TermSource)]
    named = terms.of_clusters(sources, network.clusters, get, above)
    looked_up = [_looked_up(source, variants, loci, get, above) for source in sources if isinstance(source, GwasCatalog)]
    published = Published(pl.concat([Published.empty().frame, *(found.frame for found, _ in looked_up)]))
    chosen = [summaries.term_choice(found.terms, source.strongest_others).frame for source, found in enriched]
    notes += [*network.notes, *(note for _, found in enriched for note in found.notes), *named.notes]
    notes += [note for _, note in looked_up]
    return GeneTables(
        genes=genes,
        clusters=named.clusters,
        edges=network.edges,
        terms=Terms(_together(Terms.empty().frame, [found.terms.frame for _, found in enriched])),
        gene_counts=summaries.gene_counts(genes, hits),
        gene_leads=summaries.gene_leads(genes, hits),
        cluster_terms=named.terms,
        cluster_view=summaries.cluster_view(named.terms),
        term_choice=TermChoice(_together(TermChoice.empty().frame, chosen)),
        network_tests=network.tests,
        published=published,
        unplaced=Unplaced(pl.concat([_without_genes(genes), network.unplaced.frame])),
        locus_terms=_by_locus(sources, loci, tested, seed),
        notes=tuple(dict.fromkeys(notes)),
    )


def _by_locus(
    sources: Sequence[GeneSource], loci: Loci, tested: Mapping[str, NDArray[np.int64]] | None, seed: int
) -> LocusTerms:
    """Enrichment with how easily a gene is hit, by files of terms and the first table of genes."""
    where = next((source for source in sources if isinstance(source, Regions)), None)
    if where is None or tested is None or len(loci) == 0:
        return LocusTerms.empty()
    found = [
        matched_enrichment.enrich(source, where, list(enrichment.read(source)), loci, tested, seed=seed).frame
        for source in sources
        if isinstance(source, Enrichment)
    ]
    return LocusTerms(pl.concat([LocusTerms.empty().frame, *found]))


def _together(empty: pl.DataFrame, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([empty, *frames], how="diagonal_relaxed")


def _mapped(sources: Sequence[GeneSource], variants: Variants, loci: Loci, get: Get) -> tuple[Genes, list[str]]:
    """Genes by every mapping source that is asked, and why others are not."""
    frames, notes = [Genes.empty().frame], []
    for source in sources:
        annotate = MAPPING.get(type(source))
        if annotate is None or variants.frame.height == 0:
            continue
        reason = _not_asked(source, variants.frame.height)
        if reason is not None:
            notes.append(f"{source.kind} was not asked for genes: {reason}")
            continue
        try:
            genes = annotate(source, variants, loci, get)
        except ServiceError as error:
            notes.append(services.skipped(source, error, "genes"))
            continue
        frames.append(genes.frame)
        notes.append(_about(genes))
    return Genes(pl.concat(frames)), notes


def _not_asked(source: GeneSource, variants: int) -> str | None:
    """Why a service is not asked for so many variants; None: it is."""
    if not isinstance(source, VariantService):
        return None
    if variants < source.min_variants:
        return f"{variants} hit variants, fewer than min_variants {source.min_variants}"
    if source.max_variants is not None and variants > source.max_variants:
        return f"{variants} hit variants, more than max_variants {source.max_variants}"
    return None


def _about(genes: Genes) -> str:
    variants, without = genes.frame.select(VARIANT_KEY).n_unique(), _without_genes(genes).height
    version = genes.frame["source_version"][0]
    return f"{version}: {genes.frame['gene'].drop_nulls().n_unique()} genes of {variants} variants; {without} have none"


def _without_genes(genes: Genes) -> pl.DataFrame:
    rows = genes.frame.filter(pl.col("relation") == "none")
    place = {name: name for name in VARIANT_KEY}
    return rows.select(what=pl.lit("variant"), name="variant", **place, source="source", reason="evidence")


def _network(sources: Sequence[GeneSource], symbols: Sequence[str], get: Get, seed: int) -> Network:
    for source in sources:
        if isinstance(source, StringFiles):
            return string_files.connect(source, symbols, seed=seed)
        if isinstance(source, StringDb) and symbols:
            try:
                return string_db.connect(source, symbols, get)
            except ServiceError as error:
                return _no_network(services.skipped(source, error, "network and clusters"))
    return _no_network()


def _no_network(*notes: str) -> Network:
    return Network(Clusters.empty(), Edges.empty(), NetworkTests.empty(), Unplaced.empty(), notes)


def _ancestry(sources: Sequence[GeneSource]) -> ontologies.Ancestry:
    named = next((source for source in sources if isinstance(source, Ontologies)), None)
    return ontologies.NOTHING if named is None else ontologies.read(named)


def _enriched(source: terms.TermSource, symbols: Sequence[str], get: Get, above: ontologies.Ancestry) -> enrichment.Enriched:
    try:
        return terms.enrich(source, symbols, get, above)
    except ServiceError as error:
        return enrichment.Enriched(Terms.empty(), (services.skipped(source, error, "terms"),))


def _looked_up(
    source: GwasCatalog, variants: Variants, loci: Loci, get: Get, above: ontologies.Ancestry
) -> tuple[Published, str]:
    """What the catalog holds, and a word on it."""
    reason = _not_asked(source, variants.frame.height) if source.is_asked else None
    if reason is not None:
        return Published.empty(), f"the GWAS Catalog was not asked: {reason}; name its bulk file under `file`"
    try:
        found = gwas_catalog.look_up(source, variants, loci, get, above)
    except ServiceError as error:
        return Published.empty(), services.skipped(source, error, "published associations")
    note = f"GWAS Catalog: {len(found)} associations of {found.frame.select(VARIANT_KEY).n_unique()} hit variants"
    skipped = gwas_catalog.not_looked_up(source, variants)
    if skipped:
        shown = first_few(
            f"{one.name} at {one.chrom}:{one.pos}" for one in sorted(skipped, key=lambda one: (one.chrom, one.pos))
        )
        note += f"; {len(skipped)} hit variants were not looked up, as their rs number stands at several positions: {shown}"
    return found, note
