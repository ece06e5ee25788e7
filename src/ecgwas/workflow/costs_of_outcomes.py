"""What the stage `outcomes` costs: reading tables, null models, score tests, permutations and estimates."""

from __future__ import annotations

from ecgwas.errors import EcgwasError
from ecgwas.outcomes import permutation, prediction
from ecgwas.study import Study
from ecgwas.study.outcomes import AnyOutcomeTable, Diagnoses, Survival
from ecgwas.tables.user_table import read_header, read_user_table
from ecgwas.workflow.costs import BASE_MIB, CONSTANTS, MIB, Cost, StudySize

VALUE_BYTES = 26.0
"""One participant and outcome: value, reason, entry and exit, while all are in memory."""
FEATURE_BYTES = 40.0
"""One participant and trait: as read, residualised, squared, and in the order of a permutation."""
PEOPLE_OF_A_SECOND_ESTIMATE = 10_000
"""As many people make an estimate take twice as long as with few."""
COVARIATES, STEPS = 15, 6
"""Covariates of a study, and steps of Newton's method, as they are planned."""
ROW_BYTES = 16.0
"""A row of screen.parquet."""


def outcomes(study: Study, size: StudySize, n_traits: int) -> Cost:
    """Covariates are counted as ten; the number of estimates is that expected without any association."""
    options = study.outcomes
    if options is None:
        return Cost(0.0, BASE_MIB, 0.0)
    count = sum(_outcomes(table) * (2 if table.uses_dates and options.follow_up is not None else 1) for table in options.tables)
    tests = count * n_traits
    estimates = min(count + tests * 10.0**-options.keep_neglog10p, tests)
    cpu = CONSTANTS["start"] + count * size.tested * CONSTANTS["outcome_person"]
    cpu += tests * size.tested * CONSTANTS["outcome_test_person"]
    cpu += options.permutations * count * CONSTANTS["outcome_permutation"]
    cpu += options.permutations * tests * size.tested * CONSTANTS["outcome_permutation_person"]
    cpu += estimates * CONSTANTS["outcome_estimate"] * (1 + size.tested / PEOPLE_OF_A_SECOND_ESTIMATE)
    memory = size.tested * (count * VALUE_BYTES + n_traits * FEATURE_BYTES + 24 * permutation.BLOCK)
    return Cost(cpu, BASE_MIB + memory / MIB, tests * ROW_BYTES / MIB + 0.1)


def predict(study: Study, size: StudySize, n_traits: int) -> Cost:
    """Fits of the ridge regressions: for each fold the models, the penalties within, and the permutations."""
    options = study.predict
    if options is None:
        return Cost(0.0, BASE_MIB, 0.0)
    named = 0 if study.outcomes is None else sum(_outcomes(table) for table in study.outcomes.tables)
    count = len(options.variants) + options.loci + (named if options.outcomes == "all" else len(options.outcomes))
    inner = 2 * prediction.INNER * len(prediction.VARIANCES)
    fits = count * options.folds * (2 + inner + options.permutations)
    columns = n_traits + COVARIATES
    steps = fits * STEPS
    cpu = CONSTANTS["start"] + steps * (CONSTANTS["ridge_step"] + columns**3 * CONSTANTS["eigen_product"])
    cpu += steps * size.tested * columns**2 * CONSTANTS["ridge_product"]
    memory = 8.0 * size.tested * columns * 8
    return Cost(cpu, BASE_MIB + memory / MIB, count * size.tested * 40 / MIB)


def _outcomes(table: AnyOutcomeTable) -> int:
    """Number of outcomes before they are divided into prevalent and incident; 1 if the file is not there yet."""
    if isinstance(table, Survival):
        return 1
    try:
        if not isinstance(table, Diagnoses):
            return len(table.columns or read_header(table.file, what="outcome")[1:])
        phecodes = 0 if table.map is None else read_user_table(table.map, what="phecode map").frame["phecode"].n_unique()
        return len(table.diseases) + phecodes
    except (EcgwasError, LookupError):
        return 1
