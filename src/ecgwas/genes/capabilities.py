"""What a gene source can do: the functions that its file, genes/sources/<kind>.py, offers. Nothing else knows the kinds.

    check(options, build) -> FileContents                          reads its files before anything is computed
    annotate(options, variants, loci, get) -> Genes                genes of the hit variants
    gene_positions(options, *, every_type) -> GenePositions        where genes lie, for nearest genes and matched enrichment
    gene_models(options, windows) -> list of GeneModel             of each window, for pictures of loci
    connect(options, genes, get, *, seed) -> Network               the network of the hit genes
    enrich(options, genes, get, ancestry) -> Enriched              terms that the hit genes share
    enrich_clusters(options, clusters, genes, get, ancestry)       terms of each cluster -> (number, Terms); without it,
                                                                   `enrich` is called once per cluster
    read_terms(options) -> Iterable[Term]                          terms with all their genes, for matched enrichment
    look_up(options, variants, loci, get, ancestry) -> LookedUp    published associations of the hit variants
    read_ancestry(options) -> Ancestry                             ontologies, by which terms are grouped

Each is optional. Sources of files do not use `get`. The options of a source with `enrich` or `read_terms` inherit TermLimits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib import import_module
from typing import Any

from ecgwas.genes.network.networks import Network
from ecgwas.genes.sources.enrichment import Enriched, Term
from ecgwas.genes.sources.file_contents import FileContents
from ecgwas.genes.sources.gene_positions import GeneModel, GenePositions
from ecgwas.genes.sources.gwas_catalog import LookedUp
from ecgwas.genes.sources.ontologies import Ancestry
from ecgwas.genes.web.contract import Build
from ecgwas.study import GeneSource, TermLimits
from ecgwas.tables import Genes, Terms


@dataclass(frozen=True)
class Capabilities:
    """The functions of one kind; None: it has no such function."""

    check: Callable[[Any, Build | None], FileContents] | None
    annotate: Callable[..., Genes] | None
    gene_positions: Callable[..., GenePositions] | None
    gene_models: Callable[..., list[list[GeneModel]]] | None
    connect: Callable[..., Network] | None
    enrich: Callable[..., Enriched] | None
    enrich_clusters: Callable[..., Iterator[tuple[int, Terms]]] | None
    read_terms: Callable[[Any], Iterable[Term]] | None
    look_up: Callable[..., LookedUp] | None
    read_ancestry: Callable[[Any], Ancestry] | None


NAMES = tuple(field.name for field in fields(Capabilities))


def of(source: GeneSource) -> Capabilities:
    """The functions that the source's kind offers."""
    return of_kind(source.kind)


@cache
def of_kind(kind: str) -> Capabilities:
    """The functions of genes/sources/<kind>.py."""
    module = import_module(f"ecgwas.genes.sources.{kind}")
    return Capabilities(**{name: getattr(module, name, None) for name in NAMES})


def offering(sources: Sequence[GeneSource], capability: str) -> list[GeneSource]:
    """The sources whose kind has the function named `capability`, one of NAMES, in their order."""
    return [source for source in sources if getattr(of(source), capability) is not None]


def offering_terms(sources: Sequence[GeneSource]) -> list[GeneSource]:
    """The sources that find terms of genes, as far as their options ask for any."""
    return [source for source in offering(sources, "enrich") if source.offers_terms]


def term_limits(source: GeneSource) -> TermLimits:
    """The limits of a source of terms, which its options inherit."""
    assert isinstance(source, TermLimits), f"{source.kind} offers terms: its options must inherit TermLimits"
    return source
