from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from ecgwas.statistics.heterogeneity import combine


@pytest.mark.parametrize("groups", [2, 3, 5])
def test_mean_and_q_are_those_of_statsmodels(groups: int) -> None:
    rng = np.random.default_rng(groups)
    beta, se = rng.normal(size=(20, groups)), rng.uniform(0.1, 2.0, (20, groups))
    found = combine(beta, se)
    for i in range(20):
        with np.errstate(invalid="ignore"):  # its random effects
            expected = combine_effects(beta[i], se[i] ** 2)
        assert found.beta[i] == pytest.approx(expected.mean_effect_fe)
        assert found.se[i] == pytest.approx(expected.sd_eff_w_fe)
        assert found.q[i] == pytest.approx(expected.q)
        assert found.q_p[i] == pytest.approx(stats.chi2.sf(expected.q, groups - 1))
        assert found.i2[i] == pytest.approx(max(expected.i2, 0.0), abs=1e-12)
        p = 2 * stats.norm.sf(abs(expected.mean_effect_fe) / expected.sd_eff_w_fe)
        assert found.neglog10p[i] == pytest.approx(-np.log10(p))


def test_q_of_two_groups_is_the_squared_difference() -> None:
    found = combine(np.array([[0.4, -0.1]]), np.array([[0.3, 0.4]]))
    assert found.q[0] == pytest.approx((0.5 / 0.5) ** 2)


def test_groups_without_an_effect_are_skipped() -> None:
    beta = np.array([[0.1, np.nan, 0.3], [0.1, np.nan, np.nan], [np.nan, np.nan, np.nan], [0.1, 0.2, 0.3]])
    se = np.array([[0.1, 0.1, 0.2], [0.1, 0.1, 0.1], [0.1, 0.1, 0.1], [0.1, 0.0, np.inf]])
    found = combine(beta, se)
    two = combine(beta[:1, ::2], se[:1, ::2])
    assert (found.beta[0], found.q_p[0]) == (two.beta[0], two.q_p[0])
    for name in ("beta", "se", "neglog10p", "q", "q_p", "i2"):
        assert np.isnan(getattr(found, name)[1:]).all()


def test_the_same_effects_have_no_heterogeneity_and_large_ones_a_p() -> None:
    found = combine(np.array([[0.2, 0.2], [50.0, 50.0]]), np.array([[0.1, 0.3], [1.0, 1.0]]))
    np.testing.assert_allclose(found.q, 0.0, atol=1e-20)
    np.testing.assert_array_equal(found.i2, 0.0)
    assert found.neglog10p[1] == pytest.approx(-(stats.norm.logsf(50 * np.sqrt(2)) + np.log(2)) / np.log(10))


def test_false_alarms_are_as_many_as_stated() -> None:
    """Standard errors of 30 degrees of freedom: slightly more than 5 %."""
    rng = np.random.default_rng(1)
    se = np.sqrt(rng.chisquare(30, (40_000, 2)) / 30)
    share = (combine(rng.normal(size=(40_000, 2)), se).q_p < 0.05).mean()
    assert share == pytest.approx(0.055, abs=0.003)
