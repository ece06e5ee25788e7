"""The algebra against dense generalised least squares, and the relationship matrix against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize

from ecgwas.mixed import reml, variant_tests
from ecgwas.mixed.relationship import relationship
from ecgwas.mixed.rotation import rotation
from ecgwas.statistics.projection import span


def drawn(people: int, covariates: int, seed: int) -> tuple[NDArray[np.float64], ...]:
    """G (N, N) of relatives, design (N, C + 1), traits (N, 3) and variants (5, N)."""
    rng = np.random.default_rng(seed)
    loadings = rng.standard_normal((people, 2 * people))
    loadings[: people // 2] += loadings[people // 2 : 2 * (people // 2)]
    g = loadings @ loadings.T / loadings.shape[1]
    design = np.column_stack([np.ones(people), rng.standard_normal((people, covariates))])
    polygenic = np.linalg.cholesky(g) @ rng.standard_normal((people, 3))
    traits = polygenic * np.array([0.0, 1.0, 3.0]) + rng.standard_normal((people, 3)) + 5
    return g, design, traits, rng.binomial(2, 0.4, (5, people)).astype(float) + 0.01 * rng.standard_normal((5, people))


def dense(
    g: NDArray[np.float64], design: NDArray[np.float64], y: NDArray[np.float64], ratio: float
) -> tuple[float, float, float]:
    """Effect of the last column of the design, its standard error, and -2 log restricted likelihood up to a constant."""
    v = ratio * g + np.eye(len(y))
    inverse = np.linalg.inv(v)
    information = design.T @ inverse @ design
    beta = np.linalg.solve(information, design.T @ inverse @ y)
    rest = y - design @ beta
    df = len(y) - design.shape[1]
    variance = float(rest @ inverse @ rest) / df
    likelihood = df * np.log(variance) + np.linalg.slogdet(v)[1] + np.linalg.slogdet(information)[1]
    return float(beta[-1]), float(np.sqrt(variance * np.linalg.inv(information)[-1, -1])), float(likelihood)


@given(people=st.integers(14, 50), covariates=st.integers(0, 4), seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_exact_tests_are_generalised_least_squares_at_the_most_likely_ratio(people: int, covariates: int, seed: int) -> None:
    g, design, traits, variants = drawn(people, covariates, seed)
    turned = rotation(g, span(design[:, 1:]))
    rotated = variant_tests.rotated(turned, traits)
    pairs = np.array([(v, k) for v in range(5) for k in range(3)])
    found = variant_tests.exact(variant_tests.rotate(variants, turned), pairs[:, 0], pairs[:, 1], rotated)
    for row, (v, k) in enumerate(pairs):
        model, y, ratio = np.column_stack([design, variants[v]]), traits[:, k], float(found.lambdas[row])
        beta, se, likelihood = dense(g, model, y, ratio)
        np.testing.assert_allclose((found.beta[row], found.se[row]), (beta, se), rtol=1e-6, atol=1e-9)
        for other in np.exp(np.linspace(np.log(reml.SMALLEST), np.log(reml.LARGEST), 24)):
            assert likelihood <= dense(g, model, y, other)[2] + 1e-6 * abs(likelihood)


@given(people=st.integers(14, 50), covariates=st.integers(0, 4), seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_ratio_without_a_variant_is_the_most_likely(people: int, covariates: int, seed: int) -> None:
    g, design, traits, _ = drawn(people, covariates, seed)
    lambdas = variant_tests.rotated(rotation(g, span(design[:, 1:])), traits).lambdas
    for k in range(3):

        def loss(log_ratio: float, y: NDArray[np.float64] = traits[:, k]) -> float:
            return dense(g, design, y, float(np.exp(log_ratio)))[2]

        best = min(
            (optimize.minimize_scalar(loss, bounds=(low, low + 1.2), method="bounded") for low in np.arange(-11.5, 10.5, 1.1)),
            key=lambda one: one.fun,
        )
        assert loss(float(np.log(lambdas[k]))) <= best.fun + 1e-7 * abs(best.fun)


@given(people=st.integers(14, 40), seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_the_screen_is_generalised_least_squares_at_the_ratio_without_a_variant(people: int, seed: int) -> None:
    g, design, traits, variants = drawn(people, 2, seed)
    turned = rotation(g, span(design[:, 1:]))
    rotated = variant_tests.rotated(turned, traits)
    t2 = variant_tests.screen((variants @ turned.basis).astype(np.float32), rotated)
    for v in range(5):
        for k in range(3):
            beta, se, _ = dense(g, np.column_stack([design, variants[v]]), traits[:, k], float(rotated.lambdas[k]))
            assert t2[v, k] == pytest.approx((beta / se) ** 2, rel=2e-3, abs=1e-3)


def test_rotation_is_orthogonal_to_the_covariates_and_makes_the_relationship_diagonal() -> None:
    g, design, _, _ = drawn(60, 3, 4)
    basis = span(design[:, 1:])
    turned = rotation(g, basis)
    assert turned.basis.shape == (60, 56)
    np.testing.assert_allclose(turned.basis.T @ turned.basis, np.eye(56), atol=1e-12)
    np.testing.assert_allclose(basis.T @ turned.basis, 0, atol=1e-12)
    np.testing.assert_allclose(turned.basis.T @ g @ turned.basis, np.diag(turned.values), atol=1e-10)


def test_relationship_without_more_variants_than_people_has_no_negative_eigenvalue() -> None:
    rng = np.random.default_rng(1)
    g = relationship(40, [rng.binomial(2, 0.3, (15, 40)).astype(float)])
    assert rotation(g, span(np.empty((40, 0)))).values.min() >= 0


def test_relationship_is_the_mean_product_of_standardised_genotypes() -> None:
    rng = np.random.default_rng(2)
    copies = rng.binomial(2, 0.3, (2500, 30)).astype(float)
    copies[rng.random(copies.shape) < 0.05] = np.nan
    copies[7] = 1.0
    total, count = np.zeros((30, 30)), 0
    for row in copies:
        filled = np.where(np.isnan(row), np.nanmean(row), row)
        if np.ptp(filled) == 0:
            continue
        z = (filled - filled.mean()) / filled.std()
        total += np.outer(z, z)
        count += 1
    assert count == 2499
    np.testing.assert_allclose(relationship(30, [copies[:1000], copies[1000:]]), total / count, atol=2e-6)
    with pytest.raises(ValueError, match="at least one variant"):
        relationship(3, [np.ones((4, 3))])


def test_each_estimate_is_independent_of_the_others() -> None:
    g, design, traits, variants = drawn(50, 2, 9)
    turned = rotation(g, span(design[:, 1:]))
    rotated = variant_tests.rotated(turned, traits)
    own = variant_tests.rotate(variants, turned)
    together = variant_tests.exact(own, np.repeat(np.arange(5), 3), np.tile(np.arange(3), 5), rotated)
    alone = variant_tests.exact(variant_tests.rotate(variants[3:4], turned), np.zeros(1, dtype=int), np.array([1]), rotated)
    assert (together.beta[10], together.se[10]) == (alone.beta[0], alone.se[0])
