"""What all sections of study.yaml share: frozen, no unknown keys, each option with default, unit, bounds and meaning."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo


class Options(BaseModel):
    """A section of study.yaml. The docstring below each option is its meaning; `ecgwas options` prints it."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        validate_default=True,
    )


def option(default: Any = ..., *, unit: str | None = None, **bounds: Any) -> Any:
    """A field with a unit; bounds are pydantic's (ge, gt, le, lt, min_length ...)."""
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
    mistake = _of_another_kind(str(path))
    if mistake is not None and not _is_there(placed):
        raise ValueError(mistake)
    return placed


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _of_another_kind(text: str) -> str | None:
    """Why a text is not a file path on this machine: a shell variable, an address, a Windows drive; None if it may be one."""
    variable = re.search(r"\$\{?[A-Za-z_]\w*\}?|%[A-Za-z_]\w*%", text)
    if variable is not None:
        return f"{variable[0]} is not replaced in a study file; write the path in full"
    if re.match(r"[a-z][a-z0-9+]+:/", text):
        return "an address is no path; download the file and name that"
    if os.sep == "/" and re.match(r"[A-Za-z]:[\\/]|\\\\", text):
        return "a path of Windows is none on this machine; write it with /"
    return None


StudyPath = Annotated[Path, AfterValidator(_relative_to_study)]
"""A path; ~ is the home folder. Relative paths start from the folder of study.yaml, whatever the working directory."""
