"""Inputs that moved, results that cannot be, lists that match nobody: the same clear error from `run` as from `check`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from ecgwas import stages
from ecgwas.commands import audit
from ecgwas.commands.cli import main
from ecgwas.errors import Caution, EcgwasError, InputError, MachineError, StudyError
from ecgwas.stages import failures, report
from ecgwas.study import Study
from tests.cohorts import make_cohort

MEASURED = "  - {kind: intervals, name: clinical}\n"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study file of 60 people, read and measured; nothing else has run."""
    path = make_cohort(tmp_path_factory.mktemp("gone"), people=60, variants=40, permutations=0, represent=MEASURED)
    text = path.read_text().replace("loci:\n  threshold: permutation", "loci:\n  known: known.tsv\n  threshold: bonferroni")
    text = text.replace("read:\n", "read:\n  leave_out: w.txt\n")
    path.write_text(text.replace("min_mac: 10", "min_mac: 10\n  variants: v.txt"))
    eid = sorted((path.parent / "ecg").iterdir())[0].name.split("_")[0]
    (path.parent / "w.txt").write_text(f"{eid}\n")
    bim = (path.parent / "genotypes" / "cohort.bim").read_text().splitlines()
    (path.parent / "v.txt").write_text("".join(f"{line.split()[1]}\n" for line in bim[::2]))
    (path.parent / "known.tsv").write_text("trait\tchrom\tpos\nqt\t1\t5\n")
    stages.run(Study.read_file(path), until="represent")
    return path


def ecgwas(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


MOVED = ("covariates.tsv", "ecg", "genotypes/cohort.bim", "genotypes/cohort.bed", "genes.tsv", "w.txt", "v.txt", "known.tsv")


STAGE_OF = {"genes.tsv": "genes", "known.tsv": "loci", "v.txt": "scan", "ecg": "read", "w.txt": "read"}


def stamped_or_opened(study: Study, stage: stages.Stage) -> None:
    """What a run does first: look at the files; where there is something else in their place, open them."""
    stages._stamps(study, stage, stage.parts(study)[-1])
    stage.check(study)


@pytest.mark.parametrize("name", MOVED)
@pytest.mark.parametrize("put", ["nothing", "a folder", "a link to nowhere"])
def test_an_input_that_moved_is_the_same_error_in_check_and_run(cohort: Path, name: str, put: str) -> None:
    path, kept = cohort.parent / name, cohort.parent / "kept"
    path.rename(kept)
    try:
        if put == "a folder" and name != "ecg":
            path.mkdir()
        if put == "a link to nowhere":
            path.symlink_to("/not/mounted")
        study = Study.read_file(cohort)
        stages.read._find.cache_clear()
        _, mistakes = stages.check(study)
        assert any(str(path) in str(mistake) for mistake in mistakes)
        stage = stages.stage_named(STAGE_OF.get(name, "traits"))
        with pytest.raises(EcgwasError) as caught:
            stamped_or_opened(study, stage)
        assert str(caught.value) in [str(mistake) for mistake in mistakes]
        ended = ecgwas("run", cohort, "--until", "traits")
        assert ended.exit_code == (0 if name in ("genes.tsv", "known.tsv") else 3), ended.output
    finally:
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        kept.rename(path)
        stages.read._find.cache_clear()


def test_a_covariate_table_that_moved_ends_run_without_a_traceback(cohort: Path) -> None:
    path = cohort.parent / "covariates.tsv"
    path.rename(path.with_name("c.tsv"))
    try:
        ran, checked = ecgwas("run", cohort), ecgwas("check", cohort)
    finally:
        path.with_name("c.tsv").rename(path)
    assert ran.exit_code == checked.exit_code == 3
    assert f"the covariate table is missing\n  in: {path}" in ran.output
    assert f"the covariate table is missing\n  in: {path}" in checked.output
    assert isinstance(ran.exception, SystemExit)


def test_a_disk_that_has_gone_away_is_named(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: Path) -> list[object]:
        raise OSError(116, "Stale file handle", str(path))

    monkeypatch.setattr(stages, "file_stamp", gone)
    with pytest.raises(InputError, match="an input of stage traits cannot be reached: Stale file handle") as caught:
        stages.run_part(Study.read_file(cohort), "traits", "all")
    assert str(cohort.parent) in str(caught.value.where)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_table_that_may_not_be_read(cohort: Path) -> None:
    path = cohort.parent / "covariates.tsv"
    path.chmod(0)
    try:
        _, mistakes = stages.check(Study.read_file(cohort))
    finally:
        path.chmod(0o644)
    assert any("cannot be read: Permission denied" in str(mistake) for mistake in mistakes)


def a_file(path: Path) -> Path:
    path.write_text("")
    return path


def a_link_to(target: str) -> Callable[[Path], Path]:
    def made(path: Path) -> Path:
        path.symlink_to(target)
        return path

    return made


def below_a_file(path: Path) -> Path:
    path.write_text("")
    return path / "inside" / "results"


def below_a_dangling_link(path: Path) -> Path:
    path.symlink_to("/not/mounted")
    return path / "inside"


def a_link_to_a_file(path: Path) -> Path:
    path.symlink_to(a_file(path.with_name("file")))
    return path


RESULTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a file": (a_file, "the results folder is a file"),
    "a dangling link": (a_link_to("/not/mounted"), "a link to a location that does not exist: .* -> /not/mounted"),
    "a link in a circle": (a_link_to("r"), "a link to a location that does not exist"),
    "a link to a file": (a_link_to_a_file, "the results folder is a file"),
    "below a file": (below_a_file, "which is a file"),
    "below a dangling link": (below_a_dangling_link, "a link to a location that does not exist"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_that_cannot_be_are_one_clear_error(cohort: Path, tmp_path: Path, name: str) -> None:
    make, words = RESULTS[name]
    results = make(tmp_path / "r")
    study_file = cohort.with_name("other.yaml")
    study_file.write_text(cohort.read_text().replace("results: results", f"results: {results}"))
    for command in (("run", "--until", "read"), ("read",), ("run", "--on", "local"), ("check",)):
        ended = ecgwas(*command, study_file)
        assert ended.exit_code == 2, (command, ended.output)
        assert re.search(words, ended.output), (command, ended.output)
        assert isinstance(ended.exception, SystemExit)
    for name in ("plan", "compare"):
        assert isinstance(ecgwas(name, study_file).exception, SystemExit), name


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_results_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir(mode=0o500)
    with pytest.raises(MachineError, match="no right to write"):
        failures.refuse_unusable_results(tmp_path / "r" / "results")


def test_results_below_folders_that_are_not_there_yet_are_fine(tmp_path: Path) -> None:
    failures.refuse_unusable_results(tmp_path / "a" / "b" / "results")
    (tmp_path / "link").symlink_to(tmp_path)
    failures.refuse_unusable_results(tmp_path / "link" / "results")
    with pytest.raises(StudyError):
        failures.refuse_unusable_results(a_file(tmp_path / "f"))


@pytest.mark.parametrize("inside", ["notes", "traits"])
def test_a_file_where_results_need_a_folder(cohort: Path, inside: str) -> None:
    path = cohort.parent / "results" / inside
    kept = path.with_name("kept")
    if path.exists():
        path.rename(kept)
    a_file(path)
    try:
        ended = ecgwas("run", cohort, "--until", "traits")
    finally:
        path.unlink()
        if kept.exists():
            kept.rename(path)
    assert ended.exit_code == 8
    assert "a file or folder cannot be reached" in ended.output


def with_list(cohort: Path, content: str) -> Study:
    listed = cohort.with_name("other.txt")
    listed.write_text(content)
    study_file = cohort.with_name("listed.yaml")
    study_file.write_text(cohort.read_text().replace("leave_out: w.txt", "leave_out: other.txt"))
    stages.read._find.cache_clear()
    return Study.read_file(study_file)


def eids(cohort: Path) -> list[str]:
    return sorted({path.name.split("_")[0] for path in (cohort.parent / "ecg").iterdir()})


@pytest.mark.parametrize("write", ["{0}.0", "{0}_{0}", "ukb-{0}", "{0:.6e}"])
def test_withdrawn_people_whom_nobody_matches_are_an_error_of_check_and_run(cohort: Path, write: str) -> None:
    gone = [write.format(float(eid) if "e" in write else eid) for eid in eids(cohort)[:2]]
    study = with_list(cohort, "\n".join(gone))
    _, mistakes = stages.check(study)
    assert any("people to exclude" in str(mistake) and gone[0] in str(mistake) for mistake in mistakes)
    with pytest.raises(InputError, match="people to exclude"):
        stages.run_part(study, "read", "0000", force=True)


def test_some_withdrawn_people_whom_nobody_matches_are_a_warning(cohort: Path, caplog: pytest.LogCaptureFixture) -> None:
    study = with_list(cohort, f"{eids(cohort)[0]}\n7654321\n7654322\n")
    stages.run(study, until="read")
    assert "read: 2 of 3 people to exclude are not in the study's tables" in caplog.text
    ended = ecgwas("check", cohort.with_name("listed.yaml"))
    assert ended.exit_code == 0, ended.output
    assert "  warning: 2 of 3 people to exclude are not in the study's tables (listed: 7654321, 7654322; " in ended.output
    assert f"No mistakes, {ended.output.count('  warning: ')} warning(s): read them first." in ended.output
    assert "All inputs are in order" not in ended.output


def test_a_withdrawn_person_without_a_recording_is_known(cohort: Path) -> None:
    fam = [line.split()[1] for line in (cohort.parent / "genotypes" / "cohort.fam").read_text().splitlines()]
    only = sorted(set(fam) - set(eids(cohort)))
    study = with_list(cohort, f"{(only or eids(cohort))[0]}\n")
    assert stages.read._unknown_withdrawals(study) == []


def test_ids_that_do_not_meet_are_warnings_of_check_and_traits(cohort: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = (cohort.parent / "covariates.tsv").read_text().splitlines()
    changed = [line if i == 0 or i > 12 else line.replace("\t", "x\t", 1) for i, line in enumerate(table)]
    (cohort.parent / "c2.tsv").write_text("\n".join(changed) + "\n")
    study_file = cohort.with_name("covered.yaml")
    text = cohort.read_text().replace("covariates: covariates.tsv", "min_people: 20\n  covariates: c2.tsv")
    study_file.write_text(text)
    stages.run(Study.read_file(study_file), until="traits")
    assert "12 of 60 ids of the covariate table are not in the genotypes" in caplog.text
    ended = ecgwas("check", study_file)
    assert ended.exit_code == 0, ended.output
    assert "  warning: 12 of 60 ids of the covariate table are not in the genotypes" in ended.output
    assert "as digits alone" in ended.output


def test_variants_of_a_list_that_no_file_has(cohort: Path) -> None:
    (cohort.parent / "v2.txt").write_text("rs1\nrs2\n")
    study_file = cohort.with_name("variants.yaml")
    study_file.write_text(cohort.read_text().replace("variants: v.txt", "variants: v2.txt"))
    study = Study.read_file(study_file)
    _, mistakes = stages.check(study)
    assert ["none of the 2 variants listed is in the genotypes" in str(mistake) for mistake in mistakes] == [True]
    with pytest.raises(InputError, match="none of the 2 variants listed"):
        stages.run(study, until="scan")


def test_a_recording_that_is_a_link_to_nowhere_is_left_out_by_run(cohort: Path, tmp_path: Path) -> None:
    link = cohort.parent / "ecg" / "9999999_20205_2_0.xml"
    link.symlink_to(tmp_path / "gone.xml")
    stages.read._find.cache_clear()
    study = Study.read_file(cohort)
    try:
        stages.run(study, until="read")
    finally:
        link.unlink()
        stages.read._find.cache_clear()
    row = pl.read_parquet(study.results / "read" / "recordings.parquet").filter(pl.col("eid") == "9999999").row(0, named=True)
    assert row["status"] == "left_out"
    assert row["reason"]


def test_further_people_whom_the_study_does_not_have_are_a_warning_of_audit() -> None:
    known = {"1000008", "1000015"}
    assert audit._unknown_eids({"1000008": 1}, known) == []
    (said,) = audit._unknown_eids({"1000008": 1, "1000015_1000015": 2}, known)
    assert isinstance(said, Caution)
    assert said.startswith(
        "1 of 2 further people are not in the study (--eids: 1000015_1000015; the study: 1000008, 1000015; read"
    )


def test_a_title_that_begins_as_a_path_stays_as_it_is(cohort: Path) -> None:
    title = f"{cohort.parent}/ecg and what we saw"
    study_file = cohort.with_name("titled.yaml")
    text = re.sub(r"report:\n  title: .*", f"report:\n  title: {title}", cohort.read_text())
    study_file.write_text(text.replace("genotypes: genotypes/cohort", "genotypes: /elsewhere/cohort"))
    settings = report.settings(Study.read_file(study_file))
    assert settings["report"]["title"] == title
    assert settings["scan"]["genotypes"] == "cohort"
    assert settings["read"]["recordings"] == "ecg"
