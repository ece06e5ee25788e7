"""Networks that ecgwas trained, in this study or another: encoder.safetensors, and encoder.json with the network's options."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load

from ecgwas.errors import InputError
from ecgwas.leads import INDEPENDENT_LEADS
from ecgwas.represent import residual_autoencoder, vae
from ecgwas.represent.inputs import THREADS, Floats, Scaler
from ecgwas.represent.models.model import ModelFile, Shape
from ecgwas.represent.neural.encoder import KindSpec, network_of, run_batched, torch_threads
from ecgwas.study import ResidualAutoencoder, TrainedEncoder, Vae

NETWORKS: dict[str, tuple[KindSpec, type[ResidualAutoencoder] | type[Vae]]] = {
    "residual_autoencoder": (residual_autoencoder.SPEC, ResidualAutoencoder),
    "vae": (vae.SPEC, Vae),
}
"""Kind -> how its network is built, and its class of options."""


@dataclass(frozen=True)
class OwnNetwork:
    """A network with the scaling that it was trained with."""

    options: TrainedEncoder
    network: Any
    scaler: Scaler
    shape: Shape

    def run(self, recordings: Floats) -> Floats:
        """(B, F) features of recordings (B, C, L) in µV."""
        units = self.scaler.apply(recordings, np.zeros(len(recordings), dtype=np.int64))
        with torch_threads(THREADS[self.options.input]):
            return run_batched(self.network.encode, units)


def open_own_network(options: TrainedEncoder, file: ModelFile) -> OwnNetwork:
    """The network; InputError if the two files are not those of one, or if it needs more than the declared leads."""
    try:
        about = json.loads(file.config)
        kind = about["options"]["kind"]
        channels, samples = about["shape"]
        conditions = about.get("conditions")
        normalisation = about["normalisation"]
    except (ValueError, KeyError, TypeError):
        raise _not_of_a_network(options, f"{options.config.name} is not the description of a network") from None
    if kind not in NETWORKS:
        raise _not_of_a_network(options, f"{options.config.name} describes kind {kind}, not {' or '.join(NETWORKS)}")
    spec, class_of_options = NETWORKS[kind]
    try:
        trained = class_of_options.model_validate(about["options"])
        tensors = load(file.content)
        _check_input(options, trained, channels, conditions is not None)
        network = network_of(spec, trained, channels, samples, tensors)
        scaler = Scaler(normalisation, tensors["scaling_mean"].numpy(), tensors["scaling_sd"].numpy())
    except (SafetensorError, ValidationError, RuntimeError, KeyError, AttributeError):
        problem = f"{options.file.name} and {options.config.name} are not weights and options of one network"
        raise _not_of_a_network(options, problem) from None
    return OwnNetwork(options, network, scaler, (None, channels, samples))


def _check_input(options: TrainedEncoder, trained: ResidualAutoencoder | Vae, channels: int, needs_measurements: bool) -> None:
    problem = ""
    if needs_measurements or trained.aligns_waves:
        problem = "this network needs the study in which it was trained: its measurements, or the alignment of its beats"
    elif trained.input != options.input:
        problem = f"this network takes input: {trained.input}"
    elif channels > 1 and options.leads != INDEPENDENT_LEADS:
        problem = f"this network takes the leads {', '.join(INDEPENDENT_LEADS)}"
    if problem:
        raise InputError(problem, where=options.file, fix="correct `input` and `leads`, or use another network")


def _not_of_a_network(options: TrainedEncoder, problem: str) -> InputError:
    fix = "copy both files from results/represent/<name>/encoder/ of a study with a residual_autoencoder or vae"
    return InputError(problem, where=options.file, fix=fix)
