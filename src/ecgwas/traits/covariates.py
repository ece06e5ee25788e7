"""Reads the user's covariate table, checks it and codes it as numbers, without constant or collinear columns."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ids
from ecgwas.errors import Caution, EcgwasError, InputError, StudyError, first_few, raise_together
from ecgwas.study import TraitOptions
from ecgwas.tables import Covariates, numeric_columns
from ecgwas.tables.user_table import is_missing, level, numbers, read_user_table
from ecgwas.traits import suspect_values

COLLINEAR = 1e-7
"""A standardised column is a combination of the columns before it if its residual on them is shorter than this."""

PC_NAME = re.compile(r"(?i)(genetic[_ ]?)?(pc|pca|ev|mds)[_ .]?\d+|.*22009.*")
"""Names of principal components in covariate tables. UK Biobank's field is 22009."""

ROUNDING = 1e-12
"""A column is constant if its range is at most this share of its largest absolute value."""

NOT_A_NUMBER = (
    "write numbers with a decimal point, or NA; or name it under traits.categorical: [{}]; or use others (traits.use)"
)
IN_ANOTHER_UNIT = "give it in another unit, or name the others under traits.use"

Cell = str | None


@dataclass(frozen=True)
class CovariateTable:
    """The covariate table as the user wrote it, checked but not yet coded.

    eids      P eids as text, unique, in the order of the file
    numbers   name -> (P,) float64, missing NaN
    levels    name -> P levels as text, missing None
    names     columns in the order of the file
    warnings  messages about values that are probably not what they seem (suspect_values.py)
    unused    principal components beyond `max_components`; they are not among `names`
    """

    eids: tuple[str, ...]
    numbers: Mapping[str, NDArray[np.float64]]
    levels: Mapping[str, tuple[Cell, ...]]
    names: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def missing(self) -> dict[str, list[str]]:
        """eid -> names of its missing covariates; participants without a missing value are absent."""
        lacking: dict[str, list[str]] = {}
        for name in self.names:
            for eid, absent in zip(self.eids, self._absent(name), strict=True):
                if absent:
                    lacking.setdefault(eid, []).append(name)
        return lacking

    def sparse(self, eids: Collection[str], *, share: float) -> dict[str, int]:
        """name -> number of `eids` without a value, largest first, for columns that more than `share` of them lack."""
        here = [eid in eids for eid in self.eids]
        counts = {
            name: sum(gone and present for gone, present in zip(self._absent(name), here, strict=True)) for name in self.names
        }
        ranked = sorted(counts.items(), key=lambda one: -one[1])
        return {name: count for name, count in ranked if count > share * sum(here)}

    def _absent(self, name: str) -> list[bool]:
        if name in self.levels:
            return [level is None for level in self.levels[name]]
        return [bool(absent) for absent in np.isnan(self.numbers[name])]


@dataclass(frozen=True)
class CodedCovariates:
    """Covariates as numbers, and messages about what was changed."""

    covariates: Covariates
    notes: tuple[str, ...]


def read(options: TraitOptions) -> CovariateTable:
    """Reads the table that `options.covariates` names.

    user_table.py decides which cells are missing and which are numbers. One error lists all mistakes: a table without a column
    eid; an eid that is missing, damaged or repeated; a cell of a numeric column that is not a number; and names under `use` or
    `categorical` that are not columns.
    """
    table = read_user_table(options.covariates, what="covariate")
    frame = table.frame
    mistakes = [*ids.eid_mistakes(table, once=True), *_unknown_columns(frame, options)]
    present = [name for name in frame.columns if name != "eid"]
    labels = ids.more_ids(frame) if options.use is None else []
    unused = () if options.use is not None else _beyond(present, options.max_components)
    names = tuple(
        name for name in present if (name in options.use if options.use is not None else name not in (*labels, *unused))
    )
    categorical = [name for name in options.categorical if name in names]
    measured = [name for name in names if name not in categorical]
    mistakes += [
        mistake
        for name in measured
        for mistake in numeric_columns.wrong_numbers(table, name, what="covariate", fix=NOT_A_NUMBER.format(name))
    ]
    raise_together(mistakes, what="the covariate table")
    values = {name: numbers(frame[name]) for name in measured}
    beyond = (numeric_columns.extremes(table, name, values[name], what="covariate", fix=IN_ANOTHER_UNIT) for name in measured)
    raise_together([mistake for each in beyond for mistake in each], what="the covariate table")
    levels = {name: _levels(frame[name]) for name in categorical}
    warnings = [
        *suspect_values.of_ids(labels),
        *suspect_values.of_choice(options, names),
        *suspect_values.of_values(values, levels),
    ]
    return CovariateTable(tuple(frame["eid"]), values, levels, names, tuple(warnings), unused)


def _beyond(names: Sequence[str], limit: int | None) -> tuple[str, ...]:
    """The table's principal components except the first `limit`, in the order of their numbers."""
    components = [name for name in names if PC_NAME.fullmatch(name)]
    first = components if limit is None else sorted(components, key=lambda name: int(re.findall(r"\d+", name)[-1]))[:limit]
    return tuple(name for name in components if name not in first)


def _unknown_columns(frame: pl.DataFrame, options: TraitOptions) -> list[EcgwasError]:
    """Names under `use` or `categorical` that are not columns, each with the most similar column."""
    present = [name for name in frame.columns if name != "eid"]
    requested = {"use": list(options.use or ()), "categorical": list(options.categorical)}
    if options.categorical == TraitOptions.model_fields["categorical"].default:
        del requested["categorical"]
    mistakes: list[EcgwasError] = []
    for option, names in requested.items():
        for name in names:
            if name in present:
                continue
            near = difflib.get_close_matches(name.lower(), [one.lower() for one in present], n=1)
            match = next((one for one in present if near and one.lower() == near[0]), None)
            problem = f"traits.{option}: the covariate table has no column {name}"
            problem += f"; did you mean '{match}'?" if match else ""
            mistakes.append(StudyError(problem, where=options.covariates, fix=f"its columns are {first_few(present, 30)}"))
    return mistakes


def _levels(cells: pl.Series) -> tuple[Cell, ...]:
    return tuple(None if gone else level(cell) for cell, gone in zip(cells, is_missing(cells), strict=True))


def code(table: CovariateTable, eids: Sequence[str], options: TraitOptions) -> CodedCovariates:
    """Covariates (N, C) of the participants in `eids`, in that order; none of them may have a missing value.

    A category becomes one 0/1 column per level except the most frequent one. Among equally frequent levels, the first in text
    order is omitted. Levels with fewer than `min_level_people` participants are pooled. Constant columns are excluded with a
    note. Raises InputError if a column is a linear combination of other columns and the intercept.
    """
    rows = {eid: i for i, eid in enumerate(table.eids)}
    index = np.array([rows[eid] for eid in eids], dtype=np.int64)
    columns: dict[str, NDArray[np.float64]] = {}
    notes = [*table.warnings, *_not_used(table, options)]
    for name in table.names:
        if name in table.levels:
            here = [str(table.levels[name][i]) for i in index]
            columns |= _dummies(name, here, options.min_level_people, notes)
        else:
            columns[name] = table.numbers[name][index]
    constant = [name for name, values in columns.items() if np.ptp(values) <= ROUNDING * np.abs(values).max()]
    if constant:
        notes.append(f"{len(constant)} covariate(s) excluded, the same in everyone: {first_few(constant)}")
    names = tuple(name for name in columns if name not in constant)
    values = np.column_stack([columns[name] for name in names]) if names else np.empty((len(eids), 0))
    _refuse_collinear(names, values, options)
    return CodedCovariates(Covariates(tuple(eids), names, values), tuple(notes))


def _not_used(table: CovariateTable, options: TraitOptions) -> list[str]:
    if not table.unused:
        return []
    count = f"{len(table.unused)} further principal components of the table are not used"
    return [f"{count} (traits.max_components: {options.max_components}): {first_few(table.unused)}"]


def _dummies(name: str, here: list[str], smallest: int, notes: list[str]) -> dict[str, NDArray[np.float64]]:
    """Level -> its column of 0 and 1, with small levels pooled or joined to the reference; adds messages to `notes`."""
    counts = Counter(here)
    ordered = sorted(counts, key=lambda level: (-counts[level], level))
    reference = ordered[0]
    if counts[reference] < smallest:
        words = f"{name}: none of its {len(counts)} levels has {smallest} people (traits.min_level_people), so it is excluded"
        notes.append(Caution(f"{words}; if it is a number, remove it from traits.categorical"))
        return {}
    small = sorted(level for level in ordered[1:] if counts[level] < smallest)
    pooled = sum(counts[level] for level in small)
    values = np.array(here)
    columns = {f"{name}={level}": (values == level).astype(np.float64) for level in sorted(ordered[1:]) if level not in small}
    if small and pooled >= smallest:
        columns[f"{name}=pooled"] = np.isin(values, small).astype(np.float64)
        notes.append(f"{name}: {len(small)} level(s) with fewer than {smallest} people pooled: {first_few(small)}")
    elif small:
        notes.append(
            f"{name}: {len(small)} level(s) with fewer than {smallest} people joined to {reference}: {first_few(small)}"
        )
    return columns


def _refuse_collinear(names: tuple[str, ...], values: NDArray[np.float64], options: TraitOptions) -> None:
    """Regresses each standardised column on the intercept and earlier columns; raises an error with every combination."""
    people = len(values)
    if names and people <= len(names) + 1:
        problem = f"{people} people are too few for {len(names)} covariate columns"
        fix = "name fewer columns under traits.use, those with most values (sparse columns cost people)"
        raise InputError(problem, where=options.covariates, fix=fix)
    mistakes = []
    left = list(names)
    while (combined := combination(left, values[:, [names.index(name) for name in left]])) is not None:
        name, others = combined
        left.remove(name)
        problem = f"covariate {name} is a combination of {first_few(others, 20)} among the {people} people kept"
        fix = "exclude one of them: name the columns to use under traits.use"
        mistakes.append(InputError(problem, where=options.covariates, fix=fix))
    raise_together(mistakes, what="the covariate table")


def combination(names: Sequence[str], values: NDArray[np.float64]) -> tuple[str, list[str]] | None:
    """The first column that is a linear combination of the intercept and earlier columns, and their names; or None.

    values (N, C) float64 without missing values and without constant columns. The list of the others may be empty only if the
    column itself is constant.
    """
    if len(names) == 0:
        return None
    centred = values - values.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=0)
    for column in range(1, len(names)):
        before = unit[:, :column]
        weights = np.linalg.lstsq(before, unit[:, column], rcond=None)[0]
        rest = unit[:, column] - before @ weights
        if np.linalg.norm(rest) < COLLINEAR:
            return names[column], [names[int(i)] for i in np.flatnonzero(np.abs(weights) > COLLINEAR)]
    return None
