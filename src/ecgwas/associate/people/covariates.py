"""The user's covariate table: read, checked, coded as numbers, free of constant and collinear columns."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, StudyError, first_few
from ecgwas.study import TraitOptions
from ecgwas.tables import Covariates, read_user_table

MISSING_CODES = ("", "na", "nan")
"""Cells that mean `no value`, in any case. Numbers such as -9 are values."""

EID_LIKE = ("eid", "f.eid", "iid", "#iid", "id", "fid", "#fid", "n_eid", "sample", "sample_id", "participant_id", "person")
"""Names under which the person's id often stands; the error suggests them."""

COLLINEAR = 1e-7
"""A standardised column whose residual on the columns before it is shorter than this is their combination."""

Cell = str | None


@dataclass(frozen=True)
class CovariateTable:
    """The covariate table as the user gave it, checked but not yet coded.

    eids      P ids, as text, unique, in the file's order
    numbers   name -> (P,) float64, missing NaN
    levels    name -> P levels as text, missing None
    names     columns in the file's order
    """

    eids: tuple[str, ...]
    numbers: Mapping[str, NDArray[np.float64]]
    levels: Mapping[str, tuple[Cell, ...]]
    names: tuple[str, ...]

    def missing(self) -> dict[str, list[str]]:
        """eid -> names of its missing covariates; people without any are absent."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            for eid, absent in zip(self.eids, self._absent(name), strict=True):
                if absent:
                    found.setdefault(eid, []).append(name)
        return found

    def _absent(self, name: str) -> list[bool]:
        if name in self.levels:
            return [level is None for level in self.levels[name]]
        return [bool(absent) for absent in np.isnan(self.numbers[name])]


@dataclass(frozen=True)
class Coded:
    """Covariates as numbers, and what was changed on the way, in words."""

    covariates: Covariates
    notes: tuple[str, ...]


def read(options: TraitOptions) -> CovariateTable:
    """The table that `options.covariates` names.

    Empty cells, NA and nan (any case) are missing. Raises InputError where there is no column eid, an eid is missing or
    stands twice, or a cell of a column of numbers is not one; StudyError where `use` or `categorical` names no column.
    """
    frame = read_user_table(options.covariates, what="covariate")
    _check_eids(frame, options)
    names = _columns(frame, options)
    categorical = [name for name in options.categorical if name in names]
    eids = tuple(frame["eid"])
    numbers = {name: _numbers(frame, name, options) for name in names if name not in categorical}
    levels = {name: tuple(_level(cell) for cell in frame[name]) for name in categorical}
    return CovariateTable(eids, numbers, levels, names)


def _check_eids(frame: pl.DataFrame, options: TraitOptions) -> None:
    path = options.covariates
    if "eid" not in frame.columns:
        near = [name for name in frame.columns if name.lower() in EID_LIKE]
        fix = f"rename the column {near[0]} to eid" if near else "name the column of the person's id eid"
        problem = f"the covariate table has no column eid; it has {first_few(frame.columns, 10)}"
        raise InputError(problem, where=path, fix=fix)
    eids = frame["eid"].to_list()
    nameless = [f"line {i}" for i, eid in enumerate(eids, start=2) if _level(eid) is None]
    if nameless:
        raise InputError(f"no eid: {first_few(nameless)}", where=path, fix="give every line its eid, or delete the line")
    twice = sorted(eid for eid, count in Counter(eids).items() if count > 1)
    if twice:
        raise InputError(f"people who stand more than once: eid {first_few(twice)}", where=path, fix="keep one line per eid")
    if not eids:
        raise InputError("the covariate table has a header and no people", where=path, fix="add one line per person")


def _columns(frame: pl.DataFrame, options: TraitOptions) -> tuple[str, ...]:
    present = [name for name in frame.columns if name != "eid"]
    default = TraitOptions.model_fields["categorical"].default
    asked = list(options.use or ())
    if options.categorical != default:
        asked += options.categorical
    unknown = [name for name in dict.fromkeys(asked) if name not in present]
    if unknown:
        near = difflib.get_close_matches(unknown[0], present, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        problem = f"traits: the covariate table has no column {first_few(unknown)}{hint}"
        raise StudyError(problem, where=options.covariates, fix=f"its columns are {first_few(present, 30)}")
    if options.use is None:
        return tuple(present)
    return tuple(name for name in present if name in options.use)


def _level(cell: Cell) -> Cell:
    return None if cell is None or cell.strip().lower() in MISSING_CODES else cell.strip()


def _numbers(frame: pl.DataFrame, name: str, options: TraitOptions) -> NDArray[np.float64]:
    cells = [_level(cell) for cell in frame[name]]
    values = np.array([_number(cell) for cell in cells])
    wrong = [i for i, cell in enumerate(cells) if cell is not None and not np.isfinite(values[i])]
    if wrong:
        shown = first_few(f"line {i + 2} (eid {frame['eid'][i]}): {cells[i]!r}" for i in wrong)
        fix = f"write numbers or NA, or name it under traits.categorical: [{name}], or leave it out with traits.use"
        raise InputError(f"covariate {name} is not a number: {shown}", where=options.covariates, fix=fix)
    return values


def _number(cell: Cell) -> float:
    if cell is None:
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        return float("inf")


def code(table: CovariateTable, eids: Sequence[str], options: TraitOptions) -> Coded:
    """Covariates (N, C) of the people in `eids`, in that order; none of them may lack a value.

    Categories become one 0/1 column per level but the most frequent; ties go to the first level in text order. Levels
    with fewer than `min_level_people` are pooled. Constant columns are left out with a note. Raises InputError where a
    column is a combination of others and the intercept.
    """
    rows = {eid: i for i, eid in enumerate(table.eids)}
    index = np.array([rows[eid] for eid in eids], dtype=np.int64)
    columns: dict[str, NDArray[np.float64]] = {}
    notes: list[str] = []
    for name in table.names:
        if name in table.levels:
            here = [str(table.levels[name][i]) for i in index]
            columns |= _dummies(name, here, options.min_level_people, notes)
        else:
            columns[name] = table.numbers[name][index]
    constant = [name for name, values in columns.items() if np.ptp(values) == 0]
    if constant:
        notes.append(f"{len(constant)} covariate(s) left out, the same in everyone: {first_few(constant)}")
    names = tuple(name for name in columns if name not in constant)
    values = np.column_stack([columns[name] for name in names]) if names else np.empty((len(eids), 0))
    _refuse_collinear(names, values, options)
    return Coded(Covariates(tuple(eids), names, values), tuple(notes))


def _dummies(name: str, here: list[str], smallest: int, notes: list[str]) -> dict[str, NDArray[np.float64]]:
    counts = Counter(here)
    ordered = sorted(counts, key=lambda level: (-counts[level], level))
    reference = ordered[0]
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
    """Each column against the intercept and the columns before it, all standardised."""
    found = combination(names, values)
    if found is None:
        return
    name, others = found
    problem = f"covariate {name} is a combination of {first_few(others, 20)} among the {len(values)} people kept"
    fix = "leave one of them out: name the columns to use under traits.use"
    raise InputError(problem, where=options.covariates, fix=fix)


def combination(names: Sequence[str], values: NDArray[np.float64]) -> tuple[str, list[str]] | None:
    """The first column that is a linear combination of earlier ones and the intercept, and those; None if there is none.

    values (N, C) float64 without missing values and without constant columns. Names of the others may be empty only if
    the column itself is constant.
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
