"""What an ECG device measures on a simulated recording: the truth by the field's definitions, with a small error.

Intervals   from the earliest onset to the latest end of a wave in all leads together, of the average normal beat: AHA/ACCF/HRS
            recommendations, parts III and IV (Surawicz et al., Circulation 119:e235; Rautaharju et al., ibid. e241, 2009)
Axes        direction of a wave's net area in the frontal plane, from leads I and aVF, 0 left and 90 down; aVF is multiplied by
            2/sqrt(3), because Goldberger's leads are shorter than Einthoven's (Spodick et al., Am J Cardiol 101:268, 2008)
Zero line   of QRS and T the level at QRS onset, of P the straight line between its ends (CSE Working Party, Eur Heart J 6:815,
            1985)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import INDEPENDENT_LEADS, derived_lead
from ecgwas.simulate.heart import Hearts
from ecgwas.simulate.waves import BEFORE_S, RATE_HZ, Waves, normal_waves, qt_seconds

Floats = NDArray[np.float64]

SD_OF_ERRORS: Mapping[str, float] = {
    "p_on_ms": 3.0, "p_off_ms": 3.0, "qrs_on_ms": 2.0, "qrs_off_ms": 3.0, "t_off_ms": 4.0,
    "p_axis_deg": 2.0, "qrs_axis_deg": 2.0, "t_axis_deg": 2.0,
}  # fmt: skip
"""SD of the device's errors, which are normally distributed and cut at MAX_SDS. An interval has the errors of both its ends."""
MAX_SDS = 2.0
STEP_MS = 0.5


def device_measurements(hearts: Hearts, i: int, r_samples: NDArray[np.int32], rng: np.random.Generator) -> dict[str, float]:
    """What the device measures on a recording of person i: whole numbers, by the names of DeviceMeasurements.

    r_samples (B,): R peaks of the recording, of which there are at least two. The rate is 60,000 / mean RR of all its beats.
    Onsets and ends are in ms from the start of the device's median beat, BEFORE_S before QRS onset; intervals are their
    differences.
    """
    true = true_measurements(hearts, i, r_samples)
    read = {name: round(true[name] + _error(sd, rng)) for name, sd in SD_OF_ERRORS.items()}
    read |= {name: (degrees + 180) % 360 - 180 for name, degrees in read.items() if name.endswith("_deg")}
    rr_ms = true["rr_ms"]
    qt_ms = read["t_off_ms"] - read["qrs_on_ms"]
    values = {
        "heart_rate_bpm": round(60_000 / rr_ms), "rr_ms": round(rr_ms), "p_ms": read["p_off_ms"] - read["p_on_ms"],
        "pr_ms": read["qrs_on_ms"] - read["p_on_ms"], "qrs_ms": read["qrs_off_ms"] - read["qrs_on_ms"], "qt_ms": qt_ms,
        "qtc_bazett_ms": round(qt_ms / np.sqrt(rr_ms / 1000)), **read,
    }  # fmt: skip
    return {name: float(value) for name, value in values.items()}


def true_measurements(hearts: Hearts, i: int, r_samples: NDArray[np.int32]) -> dict[str, float]:
    """Mean RR, onsets, ends (ms) and axes (-180 to 180 degrees) of person i's noise-free beat at the mean RR of its R peaks."""
    heart = hearts.person(i)
    rr_ms = float(np.diff(r_samples).mean()) * 1000 / RATE_HZ
    qt_ms = 1000 * qt_seconds(heart, rr_ms / 1000)
    waves = normal_waves(heart, qt_ms / 1000)
    ends = {
        "p": (-heart["pr_ms"], heart["p_ms"] - heart["pr_ms"]),
        "qrs": (0.0, heart["qrs_ms"]),
        "t": (heart["qrs_ms"], qt_ms),
    }
    q_on = BEFORE_S * 1000
    times = {
        "p_on_ms": q_on + ends["p"][0], "p_off_ms": q_on + ends["p"][1], "qrs_on_ms": q_on,
        "qrs_off_ms": q_on + heart["qrs_ms"], "t_off_ms": q_on + qt_ms,
    }  # fmt: skip
    axes = {f"{wave}_axis_deg": _axis_deg(waves, hearts.lead_vectors[i], span, wave == "p") for wave, span in ends.items()}
    return {"rr_ms": rr_ms, **times, **axes}


def _axis_deg(waves: Waves, lead_vectors: Floats, ends_ms: tuple[float, float], between_ends: bool) -> float:
    """Frontal axis of the net area between two times, ms from QRS onset, above the line between them or the level at 0."""
    start, stop = ends_ms
    times_ms = np.linspace(start, stop, round((stop - start) / STEP_MS) + 1)
    limb_leads = lead_vectors[[INDEPENDENT_LEADS.index(lead) for lead in ("I", "II")]]  # (2, 3)
    uv = limb_leads @ waves.at(times_ms / 1000).T  # (2, T)
    if between_ends:
        zero = uv[:, :1] + (uv[:, -1:] - uv[:, :1]) * np.linspace(0, 1, len(times_ms))
    else:
        zero = limb_leads @ waves.at(np.zeros(1)).T
    lead_i, lead_ii = (uv - zero).sum(axis=1)
    down = float(derived_lead("aVF", lead_i, lead_ii)) * 2 / np.sqrt(3)
    return float(np.degrees(np.arctan2(down, lead_i)))


def _error(sd: float, rng: np.random.Generator) -> float:
    return float(np.clip(sd * rng.standard_normal(), -MAX_SDS * sd, MAX_SDS * sd))
