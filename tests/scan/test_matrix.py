from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from ecgwas.errors import InputError
from ecgwas.genotypes.readers import COPIES_OF_CODE, unpack
from ecgwas.scan import matrix, plink2
from ecgwas.tables import CHI2_EDGES, Covariates, ScanResult, Traits
from tests.genotypes import fileset
from tests.genotypes.fileset import NO_CALL, matrix_options, plink2_options

FIELDS = ("eaf", "beta", "se", "t", "neglog10p")


def scanned(stem: Path, traits: Traits, covariates: Covariates, seed: int = 1, **options: object) -> ScanResult:
    made = matrix_options(stem, **options)
    return matrix.scan(made, traits, covariates, fileset.opened(made), seed=seed)


def agree(ours: ScanResult, theirs: ScanResult) -> None:
    """The same rows; numbers as far as PLINK prints them."""
    a, b = ours.associations.frame, theirs.associations.frame
    assert len(a) > 0
    whole = ["trait", "variant", "chrom", "pos", "effect_allele", "other_allele", "n"]
    assert a.select(whole).equals(b.select(whole))
    for field in FIELDS:
        np.testing.assert_allclose(a[field], b[field], rtol=6e-6, atol=1e-5 if field == "neglog10p" else 1e-9)
    np.testing.assert_array_equal(ours.tests, theirs.tests)
    np.testing.assert_array_equal(ours.not_computed, theirs.not_computed)


def lost(result: ScanResult) -> set[tuple[str, str, str]]:
    """(variant, trait, reason), all traits spelled out."""
    every = result.left_out.frame.select("variant", "trait", "reason").rows()
    return {(v, t, reason) for v, trait, reason in every for t in ([trait] if trait is not None else result.traits)}


@given(
    people=st.integers(12, 60),
    covariates=st.integers(0, 5),
    missing=st.sampled_from([0.0, 0.02, 0.3]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_test_is_statsmodels_ols(tmp_path: Path, people: int, covariates: int, missing: float, seed: int) -> None:
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, fileset.draw(people, 12, seed, missing=missing))
    traits, more = fileset.tables(eids, 3, covariates, seed)
    traits.values[: people // 6, 2] = np.nan
    result = scanned(stem, traits, more)
    genotypes = fileset.opened(matrix_options(stem))
    for row in result.associations.frame.sample(6, seed=seed, with_replacement=True).iter_rows(named=True):
        copies = genotypes.dosage_of(int(row["variant"][1:]), traits.eids)
        values = traits.values[:, traits.names.index(row["trait"])]
        used = ~np.isnan(copies) & ~np.isnan(values)
        model = sm.OLS(values[used], np.column_stack([np.ones(used.sum()), more.values[used], copies[used]])).fit()
        assert row["n"] == used.sum()
        assert row["eaf"] == pytest.approx(copies[used].mean() / 2, abs=1e-12)
        found = (row["beta"], row["se"], row["t"])
        np.testing.assert_allclose(found, (model.params[-1], model.bse[-1], model.tvalues[-1]), rtol=1e-8, atol=1e-10)
        p = -(stats.t.logsf(abs(row["t"]), model.df_resid) + np.log(2)) / np.log(10)
        assert row["neglog10p"] == pytest.approx(p, rel=1e-9, abs=1e-12)


def test_mean_imputation_is_ols_on_filled_genotypes(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, fileset.draw(60, 10, 3, missing=0.1))
    traits, more = fileset.tables(eids, 2, 3, 3)
    frame = scanned(stem, traits, more, missing="mean").associations.frame
    genotypes = fileset.opened(matrix_options(stem))
    for row in frame.iter_rows(named=True):
        copies = genotypes.dosage_of(int(row["variant"][1:]), traits.eids)
        copies[np.isnan(copies)] = np.nanmean(copies)
        values = traits.values[:, traits.names.index(row["trait"])]
        model = sm.OLS(values, np.column_stack([np.ones(60), more.values, copies])).fit()
        np.testing.assert_allclose((row["beta"], row["se"]), (model.params[-1], model.bse[-1]), rtol=1e-8)
        assert row["n"] == 60


@pytest.mark.plink2
@pytest.mark.parametrize("missing", [0.0, 0.05])
def test_plink2_gives_the_same(tmp_path: Path, missing: float) -> None:
    stem = tmp_path / "cohort"
    dosage = fileset.draw(200, 120, 4, missing=missing)
    eids = fileset.write(stem, dosage)
    traits, more = fileset.tables(eids, 8, 6, 4)
    place = [eids.index(eid) for eid in traits.eids]
    carried = np.where(dosage[place, 30] == NO_CALL, 0, dosage[place, 30])
    traits.values[:, 0] += 100.0 * carried  # T > 200
    traits.values[:9, 3:5] = np.nan
    traits.values[::11, 6] = np.nan
    ours = scanned(stem, traits, more)
    assert ours.associations.frame["t"].abs().max() > 200
    theirs = plink2.scan(plink2_options(stem), traits, more, fileset.opened(plink2_options(stem)), seed=1)
    agree(ours, theirs)


@pytest.mark.plink2
@pytest.mark.parametrize("sex_given", [False, True])
def test_plink2_gives_the_same_on_x(tmp_path: Path, sex_given: bool) -> None:
    rng = np.random.default_rng(5)
    sexes = [1 if value < 0.5 else 2 for value in rng.random(150)]
    male = np.array(sexes)[:, None] == 1
    dosage = np.where(male, 2 * rng.binomial(1, 0.3, (150, 40)), rng.binomial(2, 0.3, (150, 40))).astype(np.int8)
    dosage[:3, 1] = 1  # men called heterozygous
    dosage[rng.random(dosage.shape) < 0.02] = NO_CALL
    sexes[7] = sexes[70] = 0
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, dosage, chrom="X", sexes=sexes)
    traits, more = fileset.tables(eids, 3, 3, 5)
    if sex_given:
        column = np.array([sexes[eids.index(eid)] or 1 for eid in more.eids], dtype=np.float64)
        more = Covariates(more.eids, (*more.names, "sex"), np.column_stack([more.values, column]))
    ours = scanned(stem, traits, more)
    assert set(ours.people) == {148}
    theirs = plink2.scan(plink2_options(stem), traits, more, fileset.opened(plink2_options(stem)), seed=1)
    agree(ours, theirs)


@pytest.mark.plink2
def test_plink2_refuses_the_same_variants(tmp_path: Path) -> None:
    people = 200
    dosage = fileset.draw(people, 12, 6)
    group = np.arange(people) % 40 == 0
    dosage[:, 0], dosage[:, 1], dosage[:, 2] = 0, 1, 2
    dosage[:195, 3] = NO_CALL  # fewer people than predictors
    dosage[:, 4] = group  # the covariate itself
    dosage[:, 5] = group
    dosage[:3, 5] = 1  # nearly
    dosage[:, 6] = np.where(group, 1, 0)
    dosage[1, 6] = 1
    dosage[:, 7] = 1
    dosage[0, 7] = 2  # one carrier, who lacks a trait
    dosage[:, 8] = NO_CALL
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, dosage)
    traits, more = fileset.tables(eids, 3, 3, 6)
    same = np.array([group[eids.index(eid)] for eid in more.eids], dtype=np.float64)
    more = Covariates(more.eids, (*more.names, "group"), np.column_stack([more.values, same]))
    traits.values[traits.eids.index("p0"), 2] = np.nan
    ours = scanned(stem, traits, more)
    theirs = plink2.scan(plink2_options(stem), traits, more, fileset.opened(plink2_options(stem)), seed=1)
    agree(ours, theirs)
    assert lost(ours) == lost(theirs)
    codes = {reason for _, _, reason in lost(ours)}
    assert {"CONST_OMITTED_ALLELE", "SAMPLE_CT<=PREDICTOR_CT", "CORR_TOO_HIGH"} <= codes


@pytest.mark.plink2
def test_plink2_filters_the_same_variants(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    dosage = rng.binomial(2, rng.uniform(0.0, 0.2, 300), size=(250, 300)).astype(np.int8)
    dosage[rng.random(dosage.shape) < rng.choice([0.0, 0.02, 0.05], 300)] = NO_CALL
    dosage[:, :20] = 2 * rng.binomial(1, 0.3, (250, 20))  # no heterozygotes
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, dosage)
    traits, more = fileset.tables(eids, 3, 2, 7)
    traits.values[:100, 1] = np.nan
    guards = {"min_maf": 0.02, "min_mac": 15, "min_call_rate": 0.97, "min_hwe_p": 1e-4}
    ours = scanned(stem, traits, more, **guards)
    options = plink2_options(stem, **guards)
    theirs = plink2.scan(options, traits, more, fileset.opened(options), seed=1)
    agree(ours, theirs)
    assert lost(ours) == lost(theirs)
    assert {reason for _, _, reason in lost(ours)} == {"maf", "mac", "call_rate", "hwe"}


def test_tests_without_products_do_not_depend_on_threads_or_blocks(tmp_path: Path) -> None:
    """Complete calls: products are not kept, but where many tests are written they are."""
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, fileset.draw(150, 333, 9, missing=0.0))
    traits, more = fileset.tables(eids, 21, 4, 9)
    kept = scanned(stem, traits, more, keep_neglog10p=1.0)
    strong = kept.associations.frame.filter(pl.col("neglog10p") >= 2.0)
    assert strong.height > 20
    for options in ({}, {"block": 50, "threads": 3}, {"block": 7}):
        found = scanned(stem, traits, more, keep_neglog10p=2.0, **options)
        assert found.associations.frame.equals(strong)
        np.testing.assert_array_equal(found.chi2_counts, kept.chi2_counts)


def test_what_is_written_does_not_depend_on_threads_blocks_or_limit(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, fileset.draw(150, 333, 8, missing=0.03))
    traits, more = fileset.tables(eids, 5, 4, 8)
    traits.values[:20, 4] = np.nan
    whole = scanned(stem, traits, more, permutations=20)
    threads = scanned(stem, traits, more, permutations=20, block=50, threads=3)
    single = scanned(stem, traits, more, permutations=20, block=50)
    np.testing.assert_array_equal(threads.permutation_max, single.permutation_max)
    for other in (threads, single, scanned(stem, traits, more, permutations=20, block=1)):
        assert other.associations.frame.equals(whole.associations.frame)
        # Products of another shape are summed in another order, in float32.
        np.testing.assert_allclose(other.permutation_max, whole.permutation_max, atol=3e-6)
    some = scanned(stem, traits, more, keep_neglog10p=1.5).associations.frame
    assert some.equals(whole.associations.frame.filter(pl.col("neglog10p") >= 1.5))
    assert 0 < len(some) < len(whole.associations)


def test_the_histogram_counts_every_test(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, fileset.draw(150, 300, 9, missing=0.03))
    traits, more = fileset.tables(eids, 4, 4, 9)
    result = scanned(stem, traits, more)
    kept = scanned(stem, traits, more, keep_neglog10p=4.0)
    np.testing.assert_array_equal(result.chi2_counts, kept.chi2_counts)
    np.testing.assert_array_equal(result.chi2_counts.sum(axis=1), result.tests)
    for k, name in enumerate(traits.names):
        t = result.associations.frame.filter(pl.col("trait") == name)["t"].to_numpy()
        expected, _ = np.histogram(t**2, bins=CHI2_EDGES)
        # float32 may move a test that lies on an edge into the next bin.
        assert np.abs(np.cumsum(expected) - np.cumsum(result.chi2_counts[k])).max() <= 2


def test_filtered_variants_are_listed(tmp_path: Path) -> None:
    dosage = fileset.draw(100, 6, 10)
    dosage[:, 0] = 0
    dosage[0, 0] = 1  # frequency 0.005
    dosage[:, 1] = 0
    dosage[:5, 1] = 1  # 5 alleles, frequency 0.025
    dosage[:10, 2] = NO_CALL
    dosage[:, 3] = np.where(np.arange(100) < 50, 0, 2)  # no heterozygotes
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, dosage)
    traits, more = fileset.tables(eids, 2, 2, 10)
    result = scanned(stem, traits, more, min_maf=0.01, min_mac=20, min_call_rate=0.98, min_hwe_p=1e-6)
    rows = result.left_out.frame.select("variant", "trait", "reason").rows()
    assert rows[:4] == [("v0", None, "maf"), ("v1", None, "mac"), ("v2", None, "call_rate"), ("v3", None, "hwe")]
    assert result.tests.tolist() == [6 - len(rows)] * 2


def test_people_without_genotypes_are_named(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, fileset.draw(20, 5, 11))
    traits, more = fileset.tables((*eids, "stranger"), 2, 2, 11)
    with pytest.raises(InputError, match="stranger"):
        scanned(stem, traits, more)


def test_a_trait_that_covariates_explain_is_named(tmp_path: Path) -> None:
    stem = tmp_path / "cohort"
    eids = fileset.write(stem, fileset.draw(40, 5, 12))
    traits, more = fileset.tables(eids, 2, 2, 12)
    traits.values[:, 1] = 3 * more.values[:, 0] - 7
    with pytest.raises(InputError, match=r"explain entirely: made\.I\.f1"):
        scanned(stem, traits, more)


def test_codes_of_a_bed_are_copies_of_the_first_allele() -> None:
    codes = unpack(np.array([[0b11_10_01_00]], dtype=np.uint8), 4)
    np.testing.assert_array_equal(COPIES_OF_CODE[codes], [[2.0, np.nan, 1.0, 0.0]])
