"""Meta-analysis, compared with statsmodels and worked examples; alleles in every orientation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from statsmodels.stats.meta_analysis import combine_effects

from ecgwas.commands.cli import main
from ecgwas.errors import InputError
from ecgwas.exchange import meta, meta_studies
from ecgwas.exchange.meta_studies import TYPES


def study(*rows: tuple[str, int, str, str, float, float, float]) -> pl.DataFrame:
    """(variant, position, effect allele, other allele, eaf, beta, se)."""
    records = [
        {"trait": "t", "variant": v, "chrom": "1", "pos": pos, "effect_allele": e, "other_allele": o, "eaf": eaf, "n": 100,
         "beta": beta, "se": se}
        for v, pos, e, o, eaf, beta, se in rows
    ]  # fmt: skip
    return pl.DataFrame(records, schema_overrides=TYPES).select(list(TYPES))


def test_numbers_are_those_of_statsmodels() -> None:
    betas, errors = [0.31, 0.12, 0.52], [0.1, 0.08, 0.2]
    studies = [(f"s{i}", study(("v", 1, "A", "G", 0.3, b, s))) for i, (b, s) in enumerate(zip(betas, errors, strict=True))]
    row = meta.combine(studies).associations.frame.row(0, named=True)
    theirs = combine_effects(np.array(betas), np.array(errors) ** 2)
    assert row["beta"] == pytest.approx(theirs.mean_effect_fe)
    assert row["se"] == pytest.approx(theirs.sd_eff_w_fe)
    assert row["q"] == pytest.approx(theirs.q)
    assert row["i2"] == pytest.approx(theirs.i2)
    assert (row["studies"], row["n"], row["directions"]) == (3, 300, "+++")


@pytest.mark.parametrize(
    ("effect", "other", "eaf", "beta"),
    [("A", "G", 0.31, 0.2), ("G", "A", 0.69, -0.2), ("T", "C", 0.31, 0.2), ("C", "T", 0.69, -0.2)],
)
def test_alleles_swapped_or_on_the_other_strand_are_the_same(effect: str, other: str, eaf: float, beta: float) -> None:
    found = meta.combine(
        [("a", study(("v", 1, "A", "G", 0.3, 0.2, 0.1))), ("b", study(("w", 1, effect, other, eaf, beta, 0.1)))]
    )
    row = found.associations.frame.row(0, named=True)
    assert (row["effect_allele"], row["other_allele"]) == ("A", "G")
    assert row["beta"] == pytest.approx(0.2)
    assert row["eaf"] == pytest.approx(0.305)
    assert len(found.dropped) == 0


@pytest.mark.parametrize(("eaf", "beta"), [(0.22, 0.2), (0.78, -0.2)])
def test_palindromic_variants_are_resolved_by_frequency(eaf: float, beta: float) -> None:
    found = meta.combine([("a", study(("v", 1, "A", "T", 0.2, 0.2, 0.1))), ("b", study(("v", 1, "A", "T", eaf, beta, 0.1)))])
    assert found.associations.frame["beta"].item() == pytest.approx(0.2)


def test_longer_alleles_are_reverse_complemented() -> None:
    found = meta.combine([("a", study(("v", 1, "AC", "G", 0.2, 0.2, 0.1))), ("b", study(("v", 1, "C", "GT", 0.8, -0.2, 0.1)))])
    assert found.associations.frame["beta"].item() == pytest.approx(0.2)


def test_every_row_that_is_not_used_has_its_reason() -> None:
    first = study(
        ("alone", 1, "A", "G", 0.3, 0.1, 0.1), ("half", 2, "C", "G", 0.47, 0.1, 0.1), ("far", 3, "A", "G", 0.1, 0.1, 0.1),
        ("none", 4, "A", "G", 0.1, float("nan"), 0.1), ("twice", 5, "A", "G", 0.1, 0.1, 0.1),
        ("twice", 5, "G", "A", 0.9, 0.1, 0.1), ("fine", 6, "A", "G", 0.1, 0.1, 0.1), ("other", 7, "A", "G", 0.1, 0.1, 0.1),
    )  # fmt: skip
    second = study(
        ("far", 3, "A", "G", 0.6, 0.1, 0.1), ("fine", 6, "A", "G", 0.1, 0.1, 0.1), ("other", 7, "A", "C", 0.1, 0.1, 0.1)
    )
    found = meta.combine([("a", first), ("b", second)])
    assert found.associations.frame["variant"].to_list() == ["fine"]
    reasons = {(row["study"], row["variant"]): row["reason"] for row in found.dropped.frame.iter_rows(named=True)}
    assert reasons == {
        ("a", "alone"): "in one study only", ("a", "half"): "palindromic, with a frequency near one half",
        ("a", "far"): "in one study only", ("b", "far"): "frequency far from that of the first study",
        ("a", "none"): "no effect or standard error", ("a", "twice"): "the same variant twice in one study",
        ("a", "other"): "in one study only", ("b", "other"): "in one study only",
    }  # fmt: skip
    assert len(found.dropped) == first.height + second.height - 2


def test_the_command_reads_scans_and_gwas_ssf(tmp_path: Path) -> None:
    ours = study(("v", 1, "A", "G", 0.3, 0.2, 0.1)).with_columns(trait=pl.lit(""))
    ours.write_parquet(tmp_path / "1.parquet")
    names = ["chromosome", "base_pair_location", "effect_allele", "other_allele", "beta", "standard_error"]
    ssf = "\t".join([*names, "effect_allele_frequency", "neg_log_10_p_value"]) + "\n"
    (tmp_path / "b.tsv").write_text(ssf + "1\t1\tG\tA\t-0.4\t0.1\t0.7\t4\n1\t9\tG\tA\t#NA\t0.1\t0.7\t4\n")
    files = [str(tmp_path / name) for name in ("out.csv", "1.parquet", "b.tsv")]
    assert "nothing names the trait of this study" in CliRunner().invoke(main, ["meta", *files]).output
    done = CliRunner().invoke(main, ["meta", *files, "--same-trait", "qt"])
    assert done.exit_code == 0, done.output
    assert pl.read_csv(tmp_path / "out.csv")["beta"].item() == pytest.approx(0.3)
    assert pl.read_csv(tmp_path / "out.dropped.csv")["reason"].to_list() == ["no effect or standard error"]


def test_wrong_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs two studies or more"):
        meta.combine([("a", study(("v", 1, "A", "G", 0.3, 0.1, 0.1)))])
    with pytest.raises(InputError, match="missing"):
        meta_studies.read(tmp_path / "absent.csv")
    (tmp_path / "a.csv").write_text("chrom,pos\n1,1\n")
    with pytest.raises(InputError, match="effect_allele"):
        meta_studies.read(tmp_path / "a.csv")
