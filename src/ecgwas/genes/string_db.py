"""STRING over its service (Szklarczyk et al. 2023, Nucleic Acids Res 51:D638): network, clusters, terms of the hit genes.

Forms are posted to /api/json/<method>, names joined by a carriage return, one question a second. JSON comes as text/json.
Names are mapped first (get_string_ids); those that STRING does not know are listed. Terms carry no strength: it is
log10(observed / expected), expected = query x term / N, with N told in the notes. The service gives terms of raw p < 0.1.
Offline twin: string_files with enrichment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecgwas.errors import InputError, ServiceError
from ecgwas.genes import networks
from ecgwas.genes.chance import Chance
from ecgwas.genes.contract import Get, NotUnderstood, Question, as_json, batches
from ecgwas.genes.enrichment import Enriched, is_cardiovascular
from ecgwas.genes.files import read_lines
from ecgwas.genes.networks import Network
from ecgwas.study import StringDb
from ecgwas.tables import Terms

CALLER = "ecgwas"
NAMES_AT_ONCE = 1000
MOST_DRAWN = 2000
"""The service draws, and therefore clusters, no more proteins."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Mapped:
    """ids: gene -> STRING protein; names: gene -> STRING's name of it; unplaced: gene -> why it has none."""

    ids: Mapping[str, str]
    names: Mapping[str, str]
    unplaced: Mapping[str, str]


def connect(options: StringDb, genes: Sequence[str], get: Get) -> Network:
    """Edges between the genes at min_score or better, their clusters, and whether there are more than STRING expects."""
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
    edges = _ask(options, "network", asked, get, ("stringId_A", "stringId_B", "score"))
    pairs = [(symbol_of.get(row["stringId_A"]), symbol_of.get(row["stringId_B"]), float(row["score"])) for row in edges]
    scores = networks.undirected([(a, b, score) for a, b, score in pairs if a is not None and b is not None])
    tests = _ask(options, "ppi_enrichment", asked, get, ("expected_number_of_edges", "p_value"))
    chance = Chance(float(tests[0]["expected_number_of_edges"]), float(tests[0]["p_value"])) if tests else Chance()
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
    rows = _ask(options, "network_image_url", form, get, ("clusterNumber", "preferredNames"))
    gene_of = {name: gene for gene, name in mapped.names.items()}
    listed = [_names(row["preferredNames"]) for row in rows]
    groups = [sorted({gene_of[name] for name in group if name in gene_of}) for group in listed]
    placed = {gene for group in groups for gene in group}
    groups = [group for group in groups if group] + [[gene] for gene in sorted(mapped.ids) if gene not in placed]
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def enrich(options: StringDb, genes: Sequence[str], get: Get) -> Enriched:
    """Terms of the option's categories that the genes share, of raw p < 0.1; FDR by STRING within each category."""
    if not genes:
        return Enriched(Terms.empty(), ())
    mapped = _mapped(options, genes, get)
    ids = mapped.ids
    if not ids:
        return Enriched(Terms.empty(), (f"no hit gene is known to {_version(options, get)}",))
    form = _form(options, ids)
    total = options.proteome
    if options.background is not None:
        background = [line.strip() for _, line in read_lines(options.background, "background of STRING ids")]
        _check_background(options, background)
        form, total = form | {"background_string_identifiers": "\r".join(background)}, len(set(background))
    needed = (
        "category", "term", "description", "number_of_genes", "number_of_genes_in_background", "inputGenes", "p_value", "fdr",
    )  # fmt: skip
    found = _ask(options, "enrichment", form, get, needed)
    held = [row for row in found if int(row["number_of_genes"]) > 0]
    chosen = [row for row in held if not options.categories or row["category"] in options.categories]
    symbol_of = {protein: gene for gene, protein in ids.items()}
    rows = [_term(options, row, len(ids), total, symbol_of) for row in chosen]
    rows.sort(key=lambda row: (row["category"], row["p"], row["term"]))
    notes = [f"{_version(options, get)}: {len(ids)} of {len(ids) + len(mapped.unplaced)} hit genes, background N = {total}"]
    return Enriched(Terms.of(rows), tuple(notes))


def _check_background(options: StringDb, background: Sequence[str]) -> None:
    strangers = [name for name in background if not name.startswith(f"{options.species}.")]
    if strangers or not background:
        problem = f"the background has {len(background)} lines, {len(strangers)} of them no STRING ids"
        fix = f"give one STRING id a line, such as {options.species}.ENSP00000328968"
        raise InputError(problem, where=options.background, fix=fix)


def _term(options: StringDb, row: Mapping[str, Any], query: int, total: int, symbol_of: Mapping[str, str]) -> dict[str, Any]:
    observed, size = int(row["number_of_genes"]), int(row["number_of_genes_in_background"])
    expected = query * size / total
    strength = float(np.log10(observed / expected))
    fdr = float(row["fdr"])
    inside = {symbol_of.get(name, name) for name in _names(row["inputGenes"])}
    return {
        "category": row["category"], "term": row["term"], "description": row["description"], "observed": observed,
        "expected": expected, "background": size, "strength": strength, "p": float(row["p_value"]), "fdr": fdr,
        "kept": fdr < options.max_fdr and strength > options.min_strength,
        "cardiovascular": is_cardiovascular(f"{row['term']} {row['description']}", options.cardiovascular),
        "genes": ";".join(sorted(inside)),
    }  # fmt: skip


def _names(value: Any) -> list[str]:
    """A list, or text with commas: STRING gives either."""
    names = value.split(",") if isinstance(value, str) else value
    return [str(name).strip() for name in names if str(name).strip()]


def _mapped(options: StringDb, genes: Sequence[str], get: Get) -> Mapped:
    """The hit genes as STRING knows them. The first gene that meets a protein keeps it."""
    best = _best_matches(options, genes, get)
    holders: dict[str, str] = {}
    unplaced: dict[str, str] = {}
    for gene in sorted(set(genes)):
        if gene not in best:
            unplaced[gene] = "not known to STRING"
        elif str(best[gene]["stringId"]) in holders:
            unplaced[gene] = f"another name of {holders[str(best[gene]['stringId'])]}"
        else:
            holders[str(best[gene]["stringId"])] = gene
    ids = {gene: protein for protein, gene in holders.items()}
    return Mapped(ids, {gene: str(best[gene]["preferredName"]) for gene in ids}, unplaced)


def _best_matches(options: StringDb, genes: Sequence[str], get: Get) -> dict[str, dict[str, Any]]:
    best: dict[str, dict[str, Any]] = {}
    needed = ("queryItem", "stringId", "preferredName")
    for batch in batches(sorted(set(genes)), NAMES_AT_ONCE):
        form = _form(options, {gene: gene for gene in batch}) | {"echo_query": "1", "limit": "1"}
        for row in _ask(options, "get_string_ids", form, get, needed):
            best.setdefault(str(row["queryItem"]), row)
    return best


def _form(options: StringDb, ids: Mapping[str, str]) -> dict[str, str]:
    identifiers = "\r".join(ids[gene] for gene in sorted(ids))
    return {"identifiers": identifiers, "species": str(options.species), "caller_identity": CALLER}


def _ask(options: StringDb, method: str, form: Mapping[str, str], get: Get, needed: Sequence[str]) -> Rows:
    return get(Question(f"{options.address}/api/json/{method}", form=form), _rows(needed)).value


def _rows(needed: Sequence[str]) -> Callable[[bytes], Rows]:
    """Understands a list of rows that have the needed fields; STRING gives one row where one is enough."""

    def understand(content: bytes) -> Rows:
        answer = as_json(content)
        rows = [answer] if isinstance(answer, dict) else answer
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise NotUnderstood("the answer is not a list of rows")
        for row in rows:
            if "Error" in row:
                raise NotUnderstood(f"STRING says: {row['Error']} {row.get('ErrorMessage', '')}".strip())
            absent = [name for name in needed if name not in row]
            if absent:
                raise NotUnderstood(f"a row of the answer lacks {', '.join(absent)}")
        return rows

    return understand


def _version(options: StringDb, get: Get) -> str:
    """Such as `STRING 12.0`."""
    rows = get(Question(f"{options.address}/api/json/version"), _rows(("string_version",))).value
    if not rows:
        raise ServiceError("STRING does not tell its version", where=options.address, fix="try again later")
    return f"STRING {rows[0]['string_version']}"
