"""Terms that the hit genes share more often than chance: over-representation by the hypergeometric test.

    GMT                        term, description, then genes, tab-separated     (Broad, Data formats page)
    protein.enrichment.terms   #string_protein_id category term description     (STRING; needs protein.info)

The background is every gene of the terms file, as STRING and g:Profiler take it by default (`annotated`); hit genes outside
of it do not count. Long genes are hit more often by chance, and terms of long genes with them: see docs/genes.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.errors import InputError
from ecgwas.genes.sources.ontologies import NOTHING, Ancestry
from ecgwas.genes.sources.string_files import read_info
from ecgwas.genes.sources.term_groups import Grouper
from ecgwas.genes.web.files import read_lines
from ecgwas.study import Enrichment
from ecgwas.tables import Terms

FIX = "give a GMT file (term, description, genes), or STRING's protein.enrichment.terms with `info:`"


HEADER = frozenset({"gene", "genes", "symbol", "symbols", "gene_symbol", "gene_symbols", "members"})
"""Names of the column of genes in a first line that is a header."""


def without_descriptions(terms: Sequence[Term]) -> list[str]:
    """Identifiers of terms whose description is a gene of other terms: the file has genes from the second column on."""
    genes: set[str] = set().union(*(term.genes for term in terms))
    return [term.identifier for term in terms if term.description in genes]


@dataclass(frozen=True)
class Term:
    """A term with its genes."""

    category: str
    identifier: str
    description: str
    genes: frozenset[str]


@dataclass(frozen=True)
class Enriched:
    """The terms, and what to know about them, in words."""

    terms: Terms
    notes: tuple[str, ...]


def enrich(options: Enrichment, genes: Sequence[str], ancestry: Ancestry = NOTHING) -> Enriched:
    """Every term of the file that holds a hit gene, by category and p: `over` with the file's terms."""
    return over(options, list(read(options)), genes, Grouper(options, ancestry))


def over(options: Enrichment, terms: Sequence[Term], genes: Sequence[str], grouper: Grouper) -> Enriched:
    """Every term that holds one of the genes, by category and p.

    expected = hits x term / background; strength = log10(observed / expected); p = P(X >= observed), hypergeometric; FDR by
    Benjamini-Hochberg over all terms of a category, those without a hit gene too.
    """
    background = frozenset().union(*(term.genes for term in terms))
    hits = set(genes) & background
    outside = sorted(set(genes) - background)
    notes = [f"{len(hits)} of {len(set(genes))} hit genes are among the {len(background)} genes of {options.terms.name}"]
    if outside:
        notes.append(f"in no term: {', '.join(outside)}")
    rows = []
    for category in sorted({term.category for term in terms}):
        rows += _tested(grouper, [term for term in terms if term.category == category], hits, len(background), options)
    return Enriched(Terms.of(rows), tuple(notes))


def _tested(
    grouper: Grouper, terms: Sequence[Term], hits: set[str], background: int, options: Enrichment
) -> list[dict[str, object]]:
    observed = np.array([len(term.genes & hits) for term in terms], dtype=np.int64)
    sizes = np.array([len(term.genes) for term in terms], dtype=np.int64)
    p = stats.hypergeom.sf(observed - 1, background, sizes, len(hits))
    fdr = benjamini_hochberg(p)
    expected = sizes * (len(hits) / background)
    order = sorted(np.flatnonzero(observed).tolist(), key=lambda k: (p[k], terms[k].identifier))
    return [
        _row(options, terms[k], hits, observed[k], expected[k], p[k], fdr[k])
        | grouper.columns(terms[k].identifier, terms[k].description)
        for k in order
    ]


def _row(
    options: Enrichment, term: Term, hits: set[str], observed: np.int64, expected: float, p: float, fdr: float
) -> dict[str, object]:
    strength = float(np.log10(observed / expected))
    return {
        "category": term.category, "term": term.identifier, "description": term.description, "observed": int(observed),
        "expected": float(expected), "background": len(term.genes), "strength": strength, "p": float(p), "fdr": float(fdr),
        "kept": bool(fdr < options.max_fdr and strength > options.min_strength),
        "genes": ";".join(sorted(term.genes & hits)),
    }  # fmt: skip


def benjamini_hochberg(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M,) false discovery rates of (M,) p-values (Benjamini and Hochberg 1995, J R Stat Soc B 57:289)."""
    if len(p) == 0:
        return p
    rates: NDArray[np.float64] = stats.false_discovery_control(p, method="bh")
    return rates


def read(options: Enrichment) -> Iterator[Term]:
    """The terms of the file. Raises InputError naming the first line that is neither format."""
    number, first = next(read_lines(options.terms, "table of terms"), (0, ""))
    if number == 0:
        raise InputError("the table of terms is empty", where=options.terms, fix=FIX)
    if first.startswith("#string_protein_id"):
        if options.info is None:
            fix = "add `info: 9606.protein.info.v12.0.txt.gz` to the source"
            raise InputError("STRING's terms name proteins, not genes: protein.info is needed", where=options.terms, fix=fix)
        return _of_string(options, read_info(options.info))
    return _of_gmt(options)


def _of_gmt(options: Enrichment) -> Iterator[Term]:
    category = options.terms.name.removesuffix(".gz").removesuffix(".gmt")
    found: dict[str, Term] = {}
    for number, line in read_lines(options.terms, "table of terms"):
        fields = line.split("\t")
        if len(fields) < 3:
            problem = f"line {number} of the table of terms is not term, description, genes: {line[:60]!r}"
            raise InputError(problem, where=options.terms, fix=FIX)
        # Enrichr's files write gene,weight.
        genes = frozenset(gene.split(",")[0].strip() for gene in fields[2:]) - {""}
        if number == 1 and {gene.lower() for gene in genes} <= HEADER:
            continue
        name = fields[0].strip()
        if name in found:
            genes |= found[name].genes
        found[name] = Term(category, name, fields[1].strip(), genes)
    return iter(found.values())


def _of_string(options: Enrichment, symbol_of: Mapping[str, str]) -> Iterator[Term]:
    genes: dict[tuple[str, str, str], set[str]] = {}
    categories: set[str] = set()
    for number, line in read_lines(options.terms, "table of terms"):
        fields = line.split("\t")
        if number == 1:
            continue
        if len(fields) != 4:
            raise InputError(f"line {number} of the table of terms has not four columns", where=options.terms, fix=FIX)
        protein, category, term, description = fields
        categories.add(category)
        if options.categories and category not in options.categories:
            continue
        genes.setdefault((category, term, description), set()).add(symbol_of.get(protein, protein))
    absent = sorted(set(options.categories) - categories)
    if absent:
        fix = f"`categories` may name: {'; '.join(sorted(categories))}"
        raise InputError(f"the table of terms has no category {'; '.join(absent)}", where=options.terms, fix=fix)
    for (category, term, description), members in genes.items():
        yield Term(category, term, description, frozenset(members))
