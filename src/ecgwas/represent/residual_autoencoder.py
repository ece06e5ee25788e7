"""Kind `residual_autoencoder`: the source study's network on beats or strips, one model over all leads' traces.

Loss: mean squared error in normalised units, plus l2 (l1) times the sum of squared (absolute) weights of the blocks'
convolutions. Training, validation and test sets are split by participant: leads of one participant are never in two sets.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, inference_mode
from torch.nn.functional import mse_loss

from ecgwas.progress import silent
from ecgwas.represent.neural.architecture import architecture
from ecgwas.represent.neural.encoder import KindSpec, NetworkEncoder, fit_network, load_network
from ecgwas.represent.neural.network import Autoencoder, convolution_weights, weight_penalty
from ecgwas.represent.neural.training import Loss
from ecgwas.represent.work import CohortSize, Work, network_work
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
    """The network of the epoch with the lowest validation loss. Interrupted training resumes from the checkpoint in `scratch`.

    Raises InputError for too few participants, EcgwasError if the loss is not finite.
    """
    return fit_network(SPEC, options, signals, seed=seed, scratch=scratch, track=track)


def work(options: ResidualAutoencoder, size: CohortSize) -> Work:
    """One training or several."""
    return network_work(options, size, channels=options.channels, kernel=max(options.kernels), epochs=options.epochs)


def load(folder: Path) -> NetworkEncoder:
    """The encoder that `save` wrote."""
    return load_network(SPEC, ResidualAutoencoder, folder)


def _loss(options: ResidualAutoencoder) -> Loss:
    def loss(network: Autoencoder, batch: list[Tensor], epoch: int) -> tuple[Tensor, Tensor]:
        traces = batch[0]
        error = mse_loss(network(traces), traces)
        total = error + weight_penalty(convolution_weights(network), options.l1, options.l2)
        return total, total if options.stop_by == "loss" else error

    return loss


def _build(options: ResidualAutoencoder, channels: int, samples: int, n_conditions: int) -> Autoencoder:
    return Autoencoder(options, channels, samples)


@inference_mode()
def _penalty(options: ResidualAutoencoder, network: Autoencoder) -> float:
    """What the weights add to the squared error in the loss."""
    return float(weight_penalty(convolution_weights(network), options.l1, options.l2))


SPEC = KindSpec(_build, _loss, lambda options: options.normalisation, penalty=_penalty, describe=architecture)
