"""Known loci: the table of published associations, and which of our loci are among them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ecgwas.errors import InputError, first_few
from ecgwas.genotypes import variant_choice
from ecgwas.genotypes.chromosome_codes import chromosome_code, reported_chromosome
from ecgwas.genotypes.genome_build import BUILDS, LENGTHS
from ecgwas.tables.user_table import MISSING, NUMBER, level, read_user_table

NAMES = {
    "trait": ("trait", "disease/trait", "trait (datapoint)"),
    "chrom": ("chr", "chr_id", "chrom", "chromosome"),
    "pos": ("bp", "chr_pos", "pos", "position", "base_pair_location"),
    "gene": ("gene", "mapped_gene", "nearest gene (or any within 10kb)", "reported gene(s)"),
    "effect_allele": ("efal", "effect_allele", "ea", "a1"),
    "other_allele": ("nefal", "other_allele", "non-effect-allele", "non_effect_allele", "nea", "a2"),
    "eaf": ("eaf", "frequency of effect allele", "effect_allele_frequency"),
    "beta": ("beta",),
    "variant": ("variant", "variant_id", "chrom:pos:ref:alt", "markername", "snps", "snp", "rsid", "id"),
}
"""Our name -> headers of that column, in any case: tables of loci, GWAS Catalog downloads, GWAS-SSF."""

COLUMNS = ("known", "known_distance_bp", "known_traits", "known_genes")
"""Added at the end of loci.csv; null if the study names no table."""

SCHEMA = {
    "trait": pl.String, "chrom": pl.String, "pos": pl.Int64, "gene": pl.String, "effect_allele": pl.String,
    "other_allele": pl.String, "eaf": pl.Float64, "beta": pl.Float64, "first": pl.String, "second": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """Known loci.

    frame        columns of SCHEMA: chrom without chr, pos 1-based in the study's build, alleles in upper case, eaf and beta of
                 the effect allele; first and second, both alleles in alphabetical order; null where the file has no value
    skipped      number of lines without one chromosome and one position
    not_numbers  warnings of cells of eaf and beta that are not numbers
    """

    frame: pl.DataFrame
    skipped: int
    not_numbers: tuple[str, ...] = ()


def read(path: Path) -> Known:
    """A delimited table with a header: trait, chromosome, position and, where present, the other columns of NAMES.

    A column of variants, as chrom:pos or chrom:pos:ref:alt, may replace chromosome and position. Positions must be in the
    study's build, which the file cannot show. Lines may be longer than the header, as in published supplements; a whole number
    may have decimals, as pandas writes it. Raises InputError if the file is missing, lacks a column, or has no line with a
    chromosome and a position.
    """
    table = read_user_table(path, what="known loci", quotes=False, longer_lines=True)
    header = [name.strip('"').lower() for name in table.frame.columns]
    columns = {column: _column(header, aliases) for column, aliases in NAMES.items()}
    lines = [[cell.strip('"') for cell in line] for line in table.frame.iter_rows()]
    from_names = variant_choice.parsed([_cell(line, columns["variant"]) for line in lines]).rows(named=True)
    names_have_positions = any(variant["pos"] is not None for variant in from_names)
    required = ("trait",) if names_have_positions else ("trait", "chrom", "pos")
    absent = [column for column in required if columns[column] is None]
    if absent:
        accepted = "; ".join(f"{column}: {' or '.join(NAMES[column])}" for column in absent)
        problem = f"the table of known loci lacks columns; it has {first_few(header, 10) or 'none'}"
        fix = f"name them, tab-separated, {accepted}; or give chrom:pos:ref:alt in a column variant"
        raise InputError(problem, where=path, fix=fix)
    rows = [_row(line, columns, variant) for line, variant in zip(lines, from_names, strict=True)]
    kept = [row for row in rows if row is not None]
    if not rows:
        fix = "add one line per locus, or remove loci.known"
        raise InputError("the table of known loci has a header and no loci", where=path, fix=fix)
    if not kept:
        index = columns["pos"] or columns["variant"] or 0
        column, shown = header[index], first_few(repr(line[index]) for line in lines)
        problem = f"no line of the table of known loci has one chromosome and one position; column {column}: {shown}"
        raise InputError(problem, where=path, fix="write positions as whole numbers without separators or exponents")
    return Known(pl.DataFrame(kept, schema=SCHEMA), len(rows) - len(kept), tuple(_not_numbers(lines, columns)))


def _not_numbers(lines: list[list[str]], columns: dict[str, int | None]) -> Iterator[str]:
    for name in ("eaf", "beta"):
        index = columns[name]
        cells = [] if index is None else [line[index] for line in lines if line[index].lower() not in MISSING]
        not_numbers = [cell for cell in cells if _number(cell) is None]
        if not_numbers:
            shown = first_few(map(repr, not_numbers))
            yield f"{len(not_numbers)} cell(s) of {name} are not numbers and count as missing: {shown}"


def warnings_of(path: Path, build: str) -> list[str]:
    """Warnings about a table of known loci: lines skipped, positions beyond the chromosomes, effects that are not numbers."""
    known, warnings = read(path), []
    if known.skipped:
        warnings.append(f"{known.skipped} lines of {path.name} have no single chromosome and position and are skipped")
    ends = {chrom: at[BUILDS.index(build)] for chrom, at in LENGTHS.items()}
    end = pl.col("chrom").replace_strict(ends, default=0, return_dtype=pl.Int64)
    beyond = known.frame.filter(pl.col("pos") > end)
    if beyond.height:
        shown = first_few(f"{chrom}:{pos}" for chrom, pos in beyond.select("chrom", "pos").iter_rows())
        warnings.append(f"{path.name}: {beyond.height} of {known.frame.height} loci lie on no chromosome of {build}: {shown}")
    return warnings + [f"{path.name}: {words}" for words in known.not_numbers]


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _cell(line: list[str], index: int | None) -> str:
    return "" if index is None or line[index].lower() in MISSING else line[index]


def _row(line: list[str], columns: dict[str, int | None], from_name: dict[str, Any]) -> dict[str, Any] | None:
    """from_name: position and alleles in the variant's name, as variant_choice.places; columns for the position override it."""
    cells = {column: _cell(line, i) for column, i in columns.items()}
    if columns["chrom"] is None or columns["pos"] is None:
        chrom, position = from_name["chrom"] or "", str(from_name["pos"] or "")
    else:
        chrom, position = level(cells["chrom"]), level(cells["pos"])
    if not chrom or not re.fullmatch("[0-9]{1,18}", position):
        return None
    row = {
        "trait": cells["trait"],
        "chrom": reported_chromosome(chromosome_code(chrom)),
        "pos": int(position),
        "gene": cells["gene"] or None,
    }
    alleles = {name: cells[name].upper() or None for name in ("effect_allele", "other_allele")}
    effects = {name: _number(cells[name]) for name in ("eaf", "beta")}
    agrees = (row["chrom"], row["pos"]) == (from_name["chrom"], from_name["pos"])
    return row | alleles | effects | {name: from_name[name] if agrees else None for name in ("first", "second")}


def _number(cell: str) -> float | None:
    """A number as user_table.py reads it; None for anything else."""
    value = float(cell) if re.match(NUMBER, cell) else np.nan
    return value if np.isfinite(value) else None


def annotate(loci: pl.DataFrame, known: Known | None, window_bp: int) -> pl.DataFrame:
    """The loci with COLUMNS at the end.

    known              `known` if a known locus lies within `window_bp` of start..stop, else `new`
    known_distance_bp  to the nearest known locus of the chromosome, 0 inside start..stop; null if there is none
    known_traits, known_genes  of all known loci within the window, sorted, separated by `; `
    """
    if known is None or loci.height == 0:
        return loci.with_columns(
            known=pl.lit(None, pl.String), known_distance_bp=pl.lit(None, pl.Int64),
            known_traits=pl.lit(None, pl.String), known_genes=pl.lit(None, pl.String),
        )  # fmt: skip
    rows = [_nearest(locus, known.frame, window_bp) for locus in loci.iter_rows(named=True)]
    schema = {"known": pl.String, "known_distance_bp": pl.Int64, "known_traits": pl.String, "known_genes": pl.String}
    return loci.hstack(pl.DataFrame(rows, schema=schema, orient="row"))


def _nearest(locus: dict[str, Any], known: pl.DataFrame, window_bp: int) -> tuple[str, int | None, str | None, str | None]:
    same_chrom = known.filter(pl.col("chrom") == locus["chrom"])
    if same_chrom.height == 0:
        return "new", None, None, None
    distance = pl.max_horizontal(locus["start"] - pl.col("pos"), pl.col("pos") - locus["stop"], 0)
    same_chrom = same_chrom.with_columns(distance=distance)
    near = same_chrom.filter(pl.col("distance") <= window_bp)
    nearest = int(same_chrom["distance"].to_numpy().min())
    if near.height == 0:
        return "new", nearest, None, None
    traits = "; ".join(sorted(set(near["trait"])))
    genes = "; ".join(sorted(set(near["gene"].drop_nulls())))
    return "known", nearest, traits, genes or None
