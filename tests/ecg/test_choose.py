"""Which of a person's recordings is analysed: by visit, by date, or the one of best quality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from ecgwas.ecg import Batch, find_recordings, read_recordings
from ecgwas.errors import InputError
from ecgwas.progress import silent
from ecgwas.study import ReadOptions
from tests.ecg.make_recordings import make_counts
from tests.ecg.vendors import muse

HEADER = "eid,path,instance,date\n"


def options(folder: Path, lines: str, **more: object) -> ReadOptions:
    (folder / "recordings.csv").write_text(HEADER + lines)
    return ReadOptions(recordings=folder / "recordings.csv", **more)


def chosen(folder: Path, lines: str, **more: object) -> list[str]:
    manifest = find_recordings(options(folder, lines, **more))
    return [path.name for source in manifest.sources for path in source.paths.values()]


def put(folder: Path, name: str, noise: float = 0.0, flat: bool = False) -> None:
    counts = {
        lead: row + np.random.default_rng(3).normal(0, noise, len(row)).round().astype(int)
        for lead, row in make_counts().items()
    }
    if flat:
        counts["V3"] = counts["V3"] * 0
    (folder / name).write_bytes(muse(counts))


DATED = "7,a.xml,,2019-03-31 14:05\n7,b.xml,,2018-01-01\n7,c.xml,,2019-03-31T14:06:30\n8,d.xml,,\n"


@pytest.mark.parametrize(("choose", "name"), [("first", "b.xml"), ("last", "c.xml"), ("visit", "a.xml")])
def test_by_date(tmp_path: Path, choose: str, name: str) -> None:
    assert chosen(tmp_path, DATED, choose=choose) == [name, "d.xml"]


@pytest.mark.parametrize(("choose", "name"), [("first", "a.xml"), ("last", "c.xml"), ("visit", "b.xml")])
def test_by_visit_where_no_date_is_stated(tmp_path: Path, choose: str, name: str) -> None:
    assert chosen(tmp_path, "7,b.xml,2,\n7,a.xml,0_1,\n7,c.xml,3,\n", choose=choose) == [name]


def test_the_others_are_listed_with_the_reason(tmp_path: Path) -> None:
    others = find_recordings(options(tmp_path, DATED, choose="last")).others.frame
    assert others["path"].sort().to_list() == ["a.xml", "b.xml"]
    assert set(others["reason"]) == {"another recording of the person is used: read.choose: last"}


def test_a_date_that_is_none_or_missing_is_refused_only_where_it_counts(tmp_path: Path) -> None:
    wrong = "7,a.xml,,31.3.2019\n7,b.xml,,2018-01-01\n"
    with pytest.raises(InputError, match="line 2") as error:
        chosen(tmp_path, wrong, choose="first")
    assert "2019-03-31" in error.value.fix
    assert chosen(tmp_path, wrong) == ["a.xml"]
    with pytest.raises(InputError, match=r"no date: b\.xml"):
        chosen(tmp_path, "7,a.xml,,2019-01-01\n7,b.xml,,\n", choose="first")


def read(folder: Path, lines: str, **more: object) -> Batch:
    given = options(folder, lines, choose="best_quality", **more)
    return read_recordings(given, find_recordings(given).sources, track=silent)


def test_the_best_of_several_recordings_is_kept_and_the_others_listed(tmp_path: Path) -> None:
    put(tmp_path, "noisy.xml", noise=12)
    put(tmp_path, "clean.xml")
    put(tmp_path, "flat.xml", flat=True)
    put(tmp_path, "other.xml", noise=12)
    batch = read(tmp_path, "7,noisy.xml,,\n7,clean.xml,,\n7,flat.xml,,\n7,gone.xml,,\n8,other.xml,,\n")
    assert batch.signals is not None
    assert batch.signals.eids == ("7", "8")
    about = {row["path"]: (row["status"], row["reason"], row["row"]) for row in batch.recordings.frame.to_dicts()}
    assert about["clean.xml"][0] == about["other.xml"][0] == "kept"
    assert [about[name][2] for name in ("clean.xml", "other.xml")] == [0, 1]
    assert about["noisy.xml"] == ("duplicate", "another recording of the person is better (read.choose: best_quality)", None)
    assert about["flat.xml"] == ("left_out", "flat lead V3", None)
    assert about["gone.xml"] == ("left_out", "no such file", None)


def test_the_order_of_the_files_does_not_matter(tmp_path: Path) -> None:
    put(tmp_path, "a.xml", noise=12)
    put(tmp_path, "b.xml", noise=2)
    forwards, backwards = (read(tmp_path, lines) for lines in ("7,a.xml,0,\n7,b.xml,1,\n", "7,b.xml,0,\n7,a.xml,1,\n"))
    assert forwards.signals is not None
    assert backwards.signals is not None
    assert np.array_equal(forwards.signals.beats[0], backwards.signals.beats[0])


def test_best_quality_and_lead_by_lead_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="best_quality"):
        ReadOptions(recordings=tmp_path, choose="best_quality", lead_by_lead=True)
