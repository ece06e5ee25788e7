"""Kind `survival`: columns of a time and an event."""

from __future__ import annotations

import numpy as np

from ecgwas.errors import InputError, first_few
from ecgwas.outcomes.outcome import Cohort, Exclusion, Outcome
from ecgwas.outcomes.person_tables import PersonTable, refuse_not_binary, refuse_not_numbers, refuse_unknown
from ecgwas.study.outcomes import Survival
from ecgwas.tables.user_table import numbers


def read(options: Survival, cohort: Cohort) -> list[Outcome]:
    """One outcome. Participants without one of the values are excluded.

    Raises InputError if an event is not 0 or 1, or a time is not after its entry (0 without one).
    """
    people = PersonTable.read(options.file, cohort.eids, what="outcome")
    times = [options.time, *([] if options.entry is None else [options.entry])]
    refuse_unknown([*times, options.event], [name for name in people.table.frame.columns if name != "eid"], people.table)
    refuse_not_numbers(people.table, times)
    refuse_not_binary(people.table, [options.event], "code events 1 and censored participants 0")
    _refuse_no_time(options, people)
    event, exit_ = people.numbers(options.event), people.numbers(options.time)
    entry = None if options.entry is None else people.numbers(options.entry)
    known = ~np.isnan(exit_) if entry is None else ~np.isnan(exit_) & ~np.isnan(entry)
    excluded = np.where(cohort.other_sex(options.sex), int(Exclusion.OTHER_SEX), people.excluded()).astype(np.int8)
    values = np.where(known, event, np.nan)
    group = options.group or options.kind
    return [Outcome.of(options.name, "survival", group, values, excluded, exit_=exit_, entry=entry)]


def _refuse_no_time(options: Survival, people: PersonTable) -> None:
    frame = people.table.frame
    begin = 0.0 if options.entry is None else numbers(frame[options.entry])
    wrong = np.flatnonzero(numbers(frame[options.time]) <= begin)
    if len(wrong):
        after = "0" if options.entry is None else options.entry
        lines = first_few(people.table.place(int(row)) for row in wrong)
        problem = f"column {options.time} is not after {after} for {len(wrong)} participant(s): {lines}"
        raise InputError(problem, where=people.table.path, fix="correct the times; write NA for those without follow-up")
