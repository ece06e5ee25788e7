"""Layers for maps of shape (B, C, L) stored as (B, L, C): all channels of a sample are adjacent in memory.

A CPU multiplies such maps at nearly the speed of one large matrix product. oneDNN needs them as images of height one
(B, C, 1, L) in PyTorch's channels-last format; shapes, weights and their names stay those of `torch.nn`'s 1D layers. On two
cores a training step of 32 whole recordings took 0.75 s before and 0.58 to 0.64 s after
(`benchmarks/findings/published_training.py`, line STEP).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear


class Convolution(nn.Conv1d):
    """Convolution with an output of ceil(L / stride) samples; an even kernel extends one sample further left than right."""

    def __init__(self, in_channels: int, channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__(in_channels, channels, kernel, stride=stride, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        out = conv1d(x, self.weight, self.bias, self.stride[0], self.kernel_size[0] // 2)
        return out if self.kernel_size[0] % 2 else out[:, :, : -(-x.shape[2] // self.stride[0])]


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation of (B, C, L)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.unsqueeze(2)).squeeze(2)


class Dropout(nn.Module):
    """PyTorch's dropout with a quarter of the random numbers: 16 bits for each value, so that p is a multiple of 2 ** -16.

    PyTorch draws a Bernoulli number for each value, which takes an eighth of a training step of whole recordings on a CPU.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.p)
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        drawn = words.view(torch.int16)[: x.numel()]  # uniform from -2 ** 15 on
        dropped = round(self.p * 2**16)
        kept = torch.ge(drawn, dropped - 2**15, out=torch.empty(x.numel(), dtype=x.dtype)).mul_(2**16 / (2**16 - dropped))
        return x * in_memory_order_of(x, kept)


def conv1d(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int = 1, padding: int = 0) -> Tensor:
    """(B, width, M): `torch.nn.functional.conv1d` of x (B, C, L) with weight (width, C, K), the output channels last."""
    if weight.shape[2] == 1 and padding == 0:
        # A matrix product; and oneDNN's gradient of a 1x1 convolution with a stride crashes (PyTorch 2.13).
        return linear(x[:, :, ::stride].transpose(1, 2), weight[:, :, 0], bias).transpose(1, 2)
    image = weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    return conv2d(x.unsqueeze(2), image, bias, stride=(1, stride), padding=(0, padding)).squeeze(2)


def interleaved(even: Tensor, odd: Tensor) -> Tensor:
    """(B, C, 2 L): alternating samples of two maps (B, C, L), channels last."""
    return torch.stack([even.transpose(1, 2), odd.transpose(1, 2)], dim=2).flatten(1, 2).transpose(1, 2)


def in_memory_order_of(x: Tensor, values: Tensor) -> Tensor:
    """The values, one for each of x, with the strides of x if x is dense in memory."""
    dense = x.is_contiguous() or x.transpose(1, 2).is_contiguous()
    return values.as_strided(x.shape, x.stride()) if dense else values.view(x.shape)
