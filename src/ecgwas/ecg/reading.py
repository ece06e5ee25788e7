"""From the files of some people to their cleaned signals; no bad file stops the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg import formats
from ecgwas.ecg.beats import Beats, search, window_samples
from ecgwas.ecg.clean import clean
from ecgwas.ecg.device import NAMES
from ecgwas.ecg.finding import Source, shown
from ecgwas.ecg.lead_status import LeadStatus
from ecgwas.ecg.quality import flaw_of_file, flaw_of_leads
from ecgwas.ecg.recording import Recording, twelve_leads, unusable
from ecgwas.ecg.resampling import resampled
from ecgwas.errors import InputError
from ecgwas.progress import Track
from ecgwas.recording_tables import DeviceMeasurements, LeadQuality
from ecgwas.signals import ALL_LEADS, LEAD_STATUS, LEADS, Rows, Signals
from ecgwas.study import ReadOptions
from ecgwas.tables import Recordings

Floats = NDArray[np.float64]

FASTEST_HZ = 100_000.0
"""No recorder is faster; what a file says beyond it is a mistake."""


@dataclass(frozen=True)
class Batch:
    """What was read of some people.

    signals      cleaned, in the order of the sources; None if nobody's recording is usable
    recordings   one row a file; `row` counts the kept people of this batch from 0 and is null for others
    raw_example  (12, S) float32 µV, the first kept recording before cleaning; None as `signals`
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
    """One person's recording: raw (12, S) float64 µV, strip (12, S) float32 µV."""

    raw: Floats
    strip: NDArray[np.float32]
    beats: Beats
    leads: LeadStatus
    device: Mapping[str, float]

    @property
    def noise_uv(self) -> float:
        return float(np.median(self.beats.noise))


def read(options: ReadOptions, sources: Sequence[Source], *, track: Track[Source]) -> Batch:
    """Reads, checks and cleans each source and finds its beats.

    Whatever is wrong with a recording ends in its row of `recordings` with a short reason. A source depends on its own files
    and the options alone: batches of any cut give the same arrays.
    """
    arrays = _Arrays(options, len(sources))
    rows: list[dict[str, Any]] = []
    raw_example = None
    device: list[dict[str, Any]] = []
    quality: list[dict[str, Any]] = []
    for source in track(sources, "recordings", len(sources)):
        found: dict[str, Recording] = {}
        try:
            person = _read_one(options, source, found)
        except InputError as error:
            rows += _rows(options, source, found, {"status": "left_out", "reason": _with_doubts(error.problem, found)})
            continue
        if raw_example is None:
            raw_example = person.raw.astype(np.float32)
        beats = int(person.beats.normal.sum())
        doubts = "; ".join(sorted({*(recording.doubt for recording in found.values()), person.leads.doubt} - {""}))
        kept = {"status": "kept", "reason": doubts, "row": arrays.kept, "beats": beats, "noise_uv": person.noise_uv}
        rows += _rows(options, source, found, kept)
        arrays.add(source.eid, person)
        device.append({"eid": source.eid} | {name: person.device.get(name) for name in NAMES})
        quality += _quality(source, person)
    device_table, quality_table = DeviceMeasurements.of(device), LeadQuality.of(quality)
    return Batch(arrays.signals(), Recordings.of(rows), raw_example, device_table, quality_table)


def _quality(source: Source, person: _Person) -> list[dict[str, Any]]:
    leads = person.leads
    return [
        {
            "eid": source.eid, "instance": source.instance or None, "lead": lead, "status": LEAD_STATUS[leads.status[k]],
            "reason": leads.reason(lead), "artefacts": int(leads.artefacts[k]),
            "noise_uv": float(person.beats.noise[k]), "unexplained_uv": float(leads.unexplained_uv[k]),
        }
        for k, lead in enumerate(LEADS)
    ]  # fmt: skip


def _rows(options: ReadOptions, source: Source, found: Mapping[str, Recording], fate: dict[str, Any]) -> list[dict[str, Any]]:
    unknown: dict[str, Any] = {"row": None, "beats": None, "noise_uv": None}
    return [
        {"eid": source.eid, "lead": lead, "instance": source.instance or None, "path": shown(path, options.recordings)}
        | {"rate_hz": found[lead].rate_hz if lead in found else None, "seconds": found[lead].seconds if lead in found else None}
        | unknown
        | fate
        for lead, path in source.paths.items()
    ]


def _with_doubts(problem: str, found: Mapping[str, Recording]) -> str:
    """Why a recording is left out, and what its files give reason to doubt."""
    return "; ".join([problem, *sorted({recording.doubt for recording in found.values()} - {""})])


def _read_one(options: ReadOptions, source: Source, found: dict[str, Recording]) -> _Person:
    """One person's recording; raises InputError with a short reason. `found` gets each file that was read."""
    first = next(iter(source.paths.values()))
    for lead, path in source.paths.items():
        found[lead] = formats.read(path)
    as_recorded = twelve_leads(_leads(options, source, found), first)
    rate_hz = next(iter(found.values())).rate_hz
    # Flat and saturated stretches are stretches of one value, which resampling would make waver.
    flaw = flaw_of_leads(options.quality, as_recorded, rate_hz)
    if flaw is not None:
        raise unusable(flaw, first)
    raw = resampled(as_recorded, rate_hz, options.rate_hz)
    strip = clean(options, raw)
    searched = search(options.beats, strip, options.rate_hz)
    leads = LeadStatus.of(searched.noise, strip)
    if searched.beats is None:
        doubt = f"; {leads.doubt}" if leads.doubt else ""
        raise unusable(f"fewer than {options.beats.min_beats} normal beats{doubt}", first)
    person = _Person(raw, strip, leads.completed(searched.beats), leads, _device(found))
    limit = options.quality.max_noise_uv
    if limit is not None and person.noise_uv > limit:
        raise unusable(f"noise above {limit:g} uV", first)
    return person


def _device(found: Mapping[str, Recording]) -> Mapping[str, float]:
    """What the recorder measured; each measurement from the first of a person's files that tells it."""
    told: dict[str, float] = {}
    for recording in reversed(list(found.values())):
        told |= recording.device
    return told


def _leads(options: ReadOptions, source: Source, found: Mapping[str, Recording]) -> Mapping[str, Floats]:
    """All leads of a source, each file checked on its own; files that disagree are refused."""
    _agree(source, found)
    leads: dict[str, Floats] = {}
    for lead, recording in found.items():
        path = source.paths[lead]
        if not 0 < recording.rate_hz <= FASTEST_HZ:
            raise unusable(f"a rate of {recording.rate_hz:g} Hz", path)
        named = recording.leads if lead == ALL_LEADS else {lead: _named(recording, lead, path)}
        chosen = {name: _used(options, values, recording.rate_hz) for name, values in named.items() if name in LEADS}
        flaw = flaw_of_file(options, chosen, recording.rate_hz)
        if flaw is not None:
            raise unusable(flaw, path)
        leads |= chosen
    return leads


def _used(options: ReadOptions, values: Floats, rate_hz: float) -> Floats:
    """The first seconds of a lead, as many as the study wants, or all of it where longer ones are to be left out."""
    return values[: round(options.seconds * rate_hz)] if options.longer == "cut" else values


def _named(recording: Recording, lead: str, path: Path) -> Floats:
    if lead not in recording.leads:
        raise unusable(f"file named for lead {lead} holds {', '.join(recording.leads)}", path)
    return recording.leads[lead]


def _agree(source: Source, found: Mapping[str, Recording]) -> None:
    first = next(iter(source.paths.values()))
    if len({recording.rate_hz for recording in found.values()}) > 1:
        raise unusable("the person's one-lead files disagree about the rate", first)
    lengths = {len(values) for recording in found.values() for values in recording.leads.values()}
    if len(found) > 1 and len(lengths) > 1:
        raise unusable("the person's one-lead files disagree about the length", first)


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
