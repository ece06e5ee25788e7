"""From the files of some people to their cleaned signals; no bad file stops the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg import mislabelled_leads
from ecgwas.ecg.beats import Beats, Search, no_beats, search, window_samples
from ecgwas.ecg.clean import clean
from ecgwas.ecg.device_measurements import NAMES
from ecgwas.ecg.discovery import Source
from ecgwas.ecg.lead_status import LeadStatus
from ecgwas.ecg.participant_files import PersonFiles, read_files
from ecgwas.ecg.quality import NOT_FINITE, flaw_of_leads, too_few_leads
from ecgwas.ecg.recording import Recording, unusable
from ecgwas.ecg.recording_files import shown
from ecgwas.ecg.resampling import resampled
from ecgwas.errors import InputError
from ecgwas.leads import LEADS
from ecgwas.progress import Track
from ecgwas.signals import LEAD_STATUS, MISSING, UNUSABLE, Rows, Signals
from ecgwas.study import ReadOptions
from ecgwas.tables import Recordings
from ecgwas.tables.recordings import DeviceMeasurements, LeadQuality

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """What was read of some people.

    signals      cleaned, in the order of the sources; None if nobody's recording is usable
    recordings   one row a file; `row` counts the kept people of this batch from 0 and is null for others
    raw_example  (12, S) float32 µV, of the kept recordings the one of `example_of` before cleaning; None as `signals`
    device       what the recorders measured, one row a kept person in the order of `signals`
    lead_quality twelve rows for each kept person
    """

    signals: Signals | None
    recordings: Recordings
    raw_example: NDArray[np.float32] | None
    device: DeviceMeasurements
    lead_quality: LeadQuality


@dataclass(frozen=True)
class _Person:
    """One person's recording: raw (12, S) float64 µV, strip (12, S) float32 µV; there (12,), leads that it has; mistakes, leads
    that are not what they are called, in words."""

    raw: Floats
    strip: NDArray[np.float32]
    beats: Beats
    leads: LeadStatus
    files: PersonFiles
    there: NDArray[np.bool_]
    mistakes: str

    @property
    def noise_uv(self) -> float | None:
        """Median over the leads whose beats were found; None without any."""
        known = self.beats.noise[np.isfinite(self.beats.noise)]
        return float(np.median(known)) if len(known) else None

    @property
    def doubts(self) -> str:
        """What there is to say of a recording that is kept."""
        beats = set() if self.beats.normal.any() else {"no normal beats"}
        return "; ".join(
            sorted({*self.files.doubts, self.leads.doubt, self.mistakes, *self.files.missing_words(self.there), *beats} - {""})
        )


def read(options: ReadOptions, sources: Sequence[Source], *, track: Track[Source]) -> Batch:
    """Reads, checks and cleans each source and finds its beats.

    Whatever is wrong with a recording ends in its row of `recordings` with a short reason. A source depends on its own files
    and the options alone: batches of any cut give the same arrays.
    """
    arrays = _Arrays(options, len(sources))
    rows: list[dict[str, Any]] = []
    raw_example, complete = None, False
    device: list[dict[str, Any]] = []
    quality: list[dict[str, Any]] = []
    for source in track(sources, "recordings", len(sources)):
        files = PersonFiles.empty()
        try:
            person = _read_one(options, source, files)
        except InputError as error:
            reason = "; ".join([error.problem, *sorted(files.all_doubts)])
            rows += _rows(options, source, files, {"status": "left_out", "reason": reason})
            continue
        if raw_example is None or (not complete and person.there.all()):
            raw_example, complete = person.raw.astype(np.float32), bool(person.there.all())
        beats = int(person.beats.normal.sum())
        kept = {"status": "kept", "reason": person.doubts, "row": arrays.kept, "beats": beats, "noise_uv": person.noise_uv}
        rows += _rows(options, source, files, kept)
        arrays.add(source.eid, person)
        measured = _device(files.found)
        device.append({"eid": source.eid} | {name: measured.get(name) for name in NAMES})
        quality += _quality(source, person)
    device_table, quality_table = DeviceMeasurements.of(device), LeadQuality.of(quality)
    return Batch(arrays.signals(), Recordings.of(rows), raw_example, device_table, quality_table)


def _quality(source: Source, person: _Person) -> list[dict[str, Any]]:
    leads, noise = person.leads, person.beats.noise
    return [
        {
            "eid": source.eid, "instance": source.visits.get(lead, source.instance) or None, "lead": lead,
            "status": LEAD_STATUS[leads.status[k]], "reason": _why(person, lead),
            "artefacts": int(leads.artefacts[k]), "noise_uv": _known(noise[k]),
            "unexplained_uv": _known(leads.unexplained_uv[k]),
        }
        for k, lead in enumerate(LEADS)
    ]  # fmt: skip


def _why(person: _Person, lead: str) -> str:
    """Why a lead is not good: the fault of its file, or what its signal shows."""
    reason = person.leads.reason(lead)
    is_missing = person.leads.status[LEADS.index(lead)] == MISSING
    return person.files.faults.get(lead, reason) if is_missing else reason


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _rows(options: ReadOptions, source: Source, files: PersonFiles, fate: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each file: the recording's fate, or what is wrong with a one-lead file."""
    unknown: dict[str, Any] = {"row": None, "beats": None, "noise_uv": None}
    rows = []
    for key, path in source.paths.items():
        read = files.found.get(key)
        about: dict[str, Any] = {"eid": source.eid, "lead": key, "instance": source.visits.get(key, source.instance) or None}
        about |= {"path": shown(path, options.recordings)}
        about |= {"rate_hz": read.rate_hz if read else None, "seconds": read.seconds if read else None}
        own = files.faults.get(key)
        doubt = f"; {read.doubt}" if read and read.doubt else ""
        words = f"{f'{own} in lead {key}' if own == NOT_FINITE else own}{doubt}"
        rows.append(about | unknown | (fate if own is None else {"status": "left_out", "reason": words}))
    return rows


def _read_one(options: ReadOptions, source: Source, files: PersonFiles) -> _Person:
    """One person's recording; raises InputError with a short reason. `files` gets what was found on the way."""
    first = next(iter(source.paths.values()))
    as_recorded, rate_hz = read_files(options, source, files)
    _refuse_too_few(options, as_recorded, files, first)
    # Flat and saturated stretches are stretches of one value, which resampling would make waver.
    flaw = flaw_of_leads(options.quality, as_recorded, rate_hz)
    if flaw is not None:
        raise unusable(flaw, first)
    raw = _of_those_there(as_recorded, lambda leads: resampled(leads, rate_hz, options.rate_hz))
    strip = _of_those_there(raw, lambda leads: clean(options, leads))
    for lead in np.flatnonzero(np.isfinite(raw).all(axis=1) & ~np.isfinite(strip).all(axis=1)):
        files.faults[LEADS[lead]] = NOT_FINITE
        strip[lead] = np.nan
    there = _refuse_too_few(options, strip, files, first)
    searched, leads = _searched(options, source, strip)
    if searched.beats is None and options.beats.min_beats is not None:
        doubts = "".join(f"; {words}" for words in (leads.doubt, *files.missing_words(there)) if words)
        raise unusable(f"fewer than {options.beats.min_beats} normal beats{doubts}", first)
    beats = leads.completed(no_beats(options.beats, options.rate_hz) if searched.beats is None else searched.beats)
    leads = leads.with_leads(there) if options.quality.lead_noise else leads.with_leads(there).without_noise()
    before, _ = window_samples(options.beats, options.rate_hz)
    seen = leads.status < UNUSABLE if beats.normal.any() else np.zeros(len(LEADS), dtype=np.bool_)
    mistakes = (
        mislabelled_leads.same(as_recorded),
        mislabelled_leads.arms_swapped(beats.median, before, options.rate_hz, seen),
    )
    person = _Person(raw, strip, beats, leads, files, there, "; ".join(one for one in mistakes if one))
    limit = options.quality.max_noise_uv
    if limit is not None and person.noise_uv is not None and person.noise_uv > limit:
        raise unusable(f"noise above {limit:g} uV", first)
    return person


def _searched(options: ReadOptions, source: Source, strip: NDArray[np.float32]) -> tuple[Search, LeadStatus]:
    """Beats and noise of the leads of the person's own visit: others have no heartbeat in common with them."""
    joint = strip
    if source.visits:
        joint = strip.copy()
        joint[[LEADS.index(lead) for lead in source.visits]] = np.nan
    searched = search(options.beats, joint, options.rate_hz)
    return searched, LeadStatus.of(searched.noise, joint)


def _refuse_too_few(
    options: ReadOptions, leads: Floats | NDArray[np.float32], files: PersonFiles, first: Path
) -> NDArray[np.bool_]:
    """(12,) which of the leads (12, S) are there. Raises InputError where they are fewer than `quality.min_leads`."""
    there = np.asarray(np.isfinite(leads).all(axis=1))
    problem = too_few_leads(options.quality, there)
    if problem is not None:
        raise unusable(": ".join([problem, "; ".join(files.missing_words(there))]), first)
    return there


def _of_those_there(leads: Floats, work: Callable[[Floats], NDArray[Any]]) -> NDArray[Any]:
    """`work` of the leads (12, S) that are there; the others stay NaN."""
    there = np.isfinite(leads).all(axis=1)
    if there.all():
        return work(leads)
    done = work(leads[there])
    whole = np.full((len(leads), done.shape[1]), np.nan, dtype=done.dtype)
    whole[there] = done
    return whole


def _device(found: Mapping[str, Recording]) -> Mapping[str, float]:
    """What the recorder measured; each measurement from the first of a person's files that tells it."""
    told: dict[str, float] = {}
    for recording in reversed(list(found.values())):
        told |= recording.device
    return told


class _Arrays:
    """Arrays of a batch, filled row by row: stacking a list at the end would take the memory twice."""

    def __init__(self, options: ReadOptions, people: int) -> None:
        self._before, after = window_samples(options.beats, options.rate_hz)
        self._rate_hz = options.rate_hz
        samples = round(options.seconds * options.rate_hz)
        beat = (people, len(LEADS), self._before + after)
        self._strips = np.empty((people, len(LEADS), samples), dtype=np.float32)
        self._median, self._odd, self._even = (np.empty(beat, dtype=np.float32) for _ in range(3))
        self._noise_uv = np.empty((people, len(LEADS)), dtype=np.float32)
        self._lead_status = np.empty((people, len(LEADS)), dtype=np.int8)
        self._r_samples: list[NDArray[np.int64]] = []
        self._normal: list[NDArray[np.bool_]] = []
        self._eids: list[str] = []

    @property
    def kept(self) -> int:
        return len(self._eids)

    def add(self, eid: str, person: _Person) -> None:
        row = self.kept
        self._strips[row] = person.strip
        self._median[row], self._odd[row], self._even[row] = person.beats.median, person.beats.odd, person.beats.even
        self._noise_uv[row] = person.beats.noise
        self._lead_status[row] = person.leads.status
        # Not the beats as a whole: their traces, held twice, would take as much memory as half of the strips.
        self._r_samples.append(person.beats.r_samples)
        self._normal.append(person.beats.normal)
        self._eids.append(eid)

    def signals(self) -> Signals | None:
        """What was added, in that order; None if nothing was."""
        if not self._eids:
            return None
        most = max(len(peaks) for peaks in self._r_samples)
        r_samples = np.full((self.kept, most), -1, dtype=np.int32)
        normal = np.zeros((self.kept, most), dtype=bool)
        for row, (peaks, whether) in enumerate(zip(self._r_samples, self._normal, strict=True)):
            r_samples[row, : len(peaks)] = peaks
            normal[row, : len(whether)] = whether
        strips, median, odd, even = (
            Rows([array[: self.kept]]) for array in (self._strips, self._median, self._odd, self._even)
        )
        return Signals(
            tuple(self._eids), self._rate_hz, self._before, strips, median, odd, even,
            self._noise_uv[: self.kept], r_samples, normal, self._lead_status[: self.kept],
        )  # fmt: skip
