"""What ECG devices measured themselves: which values are plausible, and under which names they are kept."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ecgwas.tables.recordings import DeviceMeasurements

MEASUREMENT_NAMES = tuple(name for name in DeviceMeasurements.columns if name != "eid")
MAX_MS = 10_000.0
MAX_BPM = 1_000.0


def plausible_measurements(stated: Mapping[str, float | str | None]) -> dict[str, float]:
    """Those of the stated numbers, or texts of numbers, that an ECG device can have measured: name -> value.

    Names are those of DeviceMeasurements. Empty, unreadable and impossible entries are dropped, and do not make the recording
    unusable: a duration of 0 (devices write it for "not measured") or of more than ten seconds, an angle beyond a full circle,
    a P wave longer than PR.
    """
    values = {name: _number(value) for name, value in stated.items()}
    possible = {name: value for name, value in values.items() if value is not None and _possible(name, value)}
    if possible.get("p_ms", 0.0) > possible.get("pr_ms", math.inf):
        del possible["p_ms"]
    return possible


def _number(value: float | str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _possible(name: str, value: float) -> bool:
    if name.endswith("_deg"):
        return abs(value) <= 360
    if name.endswith("_on_ms"):
        return 0 <= value <= MAX_MS
    return 0 < value <= (MAX_BPM if name.endswith("_bpm") else MAX_MS)
