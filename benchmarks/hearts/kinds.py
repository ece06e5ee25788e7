"""The kinds of hearts: a table from a name to what differs from the hearts of `ecgwas.simulate`.

Parameters drawn otherwise, or in addition, are `Parameter`s as in `ecgwas.simulate`. Sizes of waves in disease are chosen to
meet the diagnostic criteria (AHA/ACCF/HRS recommendations, part III: Surawicz et al., Circulation 119:e235, 2009: bundle branch
blocks have QRS of at least 120 ms; pre-excitation a PR below 120 ms), not taken from a cohort. Left bundle branch block and
pacing have the size and steepness of those in PTB-XL (Wagner et al., Sci Data 7:154, 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.hearts import beats, rhythms
from benchmarks.hearts.beats import Build
from benchmarks.hearts.electrodes import Electrodes
from benchmarks.hearts.rhythms import Heart, Rhythm
from ecgwas.simulate import PARAMETERS, Parameter
from ecgwas.simulate.heart import QT_PER_RR

Floats = NDArray[np.float64]
Columns = Mapping[str, Floats]

P_PARAMETERS = ("pr_ms", "p_ms", "p_uv", "p_axis_deg", "p_tilt_deg", "p_delay")
NOT_THE_HEART = ("resp_bpm", "resp_gain", "resp_deg", "white_uv", "muscle_uv", "mains_uv", "wander_uv")
"""Parameters of breathing and noise, which no representation is asked for."""
SPREAD = 0.06
"""Differences between torsos, about those of `ecgwas.simulate` (0.04 of 1 in each entry)."""
RATES_BPM = (30, 45, 60, 100, 150, 180, 220)


def _as_drawn(columns: Columns) -> dict[str, Floats]:
    return dict(columns)


@dataclass(frozen=True)
class Kind:
    """What differs from the hearts of `ecgwas.simulate`.

    model         waves: this folder's recordings of waves; simulator: `ecgwas.simulate` itself; ecgsyn
    lead_field    of lead_fields.FIELDS;  spread  differences between torsos;  high_v1_v2  V1 and V2 placed too high
    changes       parameter -> how it is drawn: instead of PARAMETERS, or in addition
    adjusted      columns of parameters -> columns, after drawing: what depends on other parameters
    beat          heart, RR -> waves of a conducted beat;  sech  waves are hyperbolic secants
    rhythm        heart, generator -> beats
    not_judged    parameters that this kind does not show, besides NOT_THE_HEART
    """

    meaning: str
    model: str = "waves"
    lead_field: str = "dower"
    spread: float = SPREAD
    high_v1_v2: bool = False
    changes: Mapping[str, Parameter] = field(default_factory=dict)
    adjusted: Callable[[Columns], dict[str, Floats]] = _as_drawn
    beat: Build = beats.normal
    sech: bool = False
    rhythm: Callable[[Heart, np.random.Generator], Rhythm] = rhythms.sinus
    electrodes: Electrodes = field(default_factory=Electrodes)
    not_judged: tuple[str, ...] = ()


def at_rate(columns: Columns) -> dict[str, Floats]:
    """Parameters adapted to the heart rate of the column hr_bpm, which is far from 60.

    QT at 60 per minute is scaled by Bazett's square root of RR below one second and Fridericia's cube root above; T and the
    delay of U in proportion; PR shortens by up to 40 %; P ends 15 ms before QRS.
    """
    found = dict(columns)
    rr_s = 60 / found["hr_bpm"]
    scale = np.where(rr_s < 1, np.sqrt(rr_s), np.cbrt(rr_s))
    found["qt_ms"] = found["qt_ms"] * scale
    found["t_ms"], found["u_delay_ms"] = found["t_ms"] * scale, found["u_delay_ms"] * scale
    found["pr_ms"] = found["pr_ms"] * (0.6 + 0.4 * np.minimum(rr_s, 1.0))
    found["p_ms"] = np.minimum(found["p_ms"], found["pr_ms"] - 15)
    found["rr_sd_ms"] = np.minimum(found["rr_sd_ms"], 60 * rr_s)
    return found


def qt_at_60(columns: Columns) -> dict[str, Floats]:
    """With qt_ms as at 60 beats per minute, from columns in which QT follows the linear relation of `ecgwas.simulate`."""
    found = dict(columns)
    found["qt_ms"] = found["qt_ms"] - QT_PER_RR * (60_000 / found["hr_bpm"] - 1000)
    return found


def _fixed_rate(bpm: float) -> Callable[[Columns], dict[str, Floats]]:
    def adjusted(columns: Columns) -> dict[str, Floats]:
        base = qt_at_60(columns)
        return at_rate(base | {"hr_bpm": np.full(len(base["hr_bpm"]), float(bpm))})

    return adjusted


def _fibrillating(columns: Columns) -> dict[str, Floats]:
    """RR of a fifth of its mean; the rate is rate_bpm."""
    found = at_rate(qt_at_60(columns) | {"hr_bpm": columns["rate_bpm"]})
    return found | {"rr_sd_ms": 0.2 * 60_000 / found["hr_bpm"]}


def _blocked(columns: Columns) -> dict[str, Floats]:
    """A ventricular rate of ventricular_bpm."""
    return at_rate(qt_at_60(columns) | {"hr_bpm": columns["ventricular_bpm"]})


def _fluttering(columns: Columns) -> dict[str, Floats]:
    """A ventricular rate that is the atrial one over a whole number, 2 to 4, and has no variation."""
    ratio = np.clip(np.rint(columns["av_ratio"]), 2, 4)
    found = at_rate(qt_at_60(columns) | {"hr_bpm": columns["flutter_bpm"] / ratio, "av_ratio": ratio})
    return found | {"rr_sd_ms": np.zeros(len(ratio))}


def _with_room_for_p(columns: Columns) -> dict[str, Floats]:
    return dict(columns) | {"p_ms": np.minimum(columns["p_ms"], columns["pr_ms"] - 8)}


def _parameter(name: str, mean: float, sd: float, low: float, high: float) -> Parameter:
    """A parameter of `ecgwas.simulate` with another distribution."""
    known = PARAMETERS[name]
    return Parameter(mean, sd, low, high, known.unit, known.meaning)


def _changed(**distributions: tuple[float, float, float, float]) -> dict[str, Parameter]:
    return {name: _parameter(name, *numbers) for name, numbers in distributions.items()}


_WAVES: dict[str, Kind] = {
    "own": Kind("the hearts of ecgwas.simulate, recorded by it", model="simulator"),
    "plain": Kind("the same hearts, recorded by this folder's rhythms, electrodes and noise"),
    "other_leads": Kind("leads by Kors' matrix", lead_field="kors"),
    "torsos": Kind("leads by Kors' matrix, torsos that differ by 25 %", lead_field="kors", spread=0.25),
    "sech": Kind("waves are hyperbolic secants", sech=True),
    "turning": Kind(
        "the dipole turns within each wave", not_judged=("turn_deg", "plane_deg"),
        changes={
            "turn_deg": Parameter(25, 8, 5, 45, "deg", "turn of the dipole on either side of a wave's peak"),
            "plane_deg": Parameter(180, 180, 0, 360, "deg", "plane of the turn"),
        },
    ),
    "ecgsyn": Kind("the dynamical model of McSharry et al. (2003)", model="ecgsyn", lead_field="kors", spread=0.15),
}  # fmt: skip
_SHAPES: dict[str, Kind] = {
    "notched": Kind(
        "R has a notch", beat=beats.notched, changes={"notch_uv": Parameter(350, 80, 120, 600, "uV", "depth of the notch in R")}
    ),
    "late_r": Kind(
        "V1 has a late r'", beat=beats.late_r, changes={"r_prime_uv": Parameter(420, 90, 150, 800, "uV", "magnitude of r'")}
    ),
    "j_waves": Kind(
        "a J wave follows QRS",
        beat=beats.j_waves,
        changes={"j_uv": Parameter(220, 60, 100, 450, "uV", "magnitude of the J wave")},
    ),
    "u_waves": Kind("a large U follows T", changes=_changed(u_uv=(130, 30, 60, 250))),
    "asymmetric_t": Kind("T rises slowly and falls fast", changes=_changed(t_skew=(0.6, 0.06, 0.45, 0.75))),
    "low_t": Kind("T is low", changes=_changed(t_uv=(60, 15, 25, 110))),
}
_CONDUCTION: dict[str, Kind] = {
    "right_block": Kind(
        "complete right bundle branch block", beat=beats.right_bundle_branch_block,
        changes=_changed(qrs_ms=(142, 11, 122, 185), t_tilt_deg=(5, 9, -25, 35), qt_ms=(435, 15, 380, 540))
        | {"r_prime_uv": Parameter(650, 140, 300, 1200, "uV", "magnitude of the terminal forces")},
    ),
    "left_block": Kind(
        "complete left bundle branch block", beat=beats.left_bundle_branch_block,
        changes=_changed(
            qrs_ms=(150, 12, 124, 190), t_axis_deg=(205, 12, 160, 250), qt_ms=(445, 15, 390, 550), r_uv=(2200, 350, 1300, 3400)
        ),
        not_judged=("q_uv", "q_axis_deg", "q_tilt_deg", "s_uv", "s_axis_deg", "s_tilt_deg", "r_time", "r_width"),
    ),
    "paced": Kind(
        "paced from the right ventricle, without P", beat=beats.paced,
        changes=_changed(
            qrs_ms=(165, 12, 130, 210), qrs_axis_deg=(-75, 12, -110, -40), t_axis_deg=(105, 12, 70, 150),
            qt_ms=(455, 15, 400, 560), r_uv=(2200, 350, 1300, 3400), rr_sd_ms=(2, 0.5, 1, 4),
        ) | {"spike_uv": Parameter(2000, 600, 600, 4000, "uV", "height of the spike")},
        not_judged=(*P_PARAMETERS, "rr_sd_ms", "q_uv", "q_axis_deg", "q_tilt_deg", "s_uv", "s_axis_deg", "s_tilt_deg", "r_time",
                    "r_width"),
    ),
    "pre_excited": Kind(
        "pre-excitation with a delta wave", beat=beats.pre_excited, adjusted=_with_room_for_p,
        changes=_changed(pr_ms=(108, 5, 95, 118), qrs_ms=(132, 8, 116, 165), p_ms=(92, 6, 75, 105), qt_ms=(420, 15, 360, 530))
        | {"delta_ms": Parameter(42, 5, 28, 56, "ms", "time by which QRS is early"),
           "delta_uv": Parameter(480, 90, 250, 800, "uV", "magnitude of the delta wave")},
    ),
}  # fmt: skip
_FLUTTER: Mapping[str, Parameter] = {
    "flutter_bpm": Parameter(295, 20, 250, 345, "bpm", "rate of the atria"),
    "flutter_uv": Parameter(130, 30, 60, 220, "uV", "amplitude of the flutter waves"),
    "av_ratio": Parameter(3.2, 0.8, 2, 4, "1", "flutter waves for each QRS"),
}
_RHYTHMS: dict[str, Kind] = {
    "fibrillation": Kind(
        "atrial fibrillation: no P, irregular RR, f waves", beat=beats.without_p(beats.normal), rhythm=rhythms.fibrillation,
        adjusted=_fibrillating, not_judged=(*P_PARAMETERS, "rr_sd_ms", "rate_bpm"),
        changes={
            "rate_bpm": Parameter(88, 14, 55, 135, "bpm", "mean ventricular rate"),
            "f_hz": Parameter(6, 0.8, 4, 9, "Hz", "frequency of the f waves"),
            "f_uv": Parameter(55, 18, 20, 130, "uV", "amplitude of the f waves"),
        },
    ),
    "flutter": Kind(
        "atrial flutter, one of two to four waves conducted", beat=beats.without_p(beats.normal), rhythm=rhythms.flutter,
        adjusted=_fluttering, not_judged=(*P_PARAMETERS, "rr_sd_ms", "flutter_bpm", "av_ratio"), changes=_FLUTTER,
    ),
    "changing_flutter": Kind(
        "atrial flutter, two to four waves between beats, changing", beat=beats.without_p(beats.normal),
        rhythm=rhythms.changing_flutter, adjusted=_fluttering, changes=_FLUTTER,
        not_judged=(*P_PARAMETERS, "hr_bpm", "rr_sd_ms", "flutter_bpm", "av_ratio"),
    ),
    "complete_av_block": Kind(
        "complete AV block: P waves and a slow escape rhythm, each at its own rate", beat=beats.without_p(beats.normal),
        rhythm=rhythms.complete_block, not_judged=(*P_PARAMETERS, "rr_sd_ms", "ventricular_bpm", "atrial_bpm", "atrial_sd_ms"),
        adjusted=_blocked, changes=_changed(rr_sd_ms=(10, 3, 4, 20)) | {
            "ventricular_bpm": Parameter(40, 4, 32, 48, "bpm", "rate of QRS"),
            "atrial_bpm": Parameter(78, 9, 60, 100, "bpm", "rate of the P waves"),
            "atrial_sd_ms": Parameter(20, 6, 8, 40, "ms", "SD of the intervals between P waves"),
        },
    ),
    "two_to_one_av_block": Kind(
        "AV block in which every second P wave is conducted", beat=beats.without_p(beats.normal),
        rhythm=rhythms.two_to_one_block, adjusted=_blocked, not_judged=(*P_PARAMETERS, "rr_sd_ms", "ventricular_bpm"),
        changes=_changed(rr_sd_ms=(15, 5, 5, 30)) | {"ventricular_bpm": Parameter(40, 4, 32, 48, "bpm", "rate of QRS")},
    ),
    "long_pr": Kind("first-degree AV block", changes=_changed(pr_ms=(245, 18, 215, 290))),
    "ventricular_beats": Kind(
        "one beat in eight is a premature ventricular beat",
        rhythm=rhythms.with_ectopy("ventricular", share=0.14, early=0.33, compensatory=True),
    ),
    "atrial_beats": Kind(
        "one beat in eight is a premature atrial beat",
        rhythm=rhythms.with_ectopy("atrial", share=0.14, early=0.28, compensatory=False),
    ),
} | {f"rate_{bpm}": Kind(f"sinus rhythm at {bpm} per minute", adjusted=_fixed_rate(bpm), not_judged=("hr_bpm",))
     for bpm in RATES_BPM}  # fmt: skip
_RECORDING: dict[str, Kind] = {
    "high_v1_v2": Kind("V1 and V2 are placed too high", high_v1_v2=True),
    "swapped_arms": Kind("the arm electrodes are swapped", electrodes=Electrodes(swapped=(("RA", "LA"),))),
    "swapped_v1_v2": Kind("V1 and V2 are swapped", electrodes=Electrodes(swapped=(("V1", "V2"),))),
    "noise_v2": Kind("muscle noise of 150 µV in V2", electrodes=Electrodes(muscle_uv={"V2": 150.0})),
    "noise_v2_v5": Kind("muscle noise of 150 µV in V2 and V5", electrodes=Electrodes(muscle_uv={"V2": 150.0, "V5": 150.0})),
    "noise_left_arm": Kind("muscle noise of 100 µV at the left arm", electrodes=Electrodes(muscle_uv={"LA": 100.0})),
    "mains_50": Kind("50 Hz of 60 µV in all leads", electrodes=Electrodes(mains=(50.0, 60.0))),
    "mains_60": Kind("60 Hz of 60 µV in all leads", electrodes=Electrodes(mains=(60.0, 60.0))),
}
KINDS: Mapping[str, Kind] = {**_WAVES, **_SHAPES, **_CONDUCTION, **_RHYTHMS, **_RECORDING}
