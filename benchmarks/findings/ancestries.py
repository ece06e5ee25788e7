"""Are scans of several ancestries calibrated, do they find what was planted, and do they see which effects differ?

    python -m benchmarks.findings.ancestries [--quick] [--studies 200]

Cohorts of two and three ancestries by Balding and Nichols (1995), or the 489 real genomes of `shared/data/genotypes/eur489`
with a population simulated from their frequencies. Traits have means, variances or both that differ between the groups (a
smaller group varies more), or families of two siblings with a heritability of 0.5. Each study runs sample QC, the
transformation, the scan and its permutations. Options:

    components   genotype PCs are covariates, people are permuted within the groups that sample QC finds; normalise_within: []
    within       the default: the same, with traits.normalise_within: [ancestry]
    across       as `components`, but people are permuted across groups; only to show why they are not
    nothing      no components, across groups; only to show that groups matter
    drop, polygenic   with families: scan.relatives

dropped: people that sample QC excludes from a study, mean; lambda: over all tests of all studies without an effect; beyond_1e3:
share of these tests with p < 0.001, over 0.001; fwer: share
of these with a test among the upper 5 % of their permutations, low and high: 95 % of such shares lie there if it is 5 %; found:
planted effects, the same in all groups, beyond the threshold of the permutations; heterogeneity: share of those with a p of
Cochran's Q below 0.05, and of the planted effects of opposite sign or in one group only. Planted effects are in SD of the
group: where variances differ they are the same on the scale of `within`, not on that of `components`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, product
from pathlib import Path

import numpy as np
import polars as pl
from bed_reader import open_bed, to_bed
from numpy.typing import NDArray
from scipy import stats

from benchmarks.record import recorded
from ecgwas.genotypes import chromosomes
from ecgwas.genotypes.packed_calls import packed_calls
from ecgwas.genotypes.pruned_panel import PrunedGenotypes
from ecgwas.loci import group_effects
from ecgwas.scan import matrix
from ecgwas.statistics.projection import span
from ecgwas.study import Matrix, TraitOptions
from ecgwas.study.traits import PersonGuards
from ecgwas.tables import Covariates, ScanResult, Traits
from ecgwas.traits import sample_qc
from ecgwas.traits.transform import TENS, transformed

SHARED = Path(__file__).resolve().parents[3] / "shared"
REAL = SHARED / "data" / "genotypes" / "eur489"
LEVEL, TRAITS, SHUFFLES, COMPONENTS = 0.05, 4, 99, 10
TESTED, VARIANTS = 300, 2400
"""Variants of the tested chromosome, and of the whole genome, from which groups and components are found."""
EFFECT = 0.45
"""Effect of a planted allele, in SD of its group."""
PLANTED = 8
"""Planted variants of a study: every other one has the same effect in all groups, in SD of the group; of the rest half have
opposite effects in the first and the other groups, half an effect in the first group only."""


@dataclass(frozen=True)
class Genomes:
    """codes (V, N) uint8 copies, the first TESTED variants those of chromosome 1; group (N,) int64 from 0, the largest first;
    families: people 2 i and 2 i + 1 are siblings."""

    codes: NDArray[np.uint8]
    group: NDArray[np.int64]
    families: bool = False

    @property
    def people(self) -> int:
        """N."""
        return len(self.group)


@dataclass(frozen=True)
class Cohorts:
    """sizes of the groups, the largest first, and their Fst; real: the first group is that of the real genomes."""

    sizes: tuple[int, ...]
    fst: float
    real: bool = False
    families: bool = False

    def draw(self, rng: np.random.Generator) -> Genomes:
        """New genomes; of the real ones, another choice of variants."""
        group = np.repeat(np.arange(len(self.sizes)), self.sizes)
        if self.real:
            return self._with_real(rng, group)
        ancestral = rng.uniform(0.1, 0.9, VARIANTS)
        scale = (1 - self.fst) / self.fst
        shares = rng.beta(ancestral * scale, (1 - ancestral) * scale, (len(self.sizes), VARIANTS)).clip(0.005, 0.995)
        return Genomes(self._people(rng, shares[group].T), group, self.families)

    def _people(self, rng: np.random.Generator, share: NDArray[np.float64]) -> NDArray[np.uint8]:
        """(V, N) copies of people with these frequencies (V, N), of siblings if there are families."""
        if not self.families:
            return rng.binomial(2, share).astype(np.uint8)
        parents = [rng.binomial(2, share[:, ::2]) for _ in range(2)]
        codes = np.empty(share.shape, dtype=np.uint8)
        for child in range(2):
            codes[:, child::2] = sum(rng.random(copies.shape) < copies / 2 for copies in parents)
        return codes

    def _with_real(self, rng: np.random.Generator, group: NDArray[np.int64]) -> Genomes:
        """Every common variant 50 kb or more from the one before, of which VARIANTS are drawn; the others drift from them."""
        real = _real_codes()
        chosen = np.sort(rng.permutation(len(real))[:VARIANTS])
        own = real[chosen]
        share = own.mean(axis=1) / 2
        scale = (1 - 2 * self.fst) / (2 * self.fst)
        others = [rng.beta(share * scale, (1 - share) * scale).clip(0.005, 0.995) for _ in self.sizes[1:]]
        simulated = [rng.binomial(2, p[:, None], (len(p), size)) for p, size in zip(others, self.sizes[1:], strict=True)]
        return Genomes(np.hstack([own, *simulated]).astype(np.uint8), group)


_cache: list[NDArray[np.uint8]] = []


def _real_codes() -> NDArray[np.uint8]:
    """(V, 489) copies of the real genomes' common autosomal variants without a missing call, 50 kb or more apart."""
    if not _cache:
        with open_bed(f"{REAL}.bed") as bed:
            calls, chrom, position = bed.read(dtype="int8", num_threads=1).T, bed.chromosome, bed.bp_position
        share = calls.mean(axis=1) / 2
        usable = (
            (calls >= 0).all(axis=1) & (np.minimum(share, 1 - share) > 0.05) & np.isin(chrom, [str(c) for c in range(1, 23)])
        )
        kept, last = [], ("", 0)
        for i in np.flatnonzero(usable):
            if chrom[i] != last[0] or position[i] - last[1] >= 50_000:
                kept.append(i)
                last = (chrom[i], int(position[i]))
        _cache.append(calls[kept].astype(np.uint8))
    return _cache[0]


def features(rng: np.random.Generator, genomes: Genomes, setting: str, effects: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, TRAITS) features. effects (P, G): of the first P variants on the first trait in each group, in SD."""
    own = rng.normal(size=(genomes.people, TRAITS))
    if genomes.families:
        causes = genomes.codes[TESTED:].astype(np.float64)
        causes = (causes - causes.mean(axis=1, keepdims=True)) / causes.std(axis=1, keepdims=True).clip(0.1)
        genetic = causes.T @ rng.normal(size=(len(causes), TRAITS)) / np.sqrt(len(causes))
        own = np.sqrt(0.5) * genetic + np.sqrt(0.5) * own
    for variant, by_group in enumerate(effects):
        own[:, 0] += by_group[genomes.group] * genomes.codes[variant]
    spread = np.array([1.0, 1.5, 3.0]) if len(np.unique(genomes.group)) == 3 else np.array([1.0, 2.5])
    mean = np.array([0.0, 1.0, -1.0])
    if setting in ("variance", "both"):
        own *= spread[genomes.group][:, None]
    if setting in ("mean", "both", "families"):
        own += mean[genomes.group][:, None]
    return own


@dataclass
class Tally:
    """Results of the studies of one line."""

    dropped: list[int] = field(default_factory=list)
    chi2: list[NDArray[np.float64]] = field(default_factory=list)
    false: int = 0
    studies: int = 0
    found: int = 0
    planted: int = 0
    null_q: list[float] = field(default_factory=list)
    other_q: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Judged:
    """Sample QC of genomes: index (n,) of the people who remain, and its result."""

    index: NDArray[np.int64]
    qc: sample_qc.SampleQc
    dropped: int


def judged(genomes: Genomes, *, keep_relatives: bool) -> Judged:
    """Sample QC with the default limits."""
    eids = tuple(f"p{i}" for i in range(genomes.people))
    panel = PrunedGenotypes(
        eids,
        packed_calls(genomes.codes),
        np.full(len(eids), VARIANTS),
        VARIANTS,
        packed_calls(np.empty((0, len(eids)), dtype=np.uint8)),
    )
    qc = sample_qc.run(
        PersonGuards(), panel, np.zeros(len(eids), dtype=np.int8), wanted_components=COMPONENTS, seed=1,
        keep_relatives=keep_relatives,
    )  # fmt: skip
    return Judged(np.array([int(eid[1:]) for eid in qc.eids]), qc, len(eids) - len(qc.eids))


def write(genomes: Genomes, folder: Path) -> None:
    """The genomes as a fileset, the first TESTED variants on chromosome 1, the others on 2."""
    people, variants = genomes.people, len(genomes.codes)
    to_bed(folder / "study.bed", np.ascontiguousarray(genomes.codes.T.astype(np.int8)), properties={
        "iid": [f"p{i}" for i in range(people)], "fid": ["f"] * people, "sex": [0] * people,
        "chromosome": ["1"] * TESTED + ["2"] * (variants - TESTED), "sid": [f"v{j}" for j in range(variants)],
        "bp_position": [3_000_000 + 10_000 * j for j in range(variants)], "allele_1": ["G"] * variants,
        "allele_2": ["A"] * variants,
    }, num_threads=1)  # fmt: skip


def scanned(
    values: NDArray[np.float64], who: Judged, option: str, folder: Path, seed: int
) -> tuple[ScanResult, Traits, Covariates]:
    """The scan of features (n, TRAITS) of the people who remain."""
    pcs = who.qc.genotype_pcs[:, : 0 if option == "nothing" else COMPONENTS]
    within = ("ancestry",) if option == "within" else ()
    options = TraitOptions.model_validate({"covariates": Path("covariates.tsv"), "normalise_within": within})
    basis, strata = span(pcs), TENS * who.qc.ancestry_groups
    made = Matrix.model_validate({
        "genotypes": folder / "study", "permutations": SHUFFLES, "threads": 1, "keep_neglog10p": 0.0, "chromosomes": ["1", "2"],
        **({"relatives": "polygenic"} if option == "polygenic" else {"sets_of_traits": False}),
    })  # fmt: skip
    traits = Traits(
        who.qc.eids, tuple(f"made.I.f{k}" for k in range(TRAITS)),
        np.column_stack([transformed(options, column, basis, strata) for column in values.T]),
    )  # fmt: skip
    covariates = Covariates(who.qc.eids, tuple(f"pc{k + 1}" for k in range(pcs.shape[1])), pcs)
    ancestry = None if option in ("across", "nothing") else who.qc.ancestry_groups
    opened = chromosomes.open_chromosome(made, "1")
    return matrix.scan(made, traits, covariates, opened, seed=seed, ancestry=ancestry), traits, covariates


def null_study(tally: Tally, values: NDArray[np.float64], who: Judged, option: str, folder: Path, seed: int) -> None:
    """Adds a study without effects."""
    result = scanned(values, who, option, folder, seed)[0]
    frame = result.associations.frame
    tally.dropped.append(who.dropped)
    tally.chi2.append(np.square(frame["t"].to_numpy()))
    largest = float(frame["neglog10p"].to_numpy().max())
    tally.false += int((result.permutation_max >= largest).sum()) + 1 <= LEVEL * (SHUFFLES + 1)
    tally.studies += 1


def planted_effects(groups: int) -> NDArray[np.float64]:
    """(PLANTED, G) effects."""
    first, others = np.eye(groups)[0], 1 - np.eye(groups)[0]
    kinds = (np.ones(groups), first - others, np.ones(groups), first)
    return EFFECT * np.stack([kinds[i % len(kinds)] for i in range(PLANTED)])


def planted_study(tally: Tally, values: NDArray[np.float64], who: Judged, option: str, folder: Path, seed: int) -> None:
    """Adds a study with effects of the first PLANTED variants on the first trait."""
    result, traits, covariates = scanned(values, who, option, folder, seed)
    limit = np.sort(result.permutation_max)[-int(LEVEL * (SHUFFLES + 1))]
    names = [f"v{j}" for j in range(PLANTED)]
    rows = result.associations.frame.filter(pl.col("variant").is_in(names), pl.col("trait") == traits.names[0])
    beyond = dict(rows.select("variant", pl.col("neglog10p") > limit).iter_rows())
    tally.found += sum(beyond.get(name, False) for name in names[::2])
    tally.planted += len(names[::2])
    made = Matrix.model_validate({"genotypes": folder / "study", "threads": 1, "chromosomes": ["1", "2"]})
    grouping = group_effects.by_ancestry(who.qc.ancestry_groups)
    opened = chromosomes.open_chromosome(made, "1")
    q_p = group_effects.fits(made, traits, covariates, lambda _: opened, rows, lambda _: grouping).combined.q_p
    for name, p in zip(rows["variant"], q_p, strict=True):
        is_same = names.index(name) % 2 == 0
        if np.isfinite(p) and (beyond[name] or not is_same):
            (tally.null_q if is_same else tally.other_q).append(float(p))


COHORTS: Mapping[str, Cohorts] = {
    "groups=2 fst=0.05": Cohorts((300, 100), 0.05),
    "groups=2 fst=0.15": Cohorts((300, 100), 0.15),
    "groups=3 fst=0.10": Cohorts((250, 120, 60), 0.10),
    "groups=2 fst=0.10 genomes=eur489": Cohorts((489, 120), 0.10, real=True),
}
FAMILIES = {"groups=2 fst=0.10": Cohorts((260, 100), 0.10, families=True)}
OPTIONS: Mapping[str, Sequence[str]] = {
    "mean": ("nothing", "components", "within"), "variance": ("components", "within"),
    "both": ("across", "components", "within"),
}  # fmt: skip
OF_FAMILIES: Mapping[str, Sequence[str]] = {"families": ("drop", "polygenic")}
DRAWS = 5
"""Studies with the same genomes, whose traits are drawn anew; sample QC takes longest."""


def lines(cohorts: Mapping[str, Cohorts], options: Mapping[str, Sequence[str]], studies: int) -> Iterator[str]:
    """One line for each cohort, setting and option, from as many studies without effects, and a third as many with some."""
    for number, (name, cohort) in enumerate(cohorts.items()):
        if cohort.real and not REAL.with_suffix(".bed").exists():
            continue
        tallies = {(setting, option): Tally() for setting, each in options.items() for option in each}
        for seed in range(-(-studies // DRAWS)):
            rng = np.random.default_rng([number, seed])
            genomes = cohort.draw(rng)
            of_option = {keeps: judged(genomes, keep_relatives=keeps) for keeps in {o == "polygenic" for _, o in tallies}}
            with tempfile.TemporaryDirectory() as folder:
                write(genomes, Path(folder))
                for draw, (setting, each) in product(range(DRAWS), options.items()):
                    null = features(rng, genomes, setting, np.empty((0, 0)))
                    planted = features(rng, genomes, setting, planted_effects(len(cohort.sizes)))
                    for option in each:
                        who, tally = of_option[option == "polygenic"], tallies[setting, option]
                        null_study(tally, null[who.index], who, option, Path(folder), DRAWS * seed + draw)
                        if draw % 3 == 0:
                            planted_study(tally, planted[who.index], who, option, Path(folder), DRAWS * seed + draw)
        for (setting, option), tally in tallies.items():
            yield line_of(name, setting, option, tally)


def line_of(name: str, setting: str, option: str, tally: Tally) -> str:
    """The line of one cohort, setting and option."""
    low, high = stats.binom.ppf([0.025, 0.975], tally.studies, LEVEL) / tally.studies
    chi2 = np.concatenate(tally.chi2)
    beyond = float((chi2 > stats.chi2.isf(1e-3, 1)).mean()) / 1e-3
    null, power = (f"{np.mean(np.array(each) < LEVEL):.3f}" if each else "-" for each in (tally.null_q, tally.other_q))
    return (
        f"ANCESTRIES {name} setting={setting} option={option} dropped={np.mean(tally.dropped):.2f} "
        f"lambda={np.median(chi2) / stats.chi2.median(1):.3f} beyond_1e3={beyond:.2f} "
        f"fwer={tally.false / tally.studies:.4f} low={low:.4f} high={high:.4f} studies={tally.studies} "
        f"found={tally.found}/{tally.planted} heterogeneity={null},{power}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 studies of each")
    parser.add_argument("--studies", type=int, default=200)
    given = parser.parse_args()
    studies, start = 20 if given.quick else given.studies, time.process_time()
    for line in chain(lines(COHORTS, OPTIONS, studies), lines(FAMILIES, OF_FAMILIES, max(studies // 4, DRAWS))):
        print(line, flush=True)
    print(f"{time.process_time() - start:.0f} CPU s", flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
