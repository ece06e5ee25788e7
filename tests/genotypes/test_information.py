"""Information of imputed variants: against PLINK 2's MaCH r2, written out for X, and what both engines leave out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ecgwas.genotypes import chromosomes, dosages, variant_filters
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.genotypes.readers import pack
from ecgwas.scan import matrix, plink2
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options, plink2_options
from tests.genotypes.test_readers import draw, run_plink2, write
from tests.scan.test_matrix import agree, lost

PEOPLE = 160


def blurred(seed: int) -> NDArray[np.float32]:
    """(V, N) dosages from sure to all but unknown: each variant's lie some way towards its mean."""
    found = draw(seed)
    towards = np.random.default_rng([seed, 5]).uniform(0, 1, (len(found), 1)).astype(np.float32)
    mean = np.where(found < 0, np.nan, found)
    pulled = found + towards * (np.nanmean(mean, axis=1, keepdims=True) - found)
    return np.where(found < 0, found, np.round(pulled * 16384) / 16384).astype(np.float32)


def block_of(found: NDArray[np.float32]) -> dosages.DosageBlock:
    return dosages.dosage_block(np.where(found < 0, np.nan, found).astype(np.float64))


@pytest.mark.plink2
def test_information_is_plinks_mach_r2(tmp_path: Path) -> None:
    found = blurred(1)
    write(tmp_path / "cohort", found)
    run_plink2("--pfile", "cohort", "--freq", "cols=+machr2", "--out", "cohort", folder=tmp_path)
    table = pl.read_csv(tmp_path / "cohort.afreq", separator="\t", null_values=["nan", "NA"])
    ours = variant_filters.imputation_quality(block_of(found))
    varies = np.isfinite(ours)
    assert varies.sum() > 40
    np.testing.assert_allclose(ours[varies], table["MACH_R2"].to_numpy()[varies], rtol=1e-5, atol=1e-6)


def test_true_genotypes_on_x_have_information_one() -> None:
    rng = np.random.default_rng(2)
    men = np.arange(20_000) % 2 == 0
    share = np.array([[0.1], [0.3], [0.5]])
    copies = np.where(men, 2 * rng.binomial(1, share, (3, len(men))), rng.binomial(2, share, (3, len(men)))).astype(float)
    copies[:, 5] = 1.25  # A dosage, so that it is no set of hard calls.
    whole, males = dosages.dosage_block(copies), dosages.dosage_block(copies[:, men])
    np.testing.assert_allclose(variant_filters.imputation_quality(whole, males), 1.0, atol=0.03)
    np.testing.assert_allclose(variant_filters.imputation_quality(males, haploid=True), 1.0, atol=0.03)
    np.testing.assert_allclose(variant_filters.imputation_quality(dosages.dosage_block(copies[:, ~men])), 1.0, atol=0.03)


def test_hard_calls_tell_nothing_of_information() -> None:
    rng = np.random.default_rng(3)
    packed = pack(rng.integers(0, 4, (5, PEOPLE)).astype(np.uint8))
    whole = SampleSelector(np.arange(PEOPLE), PEOPLE).select(packed)
    assert np.isnan(variant_filters.imputation_quality(whole)).all()
    stated = np.array([0.2, 0.4, np.nan, 0.31, 0.29])
    judged = variant_filters.poorly_imputed(matrix_options(Path("none"), min_info=0.3), whole, stated=stated)
    assert judged.tolist() == [True, False, False, False, True]


@pytest.mark.plink2
@pytest.mark.parametrize(("chrom", "sexes"), [("1", "12"), ("X", "12")])
def test_both_engines_leave_out_what_is_imputed_badly(tmp_path: Path, chrom: str, sexes: str) -> None:
    found = blurred(4)
    men = np.arange(PEOPLE) % 2 == 0
    if chrom == "X":
        found[:, men] = np.where(found[:, men] < 0, -9, 2 * (found[:, men] > 1))
    eids = write(tmp_path / "cohort", found, chrom=chrom, sexes=sexes)
    traits, covariates = fileset.tables(eids, 3, 2, 1)
    ours, theirs = (make(tmp_path / "cohort", min_info=0.4) for make in (matrix_options, plink2_options))
    part = fileset.opened(ours)
    first = matrix.scan(ours, traits, covariates, part, seed=1)
    second = plink2.scan(theirs, traits, covariates, part, seed=1)
    agree(first, second)
    assert lost(first) == lost(second)
    gone = set(first.left_out.frame.filter(pl.col("reason") == "info")["variant"])
    block = block_of(found)
    low = variant_filters.imputation_quality(block, block_of(found[:, men]) if chrom == "X" else None) < 0.4
    assert gone == {f"v{i}" for i in np.flatnonzero(low)}
    assert len(gone) >= 3


@pytest.mark.plink2
@pytest.mark.parametrize("key", ["R2", "DR2", "INFO"])
def test_what_the_pvar_states_counts_for_hard_calls_too(tmp_path: Path, key: str) -> None:
    eids = fileset.write(tmp_path / "cohort", fileset.draw(200, 30, 5))
    run_plink2("--bfile", "cohort", "--make-pgen", "--out", "cohort", folder=tmp_path)
    lines = (tmp_path / "cohort.pvar").read_text().splitlines()
    stated = ["IMPUTED;ER2=0.01" if j % 3 == 0 else f"AF=0.1;{key}={0.2 if j % 3 == 1 else 0.93};TYPED" for j in range(30)]
    head = [f"{lines[0]}\tINFO"]
    rows = [f"{line}\t{info}" for line, info in zip(lines[1:], stated, strict=True)]
    (tmp_path / "cohort.pvar").write_text("\n".join([*head, *rows]) + "\n")
    stem = tmp_path / "cohort.pgen"
    traits, covariates = fileset.tables(eids, 3, 2, 1)
    ours, theirs = matrix_options(stem, min_info=0.3), plink2_options(stem, min_info=0.3)
    part = chromosomes.open_chromosome(ours, "1")
    assert part.hard_calls_only
    assert part.is_imputed
    assert np.isnan(part.file_info[0])
    found = matrix.scan(ours, traits, covariates, part, seed=1)
    assert set(found.left_out.frame["variant"]) == {f"v{j}" for j in range(1, 30, 3)}
    assert set(found.left_out.frame["reason"]) == {"info"}
    assert lost(found) == lost(plink2.scan(theirs, traits, covariates, part, seed=1))
