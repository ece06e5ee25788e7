"""Kind `local`: details of the beat, each in a group of leads, at a time and of a width.

A feature is the voltage at a time of the wave-aligned beat less the voltage on either side of it. Leads, times and widths are
the same in every cohort (`linear/atoms.py`), so that features of two cohorts can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from ecgwas.errors import InputError
from ecgwas.leads import INDEPENDENT_LEADS
from ecgwas.progress import silent
from ecgwas.represent.alignment import Alignment
from ecgwas.represent.inputs import Traces, all_leads_of
from ecgwas.represent.linear.atoms import ATOMS, Atom, weights_of
from ecgwas.represent.reliability.reconstruction import ERRORS_SCHEMA, HISTORY_SCHEMA
from ecgwas.represent.work import CohortSize, Work
from ecgwas.signals import Signals
from ecgwas.study import Local
from ecgwas.tables import Features

Floats = NDArray[np.float32]

SMALLEST_SHARE = 1e-3
"""Directions of the weights below this share of the largest are not decoded."""


@dataclass(frozen=True)
class LocalEncoder:
    """Projects aligned beats on atoms.

    mean  (8, T) float32, the mean aligned beat, µV
    """

    options: Local
    mean: Floats
    alignment: Alignment

    @property
    def history(self) -> pl.DataFrame:
        """No rows: there is no training."""
        return pl.DataFrame(schema=HISTORY_SCHEMA)

    @property
    def errors(self) -> pl.DataFrame:
        """No rows: details alone do not reconstruct a beat."""
        return pl.DataFrame(schema=ERRORS_SCHEMA)

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """The first `features` of all."""
        return ATOMS[: self.options.features]

    @cached_property
    def _weights(self) -> Floats:
        """(F, 8 T)."""
        weights = weights_of(self.atoms, self.alignment.fiducials_ms, self.alignment.beat_times_ms)
        return weights.reshape(len(self.atoms), -1).astype(np.float32)

    @property
    def _names(self) -> list[str]:
        return [atom.name for atom in self.atoms]

    def encode(self, signals: Signals) -> Features:
        """Columns eid, lead (12L), and one for each atom, µV, named by group, time (ms from R) and width (ms)."""
        traces = Traces.of(signals, "beat", "together", self.alignment)
        values = np.empty((len(traces), len(self.atoms)), dtype=np.float32)
        for block in traces.blocks(np.arange(len(traces))):
            values[block] = traces.read(block)[:, :-1].reshape(len(block), -1) @ self._weights.T
        without_error = traces.features(self._names, values, np.zeros(len(traces)), None)
        return Features(without_error.frame.drop("mse"))

    def decode(self, features: Features) -> Floats | None:
        """(N, 12, T) µV: of all aligned beats with these features the one nearest to the mean; NaN where features are null."""
        values = features.frame.select(self._names).fill_null(float("nan")).to_numpy()
        weights = self._weights.astype(np.float64)
        details = (values - weights @ self.mean.ravel()) @ np.linalg.pinv(weights, rcond=SMALLEST_SHARE).T
        return all_leads_of((self.mean + details.reshape(-1, *self.mean.shape)).astype(np.float32), True, None)

    def save(self, folder: Path) -> None:
        """encoder.safetensors (mean, alignment) and encoder.json (options, names of the details)."""
        arrays: dict[str, NDArray[Any]] = {"mean": self.mean, **self.alignment.arrays()}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "encoder.safetensors")
        about = {"options": self.options.model_dump(mode="json"), "details": self._names}
        (folder / "encoder.json").write_text(json.dumps(about, indent=1))


def fit(
    options: Local, signals: Signals, *, seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent
) -> LocalEncoder:
    """The alignment and the mean beat of these participants; which details are measured does not depend on them.

    `seed` and `scratch` are not used. Raises InputError if nobody has one of the waves, or all leads.
    """
    alignment = Alignment.fit(signals)
    traces = Traces.of(signals, "beat", "together", alignment)
    complete = traces.trace_index(np.arange(len(signals)))
    if len(complete) == 0:
        raise InputError(
            "nobody has a beat in all leads", fix="look at the recordings' leads in results/read/recordings.parquet"
        )
    total = np.zeros((len(INDEPENDENT_LEADS), traces.samples))
    blocks = list(traces.blocks(complete))
    for block in track(blocks, f"{options.name}: mean beat", len(blocks)):
        total += traces.read(block)[:, :-1].sum(axis=0, dtype=np.float64)
    return LocalEncoder(options, (total / len(complete)).astype(np.float32), alignment)


def units(options: Local) -> dict[str, str]:
    """Every detail is a voltage."""
    return {atom.name: "µV" for atom in ATOMS[: options.features]}


def meanings(options: Local) -> dict[str, str]:
    """Detail -> leads, time and width."""
    return {atom.name: atom.meaning for atom in ATOMS[: options.features]}


def work(options: Local, size: CohortSize) -> Work:
    """Alignment to find the mean beat and to encode, and one projection of every recording."""
    units = {"align_person": size.people + size.encoded, "pca_person": size.encoded}
    return Work(units, disk_bytes=len(INDEPENDENT_LEADS) * size.beat_samples * 4)


def load(folder: Path) -> LocalEncoder:
    """The encoder that `save` wrote."""
    about = json.loads((folder / "encoder.json").read_text())
    arrays = load_file(folder / "encoder.safetensors")
    alignment = Alignment.of_arrays(arrays)
    if alignment is None:
        raise ValueError(f"{folder}: the encoder has no alignment")
    return LocalEncoder(Local.model_validate(about["options"]), arrays["mean"], alignment)
