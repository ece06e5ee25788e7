"""Tables of polygenic scores that may be shared: no number of few participants."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ecgwas.tables import files
from ecgwas.tables.files import ResultFile

TESTS = (files.SCORE_TRAITS, files.OWN_SCORE_TESTS)


def shareable(tables: Mapping[ResultFile, pl.DataFrame], min_people: int) -> dict[ResultFile, pl.DataFrame]:
    """Tests of scores without those of fewer than `min_people` participants. Other tables are of variants."""
    shown: dict[ResultFile, pl.DataFrame] = {}
    for file in TESTS:
        if file in tables and tables[file].height:
            shown[file] = tables[file].filter(pl.col("people") >= min_people)
    if files.SCORE_OUTCOMES in tables:
        shown[files.SCORE_OUTCOMES] = _outcomes(tables[files.SCORE_OUTCOMES], min_people)
    if files.DISEASE_SCORES in tables:
        shown[files.DISEASE_SCORES] = _outcomes(tables[files.DISEASE_SCORES], min_people)
    return shown


def _outcomes(table: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """Without tests of few cases or controls, and without any count, for counts of several analyses add up."""
    if table.height == 0:
        return table
    counts = ("people", "cases")
    typed = table.with_columns(pl.col(counts).cast(pl.Float64, strict=False).cast(pl.Int64))
    controls = pl.col("people") - pl.col("cases")
    is_few = [(number < min_people).fill_null(value=False) for number in (pl.col("people"), pl.col("cases"), controls)]
    return typed.filter(~pl.any_horizontal(is_few)).with_columns(pl.lit(None, dtype=pl.Int64).alias(name) for name in counts)
