"""How much work a representation is: what a kind's `work` says, in units whose seconds `ecgwas.workflow.costs` knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecgwas.leads import LEADS
from ecgwas.study.represent import Learned, Representation

FLOAT32 = 4
PASSES = 3
"""Forwards and backwards in training, in passes forwards; and passes to encode whole, odd and even beats."""
IN_TRAINING = 12.0
"""Copies of the weights that training holds in memory."""


@dataclass(frozen=True)
class Given:
    """What is represented: people, encoded (with second visits, each a third of a person), samples of a beat and a strip."""

    people: int
    encoded: float
    beat_samples: float
    strip_samples: float

    def samples(self, options: Learned) -> float:
        """Samples of what the options take."""
        return self.strip_samples if options.uses_strips else self.beat_samples

    def aligned(self, options: Learned) -> float:
        """People whose time is stretched."""
        return self.people if options.align == "waves" else 0.0


@dataclass(frozen=True)
class Work:
    """units: name of a constant of costs -> how many; bytes of memory and on disk beyond those of the features."""

    units: Mapping[str, float] = field(default_factory=dict)
    memory_bytes: float = 0.0
    disk_bytes: float = 0.0


def usual(options: Representation, given: Given) -> Work:
    """What a kind without a `work` is planned with: one projection of everybody."""
    units = {"pca_person": given.encoded}
    return Work(units | ({"align_person": given.aligned(options)} if isinstance(options, Learned) else {}))


def of_network(options: Learned, given: Given, *, channels: tuple[int, ...], kernel: int, epochs: int) -> Work:
    """Training for all epochs, from every seed; stopping early makes it less."""
    samples = given.samples(options)
    traces = given.people * (1 if options.joins_leads else len(LEADS))
    passes = PASSES * epochs + PASSES
    trainings = 1 + options.retrainings
    products = operations(options, channels=channels, kernel=kernel, samples=samples)
    weights = parameters(options, channels=channels, samples=samples) * FLOAT32
    units = {
        "align_person": trainings * given.aligned(options),
        "network_operation": trainings * traces * passes * products,
        "network_trace": trainings * traces * passes,
    }
    return Work(units, IN_TRAINING * weights, 2 * weights)


def operations(options: Learned, *, channels: tuple[int, ...], kernel: int, samples: float) -> float:
    """Multiplications of one trace on its way forwards."""
    total, inside, length = 0.0, (8 if options.joins_leads else 1), samples
    for width in channels:
        length /= 2
        total += 2 * (inside * width + width * width) * kernel * length
        inside = width
    return total + 2 * inside * length * options.features


def parameters(options: Learned, *, channels: tuple[int, ...], samples: float) -> float:
    """Weights of the network."""
    length = samples * 0.5 ** len(channels)
    kernels = 4.0 * 7 * sum(width * width for width in channels)
    return kernels + 2.0 * channels[-1] * length * options.features
