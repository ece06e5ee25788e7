"""Users' tables as Parquet: the same object as a delimited table; numbers stay numbers, all else becomes text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from ecgwas.errors import EcgwasError, InputError, first_few, raise_together
from ecgwas.tables.user_table import INVISIBLE, UserTable, clean

FIX_LISTS = "write one column per number (pandas: pd.DataFrame(frame['name'].tolist()).add_prefix('f'))"


def read_parquet_table(path: Path, *, what: str) -> UserTable:
    """Reads a Parquet file with named columns. `lines` are the numbers of its rows, from 1.

    what: as in `covariate`, for `the covariate table`. Columns of numbers stay numbers; a missing value is null or NaN. All
    other columns become text, cleaned as in delimited tables; missing values are empty cells.
    Raises InputError if the file is missing, no Parquet file, or has no rows, columns without a name or named twice, or
    columns that hold a list, a record or bytes in each row.
    """
    with _explained(path, what):
        frame = pl.read_parquet(path, glob=False)
    names = [clean(name) for name in frame.columns]
    raise_together(_mistakes(frame, names, path), what=f"the {what} table")
    columns = [_plain(frame[old]).alias(new) for old, new in zip(frame.columns, names, strict=True)]
    return UserTable(pl.DataFrame(columns), tuple(range(1, frame.height + 1)), path, what, counted="row")


def read_parquet_header(path: Path, *, what: str) -> list[str]:
    """The names of a Parquet file's columns. Raises InputError if it is missing or no Parquet file."""
    with _explained(path, what):
        names = list(pl.read_parquet_schema(path))
    return [clean(name) for name in names]


@contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    """Failures to read as InputError, each with its cure."""
    if path.is_dir():
        raise InputError(f"the {what} table cannot be read: it is a folder", where=path, fix="name one file")
    if not path.exists():
        raise InputError(f"the {what} table is missing", where=path, fix="correct the path in study.yaml")
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        problem = f"the {what} table cannot be read as Parquet: {str(error).splitlines()[0][:200]}"
        raise InputError(problem, where=path, fix="write it again, or as tab-separated text (.tsv)") from None


def _mistakes(frame: pl.DataFrame, names: list[str], path: Path) -> list[EcgwasError]:
    mistakes: list[EcgwasError] = []
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or "" in names:
        problem = f"columns named twice: {first_few(twice)}" if "" not in twice and twice else "a column has no name"
        mistakes.append(InputError(problem, where=path, fix="give each column its own name"))
    nested = [name for name, kind in frame.schema.items() if kind.is_nested() or kind in (pl.Binary, pl.Object)]
    if nested:
        problem = f"columns with a list, a record or bytes in each row: {first_few(nested)}"
        mistakes.append(InputError(problem, where=path, fix=FIX_LISTS))
    return mistakes


def _plain(column: pl.Series) -> pl.Series:
    """The column as numbers, or as text without surrounding blanks and invisible characters."""
    if column.dtype.is_numeric():
        return column.cast(pl.Float64) if column.dtype.is_decimal() else column
    text = column.cast(pl.String).fill_null("")
    return text.str.replace_all(INVISIBLE.pattern, "").str.strip_chars()
