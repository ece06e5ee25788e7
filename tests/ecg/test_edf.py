"""EDF and BDF: voltages against the library edfio, and headers whose numbers cannot be used."""

from __future__ import annotations

from pathlib import Path

import edfio
import numpy as np
import pytest

from ecgwas import ecg
from ecgwas.ecg import formats
from ecgwas.ecg.formats import edf
from ecgwas.ecg.recording import Recording
from ecgwas.errors import InputError
from ecgwas.leads import ALL_LEADS
from ecgwas.progress import silent
from ecgwas.study import ReadOptions
from tests.ecg.edf_files import RANGES, edf_file
from tests.ecg.make_recordings import make_counts


def read(content: bytes, folder: Path) -> Recording:
    path = folder / "1.edf"
    path.write_bytes(content)
    assert formats.recognise(content, path) is edf
    return formats.read(path)


def refused(content: bytes, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(content, folder)
    return caught.value.problem


def assert_in_uv(recording: Recording, factor: float = 5.0, offset: float = 0.0) -> None:
    assert recording.rate_hz == 500
    assert set(recording.leads) == set(make_counts())
    for lead, row in make_counts().items():
        np.testing.assert_allclose(recording.leads[lead], row * factor + offset, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("low", "high"),
    [("-10000", "10000"), ("-5000", "4999"), ("0", "1"), ("-3.276", "3.2767"), ("10000", "-10000"), ("-1e4", "1E+4")],
)
def test_voltages_equal_those_of_the_library_to_the_bit(low: str, high: str, tmp_path: Path) -> None:
    content = edf_file(every={"physical minimum": low, "physical maximum": high})
    path = tmp_path / "theirs.edf"
    path.write_bytes(content)
    ours = read(content, tmp_path).leads
    for signal in edfio.read_edf(path).signals:
        np.testing.assert_array_equal(ours[signal.label], signal.data)


@pytest.mark.parametrize(
    ("low", "high"), [("-10000,0", "10000,0"), ("-10000", "10000.0"), ("-1e4", "1e4"), ("-1,0e4", "+10000")]
)
def test_decimal_commas_and_other_ways_to_write_a_number(low: str, high: str, tmp_path: Path) -> None:
    """Commas were not understood, and the counts were taken for microvolts: a fifth of the voltage here."""
    assert_in_uv(read(edf_file(every={"physical minimum": low, "physical maximum": high}), tmp_path))


def test_decimal_commas_of_other_units(tmp_path: Path) -> None:
    for unit, low, high in (("mV", "-10,0", "10,0"), ("V", "-0,010", "0,01"), ("mV", "-10,0000", "10,00")):
        every = {"unit": unit, "physical minimum": low, "physical maximum": high}
        assert_in_uv(read(edf_file(every=every, duration="1,0"), tmp_path))


UNUSABLE = {
    ("physical maximum", ""): "physical maximum of lead V5 is blank",
    ("physical minimum", ""): "physical minimum of lead V5 is blank",
    (
        "physical maximum",
        "10,000",
    ): "physical maximum of lead V5 is '10,000', where the comma is decimal or separates thousands",
    ("physical maximum", "10.000,0"): "physical maximum of lead V5 is '10.000,0', not a finite number",
    ("physical maximum", "********"): "physical maximum of lead V5 is '********', not a finite number",
    ("physical maximum", "nan"): "physical maximum of lead V5 is 'nan', not a finite number",
    ("physical maximum", "inf"): "physical maximum of lead V5 is 'inf', not a finite number",
    ("physical maximum", "1e400"): "physical maximum of lead V5 is '1e400', not a finite number",
    ("physical maximum", "1_0000"): "physical maximum of lead V5 is '1_0000', not a finite number",
    ("physical maximum", "10 mV"): "physical maximum of lead V5 is '10 mV', not a finite number",
    ("physical maximum", "-10000"): "physical minimum and maximum of lead V5 are both -10000",
    ("digital maximum", ""): "digital maximum of lead V5 is blank",
    ("digital maximum", "-2000"): "digital maximum of lead V5 (-2000) is not above the minimum (-2000)",
    ("digital maximum", "-2001"): "digital maximum of lead V5 (-2001) is not above the minimum (-2000)",
    ("digital maximum", "65535"): "digital range of lead V5, -2000 to 65535, does not fit 16 bits",
    ("digital maximum", "2000.5"): "digital range of lead V5, -2000 to 2000.5, does not fit 16 bits",
    ("digital minimum", "low"): "digital minimum of lead V5 is 'low', not a finite number",
    ("unit", ""): "unit of lead V5 is blank",
    ("unit", "%"): "unknown unit of lead V5: '%'",
    ("unit", "?V"): "unknown unit of lead V5: '?V'",
}


@pytest.mark.parametrize(("field", "text"), UNUSABLE)
def test_a_scale_that_cannot_be_used_is_refused_by_its_field(field: str, text: str, tmp_path: Path) -> None:
    """One lead is enough, for all were kept before, with counts for the voltage of that one."""
    assert refused(edf_file({"V5": {field: text}}), tmp_path) == UNUSABLE[field, text]


def test_ranges_of_zeros_and_ranges_without_a_gain(tmp_path: Path) -> None:
    zeros = {"physical minimum": "0", "physical maximum": "0"}
    assert refused(edf_file(every=zeros), tmp_path) == "physical minimum and maximum of lead I are both 0"
    for low, high in (("0", "5e-324"), ("-1.7e308", "1.7e308")):
        reason = refused(edf_file(every={"physical minimum": low, "physical maximum": high}), tmp_path)
        assert reason.endswith("does not define a gain")


def test_a_foreign_signal_needs_no_scale(tmp_path: Path) -> None:
    assert_in_uv(read(edf_file(foreign={"Resp": 10, "Marker": 0, "EDF Annotations": 57}), tmp_path))


def test_a_negative_gain_is_read_as_the_specification_says_and_doubted(tmp_path: Path) -> None:
    recording = read(edf_file(every={"physical minimum": "10000", "physical maximum": "-10000"}), tmp_path)
    assert_in_uv(recording, factor=-5.0)
    assert recording.warning == "negative gain: the physical maximum is below the minimum"


def test_samples_outside_of_the_stated_range_are_doubted(tmp_path: Path) -> None:
    """As where the header says 0 to 4095 and the samples are signed."""
    recording = read(edf_file(every={"digital minimum": "0", "digital maximum": "4000"}), tmp_path)
    assert_in_uv(recording, offset=-10000.0)
    assert recording.warning == "samples outside of the digital range that the header states"


@pytest.mark.parametrize(
    "unit",
    [
        b"\xb5V",
        "µV".encode(),
        "μV".encode(),
        b"\xe6V",
        b"\xecV",
        b"\x83\xcaV",
        "ÂµV".encode(),
        b"\xb5v\0\0",
        b"UV",
        b"microV",
        b"\xb5Volt",
    ],
)
def test_micro_signs_of_many_encodings(unit: bytes, tmp_path: Path) -> None:
    assert_in_uv(read(edf_file(every={"unit": unit}), tmp_path))


def test_an_unknown_number_of_records_is_counted(tmp_path: Path) -> None:
    recording = read(edf_file(records="-1"), tmp_path)
    assert_in_uv(recording)
    assert recording.warning == "the header states -1 data records; they were counted from the size of the file"
    # The recorder stopped within a record: the whole ones before it are read.
    assert read(edf_file(records="-1")[:-100], tmp_path).seconds == 9
    assert refused(edf_file(records="-1")[: 256 * 13], tmp_path).startswith("number of data records is '-1'")


def test_more_and_fewer_bytes_than_stated(tmp_path: Path) -> None:
    recording = read(edf_file() + bytes(512), tmp_path)
    assert_in_uv(recording)
    assert recording.warning == "the file holds more bytes than the data records that its header states"
    assert read(edf_file(records="4"), tmp_path).seconds == 4
    options = ReadOptions(recordings=tmp_path)
    batch = ecg.read_recordings(options, [ecg.Source("1", "", {ALL_LEADS: tmp_path / "1.edf"})], track=silent)
    row = batch.recordings.frame.select("status", "reason").row(0)
    assert row == ("left_out", f"4 s, not 10 s; {recording.warning}")
    assert refused(edf_file()[:-1], tmp_path) == "EDF does not have as many samples as its header states"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"records": ""}, "number of data records is blank"),
        ({"records": "0"}, "number of data records is '0', not a whole number above 0"),
        ({"records": "-2"}, "number of data records is '-2', not a whole number above 0"),
        ({"records": "many"}, "number of data records is 'many', not a whole number above 0"),
        ({"duration": "0"}, "duration of a data record is '0', not a number above 0"),
        ({"duration": "nan"}, "duration of a data record is 'nan', not a number above 0"),
        ({"duration": "1,000"}, "duration of a data record is '1,000', where the comma is decimal or separates thousands"),
        ({"reserved": "EDF+D"}, "EDF with gaps (EDF+D)"),
        ({"changed": {"V5": {"number of samples": ""}}}, "number of samples of signal 11 is blank"),
        (
            {"changed": {"V5": {"number of samples": "-500"}}},
            "number of samples of signal 11 is '-500', not a whole number of 0 or more",
        ),
        ({"changed": {"V5": {"label": "V6"}}}, "lead V6 is given twice"),
    ],
)  # fmt: skip
def test_headers_that_cannot_be_used(options: dict[str, object], reason: str, tmp_path: Path) -> None:
    assert refused(edf_file(**options), tmp_path) == reason


def test_a_lead_of_no_samples(tmp_path: Path) -> None:
    content = edf_file({"V5": {"number of samples": "0"}, "V6": {"number of samples": "1000"}})
    assert refused(content, tmp_path) == "lead V5 has no samples"


def test_edf_plus_without_gaps_and_bdf(tmp_path: Path) -> None:
    assert_in_uv(read(edf_file(reserved="EDF+C"), tmp_path))
    recording = read(edf_file(bits=24, reserved="24BIT", foreign={"Status": 3}), tmp_path)
    assert_in_uv(recording)
    assert recording.notes == ("samples of 24 bits (BDF)",)
    assert refused(edf_file(bits=24, reserved="BDF+D"), tmp_path) == "EDF with gaps (EDF+D)"
    wide = {
        "digital minimum": "-8388608",
        "digital maximum": "8388607",
        "physical minimum": "-8388.608",
        "physical maximum": "8388.607",
    }
    every = {**RANGES, **{field: text[:8] for field, text in wide.items()}}
    content = edf_file(bits=24, every=every)
    path = tmp_path / "theirs.bdf"
    path.write_bytes(content)
    ours = read(content, tmp_path).leads
    for signal in edfio.read_bdf(path).signals:
        np.testing.assert_array_equal(ours[signal.label], signal.data)
