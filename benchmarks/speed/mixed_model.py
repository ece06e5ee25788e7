"""The mixed model against GEMMA: differences of rows, genomic inflation, speed; family-wise error; what the screen may miss.

    python -m benchmarks.speed.mixed_model [--quick] [--mice STEM] [--mice-null REPLICATES]

LMM     `matrix` with `relatives: polygenic` and `gemma -lmm 1`, one thread each, the same traits and relationship, the variants
        of one chromosome. max_rel_chi2: largest relative difference of chi-squares of rows that both have; lambda: median over
        traits; speed_ratio: CPU seconds of GEMMA for all traits (one run, times the number of traits) over ours.
LAMBDA  genomic inflation by heritability, of the mixed model and of least squares, median over traits and chromosomes.
FWER    share of null studies of heritable traits in families with a test beyond the permutation threshold, and the interval in
        which a rate of 5 % lies in 95 of 100 such benchmarks.
NULL    with --mice-null alone: the median over 96 traits of lambda on chromosome 1 of the mice, in replicates of traits drawn
        from the model, or as effects of all variants of the other chromosomes; mean, SD, 5th and 95th centile, share beyond
        1.066, and the mean chi-square, which should be 1.
MARGIN  largest shortfall of the screen's t squared at -log10 p of 3, times the number of people (relatives.PEOPLE_OF_MARGIN).

Families: four or two siblings each, without their parents; variants on four chromosomes. Needs the program gemma.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from bed_reader import open_bed
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import threadpool_limits

from benchmarks.record import recorded
from ecgwas.genotypes import chromosomes
from ecgwas.mixed import variant_tests
from ecgwas.mixed.relationship import relationship
from ecgwas.mixed.rotation import rotation
from ecgwas.scan import matrix, relatives
from ecgwas.statistics.least_squares import design, least_t_squared
from ecgwas.statistics.projection import span
from ecgwas.study.scan import Matrix
from ecgwas.tables import CHI2_EDGES, Covariates, ScanResult, Traits
from tests.mixed import families, gemma

CHROMOSOMES = ("1", "2", "3", "4")
SHARES = np.array([0.0, 0.1, 0.2, 0.4, 0.6, 0.8])
MICE = Path(__file__).resolve().parents[3] / "shared" / "data" / "genotypes" / "mice" / "mice"
MEDIAN = float(stats.chi2.ppf(0.5, 1))


def options(stem: Path, **more: object) -> Matrix:
    given = {"genotypes": stem, "relatives": "polygenic", "permutations": 0, "threads": 1, "min_hwe_p": 0.0,
             "min_mac": 20, "chromosomes": CHROMOSOMES}  # fmt: skip
    return Matrix.model_validate(given | more)


def tables(eids: tuple[str, ...], values: NDArray[np.float64]) -> tuple[Traits, Covariates]:
    names = tuple(f"made.I.f{k}" for k in range(values.shape[1]))
    return Traits(eids, names, values), Covariates(eids, (), np.empty((len(eids), 0)))


def scanned(made: Matrix, given: tuple[Traits, Covariates], chrom: str, seed: int = 1) -> ScanResult:
    return matrix.scan(made, *given, chromosomes.open_chromosome(made, chrom), seed=seed)


def lambdas(result: ScanResult) -> NDArray[np.float64]:
    """(K,) genomic inflation."""
    half = result.chi2_counts.cumsum(axis=1) >= result.chi2_counts.sum(axis=1, keepdims=True) / 2
    centres = (CHI2_EDGES[:-1] + CHI2_EDGES[1:]) / 2
    return np.asarray(centres[half.argmax(axis=1)] / MEDIAN)


def against_gemma(
    label: str, stem: Path, eids: tuple[str, ...], values: NDArray[np.float64], compared: tuple[int, ...]
) -> Iterator[str]:
    """values (N, K) in the order of the .fam, `eids`; compared: traits that GEMMA tests, too."""
    given = tables(eids, values)
    start = time.process_time()
    result = scanned(options(stem, keep_neglog10p=2.0), given, "1")
    ours = time.process_time() - start
    g = relatives.loco_relationship(options(stem), "1", eids)
    largest, rows, seconds = 0.0, 0, []
    for k in compared:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        theirs, _ = gemma.wald(stem, g, np.ones((len(eids), 1)), k)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(end.ru_utime + end.ru_stime - before.ru_utime - before.ru_stime)
        own = result.associations.frame.filter(pl.col("trait") == given[0].names[k])
        both = own.join(theirs.rename({"rs": "variant"}), on="variant", suffix="_gemma")
        if both.height == 0:
            continue
        chi2 = np.square((both["beta_gemma"] / both["se_gemma"]).to_numpy())
        largest, rows = max(largest, float(np.abs(np.square(both["t"].to_numpy()) / chi2 - 1).max())), rows + both.height
    ratio = float(np.median(seconds)) * values.shape[1] / ours
    yield (
        f"LMM {label} gemma people={len(eids)} traits={values.shape[1]} rows={rows} max_rel_chi2={largest:.1e} "
        f"lambda={np.median(lambdas(result)):.3f} seconds={ours:.1f} speed_ratio={ratio:.0f}"
    )


def in_families(people: int, variants: int, traits: int, compared: tuple[int, ...]) -> Iterator[str]:
    made = families.draw(people, variants, related=0.75, seed=5, segments=25)
    elsewhere = made.copies[:, made.chromosome != 1]
    values = families.polygenic(elsewhere, np.tile(SHARES, traits // len(SHARES)), 3)
    eids = tuple(f"p{i}" for i in range(people))
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "cohort"
        gemma.fileset(stem, made.copies, values, made.chromosome)
        yield from against_gemma(f"families-{people}", stem, eids, values, compared)
        yield from inflation(stem, eids, made, traits)


def inflation(stem: Path, eids: tuple[str, ...], made: families.Cohort, traits: int) -> Iterator[str]:
    """Traits without an effect on the chromosome that is tested."""
    found: dict[str, list[NDArray[np.float64]]] = {"polygenic": [], "drop": []}
    for chrom in CHROMOSOMES:
        elsewhere = made.copies[:, made.chromosome != int(chrom)]
        values = families.polygenic(elsewhere, np.tile(SHARES, traits // len(SHARES)), 10 + int(chrom))
        for kind, each in found.items():
            each.append(lambdas(scanned(options(stem, relatives=kind), tables(eids, values), chrom)))
    for number, share in enumerate(SHARES):
        model, plain = (np.median(np.stack(each)[:, number :: len(SHARES)]) for each in (found["polygenic"], found["drop"]))
        yield f"LAMBDA families-{len(eids)} h2={share:g} mixed={model:.3f} least_squares={plain:.3f}"


def in_mice(stem: Path, traits: int) -> Iterator[str]:
    bed = open_bed(f"{stem}.bed")
    copies, chromosome = bed.read(dtype="int8"), bed.chromosome.astype(np.int64)
    called = np.where(copies < 0, np.nan, copies.astype(float))
    filled = np.where(np.isnan(called), np.nanmean(called, axis=0), called)[:, chromosome != 1]
    values = families.polygenic(filled, np.tile(SHARES, traits // len(SHARES)), 3)
    values[:, 0] = np.genfromtxt(f"{stem}.pheno", usecols=2)
    eids = tuple(f"p{i}" for i in range(len(copies)))
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "cohort"
        gemma.fileset(own, copies, values, chromosome)
        yield from against_gemma("mice", own, eids, values, (0, 5))


def null_of_mice(stem: Path, replicates: int, traits: int = 96) -> Iterator[str]:
    """Traits drawn from the model, and a quarter as many replicates of effects of all variants of the other chromosomes, with
    the heritabilities SHARES; lambda is estimated for each."""
    bed = open_bed(f"{stem}.bed")
    copies, chromosome = bed.read(dtype="int8").T, bed.chromosome.astype(np.int64)
    called = np.where(copies < 0, np.nan, copies.astype(float))
    filled = np.where(np.isnan(called), np.nanmean(called, axis=1)[:, None], called)
    frequency = filled.mean(axis=1) / 2
    maf = np.minimum(frequency, 1 - frequency)
    turned = rotation(
        relationship(copies.shape[1], [called[(chromosome != 1) & (maf >= 0.05)]]), span(np.empty((copies.shape[1], 0)))
    )
    own = (filled[(chromosome == 1) & (maf >= 0.01)] @ turned.basis).astype(np.float32)
    rng, shares = np.random.default_rng(1), np.tile(SHARES, traits // len(SHARES))
    spread = np.sqrt(shares[:, None] * turned.values + 1 - shares[:, None])
    for label, count in (("model", replicates), ("effects", replicates // 4)):
        medians, means = [], []
        for number in range(count):
            if label == "model":
                drawn = turned.basis @ (spread * rng.standard_normal(spread.shape)).T
            else:
                drawn = families.polygenic(filled[chromosome != 1].T, shares, 1000 + number)
            t2 = variant_tests.screen(own, variant_tests.rotated(turned, drawn))
            medians.append(float(np.median(np.median(t2, axis=0))) / MEDIAN)
            means.append(float(t2.mean()))
        low, high = np.quantile(medians, [0.05, 0.95])
        yield (
            f"NULL mice-{label} replicates={count} variants={len(own)} mean={np.mean(medians):.3f} sd={np.std(medians):.3f} "
            f"low={low:.3f} high={high:.3f} mean_chi2={np.mean(means):.3f} beyond={np.mean(np.array(medians) >= 1.066):.3f}"
        )


def family_wise_error(studies: int, people: int = 300, variants: int = 1600, traits: int = 12) -> Iterator[str]:
    """Traits with effects on chromosomes 3 and 4 alone, tested on 1 and 2, whose maxima are joined."""
    exceeded = 0
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "cohort"
        for study in range(studies):
            made = families.draw(people, variants, related=0.8, seed=1000 + study)
            values = families.polygenic(made.copies[:, made.chromosome > 2], np.tile(SHARES, traits // len(SHARES)), study)
            gemma.fileset(stem, made.copies, values, made.chromosome)
            given = tables(tuple(f"p{i}" for i in range(people)), values)
            each = [scanned(options(stem, permutations=200, keep_neglog10p=2.0), given, chrom, study) for chrom in ("1", "2")]
            threshold = np.sort(np.max([one.permutation_max for one in each], axis=0))[-10]
            exceeded += any((one.associations.frame["neglog10p"] > threshold).any() for one in each)
    low, high = stats.binom.interval(0.95, studies, 0.05)
    yield f"FWER families-{people} observed={exceeded / studies:.3f} low={low / studies:.3f} high={high / studies:.3f}"


def margin(people: int, related: float, traits: int = 96) -> str:
    made = families.draw(people, 3000, related=related, seed=people)
    values = families.polygenic(made.copies, np.tile(SHARES, traits // len(SHARES)), 1)
    copies = made.copies.T.astype(float)
    basis = span(np.empty((people, 0)))
    turned = rotation(relationship(people, [copies[made.chromosome != 1]]), basis)
    rotated = variant_tests.rotated(turned, design(basis, values).traits)
    own = variant_tests.rotate(copies[made.chromosome == 1], turned)
    screened = variant_tests.screen(own.astype(np.float32), rotated)
    variant, trait = np.nonzero(screened > 4)
    exact = variant_tests.exact(own, variant, trait, rotated)
    t2, limit = np.square(exact.beta / exact.se), least_t_squared(3.0, people - 2)
    shortfall = float((1 - screened[variant, trait] / t2)[t2 >= limit].max(initial=0.0))
    return f"MARGIN people={people} related={related:g} shortfall={shortfall:.3f} times_people={shortfall * people:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller cases, under ten minutes")
    parser.add_argument("--mice", type=Path, default=MICE, help="fileset of the 1,940 mice, without ending")
    parser.add_argument("--mice-null", type=int, default=0, metavar="REPLICATES", help="only NULL, with so many replicates")
    given = parser.parse_args()
    if given.mice_null:
        with threadpool_limits(1):
            for line in null_of_mice(given.mice, given.mice_null):
                print(line, flush=True)
        return
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # GEMMA's.
    studies, size = (60, (600, 4_000, 48)) if given.quick else (200, (1_500, 12_000, 96))
    with threadpool_limits(1):
        for people in (100, 200, 400, 800):
            print(margin(people, 0.5), flush=True)
        for line in in_families(*size, (4, 5) if given.quick else (2, 3, 4, 5)):
            print(line, flush=True)
        if given.mice.with_suffix(".bed").exists():
            for line in in_mice(given.mice, 12 if given.quick else 96):
                print(line, flush=True)
        for line in family_wise_error(studies):
            print(line, flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
