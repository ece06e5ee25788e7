"""The table of covariates from UK Biobank's fields, and who is excluded or flagged, each with the reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ecgwas.errors import InputError, first_few
from ecgwas.tables import ukb_fields as fields
from ecgwas.tables.recordings import CovariateExclusions
from ecgwas.tables.ukb_fields import FieldColumn
from ecgwas.traits.ukb import relatives, values
from ecgwas.traits.ukb.export import Export

SEX, YEAR, MONTH, DATE, CENTRE, AGE = 31, 34, 52, 53, 54, 21003
BATCH, GENETIC_SEX, PC, ANEUPLOIDY, USED_IN_PCS, KINSHIP, OUTLIER = 22000, 22001, 22009, 22019, 22020, 22021, 22027
AT_A_VISIT = (AGE, DATE, CENTRE)
"""Fields with one value per visit; a participant with one of them attended it."""

FLAGS = {
    "sex": f"sex differs from genetic sex (field {GENETIC_SEX})",
    "aneuploidy": f"sex chromosome aneuploidy (field {ANEUPLOIDY})",
    "outlier": f"outlier of heterozygosity or missing calls (field {OUTLIER})",
}
"""What `keep` may name -> the reason for exclusion, or for the flag."""

WITHDRAWN, REDACTED = "withdrawn", "negative eid: withdrawn (UK Biobank)"
RELATED = "related to another participant"
TEN_RELATIVES = 10
"""Code of field 22021: ten relatives of the third degree or more."""


@dataclass(frozen=True)
class UkbOptions:
    """What is taken from an export.

    visits       instances, the first that a participant attended counts
    pcs          number of genotype PCs
    further      name of a column -> field, further quantities
    categories   name of a column -> field, further categories
    keep         names of FLAGS whose participants are kept and flagged
    used_in_pcs  only participants whom UK Biobank used for its PCs (field 22020): unrelated, of good quality
    max_kinship  kinship above which one of a pair of the list of relatives is excluded
    """

    visits: tuple[int, ...] = (2,)
    pcs: int = 10
    further: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)
    keep: frozenset[str] = frozenset()
    used_in_pcs: bool = False
    max_kinship: float = 0.0884

    def wants(self, column: FieldColumn) -> bool:
        """True for a column of an export that is read."""
        if column.field == PC:
            return column.instance == 0 and 1 <= column.array <= self.pcs
        if column.field in AT_A_VISIT:
            return column.instance in self.visits and column.array == 0
        if column.field in (*self.further.values(), *self.categories.values()):
            return column.instance in (0, *self.visits) and column.array == 0
        return column.field in fields.TITLES and column.instance == column.array == 0

    @property
    def columns(self) -> list[FieldColumn]:
        """The columns that an export should have, without those of `further` and `categories`."""
        each_visit = [FieldColumn("", one, visit) for one in AT_A_VISIT for visit in self.visits]
        once = [FieldColumn("", one) for one in sorted(fields.TITLES) if one not in (*AT_A_VISIT, PC)]
        return [*once, *each_visit, *(FieldColumn("", PC, 0, number) for number in range(1, self.pcs + 1))]


@dataclass(frozen=True)
class UkbCovariates:
    """Covariates, and what became of everyone else.

    frame         eid and covariates of those who are kept, missing null; neither birth dates nor dates of visits
    categorical   columns of categories
    excluded      everyone else in the exports, and those withdrawn who are not in them
    flagged       participants who are kept, with what would have excluded them (`UkbOptions.keep`)
    counts        reason -> participants; each counts once, under the first reason
    notes         what else was noticed, as text
    """

    frame: pl.DataFrame
    categorical: tuple[str, ...]
    excluded: CovariateExclusions
    flagged: CovariateExclusions
    counts: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def missing(self) -> dict[str, int]:
        """Covariate -> number of kept participants without a value, if there are any."""
        return {name: count for name in self.frame.columns if (count := self.frame[name].null_count())}


def build(
    export: Export, options: UkbOptions, *, where: Path, withdrawn: Collection[str] = (), people: Collection[str] | None = None,
    related_pairs: Path | None = None,
) -> UkbCovariates:  # fmt: skip
    """Covariates, exclusions and flags.

    withdrawn: eids to exclude; people: the only eids to keep, such as those with a recording (None: everyone). related_pairs:
    ukb_rel.dat. Raises InputError if sex or age is not in the export, or a column holds values of another kind.
    """
    notes: list[str] = [*export.notes]
    _require(export, options, where, notes)
    visit = _visit(export, options)
    if len(options.visits) > 1:
        notes.append(_assumed(options, visit))
    frame, categorical = _covariates(export, options, visit, notes)
    eids = export.frame["eid"]
    listed = None if people is None else eids.is_in(list(people))
    reasons = [
        (WITHDRAWN, eids.is_in(list(withdrawn))),
        (REDACTED, eids.str.starts_with("-")),
        *([] if listed is None else [("not in the list of people", ~listed)]),
        (f"did not attend visit {' or '.join(map(str, options.visits))} (field {DATE})", visit.is_null()),
        *((FLAGS[name], mask) for name, mask in _flags(export, frame).items() if name not in options.keep),
    ]
    if options.used_in_pcs:
        reasons.append((f"not used for genotype PCs (field {USED_IN_PCS})", ~values.is_yes(export.text(USED_IN_PCS))))
    if related_pairs is not None:
        reasons.append((RELATED, _related(frame, reasons, related_pairs, options, notes)))
    else:
        notes += _advice_on_relatives(export, _kept(frame, reasons))
    kept = _kept(frame, reasons)
    others = sorted(set(withdrawn) - set(eids))
    excluded = pl.concat(
        [_reasons(eids, reasons), pl.DataFrame({"eid": others, "reason": WITHDRAWN, "further": ""})], how="vertical_relaxed"
    )
    flagged = _reasons(
        eids, [(FLAGS[name], mask & kept) for name, mask in _flags(export, frame).items() if name in options.keep]
    )
    if not kept.any():
        problem = f"nobody is left: {_in_words(_counts(excluded))}"
        raise InputError(problem, where=where, fix="see the reasons; is it the right --visit, and the right table?")
    return UkbCovariates(
        frame.filter(kept),
        categorical,
        CovariateExclusions(excluded),
        CovariateExclusions(flagged),
        _counts(excluded),
        tuple(notes),
    )


Reason = tuple[str, pl.Series]
"""A reason in words, and (P,) bool, whom it excludes."""


def _require(export: Export, options: UkbOptions, where: Path, notes: list[str]) -> None:
    """Raises InputError if sex or age cannot be known; notes what else the export lacks."""
    lacking = [] if export.has(SEX) else [fields.label(SEX)]
    birth = export.has(YEAR) and export.has(MONTH)
    if not any(export.has(AGE, visit) or (birth and export.has(DATE, visit)) for visit in options.visits):
        instances = " or ".join(map(str, options.visits))
        lacking.append(f"{fields.label(AGE)} of instance {instances} (or fields {YEAR}, {MONTH} and {DATE} to compute it)")
    if lacking:
        fix = "export them, too: `ecgwas covariates fields` prints what to export; several tables may be given together"
        raise InputError(f"the export lacks {' and '.join(lacking)}", where=where, fix=fix)
    optional = {
        BATCH: "no covariate array",
        GENETIC_SEX: "sex is not compared with it",
        ANEUPLOIDY: "not checked",
        OUTLIER: "not checked",
    }
    notes += [f"{fields.label(one)} is not in the export: {effect}" for one, effect in optional.items() if not export.has(one)]
    if not any(export.has(CENTRE, visit) for visit in options.visits):
        notes.append(f"{fields.label(CENTRE)} is not in the export for this visit: no covariate centre")
    absent = [number for number in range(1, options.pcs + 1) if not export.has(PC, 0, number)]
    if absent and len(absent) == options.pcs:
        notes.append(f"{fields.label(PC)} is not in the export: ecgwas computes its own PCs (traits.components)")
    elif absent:
        notes.append(f"{fields.label(PC)}: {len(absent)} of {options.pcs} are not in the export, the first of them {absent[0]}")
    if options.used_in_pcs and not export.has(USED_IN_PCS):
        raise InputError(f"the export lacks {fields.label(USED_IN_PCS)}", where=where, fix="export it, or do not ask for it")


def _assumed(options: UkbOptions, visit: pl.Series) -> str:
    """The warning about several visits: what is taken for granted about the recordings, and for how many."""
    later = int((visit != options.visits[0]).sum())
    named = " or ".join(map(str, options.visits))
    return (
        f"age and centre are those of the first of the visits {named} that a participant attended ({later} people: not visit "
        f"{options.visits[0]}). Nobody checks that the ECG is of the same visit: a participant who attended visit "
        f"{options.visits[0]} and has an ECG of another one gets the wrong age. One --visit with read.other_instances: false "
        "excludes them"
    )


def _visit(export: Export, options: UkbOptions) -> pl.Series:
    """(P,) Int64: the first of `visits` that the participant attended, null for none."""
    attended = pl.Series([None] * export.frame.height, dtype=pl.Int64)
    for visit in reversed(options.visits):
        present = [export.text(one, visit).is_not_null() for one in AT_A_VISIT if export.has(one, visit)]
        here = present[0] if present else attended.is_null() & False
        for other in present[1:]:
            here = here | other
        attended = _chosen(here, pl.Series([visit] * export.frame.height), attended)
    return attended


def _chosen(mask: pl.Series, yes: pl.Series, no: pl.Series) -> pl.Series:
    return pl.select(pl.when(mask).then(yes).otherwise(no)).to_series()


def _at_visit(options: UkbOptions, visit: pl.Series, of: Callable[[int], pl.Series]) -> pl.Series:
    """(P,): each participant's value at the own visit. of: the values of everyone at a visit."""
    chosen = of(options.visits[0])
    for other in options.visits[1:]:
        chosen = _chosen((visit == other).fill_null(value=False), of(other), chosen)
    return chosen


def _covariates(
    export: Export, options: UkbOptions, visit: pl.Series, notes: list[str]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """eid and every covariate of everyone (P rows), and the names of those that are categories."""
    columns = {"eid": export.frame["eid"], "age": _age(export, options, visit, notes)}
    columns["sex"] = values.sex(export.text(SEX), SEX, export.columns[SEX, 0, 0])
    categorical = []
    if any(export.has(CENTRE, one) for one in options.visits):
        columns["centre"] = values.category(_at_visit(options, visit, lambda one: export.text(CENTRE, one)))
        categorical.append("centre")
    if export.has(BATCH):
        columns["array"] = values.array(export.text(BATCH), export.columns[BATCH, 0, 0])
        categorical.append("array")
    for name, number in {**options.further, **options.categories}.items():
        columns[name] = _further(export, options, visit, name, number, notes)
    categorical += options.categories
    for number in (one for one in range(1, options.pcs + 1) if export.has(PC, 0, one)):
        columns[f"pc{number}"] = values.real(export.text(PC, 0, number), PC, export.columns[PC, 0, number])
    return pl.DataFrame([series.alias(name) for name, series in columns.items()]), tuple(categorical)


def _age(export: Export, options: UkbOptions, visit: pl.Series, notes: list[str]) -> pl.Series:
    """(P,) Float64, age in years at the visit: as UK Biobank states it, else computed from the month of birth."""
    source = next((export.columns[AGE, one, 0] for one in options.visits if export.has(AGE, one)), "")
    stated = values.real(_at_visit(options, visit, lambda one: export.text(AGE, one)), AGE, source)
    if not (export.has(YEAR) and export.has(MONTH) and any(export.has(DATE, one) for one in options.visits)):
        return stated
    dates = _at_visit(options, visit, lambda one: export.text(DATE, one))
    computed = values.computed_age(export.text(YEAR), export.text(MONTH), dates, export.columns[MONTH, 0, 0])
    used = visit.is_not_null() & stated.is_null() & computed.years.is_not_null()
    if used.any():
        day = f"the day of birth counts as the {values.MID_MONTH}th, so ages may be a year off"
        notes.append(f"age of {used.sum()} people computed from fields {YEAR}, {MONTH} and {DATE}: {day}")
    if computed.unreadable:
        notes.append(f"{computed.unreadable} dates of field {DATE} are no dates (YYYY-MM-DD)")
    return _chosen(used, computed.years, stated)


def _further(export: Export, options: UkbOptions, visit: pl.Series, name: str, number: int, notes: list[str]) -> pl.Series:
    """(P,): a further field at the participant's visit, or of instance 0; codes of no answer are missing and counted."""
    instanced = [one for one in options.visits if export.has(number, one)]
    if not instanced and not export.has(number):
        raise _not_exported(export, options, name, number)
    cells = _at_visit(options, visit, lambda one: export.text(number, one)) if instanced else export.text(number)
    if not instanced:
        notes.append(f"{name}: field {number} has no values of this visit; those of instance 0 are used")
    answers = values.answers(cells)
    notes += [f"{name}: {count} answers are missing: {words}" for words, count in answers.not_answered.items()]
    if name in options.categories:
        return answers.values
    if answers.negative:
        kept = first_few((f"{value} ({count} people)" for value, count in answers.negative.items()), 5)
        notes.append(f"{name}: negative numbers stay quantities: {kept}; if they are codes, use --add-category or recode them")
    source = export.columns[(number, instanced[0] if instanced else 0, 0)]
    return values.real(answers.values, number, source)


def _not_exported(export: Export, options: UkbOptions, name: str, number: int) -> InputError:
    """The mistake with an added field that was not found; says by which names columns were recognised."""
    instances = f"instance {' or '.join(map(str, options.visits))}"
    known = export.columns[SEX, 0, 0].partition(": ")[2]
    fix = f"export it, or correct the number; field {SEX} was recognised by the name {known!r}"
    if fields.is_title(known):
        fix = (
            f"the columns have titles ({known!r}), by which added fields are not recognised: export with the header style "
            "FIELD-NAME or UKB-FORMAT"
        )
    return InputError(f"{name}: field {number} of {instances} is not in the export", fix=fix)


def _flags(export: Export, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Name of FLAGS -> (P,) bool, the participants to whom it applies; nobody where the export lacks the field."""
    genetic = values.sex(export.text(GENETIC_SEX), GENETIC_SEX, export.columns.get((GENETIC_SEX, 0, 0), ""))
    differs = (genetic != frame["sex"]).fill_null(value=False)
    return {
        "sex": differs,
        "aneuploidy": values.is_yes(export.text(ANEUPLOIDY)),
        "outlier": values.is_yes(export.text(OUTLIER)),
    }


def _kept(frame: pl.DataFrame, reasons: Sequence[Reason]) -> pl.Series:
    """(P,) bool: to whom no reason applies."""
    kept = pl.Series([True] * frame.height)
    for _, mask in reasons:
        kept = kept & ~mask
    return kept


def _related(frame: pl.DataFrame, reasons: Sequence[Reason], path: Path, options: UkbOptions, notes: list[str]) -> pl.Series:
    """(P,) bool: the fewest participants with all covariates whose exclusion leaves no related pair among these."""
    complete = pl.select(pl.all_horizontal(frame[name].is_not_null() for name in frame.columns)).to_series()
    judged = frame["eid"].filter(_kept(frame, reasons) & complete).to_list()
    chosen = relatives.unrelated(path, judged, options.max_kinship)
    notes.append(f"{path.name}: {chosen.pairs} pairs with kinship above {options.max_kinship:g} among {len(judged)} people")
    if chosen.redacted:
        notes.append(f"{path.name}: {chosen.redacted} pairs with a withdrawn participant (negative id) are ignored")
    if chosen.inexact_families:
        notes.append(f"{path.name}: {chosen.inexact_families} families were too large for the exact search")
    return frame["eid"].is_in(list(chosen.excluded))


def _advice_on_relatives(export: Export, kept: pl.Series) -> list[str]:
    """A note if field 22021 says that people who are kept have relatives, and no list of pairs is given."""
    if not export.has(KINSHIP):
        return []
    cells = export.text(KINSHIP).filter(kept)
    number = cells.cast(pl.Float64, strict=False)
    has_relatives = (number >= 1).fill_null(value=False) | cells.str.contains("(?i)relative").fill_null(value=False)
    ten_or_more = (number == TEN_RELATIVES).fill_null(value=False) | cells.str.contains("(?i)^ten or more").fill_null(
        value=False
    )
    if not has_relatives.any():
        return []
    count = (
        f"{has_relatives.sum()} people have a relative in UK Biobank (field {KINSHIP}), {ten_or_more.sum()} of them ten or more"
    )
    return [f"{count}; --relatives ukb_rel.dat excludes the fewest of them; else stage traits compares all pairs"]


def _reasons(eids: pl.Series, reasons: Sequence[Reason]) -> pl.DataFrame:
    """eid, first reason and the further ones, for those to whom one applies."""
    if not reasons:
        return CovariateExclusions.empty().frame
    lists = pl.concat_list(pl.when(mask).then(pl.lit(words)) for words, mask in reasons).list.drop_nulls()
    frame = pl.select(eids.alias("eid"), lists.alias("all"))
    return frame.filter(pl.col("all").list.len() > 0).select(
        "eid", reason=pl.col("all").list.first(), further=pl.col("all").list.slice(1).list.join(", ")
    )


def _counts(excluded: pl.DataFrame) -> dict[str, int]:
    counts = excluded["reason"].value_counts(sort=True, name="count")
    return {str(reason): int(count) for reason, count in counts.iter_rows()}


def _in_words(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{reason}: {count}" for reason, count in counts.items())


def expected_names(options: UkbOptions, *, rap: bool) -> list[str]:
    """What to export: `participant.p21003_i2` for `dx extract_dataset --fields-file`, or field numbers for `ukbconv -i`."""
    further = sorted({*options.further.values(), *options.categories.values()})
    if not rap:
        return [str(number) for number in sorted({column.field for column in options.columns} | set(further))]
    named = [_rap_name(column) for column in options.columns]
    added = (
        f"participant.p{number}{instance}"
        for number in further
        for instance in ([""] if number in fields.WITHOUT_INSTANCES else [f"_i{visit}" for visit in options.visits])
    )
    return list(dict.fromkeys(["participant.eid", *named, *added]))


def _rap_name(column: FieldColumn) -> str:
    """The RAP's name of one of the fields in TITLES."""
    instance = f"_i{column.instance}" if column.field in AT_A_VISIT else ""
    array = f"_a{column.array}" if column.field == PC else ""
    return f"participant.p{column.field}{instance}{array}"
