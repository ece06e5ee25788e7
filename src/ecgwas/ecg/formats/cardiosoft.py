"""GE CardioSoft XML of a resting ECG, as UK Biobank gives it in field 20205.

The layout is that of UK Biobank's public example (https://biobank.ndph.ox.ac.uk/ukb/ukb/examples/20205_2_0.xml, CardioSoft
V6.73, root `CardiologyXML`). Of it only this is read:

    StripData                               below the root, or (other exports) Strip/StripData
      SampleRate units="Hz"                 samples per second
      ChannelSampleCountTotal               samples of each lead (or SampleCountTotal, of each lead or of all together)
      Resolution units="uVperLsb"           µV of one count
      WaveformData lead="I"                 counts, comma-separated, broken over lines anywhere between values
    RestingECGMeasurements                  what the recorder measured: VentricularRate, ...; RAxis is that of QRS

`MedianSamples`, `VectorLoops` and `FullDisclosure` hold waveforms too and are not taken for the strip.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.device_measurements import stated
from ecgwas.ecg.lead_groups import Group, best
from ecgwas.ecg.recording import Recording, is_new, unusable
from ecgwas.ecg.spellings import number, standard_lead, uv_of
from ecgwas.ecg.xml_tree import Element, has_root, numbers, positive, root_of
from ecgwas.errors import InputError

SPELLED = "GE CardioSoft XML"
ROOT = "CardiologyXML"
STRIPS = ("StripData", "Strip/StripData")
MEASUREMENTS = {
    "heart_rate_bpm": "VentricularRate", "rr_ms": "RRInterval", "p_ms": "PDuration", "pr_ms": "PQInterval",
    "qrs_ms": "QRSDuration", "qt_ms": "QTInterval", "qtc_bazett_ms": "QTCInterval", "p_axis_deg": "PAxis",
    "qrs_axis_deg": "RAxis", "t_axis_deg": "TAxis", "p_on_ms": "POnset", "p_off_ms": "POffset", "qrs_on_ms": "QOnset",
    "qrs_off_ms": "QOffset", "t_off_ms": "TOffset",
}  # fmt: skip
MEASURED_IN = {"bpm": "bpm", "ms": "ms", "deg": "degrees"}
"""Last part of our names -> CardioSoft's unit; a measurement in another unit is not taken."""


def sniff(content: bytes) -> bool:
    """True if the root element is CardioSoft's."""
    return has_root(content[:4096], ROOT)


def parse(content: bytes, path: Path) -> Recording:
    """The ten-second strip in the bytes of a file; raises InputError with a short reason.

    Leads other than the twelve are passed over. No entity, DTD or address is followed.
    """
    root = _root(content, path)
    strip = _strip(root, path)
    rate_hz = rate_of(strip, path)
    uv = uv_per_count(strip, path)
    counts = _counts(strip, path)
    _check_count(strip, counts, path)
    return Recording({lead: values * uv for lead, values in counts.items()}, rate_hz, _device(root))


def _root(content: bytes, path: Path) -> Element:
    """The tree, without the full disclosure where it can be cut out: it is half of a file's bytes and not wanted."""
    start, stop = content.rfind(b"<FullDisclosure>"), content.rfind(b"</FullDisclosure>")
    if 0 < start < stop:
        try:
            return root_of(content[:start] + content[stop + len(b"</FullDisclosure>") :], path, name=ROOT)
        except InputError:
            # What looks like tags may stand in a comment; then the whole file decides.
            pass
    return root_of(content, path, name=ROOT)


def _strip(root: Element, path: Path) -> Element:
    """The strip; of several, which are pieces of different times, that with the most leads, then the longest, the first."""
    found = [strip for place in STRIPS for strip in root.findall(place)]
    if not found:
        raise unusable("no StripData", path)
    if len(found) == 1:
        return found[0]
    chosen = best([_group(strip, place) for place, strip in enumerate(found)], path)
    return found[chosen[0] if chosen else 0]


def _group(strip: Element, place: int) -> Group:
    leads = {standard_lead(str(element.get("lead", ""))) for element in strip.findall("WaveformData")}
    samples = number(strip.findtext("ChannelSampleCountTotal") or strip.findtext("SampleCountTotal"))
    return Group(
        frozenset(lead for lead in leads if lead), number(strip.findtext("SampleRate")) or math.inf, samples or 0, str(place)
    )


def rate_of(parent: Element, path: Path) -> float:
    """Samples per second of a strip or of the full disclosure."""
    rate_hz = positive(parent, "SampleRate", path)
    if _unit(parent, "SampleRate") != "hz":
        raise unusable(f"unknown unit of the sample rate: {_unit(parent, 'SampleRate') or 'none'}", path)
    return rate_hz


def uv_per_count(parent: Element, path: Path) -> float:
    """µV of one count of a strip or of the full disclosure."""
    resolution = positive(parent, "Resolution", path)
    unit = _unit(parent, "Resolution")
    uv = uv_of(unit.removesuffix("perlsb")) if unit.endswith("perlsb") else None
    if uv is None:
        raise unusable(f"unknown unit of the resolution: {unit[:20] or 'none'}", path)
    return resolution * uv


def _unit(parent: Element, name: str) -> str:
    element = parent.find(name)
    return "" if element is None else str(element.get("units", "")).strip().lower()


def _device(root: Element) -> dict[str, float]:
    told = root.find("RestingECGMeasurements")
    if told is None:
        return {}
    known = {name: element for name, element in MEASUREMENTS.items() if _unit(told, element) == MEASURED_IN[_last_part(name)]}
    return stated({name: told.findtext(element) for name, element in known.items()})


def _last_part(name: str) -> str:
    return name.rpartition("_")[2]


def _counts(strip: Element, path: Path) -> dict[str, NDArray[np.float64]]:
    counts: dict[str, NDArray[np.float64]] = {}
    for element in strip.findall("WaveformData"):
        lead = standard_lead(str(element.get("lead", "")))
        if is_new(lead, counts, path):
            counts[lead] = numbers(element, f"lead {lead}", path, separator=",")
    if not counts:
        raise unusable("no WaveformData of a standard lead", path)
    return counts


def _check_count(strip: Element, counts: Mapping[str, NDArray[np.float64]], path: Path) -> None:
    lengths = [len(values) for values in counts.values()]
    if strip.find("ChannelSampleCountTotal") is not None:
        allowed = [(positive(strip, "ChannelSampleCountTotal", path), lengths)]
    elif strip.find("SampleCountTotal") is not None:
        total = positive(strip, "SampleCountTotal", path)
        allowed = [(total, lengths), (total, [sum(lengths)])]
    else:
        raise unusable("the file states no sample count", path)
    if any(all(length == count for length in found) for count, found in allowed):
        return
    wrong = next((lead for lead, values in counts.items() if len(values) != allowed[0][0]), "")
    raise unusable(f"lead {wrong} has not as many samples as the file states", path)
