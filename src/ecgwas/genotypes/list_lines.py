"""Reads lists of variants and of samples as plain lines and columns, without interpreting them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ecgwas.errors import InputError, first_few

FIX = "make the fileset again with plink2 --make-bed"


def split_lines(path: Path, separator: str | None = None) -> list[list[str]]:
    """Lines split at tabs or blanks, or at `separator` only. Raises InputError if the file is empty or not UTF-8."""
    try:
        split_lines = [line.rstrip("\r").split(separator) for line in path.read_text(encoding="utf-8-sig").split("\n")]
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = f"the file is not text in UTF-8 (line {line})"
        raise InputError(problem, where=path, fix=f"save it as UTF-8 text, or {FIX}") from None
    while split_lines and not any(split_lines[-1]):
        split_lines.pop()
    if not split_lines:
        raise InputError("the file is empty", where=path, fix=FIX)
    return [row or [""] for row in split_lines]


def header_line(path: Path) -> tuple[str, int]:
    """The first line that does not begin with ##, and its line number; an empty line and 0 if there is none."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.startswith("##"):
                return line.removeprefix("\ufeff").rstrip("\r\n"), number
    return "", 0


def tabbed_columns(path: Path, count: int, before: int, *, free_text: Sequence[int] = ()) -> list[Sequence[str]] | None:
    """Columns of a list whose cells are separated by single tabs, after the first `before` lines; None for any other list.

    Lists of ten million variants have this form, and splitting them line by line would take gigabytes. Other lists, and those
    with mistakes, are read line by line, so that errors can name the lines. free_text: indices of columns that may hold blanks.
    """
    try:
        frame = pl.read_csv(
            path, separator="\t", has_header=False, skip_rows=before, infer_schema=False, quote_char=None
        )  # fmt: skip
    except (pl.exceptions.PolarsError, OSError):
        return None
    if frame.width != count:
        return None
    plain = [name for place, name in enumerate(frame.columns) if place not in free_text]
    blank = pl.any_horizontal(pl.all().is_null(), pl.col(plain).str.contains(r"\s"))
    if frame.select(blank.any()).item():
        return None
    return list(frame)  # type: ignore[arg-type]  # a Series of text is read as a sequence of text


def columns(given: list[list[str]], path: Path, count: int, *, first_line: int = 1, fix: str = FIX) -> list[Sequence[str]]:
    """Columns of rows with `count` cells each. first_line: line number of the first row.

    Raises InputError that names the lines with another number of cells.
    """
    wrong = [i for i, row in enumerate(given, start=first_line) if len(row) != count]
    if wrong:
        raise InputError(f"lines without {count} columns: {first_few(wrong)}", where=path, fix=fix)
    return [list(column) for column in zip(*given, strict=True)] if given else [[] for _ in range(count)]
