"""Ontologies: the ancestors of each term; and files of GO and HPO converted to GMT: term, name, genes.

efo, mondo, hp, go-basic, bto .obo   stanzas [Term] of `key: value` lines   (OBO flat file format 1.4)
goa_human.gaf.gz                     17 tab-separated columns after `!` lines      (GO annotation file 2.2)
phenotype_to_genes.txt               hpo_id hpo_name ncbi_gene_id gene_symbol ...  (HPO; includes every term's ancestors)
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
"""EFO:0004326, also written efo:EFO_0004326 and http://www.ebi.ac.uk/efo/EFO_0004326."""
PART_OF = ("part_of", "BFO:0000050")
SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)"\s+EXACT\b')
"""An exact synonym: "text" EXACT [source]; a backslash precedes a quotation mark within the text."""


@dataclass(frozen=True)
class Concept:
    """A term of an ontology; parents: by is_a and part_of; synonyms: the exact ones."""

    identifier: str
    name: str
    namespace: str
    parents: tuple[str, ...]
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ancestry:
    """Terms of one or more ontologies by identifier; named: name or exact synonym in lower case -> identifiers."""

    concepts: Mapping[str, Concept]
    named: Mapping[str, tuple[str, ...]]

    def above(self, identifier: str) -> dict[str, str]:
        """Identifier -> name of the term itself and of all its ancestors, the nearest first.

        A parent that is not in the files has an empty name.
        """
        names: dict[str, str] = {}
        queue = [identifier]
        while queue:
            current, *queue = queue
            concept = self.concepts.get(current)
            primary = current if concept is None else concept.identifier
            if primary not in names:
                names[primary] = "" if concept is None else concept.name
                queue += () if concept is None else concept.parents
        return names


NOTHING = Ancestry({}, {})
"""No ontology."""


@dataclass
class _Stanza:
    """The fields of one stanza that are used."""

    identifier: str = ""
    name: str = ""
    namespace: str = ""
    obsolete: bool = False
    parents: list[str] = field(default_factory=list)
    alternative_ids: list[str] = field(default_factory=list)
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
    return Ancestry(concepts, {name: tuple(identifiers) for name, identifiers in named.items() if name})


def read_concepts(path: Path) -> dict[str, Concept]:
    """Identifier or alternative identifier -> term, without obsolete terms. Raises InputError for a file of another format."""
    concepts: dict[str, Concept] = {}
    for stanza in _stanzas(path):
        if stanza.identifier and not stanza.obsolete:
            concept = Concept(stanza.identifier, stanza.name, stanza.namespace, tuple(stanza.parents), tuple(stanza.synonyms))
            # An alternative identifier must not replace a term that has it as its identifier.
            concepts |= {name: concept for name in stanza.alternative_ids if name not in concepts}
            concepts[stanza.identifier] = concept
    if not concepts:
        fix = "give an ontology in OBO format, such as efo.obo of `ecgwas references fetch`; OWL and OBO JSON are not read"
        raise InputError("the ontology holds no [Term] with an `id:`", where=path, fix=fix)
    return concepts


def read_ontology(path: Path) -> dict[str, Concept]:
    """The terms of go-basic.obo, as `read_concepts`. Raises InputError for another ontology."""
    concepts = read_concepts(path)
    other = sorted({concept.namespace for concept in concepts.values()} - set(NAMESPACES))
    if other:
        raise InputError(f"the ontology is not GO's: namespaces {other}", where=path, fix="give go-basic.obo")
    return concepts


def _stanzas(path: Path) -> Iterator[_Stanza]:
    stanza, inside = _Stanza(), False
    for _, line in read_lines(path, "ontology"):
        if line.startswith("["):
            yield stanza
            stanza, inside = _Stanza(), line.strip() == "[Term]"
        elif inside:
            _parse_line(stanza, line)
    yield stanza


def _parse_line(stanza: _Stanza, line: str) -> None:
    key, _, value = line.partition(":")
    plain = value.split(" ! ")[0].strip()
    # A modifier may follow an identifier: MONDO:0000001 {source="DOID:1"}.
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
        stanza.alternative_ids.append(first)
    elif key == "synonym" and (match := SYNONYM.match(value.strip())) is not None:
        stanza.synonyms.append(match[1].replace('\\"', '"'))
    elif key == "is_a":
        stanza.parents.append(first)
    elif key == "relationship" and first in PART_OF and len(plain.split()) > 1:
        stanza.parents.append(_identifier(plain.split()[1]))


def _identifier(text: str) -> str:
    match = IDENTIFIER.fullmatch(text)
    return text if match is None else f"{match[1]}:{match[2]}"


def read_annotations(path: Path) -> Iterator[tuple[str, str]]:
    """(term, gene symbol) of a GAF, for human genes, without negated annotations. Raises InputError for another format."""
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
    """process | function | component -> identifier -> name and genes, including those of descendant terms."""
    concepts = read_ontology(ontology)
    ancestors = {identifier: _ancestors(concepts, identifier) for identifier in concepts}
    terms: dict[str, dict[str, tuple[str, set[str]]]] = {short: {} for short in NAMESPACES.values()}
    for identifier, gene in read_annotations(annotations):
        for ancestor in ancestors.get(identifier, ()):
            concept = concepts[ancestor]
            namespace = terms[NAMESPACES[concept.namespace]]
            namespace.setdefault(concept.identifier, (concept.name, set()))[1].add(gene)
    return terms


def _ancestors(concepts: Mapping[str, Concept], identifier: str) -> set[str]:
    """Identifiers of the term itself and of all its ancestors."""
    ancestors: set[str] = set()
    queue = [identifier]
    while queue:
        concept = concepts.get(queue.pop())
        if concept is not None and concept.identifier not in ancestors:
            ancestors.add(concept.identifier)
            queue += concept.parents
    return ancestors


def hpo_terms(path: Path) -> dict[str, tuple[str, set[str]]]:
    """Identifier -> name and genes, from HPO's phenotype_to_genes.txt. Raises InputError for another file."""
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
    """The terms in GMT format, sorted: one line per term with identifier, name and genes."""
    return "".join("\t".join([identifier, name, *sorted(genes)]) + "\n" for identifier, (name, genes) in sorted(terms.items()))
