"""Shared by the trained kinds: a network with its scaling as an encoder, and a fit from the split to the errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ecgwas.leads import LEADS
from ecgwas.progress import silent
from ecgwas.represent.alignment import Alignment
from ecgwas.represent.inputs import (
    THREADS,
    TRACES_PER_BATCH,
    Floats,
    Index,
    Scaler,
    ScalingKind,
    Split,
    Traces,
    alignment_of,
    all_leads_of,
    feature_names,
    split_participants,
)
from ecgwas.represent.linear.components import Components, principal_components, ridge_effects
from ecgwas.represent.neural.conditions import Conditions
from ecgwas.represent.neural.training import Loss, TrainedNetwork, TrainingPlan, Weights, device, train
from ecgwas.represent.pca import baselines
from ecgwas.represent.reliability.reconstruction import ERRORS_SCHEMA, HISTORY_SCHEMA, Reconstruct, error_table, mean_square
from ecgwas.signals import Signals
from ecgwas.store import fingerprint
from ecgwas.study import ResidualAutoencoder, Vae
from ecgwas.tables import Features

REPORT_THREADS = 1
"""CPU threads with which errors on held-out participants are computed."""


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Context in which PyTorch computes with this many CPU threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class KindSpec:
    """What distinguishes a trained kind.

    build           (options, C, L, M) -> network with `encode` and `decode`; if M is not 0, their second argument is the M
                    conditions of each trace
    loss            options -> the training loss
    normalisation   options -> kind of scaling
    start           optional: (network, components, effects) initialises the new network. components: as many principal
                    components of the training participants as features, less what conditions explain; effects: the
                    conditions' (M, D), None without conditions
    penalty         optional: (options, network) -> what the trained network's weights add to the squared error in its loss
    describe        optional: (network, C, L) -> records of the network's layers for the report
    """

    build: Callable[[Any, int, int, int], nn.Module]
    loss: Callable[[Any], Loss]
    normalisation: Callable[[Any], ScalingKind]
    start: Callable[[Any, Components, Floats | None], None] | None = None
    penalty: Callable[[Any, Any], float] | None = None
    describe: Callable[[Any, int, int], list[dict[str, Any]]] | None = None


@dataclass(frozen=True)
class NetworkEncoder:
    """A trained network. Its weights are those of the epoch with the best validation loss, `last` those of the last epoch."""

    spec: KindSpec
    options: ResidualAutoencoder | Vae
    scaler: Scaler
    network: Any
    last: Weights
    shape: tuple[int, int]
    alignment: Alignment | None
    conditions: Conditions | None
    history: pl.DataFrame
    errors: pl.DataFrame

    def encode(self, signals: Signals) -> Features:
        """Columns eid, lead, f01.., mse (normalised units); features are null if mse is above `max_mse`."""
        traces = Traces.of(signals, self.options.input, self.options.leads, self.alignment)
        extra = _extra_inputs(self.conditions, signals)
        features = np.empty((len(traces), self.options.features), dtype=np.float32)
        mse = np.empty(len(traces))
        for block in traces.blocks(np.arange(len(traces))):
            units = self.scaler.apply(traces.read(block), traces.lead_index(block))
            of_block = [array[block] for array in extra]
            with torch_threads(THREADS[self.options.input]):
                features[block] = run_batched(self.network.encode, units, *of_block)
                reconstruction = self._reconstruction(units, features[block], of_block)
            mse[block] = mean_square(reconstruction - units)
        return traces.features(self._names, features, mse, self.options.max_mse)

    def decode(self, features: Features) -> NDArray[np.float32] | None:
        """(N, 12, T) µV of median beats, (N, 12, S) of strips; NaN where features are null.

        Features of a conditioned network do not hold the measurements; they are decoded with those of the average participant.
        None for normalisation per_signal (the features do not hold a signal's own mean and SD) and for a network whose decoder
        takes the encoder's maps (the features hold only a part of the signal).
        """
        if self.options.decoder_takes_maps or self.scaler.kind == "per_signal":
            return None
        values = features.frame.select(self._names).fill_null(float("nan")).to_numpy().astype(np.float32)
        average = [] if self.conditions is None else [np.zeros((len(values), len(self.conditions)), dtype=np.float32)]
        with torch_threads(THREADS[self.options.input]):
            units = run_batched(self.network.decode, values, *average)
        together = self.options.leads == "together"
        lead_index = np.arange(len(units)) % (1 if together else len(LEADS))
        return all_leads_of(self.scaler.restore(units, lead_index), together, self.alignment)

    def reconstruct(self, signals: Signals) -> NDArray[np.float32]:
        """(N, 12, T or S) float32 µV: the network's reconstruction of the signals themselves, whatever its error.

        Unlike `decode` it does not need features. It also works with normalisation per_signal (each signal's own mean and SD
        are restored) and for networks whose decoder takes the encoder's maps.
        """
        traces = Traces.of(signals, self.options.input, self.options.leads, self.alignment)
        extra = _extra_inputs(self.conditions, signals)
        parts = []
        for block in traces.blocks(np.arange(len(traces))):
            microvolts, lead_index = traces.read(block), traces.lead_index(block)
            units = self.scaler.apply(microvolts, lead_index)
            with torch_threads(THREADS[self.options.input]):
                units = run_batched(self.network, units, *(array[block] for array in extra))
            parts.append(self.scaler.restore(units, lead_index, microvolts))
        return all_leads_of(np.concatenate(parts), self.options.leads == "together", self.alignment)

    def save(self, folder: Path) -> None:
        """encoder.safetensors (best weights, scaling), last.safetensors (last weights), encoder.json (the rest)."""
        tensors = {f"network.{name}": tensor.cpu() for name, tensor in self.network.state_dict().items()}
        tensors |= {"scaling_mean": torch.from_numpy(self.scaler.mean), "scaling_sd": torch.from_numpy(self.scaler.sd)}
        if self.alignment is not None:
            tensors |= {name: torch.from_numpy(array) for name, array in self.alignment.arrays().items()}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "encoder.safetensors")
        save_file(self.last, folder / "last.safetensors")
        about = {
            "options": self.options.model_dump(mode="json"), "normalisation": self.scaler.kind, "shape": list(self.shape),
            "history": self.history.to_dicts(), "errors": self.errors.to_dicts(),
            "conditions": None if self.conditions is None else self.conditions.to_json(),
            "architecture": [] if self.spec.describe is None else self.spec.describe(self.network, *self.shape),
        }  # fmt: skip
        (folder / "encoder.json").write_text(json.dumps(about, indent=1))

    def _reconstruction(self, units: Floats, features: Floats, extra: list[Floats]) -> Floats:
        """(B, C, L) from features (B, F); from the traces themselves if the decoder takes the encoder's maps."""
        if self.options.decoder_takes_maps:
            return run_batched(self.network, units)
        return run_batched(self.network.decode, features, *extra)

    @property
    def _names(self) -> list[str]:
        return feature_names("f", self.options.features)


def fit_network(
    spec: KindSpec, options: ResidualAutoencoder | Vae, signals: Signals, *,
    seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent,
) -> NetworkEncoder:  # fmt: skip
    """Splits the participants, scales by the training set, trains, and reports errors on the held-out set.

    The errors are compared with those of a PCA and of the mean.
    """
    alignment = alignment_of(options, signals)
    traces = Traces.of(signals, options.input, options.leads, alignment)
    split = split_participants(len(signals), options.test_share, seed, validation=True)
    train_index, kind = traces.trace_index(split.train), spec.normalisation(options)
    scaler = Scaler.fit(kind, traces, train_index, floor_uv=options.smallest_sd_uv)
    conditions, extra = None, list[Floats]()
    if options.conditions_on_measurements:
        conditions, of_all = Conditions.fit(signals, split.train)
        extra = [of_all]
    with torch_threads(THREADS[options.input]):
        trained = _train(spec, options, traces, scaler, extra, split, seed, scratch, track)
    network: Any = trained.network
    with torch_threads(REPORT_THREADS):
        methods: dict[str, Reconstruct] = {
            "self": lambda units, block: run_batched(network, units, *(array[block] for array in extra))
        }
        methods |= baselines(traces, train_index, scaler, seed)
        penalty = None if spec.penalty is None else spec.penalty(options, network)
        errors = error_table(traces, traces.trace_index(split.test), scaler, methods, penalty)
    shape, history = (traces.channels, traces.samples), trained.history
    return NetworkEncoder(spec, options, scaler, network, trained.last, shape, alignment, conditions, history, errors)


def _extra_inputs(conditions: Conditions | None, signals: Signals) -> list[Floats]:
    """A network's inputs other than traces: none, or one array (N, M) of conditions."""
    return [] if conditions is None else [conditions.of(signals)]


def _train(
    spec: KindSpec, options: ResidualAutoencoder | Vae, traces: Traces, scaler: Scaler, extra: list[Floats],
    split: Split, seed: int, scratch: Path | None, track: Callable[..., Any],
) -> TrainedNetwork:  # fmt: skip
    def build() -> nn.Module:
        network = spec.build(options, traces.channels, traces.samples, sum(array.shape[1] for array in extra))
        if spec.start is not None:
            spec.start(network, *_linear_solution(options, traces, scaler, extra, split, seed))
        return network

    def read(trace_index: Index) -> list[Tensor]:
        units = scaler.apply(traces.read(trace_index), traces.lead_index(trace_index))
        return [torch.from_numpy(array).to(device()) for array in (units, *(array[trace_index] for array in extra))]

    plan = TrainingPlan(
        seed, options.epochs, options.batch, options.learning_rate, options.patience, options.halve_after, options.precision
    )
    scaling = [scaler.mean.tobytes().hex(), scaler.sd.tobytes().hex()]
    conditions = [array.tobytes().hex() for array in extra]
    inputs_fingerprint = fingerprint(
        options.model_dump(mode="json"), seed, traces.eids, traces.rows.shape, scaling, conditions, torch.__version__
    )
    return train(
        build, spec.loss(options), read, traces.trace_index(split.train), traces.trace_index(split.validation), plan,
        inputs_fingerprint=inputs_fingerprint, label=options.name, scratch=scratch, track=track,
    )  # fmt: skip


def _linear_solution(
    options: ResidualAutoencoder | Vae, traces: Traces, scaler: Scaler, extra: list[Floats], split: Split, seed: int
) -> tuple[Components, Floats | None]:
    """The best linear map: principal components of what the conditions do not explain, and the conditions' effects."""
    train_index = traces.trace_index(split.train)
    if not extra:
        return principal_components(traces, train_index, scaler, options.features, seed), None
    effects = ridge_effects(traces, train_index, scaler, extra[0])

    def explained(block: Index) -> NDArray[np.float64]:
        part: NDArray[np.float64] = extra[0][block].astype(np.float64) @ effects
        return part

    return principal_components(traces, train_index, scaler, options.features, seed, explained=explained), effects


def load_network(spec: KindSpec, kind: type[ResidualAutoencoder] | type[Vae], folder: Path) -> NetworkEncoder:
    """The encoder that `save` wrote."""
    about = json.loads((folder / "encoder.json").read_text())
    options = kind.model_validate(about["options"])
    tensors = load_file(folder / "encoder.safetensors")
    scaler = Scaler(about["normalisation"], tensors["scaling_mean"].numpy(), tensors["scaling_sd"].numpy())
    alignment = Alignment.of_arrays(tensors)
    conditions = Conditions.from_json(about.get("conditions"))
    channels, samples = about["shape"]
    network = network_of(spec, options, channels, samples, tensors, conditions=0 if conditions is None else len(conditions))
    history = pl.DataFrame(about["history"], schema=HISTORY_SCHEMA)
    errors = pl.DataFrame(about["errors"], schema=ERRORS_SCHEMA)
    last, shape = load_file(folder / "last.safetensors"), (channels, samples)
    return NetworkEncoder(spec, options, scaler, network, last, shape, alignment, conditions, history, errors)


def network_of(
    spec: KindSpec, options: ResidualAutoencoder | Vae, channels: int, samples: int, tensors: Weights, *, conditions: int = 0
) -> Any:  # fmt: skip
    """The network with the weights that `save` wrote as `network.*`, on the device and in evaluation mode."""
    network = spec.build(options, channels, samples, conditions)
    network.load_state_dict({n.removeprefix("network."): t for n, t in tensors.items() if n.startswith("network.")})
    network.to(device()).eval()
    return network


@torch.inference_mode()
def run_batched(step: Callable[..., Tensor], *arrays: Floats) -> Floats:
    """`step` of a network applied to arrays (B, ...), TRACES_PER_BATCH traces at a time."""
    starts = range(0, len(arrays[0]), TRACES_PER_BATCH)
    parts = [[array[start : start + TRACES_PER_BATCH] for array in arrays] for start in starts]
    batches = ([torch.from_numpy(np.ascontiguousarray(array)).to(device()) for array in part] for part in parts)
    return np.concatenate([step(*batch).cpu().numpy() for batch in batches])
