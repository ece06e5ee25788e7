"""Sidecars: a JSON or YAML file that says what plain numbers mean. Its keys:

    rate_hz: 500                        samples per second
    unit: mV                            unit of the numbers; a table may state it itself
    leads: [I, II, V1, ...]             leads of the columns, or of an array's rows; a table's first line may state them
    device: {qt_ms: 400, ...}           optional: what the ECG device measured, names of DeviceMeasurements

`recordings.json` (.yaml, .yml) applies to all tables and arrays of its folder, but not of subfolders. A sidecar with the
recording's own name (`17.json` for `17.csv` and `17.csv.gz`) is read instead; only such a sidecar may hold `device`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ecgwas.ecg.device_measurements import MEASUREMENT_NAMES, plausible_measurements
from ecgwas.ecg.recording import unusable
from ecgwas.ecg.spellings import decoded, number

ENDINGS = (".json", ".yaml", ".yml")
FOLDER_SIDECAR = "recordings"
MAX_BYTES = 65_536
KEYS = ("rate_hz", "unit", "leads", "device")


@dataclass(frozen=True)
class Sidecar:
    """display_name: its name in errors; unit: empty if not stated; leads: None if not stated; device: as in Recording."""

    display_name: str
    rate_hz: float
    unit: str
    leads: list[str] | None
    device: dict[str, float]


def find_sidecar(path: Path) -> Path | None:
    """The sidecar that applies to a recording; None if there is none."""
    own = [_base(path).with_suffix(ending) for ending in ENDINGS]
    shared = [path.parent / f"{FOLDER_SIDECAR}{ending}" for ending in ENDINGS]
    return next((file for file in own + shared if file != path and file.is_file()), None)


def _base(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def read_sidecar(path: Path) -> Sidecar:
    """Reads the sidecar of a recording; raises InputError with a short reason."""
    file = find_sidecar(path)
    if file is None:
        own = _base(path).with_suffix(ENDINGS[0]).name
        shared = f"{FOLDER_SIDECAR}{ENDINGS[0]}"
        fix = f"write {shared} for the whole folder, or {own} for this file: rate_hz, unit, leads (docs/read.md)"
        reason = f"no sidecar ({FOLDER_SIDECAR}{ENDINGS[0]}, or one with the file's own name) with rate_hz, unit and leads"
        raise unusable(reason, path, fix=fix)
    is_shared = file.stem == FOLDER_SIDECAR and _base(path).stem != FOLDER_SIDECAR
    display_name = file.name if is_shared else "sidecar"
    keys = _keys(file, display_name, path)
    if is_shared and "device" in keys:
        raise unusable(f"{display_name}: device is allowed only in a recording's own sidecar", path)
    rate_hz = number(_as_text(keys.get("rate_hz")))
    if rate_hz is None or rate_hz <= 0:
        raise unusable(f"{display_name}: no rate_hz above 0", path)
    leads = keys.get("leads")
    if leads is not None and not (isinstance(leads, list) and all(isinstance(lead, str) for lead in leads)):
        raise unusable(f"{display_name}: leads must be a list of names", path)
    measured = keys.get("device")
    by_name = measured if isinstance(measured, dict) else {}
    device = plausible_measurements({name: _as_text(by_name.get(name)) for name in MEASUREMENT_NAMES})
    return Sidecar(display_name, rate_hz, _as_text(keys.get("unit")), leads, device)


def _keys(file: Path, display_name: str, path: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise unusable(f"{display_name}: larger than 64 KiB", path)
        text = decoded(file.read_bytes())
        keys = json.loads(text, object_pairs_hook=_pairs) if file.suffix == ".json" else _of_yaml(text)
    except KeyError as error:
        raise unusable(f"{display_name}: key {str(error.args[0])[:20]} is given twice", path) from None
    except (OSError, yaml.YAMLError, RecursionError, ValueError):
        raise unusable(f"{display_name}: cannot be read", path) from None
    if not isinstance(keys, dict):
        raise unusable(f"{display_name}: no keys", path)
    unknown = sorted(str(key)[:20] for key in keys if key not in KEYS)
    if unknown:
        raise unusable(f"{display_name}: unknown key {unknown[0]}", path)
    return keys


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs; raises KeyError for a key that occurs twice."""
    keys: dict[str, Any] = {}
    for key, value in pairs:
        if key in keys:
            raise KeyError(key)
        keys[key] = value
    return keys


def _of_yaml(text: str) -> Any:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if isinstance(node, yaml.MappingNode):
        _pairs([(str(key.value), None) for key, _ in node.value])
    return yaml.safe_load(text)


def _as_text(value: Any) -> str:
    """A text or number as text; empty for anything else. (YAML can nest lists so that writing them out would never end.)"""
    return str(value) if isinstance(value, (str, int, float)) else ""
