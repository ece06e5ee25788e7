"""Base of every section of study.yaml: frozen, no unknown keys, each option with its default, unit, bounds and meaning."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo


class Options(BaseModel):
    """A section of study.yaml. The docstring below each option says what it means; `ecgwas options` prints it."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        validate_default=True,
    )


def option(default: Any = ..., *, unit: str | None = None, **bounds: Any) -> Any:
    """An option with a unit; bounds are pydantic's (ge, gt, le, lt, min_length ...)."""
    extra: Any = None if unit is None else {"unit": unit}
    if isinstance(default, (list, dict)):
        return Field(default_factory=lambda: type(default)(default), json_schema_extra=extra, **bounds)
    return Field(default, json_schema_extra=extra, **bounds)


def _relative_to_study(path: Path, info: ValidationInfo) -> Path:
    if "\0" in str(path):
        raise ValueError("a path cannot hold a NUL character")
    try:
        path = path.expanduser()
    except RuntimeError:
        raise ValueError(f"there is no home folder for {path.parts[0]}; write the path in full") from None
    folder = (info.context or {}).get("folder")
    placed = path if folder is None else Path(folder) / path
    mistake = _not_a_local_path(str(path))
    if mistake is not None and not _exists(placed):
        raise ValueError(mistake)
    return placed


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _not_a_local_path(text: str) -> str | None:
    """Why a text cannot be a path on this machine (shell variable, URL, Windows drive); None if it can."""
    variable = re.search(r"\$\{?[A-Za-z_]\w*\}?|%[A-Za-z_]\w*%", text)
    if variable is not None:
        return f"{variable[0]} is not replaced in a study file; write the path in full"
    if re.match(r"[a-z][a-z0-9+]+:/", text):
        return "a web address is not a path; download the file and give its path"
    if os.sep == "/" and re.match(r"[A-Za-z]:[\\/]|\\\\", text):
        return "a Windows path does not work on this machine; write it with /"
    return None


StudyPath = Annotated[Path, AfterValidator(_relative_to_study)]
"""A path; ~ is the home folder. Relative paths start at the folder of study.yaml, whatever the working directory."""
