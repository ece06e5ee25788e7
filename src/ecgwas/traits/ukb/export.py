"""The columns that are needed, out of exports of half a million rows and thousands of columns.

An export is text (commas or tabs, also .gz) or Parquet (a file, or the folder of parts that Spark writes). It is scanned, not
loaded: memory holds the chosen columns only. Several exports of one project (baskets) are joined by eid.
"""

from __future__ import annotations

import csv
import gzip
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ecgwas import ids
from ecgwas.errors import InputError, first_few
from ecgwas.tables import ukb_fields as fields
from ecgwas.tables.ukb_fields import FieldColumn
from ecgwas.tables.user_table import MISSING
from ecgwas.traits.ukb import values

Key = tuple[int, int, int]
"""Field, instance, array."""

FIX = "export it again as CSV, TSV or Parquet (docs/your_data/ukb_local.md, docs/your_data/ukb_rap.md)"
MAX_HEADER = 16 * 2**20
"""Bytes of a line; the header of a basket of 30,000 columns has 0.4 MB."""


@dataclass(frozen=True)
class Export:
    """The chosen columns of one or more exports.

    frame    eid, then one column per Key, named `field-instance.array`; all text, missing null; one row per participant of any
             of the exports, in the order of their first appearance
    columns  Key -> the first file that has it, and the name of its column there
    notes    what exports say differently of the same people, as text
    """

    frame: pl.DataFrame
    columns: Mapping[Key, str]
    notes: tuple[str, ...] = ()

    def has(self, field: int, instance: int = 0, array: int = 0) -> bool:
        """True if an export has this column."""
        return (field, instance, array) in self.columns

    def text(self, field: int, instance: int = 0, array: int = 0) -> pl.Series:
        """(P,) text, missing null; all null if no export has the column."""
        if not self.has(field, instance, array):
            return pl.Series([None] * self.frame.height, dtype=pl.String)
        return self.frame[column_name((field, instance, array))]


def column_name(key: Key) -> str:
    """The name of a column in `Export.frame`, as ukbconv writes it: 21003-2.0."""
    return f"{key[0]}-{key[1]}.{key[2]}"


def read(paths: Sequence[Path], is_needed: Callable[[FieldColumn], bool]) -> Export:
    """Reads the wanted columns of all exports.

    Where several have a column, each participant's first value counts, and other values are counted in the notes. Raises
    InputError for a file that is missing, of another format or without a column of eids, for two columns of one field,
    instance and array in a file, and for eids that are missing, damaged or repeated.
    """
    whole: pl.DataFrame | None = None
    columns: dict[Key, str] = {}
    notes: list[str] = []
    for path in paths:
        frame, names = _read_one(path, is_needed)
        columns = {**{key: f"{path.name}: {name}" for key, name in names.items()}, **columns}
        if whole is None:
            whole = frame
            continue
        whole, differing = _joined(whole, frame)
        notes += [
            f"{path.name}: {count} people have another value of {name} than in an earlier table, whose value is used"
            for name, count in differing
        ]
    if whole is None:
        raise InputError("no export is named", fix="name at least one table of UK Biobank")
    return Export(whole, columns, tuple(notes))


def _joined(whole: pl.DataFrame, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[tuple[str, int]]]:
    """Both by eid, a missing cell filled from `frame`; and of each common column how many people have two values, if any."""
    common = [name for name in frame.columns if name in whole.columns and name != "eid"]
    later = {name: f"later {name}" for name in common}
    both = whole.join(frame.rename(later), on="eid", how="full", coalesce=True, maintain_order="left_right")
    differing = []
    for name, other in later.items():
        first, second = both[name], both[other]
        count = int(((first != second) & (values.category(first) != values.category(second))).sum())
        differing += [(name, count)] if count else []
    filled = both.with_columns(pl.coalesce(name, other).alias(name) for name, other in later.items())
    return filled.drop(later.values()), differing


def _read_one(path: Path, is_needed: Callable[[FieldColumn], bool]) -> tuple[pl.DataFrame, dict[Key, str]]:
    """The wanted columns of one export by the names of `Export.frame`, and the names that they have in the file."""
    if not path.exists():
        raise InputError("the table of UK Biobank is missing", where=path, fix="correct its path")
    scan, names = _parquet(path) if _is_parquet(path) else _text(path)
    eid = fields.eid_column(names)
    if eid is None:
        problem = f"the table has no column eid; it has {first_few((name[:40] for name in names), 5)}"
        raise InputError(problem, where=path, fix=f"export the field eid, too; or {FIX}")
    columns: dict[Key, str] = {}
    for column in (parsed for parsed in map(fields.parse, names) if parsed is not None and is_needed(parsed)):
        key = (column.field, column.instance, column.array)
        if key in columns:
            problem = f"two columns are {column_name(key)}: {columns[key]} and {column.name}"
            raise InputError(problem, where=path, fix="take one of them away")
        columns[key] = column.name
    chosen = [pl.col(eid).alias("eid"), *(pl.col(name).alias(column_name(key)) for key, name in columns.items())]
    frame = _collected(scan.select(chosen), path)
    frame = frame.select(_as_text(frame[name]) for name in frame.columns)
    _check_eids(frame["eid"], path)
    return frame, columns


def _is_parquet(path: Path) -> bool:
    if path.is_dir():
        return True
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _parquet(path: Path) -> tuple[pl.LazyFrame, list[str]]:
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputError("the folder holds no Parquet file", where=path, fix=FIX)
    try:
        scan = pl.scan_parquet(files)
        return scan, scan.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"the table cannot be read: {_first_line(error)}", where=path, fix=FIX) from None


def _text(path: Path) -> tuple[pl.LazyFrame, list[str]]:
    header = _header(path)
    separator = "\t" if "\t" in header else ","
    try:
        names = next(csv.reader([header], delimiter=separator, quotechar='"'))
    except csv.Error:
        raise InputError("the first line is not a header of columns", where=path, fix=FIX) from None
    if len(names) == 1:
        raise InputError("the first line has one column only", where=path, fix=f"separate columns by commas or tabs; or {FIX}")
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if twice:
        raise InputError(f"columns named twice: {first_few(sorted(twice))}", where=path, fix="give each column its own name")
    _refuse_cut(path, separator, len(names))
    scan = pl.scan_csv(
        path, separator=separator, has_header=False, skip_rows=1, new_columns=names, infer_schema=False, encoding="utf8-lossy",
        # ukbconv quotes every cell of a csv and none of a tab file, in which a lone quotation mark is text.
        quote_char='"' if separator == "," else None,
    )  # fmt: skip
    return scan, names


def _header(path: Path) -> str:
    """The first line of a text file, which may be compressed."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as content:
            line = content.readline(MAX_HEADER)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"the table cannot be read: {_first_line(error)}", where=path, fix=FIX) from None
    if not line.strip() or b"\0" in line or line.startswith((b"PK\x03\x04", b"RDX", b"\x89HDF", b"<stata")):
        raise InputError("the table is empty, or not text", where=path, fix=FIX)
    return line.decode("utf-8-sig", "replace").rstrip("\r\n")


def _refuse_cut(path: Path, separator: str, columns: int) -> None:
    """Raises InputError if the last line of a plain text file lacks columns: polars would fill them with missing values."""
    with path.open("rb") as file:
        if file.read(2) == b"\x1f\x8b":
            return
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - MAX_HEADER))
        last = file.read().rstrip(b"\r\n").rpartition(b"\n")[2]
    cells = next(csv.reader([last.decode("utf-8", "replace")], delimiter=separator, quotechar='"'), [])
    if len(cells) < columns:
        problem = f"the last line has {len(cells)} of {columns} columns: the file was cut, or lines differ"
        raise InputError(problem, where=path, fix="copy it again; every line needs the columns of the first")


def _collected(scan: pl.LazyFrame, path: Path) -> pl.DataFrame:
    try:
        return scan.collect(engine="streaming")
    except pl.exceptions.NoDataError:
        raise InputError("the table has a header and no people", where=path, fix=FIX) from None
    except (pl.exceptions.PolarsError, OSError) as error:
        problem = f"the table cannot be read: {_first_line(error)}"
        raise InputError(
            problem, where=path, fix=f"is the file whole? Every line needs the columns of the first; or {FIX}"
        ) from None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _as_text(cells: pl.Series) -> pl.Series:
    """Cells as text without blanks and quotation marks, missing null; whole numbers without decimals."""
    if cells.dtype.is_float():
        whole = (cells.is_null() | cells.is_nan() | (cells == cells.round())).all()
        cells = cells.fill_nan(None).cast(pl.Int64) if whole else cells.fill_nan(None)
    text = cells.cast(pl.String).str.strip_chars(' "\t\r\u00a0')
    return pl.select(pl.when(~text.str.to_lowercase().is_in(list(MISSING))).then(text)).to_series().alias(cells.name)


def _check_eids(eids: pl.Series, path: Path) -> None:
    if eids.is_empty():
        raise InputError("the table has a header and no people", where=path, fix=FIX)
    if eids.null_count():
        raise InputError(f"{eids.null_count()} rows have no eid", where=path, fix="give every row its eid, or delete it")
    odd = eids.to_frame("eid").with_row_index("line", 2).filter(~pl.col("eid").str.contains(r"^-?\d+$"))
    ids.refuse_damaged(odd["eid"].to_list(), odd["line"].to_list(), what="the table", where=path)
    twice = eids.filter(eids.is_duplicated()).unique(maintain_order=True)
    if len(twice):
        problem = f"{len(twice)} people stand more than once: eid {first_few(twice)}"
        raise InputError(problem, where=path, fix="keep one row per eid: this must be the table of entity `participant`")
