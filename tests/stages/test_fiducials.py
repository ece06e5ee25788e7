"""Fiducial points are found for the representations that use them, and for no others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ecgwas import stages
from ecgwas.commands.init import write_study
from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.simulate import simulate
from ecgwas.stages import read
from ecgwas.study import FeatureTable, Intervals, Pca, Representation, ResidualAutoencoder, Study, Vae
from ecgwas.tables import files
from ecgwas.workflow import arrays, planning

WITHOUT = (
    "  - {kind: pca, name: plain, features: 2}\n  - {kind: residual_autoencoder, name: ae, epochs: 1, channels: [4, 4, 4]}\n"
)
WITH = "  - {kind: intervals, name: clinical}\n  - {kind: pca, name: aligned, align: waves, features: 2}\n"
PEOPLE = 16


@pytest.fixture(scope="module")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People of whom some came twice, in two parts, with representations that use no fiducial points."""
    folder = tmp_path_factory.mktemp("fiducials")
    simulate(folder, people=PEOPLE, seed=9, variants_per_chromosome=20, chromosomes=("1",), repeats=0.25)
    path = write_study(folder, represent=WITHOUT)
    path.write_text(path.read_text().replace("read:\n", "read:\n  people_per_part: 10\n", 1))
    return path


def made_at(study: Study) -> dict[str, int]:
    """Part of read or represent -> when its first file was written, in ns."""
    notes = (path for stage in ("read", "represent") for path in sorted((study.results / "notes" / stage).glob("*.json")))
    return {path.stem: int(next(iter(json.loads(path.read_text())["outputs"].values()))["mtime_ns"]) for path in notes}


def test_they_are_found_when_a_representation_needs_them_and_nothing_else_is_made_again(
    study_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Study.read_file(study_file)
    assert read.STAGE.parts(plain) == ("0000", "0001", "join")
    with monkeypatch.context() as patched:
        patched.delattr(read, "with_fiducials")  # it would end in an error
        stages.run(plain, until="represent")
    assert not list(plain.results.rglob("fiducials.parquet"))
    assert len(read.load_signals(plain).fiducials_ms) == 0
    first = made_at(plain)

    text = study_file.read_text()
    study_file.write_text(text.replace(WITHOUT, WITHOUT + WITH))
    both = Study.read_file(study_file)
    assert read.STAGE.parts(both) == ("0000", "0001", "fiducials", "join")
    stages.run(both, until="represent")
    second = made_at(both)
    assert {part: second[part] for part in first} == first
    assert second.keys() - first.keys() == {"fiducials", "clinical", "aligned"}
    for signals in (read.load_signals(both), read.load_repeats(both)):
        assert signals is not None
        np.testing.assert_array_equal(signals.fiducials_ms, with_fiducials(signals).fiducials_ms)
    assert files.FIDUCIALS.read(both.results).frame["eid"].to_list() == [
        eid for eid in read.load_signals(both).eids for _ in range(3)
    ]

    study_file.write_text(text)
    stages.run(Study.read_file(study_file), until="represent")
    assert not list(plain.results.rglob("fiducials.parquet"))
    assert {part: time for part, time in made_at(plain).items() if part in first} == first


@pytest.mark.parametrize(
    ("options", "uses"),
    [
        (Intervals(name="a"), True), (Pca(name="a"), False), (Pca(name="a", align="waves"), True),
        (Pca(name="a", waves="apart"), True), (ResidualAutoencoder(name="a"), False),
        (ResidualAutoencoder(name="a", leads="together", align="waves"), True), (Vae(name="a"), False),
        (Vae(name="a", condition_on="measurements"), True), (FeatureTable(name="a", file=Path("a.csv")), False),
    ],
)  # fmt: skip
def test_kinds_say_whether_they_use_them(options: Representation, uses: bool) -> None:
    assert options.uses_fiducials is uses


def test_the_published_chain_finds_none(study_file: Path) -> None:
    text = study_file.read_text()
    published = Study.read_file(write_study(study_file.parent, replace=True, preset="published"))
    study_file.write_text(text)
    assert read.STAGE.parts(published)[-1] == "join"
    assert not read.finds_fiducials(published)


def test_they_are_planned_as_one_job_after_the_recordings(study_file: Path) -> None:
    text = study_file.read_text()
    study_file.write_text(text.replace(WITHOUT, WITHOUT + WITH))
    study = Study.read_file(study_file)
    study_file.write_text(text)
    assert arrays._rounds(read.STAGE, study) == [["0000", "0001"], ["fiducials", "join"]]
    costs = {job.part: job.cost.cpu_seconds for job in planning.jobs(study) if job.stage == "read"}
    assert list(costs) == list(read.STAGE.parts(study))
    assert costs["fiducials"] > costs["join"]
    plan = json.loads(planning.write(study, planning.jobs(study)).read_text())
    needs = {part: set(job["needs"]) for part, job in plan["represent"].items()}
    recordings = {"read/0000", "read/0001", "read/join"}
    assert needs == {"plain": recordings, "ae": recordings} | dict.fromkeys(
        ("clinical", "aligned"), recordings | {"read/fiducials"}
    )
