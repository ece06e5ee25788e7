"""Regressions of numeric outcomes against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgwas.errors import InputError
from ecgwas.outcomes import linear
from ecgwas.outcomes.checks import Status
from ecgwas.statistics.projection import span
from tests.outcomes.cohorts import drawn, with_ones


@pytest.mark.parametrize("errors", ["ordinary", "HC3"])
def test_regressions_are_those_of_statsmodels(errors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "ROWS", 61)
    cohort, rng = drawn(250), np.random.default_rng(3)
    features = cohort.features.copy()
    features[:20, 2] = np.nan
    spread = np.exp((features[:, :1] - 100) / 2)
    outcomes = 5 + 0.1 * features[:, :1] + 0.2 * cohort.covariates[:, :1] + spread * rng.standard_normal((250, 3))
    outcomes[200:, 1] = np.nan
    tested = linear.regress(features, outcomes, cohort.covariates, errors=errors)
    assert (tested.status == Status.TESTED).all()
    for f in range(4):
        for k in range(3):
            rows = ~np.isnan(features[:, f]) & ~np.isnan(outcomes[:, k])
            x = np.column_stack([features[rows, f], with_ones(cohort.covariates[rows])])
            kind = {} if errors == "ordinary" else {"cov_type": "HC3", "use_t": True}
            full = sm.OLS(outcomes[rows, k], x).fit(**kind)
            assert (tested.beta[f, k], tested.se[f, k]) == pytest.approx((full.params[0], full.bse[0]), rel=1e-8)
            assert (tested.df[f, k], tested.people[f, k]) == (full.df_resid, rows.sum())
            assert tested.neglog10p[f, k] == pytest.approx(-np.log10(full.pvalues[0]), rel=1e-7)


def test_null_models_give_the_squared_partial_correlation() -> None:
    cohort = drawn(100)
    outcome = cohort.features[:, 0] + cohort.covariates[:, 0]
    outcome[:10] = np.nan
    null = linear.null_model(outcome, span(cohort.covariates))
    tested = linear.regress(cohort.features[:, 1:2], outcome[:, None], cohort.covariates, errors="ordinary")
    basis = span(cohort.covariates)
    feature = cohort.features[:, 1:2]
    value = null.information(feature, (feature**2).T @ null.weights, feature.T @ (null.weights[:, None] * basis))
    ratio = (feature.T @ null.residuals) ** 2 / value
    assert null.neglog10p(ratio)[0] == pytest.approx(tested.neglog10p[0, 0], rel=1e-9)
    assert linear.null_model(outcome, basis, min_people=91).status is Status.TOO_FEW
    assert linear.null_model(2 * cohort.covariates[:, 0] + 1, basis).status is Status.CONSTANT


def test_what_cannot_be_tested_says_why() -> None:
    cohort = drawn(60, 1, 1)
    few = np.where(np.arange(60) < 10, 1.0, np.nan)
    features = np.column_stack([cohort.features[:, 0], np.ones(60), few])
    outcomes = np.column_stack([cohort.features[:, 0] ** 2, np.full(60, 3.0), few, cohort.covariates[:, 0]])
    tested = linear.regress(features, outcomes, cohort.covariates)
    expected = np.full((3, 4), int(Status.CONSTANT))
    expected[2], expected[:, 2], expected[0, 0] = Status.TOO_FEW, Status.TOO_FEW, Status.TESTED
    np.testing.assert_array_equal(tested.status, expected)
    assert (np.isfinite(tested.beta) == (expected == Status.TESTED)).all()
    assert (np.isfinite(tested.neglog10p) == (expected == Status.TESTED)).all()
    with pytest.raises(InputError, match="of the outcomes are infinite"):
        linear.regress(features, np.full((60, 1), np.inf), cohort.covariates)


@given(people=st.integers(1, 30), seed=st.integers(0, 10**6), errors=st.sampled_from(["ordinary", "HC3"]))
@settings(max_examples=60, deadline=None)
def test_odd_inputs_give_numbers_or_reasons(people: int, seed: int, errors: str) -> None:
    rng = np.random.default_rng(seed)
    features = np.column_stack([rng.integers(0, 2, people), np.arange(people) == 0, rng.standard_normal(people)]).astype(float)
    outcomes = np.column_stack([rng.integers(0, 2, people), rng.standard_normal(people), 2 * features[:, 2]]).astype(float)
    features[rng.random(people) < 0.2, 0] = np.nan
    outcomes[rng.random(people) < 0.2, 1] = np.nan
    tested = linear.regress(features, outcomes, rng.standard_normal((people, 2)), errors=errors, min_people=1)
    valid = tested.status == Status.TESTED
    assert (np.isfinite(tested.beta) == valid).all()
    assert (tested.se[valid] >= 0).all()
    assert not np.isnan(tested.neglog10p[valid & (tested.se > 0)]).any()
