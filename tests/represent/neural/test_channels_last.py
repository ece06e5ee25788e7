"""Layers with channels last, against PyTorch's own 1D layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import conv1d as plain

from ecgwas.represent.neural.channels_last import BatchNorm, Convolution, Dropout, conv1d, in_memory_order_of, interleaved


def _maps(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("kernel", [1, 3, 7, 8])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("inside", "width", "length"), [(1, 4, 9), (3, 1, 10), (5, 6, 31), (2, 2, 1)])
def test_convolution_and_its_gradients_are_those_of_pytorch(
    kernel: int, stride: int, inside: int, width: int, length: int
) -> None:
    x, weight, bias = (one.requires_grad_() for one in (_maps(3, inside, length), _maps(width, inside, kernel), _maps(width)))
    ours, theirs = (f(x, weight, bias, stride, padding=kernel // 2) for f in (conv1d, plain))
    torch.testing.assert_close(ours, theirs)
    along = _maps(*theirs.shape)
    for mine, its in zip(*(torch.autograd.grad(y, (x, weight, bias), along) for y in (ours, theirs)), strict=True):
        torch.testing.assert_close(mine, its)


def test_what_a_convolution_gives_lies_with_channels_last() -> None:
    layer = Convolution(3, 4, 7)
    once = layer(torch.randn(2, 3, 50))
    assert once.shape == (2, 4, 50)
    assert once.transpose(1, 2).is_contiguous()
    assert Convolution(4, 5, 3)(once).transpose(1, 2).is_contiguous()


def test_batch_norm_is_pytorchs_and_has_its_names() -> None:
    ours, theirs = BatchNorm(4).double(), nn.BatchNorm1d(4).double()
    for _ in range(3):
        x = _maps(5, 4, 11).transpose(1, 2).contiguous().transpose(1, 2)
        torch.testing.assert_close(ours(x), theirs(x))
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)


def test_samples_of_two_maps_in_turn() -> None:
    even, odd = _maps(2, 3, 4), -_maps(2, 3, 4)
    both = interleaved(even, odd)
    assert torch.equal(both[:, :, 0::2], even)
    assert torch.equal(both[:, :, 1::2], odd)


@pytest.mark.parametrize("order", ["channels_first", "channels_last", "part_of_another"])
def test_values_in_the_order_of_a_map(order: str) -> None:
    x = {
        "channels_first": torch.zeros(2, 3, 4),
        "channels_last": torch.zeros(2, 4, 3).transpose(1, 2),
        "part_of_another": torch.zeros(2, 3, 9)[:, :, 2:6],
    }[order]
    values = torch.arange(24.0)
    given = in_memory_order_of(x, values)
    assert given.shape == x.shape
    assert given.flatten().sort().values.equal(values)


@pytest.mark.parametrize("last", [True, False])
def test_dropout_keeps_its_share_at_its_scale(last: bool) -> None:
    torch.manual_seed(1)
    x = torch.ones(4, 50, 500)
    dropped = Dropout(0.2)(x.transpose(1, 2) if last else x)
    assert dropped.unique().tolist() == pytest.approx([0.0, 1.25], abs=1e-4)
    assert float((dropped == 0).double().mean()) == pytest.approx(0.2, abs=0.005)
