"""Intraclass correlations beside the paper's own example, an analysis of variance by statsmodels, and planted spreads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.typing import NDArray
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from ecgwas.represent.reliability.between_visits import between_visits, intraclass_correlation
from ecgwas.tables import Features

SHROUT_AND_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
"""Table 2 of the paper: six targets, four judges; its ICC(2,1) is .29 and its ICC(3,1) .71."""


def test_the_example_of_the_paper() -> None:
    found = intraclass_correlation(SHROUT_AND_FLEISS)
    assert found is not None
    # The interval as psych::ICC and pingouin print it.
    assert [round(value, 2) for value in (found.icc, found.low, found.high)] == [0.29, 0.02, 0.76]
    assert found.people == 6


def drawn(rng: np.random.Generator, people: int, *, person: float, visit: float, rest: float) -> NDArray[np.float64]:
    """(people, 2) sums of normal deviates with these SDs."""
    return (
        person * rng.standard_normal((people, 1))
        + visit * rng.standard_normal((1, 2))
        + rest * rng.standard_normal((people, 2))
    )


@pytest.mark.parametrize("seed", range(3))
def test_mean_squares_are_those_of_an_analysis_of_variance(seed: int) -> None:
    values = 1e4 + drawn(np.random.default_rng(seed), 12, person=1.0, visit=0.3, rest=0.8)
    n, k = values.shape
    long = pd.DataFrame({"y": values.ravel(), "person": np.repeat(np.arange(n), k), "visit": np.tile(np.arange(k), n)})
    table = anova_lm(ols("y ~ C(person) + C(visit)", long).fit())
    people, visits, rest = (table["sum_sq"] / table["df"]).to_numpy()
    found = intraclass_correlation(values)
    assert found is not None
    assert found.icc == pytest.approx((people - rest) / (people + (k - 1) * rest + k * (visits - rest) / n), rel=1e-6)


def test_planted_spreads_come_back_and_the_interval_holds_them() -> None:
    rng = np.random.default_rng(3)
    exact = 1.0 / (1.0 + 0.25)
    found = [intraclass_correlation(drawn(rng, 60, person=1.0, visit=0.0, rest=0.5)) for _ in range(600)]
    known = [one for one in found if one is not None]
    assert np.mean([one.icc for one in known]) == pytest.approx(exact, abs=0.01)
    inside = np.mean([one.low <= exact <= one.high for one in known])
    assert inside == pytest.approx(0.95, abs=0.03)


@pytest.mark.filterwarnings("error")
def test_with_hardly_a_degree_of_freedom_the_interval_is_finite() -> None:
    """Of three people the approximated degrees of freedom can be so few that the F quantile overflows."""
    rng = np.random.default_rng(0)
    found = [intraclass_correlation(rng.normal(size=(3, 2))) for _ in range(3000)]
    known = [one for one in found if one is not None]
    assert len(known) == 3000
    assert all(np.isfinite([one.icc, one.low, one.high]).all() for one in known)


def test_agreement_not_only_order() -> None:
    values = drawn(np.random.default_rng(4), 50, person=1.0, visit=0.0, rest=0.1)
    moved = values + np.array([0.0, 1.5])
    same, other = intraclass_correlation(values), intraclass_correlation(moved)
    assert same is not None
    assert other is not None
    assert same.icc > 0.97
    assert other.icc < 0.6
    assert np.corrcoef(moved.T)[0, 1] > 0.97


def test_the_same_visit_twice_is_one_and_a_plain_shift_is_told_with_what_is_not_known() -> None:
    one = np.random.default_rng(5).standard_normal(20)
    found = intraclass_correlation(np.column_stack([one, one]))
    assert found is not None
    assert (found.icc, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))
    # The mean squares of visits and of the residual are exactly zero here.
    exact = intraclass_correlation(np.column_stack([np.arange(-2.0, 3.0)] * 2))
    assert exact is not None
    assert (exact.icc, exact.low, exact.high, exact.people) == (1.0, 1.0, 1.0, 5)
    values = np.column_stack([np.arange(20.0), np.arange(20.0) + 4])
    shifted = intraclass_correlation(values)
    assert shifted is not None
    assert 0 <= shifted.low < shifted.icc < shifted.high <= 1


def test_too_few_people_and_nobody_different_are_not_told() -> None:
    values = np.array([[1.0, 2.0], [2.0, 3.0], [np.nan, 1.0], [4.0, np.nan]])
    assert intraclass_correlation(values) is None
    assert intraclass_correlation(np.full((9, 2), 7.0)) is None


def test_features_are_compared_person_by_person() -> None:
    rng = np.random.default_rng(6)
    values = drawn(rng, 30, person=2.0, visit=0.2, rest=0.7)
    eids = [f"{i:03d}" for i in range(30)]
    leads = [pl.DataFrame({"eid": eids, "lead": lead, "a": values[:, 0] * sign}) for lead, sign in (("I", 1.0), ("II", -1.0))]
    first = Features(pl.concat(leads).with_columns(b=pl.lit(None, dtype=pl.Float32)))
    some = rng.permutation(30)[:20]
    frame = pl.DataFrame({"eid": [eids[i] for i in some], "lead": "I", "a": values[some, 1], "b": 1.0})
    again = Features(frame.with_columns(a=pl.when(pl.int_range(pl.len()) > 1).then(pl.col("a"))))
    found = between_visits(first, again)
    assert found.select("lead", "feature", "people").rows() == [("I", "a", 18)]
    expected = intraclass_correlation(values[some[2:]])
    assert expected is not None
    assert found.select("icc", "icc_low", "icc_high").row(0) == pytest.approx((expected.icc, expected.low, expected.high))


def test_an_interval_of_next_to_no_degrees_of_freedom_is_a_number() -> None:
    """Three people with a negative ICC: F's quantile is infinite, and the lower end is what the formula tends to."""
    found = intraclass_correlation(np.array([[2.04, -2.56], [0.42, -0.57], [-0.45, -0.22]]))
    assert found is not None
    assert np.isfinite([found.icc, found.low, found.high]).all()
    assert found.low == pytest.approx(-0.743273, abs=1e-6)
    assert found.low <= found.icc
