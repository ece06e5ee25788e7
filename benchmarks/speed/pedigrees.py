"""Pedigrees through real genomes: what is found with relatives kept and with relatives dropped, from the same data.

Founders are the 489 people of shared/data/genotypes/eur489, who have one region of 1 Mb on each autosome. Couples are drawn at
random; each has two children, and of each two couples one child of either marry and have two or three children. All three
generations are in the cohort. A parent transmits one haplotype of each region, without recombination within it (about one
meiosis in a hundred would have one), and regions are independent, for they are on different chromosomes.

The genomes are not phased. Heterozygous calls are phased from left to right by linkage disequilibrium: the allele goes to that
side to which its correlations with the WINDOW calls before it among the founders point, squared and with their sign. What this
distorts: where it is wrong, a child has alleles together that its founder had apart, so that linkage disequilibrium in children
is lower than in founders (DROP prints it); with 22 regions instead of whole chromosomes, relatives of one degree share more
unequally (siblings 0.50 with an SD of 0.10, not 0.04), and a relationship of so few variants predicts more of a trait.
Relatedness, allele frequencies and dependence within families are as they should be.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from bed_reader import open_bed
from numpy.typing import NDArray

from ecgwas.genotypes import chromosomes
from ecgwas.scan import matrix
from ecgwas.study.scan import Matrix
from ecgwas.tables import CHI2_EDGES, Covariates, Traits
from tests.mixed import families, gemma

GENOMES = Path(__file__).resolve().parents[3] / "shared" / "data" / "genotypes" / "eur489"
WINDOW = 60
BACKGROUND, PLANTED, EMPTY = range(12, 23), range(1, 7), range(7, 12)
"""Chromosomes of small effects on every trait, of one planted effect on each trait, and of no effect."""
HERITABILITY = 0.5
"""Share of a trait's variance that small effects explain."""
SHARES = (0.02, 0.03, 0.045)
"""Share that the planted variant explains, of the traits by turns."""
LEVEL = 0.05


@dataclass(frozen=True)
class Pedigrees:
    """copies (N, V) int8, missing calls filled at founders; chromosome (V,); founders: number of them, who come first."""

    copies: NDArray[np.int8]
    chromosome: NDArray[np.int64]
    founders: int


def real(stem: Path, founders: int, every: int, seed: int) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Copies (F, V) of every so many common variants of some of the people, missing calls drawn by frequency; chromosomes."""
    rng = np.random.default_rng(seed)
    bed = open_bed(f"{stem}.bed")
    chosen = np.sort(rng.permutation(bed.iid_count)[:founders])
    copies = bed.read(index=np.s_[chosen, ::every], dtype="int8")
    frequency = np.where(copies < 0, np.nan, copies.astype(float))
    frequency = np.nanmean(frequency, axis=0) / 2
    common = np.minimum(frequency, 1 - frequency) >= 0.05
    copies, frequency = copies[:, common], frequency[common]
    drawn = rng.binomial(2, np.broadcast_to(frequency, copies.shape)).astype(np.int8)
    return np.where(copies < 0, drawn, copies), bed.chromosome[::every][common].astype(np.int64)


def phased(copies: NDArray[np.int8], chromosome: NDArray[np.int64], seed: int) -> NDArray[np.int8]:
    """(F, 2, V) haplotypes; see above."""
    rng = np.random.default_rng([seed, 1])
    haplotypes = np.repeat((copies == 2).astype(np.int8)[:, None], 2, axis=1)
    for region in np.unique(chromosome):
        here = np.flatnonzero(chromosome == region)
        own = copies[:, here]
        correlation = np.corrcoef(own.T)
        heterozygous, side = own == 1, np.zeros(own.shape, dtype=np.float64)
        for j in range(len(here)):
            before = slice(max(0, j - WINDOW), j)
            weights = np.sign(correlation[j, before]) * np.square(correlation[j, before])
            score = side[:, before] @ weights
            chosen = np.where(score == 0, rng.choice([-1.0, 1.0], len(own)), np.sign(score))
            side[:, j] = np.where(heterozygous[:, j], chosen, 0.0)
        haplotypes[:, 0, here] += (side > 0).astype(np.int8)
        haplotypes[:, 1, here] += (side < 0).astype(np.int8)
    return haplotypes


def drop(copies: NDArray[np.int8], chromosome: NDArray[np.int64], seed: int) -> Pedigrees:
    """Three generations of founders (F, V): about 2.6 F people."""
    rng = np.random.default_rng([seed, 2])
    regions, region = np.unique(chromosome, return_inverse=True)

    def child(mother: NDArray[np.int8], father: NDArray[np.int8]) -> NDArray[np.int8]:
        which = rng.integers(0, 2, (2, len(regions)))[:, region]
        return np.stack([np.where(which[k] == 1, one[1], one[0]) for k, one in enumerate((mother, father))])

    first = phased(copies, chromosome, seed)
    order = rng.permutation(len(first) // 2 * 2)
    second = [child(first[a], first[b]) for a, b in order.reshape(-1, 2) for _ in range(2)]
    third: list[NDArray[np.int8]] = []
    for k in range(0, len(second) - 3, 4):
        third += [child(second[k], second[k + 2]) for _ in range(2 + k // 4 % 2)]
    everyone = np.concatenate([first, np.stack([*second, *third])])
    return Pedigrees(everyone.sum(axis=1, dtype=np.int8), chromosome, len(first))


def disequilibrium(copies: NDArray[np.int8], chromosome: NDArray[np.int64]) -> float:
    """Mean r squared of neighbouring variants."""
    unit = (copies - copies.mean(axis=0)) / np.maximum(copies.std(axis=0), 1e-9)
    r = (unit[:, 1:] * unit[:, :-1]).mean(axis=0)
    return float(np.square(r)[chromosome[1:] == chromosome[:-1]].mean())


def traits(made: Pedigrees, count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(N, K) traits with one planted variant each, and its chromosome (K,)."""
    rng = np.random.default_rng([seed, 3])
    background = families.polygenic(made.copies[:, made.chromosome >= BACKGROUND[0]], np.full(count, HERITABILITY), seed)
    where = np.flatnonzero(np.isin(made.chromosome, PLANTED))
    variants = rng.choice(where, count)
    own = made.copies[:, variants].astype(float)
    own = (own - own.mean(axis=0)) / own.std(axis=0)
    share = np.resize(SHARES, count)
    return background * np.sqrt(1 - share) + own * np.sqrt(share), made.chromosome[variants]


def found(
    stem: Path, relatives: str, values: NDArray[np.float64], people: NDArray[np.int64], planted: NDArray[np.int64], level: float
) -> str:
    """recall: share of planted loci with a test beyond the threshold (-log10 p `level`) on their chromosome; false: pairs of a
    trait and an empty chromosome with one; lambda on the empty chromosomes, median over traits."""
    names = tuple(f"made.I.f{k}" for k in range(values.shape[1]))
    eids = tuple(f"p{i}" for i in people)
    options = Matrix.model_validate({
        "genotypes": stem, "relatives": relatives, "permutations": 0, "threads": 1, "min_hwe_p": 0.0, "min_mac": 0,
        "min_maf": 0.0, "chromosomes": tuple(map(str, range(1, 23))), "keep_neglog10p": level,
    })  # fmt: skip
    given = Traits(eids, names, values[people]), Covariates(eids, (), np.empty((len(people), 0)))
    hits, counts = set[tuple[str, int]](), np.zeros((len(names), len(CHI2_EDGES) - 1), dtype=np.int64)
    for chrom in (*PLANTED, *EMPTY):
        result = matrix.scan(options, *given, chromosomes.open_chromosome(options, str(chrom)), seed=1)
        beyond = result.associations.frame.filter(pl.col("neglog10p") > level)
        hits |= {(name, chrom) for name in beyond["trait"].unique()}
        counts += result.chi2_counts if chrom in EMPTY else 0
    half = counts.cumsum(axis=1) >= counts.sum(axis=1, keepdims=True) / 2
    inflation = float(np.median(((CHI2_EDGES[:-1] + CHI2_EDGES[1:]) / 2)[half.argmax(axis=1)])) / 0.4549
    recall = np.mean([(name, int(chrom)) in hits for name, chrom in zip(names, planted, strict=True)])
    false = sum(chrom in EMPTY for _, chrom in hits)
    return f"people={len(people)} recall={recall:.3f} false={false} of={len(names) * len(EMPTY)} lambda={inflation:.3f}"


def lines(founders: int, every: int, count: int, seeds: Sequence[int]) -> Iterator[str]:
    """Drops and tests cohorts; nothing without the genomes."""
    if not GENOMES.with_suffix(".bed").exists():
        return
    for seed in seeds:
        made = drop(*real(GENOMES, founders, every, seed), seed)
        values, planted = traits(made, count, seed)
        people, variants = made.copies.shape
        of_founders, of_others = made.copies[: made.founders], made.copies[made.founders :]
        yield (
            f"DROP pedigrees-{people} seed={seed} founders={made.founders} variants={variants} "
            f"r2_founders={disequilibrium(of_founders, made.chromosome):.3f} "
            f"r2_descendants={disequilibrium(of_others, made.chromosome):.3f}"
        )
        level = float(-np.log10(LEVEL / (count * np.isin(made.chromosome, (*PLANTED, *EMPTY)).sum())))
        with tempfile.TemporaryDirectory() as folder:
            stem = Path(folder) / "cohort"
            gemma.fileset(stem, made.copies, values, made.chromosome)
            for label, kind, chosen in (
                ("polygenic", "polygenic", np.arange(people)), ("drop", "drop", np.arange(made.founders)),
                ("everyone_as_unrelated", "drop", np.arange(people)),
            ):  # fmt: skip
                found_here = found(stem, kind, values, chosen, planted, level)
                yield f"RECALL pedigrees-{people} {label} seed={seed} traits={count} neglog10p={level:.2f} {found_here}"
