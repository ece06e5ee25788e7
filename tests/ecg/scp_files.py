"""SCP-ECG records by the text of EN 1064, and Mortara XML, with anything wrong that a test wants; counts are of 5 µV."""

from __future__ import annotations

import base64
import binascii
import struct

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import INDEPENDENT_LEADS
from tests.ecg.dicom_files import NUMBERS
from tests.ecg.make_recordings import Counts, make_counts


def code(values: NDArray[np.int64]) -> bytes:
    """Huffman code of the default table, filled up to an even number of bytes."""
    bits = "".join(_code(int(value)) for value in values)
    bits += "0" * (-len(bits) % 16)
    return int(bits, 2).to_bytes(len(bits) // 8)


def _code(value: int) -> str:
    if value == 0:
        return "0"
    if abs(value) <= 8:
        return "1" * abs(value) + "0" + ("0" if value > 0 else "1")
    if -128 <= value <= 127:
        return "1111111110" + f"{value & 0xFF:08b}"
    return "1111111111" + f"{value & 0xFFFF:016b}"


def section(number: int, body: bytes, reserved: bytes = bytes(6)) -> bytes:
    """A section with its header and checksum."""
    body += bytes(len(body) % 2)
    rest = struct.pack("<HIBB6s", number, 16 + len(body), 20, 20, reserved) + body
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


def rhythm(rows: list[NDArray[np.int64]], *, order: int, packed: bool, nv: int, interval_us: int, bimodal: int) -> bytes:
    """Section 6."""
    parts = []
    for row in rows:
        values = np.concatenate([row[:order], np.diff(row, order)]) if order else row
        parts.append(code(values) if packed else values.astype("<i2").tobytes())
    sizes = struct.pack(f"<{len(parts)}H", *map(len, parts))
    return section(6, struct.pack("<HHBB", nv, interval_us, order, bimodal) + sizes + b"".join(parts))


def scp(
    counts: Counts | None = None, *, order: int = 2, packed: bool = True, nv: int = 5000, interval_us: int = 2000,
    flags: int = 4, table: int = 19_999, bimodal: int = 0, starts: dict[str, int] | None = None, reserved: bytes = b"SCPECG",
    wrong: tuple[int, ...] = (),
) -> bytes:  # fmt: skip
    """A record of the eight independent leads, with a person in section 1. wrong: sections of a wrong checksum."""
    counts = {lead: make_counts()[lead] for lead in INDEPENDENT_LEADS} if counts is None else counts
    leads = b"".join(
        struct.pack("<IIB", (starts or {}).get(lead, 1), (starts or {}).get(lead, 1) + len(row) - 1, NUMBERS.get(lead, 9))
        for lead, row in counts.items()
    )
    name = b"Do not read\0"
    person = bytes([0]) + struct.pack("<H", len(name)) + name + bytes([255, 0, 0])
    rows = [np.asarray(row, dtype=np.int64) for row in counts.values()]
    sections = {1: section(1, person)}
    if packed:
        sections[2] = section(2, struct.pack("<H", table))
    sections[3] = section(3, bytes([len(counts), flags]) + leads)
    sections[6] = rhythm(rows, order=order, packed=packed, nv=nv, interval_us=interval_us, bimodal=bimodal)
    for number in wrong:
        sections[number] = b"\0\0" + sections[number][2:]
    return _whole(sections, reserved)


def _whole(sections: dict[int, bytes], reserved: bytes) -> bytes:
    place = 7 + 16 + 10 * 12
    pointers = {0: (16 + 10 * 12, 7)}
    for number, one in sections.items():
        pointers[number] = (len(one), place)
        place += len(one)
    first = section(0, b"".join(struct.pack("<HII", k, *pointers.get(k, (0, 0))) for k in range(12)), reserved)
    rest = struct.pack("<I", place - 1) + first + b"".join(sections.values())
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


def mortara(counts: Counts | None = None, *, units: str = "200", rate: str = "500", **changed: str) -> bytes:
    """Mortara XML. changed: attributes of every channel."""
    counts = make_counts() if counts is None else counts
    channels = []
    for lead, row in counts.items():
        attributes = {
            "OFFSET": "0", "BITS": "16", "FORMAT": "SIGNED", "UNITS_PER_MV": units, "DURATION": str(len(row)),
            "SAMPLE_FREQ": rate, "ENCODING": "BASE64", "NAME": lead,
            "DATA": base64.b64encode(row.astype("<i2").tobytes()).decode(), **changed,
        }  # fmt: skip
        channels.append("<CHANNEL " + " ".join(f'{name}="{value}"' for name, value in attributes.items()) + " />")
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ECG ACQUISITION_TIME="20200102030405" VENT_RATE="62" AVERAGE_RR="968">'
        '<SUBJECT LAST_NAME="Do not read" ID="Do not read" DOB="19000101" /><SOURCE TYPE="ELI250" MANUFACTURER="MORTARA" />'
        '<TYPICAL_CYCLE BITS="16" UNITS_PER_MV="200" PR_DURATION="174" QRS_DURATION="89" QT="416" P_AXIS="50" QRS_AXIS="53">'
        '<TYPICAL_CYCLE_CHANNEL NAME="I" DATA="AAAAAAAA" /></TYPICAL_CYCLE>' + "".join(channels) + "</ECG>"
    ).encode()
