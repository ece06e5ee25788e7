"""What is refused, participants with the same missing values, and why a test has no result."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ecgwas.errors import InputError

MISSING = -1
"""Code of participants who are not in the analysis of an outcome: unknown, or neither case nor control."""


class Status(IntEnum):
    """Whether a test has a result, and if not, why.

    TESTED         yes
    SEPARATED      yes, but covariates predict some participants perfectly, who then contribute nothing
    TOO_FEW        no: fewer cases, controls or events than required
    CONSTANT       no: the feature does not vary among these participants once the covariates are known
    PREDICTED      no: the covariates predict the outcome of every participant
    INFINITE       no: the feature predicts perfectly, so the estimate is infinite; use Firth's likelihood
    NOT_CONVERGED  no: the iterations ended before the likelihood was maximal
    """

    TESTED = 0
    SEPARATED = 1
    TOO_FEW = 2
    CONSTANT = 3
    PREDICTED = 4
    INFINITE = 5
    NOT_CONVERGED = 6

    @property
    def has_result(self) -> bool:
        """Whether numbers were computed."""
        return self in (Status.TESTED, Status.SEPARATED)


def neglog10p(z: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """-log10 of the two-sided normal p-value of z (...,), in log space: finite for |z| up to 1e154. NaN stays NaN."""
    logs = special.log_ndtr(-np.abs(np.asarray(z, dtype=np.float64))) + np.log(2)
    return np.asarray(-logs / np.log(10) + 0.0)


def binary(outcomes: NDArray[np.int8]) -> None:
    """Raises InputError unless all values are 0, 1 or MISSING."""
    wrong = ~np.isin(outcomes, (0, 1, MISSING))
    if wrong.any():
        problem = f"{int(wrong.sum())} values of the outcomes are neither 0 nor 1 nor {MISSING} (missing)"
        raise InputError(problem, fix="code cases 1, controls 0, and everyone else as missing")


def complete(values: NDArray[np.float64], people: int, what: str) -> None:
    """Raises InputError unless `values` has a row for each of `people` participants and all are finite."""
    if len(values) != people:
        raise ValueError(f"{what}: {len(values)} rows for {people} participants")
    if not np.isfinite(values).all():
        problem = f"{int((~np.isfinite(values)).sum())} values of the {what} are missing or infinite"
        raise InputError(problem, fix=f"exclude these participants, or impute the {what}")


def no_infinity(values: NDArray[np.float64], what: str) -> None:
    """Raises InputError if a value is infinite; NaN is allowed."""
    count = int(np.isinf(values).sum())
    if count:
        raise InputError(f"{count} values of the {what} are infinite", fix="code unknown values as missing")


def same_missing(values: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
    """Columns of values (N, K) with the same missing (NaN) rows: each the rows (N,) bool that are known, and the columns."""
    missing = np.isnan(values)
    if values.shape[1] == 0:
        return
    packed = np.packbits(missing, axis=0)
    _, first, group = np.unique(packed, axis=1, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    for number in np.argsort(first):
        columns = np.flatnonzero(group == number)
        yield ~missing[:, columns[0]], columns
