"""Does a representation come out the same again: features of two fits matched one to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ecgwas.tables import Features

SCHEMA = {"seed": pl.Int64, "lead": pl.String, "feature": pl.String, "partner": pl.String, "r": pl.Float64}
FEWEST = 3
"""People without whom there is no correlation."""


@dataclass(frozen=True)
class Matched:
    """partner (F,) int64: for each feature of the first fit one of the second, no two the same; r (F,) float64, their
    correlation with its sign."""

    partner: NDArray[np.int64]
    r: NDArray[np.float64]


def matched_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> Matched:
    """Features of two fits, (N, F) and (N, F) of the same people, matched so that the sum of |r| is largest.

    The assignment problem (Kuhn 1955; Munkres 1957): a feature has no name of its own in a network trained anew, and no sign.
    People without a value (NaN) anywhere in either are left out; constant features correlate with nothing (0). Raises
    ValueError where the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} and {second.shape} are not the same people and number of features")
    seen = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    count = first.shape[1]
    r = _unit(first[seen]).T @ _unit(second[seen]) if seen.sum() >= FEWEST else np.zeros((count, count))
    _, partner = linear_sum_assignment(-np.abs(r))
    return Matched(partner.astype(np.int64), r[np.arange(count), partner])


def _unit(values: NDArray[np.floating]) -> NDArray[np.float64]:
    centred = values.astype(np.float64) - values.astype(np.float64).mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    return np.asarray(np.divide(centred, length, out=np.zeros_like(centred), where=length > 0))


def renamed(first: Features, again: Features, *, seed: int) -> tuple[Features, pl.DataFrame]:
    """`again` with the features of `first`, lead by lead, each its partner with the sign that makes r positive; and the

    match, columns of SCHEMA. Both hold the same rows in the same order (people and leads of the same recordings).
    """
    names = list(first.names)
    parts, rows = [], []
    frame = again.frame.with_row_index("row")
    for lead in first.frame["lead"].unique(maintain_order=True):
        here = frame.filter(pl.col("lead") == lead)
        ours, theirs = (_array(table.filter(pl.col("lead") == lead), names) for table in (first.frame, again.frame))
        found = matched_correlation(ours, theirs)
        turned = theirs[:, found.partner] * np.where(found.r < 0, -1.0, 1.0)
        columns = pl.from_numpy(turned, schema=dict.fromkeys(names, pl.Float64)).fill_nan(None)
        parts.append(here.drop(names).hstack(columns))
        rows += [
            {"seed": seed, "lead": lead, "feature": name, "partner": names[found.partner[k]], "r": float(found.r[k])}
            for k, name in enumerate(names)
        ]
    whole = pl.concat(parts).sort("row").select(again.frame.columns)
    types = {name: again.frame.schema[name] for name in names}
    return Features(whole.cast(types)), pl.DataFrame(rows, schema=SCHEMA)  # type: ignore[arg-type]


def _array(frame: pl.DataFrame, names: list[str]) -> NDArray[np.float64]:
    return frame.select(names).cast(pl.Float64).fill_null(float("nan")).to_numpy()
