"""Every reader for a few seconds under a coverage-guided fuzzer; `make fuzz` goes on for longer."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from benchmarks.robustness.fuzz import READERS, fuzz

SECONDS = 1


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed: pip install 'ecgwas[test]'")
@pytest.mark.parametrize("reader", READERS)
def test_no_input_breaks_a_reader(reader: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = fuzz(reader, SECONDS, tmp_path)
    with capsys.disabled():
        print(f"\n{found.line()}", end="")
    assert not found.crashes, found.said[-4000:]
    assert found.executions > 50
    assert found.edges > 10, "the fuzzer sees nothing of the code"
