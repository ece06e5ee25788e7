"""WFDB records (PhysioNet): a header (.hea) that names its signal files, which are in the same folder.

Described in https://physionet.org/physiotools/wag/header-5.htm and signal-5.htm. Not read with the library `wfdb`, which opens
any path that a header names and can fetch it from the internet: here, file names in a header must be names, not paths.

    record line     name signals rate[/counter][(base)] samples [time date]
    signal line     file format[xspf][:skew][+offset] gain[(baseline)][/unit] resolution zero first checksum block description

Formats 16, 61, 80, 212, 24 and 32. µV = (sample - baseline) / gain * unit. A signal without a gain, or with gain 0, is not
calibrated and is refused. The unit is mV if none is stated, as the specification says. The lowest value of a format means "no
sample" and becomes NaN. The checksum (16-bit sum of all samples) must match the header's; many programs write 0 instead of
computing it. If the checksums of all of several signals are wrong, the program did not compute any: a warning. Comments (`#`)
hold diagnoses and dates and are not read. Signal files in MATLAB's format (PhysioNet Challenges) are read by `matlab`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.formats import matlab
from ecgwas.ecg.recording import NAME_LEADS, Recording, is_new_lead, read_content, unusable
from ecgwas.ecg.spellings import decoded, number, standard_lead, uv_of

NAME = "WFDB record"
RECORD = re.compile(
    r"^(?:[\w.-]*[/\\])*?[\w.-]+(?P<segments>/\d+)?[ \t]+(?P<signals>\d{1,4})"
    r"(?:[ \t]+(?P<rate>\d{1,9}(?:\.\d{0,30})?(?:[eE][+-]?\d{1,3})?)(?:[/(][^ \t]*)?"
    r"(?:[ \t]+(?P<samples>\d{1,12})(?:[ \t].*)?)?)?$"
)
"""A folder before the record's name, which some programs write, is ignored."""

FILE_NAME = re.compile(r"^[\w][\w .+-]*$")
CODING = re.compile(r"^(?P<format>\d{1,3})(?P<frame>x\d{1,9})?(?P<skew>:\d{1,9})?(?P<offset>\+\d{1,9})?$")
GAIN = re.compile(r"^(?P<gain>[-+\d.eE]+)(?:\((?P<baseline>-?\d{1,12})\))?(?:/(?P<unit>\S+))?$")
DEFAULT_RATE_HZ = 250.0
"""The specification's default if a header states no rate."""
CODINGS = frozenset({"8", "16", "24", "32", "61", "80", "160", "212", "310", "311", "508", "516", "524"})
MAX_BASELINE = 2**31 - 1
WHOLE_BYTES = {"16": ("<i2", 0), "61": (">i2", 0), "80": ("u1", 128), "32": ("<i4", 0)}
"""Format -> numpy's type and the offset to subtract."""

Counts = NDArray[np.int64]


NO_CHECKSUM_RIGHT = "the checksum of every signal is wrong"
LONGER = "the signal file holds more samples than the header states"
NEGATIVE = "negative gain"


@dataclass(frozen=True)
class _Signal:
    """One signal line."""

    file: str
    format: str
    offset: int
    gain: float
    baseline: int
    checksum: int | None
    unit: str
    description: str


def sniff(content: bytes) -> bool:
    """True if the first line that is not a comment is a record line, and the next, if any, looks like a line of a header."""
    lines = _lines(content[:4096])
    record = RECORD.match(lines[0]) if lines else None
    if record is None:
        return False
    if len(lines) == 1:
        return int(record["signals"]) == 0 and record["rate"] is not None
    return _is_signal_line(lines[1]) or (record["segments"] is not None and len(lines[1].split()) == 2)


def _is_signal_line(line: str) -> bool:
    """True for a line with file, format and more; the line of a segment has its name and number of samples."""
    fields = line.split()
    coding = CODING.match(fields[1]) if len(fields) >= 2 else None
    return coding is not None and (len(fields) > 2 or coding["format"] in CODINGS)


def _lines(content: bytes) -> list[str]:
    text = decoded(content).rstrip("\0\x1a")
    if "\0" in text:
        return []
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def companions(content: bytes, path: Path) -> tuple[Path, ...]:
    """The signal files that a header names, if their names have no path."""
    names = [line.split()[0] for line in _lines(content)[1:] if _is_signal_line(line)]
    return tuple(path.parent / name for name in dict.fromkeys(names) if FILE_NAME.match(name))


def parse(content: bytes, path: Path) -> Recording:
    """Reads the record of a header; raises InputError with a short reason."""
    lines = _lines(content)
    record = RECORD.match(lines[0])
    if record is None or (record["segments"] is not None and not (len(lines) > 1 and _is_signal_line(lines[1]))):
        raise unusable("a WFDB record with several segments", path, fix="use the headers (.hea) of its segments instead")
    count = int(record["signals"])
    if count == 0:
        raise unusable("a WFDB header without signals", path)
    if len(lines) - 1 < count:
        raise unusable("fewer signal lines than the header states", path)
    rate_hz = float(record["rate"] or DEFAULT_RATE_HZ)
    if not rate_hz > 0:
        raise unusable("the rate is not above 0", path)
    signals = [_signal(line, path) for line in lines[1 : count + 1]]
    if not any(standard_lead(signal.description) for signal in signals):
        raise unusable("no signal of a standard lead", path, fix=NAME_LEADS)
    leads, warnings = _leads(signals, int(record["samples"] or 0), path)
    if record["rate"] is None:
        warnings.add(f"the header states no rate: {DEFAULT_RATE_HZ:g} Hz, the default of the format")
    return Recording(leads, rate_hz, warning="; ".join(sorted(warnings)))


def _leads(signals: Sequence[_Signal], samples: int, path: Path) -> tuple[dict[str, NDArray[np.float64]], set[str]]:
    """The leads and the warnings. samples: per signal, 0 if the header does not state it."""
    leads: dict[str, NDArray[np.float64]] = {}
    warnings: set[str] = set()
    sums: list[tuple[_Signal, int]] = []
    misread: list[_Signal] = []
    for file in dict.fromkeys(signal.file for signal in signals):
        of_file = [signal for signal in signals if signal.file == file]
        values = _values(of_file, path)
        length = samples or len(values) // len(of_file)
        if len(values) < length * len(of_file) or length == 0:
            raise unusable("signal file does not have as many samples as the header states", path)
        padding = 1 if of_file[0].format == "212" else 0
        if len(values) - padding >= (length + 1) * len(of_file):
            warnings.add(LONGER)
            misread += of_file if _fits_other_signals(len(values), length, len(of_file)) else []
        for signal, counts in zip(of_file, values[: length * len(of_file)].reshape(length, -1).T, strict=True):
            _add_lead(leads, signal, counts, path)
            sums.append((signal, int(counts.sum())))
    if misread and not any(
        one.checksum not in (None, 0) and _matches_checksum(one, total) for one, total in sums if one in misread
    ):
        fix = "correct the number of signals or of samples in the header"
        raise unusable("the signal file has more signals or more samples than the header states", path, fix=fix)
    warnings |= {NEGATIVE} if any(signal.gain < 0 and standard_lead(signal.description) for signal in signals) else set()
    return leads, warnings | _checksum_warnings(sums, path)


def _fits_other_signals(values: int, length: int, signals: int) -> bool:
    """True if the file's size fits another number of signals of that length, not a multiple of the stated one."""
    return values % length == 0 and (values // length) % signals != 0


def _matches_checksum(signal: _Signal, total: int) -> bool:
    return signal.checksum is not None and signal.checksum % 65536 == total % 65536


def _checksum_warnings(sums: Sequence[tuple[_Signal, int]], path: Path) -> set[str]:
    """A warning if the checksums of all of several signals are wrong; raises InputError if those of some leads are."""
    wrong = [signal for signal, total in sums if signal.checksum not in (None, 0) and not _matches_checksum(signal, total)]
    leads = [lead for lead in (standard_lead(signal.description) for signal in wrong) if lead is not None]
    if 1 < len(sums) == len(wrong):
        return {NO_CHECKSUM_RIGHT}
    if leads:
        raise unusable(f"lead {leads[0]} does not match its checksum", path)
    return set()


def _signal(line: str, path: Path) -> _Signal:
    fields = line.split(maxsplit=8)
    coding = CODING.match(fields[1]) if len(fields) > 1 else None
    if coding is None:
        raise unusable("a malformed signal line", path)
    if not FILE_NAME.match(fields[0]):
        raise unusable("a signal file with a path in its name", path)
    if coding["frame"] not in (None, "x1") or coding["skew"] not in (None, ":0"):
        raise unusable("signals have different rates, or skew", path)
    description = fields[8] if len(fields) > 8 else ""
    zero, checksum = (_whole(fields, place, path) for place in (4, 6))
    gain, baseline, unit = _scale(fields[2] if len(fields) > 2 else "", description, path)
    baseline = (zero or 0) if baseline is None else baseline
    if abs(baseline) > MAX_BASELINE:
        raise unusable(f"baseline of signal '{description[:20]}' is beyond 32 bits", path)
    return _Signal(
        fields[0], coding["format"], int((coding["offset"] or "+0")[1:]), gain, baseline, checksum, unit, description
    )  # fmt: skip


def _scale(text: str, description: str, path: Path) -> tuple[float, int | None, str]:
    """Gain, baseline and unit from a signal line's third field; not checked for a signal that is not a lead."""
    lead = standard_lead(description)
    if lead is None:
        return 1.0, None, ""
    match = GAIN.match(text)
    gain = None if match is None else number(match["gain"])
    if match is None or gain is None:
        fault = f"is '{text[:20]}', which is not valid" if text else "is missing"
        raise unusable(f"gain of lead {lead} {fault}", path)
    if gain == 0:
        raise unusable(f"gain of lead {lead} is 0: it is not calibrated", path)
    return gain, None if match["baseline"] is None else int(match["baseline"]), match["unit"] or "mV"


def _whole(fields: Sequence[str], place: int, path: Path) -> int | None:
    if len(fields) <= place:
        return None
    if re.fullmatch(r"-?\d{1,12}", fields[place]) is None:
        raise unusable("a malformed signal line", path)
    return int(fields[place])


def _values(signals: Sequence[_Signal], path: Path) -> Counts:
    """(S * C,) the samples of one signal file, interleaved."""
    codings = {(signal.format, signal.offset) for signal in signals}
    if len(codings) > 1:
        raise unusable("a signal file in several formats", path)
    form, offset = codings.pop()
    file = path.parent / signals[0].file
    content = read_content(file, "signal file: ")
    if matlab.sniff(content):
        return matlab.samples_of_record(content, len(signals), file)
    return _unpacked(content[offset:], form, path)


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
    raise unusable(f"WFDB format {form[:6]}", path, fix="convert the record to format 16 (PhysioNet's xform)")


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


def _add_lead(leads: dict[str, NDArray[np.float64]], signal: _Signal, counts: Counts, path: Path) -> None:
    lead = standard_lead(signal.description)
    if not is_new_lead(lead, leads, path):
        return
    uv = uv_of(signal.unit)
    if uv is None:
        raise unusable(f"unknown unit of lead {lead}: '{signal.unit[:20]}'", path)
    values = (counts - signal.baseline) * (uv / signal.gain)
    leads[lead] = np.where(counts == _missing(signal.format), np.nan, values)


def _missing(form: str) -> int:
    bits = {"80": 8, "212": 12, "24": 24, "32": 32}.get(form, 16)
    return -(1 << (bits - 1))
