"""WFDB records (PhysioNet): a header (.hea) that names its signal files, which lie beside it.

Described in https://physionet.org/physiotools/wag/header-5.htm and signal-5.htm. Read by hand and not by the library `wfdb`,
which opens whatever path a header names and can fetch it from the internet: a header's file names must be names, not paths.

    record line     name signals rate[/counter][(base)] samples [time date]
    signal line     file format[xspf][:skew][+offset] gain[(baseline)][/unit] resolution zero first checksum block description

Formats 16, 61, 80, 212, 24 and 32. µV = (sample - baseline) / gain * unit. The lowest value of a format means "no sample" and
becomes NaN. The checksum (sum of all samples in 16 bits) must be what the header says; 0 is what many write who count none.
Comments (`#`) hold diagnoses and dates and are not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.recording import Recording, content_of, is_new, unusable
from ecgwas.ecg.words import standard_lead, uv_of

SPELLED = "WFDB record"
RECORD = re.compile(
    r"^[\w.-]+(?P<segments>/\d+)?[ \t]+(?P<signals>\d{1,4})"
    r"(?:[ \t]+(?P<rate>\d{1,9}(?:\.\d{0,12})?)(?:[/(][^ \t]*)?(?:[ \t]+(?P<samples>\d{1,12})(?:[ \t].*)?)?)?$"
)
FILE_NAME = re.compile(r"^[\w][\w .+-]*$")
CODING = re.compile(r"^(?P<format>\d{1,3})(?P<frame>x\d{1,9})?(?P<skew>:\d{1,9})?(?P<offset>\+\d{1,9})?$")
GAIN = re.compile(r"^(?P<gain>[-+\d.eE]+)(?:\((?P<baseline>-?\d{1,12})\))?(?:/(?P<unit>\S+))?$")
USUAL_RATE_HZ, USUAL_GAIN = 250.0, 200.0
"""What the format's description says where a header does not."""
WHOLE_BYTES = {"16": ("<i2", 0), "61": (">i2", 0), "80": ("u1", 128), "32": ("<i4", 0)}
"""Format -> numpy's type and what is to be taken away."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class _Signal:
    """One signal line."""

    file: str
    format: str
    offset: int
    gain: float
    baseline: int | None
    zero: int
    checksum: int | None
    unit: str
    description: str


def sniff(content: bytes) -> bool:
    """True if the first line that is no comment is a record line and the next one looks like a signal line."""
    lines = _lines(content[:4096])
    record = RECORD.match(lines[0]) if lines else None
    return record is not None and (record["segments"] is not None or (len(lines) > 1 and _is_signal_line(lines[1])))


def _is_signal_line(line: str) -> bool:
    fields = line.split()
    return len(fields) >= 2 and CODING.match(fields[1]) is not None


def _lines(content: bytes) -> list[str]:
    if b"\0" in content:
        return []
    lines = (line.strip() for line in content.decode("utf-8", "replace").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def companions(content: bytes, path: Path) -> tuple[Path, ...]:
    """The signal files that a header names and that may be opened."""
    names = [line.split()[0] for line in _lines(content)[1:] if _is_signal_line(line)]
    return tuple(path.parent / name for name in dict.fromkeys(names) if FILE_NAME.match(name))


def parse(content: bytes, path: Path) -> Recording:
    """The record of a header; raises InputError with a short reason."""
    lines = _lines(content)
    record = RECORD.match(lines[0])
    if record is None or record["segments"] is not None:
        raise unusable("a record of several segments", path)
    count = int(record["signals"])
    if len(lines) - 1 < count or count == 0:
        raise unusable("fewer signal lines than the header states", path)
    rate_hz = float(record["rate"] or USUAL_RATE_HZ)
    if not rate_hz > 0:
        raise unusable("the rate is not above 0", path)
    signals = [_signal(line, path) for line in lines[1 : count + 1]]
    samples = None if record["samples"] is None else int(record["samples"])
    leads: dict[str, NDArray[np.float64]] = {}
    for file in dict.fromkeys(signal.file for signal in signals):
        of_file = [signal for signal in signals if signal.file == file]
        for signal, counts in zip(of_file, _counts(of_file, samples or None, path), strict=True):
            _take(leads, signal, counts, path)
    if not leads:
        raise unusable("no signal of a standard lead", path)
    return Recording(leads, rate_hz)


def _signal(line: str, path: Path) -> _Signal:
    fields = line.split(maxsplit=8)
    coding = CODING.match(fields[1]) if len(fields) > 1 else None
    if coding is None or not FILE_NAME.match(fields[0]):
        raise unusable("a signal line that cannot be understood", path)
    if coding["frame"] not in (None, "x1") or coding["skew"] not in (None, ":0"):
        raise unusable("signals of several rates or with skew", path)
    gain = GAIN.match(fields[2]) if len(fields) > 2 else None
    if len(fields) > 2 and gain is None:
        raise unusable("a gain that cannot be understood", path)
    zero, checksum = (_whole(fields, place, path) for place in (4, 6))
    baseline = None if gain is None or gain["baseline"] is None else int(gain["baseline"])
    return _Signal(
        fields[0], coding["format"], int((coding["offset"] or "+0")[1:]), _gain(gain, path), baseline, zero or 0,
        checksum, (gain["unit"] if gain is not None else None) or "mV", fields[8] if len(fields) > 8 else "",
    )  # fmt: skip


def _gain(match: re.Match[str] | None, path: Path) -> float:
    try:
        gain = float(match["gain"]) if match is not None else 0.0
    except ValueError:
        raise unusable("a gain that cannot be understood", path) from None
    return gain if gain != 0 else USUAL_GAIN


def _whole(fields: Sequence[str], place: int, path: Path) -> int | None:
    if len(fields) <= place:
        return None
    if re.fullmatch(r"-?\d{1,12}", fields[place]) is None:
        raise unusable("a signal line that cannot be understood", path)
    return int(fields[place])


def _counts(signals: Sequence[_Signal], samples: int | None, path: Path) -> Counts:
    """(C, S) the samples of one signal file."""
    codings = {(signal.format, signal.offset) for signal in signals}
    if len(codings) > 1:
        raise unusable("a signal file of several formats", path)
    form, offset = codings.pop()
    values = _unpacked(content_of(path.parent / signals[0].file, "signal file: ")[offset:], form, path)
    length = len(values) // len(signals) if samples is None else samples
    if len(values) < length * len(signals) or length == 0:
        raise unusable("signal file has not as many samples as the header states", path)
    return values[: length * len(signals)].reshape(length, len(signals)).T


def _unpacked(content: bytes, form: str, path: Path) -> Counts:
    if form in WHOLE_BYTES:
        kind, zero = WHOLE_BYTES[form]
        size = np.dtype(kind).itemsize
        return np.frombuffer(content[: len(content) // size * size], dtype=kind).astype(np.int64) - zero
    if form == "212":
        return _twelve_bits(content)
    if form == "24":
        low, middle, high = np.frombuffer(content[: len(content) // 3 * 3], dtype=np.uint8).reshape(-1, 3).T.astype(np.int64)
        return _signed(low | middle << 8 | high << 16, 24)
    raise unusable(f"WFDB format {form[:6]}", path)


def _twelve_bits(content: bytes) -> Counts:
    """Format 212: two samples in three bytes; an odd last sample takes two."""
    whole = len(content) // 3 * 3
    first, middle, second = np.frombuffer(content[:whole], dtype=np.uint8).reshape(-1, 3).T.astype(np.int64)
    pairs = np.stack([first | (middle & 0x0F) << 8, second | (middle & 0xF0) << 4], axis=1).ravel()
    if len(content) - whole == 2:
        pairs = np.append(pairs, content[-2] | (content[-1] & 0x0F) << 8)
    return _signed(pairs, 12)


def _signed(values: Counts, bits: int) -> Counts:
    return np.where(values >= 1 << (bits - 1), values - (1 << bits), values)


def _take(leads: dict[str, NDArray[np.float64]], signal: _Signal, counts: Counts, path: Path) -> None:
    lead = standard_lead(signal.description)
    if not is_new(lead, leads, path):
        return
    uv = uv_of(signal.unit)
    if uv is None:
        raise unusable(f"unknown unit of lead {lead}", path)
    told = signal.checksum
    if told not in (None, 0) and told % 65536 != int(counts.sum()) % 65536:
        raise unusable(f"lead {lead} is not what was written (checksum)", path)
    baseline = signal.zero if signal.baseline is None else signal.baseline
    values = (counts - baseline) * (uv / signal.gain)
    leads[lead] = np.where(counts == _missing(signal.format), np.nan, values)


def _missing(form: str) -> int:
    bits = {"80": 8, "212": 12, "24": 24, "32": 32}.get(form, 16)
    return -(1 << (bits - 1))
