"""How a table is shown: a TableView says which columns, under which headings and in which format; `shown` applies it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import polars as pl

from ecgwas.report.names import in_address
from ecgwas.report.text import labels, numbers

MAX_ROWS = 500
"""Longer tables are cut on the page; the files hold every row."""

P_VALUE = "p"
"""Form of a column of -log10 p that is shown as p: 3.2×10⁻¹²."""

Shown = Literal["always", "wide", "asked"]
"""When a column is shown: always, on pages of some width, or only after a click on `all columns`."""

OWN_NAMES = {
    "trait", "best_trait", "variant", "lead_variant", "gene", "genes", "known_genes", "representation", "lead", "feature",
    "term", "name", "known_trait", "known_traits", "effect_allele", "other_allele", "rs_id", "colour", "item",
    "study", "best_variant",
}  # fmt: skip
"""Columns whose texts are names of things, which the page does not translate."""

MEASUREMENTS = {"measurement", "parameter"}
"""Columns of names of measurements."""


@dataclass(frozen=True)
class ColumnView:
    """A column as the page shows it.

    form          Python's format of a number, or P_VALUE; empty: text
    links_to      the page that a cell leads to
    of_effect     a number in units of the effect, which the heading names
    if_any        the column is shown only where it has a value
    is_colour     a colour, which the cell shows
    unbroken      text that stays in one line
    when          when it is shown
    """

    name: str
    heading: str
    form: str = ""
    links_to: Literal["trait", "locus"] | None = None
    of_effect: bool = False
    if_any: bool = False
    is_colour: bool = False
    unbroken: bool = False
    when: Shown = "always"


@dataclass(frozen=True)
class TableView:
    """A table as the page shows it: its name in the page's addresses, its title, and those of the columns that it has."""

    name: str
    title: str
    columns: tuple[ColumnView, ...]


@dataclass(frozen=True)
class Cell:
    """What is shown, its key for sorting, where it leads, the colour (#rrggbb) that stands for it, and whether it may break."""

    words: str
    key: str
    link: str | None = None
    colour: str | None = None
    unbroken: bool = False


class Heading(NamedTuple):
    """The head of a column: its words, whether it holds numbers, when it is shown."""

    words: str
    is_number: bool
    when: Shown = "always"


@dataclass(frozen=True)
class ShownTable:
    """A table ready for the page; `more` rows are only in the file."""

    name: str
    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: int = 0

    @property
    def columns_asked(self) -> int:
        """Number of columns that are shown only after a click."""
        return sum(heading.when == "asked" for heading in self.headings)

    @property
    def has_choice(self) -> bool:
        """True if some column is not always shown."""
        return any(heading.when != "always" for heading in self.headings)


def shown(
    view: TableView, frame: pl.DataFrame, *, title: str | None = None, suffix: str = "", effect_unit: str = "",
    locus_pages: Collection[int] = (),
) -> ShownTable | None:  # fmt: skip
    """The table, with the columns of the frame that the view names; None where there is no row.

    title: instead of the view's;  suffix: behind its name, where there are several;  locus_pages: loci that have a page
    """
    if frame.height == 0:
        return None
    columns = [column for column in view.columns if _is_shown(column, frame)]
    cut = frame.select(column.name for column in columns).head(MAX_ROWS)
    cells = [tuple(_cell(column, value, locus_pages) for column, value in zip(columns, row, strict=True))
             for row in cut.iter_rows()]  # fmt: skip
    headings = tuple(Heading(_heading(column, effect_unit), bool(column.form), column.when) for column in columns)
    return ShownTable(view.name + suffix, title or view.title, headings, tuple(cells), frame.height - cut.height)


def existing(*tables: ShownTable | None) -> list[ShownTable]:
    """Those that have rows."""
    return [table for table in tables if table is not None]


def _is_shown(column: ColumnView, frame: pl.DataFrame) -> bool:
    return column.name in frame.columns and not (column.if_any and frame[column.name].is_null().all())


def _heading(column: ColumnView, effect_unit: str) -> str:
    return f"{column.heading} ({effect_unit})" if column.of_effect and effect_unit else column.heading


def _cell(column: ColumnView, value: Any, locus_pages: Collection[int]) -> Cell:
    """A value in words; a missing one is a dash and sorts last."""
    if value is None or value != value:
        return Cell("–", "")
    if isinstance(value, bool):
        return Cell("yes" if value else "no", str(int(value)))
    if column.form == P_VALUE:
        return Cell(numbers.p_value(value), repr(-float(value)))
    if column.form:
        link = f"#locus-{value}" if column.links_to == "locus" and value in locus_pages else None
        return Cell(numbers.with_minus(format(value, column.form)), repr(float(value)), link)
    link = f"#trait-{in_address(str(value))}" if column.links_to == "trait" else None
    return Cell(_text(column.name, str(value)), str(value), link, str(value) if column.is_colour else None, column.unbroken)


def _text(column: str, value: str) -> str:
    """What a cell of text says: names as they are, codes in words."""
    if column in OWN_NAMES:
        return value
    return labels.measurement(value) if column in MEASUREMENTS else labels.in_words(labels.words(value))
