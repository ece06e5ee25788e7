"""Tables of outcomes that may be shared: no count of few participants, and none that follows from the others."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ecgwas.tables import files
from ecgwas.tables.files import ResultFile

KEY = ("outcome", "analysis")
COUNTS = ("people", "cases", "controls", "excluded", "person_time")


def shareable(tables: Mapping[ResultFile, pl.DataFrame], min_people: int) -> dict[ResultFile, pl.DataFrame]:
    """The tables of outcomes without groups of fewer than `min_people`.

    All counts of an outcome become null if its cases, its controls, its participants or those whom it excludes are few, for they
    add up to the number of participants; its tests are removed, unless only the excluded are few, of which the tests keep no
    number of participants. Reasons for exclusion become null if one of them is of few participants.
    """
    table = tables[files.OUTCOMES]
    if table.height == 0:
        return {}
    few = pl.any_horizontal(
        pl.col(name).is_between(1, min_people - 1).fill_null(False) for name in ("people", "cases", "controls")
    )
    few_excluded = pl.col("excluded").is_between(1, min_people - 1)
    hidden = table.with_columns(few=few, few_excluded=few_excluded)
    # Diseases of one name share participants: prevalent cases are those whom the incident analysis excludes.
    hidden = hidden.with_columns(counts=pl.any_horizontal("few", "few_excluded").any().over("outcome"))
    nulls = [pl.when("counts").then(None).otherwise(pl.col(name)).alias(name) for name in COUNTS]
    weak = [pl.when("few").then(None).otherwise(pl.col(name)).alias(name) for name in ("best_trait", "neglog10p")]
    shown = hidden.with_columns(*nulls, *weak)
    return {
        files.OUTCOMES: shown.select(table.columns),
        files.OUTCOME_TESTS: _tests(tables[files.OUTCOME_TESTS], shown),
        files.OUTCOME_EXCLUSIONS: _exclusions(tables[files.OUTCOME_EXCLUSIONS], shown, min_people),
    }


def _tests(tests: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Without tests of few cases or controls; numbers of participants become null where the outcome's are."""
    judged = tests.with_columns(pl.col("outcome").cast(pl.String)).join(
        outcomes.select(*KEY, "few", "counts"), on=KEY, how="left", maintain_order="left"
    )
    kept = judged.filter(~pl.col("few"))
    nulls = [pl.when("counts").then(None).otherwise(pl.col(name)).alias(name) for name in ("people", "cases")]
    return kept.with_columns(nulls).select(tests.columns)


def _exclusions(table: pl.DataFrame, outcomes: pl.DataFrame, min_people: int) -> pl.DataFrame:
    if table.height == 0:
        return table
    judged = table.join(outcomes.select(*KEY, "counts"), on=KEY, how="left", maintain_order="left")
    any_few = pl.col("people").is_between(1, min_people - 1).any().over(KEY)
    return judged.with_columns(people=pl.when(any_few | pl.col("counts")).then(None).otherwise(pl.col("people"))).select(
        table.columns
    )
