"""The same study through Snakemake: the same bytes, fresh to both, edits seen."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from click.testing import CliRunner

from ecgwas import extras, stages, workflow
from ecgwas.commands.cli import main
from ecgwas.errors import StudyError, ToolError
from ecgwas.progress import TimeLeft, study_progress
from ecgwas.stages import STAGES
from ecgwas.stages.base import note_path
from ecgwas.stages.locking import locked
from ecgwas.study import Study
from ecgwas.workflow import planning
from ecgwas.workflow.watching import Watch
from tests.cohorts import contents, copy_inputs, make_cohort
from tests.warm import SOCKET


class Messages(logging.Handler):
    """Keeps what a run says."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def messages() -> Iterator[list[str]]:
    """The messages of ecgwas without --verbose."""
    handler, ours = Messages(), logging.getLogger("ecgwas")
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    try:
        yield handler.lines
    finally:
        ours.removeHandler(handler)
        ours.setLevel(level)


@pytest.fixture(scope="module", autouse=True)
def _warm_jobs(commands: Mapping[str, str]) -> Iterator[None]:
    """Jobs that Snakemake starts are warm commands."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PYTHONPATH", SOCKET):
            patch.setenv(name, commands[name])
        yield


@pytest.fixture(scope="module")
def run_lines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, list[str]]:
    """A small cohort, run without Snakemake, and what the run said."""
    study = Study.read_file(make_cohort(tmp_path_factory.mktemp("plain"), people=60, variants=40, permutations=50, read=False))
    with messages() as lines:
        stages.run(study, planned=planning.planned_seconds)
    return study, lines


@pytest.fixture(scope="module")
def finished(run_lines: tuple[Study, list[str]]) -> Study:
    return run_lines[0]


STAGE_LINE = re.compile(rf"({'|'.join(stage.name for stage in STAGES)}) +[^:]+.*; (\d+ s|\d+ min)")


def without_seconds(lines: list[str]) -> list[str]:
    """The lines about stages, without how long they took."""
    return [line.rsplit("; ", 1)[0] for line in lines if STAGE_LINE.fullmatch(line)]


def test_a_run_says_what_it_will_do_and_one_line_a_stage(run_lines: tuple[Study, list[str]]) -> None:
    study, lines = run_lines
    parts = sum(len(stage.parts(study)) for stage in STAGES)
    assert re.fullmatch(rf"{parts} parts, about \d+ (s|min)", lines[0])
    assert [line.split()[0] for line in without_seconds(lines)] == [stage.name for stage in STAGES if stage.parts(study)]
    assert not [line for line in lines if "ecgwas." in line]


def test_parts_made_by_others_are_seen_by_their_notes(finished: Study, tmp_path: Path) -> None:
    """The notes of a finished study appear one after the other; the last part is fresh after all and keeps its old note."""
    study = finished.model_copy(update={"results": tmp_path / "results"})
    shutil.copytree(finished.results, study.results, symlinks=True)
    stale = [("scan", "1"), ("scan", "6"), ("loci", "all"), ("genes", "all")]
    kept = {part: note_path(study, *part).read_bytes() for part in stale}
    for part in stale[:-1]:
        note_path(study, *part).unlink()
    left = TimeLeft(dict.fromkeys(stale, 10.0), jobs=2)
    with messages() as lines, study_progress(4, left) as shown:
        watch = Watch(study, stale, shown)
        watch.look()
        assert (watch.computed, watch.waiting) == (0, tuple(stale))
        note_path(study, *stale[1]).write_bytes(kept[stale[1]])
        watch.look()
        assert (watch.computed, lines) == (1, [])
        for part in (stale[0], stale[2]):
            note_path(study, *part).write_bytes(kept[part])
        watch.look()
        assert watch.waiting == (("genes", "all"),)
        watch.end()
    assert watch.computed == 3
    assert watch.waiting == ()
    assert [line.split()[0] for line in lines] == ["scan", "loci"]
    assert left.seconds() == 0


def run_local(study_file: Path) -> Study:
    study = Study.read_file(study_file)
    workflow.run(study_file, study, profile="local", jobs=2, until=None, force=False)
    return study


def made_at(study: Study, stage: str, part: str) -> int:
    """When the part's first file was written, in ns."""
    note = json.loads((study.results / "notes" / stage / f"{part}.json").read_text())
    return int(next(iter(note["outputs"].values()))["mtime_ns"])


@pytest.mark.slow
def test_snakemake_gives_the_same_bytes_and_sees_edits(
    finished: Study, run_lines: tuple[Study, list[str]], tmp_path: Path
) -> None:
    study_file = copy_inputs(finished.folder / "study.yaml", tmp_path / "snake")
    with messages() as lines:
        study = run_local(study_file)
    assert contents(study) == contents(finished)
    # Stages that do not need each other may end in any order.
    assert sorted(without_seconds(lines)) == sorted(without_seconds(run_lines[1]))
    assert all(stages.is_fresh(study, stage.name, part) for stage in STAGES for part in stage.parts(study))

    before = made_at(study, "scan", "1")
    study_file.write_text(study_file.read_text().replace("threshold: permutation", "threshold: 1.0e-4"))
    edited = run_local(study_file)
    assert all(stages.is_fresh(edited, stage.name, part) for stage in STAGES for part in stage.parts(edited))
    assert made_at(edited, "scan", "1") == before


@pytest.mark.slow
def test_a_representation_added_later_has_fiducial_points_and_no_other_is_made_again(tmp_path: Path) -> None:
    plain, more = "  - {kind: pca, name: pca, features: 2}\n", "  - {kind: intervals, name: clinical}\n"
    study_file = make_cohort(tmp_path / "later", people=16, variants=20, permutations=0, represent=plain)
    workflow.run(study_file, Study.read_file(study_file), profile="local", jobs=2, until="represent", force=False)
    study = Study.read_file(study_file)
    before = {part: made_at(study, stage, part) for stage, part in (("read", "0000"), ("represent", "pca"))}
    study_file.write_text(study_file.read_text().replace(plain, plain + more))
    study = Study.read_file(study_file)
    workflow.run(study_file, study, profile="local", jobs=2, until="represent", force=False)
    assert all(stages.is_fresh(study, stage.name, part) for stage in STAGES[:2] for part in stage.parts(study))
    assert (study.results / "notes" / "read" / "fiducials.json").is_file()
    assert {part: made_at(study, stage, part) for stage, part in (("read", "0000"), ("represent", "pca"))} == before


def test_the_plan_lists_the_parts_that_the_workflow_has_rules_for(finished: Study) -> None:
    plan = json.loads(planning.write(finished, planning.jobs(finished)).read_text())
    assert list(plan) == [stage.name for stage in STAGES]
    rules = (Path(workflow.__file__).parent / "Snakefile").read_text()
    for stage in STAGES:
        assert f"rule {stage.name}:" in rules
        assert tuple(plan[stage.name]) == stage.parts(finished)


def test_an_unknown_profile_is_refused(finished: Study) -> None:
    with pytest.raises(StudyError, match="no profile"):
        workflow.run(finished.folder / "study.yaml", finished, profile="clowd", jobs=1, until=None, force=False)


def test_parts_run_without_snakemake_are_fresh_to_it(finished: Study, tmp_path: Path) -> None:
    """Even where an earlier part was made again, with the same content, after the later ones. The last part is missing, so that
    Snakemake is started."""
    shutil.copytree(finished.folder, tmp_path / "by_hand", symlinks=True)
    study = Study.read_file(tmp_path / "by_hand" / "study.yaml")
    stages.run_part(study, "read", "join", force=True)
    earlier = [stage for stage in STAGES if stage.name != "share"]
    times = {stage.name: [made_at(study, stage.name, part) for part in stage.parts(study)] for stage in earlier}
    note_path(study, "share", "all").unlink()
    with messages() as lines:
        run_local(study.folder / "study.yaml")
    assert {stage.name: [made_at(study, stage.name, part) for part in stage.parts(study)] for stage in earlier} == times
    assert stages.is_fresh(study, "share", "all")
    assert [line.split()[0] for line in without_seconds(lines)] == ["share"]


def test_a_failed_job_is_named_with_its_log(finished: Study, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "failing", symlinks=True)
    study = Study.read_file(tmp_path / "failing" / "study.yaml")
    note_path(study, "share", "all").unlink()
    page = study.results / "share" / "report.html"
    page.unlink()
    page.mkdir()
    with pytest.raises(ToolError, match="failed: share") as caught:
        run_local(study.folder / "study.yaml")
    assert "share.log" in caught.value.fix
    assert "error:" in (study.results / "logs" / "share.log").read_text()


@pytest.mark.parametrize("on", [(), ("--on", "local"), ("--on", "slurm-array")], ids=["here", "local", "arrays"])
def test_nothing_to_do_is_said_in_one_line_however_it_is_run(finished: Study, on: tuple[str, ...]) -> None:
    """Neither Snakemake nor SLURM is started."""
    done = CliRunner().invoke(main, ["run", str(finished.folder / "study.yaml"), *on])
    (line,) = done.output.splitlines()
    assert re.fullmatch(r"Nothing to do: all \d+ parts are fresh; report: .*report.html", line)


def test_a_second_snakemake_on_one_study_is_refused(finished: Study) -> None:
    with (
        locked(finished.results / "notes" / "workflow.lock", "a study"),
        pytest.raises(StudyError, match=f"made by another run: process {os.getpid()} on "),
    ):
        run_local(finished.folder / "study.yaml")


def test_an_executor_that_is_not_installed_is_named(finished: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if "slurm" in name else ModuleSpec(name, None))
    with pytest.raises(ToolError, match="needs the package snakemake-executor-plugin-slurm") as caught:
        workflow.run(finished.folder / "study.yaml", finished, profile="slurm", jobs=1, until=None, force=False)
    assert "ecgwas[slurm]" in caught.value.fix
