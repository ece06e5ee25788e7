"""What one recording's file holds, in lines and on ECG paper; nothing about the person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas import ecg
from ecgwas.ecg import formats
from ecgwas.ecg.recording import Recording, content_of
from ecgwas.errors import InputError
from ecgwas.leads import ALL_LEADS, DERIVED_LEADS, LEADS, derived_lead
from ecgwas.progress import silent
from ecgwas.report.figures import ecg_paper, publication
from ecgwas.represent.intervals import measure
from ecgwas.signals import Signals
from ecgwas.study import ReadOptions
from ecgwas.tables.recordings import DeviceMeasurements, LeadQuality

PICTURES = tuple(f".{kind}" for kind in publication.FORMATS)


@dataclass(frozen=True)
class Inspection:
    """What `ecgwas inspect` prints, and what it draws.

    leads   as in the file, and those that follow from I and II: name -> (S,) µV at the file's rate_hz
    title   of the picture
    """

    lines: tuple[str, ...]
    leads: Mapping[str, NDArray[np.float64]]
    rate_hz: float
    title: str


def inspect(path: Path) -> Inspection:
    """Reads a file of any known format and measures it as a study with the default options would.

    Raises InputError with a short reason if it holds no recording.
    """
    content = content_of(path)
    known = formats.recognised(content, path)
    recording = formats.parsed(known, content, path)
    leads = _all_leads(recording)
    batch = ecg.read(ReadOptions(recordings=path.parent), [ecg.Source("-", "", {ALL_LEADS: path})], track=silent)
    status, reason = batch.recordings.frame.select("status", "reason").row(0)
    usable = f"yes, {_fate(recording)}" if status == "kept" else f"no: {reason}"
    lines = [
        f"file      {path.name}", f"format    {known.SPELLED}", *_facts(recording, leads),
        f"usable    {usable}", *(f"holds     {note}" for note in recording.notes),
        *([f"doubt     {recording.doubt}"] if recording.doubt else []),
        *(f"doubt     {words}" for words in str(reason or "").split("; ") if status == "kept" and words.startswith("lead ")),
        *_noisy_leads(batch.lead_quality),
        *_measured(recording, batch.signals),
    ]  # fmt: skip
    title = f"{known.SPELLED}, {recording.rate_hz:g} Hz, {recording.seconds:g} s"
    return Inspection(tuple(lines), leads, recording.rate_hz, title)


def draw(found: Inspection, path: Path) -> None:
    """Writes the picture to `path` (.svg, .pdf, .png); raises InputError for another ending, or where it cannot be written."""
    if path.suffix not in PICTURES:
        raise InputError(
            f"no picture ends in '{path.suffix}'", where=path, fix=f"name a file that ends in {', '.join(PICTURES)}"
        )
    caption = f"Leads {', '.join(found.leads)}."
    try:
        publication.save(ecg_paper.on_paper(found.leads, found.rate_hz, found.title, caption), path)
    except OSError as error:
        raise InputError(f"the picture cannot be written: {error.strerror}", where=path, fix="choose another place") from None


def _all_leads(recording: Recording) -> dict[str, NDArray[np.float64]]:
    """Standard leads in their order, derived ones among them, then others that the file has."""
    given = recording.leads
    both = "I" in given and "II" in given and len(given["I"]) == len(given["II"])
    leads = dict(given)
    for lead in DERIVED_LEADS if both else ():
        if lead not in leads:
            leads[lead] = derived_lead(lead, given["I"], given["II"])
    return {lead: leads[lead] for lead in (*LEADS, *given) if lead in leads}


def _facts(recording: Recording, leads: Mapping[str, NDArray[np.float64]]) -> list[str]:
    made = [lead for lead in leads if lead not in recording.leads]
    lowest, highest = (
        edge([edge(values, initial=0) for values in recording.leads.values()]) for edge in (np.nanmin, np.nanmax)
    )
    gaps = sum(int((~np.isfinite(values)).sum()) for values in recording.leads.values())
    samples = max(len(values) for values in recording.leads.values())
    return [
        f"leads     {', '.join(recording.leads)}", f"derived   {', '.join(made)} from I and II" if made else "derived   none",
        f"rate      {recording.rate_hz:g} Hz", f"length    {recording.seconds:g} s, {samples} samples a lead",
        f"voltage   {lowest:.0f} to {highest:.0f} uV" + (f", {gaps} samples missing" if gaps else ""),
    ]  # fmt: skip


def _noisy_leads(quality: LeadQuality) -> list[str]:
    """A line for each lead with noise or artefacts; one line where all leads are good; none where no beats were found."""
    doubtful = quality.frame.filter(pl.col("status") != "good")
    if doubtful.height == 0:
        return ["noise     all leads good"] if len(quality) else []
    return [_noisy_lead(row) for row in doubtful.iter_rows(named=True)]


def _noisy_lead(row: Mapping[str, Any]) -> str:
    if row["status"] == "missing":
        return f"missing   {row['lead']}: {row['reason']}"
    noise = "" if row["noise_uv"] is None else f", {row['noise_uv']:.0f} uV from beat to beat"
    why = f"; {row['reason']}" if row["reason"] not in ("noise", "artefacts") else ""
    return f"noise     {row['lead']} {row['status']}: {row['artefacts']} artefacts{noise}{why}"


def _fate(recording: Recording) -> str:
    """What a study with the default options does with a usable recording."""
    options = ReadOptions(recordings=Path())
    rate = "rate kept" if recording.rate_hz == options.rate_hz else f"resampled to {options.rate_hz:g} Hz"
    longer = recording.seconds > options.seconds
    return f"{rate}, {f'first {options.seconds:g} s used' if longer else 'whole length used'}"


def _measured(recording: Recording, signals: Signals | None) -> list[str]:
    """What the recorder and ecgwas measured, side by side."""
    ours = {} if signals is None else measure(signals, 0)[ALL_LEADS]
    if "heart_rate_bpm" in ours:
        ours = {"rr_ms": 60_000.0 / ours["heart_rate_bpm"], **ours}
    lines = [f"{'measured':<20}{'recorder':>10}{'ecgwas':>10}{'difference':>12}"]
    for name in DeviceMeasurements.columns:
        theirs, own = recording.device.get(name, np.nan), ours.get(name, np.nan)
        if np.isnan(theirs) and np.isnan(own):
            continue
        cells = (_number(theirs), _number(own), _number(_difference(name, own, theirs)))
        lines.append(f"{name:<20}{cells[0]:>10}{cells[1]:>10}{cells[2]:>12}")
    return lines if len(lines) > 1 else ["measured  nothing, by the recorder or by ecgwas"]


def _difference(name: str, own: float, theirs: float) -> float:
    """Own less recorder's; of angles the shorter way round."""
    return (own - theirs + 180.0) % 360.0 - 180.0 if name.endswith("_deg") else own - theirs


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{round(value)}"
