"""A trained model from a file, whatever its format: what it takes, how it is run, and which numbers of its output are used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ecgwas.errors import InputError
from ecgwas.represent.inputs import TRACES_PER_BATCH, Floats
from ecgwas.study import TrainedEncoder

Shape = tuple[int | None, ...]
"""Lengths of the axes of a model's input, recordings first; None where any length is taken."""


class Model(Protocol):
    """An opened model."""

    @property
    def shape(self) -> Shape:
        """Of its input."""

    def run(self, recordings: Floats) -> Floats:
        """Its output, recordings first, for recordings (B, ...). Raises InputError if it fails."""


@dataclass(frozen=True)
class ModelFile:
    """The bytes of a model, and of the configuration next to it (empty if its format has none)."""

    name: str
    content: bytes
    config: bytes = b""

    @classmethod
    def read(cls, options: TrainedEncoder) -> ModelFile:
        """The files that the options name. Raises InputError if one is missing or cannot be read."""
        contents = [_bytes(path) for path in options.input_files]
        return cls(options.file.name, *contents)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        fix = "correct `file` of this representation"
        if path.suffix == ".json":
            fix = "copy the encoder.json that lies next to the weights in results/represent/<name>/encoder/"
        raise InputError("there is no such file", where=path, fix=fix) from None
    except OSError as error:
        raise InputError(f"the model cannot be read: {error.strerror}", where=path, fix="correct its permissions") from None


def run_model(options: TrainedEncoder, model: Model, recordings: Floats) -> Floats:
    """(B, outputs) float32 for recordings (B, ...), in batches of the size that the model takes.

    Raises InputError if the model takes another number of leads or samples, or has another number of outputs, than the study
    declares.
    """
    _check_shape(options, model.shape, recordings.shape[1:])
    size = model.shape[0] or TRACES_PER_BATCH
    parts = []
    for start in range(0, len(recordings), size):
        batch = recordings[start : start + size]
        missing = size - len(batch) if model.shape[0] else 0
        # A model of a fixed number of recordings gets the last one again.
        filled = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch
        parts.append(_numbers(options, model.run(np.ascontiguousarray(filled)), len(filled))[: len(batch)])
    return np.concatenate(parts) if parts else np.empty((0, options.outputs), dtype=np.float32)


def chosen_output(options: TrainedEncoder, names: Sequence[str]) -> int:
    """Position of the output that the study names among a model's outputs; the only one need not be named."""
    if options.output is None and len(names) == 1:
        return 0
    listed = ", ".join(names)
    if options.output is None:
        problem, fix = f"the model has {len(names)} outputs: {listed}", "name the one to use, as in `output: " + names[0] + "`"
        raise InputError(problem, where=options.file, fix=fix)
    if options.output not in names:
        raise InputError(
            f"the model has no output {options.output}", where=options.file, fix=f"name one of its outputs: {listed}"
        )
    return list(names).index(options.output)


def failed(options: TrainedEncoder, error: Exception) -> InputError:
    """Of a model that raised `error` on recordings of the declared shape."""
    first = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
    return InputError(
        f"the model fails on a recording: {first}",
        where=options.file,
        fix="compare `leads`, `seconds`, `rate_hz` and `layout` with the input that it was exported with",
    )


def _check_shape(options: TrainedEncoder, taken: Shape, given: tuple[int, ...]) -> None:
    if len(taken) != len(given) + 1:
        problem = f"the model takes an input of {len(taken)} axes; `layout: {options.layout}` gives {len(given) + 1}"
        raise InputError(problem, where=options.file, fix="choose the layout that the model was trained with")
    axes = {"leads_samples": ("leads", "samples"), "samples_leads": ("samples", "leads"), "flat": ("samples",)}[options.layout]
    for axis, (expected, actual) in zip(axes, zip(taken[1:], given, strict=True), strict=True):
        if expected is not None and expected != actual:
            raise InputError(
                f"the model takes {expected} {axis}; the study gives it {actual}",
                where=options.file,
                fix=_fix_of(axis, options),
            )


def _fix_of(axis: str, options: TrainedEncoder) -> str:
    if axis == "leads":
        return "correct `leads`, or `layout` if the axes are in the other order"
    if options.layout == "samples_leads":
        return "correct `seconds` and `rate_hz`, or `layout` if the axes are in the other order"
    if options.input == "beat":
        return "set `read.beats.before_ms` and `after_ms` to the window that the model was trained on, and `rate_hz`"
    return "correct `seconds` and `rate_hz`"


def _numbers(options: TrainedEncoder, output: Floats, recordings: int) -> Floats:
    """(B, outputs) from an output of two axes, or of three, of which one is time."""
    pooled = output.mean(axis=options.time_axis) if output.ndim == 3 else output
    if pooled.ndim == 1 and len(pooled) == recordings:
        pooled = pooled[:, None]
    shape = " x ".join(map(str, output.shape))
    if pooled.ndim != 2 or len(pooled) != recordings:
        raise InputError(
            f"the model's output is {shape} for {recordings} recordings, not recordings x numbers",
            where=options.file, fix="export a model whose output has a row per recording, or name another `output`",
        )  # fmt: skip
    if pooled.shape[1] != options.outputs:
        raise InputError(
            f"the model gives {pooled.shape[1]} numbers for a recording (its output is {shape}); "
            f"the study says outputs: {options.outputs}",
            where=options.file, fix=f"set `outputs: {pooled.shape[1]}`, or correct `output` or `time_axis`",
        )  # fmt: skip
    return pooled.astype(np.float32, copy=False)
