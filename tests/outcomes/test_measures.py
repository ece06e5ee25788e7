"""Measures of scores against their definitions, pair by pair and participant by participant, and against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special, stats

from ecgwas.errors import InputError
from ecgwas.outcomes import measures


def pairs(scores: NDArray[np.float64], cases: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(cases, controls): 1 if the case is higher, one half if equal."""
    difference = scores[cases][:, None] - scores[~cases]
    return (difference > 0) + 0.5 * (difference == 0)


def delong(first: NDArray[np.float64], second: NDArray[np.float64], cases: NDArray[np.bool_]) -> float:
    """Variance of the difference of two areas by equations 4 and 5 of DeLong et al."""
    each = [pairs(scores, cases) for scores in (first, second)]
    s10 = np.cov([one.mean(axis=1) for one in each])
    s01 = np.cov([one.mean(axis=0) for one in each])
    whole = s10 / cases.sum() + s01 / (~cases).sum()
    return float(whole[0, 0] + whole[1, 1] - 2 * whole[0, 1])


@given(people=st.integers(4, 60), levels=st.integers(2, 40), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_auroc_and_its_interval_by_definition(people: int, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, cases = rng.integers(0, levels, people).astype(float), np.arange(people) < rng.integers(2, people - 1)
    estimate = measures.auroc(scores, cases)
    kernel = pairs(scores, cases)
    assert estimate.value == pytest.approx(kernel.mean())
    assert estimate.value == pytest.approx(stats.mannwhitneyu(scores[cases], scores[~cases]).statistic / kernel.size)
    if 0 < kernel.mean() < 1:
        variance = kernel.mean(axis=1).var(ddof=1) / len(kernel) + kernel.mean(axis=0).var(ddof=1) / len(kernel.T)
        half = 1.959964 * np.sqrt(variance) / (kernel.mean() * (1 - kernel.mean()))
        expected = special.expit(special.logit(kernel.mean()) + half * np.array([-1, 1]))
        assert (estimate.low, estimate.high) == pytest.approx(tuple(expected), rel=1e-6)
    else:
        assert np.isnan([estimate.low, estimate.high]).all()


def test_delong_interval_covers_the_area() -> None:
    """Normal scores of cases one SD above controls: the area is Phi(1 / sqrt 2)."""
    rng = np.random.default_rng(1)
    truth, covered = stats.norm.cdf(np.sqrt(0.5)), 0
    for _ in range(400):
        cases = np.arange(150) < 40
        estimate = measures.auroc(rng.standard_normal(150) + cases, cases)
        covered += estimate.low <= truth <= estimate.high
    assert 0.92 <= covered / 400 <= 0.98


def test_difference_of_areas_by_definition() -> None:
    rng = np.random.default_rng(2)
    cases = rng.random(90) < 0.3
    first = np.round(rng.standard_normal(90) + cases, 1)
    second = np.round(first + rng.standard_normal(90), 1)
    difference = measures.auroc_difference(first, second, cases)
    assert difference.value == pytest.approx(pairs(first, cases).mean() - pairs(second, cases).mean())
    assert difference.se == pytest.approx(np.sqrt(delong(first, second, cases)))
    assert difference.p == pytest.approx(2 * stats.norm.sf(abs(difference.value) / difference.se))
    assert (difference.low + difference.high) / 2 == pytest.approx(difference.value)
    same = measures.auroc_difference(first, 3 * first + 1, cases)
    assert (same.value, same.p) == (0.0, 1.0)
    assert np.isnan(measures.auroc_difference(first, second, np.arange(90) < 1).p)


@given(people=st.integers(1, 50), levels=st.integers(1, 40), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_average_precision_by_definition(people: int, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, cases = rng.integers(0, levels, people).astype(float), rng.random(people) < 0.4
    if not cases.any():
        assert np.isnan(measures.auprc(scores, cases))
        return
    value, recall = 0.0, 0.0
    for threshold in np.unique(scores)[::-1]:
        positive = scores >= threshold
        value += (cases[positive].sum() / cases.sum() - recall) * cases[positive].mean()
        recall = cases[positive].sum() / cases.sum()
    assert measures.auprc(scores, cases) == pytest.approx(value)


def test_a_score_without_information_has_the_prevalence() -> None:
    cases = np.arange(40) < 10
    assert measures.auprc(np.ones(40), cases) == 0.25
    assert measures.auroc(np.ones(40), cases).value == 0.5
    assert measures.top_prevalence(np.ones(40), cases) == pytest.approx(0.25)


def test_brier_score_and_top_tenth_by_hand() -> None:
    risks, cases = np.array([0.1, 0.4, 0.8, 0.9]), np.array([False, True, False, True])
    assert measures.brier(risks, cases) == pytest.approx((0.01 + 0.36 + 0.64 + 0.01) / 4)
    scores = np.r_[9.0, 8.0, 8.0, 8.0, np.zeros(16)]  # The top tenth of 20 is the 9 and one of three 8s.
    cases = np.r_[True, True, False, False, np.zeros(16, dtype=bool)]
    assert measures.top_prevalence(scores, cases) == pytest.approx((1 + 1 / 3) / 2)
    assert measures.top_prevalence(scores, cases, 1.0) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="share"):
        measures.top_prevalence(scores, cases, 0.0)


def test_calibration_is_the_regression_of_statsmodels() -> None:
    rng = np.random.default_rng(4)
    logit = rng.normal(-1, 1.5, 800)
    cases = rng.random(800) < special.expit(0.3 + 0.6 * logit)
    calibration = measures.calibration(special.expit(logit), cases)
    slope = sm.Logit(cases.astype(float), sm.add_constant(logit)).fit(disp=0).params[1]
    offset = sm.GLM(cases.astype(float), np.ones((800, 1)), family=sm.families.Binomial(), offset=logit).fit(tol=1e-12)
    assert (calibration.slope, calibration.intercept) == pytest.approx((slope, offset.params[0]), rel=1e-7)
    assert calibration.slope == pytest.approx(0.6, abs=0.15)
    deciles = np.array_split(np.argsort(logit), 10)
    np.testing.assert_array_equal(calibration.people, 80)
    np.testing.assert_allclose(calibration.predicted, [special.expit(logit[rows]).mean() for rows in deciles])
    np.testing.assert_allclose(calibration.observed, [cases[rows].mean() for rows in deciles])


def test_equal_risks_stay_in_one_group() -> None:
    risks, cases = np.repeat([0.1, 0.2, 0.7], [50, 30, 20]), np.arange(100) % 3 == 0
    calibration = measures.calibration(risks, cases)
    np.testing.assert_array_equal(calibration.people, [50, 30, 20])
    np.testing.assert_allclose(calibration.predicted, [0.1, 0.2, 0.7])


def test_calibration_without_a_slope() -> None:
    cases = np.arange(20) < 5
    constant = measures.calibration(np.full(20, 0.5), cases)
    assert np.isnan(constant.slope)
    assert constant.intercept == pytest.approx(special.logit(0.25))
    for risks, outcome in ((np.linspace(0, 0.9, 20), cases), (np.full(20, 0.5), np.ones(20, dtype=bool))):
        assert np.isnan([measures.calibration(risks, outcome).slope, measures.calibration(risks, outcome).intercept]).all()
    separated = measures.calibration(np.linspace(0.9, 0.1, 20), cases)
    assert np.isnan(separated.slope)


def test_bootstrap_of_a_mean_is_its_standard_error() -> None:
    rng = np.random.default_rng(5)
    values = rng.standard_normal(400)
    interval = measures.bootstrap(lambda x: float(x.mean()), (values,), count=2000, rng=rng)
    half = 1.96 * values.std() / np.sqrt(400)
    assert interval.value == values.mean()
    assert (interval.low, interval.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)
    assert (interval.resamples, interval.without_value) == (2000, 0)


def test_paired_bootstrap_agrees_with_delong() -> None:
    rng = np.random.default_rng(6)
    cases = rng.random(300) < 0.4
    first = rng.standard_normal(300) + cases
    second = first + rng.standard_normal(300)
    interval = measures.bootstrap(
        lambda a, b, y: measures.auroc(a, y).value - measures.auroc(b, y).value, (first, second, cases), count=400, rng=rng
    )
    difference = measures.auroc_difference(first, second, cases)
    assert interval.value == pytest.approx(difference.value)
    assert (interval.low, interval.high) == pytest.approx((difference.low, difference.high), abs=0.4 * difference.se)


def test_resamples_without_a_case_are_counted() -> None:
    cases = np.arange(30) < 1
    scores = np.arange(30.0)
    interval = measures.bootstrap(lambda s, y: measures.auroc(s, y).value, (scores, cases), rng=np.random.default_rng(1))
    assert 60 < interval.without_value < 160  # exp(-1) of 300
    assert interval.low == interval.high == 0.0
    none = measures.bootstrap(lambda s, y: measures.auroc(s, y).value, (scores, cases & False), rng=np.random.default_rng(1))
    assert none.without_value == 300
    assert np.isnan([none.value, none.low]).all()


def test_refusals_in_words() -> None:
    cases = np.array([True, False])
    for call, error, words in (
        (lambda: measures.auroc(np.array([1.0, np.nan]), cases), InputError, "1 scores are missing"),
        (lambda: measures.brier(np.array([1.5, 0.2]), cases), InputError, "risks range from 0.2 to 1.5"),
        (lambda: measures.auroc(np.empty(0), np.empty(0, dtype=bool)), InputError, "no participants"),
        (lambda: measures.auprc(np.ones(3), cases), ValueError, "3 scores and 2 cases"),
        (lambda: measures.auprc(np.ones(2), np.array([1, 0])), ValueError, "as many bool"),
    ):
        with pytest.raises(error, match=words):
            call()
    one_case = measures.auroc(np.array([1.0, 2.0, 0.0]), np.array([True, False, False]))
    assert one_case.value == 0.5
    assert np.isnan(one_case.low)
    assert np.isnan(measures.auroc(np.ones(2), np.ones(2, dtype=bool)).value)
