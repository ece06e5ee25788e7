"""SCP-ECG (EN 1064, ISO 11073-91064): rhythm data of section 6, plain or as differences, with or without the default Huffman
code.

All numbers are little-endian. A record consists of a checksum (CRC-CCITT, 2 bytes), its size (4) and sections. A section
consists of a checksum (2), its id (2), length (4), versions (2), six reserved bytes, and its data. Only these sections are
opened, never section 1 (the person):

    0   pointers: id (2), length (4), position of its first byte, counted from 1 (4)
    2   number of Huffman tables (2), 19999 for the default table; a record without this section is not Huffman-coded
    3   number of leads (1), flags (1: reference beat subtracted), then first (4) and last (4) sample and number of each lead
    6   nV per count (2), µs between samples (2), order of differences (1), bimodal (1), bytes of each lead (2), the leads

Default table (EN 1064, annex C): 0 is 0; n ones, a zero and a sign bit are +-n for n up to 8; nine ones and a zero precede 8
bits, ten ones 16 bits. Records with a subtracted reference beat, bimodal rates or private tables are refused.
"""

from __future__ import annotations

import binascii
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.lead_codes import LEAD_BY_NUMBER
from ecgwas.ecg.lead_groups import LeadGroup, best_groups
from ecgwas.ecg.recording import Recording, is_new_lead, unusable

NAME = "SCP-ECG"
HEADER_BYTES, POINTER_BYTES = 16, 10
MAGIC = b"SCPECG"
DEFAULT_TABLE = 19_999
SUBTRACTED = 1
MAX_SAMPLES = 10_000_000
NO_CHECKSUM_RIGHT = "the checksum of every section is wrong"
CONVERT = "export it uncompressed, or as DICOM or aECG, with the ECG device's own software"
CODE = re.compile(r"0|(1{1,8})0([01])|1{9}0([01]{8})|1{10}([01]{16})")

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class _Lead:
    """A lead of section 3: its number, and its first and last sample, counted from 1."""

    number: int
    first: int
    last: int

    @property
    def samples(self) -> int:
        return self.last - self.first + 1


def sniff(content: bytes) -> bool:
    """True if section 0 is where it must be; old versions leave its reserved bytes empty."""
    if len(content) < 6 + HEADER_BYTES:
        return False
    section, length, version = struct.unpack_from("<HIB", content, 8)
    if content[16:22] == MAGIC:
        return bool(section == 0)
    size = int.from_bytes(content[2:6], "little")
    return section == 0 and 26 <= length <= size == len(content) and version in range(10, 40)


def parse(content: bytes, path: Path) -> Recording:
    """Reads the rhythm data; raises InputError with a short reason."""
    if int.from_bytes(content[2:6], "little") > len(content):
        raise unusable("SCP-ECG record is cut off", path)
    try:
        return _recording(content, path)
    except struct.error:
        raise unusable("SCP-ECG record is malformed", path) from None


def _recording(content: bytes, path: Path) -> Recording:
    sections = _sections(content, path)
    warning = _checksum_warning({name: sections[name] for name in (2, 3, 6) if name in sections}, path)
    is_packed = 2 in sections
    if is_packed and struct.unpack_from("<H", sections[2], HEADER_BYTES)[0] != DEFAULT_TABLE:
        raise unusable("SCP-ECG with a private Huffman table", path, fix=CONVERT)
    definitions = _lead_definitions(_required_section(sections, 3, path), path)
    data = _required_section(sections, 6, path)
    count_nv, interval_us, order, bimodal = struct.unpack_from("<HHBB", data, HEADER_BYTES)
    if count_nv == 0 or interval_us == 0:
        raise unusable(f"SCP-ECG: {'nV of one count' if count_nv == 0 else 'time between samples'} is 0", path)
    if bimodal or order > 2:
        raise unusable(
            "SCP-ECG with bimodal compression" if bimodal else "SCP-ECG with unknown difference coding", path, fix=CONVERT
        )
    rows = _rows(data, definitions, is_packed, order, path)
    rate_hz = round(1e6 / interval_us, 6)
    leads = {
        lead: row.astype(np.float64) * (count_nv / 1000) for lead, row in _chosen(definitions, rows, rate_hz, path).items()
    }
    return Recording(leads, rate_hz, warning=warning)


def _sections(content: bytes, path: Path) -> dict[int, bytes]:
    """Number -> the bytes of each section that is opened, including its header."""
    length = struct.unpack_from("<I", content, 10)[0]
    sections = {}
    for place in range(6 + HEADER_BYTES, 6 + length - POINTER_BYTES + 1, POINTER_BYTES):
        number, size, index = struct.unpack_from("<HII", content, place)
        if number not in (2, 3, 6) or size == 0:
            continue
        section = content[index - 1 : index - 1 + size]
        if index == 0 or len(section) < size or size <= HEADER_BYTES or struct.unpack_from("<H", section, 2)[0] != number:
            raise unusable(f"SCP-ECG: section {number} is not where the file says", path)
        sections[number] = section
    return sections


def _required_section(sections: dict[int, bytes], number: int, path: Path) -> bytes:
    if number not in sections:
        raise unusable("SCP-ECG without rhythm data" if number == 6 else "SCP-ECG without its lead definition", path)
    return sections[number]


def _checksum_warning(sections: dict[int, bytes], path: Path) -> str:
    """If all checksums are wrong, the program did not compute any: a warning. If some are wrong, the file is damaged."""
    wrong = [
        number for number, one in sections.items() if binascii.crc_hqx(one[2:], 0xFFFF) != int.from_bytes(one[:2], "little")
    ]
    if 0 < len(wrong) < len(sections):
        raise unusable(f"SCP-ECG: section {wrong[0]} does not match its checksum", path)
    return NO_CHECKSUM_RIGHT if wrong else ""


def _lead_definitions(section: bytes, path: Path) -> list[_Lead]:
    count, flags = section[HEADER_BYTES], section[HEADER_BYTES + 1]
    if flags & SUBTRACTED:
        raise unusable("SCP-ECG with a reference beat subtracted", path, fix=CONVERT)
    leads = []
    for k in range(count):
        first, last, number = struct.unpack_from("<IIB", section, HEADER_BYTES + 2 + 9 * k)
        leads.append(_Lead(number, first, last))
    if not leads or any(not 0 < lead.samples <= MAX_SAMPLES for lead in leads):
        raise unusable("SCP-ECG: impossible number of samples", path)
    if len(set(leads)) < len(leads):
        raise unusable("a lead is given twice", path)
    return leads


def _rows(section: bytes, leads: list[_Lead], is_packed: bool, order: int, path: Path) -> list[Counts]:
    """The counts of each lead, in the order of section 3."""
    sizes = struct.unpack_from(f"<{len(leads)}H", section, HEADER_BYTES + 6)
    place = HEADER_BYTES + 6 + 2 * len(leads)
    rows = []
    for lead, size in zip(leads, sizes, strict=True):
        content = section[place : place + size]
        place += size
        if is_packed:
            values = _huffman_decoded(content, lead.samples)
        else:
            values = np.frombuffer(content[: size // 2 * 2], "<i2").astype(np.int64)
        if len(content) < size or len(values) < lead.samples:
            raise unusable("leads do not have as many samples as the file states", path)
        rows.append(_integrated(values[: lead.samples], order))
    return rows


def _huffman_decoded(content: bytes, samples: int) -> Counts:
    """(S,) the first values of Huffman-coded data; fewer if the code ends early or is invalid."""
    bits = f"{int.from_bytes(content):0{8 * len(content)}b}" if content else ""
    values: list[int] = []
    place = 0
    while len(values) < samples:
        match = CODE.match(bits, place)
        if match is None:
            break
        place = match.end()
        values.append(_value(match))
    return np.array(values, dtype=np.int64)


def _value(match: re.Match[str]) -> int:
    ones, sign, byte, word = match.groups()
    if ones is not None:
        return -len(ones) if sign == "1" else len(ones)
    written = byte or word
    if written is None:
        return 0
    return int(written, 2) - (1 << len(written) if written[0] == "1" else 0)


def _integrated(values: Counts, order: int) -> Counts:
    """(S,) counts from their differences of the given order; the first `order` values are counts themselves."""
    if order == 0 or len(values) <= order:
        return values
    if order == 1:
        return np.cumsum(values)
    slopes = np.cumsum(np.concatenate([[values[1] - values[0]], values[2:]]))
    return np.concatenate([values[:1], values[0] + np.cumsum(slopes)])


def _chosen(definitions: list[_Lead], rows: list[Counts], rate_hz: float, path: Path) -> dict[str, Counts]:
    """The standard leads that were recorded together."""
    groups = [
        LeadGroup(
            frozenset({LEAD_BY_NUMBER[lead.number]} if lead.number in LEAD_BY_NUMBER else ()),
            rate_hz,
            lead.samples,
            str(lead.first),
        )
        for lead in definitions
    ]
    leads: dict[str, Counts] = {}
    for place in best_groups(groups, path):
        name = LEAD_BY_NUMBER.get(definitions[place].number)
        if is_new_lead(name, leads, path):
            leads[name] = rows[place]
    if not leads:
        raise unusable("no standard lead", path)
    return leads
