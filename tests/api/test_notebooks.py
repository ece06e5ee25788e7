"""The notebooks of the documentation run from the first cell to the last, and are kept without outputs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
RUN = """
import json, sys
names = {}
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
print("cells done")
"""
"""Runs the cells of code in order, in one namespace, as a notebook does."""


def content(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def run(path: Path, folder: Path, **settings: str) -> None:
    environment = os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": str(ROOT / "src"), **settings}
    command = [sys.executable, "-W", "error", "-c", RUN, str(path)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("cells done\n")


def test_there_are_two() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["demo_study", "phenotype_scan"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_small_without_outputs_and_link_to_pages(path: Path) -> None:
    notebook = content(path)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len(path.read_bytes()) < 20_000
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert notebook["cells"][0]["source"][0].startswith("# ")
    for cell in notebook["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
        for target in re.findall(r"\]\(([^)\s]+)\)", "".join(cell["source"])) if cell["cell_type"] == "markdown" else ():
            assert (path.parent / target).is_file(), target


def test_the_demo_study_notebook_runs(study_file: Path, tmp_path: Path) -> None:
    run(FOLDER / "demo_study.ipynb", tmp_path, ECGWAS_STUDY=str(study_file))


def test_the_phenotype_scan_notebook_runs_and_finds_what_was_planted(tmp_path: Path) -> None:
    """Its last cells of the scan compare planted with found."""
    assert "planted" in (FOLDER / "phenotype_scan.ipynb").read_text()
    run(FOLDER / "phenotype_scan.ipynb", tmp_path)
