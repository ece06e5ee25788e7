"""The network of the hit genes from STRING's files, and its clusters.

    protein.links     blanks: protein1 protein2 combined_score (0-1000), each edge in both directions; needs protein.info
    protein.info      tabs: #string_protein_id preferred_name protein_size annotation
    protein.aliases   tabs: #string_protein_id alias source
    web export        tabs: #node1 node2 ... combined_score (0-1), symbols in the first two columns

Format pages: https://string-db.org/cgi/download and the export page of a network (v12.0, 2023).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ecgwas.errors import InputError
from ecgwas.genes.network import networks
from ecgwas.genes.network.degree_null import Chance, edges_by_chance
from ecgwas.genes.network.networks import Network
from ecgwas.genes.sources.file_contents import FileContents, genes_in
from ecgwas.genes.web.contract import Build, Get
from ecgwas.genes.web.files import read_lines, version_of
from ecgwas.study import StringFiles

FIX = "give STRING's protein.links file with `info:`, or a network exported as TSV from string-db.org"
SYMBOL_SOURCES = ("HGNC_symbol", "HGNC_prev_symbol", "HGNC_alias_symbol")
"""Ends of the names of the sources of aliases that are gene symbols, the current ones first."""


@dataclass(frozen=True)
class Whole:
    """A network's nodes and edges of min_score or more; proteins of one symbol are one node.

    place: symbol -> node; edges: (node, node) -> score 0-1, node < node; nodes without an edge are there too.
    """

    place: Mapping[str, int]
    edges: Mapping[tuple[int, int], float]


def connect(options: StringFiles, genes: Sequence[str], get: Get | None = None, *, seed: int = 1) -> Network:
    """Edges between the genes at min_score or better, MCL clusters, and the number of edges by chance.

    Genes that STRING names otherwise are found by their aliases, if the file is given; genes that it does not know are
    listed. A web export holds only its own network: there, chance is not known. seed: of the resamples.
    """
    exported = is_web_export(options.links)
    whole = _of_export(options) if exported else _of_links(options)
    wanted = sorted(set(genes))
    node_of, unplaced = _nodes(options, wanted, whole)
    symbol_at = {node: symbol for symbol, node in node_of.items()}
    scores = {
        (min(symbol_at[a], symbol_at[b]), max(symbol_at[a], symbol_at[b])): score
        for (a, b), score in whole.edges.items()
        if a in symbol_at and b in symbol_at
    }
    chance = Chance() if exported else _chance(options, whole, sorted(symbol_at), seed)
    groups = networks.clustered(list(node_of), scores, options.inflation)
    version = version_of(options.links)
    network = networks.describe("string_files", version, list(node_of), scores, groups, unplaced, chance)
    renamed = [gene for gene in node_of if gene not in whole.place]
    note = (f"found in the network by another name: {', '.join(renamed)}",) if renamed else ()
    return replace(network, notes=network.notes + note)


def _chance(options: StringFiles, whole: Whole, chosen: Sequence[int], seed: int) -> Chance:
    ends = np.array(list(whole.edges), dtype=np.int64).reshape(-1, 2)
    degree = np.bincount(ends.ravel(), minlength=len(whole.place))
    observed = int(np.isin(ends, chosen).all(axis=1).sum())
    return edges_by_chance(degree, np.array(chosen, dtype=np.int64), observed, options.resamples, np.random.default_rng(seed))


def _nodes(options: StringFiles, wanted: Sequence[str], whole: Whole) -> tuple[dict[str, int], dict[str, str]]:
    """Node of each hit gene that has one; why the others have none. Two genes of one node: the first keeps it."""
    unknown = {gene for gene in wanted if gene not in whole.place}
    other_names = {} if options.aliases is None else read_aliases(options.aliases, unknown)
    symbol_of = {} if options.info is None or not other_names else read_info(options.info)
    taken: dict[int, str] = {whole.place[gene]: gene for gene in wanted if gene in whole.place}
    unplaced = {}
    for gene in sorted(unknown):
        symbol = symbol_of.get(other_names.get(gene, ""))
        node = None if symbol is None else whole.place[symbol]
        if node is None:
            unplaced[gene] = "not among the names of the network"
        elif node in taken:
            unplaced[gene] = f"another name of {taken[node]}"
        else:
            taken[node] = gene
    return {gene: node for node, gene in sorted(taken.items(), key=lambda item: item[1])}, unplaced


def _of_export(options: StringFiles) -> Whole:
    rows = list(_web_export(options.links))
    place = {gene: k for k, gene in enumerate(sorted({gene for a, b, _ in rows for gene in (a, b)}))}
    edges: dict[tuple[int, int], float] = {}
    for a, b, score in rows:
        if score * 1000 >= options.min_score:
            _join(edges, place[a], place[b], score)
    return Whole(place, edges)


def _of_links(options: StringFiles) -> Whole:
    symbol_of = _names(options)
    place = {symbol: k for k, symbol in enumerate(sorted(set(symbol_of.values())))}
    node_of = {protein: place[symbol] for protein, symbol in symbol_of.items()}
    edges: dict[tuple[int, int], float] = {}
    for number, line in read_lines(options.links, "network"):
        first, _, rest = line.partition(" ")
        second, _, text = rest.partition(" ")
        if number == 1 or _score(options.links, number, text) < options.min_score:
            continue
        a, b = _known(options, node_of, number, first), _known(options, node_of, number, second)
        _join(edges, a, b, float(text) / 1000)
    return Whole(place, edges)


def _join(edges: dict[tuple[int, int], float], a: int, b: int, score: float) -> None:
    """An edge may come in both directions, and from several proteins of one symbol: the larger score counts."""
    if a != b:
        key = (min(a, b), max(a, b))
        edges[key] = max(score, edges.get(key, 0.0))


def _known(options: StringFiles, node_of: Mapping[str, int], number: int, protein: str) -> int:
    node = node_of.get(protein)
    if node is None:
        problem = f"line {number} of the network names a protein that is not in {options.info}: {protein}"
        raise InputError(problem, where=options.links, fix="give protein.links and protein.info of one version and species")
    return node


def check(options: StringFiles, build: Build | None = None) -> FileContents:
    """Reads the names of the nodes, not the edges of protein.links. Raises InputError as `connect` would for a wrong file."""
    if is_web_export(options.links):
        symbols = {gene for a, b, _ in _web_export(options.links) for gene in (a, b)}
    else:
        symbols = set(_names(options).values())
    return genes_in(options.info or options.links, symbols, f"network {options.links.name}")


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
        score = _score(path, number, fields[-1])
        if not 0 <= score <= 1:
            problem = f"line {number} of the network has a score that is not between 0 and 1: {fields[-1][:40]}"
            raise InputError(problem, where=path, fix="divide STRING's scores of 0 to 1000 by 1000, as its exports have them")
        yield fields[0], fields[1], score


def _score(path: Path, number: int, text: str) -> float:
    try:
        score = float(text)
        if math.isfinite(score):
            return score
        raise ValueError
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


def read_aliases(path: Path, wanted: set[str]) -> dict[str, str]:
    """Symbol -> STRING protein, for the wanted symbols that are an HGNC symbol, former symbol or alias there."""
    found: dict[str, tuple[int, str]] = {}
    for number, line in read_lines(path, "table of STRING aliases"):
        fields = line.split("\t")
        if number == 1 and fields[0] == "#string_protein_id":
            continue
        if number == 1 or len(fields) < 3:
            problem = f"line {number} is not of STRING's protein.aliases: {line[:60]!r}"
            raise InputError(problem, where=path, fix="give 9606.protein.aliases.v12.0.txt.gz")
        ranks = [rank for rank, source in enumerate(SYMBOL_SOURCES) if fields[2].endswith(source)]
        if fields[1] in wanted and ranks:
            found[fields[1]] = min((ranks[0], fields[0]), found.get(fields[1], (ranks[0], fields[0])))
    return {symbol: protein for symbol, (_, protein) in found.items()}
