"""Prediction of a binary target: fits against scipy, folds without leaks, gains and p-values on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, special, stats

from ecgwas.outcomes import measures, prediction, ridge_logistic
from ecgwas.outcomes.prediction import MODELS, areas_of, folds_of, predict, standardised

Data = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def data(seed: int, people: int = 300, of_ecg: float = 0.0, of_age: float = 0.8) -> Data:
    """Ten features, the first of which may act, and two covariates; the first acts, and is in the second feature, too."""
    rng = np.random.default_rng(seed)
    covariates, features = rng.standard_normal((people, 2)), rng.standard_normal((people, 10))
    features[:, 1] += covariates[:, 0]
    eta = of_age * covariates[:, 0] + of_ecg * features[:, 0] - 1
    return features, covariates, rng.random(people) < special.expit(eta)


@pytest.mark.parametrize("variance", [0.03, 1.0])
def test_the_fit_maximises_the_penalised_likelihood(variance: float) -> None:
    features, covariates, cases = data(1, of_ecg=0.5)
    free = np.column_stack([np.ones(len(cases)), covariates])

    def loss(at: NDArray[np.float64]) -> float:
        eta = np.hstack([free, features]) @ at
        return float(np.logaddexp(0, eta).sum() - eta[cases].sum() + 0.5 * 10 / variance * (at[3:] ** 2).sum())

    best = optimize.minimize(loss, np.zeros(13), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(ridge_logistic.fit(free, features, cases, variance), best.x, atol=2e-5)


def test_without_variance_features_have_no_coefficients() -> None:
    features, _, cases = data(2)
    found = ridge_logistic.fit(np.ones((len(cases), 1)), features, cases, 0.0)
    assert (found[1:] == 0).all()
    assert found[0] == pytest.approx(special.logit(cases.mean()))


def test_folds_have_cases_and_controls_evenly() -> None:
    cases = np.arange(103) < 23
    number = folds_of(cases, 5, np.random.default_rng(1))
    for members in (cases, ~cases):
        counts = np.bincount(number[members], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_standardising_knows_only_those_it_is_fitted_to() -> None:
    values, train = np.arange(12.0).reshape(6, 2), np.array([True] * 3 + [False] * 3)
    values[1, 1], values[:, 0] = np.nan, [1, 1, 1, 5, 6, 7]
    scaled = standardised(values, train)
    assert (scaled[:, 0] == 0).all()
    assert scaled[1, 1] == 0
    assert scaled[[0, 2], 1] == pytest.approx([-1, 1])


def test_areas_are_compared_within_folds() -> None:
    rng = np.random.default_rng(3)
    scores, cases = rng.standard_normal((200, 2)), rng.random(200) < 0.3
    folds = folds_of(cases, 4, rng)
    pairs = [
        (s[:, None] > t).mean()
        for f in range(4)
        for s, t in [(scores[(folds == f) & cases, 0], scores[(folds == f) & ~cases, 0])]
    ]
    weights = [((folds == f) & cases).sum() * ((folds == f) & ~cases).sum() for f in range(4)]
    areas, covariance = areas_of(scores + folds[:, None] * 100, cases, folds)
    assert areas[0] == pytest.approx(np.average(pairs, weights=weights))
    one, _ = areas_of(scores, cases, np.zeros(200, dtype=np.int64))
    assert one[1] == pytest.approx(measures.auroc(scores[:, 1], cases).value)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


def test_an_effect_of_the_ecg_is_gained_and_has_a_small_p() -> None:
    features, covariates, cases = data(4, people=600, of_ecg=1.0)
    features[np.random.default_rng(1).random(features.shape) < 0.05] = np.nan
    found = predict(features, covariates, cases, permutations=19, seed=1)
    assert found.p == pytest.approx(0.05)
    assert found.gain.low > 0.03
    assert found.areas[2].value == max(area.value for area in found.areas)
    truth = np.abs(found.coefficients.mean(axis=0))
    assert truth.argmax() == 0
    assert found.risks.shape == (600, len(MODELS))
    calibration = measures.calibration(found.risks[:, 2], cases)
    assert calibration.slope == pytest.approx(1.0, abs=0.25)


def test_what_covariates_explain_is_no_gain_of_the_ecg() -> None:
    """The second feature tells age, and age tells the target: `ECG` predicts, and adds nothing to the covariates."""
    found = [predict(*data(seed, of_age=1.5), permutations=19, seed=seed) for seed in range(20)]
    assert np.mean([one.areas[1].value for one in found]) > 0.6
    assert abs(np.mean([one.gain.value for one in found])) < 0.01
    assert stats.kstest([one.p - 0.025 for one in found], "uniform").pvalue > 0.01


def test_nothing_is_predicted_out_of_noise_and_much_without_folds() -> None:
    """The contrast: the same fit, judged by the people to whom it was fitted."""
    within, without = [], []
    for seed in range(40):
        features, covariates, cases = data(seed, people=150, of_age=0.0)
        found = predict(features, covariates, cases, seed=seed)
        within.append(found.areas[1].value)
        x = standardised(features, np.ones(150, dtype=bool))
        eta = np.hstack([np.ones((150, 1)), x]) @ ridge_logistic.fit(np.ones((150, 1)), x, cases, prediction.TESTED)
        without.append(measures.auroc(eta, cases).value)
    assert abs(np.mean(within) - 0.5) < 3 * np.std(within) / np.sqrt(40) + 0.005
    assert np.mean(without) > 0.6
