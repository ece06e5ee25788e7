"""A copy of the package to which a kind is added as docs/add_a_method.md says, and its command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT
from tests.warm import warm


def package_with(place: Path, *, section: str, before: str, after: str, file: str, content: str) -> Path:
    """A copy of the package in `place`, with a class of options in study/<section>.py and one file more.

    before, after: the text that stands once in the section's file, and what it becomes. file: below the package.
    """
    shutil.copytree(ROOT / "src" / "ecgwas", place / "ecgwas", ignore=shutil.ignore_patterns("__pycache__"))
    options = place / "ecgwas" / "study" / f"{section}.py"
    text = options.read_text()
    assert text.count(before) == 1
    options.write_text(text.replace(before, after))
    (place / "ecgwas" / file).write_text(content)
    return place


@contextmanager
def command_of(package: Path) -> Iterator[Callable[..., str]]:
    """The command `ecgwas` of such a package: its arguments to all that it prints; it must end well."""
    with warm(package) as environment:

        def ecgwas(*arguments: str) -> str:
            done = subprocess.run(
                [sys.executable, "-m", "ecgwas", *arguments],
                env=environment, capture_output=True, text=True, timeout=600, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout + done.stderr

        yield ecgwas
