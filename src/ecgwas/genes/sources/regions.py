"""Genes from a table of positions: those that hold a variant, otherwise the nearest.

Formats, recognised by their columns:

    PLINK glist      chrom start end symbol                    1-based, both ends included   (cog-genomics.org)
    MAGMA .loc       id chrom start end strand symbol          1-based, both ends included   (cncr.nl/research/magma)
    BED              chrom start end symbol [...]              0-based, end excluded         (UCSC, FAQformat)
    GTF              chrom . gene start end . . . attributes   1-based, both ends included   (ENSEMBL, GENCODE); lines `gene`

A glist and a BED look alike; a file whose name ends in .bed or .bed.gz is a BED. All may be gzipped. A MAGMA .loc, a BED of six
or more columns and a GTF state strands; a BED of twelve columns and a GTF state exons.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from ecgwas.errors import Caution, InputError, first_few
from ecgwas.genes.sources import genome_build, mapping
from ecgwas.genes.sources.file_contents import FileContents, genes_in
from ecgwas.genes.sources.gene_positions import ChromosomeGenes, GeneModel, GenePositions, Window, joined
from ecgwas.genes.web.contract import CHROMOSOMES, Build, Get, Variants, chromosome
from ecgwas.genes.web.files import read_lines, version_of
from ecgwas.study import Regions
from ecgwas.tables import Genes, Loci
from ecgwas.tables.user_table import MISSING

SYMBOL = re.compile(r'gene_name "([^"]+)"')
GENE_ID = re.compile(r'gene_id "([^"]+)"')
CODING = re.compile(r'gene_(?:bio)?type "protein_coding"')
CANONICAL = 'tag "Ensembl_canonical"'
STRANDS = ("+", "-", ".")

UNNAMED = re.compile(r"[^:]+:[0-9]+-[0-9]+")
"""Name of a gene without a symbol: chromosome, start and end."""

LAST_POSITION = 2**31
"""Longer than any chromosome."""


def check(options: Regions, build: Build | None) -> FileContents:
    """Reads the table. Raises InputError if it is plainly of another build, or on no chromosome of the genotypes."""
    positions = gene_positions(options)
    own_build = genome_build.build_of(positions.chromosomes)
    if own_build is not None and build is not None and own_build != build:
        problem = f"the table of genes has positions of {own_build}, but scan.build is {build}"
        raise InputError(problem, where=options.file, fix=f"give a table of {build}, or correct `build` under `scan`")
    if CHROMOSOMES.isdisjoint(positions.chromosomes):
        names = first_few(sorted(positions.chromosomes), 3)
        problem = f"no gene is on a chromosome of the genotypes: the table calls its chromosomes {names}"
        raise InputError(problem, where=options.file, fix="its chromosomes must be 1 to 22, X, Y or MT, with or without chr")
    symbols = set(positions.symbols())
    nameless = sum(UNNAMED.fullmatch(symbol) is not None for symbol in positions.symbols())
    if nameless == len(symbols):
        raise InputError("no gene of the table of genes has a symbol", where=options.file, fix="fill the column of symbols")
    words = f"{options.file.name}: {nameless} genes without a symbol are named by their position"
    fact = f"{len(symbols)} genes in {options.file.name}, {own_build or 'build unknown'}"
    return genes_in(options.file, symbols, fact, [Caution(words)] if nameless else [])


def annotate(options: Regions, variants: Variants, loci: Loci, get: Get | None = None) -> Genes:
    """Genes of each hit variant: all that hold it (or lie within window_bp), otherwise the nearest within max_distance_bp.

    A variant without any gene has one row without a symbol. Positions are taken to be of the study's build (`check`).
    """
    positions = gene_positions(options)
    genes = {variant: positions.nearest(variant.chrom, variant.pos) for variant in variants.rows()}
    reason = f"no gene within {max(options.max_distance_bp, options.window_bp)} bp"
    return mapping.genes_of(variants, loci, genes, dict.fromkeys(genes, reason), "regions", version_of(options.file))


def gene_positions(options: Regions, *, every_type: bool = False) -> GenePositions:
    """The genes of the table. every_type: even if the option `protein_coding` restricts them."""
    chromosomes = read(options.file, protein_coding=options.protein_coding and not every_type)
    return GenePositions(chromosomes, options.window_bp, options.max_distance_bp)


def gene_models(options: Regions, windows: Sequence[Window]) -> list[list[GeneModel]]:
    """Genes of every type that touch each window, by start, with strand and exons where the file states them.

    Exons of a GTF are those of the gene's canonical transcripts (tag Ensembl_canonical) or, if none is tagged, of all its
    transcripts. Raises InputError naming the first line that cannot be read.
    """
    path, genes, exons = options.file, dict[str, list[GeneModel]](), _Exons()
    chroms = {window[0] for window in windows}
    for number, line in read_lines(path, "table of genes"):
        if "\texon\t" in line:
            exons.add(line, chroms)
            continue
        gene = _gene(path, line, number)
        if gene is None or (chrom := chromosome(gene[0])) not in chroms:
            continue
        _, start, stop, symbol = gene
        name = f"{chrom}:{start}-{stop}" if symbol.lower() in MISSING else symbol
        fields = line.split("\t") if "\t" in line else line.split()
        genes.setdefault(chrom, []).append(GeneModel(name, start, stop, _strand(path, fields), _blocks(path, fields)))
    return [_touching(genes.get(chrom, []), exons, (chrom, start, stop)) for chrom, start, stop in windows]


def _touching(genes: Sequence[GeneModel], exons: _Exons, window: Window) -> list[GeneModel]:
    chrom, first, last = window
    touching = sorted((gene.start, gene.stop, gene.symbol, gene) for gene in genes if gene.start <= last and gene.stop >= first)
    return [gene if gene.exons else replace(gene, exons=exons.of(chrom, gene)) for _, _, _, gene in touching]


class _Exons:
    """Exons of a GTF by chromosome and symbol: those of canonical transcripts, and all."""

    def __init__(self) -> None:
        self.canonical: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self.all: dict[tuple[str, str], list[tuple[int, int]]] = {}

    def add(self, line: str, chroms: Collection[str]) -> None:
        fields = line.split("\t")
        if len(fields) != 9 or fields[2] != "exon" or (chrom := chromosome(fields[0])) not in chroms:
            return
        named = SYMBOL.search(fields[8]) or GENE_ID.search(fields[8])
        if named is None:
            return
        key, ends = (chrom, named.group(1)), (int(fields[3]), int(fields[4]))
        self.all.setdefault(key, []).append(ends)
        if CANONICAL in fields[8]:
            self.canonical.setdefault(key, []).append(ends)

    def of(self, chrom: str, gene: GeneModel) -> tuple[tuple[int, int], ...]:
        """Exons within the gene; a symbol may have several ranges."""
        key = (chrom, gene.symbol)
        for listed in (self.canonical.get(key, []), self.all.get(key, [])):
            inside = [ends for ends in listed if gene.start <= ends[0] and ends[1] <= gene.stop]
            if inside:
                return joined(inside)
        return ()


def _strand(path: Path, fields: Sequence[str]) -> str | None:
    place = 6 if _is_gtf(fields) else 5 if ".bed" in path.suffixes else 4
    strand = fields[place] if len(fields) > place else None
    return strand if strand in ("+", "-") else None


def _blocks(path: Path, fields: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """The exons of a BED of twelve columns: columns chromStart, blockSizes and blockStarts; else none."""
    if ".bed" not in path.suffixes or len(fields) < 12:
        return ()
    try:
        sizes, starts = ([int(value) for value in fields[k].rstrip(",").split(",")] for k in (10, 11))
        first = int(fields[1])
    except ValueError:
        return ()
    return joined((first + start + 1, first + start + size) for start, size in zip(starts, sizes, strict=False))


def _is_gtf(fields: Sequence[str]) -> bool:
    """A BED of nine columns has a number where a GTF has the feature."""
    return len(fields) == 9 and not fields[2].isdigit()


def read(path: Path, *, protein_coding: bool = False) -> dict[str, ChromosomeGenes]:
    """Chromosome without "chr" -> its genes. Raises InputError naming the first line that cannot be read.

    A gene without a symbol is named after its position, as in 1:161694615-161762308.

    protein_coding: only genes of that type. Only a GTF states types; other files raise InputError.
    """
    genes: dict[str, list[tuple[int, int, str]]] = {}
    for number, line in read_lines(path, "table of genes"):
        if protein_coding and "\tgene\t" in line and CODING.search(line) is None:
            continue
        gene = _gene(path, line, number)
        if gene is not None and protein_coding and CODING.search(line) is None:
            fix = "give a GENCODE or Ensembl GTF, or remove `protein_coding`"
            raise InputError("the table of genes does not state their types", where=path, fix=fix)
        if gene is not None:
            chrom, start, stop, symbol = gene
            if symbol.lower() in MISSING:
                symbol = f"{chromosome(chrom)}:{start}-{stop}"
            genes.setdefault(chromosome(chrom), []).append((start, stop, symbol))
    if not genes:
        raise InputError("the table of genes has no genes", where=path, fix="give a PLINK glist, MAGMA .loc, BED or GTF file")
    return {chrom: ChromosomeGenes.of(listed) for chrom, listed in genes.items()}


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
        return f"begin the header line with #, or remove it; {fix}"
    if re.search(r"[0-9],[0-9]|[0-9]\.[0-9]|[0-9]e\+", line):
        return f"write positions as whole numbers without separators, decimals or exponents; {fix}"
    return fix


def _fields(path: Path, fields: Sequence[str]) -> tuple[str, int, int, str] | None:
    if _is_gtf(fields):
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
