"""Training of a network: Adam, early stopping with the best weights restored, halving of the learning rate, checkpoints.

The order of the traces and the dropout of an epoch follow from (seed, epoch) alone. An interrupted training therefore resumes
after its last completed epoch and ends with the same bytes as an uninterrupted one.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ecgwas.errors import EcgwasError
from ecgwas.progress import silent
from ecgwas.represent.inputs import Index
from ecgwas.represent.neural.mixed_precision import autocast, matmul_precision
from ecgwas.represent.reliability.reconstruction import HISTORY_SCHEMA
from ecgwas.store import atomic_write
from ecgwas.study.represent import Precision

logger = logging.getLogger(__name__)

Weights = dict[str, Tensor]
Loss = Callable[[Any, Any, int], tuple[Tensor, Tensor]]
"""From (network, a batch from `ReadBatch`, epoch) to (what is minimised, what is reported), both means over the traces."""
ReadBatch = Callable[[Index], Any]
"""From numbers of traces to the input of a network: the normalised traces (B, C, L) and its conditions, if any."""


@dataclass(frozen=True)
class TrainingPlan:
    """How to train."""

    seed: int
    epochs: int
    batch: int
    learning_rate: float
    patience: int
    halve_after: int
    precision: Precision = "float32"


@dataclass(frozen=True)
class TrainedNetwork:
    """The network with the weights of its best epoch, the weights of its last epoch, and one row of history per epoch."""

    network: nn.Module
    last: Weights
    history: pl.DataFrame


def train(
    build: Callable[[], nn.Module], loss: Loss, read: ReadBatch, train: Index, validation: Index, plan: TrainingPlan, *,
    inputs_fingerprint: str, label: str, scratch: Path | None = None, track: Callable[..., Any] = silent,
) -> TrainedNetwork:  # fmt: skip
    """Trains the network that `build` returns until its validation loss has not fallen for `plan.patience` epochs.

    At most `plan.epochs`. train, validation: numbers of traces of different participants. inputs_fingerprint: of everything
    that the training depends on; a checkpoint in `scratch` with another one is ignored. Losses in the history are means of the
    reported loss over the traces of an epoch: of the training traces during training (with dropout), and of the validation
    traces after it. Raises EcgwasError if a loss is not finite.
    """
    with reproducible(), matmul_precision(plan.precision, device()):
        torch.manual_seed(seed_of(plan.seed, 0))
        with torch.device(device()):
            network = build()
        training = _Training(network, loss, read, plan, label)
        checkpoint = None if scratch is None else scratch / "training.safetensors"
        training.resume(checkpoint, inputs_fingerprint)
        steps = training.steps(train, validation, checkpoint, inputs_fingerprint)
        total = (plan.epochs - len(training.history)) * len(_batches(train, plan.batch))
        for _ in track(steps, f"{label}: training", total):
            pass
        last = _copy(training.network)
        training.network.load_state_dict(training.best)
    return TrainedNetwork(training.network.eval(), last, pl.DataFrame(training.history, schema=HISTORY_SCHEMA))


class _Training:
    """The state that changes from epoch to epoch."""

    def __init__(self, network: nn.Module, loss: Loss, read: ReadBatch, plan: TrainingPlan, label: str) -> None:
        self.network, self.loss, self.read, self.plan, self.label = network, loss, read, plan, label
        # On a GPU one kernel updates all weights: many small kernels would wait for one another.
        self.adam = torch.optim.Adam(network.parameters(), lr=plan.learning_rate, fused=device().type == "cuda")
        self.best = _copy(network)
        self.history: list[dict[str, Any]] = []

    def steps(self, train: Index, validation: Index, checkpoint: Path | None, inputs_fingerprint: str) -> Iterator[None]:
        """Trains, and yields after each step."""
        while not finished(self.validation_losses, self.plan):
            epoch = len(self.history) + 1
            rate = self._set_learning_rate()
            torch.manual_seed(seed_of(self.plan.seed, epoch))
            total = torch.zeros((), dtype=torch.float64, device=device())
            for batch in _batches(shuffled(train, self.plan.seed, epoch), self.plan.batch):
                total += len(batch) * self._step(batch, epoch)
                yield
            self._record(epoch, float(total) / len(train), self._validate(validation), rate)
            if checkpoint is not None:
                self._save(checkpoint, inputs_fingerprint)

    @property
    def validation_losses(self) -> list[float]:
        return [row["validation_loss"] for row in self.history]

    def _set_learning_rate(self) -> float:
        rate = learning_rate(self.validation_losses, self.plan)
        for group in self.adam.param_groups:
            group["lr"] = rate
        return rate

    def _step(self, batch: Index, epoch: int) -> Tensor:
        self.network.train()
        self.adam.zero_grad(set_to_none=True)
        minimised, reported = self._forward(batch, epoch)
        minimised.backward()  # type: ignore[no-untyped-call]
        self.adam.step()
        return reported.detach().double()

    @torch.inference_mode()
    def _validate(self, validation: Index) -> float:
        self.network.eval()
        batches = _batches(validation, self.plan.batch)
        last = self.plan.epochs
        return sum(len(batch) * float(self._forward(batch, last)[1]) for batch in batches) / len(validation)

    def _forward(self, batch: Index, epoch: int) -> tuple[Tensor, Tensor]:
        with autocast(self.plan.precision, device()):
            return self.loss(self.network, self.read(batch), epoch)

    def _record(self, epoch: int, train_loss: float, validation_loss: float, rate: float) -> None:
        if not np.isfinite([train_loss, validation_loss]).all():
            raise EcgwasError(
                f"training of {self.label} failed in epoch {epoch}: the loss is not finite",
                fix="lower its learning_rate, or normalise its input (normalisation: global)",
            )
        row = {"epoch": epoch, "train_loss": train_loss, "validation_loss": validation_loss, "learning_rate": rate}
        self.history.append(row)
        if epochs_since_best(self.validation_losses) == 0:
            self.best = _copy(self.network)
        message = "%s epoch %d: train loss %.4g, validation loss %.4g, learning rate %.3g"
        logger.debug(message, self.label, epoch, train_loss, validation_loss, rate)

    def _save(self, checkpoint: Path, inputs_fingerprint: str) -> None:
        tensors = _prefixed("last", _copy(self.network)) | _prefixed("best", self.best)
        for i, state in self.adam.state_dict()["state"].items():
            tensors |= _prefixed(f"adam.{i}", state)
        about = json.dumps({"inputs": inputs_fingerprint, "history": self.history})
        with atomic_write(checkpoint) as temporary:
            save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, temporary, {"training": about})

    def resume(self, checkpoint: Path | None, inputs_fingerprint: str) -> None:
        """Continues from the checkpoint if it is of this very training."""
        saved = None if checkpoint is None else _read_checkpoint(checkpoint)
        if saved is None or saved[0].get("inputs") != inputs_fingerprint:
            return
        about, tensors = saved
        self.history = about["history"]
        self.best = _below("best", tensors)
        self.network.load_state_dict(_below("last", tensors))
        count = len(list(self.network.parameters()))
        groups = self.adam.state_dict()["param_groups"]
        state = {i: _below(f"adam.{i}", tensors) for i in range(count)}
        self.adam.load_state_dict({"state": state, "param_groups": groups})
        logger.info("%s: training resumes after epoch %d", self.label, len(self.history))


def epochs_since_best(losses: Sequence[float]) -> int:
    """Epochs after the first one with the lowest loss; 0 if the last epoch is the best."""
    return len(losses) - 1 - int(np.argmin(losses))


def finished(losses: Sequence[float], plan: TrainingPlan) -> bool:
    """True after the last epoch, or if the validation loss has not fallen for `patience` epochs."""
    if not losses:
        return False
    return len(losses) >= plan.epochs or epochs_since_best(losses) >= plan.patience


def learning_rate(losses: Sequence[float], plan: TrainingPlan) -> float:
    """Of the next epoch: halved whenever `halve_after` epochs have passed without a better validation loss."""
    rate = plan.learning_rate
    for epoch in range(1, len(losses) + 1):
        since = epochs_since_best(losses[:epoch])
        if since > 0 and since % plan.halve_after == 0:
            rate /= 2
    return rate


def seed_of(seed: int, epoch: int) -> int:
    """Seed of an epoch's dropout; epoch 0: of the initial weights."""
    return int(np.random.SeedSequence([seed, epoch, 0xD50]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def shuffled(train: Index, seed: int, epoch: int) -> Index:
    """The training traces in the order of this epoch."""
    return np.random.default_rng([seed, epoch, 0x5F1]).permutation(train)


def device() -> torch.device:
    """A CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def reproducible() -> Iterator[None]:
    """Context with deterministic algorithms and its own random state; both are restored afterwards."""
    with deterministic_algorithms(), torch.random.fork_rng():
        yield


@contextmanager
def deterministic_algorithms() -> Iterator[None]:
    """Context in which PyTorch refuses algorithms whose sums depend on the order in which threads end."""
    # cuBLAS is deterministic only with a workspace of fixed size; it reads this when first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def _batches(traces: Index, size: int) -> list[Index]:
    return [traces[start : start + size] for start in range(0, len(traces), size)]


def _copy(network: nn.Module) -> Weights:
    return {name: tensor.detach().clone().cpu() for name, tensor in network.state_dict().items()}


def _prefixed(prefix: str, tensors: Weights) -> Weights:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _below(prefix: str, tensors: Weights) -> Weights:
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _read_checkpoint(checkpoint: Path) -> tuple[dict[str, Any], Weights] | None:
    if not checkpoint.exists():
        return None
    try:
        with safe_open(checkpoint, framework="pt") as file:
            about = json.loads(file.metadata()["training"])
            return about, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        logger.warning("checkpoint %s cannot be read and is ignored: %s", checkpoint, error)
        return None
