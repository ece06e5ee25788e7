"""Dates of first diagnosis, and the table of follow-up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgwas.errors import InputError
from ecgwas.outcomes.person_tables import read_cohort
from ecgwas.outcomes.sources import dates
from ecgwas.study.outcomes import Dates
from tests.outcomes.people import EIDS, FOLLOW_UP, SEXES, cohort, described, written

TABLE = "eid\t131350-0.0\na1\t2016-06-01\na2\t2014-06-01\na3\t1901-01-01\na4\t\na5\t2010-01-01\na6\t1902-02-02\n"
"""After the ECG; on its day; of unknown date; none; without dates of follow-up, twice."""


def test_prevalent_and_incident_apart(tmp_path: Path) -> None:
    options = Dates(file=written(tmp_path, TABLE), names={"131350-0.0": "fibrillation"})
    prevalent, incident = dates.read(options, cohort(tmp_path))
    assert [one.analysis for one in (prevalent, incident)] == ["prevalent", "incident"]
    assert described(prevalent) == ["0", "1", "UNKNOWN_DATE", "0", "NO_DATES", "NO_DATES"]
    assert described(incident) == ["1", "PREVALENT", "UNKNOWN_DATE", "0", "NO_DATES", "NO_DATES"]
    days = lambda start, stop: (np.datetime64(stop) - np.datetime64(start)).astype(int) / 365.25  # noqa: E731
    assert incident.entry is not None
    assert incident.exit is not None
    assert incident.entry[0] == pytest.approx(days("1950-06-01", "2014-06-01"))
    assert incident.exit[0] == pytest.approx(days("1950-06-01", "2016-06-01"))
    assert incident.exit[3] == pytest.approx(days("1960-06-01", "2022-01-01"))
    assert incident.person_time == pytest.approx(days("2014-06-01", "2016-06-01") + days("2015-06-01", "2022-01-01"))


def test_years_since_the_ecg_need_no_birth_dates(tmp_path: Path) -> None:
    text = "\n".join("\t".join(line.split("\t")[:3]) for line in FOLLOW_UP.splitlines())
    people = read_cohort(EIDS, SEXES, written(tmp_path, text, "follow_up.tsv"), by_age=False)
    _, incident = dates.read(Dates(file=written(tmp_path, TABLE)), people)
    assert incident.entry is None
    assert incident.exit is not None
    assert incident.exit[0] == pytest.approx(730 / 365.25, abs=0.01)
    with pytest.raises(InputError, match="no column birth_date") as refused:
        read_cohort(EIDS, SEXES, tmp_path / "follow_up.tsv", by_age=True)
    assert "outcomes.time_scale: follow_up" in refused.value.fix


def test_without_follow_up_diagnosed_ever_or_never(tmp_path: Path) -> None:
    (ever,) = dates.read(Dates(file=written(tmp_path, TABLE)), cohort())
    assert ever.analysis == "ever"
    assert described(ever) == ["1", "1", "1", "0", "1", "1"]


@pytest.mark.parametrize("cell", ["01/06/2016", "2016-13-01", "2016", "June"])
def test_what_is_not_a_day_is_refused(tmp_path: Path, cell: str) -> None:
    with pytest.raises(InputError, match=f"column x is not a day: line 2: '{cell}'") as refused:
        dates.read(Dates(file=written(tmp_path, f"eid\tx\na1\t{cell}\n")), cohort())
    assert "2016-05-31" in refused.value.fix


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [("1950-06-01", "2019-06-01", "with an ECG before birth: line 2"), ("2018-01-01", "2010-01-01", "ECG after death: line 3")],
)
def test_impossible_dates_are_refused(tmp_path: Path, before: str, after: str, words: str) -> None:
    path = written(tmp_path, FOLLOW_UP.replace(before, after), "follow_up.tsv")
    with pytest.raises(InputError, match=words):
        read_cohort(EIDS, SEXES, path, by_age=True)
