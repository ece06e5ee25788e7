"""The ten study files of examples/experiments hold the values of the study's two tables, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecgwas.represent.neural.network import Autoencoder
from ecgwas.study import Fourier, ResidualAutoencoder, Study, Wavelet

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "experiments"

TABLE_1 = {"normalisation": "none", "block": "conv_pool", "l2": 1e-3, "dropout": 0.0}
"""Phase 1: cleaned by FFT, L2 0.001, no normalisation, [Conv + BN + MaxPool]."""
TABLE_2 = {"skip": "encoder_and_decoder", "skip_merge": "add", "activation": "leaky_relu", "l2": 1e-4, "epochs": 100}
RESIDUAL = {"block": "residual", "kernels": (7, 7, 7), "channels": (32, 64, 128)}
ROWS: dict[str, dict[str, Any]] = {
    "table1_row1": TABLE_1 | {"features": 200, "skip": "none", "activation": "relu", "kernels": (7, 7, 5, 5, 3, 3),
                              "channels": (32, 32, 16, 16, 8, 4)},
    "table1_row2": TABLE_1 | {"features": 100, "skip": "none", "activation": "tanh", "kernels": (7, 5, 3, 3),
                              "channels": (32, 16, 8, 4)},
    "table1_row3": TABLE_1 | {"features": 100, "skip": "encoder_to_decoder", "skip_merge": "add", "activation": "leaky_relu",
                              "kernels": (9, 7, 5, 3, 2), "channels": (32, 16, 8, 4, 2)},
    "table1_row4": TABLE_1 | {"features": 48, "skip": "encoder_to_decoder", "skip_merge": "add", "activation": "leaky_relu",
                              "kernels": (9, 7, 5, 3, 2), "channels": (32, 16, 8, 4, 2)},
    "table1_row5": TABLE_1 | {"features": 24, "skip": "encoder_to_decoder", "skip_merge": "add", "activation": "tanh",
                              "kernels": (9, 7, 5, 3), "channels": (32, 16, 8, 4)},
    "table2_row1": TABLE_2 | RESIDUAL | {"features": 32, "normalisation": "none", "dropout": 0.0},
    "table2_row2": TABLE_2 | RESIDUAL | {"features": 32, "normalisation": "per_signal", "dropout": 0.0},
    "table2_row3": TABLE_2 | {"features": 64, "normalisation": "per_signal", "skip_merge": "concatenate", "block": "conv_pool",
                              "kernels": (9, 7, 5, 3, 3), "channels": (32, 16, 8, 4, 2), "epochs": 45, "dropout": 0.0},
    "table2_row4": TABLE_2 | RESIDUAL | {"features": 32, "normalisation": "global", "skip": "encoder", "dropout": 0.2,
                                         "max_mse": 0.4},
    "table2_row5": TABLE_2 | RESIDUAL | {"features": 32, "normalisation": "none", "dropout": 0.2},
}  # fmt: skip
"""From the study's tables; what a row does not give is not listed."""


def network_of(name: str) -> tuple[Study, ResidualAutoencoder]:
    study = Study.read_file(FOLDER / f"{name}.yaml")
    (options,) = study.represent
    assert isinstance(options, ResidualAutoencoder)
    return study, options


def test_there_is_one_file_per_row_and_no_other() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_file_holds_every_value_of_its_row(name: str) -> None:
    study, options = network_of(name)
    assert {key: getattr(options, key) for key in ROWS[name]} == ROWS[name]
    assert (study.name, study.preset) == (name, "published")
    assert isinstance(study.read.denoise, Fourier if name.startswith("table1") else Wavelet)
    assert (options.input, options.leads, options.batch, options.learning_rate) == ("strip", "each", 32, 1e-3)
    assert (options.patience, options.halve_after, options.l1) == (10, 5, 0)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_builds_its_network_on_strips_of_one_lead(name: str) -> None:
    _, options = network_of(name)
    network = Autoencoder(options, channels=1, samples=5000)
    assert network.to_features.out_features == options.features
    assert len(network.encoder) == len(options.channels) == len(options.kernels)


def test_the_chosen_network_is_the_presets_own(tmp_path: Path) -> None:
    _, options = network_of("table2_row4")
    path = tmp_path / "study.yaml"
    path.write_text(MINIMAL)
    assert Study.read_file(path).represent == (options,)


MINIMAL = "name: s\npreset: published\nread: {recordings: ecg}\ntraits: {covariates: c.tsv}\nscan: {genotypes: g}\n"


@pytest.mark.parametrize("entry", ["{name: ae, epochs: 2}", "{kind: residual_autoencoder, epochs: 2}",
                                   "{kind: residual_autoencoder, name: ae, epochs: 2}"])  # fmt: skip
def test_one_option_of_the_presets_network_changes_that_option_alone(tmp_path: Path, entry: str) -> None:
    _, chosen = network_of("table2_row4")
    path = tmp_path / "study.yaml"
    path.write_text(MINIMAL + f"represent: [{entry}]\n")
    assert Study.read_file(path).represent == (chosen.model_copy(update={"epochs": 2}),)


def test_another_name_has_the_values_of_its_kind_and_another_kind_its_own(tmp_path: Path) -> None:
    _, chosen = network_of("table2_row4")
    path = tmp_path / "study.yaml"
    path.write_text(
        MINIMAL + "represent: [{kind: residual_autoencoder, name: wide, features: 64},\n"
        "  {kind: pca, name: m, input: strip, leads: each}]\n"
    )
    wide, measured = Study.read_file(path).represent
    assert wide == chosen.model_copy(update={"name": "wide", "features": 64})
    assert (measured.kind, measured.max_mse) == ("pca", None)
