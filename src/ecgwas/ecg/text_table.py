"""Text tables: an optional line of names, an optional line of units, then one line per sample.

Columns are separated by semicolons, tabs, commas or blanks; cells may be quoted. Empty lines and comments (# or %) are skipped,
except a comment before the numbers that names leads (as numpy.savetxt writes). Commas that do not separate columns are decimal
commas, if at least one cell proves it, in which the comma cannot separate thousands (0,125 or 1,25). A table with nothing but
1,234 is refused.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.recording import unusable
from ecgwas.ecg.spellings import COULD_BE_THOUSANDS, DECIMAL_COMMA, decoded, number_with_comma, standard_lead, uv_of

SEPARATORS = (";", "\t", ",", None)
"""In the order in which they are tried; None for blanks."""
NUMBER = re.compile(r"[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
"""What is meant to be a number, whether or not it can be read."""
TIME = re.compile(r"\[?(?=[^:/-]*[:/-])\d[\d:./\- TZ+]*\]?")
COMMENTS = ("#", "%")
DIGITS = frozenset("-0123456789")
LINE_END = re.compile(r"\r\n|\r|\n")
EMPTY_LINE = re.compile(r"[\s;,]*|sep=.")
"""An empty line, an empty row of a spreadsheet, or the line in which Excel names the separator."""
UNIT = re.compile(r"^(?P<name>.*?)[\s_]*[(\[](?P<unit>[^()\[\]]*)[)\]]$")
AROUND_UNIT = re.compile(r"[\s_.,:/]+")
MIN_SAMPLES = 10
HEAD_LINES = 25
MAX_COLUMNS = 100
"""For leads, times and other data. A table with more columns than this, and than lines, has samples in its columns."""
CHUNK_LINES = 20_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TextTable:
    """names, units: of the columns, None if no line states them; width: number of columns."""

    names: list[str] | None
    units: list[str] | None
    width: int
    _separator: str | None
    _quote: str
    _lines: Sequence[tuple[int, str]]
    _path: Path

    @property
    def samples(self) -> int:
        """The number of lines of numbers."""
        return len(self._lines)

    def columns(self, columns: Sequence[int], names: Sequence[str]) -> Floats:
        """(len(columns), S) the numbers in columns; raises InputError that names line and column of any other cell."""
        comma = "," if self._has_decimal_comma(columns, names) else "."
        try:
            return self._by_numpy(columns, comma)
        except ValueError:
            return self._cell_by_cell(columns, comma, names)

    def first_and_last_number(self, column: int) -> tuple[float, float] | None:
        """First and last number of a column; None if either is not a number."""
        low, high = (number_with_comma(cell) for cell in self.first_and_last(column))
        return None if low is None or high is None else (low, high)

    def first_and_last(self, column: int) -> tuple[str, str]:
        """First and last cell of a column; empty if the line is too short."""
        first, last = (
            _split([line], self._separator, self._quote, self._path)[0] for _, line in (self._lines[0], self._lines[-1])
        )
        return first[column] if column < len(first) else "", last[column] if column < len(last) else ""

    def _by_numpy(self, columns: Sequence[int], comma: str) -> Floats:
        """Fast reading by numpy; raises ValueError if anything is unusual."""
        lines = [line for _, line in self._lines]
        if self._separator is None or (comma == "," and self._quote):
            raise ValueError("not readable by numpy")
        if any(line.count(self._separator) != self.width - 1 for line in lines):
            raise ValueError("ragged")
        ready = lines if comma == "." else [line.replace(comma, ".") for line in lines]
        quote = self._quote or None
        rows = np.loadtxt(ready, delimiter=self._separator, usecols=columns, ndmin=2, comments=None, quotechar=quote)
        return np.ascontiguousarray(rows.T)

    def _cell_by_cell(self, columns: Sequence[int], comma: str, names: Sequence[str]) -> Floats:
        values = np.empty((len(columns), len(self._lines)))
        done = 0
        for rows in self._chunks():
            for k, column in enumerate(columns):
                values[k, done : done + len(rows)] = self._floats([row[column] for row in rows], comma, done, names[k])
            done += len(rows)
        return values

    def _floats(self, cells: list[str], comma: str, start: int, name: str) -> list[float]:
        try:
            numbers = [float(cell.replace(comma, ".")) for cell in cells]
            if all(cell.isascii() and "_" not in cell for cell in cells):
                return numbers
        except ValueError:
            pass
        bad = [k for k, cell in enumerate(cells) if not _is_float(cell.replace(comma, "."))]
        fault = f"'{cells[bad[0]][:20]}' is not a number" if cells[bad[0]] else "empty cell"
        more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise unusable(f"line {self._lines[start + bad[0]][0]}, {name}: {fault}{more}", self._path)

    def _has_decimal_comma(self, columns: Sequence[int], names: Sequence[str]) -> bool:
        if (self._separator == "," and not self._quote) or not any("," in line for _, line in self._lines):
            return False
        ambiguous = ""
        rows = (row for rows in self._chunks() for row in rows)
        for (line, _), row in zip(self._lines, rows, strict=True):
            for column, name in zip(columns, names, strict=True):
                if "," not in row[column]:
                    continue
                if DECIMAL_COMMA.fullmatch(row[column]) and not COULD_BE_THOUSANDS.fullmatch(row[column]):
                    return True
                if not ambiguous and COULD_BE_THOUSANDS.fullmatch(row[column]):
                    ambiguous = f"line {line}, {name}: the comma in '{row[column][:20]}' is decimal or separates thousands"
        if ambiguous:
            raise unusable(ambiguous, self._path)
        return False

    def _chunks(self) -> Iterator[list[list[str]]]:
        """The cells of the lines, a chunk at a time, because they take ten times the memory as text."""
        lines = iter(self._lines)
        while chunk := list(islice(lines, CHUNK_LINES)):
            rows = _split([line for _, line in chunk], self._separator, self._quote, self._path)
            for (line, _), row in zip(chunk, rows, strict=True):
                if len(row) == self.width + 1 and not row[-1]:
                    row.pop()
                if len(row) != self.width:
                    raise unusable(f"line {line} has {len(row)} columns, not {self.width}", self._path)
            yield rows


def sniff(head: bytes) -> bool:
    """True for text in which two consecutive lines near the start hold numbers with the same separator."""
    text = decoded(head).rstrip("\0")
    if "\0" in text or text.lstrip()[:1] in ("<", "{"):
        return False
    lines = [line for _, line in _content_lines(text) if not line.startswith(COMMENTS)][:HEAD_LINES]
    if len(lines) == 1 and len(lines[0]) > MAX_COLUMNS:
        # One lead's samples in a line that is longer than the head and cut anywhere.
        separator = _separator(lines[0])
        return separator != "none" and len(lines[0].split(separator)) > MAX_COLUMNS
    for first, second in pairwise(lines):
        separator = _separator(first)
        if separator != "none":
            return _separator(second) == separator
    return False


def read(content: bytes, path: Path) -> TextTable:
    """Reads the table in the bytes of a file; raises InputError with a short reason."""
    lines = _content_lines(decoded(content))
    head = [one for one in lines[: 4 * HEAD_LINES] if not one[1].startswith(COMMENTS)]
    start = next((k for k, (_, line) in enumerate(head) if _separator(line) != "none"), None)
    if start is None:
        raise unusable("no line of numbers in the table", path)
    separator = _separator(head[start][1])
    quote = next((one for one in "\"'" if any(one in line for _, line in head[: start + 1])), "")
    first = head[start][0]
    before = [(line, _split([text], separator, quote, path)[0]) for line, text in head[:start]]
    body = [one for one in lines if one[0] >= first and not one[1].startswith(COMMENTS)]
    cells = _split([body[0][1]], separator, quote, path)[0]
    if not before and _is_column_numbers(cells):
        body = body[1:]
    if len(cells) > max(MAX_COLUMNS, len(body)):
        fix = "transpose it to one column per lead and one line per sample, or save it as .npy"
        raise unusable(f"a table of {len(body)} lines and {len(cells)} columns has one lead per line", path, fix=fix)
    if len(body) < MIN_SAMPLES:
        raise unusable("the table is too short", path)
    comment = next((text.lstrip("#% ") for line, text in reversed(lines) if line < first and text.startswith(COMMENTS)), "")
    names, units = _header(before, _split([comment], separator, quote, path)[0] if comment and not before else [], path)
    if names and not names[-1] and len(cells) == len(names) - 1:
        names = names[:-1]
    width = len(names or units or cells)
    if units is not None and len(units) < width:
        raise unusable(f"line {before[-1][0]} has {len(units)} columns, not {width}", path)
    return TextTable(names, units, width, separator, quote, body, path)


def unit_in_name(name: str) -> tuple[str, str]:
    """Name and unit in `I (mV)`, `V1 [uV]`, `V1_uV` or `V1/uV`; the unit is empty if none is stated."""
    match = UNIT.match(name)
    if match is not None:
        return match["name"], match["unit"].strip()
    *stem, last = AROUND_UNIT.split(name)
    lead = " ".join(stem)
    return (lead, last) if stem and uv_of(last) is not None and standard_lead(lead) is not None else (name, "")


def _content_lines(text: str) -> list[tuple[int, str]]:
    lines = ((number, line.strip(" \0\x1a")) for number, line in enumerate(LINE_END.split(text), start=1))
    return [(number, line) for number, line in lines if line and (line[0] in DIGITS or not EMPTY_LINE.fullmatch(line))]


def _header(before: list[tuple[int, list[str]]], comment: list[str], path: Path) -> tuple[list[str] | None, list[str] | None]:
    """Names and units from the lines before the numbers."""
    if not before:
        return (comment if any(standard_lead(unit_in_name(cell)[0]) for cell in comment) else None), None
    named = next((k for k, (_, cells) in enumerate(before) if any(standard_lead(unit_in_name(one)[0]) for one in cells)), 0)
    if len(before) > 2 or named > 0:
        line = before[0 if named > 0 else 2][0]
        fix = "remove such lines, or begin them with #"
        raise unusable(f"line {line} holds neither numbers nor names or units of columns", path, fix=fix)
    first = before[0][1]
    if len(before) == 1 and any(uv_of(cell) for cell in first) and not any(standard_lead(cell) for cell in first):
        return None, first
    return first, before[1][1] if len(before) == 2 else None


def _is_column_numbers(cells: list[str]) -> bool:
    """True for 0, 1, 2, ..., which pandas writes above unnamed columns, after an empty cell above the index."""
    own = cells[1:] if not cells[0] else cells
    return len(own) > 2 and own == [str(k) for k in range(len(own))]


def _split(lines: list[str], separator: str | None, quote: str, path: Path) -> list[list[str]]:
    if separator is None:
        return [[cell.strip(" \"'") for cell in line.split()] for line in lines]
    try:
        if quote:
            rows = list(csv.reader(lines, delimiter=separator, quotechar=quote, skipinitialspace=True))
        else:
            rows = [line.split(separator) for line in lines]
    except csv.Error:
        rows = []
    if len(rows) != len(lines):
        raise unusable("a quoted cell does not end on its line", path)
    return [[cell.strip() for cell in row] for row in rows]


def _separator(line: str) -> str | None:
    """The separator of the columns in a line of numbers, None for blanks; "none" for any other line."""
    shares = {}
    for separator in SEPARATORS:
        if separator is not None and separator not in line:
            continue
        cells = [cell.strip(" \"'") for cell in line.split(separator)]
        numbers = sum(NUMBER.fullmatch(cell) is not None for cell in cells)
        good = numbers + sum(not cell or TIME.fullmatch(cell) is not None for cell in cells if not NUMBER.fullmatch(cell))
        if numbers and good == len(cells):
            return separator
        if numbers and separator is not None:
            shares[separator] = good / len(cells)
    best = max(shares, key=lambda one: shares[one], default="none")
    return best if shares.get(best, 0.0) > 0.5 else "none"


def _is_float(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.isascii() and "_" not in cell
