"""People who come twice: the study rests on one visit, the other tells how well features repeat."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from ecgwas import stages
from ecgwas.commands.cli import main
from ecgwas.commands.init import write_study
from ecgwas.simulate import simulate
from ecgwas.stages import read
from ecgwas.store import file_digest
from ecgwas.study import Study
from ecgwas.tables import Features, Recordings
from tests.cohorts import copy_inputs

REPRESENT = """\
  - {kind: intervals, name: clinical}
  - {kind: pca, name: pca, features: 6}
  - {kind: pca, name: strips, input: strip, leads: each, features: 3}
"""
PEOPLE, TWICE = 48, 24


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Half of the people came twice (each parameter a quarter of its SD elsewhere, other noise); one second file is broken."""
    folder = tmp_path_factory.mktemp("visits")
    cohort = simulate(folder, people=PEOPLE, seed=9, variants_per_chromosome=20, chromosomes=("1",), repeats=TWICE / PEOPLE)
    (folder / "ecg" / f"{cohort.repeated[0]}_20205_3_0.xml").write_text("<CardiologyXML>")
    path = write_study(folder, represent=REPRESENT)
    result = CliRunner().invoke(main, ["run", str(path), "--until", "represent"])
    assert result.exit_code == 0, result.output
    return Study.read_file(path)


def without(study: Study, folder: Path) -> Study:
    """The same study with repeat visits off, run as far."""
    path = copy_inputs(study.folder / "study.yaml", folder)
    path.write_text(path.read_text().replace("read:\n", "read:\n  repeat_visits: false\n", 1))
    off = Study.read_file(path)
    stages.run(off, until="represent")
    return off


def table(study: Study, name: str) -> pl.DataFrame:
    return pl.read_csv(study.results / "represent" / name / "reliability.csv")


def test_second_visits_lie_apart_and_each_is_listed(finished: Study) -> None:
    listed = Recordings.read(finished.results / "read" / "repeats.parquet").frame
    assert listed["instance"].unique().to_list() == ["3_0"]
    assert listed["status"].value_counts(sort=True).rows() == [("kept", TWICE - 1), ("left_out", 1)]
    (reason,) = listed.filter(pl.col("status") == "left_out")["reason"]
    assert "XML" in reason
    signals, repeats = read.load_signals(finished), read.load_repeats(finished)
    assert repeats is not None
    assert len(signals) == PEOPLE
    assert set(repeats.eids) < set(signals.eids)
    kept = listed.filter(pl.col("status") == "kept").sort("row")
    assert kept["eid"].to_list() == list(repeats.eids)
    row = signals.eids.index(repeats.eids[3])
    assert 1 < np.abs(repeats.beats[3] - signals.beats[row]).mean() < np.abs(repeats.beats[4] - signals.beats[row]).mean()


def by_hand(first: np.ndarray, again: np.ndarray) -> float:
    """ICC(2,1) of two visits from sums of squares, written out."""
    people = len(first)
    middle, grand = (first + again) / 2, np.concatenate([first, again]).mean()
    between = 2 * np.sum((middle - grand) ** 2) / (people - 1)
    visits = people * ((first.mean() - grand) ** 2 + (again.mean() - grand) ** 2)
    total = np.sum((first - grand) ** 2) + np.sum((again - grand) ** 2)
    rest = (total - between * (people - 1) - visits) / (people - 1)
    return float((between - rest) / (between + rest + 2 * (visits - rest) / people))


@pytest.mark.parametrize(("name", "least"), [("clinical", 90), ("pca", 6), ("strips", 36)])
def test_icc_is_that_of_the_features_that_are_kept(finished: Study, name: str, least: int) -> None:
    folder = finished.results / "represent" / name
    first, again = (Features.read(folder / f"{file}.parquet").frame for file in ("features", "features_repeat"))
    both = again.join(first, on=["eid", "lead"], suffix=".first", maintain_order="left")
    rows = table(finished, name).drop_nulls("icc")
    for row in rows.iter_rows(named=True):
        pair = both.filter(pl.col("lead") == row["lead"]).select(f"{row['feature']}.first", row["feature"]).drop_nulls()
        assert row["people"] == pair.height
        assert row["icc"] == pytest.approx(by_hand(*pair.cast(pl.Float64).to_numpy().T), abs=1e-6)
        assert row["icc_low"] <= row["icc"] <= row["icc_high"]
    assert rows.height >= least


def test_what_a_heart_keeps_repeats_and_where_a_strip_begins_does_not(finished: Study) -> None:
    clinical = table(finished, "clinical").filter(pl.col("lead") == "12L")
    found = dict(clinical.select("feature", "icc").iter_rows())
    # A change of a quarter SD leaves 1 / (1 + 0.25^2) = 0.94; noise and 23 people move it.
    for name in ("qt_ms", "pr_ms", "qrs_axis_deg", "heart_rate_bpm"):
        assert found[name] > 0.75, name
    assert table(finished, "strips")["icc"].median() < 0.4
    assert table(finished, "strips")["r"].null_count() == 36


def test_the_study_is_the_same_with_and_without(finished: Study, tmp_path: Path) -> None:
    off = without(finished, tmp_path / "off")
    listed = Recordings.read(off.results / "read" / "repeats.parquet")
    assert len(listed) == 0
    assert read.load_repeats(off) is None
    assert table(off, "pca")["icc"].null_count() == table(off, "pca").height
    assert not (off.results / "represent" / "strips" / "reliability.csv").exists()
    compared = 0
    for path in (path for path in off.results.rglob("*") if path.suffix in (".parquet", ".csv", ".npy", ".safetensors")):
        if path.name in ("reliability.csv", "repeats.parquet"):
            continue
        compared += 1
        assert file_digest(path) == file_digest(finished.results / path.relative_to(off.results)), path
    assert compared > 20
    for name in ("clinical", "pca"):
        here = table(finished, name).drop_nulls("r").select("lead", "feature", "r")
        assert here.equals(table(off, name).select("lead", "feature", "r"))


def test_who_withdraws_is_gone_from_second_visits_too(finished: Study, tmp_path: Path) -> None:
    everybody = Recordings.read(finished.results / "read" / "repeats.parquet").frame["eid"].to_list()
    assert len(everybody) == TWICE
    shutil.copytree(finished.folder, tmp_path / "withdrawn")
    path = tmp_path / "withdrawn" / "study.yaml"
    path.write_text(path.read_text().replace("read:\n", "read:\n  leave_out: gone.txt\n", 1))
    (path.parent / "gone.txt").write_text("\n".join(everybody))
    study = Study.read_file(path)
    assert read.load_repeats(study) is not None
    stages.run(study, until="represent")
    assert read.load_repeats(study) is None
    assert not list((study.results / "read").rglob("repeats/*"))
    assert len(Recordings.read(study.results / "read" / "repeats.parquet")) == 0
    assert not list(study.results.rglob("features_repeat.parquet"))
    about = json.loads((study.results / "read" / "signals" / "0000" / "signals.json").read_text())
    assert not set(everybody) & set(about["eids"])
    assert table(study, "pca")["icc"].null_count() == 6
