"""The torch kernel: on the processor, and on a GPU where there is one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from ecgwas.associate import matrix
from ecgwas.associate.calls import dosages
from ecgwas.associate.engine import gpu
from ecgwas.associate.engine.kernels import NumpyKernel
from ecgwas.tables import ScanResult
from tests.associate import fileset
from tests.associate.fileset import matrix_options
from tests.associate.test_kernels import made

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def columns(people: int, count: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((people, count)).astype(np.float32)


def test_three_parts_are_a_float32_number() -> None:
    numbers = torch.from_numpy(columns(200, 30)) * torch.logspace(-20, 20, 30)
    parts = gpu.split(numbers)
    total = sum(part.to(torch.float64) for part in parts)
    assert torch.equal(total.to(torch.float32), numbers)
    assert all(part.dtype == torch.bfloat16 for part in parts)


@pytest.mark.parametrize("where", DEVICES)
def test_products_are_as_good_as_those_of_float32(where: str) -> None:
    block, numbers = made(500, 64, 3), columns(500, 40)
    exact = block.decoded().astype(np.float64) @ numbers.astype(np.float64)
    found = gpu.TorchKernel(numbers, torch.device(where)).products(block)
    reference = NumpyKernel(numbers).products(block)
    assert np.abs(found - exact).max() <= 4 * np.abs(reference - exact).max() + 1e-6


@pytest.mark.parametrize("where", DEVICES)
def test_threads_do_not_disturb_each_other(where: str) -> None:
    kernel = gpu.TorchKernel(columns(300, 20), torch.device(where))
    blocks = [made(300, 10 + seed, seed) for seed in range(12)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(kernel.products, blocks))
    for found, block in zip(together, blocks, strict=True):
        np.testing.assert_array_equal(found, kernel.products(block))


@pytest.mark.parametrize("where", DEVICES)
def test_dosages(where: str) -> None:
    copies = np.random.default_rng(2).uniform(0, 2, (30, 80))
    copies[3, 4] = np.nan
    block, numbers = dosages.block(copies), columns(80, 7)
    found = gpu.TorchKernel(numbers, torch.device(where)).products(block)
    np.testing.assert_allclose(found, block.decoded() @ numbers, atol=2e-5)


def scanned(stem: Path, folder: Path, kernel: str) -> ScanResult:
    traits, covariates = fileset.tables(tuple(f"p{i}" for i in range(140)), 8, 5, 8)
    options = matrix_options(stem, kernel=kernel, dense=True, keep_neglog10p=1.0)
    return matrix.scan(options, traits, covariates, fileset.opened(options), seed=1, folder=folder)


def test_a_scan_finds_the_same(tmp_path: Path) -> None:
    """What is written has the same bits; every other t is within 1e-5."""
    fileset.write(tmp_path / "cohort", fileset.draw(140, 60, 8, missing=0.06))
    ours = scanned(tmp_path / "cohort", tmp_path / "torch", "torch")
    theirs = scanned(tmp_path / "cohort", tmp_path / "numpy", "numpy")
    assert ours.associations.frame.equals(theirs.associations.frame)
    assert len(ours.associations) > 10
    t = [np.load(tmp_path / name / "beta.npy") / np.load(tmp_path / name / "se.npy") for name in ("torch", "numpy")]
    np.testing.assert_allclose(*t, atol=1e-5, rtol=0)
    assert ours.left_out.frame.equals(theirs.left_out.frame)
