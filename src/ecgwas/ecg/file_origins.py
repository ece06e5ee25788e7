"""When a recording was made, with which ECG device and, only if asked, whose it is, from the file's own header.

Only `ecgwas init` calls this, to draw up a table of recordings. The readers of formats read nothing about the person, and
this module reads no name, no birth date and no address: it takes the elements listed below and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ecgwas import extras
from ecgwas.ecg.formats import Format, cardiosoft, cardiosoft_exercise, dicom, edf, mortara, muse, philips, scp, wfdb
from ecgwas.ecg.formats import aecg as hl7
from ecgwas.ecg.spellings import decoded
from ecgwas.ecg.xml_tree import Element, parse_root
from ecgwas.errors import EcgwasError

DEVICE_DIGITS = 8
TIMES = (
    "%Y-%m-%d %H:%M:%S", "%m-%d-%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%Y%m%d %H%M%S", "%Y%m%d %H%M", "%Y%m%d %H:%M:%S",
    "%d.%m.%y %H.%M.%S", "%d/%m/%Y %H:%M:%S", "%Y-%m-%d", "%m-%d-%Y", "%m/%d/%Y", "%Y%m%d", "%d.%m.%y", "%d/%m/%Y",
)  # fmt: skip
"""Dates with and without a time. MUSE writes the month first, EDF (dots) and WFDB (below) the day."""
DIGITS = {"%Y%m%d %H%M%S": 15, "%Y%m%d %H%M": 13, "%Y%m%d": 8}
"""Forms without separators -> characters: strptime would split 1405 into 14:0:5."""
DAY_FIRST = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y")
FIRST_YEAR = 1960


@dataclass(frozen=True)
class FileOrigin:
    """What a file says of its origin.

    own_id   the person's id in the file; empty if it was not asked for, or the file has none
    time     `2019-03-31 14:05:00`, or the day alone; empty if the file states none that is plausible
    device   eight hexadecimal digits that are the same for files of the same device (model and serial number); else empty
    """

    own_id: str = ""
    time: str = ""
    device: str = ""


@dataclass(frozen=True)
class _Stated:
    """The texts of a header: ids, date and time as written, and what names the device."""

    own_id: str | None = None
    time: str | None = None
    device: tuple[str | None, ...] = ()
    day_first: bool = False


def file_origin(file_format: Format, content: bytes, path: Path, *, with_id: bool) -> FileOrigin:
    """The origin that the header of a file of a known format states; empty texts where it cannot be read.

    Raises ToolError if the format is read with a package that is not installed.
    with_id: False: the person's id is neither looked up nor decoded.
    """
    read = HEADERS.get(file_format.NAME)
    if read is None:
        return FileOrigin()
    extras.require(*getattr(file_format, "PACKAGES", ()), by=f"a recording ({file_format.NAME})", where=path)
    try:
        stated = read(content, path, with_id)
    except (EcgwasError, struct.error, ValueError, *dicom.DAMAGED):
        return FileOrigin()
    own_id = " ".join((stated.own_id or "").split())
    return FileOrigin(own_id, _time(stated), _hashed(stated.device))


def _time(stated: _Stated) -> str:
    """The time in one form; empty if it is none, or before FIRST_YEAR (devices without a clock)."""
    text = " ".join((stated.time or "").replace("T", " ").split()).split("+")[0].split(".000")[0]
    for form in DAY_FIRST if stated.day_first else TIMES:
        if form in DIGITS and len(text) != DIGITS[form]:
            continue
        try:
            moment = datetime.strptime(text, form)
        except ValueError:
            continue
        if FIRST_YEAR <= moment.year <= datetime.now().year + 1:
            return moment.isoformat(sep=" ") if "%H" in form else moment.date().isoformat()
    return ""


def _hashed(parts: tuple[str | None, ...]) -> str:
    text = "|".join(" ".join((part or "").split()) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:DEVICE_DIGITS] if text.strip("| ") else ""


def _joined(*parts: str | None) -> str:
    return " ".join(part.strip() for part in parts if part)


def _attribute(root: Element, place: str, name: str) -> str | None:
    element = root.find(place)
    return None if element is None else element.get(name)


def _muse(content: bytes, path: Path, with_id: bool) -> _Stated:
    root = parse_root(content, path, name=muse.ROOT)
    test = "TestDemographics/"
    time = _joined(root.findtext(f"{test}AcquisitionDate"), root.findtext(f"{test}AcquisitionTime"))
    device = tuple(
        root.findtext(f"{test}{name}") for name in ("AcquisitionDevice", "CartNumber", "AcquisitionDeviceSerialNumber")
    )
    own_id = root.findtext("PatientDemographics/PatientID") if with_id else None
    return _Stated(own_id, time, device)


def _cardiosoft(content: bytes, path: Path, with_id: bool) -> _Stated:
    root = parse_root(content, path, name=cardiosoft.ROOT)
    year, month, day, hour, minute, second = (
        (root.findtext(f"ObservationDateTime/{name}") or "0").strip()
        for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")
    )
    time = f"{year}-{month:0>2}-{day:0>2} {hour:0>2}:{minute:0>2}:{second:0>2}"
    device = (root.findtext(".//DeviceInfo/Desc"), root.findtext("Device-Type"))
    own_id = (root.findtext(".//PatientInfo/PID") or root.findtext(".//PID")) if with_id else None
    return _Stated(own_id, time, device)


def _hl7(content: bytes, path: Path, with_id: bool) -> _Stated:
    root = parse_root(content, path, name=hl7.ROOT)
    places = ("effectiveTime/center", ".//series/effectiveTime/low", "effectiveTime/low")
    time = next((text for text in (_attribute(root, place, "value") for place in places) if text), "")
    digits = re.sub(r"[^0-9].*", "", time)
    device = root.find(".//manufacturedSeriesDevice")
    about = (
        ()
        if device is None
        else (_attribute(device, "id", "root"), _attribute(device, "id", "extension"), device.findtext("manufacturerModelName"))
    )
    own_id = _attribute(root, ".//trialSubject/id", "extension") if with_id else None
    return _Stated(own_id, f"{digits[:8]} {digits[8:14]}".strip(), about)


def _philips(content: bytes, path: Path, with_id: bool) -> _Stated:
    root = parse_root(content, path, name=philips.ROOT)
    own_id = root.findtext("patient/generalpatientdata/patientid") if with_id else None
    acquired = root.find("dataacquisition")
    if acquired is None:
        return _Stated(own_id)
    machine = acquired.find("machine")
    device = () if machine is None else (machine.text, machine.get("machineid"))
    return _Stated(own_id, _joined(acquired.get("date"), acquired.get("time")), device)


def _mortara(content: bytes, path: Path, with_id: bool) -> _Stated:
    root = parse_root(content, path, name=mortara.ROOT)
    digits = root.get("ACQUISITION_TIME", "")
    device = tuple(_attribute(root, "SOURCE", name) for name in ("MODEL", "ACQUIRING_DEVICE_SERIAL_NUMBER"))
    own_id = _attribute(root, "SUBJECT", "ID") if with_id else None
    return _Stated(own_id, f"{digits[:8]} {digits[8:14]}".strip(), device)


DICOM_ID = "PatientID"
DICOM_ELEMENTS = (
    "AcquisitionDateTime", "ContentDate", "ContentTime", "StudyDate", "StudyTime", "ManufacturerModelName",
    "DeviceSerialNumber",
)  # fmt: skip


def _dicom(content: bytes, path: Path, with_id: bool) -> _Stated:
    library: Any = extras.load("pydicom", by=f"a recording ({dicom.NAME})", where=path)
    elements = [*DICOM_ELEMENTS, *([DICOM_ID] if with_id else [])]
    whole = library.dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=elements, force=True)
    text = {name: str(whole.get(name) or "") for name in elements}
    digits = re.sub(r"[^0-9].*", "", text["AcquisitionDateTime"])
    days = ((text["ContentDate"], text["ContentTime"]), (text["StudyDate"], text["StudyTime"]))
    day, clock = (digits[:8], digits[8:14]) if digits else next((pair for pair in days if pair[0]), ("", ""))
    time = _joined(day.replace(".", ""), re.sub(r"[.].*", "", clock))
    return _Stated(text.get(DICOM_ID), time, (text["ManufacturerModelName"], text["DeviceSerialNumber"]))


def _scp(content: bytes, path: Path, with_id: bool) -> _Stated:
    """Tags of section 1: 25 date, 26 time, 14 the device and, if asked, 2 the person's id; the other tags are skipped."""
    needed_tags = (14, 25, 26, *((2,) if with_id else ()))
    length = struct.unpack_from("<I", content, 10)[0]
    tags: dict[int, bytes] = {}
    for place in range(6 + scp.HEADER_BYTES, 6 + length - scp.POINTER_BYTES + 1, scp.POINTER_BYTES):
        number, size, index = struct.unpack_from("<HII", content, place)
        if number == 1 and size:
            tags = _scp_tags(content[index - 1 + scp.HEADER_BYTES : index - 1 + size], needed_tags)
    day, clock = tags.get(25, b""), tags.get(26, b"")
    time = f"{int.from_bytes(day[:2], 'little'):04d}{day[2]:02d}{day[3]:02d}" if len(day) >= 4 else ""
    time += f" {clock[0]:02d}{clock[1]:02d}{clock[2]:02d}" if time and len(clock) >= 3 else ""
    return _Stated(decoded(tags.get(2, b"")).strip("\0 "), time, (tags.get(14, b"").hex(),))


def _scp_tags(section: bytes, needed_tags: Collection[int]) -> dict[int, bytes]:
    tags: dict[int, bytes] = {}
    place = 0
    while place + 3 <= len(section) and section[place] != 255:
        tag, size = section[place], int.from_bytes(section[place + 1 : place + 3], "little")
        if tag in needed_tags:
            tags.setdefault(tag, section[place + 3 : place + 3 + size])
        place += 3 + size
    return tags


def _edf(content: bytes, _: Path, with_id: bool) -> _Stated:
    """Bytes 8 to 88 begin with the person's code (X: none); 88 to 168 may name the device; 168 to 184 are date and time."""
    person = decoded(content[8:88]).split() if with_id else []
    recording = decoded(content[88:168]).split()
    own_id = person[0] if person and person[0] != "X" else None
    device = recording[4] if len(recording) > 4 and recording[0] == "Startdate" and recording[4] != "X" else None
    return _Stated(own_id, _joined(decoded(content[168:176]), decoded(content[176:184])), (device,))


def _wfdb(content: bytes, _: Path, _with_id: bool) -> _Stated:
    """The record line ends with time and date; a header has neither an id nor a device. Comments are not read."""
    line = next((line for line in decoded(content[:4096]).splitlines() if line.strip() and not line.startswith("#")), "")
    match = re.search(r"\s(\d{1,2}:\d\d:\d\d)(?:\.\d+)?\s+(\d{1,2}/\d{1,2}/\d{4})\s*$", line)
    return _Stated(time=f"{match[2]} {match[1]}" if match else None, day_first=True)


HEADERS: Mapping[str, Callable[[bytes, Path, bool], _Stated]] = {
    muse.NAME: _muse, cardiosoft.NAME: _cardiosoft, cardiosoft_exercise.NAME: _cardiosoft, hl7.NAME: _hl7,
    philips.NAME: _philips, mortara.NAME: _mortara, dicom.NAME: _dicom, scp.NAME: _scp, edf.NAME: _edf, wfdb.NAME: _wfdb,
}  # fmt: skip
"""Format -> reader of its header. MATLAB files, tables and arrays have no header."""
