"""Kind `binary`: columns of 0 and 1."""

from __future__ import annotations

import numpy as np

from ecgwas.outcomes.outcome import Cohort, Exclusion, Outcome
from ecgwas.outcomes.person_tables import PersonTable, chosen_columns, refuse_not_binary
from ecgwas.study.outcomes import Binary

ADVICE = "code cases 1 and controls 0; numbers belong in a table of kind `numeric`"


def read(options: Binary, cohort: Cohort) -> list[Outcome]:
    """One outcome per column."""
    people = PersonTable.read(options.file, cohort.eids, what="outcome")
    columns = chosen_columns(options, people.table)
    refuse_not_binary(people.table, columns, ADVICE)
    outcomes = []
    for name in columns:
        of_sex = np.where(cohort.other_sex(options.sex.get(name)), int(Exclusion.OTHER_SEX), people.excluded()).astype(np.int8)
        group = options.group or options.kind
        outcomes.append(Outcome.of(options.names.get(name, name), "binary", group, people.numbers(name), of_sex))
    return outcomes
