"""Results of another ecgwas are stale or refused by name; a change of bytes without a new version is found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ecgwas import stages
from ecgwas.errors import InputError, MissingStageError
from ecgwas.stages import STAGES, scan
from ecgwas.stages.base import Stage, note_path
from ecgwas.store import Note
from ecgwas.study import Study
from ecgwas.tables import People, files
from tests.stages import golden

KEPT = json.loads(golden.PATH.read_text())
WRITE = "`python -m tests.stages.golden` writes golden.json anew"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return golden.make(tmp_path_factory.mktemp("golden") / "cohort")


@pytest.mark.slow
def test_other_bytes_need_another_version(study: Study) -> None:
    """Only the first stage that changed is judged: those behind it read other inputs."""
    now = golden.written(study)
    for stage in STAGES:
        kept = KEPT["stages"][stage.name]
        assert kept["version"] == stage.version, f"golden.json holds version {kept['version']} of {stage.name}: {WRITE}"
        found = golden.changed(kept, now[stage.name], same_machine=golden.machine() == KEPT["machine"])
        assert not found, f"{stage.name} writes other bytes ({found}): raise version in its Stage, then {WRITE}"


@pytest.mark.slow
def test_every_declared_table_is_read_by_its_declaration(study: Study) -> None:
    """The whole results folder: no file without a declaration, no table with other columns."""
    paths = [path.relative_to(study.results) for path in sorted(study.results.rglob("*")) if path.is_file()]
    for path in paths:
        stage, name = (path.parts[0], "/".join(path.parts[1:])) if len(path.parts) > 1 else ("", path.name)
        declared = [one for one in files.of_stage(stage) if one.matches(name)]
        assert len(declared) == 1, f"{path}: {declared}"
        if isinstance(declared[0], files.TableFile):
            declared[0].table.read(study.results / path)


def test_other_columns_need_another_version_of_the_table() -> None:
    assert golden.declared() == KEPT["tables"], f"raise the version of the table whose columns changed, then {WRITE}"


def test_every_declared_table_that_a_stage_writes_is_named_by_it() -> None:
    """What only commands write (`meta`, `compare`, `check-engine`, `look`, `covariates ukb`) belongs to no stage."""
    named = {table.__name__ for stage in STAGES for table in stage.tables}
    assert set(KEPT["tables"]) - named == {
        "ComparedLoci", "Comparison", "CovariateExclusions", "EngineAgreement", "MetaAssociations", "MetaDropped",
        "StudyComparison", "VariantTraits",
    }  # fmt: skip


def with_version(monkeypatch: pytest.MonkeyPatch, name: str, version: int) -> None:
    """As if the code of a stage had changed since its results were made."""
    changed: tuple[Stage, ...] = tuple(replace(one, version=version) if one.name == name else one for one in STAGES)
    monkeypatch.setattr(stages, "STAGES", changed)


@pytest.mark.slow
def test_a_new_version_makes_the_stage_stale_and_no_other_that_reads_the_same_bytes(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stages.is_fresh(study, "read", "0000")
    assert stages.is_fresh(study, "represent", "pca")
    with_version(monkeypatch, "represent", 99)
    assert stages.is_fresh(study, "read", "0000")
    assert not stages.is_fresh(study, "represent", "pca")


@pytest.mark.slow
def test_a_stage_on_its_own_refuses_results_of_another_version_by_name(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    with_version(monkeypatch, "scan", 99)
    with pytest.raises(MissingStageError, match=rf"scan of version {scan.STAGE.version}, not 99"):
        stages.run_part(study, "loci", "all", force=True)


@pytest.mark.slow
def test_the_same_for_a_table(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(People, "version", 7)
    assert not stages.is_fresh(study, "traits", "all")
    with pytest.raises(MissingStageError, match=r"People of version 1, not 7"):
        stages.run_part(study, "scan", "1", force=True)


@pytest.mark.slow
def test_a_release_that_changes_no_stage_leaves_results_fresh(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "__version__", "99.0")
    assert all(stages.is_fresh(study, stage.name, part) for stage in STAGES for part in stage.parts(study))


@pytest.mark.slow
def test_notes_without_versions_are_of_another_ecgwas(study: Study) -> None:
    path = note_path(study, "traits", "all")
    content = json.loads(path.read_text())
    content["made"].pop("stage_versions")
    kept = path.read_text()
    path.write_text(json.dumps(content))
    try:
        assert Note.read(path) is not None
        with pytest.raises(MissingStageError, match="version unknown"):
            stages.run_part(study, "scan", "1", force=True)
    finally:
        path.write_text(kept)


def test_a_table_with_columns_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    for name, frame in {
        "lacks": People.empty().frame.drop("status"),
        "more": People.empty().frame.with_columns(new=pl.lit(1)),
    }.items():
        for ending in ("csv", "parquet"):
            path = tmp_path / f"{name}.{ending}"
            frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
            with pytest.raises(InputError, match="status" if name == "lacks" else "new") as refused:
                People.read(path)
            assert "ecgwas run" in refused.value.fix
            assert str(path) in str(refused.value)
