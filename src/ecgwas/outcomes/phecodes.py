"""Cases and controls by phecode, from records of diagnoses with dates.

A phecode unites codes of a classification, such as ICD-10, that mean one disease (Denny et al. 2010, Bioinformatics 26:1205;
PhecodeX: Shuey et al. 2023, Bioinformatics 39:btad655). A code may belong to several phecodes, and a phecode to a broader
one. The map of codes is the user's: it is not part of this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.outcomes.checks import MISSING
from ecgwas.outcomes.first_occurrences import UNKNOWN_DATE, Dates

Sex = Literal["both", "female", "male"]


@dataclass(frozen=True)
class Phecodes:
    """D phecodes and the codes that belong to them.

    names     (D,) such as CV_416.2
    groups    (D,) category, such as Cardiovascular; controls of a phecode have no diagnosis of its group
    sexes     (D,) participants of the other sex are not in the analysis
    codes     (M,) code of each pair of a code and a phecode, spelled as in the records; broader phecodes included
    phecode   (M,) int64, the pair's phecode as index of `names`
    """

    names: Sequence[str]
    groups: Sequence[str]
    sexes: Sequence[Sex]
    codes: Sequence[str]
    phecode: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.groups) == len(self.sexes) or len(self.codes) != len(self.phecode):
            raise ValueError("names, groups and sexes, and codes and phecode, are of equal length")
        if len(self.phecode) and not 0 <= self.phecode.min() <= self.phecode.max() < len(self.names):
            raise ValueError(f"a pair's phecode is not within 0 to {len(self.names) - 1}")
        if len(set(self.names)) < len(self.names):
            raise InputError("a phecode is listed twice", fix="list each phecode once, with all its codes")
        wrong = sorted(set(self.sexes) - {"both", "female", "male"})
        if wrong:
            raise InputError(f"sexes of phecodes: {first_few(wrong)}", fix="use both, female or male")


@dataclass(frozen=True)
class Diagnosed:
    """The pairs of participant and phecode with a diagnosis, R of them, in the order of phecode and participant.

    people    number N of participants
    phecodes  what was looked for
    person    (R,) int64, index of the participant
    phecode   (R,) int64
    first     (R,) datetime64[D], earliest usable date; NaT if there is none
    undated   (R,) bool, a record has no usable date
    dates     (R,) int64, distinct dates; records without one count as one more together
    unmapped  number of records whose code belongs to no phecode
    """

    people: int
    phecodes: Phecodes
    person: NDArray[np.int64]
    phecode: NDArray[np.int64]
    first: Dates
    undated: NDArray[np.bool_]
    dates: NDArray[np.int64]
    unmapped: int

    def first_dates(self, phecode: int) -> tuple[Dates, NDArray[np.bool_]]:
        """(N,) `first` and (N,) `undated` of one phecode, as `first_occurrences.occurrence` takes them; NaT and False if
        none."""
        rows = self._rows(phecode)
        first, undated = np.full(self.people, "NaT", dtype="datetime64[D]"), np.zeros(self.people, dtype=bool)
        first[self.person[rows]], undated[self.person[rows]] = self.first[rows], self.undated[rows]
        return first, undated

    def cases(self, phecode: int, female: NDArray[np.bool_], *, min_dates: int = 1) -> NDArray[np.int8]:
        """(N,) int8 of one phecode: 1 with `min_dates` distinct dates or more; 0 without a diagnosis of its group; -1
        otherwise.

        -1 are participants with fewer dates, with another diagnosis of the group, or of the wrong sex. female: (N,) bool.
        """
        rows, groups = self._rows(phecode), np.asarray(self.phecodes.groups)
        outcome = np.zeros(self.people, dtype=np.int8)
        outcome[self.person[groups[self.phecode] == groups[phecode]]] = MISSING
        outcome[self.person[rows][self.dates[rows] >= min_dates]] = 1
        sex = self.phecodes.sexes[phecode]
        if sex != "both":
            outcome[female if sex == "male" else ~female] = MISSING
        return outcome

    def _rows(self, phecode: int) -> slice:
        start, stop = np.searchsorted(self.phecode, [phecode, phecode + 1])
        return slice(int(start), int(stop))


def diagnosed(person: NDArray[np.int64], code: Sequence[str], date: Dates, phecodes: Phecodes, people: int) -> Diagnosed:
    """Phecodes of `people` participants from records: index of the participant (R,), code (R,), date (R,) datetime64[D].

    A date may be missing (NaT) or one of the codes of `first_occurrences`: those for birth count as dates, the others as
    missing. Raises InputError if a record is of nobody.
    """
    wrong = np.flatnonzero((person < 0) | (person >= people))
    if len(wrong):
        problem = f"{len(wrong)} records are of none of the {people} participants (rows {first_few(wrong)})"
        raise InputError(problem, fix="select the records of participants first")
    record, pair = _pairs(code, phecodes)
    unmapped = len(person) - len(np.unique(record))
    who, which = person[record], phecodes.phecode[pair]
    days = np.asarray(date, dtype="datetime64[D]")[record]
    days = np.where(np.isin(days, UNKNOWN_DATE), np.datetime64("NaT"), days)
    # One row for each participant, phecode and date: NaT sorts last, and np.unique counts it once.
    key = np.stack([which, who, np.where(np.isnat(days), np.iinfo(np.int64).max, days.astype(np.int64))])
    which, who, number = np.unique(key, axis=1)
    begins = np.flatnonzero(np.diff(which, prepend=-1) | np.diff(who, prepend=-1))
    ends = np.append(begins[1:], len(who)) - 1 if len(begins) else begins
    missing = number == np.iinfo(np.int64).max
    first = np.where(missing, np.iinfo(np.int64).min, number)[begins].astype("datetime64[D]")
    return Diagnosed(people, phecodes, who[begins], which[begins], first, missing[ends], ends - begins + 1, unmapped)


def _pairs(code: Sequence[str], phecodes: Phecodes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every combination of a record and a pair of its code: indices of both."""
    names, of_pair = np.unique(np.asarray(phecodes.codes, dtype=str), return_inverse=True)
    codes = np.asarray(code, dtype=str)
    if len(names) == 0 or len(codes) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    number = np.minimum(np.searchsorted(names, codes), len(names) - 1)
    known = np.flatnonzero(names[number] == codes)
    order = np.argsort(of_pair, kind="stable")
    starts = np.searchsorted(of_pair[order], np.arange(len(names) + 1))
    counts = np.diff(starts)[number[known]]
    record = np.repeat(known, counts)
    within = np.arange(len(record)) - np.repeat(np.cumsum(counts) - counts, counts)
    return record, order[starts[number[record]] + within]
