"""The lists of people and variants to test, compared with the genotypes: ids that are not there are an error or a warning."""

from __future__ import annotations

import polars as pl

from ecgwas import ids
from ecgwas.associate import genotypes
from ecgwas.associate.calls import filesets, variant_choice
from ecgwas.associate.calls.variant_choice import Listed
from ecgwas.study.scan import Scan

NAMED_HOW = (
    "its first column must hold the names of variants as the genotype files have them, or chrom:pos:ref:alt in scan.build {}"
)


def check(options: Scan) -> list[str]:
    """Warnings over `options.people` and `options.variants`. Raises InputError where nobody, or no variant, is listed here."""
    found = []
    if options.people is not None:
        listed = ids.read_list(options.people, what="people", fix="correct scan.people", more_columns=True)
        known = {eid for one in genotypes.all_filesets(options) for eid in filesets.read_people(one).eids}
        fix = "its first column must hold the ids of the genotypes"
        found.append(ids.unknown(listed, known, what="people listed", there="the genotypes", where=options.people, fix=fix))
    return [*(warning for warning in found if warning is not None), *check_variants(options)]


def check_variants(options: Scan) -> list[str]:
    """Warnings over `options.variants`: entries that match nothing, and those that mean several variants of one position.

    Raises InputError where none of them is in any file of genotypes, and for those that mean variants of several positions.
    """
    if options.variants is None:
        return []
    listed = variant_choice.read(options.variants)
    found = pl.concat([variant_choice.matches(listed, filesets.read_variants(one)) for one in genotypes.all_filesets(options)])
    variant_choice.refuse_ambiguous(listed, found)
    strangers = sorted(set(listed.lines) - set(found["entry"]), key=listed.lines.__getitem__)
    warnings = [_strangers(options, listed, strangers) if strangers else None, variant_choice.several(listed, found)]
    return [warning for warning in warnings if warning is not None]


def _strangers(options: Scan, listed: Listed, strangers: list[str]) -> str:
    """The warning over entries that match nothing. Raises InputError where no entry matches anything."""
    tables = [filesets.read_variants(one) for one in genotypes.all_filesets(options)]
    near = pl.concat([variant_choice.positions(table, listed) for table in tables])
    other = variant_choice.other_alleles(listed, strangers, near)
    known = {name for table in tables for name in table["variant"]} | (set(listed.lines) - set(strangers))
    fix = NAMED_HOW.format(options.build) + other
    said = ids.unknown(listed.lines, known, what="variants listed", there="the genotypes", where=listed.path, fix=fix)
    return f"{said}{other}"
