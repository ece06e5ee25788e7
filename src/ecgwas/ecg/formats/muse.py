"""GE MUSE XML (`RestingECG`): eight stored leads; III, aVR, aVL and aVF are to be derived.

Of the file only this is read:

    Waveform[WaveformType="Rhythm"]                     `Median`, the recorder's own beat, is passed over
      SampleBase, SampleExponent                        samples per second = base * 10^exponent
      LeadData                                          one for each lead
        LeadID, LeadAmplitudeUnits, LeadAmplitudeUnitsPerBit, LeadSampleCountTotal, LeadDataCRC32
        WaveFormData                                    base64 of int16, the lower byte first
    RestingECGMeasurements                              rate, intervals, axes; onsets in samples of ECGSampleBase
    QRSTimesTypes/GlobalRR                              ms

LeadDataCRC32 is the CRC-32 of the decoded bytes (found so in both files that the tests read): one flipped bit is noticed.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.device import stated
from ecgwas.ecg.recording import Recording, is_new, unusable
from ecgwas.ecg.words import number, standard_lead, uv_of
from ecgwas.ecg.xml_tree import Element, has_root, integers, packed, positive, root_of

SPELLED = "GE MUSE XML"
ROOT = "RestingECG"
MEASUREMENTS = {
    "heart_rate_bpm": "VentricularRate", "pr_ms": "PRInterval", "qrs_ms": "QRSDuration", "qt_ms": "QTInterval",
    "qtc_bazett_ms": "QTCorrected", "qtc_fridericia_ms": "QTcFrederica", "p_axis_deg": "PAxis", "qrs_axis_deg": "RAxis",
    "t_axis_deg": "TAxis",
}  # fmt: skip
ONSETS = {"p_on_ms": "POnset", "p_off_ms": "POffset", "qrs_on_ms": "QOnset", "qrs_off_ms": "QOffset", "t_off_ms": "TOffset"}


def sniff(content: bytes) -> bool:
    """True if the root element is MUSE's."""
    return has_root(content[:4096], ROOT)


def parse(content: bytes, path: Path) -> Recording:
    """The rhythm strip in the bytes of a file; raises InputError with a short reason."""
    root = root_of(content, path, name=ROOT)
    waveform = _rhythm(root, path)
    rate_hz = _rate_hz(waveform, "Sample")
    if rate_hz is None:
        raise unusable("no number in SampleBase", path)
    leads: dict[str, NDArray[np.float64]] = {}
    for element in waveform.findall("LeadData"):
        lead = standard_lead(element.findtext("LeadID") or "")
        if is_new(lead, leads, path):
            leads[lead] = _microvolts(element, lead, path)
    if not leads:
        raise unusable("no LeadData of a standard lead", path)
    return Recording(leads, rate_hz, _device(root))


def _rhythm(root: Element, path: Path) -> Element:
    found = [one for one in root.findall("Waveform") if (one.findtext("WaveformType") or "").strip().lower() == "rhythm"]
    if len(found) != 1:
        raise unusable("no rhythm waveform" if not found else "more than one rhythm waveform", path)
    return found[0]


def _rate_hz(parent: Element, prefix: str) -> float | None:
    base, exponent = number(parent.findtext(f"{prefix}Base")), number(parent.findtext(f"{prefix}Exponent") or "0")
    if base is None or exponent is None or base <= 0 or abs(exponent) > 9:
        return None
    return float(base * 10.0**exponent)


def _microvolts(element: Element, lead: str, path: Path) -> NDArray[np.float64]:
    uv = uv_of(element.findtext("LeadAmplitudeUnits") or "")
    if uv is None:
        raise unusable(f"unknown unit of lead {lead}", path)
    if (element.findtext("LeadSampleSize") or "2").strip() != "2":
        raise unusable(f"samples of lead {lead} are not of two bytes", path)
    per_bit = positive(element, "LeadAmplitudeUnitsPerBit", path)
    data = element.find("WaveFormData")
    if data is None:
        raise unusable(f"lead {lead} is empty", path)
    counts = integers(packed(data, f"lead {lead}", path), f"lead {lead}", path)
    if positive(element, "LeadSampleCountTotal", path) != len(counts):
        raise unusable(f"lead {lead} has not as many samples as the file states", path)
    told = number(element.findtext("LeadDataCRC32"))
    if told is not None and told != zlib.crc32(counts.tobytes()):
        raise unusable(f"lead {lead} is not what was written (checksum)", path)
    return counts.astype(np.float64) * (per_bit * uv)


def _device(root: Element) -> dict[str, float]:
    told = root.find("RestingECGMeasurements")
    if told is None:
        return {}
    found: dict[str, float | str | None] = {name: told.findtext(element) for name, element in MEASUREMENTS.items()}
    found["rr_ms"] = root.findtext("QRSTimesTypes/GlobalRR")
    rate_hz = _rate_hz(told, "ECGSample")
    for name, element in ONSETS.items():
        sample = number(told.findtext(element))
        found[name] = None if sample is None or rate_hz is None else sample * 1000 / rate_hz
    return stated(found)
