"""Which files belong to whom, and which are used: one recording per participant; every other file is listed with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ecgwas import ids
from ecgwas.ecg.recording_files import RecordingFile, UnusedFiles, find_recording_files, visit_and_array
from ecgwas.errors import InputError
from ecgwas.leads import ALL_LEADS, CHEST_LEADS, LIMB_LEADS
from ecgwas.study import ReadOptions
from ecgwas.tables import Recordings

LEAVE_OUT = "read.leave_out"
PEOPLE_TO_EXCLUDE = "people to exclude"
WITHDRAWN = "withdrawn"
"""Reason for participants of a list without reasons of its own."""


@dataclass(frozen=True)
class Source:
    """The files of one participant's chosen recording.

    instance   visit and array, as in "2_0"; empty if a table does not state it
    paths      lead -> file; a file of all leads has the single key "12L"
    visits     lead -> visit and array, for leads taken from another visit (`lead_by_lead`)
    others     the participant's other recordings, one of which may be better (`choose: best_quality`)
    """

    eid: str
    instance: str
    paths: Mapping[str, Path]
    visits: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Source, ...] = ()

    @property
    def candidates(self) -> tuple[Source, ...]:
        """The recordings that are read: this one, and those that it is compared with."""
        return replace(self, others=()), *self.others


@dataclass(frozen=True)
class Manifest:
    """Who is read, and from which files.

    sources  one per participant, sorted by eid
    others   every other file and link, with the reason
    repeats  eid -> a repeat visit of the same participant, whose files are also among `others`; empty if not requested
    """

    sources: tuple[Source, ...]
    others: Recordings
    repeats: Mapping[str, Source]


@dataclass(frozen=True)
class _VisitFiles:
    """The files of one visit of one participant that make up a recording, and further files of the same leads.

    time: as in RecordingFile
    """

    instance: str
    time: str
    chosen: tuple[RecordingFile, ...]
    repeated: tuple[RecordingFile, ...]

    @property
    def visit(self) -> tuple[int, int]:
        """Visit and array as numbers."""
        return visit_and_array(self.instance)

    @property
    def complete(self) -> bool:
        """True if, by the file names, all twelve leads are present or can be derived."""
        leads = {file.lead for file in self.chosen}
        return ALL_LEADS in leads or (leads >= set(CHEST_LEADS) and len(leads & set(LIMB_LEADS)) >= 2)

    @property
    def source(self) -> Source:
        """The recording that these files make up."""
        visits = {file.lead: file.instance for file in self.chosen if file.instance != self.instance}
        return Source(self.chosen[0].eid, self.instance, {file.lead: file.path for file in self.chosen}, visits)


@dataclass(frozen=True)
class _ChosenVisits:
    """For one participant: the visit to use, the repeat visit to compare it with, or None, and others that may be better."""

    used: _VisitFiles
    repeat: _VisitFiles | None
    compared: tuple[_VisitFiles, ...]

    @property
    def source(self) -> Source:
        """The recording to use, with those to compare it with."""
        return replace(self.used.source, others=tuple(visit.source for visit in self.compared))


def find_recordings(options: ReadOptions) -> Manifest:
    """Lists the recordings of a study. Opens no file except tables and the list of participants to exclude.

    Of a participant's visits the one numbered `options.instance` comes first, then the lowest number; within a visit, the
    lowest array. A visit whose one-lead files lack a lead that cannot be derived comes after complete visits. Leads of
    different visits are never combined, unless `options.lead_by_lead` chooses each lead separately, in the order of visits. A
    file of all leads is preferred to one-lead files of the same visit. With `options.repeat_visits`, the participant's first
    complete other visit, in the same order, is the repeat visit. `options.choose` may order the recordings by date instead, or
    leave the choice to `read_recordings`, which compares the quality of all (Source.others).

    Raises InputError for a missing or empty folder, if no file name matches, for a faulty table, and if recordings are to be
    ordered by date and some have neither date nor visit.
    """
    others = UnusedFiles(options.recordings)
    files = find_recording_files(options, others)
    excluded = {} if options.leave_out is None else exclusion_reasons(options.leave_out, LEAVE_OUT)
    by_eid: dict[str, list[RecordingFile]] = defaultdict(list)
    for file in sorted(files):
        if file.eid in excluded:
            others.add(file, "left_out", excluded[file.eid])
            continue
        by_eid[file.eid].append(file)
    choices = (_choose(options, by_eid[eid], others) for eid in sorted(by_eid))
    chosen = [choice for choice in choices if choice is not None]
    repeats = {choice.repeat.source.eid: choice.repeat.source for choice in chosen if choice.repeat is not None}
    return Manifest(tuple(choice.source for choice in chosen), others.table(), repeats)


def _choose(options: ReadOptions, files: Sequence[RecordingFile], others: UnusedFiles) -> _ChosenVisits | None:
    """The recording to use among one participant's files, and the repeat visit. Adds unused files to `others`."""
    visits = _visits(options, files)
    usable = [
        visit for visit in visits if options.other_instances or _visit_number(visit) == options.instance or not visit.instance
    ]
    best = min(usable, key=lambda visit: _rank(options, visit), default=None)
    if options.lead_by_lead and best is not None:
        visits, best = _lead_by_lead(options, visits, usable, best)
    compared = [visit for visit in usable if visit is not best] if options.choose == "best_quality" else []
    for visit in visits:
        for file in visit.repeated:
            others.add(file, "duplicate", "another file of the same person, lead and visit is used")
        if best is None:
            reason = f"only visits other than {options.instance} (read.other_instances is off)"
            _list_unused(visit, others, "left_out", reason)
        elif visit is not best and visit not in compared:
            chosen = best.instance if options.choose == "visit" else f"read.choose: {options.choose}"
            _list_unused(visit, others, "duplicate", f"another recording of the person is used: {chosen}")
    if best is None:
        return None
    compared.sort(key=lambda visit: _rank(options, visit))
    has_repeat = options.repeat_visits and options.choose != "best_quality"
    return _ChosenVisits(best, _repeat(options, visits, best) if has_repeat else None, tuple(compared))


def _visits(options: ReadOptions, files: Sequence[RecordingFile]) -> list[_VisitFiles]:
    """A participant's recordings: files of one visit and time together, or each file of all leads alone if all are compared."""
    grouped: dict[tuple[str, str, Path | None], list[RecordingFile]] = defaultdict(list)
    for file in files:
        alone = options.choose == "best_quality" and file.lead == ALL_LEADS
        grouped[file.instance, file.time, file.path if alone else None].append(file)
    visits = [_files_of_visit(instance, time, together) for (instance, time, _), together in grouped.items()]
    if options.by_date and len(visits) > 1:
        undated = [visit for visit in visits if not visit.time]
        if undated and not all(visit.instance and not visit.time for visit in visits):
            problem = f"a recording of a participant with several has no date: {undated[0].chosen[0].path.name}"
            fix = f"fill the column date of all recordings of that participant, or do not set read.choose: {options.choose}"
            raise InputError(problem, where=options.recordings, fix=fix)
    return visits


def _lead_by_lead(
    options: ReadOptions, visits: Sequence[_VisitFiles], usable: Sequence[_VisitFiles], best: _VisitFiles
) -> tuple[list[_VisitFiles], _VisitFiles]:
    """The visits, and the one to use, in which missing leads are taken from the other usable visits in their order."""
    if ALL_LEADS in {file.lead for file in best.chosen}:
        return list(visits), best
    by_lead = {file.lead: file for file in best.chosen}
    for visit in sorted(usable, key=lambda visit: _rank(options, visit)):
        for file in visit.chosen:
            if file.lead != ALL_LEADS:
                by_lead.setdefault(file.lead, file)
    used = replace(best, chosen=tuple(by_lead[lead] for lead in sorted(by_lead)))
    remaining = [
        used if visit is best else replace(visit, chosen=tuple(file for file in visit.chosen if file not in used.chosen))
        for visit in visits
    ]
    return [visit for visit in remaining if visit.chosen or visit.repeated], used


def _repeat(options: ReadOptions, visits: Sequence[_VisitFiles], used: _VisitFiles) -> _VisitFiles | None:
    """The repeat visit. Further recordings of the same visit do not count, nor does one without a stated visit."""
    others = [
        visit
        for visit in visits
        if visit.complete and visit.instance and used.instance and _visit_number(visit) != _visit_number(used)
    ]
    return min(others, key=lambda visit: _rank(options, visit), default=None)


def _files_of_visit(instance: str, time: str, files: Sequence[RecordingFile]) -> _VisitFiles:
    """The files of one visit that are used together: the file of all leads if there is one, else the first of each lead."""
    first: dict[str, RecordingFile] = {}
    for file in files:
        first.setdefault(file.lead, file)
    chosen = (first[ALL_LEADS],) if ALL_LEADS in first else tuple(first.values())
    return _VisitFiles(instance, time, chosen, tuple(file for file in files if file not in chosen))


def _visit_number(visit: _VisitFiles) -> int:
    return visit.visit[0]


def _rank(options: ReadOptions, visit: _VisitFiles) -> tuple[bool, bool | tuple[int, ...], tuple[int, int]]:
    """Order of a participant's recordings: complete ones first, then by `options.choose`, then by visit and array."""
    incomplete = not visit.complete and not options.lead_by_lead
    if options.by_date:
        when = (int(visit.time or 0), *visit.visit)
        return incomplete, when if options.choose == "first" else tuple(-part for part in when), visit.visit
    return incomplete, _visit_number(visit) != options.instance, visit.visit


def _list_unused(visit: _VisitFiles, others: UnusedFiles, status: str, reason: str) -> None:
    for file in visit.chosen:
        others.add(file, status, reason)


def exclusion_reasons(path: Path, option: str, *, of: str = "") -> dict[str, str]:
    """Participants of a list of people to exclude: eid -> why, from the list's column `reason` if it has one, and the option.

    option: names the list, as in read.leave_out; of: what has the option. Semicolons of a reason become commas, since they
    separate reasons elsewhere. Raises InputError for a faulty list.
    """
    listed = read_eid_list(path, PEOPLE_TO_EXCLUDE, fix=f"correct `{option}`")
    reasons = ids.read_reasons(path, what=PEOPLE_TO_EXCLUDE)
    return {eid: f"{reasons.get(eid, '').replace(';', ',') or WITHDRAWN} ({option}{of})" for eid in listed}


def read_eid_list(path: Path, what: str, *, fix: str) -> dict[str, int]:
    """eid -> line, from a list of participants (see ids.read_list), which may be empty.

    Raises InputError that names the list as `what`; `fix` is the advice if the file does not exist.
    """
    return ids.read_list(path, what=what, fix=fix, may_be_empty=True)
