"""Hearts: the parameters that determine an ECG, each with mean, SD, bounds, and effects of age and sex.

A heart has 36 parameters and eight lead vectors. The parameters depend on age, sex and planted alleles; QT depends on the heart
rate. Means and SDs are roughly those of middle-aged people; no disease is simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.errors import first_few
from ecgwas.leads import DOWER


@dataclass(frozen=True)
class Parameter:
    """One parameter of a heart: normally distributed with `mean` and `sd`, clipped to `low` and `high`.

    `per_age` is the change per SD of age, and `male` the difference of men from women, both in SDs of the parameter.
    """

    mean: float
    sd: float
    low: float
    high: float
    unit: str
    meaning: str
    per_age: float = 0.0
    male: float = 0.0


PARAMETERS: Mapping[str, Parameter] = {
    "hr_bpm": Parameter(66, 8, 45, 105, "bpm", "mean heart rate", male=-0.3),
    "rr_sd_ms": Parameter(28, 9, 5, 80, "ms", "spread of the RR intervals", per_age=-0.3),
    "pr_ms": Parameter(164, 16, 130, 260, "ms", "P onset to QRS onset", per_age=0.2, male=0.3),
    "p_ms": Parameter(104, 7, 80, 125, "ms", "duration of P", per_age=0.2, male=0.2),
    "qrs_ms": Parameter(92, 8, 68, 140, "ms", "duration of QRS", male=0.6),
    "qt_ms": Parameter(400, 15, 300, 520, "ms", "QRS onset to T end, at the mean heart rate", per_age=0.2, male=-0.5),
    "t_ms": Parameter(39, 3, 28, 52, "ms", "width of T: mean of its two Gaussian SDs"),
    "t_skew": Parameter(0.25, 0.06, 0.0, 0.45, "1", "asymmetry of T: how much wider its rise is than its mean width"),
    "p_uv": Parameter(130, 24, 50, 260, "uV", "magnitude of P"),
    "q_uv": Parameter(230, 60, 40, 520, "uV", "magnitude of the septal vector (Q in I and V6, R in V1)"),
    "r_uv": Parameter(1250, 230, 500, 2400, "uV", "magnitude of R", per_age=-0.1, male=0.3),
    "s_uv": Parameter(720, 160, 150, 1500, "uV", "magnitude of the terminal vector (S)", per_age=-0.1, male=0.4),
    "st_uv": Parameter(30, 18, -60, 120, "uV", "ST level, 60 ms after the end of QRS", male=0.7),
    "t_uv": Parameter(400, 85, 120, 900, "uV", "magnitude of T", per_age=-0.2, male=0.5),
    "u_uv": Parameter(25, 10, 0, 70, "uV", "magnitude of U"),
    "p_axis_deg": Parameter(55, 10, 15, 85, "deg", "frontal axis of P"),
    "qrs_axis_deg": Parameter(38, 17, -25, 95, "deg", "frontal axis of R", per_age=-0.4),
    "t_axis_deg": Parameter(30, 11, -10, 75, "deg", "frontal axis of T"),
    "q_axis_deg": Parameter(195, 12, 150, 240, "deg", "frontal axis of the septal vector"),
    "s_axis_deg": Parameter(205, 20, 140, 270, "deg", "frontal axis of the terminal vector"),
    "p_tilt_deg": Parameter(0, 9, -35, 35, "deg", "tilt of P out of the frontal plane, backward"),
    "qrs_tilt_deg": Parameter(18, 9, -15, 50, "deg", "tilt of R, backward"),
    "t_tilt_deg": Parameter(-38, 9, -70, -5, "deg", "tilt of T, backward (negative: forward)"),
    "q_tilt_deg": Parameter(-55, 9, -80, -25, "deg", "tilt of the septal vector"),
    "s_tilt_deg": Parameter(55, 9, 25, 80, "deg", "tilt of the terminal vector"),
    "r_time": Parameter(0.44, 0.02, 0.38, 0.50, "1", "place of R within QRS"),
    "r_width": Parameter(0.105, 0.008, 0.08, 0.13, "1", "SD of R as a share of QRS"),
    "p_delay": Parameter(0.34, 0.04, 0.2, 0.45, "1", "left after right atrium, as a share of P"),
    "u_delay_ms": Parameter(65, 8, 40, 100, "ms", "T end to the peak of U"),
    "resp_bpm": Parameter(15, 2, 9, 22, "1/min", "breaths"),
    "resp_gain": Parameter(0.04, 0.015, 0.0, 0.1, "1", "relative change of all waves with breath"),
    "resp_deg": Parameter(3.0, 1.2, 0.0, 8.0, "deg", "turn of the frontal axis with breath"),
    "white_uv": Parameter(5, 2, 1, 15, "uV", "SD of white noise"),
    "muscle_uv": Parameter(8, 4, 0, 30, "uV", "SD of muscle noise"),
    "mains_uv": Parameter(3, 1.5, 0, 10, "uV", "amplitude of the 50 Hz mains"),
    "wander_uv": Parameter(70, 35, 0, 250, "uV", "SD of the baseline's wander"),
}  # fmt: skip
"""Axes: 0 deg points left (lead I), 90 deg down (aVF). Tilt: positive is towards the back."""

QT_PER_RR = 0.154
"""Change of QT with RR, ms per ms: the linear (Framingham) relation, Sagie et al., Am J Cardiol 70:797 (1992)."""

LEAD_VECTORS = DOWER
"""(8, 3): each independent lead's view of the heart vector, before differences between people."""

LEAD_SPREAD = 0.04
"""SD of each entry of the lead vectors between people, whose electrode positions and torsos differ."""


@dataclass(frozen=True)
class Hearts:
    """values (N, P) float64, columns in the order of PARAMETERS, nothing missing; lead_vectors (N, 8, 3) float64, µV per µV."""

    values: NDArray[np.float64]
    lead_vectors: NDArray[np.float64]

    def __post_init__(self) -> None:
        people = len(self.values)
        if self.values.shape != (people, len(PARAMETERS)) or self.lead_vectors.shape != (people, 8, 3):
            raise ValueError(f"values {self.values.shape} and lead vectors {self.lead_vectors.shape} do not fit")

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """(N,) one parameter of everybody."""
        column: NDArray[np.float64] = self.values[:, list(PARAMETERS).index(name)]
        return column

    def __iter__(self) -> Iterator[dict[str, float]]:
        """Each person's parameters by name."""
        return (self.person(i) for i in range(len(self)))

    def person(self, i: int) -> dict[str, float]:
        """The parameters of person i by name."""
        return dict(zip(PARAMETERS, self.values[i].tolist(), strict=True))


def draw_hearts(
    people: int,
    rng: np.random.Generator,
    *,
    age_sd: NDArray[np.float64] | None = None,
    male: NDArray[np.bool_] | None = None,
    shifts: Mapping[str, NDArray[np.float64]] | None = None,
) -> Hearts:
    """Hearts of `people` people.

    age_sd   (N,) age in SDs from the mean; None: everybody has the mean age
    male     (N,) bool; None: all are women
    shifts   parameter -> planted changes (N,) in its unit; an unknown parameter raises ValueError

    `qt_ms` is drawn for 60 beats per minute and then adjusted to the person's mean RR. P ends at least 15 ms before QRS.
    """
    shifts = shifts or {}
    check_names(shifts)
    age_sd = np.zeros(people) if age_sd is None else age_sd
    male = np.zeros(people, dtype=bool) if male is None else male
    columns: dict[str, NDArray[np.float64]] = {}
    for name, parameter in PARAMETERS.items():
        z = rng.standard_normal(people) + parameter.per_age * age_sd + parameter.male * male
        columns[name] = parameter.mean + parameter.sd * z + shifts.get(name, 0.0)
    return Hearts(_within_bounds(columns), LEAD_VECTORS + LEAD_SPREAD * rng.standard_normal((people, 8, 3)))


def second_visit(hearts: Hearts, rng: np.random.Generator, *, change: float = 0.25) -> Hearts:
    """The same people at a repeat visit: each parameter changes by `change` of its SD, and electrodes are placed again."""
    sds = np.array([parameter.sd for parameter in PARAMETERS.values()])
    moved = hearts.values + change * sds * rng.standard_normal(hearts.values.shape)
    lows = np.array([parameter.low for parameter in PARAMETERS.values()])
    highs = np.array([parameter.high for parameter in PARAMETERS.values()])
    placed = hearts.lead_vectors + change * LEAD_SPREAD * rng.standard_normal(hearts.lead_vectors.shape)
    return Hearts(np.clip(moved, lows, highs), placed)


def check_names(names: Mapping[str, object]) -> None:
    """Raises ValueError unless all are names of parameters."""
    unknown = sorted(set(names) - set(PARAMETERS))
    if unknown:
        raise ValueError(f"no such parameter: {first_few(unknown)}; there are {', '.join(PARAMETERS)}")


def _within_bounds(columns: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    columns["hr_bpm"] = _clipped("hr_bpm", columns)
    columns["qt_ms"] = columns["qt_ms"] + QT_PER_RR * (60_000 / columns["hr_bpm"] - 1000)
    columns["p_ms"] = np.minimum(columns["p_ms"], _clipped("pr_ms", columns) - 15)
    return np.stack([_clipped(name, columns) for name in PARAMETERS], axis=1)


def _clipped(name: str, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.clip(columns[name], PARAMETERS[name].low, PARAMETERS[name].high)
