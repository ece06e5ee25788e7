"""Libraries that only some formats need."""

from __future__ import annotations

import importlib
from types import ModuleType

from ecgwas.errors import ToolError


def require_library(library: str, purpose: str) -> ModuleType:
    """Imports and returns the library. If it is not installed, raises ToolError that says how to install it."""
    try:
        return importlib.import_module(library)
    except ImportError:
        fix = "pip install 'ecgwas[formats]'"
        raise ToolError(f"{purpose} need the library {library}, which is not installed", fix=fix) from None
