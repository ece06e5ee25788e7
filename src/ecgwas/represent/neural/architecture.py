"""The layers of a network and the shapes between them, read off the network itself while a trace passes through it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ecgwas.represent.neural.network import Autoencoder, Join

WORDS = {"to_features": "features", "from_features": "map", "to_trace": "output"}
"""Steps that are not blocks."""

NAMES = {"BatchNorm": "batch norm", "LeakyReLU": "LeakyReLU", "ReLU": "ReLU", "ELU": "ELU", "SELU": "SELU", "Tanh": "tanh"}


@torch.no_grad()
def architecture(network: Autoencoder, channels: int, samples: int) -> list[dict[str, Any]]:
    """One record per step, in the order in which a trace (channels, samples) passes through them.

    step (input, encoder 1, ..., features, map, decoder 1, ..., output), layers (words, in order), shape
    (channels, samples; of features: how many), parameters (trained numbers of the step).
    """
    steps = list(_steps(network))
    shapes: dict[str, list[int]] = {}

    def note(name: str) -> Any:
        def hook(module: nn.Module, given: Any, out: Tensor | tuple[Tensor, ...]) -> None:
            shapes[name] = list((out if isinstance(out, Tensor) else out[0]).shape[1:])

        return hook

    hooks = [module.register_forward_hook(note(name)) for name, module in steps]
    training = network.training
    try:
        where = next(network.parameters()).device
        network.eval()(torch.zeros((1, channels, samples), device=where))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    shapes["map"] = list(network.map)  # the flat output is unfolded to the encoder's last map
    first = {"step": "input", "layers": [], "shape": [channels, samples], "parameters": 0}
    return [first, *(_record(name, module, shapes[name]) for name, module in steps)]


def _steps(network: Autoencoder) -> Iterator[tuple[str, nn.Module]]:
    """The parts of the network in order, named."""
    for name, module in network.named_children():
        if isinstance(module, nn.ModuleList):
            yield from ((f"{name} {place}", block) for place, block in enumerate(module, start=1))
        else:
            yield WORDS[name], module


def _record(name: str, module: nn.Module, shape: list[int]) -> dict[str, Any]:
    parameters = sum(weights.numel() for weights in module.parameters())
    doubled = ["doubled in time"] if name.startswith("decoder") else []
    return {"step": name, "layers": [*doubled, *_layers(module)], "shape": shape, "parameters": parameters}


def _layers(module: nn.Module) -> list[str]:
    """The layers of a step in words, in the order in which they are passed."""
    if isinstance(module, Join):
        return [f"skip, {'added' if module.adds else 'concatenated'}"]
    children = list(module.children())
    if children:
        return [words for child in children for words in _layers(child)]
    words = _words(module)
    return [] if words is None else [words]


def _words(layer: nn.Module) -> str | None:
    """A layer in words; None for one that changes nothing."""
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
    return NAMES.get(type(layer).__name__)
