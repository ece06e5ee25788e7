"""Ontologies in OBO format: what is read of them, and files that are something else."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ecgwas import genes
from ecgwas.errors import Caution, InputError, StudyError
from ecgwas.genes.sources import ontologies
from ecgwas.genes.sources.term_groups import Grouper
from ecgwas.study import Ontologies, Regions, StringDb

TWO = """format-version: 1.2
[Term]
id: A:1
name: root
[Term]
id: A:2 {x="y"}
name: it is loud! really
synonym: "a \\"loud\\" one" EXACT layperson [B:1]
synonym: "noise" RELATED []
alt_id: A:3
is_a: A:1 {source="C:1", source="C:2"} ! root
[Typedef]
id: part_of
name: part of
"""


def test_identifiers_names_synonyms_and_parents(tmp_path: Path) -> None:
    path = tmp_path / "two.obo"
    path.write_text(TWO)
    found = ontologies.read_ancestry(Ontologies(files=(path,)))
    assert set(found.concepts) == {"A:1", "A:2", "A:3"}
    concept = found.concepts["A:2"]
    assert (concept.name, concept.parents, concept.synonyms) == ("it is loud! really", ("A:1",), ('a "loud" one',))
    assert found.concepts["A:3"] is concept
    assert found.above("A:3") == {"A:2": "it is loud! really", "A:1": "root"}
    assert found.named['a "loud" one'] == ("A:2",)
    assert "noise" not in found.named


@pytest.mark.parametrize(
    "spell", ["EFO:{}", "efo:EFO_{}", "http://www.ebi.ac.uk/efo/EFO_{}", "EFO_{}"], ids=["OBO", "prefix", "address", "short"]
)
@pytest.mark.parametrize("relation", ["is_a: {}", "relationship: part_of {}", "relationship: BFO:0000050 {} ! x"])
def test_identifiers_in_any_spelling(tmp_path: Path, spell: str, relation: str) -> None:
    path = tmp_path / "efo.obo"
    above = relation.format(spell.format("0004298"))
    path.write_text(f"[Term]\nid: {spell.format('0004326')}\nname: pulse\n{above}\n\n[Term]\nid: efo:EFO_0004298\n")
    found = ontologies.read_ancestry(Ontologies(files=(path,)))
    assert list(found.above("EFO:0004326")) == ["EFO:0004326", "EFO:0004298"]
    assert Grouper(StringDb(), found).of("EFO:0004326", "").name == "cardiovascular"


def test_other_relations_make_no_parents(tmp_path: Path) -> None:
    path = tmp_path / "efo.obo"
    path.write_text("[Term]\nid: A:1\nrelationship: regulates EFO:0004298\nrelationship: part_of\nintersection_of: A:2\n")
    assert ontologies.read_ancestry(Ontologies(files=(path,))).above("A:1") == {"A:1": ""}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_gzipped_windows_and_several_files_are_one(tmp_path: Path, end: str) -> None:
    first, second = tmp_path / "one.obo.gz", tmp_path / "two.obo"
    first.write_bytes(gzip.compress(TWO.replace("\n", end).encode()))
    second.write_bytes(f"[Term]{end}id: B:1{end}name: below{end}is_a: A:2{end}is_a: Z:9 ! elsewhere{end}".encode())
    found = ontologies.read_ancestry(Ontologies(files=(first, second)))
    assert found.above("B:1") == {"B:1": "below", "A:2": "it is loud! really", "Z:9": "", "A:1": "root"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'<?xml version="1.0"?>\n<rdf:RDF xmlns="http://www.ebi.ac.uk/efo/efo.owl#"/>\n', "no \\[Term\\]"),
        (b'{"graphs": [{"nodes": []}]}\n', "no \\[Term\\]"),
        (b"format-version: 1.2\n\n[Typedef]\nid: part_of\n", "no \\[Term\\]"),
        (b"", "no \\[Term\\]"),
        (b"[Term]\nid: A:1\nname: \xff\xfe\n", "cannot be read"),
    ],
    ids=["OWL", "OBO JSON", "no terms", "empty", "no UTF-8"],
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "efo.obo"
    path.write_bytes(content)
    source = Ontologies(files=(path,))
    with pytest.raises(InputError, match=words) as caught:
        ontologies.read_ancestry(source)
    assert str(path) in str(caught.value)
    with pytest.raises(InputError, match=words):
        genes.check((source, Regions(file=path)))


def test_check_counts_terms_and_warns_of_one_without_groups(tmp_path: Path) -> None:
    plain, good, table = tmp_path / "plain.obo", tmp_path / "good.obo", tmp_path / "genes.txt"
    plain.write_text(TWO)
    good.write_text("[Term]\nid: HP:0001626\nname: Abnormality of the cardiovascular system\n")
    table.write_text("1 1 9 AAA\n")
    facts = genes.check((Regions(file=table), Ontologies(files=(plain, good))))
    assert "1 terms of the ontology good.obo" in facts
    (warning,) = [fact for fact in facts if isinstance(fact, Caution)]
    assert warning.startswith("plain.obo groups no term")
    with pytest.raises(StudyError, match="more than once"):
        genes.check((Regions(file=table), Ontologies(files=(good,)), Ontologies(files=(plain,))))


COMPANIONS = ("enrichment",)
"""Kinds whose terms it groups, for test_contract.py."""


def contract_options(folder: Path, address: str) -> Ontologies:
    """What test_contract.py tests this kind with."""
    path = folder / "heart.obo"
    system = "[Term]\nid: HP:0001626\nname: Abnormality of the cardiovascular system\n"
    path.write_text(f"{system}\n[Term]\nid: HP:0000002\nname: other\nis_a: HP:0001626\n")
    return Ontologies(files=(path,))
