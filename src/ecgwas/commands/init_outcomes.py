"""The section `outcomes` of a first study file, by the tables found in FOLDER/outcomes."""

from __future__ import annotations

from pathlib import Path

FOLDER = "outcomes"
FOLLOW_UP = "follow_up"
KINDS = {"diseases": "binary", "first_occurrences": "dates", "measurements": "numeric"}
"""Name of a table -> its kind. Others (survival, diagnoses) need further options and are written by hand."""
ENDINGS = ("tsv", "csv", "tsv.gz", "csv.gz")


def outcomes_section(folder: Path) -> str:
    """YAML of the section; empty without a table."""
    paths = {name: path for name in (*KINDS, FOLLOW_UP) if (path := _table(folder, name)) is not None}
    tables = [f"    - {{kind: {kind}, file: {FOLDER}/{paths[name].name}}}" for name, kind in KINDS.items() if name in paths]
    if not tables:
        return ""
    dates = [f"  follow_up: {FOLDER}/{paths[FOLLOW_UP].name}"] if FOLLOW_UP in paths else []
    head = "outcomes:                     # diseases and measurements; see docs/outcomes.md"
    return "\n".join([head, *dates, "  tables:", *tables, ""])


def _table(folder: Path, name: str) -> Path | None:
    candidates = (folder / FOLDER / f"{name}.{ending}" for ending in ENDINGS)
    return next((path for path in candidates if path.is_file()), None)
