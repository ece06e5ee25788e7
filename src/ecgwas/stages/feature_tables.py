"""Stage `represent` for features made elsewhere: a table is read, checked and written as any representation's features."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from ecgwas import represent
from ecgwas.errors import Caution, EcgwasError, raise_together
from ecgwas.represent.reliability.between_visits import between_visits
from ecgwas.represent.reliability.reconstruction import ERRORS_SCHEMA, HISTORY_SCHEMA
from ecgwas.represent.tabular.visit_features import VisitFeatures
from ecgwas.stages import withdrawn
from ecgwas.study import RepresentationOptions, Study
from ecgwas.tables import Features, files
from ecgwas.tables.recordings import ReconstructionErrors, Reliability, SignalErrors, TrainingHistory

logger = logging.getLogger(__name__)

NO_VALUE = "no value in the table"


def tables_of(study: Study) -> list[RepresentationOptions]:
    """The representations whose features come from tables."""
    return [options for options in study.represent if not options.uses_recordings]


def take(study: Study, options: RepresentationOptions) -> VisitFeatures:
    """A table's features at the study's visit, of everybody in it. Raises InputError or StudyError with every mistake."""
    return represent.take(options, instance=visit_of(study), excluded=withdrawn.reasons(study))


def visit_of(study: Study) -> int | None:
    """The visit to use of tables whose options name none: that of the recordings; None: each person's first."""
    return None if study.read is None else study.read.instance


def write(study: Study, options: RepresentationOptions, out: Path) -> None:
    """Writes what stage `represent` writes of any representation: nothing was trained and nothing can be decoded.

    Raises InputError or StudyError for a faulty table, and InputError if a list of people to exclude matches nobody.
    """
    name, taken, excluded = options.name, take(study, options), withdrawn.reasons(study)
    for warning in (*taken.warnings, *_unknown(study, options, taken)):
        logger.warning("%s: %s", name, warning)
    features = _without(taken.first, excluded)
    files.FEATURES.write(features, out, representation=name)
    files.HISTORY.write(TrainingHistory(pl.DataFrame(schema=HISTORY_SCHEMA)), out, representation=name)
    files.ERRORS.write(ReconstructionErrors(pl.DataFrame(schema=ERRORS_SCHEMA)), out, representation=name)
    files.WITH_FEATURES.write(SignalErrors.empty(), out, representation=name)
    left_out = _left_out(features, taken.first, excluded)
    files.WITHOUT_FEATURES.write(left_out, out, representation=name)
    for reason, count in left_out.frame["reason"].value_counts(sort=True).iter_rows():
        logger.info("%s: no features of %d of %d: %s", name, count, len(taken.first), reason)
    people = features.frame["eid"].n_unique()
    logger.debug("%s: %d features of %d people from %s", name, len(features.names), people, options.input_files[0].name)
    if taken.second is not None:
        _write_reliability(name, features, _without(taken.second, excluded), out)


def _unknown(study: Study, options: RepresentationOptions, taken: VisitFeatures) -> list[str]:
    """Warnings about listed eids that occur nowhere in a study of tables alone; with recordings, stage `read` gives them.

    Raises InputError if none of a list occurs. options, taken: the table that was read, which is not read again.
    """
    if study.read is not None or not study.lists_of_withdrawn:
        return []
    others = (take(study, other) for other in tables_of(study) if other.name != options.name)
    return withdrawn.unknown(study, {eid for one in (taken, *others) for eid in one.first.frame["eid"]})


def load(study: Study) -> dict[str, Features]:
    """The features of every feature table, as this stage wrote them."""
    return {options.name: files.FEATURES.read(study.results, representation=options.name) for options in tables_of(study)}


def _without(features: Features, excluded: Collection[str]) -> Features:
    return Features(features.frame.filter(~pl.col("eid").is_in(list(excluded))))


def _left_out(features: Features, taken: Features, excluded: Mapping[str, str]) -> SignalErrors:
    """Rows without any value, and rows of people who are excluded: eid -> why."""
    empty = features.frame.filter(pl.all_horizontal(pl.col(features.names).is_null())).with_columns(reason=pl.lit(NO_VALUE))
    gone = taken.frame.filter(pl.col("eid").is_in(list(excluded)))
    gone = gone.with_columns(reason=pl.col("eid").replace_strict(dict(excluded), default=None, return_dtype=pl.String))
    parts = [
        rows.select(pl.lit(None, pl.Float64).alias("mse"), "eid", "lead", file=pl.lit(None, pl.String), reason="reason")
        for rows in (empty, gone)
    ]
    return SignalErrors(pl.concat(parts).sort("eid", "lead"))


def _write_reliability(name: str, first: Features, second: Features, out: Path) -> None:
    """Features of the repeat visit, and each feature's intraclass correlation between the two visits."""
    files.FEATURES_OF_REPEATS.write(second, out, representation=name)
    between = between_visits(first, second).with_columns(r=pl.lit(None, pl.Float64))
    files.RELIABILITY.write(Reliability(between.select(list(Reliability.columns))), out, representation=name)
    people = second.frame["eid"].n_unique()
    median = between["icc"].median() if between.height else float("nan")
    logger.debug("%s: median ICC(2,1) of features between two visits of %d people %.3f", name, people, median)


def eids_by_table(study: Study) -> dict[str, set[str]]:
    """`the feature table mine` -> whose features it holds, without those excluded everywhere.

    Raises InputError or StudyError for a faulty table.
    """
    excluded = withdrawn.reasons(study)
    return {words(options): set(take(study, options).first.frame["eid"]) - excluded.keys() for options in tables_of(study)}


def words(options: RepresentationOptions) -> str:
    """How messages call where a representation's features come from."""
    return "the recordings" if options.uses_recordings else f"the feature table {options.name}"


def check(study: Study) -> Sequence[str]:
    """Reads every table. Gives facts, and warnings as Caution; raises one error with the mistakes of all tables."""
    facts: list[str] = []
    mistakes: list[EcgwasError] = []
    eids: set[str] = set()
    for options in tables_of(study):
        try:
            taken = take(study, options)
        except EcgwasError as mistake:
            mistakes += [mistake] if str(mistake) not in map(str, mistakes) else []
            continue
        facts += [_fact(options, taken), *(Caution(f"{options.name}: {warning}") for warning in taken.warnings)]
        eids |= set(taken.first.frame["eid"])
    raise_together(mistakes, what="the feature tables")
    if eids and study.read is None:
        facts += map(Caution, withdrawn.unknown(study, eids))
    return facts


def _fact(options: RepresentationOptions, taken: VisitFeatures) -> str:
    people, leads = (taken.first.frame[name].n_unique() for name in ("eid", "lead"))
    at_leads = f" at {leads} leads" if leads > 1 else ""
    repeated = 0 if taken.second is None else taken.second.frame["eid"].n_unique()
    visits = f", {repeated} of them with a repeat visit to compare with" if repeated else ""
    return f"{options.name}: {len(taken.first.names)} features{at_leads} of {people} people{visits}"
