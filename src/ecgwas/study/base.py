"""What all sections of study.yaml share: frozen, no unknown keys, each option with default, unit, bounds, meaning."""

from __future__ import annotations

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
    return path if folder is None else Path(folder) / path


StudyPath = Annotated[Path, AfterValidator(_relative_to_study)]
"""A path; ~ is the home folder, relative ones are taken from the folder of study.yaml, whatever the working directory."""
