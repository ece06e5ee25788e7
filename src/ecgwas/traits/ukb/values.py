"""What the codes of UK Biobank's fields mean, as codes (ukbconv, coding RAW) or as their meanings (coding REPLACE).

Negative codes differ between fields. Of the fields that are read here only 22000 and 22021 have any, and none of these means
missing: 22000 counts the batches of the UK BiLEVE array down from -1 (data-coding 22000), and 22021 has -1 for a participant
whose kinship was not computed (data-coding 682). Fields of questionnaires have -1 (do not know) and -3 (prefer not to answer),
as in data-codings 100291 and 100349: `answers` makes them missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.errors import InputError, first_few
from ecgwas.tables import ukb_fields as fields
from ecgwas.tables.user_table import level, not_numbers, numbers

NO_ANSWER = {str(code): meaning for code, meaning in fields.NO_ANSWER.items()}
"""Codes that mean missing in fields of questionnaires, as text."""
ALWAYS_NO_ANSWER = frozenset({"-121", "-818"})
"""Those that are no value of a whole-number field, whatever else occurs in it."""
NO_ANSWER_TEXT = frozenset(NO_ANSWER.values())
"""The same as coding REPLACE writes them."""

LOWEST_CODE = -13
"""Smallest negative code of a questionnaire's field; a field with smaller numbers is a measurement."""

FEMALE, MALE = 0, 1
SEX = {"0": FEMALE, "1": MALE, "female": FEMALE, "male": MALE}
"""Data-coding 9, of fields 31 and 22001."""

YES = frozenset({"1", "yes", "true"})
"""Data-coding 1, of fields 22019, 22020 and 22027, which are empty for everyone else."""

MONTHS = {
    name: str(month)
    for month, name in enumerate(
        ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
         "december"), 1,
    )
}  # fmt: skip
"""Data-coding 8, of field 52."""

BILEVE, AXIOM = "bileve", "axiom"
"""The two genotyping arrays: UK BiLEVE Axiom and UK Biobank Axiom."""
MID_MONTH = 15
"""Day that counts as the day of birth, which is not released: a computed age is wrong by one year at most."""


def _refuse(cells: pl.Series, wrong: pl.Series | NDArray[np.bool_], field: int, expected: str, source: str) -> None:
    """Raises InputError that shows the values that are not expected; no participant is named."""
    values = cells.filter(pl.Series(wrong)).unique(maintain_order=True).to_list()
    if values:
        problem = f"{fields.label(field)} has values of another kind: {first_few(values)}"
        raise InputError(problem, where=source, fix=f"expected: {expected}; is it the right column?")


def sex(cells: pl.Series, field: int, source: str) -> pl.Series:
    """(P,) Int64 0 female, 1 male, null missing; from field 31 or 22001. Raises InputError for other values."""
    bare = _level(cells).str.to_lowercase()
    codes = bare.replace_strict(SEX, default=None, return_dtype=pl.Int64)
    _refuse(cells, bare.is_not_null() & codes.is_null(), field, "0 or Female, 1 or Male", source)
    return codes


def is_yes(cells: pl.Series) -> pl.Series:
    """(P,) bool: the participant is marked; empty cells and 0 are not."""
    return _level(cells).str.to_lowercase().is_in(list(YES)).fill_null(value=False)


def real(cells: pl.Series, field: int, source: str) -> pl.Series:
    """(P,) Float64, missing null. Raises InputError for cells that are not numbers."""
    present = cells.fill_null("")
    _refuse(cells, not_numbers(present), field, "numbers", source)
    return pl.Series(numbers(present)).fill_nan(None).alias(cells.name)


def array(cells: pl.Series, source: str) -> pl.Series:
    """(P,) text: the genotyping array of the batch in field 22000: codes below 0, or names with BiLEVE, are UK BiLEVE's."""
    code = cells.cast(pl.Float64, strict=False)
    is_bileve = (code < 0).fill_null(value=False) | cells.str.contains("(?i)bileve").fill_null(value=False)
    is_axiom = (code > 0).fill_null(value=False) | cells.str.contains("(?i)^batch_b").fill_null(value=False)
    _refuse(cells, cells.is_not_null() & ~is_bileve & ~is_axiom, 22000, "numbers other than 0, or Batch_b001", source)
    return pl.select(pl.when(is_bileve).then(pl.lit(BILEVE)).when(is_axiom).then(pl.lit(AXIOM))).to_series()


def category(cells: pl.Series) -> pl.Series:
    """(P,) text: a category's name, a whole number without decimals; missing null."""
    return _level(cells)


def _level(cells: pl.Series) -> pl.Series:
    known = {cell: level(cell) for cell in cells.drop_nulls().unique()}
    return cells.replace_strict(known, default=None, return_dtype=pl.String) if known else cells


@dataclass(frozen=True)
class ComputedAge:
    """years: (P,) Float64, completed years, null where it cannot be computed; unreadable: dates that are no date."""

    years: pl.Series
    unreadable: int


def computed_age(birth_year: pl.Series, birth_month: pl.Series, visit_date: pl.Series, source: str) -> ComputedAge:
    """Age in completed years at a visit, from fields 34, 52 and 53; the day of birth counts as the 15th (MID_MONTH)."""
    month = birth_month.str.to_lowercase()
    month = real(month.replace(MONTHS), 52, source).cast(pl.Int64)
    year = real(birth_year, 34, source).cast(pl.Int64)
    days = visit_date.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    frame = pl.DataFrame({"year": year, "month": month, "day": days})
    before_birthday = (pl.col("day").dt.month().cast(pl.Int64) * 31 + pl.col("day").dt.day().cast(pl.Int64)) < (
        pl.col("month") * 31 + MID_MONTH
    )
    years = frame.select(
        (pl.col("day").dt.year().cast(pl.Int64) - pl.col("year") - before_birthday.cast(pl.Int64)).cast(pl.Float64)
    )
    return ComputedAge(years.to_series(), int((visit_date.is_not_null() & days.is_null()).sum()))


@dataclass(frozen=True)
class Answers:
    """A further field's values.

    values        (P,) text, missing null
    not_answered  meaning of a code of no answer -> people
    negative      negative whole number that stays a value -> people; empty for fields with decimals
    """

    values: pl.Series
    not_answered: Mapping[str, int]
    negative: Mapping[str, int]


def answers(cells: pl.Series) -> Answers:
    """The cells of a further field, with codes that mean `no answer` missing, if every value is a whole number or text.

    In fields with decimals (Townsend index) -1 and -3 are values, and so they are where smaller numbers occur than the codes of
    questionnaires (LOWEST_CODE); -121 and -818 are values in fields with decimals only. Other codes, such as -10 for less than
    one and -7 for none of the above, stay as they are, and are counted.
    """
    text = _level(cells)
    number = cells.filter(~text.is_in(list(NO_ANSWER))).cast(pl.Float64, strict=False).drop_nulls()
    has_decimals = bool((number != number.round()).any())
    is_measured = has_decimals or bool((number < LOWEST_CODE).any())
    meant = [] if has_decimals else list(ALWAYS_NO_ANSWER if is_measured else NO_ANSWER)
    codes = text.is_in(meant).fill_null(value=False)
    words = text.str.to_lowercase().is_in(list(NO_ANSWER_TEXT)).fill_null(value=False)
    kept = pl.select(pl.when(~(codes | words)).then(text)).to_series().alias(cells.name)
    negative = kept.filter(kept.cast(pl.Float64, strict=False) < 0) if not has_decimals else kept.clear()
    return Answers(kept, _counts(text.replace(NO_ANSWER).str.to_lowercase().filter(codes | words)), _counts(negative))


def _counts(cells: pl.Series) -> dict[str, int]:
    """Value -> people, the most frequent first."""
    counts = cells.rename("value").value_counts(sort=True, name="count").sort("count", "value", descending=[True, False])
    return {str(name): int(count) for name, count in counts.iter_rows()}
