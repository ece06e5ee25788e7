"""Loci of others: which of ours are known."""

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
from ecgwas.genotypes.chromosome_codes import chromosome, part_of
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
"""Our name -> headers under which it stands, in any case: a table of loci, a GWAS Catalog download, gwas-ssf."""

COLUMNS = ("known", "known_distance_bp", "known_traits", "known_genes")
"""Added at the end of loci.csv; null where the study names no table."""

SCHEMA = {
    "trait": pl.String, "chrom": pl.String, "pos": pl.Int64, "gene": pl.String, "effect_allele": pl.String,
    "other_allele": pl.String, "eaf": pl.Float64, "beta": pl.Float64, "first": pl.String, "second": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """Known loci, columns of SCHEMA: chrom without chr, pos 1-based in the study's build, alleles in upper case, eaf and beta
    of the effect allele; first and second, both alleles without saying which one counts; null where the file does not tell.

    skipped: lines of the file without one chromosome and one position; odd: of cells of eaf and beta that are no numbers, in
    words.
    """

    frame: pl.DataFrame
    skipped: int
    odd: tuple[str, ...] = ()


def read(path: Path) -> Known:
    """A delimited table with a header: trait, chromosome, position and, if there are, the other columns of NAMES.

    Chromosome and position may stand in one column of variants, as chrom:pos or chrom:pos:ref:alt. Positions must be in the
    study's build; that cannot be seen in the file. Lines may be longer than the header, as in
    published supplements; a whole number may have decimals, as pandas writes it. Raises InputError if the file is missing,
    lacks a column, or no line of it has a chromosome and a position.
    """
    table = read_user_table(path, what="known loci", quotes=False, longer_lines=True)
    header = [name.strip('"').lower() for name in table.frame.columns]
    places = {ours: _place(header, theirs) for ours, theirs in NAMES.items()}
    lines = [[cell.strip('"') for cell in line] for line in table.frame.iter_rows()]
    named = variant_choice.places([_cell(line, places["variant"]) for line in lines]).rows(named=True)
    spelled = any(one["pos"] is not None for one in named)
    absent = [ours for ours in ("trait", "chrom", "pos") if places[ours] is None and (ours == "trait" or not spelled)]
    if absent:
        wanted = "; ".join(f"{ours}: {' or '.join(NAMES[ours])}" for ours in absent)
        problem = f"the table of known loci lacks columns; it has {first_few(header, 10) or 'none'}"
        fix = f"name them, tab-separated, {wanted}; or give chrom:pos:ref:alt in a column variant"
        raise InputError(problem, where=path, fix=fix)
    rows = [_row(line, places, one) for line, one in zip(lines, named, strict=True)]
    kept = [row for row in rows if row is not None]
    if not rows:
        fix = "add one line per locus, or take loci.known out"
        raise InputError("the table of known loci has a header and no loci", where=path, fix=fix)
    if not kept:
        place = places["pos"] or places["variant"] or 0
        column, shown = header[place], first_few(repr(line[place]) for line in lines)
        problem = f"no line of the table of known loci has one chromosome and one position; column {column}: {shown}"
        raise InputError(problem, where=path, fix="write positions as whole numbers without separators or exponents")
    return Known(pl.DataFrame(kept, schema=SCHEMA), len(rows) - len(kept), tuple(_odd(lines, places)))


def _odd(lines: list[list[str]], places: dict[str, int | None]) -> Iterator[str]:
    for name in ("eaf", "beta"):
        place = places[name]
        cells = [] if place is None else [line[place] for line in lines if line[place].lower() not in MISSING]
        odd = [cell for cell in cells if _number(cell) is None]
        if odd:
            yield f"{len(odd)} cells of {name} are no numbers and count as missing: {first_few(map(repr, odd))}"


def doubts(path: Path, build: str) -> list[str]:
    """Warnings over a table of known loci: lines passed over, places beyond the chromosomes, effects that are no numbers."""
    known, found = read(path), []
    if known.skipped:
        found.append(f"{known.skipped} lines of {path.name} have no single chromosome and position and are passed over")
    ends = {chrom: at[BUILDS.index(build)] for chrom, at in LENGTHS.items()}
    end = pl.col("chrom").replace_strict(ends, default=0, return_dtype=pl.Int64)
    beyond = known.frame.filter(pl.col("pos") > end)
    if beyond.height:
        shown = first_few(f"{chrom}:{pos}" for chrom, pos in beyond.select("chrom", "pos").iter_rows())
        found.append(f"{path.name}: {beyond.height} of {known.frame.height} loci lie on no chromosome of {build}: {shown}")
    return found + [f"{path.name}: {words}" for words in known.odd]


def _place(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _cell(line: list[str], place: int | None) -> str:
    return "" if place is None or line[place].lower() in MISSING else line[place]


def _row(line: list[str], places: dict[str, int | None], named: dict[str, Any]) -> dict[str, Any] | None:
    """named: what the variant's name tells of its place, as variant_choice.places; the columns of the place come before it."""
    cells = {ours: _cell(line, i) for ours, i in places.items()}
    if places["chrom"] is None or places["pos"] is None:
        chrom, position = named["chrom"] or "", str(named["pos"] or "")
    else:
        chrom, position = level(cells["chrom"]), level(cells["pos"])
    if not chrom or not re.fullmatch("[0-9]{1,18}", position):
        return None
    row = {"trait": cells["trait"], "chrom": part_of(chromosome(chrom)), "pos": int(position), "gene": cells["gene"] or None}
    alleles = {name: cells[name].upper() or None for name in ("effect_allele", "other_allele")}
    effects = {name: _number(cells[name]) for name in ("eaf", "beta")}
    there = (row["chrom"], row["pos"]) == (named["chrom"], named["pos"])
    return row | alleles | effects | {name: named[name] if there else None for name in ("first", "second")}


def _number(cell: str) -> float | None:
    """A number as user_table.py takes one; None for anything else."""
    value = float(cell) if re.match(NUMBER, cell) else np.nan
    return value if np.isfinite(value) else None


def annotate(loci: pl.DataFrame, known: Known | None, window_bp: int) -> pl.DataFrame:
    """The loci with COLUMNS at the end.

    known              `known` if a known locus lies within `window_bp` of start..stop, else `new`
    known_distance_bp  to the nearest known locus of the chromosome, 0 inside start..stop; null if there is none
    known_traits, known_genes  of all within the window, sorted, `; ` between
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
    here = known.filter(pl.col("chrom") == locus["chrom"])
    if here.height == 0:
        return "new", None, None, None
    distance = pl.max_horizontal(locus["start"] - pl.col("pos"), pl.col("pos") - locus["stop"], 0)
    here = here.with_columns(distance=distance)
    near = here.filter(pl.col("distance") <= window_bp)
    nearest = int(here["distance"].to_numpy().min())
    if near.height == 0:
        return "new", nearest, None, None
    traits = "; ".join(sorted(set(near["trait"])))
    genes = "; ".join(sorted(set(near["gene"].drop_nulls())))
    return "known", nearest, traits, genes or None
