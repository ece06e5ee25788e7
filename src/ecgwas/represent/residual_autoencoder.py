"""Kind `residual_autoencoder`: the source study's network on beats or strips, one model over all leads' traces.

Loss: mean squared error in normalised units, plus l2 (l1) times the sum of squared (absolute) weights of the blocks'
convolutions. The split
into people to learn from, to stop by and to report on is by person: leads of one person are never on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, inference_mode
from torch.nn.functional import mse_loss

from ecgwas.progress import silent
from ecgwas.represent.neural.encoder import NetworkEncoder, Recipe, fit_network, load_network
from ecgwas.represent.neural.network import Autoencoder, kernels, penalty
from ecgwas.represent.neural.training import Loss
from ecgwas.represent.work import Given, Work, of_network
from ecgwas.signals import Signals
from ecgwas.study import ResidualAutoencoder


def fit(
    options: ResidualAutoencoder,
    signals: Signals,
    *,
    seed: int,
    scratch: Path | None = None,
    track: Callable[..., Any] = silent,
) -> NetworkEncoder:
    """The network of the epoch with the lowest validation loss; killed, it goes on from the checkpoint in `scratch`.

    Raises InputError for too few people, EcgwasError if the loss is not finite.
    """
    return fit_network(RECIPE, options, signals, seed=seed, scratch=scratch, track=track)


def work(options: ResidualAutoencoder, given: Given) -> Work:
    """One training or several."""
    return of_network(options, given, channels=options.channels, kernel=max(options.kernels), epochs=options.epochs)


def load(folder: Path) -> NetworkEncoder:
    """The encoder that `save` wrote."""
    return load_network(RECIPE, ResidualAutoencoder, folder)


def _loss(options: ResidualAutoencoder) -> Loss:
    def loss(network: Autoencoder, batch: list[Tensor], epoch: int) -> tuple[Tensor, Tensor]:
        traces = batch[0]
        error = mse_loss(network(traces), traces)
        whole = error + penalty(kernels(network), options.l1, options.l2)
        return whole, whole if options.stop_by == "loss" else error

    return loss


def _build(options: ResidualAutoencoder, channels: int, samples: int, conditions: int) -> Autoencoder:
    return Autoencoder(options, channels, samples)


@inference_mode()
def _penalty(options: ResidualAutoencoder, network: Autoencoder) -> float:
    """What the weights add to the squared error in the loss."""
    return float(penalty(kernels(network), options.l1, options.l2))


RECIPE = Recipe(_build, _loss, lambda options: options.normalisation, penalty=_penalty)
