"""The measurements of kind `intervals`: names, units and meanings, and how they follow from fiducial points and a beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.delineation.fiducials import Fiducials
from ecgwas.delineation.vectorcardiogram import INVERSE_DOWER, frontal_axis_deg
from ecgwas.leads import ALL_LEADS, INDEPENDENT_LEADS

Floats = NDArray[np.float64]
Values = dict[str, float]


@dataclass(frozen=True)
class Measurement:
    """Unit and meaning of one measurement."""

    unit: str
    meaning: str


RHYTHM: Mapping[str, Measurement] = {
    "heart_rate_bpm": Measurement("beats/min", "60,000 / mean RR between successive normal beats"),
    "rr_sd_ms": Measurement("ms", "SD of these RR intervals (SDNN over ten seconds)"),
    "rmssd_ms": Measurement("ms", "root mean square of differences between successive RR intervals (RMSSD)"),
}
"""From the R peaks of the strip, and therefore the same for odd and even beats."""

DURATIONS: Mapping[str, Measurement] = {
    "p_ms": Measurement("ms", "P onset to P end"),
    "pr_ms": Measurement("ms", "P onset to QRS onset"),
    "qrs_ms": Measurement("ms", "QRS onset to QRS end"),
    "qrs_peak_ms": Measurement("ms", "QRS onset to R, where the frontal vector is longest"),
    "qt_ms": Measurement("ms", "QRS onset to T end"),
    "qtc_bazett_ms": Measurement("ms", "QT / sqrt(RR in s) (Bazett 1920)"),
    "qtc_fridericia_ms": Measurement("ms", "QT / cube root(RR in s) (Fridericia 1920)"),
    "qtc_framingham_ms": Measurement("ms", "QT + 154 (1 - RR in s) (Sagie et al. 1992)"),
    "jt_ms": Measurement("ms", "QRS end to T end"),
    "t_peak_end_ms": Measurement("ms", "T peak to T end"),
    "t_rise_ms": Measurement("ms", "T's rise from half its height to its peak"),
    "t_fall_ms": Measurement("ms", "T's fall from its peak to half its height"),
    "pr_sd_ms": Measurement("ms", "SD of PR over single beats"),
    "qt_sd_ms": Measurement("ms", "SD of QT over single beats"),
}

ANGLES: Mapping[str, Measurement] = {
    "p_axis_deg": Measurement("degrees", "frontal axis of P's area; 0 left, 90 down"),
    "qrs_axis_deg": Measurement("degrees", "frontal axis of QRS' area"),
    "t_axis_deg": Measurement("degrees", "frontal axis of T's area"),
    "r_axis_deg": Measurement("degrees", "frontal axis at R"),
    "q_axis_deg": Measurement("degrees", "frontal axis 10 ms into QRS: the septum's vector"),
    "p_tilt_deg": Measurement("degrees", "P's area out of the frontal plane, backward"),
    "qrs_tilt_deg": Measurement("degrees", "QRS' area out of the frontal plane, backward"),
    "t_tilt_deg": Measurement("degrees", "T's area out of the frontal plane, backward"),
    "r_tilt_deg": Measurement("degrees", "the vector at R out of the frontal plane, backward"),
    "q_tilt_deg": Measurement("degrees", "the vector 10 ms into QRS out of the frontal plane, backward"),
    "qrs_t_angle_deg": Measurement("degrees", "angle between the areas of QRS and T in space (inverse Dower)"),
}

VOLTAGES: Mapping[str, Measurement] = {
    "p_vector_uv": Measurement("µV", "longest P vector (inverse Dower)"),
    "qrs_vector_uv": Measurement("µV", "longest QRS vector"),
    "t_vector_uv": Measurement("µV", "longest T vector"),
    "u_vector_uv": Measurement(
        "µV",
        "mean vector 60 to 120 ms after T end above its surroundings, along T's vector; missing where P follows",
    ),
    "t_height_uv": Measurement("µV", "root mean square over the eight leads of t_swing_uv"),
    "cornell_uv": Measurement("µV", "R in aVL + S in V3 (Casale et al. 1985)"),
    "sokolow_lyon_uv": Measurement("µV", "S in V1 + the larger R of V5 and V6 (Sokolow and Lyon 1949)"),
}

LEAD_MEASUREMENTS: Mapping[str, Measurement] = {
    "p_uv": Measurement("µV", "largest deflection of P, with its sign"),
    "q_uv": Measurement("µV", "lowest point of QRS before its highest; missing without a Q"),
    "r_uv": Measurement("µV", "highest point of QRS; missing without an R"),
    "s_uv": Measurement("µV", "lowest point of QRS after its highest; missing without an S"),
    "qrs_swing_uv": Measurement("µV", "highest minus lowest point of QRS"),
    "st60_uv": Measurement("µV", "level 60 ms after the end of QRS"),
    "t_uv": Measurement("µV", "largest deflection of T, with its sign"),
    "t_swing_uv": Measurement(
        "µV", "highest minus lowest point from 40 ms after QRS to T end: height of T regardless of the ST level"
    ),
}

NEEDED_LEADS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((*ANGLES, *VOLTAGES), INDEPENDENT_LEADS),
    **dict.fromkeys([name for name in ANGLES if name.endswith("_axis_deg")], ("I", "II")),
    "cornell_uv": ("I", "II", "V3"),
    "sokolow_lyon_uv": ("V1", "V5", "V6"),
}
"""Measurement of all leads together -> the leads without which it is missing. The others need no particular lead."""

GLOBAL_MEASUREMENTS: Mapping[str, Measurement] = {**RHYTHM, **DURATIONS, **ANGLES, **VOLTAGES}
AXES = ("p_axis_deg", "qrs_axis_deg", "t_axis_deg", "r_axis_deg", "q_axis_deg")
"""Angles of a full circle: counted from 180 degrees below the cohort's mean direction."""

T_BEFORE_PEAK_MS = 90.0
ST_AFTER_QRS_MS = 60.0
T_AFTER_QRS_MS = 40.0
Q_VECTOR_MS = 10.0
"""The first of vectorcardiography's instantaneous vectors, at 0.01 s (Draper et al., Circulation 30:853, 1964): the free walls
contribute more and more to later ones."""
U_AFTER_T_MS = (60.0, 120.0)
"""U lies mostly this long after T end."""
U_SIDE_MS, U_LATEST_MS = 30.0, 180.0
"""Its level is compared with the mean of two sides: the first U_SIDE_MS after T end, and the last before U_LATEST_MS or, if
that is earlier, before the next P."""
MIN_WAVE_UV = 20.0
"""Smaller deflections of a lead within QRS are not a Q, R or S (the CSE's rules count them from 20 µV)."""


@dataclass(frozen=True)
class DelineatedBeat:
    """A median beat with its fiducials: eight (8, T) µV, zero just before QRS; times_ms (T,) from R."""

    eight: Floats
    times_ms: Floats
    fiducials: Fiducials

    def between(self, start: float, stop: float) -> slice:
        """Samples from start to stop, ms, both included; empty where one is NaN."""
        if np.isnan(start) or np.isnan(stop):
            return slice(0, 0)
        first = int(np.searchsorted(self.times_ms, start - 1e-9))
        return slice(first, int(np.searchsorted(self.times_ms, stop + 1e-9)))

    def at(self, time_ms: float) -> Floats:
        """(8,) µV at a time, ms from R, within the beat; NaN if there is no QRS or the time is NaN."""
        if np.isnan(time_ms) or np.isnan(self.fiducials.qrs_on):
            return np.full(len(self.eight), np.nan)
        return np.array([np.interp(time_ms, self.times_ms, lead) for lead in self.eight])

    @property
    def p(self) -> Floats:
        """(8, S) P above the straight line between its ends; S is 0 if there is no P."""
        wave = self.eight[:, self.between(self.fiducials.p_on, self.fiducials.p_off)]
        if wave.shape[1] < 3:
            return wave[:, :0]
        position = np.linspace(0.0, 1.0, wave.shape[1])
        return wave - wave[:, :1] - (wave[:, -1:] - wave[:, :1]) * position

    @property
    def qrs(self) -> Floats:
        """(8, S) QRS."""
        return self.eight[:, self.between(self.fiducials.qrs_on, self.fiducials.qrs_off)]

    @property
    def t(self) -> Floats:
        """(8, S) T: from 90 ms before its peak to its end."""
        start_ms = max(self.fiducials.qrs_off, self.fiducials.t_peak - T_BEFORE_PEAK_MS)
        return self.eight[:, self.between(start_ms, self.fiducials.t_off)]


def rhythm(r_samples: NDArray[np.int32], normal: NDArray[np.bool_], rate_hz: float) -> Values:
    """From R peaks (-1 after the last) and which beats are normal: RR between successive normal beats; NaN if there is none."""
    is_peak = r_samples >= 0
    peaks_ms, normal = r_samples[is_peak] * (1000.0 / rate_hz), normal[is_peak]
    rr = np.diff(peaks_ms)[normal[1:] & normal[:-1]]
    if len(rr) == 0:
        return dict.fromkeys(RHYTHM, np.nan)
    successive = np.diff(rr)
    return {
        "heart_rate_bpm": 60_000.0 / float(rr.mean()),
        "rr_sd_ms": float(rr.std(ddof=1)) if len(rr) > 1 else np.nan,
        "rmssd_ms": float(np.sqrt(np.mean(successive**2))) if len(successive) else np.nan,
    }


def durations(beat: DelineatedBeat, rr_ms: float, single_beats: Floats) -> Values:
    """Durations and intervals; rr_ms mean RR or NaN; single_beats (B, 7) from `fiducials_of_beats`."""
    points, rr_s = beat.fiducials, rr_ms / 1000
    qt = points.t_off - points.qrs_on
    rise, fall = _half_widths(beat)
    return {
        "p_ms": points.p_off - points.p_on, "pr_ms": points.qrs_on - points.p_on, "qrs_ms": points.qrs_off - points.qrs_on,
        "qrs_peak_ms": -points.qrs_on,
        "qt_ms": qt, "qtc_bazett_ms": qt / np.sqrt(rr_s), "qtc_fridericia_ms": qt / np.cbrt(rr_s),
        "qtc_framingham_ms": qt + 154.0 * (1.0 - rr_s), "jt_ms": points.t_off - points.qrs_off,
        "t_peak_end_ms": points.t_off - points.t_peak, "t_rise_ms": rise, "t_fall_ms": fall,
        "pr_sd_ms": _sd(single_beats[:, 3] - single_beats[:, 0]), "qt_sd_ms": _sd(single_beats[:, 6] - single_beats[:, 3]),
    }  # fmt: skip


def _sd(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 2 else np.nan


def _half_widths(beat: DelineatedBeat) -> tuple[float, float]:
    """ms from T's peak back and forward to half its height, projected on the leads' direction at the peak."""
    if np.isnan(beat.fiducials.t_peak) or np.isnan(beat.fiducials.t_off):
        return np.nan, np.nan
    peak = int(np.abs(beat.times_ms - beat.fiducials.t_peak).argmin())
    foot = min(len(beat.times_ms) - 1, int(np.searchsorted(beat.times_ms, beat.fiducials.t_off)))
    above = beat.eight - beat.eight[:, foot, None]
    projected = above[:, peak] @ above
    start = int(np.searchsorted(beat.times_ms, beat.fiducials.qrs_off))
    return _to_half(projected[start : peak + 1][::-1], beat), _to_half(projected[peak:], beat)


def _to_half(limb: Floats, beat: DelineatedBeat) -> float:
    below = np.flatnonzero(limb <= 0.5 * limb[0])
    if len(below) == 0 or below[0] == 0:
        return np.nan
    k = int(below[0])
    samples = k - (0.5 * limb[0] - limb[k]) / (limb[k - 1] - limb[k])
    return float(samples * (beat.times_ms[1] - beat.times_ms[0]))


def angles(beat: DelineatedBeat) -> Values:
    """Axes, tilts and the angle between QRS and T; axes between -180 and 180."""
    areas = {"p": _area(beat.p), "qrs": _area(beat.qrs), "t": _area(beat.t)}
    values: Values = {}
    for wave, eight in (areas | {"r": beat.at(0.0), "q": beat.at(beat.fiducials.qrs_on + Q_VECTOR_MS)}).items():
        left, down, back = INVERSE_DOWER @ eight
        values[f"{wave}_axis_deg"] = float(frontal_axis_deg(eight[0], eight[1]))
        values[f"{wave}_tilt_deg"] = float(np.degrees(np.arctan2(back, np.hypot(left, down))))
    values["qrs_t_angle_deg"] = _angle(areas["qrs"], areas["t"])
    return values


def _area(wave: Floats) -> Floats:
    """(8,) sums of (8, S); NaN if there is no wave."""
    return wave.sum(axis=1) if wave.shape[1] else np.full(len(wave), np.nan)


def _vector_lengths(wave: Floats) -> Floats:
    """(S,) length of the heart vector (inverse Dower)."""
    lengths: Floats = np.linalg.norm(INVERSE_DOWER @ wave, axis=0)
    return lengths


def _angle(first: Floats, second: Floats) -> float:
    a, b = INVERSE_DOWER @ first, INVERSE_DOWER @ second
    with np.errstate(invalid="ignore"):
        cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def voltages(beat: DelineatedBeat, by_lead: Mapping[str, Values], rr_ms: float) -> Values:
    """Lengths of the heart vector, U, and voltages that indicate hypertrophy; rr_ms mean RR or NaN."""
    avl = beat.qrs[0] - beat.qrs[1] / 2
    r_of_v5, r_of_v6, s_of_v1, s_of_v3 = (
        _zero_if_absent(by_lead[lead][wave], beat)
        for lead, wave in (("V5", "r_uv"), ("V6", "r_uv"), ("V1", "s_uv"), ("V3", "s_uv"))
    )
    t_swings = np.array([amplitudes["t_swing_uv"] for amplitudes in by_lead.values()])
    return {
        "p_vector_uv": _longest_vector(beat.p), "qrs_vector_uv": _longest_vector(beat.qrs),
        "t_vector_uv": _longest_vector(beat.t), "u_vector_uv": _u_vector(beat, rr_ms),
        "t_height_uv": float(np.sqrt(np.mean(t_swings**2))),
        "cornell_uv": max(0.0, float(avl.max(initial=0.0))) - s_of_v3, "sokolow_lyon_uv": max(r_of_v5, r_of_v6) - s_of_v1,
    }  # fmt: skip


def _u_vector(beat: DelineatedBeat, rr_ms: float) -> float:
    """U above its surroundings, projected on the heart vector at T's peak; NaN without T, or if the next P begins too early."""
    points = beat.fiducials
    next_wave_ms = rr_ms + (points.qrs_on if np.isnan(points.p_on) else points.p_on)
    end_ms = float(np.min([U_LATEST_MS, next_wave_ms - points.t_off, beat.times_ms[-1] - points.t_off]))  # NaN if one is NaN
    if not end_ms >= U_AFTER_T_MS[1] + U_SIDE_MS:
        return np.nan
    spans = (U_AFTER_T_MS, (0.0, U_SIDE_MS), (end_ms - U_SIDE_MS, end_ms))
    u, before, after = (_mean_vector(beat, points.t_off + first, points.t_off + last) for first, last in spans)
    of_t = INVERSE_DOWER @ beat.at(points.t_peak)
    return float((u - (before + after) / 2) @ of_t / np.linalg.norm(of_t))


def _mean_vector(beat: DelineatedBeat, first_ms: float, last_ms: float) -> Floats:
    """(3,) mean heart vector between two times."""
    vector: Floats = INVERSE_DOWER @ beat.eight[:, beat.between(first_ms, last_ms)].mean(axis=1)
    return vector


def _zero_if_absent(height_uv: float, beat: DelineatedBeat) -> float:
    """0 for an absent wave of a beat that has a QRS."""
    return height_uv if np.isfinite(height_uv) or beat.qrs.shape[1] == 0 else 0.0


def _longest_vector(wave: Floats) -> float:
    return float(_vector_lengths(wave).max()) if wave.shape[1] else np.nan


def lead_amplitudes(beat: DelineatedBeat) -> dict[str, Values]:
    """Lead -> amplitudes."""
    p, qrs, t = beat.p, beat.qrs, beat.t
    after = beat.eight[:, beat.between(beat.fiducials.qrs_off + T_AFTER_QRS_MS, beat.fiducials.t_off)]
    levels = beat.at(beat.fiducials.qrs_off + ST_AFTER_QRS_MS)
    amplitudes = {}
    for k, lead in enumerate(INDEPENDENT_LEADS):
        waves = _qrs_waves(qrs[k])
        amplitudes[lead] = {
            "p_uv": _largest(p[k]), **waves, "qrs_swing_uv": _swing(qrs[k]), "st60_uv": float(levels[k]),
            "t_uv": _largest(t[k]), "t_swing_uv": _swing(after[k]),
        }  # fmt: skip
    return amplitudes


def _largest(wave: Floats) -> float:
    return float(wave[np.abs(wave).argmax()]) if len(wave) else np.nan


def _swing(wave: Floats) -> float:
    return float(np.ptp(wave)) if len(wave) else np.nan


def _qrs_waves(qrs: Floats) -> Values:
    """Q, R, S of one lead; NaN for those that are absent. If QRS has no R, its whole depth is S (a QS complex)."""
    if len(qrs) == 0:
        return dict.fromkeys(("q_uv", "r_uv", "s_uv"), np.nan)
    top = int(qrs.argmax())
    if qrs[top] < MIN_WAVE_UV:
        return {"q_uv": np.nan, "r_uv": np.nan, "s_uv": float(qrs.min())}
    depths = float(qrs[: top + 1].min()), float(qrs[top:].min())
    q, s = (depth if depth <= -MIN_WAVE_UV else np.nan for depth in depths)
    return {"q_uv": q, "r_uv": float(qrs[top]), "s_uv": s}


def without_unusable_leads(values: Mapping[str, Values], unusable: NDArray[np.bool_]) -> dict[str, Values]:
    """The measurements, NaN where they need an unusable lead (8,).

    Those are all amplitudes of that lead, and angles and voltages of all leads as in NEEDED_LEADS. Rhythm and durations need no
    particular lead.
    """
    unusable_leads = {lead for lead, is_unusable in zip(INDEPENDENT_LEADS, unusable, strict=True) if is_unusable}
    kept = {}
    for lead, of_lead in values.items():
        needed = {name: set(NEEDED_LEADS.get(name, ())) if lead == ALL_LEADS else {lead} for name in of_lead}
        kept[lead] = {name: np.nan if needed[name] & unusable_leads else value for name, value in of_lead.items()}
    return kept
