"""Models in ONNX, run by ONNX Runtime (an extra: `pip install 'ecgwas[onnx]'`) from one file with all weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ecgwas import extras
from ecgwas.errors import InputError
from ecgwas.represent.inputs import THREADS, Floats
from ecgwas.represent.models.model import ModelFile, Shape, chosen_output, failed
from ecgwas.represent.models.onnx_weights import has_weights_elsewhere
from ecgwas.study import TrainedEncoder

NUMBERS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""Devices in order of preference; the first needs the package onnxruntime-gpu."""
FAILURES = (
    "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NoSuchFile", "NotImplemented", "RuntimeException",
)  # fmt: skip
"""Names of the exceptions of ONNX Runtime."""


@dataclass(frozen=True)
class OnnxModel:
    """A session of ONNX Runtime."""

    options: TrainedEncoder
    session: Any
    failures: tuple[type[Exception], ...]
    input_name: str
    input_type: str
    output_name: str
    shape: Shape

    def run(self, recordings: Floats) -> Floats:
        """The chosen output for recordings (B, ...)."""
        try:
            (output,) = self.session.run([self.output_name], {self.input_name: recordings.astype(NUMBERS[self.input_type])})
        except self.failures as error:
            raise failed(self.options, error) from None
        return np.asarray(output)


def open_onnx(options: TrainedEncoder, file: ModelFile) -> OnnxModel:
    """The model; ToolError without ONNX Runtime, InputError if the file is no ONNX model with one input."""
    runtime: Any = extras.load("onnxruntime", by="a model in ONNX", where=options.file)
    _refuse_weights_elsewhere(options, file)
    states = runtime.capi.onnxruntime_pybind11_state
    failures = tuple(getattr(states, name) for name in FAILURES if hasattr(states, name))
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = THREADS[options.input], 1
    settings.use_deterministic_compute = True
    settings.log_severity_level = 4
    providers = [name for name in PROVIDERS if name in runtime.get_available_providers()]
    try:
        session = runtime.InferenceSession(file.content, settings, providers=providers)
    except failures as error:
        raise _unreadable(options, str(error)) from None
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in NUMBERS:
        listed = ", ".join(f"{each.name}: {each.type}" for each in inputs)
        problem = f"the model has the inputs {listed}; it needs one, of floating-point numbers"
        raise InputError(problem, where=options.file, fix="export it behind a module whose forward takes the recordings alone")
    names = [each.name for each in session.get_outputs()]
    shape = tuple(length if isinstance(length, int) else None for length in inputs[0].shape)
    output_name = names[chosen_output(options, names)]
    return OnnxModel(options, session, failures, inputs[0].name, inputs[0].type, output_name, shape)


def _refuse_weights_elsewhere(options: TrainedEncoder, file: ModelFile) -> None:
    """Raises InputError if the weights are in another file, which ONNX Runtime would look for in the working directory."""
    try:
        elsewhere = has_weights_elsewhere(file.content)
    except ValueError as error:
        raise _unreadable(options, str(error)) from None
    if elsewhere:
        raise InputError(
            "the model's weights are in another file than the model", where=options.file,
            fix="export it into one file: torch.onnx.export(..., external_data=False), or onnx.save of a loaded model",
        )  # fmt: skip


def _unreadable(options: TrainedEncoder, message: str) -> InputError:
    first = message.strip().splitlines()[0][:300]
    return InputError(f"this is no ONNX model that can be opened: {first}", where=options.file, fix="export the model again")
