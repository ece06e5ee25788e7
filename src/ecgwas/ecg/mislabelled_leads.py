"""Leads that are not what they are called though nothing is wrong with their signals: two that are one, and swapped arms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import LEADS

P_MS, T_MS, WHOLE_MS = (-200, -50), (80, 400), (-200, 400)
"""From R."""
WHOLE_AGAINST, WAVE_AGAINST = -0.5, -0.3
"""Lead I looks like V6, and is its mirror image where the arm electrodes are swapped: correlations of the whole beat, and of P
and T alone, for a deviated axis turns QRS alone. Of 375 recordings of PTB-XL none is so; with I turned, 88 %."""
ARMS = "lead I is upside down beside V6 (swapped arm electrodes, or dextrocardia)"

Floats = NDArray[np.float64]


def same(raw: Floats) -> str:
    """Leads of (12, S) that are another one sample by sample, in words; empty without any, or where a lead has one value."""
    found = []
    for k, lead in enumerate(LEADS):
        first = next((LEADS[j] for j in range(k) if np.array_equal(raw[j], raw[k])), None)
        if first is not None and np.ptp(raw[k]) > 0:
            found.append(f"lead {lead} is the same as {first}")
    return "; ".join(found)


def arms_swapped(median: NDArray[np.float32] | Floats, before: int, rate_hz: float, seen: NDArray[np.bool_]) -> str:
    """A doubt about lead I of median beats (12, T) with R at sample `before`; empty without, and where I or V6 is not seen."""
    one, six = LEADS.index("I"), LEADS.index("V6")
    if not (seen[one] and seen[six]):
        return ""
    limits = ((WHOLE_MS, WHOLE_AGAINST), (P_MS, WAVE_AGAINST), (T_MS, WAVE_AGAINST))
    against = all(_correlation(median[[one, six]], before, rate_hz, window) < limit for window, limit in limits)
    return ARMS if against else ""


def _correlation(two: NDArray[np.float32] | Floats, before: int, rate_hz: float, window_ms: tuple[int, int]) -> float:
    """Of two leads between two times from R; 0 where one of them stays on a value."""
    start, stop = (max(0, before + round(one * rate_hz / 1000)) for one in window_ms)
    centred = two[:, start:stop].astype(np.float64)
    centred = centred - centred.mean(axis=1, keepdims=True)
    size = float(np.sqrt((centred**2).sum(axis=1).prod())) if centred.size else 0.0
    return float((centred[0] * centred[1]).sum()) / size if size > 0 else 0.0
