"""The 1D residual convolutional autoencoder of the source study, with the choices of its experiments.

B traces, C leads, L samples, F features. With the defaults and L = 5000 the shapes are: 1 x 5000, 32 x 2500, 64 x 1250,
128 x 625, 32 features, and back; 5,621,569 parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d

from ecgwas.study import ResidualAutoencoder

ACTIVATIONS = {"leaky_relu": nn.LeakyReLU, "relu": nn.ReLU, "elu": nn.ELU, "selu": nn.SELU, "tanh": nn.Tanh}


class Autoencoder(nn.Module):
    """From traces to features and back.

    A skip connection leads around one block (1x1 convolution beside it), never from the encoder to the decoder: the
    features alone must carry what is reconstructed.
    """

    def __init__(self, options: ResidualAutoencoder, channels: int, samples: int) -> None:
        super().__init__()
        steps = list(zip(options.channels, kernel_sizes(options), strict=True))
        lengths = halved(samples, len(steps))
        encoder, inside = [], channels
        for width, kernel in steps:
            encoder.append(Down(options, inside, width, kernel))
            inside = encoder[-1].width
        self.encoder = nn.Sequential(*encoder)
        self.map = (inside, lengths[-1])
        self.to_features = nn.Linear(inside * lengths[-1], options.features)
        self.from_features = nn.Sequential(
            nn.Linear(options.features, inside * lengths[-1]), ACTIVATIONS[options.activation](), nn.Dropout(options.dropout)
        )
        decoder = []
        for (width, kernel), length in zip(reversed(steps), reversed(lengths[:-1]), strict=True):
            decoder.append(Up(options, inside, width, kernel, length))
            inside = decoder[-1].width
        self.decoder = nn.Sequential(*decoder)
        last_kernel = steps[0][1]
        self.to_trace = nn.Conv1d(inside, channels, last_kernel, padding=last_kernel // 2)

    def encode(self, traces: Tensor) -> Tensor:
        """(B, F) from (B, C, L)."""
        features: Tensor = self.to_features(self.encoder(traces).flatten(1))
        return features

    def decode(self, features: Tensor) -> Tensor:
        """(B, C, L) from (B, F)."""
        traces: Tensor = self.to_trace(self.decoder(self.from_features(features).unflatten(1, self.map)))
        return traces

    def forward(self, traces: Tensor) -> Tensor:
        """(B, C, L), the reconstruction."""
        return self.decode(self.encode(traces))


class Down(nn.Module):
    """One block of the encoder: (B, inside, L) to (B, width, ceil(L / 2))."""

    def __init__(self, options: ResidualAutoencoder, inside: int, channels: int, kernel: int) -> None:
        super().__init__()
        activation = ACTIVATIONS[options.activation]
        if options.block == "residual":
            self.body = nn.Sequential(
                nn.Conv1d(inside, channels, kernel, stride=2, padding=kernel // 2), nn.BatchNorm1d(channels), activation(),
                nn.Conv1d(channels, channels, kernel, padding=kernel // 2), nn.BatchNorm1d(channels),
            )  # fmt: skip
            after: list[nn.Module] = [activation()]
        else:
            self.body = nn.Sequential(
                nn.Conv1d(inside, channels, kernel, padding=kernel // 2), nn.BatchNorm1d(channels), activation(),
                nn.MaxPool1d(2, ceil_mode=True),
            )  # fmt: skip
            after = []
        self.join = Join(options, inside, channels, stride=2) if options.skip != "none" else None
        self.after = nn.Sequential(*after, nn.Dropout(options.dropout))
        self.width = channels if self.join is None else self.join.width

    def forward(self, x: Tensor) -> Tensor:
        body = self.body(x)  # (B, channels, ceil(L / 2))
        joined = body if self.join is None else self.join(body, x)
        out: Tensor = self.after(joined)
        return out


class Up(nn.Module):
    """One block of the decoder: (B, inside, ceil(length / 2)) to (B, width, length)."""

    def __init__(self, options: ResidualAutoencoder, inside: int, channels: int, kernel: int, length: int) -> None:
        super().__init__()
        self.length = length
        self.body = nn.Sequential(
            nn.Conv1d(inside, channels, kernel, padding=kernel // 2), nn.BatchNorm1d(channels),
            ACTIVATIONS[options.activation](),
        )  # fmt: skip
        both = options.skip == "encoder_and_decoder"
        self.join = Join(options, inside, channels, stride=1) if both else None
        self.width = channels if self.join is None else self.join.width
        # A skip needs the doubled input itself; a kernel of one has nothing to gain.
        self.polyphase = not both and 1 < kernel < length

    @property
    def convolution(self) -> nn.Conv1d:
        """The block's own."""
        first = self.body[0]
        assert isinstance(first, nn.Conv1d)
        return first

    def forward(self, x: Tensor) -> Tensor:
        # An odd length was rounded up on the way down; the sample too many is cut off here.
        if self.polyphase:
            out: Tensor = self.body[1:](doubled_and_convolved(x, self.convolution, self.length))
            return out
        wide = doubled(x)[:, :, : self.length]  # (B, inside, length)
        body: Tensor = self.body(wide)
        return body if self.join is None else self.join(body, wide)


class Join(nn.Module):
    """A block's input, brought to its output's shape by a 1x1 convolution, added to the output or laid beside it."""

    def __init__(self, options: ResidualAutoencoder, inside: int, channels: int, stride: int) -> None:
        super().__init__()
        self.project = nn.Conv1d(inside, channels, 1, stride=stride)
        self.adds = options.skip_merge == "add"
        self.width = channels if self.adds else 2 * channels

    def forward(self, body: Tensor, x: Tensor) -> Tensor:
        skip = self.project(x)
        return body + skip if self.adds else torch.cat([body, skip], dim=1)


def doubled_and_convolved(x: Tensor, convolution: nn.Conv1d, length: int) -> Tensor:
    """(B, width, length): `convolution` (odd kernel K, same length out) of `doubled(x)` cut to `length`, in half the work.

    Every second sample sees each sample of x through two neighbouring weights at once, or one at an end: two convolutions of
    (K + 1) / 2 weights on x itself (polyphase form). Exact but for the order of sums. length is 2 L, or 2 L - 1.
    """
    weight, bias = convolution.weight, convolution.bias
    kernel = weight.shape[2]
    half = kernel // 2
    early, late = _phase(weight, half, 0), _phase(weight, half, 1)
    reach = (half + 1) // 2
    even = conv1d(x, early, bias, padding=reach)[:, :, : x.shape[2]]
    odd = conv1d(x, late, bias, padding=reach)[:, :, -x.shape[2] :]
    both = torch.stack([even, odd], dim=3).flatten(2)[:, :, :length]  # (B, width, length)
    if length == 2 * x.shape[2]:
        return both
    # Of an odd length the last sample was cut before the convolution: what it adds to its neighbours is taken away again.
    cut = torch.einsum("bi,oik->bok", x[:, :, -1], weight[:, :, half + 1 :].flip(2))
    return torch.cat([both[:, :, :-half], both[:, :, -half:] - cut], dim=2)


def _phase(weight: Tensor, half: int, place: int) -> Tensor:
    """(width, inside, (K + 1) / 2): weights that fall on the same sample of x, summed; place 0 for even samples, 1 for odd."""
    lone = weight[:, :, :1] if (half + place) % 2 else weight[:, :, :0]
    paired = weight[:, :, lone.shape[2] :]
    whole = paired.shape[2] // 2 * 2
    pairs = paired[:, :, 0:whole:2] + paired[:, :, 1:whole:2]
    return torch.cat([lone, pairs, paired[:, :, whole:]], dim=2)


def doubled(x: Tensor) -> Tensor:
    """(B, C, 2 L): each sample twice. Built from views, because its gradient is then deterministic on every device."""
    return x.unsqueeze(3).expand(-1, -1, -1, 2).flatten(2)


def halved(samples: int, times: int) -> list[int]:
    """The length before any block and after each: 475 halved three times is 475, 238, 119, 60."""
    lengths = [samples]
    for _ in range(times):
        lengths.append((lengths[-1] + 1) // 2)
    return lengths


def kernel_sizes(options: ResidualAutoencoder) -> tuple[int, ...]:
    """One kernel size per block."""
    return options.kernels * len(options.channels) if len(options.kernels) == 1 else options.kernels


def kernels(network: nn.Module) -> Iterator[Tensor]:
    """Weights of convolutions and dense layers, without biases and batch norm: what l1 and l2 are charged on."""
    for module in network.modules():
        if isinstance(module, (nn.Conv1d, nn.Linear)):
            yield module.weight


def penalty(weights: Iterable[Tensor], l1: float, l2: float) -> Tensor:
    """l1 times the sum of absolute weights plus l2 times the sum of squared ones."""
    total = torch.zeros(())
    for weight in weights:
        total = total.to(weight.device)
        if l2 > 0:
            total = total + l2 * weight.square().sum()
        if l1 > 0:
            total = total + l1 * weight.abs().sum()
    return total
