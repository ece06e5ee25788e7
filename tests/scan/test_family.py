"""The built-in engine with families: GEMMA's rows, no row lost, calibrated thresholds, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from ecgwas.errors import InputError, StudyError
from ecgwas.genotypes import chromosomes, dosages
from ecgwas.scan import family, matrix
from ecgwas.scan.block_scan import Scanner
from ecgwas.scan.engine.samples import assemble, groups
from ecgwas.scan.permutation.max_t_family import FamilyShuffles
from ecgwas.study.scan import Matrix
from ecgwas.tables import Covariates, ScanResult, Traits
from tests.mixed import families, gemma

PEOPLE = 160
NAMES = tuple(f"pca.{'I' if k % 2 else 'II'}.f{k}" for k in range(4))


def options(stem: Path, **more: object) -> Matrix:
    given = {"genotypes": stem, "relatives": "family", "kinship": stem.with_suffix(".kin0"), "permutations": 0, "threads": 1,
             "min_hwe_p": 0.0, "min_call_rate": 0.0, "chromosomes": ("1", "2", "3", "4")}  # fmt: skip
    return Matrix.model_validate(given | more)


def listed(stem: Path, pairs: list[tuple[int, int]], seed: int = 3) -> NDArray[np.float64]:
    """Writes a list of siblings with estimates of their kinship, and returns the relationship (N, N)."""
    rng = np.random.default_rng(seed)
    g = np.eye(max(PEOPLE, 1 + max((max(pair) for pair in pairs), default=0)))
    lines = ["#FID1\tIID1\tFID2\tIID2\tNSNP\tHETHET\tIBS0\tKINSHIP"]
    for i, j in pairs:
        kinship = round(float(rng.normal(0.25, 0.02)), 6)
        g[i, j] = g[j, i] = 2 * kinship
        lines.append(f"f{j}\tp{j}\tf{i}\tp{i}\t900\t0.1\t0.01\t{kinship}")
    rng.shuffle(lines[1:])
    stem.with_suffix(".kin0").write_text("\n".join(lines) + "\n")
    return g


def cohort(stem: Path, *, chromosome: NDArray[np.int64] | None = None) -> tuple[Traits, Covariates, NDArray[np.float64]]:
    """Families with missing calls and a trait that some lack; people in another order than the .fam; their relationship."""
    made = families.draw(PEOPLE, 1600, related=0.7, seed=2)
    values = families.polygenic(made.copies, np.array([0.0, 0.2, 0.5, 0.8]), 1)
    values[5:17, 2] = np.nan
    rng = np.random.default_rng(6)
    copies = made.copies.copy()
    copies[rng.random(copies.shape) < 0.005] = -127
    gemma.fileset(stem, copies, values, made.chromosome if chromosome is None else chromosome)
    order = rng.permutation(PEOPLE)
    eids = tuple(f"p{i}" for i in order)
    g = listed(stem, families.siblings(PEOPLE, 0.7))
    return Traits(eids, NAMES, values[order]), Covariates(eids, ("a", "b"), rng.standard_normal((PEOPLE, 2))), g


def scanned(made: Matrix, traits: Traits, covariates: Covariates, chrom: str = "1", seed: int = 1) -> ScanResult:
    return matrix.scan(made, traits, covariates, chromosomes.open_chromosome(made, chrom), seed=seed)


@pytest.mark.gemma
def test_rows_are_those_of_gemma_with_the_same_relationship(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    traits, covariates, g = cohort(stem)
    assert np.linalg.eigvalsh(g).min() > 0
    rows = scanned(options(stem, keep_neglog10p=0.0), traits, covariates).associations.frame
    design = np.column_stack([np.ones(PEOPLE), covariates.values[np.argsort([int(eid[1:]) for eid in covariates.eids])]])
    for k, name in enumerate(NAMES):
        theirs, _ = gemma.wald(stem, g, design, k)
        both = rows.filter(pl.col("trait") == name).join(theirs.rename({"rs": "variant"}), on="variant", suffix="_gemma")
        assert both.height > 300
        sign = np.where(both["effect_allele"] == both["allele1"], 1, -1)
        np.testing.assert_allclose(both["se"], both["se_gemma"], rtol=1e-5)
        np.testing.assert_allclose(both["beta"], sign * both["beta_gemma"], rtol=1e-5, atol=1e-6)
        ours, chi2 = np.square(both["t"].to_numpy()), np.square((both["beta_gemma"] / both["se_gemma"]).to_numpy())
        np.testing.assert_allclose(ours[chi2 > 1], chi2[chi2 > 1], rtol=1e-5)
        strong = both.filter(pl.col("neglog10p") > 1)
        np.testing.assert_allclose(strong["neglog10p"], -strong["p_wald"].log10(), rtol=2e-5)
        assert set(both["n"]) == {PEOPLE - 12 if k == 2 else PEOPLE}


def test_the_screen_loses_no_row(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    traits, covariates, _ = cohort(stem)
    exact = scanned(options(stem, keep_neglog10p=0.0), traits, covariates)
    kept = scanned(options(stem, keep_neglog10p=1.5), traits, covariates)
    assert kept.associations.frame.height > 20
    assert kept.associations.frame.equals(exact.associations.frame.filter(pl.col("neglog10p") >= 1.5))
    np.testing.assert_array_equal(kept.chi2_counts, exact.chi2_counts)
    np.testing.assert_array_equal(kept.chi2_counts.sum(axis=1), kept.tests)


def test_neither_blocks_nor_threads_nor_kernels_change_a_row(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    traits, covariates, _ = cohort(stem)
    more = {"keep_neglog10p": 1.0, "permutations": 20}
    usual = scanned(options(stem, **more), traits, covariates)
    for changed, differs in (({"block": 37, "threads": 3}, 0.0), ({"block": 5}, 0.0), ({"kernel": "numpy"}, 1e-5)):
        other = scanned(options(stem, **more, **changed), traits, covariates)
        assert usual.associations.frame.equals(other.associations.frame)
        assert usual.left_out.frame.equals(other.left_out.frame)
        np.testing.assert_allclose(usual.permutation_max, other.permutation_max, rtol=0, atol=differs)
        np.testing.assert_array_equal(usual.tests, other.tests)
