"""The 1D residual convolutional autoencoder of the source study, with the options of its experiments.

B traces, C leads, L samples, F features; a map is what a block passes on. With the defaults and L = 5000 the shapes are:
1 x 5000, 32 x 2500, 64 x 1250, 128 x 625, 32 features, and back; 5,621,569 parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from ecgwas.represent.neural.channels_last import BatchNorm, Convolution, Dropout, conv1d, interleaved
from ecgwas.study import ResidualAutoencoder

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "elu": nn.ELU, "selu": nn.SELU, "tanh": nn.Tanh}


class Autoencoder(nn.Module):
    """From traces to features and back.

    A skip connection bypasses one block with a 1x1 convolution, so that the reconstruction depends on the features alone. With
    `skip: encoder_to_decoder` each block of the encoder also passes its map to the decoder's block of the same length, and the
    features hold only a part of the signal.
    """

    def __init__(self, options: ResidualAutoencoder, channels: int, samples: int) -> None:
        super().__init__()
        steps = list(zip(options.channels, options.kernel_sizes, strict=True))
        lengths = block_lengths(samples, len(steps))
        encoder, in_channels, skip_channels = [], channels, []
        for out_channels, kernel in steps:
            encoder.append(EncoderBlock(options, in_channels, out_channels, kernel))
            skip_channels.append(encoder[-1].skip_channels)
            in_channels = encoder[-1].width
        self.encoder = nn.ModuleList(encoder)
        self.map = (in_channels, lengths[-1])
        self.to_features = nn.Linear(in_channels * lengths[-1], options.features)
        self.from_features = nn.Sequential(nn.Linear(options.features, in_channels * lengths[-1]), activation(options))
        decoder = []
        for (out_channels, kernel), length, skipped in zip(
            reversed(steps), reversed(lengths[:-1]), reversed(skip_channels), strict=True
        ):
            decoder.append(DecoderBlock(options, in_channels, out_channels, kernel, length, skipped))
            in_channels = decoder[-1].width
        self.decoder = nn.ModuleList(decoder)
        self.to_trace = Convolution(in_channels, channels, steps[0][1])
        self.decoder_takes_maps = options.decoder_takes_maps
        if options.initial_weights == "keras":
            _set_keras_initial_weights(self)

    def encode(self, traces: Tensor) -> Tensor:
        """(B, F) from (B, C, L)."""
        features: Tensor = self.to_features(self.encoder_maps(traces)[0])
        return features

    def decode(self, features: Tensor, skip_maps: Sequence[Tensor] = ()) -> Tensor:
        """(B, C, L) from (B, F), and from the encoder's maps if the decoder takes them."""
        x: Tensor = self.from_features(features).unflatten(1, self.map)
        maps: list[Tensor | None] = [*skip_maps] or [None] * len(self.decoder)
        for block, skip_map in zip(self.decoder, reversed(maps), strict=True):
            x = block(x, skip_map)
        traces: Tensor = self.to_trace(x)
        return traces

    def forward(self, traces: Tensor) -> Tensor:
        """(B, C, L), the reconstruction."""
        last_map, skip_maps = self.encoder_maps(traces)
        return self.decode(self.to_features(last_map), skip_maps if self.decoder_takes_maps else ())

    def encoder_maps(self, traces: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The encoder's last map, flat (B, width * length), and the map that each block can pass to the decoder."""
        skip_maps = []
        x = traces
        for block in self.encoder:
            x, skip_map = block(x)
            skip_maps.append(skip_map)
        return x.flatten(1), skip_maps


def activation(options: ResidualAutoencoder) -> nn.Module:
    """The activation that the options name."""
    if options.activation == "leaky_relu":
        return nn.LeakyReLU(options.leaky_slope)
    return ACTIVATIONS[options.activation]()


def _batch_norm(options: ResidualAutoencoder, channels: int) -> BatchNorm:
    """Batch normalisation. PyTorch's momentum is the share of the new batch; the option, as in Keras, that of the old ones."""
    return BatchNorm(channels, eps=options.batch_norm_epsilon, momentum=1 - options.batch_norm_momentum)


def _set_keras_initial_weights(network: nn.Module) -> None:
    """Keras' defaults: Glorot and Bengio's uniform weights (AISTATS 2010) and biases of zero."""
    for module in network.modules():
        if isinstance(module, (nn.Conv1d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class EncoderBlock(nn.Module):
    """Block of the encoder: from (B, in_channels, L) to (B, width, ceil(L / 2)).

    It also returns the map before halving, (B, skip_channels, L).
    """

    def __init__(self, options: ResidualAutoencoder, in_channels: int, channels: int, kernel: int) -> None:
        super().__init__()
        if options.block == "residual":
            self.body = nn.Sequential(
                Convolution(in_channels, channels, kernel, stride=2), _batch_norm(options, channels), activation(options),
                Convolution(channels, channels, kernel), _batch_norm(options, channels),
            )  # fmt: skip
            self.halve: nn.Module = nn.Identity()
            after: list[nn.Module] = [activation(options)]
        else:
            self.body = nn.Sequential(
                Convolution(in_channels, channels, kernel), _batch_norm(options, channels), activation(options)
            )
            self.halve = nn.MaxPool1d(2, ceil_mode=True)
            after = []
        bypassed = options.skip in ("encoder", "encoder_and_decoder")
        self.join = SkipConnection(options, in_channels, channels, stride=2) if bypassed else None
        self.after = nn.Sequential(*after, Dropout(options.dropout))
        self.width = channels if self.join is None else self.join.width
        self.pools = options.block == "conv_pool"
        self.skip_channels = channels if self.pools else in_channels

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        body = self.body(x)  # (B, channels, L), of a residual block (B, channels, ceil(L / 2))
        half = self.halve(body)  # (B, channels, ceil(L / 2))
        joined = half if self.join is None else self.join(half, x)
        out: Tensor = self.after(joined)
        return out, body if self.pools else x


class DecoderBlock(nn.Module):
    """Block of the decoder: from (B, in_channels, ceil(length / 2)) to (B, width, length).

    skip_channels: channels of the encoder's map.
    """

    def __init__(
        self,
        options: ResidualAutoencoder,
        in_channels: int,
        channels: int,
        kernel: int,
        length: int,
        skip_channels: int = 0,
    ) -> None:
        super().__init__()
        self.length = length
        self.body = nn.Sequential(
            Convolution(in_channels, channels, kernel), _batch_norm(options, channels), activation(options),
        )  # fmt: skip
        bypassed, takes_map = options.skip == "encoder_and_decoder", options.decoder_takes_maps
        joined_channels = skip_channels if takes_map else in_channels
        self.join = SkipConnection(options, joined_channels, channels, stride=1) if bypassed or takes_map else None
        self.after = Dropout(options.dropout)
        self.width = channels if self.join is None else self.join.width
        # A skip around the block needs the doubled input itself; a kernel of one gains nothing.
        self.polyphase = not bypassed and kernel % 2 == 1 and 1 < kernel < length

    @property
    def convolution(self) -> nn.Conv1d:
        """The block's convolution."""
        first = self.body[0]
        assert isinstance(first, nn.Conv1d)
        return first

    def forward(self, x: Tensor, skip_map: Tensor | None = None) -> Tensor:
        # An odd length was rounded up in the encoder; the extra sample is cut off here.
        if self.polyphase:
            body, wide = self.body[1:](doubled_and_convolved(x, self.convolution, self.length)), None
        else:
            wide = doubled(x)[:, :, : self.length]  # (B, in_channels, length)
            body = self.body(wide)
        skipped = wide if skip_map is None else skip_map
        joined = body if self.join is None or skipped is None else self.join(body, skipped)
        out: Tensor = self.after(joined)
        return out


class SkipConnection(nn.Module):
    """A map brought to the shape of a block's output by a 1x1 convolution, and added to or concatenated with the output.

    A map from the encoder that already has this shape is used as it is.
    """

    def __init__(self, options: ResidualAutoencoder, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        fits = options.decoder_takes_maps and in_channels == channels
        self.project = nn.Identity() if fits else Convolution(in_channels, channels, 1, stride)
        self.adds = options.skip_merge == "add"
        self.width = channels if self.adds else 2 * channels

    def forward(self, body: Tensor, x: Tensor) -> Tensor:
        skip = self.project(x)
        return body + skip if self.adds else torch.cat([body, skip], dim=1)


def doubled_and_convolved(x: Tensor, convolution: nn.Conv1d, length: int) -> Tensor:
    """(B, width, length): `convolution` (odd kernel K, same length out) of `doubled(x)` cut to `length`, with half the work.

    Two neighbouring weights, or one at an end, always fall on the same sample of x. The result is therefore two convolutions
    of (K + 1) / 2 weights on x itself (polyphase form), computed as one; exact but for the order of sums. length is 2 L or
    2 L - 1.
    """
    weight, bias = convolution.weight, convolution.bias
    half = weight.shape[2] // 2
    even, odd = _phase(weight, half, 0), _phase(weight, half, 1)
    taps = even.shape[2]
    # With an even number of weights each phase is one sample longer than x: its first odd and last even sample are cut.
    first = 1 - taps % 2
    phases = torch.cat([odd, even] if first else [even, odd])
    biases = None if bias is None else bias.repeat(2)
    both = conv1d(x, phases, biases, padding=taps // 2).transpose(1, 2)  # (B, L or L + 1, 2 width)
    both = both.reshape(len(x), -1, weight.shape[0])[:, first : first + length].contiguous()
    if length < 2 * x.shape[2]:
        # If the length is odd, the last sample is cut before the convolution: what it adds to its neighbours is subtracted.
        cut = torch.einsum("bi,oik->bko", x[:, :, -1], weight[:, :, half + 1 :].flip(2))
        both = torch.cat([both[:, :-half], both[:, -half:] - cut], dim=1)
    return both.transpose(1, 2)


def _phase(weight: Tensor, half: int, phase: int) -> Tensor:
    """(width, inside, (K + 1) / 2): weights that fall on the same sample of x, summed; phase 0 for even samples, 1 for odd."""
    lone = weight[:, :, :1] if (half + phase) % 2 else weight[:, :, :0]
    paired = weight[:, :, lone.shape[2] :]
    whole = paired.shape[2] // 2 * 2
    pairs = paired[:, :, 0:whole:2] + paired[:, :, 1:whole:2]
    return torch.cat([lone, pairs, paired[:, :, whole:]], dim=2)


def doubled(x: Tensor) -> Tensor:
    """(B, C, 2 L): each sample twice, channels last."""
    return interleaved(x, x)


def block_lengths(samples: int, n_blocks: int) -> list[int]:
    """The length before the first block and after each, halved each time: 475, 238, 119, 60 for three blocks of 475."""
    lengths = [samples]
    for _ in range(n_blocks):
        lengths.append((lengths[-1] + 1) // 2)
    return lengths


def convolution_weights(network: Autoencoder) -> Iterator[Tensor]:
    """Weights of the blocks' convolutions, without biases: the only ones that l1 and l2 penalise."""
    for block in (*network.encoder, *network.decoder):
        for module in block.body:
            if isinstance(module, nn.Conv1d):
                yield module.weight


def weight_penalty(weights: Iterable[Tensor], l1: float, l2: float) -> Tensor:
    """l1 times the sum of absolute weights plus l2 times the sum of squared ones."""
    total = torch.zeros(())
    for weight in weights:
        total = total.to(weight.device)
        if l2 > 0:
            total = total + l2 * weight.square().sum()
        if l1 > 0:
            total = total + l1 * weight.abs().sum()
    return total
