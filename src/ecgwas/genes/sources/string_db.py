"""STRING over its service (Szklarczyk et al. 2023, Nucleic Acids Res 51:D638): network, clusters, terms of the hit genes.

Forms are posted to /api/json/<method>, names joined by a carriage return, one question a second. JSON comes as text/json.
Names are mapped first (get_string_ids); those that STRING does not know are listed. Terms carry no strength: it is
log10(observed / expected), expected = query x term / N, with N told in the notes. The service gives terms of raw p < 0.1.
Offline twin: string_files with enrichment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ecgwas.errors import InputError, ServiceError
from ecgwas.genes.network import networks
from ecgwas.genes.network.degree_null import Chance
from ecgwas.genes.network.networks import Network
from ecgwas.genes.sources.enrichment import Enriched
from ecgwas.genes.sources.ontologies import NOTHING, Ancestry
from ecgwas.genes.sources.term_groups import Grouper
from ecgwas.genes.web.contract import Get, NotUnderstood, Part, Question, Whole, as_json, batches, understood
from ecgwas.genes.web.files import read_lines
from ecgwas.study import StringDb
from ecgwas.tables import Terms

CALLER = "ecgwas"
NAMES_AT_ONCE = 1000
MOST_DRAWN = 2000
"""The service draws, and therefore clusters, no more proteins."""

ProteinId = Annotated[str, Field(pattern=r"^\d+\.\S+$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Match(Part):
    """A protein for a name; the best one comes first."""

    queryItem: str
    stringId: ProteinId
    preferredName: str


class Link(Part):
    """An edge."""

    stringId_A: str
    stringId_B: str
    score: Share


class EdgeTest(Part):
    """Answer of ppi_enrichment."""

    expected_number_of_edges: Annotated[float, Field(ge=0)]
    p_value: Share


class Drawn(Part):
    """A cluster of the picture; names as a list or as text with commas."""

    preferredNames: list[str] | str


class StringTerm(Part):
    """A term; inputGenes as a list or as text with commas."""

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
class Mapped:
    """ids: gene -> STRING protein; names: gene -> STRING's name of it; unplaced: gene -> why it has none."""

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
        # Asked for one protein, STRING adds ten neighbours.
        groups = [[gene] for gene in ids]
        return networks.describe("string_db", version, list(ids), {}, groups, unplaced, Chance())
    symbol_of = {protein: gene for gene, protein in ids.items()}
    asked = _form(options, ids) | {
        "required_score": str(options.min_score), "network_type": options.network_type, "add_nodes": "0",
    }  # fmt: skip
    edges: list[Link] = _ask(options, "network", asked, Link, get)
    pairs = [(symbol_of.get(edge.stringId_A), symbol_of.get(edge.stringId_B), edge.score) for edge in edges]
    scores = networks.undirected([(a, b, score) for a, b, score in pairs if a is not None and b is not None])
    tests: list[EdgeTest] = _ask(options, "ppi_enrichment", asked, EdgeTest, get)
    chance = Chance(tests[0].expected_number_of_edges, tests[0].p_value) if tests else Chance()
    if options.clusters == "own":
        groups = networks.clustered(list(ids), scores, options.inflation)
    else:
        groups = _clusters_of_the_service(options, mapped, asked, get)
    return networks.describe("string_db", version, list(ids), scores, groups, unplaced, chance)


def _clusters_of_the_service(options: StringDb, mapped: Mapped, asked: Mapping[str, str], get: Get) -> list[list[str]]:
    """Clusters of the picture that STRING would draw; genes that are in none of them stand alone."""
    if len(mapped.ids) > MOST_DRAWN:
        problem = f"STRING clusters at most {MOST_DRAWN} proteins, {len(mapped.ids)} hit genes are known to it"
        raise ServiceError(problem, where=options.address, fix="set `clusters: own` for the source string_db")
    form = {
        **asked, "network_clustering_algorithm": "MCL", "network_clustering_parameter_mcl": f"{options.inflation:g}",
    }  # fmt: skip
    drawn: list[Drawn] = _ask(options, "network_image_url", form, Drawn, get)
    gene_of = {name: gene for gene, name in mapped.names.items()}
    listed = [_names(cluster.preferredNames) for cluster in drawn]
    groups = [sorted({gene_of[name] for name in group if name in gene_of}) for group in listed]
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
    """named: the genes whose names STRING is asked for in one query, `genes` among them."""
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
    found: list[StringTerm] = _ask(options, "enrichment", form, StringTerm, get)
    held = [term for term in found if term.number_of_genes > 0]
    chosen = [term for term in held if not options.categories or term.category in options.categories]
    symbol_of = {protein: gene for gene, protein in ids.items()}
    grouper = Grouper(options, ancestry)
    rows = [_term(options, term, len(ids), total, symbol_of) | grouper.columns(term.term, term.description) for term in chosen]
    rows.sort(key=lambda row: (row["category"], row["p"], row["term"]))
    notes = [f"{_version(options, get)}: {len(ids)} of {len(set(genes))} hit genes, background N = {total}"]
    return Enriched(Terms.of(rows), tuple(notes))


def _check_background(options: StringDb, background: Sequence[str]) -> None:
    strangers = [name for name in background if not name.startswith(f"{options.species}.")]
    if strangers or not background:
        problem = f"the background has {len(background)} lines, {len(strangers)} of them no STRING ids"
        fix = f"give one STRING id a line, such as {options.species}.ENSP00000328968"
        raise InputError(problem, where=options.background, fix=fix)


def _term(options: StringDb, term: StringTerm, query: int, total: int, symbol_of: Mapping[str, str]) -> dict[str, Any]:
    expected = query * term.number_of_genes_in_background / total
    strength = float(np.log10(term.number_of_genes / expected))
    return {
        "category": term.category, "term": term.term, "description": term.description, "observed": term.number_of_genes,
        "expected": expected, "background": term.number_of_genes_in_background, "strength": strength, "p": term.p_value,
        "fdr": term.fdr, "kept": term.fdr < options.max_fdr and strength > options.min_strength,
        "genes": ";".join(sorted({symbol_of.get(name, name) for name in _names(term.inputGenes)})),
    }  # fmt: skip


def _names(value: Sequence[str] | str) -> list[str]:
    """A list, or text with commas: STRING gives either."""
    names = value.split(",") if isinstance(value, str) else value
    return [name.strip() for name in names if name.strip()]


def _mapped(options: StringDb, genes: Sequence[str], get: Get) -> Mapped:
    """The hit genes as STRING knows them. The first gene that meets a protein keeps it."""
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
    return Mapped(ids, {gene: best[gene].preferredName for gene in ids}, unplaced)


def _best_matches(options: StringDb, genes: Sequence[str], get: Get) -> dict[str, Match]:
    best: dict[str, Match] = {}
    for batch in batches(sorted(set(genes)), NAMES_AT_ONCE):
        form = _form(options, {gene: gene for gene in batch}) | {"echo_query": "1", "limit": "1"}
        for match in _ask(options, "get_string_ids", form, Match, get):
            best.setdefault(match.queryItem, match)
    return best


def _form(options: StringDb, ids: Mapping[str, str]) -> dict[str, str]:
    identifiers = "\r".join(ids[gene] for gene in sorted(ids))
    return {"identifiers": identifiers, "species": str(options.species), "caller_identity": CALLER}


def _ask(options: StringDb, method: str, form: Mapping[str, str], kind: type[Part], get: Get) -> Any:
    """The rows of the answer, each of that kind."""
    return get(Question(f"{options.address}/api/json/{method}", form=form), _rows(kind)).value


def _rows(kind: type[Part]) -> Callable[[bytes], Any]:
    """Understands a list of rows of one kind; STRING gives one row where one is enough, and rows with `Error`."""

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
        raise ServiceError("STRING does not tell its version", where=options.address, fix="try again later")
    return f"STRING {rows[0].string_version}"
