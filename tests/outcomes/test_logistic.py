"""Score tests and null models of binary outcomes against statsmodels and against what is left without some participants."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ecgwas.errors import InputError
from ecgwas.outcomes import logistic, score
from ecgwas.outcomes.checks import Status
from tests.outcomes.cohorts import drawn, with_ones


def test_score_tests_are_those_of_statsmodels() -> None:
    cohort = drawn()
    tested = logistic.screen(cohort.features, cohort.diseases, cohort.covariates)
    for k in range(cohort.diseases.shape[1]):
        rows = cohort.diseases[:, k] >= 0
        y, x = cohort.diseases[rows, k], with_ones(cohort.covariates[rows])
        null = sm.GLM(y, x, family=sm.families.Binomial()).fit(tol=1e-14)
        for f in range(cohort.features.shape[1]):
            expected = null.score_test(exog_extra=cohort.features[rows, f : f + 1])
            assert tested.z[f, k] ** 2 == pytest.approx(float(np.squeeze(expected[0])), rel=1e-7)
            assert tested.neglog10p[f, k] == pytest.approx(-np.log10(float(np.squeeze(expected[1]))), rel=1e-7)
        assert (tested.cases[:, k] == y.sum()).all()
        assert (tested.people[:, k] == len(y)).all()
    assert (tested.status == Status.TESTED).all()
    assert tested.z[0].min() > 2.5


def test_one_step_is_near_the_maximum_for_a_weak_effect_and_in_its_unit() -> None:
    cohort = drawn(4000, 2, 1, effect=0.05)
    tested = logistic.screen(cohort.features, cohort.diseases, cohort.covariates)
    rows = cohort.diseases[:, 0] >= 0
    for f in range(2):
        x = np.column_stack([with_ones(cohort.covariates[rows]), cohort.features[rows, f]])
        full = sm.Logit(cohort.diseases[rows, 0], x).fit(disp=0)
        assert tested.one_step[f, 0] == pytest.approx(full.params[-1], abs=0.02 * full.bse[-1])


def test_more_outcomes_than_a_block_and_more_people_than_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = drawn(400, 3, 9)
    whole = logistic.screen(cohort.features, cohort.diseases, cohort.covariates)
    monkeypatch.setattr(score, "BLOCK", 2)
    monkeypatch.setattr(score, "ROWS", 37)
    np.testing.assert_allclose(logistic.screen(cohort.features, cohort.diseases, cohort.covariates).z, whole.z, rtol=1e-9)


def test_a_missing_feature_excludes_the_participant() -> None:
    cohort = drawn()
    features = cohort.features.copy()
    features[:40, 1:3] = np.nan
    tested = logistic.screen(features, cohort.diseases, cohort.covariates)
    without = logistic.screen(cohort.features[40:, 1:3], cohort.diseases[40:], cohort.covariates[40:])
    whole = logistic.screen(cohort.features, cohort.diseases, cohort.covariates)
    np.testing.assert_allclose(tested.z[1:3], without.z, rtol=1e-9)
    np.testing.assert_allclose(tested.z[[0, 3]], whole.z[[0, 3]], rtol=1e-9)
    assert (tested.people[1:3] == without.people).all()


def test_a_group_without_cases_counts_as_excluded() -> None:
    """Quasi-complete separation by a covariate: the limit is the analysis without the group and without its covariate."""
    cohort = drawn(400)
    group = np.arange(400) < 30
    diseases = cohort.diseases.copy()
    diseases[group] = np.minimum(diseases[group], 0)
    tested = logistic.screen(cohort.features, diseases, np.column_stack([cohort.covariates, group]))
    without = logistic.screen(cohort.features[~group], diseases[~group], cohort.covariates[~group])
    np.testing.assert_allclose(tested.z, without.z, rtol=1e-5)
    assert (tested.status == Status.SEPARATED).all()


def test_outcomes_and_features_without_a_result_say_why() -> None:
    cohort = drawn(200, 2, 1)
    sex = cohort.covariates[:, 1]
    features = np.column_stack([cohort.features, np.full(200, 7.3), 3 * sex + 2, np.full(200, np.nan)])
    few = np.where(np.arange(200) < 5, 1, 0)
    outcomes = np.column_stack([cohort.diseases, np.ones(200), np.full(200, -1), few, sex]).astype(np.int8)
    tested = logistic.screen(features, outcomes, cohort.covariates)
    expected = np.full((5, 5), int(Status.TOO_FEW))
    expected[:4, 0], expected[2:4, 0], expected[:4, 4] = Status.TESTED, Status.CONSTANT, Status.PREDICTED
    np.testing.assert_array_equal(tested.status, expected)
    assert (np.isfinite(tested.z) == (tested.status == Status.TESTED)).all()
    assert np.isfinite(logistic.screen(cohort.features, outcomes[:, 3:4], cohort.covariates, min_cases=5).z).all()


def test_collinear_covariates_change_nothing() -> None:
    cohort = drawn()
    twice = np.column_stack([cohort.covariates, cohort.covariates @ [2.0, -1.0], np.full(300, 4.0)])
    # Nobody but women in the analysis of the first outcome, so that sex is constant there.
    diseases = cohort.diseases.copy()
    diseases[cohort.covariates[:, 1] == 0, 0] = -1
    one, other = (logistic.screen(cohort.features, diseases, each) for each in (cohort.covariates, twice))
    np.testing.assert_allclose(one.z, other.z, rtol=1e-8)
    assert (other.status == Status.TESTED).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f, y, c: (f, np.where(y == 1, 2, y).astype(np.int8), c), "neither 0 nor 1"),
        (lambda f, y, c: (np.where(f > 101, np.inf, f), y, c), "of the features are infinite"),
        (lambda f, y, c: (f, y, np.where(c > 70, np.nan, c)), "of the covariates are missing"),
    ],
)
def test_bad_values_are_refused_in_words(change: object, words: str) -> None:
    cohort = drawn(50)
    with pytest.raises(InputError, match=words):
        logistic.screen(*change(cohort.features, cohort.diseases, cohort.covariates))


@given(
    people=st.integers(2, 40),
    cases=st.integers(0, 40),
    kind=st.sampled_from(["normal", "ties", "constant"]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_odd_inputs_give_numbers_or_reasons(people: int, cases: int, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = {"normal": rng.standard_normal(people), "ties": rng.integers(0, 2, people), "constant": np.full(people, 0.1)}
    features = np.column_stack([values[kind], rng.standard_normal(people)]).astype(float)
    features[rng.random(people) < 0.1, 1] = np.nan
    outcome = (np.arange(people) < cases).astype(np.int8)
    outcome[rng.random(people) < 0.1] = -1
    covariates = rng.standard_normal((people, int(rng.integers(0, 4))))
    tested = logistic.screen(features, outcome[:, None], covariates, min_cases=1)
    valid = np.isin(tested.status, (Status.TESTED, Status.SEPARATED))
    assert (np.isfinite(tested.z) == valid).all()
    assert (np.abs(tested.z[valid]) <= np.sqrt(people) + 1e-6).all()


def test_nothing_to_test_is_empty() -> None:
    none = np.empty((0, 0))
    codes = np.full((2, 1), int(Status.TOO_FEW))
    np.testing.assert_array_equal(logistic.screen(np.empty((0, 2)), np.empty((0, 1), dtype=np.int8), none).status, codes)
    for f, k in ((0, 2), (2, 0)):
        tested = logistic.screen(np.ones((30, f)), np.zeros((30, k), dtype=np.int8), np.empty((30, 0)))
        assert tested.z.shape == (f, k)


@given(seed=st.integers(0, 10**6), scale=st.floats(1e-6, 1e6), shift=st.floats(-1e3, 1e3))
@settings(max_examples=20, deadline=None)
def test_units_do_not_matter(seed: int, scale: float, shift: float) -> None:
    cohort = drawn(80, 2, 1, seed=seed)
    one = logistic.screen(cohort.features, cohort.diseases, cohort.covariates, min_cases=3)
    other = logistic.screen(scale * (cohort.features - 100 + shift), cohort.diseases, 7 * cohort.covariates - 3, min_cases=3)
    np.testing.assert_array_equal(one.status, other.status)
    np.testing.assert_allclose(one.z, other.z, rtol=1e-5)
    np.testing.assert_allclose(one.one_step, other.one_step * scale, rtol=1e-5)


def test_level_of_the_score_test() -> None:
    """Under the null hypothesis z is standard normal."""
    rng = np.random.default_rng(5)
    cohort = drawn(500, 1, 8, effect=0.0)
    tested = logistic.screen(rng.standard_normal((500, 400)), cohort.diseases, cohort.covariates)
    assert stats.kstest(tested.z[:, 0], "norm").pvalue > 1e-3
    assert tested.z.std() == pytest.approx(1.0, abs=0.06)
