"""Every source's files opened before anything is computed; no service is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgwas import gene_symbols, ids
from ecgwas.errors import Caution, InputError, StudyError, first_few
from ecgwas.genes.sources import enrichment, genome_build, gwas_catalog, ontologies, regions, string_files, term_groups
from ecgwas.genes.web.contract import CHROMOSOMES, Build
from ecgwas.study import (
    Enrichment,
    EnsemblVep,
    GeneSource,
    Gprofiler,
    GwasCatalog,
    Haploreg,
    Ontologies,
    OpenTargets,
    Regions,
    Service,
    StringDb,
    StringFiles,
)

MAPS = (Regions, Gprofiler, Haploreg, EnsemblVep, OpenTargets)
NETWORKS = (StringFiles, StringDb)


MOST_STRANGERS = 0.5
"""Share of the genes of the smaller file that are not in the larger one, beyond which it is a warning."""


@dataclass(frozen=True)
class _Opened:
    """What a source's files hold, in words, and the symbols of its genes; none for services."""

    facts: list[str]
    symbols: frozenset[str] = frozenset()
    name: str = ""


def check(sources: Sequence[GeneSource], build: Build | None = None, *, offline: bool = False) -> list[str]:
    """Opens every source's files; what was found, in words. Raises InputError or StudyError without doing the work.

    build: hg19 | hg38, of the genotypes; a table of genes that is plainly of the other one is refused. No service is asked.
    """
    opened = [_checked(source, build, offline) for source in sources]
    facts = [fact for one in opened for fact in one.facts]
    facts += _unlike_names([one for one in opened if one.symbols])
    networks = sum(isinstance(source, NETWORKS) for source in sources)
    if sum(isinstance(source, Ontologies) for source in sources) > 1:
        raise StudyError("`genes` names `kind: ontologies` more than once", fix="list all files under `files` of one entry")
    if networks > 1:
        raise StudyError(f"{networks} networks are named under `genes`", fix="keep one source: string_files or string_db")
    if sources and not any(isinstance(source, MAPS) for source in sources):
        raise StudyError("no source under `genes` maps variants to genes", fix="add one, such as kind regions")
    return facts


def _unlike_names(opened: Sequence[_Opened]) -> list[str]:
    """Warnings over files of genes that name genes otherwise than others: symbols here, identifiers there."""
    found: list[str] = []
    for i, one in enumerate(opened):
        for other in opened[i + 1 :]:
            small, large = sorted((one, other), key=lambda each: len(each.symbols))
            strangers = small.symbols - large.symbols
            if len(strangers) > MOST_STRANGERS * len(small.symbols):
                examples = ids.both_sides(strangers, large.symbols, a=small.name, b=large.name)
                words = f"{len(strangers)} of {len(small.symbols)} genes of {small.name} are not in {large.name}"
                found.append(Caution(f"{words} ({examples})"))
    return found


def _checked(source: GeneSource, build: Build | None, offline: bool) -> _Opened:
    if isinstance(source, Regions):
        return _check_regions(source, build)
    if isinstance(source, StringFiles):
        string_files.check(source)
        return _opened(f"network {source.links.name}", string_files.symbols(source), source.info or source.links)
    if isinstance(source, Enrichment):
        terms = list(enrichment.read(source))
        genes = {gene for term in terms for gene in term.genes}
        opened = _opened(f"{len(terms)} terms in {source.terms.name}", genes, source.terms)
        short = enrichment.without_descriptions(terms)
        if 2 * len(short) > len(terms):
            words = f"{source.terms.name}: where a description should be, {len(short)} of {len(terms)} terms have a gene"
            opened.facts.append(Caution(f"{words}, which does not count: put a description, or NA, between term and genes"))
        return opened
    if isinstance(source, GwasCatalog) and source.file is not None:
        gwas_catalog.check(source.file)
        return _Opened([f"published associations in {source.file.name}"])
    if isinstance(source, Ontologies):
        return _Opened(_check_ontologies(source))
    assert isinstance(source, Service)
    where = "answers from results/cache alone" if offline else f"asks {source.address}"
    return _Opened([f"{source.kind}: {where}"])


def _check_ontologies(source: Ontologies) -> list[str]:
    facts: list[str] = []
    roots = {root for group in term_groups.ROOTS.values() for pair in group.items() for root in pair}
    for path in source.files:
        concepts = ontologies.read_concepts(path)
        known = {name for concept in concepts.values() for name in (concept.identifier, concept.name.lower())}
        if roots.isdisjoint(known):
            facts.append(Caution(f"{path.name} groups no term: none of the terms below which the groups lie is in it"))
        facts.append(f"{len(concepts)} terms of the ontology {path.name}")
    return facts


def _check_regions(source: Regions, build: Build | None) -> _Opened:
    table = regions.read(source.file, protein_coding=source.protein_coding)
    own = genome_build.build_of(table)
    if own is not None and build is not None and own != build:
        problem = f"the table of genes has positions of {own}, the genotypes are said to be {build}"
        raise InputError(problem, where=source.file, fix=f"give a table of {build}, or correct `build` under `scan`")
    if CHROMOSOMES.isdisjoint(table):
        problem = f"no gene is on a chromosome of the genotypes: the table calls its chromosomes {first_few(sorted(table), 3)}"
        raise InputError(problem, where=source.file, fix="its chromosomes must be 1 to 22, X, Y or MT, with or without chr")
    symbols, nameless = set(regions.symbols(table)), regions.nameless(table)
    if nameless == len(symbols):
        raise InputError("no gene of the table of genes has a symbol", where=source.file, fix="fill the column of symbols")
    opened = _opened(f"{len(symbols)} genes in {source.file.name}, {own or 'build unknown'}", symbols, source.file)
    if nameless:
        opened.facts.append(Caution(f"{source.file.name}: {nameless} genes without a symbol are called by their place"))
    return opened


def _opened(fact: str, symbols: Iterable[str], path: Path) -> _Opened:
    """The fact, and a warning where a spreadsheet has turned gene symbols of the file into dates or numbers."""
    names = frozenset(symbols)
    warning = gene_symbols.warning(names, path.name)
    return _Opened([fact] if warning is None else [fact, warning], names, path.name)
