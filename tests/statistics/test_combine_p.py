"""ACAT and omnibus against their formulas written out, and under a planted null."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ecgwas.statistics import combine_p


def test_acat_is_the_cauchy_tail_of_the_mean_tangent() -> None:
    p = np.random.default_rng(1).uniform(1e-6, 1, size=(50, 7))
    expected = -np.log10(stats.cauchy.sf(np.tan((0.5 - p) * np.pi).mean(axis=1)))
    np.testing.assert_allclose(combine_p.acat(-np.log10(p)), expected, rtol=1e-9)


def test_acat_of_one_trait_is_its_p_value_however_small() -> None:
    values = np.array([[0.3], [8.0], [16.0], [40.0], [400.0]])
    np.testing.assert_allclose(combine_p.acat(values), values[:, 0], rtol=1e-6)


def test_acat_of_one_strong_among_many_costs_their_number() -> None:
    values = np.full((1, 100), 0.3)
    values[0, 3] = 30.0
    assert combine_p.acat(values)[0] == pytest.approx(28.0, abs=1e-6)


def test_acat_is_near_its_level_under_correlation() -> None:
    generator = np.random.default_rng(2)
    z = np.sqrt(0.7) * generator.normal(size=(200_000, 1)) + np.sqrt(0.3) * generator.normal(size=(200_000, 12))
    combined = combine_p.acat(-(stats.norm.logsf(np.abs(z)) + np.log(2)) / np.log(10))
    # 1.14 times nominal in 2 million variants: the price of correlation away from the far tail.
    assert 0.0009 < (combined > 3).mean() < 0.0014


def test_omnibus_is_the_quadratic_form() -> None:
    generator = np.random.default_rng(3)
    correlation = np.corrcoef(generator.normal(size=(5, 40)))
    z = 3 * generator.normal(size=(20, 5))
    direct = np.array([row @ np.linalg.inv(correlation) @ row for row in z])
    np.testing.assert_allclose(combine_p.omnibus(z, correlation, shrink=0), -np.log10(stats.chi2.sf(direct, 5)), rtol=1e-8)


def test_omnibus_holds_its_level_under_correlation() -> None:
    generator = np.random.default_rng(4)
    factor = np.linalg.cholesky(np.full((6, 6), 0.5) + 0.5 * np.eye(6))
    z = generator.normal(size=(50_000, 6)) @ factor.T
    assert (combine_p.omnibus(z, factor @ factor.T, shrink=0) > 2).mean() == pytest.approx(0.01, abs=0.0015)


def test_omnibus_refuses_a_singular_correlation_unless_it_is_regularised() -> None:
    with pytest.raises(ValueError, match="singular"):
        combine_p.omnibus(np.ones((2, 2)), np.array([[1.0, -1.0], [-1.0, 1.0]]), shrink=0)
    assert np.isfinite(combine_p.omnibus(np.ones((2, 2)), np.ones((2, 2)))).all()
