from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ecgwas.associate.calls import filters
from ecgwas.associate.calls.codes import Chooser
from tests.associate import fileset
from tests.associate.fileset import NO_CALL, matrix_options


def hardy(stem: Path, ending: str) -> pl.DataFrame:
    arguments = ["plink2", "--bfile", str(stem), "--hardy", "midp", "--out", str(stem)]
    subprocess.run(arguments, check=True, capture_output=True)
    return pl.read_csv(f"{stem}.hardy{ending}", separator="\t", schema_overrides={"#CHROM": pl.String})


@pytest.mark.plink2
def test_mid_p_is_plinks(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    fileset.write(tmp_path / "cohort", rng.choice(3, (150, 60), p=[0.6, 0.2, 0.2]).astype(np.int8))
    table = hardy(tmp_path / "cohort", "")
    counts = table.select("HET_A1_CT", "HOM_A1_CT", "TWO_AX_CT").rows()
    np.testing.assert_allclose([filters.mid_p(*each) for each in counts], table["MIDP"], rtol=1e-5)


@pytest.mark.plink2
def test_mid_p_on_x_is_plinks(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    sexes = [1 + int(value) for value in rng.random(140) < 0.6]
    men = np.array(sexes)[:, None] == 1
    shares = rng.uniform(0.02, 0.5, (2, 60))
    dosage = np.where(men, 2 * rng.binomial(1, shares[0], (140, 60)), rng.binomial(2, shares[1], (140, 60)))
    fileset.write(tmp_path / "cohort", dosage.astype(np.int8), chrom="X", sexes=sexes)
    table = hardy(tmp_path / "cohort", ".x")
    women = ["FEMALE_HET_A1_CT", "FEMALE_HOM_A1_CT", "FEMALE_TWO_AX_CT"]
    counts = table.select(*women, "MALE_A1_CT", "MALE_AX_CT").rows()
    np.testing.assert_allclose([filters.mid_p_x(*each) for each in counts], table["MIDP"], rtol=1e-5)


@pytest.mark.plink2
def test_frequencies_on_x_count_one_allele_of_a_man(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sexes = [1 + i % 2 for i in range(120)]
    men = np.array(sexes)[:, None] == 1
    dosage = np.where(men, 2 * rng.binomial(1, 0.15, (120, 80)), rng.binomial(2, 0.1, (120, 80))).astype(np.int8)
    dosage[rng.random(dosage.shape) < 0.03] = NO_CALL
    fileset.write(tmp_path / "cohort", dosage, chrom="X", sexes=sexes)
    stem = tmp_path / "cohort"
    arguments = ["plink2", "--bfile", str(stem), "--maf", "0.12", "--write-snplist", "--out", str(stem)]
    subprocess.run(arguments, check=True, capture_output=True)
    options = matrix_options(stem, min_maf=0.12)
    part = fileset.opened(options)
    packed = part.packed(0, 80)
    men_rows = np.flatnonzero(part.sexes == 1)
    reasons = filters.reasons(options, Chooser(np.arange(120), 120).block(packed), Chooser(men_rows, 120).block(packed))
    kept = Path(f"{stem}.snplist").read_text().split()
    assert 0 < len(kept) < 80
    assert [str(name) for name in part.variants[reasons == ""]] == kept


def test_the_quick_test_is_scipys_chi_square() -> None:
    found = filters.chi_square(np.array([40, 10]), np.array([10, 30]), np.array([50, 0]))
    for p, (het, first, second) in zip(found, [(40, 10, 50), (10, 30, 0)], strict=True):
        share = (2 * first + het) / (2 * (het + first + second))
        expected = np.array([2 * share * (1 - share), share**2, (1 - share) ** 2]) * (het + first + second)
        assert p == pytest.approx(stats.chisquare([het, first, second], expected, ddof=1).pvalue)
