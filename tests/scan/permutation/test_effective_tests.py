"""The effective number of tests, against simulated maxima and against cases that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import dosage_block
from ecgwas.scan.engine.samples import Cohort, groups
from ecgwas.scan.permutation.effective_tests import LEVELS, effective_tests
from ecgwas.scan.permutation.max_t import ResidualisedVariants, Shuffles

PEOPLE = 400


def prepared(copies: NDArray[np.float64], values: NDArray[np.float64], count: int = 0) -> tuple[Shuffles, ResidualisedVariants]:
    """copies (V, N), values (N, K)."""
    everyone = np.arange(len(values))
    cohort = Cohort(everyone, everyone, values, np.random.default_rng(9).standard_normal((len(values), 1)), None, len(values))
    names = [f"r.I.f{k}" for k in range(values.shape[1])]
    shuffles = Shuffles(cohort, groups(cohort, names), names, count=count, seed=1, with_sets=False)
    return shuffles, shuffles.residualised(dosage_block(copies))


def independent(rng: np.random.Generator, variants: int) -> NDArray[np.float64]:
    return rng.binomial(2, 0.3, (variants, PEOPLE)).astype(np.float64)


@pytest.mark.parametrize(("copies_of_variant", "copies_of_trait"), [(1, 1), (4, 1), (1, 3), (4, 3)])
def test_copies_count_once(copies_of_variant: int, copies_of_trait: int) -> None:
    """30 different variants and 5 different traits, some of them several times: far out, 150 effective tests."""
    rng = np.random.default_rng(1)
    genotypes = np.repeat(independent(rng, 30), copies_of_variant, axis=0)
    traits = np.repeat(rng.standard_normal((PEOPLE, 5)), copies_of_trait, axis=1)
    number, variance = effective_tests(*prepared(genotypes, traits), 60, np.random.default_rng(2))
    far = LEVELS >= 5
    np.testing.assert_allclose(number[far], 150, rtol=0.02)
    assert (variance[far] < 25).all()


def test_correlated_tests_have_the_maxima_that_their_effective_number_gives() -> None:
    """Against 40,000 permutations: the share of them with a maximum beyond each level is 1 - exp(-M 10^-x)."""
    rng = np.random.default_rng(3)
    liability = rng.standard_normal((60, PEOPLE))
    for v in range(1, 60):
        liability[v] = liability[v] * np.sqrt(1 - 0.95**2) + 0.95 * liability[v - 1] if v % 20 else liability[v]
    genotypes = (liability > 0.5).astype(np.float64) + (liability > -0.5)
    traits = 0.6 * rng.standard_normal((PEOPLE, 6)) + 0.8 * rng.standard_normal((PEOPLE, 1))
    shuffles, variants = prepared(genotypes, traits, count=40_000)
    maxima = shuffles.neglog10p(shuffles.maxima(variants)[0])
    number, variance = effective_tests(shuffles, variants, 600, np.random.default_rng(4))
    for level in (2.5, 3.0, 3.5):
        place = int(np.flatnonzero(level == LEVELS)[0])
        observed = -np.log1p(-(maxima > level).mean()) * 10**level
        error = np.hypot(observed / np.sqrt((maxima > level).sum()), np.sqrt(variance[place]))
        assert abs(observed - number[place]) < 4 * error
    assert number[-1] > 1.3 * number[LEVELS == 3.0][0], "tests depend on each other the less the further out"


def test_the_same_seed_draws_the_same_tests_and_no_variant_gives_none() -> None:
    rng = np.random.default_rng(5)
    shuffles, variants = prepared(independent(rng, 20), rng.standard_normal((PEOPLE, 3)))
    first, second = (effective_tests(shuffles, variants, 5, np.random.default_rng(6)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    empty = shuffles.residualised(dosage_block(np.zeros((4, PEOPLE))))
    np.testing.assert_array_equal(effective_tests(shuffles, empty, 5, rng), np.zeros((2, len(LEVELS))))
