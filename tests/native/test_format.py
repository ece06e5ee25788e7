"""How the C is written: formatted by .clang-format, and without constants that differ from Python's."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ecgwas.native import constants
from ecgwas.statistics.least_squares import SMALLEST_ROOT
from tests.conftest import ROOT

FILES = sorted(path for path in (ROOT / "src" / "ecgwas" / "native").iterdir() if path.suffix in (".c", ".h"))
MAJOR = 19
"""Version of clang-format; others break lines at other places."""


def name_of(path: Path) -> str:
    return path.name


@pytest.fixture(scope="module")
def clang_format() -> str:
    program = shutil.which("clang-format")
    if program is None:
        pytest.skip("clang-format is not installed")
    words = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"version (\d+)", words)
    if version is None or int(version[1]) != MAJOR:
        pytest.skip(f"clang-format {MAJOR} is needed, this is {words.strip()}")
    return program


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_c_is_formatted(path: Path, clang_format: str) -> None:
    done = subprocess.run([clang_format, "--dry-run", "--Werror", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"clang-format -i {path}\n{done.stderr}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_lines_are_short(path: Path) -> None:
    assert max(len(line) for line in path.read_text().splitlines()) <= 128


def test_constants_of_c_are_those_of_python() -> None:
    defined = dict(re.findall(r"^#define (\w+) (\S+)", "\n".join(path.read_text() for path in FILES), re.MULTILINE))
    assert float(defined["SMALLEST_ROOT"]) == SMALLEST_ROOT
    assert not set(constants.NAMES) & set(defined)
