"""What recorders measured themselves: which numbers are believed, and under which names."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ecgwas.tables.recordings import DeviceMeasurements

NAMES = tuple(name for name in DeviceMeasurements.columns if name != "eid")
LONGEST_MS = 10_000.0
FASTEST_BPM = 1_000.0


def stated(found: Mapping[str, float | str | None]) -> dict[str, float]:
    """Of numbers, or texts of numbers, those that a recorder can have measured: name -> value.

    Names are those of DeviceMeasurements. Empty, unreadable and impossible entries (a duration of 0, which recorders write
    for "not measured"; more than ten seconds; an angle beyond a full circle; a P longer than PR) are missing: they spoil no
    recording.
    """
    values = {name: _number(value) for name, value in found.items()}
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
        return 0 <= value <= LONGEST_MS
    return 0 < value <= (FASTEST_BPM if name.endswith("_bpm") else LONGEST_MS)
