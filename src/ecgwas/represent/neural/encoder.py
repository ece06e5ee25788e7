"""What the trained kinds share: a network and its scaling as an encoder; the course of a fit from split to errors."""

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
    Floats,
    Index,
    Kind,
    Normaliser,
    Split,
    Traces,
    alignment_of,
    decoded_beats,
    feature_names,
    split_people,
)
from ecgwas.represent.linear.components import Components, effects, principal_components
from ecgwas.represent.neural.architecture import architecture
from ecgwas.represent.neural.conditions import Conditions
from ecgwas.represent.neural.network import Autoencoder
from ecgwas.represent.neural.training import Loss, Plan, Trained, Weights, device, train
from ecgwas.represent.pca import baselines
from ecgwas.represent.reliability.reconstruction import ERRORS, HISTORY, Reconstruct, error_table, mean_square
from ecgwas.signals import Signals
from ecgwas.store import fingerprint
from ecgwas.study import ResidualAutoencoder, Vae
from ecgwas.tables import Features

THREADS = {"beat": 1, "strip": 2}
"""Threads of a network on the processor by its input, whatever the machine has: sums over another number of threads end in
other digits. Networks on beats gain little from a second one; on whole recordings, ten times as long, do."""
torch.set_num_threads(THREADS["beat"])


@contextmanager
def threads_for(source: str) -> Iterator[None]:
    """While it lasts, PyTorch computes with the threads that networks of this input have."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS[source])
    try:
        yield
    finally:
        torch.set_num_threads(before)


TRACES_AT_ONCE = 64
"""Traces that pass through a network together when it only encodes or decodes."""


@dataclass(frozen=True)
class Recipe:
    """What makes a kind.

    build(options, C, L, M) gives a network with encode and decode, which take M conditions of each trace as their second
    argument where M is not 0; loss(options) is what it is trained on; start, where there is one, is given the new network,
    the principal components of the people trained on (as many as features, of what conditions do not explain) and the
    conditions' effects (M, D), None without any; penalty, where there is one, is what the trained network's weights add to the
    squared error in its loss.
    """

    build: Callable[[Any, int, int, int], nn.Module]
    loss: Callable[[Any], Loss]
    normalisation: Callable[[Any], Kind]
    start: Callable[[Any, Components, Floats | None], None] | None = None
    penalty: Callable[[Any, Any], float] | None = None


@dataclass(frozen=True)
class NetworkEncoder:
    """A trained network; its weights are those of the epoch with the best validation loss, `last` those of the last."""

    options: ResidualAutoencoder | Vae
    normaliser: Normaliser
    network: Any
    last: Weights
    shape: tuple[int, int]
    alignment: Alignment | None
    conditions: Conditions | None
    history: pl.DataFrame
    errors: pl.DataFrame

    def encode(self, signals: Signals) -> Features:
        """Columns eid, lead, f01.., mse (normalised units); features are null where mse is beyond `max_mse`."""
        traces = Traces.of(signals, self.options.input, self.options.leads, self.alignment)
        given = _given(self.conditions, signals)
        features = np.empty((len(traces), self.options.features), dtype=np.float32)
        mse = np.empty(len(traces))
        for block in traces.blocks(np.arange(len(traces))):
            units = self.normaliser.apply(traces.read(block), traces.lead_of(block))
            told = [part[block] for part in given]
            with threads_for(self.options.input):
                features[block] = through(self.network.encode, units, *told)
                again = self._reconstructed(units, features[block], told)
            mse[block] = mean_square(again - units)
        return traces.table(self._names, features, mse, self.options.max_mse)

    def decode(self, features: Features) -> NDArray[np.float32] | None:
        """(N, 12, T) µV of median beats, (N, 12, S) of strips; NaN where features are null.

        Features of a conditioned network are decoded with the measurements of the average person, which they do not hold.
        None for normalisation per_signal (the features do not hold a signal's own mean and SD) and for a network whose encoder
        hands maps to the decoder: the features hold only a part of the signal.
        """
        if self._hands_over or self.normaliser.kind == "per_signal":
            return None
        values = features.frame.select(self._names).fill_null(float("nan")).to_numpy().astype(np.float32)
        average = [] if self.conditions is None else [np.zeros((len(values), len(self.conditions)), dtype=np.float32)]
        with threads_for(self.options.input):
            units = through(self.network.decode, values, *average)
        together = self.options.leads == "together"
        per_person = 1 if together else len(LEADS)
        microvolts = self.normaliser.restore(units, np.arange(len(units)) % per_person)
        return decoded_beats(microvolts, together, self.alignment)

    def reconstruct(self, signals: Signals) -> NDArray[np.float32]:
        """(N, 12, T or S) float32 µV: what the network makes of the signals themselves, whatever its error is.

        Unlike `decode` it needs no features: it also serves normalisation per_signal (each signal's own mean and SD are put
        back) and networks whose encoder hands maps to the decoder.
        """
        traces = Traces.of(signals, self.options.input, self.options.leads, self.alignment)
        given = _given(self.conditions, signals)
        parts = []
        for block in traces.blocks(np.arange(len(traces))):
            microvolts, lead = traces.read(block), traces.lead_of(block)
            with threads_for(self.options.input):
                units = through(self.network, self.normaliser.apply(microvolts, lead), *(part[block] for part in given))
            parts.append(self.normaliser.restore(units, lead, microvolts))
        return decoded_beats(np.concatenate(parts), self.options.leads == "together", self.alignment)

    def save(self, folder: Path) -> None:
        """encoder.safetensors (best weights, scaling), last.safetensors (last weights), encoder.json (the rest)."""
        tensors = {f"network.{name}": tensor.cpu() for name, tensor in self.network.state_dict().items()}
        tensors |= {"scaling_mean": torch.from_numpy(self.normaliser.mean), "scaling_sd": torch.from_numpy(self.normaliser.sd)}
        if self.alignment is not None:
            tensors |= {name: torch.from_numpy(array) for name, array in self.alignment.arrays().items()}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "encoder.safetensors")
        save_file(self.last, folder / "last.safetensors")
        about = {
            "options": self.options.model_dump(mode="json"), "normalisation": self.normaliser.kind, "shape": list(self.shape),
            "history": self.history.to_dicts(), "errors": self.errors.to_dicts(),
            "conditions": None if self.conditions is None else self.conditions.plain(),
            "architecture": architecture(self.network, *self.shape) if isinstance(self.network, Autoencoder) else [],
        }  # fmt: skip
        (folder / "encoder.json").write_text(json.dumps(about, indent=1))

    def _reconstructed(self, units: Floats, features: Floats, told: list[Floats]) -> Floats:
        """(B, C, L) from features (B, F); from the traces themselves where the features do not hold all."""
        return through(self.network, units) if self._hands_over else through(self.network.decode, features, *told)

    @property
    def _hands_over(self) -> bool:
        """True if the decoder needs more than the features: maps that the encoder hands over."""
        return bool(getattr(self.network, "hands_over", False))

    @property
    def _names(self) -> list[str]:
        return feature_names("f", self.options.features)


def fit_network(
    recipe: Recipe, options: ResidualAutoencoder | Vae, signals: Signals, *,
    seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent,
) -> NetworkEncoder:  # fmt: skip
    """Splits the people, scales by those to train on, trains, and compares with a PCA and the mean on those kept aside."""
    alignment = alignment_of(options, signals)
    traces = Traces.of(signals, options.input, options.leads, alignment)
    split = split_people(len(signals), options.test_share, seed, validation=True)
    floor_uv = getattr(options, "floor_uv", 0.0)
    normaliser = Normaliser.fit(recipe.normalisation(options), traces, traces.of_people(split.train), floor_uv=floor_uv)
    shape = (traces.channels, traces.samples)
    conditioned = getattr(options, "condition_on", "none") == "measurements"
    conditions = Conditions.fit(signals, split.train) if conditioned else None
    given = _given(conditions, signals)
    with threads_for(options.input):
        trained = _train(recipe, options, traces, normaliser, given, split, seed, scratch, track)
    network: Any = trained.network
    methods: dict[str, Reconstruct] = {"self": lambda units, block: through(network, units, *(part[block] for part in given))}
    methods |= baselines(traces, traces.of_people(split.train), normaliser, seed)
    penalty = None if recipe.penalty is None else recipe.penalty(options, network)
    errors = error_table(traces, traces.of_people(split.test), normaliser, methods, penalty)
    return NetworkEncoder(options, normaliser, network, trained.last, shape, alignment, conditions, trained.history, errors)


def _given(conditions: Conditions | None, signals: Signals) -> list[Floats]:
    """What a network is given besides traces: nothing, or one array (N, M)."""
    return [] if conditions is None else [conditions.of(signals)]


def _train(
    recipe: Recipe, options: ResidualAutoencoder | Vae, traces: Traces, normaliser: Normaliser, given: list[Floats],
    split: Split, seed: int, scratch: Path | None, track: Callable[..., Any],
) -> Trained:  # fmt: skip
    def build() -> nn.Module:
        network = recipe.build(options, traces.channels, traces.samples, sum(part.shape[1] for part in given))
        if recipe.start is not None:
            recipe.start(network, *_linear(options, traces, normaliser, given, split, seed))
        return network

    def read(chosen: Index) -> list[Tensor]:
        units = normaliser.apply(traces.read(chosen), traces.lead_of(chosen))
        return [torch.from_numpy(array).to(device()) for array in (units, *(part[chosen] for part in given))]

    plan = Plan(
        seed, options.epochs, options.batch, options.learning_rate, options.patience, options.halve_after, options.precision
    )
    scaling = [normaliser.mean.tobytes().hex(), normaliser.sd.tobytes().hex()]
    told = [part.tobytes().hex() for part in given]
    mark = fingerprint(options.model_dump(mode="json"), seed, traces.eids, traces.rows.shape, scaling, told, torch.__version__)
    chosen = traces.of_people(split.train), traces.of_people(split.validation)
    return train(build, recipe.loss(options), read, *chosen, plan, mark=mark, label=options.name, scratch=scratch, track=track)


def _linear(
    options: ResidualAutoencoder | Vae, traces: Traces, normaliser: Normaliser, given: list[Floats], split: Split, seed: int
) -> tuple[Components, Floats | None]:
    """What a linear map can do: effects of what is given, and the components of what these leave."""
    people = traces.of_people(split.train)
    if not given:
        return principal_components(traces, people, normaliser, options.features, seed), None
    found = effects(traces, people, normaliser, given[0])
    left = principal_components(
        traces, people, normaliser, options.features, seed, explained=lambda block: given[0][block].astype(np.float64) @ found
    )
    return left, found


def load_network(recipe: Recipe, kind: type[ResidualAutoencoder] | type[Vae], folder: Path) -> NetworkEncoder:
    """The encoder that `save` wrote."""
    about = json.loads((folder / "encoder.json").read_text())
    options = kind.model_validate(about["options"])
    tensors = load_file(folder / "encoder.safetensors")
    normaliser = Normaliser(about["normalisation"], tensors.pop("scaling_mean").numpy(), tensors.pop("scaling_sd").numpy())
    alignment = Alignment.of_arrays(tensors)
    conditions = Conditions.of_plain(about.get("conditions"))
    channels, samples = about["shape"]
    network = recipe.build(options, channels, samples, 0 if conditions is None else len(conditions))
    network.load_state_dict({n.removeprefix("network."): t for n, t in tensors.items() if n.startswith("network.")})
    history = pl.DataFrame(about["history"], schema=HISTORY)
    errors = pl.DataFrame(about["errors"], schema=ERRORS)
    last = load_file(folder / "last.safetensors")
    network.to(device()).eval()
    return NetworkEncoder(options, normaliser, network, last, (channels, samples), alignment, conditions, history, errors)


@torch.inference_mode()
def through(step: Callable[..., Tensor], *arrays: Floats) -> Floats:
    """`step` of a network applied to arrays (B, ...), some traces at a time."""
    starts = range(0, len(arrays[0]), TRACES_AT_ONCE)
    parts = [[array[start : start + TRACES_AT_ONCE] for array in arrays] for start in starts]
    tensors = ([torch.from_numpy(np.ascontiguousarray(array)).to(device()) for array in part] for part in parts)
    return np.concatenate([step(*some).cpu().numpy() for some in tensors])
