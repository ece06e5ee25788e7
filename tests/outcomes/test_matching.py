"""Matched controls: within the caliper, each once, nearest first; covariates balanced as those of the cases."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special

from ecgwas.outcomes import matching
from ecgwas.outcomes.matching import CALIPER, NONE, matched


def cohort(seed: int, people: int, strength: float) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Cases whose odds follow from two covariates; a tenth of the people are not in the analysis."""
    rng = np.random.default_rng(seed)
    covariates = rng.standard_normal((people, 2))
    cases = (rng.random(people) < special.expit(strength * covariates[:, 0] - 2)).astype(np.int8)
    return np.where(rng.random(people) < 0.1, -1, cases).astype(np.int8), covariates


@given(seed=st.integers(0, 10**6), people=st.integers(30, 200), strength=st.floats(0, 2), controls=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_sets_are_of_a_case_and_unused_controls_within_the_caliper(
    seed: int, people: int, strength: float, controls: int
) -> None:
    cases, covariates = cohort(seed, people, strength)
    sets = matched(cases, covariates, seed=1, controls=controls)
    used = sets[sets != NONE]
    assert len(np.unique(used)) == len(used)
    assert (cases[sets[:, 0]] == 1).all()
    assert (cases[sets[:, 1:][sets[:, 1:] != NONE]] == 0).all()
    known = cases >= 0
    if len(sets) == 0:
        return
    predictors = sm.add_constant(covariates[known])
    fitted = np.full(people, np.nan)
    fitted[known] = predictors @ sm.Logit(cases[known], predictors).fit(disp=0).params
    apart = np.abs(fitted[sets[:, 1:]] - fitted[sets[:, :1]])[sets[:, 1:] != NONE]
    assert apart.max() <= CALIPER * fitted[known].std() * (1 + 1e-4)
    # A case has no second control before every case that can has a first.
    assert ((sets[:, 1:-1] != NONE) | (sets[:, 2:] == NONE)).all()


def test_matched_controls_have_the_covariates_of_the_cases() -> None:
    cases, covariates = cohort(3, 20_000, 1.0)
    sets = matched(cases, covariates, seed=1)
    before = covariates[cases == 1, 0].mean() - covariates[cases == 0, 0].mean()
    of_controls = np.nanmean(np.where(sets[:, 1:] == NONE, np.nan, covariates[sets[:, 1:], 0]), axis=1)
    after = (covariates[sets[:, 0], 0] - of_controls).mean()
    assert before > 0.8
    assert abs(after) < 0.02
    assert len(sets) > 0.95 * (cases == 1).sum()


def test_the_nearest_free_control_is_that_of_all_free_ones() -> None:
    rng = np.random.default_rng(5)
    values, free = np.sort(rng.random(300)), matching._Free(300)
    taken = np.zeros(300, dtype=bool)
    for value in rng.random(299):
        place = free.nearest(int(np.searchsorted(values, value)), values, float(value))
        assert place is not None
        assert abs(values[place] - value) == pytest.approx(np.abs(values[~taken] - value).min())
        free.take(place)
        taken[place] = True


def test_without_covariates_every_control_is_near_enough() -> None:
    cases = np.array([1, 0, 0, 0, 1, 0, -1], dtype=np.int8)
    sets = matched(cases, np.empty((7, 0)), seed=2, controls=2)
    assert sorted(sets[sets != NONE]) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("cases", [[1, 1, 1, 1], [0, 0, 0, 0], [1, -1, -1, -1]])
def test_no_sets_without_cases_or_controls(cases: list[int]) -> None:
    assert matched(np.array(cases, dtype=np.int8), np.empty((4, 0)), seed=1).shape == (0, 5)


def test_no_sets_if_covariates_separate_cases() -> None:
    cases = np.repeat(np.array([0, 1], dtype=np.int8), 50)
    assert len(matched(cases, np.repeat([[0.0], [1.0]], 50, axis=0), seed=1)) == 0
