"""Opens a trained model by the format of its file; PyTorch and ONNX Runtime are imported only for their own formats."""

from __future__ import annotations

from ecgwas.represent.models.model import Model, ModelFile
from ecgwas.study import TrainedEncoder


def open_model(options: TrainedEncoder, file: ModelFile) -> Model:
    """The model of this file. Raises InputError if it is not one of its format, ToolError if a library is missing."""
    if options.format == ".onnx":
        from ecgwas.represent.models.onnx_model import open_onnx

        return open_onnx(options, file)
    if options.format == ".pt2":
        from ecgwas.represent.models.exported_program import open_exported_program

        return open_exported_program(options, file)
    from ecgwas.represent.models.own_network import open_own_network

    return open_own_network(options, file)
