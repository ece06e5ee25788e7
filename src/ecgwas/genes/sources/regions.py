"""Genes from a table of ranges: those that hold a variant, else the nearest.

Formats, told apart by what the first line holds:

    PLINK glist      chrom start end symbol                    1-based, both ends included   (cog-genomics.org)
    MAGMA .loc       id chrom start end strand symbol          1-based, both ends included   (cncr.nl/research/magma)
    BED              chrom start end symbol [...]              0-based, end excluded         (UCSC, FAQformat)
    GTF              chrom . gene start end . . . attributes   1-based, both ends included   (ENSEMBL, GENCODE); lines `gene`

A glist and a BED look alike; a file whose name ends in .bed or .bed.gz is a BED. Any may be gzipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.genes.sources import mapping
from ecgwas.genes.sources.mapping import Found
from ecgwas.genes.web.contract import Variants, chromosome
from ecgwas.genes.web.files import read_lines, version_of
from ecgwas.study import Regions
from ecgwas.tables import Genes, Loci
from ecgwas.tables.user_table import MISSING

SYMBOL = re.compile(r'gene_name "([^"]+)"')
GENE_ID = re.compile(r'gene_id "([^"]+)"')
CODING = re.compile(r'gene_(?:bio)?type "protein_coding"')
STRANDS = ("+", "-", ".")

UNNAMED = re.compile(r"[^:]+:[0-9]+-[0-9]+")
"""What a gene without a symbol is called."""

LAST_POSITION = 2**31
"""No chromosome is longer."""


@dataclass(frozen=True)
class Ranges:
    """Genes of one chromosome, by start: (G,) int64 1-based positions, both ends included, and G symbols.

    reach (G,) int64 is the largest stop up to each gene, so that all genes that hold a position are found from one place.
    """

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    symbols: tuple[str, ...]
    reach: NDArray[np.int64]


def annotate(options: Regions, variants: Variants, loci: Loci) -> Genes:
    """Genes of each hit variant: all that hold it (or lie within window_bp), else the nearest within max_distance_bp.

    A variant without any gene has one row without a symbol. Build and positions are as `ecgwas.genes.check` found them.
    """
    table = read(options.file, protein_coding=options.protein_coding)
    found = {variant: near(table.get(variant.chrom), variant.pos, options) for variant in variants.rows()}
    reason = f"no gene within {max(options.max_distance_bp, options.window_bp)} bp"
    return mapping.genes_of(variants, loci, found, dict.fromkeys(found, reason), "regions", version_of(options.file))


def near(ranges: Ranges | None, pos: int, options: Regions) -> list[Found]:
    """Genes of one position, nearest first, then by symbol."""
    if ranges is None:
        return []
    window = range(_first_reaching(ranges, pos - options.window_bp), _first_after(ranges, pos + options.window_bp))
    overlapping = [k for k in window if ranges.stop[k] >= pos - options.window_bp]
    chosen, relation = overlapping, "overlap"
    if not overlapping:
        chosen, relation = _nearest(ranges, pos, options.max_distance_bp), "nearest"
    # A symbol may have several ranges: the nearest counts.
    distances: dict[str, int] = {}
    for k in chosen:
        symbol, distance = ranges.symbols[k], _distance(ranges, k, pos)
        distances[symbol] = min(distance, distances.get(symbol, distance))
    ranked = sorted(distances.items(), key=lambda item: (item[1], item[0]))
    return [Found(gene, distance, relation) for gene, distance in ranked]


def _first_reaching(ranges: Ranges, pos: int) -> int:
    return int(np.searchsorted(ranges.reach, pos, side="left"))


def _first_after(ranges: Ranges, pos: int) -> int:
    return int(np.searchsorted(ranges.start, pos, side="right"))


def _distance(ranges: Ranges, k: int, pos: int) -> int:
    return max(0, int(ranges.start[k]) - pos, pos - int(ranges.stop[k]))


def _nearest(ranges: Ranges, pos: int, limit: int) -> list[int]:
    """The nearest genes (several if equally near), none further than the limit. No gene holds the position."""
    after = _first_after(ranges, pos)
    right = list(range(after, min(after + 1, len(ranges.start))))
    right += [k for k in range(after + 1, len(ranges.start)) if ranges.start[k] == ranges.start[after]]
    left = [int(np.argmax(ranges.stop[:after]))] if after else []
    left = [k for k in range(after) if left and ranges.stop[k] == ranges.stop[left[0]]]
    distances = {k: _distance(ranges, k, pos) for k in (*left, *right)}
    least = min(distances.values(), default=limit + 1)
    return [k for k, distance in distances.items() if distance == least and distance <= limit]


def read(path: Path, *, protein_coding: bool = False) -> dict[str, Ranges]:
    """Chromosome without "chr" -> its genes. Raises InputError naming the first line that cannot be read.

    A gene without a symbol is called by its place, as in 1:161694615-161762308.

    protein_coding: only genes of that type, which a GTF alone tells; of another file nothing would be left, so it is refused.
    """
    genes: dict[str, list[tuple[int, int, str]]] = {}
    for number, line in read_lines(path, "table of genes"):
        if protein_coding and "\tgene\t" in line and CODING.search(line) is None:
            continue
        gene = _gene(path, line, number)
        if gene is not None and protein_coding and CODING.search(line) is None:
            fix = "give a GENCODE or Ensembl GTF, or leave out `protein_coding`"
            raise InputError("the table of genes does not tell their types", where=path, fix=fix)
        if gene is not None:
            chrom, start, stop, symbol = gene
            if symbol.lower() in MISSING:
                symbol = f"{chromosome(chrom)}:{start}-{stop}"
            genes.setdefault(chromosome(chrom), []).append((start, stop, symbol))
    if not genes:
        raise InputError("the table of genes has no genes", where=path, fix="give a PLINK glist, MAGMA .loc, BED or GTF file")
    return {chrom: _ranges(sorted(found)) for chrom, found in genes.items()}


def _ranges(genes: Sequence[tuple[int, int, str]]) -> Ranges:
    start = np.array([gene[0] for gene in genes], dtype=np.int64)
    stop = np.array([gene[1] for gene in genes], dtype=np.int64)
    return Ranges(start, stop, tuple(gene[2] for gene in genes), np.maximum.accumulate(stop))


def _gene(path: Path, line: str, number: int) -> tuple[str, int, int, str] | None:
    if line.startswith(("#", "track", "browser")):
        return None
    fields = line.split("\t") if "\t" in line else line.split()
    try:
        return _fields(path, fields)
    except (ValueError, IndexError):
        problem = f"line {number} of the table of genes cannot be read: {line[:60]!r}"
        raise InputError(problem, where=path, fix=_cure(line, fields)) from None


def _cure(line: str, fields: Sequence[str]) -> str:
    fix = "give a PLINK glist (chrom start end symbol), MAGMA .loc, BED or GTF file"
    if len(fields) == 1 and re.search("[,;|]", line):
        return f"separate the columns by tabs or blanks; {fix}"
    if re.search("[0-9]", line) is None and len(fields) >= 3:
        return f"begin the header line with #, or take it away; {fix}"
    if re.search(r"[0-9],[0-9]|[0-9]\.[0-9]|[0-9]e\+", line):
        return f"write positions as whole numbers without separators, decimals or exponents; {fix}"
    return fix


def _fields(path: Path, fields: Sequence[str]) -> tuple[str, int, int, str] | None:
    # A BED of nine columns has a number where a GTF has the feature.
    if len(fields) == 9 and not fields[2].isdigit():
        return _from_gtf(fields)
    if len(fields) >= 6 and fields[4] in STRANDS and fields[0].isdigit():
        return fields[1], *_ordered(int(fields[2]), int(fields[3])), fields[5]
    start, stop = int(fields[1]), int(fields[2])
    if ".bed" in path.suffixes:
        start += 1
    return fields[0], *_ordered(start, stop), fields[3]


def _ordered(start: int, stop: int) -> tuple[int, int]:
    if not 0 < start <= stop < LAST_POSITION:
        raise ValueError
    return start, stop


def _from_gtf(fields: Sequence[str]) -> tuple[str, int, int, str] | None:
    if fields[2] != "gene":
        return None
    named = SYMBOL.search(fields[8]) or GENE_ID.search(fields[8])
    if named is None:
        raise ValueError
    return fields[0], *_ordered(int(fields[3]), int(fields[4])), named.group(1)


def nameless(table: dict[str, Ranges]) -> int:
    """How many genes of the table have no symbol."""
    return sum(UNNAMED.fullmatch(symbol) is not None for symbol in symbols(table))


def symbols(table: dict[str, Ranges]) -> Iterator[str]:
    """Every symbol of the table."""
    for ranges in table.values():
        yield from ranges.symbols
