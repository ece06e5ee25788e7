"""From one person's files to leads of one rate and length; a one-lead file that cannot be used costs its lead alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg import formats
from ecgwas.ecg.discovery import Source
from ecgwas.ecg.quality import NOT_FINITE, flaw_of_file, names_of
from ecgwas.ecg.recording import Recording, unusable
from ecgwas.errors import InputError
from ecgwas.leads import ALL_LEADS, LEADS, twelve_leads
from ecgwas.study import ReadOptions

Floats = NDArray[np.float64]
One = TypeVar("One", bound=Hashable)

FASTEST_HZ = 100_000.0
"""No recorder is faster; what a file says beyond it is a mistake."""


@dataclass(frozen=True)
class PersonFiles:
    """What a person's files hold.

    found   key of Source.paths -> what was read
    faults  lead -> why it cannot be used, in words that count well
    """

    found: dict[str, Recording]
    faults: dict[str, str]

    @classmethod
    def empty(cls) -> PersonFiles:
        return cls({}, {})

    @property
    def all_doubts(self) -> set[str]:
        """What the files give reason to doubt, those that cannot be used among them."""
        return {recording.doubt for recording in self.found.values()} - {""}

    @property
    def doubts(self) -> set[str]:
        """What the files that are used give reason to doubt."""
        return {recording.doubt for lead, recording in self.found.items() if lead not in self.faults} - {""}

    def missing_words(self, present: NDArray[np.bool_]) -> list[str]:
        """Why leads (12,) that are not present are not, one phrase for each reason."""
        reasons = [None if here else self.faults.get(lead, "") for lead, here in zip(LEADS, present, strict=True)]
        phrases = {"": "missing lead {}", NOT_FINITE: f"{NOT_FINITE} in lead {{}}"}
        return [
            phrases.get(reason, "unusable file of lead {}").format(names_of([one == reason for one in reasons]))
            for reason in dict.fromkeys(one for one in reasons if one is not None)
        ]


def read_files(options: ReadOptions, source: Source, files: PersonFiles) -> tuple[Floats, float]:
    """(12, S) µV as recorded, NaN in leads that are missing, and samples per second; `files` gets what was found on the way.

    Raises InputError with a short reason where no lead is left, or where the files disagree and no majority of them agrees.
    """
    _read_all(source, files)
    _agree(source, files)
    leads: dict[str, Floats] = {}
    for key, recording in files.found.items():
        if key in files.faults:
            continue
        try:
            leads |= _leads(options, source, key, recording)
        except InputError as error:
            _fault(source, files, key, error)
    for lead in [lead for lead, values in leads.items() if not np.isfinite(values).all()]:
        files.faults[lead] = NOT_FINITE
    good = {lead: values for lead, values in leads.items() if lead not in files.faults}
    first = next(iter(source.paths.values()))
    if not good:
        raise unusable("; ".join(files.missing_words(np.zeros(len(LEADS), dtype=np.bool_))), first)
    rate_hz = next(recording.rate_hz for key, recording in files.found.items() if key == ALL_LEADS or key in good)
    return twelve_leads(good, derive=options.derive_leads), rate_hz


def _read_all(source: Source, files: PersonFiles) -> None:
    for key, path in source.paths.items():
        try:
            files.found[key] = formats.read(path)
        except InputError as error:
            _fault(source, files, key, error)


def _fault(source: Source, files: PersonFiles, key: str, error: InputError) -> None:
    """A one-lead file's fault is its lead's; raised again where no other file is left."""
    files.faults[key] = error.problem
    if key == ALL_LEADS or all(lead in files.faults for lead in source.paths):
        raise error


def _agree(source: Source, files: PersonFiles) -> None:
    """One-lead files of another rate or length than most of the person's files are faults."""
    if ALL_LEADS in files.found:
        return
    for what in ("rate", "length"):
        usable = {key: recording for key, recording in files.found.items() if key not in files.faults}
        values: dict[str, Any] = {key: _measure(recording, what) for key, recording in usable.items()}
        usual = _majority(values.values())
        for key in [key for key, value in values.items() if value != usual]:
            problem = f"the person's one-lead files disagree about the {what}"
            error = unusable(problem, source.paths[key])
            if usual is None:
                raise error
            _fault(source, files, key, error)


def _measure(recording: Recording, what: str) -> Any:
    return recording.rate_hz if what == "rate" else tuple(sorted({len(values) for values in recording.leads.values()}))


def _majority(values: Iterable[One]) -> One | None:
    """What more than half of the values are; None if nothing is."""
    counts = Counter(values)
    value, count = counts.most_common(1)[0]
    return value if 2 * count > counts.total() else None


def _leads(options: ReadOptions, source: Source, key: str, recording: Recording) -> Mapping[str, Floats]:
    """The leads that a file gives, as long as the study wants them. Raises InputError for what is wrong with the file."""
    path = source.paths[key]
    if not 0 < recording.rate_hz <= FASTEST_HZ:
        raise unusable(f"a rate of {recording.rate_hz:g} Hz", path)
    if key != ALL_LEADS and key not in recording.leads:
        raise unusable(f"file named for lead {key} holds {', '.join(recording.leads)}", path)
    wanted = LEADS if key == ALL_LEADS else (key,)
    chosen = {lead: _used(options, recording.leads[lead], recording.rate_hz) for lead in wanted if lead in recording.leads}
    flaw = flaw_of_file(options, chosen, recording.rate_hz)
    if flaw is not None:
        raise unusable(flaw, path)
    return chosen


def _used(options: ReadOptions, values: Floats, rate_hz: float) -> Floats:
    """The first seconds of a lead, as many as the study wants, or all of it where longer ones are to be left out."""
    return values[: round(options.seconds * rate_hz)] if options.longer == "cut" else values
