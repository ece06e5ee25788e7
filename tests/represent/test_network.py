"""Shapes and sizes of the autoencoder against counts made by hand."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from ecgwas.represent.network import Autoencoder, Up, doubled, doubled_and_convolved, halved, kernels, penalty
from ecgwas.study import ResidualAutoencoder


def _options(**given: object) -> ResidualAutoencoder:
    return ResidualAutoencoder.model_validate({"name": "ae", **given})


def _size(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def _conv(inside: int, out: int, kernel: int) -> int:
    return inside * out * kernel + out


def test_published_network_has_the_parameters_counted_by_hand() -> None:
    widths = [(1, 32), (32, 64), (64, 128)]
    down = sum(_conv(a, b, 7) + 2 * b + _conv(b, b, 7) + 2 * b + _conv(a, b, 1) for a, b in widths)
    dense = (128 * 625 * 32 + 32) + (32 * 128 * 625 + 128 * 625)
    up = sum(_conv(a, b, 7) + 2 * b for a, b in [(128, 128), (128, 64), (64, 32)])
    assert _size(Autoencoder(_options(), 1, 5000)) == down + dense + up + _conv(32, 1, 7) == 5_621_569


def test_pooling_stack_has_the_parameters_counted_by_hand() -> None:
    options = _options(block="conv_pool", skip="none", channels=[16, 24], kernels=[5], features=48)
    down = _conv(1, 16, 5) + 32 + _conv(16, 24, 5) + 48
    dense = (24 * 25 * 48 + 48) + (48 * 24 * 25 + 24 * 25)
    up = _conv(24, 24, 5) + 48 + _conv(24, 16, 5) + 32
    assert _size(Autoencoder(options, 1, 100)) == down + dense + up + _conv(16, 1, 5)


def test_skips_add_a_1x1_convolution_and_concatenation_doubles_the_channels() -> None:
    plain = _options(skip="none", channels=[4], kernels=[3], features=2)
    added = _options(skip="encoder_and_decoder", channels=[4], kernels=[3], features=2)
    beside = _options(skip="encoder", skip_merge="concatenate", channels=[4], kernels=[3], features=2)
    base = _size(Autoencoder(plain, 1, 10))
    assert _size(Autoencoder(added, 1, 10)) == base + _conv(1, 4, 1) + _conv(4, 4, 1)
    more_dense = (4 * 5 * 2) + (2 * 4 * 5 + 4 * 5)
    assert _size(Autoencoder(beside, 1, 10)) == base + _conv(1, 4, 1) + more_dense + 4 * 4 * 3


@pytest.mark.parametrize("samples", [474, 475, 476, 477, 479, 481])
@pytest.mark.parametrize("block", ["residual", "conv_pool"])
def test_reconstruction_has_the_length_of_the_input(samples: int, block: str) -> None:
    network = Autoencoder(_options(block=block, channels=[2, 2, 2], features=3), 8, samples)
    traces = torch.zeros(2, 8, samples)
    assert network.encode(traces).shape == (2, 3)
    assert network(traces).shape == traces.shape


@pytest.mark.parametrize("skip", ["none", "encoder", "encoder_and_decoder"])
@pytest.mark.parametrize("merge", ["add", "concatenate"])
@pytest.mark.parametrize("activation", ["leaky_relu", "relu", "elu", "selu", "tanh"])
def test_every_choice_runs_and_learns(skip: str, merge: str, activation: str) -> None:
    options = _options(skip=skip, skip_merge=merge, activation=activation, channels=[3, 4], kernels=[3, 5], features=2)
    network = Autoencoder(options, 1, 21)
    network(torch.randn(4, 1, 21)).square().mean().backward()
    assert all(weights.grad is not None and weights.grad.isfinite().all() for weights in network.parameters())


def test_lengths_are_rounded_up_when_halved() -> None:
    assert halved(475, 3) == [475, 238, 119, 60]
    assert halved(5000, 3) == [5000, 2500, 1250, 625]


def test_doubling_is_nearest_neighbour_upsampling() -> None:
    x = torch.randn(2, 3, 7)
    assert torch.equal(doubled(x), nn.functional.interpolate(x, scale_factor=2, mode="nearest"))


def test_penalty_is_charged_on_kernels_alone() -> None:
    network = Autoencoder(_options(channels=[2], kernels=[3], features=2), 1, 8)
    names = [name for name, weights in network.named_parameters() if weights.ndim > 1]
    chosen = dict(network.named_parameters())
    l2 = sum(float(chosen[name].detach().double().pow(2).sum()) for name in names)
    l1 = sum(float(chosen[name].detach().double().abs().sum()) for name in names)
    assert float(penalty(kernels(network), 0.5, 0.25).detach()) == pytest.approx(0.5 * l1 + 0.25 * l2, rel=1e-5)
    assert float(penalty(kernels(network), 0.0, 0.0)) == 0


def test_kernels_are_odd_and_one_per_block() -> None:
    with pytest.raises(ValidationError, match="odd"):
        _options(kernels=[4])
    with pytest.raises(ValidationError, match="2 kernels for 3 blocks"):
        _options(kernels=[3, 5])


@pytest.mark.parametrize("kernel", [3, 5, 7, 9])
@pytest.mark.parametrize("length", [40, 39])
def test_polyphase_is_the_convolution_of_the_doubled_input(kernel: int, length: int) -> None:
    torch.manual_seed(kernel)
    convolution = nn.Conv1d(3, 4, kernel, padding=kernel // 2).double()
    x = torch.randn(2, 3, 20, dtype=torch.float64, requires_grad=True)
    pull = torch.randn(2, 4, length, dtype=torch.float64)
    outcomes = []
    for way in (lambda: convolution(doubled(x)[:, :, :length]), lambda: doubled_and_convolved(x, convolution, length)):
        out = way()
        gradients = torch.autograd.grad((out * pull).sum(), [x, convolution.weight, convolution.bias])
        outcomes.append([out, *gradients])
    for plain, fast in zip(*outcomes, strict=True):
        torch.testing.assert_close(fast, plain, rtol=0, atol=1e-12)


def test_both_ways_through_the_decoder_give_the_same_traces() -> None:
    torch.manual_seed(1)
    network = Autoencoder(ResidualAutoencoder(name="ae", channels=(4, 8), kernels=(7,), features=3), 8, 475).eval()
    features = torch.randn(5, 3)
    blocks = [block for block in network.decoder if isinstance(block, Up)]
    assert all(block.polyphase for block in blocks)
    fast = network.decode(features)
    for block in blocks:
        block.polyphase = False
    torch.testing.assert_close(fast, network.decode(features), rtol=0, atol=1e-5)
