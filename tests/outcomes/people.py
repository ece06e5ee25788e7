"""Tables of outcomes of six participants, as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ecgwas.outcomes.outcome import Cohort, Exclusion, Outcome
from ecgwas.outcomes.person_tables import read_cohort

EIDS = ("a1", "a2", "a3", "a4", "a5", "a6")
MALE, FEMALE, UNKNOWN = 1, 2, 0
SEXES = np.array([MALE, FEMALE, MALE, FEMALE, UNKNOWN, MALE], dtype=np.int8)

FOLLOW_UP = """\
eid\tecg_date\tend_date\tbirth_date\tdeath_date
a1\t2014-06-01\t2022-01-01\t1950-06-01\t
a2\t2014-06-01\t2022-01-01\t1955-06-01\t2018-01-01
a3\t2015-06-01\t2022-01-01\t1945-06-01\tNA
a4\t2015-06-01\t2022-01-01\t1960-06-01\t
a5\t\t2022-01-01\t1960-06-01\t
zz\t2015-06-01\t2022-01-01\t1960-06-01\t
"""
"""a5 has no ECG date, a6 is not in the table."""


def written(folder: Path, text: str, name: str = "table.tsv") -> Path:
    """A file in the folder."""
    path = folder / name
    path.write_text(text)
    return path


def cohort(folder: Path | None = None, *, by_age: bool = True) -> Cohort:
    """With dates of follow-up if there is a folder to write them to."""
    path = None if folder is None else written(folder, FOLLOW_UP, "follow_up.tsv")
    return read_cohort(EIDS, SEXES, path, by_age=by_age)


def described(outcome: Outcome) -> list[str]:
    """Each participant's value, or why there is none."""
    values = zip(outcome.values, outcome.excluded, strict=True)
    return [f"{value:g}" if np.isfinite(value) else Exclusion(int(reason)).name for value, reason in values]
