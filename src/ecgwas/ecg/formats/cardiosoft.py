"""GE CardioSoft XML of a resting ECG, as in UK Biobank's field 20205.

The layout is that of UK Biobank's public example (https://biobank.ndph.ox.ac.uk/ukb/ukb/examples/20205_2_0.xml, CardioSoft
V6.73, root `CardiologyXML`). Only these parts are read:

    StripData                               below the root, or (other exports) Strip/StripData
      SampleRate units="Hz"                 samples per second
      ChannelSampleCountTotal               samples per lead (or SampleCountTotal, per lead or of all leads)
      Resolution units="uVperLsb"           µV per count
      WaveformData lead="I"                 counts, separated by commas, with line breaks between any values
    RestingECGMeasurements                  what the ECG device measured: VentricularRate, ...; RAxis is the QRS axis

`MedianSamples`, `VectorLoops` and `FullDisclosure` also hold waveforms, which are not read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.device_measurements import plausible_measurements
from ecgwas.ecg.lead_groups import LeadGroup, best_groups
from ecgwas.ecg.recording import Recording, is_new_lead, unusable
from ecgwas.ecg.spellings import number, standard_lead, uv_of
from ecgwas.ecg.xml_tree import Element, has_root, number_list, parse_root, positive_number
from ecgwas.errors import InputError

NAME = "GE CardioSoft XML"
ROOT = "CardiologyXML"
STRIPS = ("StripData", "Strip/StripData")
MEASUREMENTS = {
    "heart_rate_bpm": "VentricularRate", "rr_ms": "RRInterval", "p_ms": "PDuration", "pr_ms": "PQInterval",
    "qrs_ms": "QRSDuration", "qt_ms": "QTInterval", "qtc_bazett_ms": "QTCInterval", "p_axis_deg": "PAxis",
    "qrs_axis_deg": "RAxis", "t_axis_deg": "TAxis", "p_on_ms": "POnset", "p_off_ms": "POffset", "qrs_on_ms": "QOnset",
    "qrs_off_ms": "QOffset", "t_off_ms": "TOffset",
}  # fmt: skip
MEASURED_IN = {"bpm": "bpm", "ms": "ms", "deg": "degrees"}
"""Ending of our names -> CardioSoft's unit; measurements in other units are ignored."""


def sniff(content: bytes) -> bool:
    """True if the root element is CardioSoft's."""
    return has_root(content[:4096], ROOT)


def parse(content: bytes, path: Path) -> Recording:
    """Reads the ten-second strip; raises InputError with a short reason.

    Leads other than the twelve are ignored. No entity, DTD or address is followed.
    """
    root = _root(content, path)
    strip = _strip(root, path)
    rate_hz = rate_of(strip, path)
    uv = uv_per_count(strip, path)
    counts = _counts(strip, path)
    _check_count(strip, counts, path)
    return Recording({lead: values * uv for lead, values in counts.items()}, rate_hz, _device(root))


def _root(content: bytes, path: Path) -> Element:
    """The parsed file, if possible without the full disclosure, which is not needed and takes half of the bytes."""
    start, stop = content.rfind(b"<FullDisclosure>"), content.rfind(b"</FullDisclosure>")
    if 0 < start < stop:
        try:
            return parse_root(content[:start] + content[stop + len(b"</FullDisclosure>") :], path, name=ROOT)
        except InputError:
            # The tags may have been within a comment; then the whole file is parsed.
            pass
    return parse_root(content, path, name=ROOT)


def _strip(root: Element, path: Path) -> Element:
    """The strip; of several (recorded at different times) the one with the most leads, then the longest, then the first."""
    strips = [strip for element_path in STRIPS for strip in root.findall(element_path)]
    if not strips:
        raise unusable("no StripData", path)
    if len(strips) == 1:
        return strips[0]
    chosen = best_groups([_group(strip, index) for index, strip in enumerate(strips)], path)
    return strips[chosen[0] if chosen else 0]


def _group(strip: Element, index: int) -> LeadGroup:
    leads = {standard_lead(str(element.get("lead", ""))) for element in strip.findall("WaveformData")}
    samples = number(strip.findtext("ChannelSampleCountTotal") or strip.findtext("SampleCountTotal"))
    return LeadGroup(
        frozenset(lead for lead in leads if lead), number(strip.findtext("SampleRate")) or math.inf, samples or 0, str(index)
    )


def rate_of(parent: Element, path: Path) -> float:
    """Samples per second of a strip or the full disclosure."""
    rate_hz = positive_number(parent, "SampleRate", path)
    if _unit(parent, "SampleRate") != "hz":
        raise unusable(f"unknown unit of the sample rate: {_unit(parent, 'SampleRate') or 'none'}", path)
    return rate_hz


def uv_per_count(parent: Element, path: Path) -> float:
    """µV per count of a strip or the full disclosure."""
    resolution = positive_number(parent, "Resolution", path)
    unit = _unit(parent, "Resolution")
    uv = uv_of(unit.removesuffix("perlsb")) if unit.endswith("perlsb") else None
    if uv is None:
        raise unusable(f"unknown unit of the resolution: {unit[:20] or 'none'}", path)
    return resolution * uv


def _unit(parent: Element, name: str) -> str:
    element = parent.find(name)
    return "" if element is None else str(element.get("units", "")).strip().lower()


def _device(root: Element) -> dict[str, float]:
    measured = root.find("RestingECGMeasurements")
    if measured is None:
        return {}
    known = {name: element for name, element in MEASUREMENTS.items() if _unit(measured, element) == MEASURED_IN[_ending(name)]}
    return plausible_measurements({name: measured.findtext(element) for name, element in known.items()})


def _ending(name: str) -> str:
    return name.rpartition("_")[2]


def _counts(strip: Element, path: Path) -> dict[str, NDArray[np.float64]]:
    counts: dict[str, NDArray[np.float64]] = {}
    for element in strip.findall("WaveformData"):
        lead = standard_lead(str(element.get("lead", "")))
        if is_new_lead(lead, counts, path):
            counts[lead] = number_list(element, f"lead {lead}", path, separator=",")
    if not counts:
        raise unusable("no WaveformData of a standard lead", path)
    return counts


def _check_count(strip: Element, counts: Mapping[str, NDArray[np.float64]], path: Path) -> None:
    lengths = [len(values) for values in counts.values()]
    if strip.find("ChannelSampleCountTotal") is not None:
        allowed = [(positive_number(strip, "ChannelSampleCountTotal", path), lengths)]
    elif strip.find("SampleCountTotal") is not None:
        total = positive_number(strip, "SampleCountTotal", path)
        allowed = [(total, lengths), (total, [sum(lengths)])]
    else:
        raise unusable("the file states no sample count", path)
    if any(all(length == count for length in lengths_of_count) for count, lengths_of_count in allowed):
        return
    wrong = next((lead for lead, values in counts.items() if len(values) != allowed[0][0]), "")
    raise unusable(f"lead {wrong} does not have as many samples as the file states", path)
