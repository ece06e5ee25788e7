"""Recordings with onsets and ends of waves marked by cardiologists: LUDB and the QT Database.

LUDB    Kalyakulina et al., IEEE Access 8:186181 (2020): 12 leads, 10 s, 500 Hz; each lead marked on its own
QTDB    Laguna et al., Computers in Cardiology 24:673 (1997): 2 leads, 15 min, 250 Hz; about 30 beats of a recording are marked,
        both leads together, by one annotator (q1c); in some recordings also by a second one (q2c)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.leads import LEADS
from tests.ecg.wfdb_files import Wave, read_signals, read_waves

Floats = NDArray[np.float64]
Marks = dict[str, Floats]
"""Name of a point -> (M,) ms from the start of the recording, ascending."""
ENDS = {"P_on": ("p", 0, 0), "P_off": ("p", 2, 2), "QRS_on": ("N", 0, 3), "QRS_off": ("N", 2, 4), "T_off": ("t", 2, 6)}
"""Name -> kind of wave in the annotation, column of the annotated points, column of the fiducials."""
LUDB_HZ, QTDB_HZ = 500.0, 250.0
APART_MS = {"p": 100.0, "N": 100.0, "t": 150.0}
LEAST_LEADS = 6
PIECE_MS, MARGIN_MS = 10_000.0, 1_500.0
"""Pieces of a long recording, and how far its first and last mark are from its ends."""
RUN_GAP = 1.6
"""Successive marked beats further apart than this many typical intervals have beats without marks between them."""


@dataclass(frozen=True)
class Marked:
    """A recording, or a piece of one, with its marks.

    strip     (L, S) µV as recorded; L is 12 in the order of LEADS, or 2;  rate_hz
    together  marks of the whole heart;  second: the same by the second annotator, without points if there is none
    by_lead   marks of each of the L leads; empty if leads were not marked on their own
    """

    name: str
    strip: Floats
    rate_hz: float
    together: Marks
    by_lead: tuple[Marks, ...]
    second: Marks


def ludb(folder: Path) -> Iterator[Marked]:
    """The people of LUDB, in the order of their numbers; folder: that of LUDB, or its folder data."""
    folder = folder / "data" if (folder / "data").is_dir() else folder
    for record in sorted(folder.glob("*.hea"), key=lambda path: int(path.stem)):
        waves = [read_waves(record.with_suffix(f".{lead.lower()}")) for lead in LEADS]
        tables = {kind: medians_over_leads(waves, kind) for kind in APART_MS}
        together = {name: _known(tables[kind][:, column]) for name, (kind, column, _) in ENDS.items()}
        by_lead = tuple(marks_of(of_lead, LUDB_HZ) for of_lead in waves)
        yield Marked(record.stem, read_signals(record), LUDB_HZ, together, by_lead, {})


def medians_over_leads(waves: list[list[Wave]], kind: str) -> Floats:
    """(W, 3) ms: onset, peak, end of each wave of a kind, medians over the leads in which it is marked (LEAST_LEADS at
    least)."""
    marks = sorted(
        (wave.peak, wave.onset, wave.offset) for of_lead in waves for wave in of_lead if wave.kind == kind
    )  # fmt: skip
    groups: list[list[tuple[int, int, int]]] = []
    for mark in marks:
        near = groups and mark[0] - np.median([peak for peak, *_ in groups[-1]]) < APART_MS[kind] / 2 * LUDB_HZ / 1000
        if near:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    rows = []
    for group in groups:
        if len(group) >= LEAST_LEADS:
            points = np.array([(onset, peak, offset) for peak, onset, offset in group], dtype=np.float64)
            rows.append(np.nanmedian(np.where(points >= 0, points, np.nan), axis=0) * 1000 / LUDB_HZ)
    return np.array(rows).reshape(-1, 3)


def qtdb(folder: Path) -> Iterator[Marked]:
    """Pieces of the recordings of the QT Database around their marked beats; marks in ms from the start of the piece."""
    for record in sorted(folder.glob("*.q1c")):
        strip = read_format_212(record.with_suffix(".hea"))
        first = marks_of(read_waves(record), QTDB_HZ)
        other = record.with_suffix(".q2c")
        second = marks_of(read_waves(other), QTDB_HZ) if other.exists() else {}
        for start, stop in pieces(first["QRS_on"]):
            samples = slice(round(max(0.0, start) * QTDB_HZ / 1000), round((start + PIECE_MS) * QTDB_HZ / 1000))
            zero = samples.start * 1000 / QTDB_HZ
            span = (start + MARGIN_MS / 2, stop)
            yield Marked(
                record.stem, strip[:, samples], QTDB_HZ, _within(first, span, zero), (), _within(second, span, zero)
            )  # fmt: skip


def pieces(qrs_on: Floats) -> list[tuple[float, float]]:
    """Start of each piece of PIECE_MS, and the end of the marks that count in it, ms; from the onsets of the marked QRS.

    A mark counts in one piece. Beats without marks lie between two pieces, not within the marks of one.
    """
    if len(qrs_on) < 2:
        return []
    gaps = np.diff(qrs_on)
    ends = np.append(gaps > RUN_GAP * np.median(gaps), True)
    found: list[tuple[float, float]] = []
    first = 0
    for k in range(len(qrs_on)):
        full = k + 1 < len(qrs_on) and qrs_on[k + 1] - qrs_on[first] > PIECE_MS - 2 * MARGIN_MS
        if ends[k] or full:
            found.append((float(qrs_on[first] - MARGIN_MS), float(qrs_on[k] + min(MARGIN_MS, 0.75 * np.median(gaps)))))
            first = k + 1
    return found


def marks_of(waves: list[Wave], rate_hz: float) -> Marks:
    """Points of the marked waves of one annotation file."""
    marks = {}
    for name, (kind, column, _) in ENDS.items():
        samples = sorted((wave.onset, wave.peak, wave.offset)[column] for wave in waves if wave.kind == kind)
        marks[name] = np.array([sample for sample in samples if sample >= 0], dtype=np.float64) * 1000 / rate_hz
    return marks


def _known(times: Floats) -> Floats:
    return times[np.isfinite(times)]


def _within(marks: Marks, span: tuple[float, float], zero: float) -> Marks:
    return {name: times[(times >= span[0]) & (times <= span[1])] - zero for name, times in marks.items()}


def read_format_212(header: Path) -> Floats:
    """(2, S) µV of a WFDB record of two leads in format 212, two samples of 12 bits in three bytes; zero is that of the
    converter."""
    lines = header.read_text().splitlines()
    packed = np.fromfile(header.with_suffix(".dat"), dtype=np.uint8).reshape(-1, 3).astype(np.int32)
    pair = np.stack([packed[:, 0] | ((packed[:, 1] & 0x0F) << 8), packed[:, 2] | ((packed[:, 1] & 0xF0) << 4)])
    pair[pair > 2047] -= 4096
    leads = []
    for row, line in zip(pair, lines[1:3], strict=True):
        gain = float((re.match(r"[\d.]+", line.split()[2]) or ["0"])[0]) or 200.0
        leads.append(row / gain * 1000)
    return np.stack(leads)
