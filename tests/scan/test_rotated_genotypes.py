"""Genotypes in rotated coordinates: as a product in float64 gives them, by every kernel, with missing calls and dosages."""

from __future__ import annotations

import numpy as np
import pytest

from ecgwas.genotypes import dosages
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.genotypes.readers import pack
from ecgwas.native import compiled
from ecgwas.scan.engine.rotated_genotypes import RotatedGenotypes

PEOPLE, VARIANTS, COLUMNS = 130, 60, 117


@pytest.mark.parametrize("kernel", ["table", "numpy"])
@pytest.mark.parametrize("missing", [0.0, 0.03])
def test_hard_calls_are_rotated_with_missing_calls_at_the_mean(kernel: str, missing: float) -> None:
    if kernel == "table" and not compiled.is_available():
        pytest.skip("the compiled table kernel is not installed")
    rng = np.random.default_rng(4)
    copies = rng.binomial(2, rng.uniform(0.02, 0.98, (VARIANTS, 1)), (VARIANTS, PEOPLE)).astype(float)
    copies[rng.random(copies.shape) < missing] = np.nan
    codes = np.select([np.isnan(copies), copies == 2, copies == 1], [1, 0, 2], 3).astype(np.uint8)
    block = SampleSelector(np.arange(PEOPLE), PEOPLE).select(pack(codes))
    basis = rng.standard_normal((PEOPLE, COLUMNS)).astype(np.float32)
    rotated = RotatedGenotypes(kernel, basis, hard=True).of(block)
    minor = np.where(block.minor_is_other[:, None], 2 - copies, copies)
    expected = np.where(np.isnan(minor), np.nanmean(minor, axis=1)[:, None], minor) @ basis.astype(float)
    assert rotated.dtype == np.float32
    np.testing.assert_allclose(rotated, expected, rtol=1e-4, atol=1e-4)


def test_dosages_are_rotated_too() -> None:
    rng = np.random.default_rng(5)
    given = rng.uniform(0, 2, (VARIANTS, PEOPLE))
    given[rng.random(given.shape) < 0.02] = np.nan
    block = dosages.dosage_block(given)
    basis = rng.standard_normal((PEOPLE, COLUMNS)).astype(np.float32)
    minor = np.where(block.minor_is_other[:, None], 2 - given, given)
    expected = np.where(np.isnan(minor), np.nanmean(minor, axis=1)[:, None], minor) @ basis.astype(float)
    np.testing.assert_allclose(RotatedGenotypes("auto", basis, hard=False).of(block), expected, rtol=1e-4, atol=1e-4)
