"""Kind `intervals`: rate, intervals, axes and amplitudes, measured by delineating the median beat on all leads together.

Nothing is learned but each axis' mean direction in the cohort, from which angles are counted so that no two neighbours lie
360 degrees apart. A wave that is absent gives missing measurements.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from ecgwas.delineation import measurements
from ecgwas.delineation.fiducials import Fiducials
from ecgwas.delineation.measurements import AXES, OF_A_LEAD, OF_ALL_LEADS, Beat, Measured
from ecgwas.delineation.single_beats import each_beat, median_beat, one_thread, single_beats
from ecgwas.delineation.vectorcardiogram import around, circular_mean_deg
from ecgwas.leads import ALL_LEADS, INDEPENDENT, LEADS
from ecgwas.progress import silent
from ecgwas.represent.reliability.reconstruction import ERRORS, HISTORY
from ecgwas.represent.work import Given, Work
from ecgwas.signals import Signals
from ecgwas.study import Intervals
from ecgwas.tables import Features

Floats = NDArray[np.float64]

ENOUGH = 1000
"""People from whom the axes' mean directions are taken."""
ZERO_MS = 8.0
"""Each lead's zero is its mean over this long before QRS."""
SMOOTH_MS = 2.5
"""SD of the Gaussian that the beat is smoothed with before amplitudes are read off."""


@dataclass(frozen=True)
class IntervalsEncoder:
    """Measures; `centres` are the axes' mean directions in the cohort, degrees."""

    options: Intervals
    centres: dict[str, float]

    @property
    def history(self) -> pl.DataFrame:
        """No rows: nothing is trained."""
        return pl.DataFrame(schema=HISTORY)

    @property
    def errors(self) -> pl.DataFrame:
        """No rows: measurements do not reconstruct a beat."""
        return pl.DataFrame(schema=ERRORS)

    def encode(self, signals: Signals) -> Features:
        """A row for 12L (rhythm, times, directions, sizes) and one for each of the eight independent leads (amplitudes)."""
        with one_thread():
            measured = [measure(signals, i) for i in range(len(signals))]
        return self.table(signals.eids, measured)

    def table(self, eids: tuple[str, ...], measured: list[dict[str, Measured]]) -> Features:
        """Features of people whose measurements are `measured`, as `measure` gives them."""
        columns: dict[str, list[Any]] = {name: [] for name in ("eid", "lead", *OF_ALL_LEADS, *OF_A_LEAD)}
        for eid, of_leads in zip(eids, measured, strict=True):
            for lead, values in of_leads.items():
                columns["eid"].append(eid)
                columns["lead"].append(lead)
                for name in (*OF_ALL_LEADS, *OF_A_LEAD):
                    columns[name].append(self._counted(name, values.get(name, np.nan)))
        schema = {"eid": pl.String, "lead": pl.String} | dict.fromkeys((*OF_ALL_LEADS, *OF_A_LEAD), pl.Float64)
        return Features(pl.DataFrame(columns, schema=schema).with_columns(pl.col(pl.Float64).fill_nan(None)))

    def _counted(self, name: str, value: float) -> float:
        if name not in self.centres or np.isnan(value):
            return value
        return float(around(np.array(value), self.centres[name]))

    def decode(self, features: Features) -> None:
        """Measurements do not hold the beat."""
        return None

    def save(self, folder: Path) -> None:
        """encoder.json: options and centres."""
        about = {"options": self.options.model_dump(mode="json"), "centres": self.centres}
        (folder / "encoder.json").write_text(json.dumps(about, indent=1, sort_keys=True))


def fit(
    options: Intervals, signals: Signals, *, seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent
) -> IntervalsEncoder:
    """The encoder whose angles are counted around these people's mean directions (of a thousand of them, evenly chosen).

    `seed` and `scratch` are not needed.
    """
    some = np.unique(np.linspace(0, len(signals) - 1, min(len(signals), ENOUGH), dtype=np.int64))
    with one_thread():
        measured = [measure(signals, int(i)) for i in track(some, f"{options.name}: axes", len(some))]
    angles = {name: np.array([of_leads[ALL_LEADS][name] for of_leads in measured]) for name in AXES}
    return IntervalsEncoder(options, {name: round(circular_mean_deg(values), 6) for name, values in angles.items()})


def meanings(_: Intervals) -> dict[str, str]:
    """Measurement -> what it is, with its unit."""
    measured = {**OF_A_LEAD, **OF_ALL_LEADS}
    return {name: f"{about.meaning} ({about.unit})" for name, about in measured.items()}


def traits_of(_: Intervals) -> int:
    """Every measurement of a lead in every lead, and those of all leads together."""
    return len(LEADS) * len(OF_A_LEAD) + len(OF_ALL_LEADS)


def work(_: Intervals, given: Given) -> Work:
    """Everybody measured."""
    return Work({"intervals_person": given.encoded})


def load(folder: Path) -> IntervalsEncoder:
    """The encoder that `save` wrote."""
    about = json.loads((folder / "encoder.json").read_text())
    return IntervalsEncoder(Intervals.model_validate(about["options"]), about["centres"])


def measure(signals: Signals, person: int) -> dict[str, Measured]:
    """Lead (12L first) -> measurement -> value; NaN where it could not be measured.

    Raises ValueError where the signals' fiducial points have not been found.
    """
    rhythm = measurements.rhythm(signals.r_samples[person], signals.normal[person], signals.rate_hz)
    rr_ms = 60_000.0 / rhythm["heart_rate_bpm"]
    median = np.asarray(signals.beats[person], dtype=np.float64)[INDEPENDENT]
    beats, normal = single_beats(signals, person)
    found = Fiducials(*map(float, signals.beat_fiducials_ms[person]))
    each = each_beat(beats[normal], normal[normal], median_beat(signals, person), found, signals.beat_times_ms)
    beat = _zeroed(median, signals.beat_times_ms, found)
    by_lead = measurements.of_leads(beat)
    whole = rhythm | measurements.times(beat, rr_ms, each) | measurements.directions(beat) | measurements.sizes(beat, by_lead)
    unusable = signals.without_features[person][INDEPENDENT]
    return measurements.without({ALL_LEADS: whole, **by_lead}, unusable)


def _zeroed(median: Floats, times_ms: Floats, found: Fiducials) -> Beat:
    smooth = gaussian_filter1d(median, SMOOTH_MS / (times_ms[1] - times_ms[0]), axis=1)
    before = (times_ms >= found.qrs_on - ZERO_MS) & (times_ms <= found.qrs_on)
    zero = smooth[:, before].mean(axis=1, keepdims=True) if before.any() else np.zeros((len(smooth), 1))
    return Beat(smooth - zero, times_ms, found)
