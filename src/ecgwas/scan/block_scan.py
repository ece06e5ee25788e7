"""Tests of one block of variants of one chromosome against all traits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.genotypes import dosages, variant_filters
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.scan.engine import all_tests, backends, block_results, plink2_checks
from ecgwas.scan.engine.all_tests import AllTests
from ecgwas.scan.engine.block_results import BlockResult
from ecgwas.scan.engine.regression import Fitter
from ecgwas.scan.engine.samples import Cohort, Group, strata
from ecgwas.scan.engine.screening import BINS, HistogramPool, Screened
from ecgwas.scan.permutation.max_t import Shuffles
from ecgwas.scan.permutation.max_t_family import FamilyShuffles
from ecgwas.scan.permutation.max_t_relatives import MixedShuffles
from ecgwas.study.scan import Matrix

AnyShuffles = Shuffles | MixedShuffles | FamilyShuffles


@dataclass(frozen=True)
class Prepared:
    """What a pass over the variants of a chromosome tests: the fitter of each group of traits with the same participants, and
    the permutations, if any."""

    fitters: list[Fitter]
    shuffles: AnyShuffles | None


def select_men(cohort: Cohort, people: NDArray[np.int64], total: int) -> SampleSelector | None:
    """Selects the men among the cohort's `people` (n,) from a file of `total` samples; None if sex does not matter."""
    if cohort.males is None:
        return None
    return SampleSelector(cohort.fam_index[people[cohort.males[people]]], total)


@dataclass(frozen=True)
class GroupScan:
    """One group of traits in one block: its fitter, and the arrays that receive every test, if all are kept.

    men: on X, selects the group's men; None elsewhere
    """

    group: Group
    men: SampleSelector | None
    fitter: Fitter
    pool: HistogramPool
    kept_tests: AllTests | None
    group_index: int

    def fill(
        self, block: GenotypeBlock, screened: Screened, refitted: dict[str, NDArray[Any]], rows: NDArray[np.int64]
    ) -> None:
        """Writes the tests of a block into `rows` (V,) of kept_tests; refitted tests have their float64 values."""
        assert self.kept_tests is not None
        beta, se = self.fitter.effects(block, screened)
        hits = refitted["variant"], refitted["trait"]
        beta[hits], se[hits] = refitted["beta"], refitted["se"]
        self.kept_tests.beta[np.ix_(rows, self.group.traits)] = beta
        self.kept_tests.se[np.ix_(rows, self.group.traits)] = se
        self.kept_tests.n[rows, self.group_index] = self.fitter.people(block)
        self.kept_tests.degrees[rows, self.group_index] = screened.df
        self.kept_tests.eaf[rows, self.group_index] = block.effect_frequency


class Scanner:
    """Tests blocks of variants. Blocks are independent, so threads may share a Scanner."""

    def __init__(
        self, options: Matrix, cohort: Cohort, fitters: list[Fitter], genotypes: Genotypes, shuffles: AnyShuffles | None
    ) -> None:
        """fitters: one per group of traits with the same participants."""
        total = len(genotypes.eids)
        self.options, self.genotypes, self.shuffles = options, genotypes, shuffles
        self.traits, self.haploid = cohort.values.shape[1], cohort.haploid
        allocate = backends.allocator(options)
        self.all_samples = SampleSelector(cohort.fam_index, total, allocate)
        self.counted_once = cohort.counted_once
        self.males = select_men(cohort, np.arange(len(cohort.fam_index)), total)
        self.strata = strata(cohort, total)
        self.groups = [
            (fitter.group, SampleSelector(cohort.fam_index[fitter.group.people], total, allocate), fitter, fitter.pool())
            for fitter in fitters
        ]
        self.men = [select_men(cohort, fitter.group.people, total) for fitter in fitters]

    def histograms(self) -> NDArray[np.int64]:
        """(K, BINS) int64: histograms of t squared of all tests so far."""
        histograms = np.zeros((self.traits, BINS), dtype=np.int64)
        for group, _, _, pool in self.groups:
            histograms[group.traits] = pool.total()
        return histograms

    def test_block(self, start: int, stop: int) -> BlockResult:
        """Tests the variants from index `start` to `stop` of the chromosome."""
        select = dosages.block_reader(self.genotypes, start, stop)
        variant_index = np.arange(start, stop)
        block = select(self.all_samples)
        males = None if self.males is None else select(self.males)
        stated = self.genotypes.file_info[start:stop]
        groups = [(select(people), None if men is None else select(men)) for people, men in self.strata]
        reasons = variant_filters.failed_filters(self.options, block, males, haploid=self.haploid, stated=stated, groups=groups)
        passed = reasons == ""
        kept, excluded = np.flatnonzero(passed), np.flatnonzero(~passed)
        tested = block if len(kept) == len(block) else block.select(kept)
        parts = []
        if len(excluded):
            parts.append(self._result(left_out=block_results.left_out(variant_index[excluded], reasons[excluded])))
        kept_tests = None
        if self.options.dense:
            kept_tests = all_tests.empty(variant_index[kept], traits=self.traits, groups=len(self.groups))
        for group_index, (group, selector, fitter, pool) in enumerate(self.groups):
            group_block = tested if len(selector.sample_index) == block.people else select(selector).select(kept)
            group_scan = GroupScan(group, self.men[group_index], fitter, pool, kept_tests, group_index)
            rare = self._is_too_rare(group_scan, select, group_block, kept)
            if rare.any():
                parts += self._excluded(group, variant_index[kept[rare]], np.full(int(rare.sum()), "mac", dtype=object))
                group_block = group_block.select(~rare)
            coded = dosages.counted_once(group_block, self._counted_once(group))
            parts += self._test_group(group_scan, coded, variant_index[kept[~rare]])
        if self.shuffles is not None:
            coded = dosages.counted_once(tested, self.counted_once)
            parts.append(self._permuted(self.shuffles, coded, variant_index[kept]))
        return replace(block_results.total(parts, self.traits), kept_tests=kept_tests)

    def _counted_once(self, group: Group) -> NDArray[np.bool_] | None:
        """(n,) men of the group whose one allele counts 1; None: nobody's does."""
        return None if self.counted_once is None else self.counted_once[group.people]

    def _permuted(self, shuffles: AnyShuffles, tested: GenotypeBlock, variant_index: NDArray[np.int64]) -> BlockResult:
        """The largest statistics of each permutation, and the tests of trait sets in the observed data."""
        permuted = shuffles.test(tested)
        observed = permuted.observed
        columns = {
            "variant": variant_index[observed.variant], "set": observed.trait_set,
            "eaf": tested.effect_frequency[observed.variant], "omnibus": observed.omnibus, "acat": observed.acat,
            "best": observed.best,
        }  # fmt: skip
        sets = pl.DataFrame(columns, schema=block_results.SETS)
        return replace(self._result(maxima=permuted.maxima), sets=sets, set_maxima=permuted.set_maxima)

    def _test_group(self, group_scan: GroupScan, block: GenotypeBlock, variant_index: NDArray[np.int64]) -> list[BlockResult]:
        group, fitter = group_scan.group, group_scan.fitter
        screened = fitter.screen(block)
        testable = screened.testable
        candidates = fitter.candidates(block, screened, group_scan.pool.local())
        refitted = fitter.refit(block, candidates, screened.df)
        names = {"variant": variant_index[refitted["variant"]], "trait": group.traits[refitted["trait"]]}
        rows = block_results.rows(**refitted | names)
        if group_scan.kept_tests is not None:
            group_scan.fill(block, screened, refitted, np.searchsorted(group_scan.kept_tests.variants, variant_index))
        tests = np.zeros(self.traits, dtype=np.int64)
        tests[group.traits] = testable.sum()
        errors = plink2_checks.error_names(screened.glm_errors[~testable])
        not_computed = np.zeros(self.traits, dtype=np.int64)
        not_computed[group.traits] = (~testable).sum()
        tested = self._result(rows=rows, tests=tests, not_computed=not_computed)
        return [*self._excluded(group, variant_index[~testable], errors), tested]

    def _is_too_rare(
        self,
        group_scan: GroupScan,
        select: Callable[[SampleSelector], GenotypeBlock],
        block: GenotypeBlock,
        kept: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """(V,) bool: fewer minor alleles than `min_mac` among the participants of one group. The whole cohort has passed.

        block (V,): the variants `kept`, in the group's participants.
        """
        if block.people == len(self.all_samples.sample_index):
            return np.zeros(len(block), dtype=bool)
        males = None if group_scan.men is None else select(group_scan.men).select(kept)
        return variant_filters.minor_allele_count(block, males, haploid=self.haploid) < self.options.min_mac

    def _excluded(self, group: Group, variant_index: NDArray[np.int64], reasons: NDArray[np.object_]) -> list[BlockResult]:
        if len(variant_index) == 0:
            return []
        if len(group.traits) == self.traits:
            return [self._result(left_out=block_results.left_out(variant_index, reasons))]
        frames = [block_results.left_out(variant_index, reasons, int(trait)) for trait in group.traits]
        return [self._result(left_out=pl.concat(frames))]

    def _result(
        self, *, rows: pl.DataFrame | None = None, left_out: pl.DataFrame | None = None,
        tests: NDArray[np.int64] | None = None, not_computed: NDArray[np.int64] | None = None,
        maxima: NDArray[np.float64] | None = None,
    ) -> BlockResult:  # fmt: skip
        none = np.zeros(self.traits, dtype=np.int64)
        return BlockResult(
            rows=block_results.NO_ROWS if rows is None else rows,
            left_out=block_results.NO_LEFT_OUT if left_out is None else left_out,
            tests=none if tests is None else tests,
            not_computed=none if not_computed is None else not_computed,
            chi2_counts=np.empty((0, 0), dtype=np.int64),
            maxima=np.empty(0) if maxima is None else maxima,
        )
