"""A first table of recordings, `recordings.csv`, for a folder whose file names do not say whose they are."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ecgwas.ecg import formats
from ecgwas.ecg.file_origins import HEADERS, file_origin
from ecgwas.ecg.formats import table as table_format
from ecgwas.ecg.recording import read_content
from ecgwas.ecg.sidecar import find_sidecar
from ecgwas.errors import InputError, first_few
from ecgwas.progress import Track
from ecgwas.store import atomic_write
from ecgwas.study import ReadOptions

COLUMNS = ("eid", "path", "instance", "date", "device", "format")
PATTERN = re.compile(str(ReadOptions.model_fields["pattern"].default), re.IGNORECASE)
PRIVACY = (
    "warning: recordings.csv now holds ids from the files, which may be hospital numbers. As eids they go into results/ and "
    "must match the ids of genotypes and covariates; use pseudonyms where your rules ask for them, and never share the table"
)


@dataclass(frozen=True)
class ListedRecording:
    """One line of the table: eid empty if it must be filled in; instance `0_1` if it is known; the rest as FileOrigin."""

    path: str
    format: str
    eid: str = ""
    instance: str = ""
    date: str = ""
    device: str = ""


@dataclass(frozen=True)
class RecordingsTable:
    """The recordings of a folder, and what is said about them.

    rows      by path
    not_used  reason -> number of files that are no recordings
    messages  what to print
    """

    rows: tuple[ListedRecording, ...]
    not_used: Mapping[str, int]
    messages: tuple[str, ...]

    @property
    def dated(self) -> bool:
        """Whether every recording states when it was made, so that `read.choose: first` can be used."""
        return bool(self.rows) and all(row.date for row in self.rows)


def has_expected_names(folder: Path) -> bool:
    """True if a file below the folder is named as UK Biobank names recordings, or the folder holds no file."""
    names = [path.name for path in _files(folder)]
    return not names or any(PATTERN.search(name) for name in names)


def list_recordings(folder: Path, *, ids_from_file: bool, track: Track[Path]) -> RecordingsTable:
    """Recognises every file below `folder` by its content. Paths are relative to the folder's parent.

    ids_from_file: eids are the persons' ids in the files, or a file's name in a format without ids; visits are then numbered by
    day. Raises InputError if no file is a recording.
    """
    paths = list(_files(folder))
    rows: dict[Path, ListedRecording] = {}
    not_used: dict[Path, str] = {}
    companions: set[Path] = set()
    for path in track(paths, "files", len(paths)):
        try:
            rows[path] = _listed(path, folder.parent, ids_from_file)
        except InputError as error:
            not_used[path] = error.problem.partition(";")[0]
            continue
        companions.update(formats.companions(path))
    listed = _with_visits([row for path, row in sorted(rows.items()) if path not in companions])
    reasons = Counter(reason for path, reason in not_used.items() if path not in companions)
    if not listed:
        problem = f"no file is a recording: {_in_words(reasons)}"
        raise InputError(problem, where=folder, fix="put the recordings there; docs/read.md lists the formats")
    return RecordingsTable(tuple(listed), reasons, tuple(_messages(listed, reasons, companions, folder, ids_from_file)))


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder, sorted, without hidden ones; links to folders are not followed."""
    for current, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(current) / name for name in sorted(names) if not name.startswith("."))


def _listed(path: Path, root: Path, ids_from_file: bool) -> ListedRecording:
    """The line of one file. Raises InputError with a short reason if it is no recording."""
    content = read_content(path)
    file_format = formats.recognise(content, path)
    if file_format is table_format and find_sidecar(path) is None:
        raise InputError("a table without a sidecar", where=path, fix="write recordings.json (docs/read.md)")
    origin = file_origin(file_format, content, path, with_id=ids_from_file)
    eid = origin.own_id
    if ids_from_file and not _may_hold_id(file_format.NAME):
        eid = path.stem
    where = path.relative_to(root).as_posix()
    return ListedRecording(where, file_format.NAME, eid, date=origin.time, device=origin.device)


def _may_hold_id(name: str) -> bool:
    """False for formats whose files hold no id of the person: WFDB, MATLAB, tables and arrays."""
    return name in HEADERS and name != formats.wfdb.NAME


def _with_visits(rows: Sequence[ListedRecording]) -> list[ListedRecording]:
    """The rows with visits: a person's days in order, from 0, and recordings of a day from 0; empty where a day is unknown."""
    by_eid: dict[str, list[ListedRecording]] = defaultdict(list)
    for row in rows:
        by_eid[row.eid].append(row)
    instances: dict[str, str] = {}
    for eid, own in by_eid.items():
        if not eid or not all(row.date for row in own):
            continue
        days = sorted({row.date[:10] for row in own})
        counts: Counter[str] = Counter()
        for row in sorted(own, key=lambda row: (row.date, row.path)):
            day = row.date[:10]
            instances[row.path] = f"{days.index(day)}_{counts[day]}"
            counts[day] += 1
    return [replace(row, instance=instances.get(row.path, "")) for row in rows]


def _in_words(counts: Mapping[str, int]) -> str:
    return first_few((f"{reason}: {count}" for reason, count in sorted(counts.items(), key=lambda item: -item[1])), 6)


def _messages(
    rows: Sequence[ListedRecording], reasons: Mapping[str, int], companions: set[Path], folder: Path, ids_from_file: bool
) -> Iterator[str]:
    kinds = Counter(row.format for row in rows)
    yield f"{folder.name}/: {_in_words(kinds)}; names of files do not say whose they are, so they are listed in recordings.csv"
    if companions:
        yield f"  {len(companions)} files belong to a recording (signals, sidecars)"
    if reasons:
        yield f"  {sum(reasons.values())} files are not listed: {_in_words(reasons)}"
    undated = sum(not row.date for row in rows)
    if undated:
        yield f"  {undated} recordings do not say when they were made: fill the column date if a person has several"
    yield "  Paths are relative to the folder of recordings.csv; device is a hash of model and serial number"
    nameless = sum(not row.eid for row in rows)
    if ids_from_file:
        yield PRIVACY
    if nameless:
        advice = "" if ids_from_file else ", or use --ids-from-file"
        yield f"To do: fill the column eid of {nameless} lines with the ids that genotypes and covariates have{advice}"


def write(table: RecordingsTable, path: Path) -> None:
    """Writes the table as CSV."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([getattr(row, name) for name in COLUMNS] for row in table.rows)
