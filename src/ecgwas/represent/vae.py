"""Kind `vae`: a beta-VAE of median beats of the eight independent leads.

Kingma and Welling, ICLR 2014; beta: Higgins et al., ICLR 2017; free bits: Kingma et al., NeurIPS 2016. Features are the
means of the posterior. Minimised: mean squared error in normalised units + beta * KL * 2 / D, D = C * L; with beta 1 this
is the evidence bound of unit noise, scaled by 2 / D.

The network corrects the linear solution of the same problem, probabilistic principal components with noise variance beta
(Tipping and Bishop 1999; Lucas et al., NeurIPS 2019): linear features are added to its features, and their reconstruction to
its reconstruction. With `condition_on` both describe what measurements do not explain, and the decoder receives the
measurements (Yun et al., Nat Genet 56:1604, 2024). The linear part is not trained; the convolutions learn what a linear map
cannot describe. Training therefore starts from the error of a PCA with as many features, instead of spending its epochs (and
few participants) on reaching it.
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
from ecgwas.represent.inputs import Floats, ScalingKind
from ecgwas.represent.linear.components import Components
from ecgwas.represent.neural.encoder import KindSpec, NetworkEncoder, fit_network, load_network
from ecgwas.represent.neural.network import Autoencoder
from ecgwas.represent.neural.training import Loss
from ecgwas.represent.work import CohortSize, Work, network_work
from ecgwas.signals import Signals
from ecgwas.study import ResidualAutoencoder, Vae

LOG_VARIANCE = (-12.0, 6.0)
"""Bounds of the posterior's log variance, so that its exponential stays finite."""


def fit(
    options: Vae, signals: Signals, *, seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent
) -> NetworkEncoder:
    """The network of the epoch with the lowest validation loss (at full beta). Interrupted training resumes from `scratch`.

    Raises InputError for too few participants, EcgwasError if the loss is not finite.
    """
    return fit_network(SPEC, options, signals, seed=seed, scratch=scratch, track=track)


def work(options: Vae, size: CohortSize) -> Work:
    """One training or several."""
    return network_work(options, size, channels=options.channels, kernel=7, epochs=options.epochs)


def load(folder: Path) -> NetworkEncoder:
    """The encoder that `save` wrote."""
    return load_network(SPEC, Vae, folder)


class VariationalAutoencoder(nn.Module):
    """The residual autoencoder's blocks around a Gaussian posterior of F features, added to principal components."""

    mean: Tensor
    into: Tensor
    out: Tensor
    effects: Tensor

    def __init__(self, options: Vae, channels: int, samples: int, n_conditions: int = 0) -> None:
        super().__init__()
        shape = ResidualAutoencoder(
            name=options.name, channels=options.channels, kernels=(7,), features=options.features, dropout=0.0
        )
        self.inner = Autoencoder(shape, channels, samples)
        self.to_log_variance = nn.Linear(self.inner.to_features.in_features, options.features)
        if n_conditions:
            width, length = self.inner.map
            self.inner.from_features[0] = nn.Linear(options.features + n_conditions, width * length)
        self.beta = options.beta
        self.register_buffer("mean", torch.zeros(channels * samples))
        self.register_buffer("into", torch.zeros(options.features, channels * samples))
        self.register_buffer("out", torch.zeros(options.features, channels * samples))
        self.register_buffer("effects", torch.zeros(n_conditions, channels * samples))

    def encode(self, traces: Tensor, conditions: Tensor | None = None) -> Tensor:
        """(B, F) posterior means of (B, C, L), given conditions (B, M)."""
        return self.inner.encode(traces) + self.linear(traces, conditions)

    def decode(self, features: Tensor, conditions: Tensor | None = None) -> Tensor:
        """(B, C, L) from (B, F), given conditions (B, M)."""
        by_network = self.inner.decode(features if conditions is None else torch.cat([features, conditions], dim=1))
        return by_network + (features @ self.out + self._expected(conditions)).view_as(by_network)

    def linear(self, traces: Tensor, conditions: Tensor | None = None) -> Tensor:
        """(B, F) posterior means of the probabilistic principal components of what conditions (B, M) do not explain."""
        return (traces.flatten(1) - self._expected(conditions)) @ self.into.T

    def _expected(self, conditions: Tensor | None) -> Tensor:
        return self.mean if conditions is None else self.mean + conditions @ self.effects

    def forward(self, traces: Tensor, conditions: Tensor | None = None) -> Tensor:
        """(B, C, L), the reconstruction from the posterior means."""
        return self.decode(self.encode(traces, conditions), conditions)

    def posterior(self, traces: Tensor, conditions: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Means and log variances (B, F) of (B, C, L)."""
        last_map = self.inner.encoder_maps(traces)[0]
        mean = self.inner.to_features(last_map) + self.linear(traces, conditions)
        return mean, self.to_log_variance(last_map).clamp(*LOG_VARIANCE)


@torch.no_grad()
def start_linear(network: VariationalAutoencoder, components: Components, effects: Floats | None = None) -> None:
    """Sets the probabilistic principal components; the layers added to them start at zero, so that these act alone.

    effects (M, D): of the conditions, which the components exclude.
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
    """KL divergence of N(mean, variance) from N(0, 1), nats: mean over the batch of (B, F), at least free_bits each, summed."""
    each = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)  # (B, F)
    return each.mean(dim=0).clamp(min=free_bits).sum()


def beta_of(options: Vae, epoch: int) -> float:
    """Beta of an epoch: it rises linearly from 0 in the first epoch to its full value after `warm_up` epochs."""
    if epoch > options.warm_up:
        return options.beta
    return options.beta * (epoch - 1) / options.warm_up


def _loss(options: Vae) -> Loss:
    def loss(network: VariationalAutoencoder, batch: list[Tensor], epoch: int) -> tuple[Tensor, Tensor]:
        traces, *conditions = batch
        mean, log_variance = network.posterior(traces, *conditions)
        noise = torch.randn_like(mean) * (0.5 * log_variance).exp() if network.training else 0.0
        error = mse_loss(network.decode(mean + noise, *conditions), traces)
        beta = beta_of(options, epoch) if network.training else options.beta
        bound = error + beta * kl_divergence(mean, log_variance, options.free_bits) * 2.0 / traces[0].numel()
        return bound, bound

    return loss


def _normalisation(options: Vae) -> ScalingKind:
    return "point" if options.point_weights == "sd" else "global"


SPEC = KindSpec(VariationalAutoencoder, _loss, _normalisation, start=start_linear)
