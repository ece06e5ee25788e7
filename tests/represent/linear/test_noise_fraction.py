"""Repeatable components: planted people and noise, a direct search for the best ratio, and what real beats gain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.linalg import subspace_angles
from scipy.optimize import minimize

from ecgwas import represent
from ecgwas.represent.linear.noise_fraction import NOISE_FLOOR, most_repeatable_axes, noise_covariance
from ecgwas.represent.pca import PcaEncoder
from ecgwas.signals import Signals
from ecgwas.stages.represent import reliability
from ecgwas.study import Pca
from tests.factories import make_delineated


@pytest.fixture(scope="module")
def signals() -> Signals:
    return make_delineated(80, seed=3)


def _options(**given: object) -> Pca:
    return Pca.model_validate({"name": "pca", "features": 6, "criterion": "repeatable", **given})


def _planted(people: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of whole, odd and even beats: two directions of people, and two louder ones of noise."""
    rng = np.random.default_rng(5)
    person = rng.standard_normal((people, 4)) * [3.0, 2.0, 0.1, 0.1]
    odd, even = (person + np.sqrt(2) * rng.standard_normal((people, 4)) * [0.3, 0.3, 6.0, 5.0] for _ in range(2))
    return (odd + even) / 2, odd, even


def test_noise_of_whole_beats_is_that_of_their_halves_difference() -> None:
    _, odd, even = _planted(40_000)
    found = noise_covariance(odd, even)
    # Variances of the mean of two halves: half of 2 * [0.3, 0.3, 6, 5]^2. Loud people count less, so a little is lost.
    np.testing.assert_allclose(np.diag(found), np.square([0.3, 0.3, 6.0, 5.0]), rtol=0.2)
    assert np.abs(found - np.diag(np.diag(found))).max() < 1.0


def test_one_bad_recording_does_not_decide() -> None:
    _, odd, even = _planted(400)
    quiet = noise_covariance(odd, even)
    odd[7] += [500.0, 0.0, 0.0, 0.0]
    loud = noise_covariance(odd, even)
    assert loud[0, 0] < 0.1 * 500.0**2 / (4 * 400)
    np.testing.assert_allclose(loud[1:, 1:], quiet[1:, 1:], rtol=0.1, atol=0.1)


def test_people_are_found_under_louder_noise() -> None:
    whole, odd, even = _planted()
    between = whole.T @ whole / len(whole)
    axes = most_repeatable_axes(between, odd, even, 2)
    np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-10)
    assert np.rad2deg(subspace_angles(axes, np.eye(4)[:, :2])).max() < 1.0
    variance = np.linalg.eigh(between)[1][:, ::-1][:, :2]
    assert np.rad2deg(subspace_angles(variance, np.eye(4)[:, 2:])).max() < 10.0  # what plain components would take


def test_first_axis_has_the_best_ratio_that_a_search_finds() -> None:
    rng = np.random.default_rng(8)
    mix = rng.standard_normal((3, 3))
    whole, odd, even = (scores[:, :3] @ mix for scores in _planted(500))
    between, noise = whole.T @ whole / len(whole), noise_covariance(odd, even)
    noise += NOISE_FLOOR * noise.trace() / 3 * np.eye(3)

    def ratio(v: np.ndarray) -> float:
        return float(v @ between @ v / (v @ noise @ v))

    best = max(-minimize(lambda v: -ratio(v), rng.standard_normal(3)).fun for _ in range(5))
    assert ratio(most_repeatable_axes(between, odd, even, 1)[:, 0]) == pytest.approx(best, rel=1e-4)


def test_quiet_directions_in_which_people_hardly_differ_are_not_taken() -> None:
    """Of five directions two have next to no noise and a hundredth of the others' spread: their ratio is the best."""
    rng = np.random.default_rng(9)
    person = rng.standard_normal((2000, 5)) * [3.0, 2.0, 2.0, 0.03, 0.02]
    odd, even = (person + rng.standard_normal((2000, 5)) * [0.3, 0.3, 0.3, 1e-4, 1e-4] for _ in range(2))
    whole = (odd + even) / 2
    axes = most_repeatable_axes(whole.T @ whole / len(whole), odd, even, 3)
    assert np.rad2deg(subspace_angles(axes, np.eye(5)[:, :3])).max() < 5.0


@pytest.mark.parametrize("given", [{}, {"align": "waves", "rotation": "varimax"}, {"leads": "each"}], ids=str)
def test_features_repeat_better_than_those_of_variance(signals: Signals, given: dict[str, str]) -> None:
    plain = represent.fit(_options(**{**given, "criterion": "variance"}), signals, seed=1)
    chosen = represent.fit(_options(**given), signals, seed=1)
    repeats = [reliability(*(encoder.encode(half) for half in signals.odd_and_even))["r"].mean() for encoder in (plain, chosen)]
    assert repeats[1] > repeats[0]


def test_decoded_beats_are_near_and_files_come_back(signals: Signals, tmp_path: Path) -> None:
    options = _options(features=12, rotation="varimax")
    encoder = represent.fit(options, signals, seed=1)
    assert isinstance(encoder, PcaEncoder)
    assert encoder.errors["method"].to_list() == ["self", "pca_32", "mean"]
    errors = dict(encoder.errors.select("method", "mse").iter_rows())
    assert errors["pca_32"] < errors["self"] < errors["mean"]
    features = encoder.encode(signals)
    decoded = encoder.decode(features)
    assert decoded is not None
    assert np.corrcoef(decoded.ravel(), np.asarray(signals.beats).ravel())[0, 1] > 0.95
    explained = encoder.components.spread * np.linalg.norm(encoder.components.patterns, axis=1)
    assert (explained[:-1] >= explained[1:]).all()
    encoder.save(tmp_path)
    again = represent.load(options, tmp_path)
    assert again.encode(signals).frame.equals(features.frame)
    np.testing.assert_array_equal(again.decode(features), decoded)


def test_strips_are_refused() -> None:
    with pytest.raises(ValidationError, match="criterion: repeatable needs input: beat"):
        _options(input="strip")
