"""Recordings that contradict themselves or their sidecar: times, layouts, units, states of channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ecgwas.leads import LEADS
from tests.bad_input.edf_wfdb_tables import CELLS, ROWS, csv, header, npy, recording, text, wfdb
from tests.bad_input.harness import LEFT_OUT, RIGHT, Case, ecg
from tests.ecg import vendors
from tests.ecg.dicom_files import group, some, whole
from tests.ecg.make_recordings import make_counts, make_xml
from tests.ecg.test_contradictions import discontinuous

MUSE = vendors.muse().decode("latin-1")


def with_times(head: str, times: Callable[[int], str]) -> str:
    """The table with a column of times before the leads."""
    lines = [",".join([times(k), *row]) for k, row in enumerate(CELLS)]
    return "\n".join([",".join([head, *LEADS]), *lines]) + "\n"


def of_day(k: int, rate_hz: int) -> str:
    seconds, part = divmod(k, rate_hz)
    return f"2024-01-31 10:00:{seconds:02}.{1000 * part // rate_hz:03}"


def dicom(**changed: Any) -> bytes:
    """Every channel with its number in an element, or the group with an element changed."""
    made = group(some(LEADS))
    for name, value in changed.items():
        if not name.startswith("Channel"):
            setattr(made, name, value)
            continue
        for k, one in enumerate(made.ChannelDefinitionSequence):
            setattr(one, name, value(k))
    return whole(made)


TABLES = [
    csv("a column `timestamp` at another rate than the sidecar's", LEFT_OUT, "those of 250 Hz, rate_hz of the recordings.json",
        with_times("timestamp", lambda k: f"{k / 250:.3f}")),
    csv("a column of dates at another rate than the sidecar's", LEFT_OUT, "those of 250 Hz, rate_hz of the recordings.json",
        with_times("date", lambda k: of_day(k, 250))),
    csv("a column of dates at the sidecar's rate", RIGHT, "", with_times("date", lambda k: of_day(k, 500))),
    csv("times rounded to hundredths of a second", RIGHT, "", with_times("time", lambda k: f"{k // 5 / 100:.2f}")),
    csv("one line per lead", LEFT_OUT, "12 lines and 5000 columns has one lead per line",
        "\n".join(",".join(cells) for cells in zip(*CELLS, strict=True))),
    csv("a line about the ECG device before the names", LEFT_OUT, "line 1 holds neither numbers nor names",
        "Sampling rate: 250 Hz\n" + text()),
    csv("units after a full stop", RIGHT, "", text(first=[f"{lead}.mV" for lead in LEADS]), {"rate_hz": 500}),
    csv("D1, D2, D3 for I, II, III", RIGHT, "", text(first=["D1", "D2", "D3", *LEADS[3:]])),
    csv("UTF-16 without a byte-order mark", RIGHT, "", text().encode("utf-16-le")),
    npy("millivolts that the sidecar declares microvolts", LEFT_OUT, "no lead reaches 100 uV", ROWS / 200_000),
]  # fmt: skip

FILES = [
    recording("EDF", "EDF+D whose records follow each other", RIGHT, "", lambda: {".edf": discontinuous(lambda k: k)}),
    recording("EDF", "EDF+D with a gap", LEFT_OUT, "gaps", lambda: {".edf": discontinuous(lambda k: k + (k > 4))}),
    wfdb("fewer signals than in the signal file", LEFT_OUT, "more signals or more samples",
         b"\n".join(header(first="r 8 500 5000").split(b"\n")[:9]) + b"\n"),
    recording("WFDB", "the signal file in place of the header", LEFT_OUT, "WFDB record, which is read through its header",
              lambda: {".csv": ROWS.T.astype("<i2").tobytes(), ".hea": header()}),
    ecg("DICOM channels with skew", LEFT_OUT, "begin at different times (ChannelSampleSkew)",
        lambda: dicom(ChannelSampleSkew=lambda k: str(3 * k))),
    ecg("DICOM channels that are not calibrated", LEFT_OUT, "ChannelStatus UNCALIBRATED",
        lambda: dicom(ChannelStatus=lambda k: "UNCALIBRATED")),
    ecg("a DICOM channel whose electrode was off: read, with a warning", RIGHT, "ChannelStatus DISCONNECTED of lead V3",
        lambda: dicom(ChannelStatus=lambda k: "DISCONNECTED" if k == 8 else "OK")),
    ecg("DICOM with more samples than stated", LEFT_OUT, "not have as many samples", lambda: dicom(NumberOfWaveformSamples=4000)),
    ecg("GE MUSE leads that begin at different times", LEFT_OUT, "begin at different times (LeadTimeOffset)",
        lambda: MUSE.replace("<LeadID>V3<", "<LeadTimeOffset>40</LeadTimeOffset><LeadID>V3<")),
    ecg("HL7 aECG with an unknown unit of time", LEFT_OUT, "unknown unit of increment: 'sec'",
        lambda: vendors.aecg(increment='<increment value="0.002" unit="sec"/>')),
]  # fmt: skip


def of_leads(what: str, says: str, rows: np.ndarray) -> Case:
    """A recording that is kept with a doubt, whatever its leads."""
    counts = {lead: row.astype(np.int64) for lead, row in zip(LEADS, rows, strict=True)}
    return ecg(what, RIGHT, says, lambda: make_xml(counts))


SWAPPED = np.stack([-ROWS[0], ROWS[2], ROWS[1], ROWS[4], ROWS[3], *ROWS[5:]])
COPIED = np.stack([*ROWS[:7], ROWS[6], *ROWS[8:]])
LEADS_OF = [
    of_leads("arm electrodes swapped: read, with a warning", "lead I is inverted relative to V6", SWAPPED),
    of_leads("a lead that is a copy of another: read, with a warning", "lead V2 is the same as V1", COPIED),
    ecg("a lead shorter than the others", LEFT_OUT, "8 s, not 10 s, in lead V1",
        lambda: vendors.aecg({**make_counts(), "V1": make_counts()["V1"][:4000]})),
]  # fmt: skip

CASES = [*TABLES, *FILES, *LEADS_OF]
