"""Kind `vae`: a beta-VAE of median beats of the eight independent leads.

Kingma and Welling, ICLR 2014; beta: Higgins et al., ICLR 2017; free bits: Kingma et al., NeurIPS 2016. Features are the
means of the posterior. Minimised: mean squared error in normalised units + beta * KL * 2 / D, D = C * L; with beta 1 this
is the evidence bound of unit noise, scaled by 2 / D.

The network corrects the linear solution of the same task, probabilistic principal components with noise variance beta
(Tipping and Bishop 1999; Lucas et al., NeurIPS 2019): linear features are added to the features, what they reconstruct to
the reconstruction. With `condition_on` both take what measurements do not explain, and the decoder is given these
(Yun et al., Nat Genet 56:1604, 2024). The linear part stays as it is; convolutions learn what a linear map cannot do. So
training starts from the error of a PCA with as many features instead of spending its epochs (and few people) on getting
there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from ecgwas.progress import silent
from ecgwas.represent.inputs import Floats, Kind
from ecgwas.represent.linear.components import Components
from ecgwas.represent.neural.encoder import NetworkEncoder, Recipe, fit_network, load_network
from ecgwas.represent.neural.network import Autoencoder
from ecgwas.represent.neural.training import Loss
from ecgwas.represent.work import Given, Work, of_network
from ecgwas.signals import Signals
from ecgwas.study import ResidualAutoencoder, Vae

LOG_VARIANCE = (-12.0, 6.0)
"""Bounds of the posterior's log variance, beyond which its exponential runs away."""


def fit(
    options: Vae, signals: Signals, *, seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent
) -> NetworkEncoder:
    """The network of the epoch with the lowest validation loss (at full beta); killed, it goes on from `scratch`.

    Raises InputError for too few people, EcgwasError if the loss is not finite.
    """
    return fit_network(RECIPE, options, signals, seed=seed, scratch=scratch, track=track)


def work(options: Vae, given: Given) -> Work:
    """One training or several."""
    return of_network(options, given, channels=options.channels, kernel=7, epochs=options.epochs)


def load(folder: Path) -> NetworkEncoder:
    """The encoder that `save` wrote."""
    return load_network(RECIPE, Vae, folder)


class VariationalAutoencoder(nn.Module):
    """The residual autoencoder's blocks around a Gaussian posterior of F features, beside principal components."""

    mean: Tensor
    into: Tensor
    out: Tensor
    effects: Tensor

    def __init__(self, options: Vae, channels: int, samples: int, conditions: int = 0) -> None:
        super().__init__()
        shape = ResidualAutoencoder(
            name=options.name, channels=options.channels, kernels=(7,), features=options.features, dropout=0.0
        )
        self.inner = Autoencoder(shape, channels, samples)
        self.to_log_variance = nn.Linear(self.inner.to_features.in_features, options.features)
        if conditions:
            width, length = self.inner.map
            self.inner.from_features[0] = nn.Linear(options.features + conditions, width * length)
        self.beta = options.beta
        self.register_buffer("mean", torch.zeros(channels * samples))
        self.register_buffer("into", torch.zeros(options.features, channels * samples))
        self.register_buffer("out", torch.zeros(options.features, channels * samples))
        self.register_buffer("effects", torch.zeros(conditions, channels * samples))

    def encode(self, traces: Tensor, given: Tensor | None = None) -> Tensor:
        """(B, F) posterior means of (B, C, L), given conditions (B, M)."""
        return self.inner.encode(traces) + self.linear(traces, given)

    def decode(self, features: Tensor, given: Tensor | None = None) -> Tensor:
        """(B, C, L) from (B, F), given conditions (B, M)."""
        inside = self.inner.decode(features if given is None else torch.cat([features, given], dim=1))
        return inside + (features @ self.out + self._expected(given)).view_as(inside)

    def linear(self, traces: Tensor, given: Tensor | None = None) -> Tensor:
        """(B, F) posterior means of the probabilistic principal components of what conditions (B, M) do not explain."""
        return (traces.flatten(1) - self._expected(given)) @ self.into.T

    def _expected(self, given: Tensor | None) -> Tensor:
        return self.mean if given is None else self.mean + given @ self.effects

    def forward(self, traces: Tensor, given: Tensor | None = None) -> Tensor:
        """(B, C, L), the reconstruction from the posterior's means."""
        return self.decode(self.encode(traces, given), given)

    def posterior(self, traces: Tensor, given: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Means and log variances (B, F) of (B, C, L)."""
        inside = self.inner.halvings(traces)[0]
        mean = self.inner.to_features(inside) + self.linear(traces, given)
        return mean, self.to_log_variance(inside).clamp(*LOG_VARIANCE)


@torch.no_grad()
def start(network: VariationalAutoencoder, components: Components, effects: Floats | None = None) -> None:
    """Sets the probabilistic principal components; the layers beside them begin at zero, so that these stand alone.

    effects (M, D) of the conditions, which the components leave out.
    """
    if effects is not None:
        network.effects.copy_(torch.from_numpy(effects))
    explained = np.maximum(np.square(components.spread) - network.beta, 0.0)
    total = np.maximum(explained + network.beta, 1e-12)
    loadings = np.sqrt(explained)[:, None] * components.directions
    network.mean.copy_(torch.from_numpy(components.mean))
    network.into.copy_(torch.from_numpy(loadings / total[:, None]))
    network.out.copy_(torch.from_numpy(loadings))
    for layer in (network.inner.to_features, network.inner.to_trace, network.to_log_variance):
        for weights in layer.parameters():
            weights.zero_()
    variance = torch.from_numpy(network.beta / total)
    network.to_log_variance.bias.copy_(variance.log().clamp(*LOG_VARIANCE))


def kl_divergence(mean: Tensor, log_variance: Tensor, free_bits: float) -> Tensor:
    """Of N(mean, variance) from N(0, 1), nats: mean over the batch of (B, F), at least free_bits each, summed over F."""
    each = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)  # (B, F)
    return each.mean(dim=0).clamp(min=free_bits).sum()


def beta_of(options: Vae, epoch: int) -> float:
    """Rises linearly from 0 in the first epoch to beta after `warm_up` epochs."""
    if epoch > options.warm_up:
        return options.beta
    return options.beta * (epoch - 1) / options.warm_up


def _loss(options: Vae) -> Loss:
    def loss(network: VariationalAutoencoder, batch: list[Tensor], epoch: int) -> tuple[Tensor, Tensor]:
        traces, *given = batch
        mean, log_variance = network.posterior(traces, *given)
        noise = torch.randn_like(mean) * (0.5 * log_variance).exp() if network.training else 0.0
        error = mse_loss(network.decode(mean + noise, *given), traces)
        beta = beta_of(options, epoch) if network.training else options.beta
        bound = error + beta * kl_divergence(mean, log_variance, options.free_bits) * 2.0 / traces[0].numel()
        return bound, bound

    return loss


def _normalisation(options: Vae) -> Kind:
    return "point" if options.point_weights == "sd" else "global"


RECIPE = Recipe(VariationalAutoencoder, _loss, _normalisation, start)
