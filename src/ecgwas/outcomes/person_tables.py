"""Tables of outcomes as users write them: columns by participant, dates, and the table of follow-up."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ids
from ecgwas.errors import EcgwasError, InputError, first_few, raise_together
from ecgwas.outcomes.first_occurrences import Dates
from ecgwas.outcomes.outcome import Cohort, Exclusion, FollowUp
from ecgwas.study.outcomes import ColumnTable
from ecgwas.tables.numeric_columns import extremes, wrong_numbers
from ecgwas.tables.user_table import UserTable, is_missing, numbers, read_user_table

DAY = r"^\d{4}-\d{2}-\d{2}$"
FOLLOW_UP = ("ecg_date", "end_date", "birth_date", "death_date")
WRITE_DAY = "write days as 2016-05-31, and NA or nothing where there is none"


@dataclass(frozen=True)
class PersonTable:
    """A table with one line per participant, and the row of each of the N participants tested, -1 if there is none."""

    table: UserTable
    rows: NDArray[np.int64]

    @classmethod
    def read(cls, path: Path, eids: Sequence[str], *, what: str) -> PersonTable:
        """what: as in `outcome`. Raises InputError for faulty eids, and if none of the eids is in the table."""
        table = read_user_table(path, what=what)
        raise_together(ids.eid_mistakes(table, once=True), what=f"the {what} table")
        return cls(table, rows_of(table, eids))

    @property
    def absent(self) -> NDArray[np.bool_]:
        """(N,) participants who are not in the table."""
        return np.asarray(self.rows < 0)

    def excluded(self) -> NDArray[np.int8]:
        """(N,) NOT_IN_TABLE or NONE."""
        return np.where(self.absent, int(Exclusion.NOT_IN_TABLE), int(Exclusion.NONE)).astype(np.int8)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """(N,) float64 of a column that has been checked, NaN where missing."""
        return np.where(self.absent, np.nan, numbers(self.table.frame[name])[self.rows])

    def dates(self, name: str) -> Dates:
        """(N,) datetime64[D] of a column that has been checked, NaT where missing."""
        return np.where(self.absent, np.datetime64("NaT", "D"), days(self.table.frame[name])[self.rows])


def rows_of(table: UserTable, eids: Sequence[str]) -> NDArray[np.int64]:
    """(N,) row of each eid in the table, -1 if there is none. Raises InputError if there is none of any."""
    place = {eid: row for row, eid in enumerate(table.frame["eid"].cast(pl.String))}
    rows = np.array([place.get(eid, -1) for eid in eids], dtype=np.int64)
    if len(eids) and (rows < 0).all():
        problem = f"none of the {len(eids):,} participants tested is in the {table.what} table"
        examples = f"{first_few(eids, 2)} in the study, {first_few(place, 2)} in the table"
        raise InputError(f"{problem}: {examples}", where=table.path, fix="write the eids as in the covariate table")
    return rows


def chosen_columns(options: ColumnTable, table: UserTable) -> list[str]:
    """The columns of outcomes. Raises InputError for names of options that are not columns, with the nearest that is."""
    present = [name for name in table.frame.columns if name != "eid"]
    named = [name for names in (options.columns or (), options.names, options.sex) for name in names]
    refuse_unknown(named, present, table)
    if not present:
        raise InputError(f"the {table.what} table has no column but eid", where=table.path, fix="add a column per outcome")
    return list(options.columns or present)


def refuse_unknown(names: Sequence[str], present: Sequence[str], table: UserTable) -> None:
    """Raises InputError with each name that is not a column."""
    mistakes: list[EcgwasError] = []
    for name in dict.fromkeys(name for name in names if name not in present):
        near = difflib.get_close_matches(name, present, n=1)
        meant = f"; did you mean '{near[0]}'?" if near else ""
        problem = f"the {table.what} table has no column {name}{meant}"
        mistakes.append(InputError(problem, where=table.path, fix=f"its columns are {first_few(present, 30)}"))
    raise_together(mistakes, what=f"the {table.what} table")


def refuse_not_numbers(
    table: UserTable, columns: Sequence[str], fix: str = "write numbers with a decimal point, or NA"
) -> None:
    """Raises InputError with every column of which a cell is neither a number nor missing, or is too large."""
    mistakes = [mistake for name in columns for mistake in wrong_numbers(table, name, what="outcome", fix=fix)]
    raise_together(mistakes, what=f"the {table.what} table")
    values = {name: numbers(table.frame[name]) for name in columns}
    beyond = (extremes(table, name, values[name], what="outcome", fix="give it in another unit") for name in columns)
    raise_together([mistake for each in beyond for mistake in each], what=f"the {table.what} table")


def refuse_not_binary(table: UserTable, columns: Sequence[str], advice: str) -> None:
    """Raises InputError with every column that has other numbers than 0 and 1."""
    refuse_not_numbers(table, columns, "write 1 for cases, 0 for controls, and NA for the others")
    mistakes: list[EcgwasError] = []
    for name in columns:
        values = numbers(table.frame[name])
        others = sorted({f"{value:g}" for value in values[~np.isnan(values) & ~np.isin(values, (0, 1))]})
        if others:
            problem = f"outcome {name} has other values than 0 and 1: {first_few(others)}"
            mistakes.append(InputError(problem, where=table.path, fix=advice))
    raise_together(mistakes, what=f"the {table.what} table")


def refuse_not_dates(table: UserTable, columns: Sequence[str]) -> None:
    """Raises InputError with every column of which a cell is neither a day nor missing."""
    mistakes: list[EcgwasError] = []
    for name in columns:
        cells = table.frame[name]
        wrong = np.flatnonzero(~is_missing(cells) & np.isnat(days(cells)))
        if len(wrong):
            shown = first_few(f"{table.place(int(row))}: {str(cells[int(row)])!r}" for row in wrong)
            mistakes.append(InputError(f"column {name} is not a day: {shown}", where=table.path, fix=WRITE_DAY))
    raise_together(mistakes, what=f"the {table.what} table")


def days(cells: pl.Series) -> Dates:
    """(N,) datetime64[D] of cells such as 2016-05-31; NaT of all others."""
    text = cells.cast(pl.String)
    parsed = text.str.to_date("%Y-%m-%d", strict=False)
    written_so = text.str.contains(DAY).fill_null(value=False)
    return pl.select(pl.when(written_so).then(parsed)).to_series().to_numpy().astype("datetime64[D]")


def read_follow_up(path: Path, eids: Sequence[str], *, by_age: bool) -> FollowUp:
    """The table `outcomes.follow_up`. Without by_age, the column birth_date is not needed, and time begins at the ECG.

    Raises InputError if a column is missing, a cell is not a day, or an ECG is before birth or after death.
    """
    people = PersonTable.read(path, eids, what="follow-up")
    table = people.table
    present = [name for name in FOLLOW_UP if name in table.frame.columns]
    lacking = [name for name in FOLLOW_UP[: 3 if by_age else 2] if name not in present]
    if lacking:
        fix = f"its header must have eid, {', '.join(FOLLOW_UP[:3])}, and may have death_date"
        fix += "; without birth dates, write outcomes.time_scale: follow_up" if "birth_date" in lacking else ""
        raise InputError(f"the follow-up table has no column {', '.join(lacking)}", where=path, fix=fix)
    refuse_not_dates(table, present)
    nothing = np.full(len(eids), "NaT", dtype="datetime64[D]")
    dates = {name: people.dates(name) if name in present else nothing for name in FOLLOW_UP}
    ecg, end = dates["ecg_date"], dates["end_date"]
    birth = dates["birth_date"] if by_age else ecg
    complete = ~(np.isnat(ecg) | np.isnat(birth) | np.isnat(end))
    _refuse_impossible(table, people.rows, complete, ecg, birth, dates["death_date"])
    any_day = np.datetime64("1950-01-01", "D")
    return FollowUp(
        np.where(complete, ecg, np.datetime64("NaT", "D")), np.where(complete, birth, any_day),
        np.where(complete, end, any_day), dates["death_date"], complete,
    )  # fmt: skip


def _refuse_impossible(
    table: UserTable, rows: NDArray[np.int64], complete: NDArray[np.bool_], ecg: Dates, birth: Dates, death: Dates
) -> None:
    mistakes: list[EcgwasError] = []
    for wrong, words in ((ecg < birth, "an ECG before birth"), (ecg > death, "an ECG after death")):
        lines = [table.place(int(row)) for row in np.sort(rows[wrong & complete])]
        if lines:
            problem = f"{len(lines)} participant(s) with {words}: {first_few(lines)}"
            mistakes.append(InputError(problem, where=table.path, fix="correct the dates"))
    raise_together(mistakes, what="the follow-up table")


def read_cohort(eids: Sequence[str], sexes: NDArray[np.int8], follow_up: Path | None, *, by_age: bool) -> Cohort:
    """The participants tested, with their dates if there is a table of them."""
    dates = None if follow_up is None else read_follow_up(follow_up, eids, by_age=by_age)
    return Cohort(tuple(eids), sexes, dates, by_age)
