"""Ontologies: what each term is a kind or a part of; and files of GO and HPO turned into GMT: term, name, genes.

efo, mondo, hp, go-basic, bto .obo   stanzas [Term] of `key: value` lines   (OBO flat file format 1.4)
goa_human.gaf.gz                     17 tab-separated columns after `!` lines      (GO annotation file 2.2)
phenotype_to_genes.txt               hpo_id hpo_name ncbi_gene_id gene_symbol ...  (HPO; already with every term's ancestors)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ecgwas.errors import Caution, InputError
from ecgwas.genes.sources.file_contents import FileContents
from ecgwas.genes.sources.term_roots import ROOTS
from ecgwas.genes.web.contract import Build
from ecgwas.genes.web.files import read_lines
from ecgwas.study import Ontologies

NAMESPACES = {"biological_process": "process", "molecular_function": "function", "cellular_component": "component"}
HUMAN = "taxon:9606"
GAF_COLUMNS = 17
IDENTIFIER = re.compile(r"(?:\S*[:/#])?([A-Za-z]+)[_:](\d+)")
"""EFO:0004326, which is also written efo:EFO_0004326 and http://www.ebi.ac.uk/efo/EFO_0004326."""
PART_OF = ("part_of", "BFO:0000050")
SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)"\s+EXACT\b')
"""An exact synonym: "text" EXACT [where from]; a quotation mark in the text has a backslash before it."""


@dataclass(frozen=True)
class Concept:
    """A term of an ontology; parents: what it is a kind (is_a) or a part (part_of) of; synonyms: its exact ones."""

    identifier: str
    name: str
    namespace: str
    parents: tuple[str, ...]
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ancestry:
    """Terms of one ontology or several, by identifier, and the identifiers of each name and exact synonym in small letters."""

    concepts: Mapping[str, Concept]
    named: Mapping[str, tuple[str, ...]]

    def above(self, identifier: str) -> dict[str, str]:
        """Identifier -> name of the term itself and of all that it is a kind or a part of, the nearest first.

        A parent that the files do not describe stands under its identifier, without a name.
        """
        found: dict[str, str] = {}
        waiting = [identifier]
        while waiting:
            here, *waiting = waiting
            concept = self.concepts.get(here)
            own = here if concept is None else concept.identifier
            if own not in found:
                found[own] = "" if concept is None else concept.name
                waiting += () if concept is None else concept.parents
        return found


NOTHING = Ancestry({}, {})
"""No ontology."""


@dataclass
class _Stanza:
    """The lines of one stanza that matter, as they come."""

    identifier: str = ""
    name: str = ""
    namespace: str = ""
    obsolete: bool = False
    parents: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    synonyms: list[str] = field(default_factory=list)


def check(options: Ontologies, build: Build | None = None) -> FileContents:
    """Reads the files; warns of one that puts no term into a group. Raises InputError for a file that is not an ontology."""
    facts: list[str] = []
    roots = {root for group in ROOTS.values() for pair in group.items() for root in pair}
    for path in options.files:
        concepts = read_concepts(path)
        known = {name for concept in concepts.values() for name in (concept.identifier, concept.name.lower())}
        if roots.isdisjoint(known):
            facts.append(Caution(f"{path.name} groups no term: none of the terms below which the groups lie is in it"))
        facts.append(f"{len(concepts)} terms of the ontology {path.name}")
    return FileContents(tuple(facts))


def read_ancestry(options: Ontologies) -> Ancestry:
    """The ontologies together. Raises InputError for a file that is not an ontology."""
    concepts: dict[str, Concept] = {}
    for path in options.files:
        concepts |= read_concepts(path)
    named: dict[str, dict[str, None]] = {}
    for concept in concepts.values():
        for name in (concept.name, *concept.synonyms):
            named.setdefault(name.lower(), {})[concept.identifier] = None
    return Ancestry(concepts, {name: tuple(found) for name, found in named.items() if name})


def read_concepts(path: Path) -> dict[str, Concept]:
    """Identifier (and each alternative one) -> term; obsolete terms are excluded. Raises InputError for another file."""
    concepts: dict[str, Concept] = {}
    for stanza in _stanzas(path):
        if stanza.identifier and not stanza.obsolete:
            concept = Concept(stanza.identifier, stanza.name, stanza.namespace, tuple(stanza.parents), tuple(stanza.synonyms))
            # An alternative identifier must not hide a term of that name.
            concepts |= {other: concept for other in stanza.others if other not in concepts}
            concepts[stanza.identifier] = concept
    if not concepts:
        fix = "give an ontology in OBO format, such as efo.obo of `ecgwas references fetch`; OWL and OBO JSON are not read"
        raise InputError("the ontology holds no [Term] with an `id:`", where=path, fix=fix)
    return concepts


def read_ontology(path: Path) -> dict[str, Concept]:
    """The terms of go-basic.obo, as `read_concepts`. Raises InputError for another file."""
    concepts = read_concepts(path)
    strange = sorted({concept.namespace for concept in concepts.values()} - set(NAMESPACES))
    if strange:
        raise InputError(f"the ontology is not GO's: namespaces {strange}", where=path, fix="give go-basic.obo")
    return concepts


def _stanzas(path: Path) -> Iterator[_Stanza]:
    stanza, inside = _Stanza(), False
    for _, line in read_lines(path, "ontology"):
        if line.startswith("["):
            yield stanza
            stanza, inside = _Stanza(), line.strip() == "[Term]"
        elif inside:
            _take(stanza, line)
    yield stanza


def _take(stanza: _Stanza, line: str) -> None:
    key, _, value = line.partition(":")
    plain = value.split(" ! ")[0].strip()
    # An identifier may be followed by a trailing modifier: MONDO:0000001 {source="DOID:1"}.
    first = _identifier(plain.split(maxsplit=1)[0]) if plain else ""
    if key == "id":
        stanza.identifier = first
    elif key == "name":
        stanza.name = value.strip()
    elif key == "namespace":
        stanza.namespace = plain
    elif key == "is_obsolete":
        stanza.obsolete = first == "true"
    elif key == "alt_id":
        stanza.others.append(first)
    elif key == "synonym" and (found := SYNONYM.match(value.strip())) is not None:
        stanza.synonyms.append(found[1].replace('\\"', '"'))
    elif key == "is_a":
        stanza.parents.append(first)
    elif key == "relationship" and first in PART_OF and len(plain.split()) > 1:
        stanza.parents.append(_identifier(plain.split()[1]))


def _identifier(text: str) -> str:
    found = IDENTIFIER.fullmatch(text)
    return text if found is None else f"{found[1]}:{found[2]}"


def read_annotations(path: Path) -> Iterator[tuple[str, str]]:
    """(term, gene symbol) of a GAF, human genes, negated annotations left out. Raises InputError for another file."""
    for number, line in read_lines(path, "table of annotations"):
        if line.startswith("!"):
            continue
        cells = line.split("\t")
        if len(cells) != GAF_COLUMNS:
            problem = f"line {number} of the annotations has {len(cells)} columns instead of {GAF_COLUMNS}"
            raise InputError(problem, where=path, fix="give goa_human.gaf.gz")
        if not cells[3].startswith("NOT") and HUMAN in cells[12].split("|"):
            yield cells[4], cells[2]


def go_terms(ontology: Path, annotations: Path) -> dict[str, dict[str, tuple[str, set[str]]]]:
    """process | function | component -> identifier -> name and genes, those of all kinds and parts of it too."""
    concepts = read_ontology(ontology)
    above = {identifier: _ancestors(concepts, identifier) for identifier in concepts}
    terms: dict[str, dict[str, tuple[str, set[str]]]] = {short: {} for short in NAMESPACES.values()}
    for identifier, gene in read_annotations(annotations):
        for holder in above.get(identifier, ()):
            concept = concepts[holder]
            within = terms[NAMESPACES[concept.namespace]]
            within.setdefault(concept.identifier, (concept.name, set()))[1].add(gene)
    return terms


def _ancestors(concepts: Mapping[str, Concept], identifier: str) -> set[str]:
    """The term itself and all above it, under their own identifiers."""
    found: set[str] = set()
    waiting = [identifier]
    while waiting:
        concept = concepts.get(waiting.pop())
        if concept is not None and concept.identifier not in found:
            found.add(concept.identifier)
            waiting += concept.parents
    return found


def hpo_terms(path: Path) -> dict[str, tuple[str, set[str]]]:
    """Identifier -> name and genes, of HPO's phenotype_to_genes.txt. Raises InputError for another file."""
    terms: dict[str, tuple[str, set[str]]] = {}
    for number, line in read_lines(path, "table of phenotypes"):
        cells = line.split("\t")
        if number == 1 and cells[:2] == ["hpo_id", "hpo_name"]:
            continue
        if len(cells) < 4 or not cells[0].startswith("HP:"):
            problem = f"line {number} is not of HPO's phenotype_to_genes.txt: {line[:60]!r}"
            raise InputError(problem, where=path, fix="give phenotype_to_genes.txt, not genes_to_phenotype.txt")
        terms.setdefault(cells[0], (cells[1], set()))[1].add(cells[3])
    return terms


def as_gmt(terms: Mapping[str, tuple[str, set[str]]]) -> str:
    """One line per term: identifier, name, genes, all in order."""
    return "".join("\t".join([identifier, name, *sorted(genes)]) + "\n" for identifier, (name, genes) in sorted(terms.items()))
