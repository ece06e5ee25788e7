"""Scoring files: columns, builds, weights; mistakes say what, where and how to fix it."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgwas.errors import InputError
from ecgwas.scores import scoring_file
from ecgwas.scores.scoring_file import ScoringFile

SHARED = Path("/work/shared/data/scores")
HARMONISED = """\
###PGS CATALOG SCORING FILE
#format_version=2.0
#pgs_id=PGS000007
#weight_type=NR
#genome_build=GRCh37
##HARMONIZATION DETAILS
#HmPOS_build=GRCh38
rsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\thm_source\thm_rsID\thm_chr\thm_pos\thm_inferOtherAllele
rs1\t1\t100\ta\tG\t0.5\tENSEMBL\trs1\t1\t1100\t
rs2\t01\t200\tC\t\t-0.25\tENSEMBL\trs22\tchrX\t1200\tT
rs3\t2\t300\tC\t\t1e-3\tENSEMBL\t\t\t\tT/A
"""


def write(folder: Path, text: str, name: str = "score.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_harmonised_positions_of_the_build_go_first(tmp_path: Path) -> None:
    path = write(tmp_path, HARMONISED)
    new, old = scoring_file.read(path, "hg38"), scoring_file.read(path, "hg19")
    assert (new.name, new.weight_type) == ("PGS000007", "")
    assert new.frame["pos"].to_list() == [1100, 1200, None]
    assert new.frame["chrom"].to_list() == ["1", "X", None]
    assert new.frame["rsid"].to_list() == ["rs1", "rs22", "rs3"]
    assert new.frame["other_allele"].to_list() == ["G", "T", None]
    assert old.frame["pos"].to_list() == [100, 200, 300]
    assert old.frame["chrom"].to_list() == ["1", "1", "2"]
    assert new.frame["copies_2"].to_list() == [1.0, -0.5, 2e-3]
    assert new.frame["line"].to_list() == [9, 10, 11]


def test_compressed_and_windows_lines(tmp_path: Path) -> None:
    path = tmp_path / "score.txt.gz"
    path.write_bytes(gzip.compress(HARMONISED.replace("\n", "\r\n").encode()))
    assert scoring_file.read(path, "hg38").frame.equals(scoring_file.read(write(tmp_path, HARMONISED), "hg38").frame)


TABLE = "#genome_build=GRCh37\nchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n"


def test_positions_of_another_build_without_rs_numbers_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE + "1\t100\tA\tG\t1\n")
    with pytest.raises(InputError, match="no positions of GRCh38 and no rs numbers") as caught:
        scoring_file.read(path, "hg38")
    assert "_hmPOS_GRCh38" in caught.value.fix
    with pytest.raises(InputError, match="a build that it does not state"):
        scoring_file.read(write(tmp_path, TABLE.split("\n", 1)[1] + "1\t100\tA\tG\t1\n", "none.txt"), "hg19")


def test_ratios_become_logarithms_where_there_are_no_weights(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE.replace("effect_weight", "OR") + "1\t100\tA\tG\t2\n1\t200\tA\tG\t0.5\n")
    read = scoring_file.read(path, "hg19")
    np.testing.assert_allclose(read.frame["copies_1"], [np.log(2), -np.log(2)])
    assert "weights are logarithms of the column OR" in read.notes
    with pytest.raises(InputError, match="a ratio must be above 0: column OR, line 3"):
        scoring_file.read(write(tmp_path, TABLE.replace("effect_weight", "OR") + "1\t100\tA\tG\t0\n"), "hg19")


def test_weights_that_look_like_ratios_are_a_caution(tmp_path: Path) -> None:
    rows = "".join(f"1\t{100 + j}\tA\tG\t{1 + j / 100}\n" for j in range(12))
    read = scoring_file.read(write(tmp_path, "#weight_type=OR\n" + TABLE + rows), "hg19")
    assert read.weight_type == "OR"
    assert "if they are odds or hazard ratios, write their logarithms" in read.cautions[0]


def test_lines_that_cannot_be_used_remain_with_their_reason(tmp_path: Path) -> None:
    head = TABLE.rstrip("\n") + "\tis_interaction\tis_diplotype\tis_dominant\tis_recessive\n"
    rows = ["1\t1\tA\tG\t1\tTrue\t\t\t", "1\t2\tA\tG\t1\t\tTRUE\t\t", "1\t3\t\tG\t1\t\t\t\t", "1\t4\tA\t<DEL>\t1\t\t\t\t",
            "1\t5\tA\tG\tNA\t\t\t\t", "\t\tA\tG\t1\t\t\t\t", "1\t7\tA\tG\t3\t\t\tTrue\tFalse", "1\t8\tA\tG\t3\t\t\t\t1",
            "1\t9\tA\tA\t1\t\t\t\t"]  # fmt: skip
    read = scoring_file.read(write(tmp_path, head + "\n".join(rows) + "\n"), "hg19")
    assert read.frame["problem"].to_list() == [
        "interaction", "haplotype or diplotype", "no effect allele", "alleles not of A, C, G and T", "no weight",
        "no position and no rs number", None, None, "alleles not of A, C, G and T",
    ]  # fmt: skip
    assert read.frame.select("copies_0", "copies_1", "copies_2").rows()[6:8] == [(0.0, 3.0, 3.0), (0.0, 0.0, 3.0)]
    assert read.notes[-2:] == ("1 lines are dominant", "1 lines are recessive")


@pytest.mark.parametrize(("text", "message"), [
    ("#a=b\n", "has no table"), ("", "has no table"),
    (TABLE + "1\t100\tA\tG\tabc\n", "not a number in column effect_weight: line 3: abc"),
    (TABLE + "1\t1e5\tA\tG\t1\n", "not a position: line 3: 1e5"),
    (TABLE + "1\t100\tA\tG\n1\t100\tA\tG\t1\t2\t3\n", "other numbers of columns"),
    (TABLE.replace("effect_allele", "A1") + "1\t100\tA\tG\t1\n", "no column effect_allele"),
    (TABLE.replace("effect_weight", "beta") + "1\t100\tA\tG\t1\n", "no column of weights"),
    (TABLE.replace("other_allele", "snp\trsid") + "1\t100\tA\tG\tG\t1\n", "two columns .* mean rsid"),
    (TABLE + "1\t100\t\tG\t1\n", "no line of the scoring file can be used .no effect allele: 1"),
])  # fmt: skip
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        scoring_file.read(write(tmp_path, text), "hg19")
    assert caught.value.fix


@pytest.mark.real
def test_files_of_the_catalog() -> None:
    for name, build in (("PGS000001_hmPOS_GRCh37", "hg19"), ("PGS000001_hmPOS_GRCh38", "hg38")):
        read = scoring_file.read(SHARED / f"{name}.txt.gz", build)
        assert (read.name, len(read), read.frame["pos"].null_count(), read.frame["problem"].null_count()) == (
            "PGS000001",
            77,
            0,
            77,
        )
        assert "harmonised positions" in read.notes[0]
    ratio = scoring_file.read(SHARED / "PGS000001.txt.gz", "hg19")
    assert ratio.frame["copies_1"][0] == pytest.approx(np.log(1.1761), abs=1e-4)


@given(data=st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_read_or_refused_with_advice(tmp_path: Path, data: st.DataObject) -> None:
    """Characters replaced, removed or put in anywhere."""
    text = HARMONISED
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(start + 12, len(text))))
        text = text[:start] + data.draw(st.text('\t\n\r"#=,.-019AGTNaeé\0 ', max_size=4)) + text[stop:]
    path = tmp_path / "score.txt"
    path.write_bytes(text.encode())
    read, refusal = outcome_of(path, data.draw(st.sampled_from(["hg19", "hg38"])))
    if refusal is not None:
        assert refusal.fix
        assert refusal.where == str(path)
        return
    assert read is not None
    usable = read.frame.filter(pl.col("problem").is_null())
    assert usable.height > 0
    assert usable["copies_1"].is_finite().all()
    assert usable.select("rsid", "pos").with_columns(known=pl.any_horizontal(pl.all().is_not_null()))["known"].all()


def outcome_of(path: Path, build: str) -> tuple[ScoringFile | None, InputError | None]:
    try:
        return scoring_file.read(path, build), None
    except InputError as error:
        return None, error
