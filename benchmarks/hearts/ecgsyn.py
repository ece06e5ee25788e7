"""ECGSYN, the dynamical model of McSharry, Clifford, Tarassenko and Smith, IEEE Trans Biomed Eng 50:289 (2003), with dipoles.

The heart runs on the unit circle, one turn for each RR interval. At fixed angles it passes five attractors (P, Q, R, S, T),
which push a third coordinate up or down (equation 1):

    x' = alpha x - omega y,  y' = alpha y + omega x,  alpha = 1 - sqrt(x^2 + y^2)
    z' = - sum_i a_i d_i exp(-d_i^2 / (2 b_i^2)) - (z - z0),  d_i = (theta - theta_i) mod 2 pi

Here z is a vector: each attractor pushes in a direction of its own, so that twelve leads differ (as in Sameni et al., EURASIP
J Adv Signal Process 2007:043407). Signs are those of the directions. Since alpha acts along the radius only, theta' = omega
everywhere; `recorded_vector` therefore integrates the angle and the linear equation of z without x and y (closed form).
Mean angles, strengths a and widths b are those of the paper's Table I. Angles and widths are multiplied by sqrt(rate/60), so
that QT follows Bazett's relation between people; parameters are those at 60 beats per minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from benchmarks.hearts.model import RATE_HZ, SAMPLES, SECONDS
from benchmarks.hearts.rhythms import LONG_S, STEP_S, rr_series
from ecgwas.simulate import PARAMETERS as OWN
from ecgwas.simulate import Parameter
from ecgwas.simulate.waves import direction

Floats = NDArray[np.float64]
Heart = Mapping[str, float]

WAVES = ("p", "q", "r", "s", "t")
_TABLE = {"p": (-60, 1.2, 0.25), "q": (-15, 5.0, 0.1), "r": (0, 30.0, 0.1), "s": (15, 7.5, 0.1), "t": (90, 0.75, 0.4)}
"""Table I: angle in degrees, |a|, b in radians."""
_ANGLE_SD = {"p": 6.0, "q": 1.5, "s": 1.5, "t": 8.0}
_DIRECTIONS = {"p": "p", "q": "q", "r": "qrs", "s": "s", "t": "t"}
"""Wave -> the wave of `ecgwas.simulate` whose direction it has."""


def _parameters() -> dict[str, Parameter]:
    found = {name: OWN[name] for name in ("hr_bpm", "rr_sd_ms")}
    for wave in WAVES:
        angle, strength, width = _TABLE[wave]
        if wave in _ANGLE_SD:
            sd = _ANGLE_SD[wave]
            found[f"{wave}_angle_deg"] = Parameter(angle, sd, angle - 3 * sd, angle + 3 * sd, "deg", f"angle of {wave} after R")
        found[f"{wave}_strength"] = Parameter(strength, 0.2 * strength, 0.4 * strength, 2 * strength, "1", f"|a| of {wave}")
        found[f"{wave}_width_rad"] = Parameter(width, 0.12 * width, 0.6 * width, 1.5 * width, "rad", f"b of {wave}")
        for angle_name in ("axis_deg", "tilt_deg"):
            found[f"{wave}_{angle_name}"] = OWN[f"{_DIRECTIONS[wave]}_{angle_name}"]
    return found | {name: OWN[name] for name in ("resp_bpm", "white_uv", "muscle_uv", "mains_uv", "wander_uv")}


PARAMETERS: Mapping[str, Parameter] = _parameters()
UV_PER_UNIT = 1250.0 / (30.0 * 0.1**2 / (2 * np.pi))
"""Makes the R of the mean heart 1,250 µV: at the peak, z is nearly a b^2 / omega."""
BASELINE_UV = 150.0
"""Amplitude of z0, which follows breathing: the paper's 0.15 mV; along the body's axis."""
BURN_IN_S = 6.0
"""The equation of z forgets its start with a time constant of one second."""
ONSET_WIDTHS, T_END_WIDTHS = 2.2, 2.0
"""P and QRS begin and end so many widths b from the outermost peak, T where its steepest tangent crosses zero."""


@dataclass(frozen=True)
class Attractors:
    """angles_rad, widths_rad (5,) at the person's heart rate; pushes (5, 3): strength times direction, in model units."""

    angles_rad: Floats
    widths_rad: Floats
    pushes: Floats

    @classmethod
    def of(cls, heart: Heart) -> Attractors:
        """The attractors of a heart, in the order of WAVES."""
        scale = np.sqrt(heart["hr_bpm"] / 60)
        angles = np.deg2rad([heart.get(f"{wave}_angle_deg", 0.0) for wave in WAVES])
        pushes = [heart[f"{wave}_strength"] * direction(heart[f"{wave}_axis_deg"], heart[f"{wave}_tilt_deg"]) for wave in WAVES]
        return cls(scale * angles, scale * np.array([heart[f"{wave}_width_rad"] for wave in WAVES]), np.stack(pushes))

    def push(self, theta: Floats) -> Floats:
        """(T, 3) - sum_i a_i d_i exp(-d_i^2 / (2 b_i^2)) at the angles theta (T,)."""
        away = np.angle(np.exp(1j * (theta[:, None] - self.angles_rad)))
        pushed: Floats = -(away * np.exp(-0.5 * (away / self.widths_rad) ** 2)) @ self.pushes
        return pushed


def derivative(state: Floats, omega: float, attractors: Attractors, z0: Floats) -> Floats:
    """(5,) time derivative of the state x, y, z (three components): the paper's equation 1. z0 (3,), in model units."""
    x, y = state[:2]
    alpha = 1 - np.hypot(x, y)
    pushed = attractors.push(np.array([np.arctan2(y, x)]))[0]
    return np.concatenate([[alpha * x - omega * y, alpha * y + omega * x], pushed - (state[2:] - z0)])


def vector(attractors: Attractors, theta: Floats, z0: Floats, step_s: float) -> Floats:
    """(T, 3) z in model units at equal steps, from the angle theta (T,) and z0 (T, 3); begins at z0.

    The linear equation is integrated exactly for a force that changes linearly within a step (to second order in the step).
    """
    force = attractors.push(theta) + z0
    decay = np.exp(-step_s)
    now, before = (1 - (1 - decay) / step_s), ((1 - decay) / step_s - decay)
    driven = np.zeros_like(force)
    driven[1:] = now * force[1:] + before * force[:-1]
    driven[0] = z0[0]
    return np.asarray(lfilter([1.0], [1.0, -decay], driven, axis=0))


def recorded_vector(heart: Heart, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Heart vector (S, 3) µV of ten seconds; R peaks (B,) s, some before and after; fiducial points (B, 7) ms."""
    attractors = Attractors.of(heart)
    times = np.arange(-round(BURN_IN_S * RATE_HZ), SAMPLES + round(3 * RATE_HZ)) / RATE_HZ
    series = rr_series(60 / heart["hr_bpm"], heart["rr_sd_ms"] / 1000, heart["resp_bpm"] / 60, rng)
    starts = STEP_S * np.arange(len(series) + 1)
    rr_s = np.interp((times + rng.uniform(0, LONG_S)) % LONG_S, starts, np.append(series, series[0]))
    theta = rng.uniform(0, 2 * np.pi) + np.cumsum(2 * np.pi / rr_s) / RATE_HZ
    breath = np.sin(2 * np.pi * heart["resp_bpm"] / 60 * times + rng.uniform(0, 2 * np.pi))
    z0 = BASELINE_UV / UV_PER_UNIT * breath[:, None] * np.array([0.0, 1.0, 0.0])
    z = UV_PER_UNIT * vector(attractors, theta, z0, 1 / RATE_HZ)
    first = round(BURN_IN_S * RATE_HZ)
    turns = 2 * np.pi * np.arange(np.ceil(theta[0] / (2 * np.pi)) + 1, np.floor(theta[-1] / (2 * np.pi)))
    r_s = np.interp(turns, theta, times)
    found = np.interp(turns[:, None] + angles_of_points(attractors), theta, times) * 1000
    near = (r_s > -1) & (r_s < SECONDS + 1)
    return z[first : first + SAMPLES], r_s[near], found[near]


def angles_of_points(attractors: Attractors) -> Floats:
    """(7,) angles of the fiducial points after R, rad."""
    p, q, _, s, t = attractors.angles_rad
    p_width, q_width, _, s_width, t_width = attractors.widths_rad
    return np.array([
        p - ONSET_WIDTHS * p_width, p, p + ONSET_WIDTHS * p_width, q - ONSET_WIDTHS * q_width, s + ONSET_WIDTHS * s_width,
        t, t + T_END_WIDTHS * t_width,
    ])  # fmt: skip
