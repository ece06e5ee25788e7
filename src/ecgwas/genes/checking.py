"""Every source's files opened before anything is computed; no service is asked."""

from __future__ import annotations

from collections.abc import Sequence

from ecgwas.errors import InputError, StudyError
from ecgwas.genes import builds, enrichment, gwas_catalog, regions, string_files
from ecgwas.genes.contract import Build
from ecgwas.study import (
    Enrichment,
    EnsemblVep,
    GeneSource,
    Gprofiler,
    GwasCatalog,
    Haploreg,
    OpenTargets,
    Regions,
    Service,
    StringDb,
    StringFiles,
)

MAPS = (Regions, Gprofiler, Haploreg, EnsemblVep, OpenTargets)
NETWORKS = (StringFiles, StringDb)


def check(sources: Sequence[GeneSource], build: Build | None = None, *, offline: bool = False) -> list[str]:
    """Opens every source's files; what was found, in words. Raises InputError or StudyError without doing the work.

    build: hg19 | hg38, of the genotypes; a table of genes that is plainly of the other one is refused. No service is asked.
    """
    facts = [_checked(source, build, offline) for source in sources]
    networks = sum(isinstance(source, NETWORKS) for source in sources)
    if networks > 1:
        raise StudyError(f"{networks} networks are named under `genes`", fix="keep one source: string_files or string_db")
    if sources and not any(isinstance(source, MAPS) for source in sources):
        raise StudyError("no source under `genes` maps variants to genes", fix="add one, such as kind regions")
    return facts


def _checked(source: GeneSource, build: Build | None, offline: bool) -> str:
    if isinstance(source, Regions):
        return _check_regions(source, build)
    if isinstance(source, StringFiles):
        string_files.check(source)
        return f"network {source.links.name}"
    if isinstance(source, Enrichment):
        return f"{sum(1 for _ in enrichment.read(source))} terms in {source.terms.name}"
    if isinstance(source, GwasCatalog) and source.file is not None:
        gwas_catalog.check(source.file)
        return f"published associations in {source.file.name}"
    assert isinstance(source, Service)
    where = "answers from results/cache alone" if offline else f"asks {source.address}"
    return f"{source.kind}: {where}"


def _check_regions(source: Regions, build: Build | None) -> str:
    table = regions.read(source.file, protein_coding=source.protein_coding)
    own = builds.build_of(table)
    if own is not None and build is not None and own != build:
        problem = f"the table of genes has positions of {own}, the genotypes are said to be {build}"
        raise InputError(problem, where=source.file, fix=f"give a table of {build}, or correct `build` under `scan`")
    return f"{len(set(regions.symbols(table)))} genes in {source.file.name}, {own or 'build unknown'}"
