"""Do statements on hits hold: corrected effects, positive controls, trait sets, thresholds of few permutations?

    python -m benchmarks.findings.calibration_hits [--quick] [--only curse|controls|sets|tails]

Each line: CALIBRATION <what> <setting> nominal=<x> observed=<x> low=<x> high=<x>. low and high are the 95 % interval of the
observed rate (exact binomial; for tails, of a mean). `before` is the method of the code until November 2026: the interval for
the threshold alone, a binomial with 5 %, permutations of sets below -log10 p 5 counted as none, a generalised Pareto tail.
All data are simulated; `python -m benchmarks.findings.calibration --only hits` also runs this benchmark.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.record import recorded
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci import competing_tests, thresholds
from ecgwas.loci import positive_controls as controls
from ecgwas.loci.audit import z_of
from ecgwas.loci.individual_data import Chromosome, Region
from ecgwas.loci.winners_curse import corrected, corrected_lead
from ecgwas.scan.engine.samples import Cohort
from ecgwas.scan.permutation.trait_sets import TraitSets, sets
from ecgwas.statistics import combine_p
from ecgwas.statistics.projection import row_residuals
from ecgwas.tables.loci import KnownTested

THRESHOLD = z_of(7.5)
SHARE, FREQUENCY = 0.05, 0.3
OLD_SCREEN = 5.0

Reals = NDArray[np.float64]


def line(what: str, setting: str, nominal: float, seen: int, of: int) -> str:
    """One line, for `seen` of `of` cases."""
    found = stats.binomtest(seen, of).proportion_ci(method="exact")
    return _line(what, setting, nominal, seen / of, found.low, found.high)


def _line(what: str, setting: str, nominal: float, observed: float, low: float, high: float) -> str:
    return f"CALIBRATION {what} {setting} nominal={nominal:g} observed={observed:.4f} low={low:.4f} high={high:.4f}"


@dataclass(frozen=True)
class Locus:
    """Participants, variants with correlation r^distance, traits with correlation `alike`; an effect of `z` standard errors on
    all traits or on one; shape normal or skewed (lognormal); share of missing values."""

    z: float
    people: int = 1000
    variants: int = 60
    linkage: float = 0.98
    traits: int = 20
    alike: float = 0.5
    all_traits: bool = True
    skewed: bool = False
    lacking: float = 0.0

    @property
    def words(self) -> str:
        more = [*(["one_trait_affected"] if not self.all_traits else []), *(["skewed"] if self.skewed else [])]
        more += [f"lacking{self.lacking:g}"] if self.lacking else []
        made = f"z{self.z:g}_n{self.people}_{self.variants}variants_r{self.linkage:g}_{self.traits}traits_r{self.alike:g}"
        return "_".join([made, *more])


LOCI = (
    *(Locus(z) for z in (5, 6, 7, 8)),
    Locus(6, people=300), Locus(8, people=300), Locus(6, people=5000), Locus(6, traits=1), Locus(8, traits=1, people=300),
    Locus(6, traits=120, alike=0.4, people=600), Locus(6, linkage=0.5), Locus(7, all_traits=False), Locus(7, skewed=True),
    Locus(7, lacking=0.2),
)  # fmt: skip


def copies(rng: np.random.Generator, one: Locus) -> NDArray[np.float32]:
    """(V, N) copies, from haplotypes whose normal deviates form an autoregressive chain."""
    normal = np.empty((one.variants, 2 * one.people))
    normal[0] = rng.normal(size=2 * one.people)
    for j in range(1, one.variants):
        normal[j] = one.linkage * normal[j - 1] + np.sqrt(1 - one.linkage**2) * rng.normal(size=2 * one.people)
    carried = (normal < stats.norm.ppf(FREQUENCY)).astype(np.float32)
    return carried[:, : one.people] + carried[:, one.people :]


def correlated(rng: np.random.Generator, people: int, traits: int, alike: float) -> Reals:
    """(N, K) normal traits with correlation `alike`."""
    return np.sqrt(alike) * rng.normal(size=(people, 1)) + np.sqrt(1 - alike) * rng.normal(size=(people, traits))


def covered(rng: np.random.Generator, one: Locus) -> tuple[bool, bool] | None:
    """Whether each of the two intervals of the locus's lead variant contains its effect; None if nothing is significant."""
    genotypes, cause = copies(rng, one), one.variants // 2
    noise = correlated(rng, one.people, one.traits, one.alike)
    if one.skewed:
        noise = (np.exp(noise) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)
    effect = one.z / np.sqrt(one.people * 2 * FREQUENCY * (1 - FREQUENCY))
    affected = np.arange(one.traits) < (one.traits if one.all_traits else 1)
    values = noise + effect * np.outer(genotypes[cause], affected)
    values[rng.random(values.shape) < one.lacking] = np.nan
    chromosome = in_memory(genotypes, values)
    everything = competing_tests.UnitResiduals.of(chromosome)
    unit = row_residuals(genotypes.astype(np.float64), everything.basis)
    z = competing_tests._z(unit / np.linalg.norm(unit, axis=1, keepdims=True), everything)
    j, k = (int(i) for i in np.unravel_index(np.argmax(np.abs(z)), z.shape))
    fit = chromosome.model(chromosome.names[k]).fit(genotypes[j])
    size = float(np.sign(fit.beta)) * z_of(fit.neglog10p)
    if abs(size) <= THRESHOLD:
        return None
    # The effect of the causal variant, as it appears at the lead variant.
    slope = np.cov(genotypes[cause], genotypes[j])[0, 1] / genotypes[j].var(ddof=1)
    truth = affected[k] * effect * slope * abs(size) / abs(fit.beta)
    region = Region(chromosome.genotypes, np.arange(one.variants), genotypes)
    found = corrected_lead(size, THRESHOLD, competing_tests.competing_tests(everything, region, j, chromosome.names[k]))
    plain = corrected(size, THRESHOLD)
    return found.low <= truth <= found.high, plain.low <= truth <= plain.high


@dataclass(frozen=True)
class InMemory:
    """The part of Genotypes that is used here: copies (V, N) of variants 1 Mb apart."""

    copies: NDArray[Any]
    chrom: str = "1"

    def __len__(self) -> int:
        return len(self.copies)

    @property
    def variants(self) -> NDArray[np.object_]:
        return np.array([f"v{j}" for j in range(len(self.copies))], dtype=object)

    @property
    def positions(self) -> NDArray[np.int64]:
        return 1_000_000 * (1 + np.arange(len(self.copies)))

    @property
    def effect_alleles(self) -> NDArray[np.object_]:
        return np.full(len(self.copies), "G", dtype=object)

    @property
    def other_alleles(self) -> NDArray[np.object_]:
        return np.full(len(self.copies), "A", dtype=object)

    def dosages(self, start: int, stop: int) -> Reals:
        return np.asarray(self.copies[start:stop], dtype=np.float64)


def in_memory(genotypes: NDArray[Any], values: Reals) -> Chromosome:
    """A Chromosome of traits (N, K) without covariates and copies (V, N) of the same participants."""
    everyone = np.arange(len(values))
    cohort = Cohort(everyone, everyone, values, np.empty((len(values), 0)), None, len(values))
    names = tuple(f"made.12L.f{k}" for k in range(values.shape[1]))
    return Chromosome(cast(Genotypes, InMemory(genotypes)), cohort, names)


def curse(draws: int) -> Iterator[str]:
    for number, one in enumerate(LOCI):
        found: list[tuple[bool, bool]] = []
        for seed in range(20 * draws):
            case = covered(np.random.default_rng([number, seed]), one)
            found += [] if case is None else [case]
            if len(found) == draws:
                break
        for place, name in enumerate(("winners_curse_coverage", "winners_curse_coverage_before")):
            yield line(name, one.words, 0.95, sum(case[place] for case in found), len(found))


CONTROLS = ((1, 0.0, 100), (12, 0.7, 100), (30, 0.3, 100), (118, 0.5, 100))
"""Traits, their correlation, known variants."""


def positive_controls(studies: int) -> Iterator[str]:
    """Lines for studies without power that nevertheless pass the guard."""
    for traits, alike, variants in CONTROLS:
        p, before = [], []
        for seed in range(studies):
            rng = np.random.default_rng([traits, seed])
            chromosome = in_memory(rng.binomial(2, FREQUENCY, size=(variants, 150)), correlated(rng, 150, traits, alike))
            table = _known(chromosome)
            share = controls.replicated_shares(table, [chromosome], seed=seed)["any_trait"]
            p.append(share.p)
            before.append(stats.binom.sf(share.replicated - 1, share.variants, SHARE))
        words = f"{traits}traits_r{alike:g}_{variants}variants"
        for name, values in (("positive_controls", p), ("positive_controls_before", before)):
            yield line(name, words, SHARE, int((np.array(values) < SHARE).sum()), studies)


def _known(chromosome: Chromosome) -> KnownTested:
    region = chromosome.region(np.arange(len(chromosome.genotypes.variants)))
    strengths = combine_p.acat(controls.region_strengths(chromosome, region))
    empty = dict.fromkeys(KnownTested.columns)
    rows = [{"known_trait": "QT", "neglog10p_acat": strengths[j], **region.variant_row(j)} for j in range(len(region))]
    return KnownTested.of([empty | row for row in rows])


def sets_of_traits(studies: int) -> Iterator[str]:
    """Lines for null studies of few variants whose strongest trait set has p < 0.05 among 99 permutations."""
    for variants in (1, 20, 300):
        p = [_set_p(np.random.default_rng([variants, seed]), variants) for seed in range(studies)]
        for place, name in enumerate(("sets", "sets_before")):
            for level in (0.05, 0.2):
                seen = sum(case[place] <= level for case in p)
                yield line(name, f"{variants}variants_12traits_n100_level{level:g}", level, seen, studies)


def _set_p(rng: np.random.Generator, variants: int) -> tuple[float, float]:
    """p of the observed data among 99 permutations: exact, and with ACAT of weak permutations counted as none."""
    people, basis = 100, np.full((100, 1), 0.1)
    values = _unit(correlated(rng, people, 12, 0.5)).astype(np.float32)
    names = [f"made.{'I' if k < 6 else 'II'}.f{k}" for k in range(12)]
    trait_sets = TraitSets(sets(names, values, basis, people - 2), people - 2)
    genotypes = _unit(rng.binomial(2, FREQUENCY, size=(people, variants)).astype(np.float64)).T.astype(np.float32)
    orders = np.stack([np.arange(people), *(rng.permutation(people) for _ in range(99))])
    seen = np.stack([genotypes @ values[order] for order in orders], axis=1)
    acat = trait_sets.acat_maxima(seen, np.abs(seen).max(axis=0), np.zeros(100))
    components = genotypes @ trait_sets.shuffled(orders, basis.astype(np.float32))
    omnibus = trait_sets.max_neglog10p(trait_sets.omnibus(components).max(axis=0))
    screened = np.where((acat < OLD_SCREEN) & (np.arange(100) > 0), 0.0, acat)
    both = (np.maximum(one, omnibus) for one in (acat, screened))
    now, before = (float((one >= one[0]).mean()) for one in both)
    return now, before


def _unit(values: Reals) -> Reals:
    centred = values - values.mean(axis=0)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-12))


TAILS = ((40, 0.05), (40, 0.04), (100, 0.05), (100, 0.04), (100, 0.01), (200, 0.05), (200, 0.01), (1000, 0.05), (1000, 0.01))


def tails(draws: int) -> Iterator[str]:
    """Lines for the true level of a threshold from B permutations, as a mean over Gumbel maxima of null studies."""
    for permutations, error in TAILS:
        rng = np.random.default_rng([permutations, round(1000 * error)])
        drawn = np.sort(-np.log(-np.log(rng.uniform(size=(draws, permutations)))), axis=1)
        for name, quantile in (("tails", _order_statistic), ("tails_before", _pareto)):
            level = -np.expm1(-np.exp(-np.array([quantile(one, error) for one in drawn])))
            spread = 1.96 * level.std() / np.sqrt(draws)
            yield _line(
                name,
                f"{permutations}permutations_error{error:g}",
                error,
                level.mean(),
                level.mean() - spread,
                level.mean() + spread,
            )


def _order_statistic(ordered: Reals, error: float) -> float:
    return thresholds.family_wise(ordered, error).value


def _pareto(ordered: Reals, error: float) -> float:
    """The threshold by a generalised Pareto tail above the upper quartile (Knijnenburg et al. 2009), or else the quantile."""
    count = len(ordered) // 4
    if len(ordered) >= 1000 or count <= 2 * error * len(ordered):
        return _order_statistic(ordered, error)
    count = min(count, 250)
    start = (ordered[-count - 1] + ordered[-count]) / 2
    excess = ordered[-count:] - start
    first = float(excess.mean())
    second = float(((1 - (np.arange(1, count + 1) - 0.35) / count) * excess).mean())
    shape, scale = 2 - first / (first - 2 * second), 2 * first * second / (first - 2 * second)
    ratio = count / (error * len(ordered))
    return float(start + scale * ((ratio**shape - 1) / shape))


def lines(*, quick: bool, only: str | None = None) -> Iterator[str]:
    """All lines, or those of one part."""
    parts = {
        "curse": (curse, 400 if quick else 2000), "controls": (positive_controls, 150 if quick else 1000),
        "sets": (sets_of_traits, 400 if quick else 2000), "tails": (tails, 1500 if quick else 20_000),
    }  # fmt: skip
    for name, (part, draws) in parts.items():
        if only in (None, name):
            yield from part(draws)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="400 loci, 150 studies of controls, 400 of sets, 1,500 of tails")
    parser.add_argument("--only", choices=("curse", "controls", "sets", "tails"))
    given = parser.parse_args()
    for one in lines(quick=given.quick, only=given.only):
        print(one, flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
