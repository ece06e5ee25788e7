"""MATLAB files that hold recordings: CPSC2018's struct, and the samples of PhysioNet Challenges' WFDB records.

Versions 4 and 5 (https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf), read by hand: of a struct with sex, age and
data only data is read, nothing nests, and no size is allocated that the file does not hold. Version 7.3 is HDF5 and refused.

    ECG   struct of sex, age, data (http://2018.icbeb.org/Challenge.html): data are (12, S) mV at 500 Hz, in the order of LEADS
    val   (C, S) whole numbers: the samples of a WFDB record, whose header says what they are; on their own they are refused
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.recording import MAX_BYTES, Recording, unusable
from ecgwas.leads import LEADS

NAME = "MATLAB file of CPSC2018"
VERSION_5, VERSION_7_3 = b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file"
HEADER_4, HEADER_5 = 20, 128
KINDS_4 = {0: "f8", 1: "f4", 2: "i4", 3: "i2", 4: "u2", 5: "u1"}
KINDS_5 = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Code of a type of numbers -> numpy's, of the two versions."""
MATRIX, COMPRESSED = 14, 15
STRUCT, NUMBERS = 2, range(6, 16)
COMPLEX = 0x0800
CPSC_HZ, CPSC_UV = 500.0, 1000.0
CPSC_FIELDS = {"sex", "age", "data"}
DAMAGED = (ValueError, struct.error, zlib.error, IndexError)

Numbers = NDArray[Any]


@dataclass(frozen=True)
class _Variable:
    """One matrix: name, class, shape, and what follows; `order` is < or >."""

    name: str
    kind: int
    is_complex: bool
    shape: tuple[int, ...]
    rest: bytes
    order: str


def sniff(content: bytes) -> bool:
    """True for a MATLAB file of version 5 or 7.3, and of version 4 that begins with a matrix of whole or real numbers."""
    return content.startswith((VERSION_5, VERSION_7_3)) or _head_4(content) is not None


def parse(content: bytes, path: Path) -> Recording:
    """The leads of a CPSC2018 file; raises InputError with a short reason for all else."""
    values = _understood(content, path, _cpsc)
    if values.ndim != 2 or len(values) != len(LEADS) or values.dtype.kind != "f":
        raise unusable("data of the struct ECG are not twelve leads in mV", path)
    rows = np.asarray(values, dtype=np.float64) * CPSC_UV
    return Recording({lead: np.ascontiguousarray(row) for lead, row in zip(LEADS, rows, strict=True)}, CPSC_HZ)


def samples_of_record(content: bytes, signals: int, path: Path) -> NDArray[np.int64]:
    """(S * C,) the samples of a WFDB record, those of one time together: the matrix `val` of whole numbers, (C, S).

    Raises InputError with a short reason.
    """
    values = _understood(content, path, _val)
    whole = bool(values.ndim == 2 and np.isfinite(values).all() and (values == np.rint(values)).all())
    if not whole or len(values) != signals or np.abs(values).max(initial=0) >= 2**31:
        raise unusable("signal file: val does not hold integers of as many signals as the header states", path)
    return values.astype(np.int64).T.ravel()


def _understood(content: bytes, path: Path, take: Callable[[bytes, Path], Numbers]) -> Numbers:
    if content.startswith(VERSION_7_3):
        raise unusable("a MATLAB file of version 7.3 (HDF5)", path, fix="save it in MATLAB with the option -v7")
    try:
        return take(content, path)
    except DAMAGED:
        raise unusable("MATLAB file cut off or malformed", path) from None


def _cpsc(content: bytes, path: Path) -> Numbers:
    """(12, S) the data of CPSC2018's struct."""
    variables = {} if _head_4(content) is not None else _variables(content)
    if not variables or "val" in variables:
        header = path.with_suffix(".hea")
        fix = (
            f"read its header, {header.name}"
            if header.is_file()
            else "put its header (.hea) next to it, or save the samples as .npy"
        )
        raise unusable("a MATLAB file without a scale, which is in its WFDB header (.hea)", path, fix=fix)
    whole = variables.get("ECG")
    fields = _fields(whole) if whole is not None and whole.kind == STRUCT and math.prod(whole.shape) == 1 else {}
    if whole is None or not set(fields) >= CPSC_FIELDS:
        raise unusable("a MATLAB file without the struct ECG (sex, age, data) of CPSC2018", path)
    return _numbers(_matrix(fields["data"], whole.order))


def _val(content: bytes, path: Path) -> Numbers:
    if _head_4(content) is not None:
        return _numbers_4(content)
    variables = _variables(content)
    if "val" not in variables:
        raise unusable("signal file: a MATLAB file without val", path)
    return _numbers(variables["val"])


def _head_4(content: bytes) -> tuple[int, int, int, int] | None:
    """Type of numbers, rows, columns and the place of the numbers of a file of version 4; None for other files."""
    if len(content) < HEADER_4 + 2:
        return None
    kind, rows, columns, imaginary, length = struct.unpack("<5i", content[:HEADER_4])
    name = content[HEADER_4 : HEADER_4 + length] if 2 <= length <= 64 else b""
    if kind not in [10 * one for one in KINDS_4] or imaginary != 0 or rows < 1 or columns < 1:
        return None
    is_name = name.endswith(b"\0") and name[:-1].replace(b"_", b"a").isalnum()
    return (kind // 10, rows, columns, HEADER_4 + length) if is_name else None


def _numbers_4(content: bytes) -> Numbers:
    head = _head_4(content)
    if head is None:
        raise ValueError("no matrix")
    kind, rows, columns, start = head
    return np.frombuffer(content, "<" + KINDS_4[kind], rows * columns, start).reshape(rows, columns, order="F")


def _variables(content: bytes) -> dict[str, _Variable]:
    """The matrices of a file of version 5, unpacked where they are compressed, but no further than a recording can be long."""
    order = ">" if content[126:128] == b"MI" else "<"
    left, found = MAX_BYTES, {}
    for kind, data in _elements(content[HEADER_5:], order):
        if kind == COMPRESSED:
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(data, left)
            if not unpacker.eof:
                raise ValueError("cut off, or too long")
            kind, data, _ = _element(unpacked, 0, order)
        left -= len(data)
        if left <= 0:
            raise ValueError("too long")
        if kind == MATRIX:
            one = _matrix(data, order)
            found[one.name] = one
    return found


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """(type, data) of one element after another."""
    place = 0
    while place + 8 <= len(content):
        kind, data, place = _element(content, place, order)
        yield kind, data


def _element(content: bytes, place: int, order: str) -> tuple[int, bytes, int]:
    """Type and data of the element at a place, and where the next one begins; one of at most four bytes stands in its tag."""
    kind, size = struct.unpack_from(f"{order}2I", content, place)
    if kind >> 16:
        kind, size, start, after = kind & 0xFFFF, kind >> 16, place + 4, place + 8
    else:
        start = place + 8
        after = start + size + (0 if kind == COMPRESSED else -size % 8)
    if start + size > len(content) or (start == place + 4 and size > 4):
        raise ValueError("an element that is longer than the file")
    return kind, content[start : start + size], after


def _matrix(data: bytes, order: str) -> _Variable:
    _, flags, place = _element(data, 0, order)
    _, dims, place = _element(data, place, order)
    _, name, place = _element(data, place, order)
    bits = struct.unpack_from(f"{order}I", flags)[0]
    shape = tuple(int(size) for size in np.frombuffer(dims, f"{order}i4"))
    return _Variable(name.decode("latin-1"), bits & 0xFF, bool(bits & COMPLEX), shape, data[place:], order)


def _fields(whole: _Variable) -> dict[str, bytes]:
    """Name of a struct's field -> its matrix, unread."""
    _, width, place = _element(whole.rest, 0, whole.order)
    _, names, place = _element(whole.rest, place, whole.order)
    step = struct.unpack_from(f"{whole.order}i", width)[0]
    if step < 1:
        raise ValueError("names without length")
    found: dict[str, bytes] = {}
    for start in range(0, len(names), step):
        _, data, place = _element(whole.rest, place, whole.order)
        found[names[start : start + step].split(b"\0")[0].decode("latin-1")] = data
    return found


def _numbers(one: _Variable) -> Numbers:
    """The numbers of a real matrix, in its shape."""
    if one.kind not in NUMBERS or one.is_complex:
        raise ValueError("no real numbers")
    kind, data, _ = _element(one.rest, 0, one.order)
    if kind not in KINDS_5:
        raise ValueError("no numbers")
    return np.frombuffer(data, one.order + KINDS_5[kind]).reshape(one.shape, order="F")
