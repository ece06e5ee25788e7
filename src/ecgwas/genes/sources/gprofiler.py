"""g:Profiler (Kolberg et al. 2023, Nucleic Acids Res 51:W207): g:SNPense for variants, g:GOSt for terms.

g:SNPense knows rs numbers of human variants in protein-coding genes of Ensembl; it returns others without a position (start
-1). It gives neither nearest genes nor distances. Offline twin: regions with a GENCODE GTF and `protein_coding: true`. g:GOSt
tests lists of genes. Its p-values are adjusted, so p is computed here from its counts. Offline twin: enrichment with GMT files
(`ecgwas references fetch` makes those of GO and HPO).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from scipy import stats

from ecgwas.genes.sources import mapping
from ecgwas.genes.sources.enrichment import Enriched
from ecgwas.genes.sources.mapping import MappedGene
from ecgwas.genes.sources.ontologies import NOTHING, Ancestry
from ecgwas.genes.sources.term_groups import Grouper
from ecgwas.genes.web.contract import Build, Get, Part, Question, Variant, Variants, Whole, batches, is_same_position, of_kind
from ecgwas.study import Gprofiler
from ecgwas.tables import Genes, Loci, Terms

ORGANISM = "hsapiens"
NOT_IN_A_GENE = "g:SNPense: not in a protein-coding gene, or not known"

Count = Annotated[int, Field(ge=1, le=10**12)]


class Snp(Part):
    """A variant of g:SNPense; start -1: without a position. variants: consequence -> number of transcripts."""

    rs_id: str
    chromosome: str | None = None
    start: int
    gene_names: list[str]
    variants: dict[str, int] | None = None


class Snps(Part):
    """Answer of g:SNPense."""

    result: list[Snp]


class DataVersions(Part):
    """Answer of util/data_versions."""

    gprofiler_version: str


class Term(Part):
    """A term of g:GOSt; p_value is adjusted. intersections: evidence for each gene of the query, empty if not in the term."""

    source: str
    native: str
    name: str
    p_value: Annotated[float, Field(ge=0, le=1)]
    term_size: Count
    query_size: Count
    intersection_size: Whole
    effective_domain_size: Count
    intersections: list[list[str]]


class Query(Part):
    """A list of genes as g:GOSt understood it. mapping: symbol -> Ensembl genes."""

    ensgs: list[str]
    mapping: dict[str, list[str]] = {}


class GenesMetadata(Part):
    """The list of genes queried, and genes unknown to g:GOSt."""

    query: Annotated[dict[str, Query], Field(min_length=1)]
    failed: list[str] = []


class Meta(Part):
    """Information of g:GOSt about the query."""

    genes_metadata: GenesMetadata


class Profile(Part):
    """Answer of g:GOSt."""

    result: list[Term]
    meta: Meta


def annotate(options: Gprofiler, variants: Variants, loci: Loci, get: Get) -> Genes:
    """Protein-coding genes that hold each variant, with the variant's consequences for their transcripts."""
    rs_numbers = variants.rs_numbers()
    snps_of: dict[str, list[Snp]] = {}
    for batch in batches(sorted(set(rs_numbers.values())), options.batch):
        url = f"{options.address}/api/snpense/snpense"
        question = Question(url, json={"query": list(batch), "output": "json"})
        for snp in get(question, of_kind(Snps)).value.result:
            snps_of.setdefault(snp.rs_id, []).append(snp)
    shared = variants.with_shared_rs_number(on_chromosome=True)
    here = {
        variant: [snp for snp in snps_of.get(number, []) if _is_about(variant, snp, variants.build, variant in shared)]
        for variant, number in rs_numbers.items()
    }
    genes = {variant: _unique([gene for snp in snps for gene in _genes(snp)]) for variant, snps in here.items()}
    reasons = {variant: NOT_IN_A_GENE if variant in rs_numbers else mapping.NO_RS_NUMBER for variant in variants.rows()}
    reasons |= {variant: mapping.SHARED for variant in shared if not here[variant]}
    return mapping.genes_of(variants, loci, genes, reasons, "gprofiler", version(options, get))


def version(options: Gprofiler, get: Get) -> str:
    """Version of the service's data, such as `g:Profiler e113_eg59_p19_6be52918`."""
    question = Question(f"{options.address}/api/util/data_versions", json={"organism": ORGANISM})
    return f"g:Profiler {get(question, of_kind(DataVersions)).value.gprofiler_version}"


def _is_about(variant: Variant, snp: Snp, build: Build | None, exact: bool) -> bool:
    """Whether the answer of g:SNPense, whose positions are hg38, is about this variant."""
    return is_same_position(variant, snp.chromosome, snp.start if build == "hg38" else None, exact=exact)


def _genes(snp: Snp) -> list[MappedGene]:
    if snp.start < 0:
        return []
    evidence = ", ".join(name for name, count in sorted((snp.variants or {}).items()) if count) or None
    return [MappedGene(gene, 0, "overlap", evidence) for gene in snp.gene_names]


def _unique(genes: Sequence[MappedGene]) -> list[MappedGene]:
    return list({gene.gene: gene for gene in genes}.values())


def enrich(options: Gprofiler, genes: Sequence[str], get: Get, ancestry: Ancestry = NOTHING) -> Enriched:
    """Every term that holds a hit gene, of the collections in the option `sources`.

    fdr is the service's (Benjamini-Hochberg over the terms of a collection); p is the upper tail of the hypergeometric
    distribution; expected = hits x term / background, with all counts as given by the service.
    """
    if not genes or not options.sources:
        return Enriched(Terms.empty(), ())
    body = {
        "organism": ORGANISM, "query": list(genes), "sources": list(options.sources), "user_threshold": options.max_fdr,
        "all_results": True, "ordered": False, "no_evidences": False, "combined": False, "no_iea": False,
        "measure_underrepresentation": False, "domain_scope": options.domain_scope, "numeric_ns": "",
        "significance_threshold_method": "fdr", "background": [], "output": "json",
    }  # fmt: skip
    profile: Profile = get(Question(f"{options.address}/api/gost/profile/", json=body), of_kind(Profile)).value
    metadata = profile.meta.genes_metadata
    query = next(iter(metadata.query.values()))
    terms = [term for term in profile.result if term.intersection_size > 0]
    grouper = Grouper(options, ancestry)
    rows = [_row(options, term, query) | grouper.columns(term.native, term.name) for term in terms]
    rows.sort(key=lambda row: (row["category"], row["p"], row["term"]))
    notes = [f"{version(options, get)}: {len(rows)} terms of {', '.join(options.sources)} hold a hit gene"]
    if metadata.failed:
        notes.append(f"not known to g:GOSt: {', '.join(sorted(metadata.failed))}")
    return Enriched(Terms.of(rows), tuple(notes))


def _row(options: Gprofiler, term: Term, query: Query) -> dict[str, Any]:
    domain, size, hits, observed = term.effective_domain_size, term.term_size, term.query_size, term.intersection_size
    expected = hits * size / domain
    strength = float(np.log10(observed / expected))
    return {
        "category": term.source, "term": term.native, "description": term.name, "observed": observed,
        "expected": expected, "background": size, "strength": strength, "fdr": term.p_value,
        "p": float(stats.hypergeom.sf(observed - 1, domain, size, hits)),
        "kept": term.p_value < options.max_fdr and strength > options.min_strength,
        "genes": ";".join(_symbols(term, query)),
    }  # fmt: skip


def _symbols(term: Term, query: Query) -> list[str]:
    """Symbols, as queried, of the genes in the term, whose evidence is in the order of the query's genes."""
    symbol_of = {ensg: symbol for symbol, ensgs in query.mapping.items() for ensg in ensgs}
    pairs = zip(query.ensgs, term.intersections, strict=False)
    return sorted(symbol_of.get(ensg, ensg) for ensg, evidence in pairs if evidence)
