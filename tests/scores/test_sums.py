"""Scores of participants: equal to plink2 --score, and to sums by hand."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.scores import scoring_file, sums
from ecgwas.scores.matching import Matched, Palindromes
from ecgwas.study.scan import Matrix
from tests.factories import make_eids
from tests.scores.files import MISSING, lines_of, plink2_sums, write_cohort, write_score

PEOPLE, VARIANTS = 100, 40


def scored(
    options: Matrix, paths: list[Path], eids: tuple[str, ...], palindromes: Palindromes = "keep"
) -> tuple[tuple[Matched, ...], NDArray[np.float64]]:
    found = sums.matched(options, [scoring_file.read(path, options.build) for path in paths], eids, palindromes=palindromes)
    return found, sums.scores(options, found, eids)


@pytest.mark.plink2
def test_equal_to_plink2_with_missing_calls_and_some_of_the_people(tmp_path: Path) -> None:
    options, table, _ = write_cohort(tmp_path, PEOPLE, VARIANTS)
    lines = lines_of(table, np.random.default_rng(2).normal(size=VARIANTS))
    path = write_score(tmp_path / "a.txt", lines)
    for eids in (make_eids(PEOPLE), make_eids(PEOPLE)[10:80][::-1]):
        theirs = plink2_sums(tmp_path, f"--bfile {tmp_path / 'cohort'}", lines, keep=eids)
        _, own = scored(options, [path], eids)
        np.testing.assert_allclose(own[:, 0], [theirs[eid] for eid in eids], rtol=1e-5, atol=1e-5)


@pytest.mark.plink2
@pytest.mark.parametrize("model", ["dominant", "recessive"])
def test_equal_to_plink2_for_dominant_and_recessive_lines_of_dosages(tmp_path: Path, model: str) -> None:
    options, table, _ = write_cohort(tmp_path, PEOPLE, VARIANTS, missing=0)
    write_dosages(tmp_path, table)
    dosages = options.model_copy(update={"genotypes": tmp_path / "imputed"})
    lines = lines_of(table, np.random.default_rng(3).normal(size=VARIANTS))
    path = write_score(tmp_path / "a.txt", lines.with_columns(pl.lit("True").alias(f"is_{model}")))
    theirs = plink2_sums(tmp_path, f"--pfile {tmp_path / 'imputed'}", lines, model)
    _, own = scored(dosages, [path], make_eids(PEOPLE))
    np.testing.assert_allclose(own[:, 0], [theirs[eid] for eid in make_eids(PEOPLE)], rtol=1e-4, atol=1e-4)


def write_dosages(folder: Path, table: pl.DataFrame) -> None:
    """imputed.pgen: the variants with dosages, made by plink2 of a .vcf."""
    rng = np.random.default_rng(4)
    eids = make_eids(PEOPLE)
    lines = ["##fileformat=VCFv4.2", '##FORMAT=<ID=DS,Number=1,Type=Float,Description="dosage">',
             "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *eids])]  # fmt: skip
    for row in table.filter(pl.col("chrom") != "X").iter_rows(named=True):
        dosage = [f"{value:.3f}" for value in rng.uniform(0, 2, PEOPLE)]
        lines.append("\t".join([row["chrom"], str(row["pos"]), row["variant"], row["other_allele"], row["effect_allele"], ".",
                                ".", ".", "DS", *dosage]))  # fmt: skip
    (folder / "imputed.vcf").write_text("\n".join(lines) + "\n")
    command = ["plink2", "--vcf", "imputed.vcf", "dosage=DS", "--make-pgen", "--out", "imputed", "--threads", "1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def test_several_scores_together_are_those_of_each_alone_and_by_hand(tmp_path: Path) -> None:
    options, table, copies = write_cohort(tmp_path, PEOPLE, VARIANTS)
    rng = np.random.default_rng(5)
    paths, expected = [], []
    values = np.where(copies == MISSING, np.nan, copies.astype(float))
    values = np.where(np.isnan(values), np.nanmean(values, axis=0), values)
    for k, first in enumerate((0, 5, 20)):
        weight = rng.normal(size=VARIANTS)
        chosen = np.arange(first, VARIANTS - k)
        paths.append(write_score(tmp_path / f"s{k}.txt", lines_of(table, weight)[chosen.tolist()]))
        expected.append(values[:, chosen] @ weight[chosen])
    _, own = scored(options, paths, make_eids(PEOPLE))
    np.testing.assert_allclose(own, np.stack(expected, axis=1), atol=1e-10)
    for k, path in enumerate(paths):
        np.testing.assert_allclose(scored(options, [path], make_eids(PEOPLE))[1][:, 0], own[:, k], atol=1e-12)


def test_weights_of_each_number_of_copies(tmp_path: Path) -> None:
    options, table, copies = write_cohort(tmp_path, PEOPLE, VARIANTS, missing=0)
    rng = np.random.default_rng(6)
    weights = rng.normal(size=(3, VARIANTS))
    rows = lines_of(table, weights[1]).drop("effect_weight").with_columns(
        pl.Series(f"dosage_{k}_weight", weights[k]) for k in range(3)
    )  # fmt: skip
    exchanged = {"effect_allele": "other_allele", "dosage_0_weight": "dosage_2_weight"}
    swapped = rows.rename(exchanged | {b: a for a, b in exchanged.items()})
    paths = [write_score(tmp_path / "a.txt", rows), write_score(tmp_path / "b.txt", swapped)]
    _, own = scored(options, paths, make_eids(PEOPLE))
    expected = weights[copies.astype(int), np.arange(VARIANTS)].sum(axis=1)
    np.testing.assert_allclose(own, np.stack([expected, expected], axis=1), atol=1e-10)


def test_a_score_without_variants_is_refused(tmp_path: Path) -> None:
    options, table, _ = write_cohort(tmp_path, PEOPLE, VARIANTS)
    far = lines_of(table, np.ones(VARIANTS)).with_columns(pl.col("chr_position") + 7)
    with pytest.raises(InputError, match="no variant of the score far"):
        scored(options, [write_score(tmp_path / "far.txt", far)], make_eids(PEOPLE))


def test_palindromes_by_frequency(tmp_path: Path) -> None:
    """Alleles named on the other strand are recognised by their frequency; those near one half are not used."""
    options, table, copies = write_cohort(tmp_path, 400, 60, missing=0)
    frequency = copies.mean(axis=0) / 2
    palindromes = (table["effect_allele"] + table["other_allele"]).is_in(["AT", "GC"]).to_numpy()
    weight = np.random.default_rng(7).normal(size=60)
    lines = lines_of(table, weight).with_columns(allelefrequency_effect=pl.Series(frequency))
    wrong = lines.select(
        pl.exclude("effect_allele", "other_allele"), effect_allele="other_allele", other_allele="effect_allele"
    )
    eids = make_eids(400)
    clear = palindromes & (np.abs(frequency - 0.5) >= 0.08)
    expected = copies[:, clear] @ weight[clear]
    for k, rows in enumerate((lines, wrong)):
        path = write_score(tmp_path / f"{k}.txt", rows.filter(pl.Series(palindromes)))
        found, own = scored(options, [path], eids, "frequency")
        assert found[0].used.height == clear.sum() > 3
        assert (found[0].frame["status"] == "ambiguous palindrome").sum() == (palindromes & ~clear).sum()
        np.testing.assert_allclose(own[:, 0], expected, atol=1e-9)
    found, _ = scored(options, [write_score(tmp_path / "all.txt", lines)], eids, "drop")
    assert (found[0].frame["status"] == "ambiguous palindrome").to_numpy().tolist() == palindromes.tolist()
