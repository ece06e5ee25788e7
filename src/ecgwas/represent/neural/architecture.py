"""The layers of a network and the shapes between them, recorded from the network while a trace passes through it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ecgwas.represent.neural.network import Autoencoder, SkipConnection

STEP_NAMES = {"to_features": "features", "from_features": "map", "to_trace": "output"}
"""Of steps that are not blocks."""

LAYER_NAMES = {
    "BatchNorm": "batch norm",
    "LeakyReLU": "LeakyReLU",
    "ReLU": "ReLU",
    "ELU": "ELU",
    "SELU": "SELU",
    "Tanh": "tanh",
}


@torch.no_grad()
def architecture(network: Autoencoder, channels: int, samples: int) -> list[dict[str, Any]]:
    """One record per step, in the order in which a trace (channels, samples) passes through them.

    step (input, encoder 1, ..., features, map, decoder 1, ..., output), layers (names, in order), shape (channels, samples; of
    features: their number), parameters (number of trained weights).
    """
    steps = list(_steps(network))
    shapes: dict[str, list[int]] = {}

    def record_shape(name: str) -> Any:
        def hook(module: nn.Module, given: Any, out: Tensor | tuple[Tensor, ...]) -> None:
            shapes[name] = list((out if isinstance(out, Tensor) else out[0]).shape[1:])

        return hook

    hooks = [module.register_forward_hook(record_shape(name)) for name, module in steps]
    training = network.training
    try:
        device = next(network.parameters()).device
        network.eval()(torch.zeros((1, channels, samples), device=device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    shapes["map"] = list(network.map)  # the flat output is reshaped to the encoder's last map
    first = {"step": "input", "layers": [], "shape": [channels, samples], "parameters": 0}
    return [first, *(_record(name, module, shapes[name]) for name, module in steps)]


def _steps(network: Autoencoder) -> Iterator[tuple[str, nn.Module]]:
    """The parts of the network in order, named."""
    for name, module in network.named_children():
        if isinstance(module, nn.ModuleList):
            yield from ((f"{name} {number}", block) for number, block in enumerate(module, start=1))
        else:
            yield STEP_NAMES[name], module


def _record(name: str, module: nn.Module, shape: list[int]) -> dict[str, Any]:
    parameters = sum(weights.numel() for weights in module.parameters())
    doubled = ["doubled in time"] if name.startswith("decoder") else []
    return {"step": name, "layers": [*doubled, *_layers(module)], "shape": shape, "parameters": parameters}


def _layers(module: nn.Module) -> list[str]:
    """The names of a step's layers, in order."""
    if isinstance(module, SkipConnection):
        return [f"skip, {'added' if module.adds else 'concatenated'}"]
    children = list(module.children())
    if children:
        return [name for child in children for name in _layers(child)]
    name = _layer_name(module)
    return [] if name is None else [name]


def _layer_name(layer: nn.Module) -> str | None:
    """The name of a layer with its parameters; None for one that changes nothing."""
    if isinstance(layer, nn.Conv1d):
        stride = "" if layer.stride[0] == 1 else f", stride {layer.stride[0]}"
        return f"conv {layer.kernel_size[0]}{stride}"
    if isinstance(layer, nn.Linear):
        return f"dense {layer.in_features:,}"
    if isinstance(layer, nn.MaxPool1d):
        return f"max pool {layer.kernel_size}"
    if isinstance(layer, nn.LeakyReLU):
        return f"LeakyReLU {layer.negative_slope:g}"
    if type(layer).__name__ == "Dropout":
        return f"dropout {layer.p:g}" if layer.p else None
    return LAYER_NAMES.get(type(layer).__name__)
