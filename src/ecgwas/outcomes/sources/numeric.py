"""Kind `numeric`: columns of numbers."""

from __future__ import annotations

import numpy as np

from ecgwas.outcomes.outcome import Cohort, Exclusion, Outcome
from ecgwas.outcomes.person_tables import PersonTable, chosen_columns, refuse_not_numbers
from ecgwas.study.outcomes import Numeric


def read(options: Numeric, cohort: Cohort) -> list[Outcome]:
    """One outcome per column."""
    people = PersonTable.read(options.file, cohort.eids, what="outcome")
    columns = chosen_columns(options, people.table)
    refuse_not_numbers(people.table, columns)
    outcomes = []
    for name in columns:
        of_sex = np.where(cohort.other_sex(options.sex.get(name)), int(Exclusion.OTHER_SEX), people.excluded()).astype(np.int8)
        group = options.group or options.kind
        outcomes.append(Outcome.of(options.names.get(name, name), "numeric", group, people.numbers(name), of_sex))
    return outcomes
