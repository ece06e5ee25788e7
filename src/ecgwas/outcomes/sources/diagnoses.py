"""Kind `diagnoses`: records of diagnoses with codes and dates; diseases by phecodes, or by lists of codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ids
from ecgwas.errors import InputError, first_few, raise_together
from ecgwas.outcomes.dated import DatedDisease
from ecgwas.outcomes.outcome import Cohort, Exclusion, Outcome
from ecgwas.outcomes.person_tables import days, refuse_not_dates, refuse_unknown, rows_of
from ecgwas.outcomes.phecodes import Diagnosed, Phecodes, Sex, diagnosed
from ecgwas.study.outcomes import Diagnoses, Disease
from ecgwas.tables.user_table import UserTable, is_missing, read_user_table

RELATED = "\0related"
"""End of the name of a hidden phecode, of the related codes of a disease."""
NEVER = np.datetime64("9999-12-31", "D")


def read(options: Diagnoses, cohort: Cohort) -> list[Outcome]:
    """Outcomes of each phecode and each disease. Participants without any record have no diagnosis.

    Raises InputError if a column is missing, a date is not a day, no disease is named, or none of the codes is in the map.
    """
    if options.map is None and not options.diseases:
        fix = "give `map`, a table of phecodes, or a list `diseases` with their codes"
        raise InputError("which codes of the records are which disease?", where=options.file, fix=fix)
    table = read_user_table(options.file, what="diagnosis")
    raise_together(ids.eid_mistakes(table, once=False), what="the diagnosis table")
    dated = [] if options.date is None else [options.date]
    refuse_unknown([options.code, *dated], [name for name in table.frame.columns if name != "eid"], table)
    refuse_not_dates(table, dated)
    rows_of(table, cohort.eids)  # Refuses a table of other people.
    records = _records(options, table, cohort)
    codes = np.unique(records.codes)
    outcomes: list[Outcome] = []
    if options.map is not None:
        phecodes, labels = _read_map(options, codes)
        outcomes += _outcomes(options, cohort, records.diagnosed(phecodes), labels, with_related=options.exclude_related)
    if options.diseases:
        listed = records.diagnosed(_listed(options.diseases, codes))
        labels = {disease.name: Label(disease.name, disease.group or _group(options)) for disease in options.diseases}
        outcomes += _outcomes(options, cohort, listed, labels, with_related=True)
    return outcomes


@dataclass(frozen=True)
class Label:
    """How a disease is called, and its group, in tables and pictures."""

    name: str
    group: str


def _group(options: Diagnoses) -> str:
    return options.group or options.kind


@dataclass(frozen=True)
class _Records:
    """Records of the participants tested: index of the participant (R,), bare code (R,), day (R,); number of participants."""

    person: NDArray[np.int64]
    codes: NDArray[np.str_]
    date: NDArray[np.datetime64]
    people: int

    def diagnosed(self, phecodes: Phecodes) -> Diagnosed:
        """The pairs of participant and phecode."""
        return diagnosed(self.person, list(self.codes), self.date, phecodes, self.people)


def _records(options: Diagnoses, table: UserTable, cohort: Cohort) -> _Records:
    place = {eid: row for row, eid in enumerate(cohort.eids)}
    person = np.array([place.get(eid, -1) for eid in table.frame["eid"].cast(pl.String)], dtype=np.int64)
    here = (person >= 0) & ~is_missing(table.frame[options.code])
    rows = np.flatnonzero(here)
    codes = np.array([bare(code) for code in table.frame[options.code].gather(rows)], dtype=str)
    nothing = np.full(len(rows), "NaT", dtype="datetime64[D]")
    date = nothing if options.date is None else days(table.frame[options.date])[rows]
    return _Records(person[rows], codes, date, len(cohort.eids))


def bare(code: str) -> str:
    """A code without dots and in capitals: I48.0 and i480 are the same."""
    return code.replace(".", "").strip().upper()


def _read_map(options: Diagnoses, codes: NDArray[np.str_]) -> tuple[Phecodes, dict[str, Label]]:
    """The map's phecodes that occur in the records, and how they are called."""
    if options.map is None:
        raise ValueError("no map")
    table = read_user_table(options.map, what="phecode map")
    present = list(table.frame.columns)
    refuse_unknown(["code", "phecode"], present, table)
    frame = table.frame.with_columns(code=pl.Series([bare(code) for code in table.frame["code"]], dtype=pl.String))
    occurring = set(codes.tolist())
    names = sorted(set(frame.filter(pl.col("code").is_in(list(occurring)))["phecode"]))
    if not names:
        problem = "none of the records' codes is in the map"
        examples = f"{first_few(sorted(occurring), 3)} in the records, {first_few(frame['code'], 3)} in the map"
        raise InputError(f"{problem}: {examples}", where=options.map, fix="take the map of the records' classification")
    first = {row["phecode"]: row for row in frame.unique("phecode", keep="first").iter_rows(named=True)}
    pairs = frame.filter(pl.col("phecode").is_in(names)).unique(["code", "phecode"], maintain_order=True)
    index = {name: place for place, name in enumerate(names)}
    labels = {name: Label(_cell(first[name], "name") or name, _cell(first[name], "group") or _group(options)) for name in names}
    phecodes = Phecodes(
        names, [labels[name].group for name in names], [_sex(_cell(first[name], "sex"), options) for name in names],
        list(pairs["code"]), np.array([index[name] for name in pairs["phecode"]], dtype=np.int64),
    )  # fmt: skip
    return phecodes, labels


def _cell(row: Mapping[str, str], column: str) -> str:
    return (row.get(column) or "").strip()


def _sex(given: str, options: Diagnoses) -> Sex:
    words: dict[str, Sex] = {
        "": "both", "both": "both", "female": "female", "f": "female", "male": "male", "m": "male", "na": "both",
    }  # fmt: skip
    if given.lower() not in words:
        raise InputError(f"a sex of the phecode map is {given}", where=options.map, fix="write both, female or male")
    return words[given.lower()]


def _listed(diseases: Sequence[Disease], codes: NDArray[np.str_]) -> Phecodes:
    """Each disease, and a hidden phecode of its related codes, as a group of their own."""
    names: list[str] = []
    sexes: list[Sex] = []
    pairs: list[tuple[str, int]] = []
    for disease in diseases:
        own = _with_prefix(codes, disease.codes)
        for name, those in ((disease.name, own), (disease.name + RELATED, _with_prefix(codes, disease.related) - own)):
            pairs += [(code, len(names)) for code in sorted(those)]
            names.append(name)
            sexes.append(disease.sex or "both")
    groups = [name.removesuffix(RELATED) for name in names]
    return Phecodes(names, groups, sexes, [code for code, _ in pairs], np.array([k for _, k in pairs], dtype=np.int64))


def _with_prefix(codes: NDArray[np.str_], prefixes: Sequence[str]) -> set[str]:
    starts = tuple(bare(prefix) for prefix in prefixes)
    return {code for code in codes.tolist() if code.startswith(starts)} if starts else set()


def _outcomes(
    options: Diagnoses, cohort: Cohort, here: Diagnosed, labels: Mapping[str, Label], *, with_related: bool
) -> list[Outcome]:  # fmt: skip
    """Outcomes of each phecode that is not hidden; with_related: others of its group exclude from being a control."""
    outcomes: list[Outcome] = []
    groups = np.unique(np.asarray(here.phecodes.groups), return_inverse=True)[1].reshape(-1)
    for k, phecode in enumerate(here.phecodes.names):
        if phecode.endswith(RELATED):
            continue
        disease = _disease(options, cohort, here, k, labels[phecode])
        if with_related:
            related, undated = _related(here, k, groups)
            disease = replace(disease, related=related, related_undated=undated)
        outcomes += disease.outcomes(cohort)
    return outcomes


def _disease(options: Diagnoses, cohort: Cohort, here: Diagnosed, k: int, label: Label) -> DatedDisease:
    excluded = np.where(cohort.other_sex(here.phecodes.sexes[k]), int(Exclusion.OTHER_SEX), int(Exclusion.NONE))
    first, undated = here.first_dates(k)
    rows = here.phecode == k
    too_few = np.zeros(here.people, dtype=bool)
    too_few[here.person[rows]] = here.dates[rows] < options.min_dates
    excluded = np.where((excluded == Exclusion.NONE) & too_few, int(Exclusion.TOO_FEW_DATES), excluded).astype(np.int8)
    return DatedDisease(label.name, label.group, first, undated, excluded)


def _related(
    here: Diagnosed, k: int, groups: NDArray[np.int64]
) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:  # fmt: skip
    """(N,) first date of another phecode of the group, and (N,) whether there is one without a date."""
    others = (groups[here.phecode] == groups[k]) & (here.phecode != k)
    person, first = here.person[others], here.first[others]
    dates = np.full(here.people, NEVER)
    dated = ~np.isnat(first)
    np.minimum.at(dates, person[dated], first[dated])
    undated = np.zeros(here.people, dtype=bool)
    undated[person[here.undated[others]]] = True
    return np.where(dates == NEVER, np.datetime64("NaT", "D"), dates), undated
