"""Tables of polygenic scores that may be shared: no number of few participants."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ecgwas.tables import files
from ecgwas.tables.files import ResultFile

TESTS = (files.SCORE_TRAITS, files.OWN_SCORE_TESTS)


def shareable(tables: Mapping[ResultFile, pl.DataFrame], min_people: int) -> dict[ResultFile, pl.DataFrame]:
    """Tests of scores without those of fewer than `min_people` participants. Other tables are of variants."""
    shown = {}
    for file in TESTS:
        if file in tables and tables[file].height:
            shown[file] = tables[file].filter(pl.col("people") >= min_people)
    return shown
