"""GWAS-SSF: the files written, the checker, and the GWAS Catalog's own validator where it is installed."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import yaml

from ecgwas.exchange import gwas_ssf, meta_studies
from tests.exchange.rows import make_tests


def write(folder: Path, tests: pl.DataFrame, *, packed: bool = False) -> Path:
    frame = gwas_ssf.rows(tests).frame
    path = folder / ("trait.tsv.gz" if packed else "trait.tsv")
    text = gwas_ssf.as_text(frame).encode()
    path.write_bytes(gzip.compress(text) if packed else text)
    about = {"covariates": ["age", "sex"], "min_maf": 0.01, "written_by": "ecgwas 1", "date": "2026-11-25",
             "transform": "rank_normal", "effect_unit": "SD per allele"}  # fmt: skip
    meta = gwas_ssf.metadata("clinical.12L.qt_ms", frame, path, build="hg19", **about)
    gwas_ssf.metadata_path(path).write_text(yaml.safe_dump(meta, sort_keys=False))
    return path


def test_columns_order_and_codes() -> None:
    frame = gwas_ssf.rows(make_tests()).frame
    assert tuple(frame.columns[:8]) == gwas_ssf.FIRST_COLUMNS
    assert frame.select("chromosome", "base_pair_location", "rsid", "n", "neg_log_10_p_value").rows() == [
        (2, 40, None, 466, 4.0), (2, 50, "rs1", 466, 400.5), (23, 900, "rs2", 466, 4.0),
    ]  # fmt: skip
    assert gwas_ssf.as_text(frame).splitlines()[1].split("\t")[:3] == ["2", "40", "TC"]
    assert "#NA" in gwas_ssf.as_text(frame).splitlines()[1]


def test_names_that_are_rs_numbers_are_written() -> None:
    names = ("rs5", "rs5:A:G", "rs5_A", "rs5x", ".", "3:38639416", "rs", "xrs5")
    frame = gwas_ssf.rows(make_tests(*({"variant": name, "pos": pos} for pos, name in enumerate(names)))).frame
    assert frame["rsid"].to_list() == ["rs5", "rs5", "rs5", None, None, None, None, None]


def test_rows_that_the_format_excludes_are_listed() -> None:
    table = gwas_ssf.rows(make_tests({"effect_allele": "<DEL>"}, {"variant": "nan", "beta": float("nan")}, {"variant": "good"}))
    assert table.frame.height == 1
    assert table.excluded.rows() == [
        ("rs5", "1", 5, "<DEL>", "G", "alleles are not spelled in bases"),
        ("nan", "1", 5, "A", "G", "no finite effect, standard error, frequency or p"),
    ]  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
def test_files_written_conform_to_the_format(packed: bool, tmp_path: Path) -> None:
    checked = gwas_ssf.check(write(tmp_path, make_tests(), packed=packed))
    assert (checked.rows, checked.problems) == (3, ())
    assert any("100000" in words for words in checked.cautions)
    assert any("chromosome 1, 3, 4" in words for words in checked.cautions)


Harm = Callable[[str], str]
HARMS: dict[str, tuple[Harm, str]] = {
    "columns swapped": (lambda text: text.replace("beta\tstandard_error", "standard_error\tbeta"), "first columns"),
    "no header": (lambda text: text.split("\n", 1)[1], "first columns"),
    "chromosome X": (lambda text: text.replace("\n23\t", "\nX\t"), "chromosome 'X'"),
    "chromosome 26": (lambda text: text.replace("\n23\t", "\n26\t"), "chromosome '26'"),
    "position": (lambda text: text.replace("\t900\t", "\t9e2\t"), "position '9e2'"),
    "allele": (lambda text: text.replace("\tTC\t", "\tI\t"), "allele 'I'"),
    "beta": (lambda text: text.replace("\t0.5\t", "\tinf\t"), "beta 'inf'"),
    "standard error": (lambda text: text.replace("\t0.125\t", "\t-0.1\t"), "standard error '-0.1'"),
    "frequency": (lambda text: text.replace("\t0.25\t", "\t25\t"), "frequency '25'"),
    "p": (lambda text: text.replace("\t400.5\t", "\tNA\t"), "-log10 p 'NA'"),
    "rsid": (lambda text: text.replace("\trs1\t", "\tchr1\t"), "rsid 'chr1'"),
    "n": (lambda text: text.replace("\t466\n", "\t46.5\n"), "n '46.5'"),
    "line cut": (lambda text: text[:-9], "columns, the header has 10"),
    "order": (lambda text: "\n".join([(lines := text.splitlines())[0], lines[3], lines[1], lines[2], ""]), "not in order"),
}


@pytest.mark.parametrize("name", HARMS)
def test_the_checker_finds(name: str, tmp_path: Path) -> None:
    harm, words = HARMS[name]
    path = write(tmp_path, make_tests())
    harmed = harm(path.read_text())
    assert harmed != path.read_text()
    path.write_text(harmed)
    problems = gwas_ssf.check(path).problems
    assert any("data_file_md5sum" in problem for problem in problems)
    assert any(words in problem for problem in problems)


@pytest.mark.parametrize(("key", "value"), [("data_file_name", "other.tsv"), ("file_type", "NR"), ("genome_assembly", "hg19")])
def test_the_checker_reads_the_metadata(key: str, value: str, tmp_path: Path) -> None:
    path = write(tmp_path, make_tests())
    meta = yaml.safe_load(gwas_ssf.metadata_path(path).read_text()) | {key: value}
    gwas_ssf.metadata_path(path).write_text(yaml.safe_dump(meta))
    (problem,) = gwas_ssf.check(path).problems
    assert problem.startswith(key)


def test_files_that_are_not_tables_are_reported(tmp_path: Path) -> None:
    path = write(tmp_path, make_tests(), packed=True)
    path.write_bytes(path.read_bytes()[:-12])
    assert any("cannot be read" in problem for problem in gwas_ssf.check(path).problems)
    gwas_ssf.metadata_path(path).unlink()
    assert any("cannot both be read" in problem for problem in gwas_ssf.check(path).problems)


def test_the_catalogs_own_validator_agrees(tmp_path: Path) -> None:
    """gwas-sumstats-tools needs a Python environment of its own: see docs/export.md."""
    program = shutil.which("gwas-ssf")
    if program is None:
        pytest.skip("the program gwas-ssf is not on the path: docs/export.md says how to install it")
    tests = [{"variant": f"rs{k}", "chrom": str(1 + k % 22), "pos": k, "neglog10p": k / 10} for k in range(1, 221)]
    path = write(tmp_path, make_tests(*tests), packed=True)
    assert gwas_ssf.check(path).problems == ()
    judged = subprocess.run([program, "validate", "-m", "100", str(path)], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert "valid" in judged.stdout.lower()
    bad = write(tmp_path, make_tests(*tests))
    bad.write_text(bad.read_text().replace("\t0.25\t", "\t25\t"))
    judged = subprocess.run([program, "validate", "-m", "100", str(bad)], capture_output=True, text=True, check=False)
    assert judged.returncode != 0
    assert gwas_ssf.check(bad).problems != ()


def test_the_metadata_states_the_unit_of_a_measured_trait(tmp_path: Path) -> None:
    frame, path = gwas_ssf.rows(make_tests()).frame, write(tmp_path, make_tests())
    about = {"build": "hg19", "covariates": [], "min_maf": 0.01, "written_by": "ecgwas 1", "date": "2026-11-25",
             "transform": "rank_normal", "effect_unit": "SD per allele"}  # fmt: skip
    measured, learned = (gwas_ssf.metadata("made.I.x", frame, path, untransformed_unit=unit, **about) for unit in ("ms", None))
    assert measured["untransformed_unit"] == "ms"
    assert "unit of the trait before it: ms; beta: SD per allele" in measured["author_notes"]
    assert "untransformed_unit" not in learned
    gwas_ssf.metadata_path(path).write_text(yaml.safe_dump(measured))
    assert gwas_ssf.check(path).problems == ()
    assert meta_studies.read_study(path).about["unit"] == "SD per allele"  # not that of the values


def test_the_metadata_tells_transformation_and_unit_as_a_meta_analysis_reads_them(tmp_path: Path) -> None:
    path = write(tmp_path, make_tests())
    meta = yaml.safe_load(gwas_ssf.metadata_path(path).read_text())
    assert (meta["transformation"], meta["effect_unit"]) == ("rank_normal", "SD per allele")
    assert "rank-based inverse normal transformation" in meta["author_notes"]
    study = meta_studies.read_study(path)
    assert {key: study.about[key] for key in ("unit", "transformation")} == {
        "unit": "SD per allele", "transformation": "rank_normal",
    }  # fmt: skip
