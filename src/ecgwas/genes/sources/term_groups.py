"""The group of a term (cardiovascular, immune, neurological, metabolic, other), and the reason.

The first of these rules that applies decides:

1. four molecular functions that the source study assigned by their role in the heart or the brain, although neither an
   ontology nor their words show it;
2. ancestry: in an ontology (EFO, MONDO, HPO, GO, BTO) the term is below one of ROOTS;
3. words of its description (term_words, or the study's own).

A term of several groups belongs to the first of them, so that every term of heart and vessels is cardiovascular.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ecgwas.genes.sources import term_words
from ecgwas.genes.sources.ontologies import NOTHING, Ancestry
from ecgwas.genes.sources.term_roots import CARDIOVASCULAR, IMMUNE, METABOLIC, NEUROLOGICAL, OTHER, ROOTS
from ecgwas.study import HeartWords, TermLimits

FUNCTIONS = {
    "extracellular matrix structural constituent": (CARDIOVASCULAR, "the matrix of vessel walls and heart valves"),
    "guanyl nucleotide exchange factor activity": (CARDIOVASCULAR, "signals of vessel tone and heart growth"),
    "calcium ion binding": (CARDIOVASCULAR, "calcium couples excitation to contraction"),
    "actin binding": (NEUROLOGICAL, "growth of axons and synapses"),
}
"""Molecular functions as the source study assigned them, by full name, so that "calcium dependent cell adhesion" is not among
them."""

ACCESSION = re.compile(r"\b(GO|HP|EFO|MONDO|BTO|DOID|Orphanet)[:_](\d+)\b")
ENDING = re.compile(r"(\s+\((GO|HP|EFO|MONDO|BTO)[:_]\d+\)|\s+Homo sapiens(\s+hsa\d+)?|\s+R-HSA-\d+)\s*$")
"""Added to a term's name in Enrichr's files."""
COLLECTION = re.compile(r"^(GO(BP|MF|CC)|HP|REACTOME|KEGG(_MEDICUS)?|WP|HALLMARK)_(?=[A-Z0-9_]+$)")
"""Prefix of MSigDB's names."""


@dataclass(frozen=True)
class Group:
    """The group of a term and the reason; None for other."""

    name: str
    reason: str | None


@dataclass(frozen=True)
class Grouper:
    """Groups terms by the options' words and, if given, by ontologies."""

    options: HeartWords
    ancestry: Ancestry = NOTHING
    _groups: dict[tuple[str, str | None], Group] = field(default_factory=dict, init=False, repr=False, compare=False)

    def columns(self, identifier: str, description: str | None) -> dict[str, object]:
        """Columns group, reason, cardiovascular of a term."""
        group = self.of(identifier, description)
        return {"group": group.name, "reason": group.reason, "cardiovascular": group.name == CARDIOVASCULAR}

    def of(self, identifier: str, description: str | None) -> Group:
        """The group of a term."""
        key = (identifier, description)
        if key not in self._groups:
            self._groups[key] = self._decide(identifier, description)
        return self._groups[key]

    def _decide(self, identifier: str, description: str | None) -> Group:
        texts = [text for text in (identifier, description or "") if text]
        for text in texts:
            assigned = FUNCTIONS.get(_plain(text))
            if assigned is not None:
                return Group(assigned[0], f"so classified by the source study: {assigned[1]}")
        return self._by_ancestry(texts) or self._by_words(texts) or Group(OTHER, None)

    def _by_ancestry(self, texts: Sequence[str]) -> Group | None:
        above: dict[str, str] = {}
        for identifier in _identifiers(texts, self.ancestry):
            above |= self.ancestry.above(identifier)
        for group, roots in ROOTS.items():
            for identifier, name in above.items():
                if identifier in roots or name.lower() in roots.values():
                    return Group(group, f"ancestry: {identifier} {name or roots.get(identifier, '')}".rstrip())
        return None

    def _by_words(self, texts: Sequence[str]) -> Group | None:
        words = f" {_spaced(' '.join(texts))} "
        for group, patterns in self._patterns.items():
            kept = patterns.removed.sub(" ", words) if patterns.removed is not None else words
            for entry, pattern in patterns.searched:
                if pattern.search(kept):
                    return Group(group, f"word: {entry.strip('* ')}")
        return None

    @cached_property
    def _patterns(self) -> dict[str, _Patterns]:
        options = self.options
        excepted = _chosen(options.cardiovascular_except, term_words.CARDIOVASCULAR_EXCEPT)
        patterns = {CARDIOVASCULAR: _Patterns.of(_chosen(options.cardiovascular, term_words.CARDIOVASCULAR), excepted)}
        if isinstance(options, TermLimits):
            patterns[IMMUNE] = _Patterns.of(_chosen(options.immune, term_words.IMMUNE))
            patterns[NEUROLOGICAL] = _Patterns.of(_chosen(options.neurological, term_words.NEUROLOGICAL))
            patterns[METABOLIC] = _Patterns.of(_chosen(options.metabolic, term_words.METABOLIC))
        return patterns


@dataclass(frozen=True)
class _Patterns:
    """Patterns searched, by entry, and the pattern removed from the text first."""

    searched: tuple[tuple[str, re.Pattern[str]], ...]
    removed: re.Pattern[str] | None

    @classmethod
    def of(cls, entries: Iterable[str], excepted: Iterable[str] = ()) -> _Patterns:
        out = "|".join(rf"{_expression(entry)}\w*" for entry in excepted if entry)
        searched = tuple((entry, re.compile(_expression(entry), re.IGNORECASE)) for entry in entries if entry)
        return cls(searched, re.compile(out, re.IGNORECASE) if out else None)


def _chosen(given: Sequence[str] | None, otherwise: Sequence[str]) -> Sequence[str]:
    return otherwise if given is None else given


def _expression(entry: str) -> str:
    start = r"\w*" if entry.startswith("*") else r"\b"
    return start + re.escape(_spaced(entry.removeprefix("*")))


def _spaced(text: str) -> str:
    """The text with hyphens and underscores as spaces."""
    return re.sub(r"[-_]", " ", text)


def _plain(text: str) -> str:
    """The name of a term in lower case, without what collections of terms add to it."""
    bare = COLLECTION.sub("", ENDING.sub("", text.strip()))
    return " ".join(_spaced(bare).lower().split())


def _identifiers(texts: Sequence[str], ancestry: Ancestry) -> Iterator[str]:
    """Identifiers of the term in the ontologies: those in its texts, otherwise those of its name."""
    spelled = [f"{prefix}:{number}" for text in texts for prefix, number in ACCESSION.findall(text)]
    known = [identifier for identifier in spelled if identifier in ancestry.concepts]
    if known:
        yield from known
        return
    for text in texts:
        bare = ENDING.sub("", text.strip()).lower()
        for name in dict.fromkeys((bare, _plain(text))):
            yield from ancestry.named.get(name, ())
