"""Prevalent and incident cases from dates: each rule, and all rules together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgwas.errors import InputError
from ecgwas.outcomes.first_occurrences import AT_BIRTH, UNKNOWN_DATE, Dates, Occurrence, Reason, occurrence

BIRTH, ECG, END = (np.datetime64(day) for day in ("1950-06-15", "2015-03-01", "2022-10-31"))


def of(*diagnosis: str, death: tuple[str, ...] | None = None, ecg: Dates | None = None) -> Occurrence:
    n = len(diagnosis)
    return occurrence(
        np.array(diagnosis, dtype="datetime64[D]"), np.full(n, ECG) if ecg is None else ecg, np.full(n, BIRTH), END,
        None if death is None else np.array(death, dtype="datetime64[D]"),
    )  # fmt: skip


def test_before_on_and_after_the_day_of_the_ecg() -> None:
    cases = of("2015-02-28", "2015-03-01", "2015-03-02", "2022-10-31", "2022-11-01", "NaT")
    np.testing.assert_array_equal(cases.prevalent, [1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(cases.incident, [-1, -1, 1, 1, 0, 0])
    np.testing.assert_array_equal(cases.ever, [1, 1, 1, 1, 1, 0])
    np.testing.assert_allclose(cases.follow_up * 365.25, [np.nan, np.nan, 1, 2801, 2801, 2801])
    np.testing.assert_allclose(cases.entry[2:], 64.7091, atol=1e-3)
    assert cases.counts() == {"in_analysis": 4, "no_ecg": 0, "prevalent": 2, "unknown_date": 0, "no_follow_up": 0}


@pytest.mark.parametrize(
    ("date", "prevalent", "reason"),
    [("1900-01-01", -1, Reason.UNKNOWN_DATE), ("1901-01-01", -1, Reason.UNKNOWN_DATE), ("1902-02-02", 1, Reason.PREVALENT),
     ("1903-03-03", 1, Reason.PREVALENT), ("1909-09-09", -1, Reason.UNKNOWN_DATE), ("2037-07-07", -1, Reason.UNKNOWN_DATE)],
)  # fmt: skip
def test_special_dates(date: str, prevalent: int, reason: Reason) -> None:
    cases = of(date)
    assert (cases.ever[0], cases.prevalent[0], cases.incident[0], cases.reason[0]) == (1, prevalent, -1, reason)
    assert np.isnan(cases.entry[0])


def test_death_ends_follow_up() -> None:
    cases = of("2018-01-01", "2018-01-02", "NaT", "NaT", death=("2018-01-01", "2018-01-01", "2018-01-01", "2024-01-01"))
    np.testing.assert_array_equal(cases.incident, [1, 0, 0, 0])
    np.testing.assert_allclose(cases.follow_up * 365.25, [1037, 1037, 1037, 2801])


def test_without_an_ecg_or_follow_up() -> None:
    cases = of("NaT", "2010-01-01", "NaT", ecg=np.array(["NaT", "NaT", "2022-10-31"], dtype="datetime64[D]"))
    np.testing.assert_array_equal(cases.reason, [Reason.NO_ECG, Reason.NO_ECG, Reason.NO_FOLLOW_UP])
    np.testing.assert_array_equal(cases.prevalent, [-1, -1, 0])
    np.testing.assert_array_equal(cases.ever, [0, 1, 0])


def test_contradictions_are_refused_in_words() -> None:
    dates = np.array(["2010-01-01", "NaT"], dtype="datetime64[D]")
    ecg, end = np.full(2, ECG), np.full(2, END)
    with pytest.raises(InputError, match=r"1 participants have no date of birth \(rows 1\)"):
        occurrence(dates, ecg, dates, END)
    with pytest.raises(InputError, match="2 participants have an ECG before their birth"):
        occurrence(dates, ecg, end, END)
    with pytest.raises(InputError, match="1 participants have an ECG after their death"):
        occurrence(dates, ecg, np.full(2, BIRTH), END, dates)
    with pytest.raises(InputError, match="have no censoring date"):
        occurrence(dates, ecg, np.full(2, BIRTH), dates)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_codes_and_times_are_consistent(seed: int) -> None:
    rng, n = np.random.default_rng(seed), 40
    birth = BIRTH + rng.integers(0, 5000, n)
    ecg = np.where(rng.random(n) < 0.9, ECG + rng.integers(-900, 900, n), np.datetime64("NaT"))
    death = np.where(rng.random(n) < 0.2, ECG + rng.integers(900, 4000, n), np.datetime64("NaT"))
    diagnosis = np.where(rng.random(n) < 0.5, ECG + rng.integers(-4000, 4000, n), np.datetime64("NaT"))
    special = np.concatenate([AT_BIRTH, UNKNOWN_DATE])
    diagnosis = np.where(rng.random(n) < 0.2, special[rng.integers(0, 6, n)], diagnosis)
    cases = occurrence(diagnosis, ecg, birth, np.full(n, END), death)
    followed = cases.incident >= 0
    assert (followed == (cases.reason == Reason.IN_ANALYSIS)).all()
    assert (followed == np.isfinite(cases.exit)).all()
    assert (cases.follow_up[followed] > 0).all()
    assert (cases.prevalent[followed] == 0).all()
    assert (cases.ever[cases.incident == 1] == 1).all()
    assert sum(cases.counts().values()) == n
