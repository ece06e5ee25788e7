"""Kind `encoder`: a trained model of the user's own, from a file, on the input that the study file declares.

Nothing is trained. The features are the model's outputs, or components of them. The model is kept within the fitted encoder, so
that the results say by themselves what they were made with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from ecgwas.errors import Caution, InputError
from ecgwas.leads import ALL_LEADS
from ecgwas.progress import silent
from ecgwas.represent.inputs import Floats, feature_names
from ecgwas.represent.linear.components import Components
from ecgwas.represent.models.declared_input import DeclaredInput
from ecgwas.represent.models.model import Model, ModelFile, run_model
from ecgwas.represent.models.opening import open_model
from ecgwas.represent.models.outputs import OutputComponents, outputs_of
from ecgwas.represent.reliability.reconstruction import ERRORS_SCHEMA, HISTORY_SCHEMA
from ecgwas.represent.work import CohortSize, Work
from ecgwas.signals import Signals
from ecgwas.study import TrainedEncoder
from ecgwas.tables import Features

BYTES_OF_A_WEIGHT = 4
USES_OF_A_WEIGHT = 100
"""Assumed multiplications per weight and recording: as often as a convolution or a transformer's layer moves along time."""
COPIES_IN_MEMORY = 4.0
"""Of the file, the opened model and its intermediate results, in sizes of the file."""
SAME_IN_A_BATCH = 1e-3
"""Largest relative difference between a recording's outputs alone and in a batch."""


@dataclass(frozen=True)
class ModelEncoder:
    """A model with what the study makes of its outputs."""

    options: TrainedEncoder
    file: ModelFile
    components: OutputComponents | None

    @cached_property
    def model(self) -> Model:
        """Opened when it is first needed."""
        return open_model(self.options, self.file)

    @property
    def history(self) -> pl.DataFrame:
        """No rows: there is no training."""
        return pl.DataFrame(schema=HISTORY_SCHEMA)

    @property
    def errors(self) -> pl.DataFrame:
        """No rows: it cannot reconstruct."""
        return pl.DataFrame(schema=ERRORS_SCHEMA)

    def encode(self, signals: Signals) -> Features:
        """Columns eid, lead (12L), f01..: null without one of the model's leads, and where it gives no finite number."""
        outputs = outputs_of(self.options, self.model, signals).mean(axis=1)
        values = outputs if self.components is None else self.components.scores(outputs)
        names = feature_names("f", self.options.feature_count)
        columns: dict[str, Any] = {"eid": list(signals.eids), "lead": [ALL_LEADS] * len(signals)}
        columns |= {name: values[:, k].astype(np.float64) for k, name in enumerate(names)}
        return Features(pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None)))

    def decode(self, features: Features) -> NDArray[np.float32] | None:
        """None: the model only encodes."""
        return None

    def save(self, folder: Path) -> None:
        """encoder.safetensors (the model's bytes, components of its outputs) and encoder.json (options)."""
        arrays: dict[str, NDArray[Any]] = {"model": _as_array(self.file.content)}
        if self.file.config:
            arrays["config"] = _as_array(self.file.config)
        if self.components is not None:
            arrays |= {"outputs_mean": self.components.mean, "outputs_sd": self.components.sd}
            arrays |= {name: getattr(self.components.components, name) for name in COMPONENT_ARRAYS}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "encoder.safetensors")
        # The name alone: the folder would differ between machines.
        about = {"options": self.options.model_dump(mode="json") | {"file": self.file.name}}
        (folder / "encoder.json").write_text(json.dumps(about, indent=1))


COMPONENT_ARRAYS = ("mean", "directions", "patterns", "spread")


def fit(
    options: TrainedEncoder, signals: Signals, *, seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent
) -> ModelEncoder:
    """The model, and components of its outputs for criterion `variance` or `repeatable`; seed and scratch are not used.

    Raises InputError if the model does not fit the declared input and outputs, ToolError if its library is not installed.
    """
    encoder = ModelEncoder(options, ModelFile.read(options), None)
    if options.criterion == "outputs":
        return encoder
    strips = outputs_of(options, encoder.model, signals, track)
    halves = None
    if options.criterion == "repeatable":
        halves = _halves(options, encoder.model, signals, strips, track)
    return ModelEncoder(options, encoder.file, OutputComponents.fit(options, strips.mean(axis=1), halves))


def _halves(
    options: TrainedEncoder, model: Model, signals: Signals, strips: Floats, track: Callable[..., Any]
) -> tuple[Floats, Floats]:
    """(N, outputs) twice: from odd and even heartbeats, or from odd and even strips of each recording."""
    if not options.uses_strips:
        odd, even = (outputs_of(options, model, half, track)[:, 0] for half in signals.odd_and_even)
        return odd, even
    if strips.shape[1] < 2:
        raise InputError(
            "criterion: repeatable compares strips of one recording, and only one fits in it", where=options.file,
            fix="use criterion: variance, input: beat, or a model of shorter strips (`seconds`)",
        )  # fmt: skip
    return strips[:, ::2].mean(axis=1), strips[:, 1::2].mean(axis=1)


def load(folder: Path) -> ModelEncoder:
    """The encoder that `save` wrote."""
    options = TrainedEncoder.model_validate(json.loads((folder / "encoder.json").read_text())["options"])
    arrays = load_file(folder / "encoder.safetensors")
    config = arrays["config"].tobytes() if "config" in arrays else b""
    components = None
    if "directions" in arrays:
        of_outputs = Components(*(arrays[name] for name in COMPONENT_ARRAYS))
        components = OutputComponents(arrays["outputs_mean"], arrays["outputs_sd"], of_outputs)
    return ModelEncoder(options, ModelFile(options.file.name, arrays["model"].tobytes(), config), components)


def check(options: TrainedEncoder, examples: Callable[[], Signals | None]) -> Sequence[str]:
    """Opens the model and runs it on a few recordings: facts and warnings in words.

    examples: a few cleaned recordings; None if none could be read. Raises InputError if the model does not fit the declared
    input and outputs, gives numbers that are not finite or always the same, or depends on chance or on the other recordings of
    a batch.
    """
    model = open_model(options, ModelFile.read(options))
    unused = options.criterion == "outputs" and "features" in options.model_fields_set
    warning = f"{options.name}: `features` is not used; all {options.outputs} outputs are features (criterion: outputs)"
    return [*([Caution(warning)] if unused else []), *_tried(options, model, examples())]


def _tried(options: TrainedEncoder, model: Model, signals: Signals | None) -> list[str]:
    """What running the model on these recordings shows."""
    if signals is None:
        return [Caution(f"{options.file.name}: no recording could be read, so the model was not tried")]
    declared = DeclaredInput.of(options, signals)
    outputs = outputs_of(options, model, signals)[:, 0]
    usable = declared.read(signals, np.arange(len(signals)))[1]
    if not usable.any():
        return [Caution(f"{options.file.name}: no recording has its leads, so the model was not tried")]
    _check_finite(options, outputs[usable])
    _check_steady(options, model, declared, signals, int(usable.argmax()))
    facts = [f"{options.file.name}: {options.outputs} outputs from {_described(options, declared)}, tried on {usable.sum()}"]
    return [*facts, *_constant_outputs(options, outputs[usable])]


def _described(options: TrainedEncoder, declared: DeclaredInput) -> str:
    kind = "beats" if not options.uses_strips else "strips" if declared.strips == 1 else f"{declared.strips} strips each"
    return f"{kind} of {len(options.leads)} leads and {declared.samples} samples at {options.rate_hz:g} Hz"


def _check_finite(options: TrainedEncoder, outputs: Floats) -> None:
    unknown = int((~np.isfinite(outputs)).any(axis=1).sum())
    if unknown:
        raise InputError(
            f"the model gives numbers that are not finite for {unknown} of {len(outputs)} recordings", where=options.file,
            fix="compare `unit` and `scaling` with what the model was trained on, and the exported model with the original",
        )  # fmt: skip


def _constant_outputs(options: TrainedEncoder, outputs: Floats) -> list[str]:
    """A warning of outputs that are the same for all of several recordings; InputError if all are."""
    if len(outputs) < 2:
        return []
    constant = int((np.ptp(outputs, axis=0) == 0).sum())
    if constant == options.outputs:
        raise InputError(
            f"the model gives the same numbers for {len(outputs)} different recordings", where=options.file,
            fix="compare `unit` and `scaling` with what the model was trained on, or name another `output`",
        )  # fmt: skip
    warning = f"{options.file.name}: {constant} of {options.outputs} outputs are the same for {len(outputs)} recordings"
    return [Caution(warning)] if constant else []


def _check_steady(options: TrainedEncoder, model: Model, declared: DeclaredInput, signals: Signals, person: int) -> None:
    """Runs one recording twice, and once in a batch with another one."""
    one = declared.read(signals, np.array([person]))[0][:1]
    first, second = (run_model(options, model, one) for _ in range(2))
    fix = "export it in evaluation mode: model.eval() before torch.export.export or torch.onnx.export"
    if first.tobytes() != second.tobytes():
        raise InputError("the model gives other numbers when it runs again on the same recording", where=options.file, fix=fix)
    together = run_model(options, model, np.concatenate([one, one[..., ::-1], 2 * one]))
    if np.abs(together[:1] - first).max() > SAME_IN_A_BATCH * max(1.0, float(np.abs(first).max())):
        problem = "the model gives a recording other numbers if others are in the same batch"
        raise InputError(problem, where=options.file, fix=fix)


def work(options: TrainedEncoder, size: CohortSize) -> Work:
    """Every recording passes once, and once more to fit components; the work of a pass is assumed from the file's size."""
    file_bytes = sum(path.stat().st_size for path in options.input_files if path.exists())
    passes = size.encoded * (1 if options.criterion == "outputs" else 2)
    multiplications = passes * USES_OF_A_WEIGHT * file_bytes / BYTES_OF_A_WEIGHT
    return Work({"network_operation": multiplications, "network_trace": passes}, COPIES_IN_MEMORY * file_bytes, file_bytes)


def _as_array(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, dtype=np.uint8)
