"""Small models that tests export, and the same models computed directly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecgwas.leads import INDEPENDENT_LEADS
from ecgwas.study import TrainedEncoder

LEADS, NUMBERS, KERNEL, STRIDE = 8, 6, 9, 5


class Small(nn.Module):
    """A convolution and its mean over time: (B, 8, samples) to (B, 6). With `pooled: False`, (B, time, 6)."""

    def __init__(self, pooled: bool = True) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(LEADS, NUMBERS, KERNEL, stride=STRIDE)
        self.norm = nn.BatchNorm1d(NUMBERS)
        self.dropout = nn.Dropout(0.5)
        self.pooled = pooled

    def forward(self, recordings: Tensor) -> Tensor:
        maps = self.dropout(torch.relu(self.norm(self.convolution(recordings))))
        return maps.mean(dim=2) if self.pooled else maps.transpose(1, 2)


def small(seed: int = 1, *, pooled: bool = True) -> Small:
    """In evaluation mode, with weights and running statistics by chance."""
    torch.manual_seed(seed)
    network = Small(pooled)
    network.norm.running_mean = 0.1 * torch.randn(NUMBERS)
    network.norm.running_var = 0.5 + torch.rand(NUMBERS)
    return network.eval()


def export_pt2(network: nn.Module, path: Path, shape: tuple[int, ...], *, any_number: bool = True) -> Path:
    """Writes the network as a program of torch.export for recordings of this shape, of any number or of two at a time."""
    axes = {0: torch.export.Dim("recordings", min=1, max=4096)} if any_number else None
    program = torch.export.export(network, (torch.zeros(2, *shape),), dynamic_shapes=None if axes is None else (axes,))
    torch.export.save(program, path)
    return path


def export_onnx(network: Small, path: Path, samples: int, recordings: int | str = "recordings") -> Path:
    """Writes the same network as an ONNX graph of Conv, BatchNormalization, Relu and ReduceMean; a second output `maps`."""
    pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'ecgwas[onnx]'")
    onnx = pytest.importorskip("onnx", reason="needs onnx to build a model")
    make, floats = onnx.helper, onnx.TensorProto.FLOAT
    norm = network.norm
    weights = {
        "kernel": network.convolution.weight, "bias": network.convolution.bias, "scale": norm.weight, "shift": norm.bias,
        "mean": norm.running_mean, "variance": norm.running_var,
    }  # fmt: skip
    nodes = [
        make.make_node("Conv", ["ecg", "kernel", "bias"], ["convolved"], strides=[STRIDE]),
        make.make_node("BatchNormalization", ["convolved", "scale", "shift", "mean", "variance"], ["normed"], epsilon=norm.eps),
        make.make_node("Relu", ["normed"], ["maps"]),
        make.make_node("ReduceMean", ["maps"], ["numbers"], axes=[2], keepdims=0),
    ]
    outputs = [
        make.make_tensor_value_info("numbers", floats, [recordings, NUMBERS]),
        make.make_tensor_value_info("maps", floats, [recordings, NUMBERS, "time"]),
    ]
    values = [onnx.numpy_helper.from_array(value.detach().numpy(), name) for name, value in weights.items()]
    given = make.make_tensor_value_info("ecg", floats, [recordings, LEADS, samples])
    graph = make.make_graph(nodes, "small", [given], outputs, values)
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def directly(network: nn.Module, recordings: NDArray[Any]) -> NDArray[np.float32]:
    """What PyTorch gives for recordings (B, ...) without any file."""
    with torch.inference_mode():
        output: NDArray[np.float32] = network(torch.from_numpy(np.ascontiguousarray(recordings, dtype=np.float32))).numpy()
    return output


def options_for(file: Path | str, **given: object) -> TrainedEncoder:
    """Options of a model of median beats in µV at 500 Hz, and others as given."""
    plain: Mapping[str, object] = {
        "name": "own", "file": str(file), "outputs": NUMBERS, "input": "beat", "rate_hz": 500,
        "leads": list(INDEPENDENT_LEADS), "unit": "mV",
    }  # fmt: skip
    return TrainedEncoder.model_validate_json(json.dumps({**plain, **given}))
