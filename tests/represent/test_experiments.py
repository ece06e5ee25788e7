"""Every study file of examples/experiments is valid and says what its name says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.represent.network import Autoencoder
from ecgwas.study import Fourier, ResidualAutoencoder, Study, Wavelet

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "experiments"
FILES = sorted(FOLDER.glob("*.yaml"))


def test_both_tables_and_all_numbers_of_features_are_there() -> None:
    names = {path.stem for path in FILES}
    for cleaning in ("fft", "dwt"):
        assert {f"{cleaning}_conv_pool_{n}" for n in (200, 100, 64, 48, 24)} | {f"{cleaning}_residual_32"} <= names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_study_file_is_valid_and_builds_its_network(path: Path) -> None:
    study = Study.read_file(path)
    assert study.name == path.stem
    assert study.preset == "published"
    assert isinstance(study.read.denoise, Fourier if path.stem.startswith("fft") else Wavelet)
    (options,) = study.represent
    assert isinstance(options, ResidualAutoencoder)
    assert str(options.features) in path.stem.split("_")
    assert options.block in path.stem
    network = Autoencoder(options, channels=1, samples=256)
    assert network.to_features.out_features == options.features


def test_no_two_experiments_are_the_same() -> None:
    studies = [Study.read_file(path) for path in FILES]
    settings = {(str(study.read.denoise), str(study.represent)) for study in studies}
    assert len(settings) == len(FILES)
