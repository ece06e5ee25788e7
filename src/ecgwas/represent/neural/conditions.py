"""What a decoder is told besides the features, so that the features hold the rest: the measurements of kind `intervals`.

Yun et al., Nat Genet 56:1604 (2024), give a decoder what experts define, and learn what it does not explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.represent import intervals
from ecgwas.represent.intervals import IntervalsEncoder
from ecgwas.signals import Signals
from ecgwas.study import Intervals
from ecgwas.tables import Features

Floats = NDArray[np.float32]

LEAST_KNOWN = 0.5
"""A measurement that more people lack is not given."""
FAR_SDS = 4.0
"""Measurements further from the mean count as that far."""


@dataclass(frozen=True)
class Conditions:
    """How measurements are given: M numbers a person, of mean zero and SD one in the people that `fit` saw.

    centres  as the measurements' encoder has them;  columns: lead and name of each measurement given
    mean, sd (M0,) float64 of the measurements;  absent: groups of columns, each with a number of its own that says that they
    could not be measured (no P, say), as indices into columns; absent_mean, absent_sd (G,) of these
    """

    centres: dict[str, float]
    columns: tuple[tuple[str, str], ...]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    absent: tuple[int, ...]
    absent_mean: NDArray[np.float64]
    absent_sd: NDArray[np.float64]

    @classmethod
    def fit(cls, signals: Signals, people: NDArray[np.int64]) -> Conditions:
        """From the people numbered `people`; axes are counted around everybody's mean directions."""
        encoder = intervals.fit(Intervals(name="given"), signals, seed=0)
        table = encoder.encode(signals)
        wide = {(lead, name): values[people] for (lead, name), values in _wide(table).items()}
        known = {key: values for key, values in wide.items() if np.isfinite(values).mean() >= LEAST_KNOWN}
        columns = tuple(key for key, values in known.items() if np.nanstd(values) > 0)
        matrix = np.column_stack([known[key] for key in columns])
        missing = ~np.isfinite(matrix)
        _, first = np.unique(missing, axis=1, return_index=True)
        absent = tuple(sorted(int(k) for k in first if missing[:, k].any()))
        gone = missing[:, list(absent)].astype(np.float64)
        mean, sd = np.nanmean(matrix, axis=0), np.nanstd(matrix, axis=0)
        return cls(encoder.centres, columns, mean, sd, absent, gone.mean(axis=0), gone.std(axis=0))

    def __len__(self) -> int:
        return len(self.columns) + len(self.absent)

    def of(self, signals: Signals) -> Floats:
        """(N, M): what is missing is the mean, 0, and said so by a number of its own."""
        table = _wide(IntervalsEncoder(Intervals(name="given"), self.centres).encode(signals))
        matrix = np.column_stack([table[key] for key in self.columns])
        missing = ~np.isfinite(matrix)
        values = np.clip((matrix - self.mean) / self.sd, -FAR_SDS, FAR_SDS)
        values[missing] = 0.0
        gone = (missing[:, list(self.absent)] - self.absent_mean) / self.absent_sd
        return np.hstack([values, gone]).astype(np.float32)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        arrays = {name: getattr(self, name).tolist() for name in ("mean", "sd", "absent_mean", "absent_sd")}
        return {"centres": self.centres, "columns": [list(key) for key in self.columns], "absent": list(self.absent)} | arrays

    @classmethod
    def of_plain(cls, plain: dict[str, Any] | None) -> Conditions | None:
        """From what `plain` gave; None from None."""
        if plain is None:
            return None
        arrays = {name: np.array(plain[name], dtype=np.float64) for name in ("mean", "sd", "absent_mean", "absent_sd")}
        columns = tuple((lead, name) for lead, name in plain["columns"])
        return cls(centres=plain["centres"], columns=columns, absent=tuple(plain["absent"]), **arrays)


def _wide(table: Features) -> dict[tuple[str, str], NDArray[np.float64]]:
    """(lead, name) -> (N,) float64, NaN where missing; only those that somebody has."""
    found = {}
    for lead in table.frame["lead"].unique(maintain_order=True):
        rows = table.frame.filter(pl.col("lead") == lead)
        for name in table.names:
            found[lead, name] = rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return found
