"""The network: protein.links and a web export give the same edges."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ecgwas.errors import InputError
from ecgwas.genes import string_files
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
def test_edges_clusters_and_strangers(make, tmp_path: Path) -> None:
    network = string_files.connect(make(tmp_path), ["A", "B", "C", "D", "E", "Z"])
    assert network.edges.frame.rows() == [("A", "B", 0.9, 1), ("C", "D", 0.45, 2)]
    assert network.clusters.frame.select("gene", "cluster", "size", "degree").rows() == [
        ("A", 1, 2, 1), ("B", 1, 2, 1), ("C", 2, 2, 1), ("D", 2, 2, 1), ("E", 3, 1, 0),
    ]  # fmt: skip
    assert any("Z" in note for note in network.notes)
    assert any("5 of 6" in note for note in network.notes)


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
def test_absent_files_are_told_before_the_work(name: str, words: str, tmp_path: Path) -> None:
    options = links(tmp_path)
    string_files.check(options)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=words):
        string_files.check(options)
