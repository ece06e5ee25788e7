"""Tests of scores and traits: equal to statsmodels; intervals cover, permutations are uniform."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from ecgwas.scores import association

PEOPLE, SCORES, TRAITS = 150, 3, 4


def drawn(seed: int = 1, missing: float = 0.1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    covariates = rng.normal(size=(PEOPLE, 2)) * [1, 20] + [0, 50]
    scores = rng.normal(size=(PEOPLE, SCORES)) * [1, 10, 0.01] + covariates[:, :1]
    traits = rng.normal(size=(PEOPLE, TRAITS)) + 0.3 * scores[:, :1] + covariates[:, :1]
    traits[rng.random(traits.shape) < missing] = np.nan
    traits[:, 1] = np.where(np.isnan(traits[:, 0]), np.nan, traits[:, 1])
    return scores, traits, covariates


def test_equal_to_statsmodels() -> None:
    scores, traits, covariates = drawn()
    own = association.partial_r2(scores, traits, covariates, permutations=0, seed=1)
    for s in range(SCORES):
        for k in range(TRAITS):
            has = ~np.isnan(traits[:, k])
            whole = sm.OLS(traits[has, k], sm.add_constant(np.column_stack([covariates[has], scores[has, s]]))).fit()
            without = sm.OLS(traits[has, k], sm.add_constant(covariates[has])).fit()
            scale = scores[has, s].std(ddof=1)
            assert own.people[k] == has.sum()
            assert own.beta[s, k] == pytest.approx(whole.params[-1] * scale, rel=1e-8)
            assert own.se[s, k] == pytest.approx(whole.bse[-1] * scale, rel=1e-8)
            assert own.r2[s, k] == pytest.approx(1 - whole.ssr / without.ssr, rel=1e-8)
            assert 10.0 ** -own.neglog10p[s, k] == pytest.approx(whole.pvalues[-1], rel=1e-6)
            assert own.low[s, k] <= own.r2[s, k] <= own.high[s, k]
    assert own.p_family == pytest.approx(np.minimum(1.0, 12 * 10.0**-own.neglog10p))


def test_permutations() -> None:
    """The mean R2 of permuted scores is that of the null distribution, and their p-values are those of the t test."""
    scores, traits, covariates = drawn(missing=0)
    own = association.partial_r2(scores, traits, covariates, permutations=400, seed=1)
    np.testing.assert_allclose(own.null, 1 / (PEOPLE - 3), rtol=0.25)
    p = 10.0**-own.neglog10p
    assert (np.abs(own.p_permuted - p) < 4 * np.sqrt(p * (1 - p) / 400) + 0.005).all()
    assert (own.p_family >= own.p_permuted - 1e-12).all()
    again = association.partial_r2(scores[:, :1], traits[:, :1], covariates, permutations=19, seed=2)
    assert again.p_family[0, 0] == again.p_permuted[0, 0] == 1 / 20


def test_null_p_values_are_uniform_and_intervals_cover() -> None:
    rng, p, covered = np.random.default_rng(3), [], 0
    for _ in range(150):
        score, noise = rng.normal(size=(2, 80))
        trait = np.sqrt(0.2) * score + np.sqrt(0.8) * noise
        covariates = rng.normal(size=(80, 1))
        both = association.partial_r2(score[:, None], np.column_stack([trait, noise]), covariates, permutations=0, seed=1)
        p.append(10.0 ** -both.neglog10p[0, 1])
        covered += both.low[0, 0] < 0.2 < both.high[0, 0]
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert stats.binomtest(covered, 150, 0.95).pvalue > 0.001


def test_what_cannot_be_tested_has_no_test() -> None:
    scores, traits, covariates = drawn(missing=0)
    scores[:, 1] = 7.0
    traits[4:, 2] = np.nan
    own = association.partial_r2(scores, traits, covariates, permutations=19, seed=1)
    for values in (own.r, own.beta, own.neglog10p, own.null, own.p_permuted, own.p_family, own.low):
        assert np.isnan(values[1]).all()
        assert np.isnan(values[:, 2]).all()
        assert np.isfinite(values[0, 0])


def test_scores_within_groups() -> None:
    rng = np.random.default_rng(5)
    groups = np.repeat([0, 1, 2], [50, 40, 1])
    scores = rng.normal(size=(91, 2)) * (1 + groups)[:, None] + 5 * groups[:, None]
    own = association.within_groups(scores, groups)
    for group in (0, 1):
        np.testing.assert_allclose(own[groups == group].mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(own[groups == group].std(axis=0, ddof=1), 1)
    assert (own[groups == 2] == 0).all()
