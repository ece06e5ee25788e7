"""Numeric columns of users' tables: what is wrong with their cells, and numbers that are probably not what they seem.

One rule for covariates and for features; `what` is `covariate` or `feature`, as in the messages.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import EcgwasError, InputError, first_few
from ecgwas.tables import ukb_fields
from ecgwas.tables.user_table import UserTable, not_numbers, why_not_a_number

CODES = {
    **{code: f"UK Biobank: {meaning}" for code, meaning in ukb_fields.NO_ANSWER.items()},
    -7: "UK Biobank: none of the above", -9: "PLINK: missing",
    -99: "often: missing", -999: "often: missing", -9999: "often: missing",
}  # fmt: skip
"""Numbers that are codes, and their meanings."""

FAR_SD = 5.0
"""In a column with negative values, a code is suspect only if it lies this many SDs below the mean of the other values."""

WRITE_NA = "write NA if they mean missing"

SMALLEST_SPREAD = 1e-100
"""Smallest range of a column's values. Its reciprocal is the largest absolute value."""


def wrong_numbers(table: UserTable, name: str, *, what: str, fix: str) -> list[EcgwasError]:
    """One mistake with the cells of a column that are neither missing nor a finite number; none if all are."""
    cells = table.frame[name]
    wrong = [int(i) for i in np.flatnonzero(not_numbers(cells))]
    if not wrong:
        return []
    eids = table.frame["eid"] if "eid" in table.frame.columns else None
    about = [table.place(i) + ("" if eids is None else f" (eid {eids[i]})") for i in wrong]
    shown = first_few(
        f"{place}: {str(cells[i])!r}{why_not_a_number(str(cells[i]))}" for place, i in zip(about, wrong, strict=True)
    )
    return [InputError(f"{what} {name} is not a number: {shown}", where=table.path, fix=fix)]


def extremes(table: UserTable, name: str, values: NDArray[np.float64], *, what: str, fix: str) -> Iterator[EcgwasError]:
    """A mistake if squares of a column's values, or of their differences, are beyond the range of floating-point numbers."""
    present = values[np.isfinite(values)]
    largest, spread = (float(np.abs(present).max()), float(np.ptp(present))) if present.size else (0.0, 0.0)
    if largest > 1 / SMALLEST_SPREAD or 0 < spread < SMALLEST_SPREAD:
        problem = f"{what} {name} cannot be used: its values reach {largest:g} and differ by {spread:g} at most"
        yield InputError(problem, where=table.path, fix=fix)


def codes(name: str, values: NDArray[np.float64], *, what: str) -> Iterator[str]:
    """Warnings about codes in numbers (P,) of which no other is negative, or from which the codes are far."""
    present = values[np.isfinite(values)]
    coded = np.isin(present, list(CODES))
    others = present[~coded]
    for code, meaning in CODES.items():
        count = int((present == code).sum())
        if count == 0:
            continue
        far = others.size > 0 and code < min(others.min(), others.mean() - FAR_SD * others.std())
        if others.size == 0 or others.min() >= 0 or far:
            yield f"{what} {name}: {count} value(s) are {code} and count as that number ({meaning}); {WRITE_NA}"


def row_number(name: str, values: NDArray[np.float64], *, what: str, option: str) -> Iterator[str]:
    """A warning about a column that counts the rows of its table; option: where the other columns can be named."""
    if len(values) > 2 and any(np.array_equal(values, np.arange(start, start + len(values))) for start in (0, 1)):
        yield f"{what} {name} counts the lines of the table: a row number? Name the others under {option}"
