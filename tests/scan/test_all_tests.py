from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas.scan import matrix
from ecgwas.scan.engine import all_tests
from ecgwas.tables import ScanResult
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options

PEOPLE, VARIANTS, TRAITS = 120, 70, 6


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    dosage = fileset.draw(PEOPLE, VARIANTS, 3, missing=0.05)
    dosage[:, 8] = 0
    fileset.write(tmp_path / "cohort", dosage)
    return tmp_path / "cohort"


def scanned(stem: Path, folder: Path | None, **more: object) -> ScanResult:
    traits, covariates = fileset.tables(tuple(f"p{i}" for i in range(PEOPLE)), TRAITS, 4, 3)
    traits.values[:30, 2] = np.nan
    traits.values[5:9, 4] = np.nan
    options = matrix_options(stem, dense=True, **more)
    return matrix.scan(options, traits, covariates, fileset.opened(options), seed=1, folder=folder)


@pytest.mark.parametrize("more", [{}, {"block": 9, "threads": 2}, {"missing": "mean"}, {"min_mac": 25}])
def test_every_test_is_kept(stem: Path, tmp_path: Path, more: dict[str, object]) -> None:
    """Not those of small p only, and the same as those that are written when all are."""
    scanned(stem, tmp_path / "dense", keep_neglog10p=2.0, **more)
    every = scanned(stem, None, keep_neglog10p=0.0, **more).associations.frame
    assert all_tests.traits(tmp_path / "dense") == [f"made.{'I' if k % 2 else 'II'}.f{k}" for k in range(TRAITS)]
    for trait in all_tests.traits(tmp_path / "dense"):
        found, expected = all_tests.rows(tmp_path / "dense", trait).frame, every.filter(pl.col("trait") == trait)
        assert found.select(expected.columns[:6]).equals(expected.select(expected.columns[:6]))
        assert found["n"].equals(expected["n"])
        np.testing.assert_allclose(found["eaf"], expected["eaf"], rtol=1e-6)
        np.testing.assert_allclose(found["t"], expected["t"], rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(found["se"], expected["se"], rtol=2e-6)
        np.testing.assert_allclose(found["neglog10p"], expected["neglog10p"], rtol=1e-4, atol=1e-5)


def test_tests_that_are_written_are_rounded_from_float64(stem: Path, tmp_path: Path) -> None:
    kept = scanned(stem, tmp_path / "dense", keep_neglog10p=1.0).associations.frame
    assert len(kept) > 5
    for row in kept.iter_rows(named=True):
        every = all_tests.rows(tmp_path / "dense", row["trait"]).frame
        found = every.row(by_predicate=pl.col("variant") == row["variant"], named=True)
        assert found["beta"] == np.float32(row["beta"])
        assert found["se"] == np.float32(row["se"])


def test_what_is_not_tested_is_not_there(stem: Path, tmp_path: Path) -> None:
    result = scanned(stem, tmp_path / "dense", block=10)
    beta = np.load(tmp_path / "dense" / "beta.npy", mmap_mode="r")
    assert beta.shape == (VARIANTS, TRAITS)
    assert np.isnan(beta[8]).all()
    np.testing.assert_array_equal((~np.isnan(beta)).sum(axis=0), result.tests)


def test_without_a_folder_nothing_is_kept(stem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is written, no array of every test is made, and the rows are those of a scan that keeps every test."""
    kept = scanned(stem, tmp_path / "dense").associations.frame
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(all_tests, "empty", lambda *args, **more: pytest.fail("arrays of every test were made"))
    assert scanned(stem, None).associations.frame.equals(kept)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_same_bytes_again(stem: Path, tmp_path: Path) -> None:
    scanned(stem, tmp_path / "once", threads=2, block=16)
    scanned(stem, tmp_path / "again", block=16)
    for path in (tmp_path / "once").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
