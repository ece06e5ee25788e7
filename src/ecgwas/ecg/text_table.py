"""Tables of text: a line of names, a line of units, then one line a sample; which of them there is follows from the cells.

Columns are separated by semicolons, tabs, commas or blanks; cells may be quoted. Empty lines and comments (# or %) are passed
over, but for one before the numbers that names leads (as numpy.savetxt writes). Where commas do not separate, they are decimal,
and proven to be so by one cell at least that cannot be of thousands (0,125 or 1,25); 1,234 alone is refused.
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
"""In order of asking; None for blanks."""
NUMBER = re.compile(r"[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
"""What is meant as a number, whether it can be read or not."""
TIME = re.compile(r"\[?(?=[^:/-]*[:/-])\d[\d:./\- TZ+]*\]?")
COMMENTS = ("#", "%")
DIGITS = frozenset("-0123456789")
LINE_END = re.compile(r"\r\n|\r|\n")
NOTHING = re.compile(r"[\s;,]*|sep=.")
"""An empty line, an empty row of a spreadsheet, and the line in which Excel names the separator."""
UNIT = re.compile(r"^(?P<name>.*?)[\s_]*[(\[](?P<unit>[^()\[\]]*)[)\]]$")
AROUND_UNIT = re.compile(r"[\s_.,:/]+")
LEAST_SAMPLES = 10
HEAD_LINES = 25
MOST_COLUMNS = 100
"""Leads, times and what else stands beside them; more columns than that, and than lines, are samples."""
CHUNK_LINES = 20_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TextTable:
    """names and units of the columns, None where no line gives them; width: the number of columns."""

    names: list[str] | None
    units: list[str] | None
    width: int
    _separator: str | None
    _quote: str
    _lines: Sequence[tuple[int, str]]
    _path: Path

    @property
    def samples(self) -> int:
        """How many lines of numbers there are."""
        return len(self._lines)

    def columns(self, places: Sequence[int], called: Sequence[str]) -> Floats:
        """(len(places), S) the numbers of columns; raises InputError that names line and column of what is none."""
        comma = "," if self._has_decimal_comma(places, called) else "."
        try:
            return self._at_once(places, comma)
        except ValueError:
            return self._cell_by_cell(places, comma, called)

    def ends(self, place: int) -> tuple[float, float] | None:
        """First and last number of a column; None if either is no number."""
        low, high = (number_with_comma(cell) for cell in self.first_and_last(place))
        return None if low is None or high is None else (low, high)

    def first_and_last(self, place: int) -> tuple[str, str]:
        """First and last cell of a column; empty where a line has none."""
        first, last = (
            _split([line], self._separator, self._quote, self._path)[0] for _, line in (self._lines[0], self._lines[-1])
        )
        return first[place] if place < len(first) else "", last[place] if place < len(last) else ""

    def _at_once(self, places: Sequence[int], comma: str) -> Floats:
        """By numpy, which is fast; raises ValueError where anything is out of the ordinary."""
        lines = [line for _, line in self._lines]
        if self._separator is None or (comma == "," and self._quote):
            raise ValueError("not for numpy")
        if any(line.count(self._separator) != self.width - 1 for line in lines):
            raise ValueError("ragged")
        ready = lines if comma == "." else [line.replace(comma, ".") for line in lines]
        quote = self._quote or None
        read = np.loadtxt(ready, delimiter=self._separator, usecols=places, ndmin=2, comments=None, quotechar=quote)
        return np.ascontiguousarray(read.T)

    def _cell_by_cell(self, places: Sequence[int], comma: str, called: Sequence[str]) -> Floats:
        values = np.empty((len(places), len(self._lines)))
        done = 0
        for rows in self._chunks():
            for k, place in enumerate(places):
                values[k, done : done + len(rows)] = self._floats([row[place] for row in rows], comma, done, called[k])
            done += len(rows)
        return values

    def _floats(self, cells: list[str], comma: str, start: int, called: str) -> list[float]:
        try:
            numbers = [float(cell.replace(comma, ".")) for cell in cells]
            if all(cell.isascii() and "_" not in cell for cell in cells):
                return numbers
        except ValueError:
            pass
        bad = [k for k, cell in enumerate(cells) if not _is_float(cell.replace(comma, "."))]
        shown = f"'{cells[bad[0]][:20]}'" if cells[bad[0]] else "an empty cell"
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise unusable(f"line {self._lines[start + bad[0]][0]}: {shown} is no number of {called}{more}", self._path)

    def _has_decimal_comma(self, places: Sequence[int], called: Sequence[str]) -> bool:
        if (self._separator == "," and not self._quote) or not any("," in line for _, line in self._lines):
            return False
        doubtful = ""
        rows = (row for rows in self._chunks() for row in rows)
        for (line, _), row in zip(self._lines, rows, strict=True):
            for place, name in zip(places, called, strict=True):
                if "," not in row[place]:
                    continue
                if DECIMAL_COMMA.fullmatch(row[place]) and not COULD_BE_THOUSANDS.fullmatch(row[place]):
                    return True
                if not doubtful and COULD_BE_THOUSANDS.fullmatch(row[place]):
                    doubtful = f"line {line}: the comma in '{row[place][:20]}' of {name} can be decimal or of thousands"
        if doubtful:
            raise unusable(doubtful, self._path)
        return False

    def _chunks(self) -> Iterator[list[list[str]]]:
        """The cells of the lines, some lines at a time: as text they take ten times the memory."""
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
    """True for text of which one of the first lines, and the next one, hold numbers in as many columns."""
    text = decoded(head).rstrip("\0")
    if "\0" in text or text.lstrip()[:1] in ("<", "{"):
        return False
    lines = [line for _, line in _content_lines(text) if not line.startswith(COMMENTS)][:HEAD_LINES]
    if len(lines) == 1 and len(lines[0]) > MOST_COLUMNS:
        # A line longer than the head, cut anywhere: one lead's samples in a row.
        separator = _separator(lines[0])
        return separator != "none" and len(lines[0].split(separator)) > MOST_COLUMNS
    for first, second in pairwise(lines):
        separator = _separator(first)
        if separator != "none":
            return _separator(second) == separator
    return False


def read(content: bytes, path: Path) -> TextTable:
    """The table in the bytes of a file; raises InputError with a short reason."""
    lines = _content_lines(decoded(content))
    head = [one for one in lines[: 4 * HEAD_LINES] if not one[1].startswith(COMMENTS)]
    start = next((k for k, (_, line) in enumerate(head) if _separator(line) != "none"), None)
    if start is None:
        raise unusable("a table without a line of numbers", path)
    separator = _separator(head[start][1])
    quote = next((one for one in "\"'" if any(one in line for _, line in head[: start + 1])), "")
    first = head[start][0]
    before = [(line, _split([text], separator, quote, path)[0]) for line, text in head[:start]]
    body = [one for one in lines if one[0] >= first and not one[1].startswith(COMMENTS)]
    cells = _split([body[0][1]], separator, quote, path)[0]
    if not before and _numbers_columns(cells):
        body = body[1:]
    if len(cells) > max(MOST_COLUMNS, len(body)):
        fix = "turn it (transpose): a column for each lead, a line for each sample; or save it as .npy"
        raise unusable(f"a table of {len(body)} lines and {len(cells)} columns, which has leads in its lines", path, fix=fix)
    if len(body) < LEAST_SAMPLES:
        raise unusable("table is too short", path)
    comment = next((text.lstrip("#% ") for line, text in reversed(lines) if line < first and text.startswith(COMMENTS)), "")
    names, units = _header(before, _split([comment], separator, quote, path)[0] if comment and not before else [], path)
    if names and not names[-1] and len(cells) == len(names) - 1:
        names = names[:-1]
    width = len(names or units or cells)
    if units is not None and len(units) < width:
        raise unusable(f"line {before[-1][0]} has {len(units)} columns, not {width}", path)
    return TextTable(names, units, width, separator, quote, body, path)


def unit_in_name(name: str) -> tuple[str, str]:
    """Name and unit of `I (mV)`, `V1 [uV]`, `V1_uV` or `V1/uV`; the unit is empty where none is named."""
    match = UNIT.match(name)
    if match is not None:
        return match["name"], match["unit"].strip()
    *stem, last = AROUND_UNIT.split(name)
    lead = " ".join(stem)
    return (lead, last) if stem and uv_of(last) is not None and standard_lead(lead) is not None else (name, "")


def _content_lines(text: str) -> list[tuple[int, str]]:
    lines = ((number, line.strip(" \0\x1a")) for number, line in enumerate(LINE_END.split(text), start=1))
    return [(number, line) for number, line in lines if line and (line[0] in DIGITS or not NOTHING.fullmatch(line))]


def _header(before: list[tuple[int, list[str]]], comment: list[str], path: Path) -> tuple[list[str] | None, list[str] | None]:
    """Names and units of the lines before the numbers."""
    if not before:
        return (comment if any(standard_lead(unit_in_name(cell)[0]) for cell in comment) else None), None
    named = next((k for k, (_, cells) in enumerate(before) if any(standard_lead(unit_in_name(one)[0]) for one in cells)), 0)
    if len(before) > 2 or named > 0:
        line = before[0 if named > 0 else 2][0]
        fix = "take such lines out, or begin them with #"
        raise unusable(f"line {line} is neither of numbers nor the names or units of columns", path, fix=fix)
    first = before[0][1]
    if len(before) == 1 and any(uv_of(cell) for cell in first) and not any(standard_lead(cell) for cell in first):
        return None, first
    return first, before[1][1] if len(before) == 2 else None


def _numbers_columns(cells: list[str]) -> bool:
    """True for 0, 1, 2, ...: what pandas writes above columns without names, an empty cell above the index first."""
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
        raise unusable("a quoted cell of the table that does not end in its line", path)
    return [[cell.strip() for cell in row] for row in rows]


def _separator(line: str) -> str | None:
    """What separates the columns of a line of numbers, None for blanks; "none" for any other line."""
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
