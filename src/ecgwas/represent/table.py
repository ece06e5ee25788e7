"""Kind `table`: features made elsewhere, from a table with one row per person, lead and visit.

Embeddings of another model, measurements of a device or of another program, any quantitative phenotypes. Nothing is fitted
and nothing is decoded: the numbers are tested as they are in the file, but for directions (tabular/directions.py).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ids
from ecgwas.errors import raise_together
from ecgwas.leads import ALL_LEADS, LEADS
from ecgwas.represent.tabular import directions, rows
from ecgwas.represent.tabular.columns import choose, named_columns
from ecgwas.represent.tabular.visit_features import VisitFeatures
from ecgwas.represent.work import CohortSize, Work
from ecgwas.store import file_stamp
from ecgwas.study import FeatureTable
from ecgwas.tables import Features
from ecgwas.tables.parquet_table import read_parquet_header, read_parquet_table
from ecgwas.tables.user_table import UserTable, read_header, read_user_table

WHAT = "feature"


def take(options: FeatureTable, *, instance: int | None = None, excluded: Collection[str] = ()) -> VisitFeatures:
    """The features of a table, at the visit that is tested and at the repeat visit.

    instance: the visit to use where the options name none; None: each person's first. Rows are sorted by eid and lead.
    excluded: eids that have no part in the mean directions from which others are counted; their rows are returned as they are.
    Raises InputError or StudyError listing every mistake: of ids (ids.py), of leads, visits and repeated rows, and of
    columns (tabular/columns.py).
    """
    table = _read(options)
    keyed, mistakes = rows.keys(table)
    features, of_columns = choose(options, table)
    raise_together([*ids.eid_mistakes(table, once=False), *mistakes, *of_columns], what=f"the {WHAT} table {options.file.name}")
    visit = options.instance if options.instance is not None else instance
    at_visits = rows.chosen(keyed, visit)
    names = [one.feature for one in features.columns]
    included = [part.filter(~pl.col("eid").is_in(list(excluded))) for part in (at_visits.first, at_visits.second)]
    values, of_directions = directions.counted(features.columns, features.values, *included)
    warnings = [*features.warnings, *of_directions, *_of_leads(values, keyed, names)]
    if at_visits.unused:
        warnings.append(f"{at_visits.unused} rows of further visits are neither tested nor compared")
    first, second = (_features(part, names, values) for part in (at_visits.first, at_visits.second))
    return VisitFeatures(first, second if len(second) else None, tuple(warnings))


def _read(options: FeatureTable) -> UserTable:
    if options.file.suffix.lower() == ".parquet":
        return read_parquet_table(options.file, what=WHAT)
    return read_user_table(options.file, what=WHAT)


def _features(part: pl.DataFrame, names: Sequence[str], values: NDArray[np.float64]) -> Features:
    chosen = values[part["row"].to_numpy()]
    columns = pl.from_numpy(chosen, schema=dict.fromkeys(names, pl.Float64)).fill_nan(None)
    return Features(part.select("eid", "lead").hstack(columns))


def _of_leads(values: NDArray[np.float64], keyed: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """A warning if single leads and all leads together have the same feature, which is then tested on both."""
    together = (keyed["lead"] == ALL_LEADS).to_numpy()
    if together.all() or not together.any():
        return []
    both = [name for k, name in enumerate(names) if all(np.isfinite(values[part, k]).any() for part in (together, ~together))]
    shown = f"{len(both)} feature(s) with values of single leads and of all leads together ({ALL_LEADS}): each is a trait"
    return [shown] if both else []


def _header(options: FeatureTable) -> list[str]:
    """The names of a table's columns, read once for as long as the file does not change."""
    try:
        stamp = tuple(file_stamp(options.file))
    except OSError:
        stamp = ()
    return list(_header_of(options.file, stamp))


@lru_cache(maxsize=32)
def _header_of(path: Path, _stamp: tuple[object, ...]) -> tuple[str, ...]:
    read = read_parquet_header if path.suffix.lower() == ".parquet" else read_header
    return tuple(read(path, what=WHAT))


def meanings(options: FeatureTable) -> dict[str, str]:
    """Feature -> its column and the file's name, with its unit if one is stated; of all columns that may be features."""
    named = named_columns(options, _header(options))
    return {one.feature: f"{one.column} of {options.file.name}" + _in_parentheses(one.column, one.unit) for one in named}


def _in_parentheses(column: str, unit: str | None) -> str:
    return "" if unit is None or column.endswith("]") else f" ({unit})"


def units(options: FeatureTable) -> dict[str, str]:
    """Feature -> its unit, as in ms, of those features whose unit is stated."""
    return {one.feature: one.unit for one in named_columns(options, _header(options)) if one.unit is not None}


def traits_of(options: FeatureTable) -> int:
    """Columns, on each of thirteen leads (12L among them) if the table has a column of leads."""
    header = _header(options)
    leads = len(LEADS) + 1 if "lead" in header else 1
    return leads * len(named_columns(options, header))


def work(options: FeatureTable, size: CohortSize) -> Work:
    """The table is read and written: a value takes as long as one of a trait."""
    return Work({"trait_value": size.encoded * traits_of(options)})
