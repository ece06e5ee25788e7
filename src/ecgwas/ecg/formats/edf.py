"""EDF, EDF+ (Kemp et al. 1992, Kemp and Olivan 2003; https://www.edfplus.info/specs/edf.html) and BioSemi's 24-bit BDF.

    main header     0 version, 8 person and recording (never read), 184 bytes of header, 192 "EDF+C" or "EDF+D",
                    236 number of data records (-1: unknown), 244 seconds per data record, 252 number of signals
    signal headers  each field for all signals in turn: label, transducer, unit, physical minimum and maximum, digital minimum
                    and maximum, prefiltering, samples per data record, reserved
    data records    the samples of each signal in turn; 16 or 24 bits, little-endian

Signals whose label names one of the twelve leads are read; of other signals (annotations, respiration) only the number of
samples. Physical value = (sample - digital maximum) * gain + physical maximum. A lead whose ranges do not define a gain is
refused: counts are never taken for a voltage. A physical maximum below the minimum is a negative gain (EDF+ specification,
2.1.3.11). EDF+D is read if, by the times in its annotations signal, its records follow each other without a gap.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.recording import NAME_LEADS, Recording, is_new_lead, unusable
from ecgwas.ecg.spellings import COULD_BE_THOUSANDS, decoded, number, number_with_comma, standard_lead, uv_of

NAME = "EDF"
VERSION, BDF = b"0", b"\xffBIOSEMI"
HEADER = 256
WIDTHS = {
    "label": 16, "transducer": 80, "unit": 8, "physical minimum": 8, "physical maximum": 8, "digital minimum": 8,
    "digital maximum": 8, "prefiltering": 80, "number of samples": 8, "reserved": 32,
}  # fmt: skip
"""Bytes of each field of a signal header, in order."""
STARTS = dict(zip(WIDTHS, accumulate(WIDTHS.values(), initial=0), strict=False))
SCALE = ("unit", "physical minimum", "physical maximum", "digital minimum", "digital maximum")

RECORDS_COUNTED = "the header states -1 data records; they were counted from the size of the file"
LONGER = "the file holds more bytes than the data records that its header states"
NEGATIVE = "negative gain: the physical maximum is below the minimum"
OUTSIDE = "samples outside of the digital range that the header states"


ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
ONSET = re.compile(rb"([+-]\d{1,9}(?:\.\d{0,9})?)\x14")
ONSET_TOLERANCE_S = 0.0015
"""Tolerance, because programs round the onsets of records to milliseconds."""

Counts = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class _Layout:
    """Sizes stated in the main header; sample_bytes is 2 (EDF) or 3 (BDF)."""

    header_bytes: int
    records: int
    record_s: float
    sample_bytes: int


@dataclass(frozen=True)
class _Scale:
    """Lowest and highest count, their physical values, and µV per physical unit; the gain is finite and not 0."""

    digital: tuple[int, int]
    physical: tuple[float, float]
    uv: float

    @property
    def gain(self) -> float:
        return (self.physical[1] - self.physical[0]) / (self.digital[1] - self.digital[0])

    def in_uv(self, counts: Counts) -> NDArray[np.float64]:
        """(S,) µV of counts."""
        values = counts.astype(np.float64)
        values += self.physical[1] / self.gain - self.digital[1]
        values *= self.gain
        values *= self.uv
        return values


def sniff(content: bytes) -> bool:
    """True if the file begins like EDF or BDF: the version, and the length of the header or the number of signals."""
    version = content[:8]
    if version != BDF and not (len(version) == 8 and version.rstrip(b" \0") == VERSION):
        return False
    return any(content[place].strip(b" \0").isdigit() for place in (slice(184, 192), slice(252, 256)))


def parse(content: bytes, path: Path) -> Recording:
    """Reads the leads; raises InputError with a short reason."""
    signals = _whole(content[252:256])
    if signals is None or signals < 1 or len(content) < HEADER * (signals + 1):
        raise unusable("EDF cut off or malformed", path)
    per_record = _samples_per_record(content, signals, path)
    layout = _layout(content, signals, sum(per_record), path)
    warnings = _size_warnings(content, layout, sum(per_record), path)
    if content[192:197] in (b"EDF+D", b"BDF+D") and not _is_without_gaps(content, signals, layout, per_record):
        raise unusable("EDF with gaps (EDF+D)", path, fix="export the stretch without gaps, as EDF+C")
    leads: dict[str, NDArray[np.float64]] = {}
    rates: set[float] = set()
    for k, label in enumerate(_texts(content, signals, "label")):
        lead = standard_lead(label)
        if not is_new_lead(lead, leads, path):
            continue
        fields = {name: _text(content, signals, name, k) for name in SCALE}
        scale = _scale(fields, lead, layout.sample_bytes, path)
        counts = _counts(content, layout, per_record, k)
        if not len(counts):
            raise unusable(f"lead {lead} has no samples", path)
        leads[lead] = scale.in_uv(counts)
        rates.add(per_record[k] / layout.record_s)
        warnings |= {NEGATIVE} if scale.physical[1] < scale.physical[0] else set()
        warnings |= {OUTSIDE} if counts.min() < scale.digital[0] or counts.max() > scale.digital[1] else set()
    if not leads:
        raise unusable("no signal of a standard lead", path, fix=NAME_LEADS)
    if len(rates) > 1:
        raise unusable("leads have different rates", path)
    notes = ("samples of 24 bits (BDF)",) if layout.sample_bytes == 3 else ()
    return Recording(leads, rates.pop(), notes=notes, warning="; ".join(sorted(warnings)))


def _text(content: bytes, signals: int, name: str, signal: int) -> str:
    """A field of one signal's header."""
    width = WIDTHS[name]
    start = HEADER + STARTS[name] * signals + width * signal
    return decoded(content[start : start + width]).strip(" \0\t\r\n")


def _texts(content: bytes, signals: int, name: str) -> list[str]:
    return [_text(content, signals, name, k) for k in range(signals)]


def _whole(field: bytes | str) -> int | None:
    value = number(decoded(field).strip(" \0") if isinstance(field, bytes) else field)
    return int(value) if value is not None and value == int(value) else None


def _samples_per_record(content: bytes, signals: int, path: Path) -> list[int]:
    """Samples per data record of each signal; 0 is allowed, for signals other than leads."""
    counts = []
    for k, text in enumerate(_texts(content, signals, "number of samples"), start=1):
        count = _whole(text)
        if count is None or count < 0:
            raise unusable(f"number of samples of signal {k} {_fault(text, 'a whole number of 0 or more')}", path)
        counts.append(count)
    return counts


def _layout(content: bytes, signals: int, samples: int, path: Path) -> _Layout:
    """The stated sizes, compared with the file's: nothing is allocated merely because a header states a size."""
    header_bytes = _whole(content[184:192])
    if header_bytes != HEADER * (signals + 1):
        raise unusable("length of the EDF header does not fit the number of signals", path)
    duration = decoded(content[244:252]).strip(" \0")
    record_s = number_with_comma(duration)
    if record_s is None or record_s <= 0:
        raise unusable(f"duration of a data record {_fault(duration, 'a number above 0')}", path)
    sample_bytes = 3 if content[:8] == BDF else 2
    stated = decoded(content[236:244]).strip(" \0")
    records = _whole(stated)
    if records == -1 and samples:
        records = (len(content) - header_bytes) // (sample_bytes * samples)
    if records is None or records < 1:
        raise unusable(f"number of data records {_fault(stated, 'a whole number above 0')}", path)
    return _Layout(header_bytes, records, record_s, sample_bytes)


def _size_warnings(content: bytes, layout: _Layout, samples: int, path: Path) -> set[str]:
    declared = layout.header_bytes + layout.sample_bytes * samples * layout.records
    if len(content) < declared:
        raise unusable("EDF does not have as many samples as its header states", path)
    if _whole(content[236:244]) == -1:
        return {RECORDS_COUNTED}
    return {LONGER} if len(content) > declared else set()


def _is_without_gaps(content: bytes, signals: int, layout: _Layout, per_record: Sequence[int]) -> bool:
    """True if each data record begins where the previous one ends, by the first annotation of each (EDF+, 2.2.4)."""
    place = next((k for k, label in enumerate(_texts(content, signals, "label")) if label in ANNOTATIONS), None)
    if place is None:
        return False
    matches = [ONSET.match(record.tobytes()) for record in _bytes_of(content, layout, per_record, place)]
    onsets = [float(match[1]) for match in matches if match is not None]
    expected = onsets[0] + layout.record_s * np.arange(layout.records) if onsets else ()
    return len(onsets) == layout.records and bool((np.abs(np.subtract(onsets, expected)) <= ONSET_TOLERANCE_S).all())


def _scale(signal: dict[str, str], lead: str, sample_bytes: int, path: Path) -> _Scale:
    uv = uv_of(signal["unit"])
    if uv is None:
        shown = f"unknown unit of lead {lead}: '{signal['unit']}'" if signal["unit"] else f"unit of lead {lead} is blank"
        raise unusable(shown, path)
    low, high, lowest, highest = (
        _limit(signal, f"{kind} {end}", lead, path) for kind in ("physical", "digital") for end in ("minimum", "maximum")
    )
    if low == high:
        raise unusable(f"physical minimum and maximum of lead {lead} are both {low:g}", path)
    if not lowest < highest:
        raise unusable(f"digital maximum of lead {lead} ({highest:g}) is not above the minimum ({lowest:g})", path)
    bound = 1 << (8 * sample_bytes - 1)
    if not (-bound <= lowest and highest < bound and lowest == int(lowest) and highest == int(highest)):
        shown = f"digital range of lead {lead}, {lowest:g} to {highest:g}, does not fit {8 * sample_bytes} bits"
        raise unusable(shown, path)
    scale = _Scale((int(lowest), int(highest)), (low, high), uv)
    if scale.gain == 0 or not math.isfinite(scale.gain):
        raise unusable(f"physical range of lead {lead}, {low:g} to {high:g}, does not define a gain", path)
    return scale


def _limit(signal: dict[str, str], field: str, lead: str, path: Path) -> float:
    value = number_with_comma(signal[field])
    if value is None:
        raise unusable(f"{field} of lead {lead} {_fault(signal[field], 'a finite number')}", path)
    return value


def _fault(text: str, expected: str) -> str:
    """What is wrong with the text of a field, to end a sentence."""
    if COULD_BE_THOUSANDS.fullmatch(text):
        return f"is '{text}', where the comma is decimal or separates thousands"
    return f"is '{text}', not {expected}" if text else "is blank"


def _counts(content: bytes, layout: _Layout, per_record: Sequence[int], signal: int) -> Counts:
    """(S,) the samples of one signal in all records."""
    own = _bytes_of(content, layout, per_record, signal).reshape(-1)
    if layout.sample_bytes == 2:
        return own.view("<i2")
    low, middle, high = own.reshape(-1, 3).T.astype(np.int32)
    return low | middle << 8 | (high ^ 0x80) - 0x80 << 16


def _bytes_of(content: bytes, layout: _Layout, per_record: Sequence[int], signal: int) -> NDArray[np.uint8]:
    """(records, bytes) one signal's bytes."""
    size = layout.sample_bytes
    start, stop = size * sum(per_record[:signal]), size * sum(per_record[: signal + 1])
    record_bytes = size * sum(per_record)
    data = np.frombuffer(content, np.uint8, count=layout.records * record_bytes, offset=layout.header_bytes)
    return np.ascontiguousarray(data.reshape(layout.records, record_bytes)[:, start:stop])
