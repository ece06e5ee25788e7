"""Fits of binary outcomes against statsmodels, and Firth's likelihood against its direct numerical maximisation."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, special, stats

from ecgwas.outcomes import logistic_fit
from ecgwas.outcomes.checks import Status
from tests.outcomes.cohorts import drawn, with_ones

LIMIT = float(stats.chi2.ppf(0.95, 1))


def loss(at: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.int8]) -> float:
    """Minus log likelihood minus half the log determinant of the information, written out."""
    eta = x @ at
    mu = special.expit(eta)
    information = x.T @ np.diag(mu * (1 - mu)) @ x
    return float(-(y * eta - np.logaddexp(0, eta)).sum() - 0.5 * np.linalg.slogdet(information)[1])


def profiled(value: float, x: NDArray[np.float64], y: NDArray[np.int8]) -> float:
    """The loss with the first coefficient fixed, over the others: the best of several starts, as the loss is not convex."""
    starts = np.zeros((5, x.shape[1] - 1))
    starts[:, 0] = (-6.0, -2.0, 0.0, 2.0, 6.0)
    ends = [optimize.minimize(lambda rest: loss(np.r_[value, rest], x, y), start, method="BFGS", tol=1e-8) for start in starts]
    return float(min(end.fun for end in ends))


def test_maximum_likelihood_is_that_of_statsmodels() -> None:
    cohort = drawn()
    for k in range(3):
        rows = cohort.diseases[:, k] >= 0
        y, covariates = cohort.diseases[rows, k], with_ones(cohort.covariates[rows])
        null = sm.Logit(y, covariates).fit(disp=0, tol=1e-12)
        for f in range(2):
            full = sm.Logit(y, np.column_stack([cohort.features[rows, f], covariates])).fit(disp=0, tol=1e-12)
            fit = logistic_fit.maximum_likelihood(cohort.features[:, f], cohort.diseases[:, k], cohort.covariates)
            assert fit.status is Status.TESTED
            assert (fit.beta, fit.se) == pytest.approx((full.params[0], full.bse[0]), rel=1e-7)
            assert (fit.low, fit.high) == pytest.approx(tuple(full.conf_int()[0]), rel=1e-6)
            assert fit.chi2 == pytest.approx(2 * (full.llf - null.llf), abs=1e-8)
            assert fit.wald_neglog10p == pytest.approx(-np.log10(full.pvalues[0]), rel=1e-6)
            assert fit.neglog10p == pytest.approx(-stats.chi2.logsf(fit.chi2, 1) / np.log(10), rel=1e-9)


@given(people=st.integers(10, 40), cases=st.integers(3, 7), covariates=st.integers(0, 2), seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_firth_maximises_the_penalised_likelihood(people: int, cases: int, covariates: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.standard_normal(people), np.ones(people), rng.standard_normal((people, covariates))])
    y = rng.permutation(np.arange(people) < cases).astype(np.int8)
    fit = logistic_fit.firth(x[:, 0], y, x[:, 2:])
    assert fit.status is Status.TESTED
    best = optimize.minimize(loss, np.zeros(x.shape[1]), (x, y), method="BFGS", options={"gtol": 1e-8})
    # Maximisers agree to the square root of the agreement of maxima.
    assert fit.beta == pytest.approx(best.x[0], abs=1e-4 * (1 + abs(best.x[0])))
    assert profiled(fit.beta, x, y) <= best.fun + 1e-8
    assert fit.chi2 == pytest.approx(2 * (profiled(0.0, x, y) - best.fun), abs=1e-5)
    for bound in (fit.low, fit.high):
        assert 2 * (profiled(bound, x, y) - best.fun) == pytest.approx(LIMIT, abs=1e-4)
    assert fit.low < fit.beta < fit.high


def test_firth_under_complete_separation_by_brute_force() -> None:
    """Ten people, the feature separates: the maximum on a fine grid of both coefficients."""
    x = np.column_stack([np.arange(10) - 4.5, np.ones(10)])
    y = (np.arange(10) >= 5).astype(np.int8)
    fit = logistic_fit.firth(x[:, 0], y, np.empty((10, 0)))
    slopes = np.arange(0.2, 2.5, 0.0005)
    values = [loss(np.array([slope, 0.0]), x, y) for slope in slopes]  # By symmetry the intercept is 0.
    assert fit.beta == pytest.approx(slopes[int(np.argmin(values))], abs=0.0006)
    assert fit.status is Status.TESTED
    assert 0 < fit.low < fit.beta < fit.high
    plain = logistic_fit.maximum_likelihood(x[:, 0], y, np.empty((10, 0)))
    assert plain.status is Status.INFINITE
    assert np.isnan([plain.beta, plain.se, plain.chi2, plain.neglog10p]).all()


def test_firth_of_a_two_by_two_table_adds_one_half_to_each_cell() -> None:
    """The saturated model of a table: Firth's penalty is Jeffreys' prior, one half added to each count."""
    counts = {(0, 0): 20, (0, 1): 3, (1, 0): 15, (1, 1): 0}
    exposed, y = (np.array([key[i] for key, n in counts.items() for _ in range(n)]) for i in (0, 1))
    fit = logistic_fit.firth(exposed.astype(float), y.astype(np.int8), np.empty((len(y), 0)))
    a, b, c, d = (counts[key] + 0.5 for key in ((0, 0), (0, 1), (1, 0), (1, 1)))
    assert fit.beta == pytest.approx(np.log(a * d / (b * c)), abs=1e-7)
    plain = logistic_fit.maximum_likelihood(exposed.astype(float), y.astype(np.int8), np.empty((len(y), 0)))
    assert plain.status is Status.INFINITE  # Quasi-complete separation.


def test_firth_of_many_participants_is_maximum_likelihood_and_unit_free() -> None:
    cohort = drawn(5000, 1, 1)
    one, other = (fit(cohort.features[:, 0], cohort.diseases[:, 0], cohort.covariates) for fit in
                  (logistic_fit.firth, logistic_fit.maximum_likelihood))  # fmt: skip
    assert one.beta == pytest.approx(other.beta, abs=0.05 * other.se)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.05 * other.se)
    scaled = logistic_fit.firth(1000 * cohort.features[:, 0] - 7, cohort.diseases[:, 0], cohort.covariates)
    assert (1000 * scaled.beta, 1000 * scaled.low) == pytest.approx((one.beta, one.low), rel=1e-7)
    assert scaled.chi2 == pytest.approx(one.chi2, rel=1e-7)


def test_separation_by_a_covariate_leaves_the_feature_estimable() -> None:
    cohort = drawn(400)
    group = np.arange(400) < 30
    y = cohort.diseases[:, 0].copy()
    y[group] = np.minimum(y[group], 0)
    fit = logistic_fit.maximum_likelihood(cohort.features[:, 0], y, np.column_stack([cohort.covariates, group]))
    without = logistic_fit.maximum_likelihood(cohort.features[~group, 0], y[~group], cohort.covariates[~group])
    assert fit.status is Status.SEPARATED
    assert (fit.beta, fit.se, fit.chi2) == pytest.approx((without.beta, without.se, without.chi2), rel=1e-5)


@pytest.mark.parametrize("fit", [logistic_fit.maximum_likelihood, logistic_fit.firth])
def test_what_cannot_be_fitted_says_why(fit: object) -> None:
    cohort = drawn(60, 1, 1)
    feature, none = cohort.features[:, 0], np.empty((60, 0))
    cases = np.ones(60, dtype=np.int8)
    assert fit(feature, cases, none).status is Status.TOO_FEW
    assert fit(np.full(60, 2.5), cohort.diseases[:, 0], none).status is Status.CONSTANT
    assert fit(cohort.covariates[:, 1], cohort.diseases[:, 0], cohort.covariates).status is Status.CONSTANT
    missing = np.where(np.arange(60) < 20, np.nan, feature)
    assert fit(missing, cohort.diseases[:, 0], none).people == (cohort.diseases[20:, 0] >= 0).sum()


def test_one_case() -> None:
    cohort = drawn(80, 1, 1)
    y = (np.arange(80) == 3).astype(np.int8)
    fit = logistic_fit.firth(cohort.features[:, 0], y, cohort.covariates)
    assert fit.status is Status.TESTED
    assert fit.low < fit.beta < fit.high
    assert fit.cases == 1
