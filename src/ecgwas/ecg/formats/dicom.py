"""DICOM waveforms: 12-lead ECG, general ECG and ambulatory ECG storage (PS3.3 A.34, C.10.9).

Read by pydicom (an extra: `pip install 'ecgwas[formats]'`), limited to these elements, so that nothing about the person is ever
in memory:

    WaveformSequence                          groups of channels that were recorded together
      WaveformOriginality                     DERIVED groups (the ECG device's median beat) are skipped
      SamplingFrequency, NumberOfWaveformChannels, NumberOfWaveformSamples, WaveformSampleInterpretation (SS or SL)
      ChannelDefinitionSequence               ChannelSourceSequence (which lead), sensitivity, its unit, correction, baseline
        ChannelTimeSkew, ChannelSampleSkew, ChannelOffset, ChannelStatus
      MultiplexGroupTimeOffset                when the group began; 0 if missing
      WaveformData, WaveformPaddingValue      interleaved samples; the value that stands for "not recorded"
    WaveformAnnotationSequence                ConceptNameCodeSequence, NumericValue, MeasurementUnitsCodeSequence

µV = baseline + sample * sensitivity * correction. Original groups with the same start, rate and length are combined (PS3.3
A.34.3 allows five for twelve leads); of the results the one with the most of the twelve leads is read, among equals the
longest. Channels whose skews or offsets differ by a sample or more, and channels that are not calibrated (ChannelStatus), are
refused; any other status gives a warning. A lead is identified by the meaning of its code, or by the code (PS3.16, CID 3001:
MDC and, in old files, SCPECG).
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas import extras
from ecgwas.ecg.device_measurements import plausible_measurements
from ecgwas.ecg.lead_codes import LEAD_BY_NUMBER, lead_number
from ecgwas.ecg.lead_groups import LeadGroup, best_groups
from ecgwas.ecg.quality import lead_list
from ecgwas.ecg.recording import Recording, is_new_lead, unusable
from ecgwas.ecg.spellings import number, standard_lead, uv_of
from ecgwas.leads import LEADS

NAME = "DICOM waveform"
PACKAGES = ("pydicom",)
ELEMENTS = ("WaveformSequence", "WaveformAnnotationSequence")
SAMPLES = {"SS": ("i2", 16), "SL": ("i4", 32)}
"""Sample interpretation -> numpy's type and bits."""
MEASUREMENTS = {
    "heart rate": "heart_rate_bpm", "ventricular heart rate": "heart_rate_bpm", "ventricular rate": "heart_rate_bpm",
    "rr interval": "rr_ms", "p duration": "p_ms", "pr interval": "pr_ms", "qrs duration": "qrs_ms", "qt interval": "qt_ms",
    "qtc interval (bazett)": "qtc_bazett_ms", "qtc interval (fridericia)": "qtc_fridericia_ms", "p axis": "p_axis_deg",
    "qrs axis": "qrs_axis_deg", "t axis": "t_axis_deg",
}  # fmt: skip
"""Code meanings -> our names. Vendors use several coding schemes but the same words. "QTc Interval" alone names no formula."""
DAMAGED = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, NameError, NotImplementedError, OSError,
    RecursionError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""pydicom raises any of these for a damaged file; a missing element is an AttributeError."""
MALFORMED = "DICOM cut off, malformed or without an ECG"
PREAMBLE = bytes(128) + b"DICM"
FIRST_ELEMENT = re.compile(rb"[\x02\x08]\x00[\x00-\x20]\x00(?:[A-Z]{2}|..\x00\x00)", re.DOTALL)
"""The first element of group 2 (meta information) or 8 (data set), with its type, or without it and below 64 KiB."""
NO_CORRECTION = "no ChannelSensitivityCorrectionFactor, taken as 1"
MIN_GAP_S = 0.04
"""A run of the padding value of at least this length is padding, even if the value also occurs in the signal."""
NO_VOLTAGE = ("UNCALIBRATED", "TEST DATA")
WITHOUT_FAULT = ("OK", "UNZEROED")
"""ChannelStatus (PS3.3, C.10.9) without a warning; an offset (UNZEROED) is removed with the baseline."""
MEASURED_IN = {"bpm": ("{h.b.}/min", "/min", "bpm", "{beats}/min"), "ms": ("ms",), "deg": ("deg",)}


def sniff(content: bytes) -> bool:
    """True for a DICOM file, with or without its preamble or parts of it."""
    return _with_preamble(content) is not None


def _with_preamble(content: bytes) -> bytes | None:
    """The file with its preamble; None if it is not DICOM."""
    if content[128:132] == b"DICM":
        return content
    if content.startswith(b"DICM") and FIRST_ELEMENT.match(content, 4):
        return bytes(128) + content
    if FIRST_ELEMENT.match(content):
        return PREAMBLE + content
    if not any(content[:128]) and FIRST_ELEMENT.match(content, 128):
        return PREAMBLE + content[128:]
    return None


def parse(content: bytes, path: Path) -> Recording:
    """Reads the waveform; raises InputError with a short reason."""
    pydicom: Any = extras.load("pydicom", by=f"a recording ({NAME})", where=path)
    try:
        with _captured_warnings() as warned:
            dataset = pydicom.dcmread(io.BytesIO(_with_preamble(content) or content), specific_tags=list(ELEMENTS))
            recording = _recording(dataset, path)
    except DAMAGED:
        raise unusable(MALFORMED, path) from None
    except Exception as error:
        if type(error).__module__.split(".")[0] != "pydicom":
            raise
        raise unusable(MALFORMED, path) from None
    file_warnings = "; ".join(one for one in (recording.warning, *_library_warnings(warned)) if one)
    return replace(recording, warning=file_warnings)


@contextmanager
def _captured_warnings() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield warned


def _library_warnings(warned: Sequence[warnings.WarningMessage]) -> list[str]:
    """The library's warnings, each once, only up to a colon or full stop: what follows could be a person's data."""
    words = [re.split(r":|[.] ", str(one.message))[0].strip(" .")[:100] for one in warned]
    return sorted({f"pydicom warns: {word}" for word in words})


def _recording(dataset: Any, path: Path) -> Recording:
    groups = [one for one in dataset.WaveformSequence if str(one.get("WaveformOriginality", "ORIGINAL")) != "DERIVED"]
    if not groups:
        raise unusable("no original waveform", path)
    names = [_leads(one, path) for one in groups]
    chosen = best_groups([_group(one, leads, path) for one, leads in zip(groups, names, strict=True)], path)
    if not chosen:
        raise unusable("no channel of a standard lead", path)
    _check_times([channel for place in chosen for channel in _named(groups[place], names[place])], groups[chosen[0]], path)
    leads: dict[str, NDArray[np.float64]] = {}
    file_warnings: set[str] = set()
    for place in chosen:
        file_warnings |= _status(_named(groups[place], names[place]), path)
        samples = _samples(groups[place], dataset.original_encoding[1] is not False, path)
        for channel, lead, row in zip(groups[place].ChannelDefinitionSequence, names[place], samples, strict=True):
            if is_new_lead(lead, leads, path):
                leads[lead] = _microvolts(channel, row, lead, file_warnings, path)
    return Recording(leads, _rate_hz(groups[chosen[0]], path), _device(dataset), warning="; ".join(sorted(file_warnings)))


def _named(group: Any, leads: Sequence[str | None]) -> list[tuple[str, Any]]:
    """Lead and channel, for the channels of standard leads."""
    return [(lead, channel) for lead, channel in zip(leads, group.ChannelDefinitionSequence, strict=True) if lead is not None]


def _check_times(channels: Sequence[tuple[str, Any]], group: Any, path: Path) -> None:
    """Raises InputError if channels of one group are shifted relative to each other by a sample or more."""
    per_second = {"ChannelTimeSkew": _rate_hz(group, path), "ChannelSampleSkew": 1.0, "ChannelOffset": _rate_hz(group, path)}
    for element, samples in per_second.items():
        shifts = [samples * _number(one, element, path, of=f" of lead {lead}", missing=0.0) for lead, one in channels]
        if max(shifts) - min(shifts) >= 1:
            raise unusable(f"leads begin at different times ({element})", path)


def _status(channels: Sequence[tuple[str, Any]], path: Path) -> set[str]:
    """Warnings about the status of channels; raises InputError if it says that their samples are not a voltage."""
    leads_of_word: dict[str, set[str]] = {}
    for lead, channel in channels:
        status = channel.get("ChannelStatus", None) or ()
        for word in (status,) if isinstance(status, str) else map(str, status):
            leads_of_word.setdefault(word.strip().upper(), set()).add(lead)
    for word in NO_VOLTAGE:
        if word in leads_of_word:
            raise unusable(f"ChannelStatus {word} of lead {_lead_list(leads_of_word[word])}", path)
    return {
        f"ChannelStatus {word[:20]} of lead {_lead_list(leads)}"
        for word, leads in leads_of_word.items()
        if word not in WITHOUT_FAULT
    }


def _lead_list(leads: set[str]) -> str:
    return lead_list([lead in leads for lead in LEADS])


def _group(group: Any, leads: Sequence[str | None], path: Path) -> LeadGroup:
    named = frozenset(lead for lead in leads if lead is not None)
    start = f"{_number(group, 'MultiplexGroupTimeOffset', path, missing=0.0):g}"
    return LeadGroup(named, _rate_hz(group, path), int(group.NumberOfWaveformSamples), start)


def _rate_hz(group: Any, path: Path) -> float:
    rate_hz = _number(group, "SamplingFrequency", path)
    if rate_hz <= 0:
        raise unusable("SamplingFrequency is not above 0", path)
    return rate_hz


def _number(item: Any, name: str, path: Path, *, of: str = "", missing: float | None = None) -> float:
    """The number in an element, or `missing` if it is absent or empty; raises InputError that names the element."""
    try:
        value = item.get(name, None)
        text = "" if value is None else str(value).strip()
    except (ValueError, TypeError):
        # Pydicom parses a number only when it is accessed.
        raise unusable(f"no number in {name}{of}", path) from None
    if not text and missing is not None:
        return missing
    parsed = number(text)
    if parsed is None:
        raise unusable(f"no number in {name}{of}", path)
    return parsed


def _samples(group: Any, little_endian: bool, path: Path) -> NDArray[np.float64]:
    """(C, S) counts; NaN for padding."""
    kind = SAMPLES.get(str(group.WaveformSampleInterpretation))
    if kind is None or kind[1] != int(group.WaveformBitsAllocated):
        raise unusable(f"samples of unknown type {group.WaveformSampleInterpretation}", path)
    dtype = np.dtype(("<" if little_endian else ">") + kind[0])
    channels, count = int(group.NumberOfWaveformChannels), int(group.NumberOfWaveformSamples)
    values = np.frombuffer(group.WaveformData, dtype=dtype)
    fits = channels * count > 0 and 0 <= len(values) - channels * count < channels
    if channels != len(group.ChannelDefinitionSequence) or not fits:
        raise unusable("leads do not have as many samples as the file states", path)
    rows = np.ascontiguousarray(values[: channels * count].reshape(count, channels).T, dtype=np.float64)
    padding = group.get("WaveformPaddingValue", None)
    if isinstance(padding, bytes):
        padding = np.frombuffer(padding, dtype, count=1)[0] if len(padding) >= dtype.itemsize else None
    if padding is not None:
        shortest = round(MIN_GAP_S * _rate_hz(group, path))
        for row in rows:
            row[_padded(row, float(padding), shortest)] = np.nan
    return rows


def _padded(row: NDArray[np.float64], padding: float, shortest: int) -> NDArray[np.bool_]:
    """(S,) True where a lead was not recorded.

    Padding should be a value that no sample has, but some files use 0, which every lead passes through. If the value lies
    within the range of the other samples, only runs of `shortest` samples or more count as padding.
    """
    is_padding: NDArray[np.bool_] = np.equal(row, padding)
    others = row[~is_padding]
    if not is_padding.any() or others.size == 0 or not others.min() <= padding <= others.max():
        return is_padding
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_padding, [False]])))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        is_padding[start:stop] = stop - start >= shortest
    return is_padding


def _leads(group: Any, path: Path) -> list[str | None]:
    """The standard lead of each channel, None for other leads; raises InputError if name and code contradict each other."""
    channels = list(group.ChannelDefinitionSequence)
    meant, coded = [_meant(channel) for channel in channels], [_coded(channel) for channel in channels]
    # Some programs write the code of lead I for every channel; a repeated code is ignored.
    if len(set(coded)) < len(coded):
        coded = [code if coded.count(code) == 1 else None for code in coded]
    for lead, code in zip(meant, coded, strict=True):
        if lead is not None and code is not None and LEAD_BY_NUMBER.get(code) != lead:
            raise unusable(f"lead {lead} has the code of another lead", path)
    return [lead or LEAD_BY_NUMBER.get(code or 0) for lead, code in zip(meant, coded, strict=True)]


def _meant(channel: Any) -> str | None:
    """The lead named in words by a channel's source or, without a source, by its label."""
    source = _source(channel)
    words = (source.get("CodeMeaning", ""), source.get("CodeValue", "")) if source else (channel.get("ChannelLabel", ""),)
    return next((lead for lead in map(standard_lead, map(str, words)) if lead is not None), None)


def _coded(channel: Any) -> int | None:
    source = _source(channel)
    return lead_number(str(source.get("CodingSchemeDesignator", "")), str(source.get("CodeValue", ""))) if source else None


def _source(channel: Any) -> Any:
    sources = channel.get("ChannelSourceSequence", None)
    return sources[0] if sources else None


def _microvolts(channel: Any, row: NDArray[np.float64], lead: str, file_warnings: set[str], path: Path) -> NDArray[np.float64]:
    """(S,) µV; adds to `file_warnings` what the file leaves open. Raises InputError that names the unusable element."""
    of = f" of lead {lead}"
    sensitivity = _number(channel, "ChannelSensitivity", path, of=of)
    correction = _number(channel, "ChannelSensitivityCorrectionFactor", path, of=of, missing=np.nan)
    baseline = _number(channel, "ChannelBaseline", path, of=of, missing=0.0)
    units = channel.get("ChannelSensitivityUnitsSequence", None)
    words = [str(units[0].get(name, "")).strip() for name in ("CodeValue", "CodeMeaning")] if units else []
    uv = next((uv for uv in map(uv_of, words) if uv is not None), None)
    if uv is None:
        shown = next((f"unknown unit '{word[:20]}'" for word in words if word), "no unit")
        raise unusable(f"{shown} in ChannelSensitivityUnitsSequence{of}", path)
    if np.isnan(correction):
        file_warnings.add(NO_CORRECTION)
        correction = 1.0
    if sensitivity * correction == 0:
        raise unusable(f"{'ChannelSensitivity' if sensitivity == 0 else 'ChannelSensitivityCorrectionFactor'}{of} is 0", path)
    return (row * (sensitivity * correction) + baseline) * uv


def _device(dataset: Any) -> dict[str, float]:
    measurements: dict[str, float | str | None] = {}
    for one in dataset.get("WaveformAnnotationSequence", None) or ():
        concept, unit = one.get("ConceptNameCodeSequence", None), one.get("MeasurementUnitsCodeSequence", None)
        name = MEASUREMENTS.get(str(concept[0].get("CodeMeaning", "")).strip().lower()) if concept else None
        if name is None or not unit or name in measurements:
            continue
        if str(unit[0].get("CodeValue", "")).lower() in MEASURED_IN[name.rpartition("_")[2]]:
            measurements[name] = number(str(one.get("NumericValue", "")))
    return plausible_measurements(measurements)
