"""Scores combined for a disease: planted ones add to the covariates, noise does not, and nothing leaks between folds."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import special

from ecgwas.mixed.ridge import Cohort
from ecgwas.outcomes import measures, ridge_logistic
from ecgwas.scan import polygenic
from ecgwas.scores import diseases
from tests.scores.panels import ArrayPanel, drawn_panel, positions

PEOPLE, VARIANTS = 400, 50


def nested(panel: ArrayPanel, values: np.ndarray, covariates: np.ndarray, folds: int = 4) -> tuple[np.ndarray, Cohort]:
    cohort = polygenic.prepare(values, covariates, panel, np.random.default_rng(1), folds).cohort
    scores = diseases.nested_scores(panel, cohort, positions, p_value=0.01, min_r2=0.2, window_bp=50_000)
    return scores, cohort


def test_planted_scores_add_to_the_covariates() -> None:
    rng = np.random.default_rng(1)
    panel = drawn_panel(PEOPLE, VARIANTS, rng)
    covariates = rng.normal(size=(PEOPLE, 1))
    genetic = panel.copies["1"][:, [3, 20]].sum(axis=1) + panel.copies["2"][:, 11]
    genetic = (genetic - genetic.mean()) / genetic.std()
    values = np.column_stack([genetic + rng.normal(size=PEOPLE), rng.normal(size=PEOPLE)])
    cases = (rng.random(PEOPLE) < special.expit(1.5 * genetic + covariates[:, 0])).astype(float)
    cases[rng.random(PEOPLE) < 0.1] = np.nan
    scores, cohort = nested(panel, values, covariates)
    result = diseases.combined(scores, covariates, cases, cohort.folds, permutations=19, seed=1)
    assert result.p == 1 / 20
    assert 0.03 < result.gain.low < result.gain.value < result.gain.high
    assert result.auroc.value == pytest.approx(diseases.alone(covariates, cases, cohort.folds).value + result.gain.value)
    noise = diseases.combined(scores[:, 1:], covariates, cases, cohort.folds, permutations=0, seed=1)
    assert abs(noise.gain.value) < 0.03
    assert np.isnan(noise.p)


def test_neither_traits_nor_diseases_of_a_fold_are_in_its_model() -> None:
    """Other values of fold 1 change neither the scores of the others in the model for fold 1, nor its own from outside."""
    rng = np.random.default_rng(2)
    panel = drawn_panel(PEOPLE, VARIANTS, rng)
    values, covariates = rng.normal(size=(PEOPLE, 2)), np.empty((PEOPLE, 0))
    scores, cohort = nested(panel, values, covariates)
    changed = Cohort(**{**cohort.__dict__, "traits": cohort.traits.copy()})
    start, stop = cohort.folds[1:3]
    changed.traits[:, start:stop] = rng.normal(size=(2, stop - start))
    again = diseases.nested_scores(panel, changed, positions, p_value=0.01, min_r2=0.2, window_bp=50_000)
    np.testing.assert_array_equal(scores[1], again[1])
    assert not np.allclose(scores[0], again[0])
    cases = (rng.random(PEOPLE) < 0.3).astype(float)
    other = cases.copy()
    other[start:stop] = 1 - other[start:stop]
    first, second = (diseases.risks(scores, rng.normal(size=(PEOPLE, 0)), one, cohort.folds) for one in (cases, other))
    np.testing.assert_array_equal(first[start:stop], second[start:stop])


def test_a_disease_that_follows_a_trait_without_effects_is_not_predicted() -> None:
    """The gain is 0 on average."""
    gains = []
    for seed in range(25):
        rng = np.random.default_rng([3, seed])
        panel = drawn_panel(160, 40, rng)
        trait = rng.normal(size=160)
        cases = (rng.random(160) < special.expit(2 * trait)).astype(float)
        scores, cohort = nested(panel, trait[:, None], np.empty((160, 0)))
        covariates = rng.normal(size=(160, 1))
        together, alone = (diseases.risks(one, covariates, cases, cohort.folds) for one in (scores, scores[:, :0]))
        gains.append(measures.auroc(together, cases == 1).value - measures.auroc(alone, cases == 1).value)
    assert abs(np.mean(gains)) < 3.5 * np.std(gains) / np.sqrt(len(gains))


def test_ridge_logistic_regression_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(200, 5))
    y = (rng.random(200) < special.expit(x @ [1, -1, 0.5, 0, 0])).astype(float)
    for penalty in (0.5, 50.0):
        design = np.column_stack([np.ones(200), x])
        own = ridge_logistic.maximum(design, y, np.r_[0.0, np.full(5, penalty)])
        alpha = np.r_[0.0, np.full(5, penalty)] / 200
        theirs = sm.GLM(y, design, family=sm.families.Binomial()).fit_regularized(alpha=alpha, L1_wt=0.0)
        np.testing.assert_allclose(own, theirs.params, atol=1e-4)
