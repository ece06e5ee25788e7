"""Mortara (Welch Allyn, Hillrom) ELI XML: root `ECG` with one `CHANNEL` per lead.

There is no public specification; the layout follows BRAVEHEART (load_eli_xml), EDFbrowser (mortara2edf) and ecgdatakit. Only
these parts are read:

    CHANNEL NAME, SAMPLE_FREQ, UNITS_PER_MV         the lead, samples per second, counts per mV
      OFFSET, BITS, FORMAT, ENCODING                0, 16, SIGNED and BASE64; anything else is refused
      DURATION, DATA                                number of samples, or ms, and the little-endian samples
    ECG VENT_RATE, AVERAGE_RR; TYPICAL_CYCLE PR_DURATION, QRS_DURATION, QT, QTB, QTF, P_AXIS, QRS_AXIS, T_AXIS

`TYPICAL_CYCLE_CHANNEL`, the ECG device's median beat, is not read.
"""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.device_measurements import plausible_measurements
from ecgwas.ecg.recording import Recording, is_new_lead, unusable
from ecgwas.ecg.spellings import number, standard_lead
from ecgwas.ecg.xml_tree import Element, has_root, int16_samples, parse_root

NAME = "Mortara ELI XML"
ROOT = "ECG"
MORTARA_NAMES = re.compile(rb"UNITS_PER_MV|<(?:\w+:)?TYPICAL_CYCLE|MORTARA", re.IGNORECASE)
"""Other vendors also name their root element ECG."""
EXPECTED = {"BITS": "16", "FORMAT": "SIGNED", "ENCODING": "BASE64"}
CYCLE_MEASUREMENTS = {
    "pr_ms": "PR_DURATION", "qrs_ms": "QRS_DURATION", "qt_ms": "QT", "qtc_bazett_ms": "QTB", "qtc_fridericia_ms": "QTF",
    "p_axis_deg": "P_AXIS", "qrs_axis_deg": "QRS_AXIS", "t_axis_deg": "T_AXIS",
}  # fmt: skip


def sniff(content: bytes) -> bool:
    """True if the root element and the names in the file are Mortara's."""
    return has_root(content[:4096], ROOT) and MORTARA_NAMES.search(content.replace(b"\0", b"")) is not None


def parse(content: bytes, path: Path) -> Recording:
    """Reads the channels; raises InputError with a short reason."""
    root = parse_root(content, path, name=ROOT)
    leads: dict[str, NDArray[np.float64]] = {}
    rates: set[float] = set()
    for channel in root.iter("CHANNEL"):
        lead = standard_lead(channel.get("NAME", ""))
        if is_new_lead(lead, leads, path):
            rate_hz = _positive_attribute(channel, "SAMPLE_FREQ", lead, path)
            leads[lead] = _microvolts(channel, lead, rate_hz, path)
            rates.add(rate_hz)
    if not leads:
        raise unusable("no CHANNEL of a standard lead", path)
    if len(rates) > 1:
        raise unusable("leads have different rates", path)
    return Recording(leads, rates.pop(), _device(root))


def _positive_attribute(channel: Element, name: str, lead: str, path: Path) -> float:
    value = number(channel.get(name))
    if value is None or value <= 0:
        raise unusable(f"no number above 0 in {name} of lead {lead}", path)
    return value


def _microvolts(channel: Element, lead: str, rate_hz: float, path: Path) -> NDArray[np.float64]:
    """(S,) \u00b5V."""
    for name, expected in EXPECTED.items():
        if channel.get(name, expected).strip().upper() != expected:
            raise unusable(f"{name} of lead {lead} is not {expected}", path)
    if number(channel.get("OFFSET") or "0") != 0:
        raise unusable(f"OFFSET of lead {lead} is not 0", path)
    counts_per_mv = _positive_attribute(channel, "UNITS_PER_MV", lead, path)
    try:
        content = base64.b64decode("".join(channel.get("DATA", "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise unusable(f"lead {lead} is not base64", path) from None
    counts = int16_samples(content, f"lead {lead}", path)
    stated_length = _positive_attribute(channel, "DURATION", lead, path)
    if stated_length != len(counts) and abs(stated_length - len(counts) * 1000 / rate_hz) > 0.5:
        raise unusable(f"lead {lead} does not have as many samples as the file states", path)
    return counts.astype(np.float64) * (1000 / counts_per_mv)


def _device(root: Element) -> dict[str, float]:
    measurements: dict[str, float | str | None] = {"heart_rate_bpm": root.get("VENT_RATE"), "rr_ms": root.get("AVERAGE_RR")}
    cycle = root.find(".//TYPICAL_CYCLE")
    if cycle is not None:
        measurements |= {name: cycle.get(attribute) for name, attribute in CYCLE_MEASUREMENTS.items()}
    return plausible_measurements(measurements)
