"""Permutations of a random sample of the participants, for studies in which permuting everyone would take too long.

Under the null hypothesis a test's t is distributed as Student's t, whatever the number of participants, as long as enough of
them carry the rarer allele; how tests depend on each other follows from the correlation of traits and the linkage
disequilibrium of variants, which a random sample shares. The largest -log10 p of a permuted sample, each p with the sample's
own degrees of freedom, is therefore distributed as that of all participants. It is not where the sample has too few copies of
an allele: variants with fewer than MIN_COPIES copies in it, and traits that fewer than MIN_PEOPLE of it have, are not permuted.
Their share of the tests is counted and added to the threshold (loci/thresholds.py, `joint_maxima`). Sums of heavy-tailed traits
over the carriers are further from normal in a sample, which has fewer carriers: the threshold is then too strict.
benchmarks/findings/threshold_at_size.py measures both.

The sample depends only on the seed and the participants with traits: it is the same on every chromosome. It is drawn from all
of them, so that ancestries and sexes have their shares within sampling error, and permuted within ancestry groups as all are.
If a trait's variance differs between these groups, single tests are not calibrated under permutation, and the effective number
of tests says nothing: the order statistic of the maxima is then the threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.genotypes import dosages
from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.scan.engine.samples import Cohort, Group, groups
from ecgwas.scan.permutation import effective_tests
from ecgwas.scan.permutation.max_t import ResidualisedVariants, Shuffles
from ecgwas.scan.permutation.trait_sets import TraitSets
from ecgwas.statistics.projection import span
from ecgwas.statistics.unequal_variances import between_groups
from ecgwas.study.scan import Matrix

ALL_UP_TO = 5000
"""`permuted_people: auto` permutes everyone in a study of up to this many participants, and never more in a larger one."""

SAMPLED = 2000
"""Participants that it permutes in a larger study, unless rare variants or many traits need more."""

EXPECTED_COPIES = 20
"""It takes so many participants that the rarest variant tested is expected to have this many copies among them."""

PEOPLE_PER_TRAIT = 5
"""If sets of traits are tested, at least this many participants per trait, as the omnibus test needs (trait_sets.py)."""

MIN_COPIES, MIN_PEOPLE = 10, 100
"""Copies of the rarer allele, and participants with a trait, below which a variant or a trait is not permuted in a sample."""

SET_PERMUTATIONS = 250
"""Permutations of a sample in which trait sets are tested. They cost more than twice as much as those without."""

LEVEL = 0.05
"""Family-wise significance level of different variances in ancestry groups, as of the guard variance_by_ancestry."""

MIN_SPAN, SPANS = 4096, 16
"""Variants of a span at least, if a chromosome has more spans than these."""

SPAN_BYTES = 2**25
"""Residualised genotypes of the sample that are tested together. A file's blocks hold few variants of many participants, and
the permuted traits are recomputed each time."""


@dataclass(frozen=True)
class Sample:
    """cohort: the participants permuted, with the traits permuted; `shuffles`: their permutations; variants: on the chromosome;
    is_calibrated: no trait's variance differs between the groups within which all participants are permuted."""

    cohort: Cohort
    shuffles: Shuffles
    seed: int
    variants: int
    is_calibrated: bool = True

    @property
    def span_variants(self) -> int:
        """Number of variants tested together, which depends on nothing but the data, as clusters are counted within them."""
        return min(span_variants(len(self.cohort.fam_index)), max(MIN_SPAN, -(-self.variants // SPANS)))

    def residualised(self, block: GenotypeBlock) -> ResidualisedVariants:
        """The testable variants of a block of the sample's genotypes, as counted in the test."""
        return self.shuffles.residualised(dosages.counted_once(block, self.cohort.counted_once))

    def maxima(self, blocks: Sequence[ResidualisedVariants]) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        """(B,) largest absolute correlation, (C,) largest -log10 p of a trait set, and the number of tests of each permutation.

        blocks: what `residualised` made of the sample's genotypes.
        """
        variants = ResidualisedVariants.joined(blocks)
        return *self.shuffles.maxima(variants), len(variants.variant_index) * self.shuffles.traits

    def effective_tests(self, blocks: Sequence[ResidualisedVariants], start: int) -> NDArray[np.float64]:
        """(2, L): see effective_tests.py; (2, 0) without `is_calibrated`, or with too few permutations for a threshold.

        start: index of the first variant on the chromosome
        """
        if self.shuffles.count < effective_tests.MIN_PERMUTATIONS or not self.is_calibrated:
            return np.empty((2, 0))
        variants = ResidualisedVariants.joined(blocks)
        draws = max(2, -(-effective_tests.DRAWS * min(self.span_variants, self.variants) // max(self.variants, 1)))
        rng = np.random.default_rng([self.seed, self.cohort.total, start])
        return effective_tests.effective_tests(self.shuffles, variants, draws, rng)


def span_variants(people: int) -> int:
    """Number of variants of a sample of `people` that are tested together."""
    return max(1, SPAN_BYTES // (4 * people))


def people_permuted(options: Matrix, people: int, traits: int) -> int:
    """Number of participants that are permuted, of a study of `people` with so many traits."""
    if options.permuted_people == "all" or options.keeps_relatives:
        return people
    if options.permuted_people != "auto":
        return min(people, options.permuted_people)
    if people <= ALL_UP_TO:
        return people
    rarest = max(options.min_maf, options.min_mac / (2 * people))
    for_variants = EXPECTED_COPIES / (2 * rarest) if rarest > 0 else ALL_UP_TO
    for_sets = PEOPLE_PER_TRAIT * traits if options.tests_sets else 0
    return int(min(ALL_UP_TO, max(SAMPLED, np.ceil(for_variants - 1e-9), for_sets)))


def sampled(cohort: Cohort, count: int, seed: int) -> Cohort:
    """At most `count` of all participants with traits, of whom some may not be in the cohort; the same on every chromosome."""
    if cohort.total <= count:
        return cohort
    drawn = np.random.default_rng([seed, cohort.total]).permutation(cohort.total)[:count]
    kept = np.isin(cohort.table_index, drawn)
    males = None if cohort.males is None else cohort.males[kept]
    ancestry = None if cohort.ancestry is None else cohort.ancestry[kept]
    arrays = {name: getattr(cohort, name)[kept] for name in ("fam_index", "table_index", "values", "covariates")}
    return replace(cohort, males=males, ancestry=ancestry, **arrays)


def sample_of(
    cohort: Cohort, grouped: Sequence[Group], names: Sequence[str],
    *, people: int, count: int, seed: int, with_sets: bool, use_table: bool, variants: int,
) -> Sample:  # fmt: skip
    """`count` permutations of a sample of `people` participants. grouped: traits of all; the others as of `Shuffles`.

    Raises InputError if no trait has enough participants in the sample.
    """
    drawn = sampled(cohort, people, seed)
    needed = MIN_PEOPLE + span(drawn.covariates).shape[1]
    kept = np.flatnonzero((~np.isnan(drawn.values)).sum(axis=0) >= needed)
    if len(kept) == 0:
        problem = f"no trait has {needed} participants in the {len(drawn.fam_index)} sampled for permutations"
        raise InputError(problem, fix="raise scan.permuted_people, or set it to all")
    drawn = replace(drawn, values=drawn.values[:, kept])
    own = [names[int(k)] for k in kept]
    shuffles = Shuffles(
        drawn, groups(drawn, own), own, count=count, seed=seed, with_sets=with_sets, use_table=use_table, variants=variants,
        min_copies=MIN_COPIES, set_count=SET_PERMUTATIONS,
    )  # fmt: skip
    return Sample(drawn, shuffles, seed, variants, has_equal_variances(cohort, grouped))


def has_equal_variances(cohort: Cohort, grouped: Sequence[Group]) -> bool:
    """False if a trait's variance differs between the cohort's ancestry groups (LEVEL, Bonferroni over the traits).

    All participants are asked, because a sample's small groups have too few to tell.
    """
    if cohort.ancestry is None:
        return True
    smallest = [between_groups(group.design.traits, cohort.ancestry[group.people]).min() for group in grouped]
    return bool(min(smallest) * cohort.values.shape[1] >= LEVEL)


def observed_sets(
    cohort: Cohort, grouped: list[Group], names: Sequence[str], sample: Sample, *, seed: int, variants: int
) -> Shuffles | None:
    """Tests of trait sets of all participants without permutations, for the sets that the sample has; None if it has none."""
    permuted = {trait_set.name for trait_set in sample.shuffles.trait_sets.sets}
    if not permuted:
        return None
    whole = Shuffles(cohort, grouped, names, count=0, seed=seed, variants=variants)
    kept = tuple(one for one in whole.trait_sets.sets if one.name in permuted)
    whole.trait_sets = TraitSets(kept, whole.df)
    return whole
