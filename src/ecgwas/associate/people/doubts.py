"""Values of covariates that are probably not what they seem: codes for `missing`, row numbers, one level in two spellings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

CODES = {
    -1: "UK Biobank: do not know", -3: "UK Biobank: prefer not to answer", -7: "UK Biobank: none of the above",
    -9: "PLINK: missing", -99: "often: missing", -999: "often: missing", -9999: "often: missing",
}  # fmt: skip
"""Numbers that stand for something else, and for what."""

FAR_SD = 5.0
"""A code this many SDs below the other values is no value of a column that has negative values of its own."""

CURE = "write NA if they mean missing"

Cell = str | None


def of(numbers: Mapping[str, NDArray[np.float64]], levels: Mapping[str, tuple[Cell, ...]]) -> list[str]:
    """Warnings over the columns of a covariate table, in words; arguments as in covariates.CovariateTable."""
    found = [warning for name, values in numbers.items() for warning in (*_codes(name, values), *_row_number(name, values))]
    return found + [warning for name, cells in levels.items() for warning in _levels(name, cells)]


def _codes(name: str, values: NDArray[np.float64]) -> Iterator[str]:
    """Codes in a column of numbers (P,) that has no other negative values, or from whose values they are far."""
    present = values[np.isfinite(values)]
    coded = np.isin(present, list(CODES))
    others = present[~coded]
    for code, meaning in CODES.items():
        count = int((present == code).sum())
        if count == 0:
            continue
        far = others.size > 0 and code < min(others.min(), others.mean() - FAR_SD * others.std())
        if others.size == 0 or others.min() >= 0 or far:
            yield f"covariate {name}: {count} value(s) are {code} and count as that number ({meaning}); {CURE}"


def _row_number(name: str, values: NDArray[np.float64]) -> Iterator[str]:
    if len(values) > 2 and any(np.array_equal(values, np.arange(start, start + len(values))) for start in (0, 1)):
        yield f"covariate {name} counts the lines of the table: a row number? Name the others under traits.use"


def _levels(name: str, cells: tuple[Cell, ...]) -> Iterator[str]:
    counts = Counter(cell for cell in cells if cell is not None)
    for code, meaning in CODES.items():
        if counts[str(code)]:
            count = counts[str(code)]
            yield f"covariate {name}: {count} value(s) are {code}, a category of its own ({meaning}); {CURE}"
    alike: dict[str, list[str]] = defaultdict(list)
    for cell in sorted(counts):
        alike[cell.casefold()].append(cell)
    for spellings in alike.values():
        if len(spellings) > 1:
            yield f"covariate {name}: {', '.join(spellings)} are different categories; write one of them if they are the same"
