"""Seconds per epoch of the networks on a GPU, by precision of multiplication, compared with the CPU.

    python -m benchmarks.speed.training_gpu [--people N] [--epochs E] [--quick]

Networks have their defaults and are trained on simulated participants: the VAE and the autoencoder of median beats, all leads
together, and the source study's autoencoder of strips, lead by lead (on a quarter of the participants). Each is trained for 2
epochs and for E. The difference is the time of E - 2 epochs, without start-up and encoding. The loss is the last one on the
validation set. Each line: TRAINING <network> <device> <precision> seconds_per_epoch=<s> validation_loss=<x>.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from benchmarks.findings.representations import simulated
from benchmarks.record import recorded
from ecgwas import represent
from ecgwas.signals import Signals
from ecgwas.study import Representation, ResidualAutoencoder, Vae

NETWORKS: Mapping[str, tuple[type[Vae | ResidualAutoencoder], dict[str, Any]]] = {
    "vae of beats": (Vae, {}),
    "autoencoder of beats": (ResidualAutoencoder, {"leads": "together"}),
    "autoencoder of strips": (ResidualAutoencoder, {"input": "strip"}),
}
PRECISIONS = ("float32", "tf32", "bfloat16")


def trained(network: str, precision: str, epochs: int, signals: Signals) -> tuple[float, float]:
    """Wall seconds of training, and the last validation loss."""
    kind, more = NETWORKS[network]
    wanted = {"name": "made", "precision": precision, "epochs": epochs, "patience": epochs, **more}
    options: Representation = kind.model_validate(wanted)
    start = time.perf_counter()
    history = represent.fit(options, signals, seed=1).history
    assert history is not None
    return time.perf_counter() - start, float(history["validation_loss"][-1])


def line(network: str, precision: str, epochs: int, signals: Signals, device: str) -> str:
    trained(network, precision, 2, signals)  # one-time work, such as loading libraries
    few, _ = trained(network, precision, 2, signals)
    whole, loss = trained(network, precision, epochs, signals)
    each = (whole - few) / (epochs - 2)
    return f"TRAINING {network}, {device}, {precision}: seconds_per_epoch={each:.3f} validation_loss={loss:.5f}"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--people", type=int, default=1_000)
    ask.add_argument("--epochs", type=int, default=12)
    ask.add_argument("--quick", action="store_true", help="100 people, 8 epochs, the processor's precision alone")
    given = ask.parse_args()
    people, epochs = (100, 8) if given.quick else (given.people, given.epochs)
    signals = simulated(people, 11, without_noise=False).people[0]
    few = signals.select(np.arange(people // 4))
    there = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if there else "processor"
    for network in NETWORKS:
        some = few if "strips" in network else signals
        for precision in PRECISIONS if there else PRECISIONS[:1]:
            print(line(network, precision, epochs, some, device), flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
