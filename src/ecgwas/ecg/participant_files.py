"""From one participant's files to leads of one rate and length; an unusable one-lead file costs only its lead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg import formats
from ecgwas.ecg.discovery import Source
from ecgwas.ecg.quality import NOT_FINITE, file_flaw, lead_list
from ecgwas.ecg.recording import Recording, unusable
from ecgwas.errors import InputError
from ecgwas.leads import ALL_LEADS, LEADS, twelve_leads
from ecgwas.study import ReadOptions

Floats = NDArray[np.float64]
Value = TypeVar("Value", bound=Hashable)

MAX_HZ = 100_000.0
"""No ECG device is faster; a higher stated rate is a mistake."""


@dataclass(frozen=True)
class ParticipantFiles:
    """What a participant's files hold.

    recordings   key of Source.paths -> what was read
    faults       lead -> why it cannot be used, in words that are the same for the same fault
    """

    recordings: dict[str, Recording]
    faults: dict[str, str]

    @classmethod
    def empty(cls) -> ParticipantFiles:
        return cls({}, {})

    @property
    def all_warnings(self) -> set[str]:
        """Warnings about the files, including those that cannot be used."""
        return {recording.warning for recording in self.recordings.values()} - {""}

    @property
    def warnings(self) -> set[str]:
        """Warnings about the files that are used."""
        return {recording.warning for lead, recording in self.recordings.items() if lead not in self.faults} - {""}

    def missing_leads_text(self, present: NDArray[np.bool_]) -> list[str]:
        """Why leads that are not `present` (12,) are missing, one phrase per reason."""
        reasons = [None if is_present else self.faults.get(lead, "") for lead, is_present in zip(LEADS, present, strict=True)]
        phrases = {"": "missing lead {}", NOT_FINITE: f"{NOT_FINITE} in lead {{}}"}
        return [
            phrases.get(reason, "unusable file of lead {}").format(lead_list([other == reason for other in reasons]))
            for reason in dict.fromkeys(reason for reason in reasons if reason is not None)
        ]


def read_files(options: ReadOptions, source: Source, files: ParticipantFiles) -> tuple[Floats, float]:
    """(12, S) µV as recorded, NaN in missing leads, and samples per second. Adds to `files` what was read.

    Raises InputError with a short reason if no lead is usable, or if the files disagree and no majority of them agrees.
    """
    _read_each_file(source, files)
    _check_agreement(source, files)
    leads: dict[str, Floats] = {}
    for key, recording in files.recordings.items():
        if key in files.faults:
            continue
        try:
            leads |= _leads(options, source, key, recording)
        except InputError as error:
            _add_fault(source, files, key, error)
    for lead in [lead for lead, values in leads.items() if not np.isfinite(values).all()]:
        files.faults[lead] = NOT_FINITE
    good = {lead: values for lead, values in leads.items() if lead not in files.faults}
    first = next(iter(source.paths.values()))
    if not good:
        raise unusable("; ".join(files.missing_leads_text(np.zeros(len(LEADS), dtype=np.bool_))), first)
    rate_hz = next(recording.rate_hz for key, recording in files.recordings.items() if key == ALL_LEADS or key in good)
    return twelve_leads(good, derive=options.derive_leads), rate_hz


def _read_each_file(source: Source, files: ParticipantFiles) -> None:
    for key, path in source.paths.items():
        try:
            files.recordings[key] = formats.read(path)
        except InputError as error:
            _add_fault(source, files, key, error)


def _add_fault(source: Source, files: ParticipantFiles, key: str, error: InputError) -> None:
    """Records the fault of a one-lead file for its lead; raises it again if no other file is left."""
    files.faults[key] = error.problem
    if key == ALL_LEADS or all(lead in files.faults for lead in source.paths):
        raise error


def _check_agreement(source: Source, files: ParticipantFiles) -> None:
    """Records a fault for one-lead files whose rate or length differs from that of most of the participant's files."""
    if ALL_LEADS in files.recordings:
        return
    for what in ("rate", "length"):
        usable = {key: recording for key, recording in files.recordings.items() if key not in files.faults}
        values: dict[str, Any] = {key: _rate_or_length(recording, what) for key, recording in usable.items()}
        agreed = _majority(values.values())
        for key in [key for key, value in values.items() if value != agreed]:
            problem = f"the person's one-lead files disagree about the {what}"
            error = unusable(problem, source.paths[key])
            if agreed is None:
                raise error
            _add_fault(source, files, key, error)


def _rate_or_length(recording: Recording, what: str) -> Any:
    return recording.rate_hz if what == "rate" else tuple(sorted({len(values) for values in recording.leads.values()}))


def _majority(values: Iterable[Value]) -> Value | None:
    """The value of more than half of them; None if there is none."""
    counts = Counter(values)
    value, count = counts.most_common(1)[0]
    return value if 2 * count > counts.total() else None


def _leads(options: ReadOptions, source: Source, key: str, recording: Recording) -> Mapping[str, Floats]:
    """The leads of one file, cut to the length that the study uses. Raises InputError if the file is faulty."""
    path = source.paths[key]
    if not 0 < recording.rate_hz <= MAX_HZ:
        raise unusable(f"an impossible rate: {recording.rate_hz:g} Hz", path)
    if key != ALL_LEADS and key not in recording.leads:
        raise unusable(f"file named for lead {key} holds {', '.join(recording.leads)}", path)
    lead_names = LEADS if key == ALL_LEADS else (key,)
    chosen = {
        lead: _first_seconds(options, recording.leads[lead], recording.rate_hz)
        for lead in lead_names
        if lead in recording.leads
    }
    flaw = file_flaw(options, chosen, recording.rate_hz)
    if flaw is not None:
        raise unusable(flaw, path)
    return chosen


def _first_seconds(options: ReadOptions, values: Floats, rate_hz: float) -> Floats:
    """The first `options.seconds` of a lead; all of it if the study excludes longer recordings."""
    return values[: round(options.seconds * rate_hz)] if options.longer == "cut" else values
