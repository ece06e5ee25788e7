"""Intraclass correlation of features between two visits: is a feature characteristic of the participant?

ICC(2,1) of Shrout and Fleiss, Psychol Bull 86:420 (1979): two-way random effects, one measurement, absolute agreement. Visits
are random effects because a study has the second visit of some participants and the third of others: a shift of everybody from
one visit to the next increases the variance of the feature in the study, and ICC(3,1) would ignore it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from ecgwas.tables import Features
from ecgwas.tables.recordings import Reliability

MIN_PEOPLE = 3
"""Fewest participants for an estimate."""
TAIL = 0.025
"""Probability on either side of the interval."""
ICC_COLUMNS = ("icc", "icc_low", "icc_high", "people")


@dataclass(frozen=True)
class Intraclass:
    """An intraclass correlation, its 95 % interval, and the number of participants."""

    icc: float
    low: float
    high: float
    people: int


@dataclass(frozen=True)
class _MeanSquares:
    """Of a two-way analysis of variance without replication: between participants, between visits, residual."""

    people: float
    visits: float
    residual: float


def intraclass_correlation(values: NDArray[np.floating]) -> Intraclass | None:
    """ICC(2,1) of values (N, K), a row per participant and a column per visit.

    The interval is Satterthwaite's approximation (Shrout and Fleiss 1979, p. 424). Participants without a value (NaN) at one of
    the visits are excluded. None for fewer than MIN_PEOPLE participants, and for values that do not vary.
    """
    complete = values[np.isfinite(values).all(axis=1)].astype(np.float64)
    n, k = complete.shape
    if n < MIN_PEOPLE or np.ptp(complete) == 0:
        return None
    mean_squares = _mean_squares(complete)
    people, visits, residual = mean_squares.people, mean_squares.visits, mean_squares.residual
    if visits == residual == 0:
        return Intraclass(1.0, 1.0, 1.0, n)  # all visits agree exactly
    within = k * visits + (k * n - k - n) * residual
    icc = (people - residual) / (people + (k - 1) * residual + k * (visits - residual) / n)
    # If only visits differ, the formula tends to their k - 1 degrees of freedom.
    df = _satterthwaite(icc, visits / residual, n, k) if residual > 0 else k - 1
    upper, lower = stats.f.isf(TAIL, n - 1, df), stats.f.isf(TAIL, df, n - 1)
    low = -n * residual / within  # if there are nearly no degrees of freedom, and the quantile is infinite
    if np.isfinite(upper):
        low = n * (people - upper * residual) / (upper * within + n * people)
    high = n * (lower * people - residual) / (within + n * lower * people)
    return Intraclass(icc, float(low), float(high), n)


def _mean_squares(values: NDArray[np.float64]) -> _MeanSquares:
    n, k = values.shape
    centred = values - values.mean()
    people, visits = centred.mean(axis=1, keepdims=True), centred.mean(axis=0, keepdims=True)
    residual = np.square(centred - people - visits).sum() / ((n - 1) * (k - 1))
    of_people, of_visits = k * np.square(people).sum() / (n - 1), n * np.square(visits).sum() / (k - 1)
    return _MeanSquares(float(of_people), float(of_visits), float(residual))


def _satterthwaite(icc: float, ratio: float, n: int, k: int) -> float:
    """Degrees of freedom of the denominator; ratio: mean square of visits over the residual one."""
    mixed = n * (1 + (k - 1) * icc) - k * icc
    numerator = (k - 1) * (n - 1) * (k * icc * ratio + mixed) ** 2
    return float(numerator / ((n - 1) * (k * icc * ratio) ** 2 + mixed**2))


def between_visits(first: Features, second: Features) -> pl.DataFrame:
    """Each feature's intraclass correlation between visits: columns lead, feature and ICC_COLUMNS.

    `second` holds some of the participants of `first`, each once per lead. Features without an estimate have no row.
    """
    names = first.names
    rows = []
    for lead in first.frame["lead"].unique(maintain_order=True):
        first_values, second_values = (
            table.frame.filter(pl.col("lead") == lead).select("eid", *names) for table in (first, second)
        )
        both = first_values.join(second_values, on="eid", suffix=".second", maintain_order="left")
        for name in names:
            pair = both.select(name, f"{name}.second").cast(pl.Float64).fill_null(float("nan")).to_numpy()
            estimate = intraclass_correlation(pair)
            if estimate is not None:
                rows.append((lead, name, estimate.icc, estimate.low, estimate.high, estimate.people))
    types = {name: Reliability.columns[name].dtype for name in ("lead", "feature", *ICC_COLUMNS)}
    return pl.DataFrame(rows, schema=types, orient="row")
