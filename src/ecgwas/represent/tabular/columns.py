"""Which columns of a feature table are features, under which names and units; which are ignored, and which are mistakes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ids
from ecgwas.errors import EcgwasError, InputError, StudyError, first_few
from ecgwas.study import FeatureTable
from ecgwas.tables import numeric_columns, ukb_fields
from ecgwas.tables.user_table import UserTable, is_meant_as_number, is_missing, not_numbers, numbers

KEYS = ("eid", "lead", "visit", "instance")
"""Columns that say whose features a row holds."""

UNIT_IN_NAME = re.compile(r"(?P<name>.*?)\s*\[(?P<unit>[^\[\]]*)\]")
"""A column's name with its unit: `qt [ms]`."""

NO_FEATURE_NAME = re.compile(r"[^A-Za-z0-9_]+")
"""What becomes an underscore in the name of a feature, which is part of names of traits and files."""

PERSONAL = frozenset({
    "name", "names", "surname", "forename", "firstname", "lastname", "birth", "birthdate", "birthday", "dob", "yob", "born",
    "address", "postcode", "zip", "phone", "email", "nhs",
})  # fmt: skip
"""Words in the name of a column that identifies people: results contain no names and no birth dates."""

FEW_VALUES = 6
"""A column with fewer distinct values may hold categories or counts."""

BINARY = (
    "binary traits are not tested yet: least squares fits a mean, and its p-values do not hold for a rare outcome, which needs "
    "logistic regression"
)
OTHERS = "use the other columns: name them under `features`"


@dataclass(frozen=True)
class FeatureColumn:
    """A column of the file, the name of its feature, and its unit (None: not stated)."""

    column: str
    feature: str
    unit: str | None


@dataclass(frozen=True)
class ChosenColumns:
    """The feature columns, their values (N, F) float64 with missing NaN, and warnings about them and about ignored columns."""

    columns: tuple[FeatureColumn, ...]
    values: NDArray[np.float64]
    warnings: tuple[str, ...]


def named_columns(options: FeatureTable, header: Sequence[str]) -> list[FeatureColumn]:
    """Every column that could be a feature, in the order of the file: all but KEYS, or those that `features` names."""
    named = [_named(options, column) for column in header if column not in KEYS]
    return named if options.features is None else [one for one in named if _requested(options.features, one)]


def _named(options: FeatureTable, column: str) -> FeatureColumn:
    with_unit = UNIT_IN_NAME.fullmatch(column)
    bare, in_name = (with_unit["name"], with_unit["unit"].strip()) if with_unit else (column, "")
    feature = NO_FEATURE_NAME.sub("_", bare).strip("_")
    stated = next((options.units[name] for name in (column, bare, feature) if name in options.units), None)
    return FeatureColumn(column, feature, stated or in_name or None)


def _requested(requested: Sequence[str], one: FeatureColumn) -> bool:
    return bool({one.column, _bare(one.column), one.feature} & set(requested))


def _bare(column: str) -> str:
    with_unit = UNIT_IN_NAME.fullmatch(column)
    return with_unit["name"] if with_unit else column


def choose(options: FeatureTable, table: UserTable) -> tuple[ChosenColumns, list[EcgwasError]]:
    """The features of a table, and every mistake in its columns and in the options that name them."""
    named = named_columns(options, table.frame.columns)
    ignored = {} if options.features is not None else _ignored(table, named)
    candidates = [one for one in named if one.column not in ignored]
    empty = [one.column for one in candidates if is_missing(table.frame[one.column]).all()]
    candidates = [one for one in candidates if one.column not in empty]
    mistakes = [*_of_names(options, table, named, candidates), *_of_personal(options, table, candidates)]
    wrong = {one.column: _not_numeric(table, one) for one in candidates}
    mistakes += [mistake for of_column in wrong.values() for mistake in of_column]
    usable = [one for one in candidates if not wrong[one.column]]
    columns = [numbers(table.frame[one.column]) for one in usable]
    warnings = [f"column {name} is no feature: {why}" for name, why in ignored.items()]
    warnings += [f"column {name} is no feature: it has no value" for name in empty]
    for one, values in zip(usable, columns, strict=True):
        mistakes += _of_values(table, one, values)
        warnings += _suspect(one, values)
    if not candidates and not mistakes:
        fix = "add a column of numbers; a unit may stand behind its name, as in qt [ms]"
        mistakes.append(InputError("the feature table has no column of numbers", where=table.path, fix=fix))
    values = np.column_stack(columns) if columns else np.empty((table.frame.height, 0))
    return ChosenColumns(tuple(usable), values, tuple(warnings)), mistakes


def _ignored(table: UserTable, named: Sequence[FeatureColumn]) -> dict[str, str]:
    """Column -> why it is no feature, if `features` does not name the columns."""
    labels = ids.more_ids(table.frame)
    reasons = {}
    for one in named:
        if one.column in labels or one.column.startswith("__index_level_"):
            reasons[one.column] = "it holds an id of the person or of the row"
        elif is_personal(one.column):
            reasons[one.column] = "by its name it identifies people, whom results must not name"
        elif _is_text(table.frame[one.column]):
            reasons[one.column] = "it holds text"
    return reasons


def is_personal(column: str) -> bool:
    """True if, by its name, a column holds people's names, births or addresses."""
    words = re.split(r"[^a-z]+", column.lower())
    return bool(PERSONAL & set(words)) or ukb_fields.is_of_birth(_bare(column))


def _is_text(cells: pl.Series) -> bool:
    """True if there are values, none of them is a number, and at most half of the different ones are meant as numbers."""
    absent, wrong = is_missing(cells), not_numbers(cells)
    if cells.dtype.is_numeric() or absent.all() or not (wrong | absent).all():
        return False
    different = cells.filter(pl.Series(~absent)).cast(pl.String).unique()
    return sum(map(is_meant_as_number, different)) <= len(different) / 2


def _of_names(
    options: FeatureTable, table: UserTable, named: Sequence[FeatureColumn], candidates: Sequence[FeatureColumn]
) -> Iterator[EcgwasError]:
    """Mistakes in `features` and `units`, and columns whose features would have no name, or the same."""
    present = [_bare(column) for column in table.frame.columns if column not in KEYS]
    every = named_columns(options.model_copy(update={"features": None}), table.frame.columns)
    requests = {"features": options.features or (), "units": tuple(options.units)}
    for option, names in requests.items():
        for name in names:
            if not any(_requested([name], one) for one in every):
                near = difflib.get_close_matches(name, present, n=1)
                meant = f"; did you mean '{near[0]}'?" if near else ""
                problem = f"'{options.name}', {option}: the feature table has no column {name}{meant}"
                yield StudyError(problem, where=table.path, fix=f"its columns are {first_few(present, 30)}")
    for one in named:
        in_name = UNIT_IN_NAME.fullmatch(one.column)
        if in_name and one.unit is not None and in_name["unit"].strip() not in ("", one.unit):
            problem = f"column {one.column} has another unit under `units`: {one.unit}"
            yield StudyError(problem, where=table.path, fix="state the unit once")
    nameless = [one.column for one in candidates if not one.feature or one.feature == "mse"]
    if nameless:
        fix = "give them names with letters or digits; `mse` means the error of a reconstruction"
        yield InputError(f"columns that cannot name a feature: {first_few(nameless)}", where=table.path, fix=fix)
    features = [one.feature for one in candidates]
    twice = [one.column for one in candidates if features.count(one.feature) > 1]
    if twice:
        fix = "in names of features, only letters, digits and underscores remain, and units are taken off: rename one of them"
        yield InputError(f"columns whose features have the same name: {first_few(twice)}", where=table.path, fix=fix)


def _of_personal(options: FeatureTable, table: UserTable, candidates: Sequence[FeatureColumn]) -> Iterator[EcgwasError]:
    personal = [one.column for one in candidates if is_personal(one.column)]
    if personal:
        problem = f"'{options.name}', features: by their names, these columns identify people: {first_few(personal)}"
        yield StudyError(
            problem, where=table.path, fix="results must name nobody: leave them out, or rename what is a measurement"
        )


def _not_numeric(table: UserTable, one: FeatureColumn) -> list[EcgwasError]:
    fix = f"write numbers with a decimal point, or NA; or {OTHERS}"
    return numeric_columns.wrong_numbers(table, one.column, what="feature", fix=fix)


def _of_values(table: UserTable, one: FeatureColumn, values: NDArray[np.float64]) -> Iterator[EcgwasError]:
    yield from numeric_columns.extremes(table, one.column, values, what="feature", fix=f"give it in another unit, or {OTHERS}")
    distinct = np.unique(values[np.isfinite(values)])
    if len(distinct) == 2:
        problem = f"feature {one.column} has two values ({distinct[0]:g}, {distinct[1]:g}): {BINARY}"
        yield InputError(problem, where=table.path, fix=OTHERS)


def _suspect(one: FeatureColumn, values: NDArray[np.float64]) -> Iterator[str]:
    yield from numeric_columns.codes(one.column, values, what="feature")
    yield from numeric_columns.row_number(one.column, values, what="feature", option="`features`")
    distinct = len(np.unique(values[np.isfinite(values)]))
    if distinct == 1:
        yield f"feature {one.column} is the same in everyone, and will not be tested"
    if 2 < distinct < FEW_VALUES:
        yield f"feature {one.column} has only {distinct} values: if they are categories, use the other columns (`features`)"
