"""Compares columns of times in a table with the rate that the sidecar states. A contradiction is refused, not guessed away.

Columns of times are those called time, seconds or the like, an unnamed column that does not count samples, and times of day.
The first two must be evenly spaced and fit the rate in their unit, or in any unit if they state none. For times of day only the
first and the last must fit, as precisely as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.recording import unusable
from ecgwas.ecg.spellings import standard_lead
from ecgwas.ecg.text_table import TextTable, unit_in_name

SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0), "us": 1e-6,
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), 1e-3),
}  # fmt: skip
ANY_UNIT = (1.0, 1e-3, 1e-6, 60.0)
"""Seconds per unit, for columns of times without a stated unit."""
TIMES = frozenset({
    "t", "time", "times", "timestamp", "timestamps", "timepoint", "elapsed", "elapsedtime", "timeelapsed", "relativetime",
    "sampletime", "zeit", "zeitstempel", "temps", "tiempo", "tempo", "tid", "tijd",
})  # fmt: skip
"""In English and other European languages, without blanks."""
UNNAMED = re.compile(r"(?:unnamed:?\s*0|index)?", re.IGNORECASE)
"""What pandas calls a table's index."""
TIME_OF_DAY = re.compile(
    r"(?:^|[ T\[])(?:(?P<hours>\d{1,2}):)?(?P<minutes>\d{1,2}):(?P<seconds>\d{2}(?:[.,](?P<part>\d{1,9}))?)(?![\d:])"
)
DAY_S = 86_400.0
RATES_AGREE = 0.01


def check_times(table: TextTable, names: Sequence[str], rate_hz: float, sidecar_name: str, path: Path) -> None:
    """Raises InputError for times that are not evenly spaced, or have another rate than the sidecar called `sidecar_name`."""
    for place, name in enumerate(names):
        if standard_lead(unit_in_name(name)[0]) is not None:
            continue
        clock = _clock_rate(table, place)
        if clock is not None:
            found_hz, exact = clock
            _require_agreement(abs(found_hz / rate_hz - 1) < max(RATES_AGREE, exact), found_hz, rate_hz, sidecar_name, path)
        elif _is_time_column(table, name, place):
            _check_time_column(table, name, place, rate_hz, sidecar_name, path)


def _require_agreement(agrees: bool, found_hz: float, rate_hz: float, sidecar_name: str, path: Path) -> None:
    if not agrees:
        problem = f"the table's times are those of {found_hz:.4g} Hz, rate_hz of the {sidecar_name} is {rate_hz:g}"
        raise unusable(problem, path, fix=f"correct rate_hz of the {sidecar_name}, or the column of times")


def _is_time_column(table: TextTable, name: str, place: int) -> bool:
    ends = table.first_and_last_number(place)
    if ends is None:
        return False
    stem, _ = _stem_and_unit(table, name, place)
    if stem in TIMES or stem in SECONDS:
        return True
    # An index that counts samples is not a time; one of 0, 0.002, 0.004 is.
    step = (ends[1] - ends[0]) / max(table.samples - 1, 1)
    return UNNAMED.fullmatch(name) is not None and 0 < step < 1 and ends[0] == 0


def _stem_and_unit(table: TextTable, name: str, place: int) -> tuple[str, str]:
    """The name without its unit, and the unit, in lower case; the unit is empty if none is stated."""
    stem, unit = unit_in_name(name)
    unit = unit or (table.units[place].strip(" ()[]") if table.units is not None else "")
    words = re.split(r"[\s_.\-]+", stem.strip().lower())
    if not unit and len(words) > 1 and words[-1] in SECONDS:
        unit = words.pop()
    stem = "".join(words)
    return stem, unit.lower() or (stem if stem in SECONDS else "")


def _check_time_column(table: TextTable, name: str, place: int, rate_hz: float, sidecar_name: str, path: Path) -> None:
    times = table.columns([place], [f"column {name}"])[0]
    step = (times[-1] - times[0]) / max(len(times) - 1, 1)
    if not step > 0:
        raise unusable("the table's times do not increase", path)
    written = _resolution(times)
    uneven = np.abs(times - (times[0] + step * np.arange(len(times)))) > max(step, written)
    if uneven.any():
        raise unusable(f"the table's times are not evenly spaced: sample {int(np.argmax(uneven)) + 1}", path)
    _, unit = _stem_and_unit(table, name, place)
    rates = [1 / (step * SECONDS[unit])] if unit in SECONDS else [1 / (step * one) for one in ANY_UNIT]
    numbered = not unit and abs(step - 1) < 1e-9
    found_hz = min(rates, key=lambda one: abs(np.log(one / rate_hz)))
    exact = max(RATES_AGREE, written / (times[-1] - times[0]))
    _require_agreement(numbered or abs(found_hz / rate_hz - 1) < exact, found_hz, rate_hz, sidecar_name, path)


def _resolution(times: NDArray[np.float64]) -> float:
    """The precision of rounded times, their smallest step: 0.01 for times of 0.00, 0.00, 0.01; 0 if no time repeats."""
    steps = np.diff(times)
    return float(steps[steps > 0].min(initial=np.inf)) if (steps == 0).any() and (steps > 0).any() else 0.0


def _clock_rate(table: TextTable, place: int) -> tuple[float, float] | None:
    """Samples per second by times of day, and its largest relative error; None for a column without times of day."""
    cells = table.first_and_last(place)
    first, last = (TIME_OF_DAY.search(cell) for cell in cells)
    if first is None or last is None or table.samples < 2:
        return None
    elapsed = (_seconds(last) - _seconds(first)) % DAY_S
    precision = 10.0 ** -len(first["part"] or "")
    return None if elapsed <= precision else ((table.samples - 1) / elapsed, 2 * precision / elapsed)


def _seconds(match: re.Match[str]) -> float:
    hours, minutes = int(match["hours"] or 0), int(match["minutes"])
    return 3600.0 * hours + 60.0 * minutes + float(match["seconds"].replace(",", "."))
