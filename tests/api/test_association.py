"""The functions of arrays against statsmodels, PLINK 2 and the engine on files; what users get wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

import ecgwas
from ecgwas import scan
from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes
from ecgwas.study import Matrix
from tests.factories import MISSING, make_bed, make_covariates, make_traits

PEOPLE, VARIANTS = 200, 12


def copies_of(dosage: np.ndarray) -> np.ndarray:
    return np.where(dosage == MISSING, np.nan, dosage.astype(np.float64))


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    path = tmp_path_factory.mktemp("bed") / "made.bed"
    return path, copies_of(make_bed(path, PEOPLE, VARIANTS, missing=0.01))


def listed() -> pl.DataFrame:
    numbers = range(1, VARIANTS + 1)
    columns = {"variant": [f"v{k}" for k in numbers], "pos": [1000 * k for k in numbers]}
    return pl.DataFrame(columns).with_columns(chrom=pl.lit("1"), effect_allele=pl.lit("G"), other_allele=pl.lit("A"))


@pytest.mark.parametrize("fractional", [False, True], ids=["hard calls", "dosages"])
def test_effects_are_those_of_statsmodels(fractional: bool) -> None:
    rng = np.random.default_rng(4)
    copies = rng.binomial(2, 0.4, (PEOPLE, 3)).astype(np.float64)
    if fractional:
        copies = np.clip(copies + rng.normal(0, 0.05, copies.shape), 0, 2)
    copies[::29, 1] = np.nan
    covariates = rng.normal(size=(PEOPLE, 2))
    traits = rng.normal(size=(PEOPLE, 2)) + 0.4 * np.nan_to_num(copies[:, :1]) + covariates[:, :1]
    traits[::17, 1] = np.nan
    rows = ecgwas.scan_variants(traits, covariates, copies, min_call_rate=0.9).associations
    assert rows.height == 6
    for row in rows.iter_rows(named=True):
        v, k = int(row["variant"][1:]) - 1, int(row["trait"][-1]) - 1
        known = np.isfinite(copies[:, v]) & np.isfinite(traits[:, k])
        design = sm.add_constant(np.column_stack([copies[:, v], covariates])[known])
        fit = sm.OLS(traits[known, k], design).fit()
        assert row["n"] == known.sum()
        assert row["eaf"] == pytest.approx(copies[known, v].mean() / 2, rel=1e-5)
        assert row["beta"] == pytest.approx(fit.params[1], rel=1e-5)
        assert row["se"] == pytest.approx(fit.bse[1], rel=1e-5)
        assert row["neglog10p"] == pytest.approx(-np.log10(fit.pvalues[1]), rel=1e-5)


def test_arrays_and_files_give_the_same_rows(bed: tuple[Path, np.ndarray]) -> None:
    path, copies = bed
    traits, covariates = make_traits(PEOPLE, 3, missing=0.05), make_covariates(PEOPLE, 2)
    frames = [pl.DataFrame({"eid": table.eids}).hstack(pl.DataFrame(table.values, schema=list(table.names)))
              for table in (traits, covariates)]  # fmt: skip
    of_arrays = ecgwas.scan_variants(*frames, copies, listed(), min_call_rate=0.95)
    options = Matrix(genotypes=path.with_suffix(""), min_call_rate=0.95, keep_neglog10p=0, permutations=0)
    of_files = scan.scan(options, traits, covariates, chromosomes.open_chromosome(options, "1"), seed=0)
    assert of_arrays.associations.equals(of_files.associations.frame)
    assert of_arrays.excluded.equals(of_files.left_out.frame)
    assert of_arrays.associations.height == 36


@pytest.mark.plink2
def test_effects_are_those_of_plink2(bed: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    path, copies = bed
    traits, covariates = make_traits(PEOPLE, 1), make_covariates(PEOPLE, 2)
    for name, table in (("pheno", traits), ("covar", covariates)):
        frame = pl.DataFrame({"#FID": table.eids, "IID": table.eids}).hstack(
            pl.DataFrame(table.values, schema=list(table.names))
        )
        frame.write_csv(tmp_path / name, separator="\t")
    command = ["plink2", "--bfile", path.with_suffix(""), "--pheno", tmp_path / "pheno", "--covar", tmp_path / "covar",
               "--glm", "hide-covar", "--out", tmp_path / "out"]  # fmt: skip
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    theirs = pl.read_csv(next(tmp_path.glob("out.*.glm.linear")), separator="\t", null_values="NA")
    ours = ecgwas.scan_variants(traits.values, covariates.values, copies, listed(), min_call_rate=0.9).associations
    assert theirs["ID"].to_list() == ours["variant"].to_list()
    sign = np.where(theirs["A1"] == "G", 1.0, -1.0)
    np.testing.assert_allclose(ours["beta"], theirs["BETA"].to_numpy() * sign, rtol=2e-5, atol=1e-7)
    np.testing.assert_allclose(ours["se"], theirs["SE"], rtol=2e-5)
    np.testing.assert_allclose(ours["neglog10p"], -np.log10(theirs["P"].to_numpy()), rtol=2e-4, atol=1e-6)


def test_excluded_variants_have_a_reason() -> None:
    rng = np.random.default_rng(1)
    copies = np.column_stack([rng.binomial(2, 0.3, 100), np.zeros(100), np.where(np.arange(100) < 10, np.nan, 1.0)])
    tested = ecgwas.scan_variants(rng.normal(size=(100, 1)), None, copies)
    assert tested.excluded.select("variant", "reason").rows() == [("v2", "maf"), ("v3", "call_rate")]
    assert tested.associations["variant"].to_list() == ["v1"]


def test_chromosomes_are_tested_one_by_one() -> None:
    rng = np.random.default_rng(1)
    copies = rng.binomial(2, 0.3, (100, 4))
    variants = pl.DataFrame(
        {
            "variant": list("abcd"),
            "chrom": ["chr2", "1", "02", "1"],
            "pos": [5, 6, 7, 8],
            "effect_allele": "A",
            "other_allele": "C",
        }
    )
    tested = ecgwas.scan_variants(rng.normal(size=(100, 1)), None, copies, variants).associations
    assert tested.select("chrom", "variant").rows() == [("2", "a"), ("2", "c"), ("1", "b"), ("1", "d")]
    frequency = dict(zip("abcd", copies.mean(axis=0) / 2, strict=True))
    assert tested["eaf"].to_list() == pytest.approx([frequency[name] for name in "acbd"])


def test_threshold_is_the_quantile_of_minimal_p_values_under_permutation() -> None:
    """Against a direct computation: independent tests have the Sidak threshold."""
    rng = np.random.default_rng(5)
    copies, traits = rng.binomial(2, 0.4, (150, 10)), rng.normal(size=(150, 2))
    threshold = ecgwas.permutation_threshold(traits, None, copies, permutations=1000, family_wise_error=0.05, seed=3)
    sidak = -np.log10(1 - 0.95 ** (1 / 20))
    assert threshold.low < sidak < threshold.high
    assert threshold.neglog10p == np.sort(threshold.maxima)[950]
    assert threshold.p == 10**-threshold.neglog10p
    again = ecgwas.permutation_threshold(traits, None, copies, permutations=1000, family_wise_error=0.05, seed=3)
    assert (again.maxima == threshold.maxima).all()
    # The largest of 20 independent tests has this distribution.
    assert stats.kstest(10.0**-threshold.maxima, lambda p: 1 - (1 - p) ** 20).pvalue > 1e-3


def test_loci_are_those_of_the_significant_rows() -> None:
    rng = np.random.default_rng(8)
    copies = rng.binomial(2, 0.4, (300, 6))
    traits = np.column_stack([copies[:, 1], copies[:, 4]]) + rng.normal(size=(300, 2))
    positions = [1_000, 2_000, 3_000, 900_000, 901_000, 902_000]
    variants = pl.DataFrame({"variant": [f"rs{k}" for k in range(6)], "pos": positions}).with_columns(
        chrom=pl.lit("7"), effect_allele=pl.lit("A"), other_allele=pl.lit("T")
    )
    rows = ecgwas.scan_variants(pl.DataFrame(traits, schema=["pr", "qt"]), None, copies, variants).associations
    loci = ecgwas.find_loci(rows, p=1e-8)
    assert loci.select("locus", "lead_variant", "best_trait").rows() == [(1, "rs1", "pr"), (2, "rs4", "qt")]
    assert ecgwas.find_loci(rows, p=1e-8, window_bp=2_000_000).height == 1
    assert ecgwas.find_loci(rows, p=1e-300).height == 0


GOOD = np.tile([0.0, 1.0, 2.0, 1.0], (3, 10)).T
TRAIT = np.random.default_rng(1).normal(size=(40, 1))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((TRAIT[:39], None, GOOD), "traits have 39 rows, genotypes 40"),
        ((TRAIT[:, 0], None, GOOD), "traits have 1 dimension"),
        ((TRAIT, np.full((40, 1), np.nan), GOOD), "covariates have missing values: covariate1"),
        ((TRAIT, None, GOOD + 1), "genotypes must be 0 to 2, or NaN; others are in v1, v2, v3"),
        ((TRAIT, None, [*GOOD.astype(str)[:, :1].tolist(), ["x"]]), "genotypes are not an array of numbers"),
        ((pl.DataFrame({"sex": ["m"] * 40}), None, GOOD), "columns of traits are not numbers: sex"),
        ((np.full((40, 1), np.inf), None, GOOD), "traits have infinite values"),
        ((TRAIT, None, GOOD[:, :0]), "there is nothing to test"),
        ((np.ones((40, 1)), None, GOOD), "traits that the covariates explain entirely: trait1"),
        ((TRAIT, np.random.default_rng(1).normal(size=(40, 39)), GOOD), "only 40 people for 39 covariates"),
        ((TRAIT, None, GOOD, listed()), "there are 12 variants and 3 columns of genotypes"),
        ((TRAIT, None, GOOD, listed()[:3].drop("pos")), "variants lack the columns pos"),
        ((TRAIT, None, GOOD, listed()[:3].with_columns(chrom=pl.lit("X"))), "chromosome X is not one"),
        ((TRAIT, None, GOOD, listed()[:3].with_columns(pos=pl.lit(None))), "lack a chromosome or a position"),
        ((TRAIT, None, GOOD, listed()[:3].with_columns(pos=pl.lit("here"))), "variants cannot be used"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mistakes_get_one_clear_error(arguments: tuple[object, ...], problem: str) -> None:
    with pytest.raises(InputError) as error:
        ecgwas.scan_variants(*arguments)
    assert problem in error.value.problem
    assert error.value.fix


def test_other_mistakes() -> None:
    frames = [pl.DataFrame({"eid": eids, "x": TRAIT[:, 0]}) for eids in (range(40), range(1, 41))]
    with pytest.raises(InputError, match="differ in their eids"):
        ecgwas.scan_variants(*frames, GOOD)
    with pytest.raises(InputError, match=r"min_maf is 0\.7"):
        ecgwas.scan_variants(TRAIT, None, GOOD, min_maf=0.7)
    with pytest.raises(InputError, match="10 permutations are too few"):
        ecgwas.permutation_threshold(TRAIT, None, GOOD, permutations=10)
    with pytest.raises(InputError, match="family_wise_error is 5"):
        ecgwas.permutation_threshold(TRAIT, None, GOOD, family_wise_error=5)
    with pytest.raises(InputError, match="no variant passes the filters"):
        ecgwas.permutation_threshold(TRAIT, None, GOOD, permutations=30, min_mac=79)
    with pytest.raises(InputError, match="lack the columns trait"):
        ecgwas.find_loci(pl.DataFrame({"p": [0.1]}), p=0.05)
    rows = ecgwas.scan_variants(TRAIT, None, GOOD).associations
    with pytest.raises(InputError, match="threshold is 0"):
        ecgwas.find_loci(rows, p=0)
