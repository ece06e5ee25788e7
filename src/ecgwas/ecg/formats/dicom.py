"""DICOM waveforms: 12-lead ECG, general ECG and ambulatory ECG storage (PS3.3 A.34, C.10.9).

Read by pydicom (an extra: `pip install 'ecgwas[formats]'`), which is told to read these elements and no other, so that nothing
of the person is ever in memory:

    WaveformSequence                          groups of channels that were recorded together
      WaveformOriginality                     DERIVED groups (the recorder's median beat) are passed over
      SamplingFrequency, NumberOfWaveformChannels, NumberOfWaveformSamples, WaveformSampleInterpretation (SS or SL)
      ChannelDefinitionSequence               ChannelSourceSequence (which lead), sensitivity, its unit, correction, baseline
      WaveformData                            sample by sample, channels interleaved
    WaveformAnnotationSequence                ConceptNameCodeSequence, NumericValue, MeasurementUnitsCodeSequence

µV = baseline + sample * sensitivity * correction. Of several original groups the one with the most of the twelve leads counts.
"""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.ecg.device import stated
from ecgwas.ecg.extras import needed
from ecgwas.ecg.recording import Recording, is_new, unusable
from ecgwas.ecg.words import number, standard_lead, uv_of

SPELLED = "DICOM waveform"
ELEMENTS = ("WaveformSequence", "WaveformAnnotationSequence")
SAMPLES = {"SS": ("i2", 16), "SL": ("i4", 32)}
"""Sample interpretation -> numpy's type and bits."""
MEASUREMENTS = {
    "heart rate": "heart_rate_bpm", "ventricular heart rate": "heart_rate_bpm", "ventricular rate": "heart_rate_bpm",
    "rr interval": "rr_ms", "p duration": "p_ms", "pr interval": "pr_ms", "qrs duration": "qrs_ms", "qt interval": "qt_ms",
    "qtc interval (bazett)": "qtc_bazett_ms", "qtc interval (fridericia)": "qtc_fridericia_ms", "p axis": "p_axis_deg",
    "qrs axis": "qrs_axis_deg", "t axis": "t_axis_deg",
}  # fmt: skip
"""Code meanings -> our names; vendors use several coding schemes, but the same words. "QTc Interval" alone names no formula."""
DAMAGED = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, NameError, NotImplementedError, OSError,
    RecursionError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""pydicom meets a damaged file with whatever error comes first; a missing element is an AttributeError."""
MEASURED_IN = {"bpm": ("{h.b.}/min", "/min", "bpm", "{beats}/min"), "ms": ("ms",), "deg": ("deg",)}


def sniff(content: bytes) -> bool:
    """True for a DICOM file with its preamble."""
    return content[128:132] == b"DICM"


def parse(content: bytes, path: Path) -> Recording:
    """The waveform in the bytes of a file; raises InputError with a short reason."""
    pydicom = needed("pydicom", "DICOM files")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = pydicom.dcmread(io.BytesIO(content), specific_tags=list(ELEMENTS))
            return _recording(read, path)
    except DAMAGED:
        raise unusable("DICOM cut off, malformed or without an ECG", path) from None
    except Exception as error:
        if type(error).__module__.split(".")[0] != "pydicom":
            raise
        raise unusable("DICOM cut off, malformed or without an ECG", path) from None


def _recording(read: Any, path: Path) -> Recording:
    groups = [one for one in read.WaveformSequence if str(one.get("WaveformOriginality", "ORIGINAL")) != "DERIVED"]
    if not groups:
        raise unusable("no original waveform", path)
    best = max(groups, key=lambda one: sum(_lead(channel) is not None for channel in one.ChannelDefinitionSequence))
    samples = _samples(best, read.original_encoding[1] is not False, path)
    leads: dict[str, NDArray[np.float64]] = {}
    for channel, row in zip(best.ChannelDefinitionSequence, samples, strict=True):
        lead = _lead(channel)
        if is_new(lead, leads, path):
            leads[lead] = _microvolts(channel, row, lead, path)
    if not leads:
        raise unusable("no channel of a standard lead", path)
    rate_hz = float(best.SamplingFrequency)
    if not (np.isfinite(rate_hz) and rate_hz > 0):
        raise unusable("SamplingFrequency is not above 0", path)
    return Recording(leads, rate_hz, _device(read))


def _samples(group: Any, little_endian: bool, path: Path) -> NDArray[Any]:
    """(C, S) whole numbers as stored."""
    kind = SAMPLES.get(str(group.WaveformSampleInterpretation))
    if kind is None or kind[1] != int(group.WaveformBitsAllocated):
        raise unusable(f"samples of unknown type {group.WaveformSampleInterpretation}", path)
    channels, count = int(group.NumberOfWaveformChannels), int(group.NumberOfWaveformSamples)
    values = np.frombuffer(group.WaveformData, dtype=("<" if little_endian else ">") + kind[0])
    if channels != len(group.ChannelDefinitionSequence) or len(values) < channels * count or channels * count <= 0:
        raise unusable("leads have not as many samples as the file states", path)
    return values[: channels * count].reshape(count, channels).T


def _lead(channel: Any) -> str | None:
    return standard_lead(str(channel.ChannelSourceSequence[0].get("CodeMeaning", "")))


def _microvolts(channel: Any, row: NDArray[Any], lead: str, path: Path) -> NDArray[np.float64]:
    unit = channel.ChannelSensitivityUnitsSequence[0].get("CodeValue", "") if "ChannelSensitivity" in channel else ""
    uv = uv_of(str(unit))
    if uv is None:
        raise unusable(f"no sensitivity or unit of lead {lead}", path)
    sensitivity = float(channel.ChannelSensitivity) * float(channel.get("ChannelSensitivityCorrectionFactor", None) or 1)
    baseline = float(channel.get("ChannelBaseline", None) or 0)
    return (row * sensitivity + baseline) * uv


def _device(read: Any) -> dict[str, float]:
    found: dict[str, float | str | None] = {}
    for one in read.get("WaveformAnnotationSequence", None) or ():
        concept, unit = one.get("ConceptNameCodeSequence", None), one.get("MeasurementUnitsCodeSequence", None)
        name = MEASUREMENTS.get(str(concept[0].get("CodeMeaning", "")).strip().lower()) if concept else None
        if name is None or not unit or name in found:
            continue
        if str(unit[0].get("CodeValue", "")).lower() in MEASURED_IN[name.rpartition("_")[2]]:
            found[name] = number(str(one.get("NumericValue", "")))
    return stated(found)
