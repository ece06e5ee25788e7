"""Files as recorders of many makers write them, with anything wrong that a test wants. Counts are whole numbers of 5 µV."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import edfio
import numpy as np
import pydicom
import pydicom.uid
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset

from ecgwas.leads import INDEPENDENT_LEADS
from tests.ecg.make_recordings import Counts, make_counts

UV = 5.0


def muse(
    counts: Counts | None = None, *, unit: str = "MICROVOLTS", per_bit: str = "5", rate: str = "500", before: str = "",
    total: str | None = None, crc: int | None = None, kind: str = "Rhythm", data: str | None = None, damaged: str = "",
) -> bytes:  # fmt: skip
    """GE MUSE XML: eight leads; the median, which must not be taken, holds other numbers. damaged: a lead of wrong checksum."""
    counts = make_counts() if counts is None else counts
    stored = {lead: counts[lead] for lead in INDEPENDENT_LEADS if lead in counts}
    leads = "".join(
        _muse_lead(lead, row, unit, per_bit, total, 1 if lead == damaged else crc, data) for lead, row in stored.items()
    )
    median = "".join(_muse_lead(lead, row[:600] + 9, unit, per_bit, None, None, None) for lead, row in stored.items())
    head = f"<SampleBase>{rate}</SampleBase><SampleExponent>0</SampleExponent>"
    return (
        f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd"{before}>\n<RestingECG>'
        "<PatientDemographics><PatientLastName>Do not read</PatientLastName></PatientDemographics>"
        "<RestingECGMeasurements><VentricularRate>60</VentricularRate><QTInterval>400</QTInterval><QOnset>216</QOnset>"
        "<QOffset>264</QOffset><ECGSampleBase>500</ECGSampleBase><ECGSampleExponent>0</ECGSampleExponent></RestingECGMeasurements>"
        f"<Waveform><WaveformType>Median</WaveformType>{head}{median}</Waveform>"
        f"<Waveform><WaveformType>{kind}</WaveformType>{head}{leads}</Waveform></RestingECG>"
    ).encode("latin-1")


def _muse_lead(
    lead: str, row: NDArray[np.int64], unit: str, per_bit: str, total: str | None, crc: int | None, data: str | None
) -> str:
    content = row.astype("<i2").tobytes()
    text = base64.encodebytes(content).decode() if data is None else data
    return (
        f"<LeadData><LeadSampleCountTotal>{len(row) if total is None else total}</LeadSampleCountTotal>"
        f"<LeadAmplitudeUnitsPerBit>{per_bit}</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>{unit}</LeadAmplitudeUnits>"
        f"<LeadID>{lead}</LeadID><LeadSampleSize>2</LeadSampleSize>"
        f"<LeadDataCRC32>{zlib.crc32(content) if crc is None else crc}</LeadDataCRC32>"
        f"<WaveFormData>{text}</WaveFormData></LeadData>"
    )


def aecg(
    counts: Counts | None = None, *, increment: str = '<increment value="0.002" unit="s"/>', unit: str = "uV", scale: str = "5",
    code: str = "RHYTHM", measured: str = "",
) -> bytes:  # fmt: skip
    """HL7 aECG; with origin 10 µV."""
    counts = make_counts() if counts is None else counts
    sequences = "".join(_sequence(lead, row, unit, scale) for lead, row in counts.items())
    time = f'<sequence><code code="TIME_ABSOLUTE"/><value><head value="2002"/>{increment}</value></sequence>'
    return (
        '<?xml version="1.0"?><!-- a comment -->\n<AnnotatedECG xmlns="urn:hl7-org:v3">'
        "<subject><name>Do not read</name></subject>"
        f'<component><series><code code="{code}"/><component>'
        f"<sequenceSet><component>{time}</component>{sequences}</sequenceSet></component>"
        f"{measured}</series></component></AnnotatedECG>"
    ).encode()


def _sequence(lead: str, row: NDArray[np.int64], unit: str, scale: str) -> str:
    digits = " ".join(str(value) for value in row.tolist())
    return (
        f'<component><sequence><code code="MDC_ECG_LEAD_{lead.upper()}"/><value><origin value="10" unit="{unit}"/>'
        f'<scale value="{scale}" unit="{unit}"/><digits>{digits}\n</digits></value></sequence></component>'
    )


def philips(
    counts: Counts | None = None, *, compression: str = "XLI", version: str = "1.04", duration: str = "10000",
    data: bytes | None = None, encoding: str = "utf-16",
) -> bytes:  # fmt: skip
    """Philips PageWriter XML. 1.03 names neither leads nor rate beside the waveforms, and has other names for the rest."""
    counts = make_counts() if counts is None else counts
    rows = [row.astype(np.int64) for row in counts.values()]
    packed = data if data is not None else _xli(rows) if compression == "XLI" else np.stack(rows).astype("<i2").tobytes()
    about = f'leadlabels="{" ".join(counts)}" numberofleads="{len(counts)}" samplespersecond="500" resolution="5"'
    resolution = "resolution" if version == "1.04" else "signalresolution"
    measured = (
        "<measurements><globalmeasurements><pfrontaxis>66</pfrontaxis><qrsfrontaxis>-21</qrsfrontaxis>"
        "<sthorizaxis>Indeterminate</sthorizaxis><tfrontaxis>59</tfrontaxis><meanventrate>41</meanventrate>"
        "<meanprint>151</meanprint><meanqrsdur>135</meanqrsdur><meanqtint>476</meanqtint><meanqtc>393</meanqtc>"
        "</globalmeasurements><groupmeasurements><groupmeasurement><meanqrsdur>96</meanqrsdur><meanrrint>1464</meanrrint>"
        "</groupmeasurement></groupmeasurements></measurements>"
    )
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><restingecgdata xmlns="http://www3.medical.philips.com">'
        f"<documentinfo><documenttype>PhilipsECG</documenttype><documentversion>{version}</documentversion></documentinfo>"
        "<patient><name><lastname>Do not read</lastname></name></patient><dataacquisition><signalcharacteristics>"
        f"<samplingrate>500</samplingrate><{resolution}>5</{resolution}><acquisitiontype>STD-12</acquisitiontype>"
        f"<numberchannelsallocated>{len(counts)}</numberchannelsallocated></signalcharacteristics></dataacquisition>"
        f"{measured if version == '1.03' else ''}"
        "<interpretations><globalmeasurements><heartrate>41</heartrate><qtint>564</qtint></globalmeasurements></interpretations>"
        f'<waveforms><parsedwaveforms dataencoding="Base64" compression="{compression}" durationperchannel="{duration}" '
        f"{about if version == '1.04' else ''}>{base64.encodebytes(packed).decode()}</parsedwaveforms></waveforms>"
        "</restingecgdata>"
    )
    return text.encode(encoding)


def _xli(rows: list[NDArray[np.int64]]) -> bytes:
    one, two, three, avr, avl, avf = rows[:6]
    left = [two - one - three, -avr - (one + two) // 2, (one - three) // 2 - avl, (two + three) // 2 - avf]
    return b"".join(_xli_channel(row) for row in (one, two, *left, *rows[6:]))


def _xli_channel(row: NDArray[np.int64]) -> bytes:
    bends = np.diff(row, 2)
    codes = np.concatenate([row[:2], 64 - bends[1:], [0]]).astype(np.uint16)
    packed = _lzw(bytes((codes >> 8).astype(np.uint8)) + bytes((codes & 255).astype(np.uint8)))
    return len(packed).to_bytes(4, "little") + b"\1\0" + int(-bends[0]).to_bytes(2, "little", signed=True) + packed


def _lzw(content: bytes) -> bytes:
    known = {bytes([value]): value for value in range(256)}
    codes, word = [], b""
    for value in content:
        longer = word + bytes([value])
        if longer in known:
            word = longer
            continue
        codes.append(known[word])
        if len(known) <= 1022:
            known[longer] = len(known)
        word = bytes([value])
    codes.append(known[word])
    bits = "".join(f"{code:010b}" for code in codes)
    return int(bits.ljust(-(-len(bits) // 8) * 8, "1"), 2).to_bytes(-(-len(bits) // 8))


def dicom(
    counts: Counts | None = None, *, unit: str = "uV", rate: str = "500", samples: int | None = None, drop: str = ""
) -> bytes:
    """A DICOM 12-lead ECG: a derived group, which must not be taken, then the original one."""
    counts = make_counts() if counts is None else counts
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.TwelveLeadECGWaveformStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("1.2.3")
    whole = Dataset()
    whole.file_meta = meta
    whole.SOPClassUID, whole.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    whole.PatientName, whole.PatientBirthDate = "Do^Not^Read", "19000101"
    derived = _dicom_group({lead: row[:1000] + 7 for lead, row in counts.items()}, unit, rate)
    derived.WaveformOriginality = "DERIVED"
    original = _dicom_group(counts, unit, rate)
    if samples is not None:
        original.NumberOfWaveformSamples = samples
    if drop:
        delattr(original, drop)
    whole.WaveformSequence = [derived, original]
    whole.WaveformAnnotationSequence = [_dicom_measured("QT Interval", "400", "ms"), _dicom_measured("QRS Axis", "0.5", "rad")]
    stream = io.BytesIO()
    whole.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _dicom_group(counts: Counts, unit: str, rate: str) -> Dataset:
    group = Dataset()
    group.WaveformOriginality, group.SamplingFrequency = "ORIGINAL", rate
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = len(counts), len(next(iter(counts.values())))
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.ChannelDefinitionSequence = [_dicom_channel(lead, unit) for lead in counts]
    group.WaveformData = np.stack(list(counts.values())).T.astype("<i2").tobytes()
    return group


def _dicom_channel(lead: str, unit: str) -> Dataset:
    channel = Dataset()
    channel.ChannelSourceSequence = [_code(lead, f"Lead {lead} (Einthoven)")]
    channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = "2.5", "2", "10"
    channel.ChannelSensitivityUnitsSequence = [_code(unit, unit)]
    channel.WaveformBitsStored = 16
    return channel


def _dicom_measured(meaning: str, value: str, unit: str) -> Dataset:
    measured = Dataset()
    measured.ConceptNameCodeSequence, measured.MeasurementUnitsCodeSequence = [_code("1", meaning)], [_code(unit, unit)]
    measured.NumericValue, measured.ReferencedWaveformChannels = value, [1, 0]
    return measured


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "TEST", meaning
    return code


def edf(counts: Counts | None = None, *, unit: str = "uV", rate: float = 500.0) -> bytes:
    """EDF with a respiration signal of another rate; digital values are the counts."""
    counts = make_counts() if counts is None else counts
    limits = {"physical_range": (-32768 * UV, 32767 * UV), "digital_range": (-32768, 32767)}
    signals = [
        edfio.EdfSignal(row * UV, rate, label=f"ECG {lead}", physical_dimension=unit, **limits) for lead, row in counts.items()
    ]
    breath = edfio.EdfSignal(np.sin(np.arange(100.0)), 10, label="Resp", physical_dimension="")
    stream = io.BytesIO()
    edfio.Edf([*signals, breath], patient=edfio.Patient(name="Do_not_read"), data_record_duration=1).write(stream)
    return stream.getvalue()


def wfdb_16(folder: Path, counts: Counts | None = None, *, name: str = "record", header: str | None = None) -> Path:
    """A WFDB record of format 16 by hand; the header's path."""
    counts = make_counts() if counts is None else counts
    rows = np.stack(list(counts.values()))
    (folder / f"{name}.dat").write_bytes(rows.T.astype("<i2").tobytes())
    lines = [f"{name} {len(rows)} 500 {rows.shape[1]}"]
    lines += [
        f"{name}.dat 16 200(0)/mV 16 0 {row[0]} {int(np.int64(row.sum()).astype(np.int16))} 0 {lead.lower()}"
        for lead, row in counts.items()
    ]
    path = folder / f"{name}.hea"
    path.write_text("\n".join([*lines, "# do not read: diagnosis"]) + "\n" if header is None else header)
    return path


def exercise(counts: Mapping[str, NDArray[np.int64]] | None = None, *, order: str = "I,2,3", total: str = "") -> bytes:
    """CardioSoft XML of an exercise test: seconds of one lead after seconds of another."""
    known = make_counts()
    counts = {"I": known["I"], "2": known["II"], "3": known["III"]} if counts is None else counts
    blocks = np.stack(list(counts.values())).reshape(len(counts), -1, 500).transpose(1, 0, 2)
    lines = ",\n\t\t".join(",".join(str(value) for value in block) for block in blocks.reshape(-1, 500).tolist())
    return (
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<CardiologyXML><ObservationType>Exercise</ObservationType>'
        "<PatientInfo><Name><FamilyName>Do not read</FamilyName></Name></PatientInfo>"
        "<ExerciseMeasurements><MaxHeartRate>140</MaxHeartRate><MaxWorkload>90</MaxWorkload>"
        "<RestingStats><RestHR>66</RestHR></RestingStats></ExerciseMeasurements><Protocol>"
        "<Phase><PhaseName>Pretest</PhaseName><PhaseDuration><Minute>0</Minute><Second>15</Second></PhaseDuration></Phase>"
        "<Phase><PhaseName>Exercise</PhaseName><PhaseDuration><Minute>6</Minute><Second>0</Second></PhaseDuration></Phase>"
        "</Protocol><StripData><Strip><WaveformData lead='I'>1,2,3</WaveformData></Strip></StripData>"
        '<FullDisclosure><SampleRate units="Hz">500</SampleRate><Resolution units="uVperLsb">5</Resolution>'
        f"<LeadOrder>{order}</LeadOrder><FullDisclosureData>\n\t\t{lines},\n\t\t{total}</FullDisclosureData></FullDisclosure>"
        "</CardiologyXML>"
    ).encode("latin-1")


def array(folder: Path, counts: Counts | None = None, *, name: str = "array", turned: bool = False, **sidecar: object) -> Path:
    """A .npy of counts with a sidecar in JSON; its unit says mV, as counts / 200."""
    counts = make_counts() if counts is None else counts
    rows = np.stack(list(counts.values())) / 200
    path = folder / f"{name}.npy"
    np.save(path, rows.T if turned else rows)
    path.with_suffix(".json").write_text(json.dumps({"rate_hz": 500, "unit": "mV", "leads": list(counts), **sidecar}))
    return path


def text_table(
    folder: Path, counts: Counts | None = None, *, name: str = "table", separator: str = ",", header: bool = True
) -> Path:
    """A table of µV with a column of time and a sidecar in YAML."""
    counts = make_counts() if counts is None else counts
    columns = np.stack([np.arange(len(next(iter(counts.values())))) * 2, *(row * 5 for row in counts.values())], axis=1)
    lines = [separator.join(str(value) for value in row) for row in columns.tolist()]
    names = ["time_ms", *counts]
    path = folder / f"{name}.csv"
    path.write_text("\n".join([separator.join(names), *lines] if header else lines) + "\n", encoding="utf-8")
    sidecar = "rate_hz: 500\nunit: µV\ndevice: {qt_ms: 400, pr_ms: -1}\n" + ("" if header else f"leads: [{', '.join(names)}]\n")
    path.with_suffix(".yaml").write_text(sidecar, encoding="utf-8")
    return path
