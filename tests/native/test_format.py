"""How the C is written: formatted by .clang-format, and without constants that Python has too."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecgwas.native import constants
from tests.conftest import ROOT

FILES = sorted(path for path in (ROOT / "src" / "ecgwas" / "native").iterdir() if path.suffix in (".c", ".h"))
MAJOR = 19
"""Version of clang-format; others break lines at other places."""


def name_of(path: Path) -> str:
    return path.name


@pytest.fixture(scope="module")
def clang_format() -> str:
    program = shutil.which("clang-format", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
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


def test_constants_of_both_sides_are_written_once() -> None:
    defined = set(re.findall(r"^#define (\w+)", "\n".join(path.read_text() for path in FILES), re.MULTILINE))
    assert "MOST_BINS" in defined
    assert not set(constants.NAMES) & defined
    number = re.compile(rf"^({'|'.join(constants.NAMES)})\b[^=\n]*= *[\d.]", re.MULTILINE)
    home = Path(constants.__file__)
    assert len(number.findall(home.read_text())) == len(constants.NAMES)
    others = [path for path in (ROOT / "src").rglob("*.py") if path != home]
    assert [path.name for path in others if number.search(path.read_text())] == []


def test_the_compiled_part_exports_the_constants() -> None:
    module = pytest.importorskip("ecgwas.native._table")
    exported = {name: value for name, value in vars(module).items() if name.isupper()}
    assert exported == {name: getattr(constants, name) for name in constants.NAMES}
    assert all(type(value) is type(getattr(constants, name)) for name, value in exported.items())
