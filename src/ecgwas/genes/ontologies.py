"""Files of GO and HPO turned into GMT: term, name, genes, each gene with all that its terms are kinds or parts of.

go-basic.obo             stanzas [Term] of `key: value` lines         (GO, OBO flat file format 1.4)
goa_human.gaf.gz         17 tab-separated columns after `!` lines      (GO annotation file 2.2)
phenotype_to_genes.txt   hpo_id hpo_name ncbi_gene_id gene_symbol ...  (HPO; already with the ancestors of every term)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ecgwas.errors import InputError
from ecgwas.genes.files import read_lines

NAMESPACES = {"biological_process": "process", "molecular_function": "function", "cellular_component": "component"}
HUMAN = "taxon:9606"
GAF_COLUMNS = 17


@dataclass(frozen=True)
class Concept:
    """A term of an ontology; parents: what it is a kind (is_a) or a part (part_of) of."""

    identifier: str
    name: str
    namespace: str
    parents: tuple[str, ...]


@dataclass
class _Stanza:
    """The lines of one stanza that matter, as they come."""

    identifier: str = ""
    name: str = ""
    namespace: str = ""
    obsolete: bool = False
    parents: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def read_ontology(path: Path) -> dict[str, Concept]:
    """Identifier (and each alternative one) -> term; obsolete terms are left out. Raises InputError for another file."""
    concepts: dict[str, Concept] = {}
    for stanza in _stanzas(path):
        if stanza.identifier and not stanza.obsolete:
            concept = Concept(stanza.identifier, stanza.name, stanza.namespace, tuple(stanza.parents))
            concepts |= dict.fromkeys((stanza.identifier, *stanza.others), concept)
    strange = sorted({concept.namespace for concept in concepts.values()} - set(NAMESPACES))
    if not concepts or strange:
        raise InputError(f"the ontology is not GO's: namespaces {strange}", where=path, fix="give go-basic.obo")
    return concepts


def _stanzas(path: Path) -> Iterator[_Stanza]:
    stanza, inside = _Stanza(), False
    for _, line in read_lines(path, "ontology"):
        if line.startswith("["):
            yield stanza
            stanza, inside = _Stanza(), line == "[Term]"
        elif inside:
            _take(stanza, line)
    yield stanza


def _take(stanza: _Stanza, line: str) -> None:
    key, _, value = line.partition(": ")
    plain = value.split(" ! ")[0].strip()
    if key == "id":
        stanza.identifier = plain
    elif key == "name":
        stanza.name = plain
    elif key == "namespace":
        stanza.namespace = plain
    elif key == "is_obsolete":
        stanza.obsolete = plain == "true"
    elif key == "alt_id":
        stanza.others.append(plain)
    elif key == "is_a":
        stanza.parents.append(plain)
    elif key == "relationship" and plain.startswith("part_of "):
        stanza.parents.append(plain.split()[1])


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
