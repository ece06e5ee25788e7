"""The same study through Snakemake: the same bytes, fresh to both, edits seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecgwas import stages, workflow
from ecgwas.errors import StudyError
from ecgwas.stages import STAGES
from ecgwas.study import Study
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


@pytest.mark.slow
def test_snakemake_gives_the_same_bytes_and_sees_edits(finished: Study, tmp_path: Path) -> None:
    study_file = copy_inputs(finished.folder / "study.yaml", tmp_path / "snake")
    study = run_local(study_file)
    assert contents(study) == contents(finished)
    assert all(stages.is_fresh(study, stage.name, part) for stage in STAGES for part in stage.parts(study))

    before = (study.results / "notes" / "scan" / "1.json").stat().st_mtime_ns
    study_file.write_text(study_file.read_text().replace("threshold: permutation", "threshold: 1.0e-4"))
    edited = run_local(study_file)
    assert all(stages.is_fresh(edited, stage.name, part) for stage in STAGES for part in stage.parts(edited))
    assert (study.results / "notes" / "scan" / "1.json").stat().st_mtime_ns == before


def test_the_plan_lists_the_parts_that_the_workflow_has_rules_for(finished: Study) -> None:
    plan = json.loads(workflow.write_plan(finished).read_text())
    assert list(plan) == [stage.name for stage in STAGES]
    rules = (Path(workflow.__file__).parent / "Snakefile").read_text()
    for stage in STAGES:
        assert f"rule {stage.name}:" in rules
        assert tuple(plan[stage.name]["parts"]) == stage.parts(finished)


def test_an_unknown_profile_is_refused(finished: Study) -> None:
    with pytest.raises(StudyError, match="no profile"):
        workflow.run(finished.folder / "study.yaml", finished, profile="clowd", jobs=1, until=None, force=False)
