"""Which files belong to whom, and which of them are used: one recording a person, every other file listed with the reason."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ecgwas import ids
from ecgwas.ecg import sidecar
from ecgwas.ecg.recording import LIMB, STANDARD_LEAD
from ecgwas.errors import InputError, first_few
from ecgwas.signals import ALL_LEADS, LEADS
from ecgwas.study import ReadOptions
from ecgwas.tables import Recordings
from ecgwas.tables.user_table import UserTable, is_missing, read_user_table

TABLES = (".csv", ".tsv", ".txt")
SIDECARS = frozenset(sidecar.ENDINGS)
OF_A_HEADER = frozenset({".dat", ".mat", ".atr", ".qrs", ".ann", ".xyz"})
"""Signals and annotations of the WFDB header of the same name."""
WITHDRAWN = "withdrawn (read.leave_out)"
CHEST = frozenset(LEADS) - LIMB.keys()


@dataclass(frozen=True)
class Source:
    """The files of one person's chosen recording.

    instance   visit and array, as in "2_0"; empty if a table did not say
    paths      lead -> file; the one key "12L" for a file of all leads
    visits     lead -> visit and array, of leads that were taken from another visit (`lead_by_lead`)
    """

    eid: str
    instance: str
    paths: Mapping[str, Path]
    visits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """Who is read, and from what.

    sources  one a person, by eid
    others   every other file and link that was found, with the reason
    repeats  eid -> another visit of the same person, whose files are among `others` too; nobody's where they are not wanted
    """

    sources: tuple[Source, ...]
    others: Recordings
    repeats: Mapping[str, Source]


@dataclass(frozen=True, order=True)
class _File:
    """One file whose owner is known."""

    eid: str
    instance: str
    lead: str
    path: Path


def numbers_of(instance: str) -> tuple[int, int]:
    """Visit and array of an instance such as "2_0" as numbers; zeros where it is empty."""
    visit, _, array = (instance or "0").partition("_")
    return int(visit), int(array or 0)


@dataclass(frozen=True)
class _Set:
    """The files of one visit of one person that make a recording, and those that repeat them."""

    instance: str
    chosen: tuple[_File, ...]
    repeated: tuple[_File, ...]

    @property
    def visit(self) -> tuple[int, int]:
        """Visit and array as numbers."""
        return numbers_of(self.instance)

    @property
    def complete(self) -> bool:
        """True if its names promise all twelve leads."""
        leads = {file.lead for file in self.chosen}
        return ALL_LEADS in leads or (leads >= CHEST and len(leads & LIMB.keys()) >= 2)

    @property
    def source(self) -> Source:
        """As it is read."""
        visits = {file.lead: file.instance for file in self.chosen if file.instance != self.instance}
        return Source(self.chosen[0].eid, self.instance, {file.lead: file.path for file in self.chosen}, visits)


@dataclass(frozen=True)
class _Choice:
    """Of one person: the visit to use, and the one to compare it with; None where there is none."""

    used: _Set
    repeat: _Set | None


def find(options: ReadOptions) -> Manifest:
    """Lists the recordings of a study; no file is opened but tables and the list of people to leave out.

    Of a person's visits the one numbered `options.instance` comes first, then the lowest; within a visit the lowest array;
    a visit whose one-lead files lack a lead that cannot be derived comes after complete ones. Leads of different visits are
    never put together, unless `options.lead_by_lead` has each lead chosen for itself, in the order of visits. A file of all
    leads is taken before one-lead files of the same visit. With `options.repeat_visits` the first complete one of a person's
    other visits, in the same order, is the repeat.

    Raises InputError for a missing or empty folder, if no file name matches, and for a faulty table.
    """
    others = _Others(options.recordings)
    table = options.recordings.suffix.lower() in TABLES and not options.recordings.is_dir()
    files = _from_table(options.recordings) if table else _from_folder(options, others)
    gone = withdrawn(options)
    people: dict[str, list[_File]] = defaultdict(list)
    for file in sorted(files):
        if file.eid in gone:
            others.add(file, "left_out", WITHDRAWN)
            continue
        people[file.eid].append(file)
    found = (_choose(options, people[eid], others) for eid in sorted(people))
    chosen = [one for one in found if one is not None]
    repeats = {one.repeat.source.eid: one.repeat.source for one in chosen if one.repeat is not None}
    return Manifest(tuple(one.used.source for one in chosen), others.table(), repeats)


class _Others:
    """Collects the files that are not used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: list[dict[str, str | None]] = []

    def add(self, file: _File, status: str, reason: str) -> None:
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


def _choose(options: ReadOptions, files: Sequence[_File], others: _Others) -> _Choice | None:
    """The recording to use among one person's files, and the repeat; all files but those to use go to `others`."""
    visits: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        visits[file.instance].append(file)
    sets = [_set(instance, of_visit) for instance, of_visit in visits.items()]
    usable = [one for one in sets if options.other_instances or _visit(one) == options.instance or not one.instance]
    best = min(usable, key=lambda one: _rank(options, one), default=None)
    if options.lead_by_lead and best is not None:
        sets, best = _lead_by_lead(options, sets, usable, best)
    for one in sets:
        for file in one.repeated:
            others.add(file, "duplicate", "another file of the same person, lead and visit is used")
        if best is None:
            reason = f"only visits other than {options.instance} (read.other_instances is off)"
            _set_aside(one, others, "left_out", reason)
        elif one is not best:
            _set_aside(one, others, "duplicate", f"another recording of the person is used: {best.instance}")
    if best is None:
        return None
    return _Choice(best, _repeat(options, sets, best) if options.repeat_visits else None)


def _lead_by_lead(options: ReadOptions, sets: Sequence[_Set], usable: Sequence[_Set], best: _Set) -> tuple[list[_Set], _Set]:
    """The sets and the one to use, to which leads that it lacks came from the other usable ones, in their order."""
    if ALL_LEADS in {file.lead for file in best.chosen}:
        return list(sets), best
    taken = {file.lead: file for file in best.chosen}
    for one in sorted(usable, key=lambda one: _rank(options, one)):
        for file in one.chosen:
            if file.lead != ALL_LEADS:
                taken.setdefault(file.lead, file)
    used = replace(best, chosen=tuple(taken[lead] for lead in sorted(taken)))
    rest = [used if one is best else replace(one, chosen=tuple(f for f in one.chosen if f not in used.chosen)) for one in sets]
    return [one for one in rest if one.chosen or one.repeated], used


def _repeat(options: ReadOptions, sets: Sequence[_Set], used: _Set) -> _Set | None:
    """Another visit, not another recording of the same one; one whose table names no visit is not known to be another."""
    other = [one for one in sets if one.complete and one.instance and used.instance and _visit(one) != _visit(used)]
    return min(other, key=lambda one: _rank(options, one), default=None)


def _set(instance: str, files: Sequence[_File]) -> _Set:
    """The files of one visit that are used together: one of all leads if there is one, else the first of each lead."""
    first: dict[str, _File] = {}
    for file in files:
        first.setdefault(file.lead, file)
    chosen = (first[ALL_LEADS],) if ALL_LEADS in first else tuple(first.values())
    return _Set(instance, chosen, tuple(file for file in files if file not in chosen))


def _visit(one: _Set) -> int:
    return one.visit[0]


def _rank(options: ReadOptions, one: _Set) -> tuple[bool, bool, tuple[int, int]]:
    incomplete = not one.complete and not options.lead_by_lead
    return incomplete, _visit(one) != options.instance, one.visit


def _set_aside(one: _Set, others: _Others, status: str, reason: str) -> None:
    for file in one.chosen:
        others.add(file, status, reason)


def _from_folder(options: ReadOptions, others: _Others) -> list[_File]:
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


def _without_companions(files: Sequence[_File], others: _Others) -> list[_File]:
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


def _walk(folder: Path, others: _Others) -> Iterator[Path]:
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


def _named(path: Path, pattern: re.Pattern[str]) -> _File | None:
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
    return _File(told["eid"], f"{int(visit)}_{int(array)}", standard, path)


def _is_text(name: str) -> bool:
    """False for a name whose bytes are not UTF-8: no table could hold it."""
    return not any("\udc80" <= letter <= "\udcff" for letter in name)


def _from_table(path: Path) -> list[_File]:
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


def _refuse_shared(files: Sequence[_File], table: UserTable) -> None:
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


def _told(row: Mapping[str, str], folder: Path) -> _File | None:
    lead = (row.get("lead") or "").upper()
    standard = ALL_LEADS if lead in ("", ALL_LEADS) else STANDARD_LEAD.get(lead)
    instance = re.fullmatch(r"(\d*)(?:_(\d+))?", re.sub(r"^(\d+)\.0$", r"\1", row.get("instance") or ""))
    if standard is None or instance is None or ids.damage(row["eid"]) or not row["path"]:
        return None
    visit = f"{int(instance[1])}_{int(instance[2] or 0)}" if instance[1] else ""
    return _File(row["eid"], visit, standard, folder / at_home(row["path"]))


def at_home(text: str) -> Path:
    """The path with ~ expanded where there is such a home; as it is where there is none."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def withdrawn(options: ReadOptions) -> dict[str, int]:
    """The people of `leave_out`: eid -> line of the list."""
    path = options.leave_out
    return {} if path is None else listed(path, "people to leave out", fix="correct `read.leave_out`")


def listed(path: Path, what: str, *, fix: str) -> dict[str, int]:
    """eid -> line, of a list of people (see ids.read_list); it may be empty.

    Raises InputError that names the list of `what`; fix: for a file that is not there.
    """
    return ids.read_list(path, what=what, fix=fix, may_be_empty=True)
