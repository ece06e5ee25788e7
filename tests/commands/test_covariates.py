"""The command `covariates ukb`: files, counts and lines for study.yaml; its table and its exclusions fit a study."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml
from click.testing import CliRunner, Result

from ecgwas import stages
from ecgwas.commands.cli import main
from ecgwas.study import Study
from tests.cohorts import make_cohort
from tests.traits.ukb.exports import Row, participants, write


def ecgwas(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def rows_for(covariates: Path) -> list[Row]:
    """An export about the people of a simulated cohort."""
    eids = pl.read_csv(covariates, separator="\t", infer_schema=False)["eid"].to_list()
    return [{**row, "eid": eid} for row, eid in zip(participants(len(eids)), eids, strict=True)]


def test_from_an_export_to_a_study_that_passes_check_and_gives_the_reasons(tmp_path: Path) -> None:
    study = make_cohort(tmp_path / "cohort", people=70, variants=20, read=False)
    rows = rows_for(study.parent / "covariates.tsv")
    rows[0]["22027-0.0"], rows[1]["22019-0.0"] = "1", "1"
    (study.parent / "w12345_20260101.csv").write_text(f"{rows[2]['eid']}\n{rows[3]['eid']}\n")
    out, table = study.parent / "ukb.tsv", write(study.parent / "ukb_export.csv", rows, "RAP table-exporter")
    result = ecgwas(
        "covariates", "ukb", table, "--out", out, "--withdrawn", study.parent / "w12345_20260101.csv", "--keep", "outlier"
    )
    assert result.exit_code == 0, result.output
    assert "excluded:       2  withdrawn" in result.output
    assert "flagged:        1  outlier of heterozygosity" in result.output
    excluded = pl.read_csv(study.parent / "ukb_excluded.csv", infer_schema=False)
    assert excluded["eid"].to_list() == [row["eid"] for row in rows[1:4]]
    assert pl.read_csv(study.parent / "ukb_flagged.csv", infer_schema=False)["eid"].to_list() == [rows[0]["eid"]]
    printed = result.output.split("write:\n")[1]
    assert "  read:\n    instance: 2\n    other_instances: false\n    leave_out: ukb_excluded.csv\n" in printed
    assert "#   - kind: table\n  #     leave_out: ukb_excluded.csv" in printed
    assert yaml.safe_load(printed)["traits"] == {"covariates": "ukb.tsv", "categorical": ["centre", "array"]}
    text = study.read_text().replace("read:\n", "read:\n  leave_out: ukb_excluded.csv\n")
    study.write_text(text.replace("covariates: covariates.tsv", "covariates: ukb.tsv\n  categorical: [centre, array]"))
    checked = ecgwas("check", study)
    assert checked.exit_code == 0, checked.output
    assert "covariate centre" not in checked.output
    stages.run(Study.read_file(study), until="read")
    recordings = pl.read_parquet(study.parent / "results" / "read" / "recordings.parquet")
    reasons = recordings.filter(pl.col("eid").is_in(excluded["eid"].to_list()))["reason"].unique().sort().to_list()
    assert reasons == ["sex chromosome aneuploidy (field 22019) (read.leave_out)", "withdrawn (read.leave_out)"]


def test_further_fields_and_the_list_of_fields(tmp_path: Path) -> None:
    rows = [{**row, "21001-2.0": "27.5", "20116-2.0": str(i % 3)} for i, row in enumerate(participants())]
    out = tmp_path / "covariates.tsv"
    result = ecgwas("covariates", "ukb", write(tmp_path / "a.csv.gz", rows), "--out", out, "--add", "bmi=21001",
                    "--add-category", "smoking=20116", "--pcs", "2")  # fmt: skip
    assert result.exit_code == 0, result.output
    header = "eid\tage\tsex\tcentre\tarray\tbmi\tsmoking\tpc1\tpc2"
    assert out.read_text().splitlines()[0] == header
    fields = ecgwas("covariates", "fields", "--rap", "--add", "bmi=21001", "--pcs", "1").output.split()
    assert {
        "participant.eid",
        "participant.p31",
        "participant.p54_i2",
        "participant.p22009_a1",
        "participant.p21001_i2",
    } <= set(fields)
    assert "participant.p22009_a2" not in fields
    assert {"31", "21003", "22009", "22027"} <= set(ecgwas("covariates", "fields").output.split())


def test_several_visits_warn_of_the_recording_s_visit(tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", participants())
    result = ecgwas("covariates", "ukb", table, "--out", tmp_path / "c.tsv", "--visit", "3", "--visit", "2")
    assert "Nobody checks that the ECG is of the same visit" in result.output
    assert "    instance: 3\n    other_instances: true\n" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--out", "covariates.csv"), 2, "name a .tsv file"), (("--add", "age=21003"), 2, "write a new column's name"),
        (("--add", "bmi"), 2, "as in bmi=21001"), (("--add", "a=50", "--add-category", "a=51"), 2, "same name"),
        (("--add", "born=34"), 2, "field 34 is the year of birth"),
        (("--add-category", "month=52"), 2, "field 52 is the month of birth"),
        (("--add", "height=50"), 3, "field 50 of instance 2 is not in the export"),
        (("--withdrawn", "nowhere.txt"), 3, "correct --withdrawn"), (("--people", "nowhere.txt"), 3, "correct --people"),
        (("--visit", "3"), 3, "instance 3"),
    ],
)  # fmt: skip
def test_mistakes_get_one_clear_error(tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    table = write(tmp_path / "a.csv", participants())
    result = ecgwas("covariates", "ukb", table, "--out", tmp_path / "covariates.tsv", *arguments)
    assert result.exit_code == code
    assert words in " ".join(result.output.split())
    assert not (tmp_path / "covariates.tsv").exists()


def test_the_export_is_never_replaced(tmp_path: Path) -> None:
    table = write(tmp_path / "covariates.tsv", participants())
    before = table.read_bytes()
    assert ecgwas("covariates", "ukb", table, "--out", table).exit_code == 3
    assert table.read_bytes() == before
