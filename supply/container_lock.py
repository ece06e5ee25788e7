"""Writes packaging/requirements.container.lock: the lines of requirements.lock that a container image of ecgwas needs.

These are the packages of pyproject.toml and of its extras EXTRAS, and what each of them needs in turn, without those of the
tests and pages. Names come from the metadata of the packages installed here: `python supply/container_lock.py`, after
`supply/lock.py`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = ROOT / "packaging" / "requirements.container.lock"
EXTRAS = ("learn", "workflow", "simulate", "onnx", "formats")
"""Extras of pyproject.toml in the image; one that pyproject.toml does not have yet adds nothing."""
HEAD = """\
# Made by `python supply/container_lock.py` from requirements.lock: what the container image needs. Linux, x86-64, Python 3.11.
"""


def asked() -> list[Requirement]:
    """What pyproject.toml requires, with the extras of the image."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    return [
        Requirement(text) for text in (*project["dependencies"], *(line for name in EXTRAS for line in optional.get(name, ())))
    ]


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    return requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """Names of all packages that these need here. Exits if one of them is not installed."""
    waiting = [(canonicalize_name(one.name), frozenset(one.extras)) for one in requirements if _applies(one, ())]
    visited: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in visited:
            continue
        visited.add((name, extras))
        try:
            listed = requires(name) or []
        except PackageNotFoundError:
            sys.exit(f"{name} is not installed: run `make test`, which installs every package of the lock")
        needed = [one for one in map(Requirement, listed) if _applies(one, extras)]
        waiting += [(canonicalize_name(one.name), frozenset(one.extras)) for one in needed]
    return {name for name, _ in visited}


def lines() -> list[str]:
    """The lines of requirements.lock, in its order. Exits if a package is not locked."""
    text = (ROOT / "requirements.lock").read_text()
    locked = {canonicalize_name(name): line for line, name in re.findall(r"^(([\w.-]+)==.*)$", text, re.M)}
    needed = closure(asked())
    absent = sorted(needed - locked.keys())
    if absent:
        sys.exit(f"not in requirements.lock: {', '.join(absent)}; run `python supply/lock.py`")
    return [line for name, line in locked.items() if name in needed]


if __name__ == "__main__":
    WRITTEN.write_text(HEAD + "\n".join(lines()) + "\n")
