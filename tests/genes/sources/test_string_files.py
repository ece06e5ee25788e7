"""The network: protein.links and a web export give the same edges."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from ecgwas.errors import InputError
from ecgwas.genes.sources import string_files
from ecgwas.study import StringFiles

INFO = "#string_protein_id\tpreferred_name\tprotein_size\tannotation\n" + "".join(
    f"9606.P{k}\t{gene}\t9\twords\n" for k, gene in enumerate("ABCDE")
)
LINKS = "protein1 protein2 combined_score\n" + "".join(
    f"9606.P{a} 9606.P{b} {score}\n9606.P{b} 9606.P{a} {score}\n" for a, b, score in [(0, 1, 900), (2, 3, 450), (0, 4, 300)]
)
EXPORT = "#node1\tnode2\tnode1_string_id\tcombined_score\nA\tB\tx\t0.9\nD\tC\tx\t0.45\nA\tE\tx\t0.3\n"


def links(folder: Path) -> StringFiles:
    (folder / "links.txt.gz").write_bytes(gzip.compress(LINKS.encode()))
    (folder / "info.txt").write_text(INFO)
    return StringFiles(links=folder / "links.txt.gz", info=folder / "info.txt")


def export(folder: Path) -> StringFiles:
    (folder / "network.tsv").write_text(EXPORT)
    return StringFiles(links=folder / "network.tsv")


@pytest.mark.parametrize("make", [links, export])
def test_edges_clusters_and_strangers(make: Callable[[Path], StringFiles], tmp_path: Path) -> None:
    network = string_files.connect(make(tmp_path), ["A", "B", "C", "D", "E", "Z"])
    assert network.edges.frame.rows() == [("A", "B", 0.9, 1), ("C", "D", 0.45, 2)]
    assert network.clusters.frame.select("gene", "cluster", "size", "degree").rows() == [
        ("A", 1, 2, 1), ("B", 1, 2, 1), ("C", 2, 2, 1), ("D", 2, 2, 1), ("E", 3, 1, 0),
    ]  # fmt: skip
    assert any("Z" in note for note in network.notes)
    assert any("5 of 6" in note for note in network.notes)
    assert network.unplaced.frame.rows() == [
        ("gene", "Z", None, None, None, None, "string_files", "not among the names of the network")
    ]
    test = network.tests.frame.row(0, named=True)
    assert (test["genes"], test["edges"], test["average_degree"], test["clustering"]) == (5, 2, 0.8, 0.0)
    assert (test["p"] is None) == (make is export)


ALIASES = (
    "#string_protein_id\talias\tsource\n9606.P0\tOLD\tEnsembl_HGNC_prev_symbol\n9606.P1\tOLD\tEnsembl_HGNC_alias_symbol\n"
    "9606.P3\tE3\tUniProt_AC\n9606.P1\tBEE\tEnsembl_HGNC_alias_symbol\n9606.P2\tC\tEnsembl_HGNC_symbol\n"
)


def test_former_names_are_found_and_noted(tmp_path: Path) -> None:
    (tmp_path / "aliases.txt").write_text(ALIASES)
    options = links(tmp_path).model_copy(update={"aliases": tmp_path / "aliases.txt"})
    network = string_files.connect(options, ["OLD", "B", "BEE", "E3"])
    assert network.edges.frame.rows() == [("B", "OLD", 0.9, 1)]
    reasons = dict(network.unplaced.frame.select("name", "reason").iter_rows())
    assert reasons == {"BEE": "another name of B", "E3": "not among the names of the network"}
    assert "found in the network by another name: OLD" in network.notes


def test_an_edge_given_once_counts_and_a_strange_protein_is_refused(tmp_path: Path) -> None:
    options = links(tmp_path)
    text = "protein1 protein2 combined_score\n9606.P1 9606.P0 900\n9606.P3 9606.P2 450\n"
    (tmp_path / "links.txt.gz").write_bytes(gzip.compress(text.encode()))
    assert string_files.connect(options, ["A", "B"]).edges.frame.rows() == [("A", "B", 0.9, 1)]
    (tmp_path / "links.txt.gz").write_bytes(gzip.compress((text + "9606.P1 10090.P9 900\n").encode()))
    with pytest.raises(InputError, match=r"line 4.*10090\.P9"):
        string_files.connect(options, ["A", "B"])


def test_a_gzip_cut_short_is_refused(tmp_path: Path) -> None:
    options = links(tmp_path)
    path = tmp_path / "links.txt.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputError, match="cut-off gzip"):
        string_files.connect(options, ["A", "B"])


def test_no_genes_no_network(tmp_path: Path) -> None:
    network = string_files.connect(export(tmp_path), [])
    assert len(network.edges) == len(network.clusters) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "empty"), ("gene1,gene2\n", "unknown header"), ("#node1\tnode2\tcombined_score\nA\tB\thigh\n", "line 2")],
)
def test_files_that_hold_no_network(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "network.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        string_files.connect(StringFiles(links=path), ["A", "B"])


def test_links_without_info_say_what_is_missing(tmp_path: Path) -> None:
    options = links(tmp_path).model_copy(update={"info": None})
    for work in (string_files.check, lambda source: string_files.connect(source, ["A"])):
        with pytest.raises(InputError, match=r"protein\.info"):
            work(options)


@pytest.mark.parametrize(("name", "words"), [("links.txt.gz", "missing"), ("info.txt", "missing")])
def test_missing_files_are_reported_by_check(name: str, words: str, tmp_path: Path) -> None:
    options = links(tmp_path)
    string_files.check(options)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=words):
        string_files.check(options)


def contract_options(folder: Path, address: str) -> StringFiles:
    """What test_contract.py tests this kind with."""
    (folder / "network.tsv").write_text(
        "#node1\tnode2\tcombined_score\nSCN5A\tSCN10A\t0.9\nSCN5A\tKCNQ1\t0.8\nKCNQ1\tTTN\t0.5\n"
    )
    return StringFiles(links=folder / "network.tsv")
