"""Recombination rates along the genome, from a genetic map.

Formats, recognised by their header (columns separated by tabs or blanks; .gz allowed):

    HapMap          Chromosome Position(bp) Rate(cM/Mb) Map(cM)
    Eagle           chr position COMBINED_rate(cM/Mb) Genetic_Map(cM)
    IMPUTE, Oxford  position COMBINED_rate(cM/Mb) Genetic_Map(cM)      the chromosome is in the file's name, as chr1
    SHAPEIT         pos chr cM
    PLINK .map      chrom id cM bp, without a header

A map may be one file, or a folder with one file per chromosome. Rates are differences of the map: the formats disagree on
whether the rate of a line belongs to the interval before or after it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.genes.web.contract import CHROMOSOMES, Build, chromosome
from ecgwas.genes.web.files import read_lines

WHAT = "recombination map"
FIX = "give a HapMap, Eagle, Oxford, SHAPEIT or PLINK genetic map, or a folder with one such file per chromosome"

NAMES = {
    "chrom": ("chromosome", "chr", "chrom"), "pos": ("position(bp)", "position", "pos", "bp"),
    "cm": ("map(cm)", "genetic_map(cm)", "cm", "genetic_map"),
}  # fmt: skip
"""Headings of the columns, in lower case."""

PLINK = {"chrom": 0, "cm": 2, "pos": 3}

CHROM_IN_NAME = re.compile(r"chr([0-9]{1,2}|[XY])(?![0-9A-Za-z])")
BUILDS: dict[Build, re.Pattern[str]] = {
    "hg19": re.compile(r"hg19|b37|grch37|build37", re.IGNORECASE),
    "hg38": re.compile(r"hg38|b38|grch38|build38", re.IGNORECASE),
}  # fmt: skip
"""Build -> how file names call it."""


@dataclass(frozen=True)
class ChromosomeMap:
    """pos (P,) int64, ascending; cm (P,) float64, the genetic map at each position."""

    pos: NDArray[np.int64]
    cm: NDArray[np.float64]

    def between(self, start: int, stop: int) -> pl.DataFrame:
        """Columns pos, rate: cM/Mb from each position to the next, from the last position at or before `start` to the first
        at or after `stop`; null where the map decreases, at the last position, and over gaps."""
        first = max(int(np.searchsorted(self.pos, start, side="right")) - 1, 0)
        last = int(np.searchsorted(self.pos, stop, side="left")) + 1
        pos, cm = self.pos[first:last], self.cm[first:last]
        rate = np.append(np.diff(cm) / np.diff(pos) * 1e6, np.nan) if len(pos) else np.empty(0)
        rate[rate < 0] = np.nan
        return pl.DataFrame({"pos": pos, "rate": rate}, schema={"pos": pl.Int64, "rate": pl.Float64}).fill_nan(None)


def files_of(path: Path) -> list[Path]:
    """The map's files: itself or, of a folder, its files in the order of their names. Raises InputError for an empty folder."""
    if not path.is_dir():
        return [path]
    inside = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    if not inside:
        raise InputError(f"the folder of the {WHAT} has no files", where=path, fix=FIX)
    return inside


def read(path: Path, chroms: Collection[str] | None = None) -> dict[str, ChromosomeMap]:
    """Chromosome without "chr" -> its map; chroms: only these, None: all.

    Raises InputError naming the first line that cannot be read, and for a map without genetic distances.
    """
    points: dict[str, dict[int, float]] = {}
    for file in files_of(path):
        _read_file(file, chroms, points)
    if chroms is None and not any(any(cm_of.values()) for cm_of in points.values()):
        raise InputError(f"the {WHAT} has no genetic distances: all of them are 0", where=path, fix=FIX)
    maps = {}
    for chrom, cm_of in points.items():
        pos = np.array(sorted(cm_of), dtype=np.int64)
        maps[chrom] = ChromosomeMap(pos, np.array([cm_of[int(at)] for at in pos], dtype=np.float64))
    return maps


def _read_file(path: Path, chroms: Collection[str] | None, points: dict[str, dict[int, float]]) -> None:
    columns: dict[str, int] | None = None
    of_file, names = "", dict[str, str]()
    for number, line in read_lines(path, WHAT):
        fields = line.split()
        if columns is None:
            columns = _columns(path, fields)
            of_file = "" if "chrom" in columns else _chromosome_in_name(path)
            if columns is not PLINK:
                continue
        try:
            name = fields[columns["chrom"]] if "chrom" in columns else of_file
            chrom = names.get(name) or names.setdefault(name, chromosome(name))
            if chroms is not None and chrom not in chroms:
                continue
            pos, cm = int(fields[columns["pos"]]), float(fields[columns["cm"]])
        except (ValueError, IndexError):
            pos, cm = 0, math.nan
        if pos <= 0 or not math.isfinite(cm):
            problem = f"line {number} of the {WHAT} cannot be read: {line[:60]!r}"
            raise InputError(problem, where=path, fix="each line needs a position in bp and a genetic distance in cM")
        points.setdefault(chrom, {})[pos] = cm


def _columns(path: Path, fields: Sequence[str]) -> dict[str, int]:
    """Place of each column, by the first line. Raises InputError for an unknown format."""
    lower = [field.lower() for field in fields]
    columns = {name: lower.index(word) for name, words in NAMES.items() for word in words if word in lower}
    if {"pos", "cm"} <= set(columns):
        return columns
    if len(fields) == 4 and all(re.fullmatch(r"-?[0-9.]+(e[-+]?[0-9]+)?", fields[k], re.IGNORECASE) for k in (2, 3)):
        return PLINK
    raise InputError(f"the columns of the {WHAT} are unknown: {' '.join(fields)[:60]!r}", where=path, fix=FIX)


def _chromosome_in_name(path: Path) -> str:
    matched = CHROM_IN_NAME.search(path.name)
    if matched is None:
        problem = f"the {WHAT} names no chromosome, neither in a column nor in the file's name"
        raise InputError(problem, where=path, fix="name the file as genetic_map_chr1_combined_b37.txt, or add a column chr")
    return matched.group(1)


def check(path: Path, build: Build | None) -> str:
    """Reads the map and describes it. Raises InputError if it cannot be read, if its name is of another build, or if it has
    no chromosome of the genotypes."""
    named = build_in_name(path)
    if named is not None and build is not None and named != build:
        problem = f"the {WHAT} is of {named} by its name, but scan.build is {build}"
        raise InputError(problem, where=path, fix=f"give a map of {build}, or correct `build` under `scan`")
    maps = read(path)
    if CHROMOSOMES.isdisjoint(maps):
        problem = f"the {WHAT} has no chromosome of the genotypes: it calls its chromosomes {first_few(sorted(maps), 3)}"
        raise InputError(problem, where=path, fix="its chromosomes must be 1 to 22, X or Y, with or without chr")
    count = sum(len(one.pos) for one in maps.values())
    return f"{WHAT} {path.name}: {count:,} positions on {len(maps)} chromosomes, {named or 'build not named'}"


def build_in_name(path: Path) -> Build | None:
    """The build that the names of the files or of their folder state; None: none, or both."""
    names = " ".join([path.name, *(file.name for file in files_of(path))])
    stated = [build for build, pattern in BUILDS.items() if pattern.search(names)]
    return stated[0] if len(stated) == 1 else None
