"""Fewer digits where a GPU is, all of them on a CPU; its own path tried on the CPU, which can do bfloat16, too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecgwas import represent
from ecgwas.represent.neural import mixed_precision
from ecgwas.represent.neural.mixed_precision import autocast, matmul_precision
from ecgwas.study import Representation, ResidualAutoencoder, Vae
from ecgwas.study.represent import Precision
from tests.factories import make_signals

CPU = torch.device("cpu")
CHOICES = ("float32", "tf32", "bfloat16")


def flags() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU counts as a device that multiplies shorter numbers."""
    monkeypatch.setattr(mixed_precision, "REDUCED_PRECISION_DEVICES", ("cpu", "cuda"))


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("chosen", CHOICES)
def test_tf32_is_on_within_and_as_it_was_after_even_after_an_error(chosen: Precision) -> None:
    before = flags()
    with matmul_precision(chosen, CPU):
        assert flags() == ((False, False) if chosen == "float32" else (True, True))
    assert flags() == before
    with pytest.raises(ZeroDivisionError), matmul_precision(chosen, CPU):
        raise ZeroDivisionError
    assert flags() == before


@pytest.mark.parametrize("chosen", CHOICES)
def test_a_cpu_is_left_alone(chosen: Precision) -> None:
    before = flags()
    with matmul_precision(chosen, CPU), autocast(chosen, CPU):
        assert flags() == before
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def kinds(chosen: str) -> list[Representation]:
    small = {"features": 3, "channels": (8, 8), "epochs": 4, "batch": 16, "precision": chosen}
    return [
        ResidualAutoencoder.model_validate({"name": "ae", "leads": "together", "kernels": (7, 7), "dropout": 0.1, **small}),
        Vae.model_validate({"name": "vae", "warm_up": 2, **small}),
    ]


@pytest.mark.parametrize("place", [0, 1], ids=["residual_autoencoder", "vae"])
def test_bfloat16_trains_to_nearly_the_same_losses_with_weights_of_float32(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    signals = make_signals(40, 3)
    plain, alone = (represent.fit(kinds(chosen)[place], signals, seed=1) for chosen in ("float32", "bfloat16"))
    assert alone.history.equals(plain.history), "on a CPU the option changes nothing"
    monkeypatch.setattr(mixed_precision, "REDUCED_PRECISION_DEVICES", ("cpu", "cuda"))
    shorter = represent.fit(kinds("bfloat16")[place], signals, seed=1)
    for name in ("train_loss", "validation_loss"):
        assert not shorter.history[name].equals(plain.history[name])
        np.testing.assert_allclose(shorter.history[name], plain.history[name], rtol=0.05)
    ours, theirs = (encoder.encode(signals) for encoder in (shorter, plain))
    assert ours.frame.schema == theirs.frame.schema
    assert all(tensor.dtype != torch.bfloat16 for tensor in shorter.network.state_dict().values())  # type: ignore[attr-defined]


@pytest.mark.gpu
@pytest.mark.parametrize("chosen", CHOICES)
def test_a_gpu_trains_to_nearly_the_losses_of_the_cpu(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    signals = make_signals(40, 3)
    on_gpu = represent.fit(kinds(chosen)[1], signals, seed=1).history
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    on_cpu = represent.fit(kinds("float32")[1], signals, seed=1).history
    np.testing.assert_allclose(on_gpu["validation_loss"], on_cpu["validation_loss"], rtol=0.1)
