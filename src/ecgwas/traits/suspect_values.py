"""Covariates that are probably not what they seem: codes for missing values or categories, ids, row numbers, spellings."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import first_few
from ecgwas.study import TraitOptions
from ecgwas.tables import numeric_columns
from ecgwas.tables import ukb_fields as fields
from ecgwas.tables.numeric_columns import CODES, WRITE_NA
from ecgwas.tables.user_table import is_missing, not_numbers, numbers

CATEGORIES = frozenset({
    "center", "centre", "site", "batch", "array", "chip", "plate", "ethnic", "ethnicity", "ancestry", "population", "hospital",
    "operator", "scanner", "country",
})  # fmt: skip
"""Words in column names which suggest that whole numbers are codes."""

CATEGORY_FIELDS = {"54": "assessment centre", "21000": "ethnic background", "22000": "genotyping batch"}
SEX_FIELDS = ("31", "22001")

Cell = str | None


def of_values(numbers: Mapping[str, NDArray[np.float64]], levels: Mapping[str, tuple[Cell, ...]]) -> list[str]:
    """Warnings about the columns of a covariate table; arguments as in covariates.CovariateTable."""
    warnings = [warning for name, values in numbers.items() for warning in _of_numbers(name, values)]
    return warnings + [warning for name, cells in levels.items() for warning in _levels(name, cells)]


def of_ids(names: Sequence[str]) -> list[str]:
    """A warning about columns that hold ids of participants."""
    shown = first_few(names)
    return [f"not a covariate, but an id of the person: {shown}; name the covariates under traits.use"] if names else []


def of_choice(options: TraitOptions, used: Sequence[str]) -> list[str]:
    """A warning about categorical columns that are not among the columns used."""
    idle = [name for name in options.categorical if options.use is not None and name not in used]
    if not idle or options.categorical == TraitOptions.model_fields["categorical"].default:
        return []
    return [f"traits.categorical names {first_few(idle)}, which traits.use does not: no covariate"]


def field_of(name: str) -> str | None:
    """The number of the UK Biobank field that a column name refers to; None for other names."""
    column = fields.parse(name)
    return None if column is None else str(column.field)


def is_sex(name: str) -> bool:
    """True if a column name indicates that the column holds sex."""
    return field_of(name) in SEX_FIELDS or bool({"sex", "gender"} & set(_words(name)))


def is_category(name: str, cells: pl.Series, max_levels: int) -> bool:
    """True if a column of text cells (P,) is one of categories.

    Either its name says so and its values are no measurements, or it holds words, of which there are at most `max_levels`.
    """
    present = cells.filter(~pl.Series(is_missing(cells)))
    levels = present.unique()
    words = bool(not_numbers(present).any())
    if field_of(name) in CATEGORY_FIELDS or CATEGORIES & set(_words(name)):
        return words or bool((pl.Series(numbers(present)) % 1 == 0).all())
    return words and len(levels) <= max_levels and 2 * len(levels) <= len(present)


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z]+", name.lower())


def _of_numbers(name: str, values: NDArray[np.float64]) -> Iterator[str]:
    yield from numeric_columns.codes(name, values, what="covariate")
    yield from numeric_columns.row_number(name, values, what="covariate", option="traits.use")
    yield from _categories(name, values)


def _categories(name: str, values: NDArray[np.float64]) -> Iterator[str]:
    """A warning if the name of a numeric column suggests that its numbers are codes."""
    present = np.unique(values[np.isfinite(values)])
    field = CATEGORY_FIELDS.get(field_of(name) or "")
    if field is None and not CATEGORIES & set(_words(name)):
        return
    if len(present) > 2 and (present == np.rint(present)).all():
        about = f" (UK Biobank: {field})" if field else ""
        words = f"covariate {name}{about}: {len(present)} whole numbers count as a quantity"
        yield f"{words}; if they are codes, name it under traits.categorical"


def _levels(name: str, cells: tuple[Cell, ...]) -> Iterator[str]:
    counts = Counter(cell for cell in cells if cell is not None)
    for code, meaning in CODES.items():
        if counts[str(code)]:
            count = counts[str(code)]
            yield f"covariate {name}: {count} value(s) are {code}, a category of its own ({meaning}); {WRITE_NA}"
    alike: dict[str, list[str]] = defaultdict(list)
    for cell in sorted(counts):
        alike[cell.casefold()].append(cell)
    for spellings in alike.values():
        if len(spellings) > 1:
            yield f"covariate {name}: {', '.join(spellings)} are different categories; write one of them if they are the same"
