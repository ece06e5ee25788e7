"""Principal components against scipy's singular value decomposition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.linalg import subspace_angles, svd

from ecgwas import represent
from ecgwas.errors import InputError
from ecgwas.leads import INDEPENDENT_LEADS, LEADS
from ecgwas.represent.inputs import Scaler, Traces, split_participants
from ecgwas.represent.linear import components
from ecgwas.signals import Signals
from ecgwas.study import Pca
from tests.factories import components_of, make_delineated

PEOPLE = 60


@pytest.fixture(scope="module")
def signals() -> Signals:
    return make_delineated(PEOPLE, seed=3)


def _options(**given: object) -> Pca:
    return Pca.model_validate({"name": "pca", "features": 5, **given})


def _matrix(signals: Signals, together: bool) -> np.ndarray:
    beats = np.asarray(signals.beats, dtype=np.float64)
    if not together:
        return beats.reshape(PEOPLE * 12, -1)
    return beats[:, [LEADS.index(lead) for lead in INDEPENDENT_LEADS]].reshape(PEOPLE, -1)


@pytest.mark.parametrize("leads", ["together", "each"])
def test_scores_and_directions_are_those_of_the_svd(signals: Signals, leads: str) -> None:
    encoder = represent.fit(_options(leads=leads, scaling="none"), signals, seed=1)
    x = _matrix(signals, leads == "together")
    centred = (x - x.mean(axis=0)) / x.std()
    u, s, vt = svd(centred, full_matrices=False)
    features = encoder.encode(signals)
    scores = features.frame.select(features.names).to_numpy()
    np.testing.assert_allclose(np.abs(scores), np.abs(u[:, :5] * s[:5]), rtol=2e-3, atol=2e-3)
    assert np.rad2deg(subspace_angles(components_of(encoder).directions.T.astype(float), vt[:5].T)).max() < 0.1


def test_point_scaling_is_sd_between_people_with_a_floor(signals: Signals) -> None:
    encoder = represent.fit(_options(floor_uv=40.0), signals, seed=1)
    x = _matrix(signals, together=True)
    z = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 40.0)
    u, s, _ = svd(z, full_matrices=False)
    features = encoder.encode(signals)
    scores = features.frame.select(features.names).to_numpy()
    np.testing.assert_allclose(np.abs(scores), np.abs(u[:, :5] * s[:5]), rtol=2e-3, atol=2e-3)
    residual = z - (u[:, :5] * s[:5]) @ svd(z, full_matrices=False)[2][:5]
    np.testing.assert_allclose(features.frame["mse"], (residual**2).mean(axis=1), rtol=1e-3)


def test_errors_are_of_people_whom_the_components_never_saw(signals: Signals) -> None:
    encoder = represent.fit(_options(scaling="none", test_share=0.2), signals, seed=9)
    split = split_participants(PEOPLE, 0.2, 9, validation=False)
    x = _matrix(signals, together=True)
    train, test = x[split.train], x[split.test]
    mean, sd = train.mean(axis=0), train.std()
    vt = svd(train - mean, full_matrices=False)[2]
    expected = {"mean": ((test - mean) / sd) ** 2}
    for name, count in (("self", 5), ("pca_32", 32)):
        expected[name] = ((test - mean - (test - mean) @ vt[:count].T @ vt[:count]) / sd) ** 2
    found = dict(encoder.errors.select("method", "mse").iter_rows())
    assert found == pytest.approx({name: float(value.mean()) for name, value in expected.items()}, rel=1e-3)
    assert list(encoder.errors["method"]) == ["self", "pca_32", "mean"]
    mae = np.abs(test - mean).mean()
    assert encoder.errors.row(2, named=True)["mae_uv"] == pytest.approx(mae, rel=1e-4)
    true, flat_mean = test.reshape(-1, 475), np.tile(mean, len(test)).reshape(-1, 475)
    per_lead = [np.corrcoef(a, b)[0, 1] for a, b in zip(true, flat_mean, strict=True)]
    assert encoder.errors.row(2, named=True)["pearson_r"] == pytest.approx(np.mean(per_lead), rel=1e-4)


def test_thirty_two_components_are_not_compared_with_themselves(signals: Signals) -> None:
    assert list(represent.fit(_options(features=32), signals, seed=1).errors["method"]) == ["self", "mean"]


def test_randomised_iteration_finds_the_same_space(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = Traces.of(signals, "beat", "together")
    everyone = np.arange(len(traces))
    scaler = Scaler.fit("global", traces, everyone)
    exact = components.principal_components(traces, everyone, scaler, 8, seed=1)
    monkeypatch.setattr(components, "LARGEST_GRAM", 10)
    random = components.principal_components(traces, everyone, scaler, 8, seed=1)
    np.testing.assert_allclose(random.directions, exact.directions, atol=2e-3)


def test_largest_entry_of_each_component_is_positive(signals: Signals) -> None:
    directions = components_of(represent.fit(_options(), signals, seed=1)).directions
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    assert (largest > 0).all()


def test_sign_survives_turning_the_people_around(signals: Signals) -> None:
    turned = represent.fit(_options(), signals.select(np.arange(PEOPLE)[::-1]), seed=1)
    straight = represent.fit(_options(), signals, seed=1)
    np.testing.assert_allclose(components_of(turned).directions, components_of(straight).directions, atol=1e-4)


@pytest.mark.parametrize("leads", ["together", "each"])
def test_decode_gives_beats_in_microvolts(signals: Signals, leads: str) -> None:
    encoder = represent.fit(_options(leads=leads, features=40), signals, seed=1)
    beats = encoder.decode(encoder.encode(signals))
    assert beats is not None
    assert beats.shape == (PEOPLE, 12, 475)
    np.testing.assert_allclose(beats[:, 2], np.asarray(signals.beats)[:, 2], atol=150)
    assert np.corrcoef(beats.ravel(), np.asarray(signals.beats).ravel())[0, 1] > 0.995


def test_strips_have_features_and_no_decoding(signals: Signals) -> None:
    few = signals.select(np.arange(12))
    encoder = represent.fit(_options(input="strip", leads="each"), few, seed=1)
    features = encoder.encode(few)
    assert encoder.decode(features) is None
    assert features.frame.shape == (12 * 12, 2 + 5 + 1)
    assert features.frame["lead"].to_list()[:12] == list(LEADS)


def test_beyond_max_mse_features_are_null_and_mse_stays(signals: Signals) -> None:
    mse = represent.fit(_options(), signals, seed=1).encode(signals).frame["mse"]
    limit = float(mse.median())
    frame = represent.fit(_options(max_mse=limit), signals, seed=1).encode(signals).frame
    assert (frame["pc01"].is_null() == (mse > limit)).all()
    assert frame["mse"].null_count() == 0


def test_saved_and_loaded_encoder_is_the_same(signals: Signals, tmp_path: Path) -> None:
    options = _options(max_mse=3.0)
    encoder = represent.fit(options, signals, seed=1)
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
    encoder.save(first)
    again = represent.load(options, first)
    again.save(second)
    assert again.encode(signals).frame.equals(encoder.encode(signals).frame)
    assert again.errors.equals(encoder.errors)
    for name in ("encoder.safetensors", "encoder.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_more_components_than_people_is_refused(signals: Signals) -> None:
    with pytest.raises(InputError, match="9 traces are too few for 32 components"):
        represent.fit(_options(features=32), signals.select(np.arange(10)), seed=1)


def test_split_is_by_person_and_by_seed() -> None:
    split = split_participants(100, 0.1, 4, validation=True)
    parts = [split.train, split.validation, split.test]
    assert [len(part) for part in parts] == [80, 10, 10]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(100))
    np.testing.assert_array_equal(split.test, split_participants(100, 0.1, 4, validation=True).test)
    assert not np.array_equal(split.test, split_participants(100, 0.1, 5, validation=True).test)
    with pytest.raises(InputError, match="too few"):
        split_participants(3, 0.1, 1, validation=True)


@pytest.mark.parametrize("given", [{}, {"align": "waves", "criterion": "repeatable", "rotation": "varimax"}], ids=str)
def test_waves_apart_have_components_of_their_own(signals: Signals, tmp_path: Path, given: dict[str, str]) -> None:
    options = _options(waves="apart", features=8, **given)
    encoder = represent.fit(options, signals, seed=1)
    features = encoder.encode(signals)
    assert features.names == ["p01", "p02", "p03", "qrs01", "qrs02", "qrs03", "t01", "t02"]
    directions = components_of(encoder).directions.reshape(8, -1, 475)
    used = [
        np.flatnonzero(np.abs(directions[some]).sum(axis=(0, 1)) > 1e-6) for some in (slice(0, 3), slice(3, 6), slice(6, 8))
    ]
    assert used[0][-1] + 1 == used[1][0] < 175 < used[1][-1] + 1 == used[2][0]  # R at 175; nothing is shared or left out
    decoded = encoder.decode(features)
    assert np.corrcoef(decoded.ravel(), np.asarray(signals.beats).ravel())[0, 1] > 0.9
    encoder.save(tmp_path)
    assert represent.load(options, tmp_path).encode(signals).frame.equals(features.frame)


def test_p_apart_is_the_pca_of_its_stretch(signals: Signals) -> None:
    encoder = represent.fit(_options(waves="apart", features=6, scaling="none"), signals, seed=1)
    directions = components_of(encoder).directions.reshape(6, 8, 475)
    last = int(np.flatnonzero(np.abs(directions[:2]).sum(axis=(0, 1)) > 1e-6)[-1]) + 1
    x = _matrix(signals, together=True).reshape(PEOPLE, 8, 475)[:, :, :last].reshape(PEOPLE, -1)
    vt = svd(x - x.mean(axis=0), full_matrices=False)[2]
    assert np.rad2deg(subspace_angles(directions[:2, :, :last].reshape(2, -1).T.astype(float), vt[:2].T)).max() < 0.1


def test_waves_of_strips_are_refused() -> None:
    with pytest.raises(ValidationError, match="waves: apart needs input: beat"):
        _options(waves="apart", input="strip")
