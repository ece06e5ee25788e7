from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ecgwas.genotypes import variant_filters
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.scan import matrix, plink2
from ecgwas.tables import ScanResult
from tests.genotypes import fileset
from tests.genotypes.fileset import NO_CALL, matrix_options
from tests.traits.families import frequencies, mixed


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
    np.testing.assert_allclose([variant_filters.hwe_mid_p(*each) for each in counts], table["MIDP"], rtol=1e-5)


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
    np.testing.assert_allclose([variant_filters.hwe_mid_p_x(*each) for each in counts], table["MIDP"], rtol=1e-5)


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
    reasons = variant_filters.failed_filters(
        options, SampleSelector(np.arange(120), 120).select(packed), SampleSelector(men_rows, 120).select(packed)
    )
    kept = Path(f"{stem}.snplist").read_text().split()
    assert 0 < len(kept) < 80
    assert [str(name) for name in part.variants[reasons == ""]] == kept


def test_the_quick_test_is_scipys_chi_square() -> None:
    found = variant_filters.hwe_chi_square_p(np.array([40, 10]), np.array([10, 30]), np.array([50, 0]))
    for p, (het, first, second) in zip(found, [(40, 10, 50), (10, 30, 0)], strict=True):
        share = (2 * first + het) / (2 * (het + first + second))
        expected = np.array([2 * share * (1 - share), share**2, (1 - share) ** 2]) * (het + first + second)
        assert p == pytest.approx(stats.chisquare([het, first, second], expected, ddof=1).pvalue)


def two_ancestries(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(200, 300) copies of two ancestries with Fst 0.15, and who is of which; the first 20 variants lack heterozygotes in
    the second ancestry alone."""
    given = mixed(seed, (120, 80), 0.15, variants=300, duplicates=0, siblings=0, parents=0)
    dosage, ancestry = given.codes.T.astype(np.int8), given.ancestry + 1
    rng = np.random.default_rng(seed)
    dosage[np.ix_(ancestry == 2, np.arange(20))] = 2 * rng.binomial(1, 0.5, (80, 20))
    return dosage, ancestry


def reasons(result: ScanResult) -> dict[str, str]:
    frame = result.left_out.frame
    return dict(zip(frame["variant"], frame["reason"], strict=True))


def test_hardy_weinberg_is_judged_within_ancestry(tmp_path: Path) -> None:
    dosage, ancestry = two_ancestries(1)
    eids = fileset.write(tmp_path / "cohort", dosage)
    options = matrix_options(tmp_path / "cohort", min_hwe_p=1e-6)
    traits, covariates = fileset.tables(eids, 2, 1, 1)
    own = np.array([ancestry[int(eid[1:])] for eid in traits.eids])
    part = fileset.opened(options)
    together = reasons(matrix.scan(options, traits, covariates, part, seed=1))
    within = reasons(matrix.scan(options, traits, covariates, part, seed=1, ancestry=own))
    # Judged together, variants that tell the ancestries apart go, too.
    assert len([v for v, reason in together.items() if reason == "hwe" and int(v[1:]) >= 20]) >= 5
    assert {v for v, reason in within.items() if reason == "hwe"} == {f"v{j}" for j in range(20)}
    alone = matrix.scan(options, traits, covariates, part, seed=1, ancestry=np.ones(200, dtype=np.int64))
    assert reasons(alone) == together


def test_men_of_x_are_judged_with_the_women_of_their_ancestry(tmp_path: Path) -> None:
    """Frequencies of men and women differ where one ancestry has more men: no departure within either."""
    rng = np.random.default_rng(2)
    ancestry = np.repeat([1, 2], 100)
    sexes = np.where(rng.random(200) < np.where(ancestry == 1, 0.8, 0.2), 1, 2)
    share = frequencies(rng, 2, 0.3, 200)[ancestry - 1]
    dosage = np.where(sexes[:, None] == 1, 2 * rng.binomial(1, share), rng.binomial(2, share)).astype(np.int8)
    men, women = ((ancestry == 1) & (sexes == one) for one in (1, 2))
    dosage[men, :10], dosage[women, :10] = 0, 2  # In the first ancestry all men have one allele, all women the other.
    eids = fileset.write(tmp_path / "cohort", dosage, chrom="X", sexes=sexes.tolist())
    options = matrix_options(tmp_path / "cohort", min_hwe_p=1e-6)
    traits, covariates = fileset.tables(eids, 1, 1, 1)
    own = np.array([ancestry[int(eid[1:])] for eid in traits.eids])
    part = fileset.opened(options)
    together = reasons(matrix.scan(options, traits, covariates, part, seed=1))
    within = reasons(matrix.scan(options, traits, covariates, part, seed=1, ancestry=own))
    assert len([v for v, reason in together.items() if reason == "hwe" and int(v[1:]) >= 10]) >= 5
    assert {v for v, reason in within.items() if reason == "hwe"} == {f"v{j}" for j in range(10)}


def test_a_group_of_x_without_women_or_without_men_is_no_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    ancestry = np.repeat([1, 2], 60)
    for sexes in (np.where(ancestry == 1, 1, 2), np.where(ancestry == 1, 1 + np.arange(120) % 2, 1)):
        men = sexes[:, None] == 1
        dosage = np.where(men, 2 * rng.binomial(1, 0.3, (120, 40)), rng.binomial(2, 0.3, (120, 40))).astype(np.int8)
        eids = fileset.write(tmp_path / "cohort", dosage, chrom="X", sexes=sexes.tolist())
        options = matrix_options(tmp_path / "cohort", min_hwe_p=1e-6)
        traits, covariates = fileset.tables(eids, 1, 1, 1)
        own = np.array([ancestry[int(eid[1:])] for eid in traits.eids])
        found = matrix.scan(options, traits, covariates, fileset.opened(options), seed=1, ancestry=own)
        assert reasons(found) == {}
        assert found.tests.tolist() == [40]


@pytest.mark.plink2
def test_both_engines_leave_out_the_same_variants_of_several_ancestries(tmp_path: Path) -> None:
    dosage, ancestry = two_ancestries(4)
    dosage[np.random.default_rng(5).random(dosage.shape) < 0.005] = NO_CALL
    eids = fileset.write(tmp_path / "cohort", dosage)
    more = {"min_hwe_p": 1e-6, "min_maf": 0.05, "min_mac": 20, "min_call_rate": 0.98, "keep_neglog10p": 0.0}
    ours, theirs = matrix_options(tmp_path / "cohort", **more), fileset.plink2_options(tmp_path / "cohort", **more)
    traits, covariates = fileset.tables(eids, 2, 1, 1)
    own = np.array([ancestry[int(eid[1:])] for eid in traits.eids])
    first = matrix.scan(ours, traits, covariates, fileset.opened(ours), seed=1, ancestry=own)
    second = plink2.scan(theirs, traits, covariates, fileset.opened(theirs), seed=1, ancestry=own)
    assert reasons(first) == reasons(second)
    assert {"hwe", "maf"} <= set(reasons(first).values())
    assert first.tests.tolist() == second.tests.tolist()
    assert first.associations.frame["variant"].to_list() == second.associations.frame["variant"].to_list()
