"""Reads lists of variants: .bim, .pvar, and the .bgen itself, which contains its own list.

A variant without a name (`.` or empty) is named by its position and alleles, `chrom:pos:other:effect`, as with PLINK 2's
--set-missing-var-ids @:#:$r:$a.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes import list_lines
from ecgwas.genotypes.bgen_files import check_index
from ecgwas.genotypes.chromosome_codes import PAR_CODES, chromosome_code, reported_chromosome
from ecgwas.genotypes.readers import bgen_errors, open_bgen

IMPUTATION_QUALITY = r"(?:^|;)\s*(?:R2|DR2|INFO|IMPINFO)=([0-9.eE+-]+)"
"""Imputation quality in the column INFO, as written by Minimac (R2), Beagle (DR2) and IMPUTE (INFO)."""

NO_NAME = (".", "")

PVAR = ("CHROM", "POS", "ID", "REF", "ALT")
FREE_TEXT = ("QUAL", "FILTER", "INFO", "FORMAT")
"""Columns of a .pvar that may hold blanks if its cells are separated by tabs."""


@lru_cache(maxsize=2)
def read(path: Path, size: int, changed: int) -> pl.DataFrame:
    """See filesets.read_variants. size, changed: size and modification time of the file, so that changed files are reread."""
    frame = _as_written(path)
    names = {name: chromosome_code(name) for name in frame["chrom"].unique()}
    numbers = frame["pos"].cast(pl.Int64, strict=False)
    wrong = np.flatnonzero(numbers.is_null().to_numpy())
    if len(wrong):
        shown = first_few(f"line {i + 1}" for i in wrong)
        fix = "correct the column of positions"
        if wrong.tolist() == [0] and path.suffix == ".bim":
            fix = "remove the first line: a .bim has no header"
        raise InputError(f"positions that are not whole numbers: {shown}", where=path, fix=fix)
    _check(path, numbers, frame)
    placed = frame.with_columns(pl.col("chrom").replace(names), numbers.alias("pos"))
    return placed.with_columns(variant=_variant_name()).with_row_index("row")


def nameless(path: Path) -> pl.Series:
    """(V,) bool: variants without a name of their own, in the file's order."""
    return _as_written(path)["variant"].is_in(list(NO_NAME))


def _as_written(path: Path) -> pl.DataFrame:
    reader = {".bim": _bim, ".pvar": _pvar, ".bgen": _bgen}[path.suffix]
    return reader(path)


def _variant_name() -> pl.Expr:
    chrom = pl.col("chrom").replace(dict.fromkeys(PAR_CODES, reported_chromosome(PAR_CODES[0])))
    place_and_alleles = pl.concat_str(chrom, "pos", "other_allele", "effect_allele", separator=":")
    return pl.when(pl.col("variant").is_in(list(NO_NAME))).then(place_and_alleles).otherwise(pl.col("variant"))


def _check(path: Path, positions: pl.Series, frame: pl.DataFrame) -> None:
    below = np.flatnonzero((positions < 0).to_numpy())
    if len(below):
        shown = first_few(f"line {i + 1}" for i in below)
        raise InputError(f"positions below 0: {shown}", where=path, fix="PLINK excludes such variants: make the fileset again")
    effect, other = frame["effect_allele"], frame["other_allele"]
    same = np.flatnonzero(((effect == other) & ~effect.is_in(["0", "."])).to_numpy())
    if len(same):
        shown = first_few(f"line {i + 1} ({frame['variant'][int(i)]})" for i in same)
        raise InputError(f"variants whose two alleles are the same: {shown}", where=path, fix="correct the columns of alleles")


def _frame(
    chrom: Sequence[str], variant: Sequence[str], pos: Sequence[str], alleles: list[Sequence[str]],
    info: Sequence[str] | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Table of variants. alleles: columns of effect and other alleles; info: cells of a .pvar's column INFO."""
    columns = {"chrom": chrom, "variant": variant, "pos": pos, "effect_allele": alleles[0], "other_allele": alleles[1]}
    stated = pl.Series("info", [None] * len(chrom) if info is None else info, dtype=pl.String)
    numbers = stated.str.extract(IMPUTATION_QUALITY).cast(pl.Float64, strict=False).fill_null(float("nan"))
    return pl.DataFrame(columns).with_columns(numbers)


def _bim(path: Path) -> pl.DataFrame:
    separator = "\t" if list_lines.header_line(path)[0].count("\t") == 5 else None
    columns = list_lines.tabbed_columns(path, 6, 0) or list_lines.columns(list_lines.split_lines(path, separator), path, 6)
    return _frame(columns[0], columns[1], columns[3], [columns[4], columns[5]])


def _pvar(path: Path) -> pl.DataFrame:
    """Reads a .pvar: https://www.cog-genomics.org/plink/2.0/formats#pvar. Without a header line, it has the columns of a .bim.

    If the header line contains tabs, only tabs separate cells, which may then hold blanks. Otherwise any blanks separate them.
    """
    line, before = list_lines.header_line(path)
    if not line.startswith("#"):
        return _bim(path)
    separator = "\t" if "\t" in line else None
    names = [name.lstrip("#") for name in line.split(separator)]
    free_text = [place for place, name in enumerate(names) if name in FREE_TEXT]
    cells = list_lines.tabbed_columns(path, len(names), before, free_text=free_text) if separator else None
    if cells is None:
        fix = "one cell per column of the header line, all parted by tabs; or make it again with plink2 --make-pgen"
        cells = list_lines.columns(
            list_lines.split_lines(path, separator)[before:], path, len(names), first_line=before + 1, fix=fix
        )
    columns = dict(zip(names, cells, strict=True))
    absent = [name for name in PVAR if name not in columns]
    if absent:
        raise InputError(f"columns missing: {first_few(absent)}", where=path, fix="make it again with plink2 --make-pgen")
    several = [columns["ID"][i] for i, alleles in enumerate(columns["ALT"]) if "," in alleles]
    if several:
        problem = f"{len(several)} variants have several ALT alleles: {first_few(several)}"
        fix = "split them: bcftools norm -m-any, then plink2 --vcf FILE dosage=DS --make-pgen"
        raise InputError(problem, where=path, fix=fix)
    return _frame(columns["CHROM"], columns["ID"], columns["POS"], [columns["ALT"], columns["REF"]], columns.get("INFO"))


def _bgen(path: Path) -> pl.DataFrame:
    """Reads the list from the .bgen itself, with its index (.bgi) if there is one in the same folder."""
    check_index(path)
    with bgen_errors(path), open_bgen(path) as reader:
        rows = [(each.chrom, each.rsid, str(each.pos), each.alleles) for each in reader]
    chroms, names, positions, alleles = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    several = [name for name, pair in zip(names, alleles, strict=True) if len(pair) != 2]
    if several:
        problem = f"{len(several)} variants have not two alleles: {first_few(several)}"
        raise InputError(problem, where=path, fix="split them, or exclude them: plink2 --bgen FILE --max-alleles 2")
    return _frame(chroms, names, positions, [[pair[1] for pair in alleles], [pair[0] for pair in alleles]])
