"""Tables of outcomes that may be shared: no count of few participants, and none that follows from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from ecgwas.report.mean_beats import CaseBeats
from ecgwas.tables import files
from ecgwas.tables.files import ResultFile

KEY = ("outcome", "analysis")
COUNTS = ("people", "cases", "controls", "excluded")


def shareable(tables: Mapping[ResultFile, pl.DataFrame], min_people: int) -> dict[ResultFile, pl.DataFrame]:
    """The tables of outcomes without groups of fewer than `min_people`.

    All counts of an outcome become null, in all its analyses, if cases, controls, participants or excluded ones are few, for
    these add up to the number of participants. Tests of few cases or controls are removed. Reasons for exclusion become null if
    one of them is of few participants.
    """
    table = tables[files.OUTCOMES]
    if table.height == 0:
        return {}
    table = table.with_columns(pl.col(COUNTS).cast(pl.Float64, strict=False).cast(pl.Int64))
    too_few, excluded = _any_few(("people", "cases", "controls"), min_people), _any_few(("excluded",), min_people)
    judged = table.with_columns(too_few=too_few, counts=(too_few | excluded).any().over("outcome"))
    nulls = [pl.when("counts").then(None).otherwise(pl.col(name)).alias(name) for name in (*COUNTS, "person_time")]
    weak = [pl.when("too_few").then(None).otherwise(pl.col(name)).alias(name) for name in ("best_trait", "neglog10p")]
    return {
        files.OUTCOMES: judged.with_columns(*nulls, *weak).select(table.columns),
        files.OUTCOME_TESTS: _tests(tables[files.OUTCOME_TESTS], judged, min_people),
        files.OUTCOME_EXCLUSIONS: _exclusions(tables[files.OUTCOME_EXCLUSIONS], judged, min_people),
    }


def shareable_beats(
    all_beats: Sequence[CaseBeats], tables: Mapping[ResultFile, pl.DataFrame], min_people: int
) -> tuple[CaseBeats, ...]:
    """Mean beats of the outcomes whose counts the shareable `tables` have, rounded to a microvolt."""
    table = tables.get(files.OUTCOMES)
    if table is None or not all_beats:
        return ()
    counted = set(table.filter(pl.col("cases").is_not_null()).select(KEY).iter_rows())
    return tuple(
        replace(
            beats, mean_uv=np.round(beats.mean_uv), half_width_uv=np.round(beats.half_width_uv, 1),
            difference_uv=np.round(beats.difference_uv), difference_half_width_uv=np.round(beats.difference_half_width_uv, 1),
            unmatched=beats.unmatched if beats.unmatched >= min_people else 0,
        )
        for beats in all_beats
        if (beats.outcome, beats.analysis) in counted
    )  # fmt: skip


def _any_few(names: Sequence[str], min_people: int) -> pl.Expr:
    return pl.any_horizontal(pl.col(name).is_between(1, min_people - 1).fill_null(value=False) for name in names)


def _tests(tests: pl.DataFrame, outcomes: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """Without tests of few cases or controls; numbers of participants become null where the outcome's are."""
    if tests.height == 0:
        return tests
    counts = ("people", "cases")
    typed = tests.with_columns(pl.col(counts).cast(pl.Float64, strict=False).cast(pl.Int64))
    judged = typed.join(outcomes.select(*KEY, "too_few", "counts"), on=KEY, how="left", maintain_order="left")
    judged = judged.with_columns(others=pl.col("people") - pl.col("cases"))
    kept = judged.filter(~pl.col("too_few"), ~_any_few((*counts, "others"), min_people))
    nulls = [pl.when("counts").then(None).otherwise(pl.col(name)).alias(name) for name in counts]
    return kept.with_columns(nulls).select(tests.columns)


def _exclusions(table: pl.DataFrame, outcomes: pl.DataFrame, min_people: int) -> pl.DataFrame:
    if table.height == 0:
        return table
    judged = table.join(outcomes.select(*KEY, "counts"), on=KEY, how="left", maintain_order="left")
    hidden = _any_few(("people",), min_people).any().over(KEY) | pl.col("counts")
    return judged.with_columns(people=pl.when(hidden).then(None).otherwise(pl.col("people"))).select(table.columns)
