"""Does a feature belong to the person: its intraclass correlation between two visits.

ICC(2,1) of Shrout and Fleiss, Psychol Bull 86:420 (1979): two-way random effects, one measurement, absolute agreement. Visits
count as drawn from all visits, because a study has the second visit of some people and the third of others: what moves
everybody from one to the next spreads the feature in the study, and ICC(3,1), which forgives it, would not see that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from ecgwas.tables import Features
from ecgwas.tables.recordings import Reliability

FEWEST = 3
"""People without whom nothing is said."""
TAIL = 0.025
"""On either side of the interval."""
BETWEEN = ("icc", "icc_low", "icc_high", "people")


@dataclass(frozen=True)
class Intraclass:
    """An intraclass correlation with its 95 % interval, from so many people."""

    icc: float
    low: float
    high: float
    people: int


@dataclass(frozen=True)
class _MeanSquares:
    """Of a two-way analysis of variance without replication: between people, between visits, what remains."""

    people: float
    visits: float
    rest: float


def intraclass(values: NDArray[np.floating]) -> Intraclass | None:
    """ICC(2,1) of values (N, K), a row per person and a column per visit.

    The interval is Satterthwaite's approximation (Shrout and Fleiss 1979, p. 424). People without a value (NaN) at one of the
    visits are left out; None for fewer than FEWEST people, and where nobody differs from anybody.
    """
    seen = values[np.isfinite(values).all(axis=1)].astype(np.float64)
    n, k = seen.shape
    if n < FEWEST or np.ptp(seen) == 0:
        return None
    squares = _mean_squares(seen)
    visits = k * squares.visits + (k * n - k - n) * squares.rest
    icc = (squares.people - squares.rest) / (squares.people + (k - 1) * squares.rest + k * (squares.visits - squares.rest) / n)
    # Where only visits differ their k - 1 degrees are what the formula tends to.
    degrees = _satterthwaite(icc, squares.visits / squares.rest, n, k) if squares.rest > 0 else k - 1
    upper, lower = stats.f.isf(TAIL, n - 1, degrees), stats.f.isf(TAIL, degrees, n - 1)
    low = -n * squares.rest / visits  # where the degrees of freedom are next to none, and the quantile is infinite
    if np.isfinite(upper):
        low = n * (squares.people - upper * squares.rest) / (upper * visits + n * squares.people)
    high = n * (lower * squares.people - squares.rest) / (visits + n * lower * squares.people)
    return Intraclass(icc, float(low), float(high), n)


def _mean_squares(values: NDArray[np.float64]) -> _MeanSquares:
    n, k = values.shape
    centred = values - values.mean()
    people, visits = centred.mean(axis=1, keepdims=True), centred.mean(axis=0, keepdims=True)
    rest = np.square(centred - people - visits).sum() / ((n - 1) * (k - 1))
    return _MeanSquares(float(k * np.square(people).sum() / (n - 1)), float(n * np.square(visits).sum() / (k - 1)), float(rest))


def _satterthwaite(icc: float, ratio: float, n: int, k: int) -> float:
    """Degrees of freedom of the denominator; ratio: mean square of visits over that of the rest."""
    mixed = n * (1 + (k - 1) * icc) - k * icc
    top = (k - 1) * (n - 1) * (k * icc * ratio + mixed) ** 2
    return float(top / ((n - 1) * (k * icc * ratio) ** 2 + mixed**2))


def between_visits(first: Features, again: Features) -> pl.DataFrame:
    """Each feature's intraclass correlation between people's visits: columns lead, feature and BETWEEN.

    `again` holds some of the people of `first`, each once a lead. Features of which nothing can be said have no row.
    """
    names = first.names
    rows = []
    for lead in first.frame["lead"].unique(maintain_order=True):
        here, there = (table.frame.filter(pl.col("lead") == lead).select("eid", *names) for table in (first, again))
        both = here.join(there, on="eid", suffix=".again", maintain_order="left")
        for name in names:
            pair = both.select(name, f"{name}.again").cast(pl.Float64).fill_null(float("nan")).to_numpy()
            found = intraclass(pair)
            if found is not None:
                rows.append((lead, name, found.icc, found.low, found.high, found.people))
    types = {name: Reliability.columns[name].dtype for name in ("lead", "feature", *BETWEEN)}
    return pl.DataFrame(rows, schema=types, orient="row")
