"""Guards over variants, scan, hits and loci; inflation by frequency, compared with direct counts of a scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ecgwas.loci import guards, inflation_by_maf, merge
from ecgwas.loci.individual_data import Chromosome, VariantsTested
from ecgwas.scan import matrix
from ecgwas.study import LociOptions
from ecgwas.study.scan import Plink2, Scan
from ecgwas.tables import ScanResult, Summary, Thresholds
from ecgwas.tables.calibration import Inflation
from ecgwas.tables.loci import Audit
from tests.genotypes import fileset
from tests.genotypes.test_information import blurred
from tests.genotypes.test_readers import write


def scanned(folder: Path, **options: object) -> tuple[fileset.Matrix, ScanResult, Chromosome]:
    eids = fileset.write(folder / "cohort", fileset.draw(200, 400, 1, missing=0.01))
    traits, covariates = fileset.tables(eids, 6, 2, 1)
    made = fileset.matrix_options(folder / "cohort", **options)
    genotypes = fileset.opened(made)
    result = matrix.scan(made, traits, covariates, genotypes, seed=1)
    return made, result, Chromosome.of(genotypes, traits, covariates)


def which_tested(result: ScanResult) -> VariantsTested:
    return VariantsTested.from_frame(result.left_out.frame)


def test_inflation_by_frequency_is_that_of_the_tests_themselves(tmp_path: Path) -> None:
    made, result, chromosome = scanned(tmp_path)
    found = inflation_by_maf.inflation_by_maf(made, [chromosome], which_tested(result), 400).frame
    rows = result.associations.frame.with_columns(maf=pl.min_horizontal("eaf", 1 - pl.col("eaf")).round(9))
    assert found["tests"].sum() == rows.height
    for row in found.iter_rows(named=True):
        own = rows.filter((pl.col("maf") >= row["maf_from"]) & ((pl.col("maf") < row["maf_to"]) | (row["maf_to"] == 0.5)))
        if own.height < 100:
            continue
        assert row["tests"] == own.height
        assert row["lambda_gc"] == pytest.approx(float((own["t"] ** 2).median()) / stats.chi2.ppf(0.5, 1), rel=0.02)
        beyond = float((own["t"] ** 2 > stats.chi2.isf(1e-3, 1)).mean()) / 1e-3
        assert row["share_beyond_1e3"] == pytest.approx(beyond, abs=2e3 / own.height)


NO_LOCI = pl.DataFrame(
    schema={"lead_variant": pl.String, "chrom": pl.String, "pos": pl.Int64, "neglog10p_conditional": pl.Float64}
)


def judged(
    made: fileset.Matrix, result: ScanResult, chromosome: Chromosome, audit: Audit, loci_found: pl.DataFrame = NO_LOCI
) -> dict[str, dict[str, object]]:
    table = Thresholds.of([{name: None for name in Thresholds.columns} | {"kind": "given", "neglog10p": 9.0, "used": True}])
    summary = merge.find_loci(LociOptions(), table, result.associations, [result]).summary
    frequencies = inflation_by_maf.inflation_by_maf(made, [chromosome], which_tested(result), 400)
    kept = result.associations.frame
    found = guards.judge(made, [result], summary, frequencies, audit, loci_found, kept, limit=9.0, imputed=False)
    return {str(row["guard"]): row for row in found.frame.iter_rows(named=True)}


def test_filters_are_counted_in_order(tmp_path: Path) -> None:
    made, result, chromosome = scanned(tmp_path, min_maf=0.05, min_mac=40)
    found = judged(made, result, chromosome, Audit.empty())
    lost = dict(result.left_out.frame["reason"].value_counts().iter_rows())
    assert found["variant_maf"]["left_out"] == lost["maf"]
    assert found["variant_mac"]["of"] == 400 - lost["maf"]
    assert found["variant_call_rate"]["status"] == "not judged"
    assert found["variant_maf"]["status"] == "pass"
    assert found["variant_info"]["status"] == "not judged"
    assert found["permutations"]["status"] == "not judged"
    assert found["audit"]["status"] == "not judged"
    assert found["t_is_beta_over_se"]["status"] == "pass"
    assert found["lambda"]["value"] == pytest.approx(1.0, abs=0.2)


def test_a_badly_imputed_file_warns(tmp_path: Path) -> None:
    eids = write(tmp_path / "cohort", blurred(4))
    made = fileset.matrix_options(tmp_path / "cohort", min_info=0.6)
    genotypes = fileset.opened(made)
    traits, covariates = fileset.tables(eids, 3, 2, 1)
    result = matrix.scan(made, traits, covariates, genotypes, seed=1)
    table = Inflation.empty()
    summary = Summary.empty()
    found = guards.judge(
        made,
        [result],
        summary,
        table,
        Audit.empty(),
        NO_LOCI,
        result.associations.frame,
        limit=9.0,
        imputed=genotypes.is_imputed,
    )
    row = found.frame.filter(pl.col("guard") == "variant_info").row(0, named=True)
    lost = result.left_out.frame.filter(pl.col("reason") == "info").height
    assert (row["status"], row["left_out"], row["of"], row["limit"]) == ("warn", lost, 50, 0.6)
    assert row["value"] == pytest.approx(lost / 50)


def test_a_suspicious_hit_warns(tmp_path: Path) -> None:
    made, result, chromosome = scanned(tmp_path)
    rows = [{name: None for name in Audit.columns} | {"flags": flags} for flags in ("", "depends on one participant")]
    found = judged(made, result, chromosome, Audit.of(rows))
    assert (found["audit"]["status"], found["audit"]["value"], found["audit"]["of"]) == ("warn", 0.5, 2)


def test_wrong_standard_errors_are_detected(tmp_path: Path) -> None:
    _, result, _ = scanned(tmp_path)
    rng = np.random.default_rng(1)
    frame = result.associations.frame
    broken = frame.with_columns(se=pl.col("se") * pl.Series(np.exp(rng.normal(size=frame.height))))
    found = {row["guard"]: row["status"] for row in guards._consistent(broken)}
    assert found == {"t_is_beta_over_se": "fail", "se_by_frequency": "warn"}


def test_numbers_as_plink_prints_them_are_consistent(tmp_path: Path) -> None:
    """PLINK prints beta, se and t with six digits; the built-in engine keeps all digits."""
    made, result, _ = scanned(tmp_path)
    six = [pl.col(name).round_sig_figs(6) for name in ("beta", "se", "t")]
    printed = result.associations.frame.with_columns(six)

    def status(options: Scan, rows: pl.DataFrame) -> str:
        found = guards.judge(options, [result], Summary.empty(), Inflation.empty(), Audit.empty(), NO_LOCI, rows, limit=9.0,
                               imputed=False)  # fmt: skip
        return str(found.frame.filter(pl.col("guard") == "t_is_beta_over_se")["status"].item())

    plink = Plink2(genotypes=tmp_path)
    assert (status(plink, printed), status(made, printed), status(made, result.associations.frame)) == ("pass", "fail", "pass")
    assert status(plink, printed.with_columns(se=pl.col("se") * 1.0001)) == "fail"


def test_a_locus_that_is_explained_by_another_warns(tmp_path: Path) -> None:
    made, result, chromosome = scanned(tmp_path)
    places = {"chrom": ["1", "2", "3"], "pos": [5, 6, 7]}
    rows = places | {"lead_variant": ["strong", ".", "of_sets"], "neglog10p_conditional": [30.0, 8.9, None]}
    row = judged(made, result, chromosome, Audit.empty(), pl.DataFrame(rows))["dependent_loci"]
    assert (row["status"], row["value"], row["of"]) == ("warn", 1.0, 2)
    assert str(row["note"]).endswith(": . (2:6)")
    assert judged(made, result, chromosome, Audit.empty())["dependent_loci"]["status"] == "not judged"


def _bins(*inflation: float | None) -> Inflation:
    bins = [{"maf_from": 0.1 * k, "maf_to": 0.1 * (k + 1), "variants": 5000, "tests": 5000, "lambda_gc": value,
             "share_beyond_1e3": None} for k, value in enumerate(inflation)]  # fmt: skip
    return Inflation.of(bins)


@pytest.mark.parametrize(
    ("inflation", "status", "value"),
    [
        ((None, None), "not judged", None),
        ((None, 1.01, None), "pass", 1.01),
        ((1.0, None, 3.0), "fail", 3.0),
        ((), "not judged", None),
    ],
)
def test_bins_without_a_known_inflation_are_not_judged(
    inflation: tuple[float | None, ...], status: str, value: float | None
) -> None:
    """In a small study with many covariates a bin may be without any computed test."""
    (row,) = guards._by_frequency(_bins(*inflation))
    assert (row["status"], row["value"]) == (status, value)
