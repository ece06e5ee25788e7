"""The network of the hit genes from STRING's files, and its clusters.

    protein.links   blanks: protein1 protein2 combined_score (0-1000), each edge in both directions; needs protein.info
    protein.info    tabs: #string_protein_id preferred_name protein_size annotation
    web export      tabs: #node1 node2 ... combined_score (0-1), symbols in the first two columns

Format pages: https://string-db.org/cgi/download and the export page of a network (v12.0, 2023).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgwas.errors import InputError
from ecgwas.genes import mcl
from ecgwas.genes.files import read_lines
from ecgwas.study import StringFiles
from ecgwas.tables import Clusters, Edges

FIX = "give STRING's protein.links file with `info:`, or a network exported as TSV from string-db.org"


@dataclass(frozen=True)
class Network:
    """Edges and clusters of the hit genes, and what to know about them, in words."""

    clusters: Clusters
    edges: Edges
    notes: tuple[str, ...]


def connect(options: StringFiles, genes: Sequence[str]) -> Network:
    """Edges between the genes at min_score or better; MCL clusters. Genes that STRING does not name are counted and told."""
    wanted = set(genes)
    known, pairs = _pairs(options, wanted)
    scores: dict[tuple[str, str], float] = {}
    for a, b, score in pairs:
        if a != b:
            scores[min(a, b), max(a, b)] = max(score, scores.get((min(a, b), max(a, b)), 0.0))
    nodes = sorted(wanted & known)
    groups = mcl.cluster(nodes, [(a, b, score) for (a, b), score in scores.items()], options.inflation)
    cluster_of = {gene: number for number, group in enumerate(groups, start=1) for gene in group}
    unknown = sorted(wanted - known)
    notes = [f"{len(nodes)} of {len(wanted)} hit genes are in {options.links.name}, with {len(scores)} edges"]
    if unknown:
        notes.append(f"not in the network's file: {', '.join(unknown)}")
    return Network(_clusters(groups, scores), _edges(scores, cluster_of), tuple(notes))


def _clusters(groups: Sequence[Sequence[str]], scores: dict[tuple[str, str], float]) -> Clusters:
    degree: dict[str, int] = {}
    for pair in scores:
        for gene in pair:
            degree[gene] = degree.get(gene, 0) + 1
    return Clusters.of(
        [
            {"gene": gene, "cluster": number, "size": len(group), "degree": degree.get(gene, 0), "name": None}
            for number, group in enumerate(groups, start=1)
            for gene in group
        ]
    )


def _edges(scores: dict[tuple[str, str], float], cluster_of: dict[str, int]) -> Edges:
    rows = []
    for (a, b), score in sorted(scores.items()):
        together = cluster_of[a] if cluster_of[a] == cluster_of[b] else None
        rows.append({"gene_a": a, "gene_b": b, "score": score, "cluster": together})
    return Edges.of(rows)


def _pairs(options: StringFiles, wanted: set[str]) -> tuple[set[str], Iterator[tuple[str, str, float]]]:
    """Genes that the files name, and edges among the wanted ones."""
    if is_web_export(options.links):
        rows = list(_web_export(options.links))
        known = {gene for a, b, _ in rows for gene in (a, b)}
        inside = ((a, b, s) for a, b, s in rows if a in wanted and b in wanted and s * 1000 >= options.min_score)
        return known, inside
    symbol_of = _names(options)
    return set(symbol_of.values()), _links(options, symbol_of, wanted)


def check(options: StringFiles) -> None:
    """Opens the files without reading all the edges. Raises InputError as `connect` would for a wrong kind of file."""
    if not is_web_export(options.links):
        _names(options)


def _names(options: StringFiles) -> dict[str, str]:
    if options.info is None:
        fix = "add `info: 9606.protein.info.v12.0.txt.gz` to the source"
        raise InputError("protein.links names proteins, not genes: protein.info is needed", where=options.links, fix=fix)
    return read_info(options.info)


def is_web_export(path: Path) -> bool:
    """True for a network exported from string-db.org, False for protein.links; InputError for anything else."""
    number, header = next(read_lines(path, "network"), (0, ""))
    if header.startswith("#node1\t"):
        return True
    if header.split()[:3] == ["protein1", "protein2", "combined_score"]:
        return False
    problem = "the network is empty" if number == 0 else f"unknown header of the network: {header[:60]!r}"
    raise InputError(problem, where=path, fix=FIX)


def _web_export(path: Path) -> Iterator[tuple[str, str, float]]:
    for number, line in read_lines(path, "network"):
        if number == 1:
            continue
        fields = line.split("\t")
        yield fields[0], fields[1], _score(path, number, fields[-1])


def _links(options: StringFiles, symbol_of: dict[str, str], wanted: set[str]) -> Iterator[tuple[str, str, float]]:
    proteins = {protein for protein, symbol in symbol_of.items() if symbol in wanted}
    for number, line in read_lines(options.links, "network"):
        a, _, rest = line.partition(" ")
        if a not in proteins:
            continue
        b, _, score = rest.partition(" ")
        if b in proteins and _score(options.links, number, score) >= options.min_score:
            yield symbol_of[a], symbol_of[b], float(score) / 1000


def _score(path: Path, number: int, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"line {number} of the network has no score: {text[:40]!r}", where=path, fix=FIX) from None


def read_info(path: Path) -> dict[str, str]:
    """STRING protein -> gene symbol, from protein.info."""
    symbols = {}
    for number, line in read_lines(path, "table of STRING proteins"):
        fields = line.split("\t")
        if number == 1 and fields[0] == "#string_protein_id":
            continue
        if number == 1 or len(fields) < 2:
            problem = f"line {number} is not of STRING's protein.info: {line[:60]!r}"
            raise InputError(problem, where=path, fix="give 9606.protein.info.v12.0.txt.gz")
        symbols[fields[0]] = fields[1]
    return symbols
