"""Matrices of participants: traits and covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class Traits:
    """values (N, K) float64, missing NaN; one row per participant, one column per trait.

    selected_from: names of all the study's traits, if these were selected from them
    """

    eids: tuple[str, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    selected_from: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_matrix(self)

    @property
    def all_names(self) -> tuple[str, ...]:
        """Names of all the study's traits, on which the names of their files depend."""
        return self.names if self.selected_from is None else self.selected_from

    def select(self, names: Sequence[str]) -> Traits:
        """The traits of these names, in this order."""
        columns = [self.names.index(name) for name in names]
        return Traits(self.eids, tuple(names), self.values[:, columns], self.all_names)

    @classmethod
    def read(cls, path: Path) -> Self:
        """From traits.parquet or covariates.parquet: column eid, then one per name."""
        frame = pl.read_parquet(path)
        values = frame.drop("eid").cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return cls(tuple(frame["eid"]), tuple(frame.columns[1:]), np.ascontiguousarray(values, dtype=np.float64))

    def write(self, path: Path) -> None:
        """To Parquet; NaN becomes null."""
        columns = {"eid": list(self.eids)} | {name: self.values[:, k] for k, name in enumerate(self.names)}
        frame = pl.DataFrame(columns).with_columns(pl.exclude("eid").fill_nan(None))
        frame.write_parquet(path, compression="zstd", statistics=False)


class Covariates(Traits):
    """values (N, C) float64 without missing values; no intercept column (every engine adds it)."""


def _check_matrix(matrix: Traits) -> None:
    expected = (len(matrix.eids), len(matrix.names))
    if matrix.values.shape != expected:
        raise ValueError(f"values have shape {matrix.values.shape}, names and eids say {expected}")
    if len(set(matrix.names)) != len(matrix.names):
        raise ValueError("two columns have the same name")
