"""Tables written by users: every cell is read as text, then typed by one rule; mistakes are reported by column and line.

All readers of delimited user tables (covariates, recordings, known loci, planted effects) and lists of ids (ids.py) share
`read_text`, `clean` and `MISSING`. The files of a genotype fileset have their own readers.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import EcgwasError, InputError, first_few, raise_together

MISSING = ("", ".", "na", "n/a", "nan", "null", "<na>", "#n/a")
"""Cells that mean `no value`, in any case. Numbers such as -9 are values; `none` is a value, for it may be a category."""

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
"""Soft hyphen, zero-width characters, marks of writing direction, byte-order mark: removed from every cell."""

NOTE_OF_EXCEL = re.compile(r"\"?sep=.?\"?", re.IGNORECASE)
"""A first line that tells Excel the delimiter."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""A number: ASCII digits, optionally with a decimal point and an exponent."""

ODD_NUMBERS = (
    (r"[+-]?\d+(_\d+)+(\.\d*)?", "an underscore within a number"),
    (r"[+-]?(\d{1,3}(,\d{3}){2,}(\.\d*)?|\d{1,3},\d{3}\.\d*|\d{1,3}(\.\d{3})+,\d*)", "a thousands separator"),
    (r"[+-]?\d{1,3}([ '\u00a0\u202f\u2009]\d{3})+([.,]\d*)?", "a thousands separator"),
    (r"[+-]?\d*,\d+([eE][+-]?\d+)?", "a comma where a decimal point is meant, or between thousands"),
    (r"[\u2212\u2013\u2014]\s*\d.*", "a dash that is not the minus sign of a keyboard"),
    (r"[+-]?(inf|infinity|1\.#inf)", "infinite"),
    (r"[+-]?\d+([.,]\d*)?\s*%", "a percentage"),
    (r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*", "a date"),
    (r"#.*", "a spreadsheet's error value"),
    (r"(true|false)", "true or false"),
    (r"[+-]?\d+(\.\d*)?\s*[a-z\u00b5%]+", "a number with a unit"),
)
"""Pattern of the whole cell, in any case -> its description in the error."""

NO_QUANTITIES = frozenset({"a date", "a spreadsheet's error value", "true or false"})
"""Descriptions of cells that are not meant as a quantity."""

FOREIGN = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive"), (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"\x1f\x8b", "a gzip file"), (b"PAR1", "a Parquet file"), (b"RDX", "R data"), (b"\x89HDF", "an HDF5 file"),
    (b"%PDF", "a PDF"), (b"<!DOCTYPE", "a web page"), (b"<html", "a web page"),
)  # fmt: skip
"""First bytes of files that are not delimited text."""

GZIP = b"\x1f\x8b"
MAX_UNPACKED = 2**31
"""Bytes that a compressed table may unpack to; more would be no table of people."""

OF_A_VARIANT = (b"PAR1:", b"PAR1_", b"PAR1-")
"""First bytes of a list of variants whose first is on PAR1, which is not Parquet."""


@dataclass(frozen=True)
class UserTable:
    """frame: N rows, every column text, cells without surrounding blanks (of a Parquet file, numbers are numbers); lines: (N,)
    line number of each row in the file; counted: `line`, or `row` where a file has no lines."""

    frame: pl.DataFrame
    lines: tuple[int, ...]
    path: Path
    what: str
    counted: str = "line"

    def place(self, row: int) -> str:
        """Where a row of the frame is in the file: `line 7`."""
        return f"{self.counted} {self.lines[row]}"


def read_text(path: Path, *, what: str, fix: str) -> str:
    """Reads a user's text file: UTF-8 with or without byte-order mark, or UTF-16 with one; compressed if it is called .gz.

    what: as in `the covariate table`; fix: advice if it is missing. Raises InputError if the file is missing, a folder, of
    another format, not text, or not readable.
    """
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise InputError(f"{what} cannot be read: it is a folder", where=path, fix=fix) from None
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{what} is missing", where=path, fix=fix) from None
    except OSError as error:
        problem = f"{what} cannot be read: {error.strerror or error}"
        raise InputError(problem, where=path, fix="give yourself the right to read it, or correct the path") from None
    if content.startswith(GZIP) and path.suffix == ".gz":
        content = _unpacked(content, path, what)
    for start, kind in FOREIGN:
        if content.startswith(start) and not content.startswith(OF_A_VARIANT):
            problem = f"{what} cannot be read: it is {kind}, not text"
            raise InputError(problem, where=path, fix="export or unpack it as tab-separated UTF-8 text, and name that file")
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = f"{what} cannot be read: line {line} is not {'UTF-16' if wide else 'UTF-8'} text"
        raise InputError(problem, where=path, fix="save it as UTF-8 text") from None


def _unpacked(content: bytes, path: Path, what: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as file:
            unpacked = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error):
        raise InputError(f"{what} cannot be read: a cut-off gzip file", where=path, fix="copy it again") from None
    if len(unpacked) > MAX_UNPACKED:
        raise InputError(f"{what} unpacks to more than {MAX_UNPACKED // 2**30} GiB", where=path, fix="is it the right file?")
    return unpacked


def text_lines(text: str) -> list[str]:
    """Lines of a text with the line ends of Unix, Windows or old Macs; other Unicode separators do not end a line."""
    lines = re.split(r"\r\n|\n|\r", text)
    return lines[:-1] if lines[-1] == "" else lines


def clean(cell: str) -> str:
    """A cell without invisible characters and surrounding blanks, which include no-break spaces."""
    return INVISIBLE.sub("", cell).strip()


def read_user_table(path: Path, *, what: str, quotes: bool = True, longer_lines: bool = False) -> UserTable:
    """Reads a delimited table with a header (tabs, semicolons, commas or blanks, as in the header), every cell as text.

    what: as in `covariate`, for `the covariate table`. quotes: cells may be quoted. longer_lines: lines may have more cells
    than the header, which are ignored, or fewer (as in published supplements). Empty lines are ignored, as is a first line
    such as `sep=;`, which tells Excel the delimiter.
    Raises InputError with all mistakes: columns without a name or named twice, lines of another length, quotation marks that
    are not closed, control characters.
    """
    lines = text_lines(read_text(path, what=f"the {what} table", fix="correct the path in study.yaml"))
    cleaned = [(index, clean(line)) for index, line in enumerate(lines)]
    header_index = next((index for index, line in cleaned if line and not NOTE_OF_EXCEL.fullmatch(line)), None)
    if header_index is None:
        raise InputError(f"the {what} table is empty", where=path, fix="its first line must name the columns")
    rows = _cells(lines[header_index:], path, quotes=quotes, first_line=header_index + 1)
    header, body = rows[0], {number: row for number, row in enumerate(rows[1:], start=header_index + 2) if any(row)}
    mistakes = _header_mistakes(header, body, path)
    if longer_lines:
        body = {number: (row + [""] * len(header))[: len(header)] for number, row in body.items()}
    else:
        mistakes += _ragged(header, body, path)
    raise_together(mistakes, what=f"the {what} table")
    frame = pl.DataFrame(list(body.values()), schema=dict.fromkeys(header, pl.String), orient="row")
    return UserTable(frame, tuple(body), path, what)


def read_header(path: Path, *, what: str) -> list[str]:
    """The names of a delimited table's columns, without looking at its rows. Raises InputError as `read_user_table` does."""
    lines = text_lines(read_text(path, what=f"the {what} table", fix="correct the path in study.yaml"))
    header = next((line for line in map(clean, lines) if line and not NOTE_OF_EXCEL.fullmatch(line)), "")
    return _cells([header], path, quotes=True, first_line=1)[0] if header else []


def delimiter_of(line: str) -> str | None:
    """Tab, semicolon or comma, as in the header (a tab before others, else the more frequent); None: blanks."""
    if "\t" in line:
        return "\t"
    best = max((";", ","), key=line.count)
    return best if best in line else None


def split(line: str, delimiter: str | None, *, quotes: bool = True) -> list[str]:
    """The cells of one line, cleaned. Raises csv.Error if a quotation mark is not closed in the line."""
    if delimiter is None and quotes and '"' in line:
        if line.count('"') % 2:
            raise csv.Error
        return [clean(quoted or plain) for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line)]
    if delimiter is None:
        return [clean(cell) for cell in line.split()]
    if not quotes:
        return [clean(cell) for cell in line.split(delimiter)]
    cells: list[str] = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    return [clean(cell) for cell in cells]


def _cells(lines: list[str], path: Path, *, quotes: bool, first_line: int) -> list[list[str]]:
    """The cells of all lines. Raises InputError with the lines that cannot be split."""
    delimiter = delimiter_of(lines[0])
    rows, unclosed = [], []
    for number, line in enumerate(lines, start=first_line):
        try:
            rows.append(split(line, delimiter, quotes=quotes))
        except csv.Error:
            unclosed.append(f"line {number}")
    if unclosed:
        problem = f"a quotation mark is not closed in its line, or is within a cell: {first_few(unclosed)}"
        raise InputError(problem, where=path, fix="close it in the same line, or remove it")
    control = [f"line {number}" for number, line in enumerate(lines, start=first_line) if CONTROL.search(line)]
    if control:
        fix = "save the table as UTF-8 text; NUL characters in every line: it is UTF-16 without a byte-order mark"
        raise InputError(f"control characters in the text: {first_few(control)}", where=path, fix=fix)
    return rows


def _header_mistakes(header: Sequence[str], body: dict[int, list[str]], path: Path) -> list[EcgwasError]:
    mistakes: list[EcgwasError] = []
    nameless = [k for k, name in enumerate(header) if not name or re.fullmatch(r"Unnamed: \d+", name)]
    if nameless:
        shown = f"column {first_few(k + 1 for k in nameless)} of {len(header)} has no name"
        empty = not any(row[k] for row in body.values() for k in nameless if k < len(row))
        fix = "give it a name, or remove it"
        if empty:
            shown, fix = f"{shown} and no value", "remove the delimiters at the ends of the lines"
        elif nameless == [0]:
            fix = "it looks like a row number: write the table without it (pandas: index=False; R: row.names=FALSE)"
        mistakes.append(InputError(shown, where=path, fix=fix))
    foreign = re.search(r"[|^~:]", header[0]) if len(header) == 1 else None
    if foreign is not None:
        problem = f"the header has one column; {foreign[0]} seems to separate its cells: {header[0][:60]}"
        mistakes.append(InputError(problem, where=path, fix="separate the cells by tabs, commas or semicolons"))
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        fix = "give each column its own name"
        mistakes.append(InputError(f"columns named twice: {first_few(twice)}", where=path, fix=fix))
    return mistakes


def _ragged(header: Sequence[str], body: dict[int, list[str]], path: Path) -> list[EcgwasError]:
    wide = {number: len(row) for number, row in body.items() if len(row) != len(header)}
    if not wide:
        return []
    fix = "give every line the same columns; write NA where a value is missing"
    if all(len(body[number]) > len(header) and not any(body[number][len(header) :]) for number in wide):
        fix = "remove the delimiters at the ends of the lines"
    elif len(wide) == len(body) and set(wide.values()) == {len(header) + 1}:
        fix = "the first cell may be a row name that the header does not name (R: row.names=FALSE), or commas are decimal"
    elif len(wide) == len(body) and set(wide.values()) == {1}:
        fix = "separate the cells of the header and of the lines by the same character"
    elif len(wide) == len(body) > 1 and len(set(wide.values())) == 1:
        fix = "the first line must name the columns: remove titles and comments above it"
    shown = first_few(f"line {number} has {count}" for number, count in wide.items())
    return [InputError(f"the header has {len(header)} columns, {len(wide)} line(s) do not: {shown}", where=path, fix=fix)]


def is_missing(cells: pl.Series) -> NDArray[np.bool_]:
    """(N,) bool, cells that mean `no value`; of numbers, null and NaN."""
    if cells.dtype.is_numeric():
        return np.isnan(numbers(cells))
    return cells.str.to_lowercase().is_in(list(MISSING)).to_numpy()


def not_numbers(cells: pl.Series) -> NDArray[np.bool_]:
    """(N,) bool, cells that are neither missing nor a finite number."""
    if cells.dtype.is_numeric():
        return np.isinf(numbers(cells))
    finite = cells.str.contains(NUMBER) & cells.cast(pl.Float64, strict=False).is_finite().fill_null(value=False)
    return np.asarray(~finite.to_numpy() & ~is_missing(cells))


def numbers(cells: pl.Series) -> NDArray[np.float64]:
    """(N,) float64, missing NaN; every cell must be a number or missing (see `not_numbers`)."""
    if cells.dtype.is_numeric():
        return cells.cast(pl.Float64).fill_null(np.nan).to_numpy()
    absent = is_missing(cells)
    return np.array([np.nan if gone else float(cell) for cell, gone in zip(cells, absent, strict=True)], dtype=np.float64)


def why_not_a_number(cell: str) -> str:
    """Why a cell is not a number, in parentheses after a blank; empty for plain words."""
    meaning = _odd_number(cell)
    if meaning is not None:
        return f" ({meaning})"
    return "" if cell.isascii() else " (characters that are not ASCII)"


def is_meant_as_number(cell: str) -> bool:
    """True if a cell that is not a number was meant as one, as 402,5 or 46 ms; not a date, a truth value or an error."""
    meaning = _odd_number(cell)
    return meaning is not None and meaning not in NO_QUANTITIES


def _odd_number(cell: str) -> str | None:
    """How a cell that is not a number is nearly one; None for other text."""
    for pattern, meaning in ODD_NUMBERS:
        if re.fullmatch(pattern, cell, re.IGNORECASE):
            return meaning
    return "beyond the range of numbers" if re.match(NUMBER, cell) else None


def level(cell: str) -> str:
    """A category's name. A whole number is the same category with and without decimals or an exponent."""
    if re.fullmatch(r"[+-]?[0-9]+\.0*", cell):
        return cell.split(".")[0]
    if re.fullmatch(r"[0-9]\.[0-9]*[eE]\+?[0-9]{1,2}|[0-9]+[eE]\+[0-9]{1,2}", cell) and float(cell).is_integer():
        return str(int(float(cell)))
    return cell
