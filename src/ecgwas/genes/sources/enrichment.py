"""Terms that the hit genes share more often than expected by chance: hypergeometric test on a file of terms.

    GMT                        term, description, then genes, tab-separated     (Broad, Data formats page)
    protein.enrichment.terms   #string_protein_id category term description     (STRING; needs protein.info)

The background is every gene of the terms file, as in STRING and g:Profiler by default (`annotated`); hit genes outside it do
not count. Long genes are hit more often by chance, and so are terms with many long genes: see docs/genes.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.errors import Caution, InputError
from ecgwas.genes.sources.file_contents import FileContents, genes_in
from ecgwas.genes.sources.ontologies import NOTHING, Ancestry
from ecgwas.genes.sources.string_files import read_info
from ecgwas.genes.sources.term_groups import Grouper
from ecgwas.genes.web.contract import Build, Get
from ecgwas.genes.web.files import read_lines
from ecgwas.study import Enrichment
from ecgwas.tables import Terms

FIX = "give a GMT file (term, description, genes), or STRING's protein.enrichment.terms with `info:`"

HEADER = frozenset({"gene", "genes", "symbol", "symbols", "gene_symbol", "gene_symbols", "members"})
"""Names of the column of genes in a header line."""


@dataclass(frozen=True)
class Term:
    """A term with all its genes."""

    category: str
    identifier: str
    description: str
    genes: frozenset[str]


@dataclass(frozen=True)
class Enriched:
    """The terms, and notes for the user."""

    terms: Terms
    notes: tuple[str, ...]


def check(options: Enrichment, build: Build | None = None) -> FileContents:
    """Reads the terms. Raises InputError as `read_terms`; warns where genes are in the place of descriptions."""
    terms = list(read_terms(options))
    genes = frozenset[str]().union(*(term.genes for term in terms))
    gene_as_description = [term for term in terms if term.description in genes]
    cautions = []
    if 2 * len(gene_as_description) > len(terms):
        words = f"where a description should be, {len(gene_as_description)} of {len(terms)} terms have a gene"
        fix = "which is not counted: put a description, or NA, between term and genes"
        cautions.append(Caution(f"{options.terms.name}: {words}, {fix}"))
    return genes_in(options.terms, genes, f"{len(terms)} terms in {options.terms.name}", cautions)


def enrich(options: Enrichment, genes: Sequence[str], get: Get | None = None, ancestry: Ancestry = NOTHING) -> Enriched:
    """Every term of the file that holds a hit gene, by category and p."""
    return over_representation(options, list(read_terms(options)), genes, Grouper(options, ancestry))


def enrich_clusters(
    options: Enrichment, clusters: Mapping[int, Sequence[str]], genes: Sequence[str], get: Get | None, ancestry: Ancestry
) -> Iterator[tuple[int, Terms]]:
    """Every term that holds a gene of a cluster, cluster by cluster. The file, which may be large, is read once."""
    terms = list(read_terms(options)) if clusters else []
    grouper = Grouper(options, ancestry)
    for number, members in clusters.items():
        yield number, over_representation(options, terms, members, grouper).terms


def over_representation(options: Enrichment, terms: Sequence[Term], genes: Sequence[str], grouper: Grouper) -> Enriched:
    """Every term that holds one of the genes, by category and p.

    expected = hits x term / background; strength = log10(observed / expected); p = P(X >= observed), hypergeometric; FDR by
    Benjamini-Hochberg over all terms of a category, including those without a hit gene.
    """
    background = frozenset[str]().union(*(term.genes for term in terms))
    hits = set(genes) & background
    outside = sorted(set(genes) - background)
    notes = [f"{len(hits)} of {len(set(genes))} hit genes are among the {len(background)} genes of {options.terms.name}"]
    if outside:
        notes.append(f"in no term: {', '.join(outside)}")
    rows = []
    for category in sorted({term.category for term in terms}):
        rows += _rows(grouper, [term for term in terms if term.category == category], hits, len(background), options)
    return Enriched(Terms.of(rows), tuple(notes))


def _rows(
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


def read_terms(options: Enrichment) -> Iterator[Term]:
    """The terms of the file. Raises InputError naming the first line that is of neither format."""
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
    terms: dict[str, Term] = {}
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
        if name in terms:
            genes |= terms[name].genes
        terms[name] = Term(category, name, fields[1].strip(), genes)
    return iter(terms.values())


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
