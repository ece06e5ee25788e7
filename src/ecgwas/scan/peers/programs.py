"""Starts programs of other authors: without a shell, with one thread, CPU seconds counted, errors in the program's words."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from ecgwas.errors import ToolError, first_few
from ecgwas.scan.peers.contract import SCHEMA

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
SECONDS_TO_START = 120
"""A Python program that compiles its parts at the first start may take a minute."""
VERSION = re.compile(r"v?\d+\.\d+[\w.~+-]*")


def on_path(name: str, python: Path | None = None) -> str | None:
    """The path of a program: next to the interpreter `python`, or on PATH; None if it is nowhere."""
    next_to = None if python is None else shutil.which(name, path=str(python.parent))
    return next_to or shutil.which(name)


def environment() -> dict[str, str]:
    """That of this process, with one thread, and without its modules of Python."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | ONE_THREAD


def version(path: str, arguments: Sequence[str], *, marker: str) -> str:
    """The version of a program that names itself `marker`. Raises ToolError if it does not start, or does not."""
    fix = "install the program, or name others (--engines)"
    try:
        answer = subprocess.run(
            [path, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS_TO_START, env=environment(),
            stdin=subprocess.DEVNULL, errors="replace",
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{Path(path).name} does not start: {error}", where=path, fix=fix) from None
    lines = [line for line in (answer.stdout + "\n" + answer.stderr).splitlines() if marker.lower() in line.lower()]
    matched = VERSION.search(lines[0]) if lines else None
    if matched is None:
        answered = " ".join((answer.stdout + answer.stderr).split())[:100] or "nothing"
        raise ToolError(f"{Path(path).name} is not {marker}: it says {answered}", where=path, fix=fix)
    return matched.group().removeprefix("v")


def run(arguments: Sequence[object], folder: Path) -> float:
    """Runs a program in a folder and returns its CPU seconds. Raises ToolError with the end of what it says if it fails."""
    words = [str(part) for part in arguments]
    before = _seconds_of_children()
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env=environment(), stdin=subprocess.DEVNULL,
        errors="replace",
    )  # fmt: skip
    if done.returncode != 0:
        name = Path(words[0]).name
        raise ToolError(f"{name} failed: {complaint(done.stdout, done.stderr)}", fix="name other programs (--engines)")
    return _seconds_of_children() - before


def complaint(stdout: str, stderr: str) -> str:
    """The lines with an error, or the last ones."""
    lines = [line.strip() for line in (stdout + "\n" + stderr).splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error|exception|fail", line, re.IGNORECASE)]
    return " ".join((errors or lines)[-3:])[:400] or "it said nothing"


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(path: Path, program: str, columns: Mapping[str, str]) -> pl.DataFrame:
    """Columns of a tab-separated file, renamed (theirs -> ours): `variant` as text, others as numbers, null if they are none.

    Raises ToolError if the program has not written the file, or not these columns.
    """
    fix = "name other programs (--engines)"
    if not path.is_file():
        raise ToolError(f"{program} wrote no {path.name}", fix=fix)
    frame = pl.read_csv(path, separator="\t", infer_schema=False)
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise ToolError(f"{program} wrote no column {first_few(absent)} into {path.name}", fix=fix)
    chosen = frame.select(pl.col(name).alias(own) for name, own in columns.items())
    return chosen.with_columns(pl.exclude("variant").cast(pl.Float64, strict=False).fill_nan(None))


def tests(frame: pl.DataFrame, chi2: pl.Expr, neglog10p: pl.Expr) -> pl.DataFrame:
    """The columns of contract.SCHEMA, of variants named v0 and so on, from a table and expressions of its columns."""
    named = frame.filter(pl.col("variant").str.contains(r"^v\d+$"))
    number = pl.col("variant").str.slice(1).cast(pl.Int64)
    return named.select(variant=number, chi2=chi2, neglog10p=neglog10p).drop_nulls("chi2").cast(SCHEMA)
