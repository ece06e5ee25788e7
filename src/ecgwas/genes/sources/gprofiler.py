"""g:Profiler (Kolberg et al. 2023, Nucleic Acids Res 51:W207): g:SNPense for variants, g:GOSt for terms.

g:SNPense knows rs numbers of human variants that lie in a protein-coding gene of Ensembl; others come back without a place
(start -1). It has no nearest genes and no distances. Offline twin: regions over a GENCODE GTF with `protein_coding: true`.
g:GOSt tests lists of genes; its p-values come already adjusted, so p is computed here from the counts that it gives.
Offline twin: enrichment over GMT files (`ecgwas references fetch` makes those of GO and HPO).
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
from ecgwas.genes.web.contract import Build, Get, Part, Question, Variant, Variants, Whole, batches, belongs, of_kind
from ecgwas.study import Gprofiler
from ecgwas.tables import Genes, Loci, Terms

ORGANISM = "hsapiens"
NOT_IN_A_GENE = "g:SNPense: not in a protein-coding gene, or not known"

Count = Annotated[int, Field(ge=1, le=10**12)]


class Snp(Part):
    """A variant of g:SNPense; start -1: without a place. variants: consequence -> transcripts."""

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
    """A term of g:GOSt; p_value is adjusted. intersections: for each gene of the query its evidence, none: not in the term."""

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
    """How g:GOSt understood a list of genes: symbol -> Ensembl genes."""

    ensgs: list[str]
    mapping: dict[str, list[str]] = {}


class Understood(Part):
    """The one list that was asked, and genes that g:GOSt does not know."""

    query: Annotated[dict[str, Query], Field(min_length=1)]
    failed: list[str] = []


class Meta(Part):
    """What g:GOSt tells beside the terms."""

    genes_metadata: Understood


class Profile(Part):
    """Answer of g:GOSt."""

    result: list[Term]
    meta: Meta


def annotate(options: Gprofiler, variants: Variants, loci: Loci, get: Get) -> Genes:
    """Protein-coding genes that hold each variant, with the consequences on their transcripts."""
    rs_numbers = variants.rs_numbers()
    placed: dict[str, list[Snp]] = {}
    for batch in batches(sorted(set(rs_numbers.values())), options.batch):
        url = f"{options.address}/api/snpense/snpense"
        question = Question(url, json={"query": list(batch), "output": "json"})
        for snp in get(question, of_kind(Snps)).value.result:
            placed.setdefault(snp.rs_id, []).append(snp)
    shared = variants.sharing(chromosome=True)
    here = {
        variant: [snp for snp in placed.get(number, []) if _is_of(variant, snp, variants.build, variant in shared)]
        for variant, number in rs_numbers.items()
    }
    found = {variant: _once([gene for snp in snps for gene in _genes(snp)]) for variant, snps in here.items()}
    reasons = {variant: NOT_IN_A_GENE if variant in rs_numbers else mapping.NO_RS_NUMBER for variant in variants.rows()}
    reasons |= {variant: mapping.SHARED for variant in shared if not here[variant]}
    return mapping.genes_of(variants, loci, found, reasons, "gprofiler", version(options, get))


def version(options: Gprofiler, get: Get) -> str:
    """Which data the service holds, such as `g:Profiler e113_eg59_p19_6be52918`."""
    question = Question(f"{options.address}/api/util/data_versions", json={"organism": ORGANISM})
    return f"g:Profiler {get(question, of_kind(DataVersions)).value.gprofiler_version}"


def _is_of(variant: Variant, snp: Snp, build: Build | None, exact: bool) -> bool:
    """Whether g:SNPense, whose positions are hg38, means this variant."""
    return belongs(variant, snp.chromosome, snp.start if build == "hg38" else None, exact=exact)


def _genes(snp: Snp) -> list[MappedGene]:
    if snp.start < 0:
        return []
    evidence = ", ".join(name for name, count in sorted((snp.variants or {}).items()) if count) or None
    return [MappedGene(gene, 0, "overlap", evidence) for gene in snp.gene_names]


def _once(found: Sequence[MappedGene]) -> list[MappedGene]:
    return list({gene.gene: gene for gene in found}.values())


def enrich(options: Gprofiler, genes: Sequence[str], get: Get, ancestry: Ancestry = NOTHING) -> Enriched:
    """Terms of the collections that the option `sources` names, every one that holds a hit gene.

    fdr is the service's (Benjamini-Hochberg over the terms of a collection); p the upper tail of the hypergeometric
    distribution; expected = hits x term / background, all three as the service counts them.
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
    understood = profile.meta.genes_metadata
    query = next(iter(understood.query.values()))
    held = [term for term in profile.result if term.intersection_size > 0]
    grouper = Grouper(options, ancestry)
    rows = [_term(options, term, query) | grouper.columns(term.native, term.name) for term in held]
    rows.sort(key=lambda row: (row["category"], row["p"], row["term"]))
    notes = [f"{version(options, get)}: {len(rows)} terms of {', '.join(options.sources)} hold a hit gene"]
    if understood.failed:
        notes.append(f"not known to g:GOSt: {', '.join(sorted(understood.failed))}")
    return Enriched(Terms.of(rows), tuple(notes))


def _term(options: Gprofiler, term: Term, query: Query) -> dict[str, Any]:
    domain, size, hits, observed = term.effective_domain_size, term.term_size, term.query_size, term.intersection_size
    expected = hits * size / domain
    strength = float(np.log10(observed / expected))
    return {
        "category": term.source, "term": term.native, "description": term.name, "observed": observed,
        "expected": expected, "background": size, "strength": strength, "fdr": term.p_value,
        "p": float(stats.hypergeom.sf(observed - 1, domain, size, hits)),
        "kept": term.p_value < options.max_fdr and strength > options.min_strength,
        "genes": ";".join(_shared(term, query)),
    }  # fmt: skip


def _shared(term: Term, query: Query) -> list[str]:
    """Symbols, as they were asked, of the genes that the term holds: its evidence is in the order of the query's genes."""
    symbol_of = {ensg: symbol for symbol, ensgs in query.mapping.items() for ensg in ensgs}
    pairs = zip(query.ensgs, term.intersections, strict=False)
    return sorted(symbol_of.get(ensg, ensg) for ensg, evidence in pairs if evidence)
