"""Stage `read`: recordings in; cleaned signals, median beats, fiducial points out.

Parts of a few thousand people read the recordings. Part `fiducials` finds the fiducial points if a representation uses them, so
that a representation added later does not make the recordings be read again. Part `join` joins the tables.

Repeat visits are stored in a separate folder within the same part, so that they are removed together with the participant.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ecg
from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.ecg import formats
from ecgwas.errors import Caution, InputError, StudyError, first_few
from ecgwas.progress import silent, track
from ecgwas.signals import (
    AFTER_THE_LAST_BEAT,
    FIDUCIAL_POINTS,
    IN_MEMORY,
    LEAD_STATUS,
    MEDIAN_BEATS,
    MISSING,
    STACKED,
    UNUSABLE,
    Signals,
    StackedArrays,
)
from ecgwas.stages import withdrawn
from ecgwas.stages.base import Needs, Stage, write_array, write_json
from ecgwas.study import ReadOptions, Study
from ecgwas.tables import Recordings, Table, files
from ecgwas.tables.files import TableFile
from ecgwas.tables.recordings import DeviceMeasurements, FiducialPoints, LeadCounts, LeadQuality

logger = logging.getLogger(__name__)

RAW_EXAMPLE = "raw_example"
REPEATS = "repeats"
JOIN, FIDUCIALS = "join", "fiducials"
EXAMPLES_READ, EXAMPLES_SOUGHT = 4, 40
"""Recordings that are read at a time, and at most, to try a representation before a run."""
T = TypeVar("T", bound=Table)


_find = lru_cache(maxsize=4)(ecg.find_recordings)
"""A folder of 100,000 files is listed once per run, not once per part."""


def options_of(study: Study) -> ReadOptions:
    """Section `read`. Raises StudyError if the study has none, for its features come from tables."""
    if study.read is None:
        fix = "add a section `read` (recordings: FOLDER), or do without recordings"
        raise StudyError("the study has no recordings: it has no section `read`", where=study.folder, fix=fix)
    return study.read


def manifest_of(study: Study) -> ecg.Manifest:
    """Whose recordings are read, and which files are not used."""
    return _find(options_of(study))


def finds_fiducials(study: Study) -> bool:
    """True if a representation uses fiducial points."""
    return any(options.uses_fiducials for options in study.represent)


def parts_for(study: Study, people: int) -> tuple[str, ...]:
    """Parts of a study with so many people to read."""
    count = max(1, -(-people // options_of(study).people_per_part))
    return (*(f"{i:04d}" for i in range(count)), *((FIDUCIALS,) if finds_fiducials(study) else ()), JOIN)


def _parts(study: Study) -> tuple[str, ...]:
    """No part if all features come from tables."""
    return () if study.read is None else parts_for(study, len(_find(study.read).sources))


def of_recordings(parts: Sequence[str]) -> list[str]:
    """Those of the parts that read recordings; the others need them."""
    return [part for part in parts if part not in (JOIN, FIDUCIALS)]


def _sources(study: Study, part: str) -> Sequence[ecg.Source]:
    count = options_of(study).people_per_part
    start = int(part) * count
    return manifest_of(study).sources[start : start + count]


def _options(study: Study, part: str) -> Any:
    return study.as_written(study.read)


def _needs(study: Study, part: str) -> Needs:
    return [("read", name) for name in of_recordings(_parts(study))] if part in (JOIN, FIDUCIALS) else []


def _files(study: Study, part: str) -> Sequence[Path]:
    if part == JOIN:
        return study.lists_of_withdrawn
    if part == FIDUCIALS:
        return ()
    repeats = manifest_of(study).repeats
    sources = (visit for source in _sources(study, part) for visit in (*source.candidates, repeats.get(source.eid)))
    paths = [path for source in sources if source is not None for _, path in sorted(source.paths.items())]
    return [file for path in paths for file in (path, *(other for other in ecg.companions(path) if other.is_file()))]


def _work(study: Study, part: str, out: Path, scratch: Path) -> None:
    if part == FIDUCIALS:
        _write_fiducials(study, out)
        return
    unknown = _unknown_withdrawals(study)
    if part == JOIN:
        for warning in unknown:
            logger.warning("read: %s", warning)
        _join(study, out)
        return
    kept = _first_visits(study, part, out)
    repeats = manifest_of(study).repeats
    repeat_visits = [repeats[eid] for eid in kept if eid in repeats]
    if repeat_visits:
        _write_signals(ecg.read_recordings(options_of(study), repeat_visits, track=track), out, f"{part}/{REPEATS}")


def _first_visits(study: Study, part: str, out: Path) -> tuple[str, ...]:
    """Reads and writes the visits that the study analyses; returns the eids of the usable ones."""
    batch = ecg.read_recordings(options_of(study), _sources(study, part), track=track)
    _write_signals(batch, out, part)
    files.PART_DEVICE_MEASUREMENTS.write(batch.device, out, visits=part)
    if batch.signals is None:
        return ()
    write_array(files.SIGNAL_ARRAY.within(out, visits=part, array=RAW_EXAMPLE), batch.raw_example)
    return batch.signals.eids


def _write_signals(batch: ecg.Batch, out: Path, visits: str) -> None:
    files.PART_RECORDINGS.write(batch.recordings, out, visits=visits)
    files.PART_LEAD_QUALITY.write(batch.lead_quality, out, visits=visits)
    signals = batch.signals
    if signals is None:
        return
    for name in (*STACKED, *IN_MEMORY):
        write_array(files.SIGNAL_ARRAY.within(out, visits=visits, array=name), getattr(signals, name))
    about = {"eids": signals.eids, "rate_hz": signals.rate_hz, "r_sample": signals.r_sample, "leads": signals.leads}
    write_json(files.SIGNALS.within(out, visits=visits), about)


def _write_fiducials(study: Study, out: Path) -> None:
    """Fiducial points of every visit, in a table for each folder of signals, and those of first visits together."""
    first, repeats = (_with_signals(study, visits) for visits in (_of_first_visits(study), _of_repeat_visits(study)))
    tables = [FiducialPoints.empty()]
    for visits in (*first, *repeats):
        points = fiducial_points(with_fiducials(_loaded(study, [visits], fiducials=False), track))
        files.PART_FIDUCIALS.write(points, out, visits=visits)
        tables += [points] if visits in first else []
    files.FIDUCIALS.write(FiducialPoints(pl.concat([table.frame for table in tables])), out)


def fiducial_points(signals: Signals) -> FiducialPoints:
    """The signals' `fiducials_ms` as a table, three rows per participant in the order of MEDIAN_BEATS; null where NaN."""
    times = signals.fiducials_ms.reshape(-1, len(FIDUCIAL_POINTS))
    columns: dict[str, Any] = {
        "eid": [eid for eid in signals.eids for _ in MEDIAN_BEATS],
        "beats": list(MEDIAN_BEATS) * len(signals),
    }
    columns |= {f"{point}_ms": times[:, k] for k, point in enumerate(FIDUCIAL_POINTS)}
    return FiducialPoints(pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None)))


def _fiducials_ms(study: Study, visits: str) -> NDArray[np.float64]:
    """(N, 3, 7): the table as `Signals` holds it."""
    frame = files.PART_FIDUCIALS.read(study.results, visits=visits).frame
    times = frame.select(pl.col(f"{point}_ms").fill_null(float("nan")) for point in FIDUCIAL_POINTS).to_numpy()
    return times.reshape(-1, len(MEDIAN_BEATS), len(FIDUCIAL_POINTS))


def _join(study: Study, out: Path) -> None:
    manifest, options = manifest_of(study), options_of(study)
    first_visits, kept = _combined_recordings(study, _of_first_visits(study))
    recordings = Recordings(pl.concat([first_visits, manifest.others.frame]).sort("eid", "instance", "lead", "path"))
    if kept == 0:
        raise _nothing_usable(study, recordings)
    logger.debug("read: %d people kept; %s", kept, left_out_counts(recordings))
    resampled, cut = _adapted(study, recordings)
    warnings = Counter(recordings.frame.filter((pl.col("status") == "kept") & (pl.col("reason") != ""))["reason"])
    for reason, count in warnings.most_common():
        logger.warning("read: %d %s kept with a warning: %s", count, "file was" if count == 1 else "files were", reason)
    if resampled or cut:
        logger.info("read: %d kept files resampled to %g Hz, %d longer than %g s cut", resampled, options.rate_hz, cut,
                    options.seconds)  # fmt: skip
    files.RECORDINGS.write(recordings, out)
    repeats, pairs = _combined_recordings(study, _of_repeat_visits(study))
    if repeats.height:
        logger.debug("read: %d repeat visits kept; %s", pairs, left_out_counts(Recordings(repeats)))
    files.REPEATS.write(Recordings(repeats), out)
    first_folders = _of_first_visits(study)
    files.DEVICE_MEASUREMENTS.write(_joined(study, files.PART_DEVICE_MEASUREMENTS, first_folders), out)
    quality = _joined(study, files.PART_LEAD_QUALITY, first_folders)
    files.LEAD_QUALITY.write(quality, out)
    counts = lead_counts(quality)
    files.LEAD_COUNTS.write(counts, out)
    for status in LEAD_STATUS[UNUSABLE:]:
        for row in counts.frame.filter(pl.col(status) > 0).iter_rows(named=True):
            logger.warning("read: lead %s is %s in %d of %d recordings: its own features are missing there", row["lead"],
                           status, row[status], row["recordings"])  # fmt: skip


def _joined(study: Study, file: TableFile[T], all_visits: Sequence[str]) -> T:
    """The table of all these folders."""
    return file.table(pl.concat([file.read(study.results, visits=visits).frame for visits in all_visits]))


def lead_counts(quality: LeadQuality) -> LeadCounts:
    """In how many recordings each lead is good, has artefacts, is unusable and is missing."""
    statuses = [pl.col("status").eq(status).sum().cast(pl.Int64).alias(status) for status in LEAD_STATUS]
    counted = quality.frame.group_by("lead", maintain_order=True).agg(pl.len().alias("recordings"), *statuses)
    return LeadCounts(counted)


def _combined_recordings(study: Study, all_visits: Sequence[str]) -> tuple[pl.DataFrame, int]:
    """The recordings in those folders that exist, with `row` numbered across folders, and the number of kept participants."""
    frames, kept = [Recordings.empty().frame], 0
    for visits in all_visits:
        if files.PART_RECORDINGS.exists(study.results, visits=visits):
            part = files.PART_RECORDINGS.read(study.results, visits=visits)
            frame = part.frame.with_columns(pl.col("row") + kept)
            kept += frame["row"].drop_nulls().n_unique()
            frames.append(frame)
    return pl.concat(frames), kept


def _nothing_usable(study: Study, recordings: Recordings) -> InputError:
    problem = f"none of {len(recordings)} recordings is usable: {left_out_counts(recordings)}"
    fix = "see the reasons; `read.rate_hz`, `read.seconds` and `read.quality` say what is expected"
    return InputError(problem, where=options_of(study).recordings, fix=fix)


def _adapted(study: Study, recordings: Recordings) -> tuple[int, int]:
    """How many kept files were resampled, and how many were cut."""
    kept = recordings.frame.filter(pl.col("status") == "kept")
    options = options_of(study)
    resampled = kept.filter(pl.col("rate_hz") != options.rate_hz)
    return resampled.height, kept.filter(pl.col("seconds") > options.seconds).height


def left_out_counts(recordings: Recordings) -> str:
    """Number of excluded files per reason, for the twelve most frequent: ``flat lead V3: 2; duplicate: 12``."""
    frame = recordings.frame.filter(pl.col("status") != "kept")
    counts = Counter(str(reason) for reason in frame["reason"])
    if not counts:
        return "none excluded"
    return "; ".join(f"{reason}: {count}" for reason, count in counts.most_common(12))


def _of_first_visits(study: Study) -> list[str]:
    """Folders of first visits, below results/read/signals."""
    return of_recordings(_parts(study))


def _of_repeat_visits(study: Study) -> list[str]:
    """The same for repeat visits; the folder does not exist if nobody has one."""
    return [f"{part}/{REPEATS}" for part in _of_first_visits(study)]


def _array(study: Study, visits: str, name: str, *, mapped: bool = False) -> NDArray[Any]:
    """One array of a part; memory-mapped instead of read if `mapped`."""
    path = files.SIGNAL_ARRAY.path(study.results, visits=visits, array=name)
    array: NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None)
    return array


def load_signals(study: Study, *, fiducials: bool | None = None) -> Signals:
    """The signals of all kept participants, memory-mapped, in the order of column `row` of recordings.parquet.

    fiducials: with their fiducial points; None: if a representation of the study uses them.
    """
    with_points = finds_fiducials(study) if fiducials is None else fiducials
    return _loaded(study, _with_signals(study, _of_first_visits(study)), fiducials=with_points)


def load_repeats(study: Study, *, fiducials: bool | None = None) -> Signals | None:
    """The repeat visits, memory-mapped, in the order of column `row` of repeats.parquet; None if there is none.

    fiducials: as in `load_signals`.
    """
    with_points = finds_fiducials(study) if fiducials is None else fiducials
    all_visits = _with_signals(study, _of_repeat_visits(study))
    return _loaded(study, all_visits, fiducials=with_points) if all_visits else None


def _with_signals(study: Study, all_visits: Sequence[str]) -> list[str]:
    return [visits for visits in all_visits if files.SIGNALS.exists(study.results, visits=visits)]


def _loaded(study: Study, all_visits: Sequence[str], *, fiducials: bool) -> Signals:
    headers = [json.loads(files.SIGNALS.path(study.results, visits=visits).read_text()) for visits in all_visits]
    arrays: dict[str, Any] = {
        name: StackedArrays([_array(study, visits, name, mapped=True) for visits in all_visits]) for name in STACKED
    }
    arrays |= {name: _concatenated(study, all_visits, name) for name in IN_MEMORY}
    if fiducials:
        arrays["fiducials_ms"] = np.concatenate([_fiducials_ms(study, visits) for visits in all_visits])
    return Signals(
        eids=tuple(eid for header in headers for eid in header["eids"]),
        rate_hz=headers[0]["rate_hz"],
        r_sample=headers[0]["r_sample"],
        leads=tuple(headers[0]["leads"]),
        **arrays,
    )


def _concatenated(study: Study, all_visits: Sequence[str], name: str) -> NDArray[Any]:
    """One array of several parts; beats are padded to the largest number of them."""
    arrays = [_array(study, visits, name) for visits in all_visits]
    if name in AFTER_THE_LAST_BEAT:
        width = max(array.shape[1] for array in arrays)
        fill = AFTER_THE_LAST_BEAT[name]
        arrays = [np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=fill) for array in arrays]
    return np.concatenate(arrays)


def load_device_measurements(study: Study) -> DeviceMeasurements:
    """What the ECG devices measured, one row per kept participant in the order of the signals."""
    return files.DEVICE_MEASUREMENTS.read(study.results)


def load_raw_example(study: Study) -> NDArray[np.float32]:
    """(12, S) float32 µV: the recording of `signals.example_index` as it was before cleaning."""
    all_visits = _with_signals(study, _of_first_visits(study))
    complete = [bool((_array(study, visits, "lead_status") != MISSING).all(axis=1).any()) for visits in all_visits]
    visits = all_visits[complete.index(True) if any(complete) else 0]
    return _array(study, visits, RAW_EXAMPLE)


def _unknown_withdrawals(study: Study) -> list[str]:
    """Warnings about eids in read.leave_out that occur nowhere in the study. Raises InputError if none of them occurs."""
    manifest = manifest_of(study)
    recorded = {source.eid for source in manifest.sources} | set(manifest.others.frame["eid"].drop_nulls())
    return withdrawn.unknown(study, recorded)


def _check(study: Study) -> Sequence[str]:
    if study.read is None:
        return []
    manifest = manifest_of(study)
    if not manifest.sources:
        reasons = manifest.others.frame["reason"].value_counts(sort=True).iter_rows()
        problem = f"no participant is left to read: {first_few(f'{reason}: {count} files' for reason, count in reasons)}"
        raise InputError(problem, where=study.read.recordings, fix="correct the list of read.leave_out, or `read.instance`")
    require_packages(study)
    return [*_facts(manifest), *map(Caution, (*_unknown_withdrawals(study), *ecg.recordings_table_warnings(study.read)))]


def require_packages(study: Study) -> None:
    """Raises ToolError if one of the first recordings is of a format whose package is not installed."""
    for source in manifest_of(study).sources[:EXAMPLES_SOUGHT]:
        for path in source.paths.values():
            formats.require_packages(path)


def example_signals(study: Study) -> Signals | None:
    """The first few usable recordings, read and cleaned; None if none of the first EXAMPLES_SOUGHT is usable."""
    options = options_of(study)
    sources = _find(options).sources[:EXAMPLES_SOUGHT]
    for start in range(0, len(sources), EXAMPLES_READ):
        signals = ecg.read_recordings(options, sources[start : start + EXAMPLES_READ], track=silent).signals
        if signals is not None:
            return signals
    return None


def _facts(manifest: ecg.Manifest) -> list[str]:
    facts = [f"{len(manifest.sources)} people with recordings, {len(manifest.others)} further files not used"]
    return [*facts, f"{len(manifest.repeats)} people with a repeat visit to compare with"] if manifest.repeats else facts


STAGE = Stage(
    "read", "read and clean the recordings, find beats", _parts, _options, _needs, _files, _work, _check,
    version=3,
)  # fmt: skip
