"""Names of the page's figures, and names of things as parts of files' names and addresses."""

from __future__ import annotations

import re

UNSAFE = re.compile(r"[^A-Za-z0-9._~-]")
"""A character that has to be encoded in an address."""


def slug(name: str) -> str:
    """The name with every character replaced that is not safe in the name of a file."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def in_address(name: str) -> str:
    """The name as the part of an address after #, percent-encoded where necessary."""
    return UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), name)


def feature_figure(representation: str, feature: str) -> str:
    """The name of the figure that shows what a feature represents."""
    return f"meaning_{slug(representation)}_{slug(feature)}"
