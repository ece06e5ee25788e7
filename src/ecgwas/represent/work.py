"""How much work a representation takes, as a kind's `work` says: in units whose seconds `ecgwas.workflow.costs` knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecgwas.leads import LEADS
from ecgwas.study.represent import Learned
from ecgwas.study.representation import Representation

FLOAT32 = 4
PASSES = 3
"""Of a training step (forward and backward), in forward passes; and passes to encode whole, odd and even beats."""
WEIGHT_COPIES = 12.0
"""Copies of the weights in memory during training."""


@dataclass(frozen=True)
class CohortSize:
    """What is represented.

    people         participants
    encoded        recordings that are encoded, in participants; a second visit counts as a third
    beat_samples, strip_samples  of one recording
    """

    people: int
    encoded: float
    beat_samples: float
    strip_samples: float

    def samples(self, options: Representation) -> float:
        """Samples of the input that the options name."""
        return self.strip_samples if options.uses_strips else self.beat_samples

    def aligned(self, options: Representation) -> float:
        """Participants whose beats are aligned."""
        return self.people if options.aligns_waves else 0.0


@dataclass(frozen=True)
class Work:
    """units: name of a constant of costs -> how many; memory_bytes and disk_bytes beyond those of the features."""

    units: Mapping[str, float] = field(default_factory=dict)
    memory_bytes: float = 0.0
    disk_bytes: float = 0.0


def default_work(options: Representation, size: CohortSize) -> Work:
    """Of a kind without `work`: one projection of every recording."""
    return Work({"pca_person": size.encoded, "align_person": size.aligned(options)})


def network_work(options: Learned, size: CohortSize, *, channels: tuple[int, ...], kernel: int, epochs: int) -> Work:
    """Training for all epochs from every seed; early stopping makes it less."""
    samples = size.samples(options)
    traces = size.people * (1 if options.joins_leads else len(LEADS))
    passes = PASSES * epochs + PASSES
    trainings = 1 + options.retrainings
    products = multiplications(options, channels=channels, kernel=kernel, samples=samples)
    weight_bytes = weights(options, channels=channels, samples=samples) * FLOAT32
    units = {
        "align_person": trainings * size.aligned(options),
        "network_operation": trainings * traces * passes * products,
        "network_trace": trainings * traces * passes,
    }
    return Work(units, WEIGHT_COPIES * weight_bytes, 2 * weight_bytes)


def multiplications(options: Learned, *, channels: tuple[int, ...], kernel: int, samples: float) -> float:
    """Multiplications of one trace in a forward pass."""
    total, in_channels, length = 0.0, (8 if options.joins_leads else 1), samples
    for out_channels in channels:
        length /= 2
        total += 2 * (in_channels * out_channels + out_channels * out_channels) * kernel * length
        in_channels = out_channels
    return total + 2 * in_channels * length * options.features


def weights(options: Learned, *, channels: tuple[int, ...], samples: float) -> float:
    """Approximate number of weights of the network."""
    length = samples * 0.5 ** len(channels)
    convolutions = 4.0 * 7 * sum(width * width for width in channels)
    return convolutions + 2.0 * channels[-1] * length * options.features
