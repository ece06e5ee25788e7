"""Kind `intervals`: rate, intervals, axes and amplitudes, measured by delineating the median beat on all leads together.

Only the mean direction of each axis in the cohort is learned: angles are counted from it, so that similar directions do not
differ by 360 degrees. Measurements of an absent wave are missing.
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
from ecgwas.delineation.measurements import AXES, GLOBAL_MEASUREMENTS, LEAD_MEASUREMENTS, DelineatedBeat, Values
from ecgwas.delineation.single_beats import fiducials_of_beats, median_beat, single_beats, single_threaded_blas
from ecgwas.delineation.vectorcardiogram import around, circular_mean_deg
from ecgwas.leads import ALL_LEADS, INDEPENDENT, LEADS
from ecgwas.progress import silent
from ecgwas.represent.reliability.reconstruction import ERRORS_SCHEMA, HISTORY_SCHEMA
from ecgwas.represent.work import CohortSize, Work
from ecgwas.signals import Signals
from ecgwas.study import Intervals
from ecgwas.tables import Features

Floats = NDArray[np.float64]

AXIS_SAMPLE = 1000
"""Participants from whom the axes' mean directions are taken."""
ZERO_MS = 8.0
"""The zero of a lead is its mean over this time before QRS."""
SMOOTH_MS = 2.5
"""SD of the Gaussian that smooths the beat before amplitudes are measured."""


@dataclass(frozen=True)
class IntervalsEncoder:
    """Measures beats; `centres`: axis -> its mean direction in the cohort, degrees."""

    options: Intervals
    centres: dict[str, float]

    @property
    def history(self) -> pl.DataFrame:
        """No rows: nothing is trained."""
        return pl.DataFrame(schema=HISTORY_SCHEMA)

    @property
    def errors(self) -> pl.DataFrame:
        """No rows: measurements do not reconstruct a beat."""
        return pl.DataFrame(schema=ERRORS_SCHEMA)

    def encode(self, signals: Signals) -> Features:
        """A row for 12L (rhythm, durations, angles, voltages) and one for each of the eight independent leads (amplitudes)."""
        return self.features(signals.eids, _measured(signals, np.arange(len(signals))))

    def features(self, eids: tuple[str, ...], measured: list[dict[str, Values]]) -> Features:
        """Features from each participant's measurements by `measure`."""
        names = (*GLOBAL_MEASUREMENTS, *LEAD_MEASUREMENTS)
        columns: dict[str, list[Any]] = {name: [] for name in ("eid", "lead", *names)}
        for eid, by_lead in zip(eids, measured, strict=True):
            for lead, values in by_lead.items():
                columns["eid"].append(eid)
                columns["lead"].append(lead)
                for name in names:
                    columns[name].append(self._around_centre(name, values.get(name, np.nan)))
        schema = {"eid": pl.String, "lead": pl.String} | dict.fromkeys(names, pl.Float64)
        return Features(pl.DataFrame(columns, schema=schema).with_columns(pl.col(pl.Float64).fill_nan(None)))

    def _around_centre(self, name: str, value: float) -> float:
        if name not in self.centres or np.isnan(value):
            return value
        return float(around(np.array(value), self.centres[name]))

    def decode(self, features: Features) -> None:
        """None: a beat cannot be drawn from measurements."""
        return None

    def save(self, folder: Path) -> None:
        """encoder.json: options and centres."""
        about = {"options": self.options.model_dump(mode="json"), "centres": self.centres}
        (folder / "encoder.json").write_text(json.dumps(about, indent=1, sort_keys=True))


def fit(
    options: Intervals, signals: Signals, *, seed: int, scratch: Path | None = None, track: Callable[..., Any] = silent
) -> IntervalsEncoder:
    """The encoder whose angles are counted around the mean directions of these participants (1,000 of them, evenly spaced).

    `seed` and `scratch` are not used.
    """
    return _around_mean_directions(options, _measured(signals, _axis_sample(len(signals)), f"{options.name}: axes", track))


def fit_and_encode(options: Intervals, signals: Signals) -> tuple[IntervalsEncoder, Features]:
    """The encoder that `fit` returns, and these participants' features; each participant is measured once."""
    measured = _measured(signals, np.arange(len(signals)))
    encoder = _around_mean_directions(options, [measured[i] for i in _axis_sample(len(signals))])
    return encoder, encoder.features(signals.eids, measured)


def _measured(
    signals: Signals, participants: NDArray[np.int64], label: str = "", track: Callable[..., Any] = silent
) -> list[dict[str, Values]]:
    with single_threaded_blas():
        return [measure(signals, int(i)) for i in track(participants, label, len(participants))]


def _axis_sample(count: int) -> NDArray[np.int64]:
    """Evenly spaced indices of at most AXIS_SAMPLE of `count` participants."""
    return np.unique(np.linspace(0, count - 1, min(count, AXIS_SAMPLE), dtype=np.int64))


def _around_mean_directions(options: Intervals, measured: list[dict[str, Values]]) -> IntervalsEncoder:
    """The encoder whose angles are counted around the mean directions of the participants measured."""
    axes = {name: np.array([by_lead[ALL_LEADS][name] for by_lead in measured]) for name in AXES}
    return IntervalsEncoder(options, {name: round(circular_mean_deg(values), 6) for name, values in axes.items()})


def meanings(_: Intervals) -> dict[str, str]:
    """Measurement -> what it is, with its unit."""
    measured = {**LEAD_MEASUREMENTS, **GLOBAL_MEASUREMENTS}
    return {name: f"{about.meaning} ({about.unit})" for name, about in measured.items()}


def units(_: Intervals) -> dict[str, str]:
    """Measurement -> its unit."""
    return {name: about.unit for name, about in {**LEAD_MEASUREMENTS, **GLOBAL_MEASUREMENTS}.items()}


def traits_of(_: Intervals) -> int:
    """Measurements of a lead times leads, and those of all leads together."""
    return len(LEADS) * len(LEAD_MEASUREMENTS) + len(GLOBAL_MEASUREMENTS)


def work(_: Intervals, size: CohortSize) -> Work:
    """One measurement per recording."""
    return Work({"intervals_person": size.encoded})


def load(folder: Path) -> IntervalsEncoder:
    """The encoder that `save` wrote."""
    about = json.loads((folder / "encoder.json").read_text())
    return IntervalsEncoder(Intervals.model_validate(about["options"]), about["centres"])


def measure(signals: Signals, participant: int) -> dict[str, Values]:
    """Lead (12L first) -> measurement -> value; NaN where it could not be measured.

    Raises ValueError if the signals' fiducial points have not been found.
    """
    rhythm = measurements.rhythm(signals.r_samples[participant], signals.normal[participant], signals.rate_hz)
    rr_ms = 60_000.0 / rhythm["heart_rate_bpm"]
    fiducials = Fiducials(*map(float, signals.beat_fiducials_ms[participant]))
    cut, normal = single_beats(signals, participant)
    median = median_beat(signals, participant)
    of_beats = fiducials_of_beats(cut[normal], normal[normal], median, fiducials, signals.beat_times_ms)
    own_leads = np.asarray(signals.beats[participant], dtype=np.float64)[INDEPENDENT]
    beat = _zeroed(own_leads, signals.beat_times_ms, fiducials)
    amplitudes = measurements.lead_amplitudes(beat)
    of_all_leads = rhythm | measurements.durations(beat, rr_ms, of_beats) | measurements.angles(beat)
    of_all_leads |= measurements.voltages(beat, amplitudes, rr_ms)
    unusable = signals.without_features[participant][INDEPENDENT]
    return measurements.without_unusable_leads({ALL_LEADS: of_all_leads, **amplitudes}, unusable)


def _zeroed(median: Floats, times_ms: Floats, fiducials: Fiducials) -> DelineatedBeat:
    """The smoothed beat less its mean just before QRS, lead by lead."""
    smooth = gaussian_filter1d(median, SMOOTH_MS / (times_ms[1] - times_ms[0]), axis=1)
    before_qrs = (times_ms >= fiducials.qrs_on - ZERO_MS) & (times_ms <= fiducials.qrs_on)
    zero = smooth[:, before_qrs].mean(axis=1, keepdims=True) if before_qrs.any() else np.zeros((len(smooth), 1))
    return DelineatedBeat(smooth - zero, times_ms, fiducials)
