"""The tables of a results folder as `tables/files.py` declares them; those of participants only if asked for."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ecgwas.errors import DisclosureError, InputError, first_few
from ecgwas.serve import addresses
from ecgwas.serve import blocks as b
from ecgwas.serve.study import Served
from ecgwas.serve.views import View
from ecgwas.tables import files

SHOWN_ROWS = 200


def names(served: Served, *, private: bool) -> list[str]:
    """Paths of the tables below the results folder; those of participants only if private."""
    return [name for name in served.results.tables if private or not _declaration(name).about_people]


def frame(served: Served, name: str, *, private: bool) -> pl.DataFrame:
    """A table by its path. Raises InputError unless it is a declared table of the folder, DisclosureError for one of
    participants unless private."""
    declared = served.results.tables
    if name not in declared or not _is_inside(served.folder, name):
        raise InputError(f"no table is named {name}", fix=f"tables: {first_few(names(served, private=private), 12)}")
    if _declaration(name).about_people and not private:
        raise DisclosureError(f"{name} is about participants", fix="start `ecgwas serve` with --private to read such tables")
    return served.results.table(name)


def _is_inside(folder: Path, name: str) -> bool:
    """False for a file that a link leads to outside the results folder."""
    return (folder / name).resolve().is_relative_to(folder.resolve())


def _declaration(name: str) -> files.ResultFile:
    stage, _, below = name.partition("/")
    declared = files.declaration(stage, below)
    if declared is None:
        raise InputError(f"no table is named {name}", fix="see the list of tables")
    return declared


def listing(served: Served, *, private: bool) -> View:
    """All tables that can be read."""
    rows = []
    for name in names(served, private=private):
        about = _declaration(name)
        kind = [b.cell("participants" if about.about_people else "")] if private else []
        rows.append([b.cell(name, address=addresses.table(name, served.key)), b.cell(about.described), *kind,
                     b.cell(_size(served.folder / name), (served.folder / name).stat().st_size)])  # fmt: skip
    heads = [("table", False), ("what it holds", False), *([("about", False)] if private else []), ("size", True)]
    words = "" if private else " Tables of participants are shown only with the option --private."
    shown = [b.text(f"{len(rows)} tables of {served.name}.{words}"), b.table("tables", "Tables", heads, rows)]
    return View(f"Tables of {served.name}", shown, [])


def _size(path: Path) -> str:
    kib = path.stat().st_size / 1024
    return f"{kib:,.0f} KiB" if kib < 10_000 else f"{kib / 1024:,.0f} MiB"


def one(served: Served, name: str, *, private: bool) -> View:
    """The first rows of a table, and the whole as CSV. Raises as `frame`."""
    whole = frame(served, name, private=private)
    about = _declaration(name)
    columns = [(column, whole[column].dtype.is_numeric()) for column in whole.columns]
    rows = [[b.cell("" if value is None else str(value)) for value in row] for row in whole.head(SHOWN_ROWS).iter_rows()]
    more = f"The first {SHOWN_ROWS} of {whole.height:,} rows." if whole.height > SHOWN_ROWS else f"{whole.height:,} rows."
    address = f"api/csv?study={addresses.in_address(served.key)}&name={addresses.in_address(name)}"
    shown = [b.text(f"{about.described} {more} ", b.link("All as CSV", address)), b.table("rows", name, columns, rows)]
    return View(name, shown, [])
