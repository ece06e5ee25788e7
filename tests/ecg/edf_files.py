"""EDF and BDF files by hand, with any field of any signal as a test wants it. Counts are whole numbers of 5 µV."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tests.ecg.make_recordings import make_counts

FIELDS = {
    "label": 16, "transducer": 80, "unit": 8, "physical minimum": 8, "physical maximum": 8, "digital minimum": 8,
    "digital maximum": 8, "prefiltering": 80, "number of samples": 8, "reserved": 32,
}  # fmt: skip
RANGES = {
    "unit": "uV",
    "physical minimum": "-10000",
    "physical maximum": "10000",
    "digital minimum": "-2000",
    "digital maximum": "2000",
}


def edf_file(
    changed: Mapping[str, Mapping[str, str | bytes]] | None = None, *, records: str = "10", duration: str = "1", bits: int = 16,
    foreign: Mapping[str, int] | None = None, reserved: str = "", every: Mapping[str, str | bytes] | None = None,
) -> bytes:  # fmt: skip
    """Ten records of a second at 500 Hz.

    changed   lead -> field -> what its header states instead
    every     field -> what the header of all leads states instead
    foreign   label -> samples in a record of a signal that is no lead, after the leads
    """
    rows = dict(make_counts())
    states = {
        lead: {**RANGES, "label": lead, "number of samples": "500", **(every or {}), **(changed or {}).get(lead, {})}
        for lead in rows
    }
    data = [row.reshape(10, 500) for row in rows.values()]
    for label, samples in (foreign or {}).items():
        states[label] = {"label": label, "number of samples": str(samples)}
        data.append(np.full((10, samples), 7))
    head = _cell("\xffBIOSEMI".encode("latin-1") if bits == 24 else "0", 8) + _cell("Do not read", 160)
    head += _cell("01.01.0100.00.00", 16) + _cell(str(256 * (len(states) + 1)), 8) + _cell(reserved, 44)
    head += _cell(records, 8) + _cell(duration, 8) + _cell(str(len(states)), 4)
    for field, width in FIELDS.items():
        head += b"".join(_cell(state.get(field, ""), width) for state in states.values())
    samples_of_records = np.concatenate(data, axis=1).astype("<i4")
    if bits == 24:
        return head + samples_of_records.reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    return head + samples_of_records.astype("<i2").tobytes()


def _cell(text: str | bytes, width: int) -> bytes:
    content = text if isinstance(text, bytes) else text.encode("latin-1")
    assert len(content) <= width
    return content.ljust(width)
