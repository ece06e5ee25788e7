"""The network of the hit genes from STRING's files, and its clusters.

    protein.links     separated by spaces: protein1 protein2 combined_score (0-1000), both directions; needs protein.info
    protein.info      by tabs: #string_protein_id preferred_name protein_size annotation
    protein.aliases   by tabs: #string_protein_id alias source
    web export        by tabs: #node1 node2 ... combined_score (0-1), symbols in the first two columns

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
from ecgwas.genes.network.degree_null import EdgeEnrichment, edge_enrichment
from ecgwas.genes.network.networks import Network
from ecgwas.genes.sources.file_contents import FileContents, genes_in
from ecgwas.genes.web.contract import Build, Get
from ecgwas.genes.web.files import read_lines, version_of
from ecgwas.study import StringFiles

FIX = "give STRING's protein.links file with `info:`, or a network exported as TSV from string-db.org"
SYMBOL_SOURCES = ("HGNC_symbol", "HGNC_prev_symbol", "HGNC_alias_symbol")
"""Endings of the sources of aliases that are gene symbols; the current symbols first."""


@dataclass(frozen=True)
class WholeNetwork:
    """All nodes of the network, and its edges of min_score or more; proteins with the same symbol are one node.

    node_of: symbol -> node, with or without edges; edges: (node, node) -> score 0-1, the smaller node first.
    """

    node_of: Mapping[str, int]
    edges: Mapping[tuple[int, int], float]


def connect(options: StringFiles, genes: Sequence[str], get: Get | None = None, *, seed: int = 1) -> Network:
    """Edges of min_score or more between the genes, MCL clusters, and the expected number of edges.

    Genes with another name in STRING are found by their aliases, if that file is given; unknown genes are listed. A web export
    holds only its own network, so the expected number is unknown. seed: of the resamples.
    """
    is_export = is_web_export(options.links)
    whole = _from_export(options) if is_export else _from_links(options)
    node_of, unplaced = _nodes(options, sorted(set(genes)), whole)
    symbol_at = {node: symbol for symbol, node in node_of.items()}
    scores = {
        (min(symbol_at[a], symbol_at[b]), max(symbol_at[a], symbol_at[b])): score
        for (a, b), score in whole.edges.items()
        if a in symbol_at and b in symbol_at
    }
    enrichment = EdgeEnrichment() if is_export else _edge_enrichment(options, whole, sorted(symbol_at), seed)
    groups = networks.mcl_clusters(list(node_of), scores, options.inflation)
    version = version_of(options.links)
    network = networks.build_network("string_files", version, list(node_of), scores, groups, unplaced, enrichment)
    renamed = [gene for gene in node_of if gene not in whole.node_of]
    note = (f"found in the network by another name: {', '.join(renamed)}",) if renamed else ()
    return replace(network, notes=network.notes + note)


def _edge_enrichment(options: StringFiles, whole: WholeNetwork, chosen: Sequence[int], seed: int) -> EdgeEnrichment:
    ends = np.array(list(whole.edges), dtype=np.int64).reshape(-1, 2)
    degree = np.bincount(ends.ravel(), minlength=len(whole.node_of))
    observed = int(np.isin(ends, chosen).all(axis=1).sum())
    return edge_enrichment(degree, np.array(chosen, dtype=np.int64), observed, options.resamples, np.random.default_rng(seed))


def _nodes(options: StringFiles, genes: Sequence[str], whole: WholeNetwork) -> tuple[dict[str, int], dict[str, str]]:
    """Node of each hit gene, and why others have none. If several genes have the same node, the first keeps it."""
    unknown = {gene for gene in genes if gene not in whole.node_of}
    other_names = {} if options.aliases is None else read_aliases(options.aliases, unknown)
    symbol_of = {} if options.info is None or not other_names else read_info(options.info)
    gene_at: dict[int, str] = {whole.node_of[gene]: gene for gene in genes if gene in whole.node_of}
    unplaced = {}
    for gene in sorted(unknown):
        symbol = symbol_of.get(other_names.get(gene, ""))
        node = None if symbol is None else whole.node_of[symbol]
        if node is None:
            unplaced[gene] = "not among the names of the network"
        elif node in gene_at:
            unplaced[gene] = f"another name of {gene_at[node]}"
        else:
            gene_at[node] = gene
    return {gene: node for node, gene in sorted(gene_at.items(), key=lambda item: item[1])}, unplaced


def _from_export(options: StringFiles) -> WholeNetwork:
    rows = list(_web_export(options.links))
    node_of = {gene: k for k, gene in enumerate(sorted({gene for a, b, _ in rows for gene in (a, b)}))}
    edges: dict[tuple[int, int], float] = {}
    for a, b, score in rows:
        if score * 1000 >= options.min_score:
            _add_edge(edges, node_of[a], node_of[b], score)
    return WholeNetwork(node_of, edges)


def _from_links(options: StringFiles) -> WholeNetwork:
    symbol_of = _names(options)
    node_of = {symbol: k for k, symbol in enumerate(sorted(set(symbol_of.values())))}
    node_of_protein = {protein: node_of[symbol] for protein, symbol in symbol_of.items()}
    edges: dict[tuple[int, int], float] = {}
    for number, line in read_lines(options.links, "network"):
        first, _, rest = line.partition(" ")
        second, _, text = rest.partition(" ")
        if number == 1 or _score(options.links, number, text) < options.min_score:
            continue
        a, b = (_node(options, node_of_protein, number, protein) for protein in (first, second))
        _add_edge(edges, a, b, float(text) / 1000)
    return WholeNetwork(node_of, edges)


def _add_edge(edges: dict[tuple[int, int], float], a: int, b: int, score: float) -> None:
    """An edge may be listed in both directions, and for several proteins of one symbol: the larger score counts."""
    if a != b:
        key = (min(a, b), max(a, b))
        edges[key] = max(score, edges.get(key, 0.0))


def _node(options: StringFiles, node_of_protein: Mapping[str, int], number: int, protein: str) -> int:
    node = node_of_protein.get(protein)
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


def read_aliases(path: Path, symbols: set[str]) -> dict[str, str]:
    """Symbol -> STRING protein, for those of the symbols that are an HGNC symbol, former symbol or alias there."""
    best: dict[str, tuple[int, str]] = {}
    for number, line in read_lines(path, "table of STRING aliases"):
        fields = line.split("\t")
        if number == 1 and fields[0] == "#string_protein_id":
            continue
        if number == 1 or len(fields) < 3:
            problem = f"line {number} is not of STRING's protein.aliases: {line[:60]!r}"
            raise InputError(problem, where=path, fix="give 9606.protein.aliases.v12.0.txt.gz")
        ranks = [rank for rank, source in enumerate(SYMBOL_SOURCES) if fields[2].endswith(source)]
        if fields[1] in symbols and ranks:
            best[fields[1]] = min((ranks[0], fields[0]), best.get(fields[1], (ranks[0], fields[0])))
    return {symbol: protein for symbol, (_, protein) in best.items()}
