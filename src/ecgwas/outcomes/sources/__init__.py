"""Outcomes from the user's tables: one file for each kind of table, with `read(options, cohort) -> outcomes`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from ecgwas.errors import InputError, first_few
from ecgwas.outcomes.outcome import Cohort, Outcome
from ecgwas.study.outcomes import AnyOutcomeTable


def read_all(tables: Sequence[AnyOutcomeTable], cohort: Cohort) -> tuple[Outcome, ...]:
    """The outcomes of all tables, in order. Raises InputError for a faulty table, and if two outcomes have one name."""
    outcomes: list[Outcome] = []
    for options in tables:
        module = import_module(f"ecgwas.outcomes.sources.{options.kind}")
        outcomes += module.read(options, cohort)
    keys = [(outcome.name, outcome.analysis) for outcome in outcomes]
    twice = sorted({name for name, analysis in keys if keys.count((name, analysis)) > 1}) if len(set(keys)) < len(keys) else []
    if twice:
        problem = f"several outcomes have the same name: {first_few(twice)}"
        raise InputError(problem, where=tables[0].file, fix="give them names of their own (`names`, or `name` of a disease)")
    return tuple(outcomes)
