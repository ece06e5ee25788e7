"""Which files belong to whom, and which of them are used: one recording a person, every other file listed with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ecgwas import ids
from ecgwas.ecg.recording_files import OwnedFile, UnusedFiles, numbers_of, owned
from ecgwas.leads import ALL_LEADS, CHEST_LEADS, LIMB_LEADS
from ecgwas.study import ReadOptions
from ecgwas.tables import Recordings

WITHDRAWN = "withdrawn (read.leave_out)"


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


@dataclass(frozen=True)
class _Set:
    """The files of one visit of one person that make a recording, and those that repeat them."""

    instance: str
    chosen: tuple[OwnedFile, ...]
    repeated: tuple[OwnedFile, ...]

    @property
    def visit(self) -> tuple[int, int]:
        """Visit and array as numbers."""
        return numbers_of(self.instance)

    @property
    def complete(self) -> bool:
        """True if its names promise all twelve leads."""
        leads = {file.lead for file in self.chosen}
        return ALL_LEADS in leads or (leads >= set(CHEST_LEADS) and len(leads & set(LIMB_LEADS)) >= 2)

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
    others = UnusedFiles(options.recordings)
    files = owned(options, others)
    gone = withdrawn(options)
    people: dict[str, list[OwnedFile]] = defaultdict(list)
    for file in sorted(files):
        if file.eid in gone:
            others.add(file, "left_out", WITHDRAWN)
            continue
        people[file.eid].append(file)
    found = (_choose(options, people[eid], others) for eid in sorted(people))
    chosen = [one for one in found if one is not None]
    repeats = {one.repeat.source.eid: one.repeat.source for one in chosen if one.repeat is not None}
    return Manifest(tuple(one.used.source for one in chosen), others.table(), repeats)


def _choose(options: ReadOptions, files: Sequence[OwnedFile], others: UnusedFiles) -> _Choice | None:
    """The recording to use among one person's files, and the repeat; all files but those to use go to `others`."""
    visits: dict[str, list[OwnedFile]] = defaultdict(list)
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


def _set(instance: str, files: Sequence[OwnedFile]) -> _Set:
    """The files of one visit that are used together: one of all leads if there is one, else the first of each lead."""
    first: dict[str, OwnedFile] = {}
    for file in files:
        first.setdefault(file.lead, file)
    chosen = (first[ALL_LEADS],) if ALL_LEADS in first else tuple(first.values())
    return _Set(instance, chosen, tuple(file for file in files if file not in chosen))


def _visit(one: _Set) -> int:
    return one.visit[0]


def _rank(options: ReadOptions, one: _Set) -> tuple[bool, bool, tuple[int, int]]:
    incomplete = not one.complete and not options.lead_by_lead
    return incomplete, _visit(one) != options.instance, one.visit


def _set_aside(one: _Set, others: UnusedFiles, status: str, reason: str) -> None:
    for file in one.chosen:
        others.add(file, status, reason)


def withdrawn(options: ReadOptions) -> dict[str, int]:
    """The people of `leave_out`: eid -> line of the list."""
    path = options.leave_out
    return {} if path is None else listed(path, "people to leave out", fix="correct `read.leave_out`")


def listed(path: Path, what: str, *, fix: str) -> dict[str, int]:
    """eid -> line, of a list of people (see ids.read_list); it may be empty.

    Raises InputError that names the list of `what`; fix: for a file that is not there.
    """
    return ids.read_list(path, what=what, fix=fix, may_be_empty=True)
