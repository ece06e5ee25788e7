"""Conduction in the median beat: PR, width and shape of QRS by leads V1, I and V6, and how slowly QRS begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgwas.delineation.spatial_velocity import SpatialVelocity
from ecgwas.ecg.rhythms.heartbeats import Heartbeats
from ecgwas.leads import INDEPENDENT_LEADS

TERMINAL_SHARE = 0.35
"""The last part of QRS, whose direction tells the blocked side."""
Q_MS = 40.0


@dataclass(frozen=True)
class Conduction:
    """Of the median beat; NaN if QRS or P was not found, and what needs V1, I, V5 and V6 if one of them is predicted.

    pr_ms, qrs_ms    P onset to QRS onset; QRS onset to end
    slur_ms          QRS onset to the fast part of QRS (spatial velocity): long with a delta wave
    v1, lateral      mean of V1, and of I, V5 and V6, over QRS as a share of their largest deflection, -1 to 1
    v1_end, lateral_end   the same over the last part of QRS
    q                deepest point of I, V5 and V6 in the first 40 ms as a share of their largest deflection, 0 or negative
    """

    pr_ms: float
    qrs_ms: float
    slur_ms: float
    v1: float
    lateral: float
    v1_end: float
    lateral_end: float
    q: float


def conduction(heart: Heartbeats) -> Conduction:
    """From the fiducial points of the median beat."""
    points = heart.fiducials
    if np.isnan(points.qrs_on) or np.isnan(points.qrs_off):
        return Conduction(*[np.nan] * 8)
    first, last = (int(np.searchsorted(heart.times_ms, when)) for when in (points.qrs_on, points.qrs_off))
    qrs = heart.median[:, first : last + 1] - heart.median[:, first, None]
    shares = qrs / np.maximum(np.abs(qrs).max(axis=1, keepdims=True), 1.0)
    shares[~heart.reliable] = np.nan
    v1, (one, v5, v6) = shares[_place("V1")], (shares[_place(lead)] for lead in ("I", "V5", "V6"))
    end, begin = round((1 - TERMINAL_SHARE) * len(v1)), heart.samples(Q_MS)
    lateral = np.stack([one, v5, v6])
    fast, _ = SpatialVelocity.of(heart.median, heart.times_ms).fast_run()
    return Conduction(
        points.qrs_on - points.p_on, points.qrs_off - points.qrs_on, float(heart.times_ms[fast] - points.qrs_on),
        float(v1.mean()), float(lateral.mean()), float(v1[end:].mean()), float(lateral[:, end:].mean()),
        float(lateral[:, :begin].min()),
    )  # fmt: skip


def _place(lead: str) -> int:
    return INDEPENDENT_LEADS.index(lead)
