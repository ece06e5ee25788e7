"""Kind `dates`: columns with the date of the first diagnosis, such as UK Biobank's first occurrences."""

from __future__ import annotations

import numpy as np

from ecgwas.outcomes.dated import DatedDisease
from ecgwas.outcomes.outcome import Cohort, Exclusion, Outcome
from ecgwas.outcomes.person_tables import PersonTable, chosen_columns, refuse_not_dates
from ecgwas.study.outcomes import Dates


def read(options: Dates, cohort: Cohort) -> list[Outcome]:
    """Outcomes of each column: prevalent and incident with dates of follow-up, otherwise ever.

    An empty cell means that there is no diagnosis. Dates such as 1900-01-01 are read as first_occurrences.py says.
    """
    people = PersonTable.read(options.file, cohort.eids, what="outcome")
    columns = chosen_columns(options, people.table)
    refuse_not_dates(people.table, columns)
    undated = np.zeros(len(cohort.eids), dtype=bool)
    outcomes: list[Outcome] = []
    for name in columns:
        of_sex = np.where(cohort.other_sex(options.sex.get(name)), int(Exclusion.OTHER_SEX), people.excluded()).astype(np.int8)
        group = options.group or options.kind
        disease = DatedDisease(options.names.get(name, name), group, people.dates(name), undated, of_sex)
        outcomes += disease.outcomes(cohort)
    return outcomes
