"""GEMMA gives the same ratio of variances, effects and errors, with the same relationship of the other chromosomes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bed_reader import open_bed
from numpy.typing import NDArray

from ecgwas.mixed import variant_tests
from ecgwas.mixed.relationship import relationship
from ecgwas.mixed.rotation import rotation
from ecgwas.statistics.projection import span
from tests.mixed import families, gemma

pytestmark = pytest.mark.gemma


def agree(
    folder: Path, copies: NDArray[np.int8], chromosome: NDArray[np.int64], traits: NDArray[np.float64],
    covariates: NDArray[np.float64], left_out: int,
) -> None:  # fmt: skip
    """Every test of one chromosome; numbers as far as GEMMA prints them, ratios as far as it finds them."""
    stem = folder / "cohort"
    here = np.flatnonzero(chromosome == left_out)
    called = np.where(copies < 0, np.nan, copies.astype(float)).T
    g = relationship(len(copies), [called[chromosome != left_out]])
    gemma.fileset(stem, np.ascontiguousarray(copies[:, here]), traits, chromosome[here])
    for k in range(traits.shape[1]):
        theirs, _ = gemma.wald(stem, g, np.column_stack([np.ones(len(copies)), covariates]), k)
        present = ~np.isnan(traits[:, k])
        tested = called[here[[int(name[1:]) for name in theirs["rs"]]]][:, present]
        filled = np.where(np.isnan(tested), np.nanmean(tested, axis=1)[:, None], tested)
        turned = rotation(g[np.ix_(present, present)], span(covariates[present]))
        rotated = variant_tests.rotated(turned, traits[present, k : k + 1])
        variant = np.arange(len(filled))
        ours = variant_tests.exact(variant_tests.rotate(filled, turned), variant, np.zeros_like(variant), rotated)
        sign = np.where(theirs["allele1"].to_numpy() == "G", 1, -1)
        beta, se, ratio = (theirs[name].to_numpy() for name in ("beta", "se", "l_remle"))
        scale = np.nanmedian(se)
        np.testing.assert_allclose(ours.beta * sign, beta, rtol=1e-5, atol=1e-5 * scale)
        np.testing.assert_allclose(ours.se, se, rtol=1e-5)
        strong = np.square(beta / se) > 1
        assert strong.sum() > 20
        np.testing.assert_allclose(np.square(ours.beta / ours.se)[strong], np.square(beta / se)[strong], rtol=1e-5)
        np.testing.assert_allclose(ours.lambdas, ratio, rtol=5e-5)


def test_gemma_gives_the_same_in_families(tmp_path: Path) -> None:
    cohort = families.draw(240, 900, related=0.7, seed=2)
    traits = families.polygenic(cohort.copies, np.array([0.0, 0.3, 0.8]), 1)
    traits[3:20, 2] = np.nan
    copies = cohort.copies.copy()
    rng = np.random.default_rng(3)
    copies[rng.random(copies.shape) < 0.02] = -127
    agree(tmp_path, copies, cohort.chromosome, traits, rng.standard_normal((240, 2)), 1)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("left_out", [1, 4])
def test_gemma_gives_the_same_in_mice(tmp_path: Path, shared: Path, left_out: int) -> None:
    stem = shared / "data" / "genotypes" / "mice" / "mice"
    bed = open_bed(f"{stem}.bed")
    trait = np.genfromtxt(f"{stem}.pheno", usecols=2)
    sex = bed.sex.astype(float)[:, None] if np.ptp(bed.sex) else np.empty((len(trait), 0))
    agree(tmp_path, bed.read(dtype="int8"), bed.chromosome.astype(int), trait[:, None], sex, left_out)
