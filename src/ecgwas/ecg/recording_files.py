"""Files of recordings and whose they are: by the pattern of their names in a folder, or by a table."""

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
OF_A_HEADER = frozenset({".dat", ".mat", ".atr", ".qrs", ".ann", ".xyz"})
"""Signals and annotations of the WFDB header of the same name."""


@dataclass(frozen=True, order=True)
class OwnedFile:
    """One file whose owner is known."""

    eid: str
    instance: str
    lead: str
    path: Path


def numbers_of(instance: str) -> tuple[int, int]:
    """Visit and array of an instance such as "2_0" as numbers; zeros where it is empty."""
    visit, _, array = (instance or "0").partition("_")
    return int(visit), int(array or 0)


class UnusedFiles:
    """Collects the files that are not used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: list[dict[str, str | None]] = []

    def add(self, file: OwnedFile, status: str, reason: str) -> None:
        about = {"eid": file.eid, "lead": file.lead, "instance": file.instance or None}
        self._rows.append({**about, "path": shown(file.path, self._folder), "status": status, "reason": reason})

    def add_unknown(self, path: Path, reason: str) -> None:
        place = shown(path, self._folder)
        self._rows.append({"eid": None, "lead": None, "instance": None, "path": place, "status": "left_out", "reason": reason})

    def table(self) -> Recordings:
        unread = {"rate_hz": None, "seconds": None, "row": None, "beats": None, "noise_uv": None}
        return Recordings.of([row | unread for row in self._rows])


def shown(path: Path, recordings: Path) -> str:
    """A path as tables show it: relative to the recordings' folder (or their table's), always valid Unicode."""
    folder = recordings if recordings.is_dir() else recordings.parent
    text = os.path.relpath(path, folder) if path.is_relative_to(folder) else str(path)
    return text.encode("utf-8", "replace").decode("utf-8")


def owned(options: ReadOptions, others: UnusedFiles) -> list[OwnedFile]:
    """The files of a folder or a table with an owner; those without join `others`. Raises InputError as `finding.find`."""
    table = options.recordings.suffix.lower() in TABLES and not options.recordings.is_dir()
    return _from_table(options.recordings) if table else _from_folder(options, others)


def _from_folder(options: ReadOptions, others: UnusedFiles) -> list[OwnedFile]:
    folder = options.recordings
    if not folder.exists():
        raise InputError("the recordings' folder is missing", where=folder, fix="correct `read.recordings` in study.yaml")
    if not folder.is_dir():
        fix = f"`read.recordings` names a folder, or a table ({', '.join(TABLES)}) with columns eid and path"
        raise InputError("neither a folder nor a table of recordings", where=folder, fix=fix)
    pattern = re.compile(options.pattern, re.IGNORECASE)
    files = []
    last_unknown = None
    for path in _walk(folder, others):
        file = _named(path, pattern)
        if file is not None:
            files.append(file)
            continue
        others.add_unknown(path, "file name does not match read.pattern")
        last_unknown = path
    if not files:
        raise _nothing_found(options, last_unknown)
    return _without_companions(files, others)


def _without_companions(files: Sequence[OwnedFile], others: UnusedFiles) -> list[OwnedFile]:
    """Without sidecars and parts of WFDB records, where the pattern matches them beside the recording that they belong to."""
    endings: dict[tuple[Path, str], set[str]] = defaultdict(set)
    for file in files:
        endings[_stem(file.path)].add(_ending(file.path))
    recordings = []
    for file in files:
        beside, ending = endings[_stem(file.path)], _ending(file.path)
        if (ending in SIDECARS and not beside <= SIDECARS) or (ending in OF_A_HEADER and ".hea" in beside):
            others.add(file, "left_out", "belongs to another file: a sidecar, or part of a WFDB record")
            continue
        recordings.append(file)
    return recordings


def _stem(path: Path) -> tuple[Path, str]:
    """Folder and name without the ending, and without the `.gz` after it."""
    return path.parent, (path.with_suffix("") if path.suffix.lower() == ".gz" else path).stem


def _ending(path: Path) -> str:
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def _nothing_found(options: ReadOptions, example: Path | None) -> InputError:
    if example is None:
        fix = "put the recordings there, or correct `read.recordings` in study.yaml"
        return InputError("the recordings' folder holds no file", where=options.recordings, fix=fix)
    problem = f"no file name matches `read.pattern`: {options.pattern}\n  a file that is there: {example.name}"
    fix = "write a pattern with groups eid, instance and, if wanted, array and lead; or give a table of recordings"
    return InputError(problem, where=options.recordings, fix=fix)


def _walk(folder: Path, others: UnusedFiles) -> Iterator[Path]:
    """Files below a folder in order of name; links to folders are not followed (they may lead in circles), but listed."""
    for place, folders, names in os.walk(folder, onerror=_refused, followlinks=False):
        here = Path(place)
        folders.sort()
        for name in folders:
            if (here / name).is_symlink():
                others.add_unknown(here / name, "a link to a folder; not followed")
        for name in sorted(names):
            yield here / name


def _refused(error: OSError) -> None:
    raise InputError(
        f"a folder cannot be listed: {error.strerror}", where=error.filename, fix="give yourself the right to read it"
    )


def _named(path: Path, pattern: re.Pattern[str]) -> OwnedFile | None:
    """What the name tells; None if it does not match, names no lead that there is, or is not text."""
    match = pattern.search(path.name)
    if match is None or not _is_text(path.name):
        return None
    told = match.groupdict()
    lead = told.get("lead")
    standard = ALL_LEADS if not lead else STANDARD_LEAD.get(lead.upper())
    visit, array = told.get("instance") or "", told.get("array") or "0"
    if standard is None or not told["eid"] or not (visit.isdecimal() and array.isdecimal()):
        return None
    return OwnedFile(told["eid"], f"{int(visit)}_{int(array)}", standard, path)


def _is_text(name: str) -> bool:
    """False for a name whose bytes are not UTF-8: no table could hold it."""
    return not any("\udc80" <= letter <= "\udcff" for letter in name)


def _from_table(path: Path) -> list[OwnedFile]:
    table = read_user_table(path, what="recordings")
    frame = table.frame
    absent = [name for name in ("eid", "path") if name not in frame.columns]
    if absent:
        near = ids.near_eid(frame.columns) if "eid" in absent else None
        fix = "its first line must name the columns eid, path and, if wanted, lead and instance"
        fix += f"; rename {near} to eid" if near else ""
        raise InputError(f"the recordings table has no column {' and '.join(absent)}", where=path, fix=fix)
    if frame.height == 0:
        raise InputError("the recordings table has no rows", where=path, fix="give it a line for each recording")
    _refuse_odd_eids(table)
    files, faults = [], []
    for line, row in zip(table.lines, frame.iter_rows(named=True), strict=True):
        file = _told(row, path.parent)
        if file is None:
            faults.append(f"line {line}")
            continue
        files.append(file)
    if faults:
        problem = f"recordings that cannot be understood: {first_few(faults)}"
        fix = "eid and path must be filled, lead empty, 12L or one of the twelve, instance empty or as in 2 or 2_0"
        raise InputError(problem, where=path, fix=fix)
    _refuse_shared(files, table)
    return files


def _refuse_shared(files: Sequence[OwnedFile], table: UserTable) -> None:
    """Raises InputError where one file is said to be the recording of several people, naming the lines."""
    lines: dict[Path, dict[str, int]] = defaultdict(dict)
    for line, file in zip(table.lines, files, strict=True):
        lines[file.path].setdefault(file.eid, line)
    shared = {path: people for path, people in lines.items() if len(people) > 1}
    if shared:
        shown = (f"{path.name} (line {first_few(people.values())}; eid {first_few(people)})" for path, people in shared.items())
        problem = f"{len(shared)} file(s) are said to be of several people: {first_few(shown, 3)}"
        raise InputError(problem, where=table.path, fix="give each person the recording that is theirs")


def doubts_of_table(options: ReadOptions) -> list[str]:
    """Warnings over a table of recordings: files that are not there, and files that bear the eid of another person in it.

    None for a folder. Raises InputError if no file is there.
    """
    if options.recordings.suffix.lower() not in TABLES or options.recordings.is_dir():
        return []
    files = _from_table(options.recordings)
    named = [(file, _named(file.path, re.compile(options.pattern, re.IGNORECASE))) for file in files]
    people = {file.eid for file in files}
    others = [file for file, own in named if own is not None and own.eid != file.eid and own.eid in people]
    shown = first_few((f"{file.path.name} for {file.eid}" for file in others), 3)
    found = [f"{len(others)} files bear the eid of another person of the table of recordings: {shown}"] if others else []
    paths = list(dict.fromkeys(file.path for file in files))
    gone = [path for path in paths if not path.exists()]
    words = f"{len(gone)} of {len(paths)} files that the table of recordings names are not there: {first_few(gone, 3)}"
    if len(gone) < len(paths):
        return [*found, *([words] if gone else [])]
    fix = "write paths as this machine has them, with /; relative ones are taken from the table's folder"
    raise InputError(words, where=options.recordings, fix=fix)


def _refuse_odd_eids(table: UserTable) -> None:
    """Raises InputError for eids that are what a spreadsheet made of them; missing ones are found with the other cells."""
    eids = table.frame["eid"]
    there = [(eid, line) for eid, line, gone in zip(eids, table.lines, is_missing(eids), strict=True) if not gone]
    ids.refuse_damaged([eid for eid, _ in there], [line for _, line in there], what="the recordings table", where=table.path)


def _told(row: Mapping[str, str], folder: Path) -> OwnedFile | None:
    lead = (row.get("lead") or "").upper()
    standard = ALL_LEADS if lead in ("", ALL_LEADS) else STANDARD_LEAD.get(lead)
    instance = re.fullmatch(r"(\d*)(?:_(\d+))?", re.sub(r"^(\d+)\.0$", r"\1", row.get("instance") or ""))
    if standard is None or instance is None or ids.damage(row["eid"]) or not row["path"]:
        return None
    visit = f"{int(instance[1])}_{int(instance[2] or 0)}" if instance[1] else ""
    return OwnedFile(row["eid"], visit, standard, folder / at_home(row["path"]))


def at_home(text: str) -> Path:
    """The path with ~ expanded where there is such a home; as it is where there is none."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)
