"""Stability of a representation: features of two fits, from different seeds, matched one to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ecgwas.tables import Features

STABILITY_SCHEMA = {"seed": pl.Int64, "lead": pl.String, "feature": pl.String, "partner": pl.String, "r": pl.Float64}
MIN_PEOPLE = 3
"""Fewest participants for a correlation."""


@dataclass(frozen=True)
class FeatureMatch:
    """partner (F,) int64: for each feature of the first fit a different one of the second; r (F,) float64: their signed
    correlation."""

    partner: NDArray[np.int64]
    r: NDArray[np.float64]


def match_features(first: NDArray[np.floating], second: NDArray[np.floating]) -> FeatureMatch:
    """Features of two fits, (N, F) and (N, F) of the same participants, matched so that the sum of |r| is largest.

    The assignment problem (Kuhn 1955; Munkres 1957): in a network that is trained again, features have neither the same order
    nor the same sign. Participants with a missing value (NaN) in either are excluded; correlations of constant features are 0.
    Raises ValueError if the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} and {second.shape} are not the same people and number of features")
    complete = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    count = first.shape[1]
    r = (
        _unit_columns(first[complete]).T @ _unit_columns(second[complete])
        if complete.sum() >= MIN_PEOPLE
        else np.zeros((count, count))
    )
    _, partner = linear_sum_assignment(-np.abs(r))
    return FeatureMatch(partner.astype(np.int64), r[np.arange(count), partner])


def _unit_columns(values: NDArray[np.floating]) -> NDArray[np.float64]:
    centred = values.astype(np.float64) - values.astype(np.float64).mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    return np.asarray(np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 0))


def matched_to(first: Features, second: Features, *, seed: int) -> tuple[Features, pl.DataFrame]:
    """`second` with its features in the order, under the names and with the signs of `first`, lead by lead; and the match.

    The match has the columns of STABILITY_SCHEMA. Both tables hold the same rows in the same order (participants and leads of
    the same recordings).
    """
    names = list(first.names)
    parts, rows = [], []
    frame = second.frame.with_row_index("row")
    for lead in first.frame["lead"].unique(maintain_order=True):
        here = frame.filter(pl.col("lead") == lead)
        a, b = (_array(table.filter(pl.col("lead") == lead), names) for table in (first.frame, second.frame))
        match = match_features(a, b)
        values = b[:, match.partner] * np.where(match.r < 0, -1.0, 1.0)
        columns = pl.from_numpy(values, schema=dict.fromkeys(names, pl.Float64)).fill_nan(None)
        parts.append(here.drop(names).hstack(columns))
        rows += [
            {"seed": seed, "lead": lead, "feature": name, "partner": names[match.partner[k]], "r": float(match.r[k])}
            for k, name in enumerate(names)
        ]
    matched = pl.concat(parts).sort("row").select(second.frame.columns)
    types = {name: second.frame.schema[name] for name in names}
    return Features(matched.cast(types)), pl.DataFrame(rows, schema=STABILITY_SCHEMA)  # type: ignore[arg-type]


def _array(frame: pl.DataFrame, names: list[str]) -> NDArray[np.float64]:
    return frame.select(names).cast(pl.Float64).fill_null(float("nan")).to_numpy()
