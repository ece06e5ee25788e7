"""Scores of own traits: centred on nothing without effects, while the same without folds is not; planted effects are found."""

from __future__ import annotations

import numpy as np
import pytest

from ecgwas.errors import InputError
from ecgwas.scan import polygenic
from ecgwas.scores import own, thresholding
from ecgwas.study.scores import OwnScores
from tests.scores.panels import ArrayPanel, drawn_panel, positions

PEOPLE, VARIANTS = 150, 60
OPTIONS = OwnScores(p_values=(0.01, 1.0), permutations=2)


def without_folds(panel: ArrayPanel, values: np.ndarray, covariates: np.ndarray, p_value: float) -> np.ndarray:
    """(K,) correlations of scores and traits in the participants who gave the effects."""
    cohort = polygenic.prepare(values, covariates, panel, np.random.default_rng(1)).cohort
    scorer = thresholding.Scorer(cohort, (p_value,), min_r2=0.1, window_bp=250_000)
    for name in panel.common:
        variants, place = panel.placed(name).variants, positions(name, np.arange(panel.common[name]))
        pairs = thresholding.neighbours(variants, place, len(values), min_r2=0.1, window_bp=250_000)
        limits = thresholding.t_limits((p_value,), np.full(values.shape[1], len(values)), cohort.basis.shape[1])
        weights = thresholding.clumped_weights(thresholding.effects_of_all(variants, cohort), pairs, limits)
        scorer.score(variants, weights, 0, len(values))
    return own.out_of_fold_r(scorer.values[0], cohort.traits.astype(float), covariates, [0, len(values)])


def test_noise_is_not_predicted_out_of_fold_but_is_within() -> None:
    rng = np.random.default_rng(1)
    panel = drawn_panel(PEOPLE, VARIANTS, rng)
    covariates = rng.normal(size=(PEOPLE, 3))
    values = rng.normal(size=(PEOPLE, 80)) + covariates[:, :1]
    result = own.evaluate(OPTIONS, panel, values, covariates, positions, seed=1)
    assert [(one.method, one.p_value) for one in result.scores] == [("threshold", 0.01), ("threshold", 1.0), ("ridge", None)]
    for one in result.scores:
        r = np.concatenate([one.r, one.null.ravel()])
        r = np.nan_to_num(r)
        assert abs(r.mean()) < 4 * r.std() / np.sqrt(len(r)), one.method
        assert 0.5 / np.sqrt(PEOPLE) < r.std() < 2 / np.sqrt(PEOPLE)
    inside = without_folds(panel, values, covariates, 1.0)
    assert (inside > 0.3).all()


def test_planted_effects_are_predicted() -> None:
    rng = np.random.default_rng(2)
    people = 400
    panel = drawn_panel(people, VARIANTS, rng)
    covariates = rng.normal(size=(people, 2))
    score = panel.copies["1"][:, [3, 20, 40]].sum(axis=1) + panel.copies["2"][:, 11]
    score = (score - score.mean()) / score.std()
    trait = np.sqrt(0.4) * score + np.sqrt(0.6) * rng.normal(size=people) + covariates[:, 0]
    values = np.column_stack([trait, rng.normal(size=people)])
    values[rng.random(people) < 0.1, 0] = np.nan
    result = own.evaluate(OPTIONS, panel, values, covariates, positions, seed=1)
    best = result.scores[0]
    assert own.signed_r2(best.r)[0] > 0.25
    assert 4 <= best.variants[0] < 8
    assert own.signed_r2(result.scores[2].r)[0] > 0.15
    assert abs(result.scores[2].r[1]) < 0.2
    assert 0.1 < result.h2[0] < 0.8
    assert result.people.tolist() == [(~np.isnan(values[:, 0])).sum(), people]
    again = own.evaluate(OPTIONS, panel, values, covariates, positions, seed=1)
    np.testing.assert_array_equal(again.scores[0].values, best.values)


def test_correlation_out_of_fold_is_the_pooled_partial_correlation() -> None:
    rng = np.random.default_rng(3)
    covariates = rng.normal(size=(60, 1))
    scores, traits = rng.normal(size=(2, 1, 60))
    folds = [0, 20, 60]
    top = sizes = np.zeros(2)
    for start, stop in ((0, 20), (20, 60)):
        design = np.column_stack([np.ones(stop - start), covariates[start:stop]])
        s, y = (
            one[0, start:stop] - design @ np.linalg.lstsq(design, one[0, start:stop], rcond=None)[0] for one in (scores, traits)
        )
        top, sizes = top + s @ y, sizes + np.array([s @ s, y @ y])
    assert own.out_of_fold_r(scores, traits, covariates, folds)[0] == pytest.approx(top[0] / np.sqrt(sizes[0] * sizes[1]))
    assert np.isnan(own.out_of_fold_r(np.zeros((1, 60)), traits, covariates, folds)).all()


def test_too_few_people_for_the_folds_are_refused() -> None:
    rng = np.random.default_rng(4)
    panel = drawn_panel(60, VARIANTS, rng)
    with pytest.raises(InputError, match=r"scores\.own needs 80 participants for 5 folds and 6 covariates, not 60"):
        own.evaluate(OPTIONS, panel, rng.normal(size=(60, 1)), rng.normal(size=(60, 6)), positions, seed=1)
