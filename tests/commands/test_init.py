"""The first study file: inputs found, patterns seen, ambiguity refused."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path

import pytest

from ecgwas.commands.init import write_study
from ecgwas.ecg import find_recordings
from ecgwas.errors import InputError, StudyError
from ecgwas.genes.references import REFERENCES
from ecgwas.study import Study
from tests.ecg.test_file_origins import muse
from tests.ecg.vendors import wfdb_16


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
    assert [representation.kind for representation in study.represent] == ["intervals", "pca", "local"]


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


@pytest.mark.parametrize(
    ("files", "kinds"),
    [
        (("genes.tsv",), ["regions", "string_db"]),
        (("network.tsv", "terms.gmt"), ["string_files", "enrichment", "haploreg", "gprofiler"]),
        (("genes.tsv", "network.tsv", "terms.gmt"), ["regions", "string_files", "enrichment"]),
    ],
)
def test_services_of_the_preset_stay_where_no_file_stands_for_them(
    tmp_path: Path, files: tuple[str, ...], kinds: list[str]
) -> None:
    folder = folder_with(tmp_path, "cohort")
    for name in files:
        (folder / name).touch()
    study = Study.read_file(write_study(folder, preset="published"))
    assert [source.kind for source in study.genes] == kinds
    assert study.contradictions == []
    offline = [kind for kind in kinds if kind in ("regions", "string_files", "enrichment")]
    assert [source.kind for source in Study.read_file(write_study(folder, replace=True)).genes] == offline


def test_references_are_taken_up_where_there_are_no_own_tables(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "cohort")
    (folder / "references").mkdir()
    for reference in REFERENCES:
        (folder / "references" / reference.name).touch()
    study = Study.read_file(write_study(folder))
    kinds = ["regions", "string_files", "enrichment", "gwas_catalog", "ontologies"]
    assert [source.kind for source in study.genes] == kinds
    published = Study.read_file(write_study(folder, replace=True, preset="published"))
    assert [source.kind for source in published.genes] == kinds
    assert published.contradictions == []
    assert all(source in published.genes for source in study.genes)
    named = {value for source in study.genes for _, value in source if isinstance(value, Path)}
    assert all(path.is_file() for path in named)
    assert study.report.recombination_map == folder / "references" / "genetic_map_hg19_withX.txt.gz"


def test_the_only_genetic_map_of_the_build_is_taken_up(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "cohort")
    assert Study.read_file(write_study(folder)).report.recombination_map is None
    (folder / "genetic_map_GRCh38.txt.gz").touch()
    (folder / "genetic_map_empty").mkdir()
    assert Study.read_file(write_study(folder, replace=True)).report.recombination_map is None
    (folder / "genetic_map_b37").mkdir()
    (folder / "genetic_map_b37" / "genetic_map_chr1_combined_b37.txt").touch()
    assert Study.read_file(write_study(folder, replace=True)).report.recombination_map == folder / "genetic_map_b37"
    (folder / "genetic_map.txt").touch()
    said: list[str] = []
    assert Study.read_file(write_study(folder, replace=True, say=said.append)).report.recombination_map is None
    assert said == ["several genetic maps: genetic_map.txt, genetic_map_b37; name one as report.recombination_map"]


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


@pytest.mark.parametrize("preset", ["calibrated", "published"])
def test_a_first_file_holds_inputs_alone_and_changes_nothing_of_its_preset(tmp_path: Path, preset: str) -> None:
    path = write_study(folder_with(tmp_path, "cohort"), preset=preset)
    study = Study.read_file(path)
    assert study.preset == preset
    assert {one.place for one in study.settings if one.line is not None} == {
        "name", "seed", "results", "preset", "read.recordings", "traits.covariates", "scan.genotypes", "scan.build",
        "report.title",
    }  # fmt: skip
    assert study.contradictions == []


def test_the_preset_of_a_first_file_may_be_changed_later(tmp_path: Path) -> None:
    """Whoever changes the one line has the source study's chain as `init --preset published` gives it."""
    path = write_study(folder_with(tmp_path, "cohort"))
    path.write_text(path.read_text().replace("preset: calibrated", "preset: published"))
    changed = Study.read_file(path)
    written = Study.read_file(write_study(tmp_path, replace=True, preset="published"))
    assert changed.model_dump() == written.model_dump()
    assert [one.kind for one in changed.represent] == ["residual_autoencoder"]


@pytest.mark.parametrize("preset", ["calibrated", "published"])
def test_lines_that_are_commented_out_may_be_put_in(tmp_path: Path, preset: str) -> None:
    """Each comment that shows an option is one, and of `calibrated` its value is what runs anyway."""
    path = write_study(folder_with(tmp_path, "cohort"), preset=preset)
    before = Study.read_file(path)
    inputs = path.read_text()[path.read_text().index("name:") :].partition("# genes:")[0]
    shown = re.sub(r"^(\s*)# ", r"\1", inputs, flags=re.MULTILINE)
    path.write_text(
        shown.replace("  - {kind: residual_autoencoder, name: ae, features: 32}\n", "") + f"report: {{title: {before.name}}}\n"
    )
    after = Study.read_file(path)
    assert shown != inputs
    epochs = {"represent": (before.represent[0].model_copy(update={"epochs": 2}),)} if preset == "published" else {}
    assert after.model_dump() == before.model_copy(update=epochs).model_dump()


def test_categories_that_the_table_does_not_have_are_no_line_where_it_has_them(tmp_path: Path) -> None:
    text = write_study(folder_with(tmp_path, "cohort")).read_text()
    assert "categorical" not in text


@pytest.mark.parametrize("name", ["covariates.csv", "covariates.tsv.gz", "covariates.csv.gz"])
def test_other_names_of_the_covariate_table(tmp_path: Path, name: str) -> None:
    folder = folder_with(tmp_path, "cohort")
    (folder / "covariates.tsv").unlink()
    text = ("eid,age,center\n" if ".csv" in name else "eid\tage\tcenter\n").encode()
    (folder / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    study = Study.read_file(write_study(folder))
    assert study.traits.covariates == folder / name
    assert study.traits.categorical == ("center",)


def test_several_covariate_tables_are_ambiguous(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "cohort")
    (folder / "covariates.csv").write_text("eid,age\n")
    with pytest.raises(InputError, match=r"several tables of covariates: covariates\.tsv, covariates\.csv"):
        write_study(folder)


ROWS = "{}\t{}\t11025\tbileve\t{}\tB{}\t0.{}\tplate of {}\n"


def test_columns_of_categories_are_named(tmp_path: Path) -> None:
    """Centre codes, arrays and batches by their names, words by their values; neither numbers nor free text."""
    header = "eid\tage\tcentre\tarray\tsex\tgroup\tancestry_score\tremark"
    folder = folder_with(tmp_path, "cohort", header=header)
    lines = [ROWS.format(i, 40 + i, ("male", "female")[i % 2], i % 3, i, i) for i in range(30)]
    (folder / "covariates.tsv").write_text(header + "\n" + "".join(lines))
    assert Study.read_file(write_study(folder)).traits.categorical == ("centre", "array", "sex", "group")


def test_exclusions_of_a_biobank_are_taken_up(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "cohort")
    (folder / "covariates_excluded.csv").write_text("eid,reason,further\n1,withdrawn,\n")
    assert Study.read_file(write_study(folder)).read.leave_out == folder / "covariates_excluded.csv"
    (folder / "covariates_excluded.csv").write_text("eid,reason,further\n")
    assert Study.read_file(write_study(folder, replace=True)).read.leave_out is None


def foreign(tmp_path: Path) -> Path:
    """MUSE files of two people, one of them twice, a WFDB record with its signals, a picture and a text."""
    folder = folder_with(tmp_path, "cohort")
    for name, who, date in (("a", "4711", "03-31-2019"), ("b", "4711", "01-02-2018"), ("c", "4712", "05-06-2020")):
        (folder / "ecg" / f"{name}.xml").write_bytes(muse(date).replace(b"4711", who.encode()))
    (folder / "ecg" / "records").mkdir()
    wfdb_16(folder / "ecg" / "records", name="r1")
    (folder / "ecg" / "scan.png").write_bytes(b"\x89PNG....")
    (folder / "ecg" / "notes.txt").write_text("read me, please")
    return folder


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "recordings.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_recordings_of_other_names_are_listed_and_wait_for_eids(tmp_path: Path) -> None:
    folder, said = foreign(tmp_path), list[str]()
    study = Study.read_file(write_study(folder, say=said.append))
    assert study.read.recordings == folder / "recordings.csv"
    assert study.read.choose == "visit"
    rows = table(folder)
    assert [row["path"] for row in rows] == ["ecg/a.xml", "ecg/b.xml", "ecg/c.xml", "ecg/records/r1.hea"]
    assert {row["eid"] for row in rows} == {""}
    assert [row["date"] for row in rows] == ["2019-03-31 14:05:00", "2018-01-02 14:05:00", "2020-05-06 14:05:00", ""]
    assert len({row["device"] for row in rows[:3]}) == 1
    text = "\n".join(said)
    for words in (
        "GE MUSE XML: 3", "WFDB record: 1", "2 files are not listed", "PNG picture: 1", "fill the column eid of 4 lines",
        "relative to the folder of recordings.csv", "--ids-from-file",
    ):  # fmt: skip
        assert words in text
    assert "warning" not in text
    assert b"4711" not in (folder / "recordings.csv").read_bytes()
    with pytest.raises(InputError, match="do not describe a recording"):
        find_recordings(study.read)


def test_own_ids_only_on_request_and_with_a_warning(tmp_path: Path) -> None:
    folder, said = foreign(tmp_path), list[str]()
    study = Study.read_file(write_study(folder, ids_from_file=True, say=said.append))
    rows = table(folder)
    assert [row["eid"] for row in rows] == ["4711", "4711", "4712", "r1"]
    assert [row["instance"] for row in rows] == ["1_0", "0_0", "0_0", ""]
    assert any(line.startswith("warning: recordings.csv now holds ids") for line in said)
    assert b"Do not read" not in (folder / "recordings.csv").read_bytes()
    sources = {source.eid: [path.name for path in source.paths.values()] for source in find_recordings(study.read).sources}
    assert sources == {"4711": ["b.xml"], "4712": ["c.xml"], "r1": ["r1.hea"]}


def test_the_first_recording_is_chosen_where_all_are_dated(tmp_path: Path) -> None:
    folder = foreign(tmp_path)
    for path in (folder / "ecg" / "records").iterdir():
        path.unlink()
    study = Study.read_file(write_study(folder, ids_from_file=True))
    assert study.read.choose == "first"


def test_a_table_of_recordings_is_never_replaced(tmp_path: Path) -> None:
    folder, said = foreign(tmp_path), list[str]()
    (folder / "recordings.csv").write_text("eid,path\n1,ecg/a.xml\n")
    study = Study.read_file(write_study(folder, say=said.append))
    assert (folder / "recordings.csv").read_text() == "eid,path\n1,ecg/a.xml\n"
    assert study.read.recordings == folder / "recordings.csv"
    assert said == ["recordings.csv exists and is used as it is"]


def test_a_folder_without_any_recording(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "cohort")
    (folder / "ecg" / "scan.png").write_bytes(b"\x89PNG....")
    with pytest.raises(InputError, match="no file is a recording: PNG picture: 1"):
        write_study(folder)


def test_ids_from_file_and_names_of_uk_biobank_contradict_each_other(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "cohort")
    (folder / "ecg" / "1_20205_2_0.xml").touch()
    with pytest.raises(InputError, match="named as UK Biobank"):
        write_study(folder, ids_from_file=True)
