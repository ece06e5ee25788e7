"""The lists of people and variants to test, compared with the genotypes: ids that are not there are an error or a warning."""

from __future__ import annotations

from collections.abc import Iterator

from ecgwas import ids
from ecgwas.associate import genotypes
from ecgwas.associate.calls import filesets
from ecgwas.errors import first_few
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


def of_files(options: Scan) -> list[str]:
    """Warnings over the files of genotypes: people whom some of them lack, other orders, odd or unlike sexes, two formats."""
    each = {one.people: one for one in genotypes.all_filesets(options)}
    people = {path: filesets.read_people(one) for path, one in each.items()}
    first, *others = people.items()
    everybody, found = {eid for one in people.values() for eid in one.eids}, []
    for path, one in people.items():
        lacking = sorted(everybody - set(one.eids))
        if lacking:
            words = f"{path.name} lacks {len(lacking)} people of other files of genotypes, who are not tested"
            found.append(f"{words}: {first_few(lacking)}")
        if one.odd_sexes:
            found.append(f"{path.name}: sexes written {first_few(one.odd_sexes)} count as unknown; 1 is male, 2 is female")
        own, theirs = dict(zip(one.eids, one.sexes, strict=True)), dict(zip(first[1].eids, first[1].sexes, strict=True))
        unlike = [eid for eid, sex in own.items() if sex and theirs.get(eid, 0) and theirs[eid] != sex]
        if unlike:
            found.append(f"{path.name} and {first[0].name} name another sex for {len(unlike)} people: {first_few(unlike)}")
    reordered = [path.name for path, one in others if set(one.eids) == set(first[1].eids) and one.eids != first[1].eids]
    if reordered:
        words = f"{first_few(reordered)}: the same people in another order than in {first[0].name}"
        found.append(f"{words}; right only if the genotypes beside are in that order, too")
    beside = [filesets.unread_beside(options, one) for one in each.values()]
    return found + [words for words in beside if words is not None]


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
