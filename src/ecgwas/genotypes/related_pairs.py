"""Pairs of relatives: as stage traits writes them, or as KING, PLINK 2 and UK Biobank list them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.tables.recordings import RelatedPairs
from ecgwas.tables.user_table import is_missing, not_numbers, numbers, read_user_table

COLUMNS = {"id1": ("id1", "iid1"), "id2": ("id2", "iid2"), "kinship": ("kinship",)}
"""Names of the columns in lists, without capitals and #."""
MOST_KINSHIP = 0.6
"""Larger ones are no kinship, of which 0.5 is that of identical twins; it may be a relationship, twice as large."""
FIX = "give a table with ID1, ID2 and Kinship, as KING, `plink2 --make-king-table` or UK Biobank (ukb_rel.dat) make it"


@dataclass(frozen=True)
class Pairs:
    """M pairs of some people: first, second (M,) int64, their indices, and kinship (M,) float64.

    unknown   pairs of the list of whom one or both are not among these people
    redacted  pairs with a negative id: UK Biobank's mark of someone who has withdrawn
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    kinship: NDArray[np.float64]
    unknown: int
    redacted: int

    def __len__(self) -> int:
        return len(self.first)


def pairs(path: Path, eids: Sequence[str]) -> Pairs:
    """The listed pairs of whom both are among `eids`, without pairs of a person and the same person.

    Raises InputError for a file that is missing, lacks a column, or has kinship that is not a number or above MOST_KINSHIP.
    """
    frame = RelatedPairs.read(path).frame if path.suffix == ".parquet" else listed(path)
    places = pl.DataFrame({"eid": list(eids), "place": np.arange(len(eids))})
    placed = (
        frame.join(places.rename({"eid": "eid1", "place": "first"}), on="eid1", how="left", maintain_order="left")
        .join(places.rename({"eid": "eid2", "place": "second"}), on="eid2", how="left", maintain_order="left")
    )  # fmt: skip
    both = placed.drop_nulls(["first", "second"])
    redacted = int((frame["eid1"].str.starts_with("-") | frame["eid2"].str.starts_with("-")).sum())
    known = both.filter(pl.col("first") != pl.col("second"))
    first, second = (known[name].to_numpy().astype(np.int64) for name in ("first", "second"))
    return Pairs(first, second, known["kinship"].to_numpy(), placed.height - both.height - redacted, redacted)


def listed(path: Path) -> pl.DataFrame:
    """Columns eid1, eid2 (text) and kinship of a list.

    Raises InputError for a list that is missing, lacks a column, or has kinship that is not a number or above MOST_KINSHIP.
    """
    table = read_user_table(path, what="the list of related pairs")
    by_name = {name.lower().lstrip("#"): name for name in table.frame.columns}
    columns = {name: next((by_name[each] for each in names if each in by_name), None) for name, names in COLUMNS.items()}
    absent = [name for name, column in columns.items() if column is None]
    if absent:
        problem = f"the list of related pairs has no column {' and '.join(absent)}; it has {first_few(table.frame.columns)}"
        raise InputError(problem, where=path, fix=FIX)
    first, second, kinship = (table.frame[str(columns[name])] for name in COLUMNS)
    wrong = np.flatnonzero(not_numbers(kinship) | is_missing(kinship))
    if len(wrong):
        raise InputError(f"kinship is not a number: {_places(table.lines, wrong)}", where=path, fix=FIX)
    values = numbers(kinship)
    large = np.flatnonzero(values > MOST_KINSHIP)
    if len(large):
        problem = f"kinship above {MOST_KINSHIP} is not possible: {_places(table.lines, large)}"
        raise InputError(problem, where=path, fix="a relationship is twice the kinship; write the kinship")
    return pl.DataFrame({"eid1": first, "eid2": second, "kinship": values})


def _places(lines: Sequence[int], rows: NDArray[np.int64]) -> str:
    return first_few(f"line {lines[int(row)]}" for row in rows)
