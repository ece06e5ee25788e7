"""STRING over its service (Szklarczyk et al. 2023, Nucleic Acids Res 51:D638): network, clusters, terms of the hit genes.

Forms are posted to /api/json/<method>, with names joined by carriage returns, one query per second. JSON arrives as text/json.
Gene names are mapped to proteins first (get_string_ids); those unknown to STRING are listed. Terms have no strength: it is
log10(observed / expected), expected = query x term / N; a note states N. The service returns terms of raw p < 0.1. Offline
twin: string_files with enrichment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ecgwas.errors import InputError, ServiceError
from ecgwas.genes.network import networks
from ecgwas.genes.network.degree_null import EdgeEnrichment
from ecgwas.genes.network.networks import Network
from ecgwas.genes.sources.enrichment import Enriched
from ecgwas.genes.sources.ontologies import NOTHING, Ancestry
from ecgwas.genes.sources.term_groups import Grouper
from ecgwas.genes.web.contract import Get, NotUnderstood, Part, Question, Whole, as_json, batches, understood
from ecgwas.genes.web.files import read_lines
from ecgwas.study import StringDb
from ecgwas.tables import Terms

CALLER = "ecgwas"
NAMES_PER_QUERY = 1000
MAX_CLUSTERED = 2000
"""The service draws, and therefore clusters, at most this many proteins."""

ProteinId = Annotated[str, Field(pattern=r"^\d+\.\S+$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Match(Part):
    """A protein for a gene name; the best match comes first."""

    queryItem: str
    stringId: ProteinId
    preferredName: str


class Link(Part):
    """An edge."""

    stringId_A: str
    stringId_B: str
    score: Share


class EdgeCount(Part):
    """Answer of ppi_enrichment."""

    expected_number_of_edges: Annotated[float, Field(ge=0)]
    p_value: Share


class ServiceCluster(Part):
    """A cluster of the service's picture; names as a list or separated by commas."""

    preferredNames: list[str] | str


class StringTerm(Part):
    """A term; inputGenes as a list or separated by commas."""

    category: str
    term: str
    description: str
    number_of_genes: Whole
    number_of_genes_in_background: Annotated[int, Field(ge=1, le=10**12)]
    inputGenes: list[str] | str
    p_value: Share
    fdr: Share


class Version(Part):
    """Answer of version."""

    string_version: str


@dataclass(frozen=True)
class MappedProteins:
    """ids: gene -> STRING protein; names: gene -> STRING's name of the protein; unplaced: gene -> why it has none."""

    ids: Mapping[str, str]
    names: Mapping[str, str]
    unplaced: Mapping[str, str]


def connect(options: StringDb, genes: Sequence[str], get: Get, *, seed: int = 1) -> Network:
    """Edges of min_score or more between the genes, their clusters, and whether there are more edges than STRING expects."""
    if not genes:
        return networks.no_network()
    mapped = _mapped(options, genes, get)
    ids, unplaced, version = mapped.ids, mapped.unplaced, _version(options, get)
    if len(ids) < 2:
        # For a single protein STRING adds ten neighbours.
        groups = [[gene] for gene in ids]
        return networks.build_network("string_db", version, list(ids), {}, groups, unplaced, EdgeEnrichment())
    symbol_of = {protein: gene for gene, protein in ids.items()}
    form = _form(options, ids) | {
        "required_score": str(options.min_score), "network_type": options.network_type, "add_nodes": "0",
    }  # fmt: skip
    edges: list[Link] = _ask(options, "network", form, Link, get)
    pairs = [(symbol_of.get(edge.stringId_A), symbol_of.get(edge.stringId_B), edge.score) for edge in edges]
    scores = networks.undirected_edges([(a, b, score) for a, b, score in pairs if a is not None and b is not None])
    tests: list[EdgeCount] = _ask(options, "ppi_enrichment", form, EdgeCount, get)
    enrichment = EdgeEnrichment(tests[0].expected_number_of_edges, tests[0].p_value) if tests else EdgeEnrichment()
    if options.clusters == "own":
        groups = networks.mcl_clusters(list(ids), scores, options.inflation)
    else:
        groups = _clusters_of_the_service(options, mapped, form, get)
    return networks.build_network("string_db", version, list(ids), scores, groups, unplaced, enrichment)


def _clusters_of_the_service(options: StringDb, mapped: MappedProteins, form: Mapping[str, str], get: Get) -> list[list[str]]:
    """Clusters of STRING's picture of the network; a gene in none of them is a cluster by itself."""
    if len(mapped.ids) > MAX_CLUSTERED:
        problem = f"STRING clusters at most {MAX_CLUSTERED} proteins, {len(mapped.ids)} hit genes are known to it"
        raise ServiceError(problem, where=options.address, fix="set `clusters: own` for the source string_db")
    clustering = {"network_clustering_algorithm": "MCL", "network_clustering_parameter_mcl": f"{options.inflation:g}"}
    clusters: list[ServiceCluster] = _ask(options, "network_image_url", {**form, **clustering}, ServiceCluster, get)
    gene_of = {name: gene for gene, name in mapped.names.items()}
    names = [_names(cluster.preferredNames) for cluster in clusters]
    groups = [sorted({gene_of[name] for name in group if name in gene_of}) for group in names]
    placed = {gene for group in groups for gene in group}
    groups = [group for group in groups if group] + [[gene] for gene in sorted(mapped.ids) if gene not in placed]
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def enrich(options: StringDb, genes: Sequence[str], get: Get, ancestry: Ancestry = NOTHING) -> Enriched:
    """Terms of the option's categories that the genes share, of raw p < 0.1; FDR by STRING within each category."""
    return _enrich(options, genes, genes, get, ancestry)


def enrich_clusters(
    options: StringDb, clusters: Mapping[int, Sequence[str]], genes: Sequence[str], get: Get, ancestry: Ancestry
) -> Iterator[tuple[int, Terms]]:
    """Terms of each cluster, one query each. STRING's names of all the network's genes were queried before."""
    for number, members in clusters.items():
        yield number, _enrich(options, members, genes, get, ancestry).terms


def _enrich(options: StringDb, genes: Sequence[str], named: Sequence[str], get: Get, ancestry: Ancestry) -> Enriched:
    """named: the genes whose names are queried together, `genes` among them."""
    if not genes:
        return Enriched(Terms.empty(), ())
    mapped = _mapped(options, named, get)
    ids = {gene: mapped.ids[gene] for gene in mapped.ids if gene in set(genes)}
    if not ids:
        return Enriched(Terms.empty(), (f"no hit gene is known to {_version(options, get)}",))
    form = _form(options, ids)
    total = options.proteome
    if options.background is not None:
        background = [line.strip() for _, line in read_lines(options.background, "background of STRING ids")]
        _check_background(options, background)
        form, total = form | {"background_string_identifiers": "\r".join(background)}, len(set(background))
    answer: list[StringTerm] = _ask(options, "enrichment", form, StringTerm, get)
    with_genes = [term for term in answer if term.number_of_genes > 0]
    chosen = [term for term in with_genes if not options.categories or term.category in options.categories]
    symbol_of = {protein: gene for gene, protein in ids.items()}
    grouper = Grouper(options, ancestry)
    rows = [_row(options, term, len(ids), total, symbol_of) | grouper.columns(term.term, term.description) for term in chosen]
    rows.sort(key=lambda row: (row["category"], row["p"], row["term"]))
    notes = [f"{_version(options, get)}: {len(ids)} of {len(set(genes))} hit genes, background N = {total}"]
    return Enriched(Terms.of(rows), tuple(notes))


def _check_background(options: StringDb, background: Sequence[str]) -> None:
    invalid = [name for name in background if not name.startswith(f"{options.species}.")]
    if invalid or not background:
        problem = f"the background has {len(background)} lines, of which {len(invalid)} are not STRING ids"
        fix = f"give one STRING id a line, such as {options.species}.ENSP00000328968"
        raise InputError(problem, where=options.background, fix=fix)


def _row(options: StringDb, term: StringTerm, query: int, total: int, symbol_of: Mapping[str, str]) -> dict[str, Any]:
    expected = query * term.number_of_genes_in_background / total
    strength = float(np.log10(term.number_of_genes / expected))
    return {
        "category": term.category, "term": term.term, "description": term.description, "observed": term.number_of_genes,
        "expected": expected, "background": term.number_of_genes_in_background, "strength": strength, "p": term.p_value,
        "fdr": term.fdr, "kept": term.fdr < options.max_fdr and strength > options.min_strength,
        "genes": ";".join(sorted({symbol_of.get(name, name) for name in _names(term.inputGenes)})),
    }  # fmt: skip


def _names(value: Sequence[str] | str) -> list[str]:
    """Names from a list or from text with commas: STRING gives either."""
    names = value.split(",") if isinstance(value, str) else value
    return [name.strip() for name in names if name.strip()]


def _mapped(options: StringDb, genes: Sequence[str], get: Get) -> MappedProteins:
    """The hit genes' proteins in STRING. If several genes have the same protein, the first keeps it."""
    best = _best_matches(options, genes, get)
    holders: dict[str, str] = {}
    unplaced: dict[str, str] = {}
    for gene in sorted(set(genes)):
        if gene not in best:
            unplaced[gene] = "not known to STRING"
        elif best[gene].stringId in holders:
            unplaced[gene] = f"another name of {holders[best[gene].stringId]}"
        else:
            holders[best[gene].stringId] = gene
    ids = {gene: protein for protein, gene in holders.items()}
    return MappedProteins(ids, {gene: best[gene].preferredName for gene in ids}, unplaced)


def _best_matches(options: StringDb, genes: Sequence[str], get: Get) -> dict[str, Match]:
    best: dict[str, Match] = {}
    for batch in batches(sorted(set(genes)), NAMES_PER_QUERY):
        form = _form(options, {gene: gene for gene in batch}) | {"echo_query": "1", "limit": "1"}
        for match in _ask(options, "get_string_ids", form, Match, get):
            best.setdefault(match.queryItem, match)
    return best


def _form(options: StringDb, ids: Mapping[str, str]) -> dict[str, str]:
    identifiers = "\r".join(ids[gene] for gene in sorted(ids))
    return {"identifiers": identifiers, "species": str(options.species), "caller_identity": CALLER}


def _ask(options: StringDb, method: str, form: Mapping[str, str], kind: type[Part], get: Get) -> Any:
    """The rows of the answer, each as `kind`."""
    return get(Question(f"{options.address}/api/json/{method}", form=form), _rows(kind)).value


def _rows(kind: type[Part]) -> Callable[[bytes], Any]:
    """A function that understands rows of one kind. STRING may give a single row instead of a list, or rows with `Error`."""

    def understand(content: bytes) -> Any:
        answer = as_json(content)
        rows = [answer] if isinstance(answer, dict) else answer
        if isinstance(rows, list) and rows and isinstance(rows[0], dict) and "Error" in rows[0]:
            raise NotUnderstood(f"STRING says: {rows[0]['Error']} {rows[0].get('ErrorMessage', '')}".strip())
        return understood(list[kind], rows)  # type: ignore[valid-type]

    return understand


def _version(options: StringDb, get: Get) -> str:
    """Such as `STRING 12.0`."""
    rows = get(Question(f"{options.address}/api/json/version"), _rows(Version)).value
    if not rows:
        raise ServiceError("STRING does not report its version", where=options.address, fix="try again later")
    return f"STRING {rows[0].string_version}"
