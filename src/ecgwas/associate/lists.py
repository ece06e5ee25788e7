"""The lists of people and variants to test, compared with the genotypes: ids that are not there are an error or a warning."""

from __future__ import annotations

from collections.abc import Iterator

from ecgwas import ids
from ecgwas.associate import genotypes
from ecgwas.associate.calls import filesets
from ecgwas.study.scan import Scan


def check(options: Scan) -> list[str]:
    """Warnings over `options.people` and `options.variants`. Raises InputError where nobody, or no variant, is listed here."""
    found = []
    if options.people is not None:
        listed = ids.read_list(options.people, what="people", fix="correct scan.people", more_columns=True)
        known = {eid for one in _filesets(options) for eid in filesets.read_people(one).eids}
        fix = "its first column must hold the ids of the genotypes"
        found.append(ids.unknown(listed, known, what="people listed", there="the genotypes", where=options.people, fix=fix))
    found.append(check_variants(options))
    return [warning for warning in found if warning is not None]


def check_variants(options: Scan) -> str | None:
    """A warning over `options.variants`. Raises InputError where none of them is in any file of genotypes."""
    if options.variants is None:
        return None
    listed = ids.read_list(
        options.variants, what="variants", fix="correct scan.variants", names=ids.VARIANT_NAMES, more_columns=True
    )
    known = {name for one in _filesets(options) for name in filesets.read_variants(one)["variant"]}
    fix = "its first column must hold the names of the variants as the genotype files have them"
    return ids.unknown(listed, known, what="variants listed", there="the genotypes", where=options.variants, fix=fix)


def _filesets(options: Scan) -> Iterator[filesets.Fileset]:
    yield from dict.fromkeys(filesets.fileset(options, chrom) for chrom in genotypes.parts(options))
