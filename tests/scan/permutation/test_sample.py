"""A sample of the participants is permuted: its maxima are those of the sample alone, the same on every chromosome."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats

from ecgwas.errors import InputError
from ecgwas.loci import thresholds
from ecgwas.scan import matrix
from ecgwas.scan.engine.samples import Cohort
from ecgwas.scan.permutation import effective_tests, sample
from ecgwas.study import LociOptions
from ecgwas.study.scan import Matrix
from ecgwas.tables import Covariates, ScanResult, Traits
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options


def scanned(
    stem: Path, traits: Traits, covariates: Covariates, seed: int = 9, ancestry: NDArray[np.int64] | None = None,
    **options: object,
) -> ScanResult:  # fmt: skip
    made = matrix_options(stem, **{"min_mac": 1, **options})
    return matrix.scan(made, traits, covariates, fileset.opened(made), seed=seed, ancestry=ancestry)


@pytest.fixture
def small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies of more than 100 participants are sampled: 90 of them."""
    for name, value in {"ALL_UP_TO": 100, "SAMPLED": 90, "EXPECTED_COPIES": 0.1, "MIN_COPIES": 3, "MIN_PEOPLE": 20}.items():
        monkeypatch.setattr(sample, name, value)


def drawn(total: int, count: int, seed: int) -> NDArray[np.int64]:
    """Rows of the tables of the participants sampled."""
    return np.sort(np.random.default_rng([seed, total]).permutation(total)[:count])


def unit_residuals(basis: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Residuals of (N, C) columns on a basis (N, R), of unit length."""
    left = columns - basis @ (basis.T @ columns)
    return np.asarray(left / np.linalg.norm(left, axis=0))


def neglog10p_of(r: float, df: int) -> float:
    """-log10 p of a correlation, by SciPy."""
    return float(-(stats.t.logsf(r * np.sqrt(df / (1 - r**2)), df) + np.log(2)) / np.log(10))


@pytest.mark.parametrize("kernel", ["numpy", "auto"])
def test_each_maximum_is_that_of_a_scan_of_the_sample_alone(tmp_path: Path, small_samples: None, kernel: str) -> None:
    """Against statsmodels: residuals on its own covariates, its own degrees of freedom, without variants too rare in it."""
    dosage = fileset.draw(150, 30, 1)
    dosage[:, 4] = 0
    rows = drawn(150, 90, 9)
    eids = fileset.write(tmp_path / "cohort", dosage)
    traits, more = fileset.tables(eids, 4, 3, 1)
    rare = [eids.index(traits.eids[row]) for row in rows[:2]]
    dosage[rare, 4] = 1  # two copies in the sample
    dosage[[i for i in range(150) if traits.eids.index(eids[i]) not in rows][:9], 4] = 1
    fileset.write(tmp_path / "cohort", dosage)
    result = scanned(tmp_path / "cohort", traits, more, permutations=3, kernel=kernel, sets_of_traits=False)
    assert (result.permuted_people, result.permuted_tests, result.tests.tolist()) == (90, 29 * 4, [30] * 4)
    predictors = sm.add_constant(more.values[rows])
    left = np.column_stack([sm.OLS(column, predictors).fit().resid for column in traits.values[rows].T])
    of_row = np.array([eids.index(eid) for eid in traits.eids])
    for shuffle in range(3):
        order = np.random.default_rng([9, shuffle]).permutation(150)
        donors = order[np.isin(order, rows)]
        place = np.full(150, -1)
        place[rows] = np.arange(90)
        # Participants of the sample in the order of the tables receive the traits of the donors in this order.
        permuted = left[place[donors]]
        largest = 0.0
        for j in [j for j in range(30) if j != 4]:
            full = np.column_stack([predictors, dosage[of_row[rows], j].astype(float)])
            largest = max([largest, *(abs(sm.OLS(column, full).fit().tvalues[-1]) for column in permuted.T)])
        p = -(stats.t.logsf(largest, 90 - 5) + np.log(2)) / np.log(10)
        assert result.permutation_max[shuffle] == pytest.approx(p, abs=1e-5)


def test_the_same_people_on_every_chromosome_and_with_every_block(tmp_path: Path, small_samples: None) -> None:
    dosage = fileset.draw(160, 60, 2)
    fileset.write(tmp_path / "chr1", dosage)
    eids = fileset.write(tmp_path / "chr2", dosage[::-1].copy(), chrom="2")
    fam = tmp_path / "chr2.fam"
    fam.write_text("\n".join(reversed(fam.read_text().splitlines())) + "\n")
    traits, more = fileset.tables(eids, 6, 2, 2)
    first, second, blocks, threads, other = (
        scanned(tmp_path / name, traits, more, permutations=20, **changed)
        for name, changed in (
            ("chr1", {}), ("chr2", {}), ("chr1", {"block": 7}), ("chr1", {"block": 7, "threads": 3}), ("chr1", {"seed": 8}),
        )
    )  # fmt: skip
    for again in (second, blocks, threads):
        np.testing.assert_allclose(again.permutation_max, first.permutation_max, atol=3e-6)
        np.testing.assert_allclose(again.set_permutation_max, first.set_permutation_max, atol=2e-5)
        assert again.permuted_tests == first.permuted_tests == 360
    for again in (blocks, threads):
        np.testing.assert_allclose(again.effective_tests, first.effective_tests, rtol=1e-6)
    np.testing.assert_allclose(second.effective_tests[0, 2:], first.effective_tests[0, 2:], rtol=0.3)  # from 3 on
    assert np.abs(other.permutation_max - first.permutation_max).max() > 0.1


def test_trait_sets_are_tested_in_all_participants_and_in_the_first_permutations(
    tmp_path: Path, small_samples: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "SET_PERMUTATIONS", 8)
    eids = fileset.write(tmp_path / "cohort", fileset.draw(160, 40, 3))
    traits, more = fileset.tables(eids, 6, 2, 3)
    everyone = scanned(tmp_path / "cohort", traits, more, permutations=1, permuted_people="all")
    sampled = scanned(tmp_path / "cohort", traits, more, permutations=20)
    assert sampled.sets.frame.equals(everyone.sets.frame)
    assert sampled.associations.frame.equals(everyone.associations.frame)
    assert (len(sampled.permutation_max), len(sampled.set_permutation_max)) == (20, 8)
    assert (everyone.permuted_people, everyone.permuted_tests) == (160, 0)
    assert (sampled.set_permutation_max > 0).all()


def test_traits_that_too_few_of_the_sample_have_are_not_permuted(tmp_path: Path, small_samples: None) -> None:
    eids = fileset.write(tmp_path / "cohort", fileset.draw(160, 40, 4))
    traits, more = fileset.tables(eids, 3, 1, 4)
    traits.values[15:, 1] = np.nan
    result = scanned(tmp_path / "cohort", traits, more, permutations=2)
    assert result.permuted_tests == 2 * 40
    traits.values[15:] = np.nan
    with pytest.raises(InputError, match="no trait has 22 participants"):
        scanned(tmp_path / "cohort", traits, more, permutations=2)


def test_a_study_up_to_the_limit_permutes_everyone(tmp_path: Path) -> None:
    eids = fileset.write(tmp_path / "cohort", fileset.draw(120, 20, 5))
    traits, more = fileset.tables(eids, 4, 2, 5)
    automatic, everyone = (
        scanned(tmp_path / "cohort", traits, more, permutations=9, **given) for given in ({}, {"permuted_people": "all"})
    )
    assert automatic.permutation_max.tobytes() == everyone.permutation_max.tobytes()
    assert automatic.set_permutation_max.tobytes() == everyone.set_permutation_max.tobytes()
    assert (automatic.permuted_people, automatic.permuted_tests, automatic.effective_tests.size) == (120, 0, 0)


@pytest.mark.parametrize(
    ("given", "people", "traits", "expected"),
    [
        ({}, 5000, 384, 5000),
        ({}, 5001, 384, 2000),
        ({}, 100_000, 384, 2000),
        ({}, 100_000, 600, 3000),
        ({"sets_of_traits": False}, 100_000, 600, 2000),
        ({"min_maf": 0.0025}, 100_000, 10, 4000),
        ({"min_maf": 0.0}, 100_000, 10, 5000),
        ({"min_maf": 0.0, "min_mac": 0}, 100_000, 10, 5000),
        ({"permuted_people": "all"}, 100_000, 384, 100_000),
        ({"permuted_people": 700}, 100_000, 384, 700),
        ({"permuted_people": 700}, 600, 384, 600),
        ({"relatives": "polygenic"}, 14_000, 384, 14_000),
        ({"relatives": "family"}, 100_000, 384, 100_000),
    ],
)
def test_how_many_are_permuted(given: dict[str, object], people: int, traits: int, expected: int) -> None:
    options = Matrix.model_validate({"genotypes": "none", **given})
    assert sample.people_permuted(options, people, traits) == expected


@pytest.mark.parametrize("relatives", ["family", "polygenic"])
def test_a_sample_of_relatives_is_refused(relatives: str) -> None:
    with pytest.raises(ValueError, match="permuted_people needs relatives: drop"):
        Matrix.model_validate({"genotypes": "none", "relatives": relatives, "permuted_people": 700})


@pytest.mark.parametrize("kernel", ["numpy", "auto"])
def test_a_sample_is_permuted_within_ancestry_groups(tmp_path: Path, small_samples: None, kernel: str) -> None:
    """Against correlations of residuals permuted by hand within each group of the sample."""
    dosage, rows = fileset.draw(150, 30, 6), drawn(150, 90, 9)
    eids = fileset.write(tmp_path / "cohort", dosage)
    traits, more = fileset.tables(eids, 4, 2, 6)
    labels = np.arange(150) % 3
    result = scanned(tmp_path / "cohort", traits, more, permutations=3, kernel=kernel, ancestry=labels, sets_of_traits=False)
    assert (result.permuted_people, result.permuted_tests) == (90, 30 * 4)
    basis, _ = np.linalg.qr(np.column_stack([np.ones(90), more.values[rows]]))

    of_row = np.array([eids.index(eid) for eid in traits.eids])
    genotypes = unit_residuals(basis, dosage[of_row[rows]].astype(float))
    residuals, place = unit_residuals(basis, traits.values[rows]), np.full(150, -1)
    place[rows] = np.arange(90)
    for shuffle in range(3):
        rng, permuted = np.random.default_rng([9, shuffle]), np.empty_like(residuals)
        for group in range(3):
            members = np.flatnonzero(labels == group)
            donors = place[members[rng.permutation(len(members))]]
            receivers = place[members]
            permuted[receivers[receivers >= 0]] = residuals[donors[donors >= 0]]
        r = np.abs(genotypes.T @ unit_residuals(basis, permuted)).max()
        assert result.permutation_max[shuffle] == pytest.approx(neglog10p_of(r, 90 - 4), abs=1e-5)


def test_effective_tests_are_not_counted_where_ancestries_differ_in_variance(tmp_path: Path, small_samples: None) -> None:
    """The order statistic of the permutations is then the threshold."""
    eids = fileset.write(tmp_path / "cohort", fileset.draw(240, 40, 7))
    traits, more = fileset.tables(eids, 3, 1, 7)
    labels = np.arange(240) % 2
    equal = scanned(tmp_path / "cohort", traits, more, permutations=40, ancestry=labels)
    traits.values[labels == 1, 1] *= 3
    unequal = scanned(tmp_path / "cohort", traits, more, permutations=40, ancestry=labels)
    assert equal.effective_tests.shape[1] > 0
    assert (unequal.effective_tests.size, unequal.permuted_tests) == (0, 120)
    table = thresholds.table(LociOptions(set_share=0.0), [unequal], traits, 1).frame
    used = table.filter(table["used"]).to_dicts()[0]
    assert (used["estimator"], used["people"]) == ("order statistic", 90)


@pytest.mark.parametrize("men_on_x", [1, 2])
def test_men_count_on_x_in_the_sample_as_in_the_test(tmp_path: Path, small_samples: None, men_on_x: int) -> None:
    """Each maximum is the largest correlation with genotypes in which men have one copy or two."""
    dosage, rows = fileset.draw(150, 30, 8), drawn(150, 90, 9)
    sexes = np.arange(150) % 2 + 1  # as fileset.write
    dosage[(sexes == 1)[:, None] & (dosage == 1)] = 2
    eids = fileset.write(tmp_path / "cohort", dosage, chrom="X")
    traits, more = fileset.tables(eids, 4, 2, 8)
    given = {"permutations": 2, "men_on_x": men_on_x, "chromosomes": ["X"], "sets_of_traits": False}
    result = scanned(tmp_path / "cohort", traits, more, **given)
    of_row = np.array([eids.index(eid) for eid in traits.eids])
    of_sample, sex = dosage[of_row[rows]].astype(float), sexes[of_row[rows]]
    of_sample[sex == 1] *= men_on_x / 2
    basis, _ = np.linalg.qr(np.column_stack([np.ones(90), more.values[rows], sex]))

    place = np.full(150, -1)
    place[rows] = np.arange(90)
    for shuffle in range(2):
        order = np.random.default_rng([9, shuffle]).permutation(150)
        permuted = unit_residuals(basis, traits.values[rows])[place[order[np.isin(order, rows)]]]
        r = np.abs(unit_residuals(basis, of_sample).T @ unit_residuals(basis, permuted)).max()
        assert result.permutation_max[shuffle] == pytest.approx(neglog10p_of(r, 90 - 5), abs=1e-5)


def test_a_sampled_cohort_keeps_what_belongs_to_its_people(tmp_path: Path) -> None:
    """On X the men, and ancestry; participants who are not in the cohort are drawn too, and then skipped."""
    everyone = np.arange(300)
    some = everyone[everyone % 10 > 0]
    whole = Cohort(everyone, everyone, everyone[:, None] + 0.5, everyone[:, None] + 0.25, everyone % 2 == 0, 300,
                   ancestry=everyone % 3)  # fmt: skip
    arrays = {
        name: getattr(whole, name)[some] for name in ("fam_index", "table_index", "values", "covariates", "males", "ancestry")
    }
    first, second = (sample.sampled(one, 200, 4) for one in (whole, replace(whole, **arrays)))
    assert len(first.fam_index) == 200
    assert set(second.table_index) == set(first.table_index) & set(some)
    rows = first.table_index
    assert first.males is not None
    assert first.ancestry is not None
    np.testing.assert_array_equal(first.males, rows % 2 == 0)
    np.testing.assert_array_equal(first.ancestry, rows % 3)
    np.testing.assert_array_equal(first.values[:, 0], rows + 0.5)
    assert sample.sampled(whole, 300, 4) is whole


def test_a_sample_holds_the_family_wise_error(tmp_path: Path, small_samples: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Null studies of 240 participants, of whom 90 are permuted: the strongest test passes the threshold in 5 % of them."""
    monkeypatch.setattr(effective_tests, "DRAWS", 60)
    studies, beyond = 100, 0
    for seed in range(studies):
        rng = np.random.default_rng([seed, 7])
        dosage = rng.binomial(2, rng.uniform(0.15, 0.85, 40), (240, 40)).astype(np.int8)
        eids = fileset.write(tmp_path / "cohort", dosage)
        _, more = fileset.tables(eids, 1, 1, seed)
        values = rng.standard_normal((240, 3)) + rng.standard_normal((240, 1))
        traits = Traits(more.eids, ("r.I.a", "r.I.b", "r.II.c"), values)
        given = {"permutations": 100, "sets_of_traits": False, "keep_neglog10p": 0.0}
        result = scanned(tmp_path / "cohort", traits, more, seed=seed, **given)
        assert result.permuted_people == 90
        table = thresholds.table(LociOptions(set_share=0.0), [result], traits, 1)
        strongest = result.associations.frame["neglog10p"].max()
        beyond += int(strongest > thresholds.neglog10p_used(table))
    low, high = stats.binom.ppf([0.001, 0.999], studies, 0.05)
    assert low <= beyond <= high
