"""Which variants are judged exactly: the quick bound never misses one that the formulas would find."""

from __future__ import annotations

import numpy as np
import pytest

from ecgwas.genotypes.packed import SampleSelector
from ecgwas.genotypes.readers import pack
from ecgwas.scan.engine.plink2_checks import Plink2Checks
from tests.native.test_kernels import bed_codes


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 1.0])
@pytest.mark.parametrize("doubled", [False, True])
def test_the_bound_covers_every_correlation_and_factor(noise: float, doubled: bool) -> None:
    """Covariates near a genotype and, doubled, near each other."""
    rng, people = np.random.default_rng(5), 400
    block = SampleSelector(np.arange(people), people).select(pack(bed_codes(people, 60, 3)))
    covariates = rng.standard_normal((people, 6))
    covariates[:, 0] = block.minor_copies_of(7) + noise * rng.standard_normal(people)
    covariates[:, 1] += 5 * block.minor_copies_of(11) + noise * covariates[:, 3]
    if doubled:
        covariates[:, 5] = covariates[:, 4] + 0.2 * rng.standard_normal(people)
    basis = np.linalg.qr(np.column_stack([np.ones(people), covariates]))[0]
    rules, projection = Plink2Checks(basis, covariates), block.minor_copies().astype(np.float64) @ basis
    genotype_ss = block.raw_ss - (projection**2).sum(axis=1)
    projected_ss, rest = (projection[:, 1:] ** 2).sum(axis=1), np.maximum(genotype_ss, 1e-12)
    each = rules._each(block, projection[:, 1:], rest)
    assert not (each & ~rules._near(block, projected_ss, lambda some: projection[some, 1:], genotype_ss)).any()
    assert each[7] or noise > 0.02
    assert doubled or not each.all()
