"""Section `outcomes`: tables of diseases, measurements and survival, against which every feature is tested."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from ecgwas.study.base import Options, StudyPath, option

FEWEST_PERMUTATIONS = 19
"""Fewer permutations have no family-wise threshold at 5 %."""

Sex = Literal["female", "male"]


class OutcomeTable(Options):
    """What every table of outcomes has. It is joined with the traits by eid."""

    file: StudyPath
    """Table (.tsv, .csv, also .gz) with a column eid."""
    group: str = ""
    """Group of its outcomes in pictures and tables, such as Circulatory; none: the kind of the table."""

    @property
    def uses_dates(self) -> bool:
        """Its outcomes are dated, and divided into prevalent and incident ones if there is `outcomes.follow_up`."""
        return False


class ColumnTable(OutcomeTable):
    """A table with one outcome per column."""

    columns: tuple[str, ...] | None = option(None, min_length=1)
    """Columns to use; none: all but eid."""
    names: dict[str, str] = {}
    """Names of outcomes by column, such as `131350-0.0: atrial_fibrillation`; others are called as their column."""
    sex: dict[str, Sex] = {}
    """Outcomes of one sex, by column, such as `prostate_cancer: male`; participants not known to be of it are excluded."""


class Binary(ColumnTable):
    """Columns of 0 (control), 1 (case) and missing values: logistic regression."""

    kind: Literal["binary"] = "binary"


class Numeric(ColumnTable):
    """Columns of numbers, such as echocardiographic measurements: linear regression."""

    kind: Literal["numeric"] = "numeric"


class Dates(ColumnTable):
    """Columns with the date of the first diagnosis, such as UK Biobank's first occurrences; empty: not diagnosed."""

    kind: Literal["dates"] = "dates"

    @property
    def uses_dates(self) -> bool:
        """Yes."""
        return True


class Survival(OutcomeTable):
    """Time to an event: Cox regression."""

    kind: Literal["survival"] = "survival"
    name: str = option(min_length=1)
    """Name of the outcome."""
    time: str = "time"
    """Column of the time at which follow-up ended, in any unit."""
    event: str = "event"
    """Column of 1 (the event happened then) and 0 (censored)."""
    entry: str | None = None
    """Column of the time at which follow-up began, on the same scale, such as the age at the ECG; none: 0."""
    sex: Sex | None = None
    """The only sex that can have the event."""


class Disease(Options):
    """A disease as a list of codes."""

    name: str = option(min_length=1)
    """Name of the outcome."""
    codes: tuple[str, ...] = option(min_length=1)
    """Codes, or their first characters: I48 stands for I48.0, I48.1 and so on. Dots are ignored."""
    related: tuple[str, ...] = ()
    """Codes of related diseases, likewise: participants with one of them, and without the disease, are not controls."""
    group: str = ""
    """Group of the disease; none: the group of the table."""
    sex: Sex | None = None
    """The only sex that can have the disease."""


class Diagnoses(OutcomeTable):
    """Records of diagnoses, one per line, with a code and a date; diseases by phecodes, or by lists of codes."""

    kind: Literal["diagnoses"] = "diagnoses"
    code: str = "code"
    """Column of codes, such as ICD-10."""
    date: str | None = "date"
    """Column of dates; none: the records have no dates."""
    map: StudyPath | None = None
    """Table of phecodes: columns code and phecode, and optionally group, sex (both, female, male) and name."""
    diseases: tuple[Disease, ...] = ()
    """Diseases as lists of codes."""
    min_dates: int = option(1, ge=1)
    """Cases have diagnoses on this many different dates; participants with fewer are neither cases nor controls."""
    exclude_related: bool = True
    """Participants with another phecode of the group are not controls."""

    @property
    def uses_dates(self) -> bool:
        """If it has a column of dates."""
        return self.date is not None


AnyOutcomeTable = Annotated[Binary | Numeric | Dates | Survival | Diagnoses, Field(discriminator="kind")]


class OutcomeOptions(Options):
    """Every feature tested against diseases, measurements and survival."""

    tables: tuple[AnyOutcomeTable, ...] = Field(min_length=1)
    """Tables of outcomes."""
    follow_up: StudyPath | None = None
    """Table with columns eid, ecg_date, end_date (until which diagnoses are complete), birth_date and optionally death_date, as
    2016-05-31. With it, each dated disease is tested twice: prevalent cases, diagnosed by the day of the ECG (logistic), and
    incident ones, diagnosed later (Cox). Without it, diseases are tested as diagnosed ever or never."""
    time_scale: Literal["age", "follow_up"] = "age"
    """Time of incident diseases. `age`: people of the same age are compared, each from the age at the ECG on (late entry);
    `follow_up`: years since the ECG, which needs no birth dates."""
    min_cases: int = option(20, ge=5)
    """Outcomes with fewer cases, controls or events are listed and not tested; likewise numbers of fewer participants."""
    firth_below: int = option(200, ge=0)
    """With fewer cases or controls, odds ratios are estimated by Firth's penalised likelihood instead of maximum likelihood."""
    keep_neglog10p: float = option(3.0, ge=0)
    """-log10 p of the score test from which effects are estimated and listed; each outcome's strongest trait always is."""
    permutations: int = option(199, ge=0)
    """Permutations for the threshold over all features and outcomes, 19 or more; 0: Bonferroni."""

    @field_validator("permutations")
    @classmethod
    def _enough(cls, permutations: int) -> int:
        if 0 < permutations < FEWEST_PERMUTATIONS:
            raise ValueError(f"{permutations} permutations have no threshold at 5 %; give {FEWEST_PERMUTATIONS} or more, or 0")
        return permutations

    @property
    def input_files(self) -> tuple[Path, ...]:
        """The user's files, each once."""
        maps = [table.map for table in self.tables if isinstance(table, Diagnoses)]
        paths = [*(table.file for table in self.tables), self.follow_up, *maps]
        return tuple(dict.fromkeys(path for path in paths if path is not None))

    @property
    def needs_sex(self) -> bool:
        """True if an outcome may be of one sex."""
        return any(_has_sex(table) for table in self.tables)


def _has_sex(table: OutcomeTable) -> bool:
    if isinstance(table, Diagnoses):
        return table.map is not None or any(disease.sex is not None for disease in table.diseases)
    return bool(getattr(table, "sex", None))
