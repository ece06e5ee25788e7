"""PLINK 2's text format, compared with PLINK 2 itself and read back by our reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas.exchange import plink2_text
from ecgwas.scan import matrix, plink2
from ecgwas.tables import LeftOutVariants
from tests.exchange.rows import make_tests
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options, plink2_options


def test_six_digits_and_missing_values() -> None:
    lost = [{"variant": "rs3", "chrom": "2", "pos": 45, "effect_allele": "A", "other_allele": "G", "trait": None,
             "reason": "VIF_TOO_HIGH"},
            {"variant": "rs4", "chrom": "2", "pos": 46, "effect_allele": "A", "other_allele": "G", "trait": None,
             "reason": "maf"}]  # fmt: skip
    frame = plink2_text.rows(make_tests(), LeftOutVariants.of(lost).frame)
    assert frame["ID"].to_list() == ["rs2", "2:40_T_TC", "rs3", "rs1:A:G"]
    assert frame.row(1) == ("2", "40", "2:40_T_TC", "T", "TC", "TC", "0.25", "466", "0.5", "0.125", "4", "4", ".")
    lines = plink2_text.as_text(frame).splitlines()
    assert lines[3] == "2\t45\trs3\tG\tA\tA\tNA\tNA\tNA\tNA\tNA\tNA\tVIF_TOO_HIGH"


@pytest.mark.plink2
def test_plink2_writes_the_same(tmp_path: Path) -> None:
    dosage = fileset.draw(150, 60, 4, missing=0.04)
    dosage[:, 7] = 2
    eids = fileset.write(tmp_path / "cohort", dosage)
    traits, more = fileset.tables(eids, 1, 3, 4)
    options = matrix_options(tmp_path / "cohort")
    ours = matrix.scan(options, traits, more, fileset.opened(options), seed=1)
    (tmp_path / "found").mkdir()
    path = tmp_path / "found" / "f0.glm.linear"
    path.write_text(plink2_text.as_text(plink2_text.rows(ours.associations.frame, ours.left_out.frame)))
    theirs = plink2_options(tmp_path / "cohort")
    plink2.scan(theirs, traits, more, fileset.opened(theirs), seed=1, folder=tmp_path / "plink2")
    text = {"separator": "\t", "infer_schema": False, "null_values": ["NA", "nan"]}
    a, b = pl.read_csv(path, **text), pl.read_csv(tmp_path / "plink2" / "made.II" / "f0.glm.linear", **text)
    assert a.columns == b.columns
    names = ["#CHROM", "POS", "ID", "ERRCODE"]
    assert a.select(names).equals(b.select(names))
    computed = pl.col("ERRCODE") == "."
    a, b = a.filter(computed), b.filter(computed)
    assert len(a) > 50
    assert a.select("REF", "ALT", "A1", "OBS_CT").equals(b.select("REF", "ALT", "A1", "OBS_CT"))
    for name in ("A1_FREQ", "BETA", "SE", "T_STAT", "LOG10_P"):
        # One unit in the sixth digit, where a half is rounded.
        np.testing.assert_allclose(a[name].cast(pl.Float64), b[name].cast(pl.Float64), rtol=1.01e-5, atol=1e-8)
