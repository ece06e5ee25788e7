"""Contributions of 0, 1 and 2 copies of the effect allele to a score, from the columns of a scoring file.

Additive lines add their weight per copy, dominant ones once for one copy or two, recessive ones for two copies only. Columns
dosage_0_weight to dosage_2_weight state all three. Between whole numbers a dosage contributes by linear interpolation, which is
PLINK 2's rule for `--score dominant` and `recessive`, too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.tables import user_table

CONTRIBUTIONS = ("copies_0", "copies_1", "copies_2")
DOSAGE_WEIGHTS = ("dosage_0_weight", "dosage_1_weight", "dosage_2_weight")
RATIOS = ("or", "hr")
"""Columns of ratios, whose logarithm is the weight where there is no column of weights."""
TRUE, FALSE = ("true", "1", "yes", "t"), ("false", "0", "no", "f")


def contributions(frame: pl.DataFrame, path: Path) -> tuple[pl.DataFrame, list[str]]:
    """CONTRIBUTIONS of each row, null where it has no weight, and notes in words.

    frame: columns of the file as text, names in lower case, and `line`. Raises InputError for cells that are no numbers, and
    for a file without weights.
    """
    lines = frame["line"].to_numpy()
    weight, notes = _weight(frame, path)
    is_dominant, is_recessive = (_flag(frame, name, path) for name in ("is_dominant", "is_recessive"))
    both = lines[is_dominant & is_recessive]
    if len(both):
        problem = f"both dominant and recessive: line {first_few(both)}"
        raise InputError(problem, where=path, fix="leave one of is_dominant and is_recessive true")
    zero = np.zeros(len(weight))
    values = np.stack([
        np.where(np.isnan(weight), np.nan, zero), np.where(is_recessive, zero, weight),
        np.where(is_dominant | is_recessive, weight, 2 * weight),
    ])  # fmt: skip
    values[1, np.isnan(weight)] = np.nan
    if all(name in frame.columns for name in DOSAGE_WEIGHTS):
        stated = np.stack([_numbers(frame, name, path) for name in DOSAGE_WEIGHTS])
        whole = np.isfinite(stated).all(axis=0)
        values[:, whole] = stated[:, whole]
        if whole.any():
            notes.append(f"{int(whole.sum())} lines have a weight for each number of copies")
    notes += [f"{int(flags.sum())} lines are {word}" for flags, word in
              ((is_dominant, "dominant"), (is_recessive, "recessive")) if flags.any()]  # fmt: skip
    return pl.DataFrame(dict(zip(CONTRIBUTIONS, values, strict=True))).fill_nan(None), notes


def _weight(frame: pl.DataFrame, path: Path) -> tuple[NDArray[np.float64], list[str]]:
    """(V,) weight per copy, NaN where missing, and notes."""
    if "effect_weight" in frame.columns:
        return _numbers(frame, "effect_weight", path), []
    for name in RATIOS:
        if name in frame.columns:
            ratios = _numbers(frame, name, path)
            wrong = frame["line"].to_numpy()[ratios <= 0]
            if len(wrong):
                problem = f"a ratio must be above 0: column {name.upper()}, line {first_few(wrong)}"
                raise InputError(problem, where=path, fix="correct these cells, or give a column effect_weight")
            return np.log(ratios), [f"weights are logarithms of the column {name.upper()}"]
    if all(name in frame.columns for name in DOSAGE_WEIGHTS):
        return np.full(frame.height, np.nan), []
    problem = f"no column of weights among {first_few(name for name in frame.columns if name != 'line')}"
    fix = "a scoring file has a column effect_weight, OR or HR, or dosage_0_weight to dosage_2_weight"
    raise InputError(problem, where=path, fix=fix)


def _numbers(frame: pl.DataFrame, name: str, path: Path) -> NDArray[np.float64]:
    """(V,) values of a column, missing NaN. Raises InputError for cells that are neither numbers nor missing."""
    cells = frame[name].fill_null("")
    wrong = user_table.not_numbers(cells)
    if wrong.any():
        places = [
            f"line {line}: {cell}" for line, cell in zip(frame["line"].to_numpy()[wrong], cells.filter(wrong), strict=True)
        ]
        raise InputError(f"not a number in column {name}: {first_few(places)}", where=path, fix="correct these cells")
    return user_table.numbers(cells)


def _flag(frame: pl.DataFrame, name: str, path: Path) -> NDArray[np.bool_]:
    """(V,) whether a column says true; False without the column, or where it is empty."""
    if name not in frame.columns:
        return np.zeros(frame.height, dtype=bool)
    cells = frame[name].fill_null("").str.strip_chars().str.to_lowercase()
    known = cells.is_in([*TRUE, *FALSE, *user_table.MISSING]).to_numpy()
    if not known.all():
        problem = f"neither true nor false in column {name}: line {first_few(frame['line'].to_numpy()[~known])}"
        raise InputError(problem, where=path, fix="write True or False")
    return np.asarray(cells.is_in(list(TRUE)).to_numpy())
