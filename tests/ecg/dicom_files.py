"""DICOM waveforms group by group, with anything missing or strange that a test wants; counts are of 5 µV."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pydicom.uid
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset

from ecgwas.leads import LEADS
from tests.ecg.make_recordings import Counts, make_counts

NUMBERS = {"I": 1, "II": 2, "III": 61, "aVR": 62, "aVL": 63, "aVF": 64, **{f"V{k}": k + 2 for k in range(1, 7)}}
CID_3001 = {
    **{lead: f"Lead {lead}" for lead in LEADS}, "aVR": "aVR, augmented voltage, right", "aVL": "aVL, augmented voltage, left",
    "aVF": "aVF, augmented voltage, foot",
}  # fmt: skip

Source = tuple[str, str, str]
"""Code value, coding scheme, meaning; empty ones are left out."""


def source(lead: str) -> Source:
    """A lead exactly as DICOM PS3.16 CID 3001 names it."""
    return f"2:{NUMBERS[lead]}", "MDC", CID_3001[lead]


def code(value: str, scheme: str, meaning: str) -> Dataset:
    made = Dataset()
    for name, text in (("CodeValue", value), ("CodingSchemeDesignator", scheme), ("CodeMeaning", meaning)):
        if text:
            setattr(made, name, text)
    return made


def group(
    counts: Counts, *, sources: Mapping[str, Source] | None = None, rate: str = "500", offset: str | None = "0",
    padding: int | None = None, channel: Mapping[str, Any] | None = None,
) -> Dataset:  # fmt: skip
    """One multiplex group. channel: elements of every channel to be set, or to be left out where the value is None."""
    made = Dataset()
    made.WaveformOriginality, made.SamplingFrequency = "ORIGINAL", rate
    if offset is not None:
        made.MultiplexGroupTimeOffset = offset
    rows = np.stack(list(counts.values()))
    made.NumberOfWaveformChannels, made.NumberOfWaveformSamples = rows.shape
    made.WaveformBitsAllocated, made.WaveformSampleInterpretation = 16, "SS"
    made.ChannelDefinitionSequence = [_channel((sources or {}).get(lead, source(lead)), channel or {}) for lead in counts]
    made.WaveformData = rows.T.astype("<i2").tobytes()
    if padding is not None:
        made.add_new(0x5400100A, "OW", np.int16(padding).tobytes())
    return made


def _channel(named: Source, elements: Mapping[str, Any]) -> Dataset:
    made = Dataset()
    made.ChannelSourceSequence = [code(*named)]
    made.ChannelSensitivity, made.ChannelSensitivityCorrectionFactor, made.ChannelBaseline = "5", "1", "0"
    made.ChannelSensitivityUnitsSequence = [code("uV", "UCUM", "microvolt")]
    for name, value in elements.items():
        if value is None:
            delattr(made, name)
        else:
            setattr(made, name, value)
    return made


def whole(*groups: Dataset, syntax: str = pydicom.uid.ExplicitVRLittleEndian) -> bytes:
    """The file."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    made.file_meta.MediaStorageSOPClassUID = pydicom.uid.TwelveLeadECGWaveformStorage
    made.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("1.2.3")
    made.SOPClassUID, made.SOPInstanceUID = pydicom.uid.TwelveLeadECGWaveformStorage, "1.2.3"
    made.PatientName = "Do^Not^Read"
    made.WaveformSequence = list(groups)
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def some(leads: Sequence[str], start: int = 0, stop: int | None = None) -> dict[str, NDArray[np.int64]]:
    """Some leads of the simulated person."""
    return {lead: make_counts()[lead][start:stop] for lead in leads}
