"""Is the threshold from a permuted sample of the participants that of permuting everyone, and what does it cost?

    python -m benchmarks.findings.threshold_at_size [--quick] [--permutations 10000] [--only SETTING]

Every setting simulates genotypes in blocks of linkage disequilibrium and traits without any effect. `full` is the family-wise
threshold (-log10 p at 5 %) as the order statistic of many permutations of everyone; `fast` is what a study takes by default
(1,000 permutations of the people of `scan.permuted_people: auto`, and their effective number of tests); `se` is the standard
error of their difference. `cost_ratio` is the processor time of a permutation of everyone, divided by that of one of the
sample; `sampling_seconds` is that of the importance sampling. `mean` is the mean `fast` of two samples.

COST lines: core hours of the permutations of a study of 100,000 people, 10 million variants and 384 traits, from the rates
measured here (RATE lines) and the formulas of `ecgwas plan`.

Each setting may be recorded alone (`--only SETTING --record`); docs/validation shows those that were.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.record import recorded
from ecgwas.genotypes.dosages import GenotypeBlock, dosage_block
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.genotypes.readers import hard_call_codes, pack
from ecgwas.loci import thresholds
from ecgwas.native import compiled
from ecgwas.scan import matrix
from ecgwas.scan.engine.samples import Cohort, groups
from ecgwas.scan.permutation import effective_tests, sample
from ecgwas.scan.permutation.max_t import ResidualisedVariants, Shuffles
from ecgwas.scan.work import PartSize
from ecgwas.study import LociOptions
from ecgwas.study.scan import Matrix
from ecgwas.tables import CHI2_EDGES, Associations, LeftOutVariants, ScanResult, Traits

PERMUTATIONS, VARIANTS, QUICK_VARIANTS, SAMPLES, CHUNK = 1000, 1000, 200, 2, 500
DRAWS_TIMED = 20
FULL_PERMUTATIONS = 10_000
"""Permutations of everyone."""

LD_BLOCK, LD = 50, 0.9
"""Variants of a block of linkage disequilibrium, and the correlation of neighbouring haplotypes' liabilities."""

Floats = NDArray[np.float64]


@dataclass
class Data:
    """copies (V, N) float32 of the effect allele, missing NaN; values (N, K); covariates (N, C).

    options: of the scan; hard: hard calls, not dosages; males (N,) on X; sets: the threshold of trait sets is compared;
    ancestry (N,): groups within which participants are permuted
    """

    copies: NDArray[np.float32]
    values: Floats
    covariates: Floats
    options: dict[str, float] = field(default_factory=dict)
    hard: bool = True
    males: NDArray[np.bool_] | None = None
    sets: bool = False
    ancestry: NDArray[np.int64] | None = None

    @property
    def engine(self) -> Matrix:
        """Options of the scan."""
        return Matrix.model_validate({"genotypes": "none", "sets_of_traits": self.sets, **self.options})

    @property
    def names(self) -> list[str]:
        """Names of the traits, eight to a lead."""
        return [f"made.{k // 8}.f{k}" for k in range(self.values.shape[1])]

    @property
    def cohort(self) -> Cohort:
        """All participants."""
        everyone = np.arange(len(self.values))
        return Cohort(everyone, everyone, self.values, self.covariates, self.males, len(everyone), ancestry=self.ancestry,
                      exchangeable=self.ancestry)  # fmt: skip


def haplotypes(rng: np.random.Generator, people: int, frequency: Floats) -> NDArray[np.float32]:
    """(V, N) float32: alleles of one haplotype of each person, by blocks; frequency (V,) or (V, N)."""
    liability = rng.standard_normal((len(frequency), people), dtype=np.float32)
    for v in range(len(frequency)):
        if v % LD_BLOCK:
            liability[v] = LD * liability[v - 1] + np.float32(np.sqrt(1 - LD**2)) * liability[v]
    limit = -special.ndtri(frequency).astype(np.float32)
    return (liability > (limit if limit.ndim == 2 else limit[:, None])).astype(np.float32)


def genotypes(rng: np.random.Generator, people: int, frequency: Floats) -> NDArray[np.float32]:
    """(V, N) float32 copies."""
    return haplotypes(rng, people, frequency) + haplotypes(rng, people, frequency)


def traits(rng: np.random.Generator, people: int, count: int, r: float) -> Floats:
    """(N, count) normal traits of which all pairs are correlated by r."""
    own, common = rng.standard_normal((people, count)), rng.standard_normal((people, 1))
    return np.asarray(np.sqrt(1 - r) * own + np.sqrt(r) * common)


def common(rng: np.random.Generator, variants: int, low: float = 0.01) -> Floats:
    """(V,) frequencies, more of the rare ones; within a block they are alike, so that linkage disequilibrium is strong."""
    of_block = np.exp(rng.uniform(np.log(low), np.log(0.5), -(-variants // LD_BLOCK)))
    return np.asarray(np.clip(np.repeat(of_block, LD_BLOCK)[:variants] * rng.uniform(0.8, 1.2, variants), low, 0.5))


def plain(rng: np.random.Generator, people: int, variants: int, count: int, r: float, **more: object) -> Data:
    """Common variants, normal traits and two covariates."""
    return Data(genotypes(rng, people, common(rng, variants)), traits(rng, people, count, r),
                rng.standard_normal((people, 2)), **more)  # fmt: skip


def missing_values(rng: np.random.Generator, people: int, variants: int) -> Data:
    """A fifth of the values and 0.5 % of the calls are missing."""
    data = plain(rng, people, variants, 24, 0.5)
    for group in range(4):
        data.values[np.ix_(rng.random(people) < 0.2, np.arange(group, 24, 4))] = np.nan
    data.copies[rng.random(data.copies.shape, dtype=np.float32) < 0.005] = np.nan
    return data


def rare_variants(rng: np.random.Generator, people: int, variants: int) -> Data:
    """Half of the variants have frequencies of 0.05 to 1 %, all with 20 copies or more."""
    low = 20 / (2 * people)
    rare = np.exp(rng.uniform(np.log(low), np.log(0.01), variants // 2))
    frequency = np.concatenate([rare, common(rng, variants - len(rare))])
    copies = genotypes(rng, people, frequency)
    kept = np.minimum(copies.sum(axis=1), 2 * people - copies.sum(axis=1)) >= 20
    return Data(copies[kept], traits(rng, people, 24, 0.5), rng.standard_normal((people, 2)), {"min_maf": 0.0, "min_mac": 20})


def heavy_tails(rng: np.random.Generator, people: int, variants: int) -> Data:
    """Traits with a t distribution of four degrees of freedom, not transformed."""
    data = plain(rng, people, variants, 24, 0.5)
    data.values /= np.sqrt(rng.chisquare(4, (people, 1)) / 4)
    return data


def ancestries(rng: np.random.Generator, people: int, variants: int) -> Data:
    """Three ancestries (70, 20 and 10 %), Fst 0.1, traits with other means in each; ancestry is a covariate."""
    strata = rng.choice(3, people, p=[0.7, 0.2, 0.1])
    ancestral = common(rng, variants, 0.02)
    own = np.clip(rng.beta(ancestral * 9, (1 - ancestral) * 9, (3, variants)), 0.001, 0.999)
    values = traits(rng, people, 24, 0.5) + strata[:, None] * rng.standard_normal(24)
    covariates = np.column_stack([strata == 1, strata == 2, rng.standard_normal(people)]).astype(np.float64)
    copies = genotypes(rng, people, own[strata].T)
    frequency = copies.mean(axis=1) / 2
    return Data(copies[np.minimum(frequency, 1 - frequency) >= 0.01], values, covariates, ancestry=strata)


def unequal_variances(rng: np.random.Generator, people: int, variants: int) -> Data:
    """The same three ancestries, with standard deviations of 1, 0.8 and 1.4."""
    data = ancestries(rng, people, variants)
    assert data.ancestry is not None
    return replace(data, values=data.values * np.array([1.0, 0.8, 1.4])[data.ancestry, None])


def covariates(rng: np.random.Generator, people: int, variants: int) -> Data:
    """Forty covariates: 20 centres, of which the smallest has 1 %, and 20 numbers, ten of them correlated with the variants."""
    data = plain(rng, people, variants, 24, 0.5)
    centre = rng.choice(21, people, p=np.array([0.01] * 10 + [0.05] * 10 + [0.4]))
    numbers = rng.standard_normal((people, 20))
    numbers[:, :10] += data.copies[:: max(1, len(data.copies) // 10)][:10].T
    return replace(data, covariates=np.column_stack([np.eye(21)[centre][:, :20], numbers]),
                   values=data.values + numbers[:, :1] + centre[:, None] / 10)  # fmt: skip


def dosages(rng: np.random.Generator, people: int, variants: int) -> Data:
    """Imputed with an r² of 0.3 to 1."""
    data = plain(rng, people, variants, 24, 0.5, hard=False)
    quality = rng.uniform(0.3, 1.0, (variants, 1)).astype(np.float32)
    mean = data.copies.mean(axis=1, keepdims=True)
    noise = (
        rng.standard_normal(data.copies.shape, dtype=np.float32)
        * np.sqrt(quality * (1 - quality))
        * data.copies.std(axis=1)[:, None]
    )
    return replace(data, copies=np.clip(mean + quality * (data.copies - mean) + noise, 0, 2))


def on_x(rng: np.random.Generator, people: int, variants: int) -> Data:
    """Half are men, who have one copy, counted 0 or 2; sex is a covariate."""
    frequency, males = common(rng, variants), rng.random(people) < 0.5
    first, second = haplotypes(rng, people, frequency), haplotypes(rng, people, frequency)
    values, sex = traits(rng, people, 24, 0.5), males.astype(np.float64)
    more = np.column_stack([rng.standard_normal((people, 1)), 2 - sex])
    return Data(np.where(males, 2 * first, first + second), values + sex[:, None], more, males=males)


SETTINGS: dict[str, tuple[int, Callable[[np.random.Generator, int, int], Data]]] = {
    "correlated_traits": (10_000, lambda rng, n, v: plain(rng, n, v, 24, 0.8)),
    "missing_values": (10_000, missing_values),
    "rare_variants": (20_000, rare_variants),
    "heavy_tails": (10_000, heavy_tails),
    "ancestries": (10_000, ancestries),
    "unequal_variances": (10_000, unequal_variances),
    "covariates": (6_000, covariates),
    "imputed_dosages": (6_000, dosages),
    "one_trait": (20_000, lambda rng, n, v: plain(rng, n, v, 1, 0.0)),
    "many_traits": (8_000, lambda rng, n, v: plain(rng, n, v // 4, 150, 0.3)),
    "chromosome_x": (10_000, on_x),
    "trait_sets": (6_000, lambda rng, n, v: plain(rng, n, v // 2, 24, 0.5, sets=True)),
}
"""Name -> people, and what makes the data of so many people and variants."""


def block(data: Data, variants: slice, people: NDArray[np.int64]) -> GenotypeBlock:
    """Some variants of some people, as the scan reads them."""
    chosen = data.copies[variants][:, people].astype(np.float64)
    if data.hard:
        return SampleSelector(np.arange(len(people)), len(people)).select(pack(hard_call_codes(chosen)))
    return dosage_block(chosen)


def residualised(shuffles: Shuffles, data: Data, people: NDArray[np.int64]) -> ResidualisedVariants:
    """All variants as the permutations test them."""
    starts = range(0, len(data.copies), CHUNK)
    return ResidualisedVariants.joined([
        shuffles.residualised(block(data, slice(start, start + CHUNK), people)) for start in starts
    ])  # fmt: skip


@dataclass(frozen=True)
class Run:
    """maxima (B,) -log10 p, processor seconds per permutation, tests of each permutation, people permuted."""

    maxima: Floats
    seconds: float
    tests: int
    people: int
    effective: Floats = field(default_factory=lambda: np.empty((2, 0)))
    sampling: float = 0.0


def run(make: Callable[[int], Shuffles], data: Data, people: NDArray[np.int64], seeds: Iterator[int] | range) -> Run:
    """Permutations of the people; make: seed -> their permutations."""
    maxima, variants, spent, tests = [], None, 0.0, 0
    for seed in seeds:
        shuffles = make(seed)
        variants = residualised(shuffles, data, people) if variants is None else variants
        start = time.process_time()
        single, of_sets = shuffles.maxima(variants)
        spent += time.process_time() - start
        maxima.append(of_sets if data.sets else shuffles.neglog10p(single))
        tests = len(variants.norm) * shuffles.traits
    joint = np.concatenate(maxima)
    return Run(joint, spent / len(joint), tests, len(people))


def of_everyone(data: Data, count: int) -> Run:
    """`count` permutations of everyone, PERMUTATIONS or fewer at a time."""
    cohort, names = data.cohort, data.names
    grouped, each = groups(cohort, names), min(PERMUTATIONS, count)
    more = {
        "count": each,
        "with_sets": data.sets,
        "use_table": data.hard and compiled.is_available(),
        "variants": len(data.copies),
    }
    return run(lambda seed: Shuffles(cohort, grouped, names, seed=seed, **more), data, cohort.fam_index,
               range(1, 1 + -(-count // each)))  # fmt: skip


def of_sample(data: Data, people: int, seed: int) -> Run:
    """PERMUTATIONS permutations of a sample, as a scan makes them."""
    more = {"count": PERMUTATIONS, "with_sets": data.sets, "use_table": data.hard and compiled.is_available()}
    cohort = data.cohort
    grouped = groups(cohort, data.names)
    made = sample.sample_of(cohort, grouped, data.names, people=people, seed=seed, variants=len(data.copies), **more)
    found = run(lambda _: made.shuffles, data, made.cohort.fam_index, range(1))
    start = time.process_time()
    effective = made.effective_tests([residualised(made.shuffles, data, made.cohort.fam_index)], 0)
    return replace(found, effective=effective, sampling=time.process_time() - start)


def quantile(data: Data, found: Run, *, is_sample: bool) -> tuple[float, float, str]:
    """The threshold that a study takes of these maxima, its standard error, and the estimator."""
    count, variants = data.values.shape[1], len(data.copies)
    result = ScanResult(
        Associations.empty(), LeftOutVariants.empty(), tuple(data.names), np.full(count, 1), np.full(count, variants),
        np.zeros(count, dtype=np.int64), np.zeros((count, len(CHI2_EDGES) - 1), dtype=np.int64), found.maxima,
        set_permutation_max=found.maxima, permuted_people=found.people, permuted_tests=found.tests if is_sample else 0,
        effective_tests=found.effective,
    )  # fmt: skip
    # Half of 10 % for trait sets: both thresholds are at 5 %.
    options = LociOptions(family_wise_error=0.1 if data.sets else 0.05, set_share=0.5 if data.sets else 0.0)
    traits_of_data = Traits(tuple(str(i) for i in range(len(data.values))), tuple(data.names), data.values)
    table = thresholds.table(options, [result], traits_of_data, 1).frame
    (row,) = table.filter(table["kind"] == ("sets" if data.sets else "permutation")).to_dicts()
    return row["neglog10p"], (row["high"] - row["low"]) / (2 * 1.96), row["estimator"].replace(" ", "_")


def of_setting(name: str, permutations: int = FULL_PERMUTATIONS, *, quick: bool) -> str:
    """One line of results. permutations: of everyone, unless quick."""
    people, variants = SETTINGS[name][0], QUICK_VARIANTS if quick else VARIANTS
    permutations = PERMUTATIONS if quick else permutations
    data = SETTINGS[name][1](np.random.default_rng(zlib.crc32(name.encode())), people, variants)
    chosen = sample.people_permuted(data.engine, people, data.values.shape[1])
    everyone, is_sample = of_everyone(data, permutations), chosen < people
    order = thresholds.family_wise(everyone.maxima, 0.05)
    full_se = ((order.high or order.value) - order.low) / (2 * 1.96)
    if is_sample:
        runs = [of_sample(data, chosen, seed) for seed in range(101, 102 if quick else 101 + SAMPLES)]
    else:
        runs = [replace(everyone, maxima=everyone.maxima[-PERMUTATIONS:])]
    found = [quantile(data, one, is_sample=is_sample) for one in runs]
    fast, fast_se, estimator = found[0]
    tested = runs[0].tests / (len(data.copies) * data.values.shape[1])
    words = (
        f"THRESHOLD setting={name} people={people} full={order.value:.3f} fast={fast:.3f} difference={fast - order.value:+.3f} "
        f"se={np.hypot(full_se, fast_se):.3f} cost_ratio={everyone.seconds / runs[0].seconds:.1f} permuted={runs[0].people} "
        f"estimator={estimator} tests_permuted={tested:.3f} full_permutations={len(everyone.maxima)}"
    )
    if not is_sample:
        return words
    return f"{words} sampling_seconds={runs[0].sampling:.1f} mean={np.mean([one[0] for one in found]):.3f}"


def cost(*, quick: bool) -> Iterator[str]:
    """RATE lines measured with 384 traits, and COST lines from them."""
    rng, people, count, variants = np.random.default_rng(5), 2000, 20, 1024 if quick else 4096
    draws = DRAWS_TIMED // 4 if quick else DRAWS_TIMED
    rates: dict[tuple[bool, bool], float] = {}
    values = traits(rng, people, 384, 0.4)
    copies = rng.binomial(2, common(rng, variants)[:, None], (variants, people)).astype(np.float32)
    for hard in (True, False):
        for with_sets in (False, True):
            data = Data(copies, values, rng.standard_normal((people, 12)), hard=hard, sets=with_sets)
            data = replace(data, covariates=data.covariates)
            cohort = data.cohort
            names = [f"made.{k // 32}.f{k}" for k in range(384)]
            made = Shuffles(cohort, groups(cohort, names), names, count=count, seed=1, with_sets=with_sets, use_table=hard,
                            variants=variants, set_count=count * sample.SET_PERMUTATIONS // PERMUTATIONS)  # fmt: skip
            ready = residualised(made, data, cohort.fam_index)
            start = time.process_time()
            made.maxima(ready)
            tested = time.process_time() - start
            start = time.process_time()
            for _ in made._batches():
                pass
            made_again = time.process_time() - start
            unit = people * 384.0 * count
            rates[hard, with_sets] = tested / (unit * len(ready.norm))
            yield (
                f"RATE genotypes={'hard_calls' if hard else 'dosages'} sets={'yes' if with_sets else 'no'} "
                f"seconds_per_test_and_person={rates[hard, with_sets]:.2e} seconds_per_permuted_value={made_again / unit:.2e}"
            )
            start = time.process_time()
            effective_tests.effective_tests(made, ready, draws, rng)
            drawing = effective_tests.DRAWS * 23 * (time.process_time() - start) / draws / 3600
            yield _cost(rates[hard, with_sets], made_again / unit, drawing, hard=hard, with_sets=with_sets)


def _cost(test: float, value: float, drawing: float, *, hard: bool, with_sets: bool) -> str:
    """Core hours at 100,000 people, 10 million variants, 384 traits; drawing: of them, importance sampling."""
    options = Matrix.model_validate({"genotypes": "none", "sets_of_traits": with_sets})
    hours = {}
    for permuted in ("all", "auto"):
        size = PartSize(100_000, 100_000, 384, 10_000_000, not hard, 1)
        units = matrix.work(options.model_copy(update={"permuted_people": permuted}), size).units
        shares = matrix.set_share(options, 100_000, 384) if permuted == "auto" else 2.0 if with_sets else 1.0
        # The rate was measured with the sets' components included.
        hours[permuted] = (units["shuffle_test_person"] / shares * test + units["shuffle_value"] / shares * value) / 3600
    hours["auto"] += drawing
    return (
        f"COST people=100000 variants=10000000 traits=384 permutations=1000 genotypes={'hard_calls' if hard else 'dosages'} "
        f"sets={'yes' if with_sets else 'no'} full_hours={hours['all']:.0f} fast_hours={hours['auto']:.1f} "
        f"cost_ratio={hours['all'] / hours['auto']:.0f}"
    )


def main() -> None:
    """Prints all settings, then costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1,000 permutations of everyone, 200 variants, one sample")
    parser.add_argument("--permutations", type=int, default=FULL_PERMUTATIONS, help="of everyone")
    parser.add_argument("--only", choices=[*SETTINGS, "cost"])
    given = parser.parse_args()
    for name in SETTINGS:
        if given.only in (None, name):
            print(of_setting(name, given.permutations, quick=given.quick), flush=True)
    if given.only in (None, "cost"):
        for line in cost(quick=given.quick):
            print(line, flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
