"""Conditions of a decoder: it receives the measurements of kind `intervals` so that features describe what these do not.

Yun et al., Nat Genet 56:1604 (2024), give a decoder measurements defined by experts, and learn what they do not explain.
"""

from __future__ import annotations

from collections.abc import Mapping
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

MEASUREMENTS = Intervals(name="given")
ARRAYS = ("mean", "sd", "absent_mean", "absent_sd")
MIN_KNOWN_SHARE = 0.5
"""A measurement that fewer participants have is not used."""
CLIP_SDS = 4.0
"""Measurements further from the mean are clipped to this distance."""


@dataclass(frozen=True)
class Conditions:
    """How measurements become conditions: M numbers per participant, of mean 0 and SD 1 in the participants given to `fit`.

    centres      of the measurements' encoder
    columns      lead and name of each of the M0 measurements
    mean, sd     (M0,) float64 of the measurements
    absent       indices into columns: one for each group of measurements that are missing in the same participants (no P, say);
                 each has an indicator of being missing
    absent_mean, absent_sd  (G,) of these indicators
    """

    centres: dict[str, float]
    columns: tuple[tuple[str, str], ...]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    absent: tuple[int, ...]
    absent_mean: NDArray[np.float64]
    absent_sd: NDArray[np.float64]

    @classmethod
    def fit(cls, signals: Signals, participants: NDArray[np.int64]) -> tuple[Conditions, Floats]:
        """From these participants, and the conditions (N, M) of all; angles are counted around everybody's mean directions."""
        encoder, measured = intervals.fit_and_encode(MEASUREMENTS, signals)
        all_values = _values_by_column(measured)
        values = {column: array[participants] for column, array in all_values.items()}
        known = {column: array for column, array in values.items() if np.isfinite(array).mean() >= MIN_KNOWN_SHARE}
        columns = tuple(column for column, array in known.items() if np.nanstd(array) > 0)
        matrix = np.column_stack([known[column] for column in columns])
        missing = ~np.isfinite(matrix)
        _, first = np.unique(missing, axis=1, return_index=True)
        absent = tuple(sorted(int(k) for k in first if missing[:, k].any()))
        indicators = missing[:, list(absent)].astype(np.float64)
        mean, sd = np.nanmean(matrix, axis=0), np.nanstd(matrix, axis=0)
        fitted = cls(encoder.centres, columns, mean, sd, absent, indicators.mean(axis=0), indicators.std(axis=0))
        return fitted, fitted._standardised(all_values)

    def __len__(self) -> int:
        return len(self.columns) + len(self.absent)

    def of(self, signals: Signals) -> Floats:
        """(N, M): standardised measurements, 0 where missing, and the standardised indicators of being missing."""
        return self._standardised(_values_by_column(IntervalsEncoder(MEASUREMENTS, self.centres).encode(signals)))

    def _standardised(self, values: Mapping[tuple[str, str], NDArray[np.float64]]) -> Floats:
        """(N, M) from the measurements by column."""
        matrix = np.column_stack([values[column] for column in self.columns])
        missing = ~np.isfinite(matrix)
        standardised = np.clip((matrix - self.mean) / self.sd, -CLIP_SDS, CLIP_SDS)
        standardised[missing] = 0.0
        indicators = (missing[:, list(self.absent)] - self.absent_mean) / self.absent_sd
        return np.hstack([standardised, indicators]).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        arrays = {name: getattr(self, name).tolist() for name in ARRAYS}
        return {"centres": self.centres, "columns": [list(key) for key in self.columns], "absent": list(self.absent)} | arrays

    @classmethod
    def from_json(cls, values: dict[str, Any] | None) -> Conditions | None:
        """From the values of `to_json`; None from None."""
        if values is None:
            return None
        arrays = {name: np.array(values[name], dtype=np.float64) for name in ARRAYS}
        columns = tuple((lead, name) for lead, name in values["columns"])
        return cls(centres=values["centres"], columns=columns, absent=tuple(values["absent"]), **arrays)


def _values_by_column(table: Features) -> dict[tuple[str, str], NDArray[np.float64]]:
    """(lead, name) -> (N,) float64, NaN where missing."""
    values = {}
    for lead in table.frame["lead"].unique(maintain_order=True):
        rows = table.frame.filter(pl.col("lead") == lead)
        for name in table.names:
            values[lead, name] = rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return values
