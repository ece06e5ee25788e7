"""Mislabelled leads with intact signals: one lead under two names, and swapped arm electrodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import LEADS

P_MS, T_MS, BEAT_MS = (-200, -50), (80, 400), (-200, 400)
"""Windows around R."""
MAX_R_WHOLE, MAX_R_WAVE = -0.5, -0.3
"""Lead I resembles V6, and is inverted relative to it if the arm electrodes are swapped. Limits of the correlation of the
whole beat, and of P and of T alone, because a deviated axis inverts only QRS. Of 375 recordings of PTB-XL none is below all
limits; with lead I inverted, 88 % are."""
SWAPPED_ARMS = "lead I is inverted relative to V6 (swapped arm electrodes, or dextrocardia)"

Floats = NDArray[np.float64]


def duplicated_leads(raw: Floats) -> str:
    """Leads of (12, S) that equal another lead sample by sample, in words; empty if none does. Constant leads do not count."""
    duplicates = []
    for k, lead in enumerate(LEADS):
        first = next((LEADS[j] for j in range(k) if np.array_equal(raw[j], raw[k])), None)
        if first is not None and np.ptp(raw[k]) > 0:
            duplicates.append(f"lead {lead} is the same as {first}")
    return "; ".join(duplicates)


def swapped_arms(median: NDArray[np.float32] | Floats, before: int, rate_hz: float, usable: NDArray[np.bool_]) -> str:
    """A warning about lead I of median beats (12, T), R at sample `before`; empty if all is well, or I or V6 is not usable."""
    lead_i, v6 = LEADS.index("I"), LEADS.index("V6")
    if not (usable[lead_i] and usable[v6]):
        return ""
    limits = ((BEAT_MS, MAX_R_WHOLE), (P_MS, MAX_R_WAVE), (T_MS, MAX_R_WAVE))
    is_inverted = all(_correlation(median[[lead_i, v6]], before, rate_hz, window) < limit for window, limit in limits)
    return SWAPPED_ARMS if is_inverted else ""


def _correlation(leads: NDArray[np.float32] | Floats, before: int, rate_hz: float, window_ms: tuple[int, int]) -> float:
    """Correlation of two leads within a window around R; 0 if one of them is constant."""
    start, stop = (max(0, before + round(ms * rate_hz / 1000)) for ms in window_ms)
    centred = leads[:, start:stop].astype(np.float64)
    centred = centred - centred.mean(axis=1, keepdims=True)
    size = float(np.sqrt((centred**2).sum(axis=1).prod())) if centred.size else 0.0
    return float((centred[0] * centred[1]).sum()) / size if size > 0 else 0.0
