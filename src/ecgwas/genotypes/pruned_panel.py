"""Genotypes for sample QC: common, LD-pruned autosomal variants outside regions of long-range linkage disequilibrium."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes import long_range_ld
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.packed import NO_CALL, PackedBlock, SampleSelector
from ecgwas.genotypes.packed_calls import PackedCalls
from ecgwas.genotypes.readers import pack, unpack

AUTOSOMES = tuple(str(number) for number in range(1, 23))
MIN_MAF = 0.05
MIN_CALL_RATE = 0.98
MAX_R2 = 0.2
WINDOW_BP = 1_000_000
MAX_VARIANTS_READ = 400_000
"""Maximum number of variants read, evenly spaced."""
MAX_VARIANTS = 20_000
"""Maximum number of variants kept after pruning, evenly spaced."""
PEOPLE_FOR_LD = 2_000
"""Maximum number of participants, evenly spaced, in whom linkage disequilibrium is measured."""
VARIANTS_PER_STEP = 4096


@dataclass(frozen=True)
class PrunedGenotypes:
    """Genotypes of the participants `eids` for sample QC.

    codes          V common, LD-pruned autosomal variants of N participants
    calls          (N,) int64, calls of each participant among the autosomal variants read
    variants_read  number of autosomal variants read
    x_codes        W common variants of X outside the pseudoautosomal regions; W may be 0
    """

    eids: tuple[str, ...]
    codes: PackedCalls
    calls: NDArray[np.int64]
    variants_read: int
    x_codes: PackedCalls

    def select(self, people: NDArray[np.int64]) -> PrunedGenotypes:
        """A subset of the participants."""
        eids = tuple(self.eids[i] for i in people)
        codes, x_codes = self.codes.select(people), self.x_codes.select(people)
        return PrunedGenotypes(eids, codes, self.calls[people], self.variants_read, x_codes)


def read(parts: Sequence[str], open_part: Callable[[str], Genotypes], eids: Sequence[str], *, build: str) -> PrunedGenotypes:
    """Reads the genotypes of the participants `eids`, in that order. open_part: chromosome -> its genotypes."""
    opened = [open_part(part) for part in parts]
    autosomes = [part for part in opened if part.chrom in AUTOSOMES]
    total = sum(len(part) for part in autosomes)
    stride = max(1, -(-total // MAX_VARIANTS_READ))
    called = np.zeros(len(eids), dtype=np.int64)
    ld_samples = np.linspace(0, len(eids) - 1, min(len(eids), PEOPLE_FOR_LD)).astype(np.int64)
    width = -(-len(eids) // 4)
    # Calls stay packed, four per byte: those of a biobank would not fit in memory unpacked.
    kept, variants_read = [np.empty((0, width), dtype=np.uint8)], 0
    for part in autosomes:
        packed, codes, positions = [], [], []
        for places, block in read_blocks(part, eids, stride):
            variants_read += len(block)
            numbers = unpack(block.packed, block.people)
            called += (numbers != NO_CALL).sum(axis=0)
            here = part.positions[places]
            common = np.flatnonzero(is_common(block) & ~long_range_ld.in_long_range_ld(build, part.chrom, here))
            packed.append(block.packed[common, :width])
            codes.append(numbers[np.ix_(common, ld_samples)])
            positions.append(here[common])
        if codes:
            order = np.argsort(np.concatenate(positions), kind="stable")
            pruned = ld_pruned(np.concatenate(codes), np.concatenate(positions))
            kept.append(np.concatenate(packed)[order[pruned[order]]])
    thinned = PackedCalls(_thinned(kept), len(eids))
    return PrunedGenotypes(tuple(eids), thinned, called, variants_read, _of_x(opened, eids, build))


def _thinned(parts: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """At most MAX_VARIANTS rows of all parts, evenly spaced."""
    starts = np.cumsum([0, *(len(part) for part in parts)])
    stride = max(1, -(-int(starts[-1]) // MAX_VARIANTS))
    return np.concatenate([part[-int(start) % stride :: stride] for start, part in zip(starts[:-1], parts, strict=True)])


def _of_x(opened: Sequence[Genotypes], eids: Sequence[str], build: str) -> PackedCalls:
    width = -(-len(eids) // 4)
    rows = [np.empty((0, width), dtype=np.uint8)]
    for part in opened:
        if part.chrom != "X":
            continue
        for places, block in read_blocks(part, eids, max(1, len(part) // MAX_VARIANTS)):
            common = is_common(block) & ~long_range_ld.in_pseudoautosomal_region(build, part.positions[places])
            rows.append(block.packed[common, :width])
    return PackedCalls(np.concatenate(rows), len(eids))


def read_blocks(part: Genotypes, eids: Sequence[str], stride: int) -> Iterator[tuple[NDArray[np.int64], PackedBlock]]:
    """Every `stride`-th variant of a chromosome: indices of variants, and genotypes of participants in the order of `eids`."""
    rows = part.sample_index(eids)
    order = np.argsort(rows, kind="stable")
    back = np.argsort(order, kind="stable")
    selector = SampleSelector(rows[order], len(part.eids))
    for start in range(0, len(part), VARIANTS_PER_STEP):
        stop = min(start + VARIANTS_PER_STEP, len(part))
        places = np.arange(start + (-start) % stride, stop, stride)
        if len(places) == 0:
            continue
        block = selector.select(np.asarray(part.packed(start, stop))[places - start])
        yield places, _reordered(block, back)


def _reordered(block: PackedBlock, back: NDArray[np.int64]) -> PackedBlock:
    if np.array_equal(back, np.arange(len(back))):
        return block
    packed = pack(unpack(block.packed, block.people)[:, back])
    return PackedBlock(packed, block.people, block.minor_is_other, block.missing_calls, block.ones, block.twos)


def is_common(block: PackedBlock) -> NDArray[np.bool_]:
    """(V,) bool: minor allele frequency of MIN_MAF and call rate of MIN_CALL_RATE, or more."""
    frequency = block.minor_alleles / np.maximum(2 * block.called, 1)
    return np.asarray((frequency >= MIN_MAF) & (block.called >= MIN_CALL_RATE * block.people))


def standardised(codes: NDArray[np.uint8], reference: NDArray[np.uint8] | None = None) -> NDArray[np.float64]:
    """(V, N) float64: copies minus their mean, divided by sqrt(2 p (1 - p)); 0 where missing.

    Mean and p are those of the same participants, or of those in `reference` (V, R). Patterson et al. 2006, PLoS Genet 2:e190.
    """
    values = standard_values(codes if reference is None else reference)
    return np.take(values, codes + (NO_CALL + 1) * np.arange(len(codes))[:, None])


def standard_values(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(V, 4) float64: what `standardised` makes of each code, from codes (V, N) alone."""
    mean = _mean_copies(codes)
    spread = np.sqrt(np.maximum(mean * (1 - mean / 2), 1e-12))
    values = np.zeros((len(codes), 4))
    values[:, :NO_CALL] = (np.arange(NO_CALL, dtype=np.float32) - mean[:, None]) / spread[:, None].astype(np.float32)
    return values


def _mean_copies(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    called = codes != NO_CALL
    copies = np.where(called, codes, 0).astype(np.float32)
    return np.asarray(copies.sum(axis=1) / np.maximum(called.sum(axis=1), 1))


def ld_pruned(codes: NDArray[np.uint8], positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(V,) bool: variants of one chromosome with an r² of at most MAX_R2 with all variants selected before them in WINDOW_BP.

    codes (V, N); positions (V,), in any order. Variants are visited in order of position. Each one selected removes the later
    ones in linkage disequilibrium with it.
    """
    order = np.argsort(positions, kind="stable")
    positions, codes = positions[order], codes[order]
    people = np.linspace(0, codes.shape[1] - 1, min(codes.shape[1], PEOPLE_FOR_LD)).astype(np.int64)
    unit = standardised(codes[:, people])
    unit -= unit.mean(axis=1, keepdims=True)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-9)
    alive = np.ones(len(codes), dtype=bool)
    ends = np.searchsorted(positions, positions + WINDOW_BP, side="right")
    for i in range(len(codes)):
        if not alive[i]:
            continue
        after = i + 1 + np.flatnonzero(alive[i + 1 : ends[i]])
        alive[after[np.square(unit[after] @ unit[i]) > MAX_R2]] = False
    chosen = np.empty_like(alive)
    chosen[order] = alive
    return chosen
