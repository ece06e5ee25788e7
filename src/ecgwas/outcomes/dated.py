"""Outcomes of one dated disease: prevalent and incident with dates of follow-up, otherwise diagnosed ever or never."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ecgwas.outcomes.first_occurrences import UNKNOWN_DATE, Dates, Occurrence, Reason, occurrence
from ecgwas.outcomes.outcome import Cohort, Exclusion, Outcome

OF_REASON = {
    Reason.IN_ANALYSIS: Exclusion.NONE, Reason.NO_ECG: Exclusion.NO_DATES, Reason.PREVALENT: Exclusion.PREVALENT,
    Reason.UNKNOWN_DATE: Exclusion.UNKNOWN_DATE, Reason.NO_FOLLOW_UP: Exclusion.NO_FOLLOW_UP,
}  # fmt: skip


@dataclass(frozen=True)
class DatedDisease:
    """Diagnoses of one disease in N participants.

    first     (N,) datetime64[D] of the first diagnosis, as UK Biobank codes it; NaT without a dated one
    undated   (N,) bool, there is a diagnosis without a date
    excluded  (N,) int8, of `Exclusion`, whatever the dates
    related   (N,) date of the first related diagnosis, NaT without one;  related_undated (N,) bool, there is one without a date
    """

    name: str
    group: str
    first: Dates
    undated: NDArray[np.bool_]
    excluded: NDArray[np.int8]
    related: Dates | None = field(default=None)
    related_undated: NDArray[np.bool_] | None = field(default=None)

    @property
    def diagnosed(self) -> NDArray[np.bool_]:
        """(N,) with a diagnosis on any date."""
        return np.asarray(~np.isnat(self.first) | self.undated)

    def outcomes(self, cohort: Cohort) -> list[Outcome]:
        """`prevalent` and `incident` if the cohort has dates of follow-up, else `ever`."""
        return [self._ever()] if cohort.follow_up is None else self._by_date(cohort)

    def _ever(self) -> Outcome:
        ever = self.diagnosed
        excluded = self._without_related(self.excluded, ~ever, None)
        return Outcome.of(self.name, "ever", self.group, ever.astype(np.float64), excluded)

    def _by_date(self, cohort: Cohort) -> list[Outcome]:
        dates = cohort.follow_up
        if dates is None:
            raise ValueError("the cohort has no dates")
        here = occurrence(self.first, dates.ecg, dates.birth, dates.end, dates.death, undated=self.undated)
        lacking = np.where(dates.complete, self.excluded, int(Exclusion.NO_DATES))
        lacking = np.where(self.excluded == Exclusion.NONE, lacking, self.excluded).astype(np.int8)
        return [self._prevalent(here, lacking, dates.ecg), self._incident(here, lacking, dates.ecg, by_age=cohort.by_age)]

    def _prevalent(self, here: Occurrence, lacking: NDArray[np.int8], ecg: Dates) -> Outcome:
        values = np.where(here.prevalent < 0, np.nan, here.prevalent)
        unknown = (lacking == Exclusion.NONE) & np.isnan(values)
        excluded = np.where(unknown, int(Exclusion.UNKNOWN_DATE), lacking).astype(np.int8)
        return Outcome.of(self.name, "prevalent", self.group, values, self._without_related(excluded, values == 0, ecg))

    def _incident(self, here: Occurrence, lacking: NDArray[np.int8], ecg: Dates, *, by_age: bool) -> Outcome:
        why = np.array([int(OF_REASON[reason]) for reason in Reason])[here.reason]
        excluded = np.where(lacking == Exclusion.NONE, why, lacking).astype(np.int8)
        excluded = self._without_related(excluded, excluded == Exclusion.NONE, ecg)
        values = np.where(here.incident < 0, np.nan, here.incident)
        exit_ = here.exit if by_age else here.follow_up
        entry = here.entry if by_age else None
        return Outcome.of(self.name, "incident", self.group, values, excluded, exit_=exit_, entry=entry)

    def _without_related(
        self, excluded: NDArray[np.int8], controls: NDArray[np.bool_], ecg: Dates | None
    ) -> NDArray[np.int8]:  # fmt: skip
        """Excludes controls with a related diagnosis: by the day of the ECG or of unknown date; without ECG, on any date.

        The future excludes nobody: that would make the participants who are followed depend on what happened later.
        """
        if self.related is None or self.related_undated is None:
            return excluded
        coded = np.isin(self.related, UNKNOWN_DATE)
        early = ~np.isnat(self.related) if ecg is None else (self.related <= ecg) | coded
        return np.where(
            controls & (excluded == Exclusion.NONE) & (early | self.related_undated), int(Exclusion.RELATED), excluded
        ).astype(np.int8)  # fmt: skip
