"""Genomes with realistic linkage disequilibrium: the coalescent with recombination hotspots, one region per chromosome.

Simulated by msprime (Baumdicker et al., Genetics 220:iyab229, 2022). Regions are within about a megabase of the named genes in
hg19; everything else about them is invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecgwas import extras

if TYPE_CHECKING:
    import msprime

POPULATION = 10_000
MUTATIONS_PER_BP = 1.25e-8
RECOMBINATIONS_PER_BP = 1e-8
HOTSPOT_SHARE = 0.7
HOTSPOT_BP, HOTSPOT_EVERY_BP = 2_000, 50_000
MIN_MAF = 0.01
BP_PER_VARIANT = 1_300
MIN_REGION_BP = 1_000_000
MISSING_SHARE = 0.002
MISSING = -127

CENTRE_BP = {"1": 162_190_000, "2": 179_530_000, "3": 38_640_000, "5": 168_000_000, "6": 36_650_000, "11": 2_680_000}
"""Middle of a chromosome's region; 30 Mb for other chromosomes."""

AUTOSOMES = tuple(str(number) for number in range(1, 23))


@dataclass(frozen=True)
class Region:
    """One stretch of a chromosome: positions start <= pos < start + length, 1-based."""

    chrom: str
    start: int
    length: int


@dataclass(frozen=True)
class Genomes:
    """Genotypes of N people at V variants, sorted by chromosome (in the requested order) and position.

    dosage                       (N, V) int8, copies of the effect allele (the derived one), 0-2, nothing missing
    variants                     V ids, chrom:pos:other:effect
    chrom, effect_allele, other_allele   V texts;  pos (V,) int64, 1-based
    """

    dosage: NDArray[np.int8]
    variants: tuple[str, ...]
    chrom: tuple[str, ...]
    pos: NDArray[np.int64]
    effect_allele: tuple[str, ...]
    other_allele: tuple[str, ...]
    regions: tuple[Region, ...]

    def frequencies(self) -> NDArray[np.float64]:
        """(V,) frequency of the effect allele."""
        return np.asarray(self.dosage.mean(axis=0, dtype=np.float64) / 2)


def simulate_genomes(
    people: int, rng: np.random.Generator, *, chromosomes: Sequence[str], variants_per_chromosome: int
) -> Genomes:
    """Common variants (minor allele frequency of at least 1 %) of unrelated people, at most `variants_per_chromosome` each.

    Raises ValueError for chromosomes other than 1-22 and for repeated ones, ToolError if msprime is not installed.
    """
    extras.require("msprime", by="a simulation of genomes")
    unknown = [chrom for chrom in chromosomes if chrom not in AUTOSOMES]
    if unknown or len(set(chromosomes)) != len(chromosomes):
        raise ValueError(f"chromosomes must be distinct and among 1-22, not {list(chromosomes)}")
    parts = [_region(chrom, people, variants_per_chromosome, rng) for chrom in chromosomes]
    return Genomes(
        dosage=np.concatenate([part.dosage for part in parts], axis=1),
        variants=sum((part.variants for part in parts), ()),
        chrom=sum((part.chrom for part in parts), ()),
        pos=np.concatenate([part.pos for part in parts]),
        effect_allele=sum((part.effect_allele for part in parts), ()),
        other_allele=sum((part.other_allele for part in parts), ()),
        regions=tuple(part.regions[0] for part in parts),
    )


def with_missing_calls(dosage: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int8]:
    """(N, V) int8 with two calls in a thousand replaced by -127, as bed-reader codes a missing call."""
    is_missing = rng.random(dosage.shape, dtype=np.float32) < MISSING_SHARE
    return np.where(is_missing, np.int8(MISSING), dosage)


def genotype_pcs(people: int, rng: np.random.Generator, *, count: int = 10, markers: int = 2_000) -> NDArray[np.float64]:
    """(N, count) principal components of unlinked markers that are not among the genotypes written.

    Components of the few simulated regions would be their haplotypes, including planted ones, and would remove the effects.
    """
    frequency = rng.uniform(0.1, 0.9, markers)
    dosage = rng.binomial(2, frequency, size=(people, markers))
    z = (dosage - 2 * frequency) / np.sqrt(2 * frequency * (1 - frequency))
    values, vectors = np.linalg.eigh(z @ z.T / markers)
    vectors = vectors[:, ::-1][:, :count] * np.sqrt(np.maximum(values[::-1][:count], 0))
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    return np.asarray(vectors * np.sign(largest))


def _region(chrom: str, people: int, variants: int, rng: np.random.Generator) -> Genomes:
    import msprime

    region = _place(chrom, variants)
    tree = msprime.sim_ancestry(
        samples=people,
        population_size=POPULATION,
        recombination_rate=_hotspots(region.length, rng),
        random_seed=_seed(rng),
    )
    tree = msprime.sim_mutations(tree, rate=MUTATIONS_PER_BP, model=msprime.BinaryMutationModel(), random_seed=_seed(rng))
    dosage = tree.genotype_matrix().reshape(tree.num_sites, people, 2).sum(axis=2, dtype=np.int8)  # (sites, N)
    frequency = dosage.mean(axis=1) / 2
    common = np.flatnonzero(np.minimum(frequency, 1 - frequency) >= MIN_MAF)
    kept = np.sort(rng.permutation(common)[:variants])
    pos = region.start + tree.tables.sites.position[kept].astype(np.int64)
    other, effect = _alleles(len(kept), rng)
    ids = tuple(f"{chrom}:{p}:{o}:{e}" for p, o, e in zip(pos, other, effect, strict=True))
    return Genomes(np.ascontiguousarray(dosage[kept].T), ids, (chrom,) * len(kept), pos, effect, other, (region,))


def _place(chrom: str, variants: int) -> Region:
    length = max(MIN_REGION_BP, BP_PER_VARIANT * variants)
    return Region(chrom, max(1, CENTRE_BP.get(chrom, 30_000_000) - length // 2), length)


def _hotspots(length: int, rng: np.random.Generator) -> msprime.RateMap:
    """Recombination mostly in short hotspots, so that linkage disequilibrium has blocks."""
    import msprime

    count = max(1, length // HOTSPOT_EVERY_BP)
    slots = np.linspace(0, length, count + 1)[:-1]
    starts = np.floor(slots + rng.uniform(0, HOTSPOT_EVERY_BP - HOTSPOT_BP - 1, count)) + 1
    breaks = np.concatenate([[0], np.stack([starts, starts + HOTSPOT_BP], axis=1).ravel(), [length]])
    hot = RECOMBINATIONS_PER_BP * HOTSPOT_SHARE * length / (count * HOTSPOT_BP)
    cold = RECOMBINATIONS_PER_BP * (1 - HOTSPOT_SHARE)
    rates = np.full(len(breaks) - 1, cold)
    rates[1::2] = hot
    return msprime.RateMap(position=breaks, rate=rates)


def _alleles(count: int, rng: np.random.Generator) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Other and effect alleles: two different bases each."""
    bases = np.array(list("ACGT"))
    first = rng.integers(0, 4, count)
    second = (first + rng.integers(1, 4, count)) % 4
    return tuple(bases[first].tolist()), tuple(bases[second].tolist())


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 2**31))
