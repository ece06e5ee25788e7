"""Stage `represent`: features of every representation, their errors and their reliability; one part per representation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ecgwas import represent
from ecgwas.errors import EcgwasError, raise_together
from ecgwas.leads import ALL_LEADS, INDEPENDENT_LEADS
from ecgwas.progress import track
from ecgwas.represent.reliability.between_visits import ICC_COLUMNS, between_visits
from ecgwas.represent.reliability.device_agreement import device_agreement, device_pairs
from ecgwas.represent.reliability.seed_stability import matched_to
from ecgwas.signals import LEAD_STATUS, MISSING, UNUSABLE, Signals
from ecgwas.stages import feature_tables, read
from ecgwas.stages.base import Needs, Stage, seed_of
from ecgwas.study import RepresentationOptions, Study
from ecgwas.tables import Features, Recordings, files
from ecgwas.tables.recordings import (
    DeviceMeasurements,
    ReconstructionErrors,
    Reliability,
    SeedStability,
    SignalErrors,
    TrainingHistory,
)

logger = logging.getLogger(__name__)

ERROR_LIMIT_REASON = "reconstruction error beyond"
"""Start of the reason of a signal whose reconstruction error exceeds `max_mse`."""


def _parts(study: Study) -> tuple[str, ...]:
    return tuple(options.name for options in study.represent)


def options_of(study: Study, name: str) -> RepresentationOptions:
    """The options of the representation with that name."""
    return next(options for options in study.represent if options.name == name)


def _options(study: Study, part: str) -> Any:
    options = options_of(study, part)
    visit = [] if options.uses_recordings else [feature_tables.visit_of(study)]
    return [study.as_written(options), seed_of(study, "represent", part), *visit]


def _needs(study: Study, part: str) -> Needs:
    options = options_of(study, part)
    if not options.uses_recordings:
        return []
    return [("read", name) for name in read.STAGE.parts(study) if options.uses_fiducials or name != read.FIDUCIALS]


def _files(study: Study, part: str) -> Sequence[Path]:
    options = options_of(study, part)
    return [*options.input_files, *(() if options.uses_recordings else study.lists_of_withdrawn)]


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    options = options_of(study, part)
    if options.uses_recordings:
        _represent(study, options, out, scratch)
    else:
        feature_tables.write(study, options, out)


def _represent(study: Study, options: RepresentationOptions, out: Path, scratch: Path) -> None:
    """Fits a representation to the recordings, and writes their features."""
    part, signals = options.name, read.load_signals(study, fiducials=options.uses_fiducials)
    encoder = represent.fit(options, signals, seed=seed_of(study, "represent", part), scratch=scratch, track=track)
    features = encoder.encode(signals)
    folder = files.ENCODER.within(out, representation=part)
    folder.mkdir(parents=True)
    encoder.save(folder)
    files.HISTORY.write(TrainingHistory(encoder.history), out, representation=part)
    files.ERRORS.write(ReconstructionErrors(encoder.errors), out, representation=part)
    files.FEATURES.write(features, out, representation=part)
    recordings = files.RECORDINGS.read(study.results)
    excluded = signals_without_features(features, signals, options.error_limit, options.input_leads)
    for reason, count in excluded["reason"].value_counts(sort=True).iter_rows():
        logger.info("%s: no features of %d of %d: %s", part, count, len(features), reason)
    kept, left_out = signal_errors(features, recordings, excluded)
    files.WITH_FEATURES.write(kept, out, representation=part)
    files.WITHOUT_FEATURES.write(left_out, out, representation=part)
    _write_reliability(study, options, encoder, features, signals, out)
    for number in range(1, options.retrainings + 1):
        _retrain(study, options, signals, features, number, out, scratch)
    if options.measures_like_devices:
        _compare_with_devices(part, features, read.load_device_measurements(study), out)
    for row in encoder.errors.iter_rows(named=True):
        logger.debug("%s: %s mse %.4g, r %.4g", part, row["method"], row["mse"], row["pearson_r"])


def _write_reliability(
    study: Study, options: RepresentationOptions, encoder: represent.Encoder, features: Features, signals: Signals, out: Path
) -> None:
    """Features of odd and even heartbeats and of second visits, if there are any, and how reliable the features are."""
    of_beats, repeats = options.uses_beats, read.load_repeats(study, fiducials=options.uses_fiducials)
    empty = Reliability.empty().frame
    within, between = empty.select("lead", "feature", "r"), empty.select("lead", "feature", *ICC_COLUMNS)
    if of_beats:
        odd, even = (encoder.encode(half) for half in signals.odd_and_even)
        files.FEATURES_ODD.write(odd, out, representation=options.name)
        files.FEATURES_EVEN.write(even, out, representation=options.name)
        within = reliability(odd, even)
    if repeats is not None:
        of_repeats = encoder.encode(repeats)
        files.FEATURES_OF_REPEATS.write(of_repeats, out, representation=options.name)
        between = between_visits(features, of_repeats)
        median = between["icc"].median() if between.height else float("nan")
        logger.debug("%s: median ICC(2,1) of features between two visits of %d people %.3f", options.name, len(repeats), median)
    if of_beats or repeats is not None:
        joined = within.join(between, on=["lead", "feature"], how="full", coalesce=True, maintain_order="left_right")
        files.RELIABILITY.write(Reliability(joined), out, representation=options.name)


def _retrain(
    study: Study, options: RepresentationOptions, signals: Signals, features: Features, number: int, out: Path, scratch: Path
) -> None:
    """Trains again from another seed: writes features matched to the first ones, and how similar they are."""
    scratch_of_seed = scratch / f"seed{number}"
    scratch_of_seed.mkdir(exist_ok=True)
    seed = seed_of(study, "represent", options.name, f"other seed {number}")
    encoder = represent.fit(options, signals, seed=seed, scratch=scratch_of_seed, track=track)
    matched, match = matched_to(features, encoder.encode(signals), seed=number)
    files.FEATURES_OF_SEED.write(matched, out, representation=options.name, number=number)
    path = files.STABILITY.within(out, representation=options.name)
    of_other_seeds = SeedStability.read(path) if path.exists() else SeedStability.empty()
    SeedStability(pl.concat([of_other_seeds.frame, match])).write(path)
    median = float(np.median(np.abs(match["r"].to_numpy())))
    logger.debug("%s, other seed %d: median |r| of matched features %.3f", options.name, number, median)


def _compare_with_devices(name: str, features: Features, device: DeviceMeasurements, out: Path) -> None:
    """Measurements paired with those of the ECG devices; empty tables if these measured nothing."""
    pairs = device_pairs(features, device)
    files.DEVICE_PAIRS.write(pairs, out, representation=name)
    files.DEVICE_AGREEMENT.write(device_agreement(pairs), out, representation=name)


def signal_errors(features: Features, recordings: Recordings, excluded: pl.DataFrame) -> tuple[SignalErrors, SignalErrors]:
    """Signals with features, and those without and why; in ascending order of reconstruction error.

    excluded: from `signals_without_features`. If the kind cannot reconstruct, only signals without features are listed.
    """
    frame = features.frame
    reconstructs = "mse" in frame.columns
    mse = pl.col("mse").fill_nan(None) if reconstructs else pl.lit(None, pl.Float64)
    rows = frame.select(mse.alias("mse"), "eid", "lead")
    rows = rows.join(excluded, on=["eid", "lead"], how="left", maintain_order="left").with_columns(
        pl.col("reason").fill_null("")
    )
    rows = rows.join(_files_of(recordings), on=["eid", "lead"], how="left", maintain_order="left")
    rows = rows.join(_files_of(recordings, ALL_LEADS), on="eid", how="left", maintain_order="left")
    rows = rows.with_columns(file=pl.coalesce("file", "file_of_all")).drop("file_of_all")
    ordered = rows.sort("mse", "eid", "lead", nulls_last=True)
    has_features = pl.col("reason") == ""
    listed = has_features if reconstructs else pl.lit(False)
    return SignalErrors(ordered.filter(listed)), SignalErrors(ordered.filter(~has_features))


def _files_of(recordings: Recordings, of_all: str | None = None) -> pl.DataFrame:
    """The kept file of each participant and lead (columns eid, lead, file), or the files of all leads (eid, file_of_all)."""
    kept = recordings.frame.filter(pl.col("status") == "kept").unique(["eid", "lead"], keep="first", maintain_order=True)
    if of_all is None:
        return kept.select("eid", "lead", file="path")
    return kept.filter(pl.col("lead") == of_all).select("eid", file_of_all="path")


def signals_without_features(
    features: Features, signals: Signals, max_mse: float | None, input_leads: Sequence[str] = INDEPENDENT_LEADS
) -> pl.DataFrame:
    """Signals whose features are all missing, and why: columns eid, lead, reason.

    input_leads: those that features of all leads together are made from.
    """
    all_missing = pl.all_horizontal(pl.col(name).is_null() for name in features.names)
    row_of = {eid: i for i, eid in enumerate(signals.eids)}
    rows = []
    for row in features.frame.filter(all_missing).iter_rows(named=True):
        leads = input_leads if row["lead"] == ALL_LEADS else (row["lead"],)
        reason = _unusable_leads(signals, row_of[row["eid"]], leads) or "not measurable"
        if max_mse is not None and row.get("mse") is not None and row["mse"] > max_mse:
            reason = f"{ERROR_LIMIT_REASON} {max_mse}"
        rows.append({"eid": row["eid"], "lead": row["lead"], "reason": reason})
    return pl.DataFrame(rows, schema={"eid": pl.String, "lead": pl.String, "reason": pl.String})


def _unusable_leads(signals: Signals, participant: int, leads: Sequence[str]) -> str:
    """Which of these leads are missing or unusable, in words; empty if none is."""
    status = {lead: int(signals.lead_status[participant, signals.leads.index(lead)]) for lead in leads}
    phrases = []
    for code in (MISSING, UNUSABLE):
        of_code = [lead for lead, lead_code in status.items() if lead_code == code]
        if of_code:
            phrases.append(f"lead {', '.join(of_code)} {LEAD_STATUS[code]}")
    return "; ".join(phrases)


def reliability(odd: Features, even: Features) -> pl.DataFrame:
    """Correlation of each feature between median beats of odd and of even heartbeats: columns lead, feature, r."""
    names = even.names
    rows = []
    for lead in odd.frame["lead"].unique(maintain_order=True):
        first = odd.frame.filter(pl.col("lead") == lead)
        second = even.frame.filter(pl.col("lead") == lead)
        rows += [{"lead": lead, "feature": name, "r": _correlation(first[name], second[name])} for name in names]
    frame = pl.DataFrame(rows, schema={"lead": pl.String, "feature": pl.String, "r": pl.Float64})
    return frame.drop_nulls("r")


def _correlation(first: pl.Series, second: pl.Series) -> float | None:
    a = first.cast(pl.Float64).fill_null(np.nan).to_numpy()
    b = second.cast(pl.Float64).fill_null(np.nan).to_numpy()
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return None
    return float(np.corrcoef(a[both], b[both])[0, 1])


def load_features(study: Study) -> dict[str, Features]:
    """The features of every representation."""
    return {name: files.FEATURES.read(study.results, representation=name) for name in _parts(study)}


@dataclass(frozen=True)
class Fitted:
    """A representation of recordings: its options, the encoder that was fitted, and everyone's features."""

    options: RepresentationOptions
    encoder: represent.Encoder
    features: Features


def load_fitted(study: Study) -> tuple[Fitted, ...]:
    """Every representation of recordings; each encoder is loaded once."""
    features = load_features(study)
    return tuple(
        Fitted(
            options,
            represent.load(options, files.ENCODER.path(study.results, representation=options.name)),
            features[options.name],
        )
        for options in study.represent
        if options.uses_recordings
    )


def _check(study: Study) -> Sequence[str]:
    """Opens every feature table, and tries every trained model on a few recordings; lists the mistakes of all."""
    facts, mistakes = list(feature_tables.check(study)), list[EcgwasError]()

    @lru_cache(maxsize=1)
    def examples() -> Signals | None:
        return read.example_signals(study)

    for options in study.represent:
        try:
            facts += represent.check(options, examples)
        except EcgwasError as mistake:
            mistakes.append(mistake)
    raise_together(mistakes, what="the representations")
    return facts


def load_features_of(study: Study, traits: Sequence[str]) -> dict[str, Features]:
    """Representation -> the rows and columns of its features that these traits come from; nothing else is read."""
    pairs_of: dict[str, list[tuple[str, str]]] = {}
    for representation, lead, feature in (name.split(".", 2) for name in traits):
        pairs_of.setdefault(representation, []).append((lead, feature))
    tables = {}
    for representation, pairs in pairs_of.items():
        leads, features = (list(dict.fromkeys(one)) for one in zip(*pairs, strict=True))
        rows = pl.scan_parquet(files.FEATURES.path(study.results, representation=representation))
        tables[representation] = Features(rows.filter(pl.col("lead").is_in(leads)).select("eid", "lead", *features).collect())
    return tables


def units_of_tables(study: Study) -> dict[str, dict[str, str] | None]:
    """Representation -> units of its features, of tables; None if a table cannot be read, which its own part reports.

    A unit is in an option or a column's name, so it may change while the features' bytes remain the same.
    """
    units: dict[str, dict[str, str] | None] = {}
    for options in feature_tables.tables_of(study):
        try:
            units[options.name] = represent.units(options)
        except EcgwasError:
            units[options.name] = None
    return units


def with_units(study: Study, traits: pl.DataFrame) -> pl.DataFrame:
    """Rows with column trait, and the unit of each trait's feature in column unit; null where it has none."""
    units = {options.name: represent.units(options) for options in study.represent}
    pieces = (name.split(".", 2) for name in traits["trait"])
    of_trait = [units[representation].get(feature) for representation, _, feature in pieces]
    return traits.with_columns(unit=pl.Series(of_trait, dtype=pl.String))


STAGE = Stage(
    "represent", "learn or measure features", _parts, _options, _needs, _files, _work, _check,
    version=3,
)  # fmt: skip
