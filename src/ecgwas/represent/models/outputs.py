"""Outputs of a trained model for a cohort, and components of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.progress import silent
from ecgwas.represent.inputs import BLOCK_SAMPLES, Floats, Index
from ecgwas.represent.linear.components import Components, components_of_rows
from ecgwas.represent.linear.noise_fraction import CANDIDATES_PER_COMPONENT, most_repeatable_axes
from ecgwas.represent.models.declared_input import DeclaredInput
from ecgwas.represent.models.model import Model, run_model
from ecgwas.signals import Signals
from ecgwas.study import TrainedEncoder

logger = logging.getLogger(__name__)

Numbers = NDArray[np.float64]


def outputs_of(options: TrainedEncoder, model: Model, signals: Signals, track: Callable[..., Any] = silent) -> Floats:
    """(N, strips, outputs) float32: the model's outputs for each strip of each participant.

    NaN for participants who lack one of its leads or a median beat, and where the model gives no finite number.
    """
    declared = DeclaredInput.of(options, signals)
    outputs = np.full((len(signals), declared.strips, options.outputs), np.nan, dtype=np.float32)
    size = max(1, BLOCK_SAMPLES // (declared.given_samples * len(options.leads)))
    people = np.arange(len(signals))
    blocks = [people[start : start + size] for start in range(0, len(people), size)]
    for block in track(blocks, f"{options.name}: {options.file.name}", len(blocks)):
        _fill(options, model, signals, declared, block, outputs)
    return outputs


def _fill(
    options: TrainedEncoder, model: Model, signals: Signals, declared: DeclaredInput, block: Index, outputs: Floats
) -> None:
    strips, usable = declared.read(signals, block)
    rows = run_model(options, model, strips).reshape(len(block), declared.strips, -1)
    complete = usable & np.isfinite(rows).all(axis=(1, 2))
    outputs[block[complete]] = rows[complete]


@dataclass(frozen=True)
class OutputComponents:
    """Components of outputs; mean and sd (outputs,) float32 of the participants, sd infinite where all have one value."""

    mean: Floats
    sd: Floats
    components: Components

    def scores(self, outputs: Floats) -> Floats:
        """(N, F) from outputs (N, outputs)."""
        return self.components.scores(self._units(outputs))

    def _units(self, outputs: Floats) -> Floats:
        return ((outputs - self.mean) / self.sd).astype(np.float32)

    @classmethod
    def fit(cls, options: TrainedEncoder, outputs: Floats, halves: tuple[Floats, Floats] | None) -> OutputComponents:
        """Of the participants whose outputs (N, outputs) are finite.

        halves: outputs from odd and even heartbeats, or odd and even strips, for criterion `repeatable`.
        Raises InputError if there are fewer participants, or directions in which their outputs vary, than components.
        """
        known = np.isfinite(outputs).all(axis=1)
        for half in halves or ():
            known &= np.isfinite(half).all(axis=1)
        mean, sd = _mean_and_sd(options, outputs[known])
        plain = cls(mean, sd, Components(*(np.empty((0, 0), np.float32) for _ in range(4))))
        units = plain._units(outputs[known])
        count = options.feature_count
        # As for principal components of beats: with more candidates, noise would be known in fewer directions than are needed.
        n_candidates = count if halves is None else max(count, min(CANDIDATES_PER_COMPONENT * count, len(units) // 2))
        candidates = components_of_rows(units, n_candidates)
        if len(candidates.spread) < count:
            problem = (
                f"the outputs of {len(units)} participants vary in {len(candidates.spread)} directions, fewer than {count}"
            )
            fix = f"set features to {max(1, len(candidates.spread))} or less, or give more recordings"
            raise InputError(problem, where=options.file, fix=fix)
        if halves is not None:
            odd, even = (candidates.scores(plain._units(half[known])).astype(np.float64) for half in halves)
            between = np.diag(np.square(candidates.spread.astype(np.float64)))
            candidates = candidates.recombined(most_repeatable_axes(between, odd, even, count))
        return cls(mean, sd, candidates)


def _mean_and_sd(options: TrainedEncoder, outputs: Floats) -> tuple[Floats, Floats]:
    if len(outputs) < 2:
        raise InputError(
            f"the model gives finite numbers for {len(outputs)} participants", where=options.file,
            fix="compare `unit` and `scaling` with what the model was trained on",
        )  # fmt: skip
    numbers = outputs.astype(np.float64)
    mean, sd = numbers.mean(axis=0), numbers.std(axis=0)
    constant = sd <= 1e-6 * np.maximum(np.abs(mean), np.finfo(np.float32).tiny)
    if constant.any():
        logger.warning("%s: %d of %d outputs have one value in all participants and enter no component",
                       options.name, constant.sum(), len(constant))  # fmt: skip
    return mean.astype(np.float32), np.where(constant, np.inf, sd).astype(np.float32)
