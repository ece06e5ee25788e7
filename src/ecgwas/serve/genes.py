"""Genes and recombination rates of a study's own tables, by position and by name."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import polars as pl

from ecgwas import genes as gene_sources
from ecgwas import report
from ecgwas.genes import recombination_map
from ecgwas.genes.recombination_map import ChromosomeMap
from ecgwas.genes.sources.gene_positions import ChromosomeGenes, GeneModel, GenePositions
from ecgwas.stages import report_data
from ecgwas.study import Study

WHOLE_CHROMOSOME = 1 << 40
NEAREST_WITHIN_BP = 500_000
FLANK_BP = 50_000
"""On either side of a gene, in its regional plot."""


@dataclass(frozen=True)
class GeneTable:
    """Genes with strand and exons, and genetic maps.

    frames  chromosome -> columns GENES_OF_REGION of its genes, by start
    names   (symbol in upper case, symbol, chromosome, start, stop) of every gene, in the order of symbols
    positions  the same genes, for the nearest of a position
    maps    chromosome -> its genetic map
    """

    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    names: Sequence[tuple[str, str, str, int, int]] = ()
    positions: GenePositions = field(default_factory=lambda: GenePositions({}))
    maps: Mapping[str, ChromosomeMap] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study | None, chroms: Sequence[str]) -> Self:
        """From the first table of genes that the study names, and its genetic map; empty without them.

        Raises InputError if a file cannot be read.
        """
        if study is None:
            return cls()
        windows = [(chrom, 1, WHOLE_CHROMOSOME) for chrom in chroms]
        models = dict(zip(chroms, gene_sources.gene_models(study.genes, windows), strict=True))
        path = study.report.recombination_map
        maps = {} if path is None else recombination_map.read(path, set(chroms))
        return cls.of_models(models, maps)

    @classmethod
    def of_models(cls, models: Mapping[str, Sequence[GeneModel]], maps: Mapping[str, ChromosomeMap]) -> Self:
        """chromosome -> its genes; chromosome -> its genetic map."""
        frames = {chrom: report_data.genes_frame(own) for chrom, own in models.items()}
        names = sorted((one.symbol.upper(), one.symbol, chrom, one.start, one.stop)
                       for chrom, own in models.items() for one in own)  # fmt: skip
        chromosomes = {chrom: ChromosomeGenes.of([(one.start, one.stop, one.symbol) for one in own])
                       for chrom, own in models.items() if own}  # fmt: skip
        return cls(frames, names, GenePositions(chromosomes, max_distance_bp=NEAREST_WITHIN_BP), maps)

    def __bool__(self) -> bool:
        return bool(self.names)

    def between(self, chrom: str, start: int, stop: int) -> pl.DataFrame:
        """Columns GENES_OF_REGION of the genes that touch the region."""
        if chrom not in self.frames:
            return pl.DataFrame(schema=report.GENES_OF_REGION)
        return self.frames[chrom].filter((pl.col("stop") >= start) & (pl.col("start") <= stop))

    def rates(self, chrom: str, start: int, stop: int) -> pl.DataFrame:
        """Columns RATES in the region; no rows without a genetic map."""
        return self.maps[chrom].between(start, stop) if chrom in self.maps else pl.DataFrame(schema=report.RATES)

    def nearest(self, chrom: str, pos: int) -> str | None:
        """The gene over a position or, if there is none, the nearest within NEAREST_WITHIN_BP; None: none, or no table."""
        genes = self.positions.nearest(chrom, pos)
        return genes[0].gene if genes else None

    def starting_with(self, text: str, count: int) -> list[tuple[str, str, int, int]]:
        """(symbol, chromosome, start, stop) of genes whose symbols begin with the text, whatever its case."""
        upper = text.upper()
        at = bisect_left(self.names, (upper,))  # type: ignore[arg-type]
        return [one[1:] for one in self.names[at : at + count] if one[0].startswith(upper)]

    def named(self, symbol: str) -> tuple[str, str, int, int] | None:
        """(symbol, chromosome, start, stop) of the gene of this symbol, whatever its case."""
        return next((one for one in self.starting_with(symbol, 8) if one[0].upper() == symbol.upper()), None)


def around(start: int, stop: int) -> tuple[int, int]:
    """A region with FLANK_BP on either side."""
    return max(1, start - FLANK_BP), stop + FLANK_BP
