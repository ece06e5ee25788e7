"""The torch kernel: on the processor, and on a GPU where there is one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from ecgwas.genotypes import dosages
from ecgwas.scan import matrix
from ecgwas.scan.engine import cuda_kernel
from ecgwas.scan.engine.backends import cuda_backend
from ecgwas.scan.engine.backends.cuda_backend import CudaBackend
from ecgwas.scan.engine.backends.numpy_backend import NumpyBackend
from ecgwas.scan.engine.kernels import NumpyKernel
from ecgwas.statistics.least_squares import design
from ecgwas.statistics.projection import span
from ecgwas.tables import ScanResult
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options
from tests.native.test_kernels import made

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def columns(people: int, count: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((people, count)).astype(np.float32)


def test_three_parts_are_a_float32_number() -> None:
    numbers = torch.from_numpy(columns(200, 30)) * torch.logspace(-20, 20, 30)
    parts = cuda_kernel.split(numbers)
    total = sum(part.to(torch.float64) for part in parts)
    assert torch.equal(total.to(torch.float32), numbers)
    assert all(part.dtype == torch.bfloat16 for part in parts)


@pytest.mark.parametrize("where", DEVICES)
def test_products_are_as_good_as_those_of_float32(where: str) -> None:
    block, numbers = made(500, 64, 3), columns(500, 40)
    exact = block.minor_copies().astype(np.float64) @ numbers.astype(np.float64)
    found = cuda_kernel.TorchKernel(numbers, torch.device(where)).products(block)
    reference = NumpyKernel(numbers).products(block)
    assert np.abs(found - exact).max() <= 4 * np.abs(reference - exact).max() + 1e-6


@pytest.mark.parametrize("where", DEVICES)
def test_threads_do_not_disturb_each_other(where: str) -> None:
    kernel = cuda_kernel.TorchKernel(columns(300, 20), torch.device(where))
    blocks = [made(300, 10 + seed, seed) for seed in range(12)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(kernel.products, blocks))
    for found, block in zip(together, blocks, strict=True):
        np.testing.assert_array_equal(found, kernel.products(block))


@pytest.mark.parametrize("where", DEVICES)
def test_dosages(where: str) -> None:
    copies = np.random.default_rng(2).uniform(0, 2, (30, 80))
    copies[3, 4] = np.nan
    block, numbers = dosages.dosage_block(copies), columns(80, 7)
    found = cuda_kernel.TorchKernel(numbers, torch.device(where)).products(block)
    np.testing.assert_allclose(found, block.minor_copies() @ numbers, atol=2e-5)


PEOPLE = tuple(f"p{i}" for i in range(140))


def scanned(stem: Path, kernel: str, folder: Path | None = None, *, lacking: bool = False, **more: object) -> ScanResult:
    """lacking: some traits lack some people."""
    traits, covariates = fileset.tables(PEOPLE, 8, 5, 8)
    if lacking:
        traits.values[:30, 2:4] = np.nan
    options = matrix_options(stem, kernel=kernel, dense=folder is not None, **{"keep_neglog10p": 1.0, "threads": 2} | more)
    return matrix.scan(options, traits, covariates, fileset.opened(options), seed=1, folder=folder)


def assert_found_alike(ours: ScanResult, theirs: ScanResult) -> None:
    """What is written has the same bits, and no more tests are in another bin of a histogram than rounding puts there."""
    assert ours.associations.frame.equals(theirs.associations.frame)
    assert len(ours.associations) > 10
    assert ours.left_out.frame.equals(theirs.left_out.frame)
    np.testing.assert_array_equal(ours.tests, theirs.tests)
    np.testing.assert_array_equal(ours.chi2_counts.sum(axis=1), theirs.chi2_counts.sum(axis=1))
    apart = np.abs(np.cumsum(ours.chi2_counts - theirs.chi2_counts, axis=1))
    assert apart.max() <= 1
    assert (apart > 0).mean() < 1e-3


@pytest.mark.parametrize("missing", [0.0, 0.02, 0.06, 0.4])
@pytest.mark.parametrize("lacking", [False, True])
def test_a_scan_on_the_device_finds_the_same(tmp_path: Path, missing: float, lacking: bool) -> None:
    """With fewer and with more missing calls than covariates."""
    fileset.write(tmp_path / "cohort", fileset.draw(140, 300, 8, missing=missing))
    ours, theirs = (scanned(tmp_path / "cohort", kernel, lacking=lacking, block=64) for kernel in ("torch", "numpy"))
    assert_found_alike(ours, theirs)


def test_what_plink_does_not_compute_is_not_computed_there_either(tmp_path: Path) -> None:
    """Constant genotypes, one that is a covariate, and one whose calls leave a covariate without variance."""
    drawn = fileset.draw(140, 60, 8)
    traits, covariates = fileset.tables(PEOPLE, 8, 5, 8)
    place = {eid: i for i, eid in enumerate(covariates.eids)}
    rare = np.zeros(140)
    rare[[3, 5]] = 1.0
    drawn[:, 10], drawn[:, 20] = 0, np.arange(140) % 3
    drawn[[3, 5], 30] = fileset.NO_CALL
    order = [place[eid] for eid in PEOPLE]
    covariates.values[order, 0], covariates.values[order, 1] = np.arange(140) % 3, rare
    fileset.write(tmp_path / "cohort", drawn)
    found = []
    for kernel in ("torch", "numpy"):
        options = matrix_options(tmp_path / "cohort", kernel=kernel, keep_neglog10p=1.0)
        found.append(matrix.scan(options, traits, covariates, fileset.opened(options), seed=1))
    assert_found_alike(*found)
    assert set(found[0].left_out.frame["variant"]) == {"v10", "v20", "v30"}


@pytest.mark.parametrize("where", DEVICES)
def test_room_for_few_variants_changes_nothing(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    made_design = design(span(rng.standard_normal((300, 4))), rng.standard_normal((300, 12)))
    columns = np.hstack([made_design.traits, made_design.basis[:, 1:]]).astype(np.float32)
    kernel = cuda_kernel.TorchKernel(columns, torch.device(where))
    backend = CudaBackend(made_design, kernel, NumpyBackend(made_design, kernel, fill_with_mean=False))
    block = made(300, 50, 5)
    wide = backend.sums(block)
    monkeypatch.setattr(cuda_backend, "GATHERED_BYTES", 5_000)
    monkeypatch.setattr(cuda_kernel, "DECODED_BYTES", 5_000)
    narrow = backend.sums(block)
    assert wide.trait_ss is not None
    assert narrow.trait_ss is not None
    torch.testing.assert_close(wide.cross_product, narrow.cross_product, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(wide.trait_ss, narrow.trait_ss, atol=1e-6, rtol=0)
    np.testing.assert_allclose(wide.genotype_ss, narrow.genotype_ss, rtol=1e-6)


def test_a_scan_finds_the_same_in_every_test(tmp_path: Path) -> None:
    """What is written has the same bits; every other t is within 1e-5."""
    fileset.write(tmp_path / "cohort", fileset.draw(140, 60, 8, missing=0.06))
    ours = scanned(tmp_path / "cohort", "torch", tmp_path / "torch")
    theirs = scanned(tmp_path / "cohort", "numpy", tmp_path / "numpy")
    assert ours.associations.frame.equals(theirs.associations.frame)
    assert len(ours.associations) > 10
    t = [np.load(tmp_path / name / "beta.npy") / np.load(tmp_path / name / "se.npy") for name in ("torch", "numpy")]
    np.testing.assert_allclose(*t, atol=1e-5, rtol=0)
    assert ours.left_out.frame.equals(theirs.left_out.frame)
