"""Sidecars: what plain numbers mean, in a file of JSON or YAML with the keys

    rate_hz: 500                        samples per second
    unit: mV                            of the numbers; a table can name it itself
    leads: [I, II, V1, ...]             of columns, or of rows of an array; a table's first line can name them
    device: {qt_ms: 400, ...}           optional: what the recorder measured, names of DeviceMeasurements

`recordings.json` (.yaml, .yml) holds for all tables and arrays of its folder, but not of folders within it. A sidecar of a
recording's own name (`17.json` for `17.csv` and `17.csv.gz`) is read in its place; `device` can stand there alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ecgwas.ecg.device_measurements import NAMES, stated
from ecgwas.ecg.recording import unusable
from ecgwas.ecg.spellings import decoded, number

ENDINGS = (".json", ".yaml", ".yml")
OF_FOLDER = "recordings"
LARGEST_BYTES = 65_536
KEYS = ("rate_hz", "unit", "leads", "device")


@dataclass(frozen=True)
class Sidecar:
    """spelled: as reasons name it; unit: empty if none is named; leads: None if none are named; device: as in Recording."""

    spelled: str
    rate_hz: float
    unit: str
    leads: list[str] | None
    device: dict[str, float]


def found(path: Path) -> Path | None:
    """The sidecar that holds for a recording; None if there is none."""
    own = [_base(path).with_suffix(ending) for ending in ENDINGS]
    shared = [path.parent / f"{OF_FOLDER}{ending}" for ending in ENDINGS]
    return next((one for one in own + shared if one != path and one.is_file()), None)


def _base(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def read(path: Path) -> Sidecar:
    """The sidecar of a recording; raises InputError with a short reason."""
    file = found(path)
    if file is None:
        own = _base(path).with_suffix(ENDINGS[0]).name
        fix = f"write {OF_FOLDER}{ENDINGS[0]} for the whole folder, or {own} for this file: rate_hz, unit, leads (docs/read.md)"
        reason = f"no sidecar ({OF_FOLDER}{ENDINGS[0]}, or one of the file's own name) with rate_hz, unit and leads"
        raise unusable(reason, path, fix=fix)
    is_shared = file.stem == OF_FOLDER and _base(path).stem != OF_FOLDER
    spelled = file.name if is_shared else "sidecar"
    keys = _keys(file, spelled, path)
    if is_shared and "device" in keys:
        raise unusable(f"{spelled}: device can stand in a recording's own sidecar alone", path)
    rate_hz = number(_word(keys.get("rate_hz")))
    if rate_hz is None or rate_hz <= 0:
        raise unusable(f"{spelled}: no rate_hz above 0", path)
    leads = keys.get("leads")
    if leads is not None and not (isinstance(leads, list) and all(isinstance(lead, str) for lead in leads)):
        raise unusable(f"{spelled}: leads must be a list of names", path)
    told = keys.get("device")
    device = stated({name: _word(told.get(name)) for name in NAMES}) if isinstance(told, dict) else {}
    return Sidecar(spelled, rate_hz, _word(keys.get("unit")), leads, device)


def _keys(file: Path, spelled: str, path: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise unusable(f"{spelled}: larger than 64 KiB", path)
        text = decoded(file.read_bytes())
        keys = json.loads(text, object_pairs_hook=_pairs) if file.suffix == ".json" else _of_yaml(text)
    except KeyError as error:
        raise unusable(f"{spelled}: key {str(error.args[0])[:20]} is given twice", path) from None
    except (OSError, yaml.YAMLError, RecursionError, ValueError):
        raise unusable(f"{spelled}: cannot be read", path) from None
    if not isinstance(keys, dict):
        raise unusable(f"{spelled}: no keys", path)
    unknown = sorted(str(key)[:20] for key in keys if key not in KEYS)
    if unknown:
        raise unusable(f"{spelled}: unknown key {unknown[0]}", path)
    return keys


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs; raises KeyError for a key that is there twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise KeyError(key)
        found[key] = value
    return found


def _of_yaml(text: str) -> Any:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if isinstance(node, yaml.MappingNode):
        _pairs([(str(key.value), None) for key, _ in node.value])
    return yaml.safe_load(text)


def _word(value: Any) -> str:
    """A text or number as text; empty for all else: YAML can nest lists so that writing them out would never end."""
    return str(value) if isinstance(value, (str, int, float)) else ""
