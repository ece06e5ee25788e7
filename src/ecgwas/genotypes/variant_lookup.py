"""Finds the one variant that a user names: by its id, by an rs number within it, or by position, with or without alleles.

Every chromosome that has genotypes is searched, whatever scan.chromosomes and scan.variants select.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes import chromosome_codes, chromosomes, filesets, variant_choice
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.variant_choice import VariantList
from ecgwas.study.scan import Scan
from ecgwas.tables import VARIANT_KEY

NEAREST = 5
"""Number of variants offered instead of one that is not there."""

MAX_COMPARED = 5_000
"""Most names that are compared letter by letter with one that is not there."""

RS_NUMBER = re.compile(r"(?i)rs[0-9]+")
COLUMNS = ("variant", *VARIANT_KEY)


@dataclass(frozen=True)
class FoundVariant:
    """A variant of the genotype files: its columns as in Associations, and the genotypes of its chromosome."""

    variant: str
    chrom: str
    pos: int
    effect_allele: str
    other_allele: str
    genotypes: Genotypes

    @property
    def key(self) -> dict[str, object]:
        """Columns variant, chrom, pos, effect_allele, other_allele."""
        return {name: getattr(self, name) for name in COLUMNS}


def everything(options: Scan) -> Scan:
    """The options with every chromosome and every variant of the files."""
    every = (*chromosome_codes.STANDARD_CODES,)
    return options.model_copy(update={"chromosomes": every, "variants": None})


def find(options: Scan, name: str, likely_chroms: Sequence[str] = ()) -> FoundVariant:
    """The variant with this id, rs number, `chrom:pos` or `chrom:pos:allele:allele` (in either order).

    likely_chroms: chromosomes on which the name is known to occur; they are searched first. Raises InputError, with the
    nearest variants, if there is none, and with all of them, if there are several.
    """
    wide = everything(options)
    entry = variant_choice.parsed([name])
    listed = VariantList(Path(name), {name: 1}, entry)
    at = entry.row(0, named=True)
    first = [at["chrom"]] if at["chrom"] is not None else list(likely_chroms)
    available = chromosomes.available(wide)
    for parts in ([part for part in available if part in first], [part for part in available if part not in first]):
        matched = pl.concat([_matches(wide, part, listed, name) for part in parts]) if parts else pl.DataFrame()
        if matched.height:
            row = _only_one(matched, name, options)
            return FoundVariant(**row, genotypes=chromosomes.open_chromosome(wide, row["chrom"]))
    raise _unknown(wide, available, name, at["chrom"], at["pos"])


def _tables(options: Scan, part: str) -> list[pl.DataFrame]:
    """COLUMNS and row of the variants of one chromosome, file by file."""
    tables = []
    for files in chromosomes.filesets_of(options, part):
        table = filesets.read_variants(files)
        reported = variant_choice.reported_codes(table["chrom"])
        here = table.with_columns(pl.col("chrom").replace(reported)).filter(pl.col("chrom") == part)
        tables.append(here.select(*COLUMNS, "row"))
    return tables


def _matches(options: Scan, part: str, listed: VariantList, name: str) -> pl.DataFrame:
    """COLUMNS of the variants of a chromosome that the name means; an id goes before an rs number within an id."""
    tables = _tables(options, part)
    chosen = [table.filter(pl.col("row").is_in(variant_choice.matches(listed, table)["row"].implode())) for table in tables]
    if not any(rows.height for rows in chosen) and RS_NUMBER.fullmatch(name):
        chosen = [table.filter(pl.col("variant").str.contains(f"(?i)^{name}(?:[^0-9A-Za-z]|$)")) for table in tables]
    return pl.concat(chosen).select(COLUMNS).unique(maintain_order=True)


def _only_one(matched: pl.DataFrame, name: str, options: Scan) -> dict[str, Any]:
    """The one row. Raises InputError for several variants."""
    if matched.height == 1:
        return matched.row(0, named=True)
    shown = matched.select(pl.format("{}:{}:{}:{}", "chrom", "pos", "other_allele", "effect_allele")).to_series()
    problem = f"{name} means {matched.height} variants: {first_few(shown)}"
    raise InputError(problem, where=options.genotypes, fix="name one of them by chrom:pos:allele:allele")


def _unknown(options: Scan, available: Sequence[str], name: str, chrom: str | None, pos: int | None) -> InputError:
    """The error for a variant that is not there, with the nearest ones."""
    if chrom is None or pos is None:
        near = _similar_names(options, available, name)
        fix = f"did you mean {' or '.join(near)}? " if near else ""
        return InputError(
            f"the genotypes have no variant {name}", where=options.genotypes,
            fix=f"{fix}A position in scan.build ({options.build}) also names a variant: chrom:pos or chrom:pos:allele:allele",
        )  # fmt: skip
    if chrom not in available:
        fix = f"chromosomes of the genotypes: {first_few(available, 30)}"
        return InputError(f"the genotypes have no chromosome {chrom}", where=options.genotypes, fix=fix)
    nearest = (
        pl.concat(_tables(options, chrom)).with_columns(away=(pl.col("pos") - pos).abs()).sort("away", "pos").head(NEAREST)
    )
    same_place = "with these alleles " if (nearest["away"] == 0).any() else ""
    shown = [_with_name(row) for row in nearest.iter_rows(named=True)]
    fix = f"the nearest variants are {first_few(shown)}; positions are of scan.build ({options.build})"
    return InputError(f"the genotypes have no variant {same_place}at {chrom}:{pos}", where=options.genotypes, fix=fix)


def _with_name(row: Mapping[str, Any]) -> str:
    """chrom:pos:other:effect, and the name if it says more."""
    place = f"{row['chrom']}:{row['pos']}:{row['other_allele']}:{row['effect_allele']}"
    return place if row["variant"] == place else f"{place} ({row['variant']})"


def _similar_names(options: Scan, available: Sequence[str], name: str) -> list[str]:
    """Names most like this one: the same in other letter cases, or of the same beginning."""
    start = name[: max(len(name) - 2, 2)].lower()
    similar: list[str] = []
    for part in available:
        names = pl.concat(_tables(options, part))["variant"]
        similar += names.filter(names.str.to_lowercase().str.starts_with(start)).head(MAX_COMPARED).to_list()
    by_lower = {one.lower(): one for one in similar}
    return [by_lower[lower] for lower in difflib.get_close_matches(name.lower(), by_lower, n=3)]
