"""Beats of various shapes, built on the waves of `ecgwas.simulate`, with their fiducial points.

A wave begins and ends where `ecgwas.simulate` defines it: P and QRS about 2.2 SDs from the outermost peaks, T where its
steepest tangent crosses zero (for a sech wave 2.05 SDs after its peak instead of 2; the point is not moved).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecgwas.simulate.waves import Waves, direction, ectopic_waves, normal_waves, qt_seconds

Floats = NDArray[np.float64]
Heart = Mapping[str, float]

ATRIA = (0, 1)
SEPTUM, R, S, ST, T, U = range(2, 8)
"""Places of the waves in `normal_waves`."""
SECH_PER_GAUSSIAN = np.sqrt(2 * np.log(2)) / np.arccosh(2)
"""Scale of a sech wave over the SD of the Gaussian of the same width at half height."""


@dataclass(frozen=True)
class Beat:
    """waves: Gaussian waves, s from the beat's origin;  points_ms (7,): FIDUCIAL_POINTS, ms from the origin, NaN if absent;
    spike_ms: time of a pacing spike, NaN if none."""

    waves: Waves
    points_ms: Floats
    spike_ms: float = float("nan")


@dataclass(frozen=True)
class Shape:
    """How a wave rises, falls and turns.

    sech      hyperbolic secants instead of Gaussians, of the same width at half height: longer tails
    turn_deg  the dipole turns by up to this angle on either side of its direction at the peak, in the plane plane_deg
    """

    sech: bool = False
    turn_deg: float = 0.0
    plane_deg: float = 0.0

    def dipole(self, waves: Waves, times_s: Floats) -> Floats:
        """(T, 3) µV of waves at times counted from their origin."""
        away = times_s[:, None] - waves.centres
        widths = away / np.where(away < 0, waves.rises, waves.falls)
        heights = 1 / np.cosh(np.clip(widths / SECH_PER_GAUSSIAN, -50, 50)) if self.sech else np.exp(-0.5 * widths**2)
        if self.turn_deg == 0:
            return np.asarray(heights @ waves.dipoles)
        angles = np.deg2rad(self.turn_deg) * np.tanh(widths)
        across = _across(waves.dipoles, self.plane_deg)
        return np.asarray((heights * np.cos(angles)) @ waves.dipoles + (heights * np.sin(angles)) @ across)


def _across(dipoles: Floats, plane_deg: float) -> Floats:
    """(W, 3) vectors perpendicular to the dipoles and as long, at an angle around them."""
    lengths = np.linalg.norm(dipoles, axis=1, keepdims=True)
    units = dipoles / np.maximum(lengths, 1e-12)
    first = np.cross(units, [0.36, 0.48, 0.8])
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
    angle = np.deg2rad(plane_deg)
    across: Floats = lengths * (np.cos(angle) * first + np.sin(angle) * np.cross(units, first))
    return across


Build = Callable[[Heart, float], Beat]


def normal(heart: Heart, rr_s: float) -> Beat:
    """A conducted beat after an RR interval of rr_s."""
    qt_s = qt_seconds(heart, rr_s)
    return Beat(normal_waves(heart, qt_s), points(heart, qt_s))


def points(heart: Heart, qt_s: float) -> Floats:
    """(7,) fiducial points of a conducted beat, ms from QRS onset. P's peak is the middle of P."""
    t_fall = heart["t_ms"] * (1 - heart["t_skew"])
    p_on = -heart["pr_ms"]
    return np.array([
        p_on, p_on + heart["p_ms"] / 2, p_on + heart["p_ms"], 0.0, heart["qrs_ms"], 1000 * qt_s - 2 * t_fall, 1000 * qt_s
    ])  # fmt: skip


def without_p(build: Build) -> Build:
    """The same beat without P."""

    def beat(heart: Heart, rr_s: float) -> Beat:
        whole = build(heart, rr_s)
        absent = np.where(np.arange(len(whole.points_ms)) < 3, np.nan, whole.points_ms)
        return replace(whole, waves=_scaled(whole.waves, dict.fromkeys(ATRIA, 0.0)), points_ms=absent)

    return beat


def notched(heart: Heart, rr_s: float) -> Beat:
    """A beat with a notch of notch_uv on the downslope of R: a deflection opposite to R."""
    whole = normal(heart, rr_s)
    notch = -heart["notch_uv"] * direction(heart["qrs_axis_deg"], heart["qrs_tilt_deg"])
    at = whole.waves.r_centre + 0.14e-3 * heart["qrs_ms"]
    return replace(whole, waves=_plus(whole.waves, at, 0.004, 0.004, notch))


def late_r(heart: Heart, rr_s: float) -> Beat:
    """A beat with a late r' in V1 of r_prime_uv: terminal forces to the right and forward, within QRS (crista pattern)."""
    whole, qrs = normal(heart, rr_s), 1e-3 * heart["qrs_ms"]
    late = heart["r_prime_uv"] * direction(185.0, -55.0)
    return replace(whole, waves=_plus(whole.waves, 0.87 * qrs, 0.055 * qrs, 0.055 * qrs, late))


def j_waves(heart: Heart, rr_s: float) -> Beat:
    """A beat with a J wave of j_uv in the direction of R, which begins at the end of QRS."""
    whole = normal(heart, rr_s)
    j = heart["j_uv"] * direction(heart["qrs_axis_deg"], heart["qrs_tilt_deg"])
    return replace(whole, waves=_plus(whole.waves, 1e-3 * heart["qrs_ms"] + 0.012, 0.006, 0.010, j))


def right_bundle_branch_block(heart: Heart, rr_s: float) -> Beat:
    """Normal septum and left ventricle in the first 60 % of QRS, then slow forces of r_prime_uv to the right and forward."""
    qrs, qt_s = 1e-3 * heart["qrs_ms"], qt_seconds(heart, rr_s)
    waves = normal_waves({**heart, "qrs_ms": 0.6 * heart["qrs_ms"]}, qt_s)
    waves = _moved(_scaled(waves, {S: 0.5}), {ST: qrs + 0.06})
    late = heart["r_prime_uv"] * direction(190.0, -45.0)
    return Beat(_plus(waves, 0.75 * qrs, 0.11 * qrs, 0.11 * qrs, late), points(heart, qt_s))


def left_bundle_branch_block(heart: Heart, rr_s: float) -> Beat:
    """A broad, slurred R in three parts, first to the left, later also to the back, without septal Q and without S."""
    qrs, qt_s = 1e-3 * heart["qrs_ms"], qt_seconds(heart, rr_s)
    waves = _scaled(normal_waves(heart, qt_s), {SEPTUM: 0.0, R: 0.0, S: 0.0})
    for place, sd, share, tilt in ((0.26, 0.11, 0.8, 0.0), (0.50, 0.12, 0.7, 20.0), (0.74, 0.11, 0.85, 40.0)):
        r = share * heart["r_uv"] * direction(heart["qrs_axis_deg"], heart["qrs_tilt_deg"] + tilt)
        waves = _plus(waves, place * qrs, sd * qrs, sd * qrs, r)
    return Beat(replace(waves, r_centre=0.5 * qrs), points(heart, qt_s))


def paced(heart: Heart, rr_s: float) -> Beat:
    """A beat paced from the apex of the right ventricle: a spike at QRS onset, a broad QRS, no P."""
    return replace(without_p(left_bundle_branch_block)(heart, rr_s), spike_ms=-2.0)


def pre_excited(heart: Heart, rr_s: float) -> Beat:
    """A beat whose ventricles are activated delta_ms early over an accessory pathway: a slow delta wave that begins before
    QRS and merges with R.

    pr_ms, qrs_ms and qt_ms count from the onset of the delta wave.
    """
    delta = heart["delta_ms"]
    conducted = {
        **heart, "pr_ms": heart["pr_ms"] + delta, "qrs_ms": heart["qrs_ms"] - delta, "qt_ms": heart["qt_ms"] - delta,
    }  # fmt: skip
    qt_s = qt_seconds(conducted, rr_s)
    waves = normal_waves(conducted, qt_s)
    slow = heart["delta_uv"] * direction(heart["qrs_axis_deg"] - 30, heart["qrs_tilt_deg"] - 20)
    waves = _plus(_scaled(waves, {SEPTUM: 0.3}), 0.02, (1e-3 * delta + 0.02) / 2.2, 0.015, slow)
    found = points(conducted, qt_s)
    found[3] = -delta
    return Beat(waves, found)


def ventricular(heart: Heart, rr_s: float) -> Beat:
    """A premature ventricular beat, as in `ecgwas.simulate`: no P."""
    qt_s = qt_seconds(heart, rr_s)
    waves = ectopic_waves(heart, qt_s)
    t_off = 1000 * (waves.centres[2] + 2 * waves.falls[2])
    found = [np.nan, np.nan, np.nan, 0.0, 1.6 * heart["qrs_ms"], 1000 * waves.centres[2], t_off]
    return Beat(waves, np.array(found))


def atrial(heart: Heart, rr_s: float) -> Beat:
    """A premature atrial beat: the normal QRS after a P from low in the atrium, which points up."""
    low = {**heart, "p_axis_deg": heart["p_axis_deg"] - 110, "p_uv": 0.8 * heart["p_uv"]}
    return normal(low, rr_s)


def _plus(waves: Waves, centre: float, rise: float, fall: float, dipole: Sequence[float] | Floats) -> Waves:
    return replace(
        waves, centres=np.append(waves.centres, centre), rises=np.append(waves.rises, rise),
        falls=np.append(waves.falls, fall), dipoles=np.vstack([waves.dipoles, dipole]),
    )  # fmt: skip


def _scaled(waves: Waves, factors: Mapping[int, float]) -> Waves:
    scale = np.ones(len(waves.centres))
    for wave, factor in factors.items():
        scale[wave] = factor
    return replace(waves, dipoles=waves.dipoles * scale[:, None])


def _moved(waves: Waves, centres_s: Mapping[int, float]) -> Waves:
    centres = waves.centres.copy()
    for wave, centre in centres_s.items():
        centres[wave] = centre
    return replace(waves, centres=centres)
