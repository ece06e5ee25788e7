"""Programs of torch.export (.pt2), run by PyTorch."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ecgwas.errors import InputError
from ecgwas.represent.inputs import THREADS, Floats
from ecgwas.represent.models.archive import without_pickles
from ecgwas.represent.models.model import ModelFile, Shape, chosen_output, failed
from ecgwas.represent.neural.encoder import torch_threads
from ecgwas.represent.neural.training import deterministic_algorithms, device
from ecgwas.study import TrainedEncoder


@dataclass(frozen=True)
class ExportedProgram:
    """A loaded program; `dtype` of its input."""

    options: TrainedEncoder
    module: Any
    shape: Shape
    dtype: torch.dtype

    def run(self, recordings: Floats) -> Floats:
        """The chosen output for recordings (B, ...)."""
        given = torch.from_numpy(recordings).to(device(), self.dtype)
        try:
            with torch_threads(THREADS[self.options.input]), torch.inference_mode(), deterministic_algorithms():
                output = self.module(given)
        except (RuntimeError, AssertionError, TypeError, ValueError) as error:
            raise failed(self.options, error) from None
        return np.asarray(self._chosen(output).float().cpu().numpy())

    def _chosen(self, output: Any) -> Tensor:
        """A tensor, or the named one of a dict, or the numbered one (from 0) of a tuple."""
        if isinstance(output, Tensor):
            output = (output,)
        named = dict(output.items()) if hasattr(output, "items") else {str(k): each for k, each in enumerate(output)}
        tensors = {str(name): each for name, each in named.items() if isinstance(each, Tensor)}
        return list(tensors.values())[chosen_output(self.options, list(tensors))]


def open_exported_program(options: TrainedEncoder, file: ModelFile) -> ExportedProgram:
    """The program, loaded without unpickling anything; InputError if that is impossible, or if it has several inputs."""
    archive = without_pickles(file.content, options.file)
    try:
        program = torch.export.load(io.BytesIO(archive))
        if device().type == "cuda":
            from torch.export.passes import move_to_device_pass

            program = move_to_device_pass(program, device())
        module = program.module()
    except Exception as error:  # whatever a damaged program leads to in PyTorch's own reader
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        problem = f"PyTorch {torch.__version__} cannot load this program: {first}"
        fix = "export it again, with the version of PyTorch that ecgwas uses"
        raise InputError(problem, where=options.file, fix=fix) from None
    inputs = set(program.graph_signature.user_inputs)
    values = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in inputs]
    if len(inputs) != 1 or not isinstance(values[0], Tensor) or not values[0].is_floating_point():
        problem = f"the program has {len(inputs)} inputs; it needs one, of floating-point numbers"
        raise InputError(problem, where=options.file, fix="export a module whose forward takes the recordings alone")
    shape = tuple(length if isinstance(length, int) else None for length in values[0].shape)
    return ExportedProgram(options, module, shape, values[0].dtype)
