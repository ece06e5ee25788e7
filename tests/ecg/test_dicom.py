"""DICOM waveforms of other programs: groups, names, codes, padding, missing scales, headers without a preamble."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.sr._concepts_dict import concepts

from ecgwas.ecg import formats
from ecgwas.ecg.formats import dicom
from ecgwas.ecg.lead_codes import LEAD_BY_NUMBER, lead_number
from ecgwas.ecg.recording import Recording
from ecgwas.ecg.spellings import standard_lead
from ecgwas.errors import InputError
from ecgwas.leads import INDEPENDENT_LEADS, LEADS
from tests.ecg.dicom_files import CID_3001, NUMBERS, Source, code, group, some, source, whole
from tests.ecg.make_recordings import make_counts, put, read_folder, reasons

LIMBS, CHEST = LEADS[:6], LEADS[6:]


def read(tmp_path: Path, content: bytes) -> Recording:
    return formats.read(put(tmp_path, "1.dcm", content))


def refused(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    return caught.value.problem


def assert_whole(recording: Recording) -> None:
    """All twelve leads as recorded, none to be derived."""
    assert set(recording.leads) == set(LEADS)
    for lead, counts in make_counts().items():
        np.testing.assert_array_equal(recording.leads[lead], counts * 5.0)


GROUPS = {
    "limb and chest leads": [group(some(LIMBS)), group(some(CHEST))],
    "chest leads first": [group(some(CHEST)), group(some(LIMBS))],
    "four of three leads": [group(some(LEADS[k : k + 3])) for k in range(0, 12, 3)],
    "time offset missing, and 0.0": [group(some(LIMBS), offset=None), group(some(CHEST), offset="0.0")],
    "median beat first, called original": [group(some(LEADS, 0, 600)), group(some(LEADS))],
    "median beat last": [group(some(LEADS)), group(some(LEADS, 0, 600))],
    "median beat of all leads, then groups": [group(some(LEADS, 0, 600)), group(some(LIMBS)), group(some(CHEST))],
    "one lead, longer": [group(some(("II",), 0, 2500), rate="100"), group(some(LEADS))],
    "a filtered copy of some leads": [group(some(LEADS)), group({lead: row + 9 for lead, row in some(("V1", "II")).items()})],
}  # fmt: skip


@pytest.mark.parametrize("name", GROUPS)
def test_groups_of_one_time_are_one_recording_and_the_longest_of_equals_counts(name: str, tmp_path: Path) -> None:
    assert_whole(read(tmp_path, whole(*GROUPS[name])))


def test_a_long_rhythm_of_eight_leads_goes_before_a_median_beat_of_twelve(tmp_path: Path) -> None:
    recording = read(tmp_path, whole(group(some(LEADS, 0, 600)), group(some(INDEPENDENT_LEADS))))
    assert recording.seconds == 10
    assert set(recording.leads) == set(INDEPENDENT_LEADS)


@pytest.mark.parametrize(
    "other",
    [group(some(CHEST), offset="2500"), group(some(CHEST, 0, 4000)), group(some(CHEST, 0, 2500), rate="250")],
    ids=["of another time", "of another length", "of another rate"],
)
def test_groups_that_do_not_belong_together_are_not_joined(other: Any, tmp_path: Path) -> None:
    apart = "twelve leads, but in groups that differ in start, rate or length"
    assert refused(tmp_path, whole(group(some(LIMBS)), other)) == apart


def test_of_groups_without_all_leads_the_one_with_most(tmp_path: Path) -> None:
    recording = read(tmp_path, whole(group(some(("V1", "V2")), offset="2500"), group(some(LIMBS))))
    assert set(recording.leads) == set(LIMBS)


def test_padding_may_be_written_as_a_number(tmp_path: Path) -> None:
    counts = some(LEADS)
    counts["V1"][100] = -32768
    made = group(counts)
    made.add_new(0x5400100A, "SS", -32768)
    assert np.isnan(read(tmp_path, whole(made)).leads["V1"]).sum() == 1


def test_more_groups_than_any_recorder_writes_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, whole(*[group(some(("I",), 0, 10))] * 65)) == "more than 64 groups of leads"


def named(lead: str) -> dict[str, Source]:
    number = NUMBERS[lead]
    return {
        "CID 3001": source(lead),
        "code alone": (f"2:{number}", "MDC", ""),
        "code, another language": (f"2:{number}", "MDC", f"Ableitung {lead}"),
        "SCPECG": (f"5.6.3-9-{number}", "SCPECG", "derivazione"),
        "SCP-ECG, plain": (str(number), "SCP-ECG", ""),
        "context-free code": (str(131072 + number), "MDC", ""),
        "no scheme": (f"2:{number}", "", ""),
        "reference identifier": (f"MDC_ECG_LEAD_{lead.upper()}", "MDC", ""),
        "meaning alone": ("", "", CID_3001[lead].upper()),
        "one code for all": ("5.6.3-9-1", "SCPECG", f"Lead {lead}"),
        "private code": (f"X{number}", "99LOCAL", f"ECG {lead} (standard)"),
    }


@pytest.mark.parametrize("way", named("I"))
def test_leads_are_known_by_name_or_code(way: str, tmp_path: Path) -> None:
    assert_whole(read(tmp_path, whole(group(some(LEADS), sources={lead: named(lead)[way] for lead in LEADS}))))


def test_codes_and_names_of_the_standard_itself() -> None:
    """CID 3001 as pydicom holds it: of its leads our twelve and no other, by code and by name."""
    codes: Any = concepts["MDC"]
    table = {number: meaning for entry in codes.values() for number, (meaning, groups) in entry.items() if 3001 in groups}
    assert len(table) > 90
    by_code = {
        value: LEAD_BY_NUMBER[lead_number("MDC", value) or 0] for value in table if lead_number("MDC", value) in LEAD_BY_NUMBER
    }
    assert by_code == {value: lead for value, meaning in table.items() if (lead := standard_lead(meaning)) is not None}
    assert sorted(by_code.values()) == sorted(LEADS)


def test_a_lead_whose_name_and_code_contradict_each_other_is_refused(tmp_path: Path) -> None:
    sources = {lead: source(lead) for lead in LEADS} | {"V1": ("2:4", "MDC", "Lead V1"), "V2": ("2:3", "MDC", "Lead V2")}
    assert refused(tmp_path, whole(group(some(LEADS), sources=sources))) == "lead V1 has the code of another lead"


def test_the_label_names_a_channel_without_a_source(tmp_path: Path) -> None:
    made = group(some(LEADS))
    for lead, channel in zip(LEADS, made.ChannelDefinitionSequence, strict=True):
        del channel.ChannelSourceSequence
        channel.ChannelLabel = lead
    assert_whole(read(tmp_path, whole(made)))


@pytest.mark.parametrize(
    "wrong",
    [
        ("2:65", "MDC", "−aVR"),
        ("2:33", "MDC", "Derived Lead V1"),
        ("2:88", "MDC", "Lead VR, nonaugmented voltage, vector of RA"),
    ],
)
def test_leads_that_only_look_like_one_of_the_twelve(wrong: Source, tmp_path: Path) -> None:
    assert "aVR" not in read(tmp_path, whole(group(some(LEADS), sources={"aVR": wrong}))).leads


PADDED = {
    "far from the signal": (-32768, slice(2000, 2001)),
    "0, for 0.4 s": (0, slice(2000, 2200)),
    "0, at the beginning": (0, slice(0, 200)),
    "of the signal's own range": (10, slice(4000, 4100)),
}


@pytest.mark.parametrize("name", PADDED)
def test_padding_is_missing_and_no_line(name: str, tmp_path: Path) -> None:
    padding, place = PADDED[name]
    counts = some(LEADS)
    counts["V1"][place] = padding
    path = put(tmp_path, "1_20205_2_0.xml", whole(group(counts, padding=padding)))
    recording = formats.read(path)
    assert np.isnan(recording.leads["V1"][place]).all()
    assert np.isnan(recording.leads["V1"]).sum() == place.stop - place.start
    np.testing.assert_array_equal(recording.leads["V2"], counts["V2"] * 5.0)
    assert reasons(read_folder(tmp_path)) == {"1": "NaN or infinity in lead V1"}


def test_padding_after_the_seconds_that_are_used_spoils_nothing(tmp_path: Path) -> None:
    counts = {lead: np.concatenate([row, row]) for lead, row in some(LEADS).items()}
    counts["V1"][6000:] = -32768
    put(tmp_path, "1_20205_2_0.xml", whole(group(counts, padding=-32768)))
    assert reasons(read_folder(tmp_path)) == {"1": ""}


def test_zeros_that_a_lead_passes_are_no_padding(tmp_path: Path) -> None:
    assert all((row == 0).any() for row in make_counts().values())
    assert_whole(read(tmp_path, whole(group(some(LEADS), padding=0))))


SCALES: dict[str, tuple[dict[str, Any], str]] = {
    "no sensitivity": ({"ChannelSensitivity": None}, "no number in ChannelSensitivity of lead I"),
    "sensitivity 0": ({"ChannelSensitivity": "0"}, "ChannelSensitivity of lead I is 0"),
    "sensitivity empty": ({"ChannelSensitivity": ""}, "no number in ChannelSensitivity of lead I"),
    "correction 0": ({"ChannelSensitivityCorrectionFactor": "0"}, "ChannelSensitivityCorrectionFactor of lead I is 0"),
    "no units": ({"ChannelSensitivityUnitsSequence": None}, "no unit in ChannelSensitivityUnitsSequence of lead I"),
    "units empty": ({"ChannelSensitivityUnitsSequence": []}, "no unit in ChannelSensitivityUnitsSequence of lead I"),
    "units of no voltage": (
        {"ChannelSensitivityUnitsSequence": [code("mm[Hg]", "UCUM", "mmHg")]},
        "unknown unit 'mm[Hg]' in ChannelSensitivityUnitsSequence of lead I",
    ),
}


@pytest.mark.parametrize("name", SCALES)
def test_a_lead_without_a_usable_scale_is_refused_with_the_element_named(name: str, tmp_path: Path) -> None:
    elements, reason = SCALES[name]
    assert refused(tmp_path, whole(group(some(LEADS), channel=elements))) == reason


@pytest.mark.parametrize("text", [b"****", b"2,50", b"nan ", b"inf ", b"4_00"])
@pytest.mark.parametrize("element", ["ChannelSensitivity", "ChannelSensitivityCorrectionFactor", "ChannelBaseline"])
def test_text_where_a_number_should_be(element: str, text: bytes, tmp_path: Path) -> None:
    content = whole(group(some(LEADS), channel={element: "7.77"}))
    assert content.count(b"7.77") == 12
    assert refused(tmp_path, content.replace(b"7.77", text, 1)) == f"no number in {element} of lead I"


def test_text_where_the_rate_should_be(tmp_path: Path) -> None:
    content = whole(group(some(LEADS), rate="7.77"))
    assert refused(tmp_path, content.replace(b"7.77", b"fast", 1)) == "no number in SamplingFrequency"


def test_a_missing_correction_is_1_with_a_doubt_and_a_missing_baseline_0(tmp_path: Path) -> None:
    without = {"ChannelSensitivityCorrectionFactor": None, "ChannelBaseline": None}
    recording = read(tmp_path, whole(group(some(LEADS), channel=without)))
    assert_whole(recording)
    assert recording.warning == "no ChannelSensitivityCorrectionFactor, taken as 1"


def test_the_unit_may_be_told_by_its_meaning(tmp_path: Path) -> None:
    made = group(some(LEADS), channel={"ChannelSensitivity": "0.005"})
    for channel in made.ChannelDefinitionSequence:
        del channel.ChannelSensitivityUnitsSequence[0].CodeValue
        channel.ChannelSensitivityUnitsSequence[0].CodeMeaning = "millivolt"
    recording = read(tmp_path, whole(made))
    np.testing.assert_allclose(recording.leads["V2"], make_counts()["V2"] * 5.0, rtol=1e-12)


EXPLICIT = whole(group(some(LEADS)))
IMPLICIT = whole(group(some(LEADS)), syntax=pydicom.uid.ImplicitVRLittleEndian)
BIG = whole(group(some(LEADS)), syntax=pydicom.uid.ExplicitVRLittleEndian)


def without_meta(content: bytes) -> bytes:
    """The data set alone: group 2 ends where its length says."""
    length = int.from_bytes(content[140:144], "little")
    return content[144 + length :]


HEADLESS = {
    "no preamble": EXPLICIT[132:],
    "DICM without its 128 bytes": EXPLICIT[128:],
    "128 bytes without DICM": EXPLICIT[:128] + EXPLICIT[132:],
    "data set alone, explicit": without_meta(EXPLICIT),
    "data set alone, implicit": without_meta(IMPLICIT),
    "no preamble, implicit": IMPLICIT[132:],
}


@pytest.mark.parametrize("name", HEADLESS)
def test_files_without_their_preamble(name: str, tmp_path: Path) -> None:
    path = put(tmp_path, "1.dcm", HEADLESS[name])
    assert formats.recognise(HEADLESS[name], path) is dicom
    assert_whole(formats.read(path))


@pytest.mark.parametrize("content", [b"\x08\x00 and so on", b"\x02\x00", bytes(500), b"0       X X X X", b"\x08\x00\x05\x00cs"])
def test_what_only_begins_like_one(content: bytes) -> None:
    assert not dicom.sniff(content)


def test_what_pydicom_warns_of_is_the_doubt_without_its_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A code of more than the 16 letters that the standard allows; the lead is known by its name."""
    monkeypatch.setattr(pydicom.config.settings, "writing_validation_mode", pydicom.config.IGNORE)
    content = whole(group(some(LEADS), sources={"V1": ("Mustermann" * 3, "99LOCAL", "Lead V1")}))
    recording = read(tmp_path, content)
    assert_whole(recording)
    assert recording.warning == "pydicom warns: The value length (30) exceeds the maximum length of 16 allowed for VR SH"
    put(tmp_path, "1_20205_2_0.xml", content)
    assert reasons(read_folder(tmp_path)) == {"1": recording.warning}
