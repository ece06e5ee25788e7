"""Where genes lie, and which of them hold a position or are nearest to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.genes.sources.mapping import MappedGene

Window = tuple[str, int, int]
"""A stretch of a chromosome: name without "chr", first and last position, 1-based, both included."""


@dataclass(frozen=True)
class GeneModel:
    """A gene as it is drawn: 1-based positions, both ends included.

    strand  + or -, None: not known;  exons  (start, stop) in order, without overlap; empty: not known
    """

    symbol: str
    start: int
    stop: int
    strand: str | None = None
    exons: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class ChromosomeGenes:
    """Genes of one chromosome, by start: (G,) int64 1-based positions, both ends included, and G symbols.

    furthest_stop (G,) int64 is the largest stop up to each gene; it finds all genes that hold a position by bisection.
    """

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    symbols: tuple[str, ...]
    furthest_stop: NDArray[np.int64]

    @classmethod
    def of(cls, genes: list[tuple[int, int, str]]) -> ChromosomeGenes:
        """From (start, stop, symbol) in any order."""
        ordered = sorted(genes)
        start = np.array([gene[0] for gene in ordered], dtype=np.int64)
        stop = np.array([gene[1] for gene in ordered], dtype=np.int64)
        return cls(start, stop, tuple(gene[2] for gene in ordered), np.maximum.accumulate(stop))


@dataclass(frozen=True)
class GenePositions:
    """Genes by chromosome (without "chr"), and how far from a variant a gene is assigned to it.

    window_bp        genes within this distance count as overlapping
    max_distance_bp  largest distance of the nearest gene
    """

    chromosomes: Mapping[str, ChromosomeGenes]
    window_bp: int = 0
    max_distance_bp: int = 1_000_000

    def nearest(self, chrom: str, pos: int) -> list[MappedGene]:
        """All genes that hold the position (or lie within window_bp), otherwise the nearest; nearest first, then by symbol."""
        genes = self.chromosomes.get(chrom)
        if genes is None:
            return []
        window = range(_first_reaching(genes, pos - self.window_bp), _first_after(genes, pos + self.window_bp))
        overlapping = [k for k in window if genes.stop[k] >= pos - self.window_bp]
        chosen, relation = overlapping, "overlap"
        if not overlapping:
            chosen, relation = _nearest(genes, pos, self.max_distance_bp), "nearest"
        # A symbol may have several ranges: the nearest counts.
        distances: dict[str, int] = {}
        for k in chosen:
            symbol, distance = genes.symbols[k], _distance(genes, k, pos)
            distances[symbol] = min(distance, distances.get(symbol, distance))
        ranked = sorted(distances.items(), key=lambda item: (item[1], item[0]))
        return [MappedGene(gene, distance, relation) for gene, distance in ranked]

    def starts_within(self, chrom: str, pos: int, distance_bp: int) -> int:
        """Number of genes that start within this distance of a position."""
        genes = self.chromosomes.get(chrom)
        if genes is None:
            return 0
        low, high = np.searchsorted(genes.start, [pos - distance_bp, pos + distance_bp])
        return int(high - low)

    def symbols(self) -> Iterator[str]:
        """Every symbol, once per range."""
        for genes in self.chromosomes.values():
            yield from genes.symbols


def joined(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The ranges (start, stop) in order, overlapping or touching ones as one."""
    result: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if result and start <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        else:
            result.append((start, stop))
    return tuple(result)


def _first_reaching(genes: ChromosomeGenes, pos: int) -> int:
    return int(np.searchsorted(genes.furthest_stop, pos, side="left"))


def _first_after(genes: ChromosomeGenes, pos: int) -> int:
    return int(np.searchsorted(genes.start, pos, side="right"))


def _distance(genes: ChromosomeGenes, k: int, pos: int) -> int:
    return max(0, int(genes.start[k]) - pos, pos - int(genes.stop[k]))


def _nearest(genes: ChromosomeGenes, pos: int, max_distance_bp: int) -> list[int]:
    """The nearest genes (several if equally near), none further than the maximum. No gene holds the position."""
    after = _first_after(genes, pos)
    right = list(range(after, min(after + 1, len(genes.start))))
    right += [k for k in range(after + 1, len(genes.start)) if genes.start[k] == genes.start[after]]
    left = [int(np.argmax(genes.stop[:after]))] if after else []
    left = [k for k in range(after) if left and genes.stop[k] == genes.stop[left[0]]]
    distances = {k: _distance(genes, k, pos) for k in (*left, *right)}
    min_distance = min(distances.values(), default=max_distance_bp + 1)
    return [k for k, distance in distances.items() if distance == min_distance and distance <= max_distance_bp]
