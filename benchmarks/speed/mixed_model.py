"""The mixed model compared with other programs: agreement, inflation, speed; errors, findings, and what its screen may miss.

    python -m benchmarks.speed.mixed_model [--quick] [--only PIECE,...] [--python PYTHON] [--mice STEM] [--people N]
                                               [--traits K]

LMM     `matrix` with `relatives: polygenic` and a program (scan/peers), one thread each, the same traits, relationship and
        variants of one chromosome; every test is compared. gemma and jamma: the same test; fastlmm: that of the screen; bolt:
        approximates. max_rel_chi2: largest difference of chi-squares, divided by the larger of the program's and 1; lambda:
        median over the traits compared; speed_ratio: CPU seconds of the program per trait, times the number of traits, over
        ours for all traits. jamma has one eigendecomposition for the traits of a run, here `compared` of them.
LAMBDA  genomic inflation of the mixed model, median over all traits; by heritability, of it and of least squares, median over
        traits and chromosomes.
TIME    CPU seconds of the scan of one chromosome, least squares and mixed model, the same people, traits and variants.
        floor: (2 N^2 + 4 N K) / (2 N K), the ratio of operations per variant: the mixed model rotates each variant (2 N^2) and
        has two products with the traits (4 N K) where least squares has one. Least squares looks its product up in tables of
        whole genotypes, which are several times as fast per operation, and rotated genotypes are not whole; once per chromosome
        there are the relationship and an eigendecomposition, N^3: mixed_without_rotation_made is the time of a scan that finds
        them in memory, genotypes_rotated_by_blas the same with scan.kernel: numpy.
FWER    share of null studies of heritable traits in families with a test beyond the permutation threshold, and the interval in
        which a rate of 5 % lies in 95 of 100 such benchmarks.
MARGIN  largest shortfall of the screen's t squared at -log10 p of 3, times the number of people (relatives.PEOPLE_OF_MARGIN).
DROP, RECALL    pedigrees through real genomes (pedigrees.py): planted loci found with relatives kept, dropped, or taken for
        unrelated, beyond Bonferroni's threshold.
THRESHOLD       of a sample of unrelated people, compared with that of everyone: one setting of findings/threshold_at_size.py.

Families: four or two siblings each, without their parents; variants on four chromosomes. Programs that are absent are named.
Pieces: margin, families, mice, large (BOLT-LMM on --people simulated people), time, fwer, pedigrees, threshold.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from bed_reader import open_bed
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import threadpool_limits

from benchmarks.findings import threshold_at_size
from benchmarks.record import recorded
from benchmarks.speed import pedigrees
from ecgwas.commands import check_engine
from ecgwas.genotypes import chromosomes
from ecgwas.mixed import variant_tests
from ecgwas.mixed.relationship import relationship
from ecgwas.mixed.rotation import rotation
from ecgwas.scan import matrix
from ecgwas.scan.peers import PEERS
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


def eids_of(people: int) -> tuple[str, ...]:
    return tuple(f"p{i}" for i in range(people))


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


def peer_lines(
    label: str, made: Matrix, given: tuple[Traits, Covariates], compared: Mapping[str, tuple[int, ...]], python: Path | None
) -> Iterator[str]:
    """A line per program; compared: program -> traits that it tests, too."""
    seconds = None
    for name, chosen in compared.items():
        genotypes, people = chromosomes.open_chromosome(made, "1"), len(given[0].eids)
        inputs = check_engine.Inputs(made, *given, np.zeros(people, dtype=np.int64), genotypes, chosen, is_exact=True)
        choice = check_engine.choose([PEERS[name]], inputs, python, limited=False)
        yield from (f"# {line}" for line in choice.not_run)
        if not choice.running:
            continue
        table, mistakes = check_engine.compare(inputs, choice)
        yield from (f"# {mistake.problem}" for mistake in mistakes)
        (row,) = table.frame.iter_rows(named=True)
        # Later scans of the same traits find their rotation in memory.
        seconds = row["seconds_ours"] if seconds is None else seconds
        per_trait = float("nan") if row["seconds_per_trait"] is None else row["seconds_per_trait"]
        yield (
            f"LMM {label} {name} version={row['version']} people={people} traits={row['traits_ours']} compared={len(chosen)} "
            f"variants={row['variants']} rows={row['rows']} max_rel_chi2={_printed(row['max_rel_chi2'], '.1e')} "
            f"correlation={_printed(row['correlation'], '.6f')} lambda={_printed(row['lambda_ours'], '.3f')} "
            f"lambda_theirs={_printed(row['lambda_theirs'], '.3f')} seconds={seconds:.1f} "
            f"seconds_per_trait={per_trait:.2f} speed_ratio={per_trait * row['traits_ours'] / seconds:.0f}"
        )
    yield f"LAMBDA {label} traits={len(given[0].names)} mixed={np.median(lambdas(scanned(made, given, '1'))):.3f}"


def _printed(value: float | None, form: str) -> str:
    return "nan" if value is None else format(value, form)


def in_families(
    people: int, variants: int, traits: int, compared: Mapping[str, tuple[int, ...]], python: Path | None
) -> Iterator[str]:
    made = families.draw(people, variants, related=0.75, seed=5, segments=25)
    elsewhere = made.copies[:, made.chromosome != 1]
    values = families.polygenic(elsewhere, np.tile(SHARES, traits // len(SHARES)), 3)
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "cohort"
        gemma.fileset(stem, made.copies, values, made.chromosome)
        yield from peer_lines(f"families-{people}", options(stem), tables(eids_of(people), values), compared, python)
        yield from inflation(f"families-{people}", stem, made, traits, {"relatives": "polygenic"})


def large(people: int, python: Path | None, traits: int = 384) -> Iterator[str]:
    """BOLT-LMM, which is meant for more people than the others can test."""
    made = families.draw(people, 8_000, related=0.75, seed=5, segments=25)
    values = families.polygenic(made.copies[:, made.chromosome != 1], np.resize(SHARES, traits), 3)
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "cohort"
        gemma.fileset(stem, made.copies, values, made.chromosome)
        given = tables(eids_of(people), values)
        yield from peer_lines(f"families-{people}", options(stem), given, {"bolt": (3, 4, 5)}, python)


def time_of_scan(people: int, variants: int, traits: int) -> Iterator[str]:
    """Variants: of one chromosome; as many again, and at least 2,000, of three others, which the relationship has."""
    made = families.draw(people, 2 * max(variants, 2_000), related=0.75, seed=5, segments=25)
    chromosome = np.minimum(np.arange(made.copies.shape[1]) // variants, 1) * (1 + np.arange(made.copies.shape[1]) % 3) + 1
    order = np.argsort(chromosome, kind="stable")
    copies, chromosome = np.ascontiguousarray(made.copies[:, order]), chromosome[order]
    values = families.polygenic(copies[:, chromosome != 1], np.resize(SHARES, traits), 3)
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "cohort"
        gemma.fileset(stem, copies, values, chromosome)
        given = tables(eids_of(people), values)
        seconds = {}
        # The first scan of the mixed model computes relationship and rotation; the others find it in memory.
        for name, kind, kernel in (
            ("least_squares", "drop", "auto"), ("mixed", "polygenic", "auto"), ("again", "polygenic", "auto"),
            ("by_numpy", "polygenic", "numpy"),
        ):  # fmt: skip
            chosen = options(stem, relatives=kind, kernel=kernel)
            scanned(chosen, tables(given[0].eids[:100], values[:100, :2]), "1")  # Libraries are loaded.
            start = time.process_time()
            scanned(chosen, given, "1")
            seconds[name] = time.process_time() - start
    floor = (2 * people**2 + 4 * people * traits) / (2 * people * traits)
    yield (
        f"TIME families-{people} traits={traits} variants={variants} least_squares={seconds['least_squares']:.2f} "
        f"mixed={seconds['mixed']:.2f} ratio={seconds['mixed'] / seconds['least_squares']:.1f} floor={floor:.1f} "
        f"mixed_without_rotation_made={seconds['again']:.2f} "
        f"ratio_without={seconds['again'] / seconds['least_squares']:.1f} genotypes_rotated_by_blas={seconds['by_numpy']:.2f}"
    )


def inflation(label: str, stem: Path, made: families.Cohort, traits: int, model: Mapping[str, object]) -> Iterator[str]:
    """Traits without an effect on the chromosome that is tested. model: options of the mixed model for the files `stem`."""
    kinds: dict[str, Mapping[str, object]] = {"mixed": model, "least_squares": {"relatives": "drop"}}
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in kinds}
    for chrom in CHROMOSOMES:
        elsewhere = made.copies[:, made.chromosome != int(chrom)]
        values = families.polygenic(elsewhere, np.tile(SHARES, traits // len(SHARES)), 10 + int(chrom))
        given = tables(eids_of(len(made.copies)), values)
        for name, more in kinds.items():
            found[name].append(lambdas(scanned(options(stem, **more), given, chrom)))
    for number, share in enumerate(SHARES):
        medians = (f"{name}={np.median(np.stack(each)[:, number :: len(SHARES)]):.3f}" for name, each in found.items())
        yield f"LAMBDA {label} h2={share:g} {' '.join(medians)}"


def in_mice(stem: Path, traits: int, compared: Mapping[str, tuple[int, ...]], python: Path | None) -> Iterator[str]:
    bed = open_bed(f"{stem}.bed")
    copies, chromosome = bed.read(dtype="int8"), bed.chromosome.astype(np.int64)
    called = np.where(copies < 0, np.nan, copies.astype(float))
    filled = np.where(np.isnan(called), np.nanmean(called, axis=0), called)[:, chromosome != 1]
    values = families.polygenic(filled, np.tile(SHARES, traits // len(SHARES)), 3)
    values[:, 0] = np.genfromtxt(f"{stem}.pheno", usecols=2)
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "cohort"
        gemma.fileset(own, copies, values, chromosome)
        yield from peer_lines("mice", options(own), tables(eids_of(len(copies)), values), compared, python)


def polygenic_model(stem: Path, made: families.Cohort, values: NDArray[np.float64]) -> Mapping[str, object]:
    """Writes a cohort for `relatives: polygenic`."""
    gemma.fileset(stem, made.copies, values, made.chromosome)
    return {"relatives": "polygenic"}


def family_wise_error(
    studies: int, label: str, written: Callable[[Path, families.Cohort, NDArray[np.float64]], Mapping[str, object]],
    people: int = 300, variants: int = 1600, traits: int = 12,
) -> Iterator[str]:  # fmt: skip
    """Traits with effects on chromosomes 3 and 4 alone, tested on 1 and 2, whose maxima are joined. written: writes a cohort's
    files and returns the options of its scan."""
    exceeded = 0
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "cohort"
        for study in range(studies):
            made = families.draw(people, variants, related=0.8, seed=1000 + study)
            values = families.polygenic(made.copies[:, made.chromosome > 2], np.tile(SHARES, traits // len(SHARES)), study)
            chosen = options(stem, permutations=200, keep_neglog10p=2.0, **written(stem, made, values))
            given = tables(eids_of(people), values)
            each = [scanned(chosen, given, chrom, study) for chrom in ("1", "2")]
            threshold = np.sort(np.max([one.permutation_max for one in each], axis=0))[-10]
            exceeded += any((one.associations.frame["neglog10p"] > threshold).any() for one in each)
    low, high = stats.binom.interval(0.95, studies, 0.05)
    yield (
        f"FWER families-{people} {label} studies={studies} observed={exceeded / studies:.3f} low={low / studies:.3f} "
        f"high={high / studies:.3f}"
    )


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


PIECES = ("margin", "families", "mice", "large", "time", "fwer", "pedigrees", "threshold")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller cases, under ten minutes")
    parser.add_argument("--only", default=",".join(PIECES), help="pieces, separated by commas")
    parser.add_argument("--python", type=Path, help="interpreter of an environment with jamma and fastlmm")
    parser.add_argument("--mice", type=Path, default=MICE, help="fileset of the 1,940 mice, without ending")
    parser.add_argument("--people", type=int, default=2_000, help="simulated people of the piece large")
    parser.add_argument("--traits", type=int, default=96, help="traits of the pieces families and mice, a multiple of 6")
    given = parser.parse_args()
    unknown = sorted(set(given.only.split(",")) - set(PIECES))
    if unknown:
        parser.error(f"--only {unknown[0]}: choose from {', '.join(PIECES)}")
    with threadpool_limits(1):
        for piece in given.only.split(","):
            sizes = {"people_of_large": given.people, "traits": given.traits}
            for line in lines(piece, quick=given.quick, mice=given.mice, python=given.python, **sizes):
                print(line, flush=True)


def lines(piece: str, *, quick: bool, mice: Path, people_of_large: int, traits: int, python: Path | None) -> Iterator[str]:
    """The lines of one piece."""
    few = {"gemma": (4, 5), "fastlmm": (4, 5), "jamma": tuple(range(12))}
    more = {"gemma": (2, 3, 4, 5), "fastlmm": (4, 5), "jamma": tuple(range(24))}
    if piece == "margin":
        yield from (margin(count, 0.5) for count in (100, 200, 400, 800))
    elif piece == "families":
        yield from in_families(*((600, 4_000, 48) if quick else (1_500, 12_000, traits)), few if quick else more, python)
    elif piece == "mice" and mice.with_suffix(".bed").exists():
        yield from in_mice(mice, 12 if quick else traits, {"gemma": (0, 5), "jamma": tuple(range(6))}, python)
    elif piece == "large":
        yield from large(people_of_large, python)
    elif piece == "time":
        for people, variants in ((800, 2_000),) if quick else ((1_500, 4_000), (1_500, 16_000)):
            for traits in (24, 384):
                yield from time_of_scan(people, variants, traits)
    elif piece == "fwer":
        yield from family_wise_error(60 if quick else 200, "polygenic", polygenic_model)
    elif piece == "pedigrees":
        yield from pedigrees.lines(*((200, 8, 24, (1, 2)) if quick else (489, 4, 48, (1, 2, 3))))
    elif piece == "threshold":
        yield threshold_at_size.of_setting("correlated_traits", quick=quick)


if __name__ == "__main__":
    recorded(main, __file__)
