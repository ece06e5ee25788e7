"""Checks the sources before anything is computed: their files are read, no service is queried."""

from __future__ import annotations

from collections.abc import Sequence

from ecgwas import ids
from ecgwas.errors import Caution, StudyError
from ecgwas.genes import capabilities
from ecgwas.genes.sources.file_contents import FileContents
from ecgwas.genes.web.contract import Build
from ecgwas.study import GeneSource, Service

MAX_UNSHARED = 0.5
"""More genes of the smaller of two files than this share that are not in the larger one give a warning."""


def check(sources: Sequence[GeneSource], build: Build | None = None, *, offline: bool = False) -> list[str]:
    """Contents of every source's files, in words. Raises InputError or StudyError where `run` would fail.

    build: hg19 | hg38, of the genotypes; a table of genes that is plainly of the other build is refused. No service is queried.
    """
    contents = [_contents(source, build, offline) for source in sources]
    facts = [fact for each in contents for fact in each.facts]
    facts += _unshared_genes([each for each in contents if each.symbols])
    networks = len(capabilities.offering(sources, "connect"))
    if len(capabilities.offering(sources, "read_ancestry")) > 1:
        raise StudyError("`genes` names `kind: ontologies` more than once", fix="list all files under `files` of one entry")
    if networks > 1:
        raise StudyError(f"{networks} networks are named under `genes`", fix="keep one source: string_files or string_db")
    if sources and not capabilities.offering(sources, "annotate"):
        raise StudyError("no source under `genes` maps variants to genes", fix="add one, such as kind regions")
    return facts


def _unshared_genes(contents: Sequence[FileContents]) -> list[str]:
    """Warnings of files that name genes otherwise than other files do: by symbols in one, by identifiers in the other."""
    warnings: list[str] = []
    for i, first in enumerate(contents):
        for second in contents[i + 1 :]:
            small, large = sorted((first, second), key=lambda each: len(each.symbols))
            unshared = small.symbols - large.symbols
            if len(unshared) > MAX_UNSHARED * len(small.symbols):
                examples = ids.examples_of_both(unshared, large.symbols, a=small.name, b=large.name)
                words = f"{len(unshared)} of {len(small.symbols)} genes of {small.name} are not in {large.name}"
                warnings.append(Caution(f"{words} ({examples})"))
    return warnings


def _contents(source: GeneSource, build: Build | None, offline: bool) -> FileContents:
    if isinstance(source, Service) and source.queries_service:
        answers = "answers from results/cache alone" if offline else f"asks {source.address}"
        return FileContents((f"{source.kind}: {answers}",))
    check_files = capabilities.of(source).check
    return FileContents((f"{source.kind}: nothing to check",)) if check_files is None else check_files(source, build)
