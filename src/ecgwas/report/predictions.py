"""Tables of predictions that may be shared: nothing of targets with few cases, or whose counts are not shared."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ecgwas.tables import files
from ecgwas.tables.files import ResultFile

KEY = ("target", "kind", "analysis")
OF_TARGET = ("people", "cases", "gain", "gain_low", "gain_high", "p", "p_permutation")


def shareable(tables: Mapping[ResultFile, pl.DataFrame], min_people: int) -> dict[ResultFile, pl.DataFrame]:
    """Numbers of a target become null, and it has no rows elsewhere, if fewer than `min_people` are cases or others, or if the
    counts of its outcome are null in `tables`."""
    table = tables[files.PREDICTION_TARGETS]
    if table.height == 0:
        return {}
    counts = [pl.col("cases"), pl.col("people") - pl.col("cases")]
    is_small = pl.any_horizontal(count.is_between(1, min_people - 1) for count in counts)
    names = table.with_row_index("row").with_columns(hidden=is_small.fill_null(value=False))
    outcomes = tables.get(files.OUTCOMES)
    if outcomes is not None and outcomes.height:
        not_counted = outcomes.filter(pl.col("people").is_null()).select(target="outcome", analysis="analysis")
        of_outcome = names.join(not_counted, on=["target", "analysis"], how="semi")["row"]
        is_one = (pl.col("kind") == "outcome") & pl.col("row").is_in(of_outcome.implode())
        names = names.with_columns(pl.col("hidden") | is_one)
    shown = names.with_columns(pl.when("hidden").then(None).otherwise(pl.col(name)).alias(name) for name in OF_TARGET)
    hidden = names.filter("hidden").select(KEY)
    others: tuple[ResultFile, ...] = (files.PREDICTION_MODELS, files.DECISION_CURVES, files.PREDICTION_WEIGHTS)
    kept: dict[ResultFile, pl.DataFrame] = {file: _without(tables[file], hidden) for file in others if file in tables}
    return {files.PREDICTION_TARGETS: shown.select(table.columns), **kept}


def _without(table: pl.DataFrame, hidden: pl.DataFrame) -> pl.DataFrame:
    """The rows of other targets."""
    if table.height == 0:
        return table
    return table.join(hidden, on=KEY, how="anti", nulls_equal=True, maintain_order="left")
