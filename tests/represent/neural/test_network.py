"""Shapes and sizes of the autoencoder against counts made by hand."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from ecgwas.represent.neural.channels_last import BatchNorm, Convolution, Dropout
from ecgwas.represent.neural.network import (
    Autoencoder,
    DecoderBlock,
    block_lengths,
    convolution_weights,
    doubled,
    doubled_and_convolved,
    weight_penalty,
)
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
@pytest.mark.parametrize("kernels_of_blocks", [[7], [2, 4, 3]])
def test_reconstruction_has_the_length_of_the_input(samples: int, block: str, kernels_of_blocks: list[int]) -> None:
    network = Autoencoder(_options(block=block, channels=[2, 2, 2], kernels=kernels_of_blocks, features=3), 8, samples)
    traces = torch.zeros(2, 8, samples)
    assert network.encode(traces).shape == (2, 3)
    assert network(traces).shape == traces.shape


@pytest.mark.parametrize("skip", ["none", "encoder", "encoder_and_decoder", "encoder_to_decoder"])
@pytest.mark.parametrize("merge", ["add", "concatenate"])
@pytest.mark.parametrize("activation", ["leaky_relu", "relu", "elu", "selu", "tanh"])
def test_every_choice_runs_and_learns(skip: str, merge: str, activation: str) -> None:
    options = _options(skip=skip, skip_merge=merge, activation=activation, channels=[3, 4], kernels=[3, 5], features=2)
    network = Autoencoder(options, 1, 21)
    network(torch.randn(4, 1, 21)).square().mean().backward()
    assert all(weights.grad is not None and weights.grad.isfinite().all() for weights in network.parameters())


def test_lengths_are_rounded_up_when_halved() -> None:
    assert block_lengths(475, 3) == [475, 238, 119, 60]
    assert block_lengths(5000, 3) == [5000, 2500, 1250, 625]


def test_doubling_is_nearest_neighbour_upsampling() -> None:
    x = torch.randn(2, 3, 7)
    assert torch.equal(doubled(x), nn.functional.interpolate(x, scale_factor=2, mode="nearest"))


def test_penalty_is_charged_on_the_convolutions_of_blocks_alone() -> None:
    """Not on dense layers, shortcuts, the output layer, biases or batch normalisation."""
    network = Autoencoder(_options(channels=[2], kernels=[3], features=2), 1, 8)
    names = ["encoder.0.body.0.weight", "encoder.0.body.3.weight", "decoder.0.body.0.weight"]
    chosen = dict(network.named_parameters())
    l2 = sum(float(chosen[name].detach().double().pow(2).sum()) for name in names)
    l1 = sum(float(chosen[name].detach().double().abs().sum()) for name in names)
    assert float(weight_penalty(convolution_weights(network), 0.5, 0.25).detach()) == pytest.approx(
        0.5 * l1 + 0.25 * l2, rel=1e-5
    )
    assert float(weight_penalty(convolution_weights(network), 0.0, 0.0)) == 0


def test_there_is_one_kernel_per_block() -> None:
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
    blocks = [block for block in network.decoder if isinstance(block, DecoderBlock)]
    assert all(block.polyphase for block in blocks)
    fast = network.decode(features)
    for block in blocks:
        block.polyphase = False
    torch.testing.assert_close(fast, network.decode(features), rtol=0, atol=1e-5)


def test_dropout_stands_after_each_block_and_nowhere_else() -> None:
    network = Autoencoder(_options(dropout=0.2), 1, 64)
    dropped = [name for name, module in network.named_modules() if isinstance(module, Dropout)]
    blocks = [f"{half}.{k}.after" for half in ("encoder", "decoder") for k in range(3)]
    assert [name.rsplit(".", 1)[0] if name.startswith("encoder") else name for name in dropped] == blocks
    assert all(module.p == 0.2 for module in network.modules() if isinstance(module, Dropout))


def test_choices_of_keras_are_expressed() -> None:
    torch.manual_seed(3)
    network = Autoencoder(
        _options(leaky_slope=0.3, batch_norm_momentum=0.99, batch_norm_epsilon=1e-3, initial_weights="keras"), 1, 64
    )
    assert {module.negative_slope for module in network.modules() if isinstance(module, nn.LeakyReLU)} == {0.3}
    norms = [module for module in network.modules() if isinstance(module, BatchNorm)]
    assert {(round(one.momentum or 0, 9), one.eps) for one in norms} == {(0.01, 1e-3)}
    dense = network.to_features
    limit = (6 / (dense.in_features + dense.out_features)) ** 0.5
    assert 0.99 * limit < float(dense.weight.detach().abs().max()) <= limit
    assert float(dense.weight.detach().std()) == pytest.approx(limit / 3**0.5, rel=0.05)
    biases = [module.bias for module in network.modules() if isinstance(module, (nn.Conv1d, nn.Linear))]
    assert all(float(bias.detach().abs().max()) == 0 for bias in biases if bias is not None)


@pytest.mark.parametrize("kernel", [2, 4])
def test_an_even_kernel_is_a_convolution_padded_by_one_more_on_the_left(kernel: int) -> None:
    torch.manual_seed(kernel)
    ours = Convolution(3, 4, kernel).double()
    x = torch.randn(2, 3, 11, dtype=torch.float64)
    padded = nn.functional.pad(x, (kernel // 2, kernel // 2 - 1))
    torch.testing.assert_close(ours(x), nn.functional.conv1d(padded, ours.weight, ours.bias))


def test_skips_to_the_decoder_add_the_encoders_map_of_the_same_length() -> None:
    """By hand: one block of Conv + BatchNorm + MaxPool, whose map before pooling is added to the decoder's output."""
    torch.manual_seed(5)
    options = _options(block="conv_pool", skip="encoder_to_decoder", channels=[4], kernels=[3], features=2, dropout=0.0)
    network = Autoencoder(options, 1, 10).eval()
    x = torch.randn(2, 1, 10)
    block, back = network.encoder[0], network.decoder[0]
    whole = block.body(x)
    inside = nn.functional.max_pool1d(whole, 2).flatten(1)
    wide = doubled(network.from_features(network.to_features(inside)).unflatten(1, network.map))
    expected = network.to_trace(back.body(wide) + whole)
    torch.testing.assert_close(network(x), expected, rtol=0, atol=1e-5)
    assert not torch.allclose(network.decode(network.encode(x)), expected), "the features alone hold less"


@pytest.mark.parametrize("merge", ["add", "concatenate"])
@pytest.mark.parametrize("block", ["residual", "conv_pool"])
def test_skips_to_the_decoder_fit_any_widths(merge: str, block: str) -> None:
    options = _options(block=block, skip="encoder_to_decoder", skip_merge=merge, channels=[8, 4, 6], kernels=[3], features=2)
    network = Autoencoder(options, 2, 37)
    x = torch.randn(3, 2, 37)
    assert network(x).shape == x.shape
    network(x).square().mean().backward()
    assert all(weights.grad is not None for weights in network.parameters())


@pytest.mark.parametrize("p", [0.0, 0.1, 0.2, 0.5, 0.9])
def test_dropout_drops_a_share_and_scales_the_rest(p: float) -> None:
    torch.manual_seed(7)
    layer = Dropout(p)
    x = torch.ones(31, 7, 1001, requires_grad=True)
    out = layer(x)
    kept = out.detach() != 0
    assert float(kept.float().mean()) == pytest.approx(1 - p, abs=4 * (p * (1 - p) / x.numel()) ** 0.5 + 1e-5)
    torch.testing.assert_close(out.detach()[kept], torch.full_like(out.detach()[kept], 1 / (1 - p)), rtol=1e-4, atol=0)
    out.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, out.detach())
    # Neighbours are dropped independently, those that share a random word included.
    for lag in (1, 2, 3, 4):
        both = (kept[..., lag:] & kept[..., :-lag]).float().mean()
        assert float(both) == pytest.approx((1 - p) ** 2, abs=0.005)
    layer.eval()
    assert torch.equal(layer(x), x)
