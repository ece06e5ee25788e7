"""The residual autoencoder as a representation: learning, people kept apart, files, a real kill."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.nn import Conv1d

from ecgwas import represent
from ecgwas.errors import InputError
from ecgwas.represent.inputs import split_participants
from ecgwas.represent.neural.encoder import NetworkEncoder
from ecgwas.represent.neural.network import convolution_weights
from ecgwas.signals import Signals, StackedArrays
from ecgwas.study import ResidualAutoencoder
from tests.factories import make_signals, with_beats

PEOPLE, FEW = 20, 8
SMALL = {"name": "ae", "channels": [4, 8], "kernels": [5], "features": 6, "epochs": 2, "leads": "together"}


@pytest.fixture(scope="module")
def signals() -> Signals:
    return make_signals(PEOPLE, seed=3)


def _options(**given: Any) -> ResidualAutoencoder:
    return ResidualAutoencoder.model_validate({**SMALL, **given})


def _fit(options: ResidualAutoencoder, signals: Signals, **given: Any) -> NetworkEncoder:
    encoder = represent.fit(options, signals, seed=1, **given)
    assert isinstance(encoder, NetworkEncoder)
    return encoder


def _files(encoder: represent.Encoder, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    encoder.save(folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_few_traces_are_learned_by_heart(signals: Signals) -> None:
    options = _options(epochs=60, patience=60, dropout=0.0, l2=0.0, batch=16, learning_rate=0.005, channels=[8, 16])
    history = _fit(options, signals).history
    assert history["train_loss"][0] > 0.5
    assert history["train_loss"][-1] < 0.1


def test_squared_kernels_in_the_loss_shrink_them(signals: Signals) -> None:
    free, held = (_fit(_options(l2=l2, epochs=8), signals).network for l2 in (0.0, 0.1))
    sizes = [sum(float(weight.detach().square().sum()) for weight in convolution_weights(network)) for network in (free, held)]
    assert sizes[1] < 0.9 * sizes[0]


@pytest.mark.parametrize("leads", ["together", "each"])
def test_no_person_kept_aside_is_trained_on(signals: Signals, leads: str) -> None:
    """Their beats are poisoned: one NaN in training would end it with an error."""
    split = split_participants(PEOPLE, 0.1, 1, validation=True)
    beats = np.asarray(signals.beats).copy()
    beats[split.test] = np.nan
    encoder = _fit(_options(leads=leads, epochs=1), with_beats(signals, beats))
    assert encoder.history["validation_loss"].is_finite().all()
    assert encoder.errors["mse"].is_nan().all()


def test_global_scaling_is_that_of_the_people_trained_on(signals: Signals) -> None:
    split = split_participants(PEOPLE, 0.1, 1, validation=True)
    scaler = _fit(_options(leads="each", epochs=1), signals).scaler
    beats = np.asarray(signals.beats, dtype=np.float64)[split.train]
    assert float(scaler.mean.item()) == pytest.approx(beats.mean(), rel=1e-5)
    assert float(scaler.sd.item()) == pytest.approx(beats.std(), rel=1e-5)


def test_errors_stand_beside_pca_and_mean(signals: Signals) -> None:
    errors = _fit(_options(), signals).errors
    assert errors.columns == ["method", "mse", "pearson_r", "mae_uv", "loss"]
    assert list(errors["method"]) == ["self", "pca_32", "mean"]
    assert errors["mse"].is_finite().all()


@pytest.mark.parametrize(
    ("given", "body"),
    [({"l2": 0.01}, 0.01), ({"l2": 1e-3, "l1": 1e-3}, 1e-3), ({"l2": 0.0, "l1": 0.01}, 0.0), ({"l2": 0.0}, 0.0)],
)
def test_the_test_loss_is_squared_error_and_penalty(signals: Signals, given: dict[str, float], body: float) -> None:
    """As Keras' evaluate: the penalty of the convolutions of the blocks is added once, whatever was tested."""
    encoder = _fit(_options(**given), signals)
    weights = [
        layer.weight.detach().double().numpy()
        for block in (*encoder.network.encoder, *encoder.network.decoder)
        for layer in block.body
        if isinstance(layer, Conv1d)
    ]
    penalty = sum(body * np.square(one).sum() + given.get("l1", 0.0) * np.abs(one).sum() for one in weights)
    errors = {row["method"]: row for row in encoder.errors.iter_rows(named=True)}
    assert errors["self"]["loss"] == pytest.approx(errors["self"]["mse"] + penalty, rel=1e-5)
    assert [errors[name]["loss"] for name in ("pca_32", "mean")] == [None, None]


@pytest.mark.parametrize(("leads", "rows"), [("together", 1), ("each", 12)])
def test_features_have_a_row_per_person_and_lead(signals: Signals, leads: str, rows: int) -> None:
    encoder = _fit(_options(leads=leads, epochs=1), signals)
    features = encoder.encode(signals)
    assert features.frame.height == PEOPLE * rows
    assert features.names == ["f01", "f02", "f03", "f04", "f05", "f06"]
    beats = encoder.decode(features)
    assert beats is not None
    assert beats.shape == (PEOPLE, 12, 475)
    np.testing.assert_allclose(_mse_in_units(encoder, beats, signals, rows), features.frame["mse"], rtol=1e-3)


def _mse_in_units(encoder: NetworkEncoder, beats: np.ndarray, signals: Signals, rows: int) -> np.ndarray:
    kept = list(range(12)) if rows == 12 else [0, 1, 6, 7, 8, 9, 10, 11]
    squared = ((beats - np.asarray(signals.beats)) / encoder.scaler.sd.item()) ** 2
    return squared[:, kept].reshape(PEOPLE * rows, -1).mean(axis=1)


def test_features_beyond_max_mse_are_null(signals: Signals) -> None:
    mse = _fit(_options(), signals).encode(signals).frame["mse"]
    limit = float(mse.median())
    encoder = _fit(_options(max_mse=limit), signals)
    features = encoder.encode(signals)
    assert (features.frame["f03"].is_null() == (mse > limit)).all()
    beats = encoder.decode(features)
    assert beats is not None
    np.testing.assert_array_equal(np.isnan(beats).all(axis=(1, 2)), mse > limit)


def test_per_signal_scaling_forgets_the_voltage(signals: Signals) -> None:
    encoder = _fit(_options(normalisation="per_signal"), signals)
    doubled = with_beats(signals, np.asarray(signals.beats) * 2 + 50)
    first, second = encoder.encode(signals), encoder.encode(doubled)
    np.testing.assert_allclose(first.frame.drop("eid", "lead"), second.frame.drop("eid", "lead"), rtol=1e-3, atol=1e-4)
    assert encoder.decode(first) is None


def test_strips_are_learned_too(signals: Signals) -> None:
    few = signals.select(np.arange(6))
    short = replace(few, strips=StackedArrays([np.asarray(few.strips)[:, :, :1001]]))
    encoder = _fit(_options(input="strip", leads="each", epochs=1), short)
    features = encoder.encode(short)
    assert features.frame.height == 6 * 12
    decoded = encoder.decode(features)
    assert decoded is not None
    assert decoded.shape == (6, 12, 1001)


@pytest.mark.parametrize("leads", ["each", "together"])
@pytest.mark.parametrize("source", ["beat", "strip"])
def test_a_reconstruction_is_what_the_features_decode_to(signals: Signals, leads: str, source: str) -> None:
    some = signals.select(np.arange(FEW))
    encoder = _fit(_options(leads=leads, input=source, epochs=1), some)
    rebuilt = represent.reconstruct(encoder, some)
    decoded = encoder.decode(encoder.encode(some))
    assert rebuilt is not None
    assert decoded is not None
    assert rebuilt.shape == (FEW, 12, 475 if source == "beat" else 5000)
    assert np.allclose(rebuilt, decoded, atol=0.05)


def test_signals_beyond_the_limit_are_reconstructed_too(signals: Signals) -> None:
    """Their features are null; what the network makes of them is not."""
    some = signals.select(np.arange(FEW))
    encoder = _fit(_options(leads="each", input="strip", epochs=1, max_mse=1e-6), some)
    features = encoder.encode(some)
    assert features.frame.select(features.names).null_count().row(0) == (12 * FEW,) * 6
    rebuilt = represent.reconstruct(encoder, some)
    assert rebuilt is not None
    units = (rebuilt - np.asarray(some.strips)) / encoder.scaler.sd
    assert np.square(units).mean(axis=2).ravel() == pytest.approx(features.frame["mse"].to_numpy(), rel=1e-3)


@pytest.mark.parametrize("given", [{"normalisation": "per_signal"}, {"skip": "encoder_to_decoder", "block": "conv_pool"}])
def test_what_features_alone_do_not_hold_is_reconstructed_from_the_signal(signals: Signals, given: dict[str, str]) -> None:
    encoder = _fit(_options(leads="each", epochs=1, **given), signals)
    features = encoder.encode(signals)
    assert encoder.decode(features) is None
    rebuilt = represent.reconstruct(encoder, signals)
    assert rebuilt is not None
    beats = np.asarray(signals.beats)
    sd = beats.std(axis=2, keepdims=True) if "normalisation" in given else encoder.scaler.sd
    mse = np.square((rebuilt - beats) / sd).mean(axis=2).ravel()
    assert mse == pytest.approx(features.frame["mse"].to_numpy(), rel=1e-3)


def test_same_seed_same_bytes_and_loaded_encoder_is_the_same(signals: Signals, tmp_path: Path) -> None:
    options = _options()
    encoder = _fit(options, signals)
    files = _files(encoder, tmp_path / "a")
    assert list(files) == ["encoder.json", "encoder.safetensors", "last.safetensors"]
    assert _files(_fit(options, signals), tmp_path / "b") == files
    again = represent.load(options, tmp_path / "a")
    assert _files(again, tmp_path / "c") == files
    assert again.encode(signals).frame.equals(encoder.encode(signals).frame)
    assert again.history.equals(encoder.history)


KILLED = """
import os, signal, sys
from pathlib import Path
from ecgwas import represent
from tests.factories import make_signals
from tests.represent.test_residual_autoencoder import _options

def track(items, label, total):
    for done, item in enumerate(items, start=1):
        if done == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item

represent.fit(_options(epochs=5, batch=8), make_signals(20, seed=3), seed=1, scratch=Path(sys.argv[1]), track=track)
"""


def test_sigkill_in_the_second_epoch_changes_no_byte(signals: Signals, tmp_path: Path) -> None:
    options = _options(epochs=5, batch=8)
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "training.safetensors").exists()
    resumed = _fit(options, signals, scratch=tmp_path)
    assert _files(resumed, tmp_path / "resumed") == _files(_fit(options, signals), tmp_path / "undisturbed")


def test_too_few_people_are_refused(signals: Signals) -> None:
    with pytest.raises(InputError, match="too few"):
        _fit(_options(), signals.select(np.arange(3)))
