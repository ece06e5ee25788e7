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
import warnings
from pathlib import Path

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from ecgwas.ecg.device import stated
from ecgwas.ecg.recording import STANDARD_LEAD, Recording, unusable

SPELLED = "GE CardioSoft XML"
ROOT = "CardiologyXML"
STRIPS = ("StripData", "Strip/StripData")
UV_OF_UNIT = {"uvperlsb": 1.0, "µvperlsb": 1.0, "μvperlsb": 1.0, "nvperlsb": 1e-3, "mvperlsb": 1e3}
"""µV of each unit; micro sign and Greek mu are different letters."""
MEASUREMENTS = {
    "heart_rate_bpm": "VentricularRate", "rr_ms": "RRInterval", "p_ms": "PDuration", "pr_ms": "PQInterval",
    "qrs_ms": "QRSDuration", "qt_ms": "QTInterval", "qtc_bazett_ms": "QTCInterval", "p_axis_deg": "PAxis",
    "qrs_axis_deg": "RAxis", "t_axis_deg": "TAxis", "p_on_ms": "POnset", "p_off_ms": "POffset", "qrs_on_ms": "QOnset",
    "qrs_off_ms": "QOffset", "t_off_ms": "TOffset",
}  # fmt: skip
MEASURED_IN = {"bpm": "bpm", "ms": "ms", "deg": "degrees"}
"""Last part of our names -> CardioSoft's unit; a measurement in another unit is not taken."""


def sniff(head: bytes) -> bool:
    """True if the root element is CardioSoft's. Zero bytes are taken out, so UTF-16 is recognised too."""
    return f"<{ROOT}".encode() in head.replace(b"\0", b"")


def parse(content: bytes, path: Path) -> Recording:
    """The ten-second strip in the bytes of a file; raises InputError with a short reason.

    Lead names are taken in any case. Leads other than the twelve are passed over. No entity, DTD or address is followed.
    """
    root = _root(content, path)
    strip = _strip(root, path)
    rate_hz = _number(strip, "SampleRate", path)
    if _unit(strip, "SampleRate") != "hz":
        raise unusable(f"unknown unit of the sample rate: {_unit(strip, 'SampleRate') or 'none'}", path)
    uv = _number(strip, "Resolution", path) * _uv_per_count(strip, path)
    counts = _counts(strip, path)
    _check_count(strip, counts, path)
    return Recording({lead: values * uv for lead, values in counts.items()}, rate_hz, _device(root))


def _device(root: etree._Element) -> dict[str, float]:
    told = root.find("RestingECGMeasurements")
    if told is None:
        return {}
    known = {name: element for name, element in MEASUREMENTS.items() if _unit(told, element) == MEASURED_IN[_last_part(name)]}
    return stated({name: told.findtext(element) for name, element in known.items()})


def _last_part(name: str) -> str:
    return name.rpartition("_")[2]


def _root(content: bytes, path: Path) -> etree._Element:
    if b"<!DOCTYPE" in content.replace(b"\0", b""):
        raise unusable("XML with a document type (entities are refused)", path)
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise unusable("XML cut off or malformed", path) from None
    # An encoding in which the letters above look otherwise could still have carried a document type in.
    if root.getroottree().docinfo.internalDTD is not None:
        raise unusable("XML with a document type (entities are refused)", path)
    if root.tag != ROOT:
        raise unusable("XML of no known format", path)
    return root


def _strip(root: etree._Element, path: Path) -> etree._Element:
    found = [strip for place in STRIPS for strip in root.findall(place)]
    if not found:
        raise unusable("no StripData", path)
    if len(found) > 1:
        raise unusable("more than one StripData", path)
    return found[0]


def _number(strip: etree._Element, name: str, path: Path) -> float:
    text = (strip.findtext(name) or "").strip()
    try:
        value = float(text)
    except ValueError:
        raise unusable(f"no number in {name}", path) from None
    if not (math.isfinite(value) and value > 0):
        raise unusable(f"{name} is not above 0", path)
    return value


def _unit(strip: etree._Element, name: str) -> str:
    element = strip.find(name)
    return "" if element is None else str(element.get("units", "")).strip().lower()


def _uv_per_count(strip: etree._Element, path: Path) -> float:
    unit = _unit(strip, "Resolution")
    if unit not in UV_OF_UNIT:
        raise unusable(f"unknown unit of the resolution: {unit[:20] or 'none'}", path)
    return UV_OF_UNIT[unit]


def _counts(strip: etree._Element, path: Path) -> dict[str, NDArray[np.float64]]:
    counts: dict[str, NDArray[np.float64]] = {}
    with warnings.catch_warnings():
        # Numpy stops at a letter and only warns.
        warnings.simplefilter("error", DeprecationWarning)
        for element in strip.findall("WaveformData"):
            lead = STANDARD_LEAD.get(str(element.get("lead", "")).strip().upper())
            if lead is None:
                continue
            if lead in counts:
                raise unusable(f"lead {lead} is given twice", path)
            counts[lead] = _values(element, lead, path)
    if not counts:
        raise unusable("no WaveformData of a standard lead", path)
    return counts


def _values(element: etree._Element, lead: str, path: Path) -> NDArray[np.float64]:
    text = element.text or ""
    if not text.strip():
        raise unusable(f"lead {lead} is empty", path)
    if len(element):
        raise unusable(f"text in the waveform of lead {lead}", path)
    # Counts are whole numbers, which are read nine times as fast; another exporter's fractions get their turn.
    for number in (np.int64, np.float64):
        try:
            return np.fromstring(text, dtype=number, sep=",").astype(np.float64)
        except (DeprecationWarning, ValueError):
            continue
    raise unusable(f"text in the waveform of lead {lead}", path)


def _check_count(strip: etree._Element, counts: dict[str, NDArray[np.float64]], path: Path) -> None:
    lengths = [len(values) for values in counts.values()]
    if strip.find("ChannelSampleCountTotal") is not None:
        allowed = [(_number(strip, "ChannelSampleCountTotal", path), lengths)]
    elif strip.find("SampleCountTotal") is not None:
        total = _number(strip, "SampleCountTotal", path)
        allowed = [(total, lengths), (total, [sum(lengths)])]
    else:
        raise unusable("the file states no sample count", path)
    if any(all(length == count for length in found) for count, found in allowed):
        return
    wrong = next((lead for lead, values in counts.items() if len(values) != allowed[0][0]), "")
    raise unusable(f"lead {wrong} has not as many samples as the file states", path)
