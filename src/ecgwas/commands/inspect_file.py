"""The command `inspect`: contents of one recording's file as text and as a drawing on ECG paper; nothing about the person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ecg
from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.ecg import formats
from ecgwas.ecg.recording import Recording, read_content
from ecgwas.errors import InputError
from ecgwas.leads import ALL_LEADS, DERIVED_LEADS, LEADS, derived_lead
from ecgwas.progress import silent
from ecgwas.report.figures import ecg_paper, publication
from ecgwas.represent.intervals import measure
from ecgwas.signals import Signals
from ecgwas.study import ReadOptions
from ecgwas.tables.recordings import DeviceMeasurements, LeadQuality

IMAGE_SUFFIXES = tuple(f".{kind}" for kind in publication.FORMATS)


@dataclass(frozen=True)
class Inspection:
    """What `ecgwas inspect` prints and draws.

    leads   the file's leads and those derived from I and II: name -> (S,) µV at the file's rate_hz
    title   title of the drawing
    """

    lines: tuple[str, ...]
    leads: Mapping[str, NDArray[np.float64]]
    rate_hz: float
    title: str


def inspect(path: Path) -> Inspection:
    """Reads a file of any known format and measures it as a study with default options would.

    Raises InputError with a short reason if it holds no recording.
    """
    content = read_content(path)
    known = formats.recognise(content, path)
    recording = formats.parse_as(known, content, path)
    leads = _all_leads(recording)
    batch = ecg.read_recordings(ReadOptions(recordings=path.parent), [ecg.Source("-", "", {ALL_LEADS: path})], track=silent)
    status, reason, rhythm, why = batch.recordings.frame.select("status", "reason", "rhythm", "rhythm_reason").row(0)
    usable = f"yes, {_default_processing(recording)}" if status == "kept" else f"no: {reason}"
    lines = [
        f"file      {path.name}", f"format    {known.NAME}", *_facts(recording, leads),
        f"usable    {usable}", *(f"holds     {note}" for note in recording.notes),
        *([f"warning   {recording.warning}"] if recording.warning else []),
        *(f"warning   {words}" for words in str(reason or "").split("; ") if status == "kept" and words.startswith("lead ")),
        *_noisy_leads(batch.lead_quality), *([f"rhythm    {rhythm}: {why}"] if rhythm else []),
        *_measured(recording, batch.signals),
    ]  # fmt: skip
    title = f"{known.NAME}, {recording.rate_hz:g} Hz, {recording.seconds:g} s"
    return Inspection(tuple(lines), leads, recording.rate_hz, title)


def draw(inspection: Inspection, path: Path) -> None:
    """Draws the recording to `path` (.svg, .pdf, .png). Raises InputError for another suffix or if writing fails."""
    if path.suffix not in IMAGE_SUFFIXES:
        fix = f"use a file name that ends in {', '.join(IMAGE_SUFFIXES)}"
        raise InputError(f"'{path.suffix}' is not a known image format", where=path, fix=fix)
    caption = f"Leads {', '.join(inspection.leads)}."
    try:
        publication.save(ecg_paper.on_paper(inspection.leads, inspection.rate_hz, inspection.title, caption), path)
    except OSError as error:
        raise InputError(f"the drawing cannot be written: {error.strerror}", where=path, fix="choose another folder") from None


def _all_leads(recording: Recording) -> dict[str, NDArray[np.float64]]:
    """Standard leads in their usual order, including derived ones, then the file's other leads."""
    given = recording.leads
    both = "I" in given and "II" in given and len(given["I"]) == len(given["II"])
    leads = dict(given)
    for lead in DERIVED_LEADS if both else ():
        if lead not in leads:
            leads[lead] = derived_lead(lead, given["I"], given["II"])
    return {lead: leads[lead] for lead in (*LEADS, *given) if lead in leads}


def _facts(recording: Recording, leads: Mapping[str, NDArray[np.float64]]) -> list[str]:
    derived_names = [lead for lead in leads if lead not in recording.leads]
    lowest, highest = (
        edge([edge(values, initial=0) for values in recording.leads.values()]) for edge in (np.nanmin, np.nanmax)
    )
    missing_samples = sum(int((~np.isfinite(values)).sum()) for values in recording.leads.values())
    samples = max(len(values) for values in recording.leads.values())
    return [
        f"leads     {', '.join(recording.leads)}",
        f"derived   {', '.join(derived_names)} from I and II" if derived_names else "derived   none",
        f"rate      {recording.rate_hz:g} Hz", f"length    {recording.seconds:g} s, {samples} samples a lead",
        f"voltage   {lowest:.0f} to {highest:.0f} uV" + (f", {missing_samples} samples missing" if missing_samples else ""),
    ]  # fmt: skip


def _noisy_leads(quality: LeadQuality) -> list[str]:
    """A line per lead with noise or artefacts; one line if all leads are good; none if no beats were found."""
    doubtful = quality.frame.filter(pl.col("status") != "good")
    if doubtful.height == 0:
        return ["noise     all leads good"] if len(quality) else []
    return [_noisy_lead(row) for row in doubtful.iter_rows(named=True)]


def _noisy_lead(row: Mapping[str, Any]) -> str:
    if row["status"] == "missing":
        return f"missing   {row['lead']}: {row['reason']}"
    noise = "" if row["noise_uv"] is None else f", {row['noise_uv']:.0f} uV between beats"
    why = f"; {row['reason']}" if row["reason"] not in ("noise", "artefacts") else ""
    return f"noise     {row['lead']} {row['status']}: {row['artefacts']} artefacts{noise}{why}"


def _default_processing(recording: Recording) -> str:
    """How a study with default options processes a usable recording."""
    options = ReadOptions(recordings=Path())
    rate = "rate kept" if recording.rate_hz == options.rate_hz else f"resampled to {options.rate_hz:g} Hz"
    longer = recording.seconds > options.seconds
    return f"{rate}, {f'first {options.seconds:g} s used' if longer else 'whole length used'}"


def _measured(recording: Recording, signals: Signals | None) -> list[str]:
    """A table of the ECG device's measurements and ecgwas's."""
    measurements = {} if signals is None else measure(with_fiducials(signals), 0)[ALL_LEADS]
    if "heart_rate_bpm" in measurements:
        measurements = {"rr_ms": 60_000.0 / measurements["heart_rate_bpm"], **measurements}
    lines = [f"{'measurement':<20}{'device':>10}{'ecgwas':>10}{'difference':>12}"]
    for name in DeviceMeasurements.columns:
        of_device, of_ecgwas = recording.device.get(name, np.nan), measurements.get(name, np.nan)
        if np.isnan(of_device) and np.isnan(of_ecgwas):
            continue
        cells = (_number(of_device), _number(of_ecgwas), _number(_difference(name, of_ecgwas, of_device)))
        lines.append(f"{name:<20}{cells[0]:>10}{cells[1]:>10}{cells[2]:>12}")
    return lines if len(lines) > 1 else ["measured  nothing, by the ECG device or by ecgwas"]


def _difference(name: str, of_ecgwas: float, of_device: float) -> float:
    """Ours minus the device's; for angles, the shorter way round the circle."""
    return (of_ecgwas - of_device + 180.0) % 360.0 - 180.0 if name.endswith("_deg") else of_ecgwas - of_device


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{round(value)}"
