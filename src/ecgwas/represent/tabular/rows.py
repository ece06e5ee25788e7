"""Whose features a row of a feature table holds, on which lead and at which visit, and which visit of a person is used.

As of recordings: of a person's visits the one wanted comes first, then the lowest number; another visit is the repeat visit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ecgwas.errors import EcgwasError, InputError, first_few
from ecgwas.leads import ALL_LEADS, LEADS
from ecgwas.represent.tabular.columns import KEYS
from ecgwas.tables.user_table import UserTable, is_missing

LEAD_OF = {lead.casefold(): lead for lead in (*LEADS, ALL_LEADS)}
VISIT = re.compile(r"(\d+)(?:\.0*)?|(\d+)_(\d+)")
"""A visit, or a visit and array, as in 2_0; pandas writes 2 as 2.0 in a column with gaps."""


@dataclass(frozen=True)
class ChosenRows:
    """Rows of the table, sorted by person and lead, at the visit that is tested and at the repeat visit.

    first, second  columns eid, lead and row (of the table)
    unused         rows of further visits
    """

    first: pl.DataFrame
    second: pl.DataFrame
    unused: int


def keys(table: UserTable) -> tuple[pl.DataFrame, list[EcgwasError]]:
    """Columns eid, lead, visit, array and row of every row, and the mistakes in them. Without a column of visits all are 0."""
    frame = table.frame
    mistakes = _misspelt(table)
    leads, wrong_leads = _leads(table)
    visits, wrong_visits = _visits(table)
    mistakes += [*wrong_leads, *wrong_visits]
    eids = frame["eid"].cast(pl.String) if "eid" in frame.columns else pl.Series("eid", [""] * frame.height, dtype=pl.String)
    keyed = pl.DataFrame({"eid": eids, "lead": leads}).with_columns(
        visit=pl.Series([visit for visit, _ in visits], dtype=pl.Int64),
        array=pl.Series([array for _, array in visits], dtype=pl.Int64),
    )
    keyed = keyed.with_row_index("row")
    if "eid" in frame.columns:
        mistakes += _repeated(table, keyed.filter(~pl.Series(is_missing(frame["eid"]))))
    return keyed, mistakes


def chosen(keyed: pl.DataFrame, instance: int | None) -> ChosenRows:
    """The rows of each person's visit to use, `instance` if the person has it, and those of the repeat visit.

    Another array of the same visit is no repeat visit. Leads of different visits are never combined.
    """
    visits = keyed.select("eid", "visit", "array").unique()
    ranked = visits.with_columns(other=pl.col("visit") != (-1 if instance is None else instance))
    ranked = ranked.sort("eid", "other", "visit", "array").drop("other")
    used = ranked.group_by("eid", maintain_order=True).first()
    others = ranked.join(used.select("eid", used="visit"), on="eid", maintain_order="left")
    repeat = others.filter(pl.col("visit") != pl.col("used")).drop("used").group_by("eid", maintain_order=True).first()
    first, second = (_sorted(keyed.join(visit, on=["eid", "visit", "array"])) for visit in (used, repeat))
    return ChosenRows(first, second, keyed.height - first.height - second.height)


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    rank = {lead: rank for rank, lead in enumerate((*LEADS, ALL_LEADS))}
    order = pl.col("lead").replace_strict(rank, return_dtype=pl.Int64)
    return rows.sort("eid", order).select("eid", "lead", "row")


def _misspelt(table: UserTable) -> list[EcgwasError]:
    """Columns named as KEYS but for their case, and two columns of visits."""
    columns, path = table.frame.columns, table.path
    mistakes: list[EcgwasError] = []
    for name in (name for name in columns if name not in KEYS and name.lower() in KEYS[1:]):
        problem = f"the column {name} is not read as {name.lower()}"
        mistakes.append(InputError(problem, where=path, fix=f"rename it to {name.lower()}"))
    if {"visit", "instance"} <= set(columns):
        fix = "keep one of them; both mean the visit"
        mistakes.append(InputError("the feature table has the columns visit and instance", where=path, fix=fix))
    return mistakes


def _leads(table: UserTable) -> tuple[list[str], list[EcgwasError]]:
    """The lead of each row; an empty cell, or no column, means all leads together."""
    if "lead" not in table.frame.columns:
        return [ALL_LEADS] * table.frame.height, []
    cells = table.frame["lead"].cast(pl.String).fill_null("")
    absent = is_missing(cells)
    leads = [ALL_LEADS if gone else LEAD_OF.get(cell.casefold(), "") for cell, gone in zip(cells, absent, strict=True)]
    unknown = [f"{table.place(row)}: {cells[row]}" for row, lead in enumerate(leads) if not lead]
    fix = f"the leads are {', '.join(LEADS)}, and {ALL_LEADS} (or an empty cell) for all leads together"
    mistakes: list[EcgwasError] = []
    if unknown:
        mistakes.append(InputError(f"unknown leads: {first_few(unknown)}", where=table.path, fix=fix))
    return [lead or ALL_LEADS for lead in leads], mistakes


def _visits(table: UserTable) -> tuple[list[tuple[int, int]], list[EcgwasError]]:
    """Visit and array of each row."""
    name = next((name for name in ("visit", "instance") if name in table.frame.columns), None)
    if name is None:
        return [(0, 0)] * table.frame.height, []
    cells = table.frame[name].cast(pl.String).fill_null("")
    matches = [VISIT.fullmatch(cell) for cell in cells]
    wrong = [f"{table.place(row)}: {cells[row] or 'nothing'}" for row, match in enumerate(matches) if match is None]
    mistakes: list[EcgwasError] = []
    if wrong:
        fix = "number the visits, 0, 1, 2 ..., as in UK Biobank (2, or 2_0 for visit and array)"
        mistakes.append(InputError(f"no number of a visit: {first_few(wrong)}", where=table.path, fix=fix))
    return [(0, 0) if match is None else (int(match[1] or match[2]), int(match[3] or 0)) for match in matches], mistakes


def _repeated(table: UserTable, keyed: pl.DataFrame) -> list[EcgwasError]:
    """A mistake if a person has two rows of the same lead and visit."""
    key = ["eid", "lead", "visit", "array"]
    twice = keyed.filter(pl.struct(key).is_duplicated()).group_by(key, maintain_order=True).agg("row")
    if twice.height == 0:
        return []
    has_visits, has_leads = ({"visit", "instance"} & set(table.frame.columns)), "lead" in table.frame.columns
    missing = [*(["visit"] if not has_visits else []), *(["lead"] if not has_leads else [])]
    what = " and ".join(["person", *(["lead"] if has_leads else []), *(["visit"] if has_visits else [])])
    shown = first_few(_shown(table, row["eid"], row["row"]) for row in twice.iter_rows(named=True))
    fix = f"keep one row per {what}" + (f", or add a column {' or '.join(missing)}" if missing else "")
    return [InputError(f"more than one row of the same {what}: {shown}", where=table.path, fix=fix)]


def _shown(table: UserTable, eid: str, rows: Sequence[int]) -> str:
    places = [table.place(int(row)) for row in np.sort(np.asarray(rows))]
    return f"eid {eid} ({first_few(places, 3)})"
