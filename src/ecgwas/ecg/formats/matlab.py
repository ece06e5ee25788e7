"""MATLAB files with recordings: the struct of CPSC2018, and the samples of the PhysioNet Challenges' WFDB records.

Versions 4 and 5 (https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf), read without a
library: of a struct with sex, age and data only data is read, nesting is not followed, and no memory is allocated beyond what
the file holds. Version 7.3 is HDF5 and is refused.

    ECG   struct of sex, age, data (http://2018.icbeb.org/Challenge.html): data is (12, S) mV at 500 Hz, in the order of LEADS
    val   (C, S) integers: the samples of a WFDB record, which need its header; without it they are refused
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
"""Code of a number type in each version -> numpy's."""
MATRIX, COMPRESSED = 14, 15
STRUCT, NUMBERS = 2, range(6, 16)
COMPLEX = 0x0800
CPSC_HZ, CPSC_UV = 500.0, 1000.0
CPSC_FIELDS = {"sex", "age", "data"}
DAMAGED = (ValueError, struct.error, zlib.error, IndexError)

Numbers = NDArray[Any]


@dataclass(frozen=True)
class _Variable:
    """One matrix: name, class, shape, and the bytes that follow; `order` is the byte order, < or >."""

    name: str
    kind: int
    is_complex: bool
    shape: tuple[int, ...]
    rest: bytes
    order: str


def sniff(content: bytes) -> bool:
    """True for a MATLAB file of version 5 or 7.3, or one of version 4 that begins with a matrix of real numbers."""
    return content.startswith((VERSION_5, VERSION_7_3)) or _head_4(content) is not None


def parse(content: bytes, path: Path) -> Recording:
    """Reads the leads of a CPSC2018 file; raises InputError with a short reason for any other."""
    values = _undamaged(content, path, _cpsc)
    if values.ndim != 2 or len(values) != len(LEADS) or values.dtype.kind != "f":
        raise unusable("data of the struct ECG are not twelve leads in mV", path)
    rows = np.asarray(values, dtype=np.float64) * CPSC_UV
    return Recording({lead: np.ascontiguousarray(row) for lead, row in zip(LEADS, rows, strict=True)}, CPSC_HZ)


def samples_of_record(content: bytes, signals: int, path: Path) -> NDArray[np.int64]:
    """(S * C,) the samples of a WFDB record, interleaved, from the matrix `val` of integers, (C, S).

    Raises InputError with a short reason.
    """
    values = _undamaged(content, path, _val)
    are_integers = bool(values.ndim == 2 and np.isfinite(values).all() and (values == np.rint(values)).all())
    if not are_integers or len(values) != signals or np.abs(values).max(initial=0) >= 2**31:
        raise unusable("signal file: val does not hold integers of as many signals as the header states", path)
    return values.astype(np.int64).T.ravel()


def _undamaged(content: bytes, path: Path, take: Callable[[bytes, Path], Numbers]) -> Numbers:
    if content.startswith(VERSION_7_3):
        raise unusable("a MATLAB file of version 7.3 (HDF5)", path, fix="save it in MATLAB with the option -v7")
    try:
        return take(content, path)
    except DAMAGED:
        raise unusable("MATLAB file cut off or malformed", path) from None


def _cpsc(content: bytes, path: Path) -> Numbers:
    """(12, S) the data of the CPSC2018 struct."""
    variables = {} if _head_4(content) is not None else _variables(content)
    if not variables or "val" in variables:
        header = path.with_suffix(".hea")
        fix = (
            f"read its header, {header.name}"
            if header.is_file()
            else "put its header (.hea) next to it, or save the samples as .npy"
        )
        raise unusable("a MATLAB file without a scale, which is in its WFDB header (.hea)", path, fix=fix)
    ecg_struct = variables.get("ECG")
    is_struct = ecg_struct is not None and ecg_struct.kind == STRUCT and math.prod(ecg_struct.shape) == 1
    fields = _fields(ecg_struct) if ecg_struct is not None and is_struct else {}
    if ecg_struct is None or not set(fields) >= CPSC_FIELDS:
        raise unusable("a MATLAB file without the struct ECG (sex, age, data) of CPSC2018", path)
    return _numbers(_matrix(fields["data"], ecg_struct.order))


def _val(content: bytes, path: Path) -> Numbers:
    if _head_4(content) is not None:
        return _numbers_4(content)
    variables = _variables(content)
    if "val" not in variables:
        raise unusable("signal file: a MATLAB file without val", path)
    return _numbers(variables["val"])


def _head_4(content: bytes) -> tuple[int, int, int, int] | None:
    """Number type, rows, columns and position of the numbers in a file of version 4; None for other files."""
    if len(content) < HEADER_4 + 2:
        return None
    kind, rows, columns, imaginary, length = struct.unpack("<5i", content[:HEADER_4])
    name = content[HEADER_4 : HEADER_4 + length] if 2 <= length <= 64 else b""
    if kind not in [10 * code for code in KINDS_4] or imaginary != 0 or rows < 1 or columns < 1:
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
    """The matrices of a file of version 5, decompressed if necessary, up to the size limit of recordings."""
    order = ">" if content[126:128] == b"MI" else "<"
    remaining_bytes, variables = MAX_BYTES, {}
    for kind, data in _elements(content[HEADER_5:], order):
        if kind == COMPRESSED:
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(data, remaining_bytes)
            if not unpacker.eof:
                raise ValueError("cut off, or too long")
            kind, data, _ = _element(unpacked, 0, order)
        remaining_bytes -= len(data)
        if remaining_bytes <= 0:
            raise ValueError("too long")
        if kind == MATRIX:
            variable = _matrix(data, order)
            variables[variable.name] = variable
    return variables


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """(type, data) of each element in turn."""
    place = 0
    while place + 8 <= len(content):
        kind, data, place = _element(content, place, order)
        yield kind, data


def _element(content: bytes, place: int, order: str) -> tuple[int, bytes, int]:
    """Type and data of the element at a position, and where the next begins. Up to four bytes are stored in the tag itself."""
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


def _fields(variable: _Variable) -> dict[str, bytes]:
    """Field name of a struct -> the bytes of its matrix."""
    _, width, place = _element(variable.rest, 0, variable.order)
    _, names, place = _element(variable.rest, place, variable.order)
    step = struct.unpack_from(f"{variable.order}i", width)[0]
    if step < 1:
        raise ValueError("names without length")
    fields: dict[str, bytes] = {}
    for start in range(0, len(names), step):
        _, data, place = _element(variable.rest, place, variable.order)
        fields[names[start : start + step].split(b"\0")[0].decode("latin-1")] = data
    return fields


def _numbers(variable: _Variable) -> Numbers:
    """The numbers of a real matrix, with its shape."""
    if variable.kind not in NUMBERS or variable.is_complex:
        raise ValueError("no real numbers")
    kind, data, _ = _element(variable.rest, 0, variable.order)
    if kind not in KINDS_5:
        raise ValueError("no numbers")
    return np.frombuffer(data, variable.order + KINDS_5[kind]).reshape(variable.shape, order="F")
