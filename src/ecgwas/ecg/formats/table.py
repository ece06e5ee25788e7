"""Plain numbers: a text table (.csv, .tsv, also gzipped) or an array (.npy), with a sidecar that says what they mean.

Sidecars are described in `ecgwas.ecg.sidecar`, tables in `ecgwas.ecg.text_table`. Columns that name no lead are ignored; times
must agree with the sidecar's rate (`ecgwas.ecg.table_times`). The unit may be stated in a line of units, in the column names
(`I (mV)`) or in the sidecar, and must be the same wherever it is stated. Arrays are (leads, samples) or (samples, leads) of
integers or real numbers in any byte order; arrays of objects, which would need pickle, are refused.
"""

from __future__ import annotations

import io
import math
import tokenize
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg import sidecar as sidecars
from ecgwas.ecg import text_table
from ecgwas.ecg.recording import MAX_BYTES, Recording, is_new_lead, unusable
from ecgwas.ecg.sidecar import Sidecar
from ecgwas.ecg.spellings import standard_lead, uv_of
from ecgwas.ecg.table_times import check_times
from ecgwas.ecg.text_table import TextTable

NAME = "table or array with a sidecar"
ARRAY, GZIP = b"\x93NUMPY", b"\x1f\x8b"
HEAD_BYTES = 8192
DAMAGED = (ValueError, OSError, EOFError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError)
"""What numpy raises for a faulty array header, which it parses as a Python literal."""

NAME_LEADS = "name the leads I, II, ..., V6 in the table's first line, or as `leads` of the sidecar (docs/read.md)"

Floats = NDArray[np.float64]


def sniff(content: bytes) -> bool:
    """True for a .npy file, and for text that begins like a table of numbers; either may be gzipped."""
    head = content[:HEAD_BYTES]
    if head.startswith(GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(content, HEAD_BYTES)
        except zlib.error:
            return False
    return head.startswith(ARRAY) or text_table.sniff(head)


def companions(content: bytes, path: Path) -> tuple[Path, ...]:
    """The sidecar, if there is one."""
    sidecar = sidecars.find_sidecar(path)
    return () if sidecar is None else (sidecar,)


def parse(content: bytes, path: Path) -> Recording:
    """Reads the leads; raises InputError with a short reason."""
    sidecar = sidecars.read_sidecar(path)
    content = _unpacked(content, path)
    leads = _of_array(content, sidecar, path) if content.startswith(ARRAY) else _of_text(content, sidecar, path)
    if not leads:
        raise unusable("no standard lead", path, fix=NAME_LEADS)
    return Recording(leads, sidecar.rate_hz, sidecar.device)


def _unpacked(content: bytes, path: Path) -> bytes:
    """The unzipped bytes, at most as many as a recording may have."""
    if not content.startswith(GZIP):
        return content
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(content, MAX_BYTES)
    except zlib.error:
        raise unusable("gzip cut off or malformed", path) from None
    if unpacker.unconsumed_tail:
        raise unusable(f"gzip of more than {MAX_BYTES // 2**20} MiB", path)
    if not unpacker.eof or unpacker.unused_data:
        raise unusable("gzip cut off or malformed", path)
    return unpacked


def _uv(sidecar: Sidecar, path: Path) -> float:
    uv = uv_of(sidecar.unit)
    if uv is None:
        raise unusable(f"{sidecar.display_name}: no unit of voltage", path)
    return uv


def _of_array(content: bytes, sidecar: Sidecar, path: Path) -> dict[str, Floats]:
    uv = _uv(sidecar, path)
    if sidecar.leads is None:
        raise unusable(f"{sidecar.display_name}: no leads", path)
    # The header is compared with the file's size first, because numpy would allocate the declared size.
    shape, dtype = _declared(content, path)
    if dtype.hasobject:
        raise unusable("array of objects, which are never read (they would need pickle)", path)
    if dtype.kind not in "iuf":
        raise unusable(f"array of {str(dtype)[:40]}, not of integers or real numbers", path)
    if math.prod(shape) > len(content):
        raise unusable("array does not have as many samples as its header states", path)
    sizes = [size for size in shape if len(shape) < 3 or size != 1]
    count = len(sidecar.leads)
    if len(sizes) != 2 or sizes.count(count) != 1:
        raise unusable(f"array of shape {'x'.join(map(str, shape))[:40]} does not fit {count} leads", path)
    try:
        values = np.load(io.BytesIO(content), allow_pickle=False).reshape(sizes)
    except DAMAGED:
        raise unusable("array cut off or malformed", path) from None
    rows = np.asarray(values if sizes[0] == count else values.T, dtype=np.float64)
    leads: dict[str, Floats] = {}
    for name, row in zip(sidecar.leads, rows, strict=True):
        lead = standard_lead(name)
        if is_new_lead(lead, leads, path):
            leads[lead] = row * uv
    return leads


def _declared(content: bytes, path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    stream = io.BytesIO(content)
    try:
        major, _ = np.lib.format.read_magic(stream)
        reader = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = reader(stream)
    except DAMAGED:
        raise unusable("array cut off or malformed", path) from None
    return tuple(int(size) for size in shape), dtype


def _of_text(content: bytes, sidecar: Sidecar, path: Path) -> dict[str, Floats]:
    table = text_table.read(content, path)
    names = _names(table, sidecar, path)
    if len(names) != table.width:
        raise unusable(f"table has {table.width} columns but {len(names)} names", path)
    columns: dict[str, int] = {}
    for column, name in enumerate(names):
        lead = standard_lead(text_table.unit_in_name(name)[0])
        if is_new_lead(lead, columns, path):
            columns[lead] = column
    uv = {lead: _uv_of_column(table, names, lead, column, sidecar, path) for lead, column in columns.items()}
    rows = table.columns(list(columns.values()), [f"lead {lead}" for lead in columns])
    check_times(table, names, sidecar.rate_hz, sidecar.display_name, path)
    return {lead: row * uv[lead] for lead, row in zip(columns, rows, strict=True)}


def _names(table: TextTable, sidecar: Sidecar, path: Path) -> Sequence[str]:
    """Column names of the table, or of the sidecar if the table names no lead. If both name as many leads, they must agree."""
    own = [standard_lead(text_table.unit_in_name(name)[0]) for name in table.names or ()]
    if table.names is not None and (any(own) or sidecar.leads is None):
        of_sidecar = [lead for lead in map(standard_lead, sidecar.leads or ()) if lead is not None]
        of_table = [lead for lead in own if lead is not None]
        if len(of_sidecar) == len(of_table) and of_sidecar != of_table:
            raise unusable(f"the table's line of names and the {sidecar.display_name} name different leads", path)
        return table.names
    if sidecar.leads is None:
        raise unusable("neither header nor sidecar names the leads", path)
    return sidecar.leads


def _uv_of_column(table: TextTable, names: Sequence[str], lead: str, column: int, sidecar: Sidecar, path: Path) -> float:
    """µV per unit of a column; table and sidecar may both state the unit."""
    stated = [text_table.unit_in_name(names[column])[1], table.units[column] if table.units is not None else ""]
    units = [unit.strip(" ()[]") for unit in stated if unit.strip(" ()[]")]
    if not units:
        return _uv(sidecar, path)
    uv_of_units = {uv_of(unit) for unit in [*units, *([sidecar.unit] if sidecar.unit else [])]}
    uv = uv_of(units[0])
    if uv is None:
        raise unusable(f"unknown unit of lead {lead} in the table: '{units[0][:20]}'", path)
    if uv_of_units != {uv}:
        units_text = " and ".join(f"'{unit[:20]}'" for unit in [*units, *([sidecar.unit] if sidecar.unit else [])])
        raise unusable(f"table and {sidecar.display_name} name different units of lead {lead}: {units_text}", path)
    return uv
