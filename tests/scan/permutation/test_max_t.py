from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats

from ecgwas.native import compiled
from ecgwas.scan import matrix
from ecgwas.scan.engine.samples import Cohort, assemble
from ecgwas.scan.permutation.max_t import orders
from ecgwas.tables import Covariates, Traits
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options


def maxima(stem: Path, traits: Traits, covariates: Covariates, **options: object) -> NDArray[np.float64]:
    made = matrix_options(stem, **options)
    return matrix.scan(made, traits, covariates, fileset.opened(made), seed=9).permutation_max


def residuals(values: NDArray[np.float64], covariates: NDArray[np.float64]) -> NDArray[np.float64]:
    predictors = sm.add_constant(covariates)
    return np.column_stack([sm.OLS(column, predictors).fit().resid for column in values.T])


def test_each_maximum_is_that_of_a_scan_of_shuffled_residuals(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, fileset.draw(60, 40, 1))
    traits, more = fileset.tables(eids, 5, 3, 1)
    found = maxima(stem, traits, more, permutations=4)
    genotypes = fileset.opened(matrix_options(stem))
    rest = residuals(traits.values, more.values)
    for shuffle in range(4):
        order = np.random.default_rng([9, shuffle]).permutation(60)
        largest = 0.0
        for j in range(40):
            predictors = np.column_stack([np.ones(60), more.values, genotypes.dosage_of(j, traits.eids)])
            t = [abs(sm.OLS(column, predictors).fit().tvalues[-1]) for column in rest[order].T]
            largest = max(largest, *t)
        p = -(stats.t.logsf(largest, 60 - 5) + np.log(2)) / np.log(10)
        assert found[shuffle] == pytest.approx(p, abs=1e-6)


def groups_of(people: int) -> NDArray[np.int64]:
    """Three groups, mixed, one of them small."""
    return np.random.default_rng(people).permutation(np.repeat([1, 2, 3], [people // 2, people - people // 2 - 5, 5]))


def test_participants_are_permuted_within_their_ancestry_group(tmp_path: Path) -> None:
    """Each maximum is that of a scan in which everybody has the residuals of someone of the same group."""
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, fileset.draw(60, 40, 1))
    traits, more = fileset.tables(eids, 5, 3, 1)
    made = matrix_options(stem, permutations=3)
    ancestry, genotypes = groups_of(60), fileset.opened(made)
    found = matrix.scan(made, traits, more, genotypes, seed=9, ancestry=ancestry).permutation_max
    cohort = assemble(traits, more, genotypes, ancestry)
    assert cohort.ancestry is not None
    rest = residuals(cohort.values, cohort.covariates)
    for shuffle, order in enumerate(orders(cohort, 3, 9)):
        np.testing.assert_array_equal(cohort.ancestry[order], cohort.ancestry)
        assert sorted(order) == list(range(60))
        assert not np.array_equal(order, np.arange(60))
        largest = 0.0
        for j in range(40):
            predictors = np.column_stack([np.ones(60), cohort.covariates, genotypes.dosages(j, j + 1)[0]])
            largest = max(largest, *(abs(sm.OLS(column, predictors).fit().tvalues[-1]) for column in rest[order].T))
        assert found[shuffle] == pytest.approx(-(stats.t.logsf(largest, 60 - 5) + np.log(2)) / np.log(10), abs=1e-6)


def test_groups_stay_apart_where_some_are_not_tested() -> None:
    """On X people of unknown sex are excluded; the others receive the traits of the same people as on the autosomes."""
    ancestry, kept = groups_of(80), np.sort(np.random.default_rng(4).permutation(80)[:61])
    values, nothing = np.zeros((80, 1)), np.empty((80, 0))
    everyone = Cohort(np.arange(80), np.arange(80), values, nothing, None, 80, exchangeable=ancestry)
    some = Cohort(np.arange(61), kept, values[:61], nothing[:61], None, 80, exchangeable=ancestry)
    for whole, part in zip(orders(everyone, 20, 5), orders(some, 20, 5), strict=True):
        np.testing.assert_array_equal(ancestry[kept[part]], ancestry[kept])
        both = np.isin(whole[kept], kept)
        assert both.sum() > 30
        for number in (1, 2, 3):
            members = ancestry == number
            in_order = [donor for donor in whole[members] if donor in kept]
            assert list(kept[part][ancestry[kept] == number]) == in_order


def test_one_group_is_permuted_as_a_cohort_without_groups() -> None:
    values, nothing = np.zeros((50, 1)), np.empty((50, 0))
    cohort = Cohort(np.arange(50), np.arange(50), values, nothing, None, 50)
    for shuffle, order in enumerate(orders(cohort, 3, 7)):
        np.testing.assert_array_equal(order, np.random.default_rng([7, shuffle]).permutation(50))


def test_chromosomes_share_their_shuffles_whatever_the_order_of_people(tmp_path: Path) -> None:
    dosage = fileset.draw(80, 30, 2)
    fileset.write(tmp_path / "chr1", dosage)
    eids = fileset.write(tmp_path / "chr2", dosage[::-1].copy(), chrom="2")
    fam = tmp_path / "chr2.fam"
    fam.write_text("\n".join(reversed(fam.read_text().splitlines())) + "\n")
    traits, more = fileset.tables(eids, 4, 2, 2)
    first, second = (maxima(tmp_path / name, traits, more, permutations=10) for name in ("chr1", "chr2"))
    np.testing.assert_allclose(first, second, atol=1e-9)


def test_a_missing_call_hardly_moves_the_maximum(tmp_path: Path) -> None:
    dosage = fileset.draw(400, 50, 3)
    eids = fileset.write(tmp_path / "whole", dosage)
    rng = np.random.default_rng(3)
    dosage[rng.random(dosage.shape) < 0.002] = fileset.NO_CALL
    fileset.write(tmp_path / "gaps", dosage)
    traits, more = fileset.tables(eids, 4, 2, 3)
    whole, has_missing = (maxima(tmp_path / name, traits, more, permutations=50) for name in ("whole", "gaps"))
    assert np.corrcoef(whole, has_missing)[0, 1] > 0.9
    assert np.abs(whole - has_missing).mean() < 0.15


@pytest.mark.skipif(not compiled.is_available(), reason="the compiled table kernel is not installed")
@pytest.mark.parametrize("missing", [0.0, 0.01])
def test_both_kernels_reach_the_same(tmp_path: Path, missing: float) -> None:
    dosage = fileset.draw(300, 2500, 6)
    dosage[np.random.default_rng(6).random(dosage.shape) < missing] = fileset.NO_CALL
    stem = tmp_path / "cohort"
    traits, more = fileset.tables(fileset.write(stem, dosage), 7, 3, 6)
    named = Traits(traits.eids, tuple(f"made.{lead}.f{k}" for lead in ("I", "II") for k in range(4))[:7], traits.values)
    found = []
    for kernel in ("numpy", "table"):
        made = matrix_options(stem, permutations=600, kernel=kernel)
        found.append(matrix.scan(made, named, more, fileset.opened(made), seed=9))
    np.testing.assert_allclose(found[1].permutation_max, found[0].permutation_max, atol=1e-9)
    np.testing.assert_allclose(found[1].set_permutation_max, found[0].set_permutation_max, atol=1e-5)


def test_one_test_is_uniform_under_shuffling(tmp_path: Path) -> None:
    """One trait with gaps, one variant with gaps: the maxima are the p-values of one null test."""
    rng = np.random.default_rng(4)
    dosage = rng.binomial(2, 0.3, (300, 1)).astype(np.int8)
    dosage[rng.random(dosage.shape) < 0.05] = fileset.NO_CALL
    eids = fileset.write(tmp_path / "cohort", dosage)
    traits, more = fileset.tables(eids, 1, 4, 4)
    traits.values[rng.random(300) < 0.2, 0] = np.nan
    found = maxima(tmp_path / "cohort", traits, more, permutations=2000)
    assert stats.kstest(10.0**-found, "uniform").pvalue > 0.01


def test_no_shuffles_no_maxima(tmp_path: Path) -> None:
    eids = fileset.write(tmp_path / "cohort", fileset.draw(30, 5, 5))
    traits, more = fileset.tables(eids, 2, 1, 5)
    assert len(maxima(tmp_path / "cohort", traits, more, permutations=0)) == 0
