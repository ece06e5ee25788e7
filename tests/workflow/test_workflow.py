"""The same study through Snakemake: the same bytes, fresh to both, edits seen."""

from __future__ import annotations

import json
import os
import shutil
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from ecgwas import extras, stages, workflow
from ecgwas.errors import StudyError, ToolError
from ecgwas.stages import STAGES
from ecgwas.stages.locking import locked
from ecgwas.study import Study
from ecgwas.workflow import planning
from tests.cohorts import contents, copy_inputs, make_cohort


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A small cohort, run without Snakemake."""
    study = Study.read_file(make_cohort(tmp_path_factory.mktemp("plain"), people=80, variants=60, permutations=50))
    stages.run(study)
    return study


def run_local(study_file: Path) -> Study:
    study = Study.read_file(study_file)
    workflow.run(study_file, study, profile="local", jobs=2, until=None, force=False)
    return study


def made_at(study: Study, stage: str, part: str) -> int:
    """When the part's first file was written, in ns."""
    note = json.loads((study.results / "notes" / stage / f"{part}.json").read_text())
    return int(next(iter(note["outputs"].values()))["mtime_ns"])


@pytest.mark.slow
def test_snakemake_gives_the_same_bytes_and_sees_edits(finished: Study, tmp_path: Path) -> None:
    study_file = copy_inputs(finished.folder / "study.yaml", tmp_path / "snake")
    study = run_local(study_file)
    assert contents(study) == contents(finished)
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
    """Even where an earlier part was made again, with the same content, after the later ones."""
    shutil.copytree(finished.folder, tmp_path / "by_hand", symlinks=True)
    study = Study.read_file(tmp_path / "by_hand" / "study.yaml")
    stages.run_part(study, "read", "join", force=True)
    times = {stage.name: [made_at(study, stage.name, part) for part in stage.parts(study)] for stage in STAGES}
    run_local(study.folder / "study.yaml")
    assert {stage.name: [made_at(study, stage.name, part) for part in stage.parts(study)] for stage in STAGES} == times


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
