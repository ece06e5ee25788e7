"""Simulated diseases and measurements that depend on true parameters of the ECG, with follow-up and censoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.simulate.files import write_table
from ecgwas.simulate.heart import Hearts

Dates = NDArray[np.datetime64]

END = np.datetime64("2022-10-31", "D")
"""Diagnoses are complete until then."""
FIRST_ECG, ECG_DAYS = np.datetime64("2010-01-01", "D"), 4 * 365
DAYS_PER_YEAR = 365.25
SHAPE, SCALE_YEARS = 6.0, 72.0
"""Weibull distribution of the age at diagnosis: 20 % by 56 years, 45 % by 66."""
DEATH_RATE = 0.01
"""Deaths per year."""


@dataclass(frozen=True)
class PlantedOutcome:
    """An outcome that depends on a parameter: effect per SD of it, as log odds ratio, log hazard ratio, or in `unit`."""

    outcome: str
    analysis: str
    parameter: str
    effect: float
    unit: str


PLANTED = (
    PlantedOutcome("conduction_disease", "binary", "pr_ms", 0.9, "log odds ratio"),
    PlantedOutcome("arrhythmia", "incident", "qt_ms", 0.8, "log hazard ratio"),
    PlantedOutcome("lv_mass_g", "numeric", "r_uv", 15.0, "g"),
)
"""myopia, eczema and vital_capacity_l depend on no parameter."""
MALE_EFFECT, AGE_EFFECT = 0.4, 0.3
"""Of being male, and of 8 years of age, on every log odds and log hazard."""


@dataclass(frozen=True)
class SimulatedOutcomes:
    """Outcomes of N participants.

    ecg, birth, death  (N,) datetime64[D], NaT if alive;  onset: name -> (N,) day of diagnosis, NaT by END or death without one
    diseases           name -> (N,) bool;  measurements: name -> (N,) float64
    """

    ecg: Dates
    birth: Dates
    death: Dates
    onset: dict[str, Dates]
    diseases: dict[str, NDArray[np.bool_]]
    measurements: dict[str, NDArray[np.float64]]


def draw_outcomes(
    hearts: Hearts, age: NDArray[np.int64], male: NDArray[np.bool_], rng: np.random.Generator
) -> SimulatedOutcomes:  # fmt: skip
    """Outcomes of N participants of this age at the ECG, in years, and sex.

    A disease at the ECG has log odds, one in the course of life a Weibull hazard over age, that depend on a parameter, sex and
    (log odds) age; measurements depend on a parameter and sex, with normal noise.
    """
    people = len(age)
    by_parameter = {one.outcome: one.effect * _standardised(hearts, one.parameter) for one in PLANTED}
    shared = MALE_EFFECT * (male - male.mean())
    ecg = FIRST_ECG + rng.integers(0, ECG_DAYS, people).astype("timedelta64[D]")
    birth = ecg - np.rint((age + rng.random(people)) * DAYS_PER_YEAR).astype("timedelta64[D]")
    death = ecg + np.ceil(rng.exponential(1 / DEATH_RATE, people) * DAYS_PER_YEAR).astype("timedelta64[D]")
    death = np.where(death <= END, death, np.datetime64("NaT", "D"))
    last = np.fmin(death, END)
    onset = {}
    for name in ("arrhythmia", "eczema"):
        log_hazard = shared + by_parameter.get(name, 0.0)
        years = SCALE_YEARS * (rng.exponential(1.0, people) / np.exp(log_hazard)) ** (1 / SHAPE)
        day = birth + np.ceil(years * DAYS_PER_YEAR).astype("timedelta64[D]")
        onset[name] = np.where(day <= last, day, np.datetime64("NaT", "D"))
    diseases = {}
    for name in ("conduction_disease", "myopia"):
        log_odds = shared + AGE_EFFECT * (age - 56) / 8 + by_parameter.get(name, 0.0) - 0.5
        diseases[name] = rng.random(people) < 1 / (1 + np.exp(-log_odds))
    measurements = {
        "lv_mass_g": 110 + 30 * male + by_parameter["lv_mass_g"] + rng.normal(0, 20, people),
        "vital_capacity_l": 3.2 + 1.1 * male + rng.normal(0, 0.6, people),
    }
    return SimulatedOutcomes(ecg, birth, death, onset, diseases, measurements)


def _standardised(hearts: Hearts, parameter: str) -> NDArray[np.float64]:
    values = hearts[parameter]
    return np.asarray((values - values.mean()) / values.std())


def write_outcomes(folder: Path, eids: Sequence[str], drawn: SimulatedOutcomes) -> None:
    """Writes the tables of section `outcomes` below `folder`/outcomes, and outcomes_truth.tsv."""
    place = folder / "outcomes"
    place.mkdir(exist_ok=True)
    dates = {"ecg_date": drawn.ecg, "birth_date": drawn.birth, "end_date": np.full(len(eids), END), "death_date": drawn.death}
    _write(place / "follow_up.tsv", eids, dates)
    _write(place / "first_occurrences.tsv", eids, drawn.onset)
    _write(place / "diseases.tsv", eids, {name: values.astype(int) for name, values in drawn.diseases.items()})
    _write(place / "measurements.tsv", eids, {name: np.round(values, 2) for name, values in drawn.measurements.items()})
    truth = [(one.outcome, one.analysis, one.parameter, one.effect, one.unit) for one in PLANTED]
    write_table(folder / "outcomes_truth.tsv", ["outcome", "analysis", "parameter", "effect", "unit"], truth)


def _write(path: Path, eids: Sequence[str], columns: Mapping[str, NDArray[Any]]) -> None:
    cells = [["" if str(value) == "NaT" else str(value) for value in values] for values in columns.values()]
    write_table(path, ["eid", *columns], [list(row) for row in zip(eids, *cells, strict=True)])
