"""Libraries that only some formats need."""

from __future__ import annotations

import importlib
from types import ModuleType

from ecgwas.errors import ToolError


def needed(library: str, purpose: str) -> ModuleType:
    """The library, imported; raises ToolError that says how to install it where it is missing."""
    try:
        return importlib.import_module(library)
    except ImportError:
        fix = "pip install 'ecgwas[formats]'"
        raise ToolError(f"{purpose} are read by the library {library}, which is not installed", fix=fix) from None
