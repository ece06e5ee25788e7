"""The course of a training on scripted losses, its resumption after a kill, its checkpoints."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ecgwas.errors import EcgwasError
from ecgwas.represent.neural.training import TrainedNetwork, TrainingPlan, finished, learning_rate, shuffled, train

DATA = torch.from_numpy(np.random.default_rng(5).standard_normal((50, 1, 6)).astype(np.float32))
TRAIN, VALIDATION = np.arange(40), np.arange(40, 50)


def _plan(**given: Any) -> TrainingPlan:
    return TrainingPlan(
        **{"seed": 3, "epochs": 6, "batch": 16, "learning_rate": 0.01, "patience": 3, "halve_after": 50, **given}
    )


def _build() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Dropout(0.3), nn.Linear(4, 6))


def _loss(network: nn.Module, traces: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
    error = (network(traces) - traces.flatten(1)).square().mean()
    return error, error


def _read(chosen: np.ndarray) -> Tensor:
    return DATA[torch.from_numpy(chosen)]


def _train(plan: TrainingPlan, scratch: Path | None = None, *, inputs: str = "m", **given: Any) -> TrainedNetwork:
    return train(
        _build,
        given.pop("loss", _loss),
        _read,
        TRAIN,
        VALIDATION,
        plan,
        inputs_fingerprint=inputs,
        label="t",
        scratch=scratch,
        **given,
    )


def _digest(trained: TrainedNetwork) -> str:
    tensors = [*trained.network.state_dict().values(), *trained.last.values()]
    content = b"".join(tensor.numpy().tobytes() for tensor in tensors) + trained.history.write_csv().encode()
    return hashlib.sha256(content).hexdigest()


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the training catches it."""


def _killed_after(steps: int) -> Any:
    def track(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        for done, item in enumerate(items):
            if done == steps:
                raise Killed
            yield item

    return track


class Scripted:
    """A loss whose validation values are a script, one per epoch."""

    def __init__(self, values: list[float]) -> None:
        self.values = iter(values)

    def __call__(self, network: nn.Module, traces: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        if network.training:
            return _loss(network, traces, epoch)
        return torch.zeros(()), torch.tensor(next(self.values))


def test_stops_when_patience_is_over_and_restores_the_best_weights() -> None:
    script = [5.0, 4.0, 3.0, 3.5, 3.1, 3.0, 1.0]
    trained = _train(_plan(epochs=20, batch=50), loss=Scripted(script))
    assert trained.history["validation_loss"].to_list() == pytest.approx([5.0, 4.0, 3.0, 3.5, 3.1, 3.0])
    three_epochs = _train(_plan(epochs=3, batch=50), loss=Scripted([3.0, 2.0, 1.0]))
    for name, tensor in three_epochs.last.items():
        assert torch.equal(trained.network.state_dict()[name], tensor)
    assert any(not torch.equal(trained.last[name], tensor) for name, tensor in three_epochs.last.items())


def test_learning_rate_is_halved_each_time_the_wait_is_over() -> None:
    script = [5.0, 4.0, 4.1, 4.2, 4.3, 4.4, 3.0, 3.1, 3.2]
    plan = _plan(epochs=9, patience=8, halve_after=2, batch=50)
    rates = _train(plan, loss=Scripted(script)).history["learning_rate"].to_list()
    one = 0.01
    assert rates == [one, one, one, one, one / 2, one / 2, one / 4, one / 4, one / 4]
    assert learning_rate(script, plan) == one / 8
    assert learning_rate(script, _plan(halve_after=50)) == one


def test_finished_by_the_number_of_epochs_or_by_patience() -> None:
    assert not finished([], _plan())
    assert finished([6.0, 5.0, 4.0, 3.0, 2.0, 1.0], _plan())
    assert not finished([1.0, 1.0, 1.0], _plan())
    assert finished([1.0, 1.0, 1.0, 1.0], _plan())


@pytest.mark.parametrize("steps", [0, 1, 3, 8, 17])
def test_killed_and_resumed_training_gives_the_same_bytes(steps: int, tmp_path: Path) -> None:
    undisturbed = _train(_plan(patience=6))
    assert undisturbed.history.height == 6
    with pytest.raises(Killed):
        _train(_plan(patience=6), tmp_path, track=_killed_after(steps))
    assert (tmp_path / "training.safetensors").exists() == (steps >= 3)
    torch.manual_seed(99)
    assert _digest(_train(_plan(patience=6), tmp_path)) == _digest(undisturbed)
    assert _digest(_train(_plan(patience=6), tmp_path, track=_killed_after(0))) == _digest(undisturbed)


def test_checkpoint_of_another_training_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        _train(_plan(seed=8), tmp_path, inputs="other", track=_killed_after(4))
    assert _digest(_train(_plan(), tmp_path)) == _digest(_train(_plan()))


class Trap:
    """Unpickled, it would touch a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickled_checkpoint_is_never_opened(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sprung = tmp_path / "sprung"
    (tmp_path / "training.safetensors").write_bytes(pickle.dumps({"mark": "m", "history": [], "x": Trap(sprung)}))
    assert _digest(_train(_plan(), tmp_path)) == _digest(_train(_plan()))
    assert not sprung.exists()
    assert "cannot be read" in caplog.text


def test_a_damaged_checkpoint_starts_the_training_anew(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        _train(_plan(), tmp_path, track=_killed_after(4))
    checkpoint = tmp_path / "training.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-40])
    assert _digest(_train(_plan(), tmp_path)) == _digest(_train(_plan()))


def test_training_leaves_the_state_of_chance_and_the_switches_alone() -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    _train(_plan(epochs=1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_loss_that_is_not_finite_is_an_error_with_a_cure() -> None:
    with pytest.raises(EcgwasError, match="not finite") as caught:
        _train(_plan(), loss=Scripted([1.0, float("nan")]))
    assert "learning_rate" in caught.value.fix


def test_every_trace_is_seen_once_an_epoch_in_another_order() -> None:
    first, second = shuffled(TRAIN, 1, 1), shuffled(TRAIN, 1, 2)
    np.testing.assert_array_equal(np.sort(first), TRAIN)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, shuffled(TRAIN, 1, 1))


def test_progress_is_told_of_every_step() -> None:
    seen: list[Any] = []

    def track(items: Iterable[Any], label: str, total: int) -> Iterator[Any]:
        for item in items:
            seen.append((label, total))
            yield item

    _train(_plan(epochs=2), track=track)
    assert seen == [("t: training", 6)] * 6
