"""The 1D residual convolutional autoencoder of the source study, with the choices of its experiments.

B traces, C leads, L samples, F features. With the defaults and L = 5000 the shapes are: 1 x 5000, 32 x 2500, 64 x 1250,
128 x 625, 32 features, and back; 5,621,569 parameters.
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

    A skip connection leads around one block (1x1 convolution beside it), so that the features alone carry what is
    reconstructed; with `skip: encoder_to_decoder` each block of the encoder also hands its map to the decoder's block of the
    same length, and the features carry only a part.
    """

    def __init__(self, options: ResidualAutoencoder, channels: int, samples: int) -> None:
        super().__init__()
        steps = list(zip(options.channels, kernel_sizes(options), strict=True))
        lengths = halved(samples, len(steps))
        encoder, inside, handed = [], channels, []
        for width, kernel in steps:
            encoder.append(Down(options, inside, width, kernel))
            handed.append(encoder[-1].handed)
            inside = encoder[-1].width
        self.encoder = nn.ModuleList(encoder)
        self.map = (inside, lengths[-1])
        self.to_features = nn.Linear(inside * lengths[-1], options.features)
        self.from_features = nn.Sequential(nn.Linear(options.features, inside * lengths[-1]), activation(options))
        decoder = []
        for (width, kernel), length, given in zip(reversed(steps), reversed(lengths[:-1]), reversed(handed), strict=True):
            decoder.append(Up(options, inside, width, kernel, length, given))
            inside = decoder[-1].width
        self.decoder = nn.ModuleList(decoder)
        self.to_trace = Convolution(inside, channels, steps[0][1])
        self.hands_over = options.skip == "encoder_to_decoder"
        if options.initial_weights == "keras":
            _as_keras_begins(self)

    def encode(self, traces: Tensor) -> Tensor:
        """(B, F) from (B, C, L)."""
        features: Tensor = self.to_features(self.halvings(traces)[0])
        return features

    def decode(self, features: Tensor, handed: Sequence[Tensor] = ()) -> Tensor:
        """(B, C, L) from (B, F), and from the maps that the encoder handed over, if it does."""
        x: Tensor = self.from_features(features).unflatten(1, self.map)
        given: list[Tensor | None] = [*handed] or [None] * len(self.decoder)
        for block, beside in zip(self.decoder, reversed(given), strict=True):
            x = block(x, beside)
        traces: Tensor = self.to_trace(x)
        return traces

    def forward(self, traces: Tensor) -> Tensor:
        """(B, C, L), the reconstruction."""
        inside, handed = self.halvings(traces)
        return self.decode(self.to_features(inside), handed if self.hands_over else ())

    def halvings(self, traces: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The last map of the encoder, flat (B, width * length), and what each block hands to the decoder."""
        handed = []
        x = traces
        for block in self.encoder:
            x, given = block(x)
            handed.append(given)
        return x.flatten(1), handed


def activation(options: ResidualAutoencoder) -> nn.Module:
    """The activation that the options name."""
    if options.activation == "leaky_relu":
        return nn.LeakyReLU(options.leaky_slope)
    return ACTIVATIONS[options.activation]()


def _normalised(options: ResidualAutoencoder, channels: int) -> BatchNorm:
    """Batch normalisation; PyTorch's momentum is the share of the new batch, the option (as Keras') that of the old ones."""
    return BatchNorm(channels, eps=options.batch_norm_epsilon, momentum=1 - options.batch_norm_momentum)


def _as_keras_begins(network: nn.Module) -> None:
    """Glorot and Bengio's uniform weights and biases of zero (AISTATS 2010), as Keras begins with."""
    for module in network.modules():
        if isinstance(module, (nn.Conv1d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Down(nn.Module):
    """One block of the encoder: (B, inside, L) to (B, width, ceil(L / 2)), and the map (B, handed, L) before it was halved."""

    def __init__(self, options: ResidualAutoencoder, inside: int, channels: int, kernel: int) -> None:
        super().__init__()
        if options.block == "residual":
            self.body = nn.Sequential(
                Convolution(inside, channels, kernel, stride=2), _normalised(options, channels), activation(options),
                Convolution(channels, channels, kernel), _normalised(options, channels),
            )  # fmt: skip
            self.halve: nn.Module = nn.Identity()
            after: list[nn.Module] = [activation(options)]
        else:
            self.body = nn.Sequential(
                Convolution(inside, channels, kernel), _normalised(options, channels), activation(options)
            )
            self.halve = nn.MaxPool1d(2, ceil_mode=True)
            after = []
        around = options.skip in ("encoder", "encoder_and_decoder")
        self.join = Join(options, inside, channels, stride=2) if around else None
        self.after = nn.Sequential(*after, Dropout(options.dropout))
        self.width = channels if self.join is None else self.join.width
        self.pools = options.block == "conv_pool"
        self.handed = channels if self.pools else inside

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        whole = self.body(x)  # (B, channels, L), of a residual block (B, channels, ceil(L / 2))
        half = self.halve(whole)  # (B, channels, ceil(L / 2))
        joined = half if self.join is None else self.join(half, x)
        out: Tensor = self.after(joined)
        return out, whole if self.pools else x


class Up(nn.Module):
    """One block of the decoder: (B, inside, ceil(length / 2)) to (B, width, length); handed: channels of the encoder's map."""

    def __init__(
        self, options: ResidualAutoencoder, inside: int, channels: int, kernel: int, length: int, handed: int = 0
    ) -> None:
        super().__init__()
        self.length = length
        self.body = nn.Sequential(
            Convolution(inside, channels, kernel), _normalised(options, channels), activation(options),
        )  # fmt: skip
        both, given = options.skip == "encoder_and_decoder", options.skip == "encoder_to_decoder"
        self.join = Join(options, handed if given else inside, channels, stride=1) if both or given else None
        self.after = Dropout(options.dropout)
        self.width = channels if self.join is None else self.join.width
        # A skip around the block needs the doubled input itself; a kernel of one has nothing to gain.
        self.polyphase = not both and kernel % 2 == 1 and 1 < kernel < length

    @property
    def convolution(self) -> nn.Conv1d:
        """The block's own."""
        first = self.body[0]
        assert isinstance(first, nn.Conv1d)
        return first

    def forward(self, x: Tensor, beside: Tensor | None = None) -> Tensor:
        # An odd length was rounded up on the way down; the sample too many is cut off here.
        if self.polyphase:
            body, wide = self.body[1:](doubled_and_convolved(x, self.convolution, self.length)), None
        else:
            wide = doubled(x)[:, :, : self.length]  # (B, inside, length)
            body = self.body(wide)
        skipped = wide if beside is None else beside
        joined = body if self.join is None or skipped is None else self.join(body, skipped)
        out: Tensor = self.after(joined)
        return out


class Join(nn.Module):
    """What skips, brought to the shape of a block's output by a 1x1 convolution, added to the output or concatenated with it.

    A map that the encoder hands over and that has the shape already is taken as it is.
    """

    def __init__(self, options: ResidualAutoencoder, inside: int, channels: int, stride: int) -> None:
        super().__init__()
        as_it_is = options.skip == "encoder_to_decoder" and inside == channels
        self.project = nn.Identity() if as_it_is else Convolution(inside, channels, 1, stride)
        self.adds = options.skip_merge == "add"
        self.width = channels if self.adds else 2 * channels

    def forward(self, body: Tensor, x: Tensor) -> Tensor:
        skip = self.project(x)
        return body + skip if self.adds else torch.cat([body, skip], dim=1)


def doubled_and_convolved(x: Tensor, convolution: nn.Conv1d, length: int) -> Tensor:
    """(B, width, length): `convolution` (odd kernel K, same length out) of `doubled(x)` cut to `length`, in half the work.

    Every second sample sees each sample of x through two neighbouring weights at once, or one at an end: two convolutions of
    (K + 1) / 2 weights on x itself (polyphase form), done as one. Exact but for the order of sums. length is 2 L, or 2 L - 1.
    """
    weight, bias = convolution.weight, convolution.bias
    half = weight.shape[2] // 2
    even, odd = _phase(weight, half, 0), _phase(weight, half, 1)
    taps = even.shape[2]
    # With an even number of weights each phase is one sample longer than x: its first odd and its last even one are cut.
    first = 1 - taps % 2
    phases = torch.cat([odd, even] if first else [even, odd])
    biases = None if bias is None else bias.repeat(2)
    both = conv1d(x, phases, biases, padding=taps // 2).transpose(1, 2)  # (B, L or L + 1, 2 width)
    both = both.reshape(len(x), -1, weight.shape[0])[:, first : first + length].contiguous()
    if length < 2 * x.shape[2]:
        # Of an odd length the last sample was cut before the convolution: what it adds to its neighbours is taken away again.
        cut = torch.einsum("bi,oik->bko", x[:, :, -1], weight[:, :, half + 1 :].flip(2))
        both = torch.cat([both[:, :-half], both[:, -half:] - cut], dim=1)
    return both.transpose(1, 2)


def _phase(weight: Tensor, half: int, place: int) -> Tensor:
    """(width, inside, (K + 1) / 2): weights that fall on the same sample of x, summed; place 0 for even samples, 1 for odd."""
    lone = weight[:, :, :1] if (half + place) % 2 else weight[:, :, :0]
    paired = weight[:, :, lone.shape[2] :]
    whole = paired.shape[2] // 2 * 2
    pairs = paired[:, :, 0:whole:2] + paired[:, :, 1:whole:2]
    return torch.cat([lone, pairs, paired[:, :, whole:]], dim=2)


def doubled(x: Tensor) -> Tensor:
    """(B, C, 2 L): each sample twice, channels last."""
    return interleaved(x, x)


def halved(samples: int, times: int) -> list[int]:
    """The length before any block and after each: 475 halved three times is 475, 238, 119, 60."""
    lengths = [samples]
    for _ in range(times):
        lengths.append((lengths[-1] + 1) // 2)
    return lengths


def kernel_sizes(options: ResidualAutoencoder) -> tuple[int, ...]:
    """One kernel size per block."""
    return options.kernels * len(options.channels) if len(options.kernels) == 1 else options.kernels


def kernels(network: Autoencoder) -> Iterator[Tensor]:
    """Weights of the blocks' convolutions, without biases: what l1 and l2 are charged on, and nothing else."""
    for block in (*network.encoder, *network.decoder):
        for module in block.body:
            if isinstance(module, nn.Conv1d):
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
