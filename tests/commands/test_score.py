"""`ecgwas score` and `ecgwas export ... pgs_catalog`: files that score other people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from ecgwas.commands.cli import main
from ecgwas.commands.export_scores import leads
from ecgwas.scores import catalog_file, scoring_file
from tests.factories import make_eids
from tests.scores.files import lines_of, write_cohort, write_score

PEOPLE, VARIANTS = 50, 30


def test_people_of_other_genotypes_are_scored(tmp_path: Path) -> None:
    _, table, copies = write_cohort(tmp_path, PEOPLE, VARIANTS, missing=0)
    weights = np.random.default_rng(1).normal(size=VARIANTS)
    path = write_score(tmp_path / "mine.txt", lines_of(table, weights))
    out = tmp_path / "scores.tsv"
    arguments = ["score", str(path), str(tmp_path / "cohort"), "--palindromes", "keep", "--out", str(out)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "mine: 30 of 30 variants used" in result.output
    own = pl.read_csv(out, separator="\t", schema_overrides={"eid": pl.String})
    assert tuple(own["eid"]) == make_eids(PEOPLE)
    np.testing.assert_allclose(own["score"], copies @ weights, atol=1e-9)
    assert own["z"].std() == pytest.approx(1)
    dropped = CliRunner().invoke(main, [*arguments[:3], "--min-match", "0.99", "--out", str(out)])
    assert dropped.exit_code == 3
    assert "ambiguous palindrome" in dropped.output
    assert "--min-match" in dropped.output


def test_a_written_file_is_read_as_it_was(tmp_path: Path) -> None:
    _, table, _ = write_cohort(tmp_path, PEOPLE, VARIANTS)
    lines = table.with_columns(weight=pl.Series(np.random.default_rng(2).normal(size=VARIANTS)), eaf=pl.lit(0.25))
    lines = lines.select(*catalog_file.LINES)
    content = catalog_file.text(lines, name="mine", trait="QT\ninterval", build="hg38", further={"program": "x"})
    for name in ("mine.txt", "mine.txt.gz"):
        catalog_file.write(tmp_path / name, content)
        read = scoring_file.read(tmp_path / name, "hg38")
        assert read.name == "mine"
        assert (read.header["trait_reported"], read.header["variants_number"]) == ("QT interval", str(VARIANTS))
        assert read.frame["copies_1"].to_list() == lines["weight"].to_list()
        assert read.frame.select("chrom", "pos", "effect_allele", "other_allele").equals(
            lines.select("chrom", "pos", "effect_allele", "other_allele")
        )
        assert read.frame["frequency"].unique().to_list() == [0.25]


def test_leads_are_apart() -> None:
    hits = pl.DataFrame({
        "chrom": ["1", "1", "1", "2"], "pos": [100, 150, 400, 120], "neglog10p": [9.0, 12.0, 8.0, 7.5],
        "beta": [1.0, 2.0, 3.0, 4.0],
    })  # fmt: skip
    assert leads(hits, 200)["weight"].to_list() == [2.0, 3.0, 4.0]
    assert leads(hits, 250)["weight"].to_list() == [2.0, 4.0]
    assert leads(hits.clear(), 250).height == 0
