"""Files of recordings and their owners, by the pattern of their names in a folder, or by a table."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgwas import ids
from ecgwas.ecg import sidecar
from ecgwas.ecg.recording import STANDARD_LEAD
from ecgwas.errors import InputError, first_few
from ecgwas.leads import ALL_LEADS
from ecgwas.study import ReadOptions
from ecgwas.tables import Recordings
from ecgwas.tables.user_table import UserTable, is_missing, read_user_table

TABLES = (".csv", ".tsv", ".txt")
SIDECARS = frozenset(sidecar.ENDINGS)
WFDB_PARTS = frozenset({".dat", ".mat", ".atr", ".qrs", ".ann", ".xyz"})
"""Endings of signal and annotation files, which belong to the WFDB header of the same name."""
DATE = re.compile(r"(\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?)?")
"""A table's date of a recording, with or without a time; or nothing."""


@dataclass(frozen=True, order=True)
class RecordingFile:
    """One file of a known participant: visit and array as in "2_0", lead or "12L".

    time: when it was recorded, fourteen digits from year to second; empty unless `read.choose` needs it and a table states it
    """

    eid: str
    instance: str
    lead: str
    path: Path
    time: str = ""


def visit_and_array(instance: str) -> tuple[int, int]:
    """Visit and array of an instance such as "2_0" as numbers; zeros if it is empty."""
    visit, _, array = (instance or "0").partition("_")
    return int(visit), int(array or 0)


class UnusedFiles:
    """Collects the files that are not used, with the reasons."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: list[dict[str, str | None]] = []

    def add(self, file: RecordingFile, status: str, reason: str) -> None:
        about = {"eid": file.eid, "lead": file.lead, "instance": file.instance or None}
        self._rows.append({**about, "path": displayed_path(file.path, self._folder), "status": status, "reason": reason})

    def add_unknown(self, path: Path, reason: str) -> None:
        shown = displayed_path(path, self._folder)
        self._rows.append({"eid": None, "lead": None, "instance": None, "path": shown, "status": "left_out", "reason": reason})

    def table(self) -> Recordings:
        unread = dict.fromkeys(Recordings.columns)
        return Recordings.of([unread | row for row in self._rows])


def displayed_path(path: Path, recordings: Path) -> str:
    """A path as tables show it: relative to the recordings' folder (or their table's), always valid Unicode."""
    folder = recordings if recordings.is_dir() else recordings.parent
    text = os.path.relpath(path, folder) if path.is_relative_to(folder) else str(path)
    return text.encode("utf-8", "replace").decode("utf-8")


def find_recording_files(options: ReadOptions, others: UnusedFiles) -> list[RecordingFile]:
    """The files of a folder or table whose owner is known; the rest are added to `others`. Raises InputError as
    `discovery.find_recordings` does."""
    table = options.recordings.suffix.lower() in TABLES and not options.recordings.is_dir()
    return _from_table(options.recordings, options.by_date) if table else _from_folder(options, others)


def _from_folder(options: ReadOptions, others: UnusedFiles) -> list[RecordingFile]:
    folder = options.recordings
    if not folder.exists():
        raise InputError("the recordings' folder is missing", where=folder, fix="correct `read.recordings` in study.yaml")
    if not folder.is_dir():
        fix = f"set `read.recordings` to a folder, or to a table ({', '.join(TABLES)}) with columns eid and path"
        raise InputError("neither a folder nor a table of recordings", where=folder, fix=fix)
    pattern = re.compile(options.pattern, re.IGNORECASE)
    files = []
    last_unknown = None
    for path in _walk(folder, others):
        file = _recording_of_name(path, pattern)
        if file is not None:
            files.append(file)
            continue
        others.add_unknown(path, "file name does not match read.pattern")
        last_unknown = path
    if not files:
        raise _no_recordings_error(options, last_unknown)
    return _without_companions(files, others)


def _without_companions(files: Sequence[RecordingFile], others: UnusedFiles) -> list[RecordingFile]:
    """The files without sidecars and parts of WFDB records, where the pattern matches these as well as their recording."""
    endings_by_stem: dict[tuple[Path, str], set[str]] = defaultdict(set)
    for file in files:
        endings_by_stem[_stem(file.path)].add(_ending(file.path))
    recordings = []
    for file in files:
        endings, ending = endings_by_stem[_stem(file.path)], _ending(file.path)
        if (ending in SIDECARS and not endings <= SIDECARS) or (ending in WFDB_PARTS and ".hea" in endings):
            others.add(file, "left_out", "belongs to another file: a sidecar, or part of a WFDB record")
            continue
        recordings.append(file)
    return recordings


def _stem(path: Path) -> tuple[Path, str]:
    """Folder, and name without its ending and a `.gz` after it."""
    return path.parent, (path.with_suffix("") if path.suffix.lower() == ".gz" else path).stem


def _ending(path: Path) -> str:
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def _no_recordings_error(options: ReadOptions, example: Path | None) -> InputError:
    if example is None:
        fix = "put the recordings there, or correct `read.recordings` in study.yaml"
        return InputError("the recordings' folder holds no file", where=options.recordings, fix=fix)
    problem = f"no file name matches `read.pattern`: {options.pattern}\n  a file in the folder: {example.name}"
    fix = "write a pattern with the groups eid, instance and, optionally, array and lead; or use a table of recordings"
    return InputError(problem, where=options.recordings, fix=fix)


def _walk(folder: Path, others: UnusedFiles) -> Iterator[Path]:
    """Files below a folder, sorted by name. Links to folders are listed but not followed, because they can form a circle."""
    for current, folders, names in os.walk(folder, onerror=_raise_unreadable, followlinks=False):
        here = Path(current)
        folders.sort()
        for name in folders:
            if (here / name).is_symlink():
                others.add_unknown(here / name, "a link to a folder; not followed")
        for name in sorted(names):
            yield here / name


def _raise_unreadable(error: OSError) -> None:
    raise InputError(
        f"a folder cannot be listed: {error.strerror}", where=error.filename, fix="give yourself permission to read it"
    )


def _recording_of_name(path: Path, pattern: re.Pattern[str]) -> RecordingFile | None:
    """The recording that a file name describes; None if it does not match, names an unknown lead, or is not text."""
    match = pattern.search(path.name)
    if match is None or not _is_text(path.name):
        return None
    groups = match.groupdict()
    lead = groups.get("lead")
    standard = ALL_LEADS if not lead else STANDARD_LEAD.get(lead.upper())
    visit, array = groups.get("instance") or "", groups.get("array") or "0"
    if standard is None or not groups["eid"] or not (visit.isdecimal() and array.isdecimal()):
        return None
    return RecordingFile(groups["eid"], f"{int(visit)}_{int(array)}", standard, path)


def _is_text(name: str) -> bool:
    """False for a name whose bytes are not UTF-8, which no table could hold."""
    return not any("\udc80" <= letter <= "\udcff" for letter in name)


def _from_table(path: Path, by_date: bool) -> list[RecordingFile]:
    table = read_user_table(path, what="recordings")
    frame = table.frame
    absent = [name for name in ("eid", "path") if name not in frame.columns]
    if absent:
        near = ids.likely_eid_column(frame.columns) if "eid" in absent else None
        fix = "its first line must name the columns eid, path and, optionally, lead and instance"
        fix += f"; rename {near} to eid" if near else ""
        raise InputError(f"the recordings table has no column {' and '.join(absent)}", where=path, fix=fix)
    if frame.height == 0:
        raise InputError("the recordings table has no rows", where=path, fix="write one line per recording")
    _refuse_damaged_eids(table)
    files, faults = [], []
    for line, row in zip(table.lines, frame.iter_rows(named=True), strict=True):
        file = _recording_of_row(row, path.parent, by_date)
        if file is None:
            faults.append(f"line {line}")
            continue
        files.append(file)
    if faults:
        problem = f"lines that do not describe a recording: {first_few(faults)}"
        fix = "fill eid and path; lead is empty, 12L or one of the twelve; instance is empty, or as in 2 or 2_0"
        fix += "; date is empty, or as in 2019-03-31 or 2019-03-31 14:05" if by_date else ""
        raise InputError(problem, where=path, fix=fix)
    _refuse_files_of_several_people(files, table)
    return files


def _refuse_files_of_several_people(files: Sequence[RecordingFile], table: UserTable) -> None:
    """Raises InputError that names the lines if one file is listed as the recording of several participants."""
    lines: dict[Path, dict[str, int]] = defaultdict(dict)
    for line, file in zip(table.lines, files, strict=True):
        lines[file.path].setdefault(file.eid, line)
    shared = {path: people for path, people in lines.items() if len(people) > 1}
    if shared:
        examples = (
            f"{path.name} (line {first_few(people.values())}; eid {first_few(people)})" for path, people in shared.items()
        )
        problem = f"{len(shared)} file(s) are listed for several people: {first_few(examples, 3)}"
        raise InputError(problem, where=table.path, fix="list each file for the participant whose recording it is")


def recordings_table_warnings(options: ReadOptions) -> list[str]:
    """Warnings about a table of recordings: files that do not exist, and files named with another participant's eid.

    Empty for a folder. Raises InputError if none of the files exists.
    """
    if options.recordings.suffix.lower() not in TABLES or options.recordings.is_dir():
        return []
    files = _from_table(options.recordings, options.by_date)
    pattern = re.compile(options.pattern, re.IGNORECASE)
    by_name = [(file, _recording_of_name(file.path, pattern)) for file in files]
    eids = {file.eid for file in files}
    foreign = [file for file, named in by_name if named is not None and named.eid != file.eid and named.eid in eids]
    examples = first_few((f"{file.path.name} for {file.eid}" for file in foreign), 3)
    warnings = [f"{len(foreign)} files are named with the eid of another person in the table: {examples}"] if foreign else []
    paths = list(dict.fromkeys(file.path for file in files))
    absent = [path for path in paths if not path.exists()]
    text = f"{len(absent)} of {len(paths)} files in the table of recordings do not exist: {first_few(absent, 3)}"
    if len(absent) < len(paths):
        return [*warnings, *([text] if absent else [])]
    fix = "write the paths of this computer, with /; relative paths start at the table's folder"
    raise InputError(text, where=options.recordings, fix=fix)


def _refuse_damaged_eids(table: UserTable) -> None:
    """Raises InputError for eids damaged by a spreadsheet. Missing eids are reported with other faulty cells."""
    eids = table.frame["eid"]
    present = [(eid, line) for eid, line, missing in zip(eids, table.lines, is_missing(eids), strict=True) if not missing]
    ids.refuse_damaged(
        [eid for eid, _ in present], [line for _, line in present], what="the recordings table", where=table.path
    )


def _recording_of_row(row: Mapping[str, str], folder: Path, by_date: bool) -> RecordingFile | None:
    lead = (row.get("lead") or "").upper()
    standard = ALL_LEADS if lead in ("", ALL_LEADS) else STANDARD_LEAD.get(lead)
    instance = re.fullmatch(r"(\d*)(?:_(\d+))?", re.sub(r"^(\d+)\.0$", r"\1", row.get("instance") or ""))
    time = DATE.fullmatch(row.get("date") or "") if by_date else None
    if standard is None or instance is None or ids.damage(row["eid"]) or not row["path"] or (by_date and time is None):
        return None
    visit = f"{int(instance[1])}_{int(instance[2] or 0)}" if instance[1] else ""
    digits = "" if time is None else re.sub(r"\D", "", row.get("date") or "")
    return RecordingFile(
        row["eid"], visit, standard, folder / expand_home(row["path"]), digits.ljust(14, "0") if digits else ""
    )


def expand_home(text: str) -> Path:
    """The path with ~ expanded; unchanged if there is no such home folder."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)
