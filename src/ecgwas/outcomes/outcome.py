"""Outcomes of the participants tested, of whichever source, and whom each excludes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ecgwas.outcomes.first_occurrences import Dates

Analysis = Literal["binary", "ever", "prevalent", "incident", "survival", "numeric"]
Model = Literal["logistic", "cox", "linear"]

MODELS: Mapping[Analysis, Model] = {
    "binary": "logistic", "ever": "logistic", "prevalent": "logistic", "incident": "cox", "survival": "cox",
    "numeric": "linear",
}  # fmt: skip
"""binary, numeric: columns of a table; ever: diagnosed on any date; prevalent: by the day of the ECG; incident: later."""

UNKNOWN_SEX, MALE, FEMALE = 0, 1, 2
"""As in .fam."""


class Exclusion(IntEnum):
    """Why a participant is not in the analysis of an outcome."""

    NONE = 0
    NOT_IN_TABLE = 1
    NO_VALUE = 2
    OTHER_SEX = 3
    NO_DATES = 4
    PREVALENT = 5
    UNKNOWN_DATE = 6
    NO_FOLLOW_UP = 7
    RELATED = 8
    TOO_FEW_DATES = 9

    @property
    def words(self) -> str:
        """For tables."""
        return WORDS[self]


WORDS = {
    Exclusion.NONE: "", Exclusion.NOT_IN_TABLE: "not in the table", Exclusion.NO_VALUE: "no value",
    Exclusion.OTHER_SEX: "other or unknown sex", Exclusion.NO_DATES: "no date of ECG, birth or end of follow-up",
    Exclusion.PREVALENT: "diagnosed by the day of the ECG", Exclusion.UNKNOWN_DATE: "diagnosis of unknown date",
    Exclusion.NO_FOLLOW_UP: "no follow-up after the ECG", Exclusion.RELATED: "related diagnosis",
    Exclusion.TOO_FEW_DATES: "diagnosed on too few dates",
}  # fmt: skip


@dataclass(frozen=True)
class FollowUp:
    """Dates of N participants, datetime64[D]: ecg, birth, end of follow-up and death, NaT if alive.

    complete  (N,) bool: ecg, birth and end are known. Where they are not, ecg is NaT, and birth and end are any dates.
    """

    ecg: Dates
    birth: Dates
    end: Dates
    death: Dates
    complete: NDArray[np.bool_]


@dataclass(frozen=True)
class Cohort:
    """The participants tested: N eids, sexes (N,) int8 as in .fam, and dates, if there are any; time is age or follow-up."""

    eids: tuple[str, ...]
    sexes: NDArray[np.int8]
    follow_up: FollowUp | None = None
    by_age: bool = True

    def other_sex(self, sex: str | None) -> NDArray[np.bool_]:
        """(N,) participants not known to be of the sex; None or `both`: nobody."""
        if sex in (None, "both"):
            return np.zeros(len(self.eids), dtype=bool)
        return np.asarray(self.sexes != (FEMALE if sex == "female" else MALE))


@dataclass(frozen=True)
class Outcome:
    """One outcome of N participants.

    values    (N,) float64: 1 case or event, 0 control or censored, or a number; NaN: not in the analysis
    excluded  (N,) int8, of `Exclusion`; NONE where values are known
    exit      (N,) float64, of analyses by Cox regression: the time at which follow-up ended;  entry: at which it began, or None
    """

    name: str
    analysis: Analysis
    group: str
    values: NDArray[np.float64]
    excluded: NDArray[np.int8]
    exit: NDArray[np.float64] | None = None
    entry: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls, name: str, analysis: Analysis, group: str, values: NDArray[np.float64], excluded: NDArray[np.int8], *,
        exit_: NDArray[np.float64] | None = None, entry: NDArray[np.float64] | None = None,
    ) -> Outcome:  # fmt: skip
        """values of excluded participants are removed; others without a value are excluded for that."""
        reasons = np.where((excluded == Exclusion.NONE) & np.isnan(values), int(Exclusion.NO_VALUE), excluded).astype(np.int8)
        return cls(name, analysis, group, np.where(reasons == Exclusion.NONE, values, np.nan), reasons, exit_, entry)

    @property
    def model(self) -> Model:
        """How it is tested."""
        return MODELS[self.analysis]

    @property
    def coded(self) -> NDArray[np.int8]:
        """(N,) of a case-control or survival outcome: 1, 0, or -1 where not in the analysis."""
        return np.where(np.isnan(self.values), -1, self.values).astype(np.int8)

    @property
    def people(self) -> int:
        """Participants in the analysis."""
        return int((~np.isnan(self.values)).sum())

    @property
    def cases(self) -> int | None:
        """Cases or events; None of numbers."""
        return None if self.model == "linear" else int(np.nansum(self.values))

    @property
    def person_time(self) -> float | None:
        """Sum of follow-up, in the unit of time; None without times."""
        if self.exit is None:
            return None
        begin = 0.0 if self.entry is None else self.entry
        return float(np.sum((self.exit - begin)[~np.isnan(self.values)]))

    def exclusions(self) -> dict[str, int]:
        """Reason in words -> participants, most frequent first."""
        counts = {reason.words: int((self.excluded == reason).sum()) for reason in Exclusion if reason is not Exclusion.NONE}
        return dict(sorted(((why, n) for why, n in counts.items() if n), key=lambda item: (-item[1], item[0])))
