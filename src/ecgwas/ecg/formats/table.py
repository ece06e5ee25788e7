"""Plain numbers: a table of text (.csv, .tsv) or an array (.npy), with a file beside it that says what they are.

The sidecar has the same name and ends in .json, .yaml or .yml:

    rate_hz: 500                        samples per second
    unit: mV                            of the numbers
    leads: [I, II, V1, ...]             of columns, or of rows of an array with leads first; a table's first line can name them
    device: {qt_ms: 400, ...}           optional: what the recorder measured, names of DeviceMeasurements

Text: one line a sample, columns with comma, semicolon, tab or blanks between; columns that name no lead (time, say) are passed
over. Arrays: (leads, samples) or (samples, leads), whole or real numbers; objects, which would need pickle, are refused.
"""

from __future__ import annotations

import io
import json
import math
import tokenize
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from ecgwas.ecg.device import NAMES, stated
from ecgwas.ecg.recording import Recording, is_new, unusable
from ecgwas.ecg.words import number, standard_lead, uv_of

SPELLED = "table or array with a sidecar"
ARRAY = b"\x93NUMPY"
SIDECARS = (".json", ".yaml", ".yml")
LARGEST_SIDECAR = 65_536
KEYS = ("rate_hz", "unit", "leads", "device")
SEPARATORS = (",", ";", "\t")
LEAST_SAMPLES = 10
DAMAGED = (ValueError, OSError, EOFError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError)
"""What numpy raises for a header that is no dictionary: it is read as Python's literals."""

Floats = NDArray[np.float64]


def sniff(content: bytes) -> bool:
    """True for a .npy file, and for text whose first lines are a table with a number in its second line."""
    if content.startswith(ARRAY):
        return True
    head = content[:8192]
    if b"\0" in head or head.lstrip()[:1] in (b"<", b"{"):
        return False
    lines = head.decode("utf-8-sig", "replace").splitlines()[:3]
    return len(lines) > 2 and all(number(cell) is not None for cell in _cells(lines[1]))


def companions(content: bytes, path: Path) -> tuple[Path, ...]:
    """The sidecar, if there is one."""
    return tuple(one for one in (path.with_suffix(ending) for ending in SIDECARS) if one.is_file())[:1]


def parse(content: bytes, path: Path) -> Recording:
    """The leads in the bytes of a file; raises InputError with a short reason."""
    sidecar = _sidecar(content, path)
    rate_hz = number(_word(sidecar.get("rate_hz")))
    if rate_hz is None or rate_hz <= 0:
        raise unusable("sidecar: no rate_hz above 0", path)
    uv = uv_of(_word(sidecar.get("unit")))
    if uv is None:
        raise unusable("sidecar: no unit of a voltage", path)
    names, rows = _array(content, sidecar, path) if content.startswith(ARRAY) else _text(content, sidecar, path)
    leads: dict[str, Floats] = {}
    for name, row in zip(names, rows, strict=True):
        lead = standard_lead(name)
        if is_new(lead, leads, path):
            leads[lead] = row * uv
    if not leads:
        raise unusable("no standard lead", path)
    told = sidecar.get("device")
    return Recording(leads, rate_hz, stated({name: _word(told.get(name)) for name in NAMES}) if isinstance(told, dict) else {})


def _word(value: Any) -> str:
    """A text or number as text; empty for all else: YAML can nest lists so that writing them out would never end."""
    return str(value) if isinstance(value, (str, int, float)) else ""


def _sidecar(content: bytes, path: Path) -> Mapping[str, Any]:
    found = companions(content, path)
    if not found:
        raise unusable(f"no sidecar ({', '.join(SIDECARS)}) with rate_hz, unit and leads", path)
    try:
        if found[0].stat().st_size > LARGEST_SIDECAR:
            raise unusable("sidecar: larger than 64 KiB", path)
        text = found[0].read_text(encoding="utf-8-sig")
        read = json.loads(text) if found[0].suffix == ".json" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError):
        raise unusable("sidecar: cannot be read", path) from None
    if not isinstance(read, dict):
        raise unusable("sidecar: no keys", path)
    unknown = sorted(str(key)[:20] for key in read if key not in KEYS)
    if unknown:
        raise unusable(f"sidecar: unknown key {unknown[0]}", path)
    return read


def _named(sidecar: Mapping[str, Any], path: Path) -> list[str] | None:
    leads = sidecar.get("leads")
    if leads is None:
        return None
    if not isinstance(leads, list) or not all(isinstance(lead, str) for lead in leads):
        raise unusable("sidecar: leads must be a list of names", path)
    return leads


def _array(content: bytes, sidecar: Mapping[str, Any], path: Path) -> tuple[Sequence[str], Floats]:
    names = _named(sidecar, path)
    if names is None:
        raise unusable("sidecar: no leads", path)
    # The header is checked against the file's size first: numpy would allocate what it declares.
    if math.prod(_declared(content, path)) > len(content):
        raise unusable("array has not as many samples as its header states", path)
    try:
        values = np.load(io.BytesIO(content), allow_pickle=False)
    except DAMAGED:
        raise unusable("array cut off, malformed, or of objects", path) from None
    if values.ndim != 2 or values.dtype.kind not in "iuf" or len(names) not in values.shape:
        raise unusable("array is not of leads and samples", path)
    rows = values if len(values) == len(names) else values.T
    return names, np.asarray(rows, dtype=np.float64)


def _declared(content: bytes, path: Path) -> tuple[int, ...]:
    stream = io.BytesIO(content)
    try:
        major, _ = np.lib.format.read_magic(stream)
        reader = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, _ = reader(stream)
    except DAMAGED:
        raise unusable("array cut off, malformed, or of objects", path) from None
    return tuple(int(size) for size in shape)


def _cells(line: str) -> list[str]:
    separator = next((one for one in SEPARATORS if one in line), None)
    return [cell.strip().strip('"') for cell in line.split(separator)]


def _text(content: bytes, sidecar: Mapping[str, Any], path: Path) -> tuple[Sequence[str], Floats]:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise unusable("table is not UTF-8 text", path) from None
    first = _cells(lines[0])
    has_header = any(number(cell) is None for cell in first)
    names = first if has_header else _named(sidecar, path)
    if names is None:
        raise unusable("neither header nor sidecar names the leads", path)
    body = [line for line in lines[1 if has_header else 0 :] if line.strip()]
    if len(body) < LEAST_SAMPLES:
        raise unusable("table is too short", path)
    try:
        values = np.loadtxt(body, delimiter=next((one for one in SEPARATORS if one in body[0]), None), ndmin=2, comments=None)
    except ValueError:
        raise unusable("text in the numbers of the table, or ragged lines", path) from None
    if values.shape[1] != len(names):
        raise unusable("table has not as many columns as names", path)
    return names, np.ascontiguousarray(values.T)
