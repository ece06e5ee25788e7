"""Prevalent and incident cases from dates of first diagnosis, relative to the date of the ECG.

UK Biobank's first occurrences (category 1712) give the earliest date of each three-character ICD-10 code. Six dates there are
not dates (data-coding 819, as stated in public analysis code; the coding itself was not accessible here):

    1900-01-01  no date
    1901-01-01  before birth
    1902-02-02  the date of birth
    1903-03-03  after birth, in the calendar year of birth
    1909-09-09  in the future, probably a placeholder
    2037-07-07  in the future, probably a placeholder

A diagnosis at or soon after birth precedes every ECG. One without a usable date is a diagnosis, but nobody knows whether it
preceded the ECG, so the participant is in neither analysis.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.outcomes.checks import MISSING

Dates = NDArray[np.datetime64]
"""datetime64[D]; NaT without a date."""

AT_BIRTH = np.array(["1902-02-02", "1903-03-03"], dtype="datetime64[D]")
UNKNOWN_DATE = np.array(["1900-01-01", "1901-01-01", "1909-09-09", "2037-07-07"], dtype="datetime64[D]")
DAYS_PER_YEAR = 365.25


class Reason(IntEnum):
    """Why a participant is not in the analysis of incident cases; IN_ANALYSIS otherwise."""

    IN_ANALYSIS = 0
    NO_ECG = 1
    PREVALENT = 2
    UNKNOWN_DATE = 3
    NO_FOLLOW_UP = 4


@dataclass(frozen=True)
class Occurrence:
    """One diagnosis in N participants.

    ever      (N,) int8: 1 with a diagnosis on any date, 0 without
    prevalent (N,) int8: 1 diagnosed on the day of the ECG or before, 0 not diagnosed by then, -1 unknown or without an ECG
    incident  (N,) int8: 1 diagnosed after the ECG and during follow-up, 0 censored, -1 not in the analysis
    entry     (N,) float64, age at the ECG in years, NaN where incident is -1
    exit      (N,) float64, age at diagnosis, death or censoring, whichever comes first, likewise
    reason    (N,) int8, of `Reason`: why incident is -1
    """

    ever: NDArray[np.int8]
    prevalent: NDArray[np.int8]
    incident: NDArray[np.int8]
    entry: NDArray[np.float64]
    exit: NDArray[np.float64]
    reason: NDArray[np.int8]

    @property
    def follow_up(self) -> NDArray[np.float64]:
        """(N,) years from the ECG to the exit; NaN where incident is -1."""
        return np.asarray(self.exit - self.entry)

    def counts(self) -> dict[str, int]:
        """Number of participants by reason, IN_ANALYSIS among them."""
        return {reason.name.lower(): int((self.reason == reason).sum()) for reason in Reason}


def occurrence(
    diagnosis: Dates, ecg: Dates, birth: Dates, censoring: Dates, death: Dates | None = None, *,
    undated: NDArray[np.bool_] | None = None,
) -> Occurrence:  # fmt: skip
    """The diagnosis of N participants relative to their ECG.

    diagnosis  (N,) datetime64[D], date of first diagnosis as UK Biobank codes it; NaT without a diagnosis
    ecg        (N,) date of the ECG; NaT without one, who are in neither analysis
    birth      (N,) date of birth, or the middle of the month of birth if the day is unknown
    censoring  (N,) or () date until which diagnoses are complete; later ones do not count
    death      (N,) date of death, NaT if alive; it ends follow-up (cause-specific hazard). A diagnosis on that day counts
    undated    (N,) bool, there is a diagnosis without a usable date, too, as of a phecode with several codes: the participant
    is
               a prevalent case if another was by the ECG, otherwise in neither analysis

    Raises InputError if a birth or censoring date is missing, or an ECG is before birth or after death. A diagnosis after
    death, as autopsies give, does not count as incident.
    """
    n = len(diagnosis)
    diagnosis, ecg, birth, censoring = (np.broadcast_to(_days(each), n) for each in (diagnosis, ecg, birth, censoring))
    death = np.full(n, "NaT", dtype="datetime64[D]") if death is None else _days(death)
    _check(ecg, birth, censoring, death)
    without_date = np.isin(diagnosis, UNKNOWN_DATE)
    dated = ~np.isnat(diagnosis) & ~without_date
    without_date |= False if undated is None else undated
    has_ecg, ever = ~np.isnat(ecg), dated | without_date
    early = dated & (np.isin(diagnosis, AT_BIRTH) | (diagnosis <= ecg))
    unknown = without_date & ~early
    prevalent = np.where(unknown | ~has_ecg, MISSING, early).astype(np.int8)
    end = np.fmin(censoring, death)
    reason = np.select(
        [~has_ecg, unknown, early, end <= ecg],
        [Reason.NO_ECG, Reason.UNKNOWN_DATE, Reason.PREVALENT, Reason.NO_FOLLOW_UP],
        Reason.IN_ANALYSIS,
    ).astype(np.int8)
    followed = reason == Reason.IN_ANALYSIS
    event = followed & dated & (diagnosis <= end)
    incident = np.where(followed, event, MISSING).astype(np.int8)
    last = np.where(event, diagnosis, end)
    entry, exit_ = (np.where(followed, _years(birth, date), np.nan) for date in (ecg, last))
    return Occurrence(ever.astype(np.int8), prevalent, incident, entry, exit_, reason)


def _days(dates: Dates) -> Dates:
    return np.asarray(dates, dtype="datetime64[D]")


def _years(begin: Dates, end: Dates) -> NDArray[np.float64]:
    """(N,) years between two dates; NaN where either is missing."""
    days = (end - begin).astype("timedelta64[D]")
    return np.where(np.isnat(days), np.nan, days.astype(np.float64) / DAYS_PER_YEAR)


def _check(ecg: Dates, birth: Dates, censoring: Dates, death: Dates) -> None:
    for wrong, problem, fix in (
        (np.isnat(birth), "have no date of birth", "give year and month of birth, day 15"),
        (np.isnat(censoring), "have no censoring date", "give the date until which their diagnoses are complete"),
        (ecg < birth, "have an ECG before their birth", "correct the dates"),
        (ecg > death, "have an ECG after their death", "correct the dates, or check that the tables are of the same people"),
    ):
        rows = np.flatnonzero(wrong)
        if len(rows):
            raise InputError(f"{len(rows)} participants {problem} (rows {first_few(rows)})", fix=fix)
