"""Genes and recombination rates of a study's own tables, by position and by name."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import genes as gene_sources
from ecgwas import report
from ecgwas.genes import recombination_map
from ecgwas.genes.recombination_map import ChromosomeMap
from ecgwas.genes.sources.gene_positions import GeneModel
from ecgwas.stages import report_data
from ecgwas.study import Study

WHOLE_CHROMOSOME = 1 << 40
NEAREST_WITHIN_BP = 500_000
FLANK_BP = 50_000
"""On either side of a gene, in its regional plot."""


@dataclass(frozen=True)
class _Ends:
    """Genes of a chromosome, by start: their starts and symbols; furthest: the largest stop up to each, and whose it is."""

    start: NDArray[np.int64]
    symbols: Sequence[str]
    furthest: NDArray[np.int64]
    furthest_gene: NDArray[np.int64]

    @classmethod
    def of(cls, genes: pl.DataFrame) -> Self:
        ordered = genes.sort("start", "stop", "gene")
        stop = ordered["stop"].to_numpy()
        furthest = np.maximum.accumulate(stop)
        whose = np.maximum.accumulate(np.where(stop == furthest, np.arange(len(stop)), 0))
        return cls(ordered["start"].to_numpy(), ordered["gene"].to_list(), furthest, whose)

    def nearest(self, pos: int) -> str | None:
        after = int(self.start.searchsorted(pos, side="right"))
        left = pos - int(self.furthest[after - 1]) if after else NEAREST_WITHIN_BP + 1
        if left <= 0:
            return self.symbols[int(self.furthest_gene[after - 1])]
        right = int(self.start[after]) - pos if after < len(self.start) else NEAREST_WITHIN_BP + 1
        if min(left, right) > NEAREST_WITHIN_BP:
            return None
        return self.symbols[int(self.furthest_gene[after - 1]) if left <= right else after]


@dataclass(frozen=True)
class GeneTable:
    """Genes with strand and exons, and genetic maps.

    frames  chromosome -> columns GENES_OF_REGION of its genes, by start
    names   (symbol in upper case, symbol, chromosome, start, stop) of every gene, in the order of symbols
    ends    chromosome -> the same genes, for the nearest of a position
    maps    chromosome -> its genetic map
    """

    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    names: Sequence[tuple[str, str, str, int, int]] = ()
    ends: Mapping[str, _Ends] = field(default_factory=dict)
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
        return cls(frames, names, {chrom: _Ends.of(own) for chrom, own in frames.items() if own.height}, maps)

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
        """The gene over a position (of several the one that ends last) or, if there is none, the nearest within
        NEAREST_WITHIN_BP; None: none, or no table."""
        return self.ends[chrom].nearest(pos) if chrom in self.ends else None

    def starting_with(self, text: str, count: int) -> list[tuple[str, str, int, int]]:
        """(symbol, chromosome, start, stop) of genes whose symbols begin with the text, whatever its case."""
        upper = text.upper()
        at = bisect_left(self.names, (upper,))
        return [one[1:] for one in self.names[at : at + count] if one[0].startswith(upper)]

    def named(self, symbol: str) -> tuple[str, str, int, int] | None:
        """(symbol, chromosome, start, stop) of the gene of this symbol, whatever its case."""
        return next((one for one in self.starting_with(symbol, 8) if one[0].upper() == symbol.upper()), None)


def around(start: int, stop: int) -> tuple[int, int]:
    """A region with FLANK_BP on either side."""
    return max(1, start - FLANK_BP), stop + FLANK_BP
