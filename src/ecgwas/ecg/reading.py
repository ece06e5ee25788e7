"""From participants' files to their cleaned signals; no bad file stops the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg import mislabelled_leads
from ecgwas.ecg.beats import Beats, BeatSearch, find_beats, no_beats, window_samples
from ecgwas.ecg.clean import clean
from ecgwas.ecg.device_measurements import MEASUREMENT_NAMES
from ecgwas.ecg.discovery import Source
from ecgwas.ecg.lead_status import LeadStatus
from ecgwas.ecg.participant_files import ParticipantFiles, read_files
from ecgwas.ecg.premature import without_premature
from ecgwas.ecg.quality import NOT_FINITE, signal_flaw, too_few_leads
from ecgwas.ecg.recording import Recording, unusable
from ecgwas.ecg.recording_files import displayed_path
from ecgwas.ecg.resampling import resampled
from ecgwas.ecg.rhythms import NO_RHYTHM, Finding, rhythm_of
from ecgwas.errors import InputError
from ecgwas.leads import LEADS
from ecgwas.progress import Track
from ecgwas.signals import ARTEFACTS, LEAD_STATUS, MISSING, UNUSABLE, Signals, StackedArrays
from ecgwas.study import RHYTHMS, ReadOptions
from ecgwas.tables import Recordings
from ecgwas.tables.recordings import DeviceMeasurements, LeadQuality

Floats = NDArray[np.float64]
T = TypeVar("T", bound=NDArray[Any])


@dataclass(frozen=True)
class Batch:
    """What was read for some participants.

    signals       cleaned, in the order of the sources; None if no recording is usable
    recordings    one row per file; `row` numbers this batch's kept participants from 0 and is null for others
    raw_example   (12, S) float32 µV, the kept recording of `signals.example_index`, before cleaning; None if `signals` is
    device        what the ECG devices measured, one row per kept participant in the order of `signals`
    lead_quality  twelve rows per kept participant
    """

    signals: Signals | None
    recordings: Recordings
    raw_example: NDArray[np.float32] | None
    device: DeviceMeasurements
    lead_quality: LeadQuality


@dataclass(frozen=True)
class _Participant:
    """One participant's recording.

    raw       (12, S) float64 µV before cleaning;  strip (12, S) float32 µV after it
    present   (12,) bool, leads that the recording has
    mislabelled   leads that are probably not what they are called, in words; empty if there is none
    rhythm    its rhythm, judged from the leads of one visit
    """

    raw: Floats
    strip: NDArray[np.float32]
    beats: Beats
    leads: LeadStatus
    files: ParticipantFiles
    present: NDArray[np.bool_]
    mislabelled: str
    rhythm: Finding

    @property
    def noise_uv(self) -> float | None:
        """Median over the leads with beats; None if there is none."""
        known = self.beats.noise[np.isfinite(self.beats.noise)]
        return float(np.median(known)) if len(known) else None

    @property
    def quality(self) -> tuple[int, int, float]:
        """Larger is better: usable leads, leads without artefacts, and noise with the opposite sign."""
        usable, good = ((self.leads.status < limit).sum() for limit in (UNUSABLE, ARTEFACTS))
        return int(usable), int(good), -np.inf if self.noise_uv is None else -self.noise_uv

    @property
    def warnings(self) -> str:
        """Warnings about a kept recording; empty as a rule."""
        beats = set() if self.beats.normal.any() else {"no normal beats"}
        missing = self.files.missing_leads_text(self.present)
        return "; ".join(sorted({*self.files.warnings, self.leads.warning, self.mislabelled, *missing, *beats} - {""}))


def read_recordings(options: ReadOptions, sources: Sequence[Source], *, track: Track[Source]) -> Batch:
    """Reads, checks and cleans each source and finds its beats.

    Whatever is wrong with a recording is stated as a short reason in its row of `recordings`. The result for a source depends
    only on its own files and the options, so any division into batches gives the same arrays.
    """
    arrays = _BatchArrays(options, len(sources))
    rows: list[dict[str, Any]] = []
    raw_example, is_complete = None, False
    device: list[dict[str, Any]] = []
    quality: list[dict[str, Any]] = []
    for source in track(sources, "recordings", len(sources)):
        attempt = _best(options, source, rows)
        if attempt is None:
            continue
        chosen, files, participant = attempt
        if raw_example is None or (not is_complete and participant.present.all()):
            raw_example, is_complete = participant.raw.astype(np.float32), bool(participant.present.all())
        beats = {"beats": int(participant.beats.normal.sum()), "noise_uv": participant.noise_uv}
        kept = {"status": "kept", "reason": participant.warnings, "row": arrays.kept, **beats, **participant.rhythm.columns}
        rows += _file_rows(options, chosen, files, kept)
        arrays.add(source.eid, participant)
        measured = _measured_by_device(files.recordings)
        device.append({"eid": source.eid} | {name: measured.get(name) for name in MEASUREMENT_NAMES})
        quality += _quality_rows(chosen, participant)
    device_table, quality_table = DeviceMeasurements.of(device), LeadQuality.of(quality)
    return Batch(arrays.signals(), Recordings.of(rows), raw_example, device_table, quality_table)


_Attempt = tuple[Source, ParticipantFiles, _Participant]


def _best(options: ReadOptions, source: Source, rows: list[dict[str, Any]]) -> _Attempt | None:
    """The best of a participant's recordings, usually the only one; None if none is usable. Adds rows for the others.

    Best is the one with most usable leads, then most good leads, then least noise; of equal ones the first.
    """
    best: _Attempt | None = None
    for candidate in source.candidates:
        files = ParticipantFiles.empty()
        try:
            participant = _read_one(options, candidate, files)
        except InputError as error:
            reason = "; ".join([error.problem, *sorted(files.all_warnings)])
            rows += _file_rows(options, candidate, files, {"status": "left_out", "reason": reason})
            continue
        attempt = (candidate, files, participant)
        excluded = participant.rhythm.first_of(options.rhythms.exclude)
        if excluded is not None:
            rows += _rows_of_attempt(options, attempt, "left_out", f"{RHYTHMS[excluded]} (read.rhythms.exclude)")
            continue
        if best is None:
            best = attempt
            continue
        worse, best = (best, attempt) if participant.quality > best[2].quality else (attempt, best)
        rows += _rows_of_attempt(
            options, worse, "duplicate", "another recording of the person is better (read.choose: best_quality)"
        )
    return best


def _rows_of_attempt(options: ReadOptions, attempt: _Attempt, status: str, reason: str) -> list[dict[str, Any]]:
    """Rows of a recording that could be used, but is not."""
    source, files, participant = attempt
    return _file_rows(options, source, files, {"status": status, "reason": reason, **participant.rhythm.columns})


def _quality_rows(source: Source, participant: _Participant) -> list[dict[str, Any]]:
    leads, noise = participant.leads, participant.beats.noise
    return [
        {
            "eid": source.eid, "instance": source.visits.get(lead, source.instance) or None, "lead": lead,
            "status": LEAD_STATUS[leads.status[k]], "reason": _lead_reason(participant, lead),
            "artefacts": int(leads.artefacts[k]), "noise_uv": _finite_or_none(noise[k]),
            "unexplained_uv": _finite_or_none(leads.unexplained_uv[k]),
        }
        for k, lead in enumerate(LEADS)
    ]  # fmt: skip


def _lead_reason(participant: _Participant, lead: str) -> str:
    """Why a lead is not good: the fault of its file, or what its signal shows."""
    reason = participant.leads.reason(lead)
    is_missing = participant.leads.status[LEADS.index(lead)] == MISSING
    return participant.files.faults.get(lead, reason) if is_missing else reason


def _finite_or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _file_rows(options: ReadOptions, source: Source, files: ParticipantFiles, outcome: dict[str, Any]) -> list[dict[str, Any]]:
    """A row per file: the recording's outcome, or what is wrong with a one-lead file."""
    unknown: dict[str, Any] = dict.fromkeys(("row", "beats", "noise_uv", *NO_RHYTHM.columns))
    rows = []
    for key, path in source.paths.items():
        recording = files.recordings.get(key)
        row: dict[str, Any] = {"eid": source.eid, "lead": key, "instance": source.visits.get(key, source.instance) or None}
        row |= {"path": displayed_path(path, options.recordings)}
        row |= {"rate_hz": recording.rate_hz if recording else None, "seconds": recording.seconds if recording else None}
        fault = files.faults.get(key)
        warning = f"; {recording.warning}" if recording and recording.warning else ""
        reason = f"{f'{fault} in lead {key}' if fault == NOT_FINITE else fault}{warning}"
        rows.append(row | unknown | (outcome if fault is None else {"status": "left_out", "reason": reason}))
    return rows


def _read_one(options: ReadOptions, source: Source, files: ParticipantFiles) -> _Participant:
    """One participant's recording; raises InputError with a short reason. Adds to `files` what was read on the way."""
    first = next(iter(source.paths.values()))
    as_recorded, rate_hz = read_files(options, source, files)
    _require_leads(options, as_recorded, files, first)
    # Flat and saturated stretches hold one value, which resampling would make waver, so they are looked for first.
    flaw = signal_flaw(options.quality, as_recorded, rate_hz)
    if flaw is not None:
        raise unusable(flaw, first)
    raw, strip = resampled_and_cleaned(options, as_recorded, rate_hz)
    for lead in np.flatnonzero(np.isfinite(raw).all(axis=1) & ~np.isfinite(strip).all(axis=1)):
        files.faults[LEADS[lead]] = NOT_FINITE
        strip[lead] = np.nan
    present = _require_leads(options, strip, files, first)
    search, leads = _find_beats_and_noise(options, source, strip)
    if search.beats is None and options.beats.min_beats is not None:
        warnings = "".join(f"; {text}" for text in (leads.warning, *files.missing_leads_text(present)) if text)
        raise unusable(f"fewer than {options.beats.min_beats} normal beats{warnings}", first)
    rhythm = rhythm_of(options, _of_one_visit(source, raw), _of_one_visit(source, strip), search)
    beats = no_beats(options.beats, options.rate_hz) if search.beats is None else search.beats
    beats = without_premature(options.beats, _of_one_visit(source, strip), beats, rhythm.premature, options.rate_hz)
    beats = leads.with_predicted_leads(beats)
    leads = (
        leads.with_present_leads(present) if options.quality.lead_noise else leads.with_present_leads(present).without_noise()
    )
    before, _ = window_samples(options.beats, options.rate_hz)
    usable = leads.status < UNUSABLE if beats.normal.any() else np.zeros(len(LEADS), dtype=np.bool_)
    swapped = mislabelled_leads.swapped_arms(beats.median, before, options.rate_hz, usable)
    mislabelled = "; ".join(text for text in (mislabelled_leads.duplicated_leads(as_recorded), swapped) if text)
    participant = _Participant(raw, strip, beats, leads, files, present, mislabelled, rhythm)
    limit = options.quality.max_noise_uv
    if limit is not None and participant.noise_uv is not None and participant.noise_uv > limit:
        raise unusable(f"noise above {limit:g} uV", first)
    return participant


def resampled_and_cleaned(options: ReadOptions, as_recorded: Floats, rate_hz: float) -> tuple[Floats, NDArray[np.float32]]:
    """(12, S) float64 µV at the study's rate, before and (float32) after cleaning; missing leads NaN throughout."""
    raw = _apply_to_present(as_recorded, lambda leads: resampled(leads, rate_hz, options.rate_hz))
    return raw, _apply_to_present(raw, lambda leads: clean(options, leads))


def _find_beats_and_noise(options: ReadOptions, source: Source, strip: NDArray[np.float32]) -> tuple[BeatSearch, LeadStatus]:
    """Beats and noise, from the leads of one visit only: leads of another visit have no heartbeat in common with them."""
    of_one_visit = _of_one_visit(source, strip)
    search = find_beats(options.beats, of_one_visit, options.rate_hz)
    return search, LeadStatus.of(search.noise, of_one_visit)


def _of_one_visit(source: Source, leads: T) -> T:
    """Leads (12, S), NaN in those that were taken from another visit."""
    if not source.visits:
        return leads
    chosen = leads.copy()
    chosen[[LEADS.index(lead) for lead in source.visits]] = np.nan
    return chosen


def _require_leads(
    options: ReadOptions, leads: Floats | NDArray[np.float32], files: ParticipantFiles, first: Path
) -> NDArray[np.bool_]:
    """(12,) which of the leads (12, S) are present. Raises InputError if there are fewer than `quality.min_leads`."""
    present = np.asarray(np.isfinite(leads).all(axis=1))
    problem = too_few_leads(options.quality, present)
    if problem is not None:
        raise unusable(": ".join([problem, "; ".join(files.missing_leads_text(present))]), first)
    return present


def _apply_to_present(leads: Floats, function: Callable[[Floats], NDArray[Any]]) -> NDArray[Any]:
    """`function` of those leads (12, S) that are present; the others stay NaN."""
    present = np.isfinite(leads).all(axis=1)
    if present.all():
        return function(leads)
    results = function(leads[present])
    out = np.full((len(leads), results.shape[1]), np.nan, dtype=results.dtype)
    out[present] = results
    return out


def _measured_by_device(recordings: Mapping[str, Recording]) -> Mapping[str, float]:
    """What the ECG device measured; each measurement from the first of the participant's files that has it."""
    measured: dict[str, float] = {}
    for recording in reversed(list(recordings.values())):
        measured |= recording.device
    return measured


class _BatchArrays:
    """Arrays of a batch, filled row by row: stacking a list at the end would need twice the memory."""

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

    def add(self, eid: str, participant: _Participant) -> None:
        row = self.kept
        self._strips[row] = participant.strip
        beats = participant.beats
        self._median[row], self._odd[row], self._even[row] = beats.median, beats.odd, beats.even
        self._noise_uv[row] = beats.noise
        self._lead_status[row] = participant.leads.status
        # Not the whole Beats: keeping their median beats twice would take as much memory as half of the strips.
        self._r_samples.append(beats.r_samples)
        self._normal.append(beats.normal)
        self._eids.append(eid)

    def signals(self) -> Signals | None:
        """Everything added, in that order; None if nothing was."""
        if not self._eids:
            return None
        max_beats = max(len(peaks) for peaks in self._r_samples)
        r_samples = np.full((self.kept, max_beats), -1, dtype=np.int32)
        normal = np.zeros((self.kept, max_beats), dtype=bool)
        for row, (peaks, is_normal) in enumerate(zip(self._r_samples, self._normal, strict=True)):
            r_samples[row, : len(peaks)] = peaks
            normal[row, : len(is_normal)] = is_normal
        strips, median, odd, even = (
            StackedArrays([array[: self.kept]]) for array in (self._strips, self._median, self._odd, self._even)
        )
        return Signals(
            tuple(self._eids), self._rate_hz, self._before, strips, median, odd, even,
            self._noise_uv[: self.kept], r_samples, normal, self._lead_status[: self.kept],
        )  # fmt: skip
