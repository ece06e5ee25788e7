"""Single formats: broken files give one short reason, and independent readers agree. Shared rules: test_format_contract.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sierraecg
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgwas import extras
from ecgwas.ecg import formats
from ecgwas.ecg.formats import philips
from ecgwas.ecg.recording import Recording
from ecgwas.ecg.spellings import standard_lead, uv_of
from ecgwas.errors import InputError, ToolError
from ecgwas.leads import LEADS
from tests.ecg import vendors
from tests.ecg.format_files import FORMAT_FILES, tried
from tests.ecg.make_recordings import make_counts
from tests.ecg.wfdb_files import read_signals


@pytest.mark.parametrize("name", FORMAT_FILES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_flipped_bytes_give_a_recording_or_a_reason(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    path = FORMAT_FILES[name][1](folder)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, min(len(content), 20_000) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    recording, reason = tried(path)
    if recording is None:
        assert reason
        return
    assert all(values.dtype == np.float64 and values.ndim == 1 for values in recording.leads.values())
    assert recording.rate_hz > 0


HOSTILE = ("1e308", "-1", "0", "0.3", "nan", "5e-324", "9" * 5000, "1e400", "٣", "0x10", "1_0", "")
NUMBER = re.compile(rb"(?<=[>\"= (/])-?\d[\d.]*(?=[\"< \n),/])")


@pytest.mark.parametrize(
    "name", ["cardiosoft", "exercise", "muse", "mortara", "aecg", "philips 1.03", "edf", "wfdb", "array", "table, no header"]
)
def test_hostile_numbers_in_every_place(name: str, tmp_path: Path) -> None:
    """Each number outside of the waveforms becomes one that is huge, tiny, negative or none at all."""
    path = FORMAT_FILES[name][1](tmp_path)
    beside = path.with_suffix(".json" if name == "array" else ".yaml")
    target = beside if beside.is_file() else path
    content = target.read_bytes()
    places = [match.span() for match in NUMBER.finditer(content)]
    chosen = places if len(places) < 40 else [*places[:25], *places[25 :: len(places) // 15]]
    for start, stop in chosen:
        for hostile in HOSTILE:
            target.write_bytes(content[:start] + hostile.encode() + content[stop:])
            recording, reason = tried(path)
            assert (recording is None) == (reason != "")
            assert len(reason) < 100


def device(path: Path) -> dict[str, float]:
    return dict(formats.read(path).device)


def test_device_measurements_with_their_units(tmp_path: Path) -> None:
    found = {name: device(make(tmp_path)) for name, (_, make) in FORMAT_FILES.items()}
    assert found["muse"] == {"heart_rate_bpm": 60.0, "qt_ms": 400.0, "qrs_on_ms": 432.0, "qrs_off_ms": 528.0}
    assert found["philips 1.04"] == {"heart_rate_bpm": 41.0, "qt_ms": 564.0}
    assert found["dicom"] == {"qt_ms": 400.0}
    assert found["table"] == {"qt_ms": 400.0}
    assert found["exercise"] == {"heart_rate_bpm": 66.0}


def annotation(code: str, value: str, unit: str, support: str = "") -> str:
    told = f'<annotation><code code="{code}"/><value value="{value}" unit="{unit}"/>{support}</annotation>'
    return f"<component>{told}</component>"


def test_aecg_takes_the_median_of_beats_measured_by_a_device(tmp_path: Path) -> None:
    boundary = '<boundary><code code="MDC_ECG_LEAD_II"/></boundary>'
    of_lead = f"<support><supportingROI><component>{boundary}</component></supportingROI></support>"
    beats = "".join(annotation("MDC_ECG_TIME_PD_QT", value, "ms") for value in ("400", "410", "990"))
    beats += annotation("MDC_ECG_TIME_PD_QRS", "0.1", "s") + annotation("MDC_ECG_TIME_PD_PR", "150", "ms", of_lead)
    sets = [
        f"<subjectOf><annotationSet><author>{author}</author>{told}</annotationSet></subjectOf>"
        for author, told in (
            ("<assignedPerson/>", annotation("MDC_ECG_TIME_PD_QT", "1", "ms")),
            ("<assignedDevice/>", beats),
        )
    ]
    path = tmp_path / "1.xml"
    path.write_bytes(vendors.aecg(measured="".join(sets)))
    assert device(path) == {"qt_ms": 410.0}


@pytest.mark.parametrize(("crc", "warning"), [(0, ""), (1, "the checksum of every lead is wrong"), (None, "")])
def test_muse_written_by_those_who_count_no_checksum_is_read(tmp_path: Path, crc: int | None, warning: str) -> None:
    path = tmp_path / "1.xml"
    path.write_bytes(vendors.muse(crc=crc))
    recording = formats.read(path)
    assert recording.warning == warning
    np.testing.assert_array_equal(recording.leads["V2"], make_counts()["V2"] * vendors.UV)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "muse: unit": (lambda: vendors.muse(unit="FEET"), "unknown unit in LeadAmplitudeUnits of lead I"),
    "muse: count": (lambda: vendors.muse(total="1000000000000"), "lead I does not have as many samples as the file states"),
    "muse: checksum": (lambda: vendors.muse(damaged="V2"), "lead V2 does not match its checksum"),
    "muse: rate": (lambda: vendors.muse(rate="fast"), "no number in SampleBase"),
    "muse: no rhythm": (lambda: vendors.muse(kind="Median"), "no rhythm waveform"),
    "muse: not base64": (lambda: vendors.muse(data="!!!"), "lead I is not base64"),
    "muse: declared entity": (
        lambda: vendors.muse(before=' [<!ENTITY a "b">]'),
        "XML with a document type (entities are refused)",
    ),
    "aecg: unit": (lambda: vendors.aecg(unit="degC"), "unknown unit of scale of lead I"),
    "aecg: no time": (lambda: vendors.aecg(increment=""), "no time between samples"),
    "aecg: beat only": (lambda: vendors.aecg(code="REPRESENTATIVE_BEAT"), "no rhythm series"),
    "aecg: scale 0": (lambda: vendors.aecg(scale="0"), "scale of lead I is 0"),
    "aecg: text": (lambda: vendors.aecg().replace(b" 1", b" one", 1), "text in the waveform of lead I"),
    "philips: packing": (lambda: vendors.philips(compression="ZIP"), "unknown compression of the waveforms: ZIP"),
    "philips: too short": (lambda: vendors.philips(duration="11000"), "leads do not have as many samples as the file states"),
    "philips: declared size": (lambda: vendors.philips(data=b"\xff\xff\xff\x7f\1\0\0\0ab"), "compressed waveform is cut off"),
    "philips: damaged": (lambda: vendors.philips(data=b"\4\0\0\0\1\0\0\0\xfb\xfb\xfb\xfb"), "compressed waveform is damaged"),
    "dicom: declared count": (
        lambda: vendors.dicom(samples=2**31),
        "leads do not have as many samples as the file states",
    ),
    "dicom: unit": (
        lambda: vendors.dicom(unit="mm[Hg]"),
        "unknown unit 'mm[Hg]' in ChannelSensitivityUnitsSequence of lead I",
    ),
    "dicom: no data": (lambda: vendors.dicom(drop="WaveformData"), "DICOM cut off, malformed or without an ECG"),
    "edf: unit": (lambda: vendors.edf(unit="degC"), "unknown unit of lead I: 'degC'"),
    "edf: record count": (
        lambda: (content := vendors.edf())[:236] + b"99999999" + content[244:],
        "EDF does not have as many samples as its header states",
    ),
    "exercise: count": (
        lambda: vendors.exercise(total="<SampleCountTotal>15001</SampleCountTotal>"),
        "the full disclosure does not have as many samples as the file states",
    ),
    "exercise: leads": (lambda: vendors.exercise(order="I,2"), "the full disclosure does not hold whole seconds"),
    "exercise: lead twice": (lambda: vendors.exercise(order="I,I,3"), "no valid LeadOrder"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_each_bad_file_has_its_reason(name: str, tmp_path: Path) -> None:
    make, reason = BAD[name]
    path = tmp_path / "bad"
    path.write_bytes(make())
    if name == "exercise: leads":
        path.write_bytes(vendors.exercise({"I": make_counts()["I"][:4500]}, order="I,2"))
    with pytest.raises(InputError) as caught:
        formats.read(path)
    assert caught.value.problem == reason


def test_exercise_keeps_names_that_are_no_standard_leads(tmp_path: Path) -> None:
    path = FORMAT_FILES["exercise"][1](tmp_path)
    recording = formats.read(path)
    assert list(recording.leads) == ["I", "2", "3"]
    np.testing.assert_array_equal(recording.leads["3"], make_counts()["III"] * 5.0)
    assert recording.notes[-2:] == ("phase Pretest: 15 s", "phase Exercise: 360 s")


def test_philips_remainders_without_compression(tmp_path: Path) -> None:
    counts = make_counts()
    one, two, three = counts["I"], counts["II"], counts["III"]
    left = {
        "III": two - one - three, "aVR": -counts["aVR"] - (one + two) // 2,
        "aVL": (one - three) // 2 - counts["aVL"], "aVF": (two + three) // 2 - counts["aVF"],
    }  # fmt: skip
    path = tmp_path / "1.xml"
    path.write_bytes(vendors.philips(counts | left, compression="Uncompressed"))
    for lead, values in formats.read(path).leads.items():
        np.testing.assert_array_equal(values, counts[lead] * 5.0)


@pytest.mark.parametrize("samples", range(3, 40))
def test_xli_of_any_length(samples: int, tmp_path: Path) -> None:
    """Leads of any number of samples, and packed waveforms of odd numbers of bytes."""
    counts = {lead: row[:samples] for lead, row in make_counts().items()}
    path = tmp_path / "1.xml"
    path.write_bytes(vendors.philips(counts, duration=str(2 * samples)))
    np.testing.assert_array_equal(formats.read(path).leads["V5"], counts["V5"] * 5.0)


def test_lzw_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Runs of one value pack a thousandfold; a bound stops them."""
    monkeypatch.setattr(philips, "MAX_LEAD_BYTES", 8_000)
    path = tmp_path / "1.xml"
    path.write_bytes(vendors.philips())
    with pytest.raises(InputError, match="longer than half an hour"):
        formats.read(path)


# WFDB


@pytest.mark.parametrize("form", ["16", "24", "32", "80"])
def test_wfdb_formats_as_the_library_writes_them(form: str, tmp_path: Path) -> None:
    rows = np.stack(list(make_counts().values()))
    digital = np.clip(rows[:, :4999], -127, 126) if form == "80" else rows[:, :4999]
    wfdb.wrsamp(
        "r", fs=500, units=["mV"] * 12, sig_name=list(LEADS), d_signal=digital.T.copy(), fmt=[form] * 12, adc_gain=[200.0] * 12,
        baseline=[3] * 12, write_dir=str(tmp_path),
    )  # fmt: skip
    recording = formats.read(tmp_path / "r.hea")
    theirs = wfdb.rdrecord(str(tmp_path / "r")).p_signal.T * 1000
    ours = np.stack([recording.leads[lead] for lead in LEADS])
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("form", "count"), [("61", 5000), ("212", 5000), ("212", 4999)])
def test_wfdb_formats_as_the_library_reads_them(form: str, count: int, tmp_path: Path) -> None:
    rows = [make_counts()[lead][:count] for lead in ("I", "II", "V2")]
    values = np.stack(rows).T.ravel()
    (tmp_path / "r.dat").write_bytes(values.astype(">i2").tobytes() if form == "61" else packed_212(values))
    lines = [
        f"r.dat {form} 200(-7)/mV 12 0 {row[0]} {int(row.sum()) % 65536} 0 {lead}"
        for lead, row in zip(("I", "II", "V2"), rows, strict=True)
    ]
    (tmp_path / "r.hea").write_text("\n".join([f"r 3 500 {count}", *lines]) + "\n")
    theirs = wfdb.rdrecord(str(tmp_path / "r")).p_signal.T * 1000
    ours = np.stack(list(formats.read(tmp_path / "r.hea").leads.values()))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


def packed_212(values: np.ndarray) -> bytes:
    """Two samples of 12 bits in three bytes."""
    twelve = [int(value) & 0xFFF for value in values] + [0] * (len(values) % 2)
    content = bytearray()
    for first, second in zip(twelve[::2], twelve[1::2], strict=True):
        content += bytes([first & 0xFF, first >> 8 | second >> 8 << 4, second & 0xFF])
    return bytes(content)


HEADERS = {
    "../record.dat 16 200 16 0 0 0 0 I": "a signal file with a path in its name",
    "/etc/hostname 16 200 16 0 0 0 0 I": "a signal file with a path in its name",
    "nowhere.dat 16 200 16 0 0 0 0 I": "signal file: no such file",
    "record.dat 16x4 200 16 0 0 0 0 I": "signals have different rates, or skew",
    "record.dat 310 200 16 0 0 0 0 I": "WFDB format 310",
    "record.dat 16 2..0 16 0 0 0 0 I": "gain of lead I is '2..0', which is not valid",
    "record.dat 16 200/feet 16 0 0 0 0 I": "unknown unit of lead I: 'feet'",
    "record.dat 16 200 16 0 0 1 0 I": "lead I does not match its checksum",
    "record.dat 16 200 16 0 0 0 0 breath": "no signal of a standard lead",
}


@pytest.mark.parametrize("line", HEADERS)
def test_wfdb_headers_that_cannot_be_used(line: str, tmp_path: Path) -> None:
    vendors.wfdb_16(tmp_path, header=f"record 1 500 5000\n{line}\n")
    with pytest.raises(InputError) as caught:
        formats.read(tmp_path / "record.hea")
    assert caught.value.problem == HEADERS[line]


def test_wfdb_counts_are_not_believed(tmp_path: Path) -> None:
    vendors.wfdb_16(tmp_path, header="record 1 500 100000000000\nrecord.dat 16 200 16 0 0 0 0 I\n")
    with pytest.raises(InputError, match="signal file does not have as many samples as the header states"):
        formats.read(tmp_path / "record.hea")
    vendors.wfdb_16(tmp_path, header="record/3 12 500 5000\nrecord_1 5000\n")
    with pytest.raises(InputError, match="a WFDB record with several segments"):
        formats.read(tmp_path / "record.hea")


def test_wfdb_missing_samples_are_nan(tmp_path: Path) -> None:
    counts = make_counts()
    counts["V2"][7] = -32768
    leads = formats.read(vendors.wfdb_16(tmp_path, counts)).leads
    assert np.flatnonzero(np.isnan(leads["V2"])).tolist() == [7]


# Tables and arrays

SIDECARS = {
    '{"unit": "mV", "leads": ["I"]}': "sidecar: no rate_hz above 0",
    '{"rate_hz": "nan", "unit": "mV", "leads": ["I"]}': "sidecar: no rate_hz above 0",
    '{"rate_hz": 500, "leads": ["I"]}': "sidecar: no unit of voltage",
    '{"rate_hz": 500, "unit": "mV"}': "sidecar: no leads",
    '{"rate_hz": 500, "unit": "mV", "leads": "I"}': "sidecar: leads must be a list of names",
    '{"rate_hz": 500, "unit": "mV", "leads": ["I"], "name": "x"}': "sidecar: unknown key name",
    '{"rate_hz": 500, "unit": "mV", "leads": ["I"]}': "array of shape 12x5000 does not fit 1 leads",
    "[1, 2": "sidecar: cannot be read",
    "!!python/object/apply:os.system [true]": "sidecar: cannot be read",
    '"words"': "sidecar: no keys",
}


@pytest.mark.parametrize("text", SIDECARS)
def test_sidecars_that_cannot_be_used(text: str, tmp_path: Path) -> None:
    path = vendors.array(tmp_path)
    path.with_suffix(".json").write_text(text)
    with pytest.raises(InputError) as caught:
        formats.read(path)
    assert caught.value.problem == SIDECARS[text]


def test_a_sidecar_that_unfolds_without_end(tmp_path: Path) -> None:
    """Ten lists of ten lists, eleven deep: held as references, 10**12 letters if anybody wrote them out."""
    path = vendors.text_table(tmp_path)
    folds = ["device:", "  qt_ms: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    folds += [f"  a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 12)]
    for told, reason in (
        ("rate_hz: *a11\nunit: mV", "sidecar: no rate_hz above 0"),
        ("rate_hz: 500\nunit: *a11", "sidecar: no unit of voltage"),
    ):
        path.with_suffix(".yaml").write_text("\n".join([*folds, told]) + "\n")
        with pytest.raises(InputError, match=reason):
            formats.read(path)
    path.with_suffix(".yaml").write_text("\n".join([*folds, "rate_hz: 500\nunit: mV"]) + "\n")
    assert device(path) == {}


def test_arrays_of_objects_and_of_declared_sizes(tmp_path: Path) -> None:
    path = vendors.array(tmp_path)
    np.save(path, np.array([{}, {}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="of objects"):
        formats.read(path)
    content = vendors.array(tmp_path).read_bytes()
    path.write_bytes(content.replace(b"(12, 5000)", b"(12, 5e99)".replace(b"5e99", b"9999")))
    with pytest.raises(InputError, match="array"):
        formats.read(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(InputError, match="no sidecar"):
        formats.read(path)


def test_companions_are_what_a_recording_needs(tmp_path: Path) -> None:
    assert formats.companions(vendors.wfdb_16(tmp_path)) == (tmp_path / "record.dat",)
    assert formats.companions(vendors.array(tmp_path)) == (tmp_path / "array.json",)
    assert formats.companions(FORMAT_FILES["muse"][1](tmp_path)) == ()
    assert formats.companions(tmp_path / "nowhere") == ()


# Words


@pytest.mark.parametrize(
    ("spelling", "lead"),
    [
        ("avr", "aVR"), ("MDC_ECG_LEAD_AVF", "aVF"), (" Lead I (Einthoven)", "I"), ("ECG V3", "V3"), ("EKG_II", "II"),
        ("V6-REF", "V6"), ("DIII", "III"), ("C4", "V4"), ("X", None), ("", None), ("V7", None),
        ("Respiration", None), ("2", None),
    ],
)  # fmt: skip
def test_spellings_of_leads(spelling: str, lead: str | None) -> None:
    assert standard_lead(spelling) == lead


def test_units() -> None:
    assert [uv_of(unit) for unit in ("uV", "µV", "μV", "mV", "nV", "V", "MICROVOLTS", "kg", "")] == [
        1.0, 1.0, 1.0, 1e3, 1e-3, 1e6, 1.0, None, None,
    ]  # fmt: skip


def test_a_missing_library_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match="is not installed") as caught:
        formats.read(FORMAT_FILES["dicom"][1](tmp_path))
    assert caught.value.fix == "pip install 'ecgwas[formats]'"


# Real files


@pytest.fixture(scope="session")
def devices(shared: Path) -> dict[str, Recording]:
    folder = shared / "data" / "ecg" / "devices"
    return {path.name: formats.read(path) for path in sorted(folder.iterdir()) if path.suffix in (".xml", ".dcm", ".hea")}


@pytest.mark.real
def test_every_real_file_reads(devices: dict[str, Recording]) -> None:
    assert len(devices) == 9
    found = {name: (recording.rate_hz, recording.seconds, len(recording.leads)) for name, recording in devices.items()}
    assert found == {
        "aecg_1.xml": (500.0, 10.0, 12), "aecg_minimum.xml": (500.0, 0.026, 1), "cardiosoft_ukb_20205.xml": (500.0, 10.0, 12),
        "dicom_1.dcm": (1000.0, 10.0, 12), "muse_1.xml": (500.0, 10.0, 8), "muse_2.xml": (500.0, 10.0, 8),
        "philips_104.xml": (500.0, 11.0, 12), "philips_104_decoded.xml": (500.0, 11.0, 12), "s0010_re.hea": (1000.0, 38.4, 12),
    }  # fmt: skip


@pytest.mark.real
def test_philips_equals_the_published_decoder_and_its_filtered_twin(devices: dict[str, Recording], shared: Path) -> None:
    path = shared / "data" / "ecg" / "devices" / "philips_104.xml"
    ours, twin = devices["philips_104.xml"].leads, devices["philips_104_decoded.xml"].leads
    for theirs in sierraecg.read_file(str(path)).leads:
        np.testing.assert_array_equal(ours[theirs.label], theirs.samples * 5.0)
    # The twin went through Philips' adaptive 60 Hz filter, as it says: a count or less is left on average.
    for lead in LEADS:
        assert np.std(ours[lead] - twin[lead]) < 5.0
        assert np.abs(ours[lead] - twin[lead]).max() <= 20.0


@pytest.mark.real
def test_wfdb_and_dicom_equal_their_libraries(devices: dict[str, Recording], shared: Path) -> None:
    import pydicom

    folder = shared / "data" / "ecg" / "devices"
    theirs = wfdb.rdrecord(str(folder / "s0010_re"))
    for name, column in zip(theirs.sig_name, theirs.p_signal.T, strict=True):
        lead = standard_lead(name)
        if lead is not None:
            np.testing.assert_allclose(devices["s0010_re.hea"].leads[lead], column * 1000, rtol=0, atol=1e-9)
    whole = pydicom.dcmread(folder / "dicom_1.dcm").waveform_array(0)
    ours = np.stack([devices["dicom_1.dcm"].leads[lead] for lead in LEADS])
    np.testing.assert_allclose(ours, whole.T, rtol=0, atol=1e-9)


@pytest.mark.real
@pytest.mark.parametrize("folder", ["ptbxl", "ludb"])
def test_real_wfdb_records_equal_an_independent_reader(folder: str, shared: Path) -> None:
    """Every tenth record; the checksums of all their signals are right, too."""
    headers = sorted((shared / "data" / "ecg" / folder).rglob("*.hea"))[::10]
    assert len(headers) >= 14
    for header in headers:
        recording = formats.read(header)
        assert (recording.rate_hz, recording.seconds) == (500.0, 10.0)
        ours = np.stack([recording.leads[lead] for lead in LEADS])
        np.testing.assert_allclose(ours, read_signals(header), rtol=0, atol=1e-9)


@pytest.mark.real
def test_intervals_of_real_files_are_consistent(devices: dict[str, Recording]) -> None:
    """The recorders' onsets, in samples or milliseconds, give their own intervals."""
    for name in ("muse_1.xml", "muse_2.xml", "cardiosoft_ukb_20205.xml"):
        told = devices[name].device
        assert told["qrs_off_ms"] - told["qrs_on_ms"] == told["qrs_ms"]
        assert told["t_off_ms"] - told["qrs_on_ms"] == told["qt_ms"]
    assert devices["muse_1.xml"].device["pr_ms"] == 138
    assert devices["aecg_1.xml"].device["qrs_axis_deg"] == -61
    assert devices["dicom_1.dcm"].device["pr_ms"] == 161
