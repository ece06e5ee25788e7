"""Compares the lists of participants and variants to test with the genotypes. Unknown ids give an error or a warning."""

from __future__ import annotations

import polars as pl

from ecgwas import ids
from ecgwas.errors import first_few
from ecgwas.genotypes import chromosomes, filesets, variant_choice
from ecgwas.genotypes.variant_choice import VariantList
from ecgwas.study.scan import Scan

NAMED_HOW = (
    "its first column must hold the names of variants as the genotype files have them, or chrom:pos:ref:alt in scan.build {}"
)


def check_lists(options: Scan) -> list[str]:
    """Warnings about `options.people` and `options.variants`.

    Raises InputError if no listed participant, or no listed variant, is in the genotypes.
    """
    warnings = []
    if options.people is not None:
        listed = ids.read_list(options.people, what="people", fix="correct scan.people", more_columns=True)
        known = {eid for one in chromosomes.all_filesets(options) for eid in filesets.read_samples(one).eids}
        fix = "its first column must hold the ids of the genotypes"
        warnings.append(ids.unknown(listed, known, what="people listed", source="the genotypes", where=options.people, fix=fix))
    return [*(warning for warning in warnings if warning is not None), *check_variants(options)]


def check_files(options: Scan) -> list[str]:
    """Warnings about the genotype files.

    Warns of samples missing from some files, different orders, unknown codes of sex, contradicting sexes, and a second format.
    """
    each = {one.sample_list: one for one in chromosomes.all_filesets(options)}
    people = {path: filesets.read_samples(one) for path, one in each.items()}
    first, *others = people.items()
    all_eids, warnings = {eid for one in people.values() for eid in one.eids}, []
    for path, one in people.items():
        lacking = sorted(all_eids - set(one.eids))
        if lacking:
            words = f"{path.name} lacks {len(lacking)} people of other files of genotypes, who are not tested"
            warnings.append(f"{words}: {first_few(lacking)}")
        if one.unknown_sex_codes:
            warnings.append(
                f"{path.name}: sexes written {first_few(one.unknown_sex_codes)} count as unknown; 1 is male, 2 is female"
            )
        own, first_sexes = dict(zip(one.eids, one.sexes, strict=True)), dict(zip(first[1].eids, first[1].sexes, strict=True))
        unlike = [eid for eid, sex in own.items() if sex and first_sexes.get(eid, 0) and first_sexes[eid] != sex]
        if unlike:
            warnings.append(f"{path.name} and {first[0].name} differ in the sex of {len(unlike)} people: {first_few(unlike)}")
    reordered = [path.name for path, one in others if set(one.eids) == set(first[1].eids) and one.eids != first[1].eids]
    if reordered:
        words = f"{first_few(reordered)}: the same people in another order than in {first[0].name}"
        warnings.append(f"{words}; correct only if the genotypes are in that order, too")
    unread = [filesets.unread_format(options, one) for one in each.values()]
    return warnings + [words for words in unread if words is not None]


def check_variants(options: Scan) -> list[str]:
    """Warnings about `options.variants`: entries without a match, and entries that match several variants at one position.

    Raises InputError if no entry is in any genotype file, and for ambiguous entries (see variant_choice.refuse_ambiguous).
    """
    if options.variants is None:
        return []
    listed = variant_choice.read(options.variants)
    matched = pl.concat(
        [variant_choice.matches(listed, filesets.read_variants(one)) for one in chromosomes.all_filesets(options)]
    )
    variant_choice.refuse_ambiguous(listed, matched)
    unmatched = sorted(set(listed.lines) - set(matched["entry"]), key=listed.lines.__getitem__)
    warnings = [_unmatched(options, listed, unmatched) if unmatched else None, variant_choice.warn_of_several(listed, matched)]
    return [warning for warning in warnings if warning is not None]


def _unmatched(options: Scan, listed: VariantList, unmatched: list[str]) -> str:
    """Warns of entries without a match. Raises InputError if no entry has a match."""
    tables = [filesets.read_variants(one) for one in chromosomes.all_filesets(options)]
    near = pl.concat([variant_choice.positions(table, listed) for table in tables])
    other = variant_choice.other_alleles(listed, unmatched, near)
    known = {name for table in tables for name in table["variant"]} | (set(listed.lines) - set(unmatched))
    fix = NAMED_HOW.format(options.build) + other
    warning = ids.unknown(listed.lines, known, what="variants listed", source="the genotypes", where=listed.path, fix=fix)
    return f"{warning}{other}"
