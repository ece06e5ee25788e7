"""GE MUSE XML (`RestingECG`): eight stored leads, from which III, aVR, aVL and aVF are derived.

Only these parts are read:

    Waveform[WaveformType="Rhythm"]                     not `Median`, the ECG device's own beat; of several strips the
                                                        one with the most leads, then the longest
      SampleBase, SampleExponent                        samples per second = base * 10^exponent
      LeadData                                          one per lead
        LeadID, LeadAmplitudeUnits, LeadAmplitudeUnitsPerBit, LeadSampleCountTotal, LeadDataCRC32
        LeadTimeOffset, LeadOffsetFirstSample         when it begins; must be the same for all leads
        LeadOff                                       TRUE gives a warning
        WaveFormData                                    base64 of little-endian int16
    RestingECGMeasurements                              rate, intervals, axes; onsets in samples of ECGSampleBase
    QRSTimesTypes/GlobalRR                              ms

LeadDataCRC32 is the CRC-32 of the decoded bytes (true for all leads of both files that the tests read), so that one flipped
bit is noticed. Programs that rewrite such files without computing it write 0 or keep the old value. Therefore checksums that
are wrong in every lead give only a warning; checksums that are wrong in some leads mean damage.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.device_measurements import plausible_measurements
from ecgwas.ecg.lead_groups import LeadGroup, best_groups
from ecgwas.ecg.quality import lead_list
from ecgwas.ecg.recording import Recording, is_new_lead, unusable
from ecgwas.ecg.spellings import number, standard_lead, uv_of
from ecgwas.ecg.xml_tree import Element, base64_bytes, has_root, int16_samples, parse_root, positive_number
from ecgwas.leads import LEADS

NAME = "GE MUSE XML"
ROOT = "RestingECG"
NO_CHECKSUM_RIGHT = "the checksum of every lead is wrong"
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
    """Reads the rhythm strip; raises InputError with a short reason."""
    root = parse_root(content, path, name=ROOT)
    waveform = _rhythm(root, path)
    rate_hz = _rate_hz(waveform, "Sample")
    if rate_hz is None:
        raise unusable("no number in SampleBase", path)
    _check_times(waveform, path)
    leads: dict[str, NDArray[np.float64]] = {}
    wrong: list[str] = []
    for element in waveform.findall("LeadData"):
        lead = standard_lead(element.findtext("LeadID") or "")
        if is_new_lead(lead, leads, path):
            counts, per_bit_uv = _counts(element, lead, path)
            leads[lead] = counts.astype(np.float64) * per_bit_uv
            wrong += [] if _matches_checksum(element, counts) else [lead]
    if not leads:
        raise unusable("no LeadData of a standard lead", path)
    if 0 < len(wrong) < len(leads):
        raise unusable(f"lead {wrong[0]} does not match its checksum", path)
    warnings = [*_leads_off(waveform), *([NO_CHECKSUM_RIGHT] if wrong else [])]
    return Recording(leads, rate_hz, _device(root), warning="; ".join(warnings))


def _check_times(waveform: Element, path: Path) -> None:
    """Raises InputError if the leads do not begin together."""
    for name in ("LeadTimeOffset", "LeadOffsetFirstSample"):
        leads = [one for one in waveform.findall("LeadData") if standard_lead(one.findtext("LeadID") or "")]
        if len({number(one.findtext(name)) or 0.0 for one in leads}) > 1:
            raise unusable(f"leads begin at different times ({name})", path)


def _leads_off(waveform: Element) -> list[str]:
    """A warning if the ECG device noted that electrodes were off."""
    leads_off = {
        standard_lead(one.findtext("LeadID") or "")
        for one in waveform.findall("LeadData")
        if (one.findtext("LeadOff") or "").strip().upper() == "TRUE"
    }
    off = [lead in leads_off for lead in LEADS]
    return [f"LeadOff of lead {lead_list(off)}"] if any(off) else []


def _rhythm(root: Element, path: Path) -> Element:
    waveforms = [one for one in root.findall("Waveform") if (one.findtext("WaveformType") or "").strip().lower() == "rhythm"]
    if not waveforms:
        raise unusable("no rhythm waveform", path)
    if len(waveforms) == 1:
        return waveforms[0]
    chosen = best_groups([_group(one, place) for place, one in enumerate(waveforms)], path)
    return waveforms[chosen[0] if chosen else 0]


def _group(waveform: Element, place: int) -> LeadGroup:
    """The waveform as a group. Waveforms are never combined, because none states when it began."""
    leads = [(standard_lead(one.findtext("LeadID") or ""), one) for one in waveform.findall("LeadData")]
    samples = max((number(one.findtext("LeadSampleCountTotal")) or 0 for lead, one in leads if lead), default=0)
    return LeadGroup(
        frozenset(lead for lead, _ in leads if lead), _rate_hz(waveform, "Sample") or math.inf, samples, str(place)
    )


def _rate_hz(parent: Element, prefix: str) -> float | None:
    base, exponent = number(parent.findtext(f"{prefix}Base")), number(parent.findtext(f"{prefix}Exponent") or "0")
    if base is None or exponent is None or base <= 0 or abs(exponent) > 9:
        return None
    return float(base * 10.0**exponent)


def _counts(element: Element, lead: str, path: Path) -> tuple[NDArray[np.int16], float]:
    """The samples of a lead, and µV per count."""
    uv = uv_of(element.findtext("LeadAmplitudeUnits") or "")
    if uv is None:
        raise unusable(f"unknown unit in LeadAmplitudeUnits of lead {lead}", path)
    if (element.findtext("LeadSampleSize") or "2").strip() != "2":
        raise unusable(f"samples of lead {lead} do not have two bytes", path)
    per_bit = positive_number(element, "LeadAmplitudeUnitsPerBit", path)
    data = element.find("WaveFormData")
    if data is None:
        raise unusable(f"lead {lead} is empty", path)
    counts = int16_samples(base64_bytes(data, f"lead {lead}", path), f"lead {lead}", path)
    if positive_number(element, "LeadSampleCountTotal", path) != len(counts):
        raise unusable(f"lead {lead} does not have as many samples as the file states", path)
    return counts, per_bit * uv


def _matches_checksum(element: Element, counts: NDArray[np.int16]) -> bool:
    """False if the lead's checksum is not that of its samples; a checksum of 0 was not computed."""
    return number(element.findtext("LeadDataCRC32")) in (None, 0.0, zlib.crc32(counts.tobytes()))


def _device(root: Element) -> dict[str, float]:
    measured = root.find("RestingECGMeasurements")
    if measured is None:
        return {}
    measurements: dict[str, float | str | None] = {name: measured.findtext(element) for name, element in MEASUREMENTS.items()}
    measurements["rr_ms"] = root.findtext("QRSTimesTypes/GlobalRR")
    rate_hz = _rate_hz(measured, "ECGSample")
    for name, element in ONSETS.items():
        sample = number(measured.findtext(element))
        measurements[name] = None if sample is None or rate_hz is None else sample * 1000 / rate_hz
    return plausible_measurements(measurements)
