"""The sparse relationship and its algebra against dense generalised least squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import linalg

from ecgwas.mixed import family_model, family_screen, reml, rotation, variant_tests
from ecgwas.mixed.families import Families, FamilyTooLargeError, families
from ecgwas.mixed.family_model import FamilyTraits
from ecgwas.statistics.projection import residuals, span
from tests.mixed.test_algebra import dense

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def drawn_pairs(people: int, sizes: list[int], seed: int) -> Pairs:
    """Families of these sizes, of people anywhere in the list; each is connected, and not all of its pairs are listed."""
    rng = np.random.default_rng(seed)
    order, start, pairs = rng.permutation(people), 0, []
    for size in sizes:
        members = order[start : start + size]
        start += size
        pairs += [(members[i - 1], members[i]) for i in range(1, len(members))]
        pairs += [(members[i], members[j]) for i in range(len(members)) for j in range(i) if rng.random() < 0.3]
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return first, second, rng.uniform(0.06, 0.6, len(first))


def traits_of(
    found: Families, covariates: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], FamilyTraits]:
    """Design (N, C + 1), four traits (N, 4), of which two are heritable, variants (5, N), and the traits of the model."""
    rng, people = np.random.default_rng(seed), found.people
    design = np.column_stack([np.ones(people), rng.standard_normal((people, covariates))])
    values, vectors = np.linalg.eigh(found.matrix())
    root = vectors * np.sqrt(np.maximum(values, 0))
    traits = root @ rng.standard_normal((people, 4)) * np.array([0.0, 1.0, 3.0, 0.5]) + rng.standard_normal((people, 4)) + 5
    variants = rng.binomial(2, 0.3, (5, people)) + 0.01 * rng.standard_normal((5, people))
    basis = span(design[:, 1:])
    model = family_model.covered(found, basis)
    return design, traits, variants, family_model.family_traits(model, residuals(traits, basis, passes=2))


SIZES = st.lists(st.integers(2, 9), max_size=5)


@given(sizes=SIZES, covariates=st.integers(0, 3), seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_exact_tests_are_generalised_least_squares_at_the_most_likely_ratio(
    sizes: list[int], covariates: int, seed: int
) -> None:
    found = families(50, *drawn_pairs(50, sizes, seed))
    design, traits, variants, own = traits_of(found, covariates, seed)
    pairs = np.array([(v, k) for v in range(5) for k in range(4)])
    tests = family_model.exact(variants, pairs[:, 0], pairs[:, 1], own)
    g = found.matrix()
    for row, (v, k) in enumerate(pairs[:8]):
        model, y, ratio = np.column_stack([design, variants[v]]), traits[:, k], float(tests.lambdas[row])
        beta, se, likelihood = dense(g, model, y, ratio)
        np.testing.assert_allclose((tests.beta[row], tests.se[row]), (beta, se), rtol=1e-6, atol=1e-7)
        for other in np.exp(np.linspace(np.log(reml.SMALLEST), np.log(reml.LARGEST), 24)):
            assert likelihood <= dense(g, model, y, other)[2] + 1e-6 * abs(likelihood)


@given(sizes=SIZES, seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_it_is_the_dense_model_of_rotation_with_the_same_relationship(sizes: list[int], seed: int) -> None:
    found = families(45, *drawn_pairs(45, sizes, seed))
    design, traits, variants, own = traits_of(found, 2, seed)
    turned = rotation.rotation(found.matrix(), span(design[:, 1:]))
    theirs = variant_tests.rotated(turned, traits)
    index, trait = np.repeat(np.arange(5), 4), np.tile(np.arange(4), 5)
    dense_tests = variant_tests.exact(variant_tests.rotate(variants, turned), index, trait, theirs)
    ours = family_model.exact(variants, index, trait, own)
    # Where the likelihood has two maxima of nearly the same height, or is flat, the ratio may differ.
    same = np.abs(np.log(ours.lambdas / dense_tests.lambdas)) < 1e-3
    assert same.mean() > 0.7 or not sizes
    np.testing.assert_allclose(ours.beta[same], dense_tests.beta[same], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours.se[same], dense_tests.se[same], rtol=1e-5)


@given(sizes=SIZES, covariates=st.integers(0, 3), seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_numerators_and_denominators_are_those_of_generalised_least_squares(
    sizes: list[int], covariates: int, seed: int
) -> None:
    found = families(60, *drawn_pairs(60, sizes, seed))
    design, traits, variants, own = traits_of(found, covariates, seed)
    screen = family_screen.screen(own.model, own.lambdas, family_screen.numerators(own))
    mean = variants.mean(axis=1)
    coordinates = found.turned(variants[:, found.members].T)
    denominators = screen.denominators(
        np.square(variants).sum(axis=1), mean, np.square(coordinates).T @ screen.deviations,
        (variants @ screen.intercepts).astype(np.float32), (variants @ screen.covariates).astype(np.float32),
    )  # fmt: skip
    numerators = variants @ screen.columns
    df = own.model.df
    for v in range(5):
        for k in range(4):
            beta, se, _ = dense(found.matrix(), np.column_stack([design, variants[v]]), traits[:, k], float(own.lambdas[k]))
            t2 = numerators[v, k] ** 2 / (denominators[v, k] - numerators[v, k] ** 2) * df
            assert t2 == pytest.approx((beta / se) ** 2, rel=5e-3, abs=1e-3)


def test_whitened_residuals_are_uncorrelated_between_relatives() -> None:
    found = families(30, *drawn_pairs(30, [4, 3, 2, 2], 5))
    _, _, _, own = traits_of(found, 2, 5)
    white = family_screen.whitened(own)
    for k, ratio in enumerate(own.lambdas):
        v = (ratio * found.matrix() + np.eye(30)) / (1 + ratio)
        inverse, basis = np.linalg.inv(v), own.model.basis
        effects = np.linalg.solve(basis.T @ inverse @ basis, basis.T @ inverse @ own.values[:, k])
        expected = linalg.sqrtm(inverse).real @ (own.values[:, k] - basis @ effects)
        np.testing.assert_allclose(white[:, k], expected, atol=1e-8)


@given(sizes=st.lists(st.integers(2, 7), min_size=1, max_size=6), seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_families_are_the_blocks_of_their_pairs_in_any_order(sizes: list[int], seed: int) -> None:
    first, second, value = drawn_pairs(40, sizes, seed)
    found = families(40, first, second, value)
    whole = np.eye(40)
    for i, j, each in zip(first, second, value, strict=True):
        whole[i, j] = whole[j, i] = max(whole[i, j], each)
    eigenvalues, vectors = np.linalg.eigh(whole)
    np.testing.assert_allclose(found.matrix(), vectors @ np.diag(np.maximum(eigenvalues, 0)) @ vectors.T, atol=1e-9)
    assert found.negative == (eigenvalues < -1e-9).sum()
    assert (found.families, found.largest, len(found.members)) == (len(sizes), max(sizes), sum(sizes))
    order = np.random.default_rng(seed).permutation(len(first))
    turned = families(40, second[order], first[order], value[order])
    np.testing.assert_array_equal(turned.values, found.values)
    some = np.flatnonzero(np.random.default_rng(seed).random(40) < 0.6)
    part = found.among(some)
    np.testing.assert_allclose(part.matrix(), families(len(some), *_within(some, first, second, value)).matrix(), atol=1e-12)


def _within(some: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64], value: NDArray[np.float64]) -> Pairs:
    both = np.isin(first, some) & np.isin(second, some)
    return np.searchsorted(some, first[both]), np.searchsorted(some, second[both]), value[both]


def test_small_relationships_and_oneself_do_not_count_and_a_large_family_is_named() -> None:
    chain = np.arange(29)
    found = families(40, np.array([1, 5, 7]), np.array([2, 5, 8]), np.array([0.05, 0.9, 0.3]))
    assert found.members.tolist() == [7, 8]
    with pytest.raises(FamilyTooLargeError, match="30 members"):
        families(40, chain, chain + 1, np.full(29, 0.5), max_members=29)
    assert families(40, chain, chain + 1, np.full(29, 0.5), max_members=30).largest == 30


def test_one_large_component_is_the_dense_model() -> None:
    """A village: 150 people of one component, and 30 without relatives."""
    rng = np.random.default_rng(11)
    loadings = rng.standard_normal((150, 60))
    loadings /= np.linalg.norm(loadings, axis=1, keepdims=True)
    g = np.abs(loadings @ loadings.T)
    first, second = np.triu_indices(150, 1)
    found = families(180, first, second, g[first, second])
    assert found.largest == 150
    design, traits, variants, own = traits_of(found, 2, 3)
    tests = family_model.exact(variants, np.arange(5), np.full(5, 2), own)
    for v in range(5):
        beta, se, _ = dense(found.matrix(), np.column_stack([design, variants[v]]), traits[:, 2], float(tests.lambdas[v]))
        assert tests.beta[v] / tests.se[v] == pytest.approx(beta / se, rel=1e-6, abs=1e-7)


def test_the_search_from_the_ratio_without_the_variant_finds_what_the_whole_grid_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = families(700, *drawn_pairs(700, [2] * 150 + [4] * 60, 4))
    assert len(found.members) >= family_model.FEW_MEMBERS
    _, _, _, own = traits_of(found, 3, 4)
    rng = np.random.default_rng(7)
    variants = rng.binomial(2, 0.2, (80, 700)).astype(float)
    index, trait = np.repeat(np.arange(80), 4), np.tile(np.arange(4), 80)
    near = family_model.exact(variants, index, trait, own)
    monkeypatch.setattr(family_model, "FEW_MEMBERS", 10**6)
    everywhere = family_model.exact(variants, index, trait, own)
    np.testing.assert_allclose(near.beta / near.se, everywhere.beta / everywhere.se, rtol=2e-6, atol=1e-7)


def test_each_test_is_independent_of_the_others() -> None:
    found = families(90, *drawn_pairs(90, [4, 4, 3, 2, 2, 2], 9))
    _, _, variants, own = traits_of(found, 2, 9)
    index, trait = np.repeat(np.arange(5), 4), np.tile(np.arange(4), 5)
    together = family_model.exact(variants, index, trait, own)
    for row in (0, 7, 19):
        alone = family_model.exact(variants[index[row]][None], np.zeros(1, dtype=np.int64), trait[row : row + 1], own)
        assert (together.beta[row], together.se[row]) == (alone.beta[0], alone.se[0])


def test_interpolation_has_the_fewest_traits_that_give_all() -> None:
    lambdas = np.exp(np.random.default_rng(1).uniform(-6, 1, 300))
    nodes = family_screen.interpolated(lambdas, 0.4, 2.2, 1e-5)
    assert len(nodes.chosen) <= 6
    s = np.linspace(0.4, 2.2, 500)
    functions = (1 + lambdas) / (lambdas * s[:, None] + 1)
    np.testing.assert_allclose(functions[:, nodes.chosen] @ nodes.coefficients, functions, rtol=2e-5)
    alone = family_screen.interpolated(np.full(5, 0.3), 0.0, 2.0, 1e-5)
    np.testing.assert_allclose(alone.coefficients, np.ones((1, 5)))
