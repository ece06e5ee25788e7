"""Runs R, if it is there with the package survival (Debian: `apt-get install r-cran-survival`), as a program of its own."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


@cache
def _has_survival() -> bool:
    if shutil.which("Rscript") is None:
        return False
    asked = ["Rscript", "-e", 'quit(status = !requireNamespace("survival", quietly = TRUE))']
    return subprocess.run(asked, capture_output=True).returncode == 0


def survival(script: str, folder: Path, **columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers that a script in R prints, one a line; the data frame `d` has the columns. Skips the test without R."""
    if not _has_survival():
        pytest.skip("needs Rscript with the package survival")
    names = list(columns)
    np.savetxt(folder / "d.txt", np.column_stack(list(columns.values())), fmt="%.17g", header=" ".join(names), comments="")
    text = f'library(survival)\nd <- read.table("{folder / "d.txt"}", header = TRUE)\noptions(digits = 15)\n{script}\n'
    (folder / "script.R").write_text(text)
    done = subprocess.run(["Rscript", str(folder / "script.R")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.array([float(line) for line in done.stdout.split()])
