"""The first study file: inputs found, patterns seen, ambiguity refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.errors import InputError, StudyError
from ecgwas.genes.references import REFERENCES
from ecgwas.initialise import write_study
from ecgwas.study import Study


def folder_with(tmp_path: Path, *filesets: str, header: str = "eid\tage\tsex\tcenter") -> Path:
    (tmp_path / "ecg").mkdir()
    (tmp_path / "genotypes").mkdir()
    (tmp_path / "covariates.tsv").write_text(header + "\n")
    for name in filesets:
        for ending in ("bed", "bim", "fam"):
            (tmp_path / "genotypes" / f"{name}.{ending}").touch()
    return tmp_path


def test_one_fileset(tmp_path: Path) -> None:
    study = Study.read_file(write_study(folder_with(tmp_path, "cohort")))
    assert study.scan.genotypes == tmp_path / "genotypes" / "cohort"
    assert study.traits.categorical == ("center",)
    assert [representation.kind for representation in study.represent] == ["intervals", "pca"]


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (("chr1", "chr2", "chr22", "chrX"), "chr{chrom}"),
        (("ukb22418_c1_b0_v2", "ukb22418_c2_b0_v2", "ukb22418_cX_b0_v2"), "ukb22418_c{chrom}_b0_v2"),
        (("chr1", "chrX", "chrPAR1", "chrPAR2"), "chr{chrom}"),
        (("chr21", "chrX", "chrXY", "chrMT"), "chr{chrom}"),
    ],
)
def test_a_fileset_per_chromosome(tmp_path: Path, names: tuple[str, ...], pattern: str) -> None:
    study = Study.read_file(write_study(folder_with(tmp_path, *names)))
    assert study.scan.genotypes == tmp_path / "genotypes" / pattern


def test_filesets_that_have_nothing_in_common(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pattern"):
        write_study(folder_with(tmp_path, "cohort", "chr1"))


def test_covariates_without_center(tmp_path: Path) -> None:
    study = Study.read_file(write_study(folder_with(tmp_path, "cohort", header="eid\tage")))
    assert study.traits.categorical == ()


def test_gene_tables_are_taken_up(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "cohort")
    (folder / "genes.tsv").touch()
    (folder / "terms.gmt").touch()
    study = Study.read_file(write_study(folder))
    assert [source.kind for source in study.genes] == ["regions", "enrichment"]


def test_references_are_taken_up_where_there_are_no_own_tables(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "cohort")
    (folder / "references").mkdir()
    for reference in REFERENCES:
        (folder / "references" / reference.name).touch()
    study = Study.read_file(write_study(folder))
    assert [source.kind for source in study.genes] == ["regions", "string_files", "enrichment", "gwas_catalog"]
    named = {value for source in study.genes for _, value in source if isinstance(value, Path)}
    assert all(path.is_file() for path in named)


def test_an_odd_folder_name_stays_valid_yaml(tmp_path: Path) -> None:
    folder = tmp_path / "a: b # c"
    folder.mkdir()
    assert Study.read_file(write_study(folder_with(folder, "cohort"))).name == "a: b # c"


def test_a_study_that_is_there_is_kept(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "cohort")
    (folder / "study.yaml").write_text("mine")
    with pytest.raises(StudyError, match="already"):
        write_study(folder)
    assert (folder / "study.yaml").read_text() == "mine"


@pytest.mark.parametrize("content", [b"eid,age,center\n", "eid\tage\tcenter\n".encode("utf-16"), b'"eid" "age" "center"\n'])
def test_categories_are_found_however_the_table_is_written(tmp_path: Path, content: bytes) -> None:
    folder = folder_with(tmp_path, "cohort")
    (folder / "covariates.tsv").write_bytes(content)
    assert Study.read_file(write_study(folder)).traits.categorical == ("center",)


def test_a_covariate_table_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "cohort")
    (folder / "covariates.tsv").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="Excel workbook"):
        write_study(folder)
