"""One block of variants of one chromosome against all traits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.genotypes import dosages, variant_filters
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.dosages import AnyBlock
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.scan.engine import all_tests, block_results, kernels, plink2_checks
from ecgwas.scan.engine.all_tests import AllTests
from ecgwas.scan.engine.block_results import BlockResult
from ecgwas.scan.engine.regression import Fitter
from ecgwas.scan.engine.samples import Cohort, Group, strata
from ecgwas.scan.engine.screening import BINS, HistogramPool, Screened
from ecgwas.scan.permutation.max_t import Shuffles
from ecgwas.study.scan import Matrix


def men_of(cohort: Cohort, people: NDArray[np.int64], total: int) -> SampleSelector | None:
    """Takes the men among some of the cohort's people (n,) out of a file of `total`; None where sexes do not matter."""
    if cohort.males is None:
        return None
    return SampleSelector(cohort.rows[people[cohort.males[people]]], total)


@dataclass(frozen=True)
class GroupScan:
    """One group of traits at one block: what fits it, and where every test goes (`every`, if it is to be kept).

    men: on X, those of the group
    """

    group: Group
    men: SampleSelector | None
    fitter: Fitter
    pool: HistogramPool
    kept_tests: AllTests | None
    group_index: int

    def fill(self, block: AnyBlock, screened: Screened, exact: dict[str, NDArray[Any]], rows: NDArray[np.int64]) -> None:
        """The tests of these variants into `rows` (V,) of `every`; those computed again as they are written."""
        assert self.kept_tests is not None
        beta, se = self.fitter.effects(block, screened)
        hits = exact["variant"], exact["trait"]
        beta[hits], se[hits] = exact["beta"], exact["se"]
        self.kept_tests.beta[np.ix_(rows, self.group.traits)] = beta
        self.kept_tests.se[np.ix_(rows, self.group.traits)] = se
        self.kept_tests.n[rows, self.group_index] = self.fitter.people(block)
        self.kept_tests.degrees[rows, self.group_index] = screened.df
        self.kept_tests.eaf[rows, self.group_index] = block.effect_frequency


class Scanner:
    """Tests blocks of variants; blocks are independent of each other, so that threads may share a Scanner."""

    def __init__(
        self, options: Matrix, cohort: Cohort, groups: list[Group], genotypes: Genotypes, shuffles: Shuffles | None
    ) -> None:
        total = len(genotypes.eids)
        self.options, self.genotypes, self.shuffles = options, genotypes, shuffles
        self.traits, self.haploid = cohort.values.shape[1], cohort.haploid
        empty = kernels.empty(options.kernel)
        self.all_samples = SampleSelector(cohort.rows, total, empty)
        self.males = men_of(cohort, np.arange(len(cohort.rows)), total)
        self.strata = strata(cohort, total)
        fitters = [Fitter(options, group, hard=genotypes.hard, haploid=cohort.haploid, streaming=True) for group in groups]
        self.groups = [
            (group, SampleSelector(cohort.rows[group.people], total, empty), fitter, fitter.pool())
            for group, fitter in zip(groups, fitters, strict=True)
        ]
        self.men = [men_of(cohort, group.people, total) for group in groups]

    def histograms(self) -> NDArray[np.int64]:
        """(K, BINS) int64: t squared of all tests so far."""
        counts = np.zeros((self.traits, BINS), dtype=np.int64)
        for group, _, _, pool in self.groups:
            counts[group.traits] = pool.total()
        return counts

    def block(self, start: int, stop: int) -> BlockResult:
        """Variants start to stop (places on the chromosome)."""
        of = dosages.reader(self.genotypes, start, stop)
        numbers = np.arange(start, stop)
        whole = of(self.all_samples)
        males = None if self.males is None else of(self.males)
        stated = self.genotypes.stated_info[start:stop]
        groups = [(of(own), None if men is None else of(men)) for own, men in self.strata]
        reasons = variant_filters.reasons(self.options, whole, males, haploid=self.haploid, stated=stated, groups=groups)
        passed = reasons == ""
        kept, left_out = np.flatnonzero(passed), np.flatnonzero(~passed)
        tested = whole if len(kept) == len(whole) else whole.pick(kept)
        parts = [self._result(left_out=block_results.left_out(numbers[left_out], reasons[left_out]))] if len(left_out) else []
        kept_tests = all_tests.empty(numbers[kept], traits=self.traits, groups=len(self.groups)) if self.options.dense else None
        for group_index, (group, chooser, fitter, pool) in enumerate(self.groups):
            chosen = tested if len(chooser.rows) == whole.people else of(chooser).pick(kept)
            group_scan = GroupScan(group, self.men[group_index], fitter, pool, kept_tests, group_index)
            rare = self._too_rare(group_scan, of, chosen, kept)
            if rare.any():
                parts += self._lost(group, numbers[kept[rare]], np.full(int(rare.sum()), "mac", dtype=object))
                chosen = chosen.pick(~rare)
            parts += self._group(group_scan, chosen, numbers[kept[~rare]])
        if self.shuffles is not None:
            parts.append(self._shuffled(self.shuffles, tested, numbers[kept]))
        return replace(block_results.total(parts, self.traits), dense=kept_tests)

    def _shuffled(self, shuffles: Shuffles, tested: AnyBlock, numbers: NDArray[np.int64]) -> BlockResult:
        """What shuffled people reach, and sets of traits in people as they are."""
        seen = shuffles.look(tested)
        own = seen.as_they_are
        columns = {
            "variant": numbers[own.variant], "set": own.number, "eaf": tested.effect_frequency[own.variant],
            "omnibus": own.omnibus, "acat": own.acat, "best": own.best,
        }  # fmt: skip
        sets = pl.DataFrame(columns, schema=block_results.SETS)
        return replace(self._result(maxima=seen.maxima), sets=sets, set_maxima=seen.trait_sets)

    def _group(self, group_scan: GroupScan, block: AnyBlock, numbers: NDArray[np.int64]) -> list[BlockResult]:
        group, fitter = group_scan.group, group_scan.fitter
        screened = fitter.screen(block)
        testable = screened.testable
        candidates = fitter.candidates(screened, group_scan.pool.local())
        exact = fitter.exact(block, candidates, screened.df)
        rows = block_results.rows(**exact | {"variant": numbers[exact["variant"]], "trait": group.traits[exact["trait"]]})
        if group_scan.kept_tests is not None:
            group_scan.fill(block, screened, exact, np.searchsorted(group_scan.kept_tests.variants, numbers))
        tests = np.zeros(self.traits, dtype=np.int64)
        tests[group.traits] = testable.sum()
        missed = self._lost(group, numbers[~testable], plink2_checks.named(screened.codes[~testable]))
        not_computed = np.zeros(self.traits, dtype=np.int64)
        not_computed[group.traits] = (~testable).sum()
        return [*missed, self._result(rows=rows, tests=tests, not_computed=not_computed)]

    def _too_rare(
        self, group_scan: GroupScan, of: Callable[[SampleSelector], AnyBlock], block: AnyBlock, kept: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """(V,) bool: fewer minor alleles than asked for among the people of one group. The whole cohort passed before.

        block (V,): the variants `kept` of the group's people.
        """
        if block.people == len(self.all_samples.rows):
            return np.zeros(len(block), dtype=bool)
        males = None if group_scan.men is None else of(group_scan.men).pick(kept)
        return variant_filters.minor_alleles(block, males, haploid=self.haploid) < self.options.min_mac

    def _lost(self, group: Group, numbers: NDArray[np.int64], reasons: NDArray[np.object_]) -> list[BlockResult]:
        if len(numbers) == 0:
            return []
        if len(group.traits) == self.traits:
            return [self._result(left_out=block_results.left_out(numbers, reasons))]
        frames = [block_results.left_out(numbers, reasons, int(trait)) for trait in group.traits]
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
