"""Phecodes of records: a case written out, and a dictionary instead of sorting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgwas.errors import InputError
from ecgwas.outcomes.first_occurrences import UNKNOWN_DATE, Dates, occurrence
from ecgwas.outcomes.phecodes import Phecodes, diagnosed

HEART = Phecodes(
    ("atrial arrhythmia", "atrial fibrillation", "endometriosis"), ("heart", "heart", "female"), ("both", "both", "female"),
    ("I48", "I48", "I47", "N80"), np.array([0, 1, 0, 2]),
)  # fmt: skip


def days(*text: str) -> Dates:
    return np.array(text, dtype="datetime64[D]")


def test_a_case_written_out() -> None:
    person = np.array([0, 0, 0, 1, 1, 2, 3, 3])
    codes = ["I48", "I48", "I48", "I47", "Z99", "N80", "I48", "I48"]
    dates = days("2012-05-01", "2010-01-01", "2010-01-01", "2011-01-01", "2011-01-01", "2013-01-01", "1900-01-01", "2014-01-01")
    found = diagnosed(person, codes, dates, HEART, 5)
    assert found.unmapped == 1
    female = np.array([False, True, False, True, True])
    np.testing.assert_array_equal(found.cases(0, female), [1, 1, 0, 1, 0])
    np.testing.assert_array_equal(found.cases(0, female, min_dates=2), [1, -1, 0, 1, 0])
    np.testing.assert_array_equal(found.cases(1, female), [1, -1, 0, 1, 0])  # Other arrhythmias are no controls.
    np.testing.assert_array_equal(found.cases(2, female), [-1, 0, -1, 0, 0])
    first, undated = found.first_dates(1)
    np.testing.assert_array_equal(first, days("2010-01-01", "NaT", "NaT", "2014-01-01", "NaT"))
    np.testing.assert_array_equal(undated, [False, False, False, True, False])
    # The participant with an undated and a later diagnosis may have had it at the ECG; with an earlier one, certainly.
    for ecg, prevalent, incident in (
        ("2012-01-01", [1, 0, 0, -1, 0], [-1, 0, 0, -1, 0]),
        ("2015-01-01", [1, 0, 0, 1, 0], [-1, 0, 0, -1, 0]),
    ):
        cases = occurrence(
            first, np.full(5, np.datetime64(ecg)), np.full(5, days("1950-01-01")[0]), days("2020-01-01")[0], undated=undated
        )
        np.testing.assert_array_equal(cases.prevalent, prevalent)
        np.testing.assert_array_equal(cases.incident, incident)
        np.testing.assert_array_equal(cases.ever, [1, 0, 0, 1, 0])


@given(records=st.integers(0, 60), people=st.integers(1, 6), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_records_are_united_as_by_a_dictionary(records: int, people: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    person, codes = rng.integers(0, people, records), rng.choice(["I48", "I47", "N80", "Z99", "A"], records)
    dates = np.datetime64("2010-01-01") + rng.integers(0, 4, records)
    dates = np.where(rng.random(records) < 0.2, rng.choice(np.append(UNKNOWN_DATE, np.datetime64("NaT")), records), dates)
    expected: dict[tuple[int, int], set[object]] = {}
    for who, code, date in zip(person, codes, dates, strict=True):
        for pair, name in enumerate(HEART.codes):
            if name == code:
                known = not np.isnat(date) and date not in UNKNOWN_DATE
                expected.setdefault((int(HEART.phecode[pair]), int(who)), set()).add(date if known else None)
    found = diagnosed(person, list(codes), dates, HEART, people)
    assert list(zip(found.phecode.tolist(), found.person.tolist(), strict=True)) == sorted(expected)
    for row, key in enumerate(sorted(expected)):
        days = sorted(date for date in expected[key] if date is not None)
        assert found.undated[row] == (None in expected[key])
        assert found.dates[row] == len(expected[key])
        assert found.first[row] == days[0] if days else np.isnat(found.first[row])
    assert found.unmapped == np.isin(codes, ["Z99", "A"]).sum()


def test_refusals_in_words() -> None:
    with pytest.raises(InputError, match=r"1 records are of none of the 2 participants \(rows 1\)"):
        diagnosed(np.array([0, 2]), ["I48", "I48"], days("2010-01-01", "2010-01-01"), HEART, 2)
    with pytest.raises(InputError, match="listed twice"):
        Phecodes(("a", "a"), ("g", "g"), ("both", "both"), (), np.zeros(0, dtype=np.int64))
    with pytest.raises(InputError, match="use both, female or male"):
        Phecodes(("a",), ("g",), ("F",), (), np.zeros(0, dtype=np.int64))
    with pytest.raises(ValueError, match="equal length"):
        Phecodes(("a",), (), ("both",), (), np.zeros(0, dtype=np.int64))
    with pytest.raises(ValueError, match="not within"):
        Phecodes(("a",), ("g",), ("both",), ("I48",), np.array([1]))
