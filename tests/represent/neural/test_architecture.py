"""The saved description of a network beside its parameters, and shapes worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ecgwas import represent
from ecgwas.represent.neural.architecture import architecture
from ecgwas.represent.neural.network import Autoencoder
from ecgwas.study import ResidualAutoencoder
from tests.factories import make_signals


def network(**given: Any) -> Autoencoder:
    return Autoencoder(ResidualAutoencoder.model_validate({"name": "ae", "input": "strip"} | given), 1, 5000)


def test_the_published_network_has_the_shapes_of_the_study() -> None:
    steps = architecture(network(leaky_slope=0.3), 1, 5000)
    assert [(step["step"], step["shape"]) for step in steps] == [
        ("input", [1, 5000]), ("encoder 1", [32, 2500]), ("encoder 2", [64, 1250]), ("encoder 3", [128, 625]),
        ("features", [32]), ("map", [128, 625]), ("decoder 1", [128, 1250]), ("decoder 2", [64, 2500]),
        ("decoder 3", [32, 5000]), ("output", [1, 5000]),
    ]  # fmt: skip
    assert steps[1]["layers"] == [
        "conv 7, stride 2", "batch norm", "LeakyReLU 0.3", "conv 7", "batch norm", "skip, added", "LeakyReLU 0.3", "dropout 0.2"
    ]  # fmt: skip
    assert steps[4]["layers"] == ["dense 80,000"]
    assert steps[6]["layers"] == ["doubled in time", "conv 7", "batch norm", "LeakyReLU 0.3", "dropout 0.2"]
    assert sum(step["parameters"] for step in steps) == 5_621_569


@pytest.mark.parametrize(
    "given",
    [
        {"block": "conv_pool", "kernels": [9, 7, 5, 3, 2], "channels": [32, 16, 8, 4, 2], "skip": "encoder_to_decoder"},
        {"skip": "encoder_and_decoder", "skip_merge": "concatenate", "channels": [4, 8]},
        {"channels": [4], "kernels": [1], "activation": "tanh", "dropout": 0.0, "skip": "none"},
        {"channels": [3, 5, 7, 9], "kernels": [4], "block": "conv_pool", "skip": "none", "activation": "relu"},
    ],
)
def test_every_choice_is_described_as_it_is(given: dict[str, Any]) -> None:
    made = network(**({"kernels": [7]} | given))
    steps = architecture(made, 1, 5000)
    assert sum(step["parameters"] for step in steps) == sum(weights.numel() for weights in made.parameters())
    assert steps[-1]["shape"] == [1, 5000]
    widths = [step["shape"][0] for step in steps if step["step"].startswith("encoder")]
    doubled = 2 if given.get("skip_merge") == "concatenate" else 1
    assert widths == [doubled * width for width in given["channels"]]
    words = [layer for step in steps for layer in step["layers"]]
    kernels = made.encoder[0].body[0].kernel_size[0], made.encoder[-1].body[0].kernel_size[0]
    assert all(any(layer.startswith(f"conv {kernel}") for layer in words) for kernel in kernels)
    assert ("dropout 0.2" in words) == (given.get("dropout") != 0.0)
    assert any(layer.startswith("skip") for layer in words) == (given["skip"] != "none")
    assert any(layer == "max pool 2" for layer in words) == (given.get("block") == "conv_pool")


def test_describing_changes_nothing() -> None:
    made = network(channels=[4], kernels=[3]).train()
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    architecture(made, 1, 5000)
    assert made.training
    assert all(torch.equal(before[name], tensor) for name, tensor in made.state_dict().items())
    assert not any(module._forward_hooks for module in made.modules())


def test_an_encoder_saves_its_architecture(tmp_path: Path) -> None:
    options = ResidualAutoencoder(name="ae", channels=(4, 8), kernels=(5,), features=6, epochs=1)
    represent.fit(options, make_signals(12, seed=3), seed=1).save(tmp_path)
    saved = json.loads((tmp_path / "encoder.json").read_text())["architecture"]
    assert [step["shape"] for step in saved][:4] == [[1, 475], [4, 238], [8, 119], [6]]
