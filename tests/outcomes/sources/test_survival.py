"""Columns of a time and an event."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.errors import InputError
from ecgwas.outcomes.sources import survival
from ecgwas.study.outcomes import Survival
from tests.outcomes.people import cohort, described, written

TABLE = "eid\tage\tdead\tage_ecg\na1\t70\t1\t64\na2\t66\t0\t59\na3\t80\t1\t\na4\t\t0\t50\na5\t70\tNA\t60\n"


def test_times_events_and_reasons(tmp_path: Path) -> None:
    options = Survival(file=written(tmp_path, TABLE), name="death", time="age", event="dead", entry="age_ecg")
    (death,) = survival.read(options, cohort())
    assert described(death) == ["1", "0", "NO_VALUE", "NO_VALUE", "NO_VALUE", "NOT_IN_TABLE"]
    assert (death.model, death.cases, death.person_time) == ("cox", 1, 13.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("eid\ttime\tevent\na1\t0\t1\na2\t3\t1\n", "column time is not after 0 for 1 participant.s.: line 2"),
        ("eid\ttime\tevent\na1\t3\t2\n", "other values than 0 and 1: 2"),
        ("eid\ttime\tevents\na1\t3\t1\n", "no column event; did you mean 'events'"),
    ],
)
def test_faulty_tables_are_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        survival.read(Survival(file=written(tmp_path, text), name="death"), cohort())
