"""XML recordings of other programs: namespaces, encodings, forbidden characters, several strips, scales, Philips 1.03."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sierraecg

from ecgwas.ecg import formats
from ecgwas.ecg.formats import aecg, cardiosoft, cardiosoft_exercise, muse, philips
from ecgwas.ecg.recording import Recording
from ecgwas.ecg.xml_repair import repaired_xml
from ecgwas.errors import InputError
from ecgwas.leads import LEADS
from tests.ecg import vendors
from tests.ecg.make_recordings import make_counts, make_xml, put, wave

UV = 5.0
MAKERS: dict[str, tuple[object, Callable[[], str]]] = {
    "cardiosoft": (cardiosoft, make_xml),
    "exercise": (cardiosoft_exercise, lambda: vendors.exercise().decode("latin-1")),
    "muse": (muse, lambda: vendors.muse().decode("latin-1")),
    "aecg": (aecg, lambda: vendors.aecg().decode("utf-8").replace(' xmlns="urn:hl7-org:v3"', "")),
    "philips": (philips, lambda: vendors.philips().decode("utf-16").replace(' xmlns="http://www3.medical.philips.com"', "")),
}  # fmt: skip
"""Text of a sound file, without a namespace."""
PERSON = ("Do not read", "do-not-read")


def text_of(name: str, person: str = "", encoding: str = "") -> str:
    """The file with another name of the person and another declared encoding."""
    text = MAKERS[name][1]()
    for old in PERSON:
        text = text.replace(old, person or old)
    return re.sub(r'encoding="[^"]*"', f'encoding="{encoding}"', text, count=1) if encoding else text


def tried(tmp_path: Path, content: bytes) -> Recording | str:
    """The recording, or the reason why there is none."""
    try:
        return formats.read(put(tmp_path, "1.xml", content))
    except InputError as error:
        return error.problem


def assert_read(name: str, tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path, "1.xml", content)
    assert formats.recognise(content, path) is MAKERS[name][0]
    recording = formats.read(path)
    before = formats.read(put(tmp_path, "2.xml", MAKERS[name][1]().encode("utf-16" if name == "philips" else "latin-1")))
    assert recording.device == before.device
    assert list(recording.leads) == list(before.leads)
    for lead, values in before.leads.items():
        np.testing.assert_array_equal(recording.leads[lead], values)
        if lead in LEADS:
            np.testing.assert_array_equal(values, make_counts()[lead] * UV + (10 if name == "aecg" else 0))


def spaced(name: str, way: str) -> str:
    """The file with a namespace."""
    text = text_of(name, encoding="UTF-8")
    if way == "default":
        return re.sub(r"<([A-Z]\w+|restingecgdata)(?=[\s>])", r'<\1 xmlns="urn:x"', text, count=1)
    if way == "of a child":
        found = re.search(r"<(StripData|FullDisclosure|Waveform|component|waveforms)>", text)
        assert found is not None
        return text.replace(found[0], f'<{found[1]} xmlns="urn:y">', 1)
    prefixed = re.sub(r"<(/?)([A-Za-z]\w*)", r"<\1p:\2", text)
    prefixed = re.sub(r"<p:DOCTYPE[^>]*>|<!DOCTYPE[^>]*>", "", prefixed)
    return re.sub(r"<p:(\w+)", r'<p:\1 xmlns:p="urn:x"', prefixed, count=1)


@pytest.mark.parametrize("way", ["default", "of a child", "prefix"])
@pytest.mark.parametrize("name", MAKERS)
def test_namespaces_do_not_matter(name: str, way: str, tmp_path: Path) -> None:
    text = spaced(name, way)
    assert "xmlns" in text
    assert_read(name, tmp_path, text.encode())
    assert_read(name, tmp_path, text.replace("UTF-8", "UTF-16").encode("utf-16"))


Spoil = Callable[[str], bytes]
ENCODINGS: dict[str, Spoil] = {
    "Latin-1 declared UTF-8": lambda name: text_of(name, "Müller", "UTF-8").encode("latin-1"),
    "UTF-8 declared Latin-1": lambda name: text_of(name, "Müller", "ISO-8859-1").encode(),
    "UTF-8 declared ASCII": lambda name: text_of(name, "Müller", "US-ASCII").encode(),
    "code page 1252 declared UTF-8": lambda name: text_of(name, "M€ller – “x”", "UTF-8").encode("cp1252"),
    "Shift JIS declared UTF-8": lambda name: text_of(name, "東京", "UTF-8").encode("shift_jis"),
    "GBK declared UTF-8": lambda name: text_of(name, "北京", "UTF-8").encode("gbk"),
    "an encoding that does not exist": lambda name: text_of(name, "Müller", "x-unknown").encode(),
    "UTF-8 declared UTF-16": lambda name: text_of(name, "Müller", "UTF-16").encode(),
    "UTF-16 declared UTF-16": lambda name: text_of(name, "Müller", "UTF-16").encode("utf-16"),
    "UTF-16 declared UTF-8": lambda name: text_of(name, "Müller", "UTF-8").encode("utf-16"),
    "UTF-16 declared Latin-1": lambda name: text_of(name, "Müller", "ISO-8859-1").encode("utf-16"),
    "UTF-16 without a mark, little": lambda name: text_of(name, "Müller", "UTF-8").encode("utf-16-le"),
    "UTF-16 without a mark, big": lambda name: text_of(name, "Müller", "ISO-8859-1").encode("utf-16-be"),
    "UTF-16 big with a mark, declared UTF-8": lambda name: b"\xfe\xff" + text_of(name, "", "UTF-8").encode("utf-16-be"),
    "UTF-32 declared UTF-8": lambda name: text_of(name, "Müller", "UTF-8").encode("utf-32"),
    "a mark of UTF-8 and Latin-1 declared": lambda name: text_of(name, "Müller", "ISO-8859-1").encode("utf-8-sig"),
    "blanks and an empty line before": lambda name: b"\r\n  " + text_of(name, "Müller", "UTF-8").encode(),
    "zeros at the end": lambda name: text_of(name, "", "UTF-8").encode() + bytes(300),
    "zeros at the end of UTF-16": lambda name: text_of(name, "", "UTF-16").encode("utf-16") + bytes(301),
    "the end of a CP/M file": lambda name: text_of(name, "", "UTF-8").encode() + b"\x1a",
    "a control character in a name": lambda name: text_of(name, "M\x01ller \x1b\x0b", "UTF-8").encode(),
    "a zero in a name": lambda name: text_of(name, "M\0ller", "UTF-8").encode(),
    "a reference to a control character": lambda name: text_of(name, "M&#1;ller&#x1F;&#0;", "UTF-8").encode(),
    "a bare ampersand": lambda name: text_of(name, "Smith & Sons", "UTF-8").encode(),
    "a reference of web pages": lambda name: text_of(name, "M&uuml;ller &nbsp;", "UTF-8").encode(),
    "half of a surrogate, and none": lambda name: text_of(name, "M&#xD800;&#xFFFE;&#1114112;", "UTF-8").encode(),
}  # fmt: skip


@pytest.mark.parametrize("way", ENCODINGS)
@pytest.mark.parametrize("name", MAKERS)
def test_a_mistake_of_the_encoding_costs_no_recording(name: str, way: str, tmp_path: Path) -> None:
    assert_read(name, tmp_path, ENCODINGS[way](name))


@pytest.mark.parametrize("way", ["Latin-1 declared UTF-8", "UTF-16 declared UTF-8", "a control character in a name"])
@pytest.mark.parametrize("name", MAKERS)
def test_what_is_cut_off_stays_cut_off(name: str, way: str, tmp_path: Path) -> None:
    content = ENCODINGS[way](name)
    for tenth in (3, 6, 9):
        assert tried(tmp_path, content[: len(content) * tenth // 10]) == "XML cut off or malformed"


IN_WAVEFORM = {
    "cardiosoft": (r'(<WaveformData lead="V2">)', "text in the waveform of lead V2"),
    "exercise": ("(<FullDisclosureData>)", "text in the waveform of the full disclosure"),
    "muse": ("(Rhythm</WaveformType>.*?<LeadID>V2</LeadID>.*?<WaveFormData>.{20})", "lead V2 is not base64"),
    "aecg": ('(_V2".*?<digits>)', "text in the waveform of lead V2"),
    "philips": ("(<parsedwaveforms[^>]*>.{30})", "parsedwaveforms is not base64"),
}  # fmt: skip


@pytest.mark.parametrize("letter", ["\x01", "\0", "&#2;", "é", "&nbsp;", "& "])
@pytest.mark.parametrize("name", MAKERS)
def test_a_strange_character_in_the_waveform_is_refused_and_never_taken_out(name: str, letter: str, tmp_path: Path) -> None:
    place, reason = IN_WAVEFORM[name]
    text = re.sub(place, lambda found: found[1] + letter, text_of(name, encoding="UTF-8"), count=1, flags=re.DOTALL)
    assert letter in text
    assert tried(tmp_path, text.encode("latin-1")) == reason


REFUSED = "XML with a document type (entities are refused)"
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("declared", ["UTF-8", "ISO-8859-1", "UTF-16", "UTF-7", "x-unknown"])
def test_declarations_are_refused_in_every_encoding(encoding: str, declared: str, tmp_path: Path) -> None:
    text = make_xml(before=BOMB).replace("do-not-read", "M\x01é&b;").replace("ISO-8859-1", declared)
    assert tried(tmp_path, text.encode(encoding)) == REFUSED


def test_no_encoding_of_its_own_is_followed(tmp_path: Path) -> None:
    """UTF-7 could hide a document type from who looks at the bytes."""
    text = make_xml().replace("ISO-8859-1", "UTF-7").replace("do-not-read", "+ADwAIQ-ENTITY \x01")
    assert b"+ADwAIQ-" in repaired_xml(text.encode())


# Several strips in one file


def strips(*found: str) -> bytes:
    """A CardioSoft file of several strips."""
    return make_xml(opening="", closing="", rate="", resolution="", count="", waves="".join(found)).encode()


def strip(leads: tuple[str, ...], samples: int) -> str:
    waves = "".join(wave(lead, make_counts()[lead][:samples]) for lead in leads)
    about = f'<SampleRate units="Hz">500</SampleRate><ChannelSampleCountTotal>{samples}</ChannelSampleCountTotal>'
    return f'<StripData>{about}<Resolution units="uVperLsb">5</Resolution>{waves}</StripData>'


@pytest.mark.parametrize(
    "found",
    [
        (strip(LEADS, 1000), strip(LEADS, 5000)),
        (strip(LEADS, 5000), strip(LEADS, 1000)),
        (strip(LEADS[:3], 5000), strip(LEADS, 5000)),
        ("<StripData></StripData>", strip(LEADS, 5000)),
    ],
)
def test_of_several_strips_the_one_with_most_leads_then_the_longest(found: tuple[str, ...], tmp_path: Path) -> None:
    recording = formats.read(put(tmp_path, "1.xml", strips(*found)))
    assert set(recording.leads) == set(LEADS)
    np.testing.assert_array_equal(recording.leads["V2"], make_counts()["V2"] * UV)


def test_strips_of_different_times_are_not_joined(tmp_path: Path) -> None:
    content = strips(strip(LEADS[:6], 5000), strip(LEADS[6:], 5000))
    assert tried(tmp_path, content) == "twelve leads, but in groups that differ in start, rate or length"


def test_of_several_rhythm_waveforms_of_muse_the_longest(tmp_path: Path) -> None:
    text = vendors.muse().decode("latin-1")
    waveform = text[text.index("<Waveform><WaveformType>Rhythm") : text.index("</RestingECG>")]
    short = vendors.muse({lead: row[:600] for lead, row in make_counts().items()}).decode("latin-1")
    short = short[short.index("<Waveform><WaveformType>Rhythm") : short.index("</RestingECG>")]
    for both in (short + waveform, waveform + short):
        recording = formats.read(put(tmp_path, "1.xml", text.replace(waveform, both).encode("latin-1")))
        np.testing.assert_array_equal(recording.leads["V6"], make_counts()["V6"] * UV)


def sequence_sets(*found: dict[str, np.ndarray], starts: tuple[str, ...] = ("2002",) * 9) -> bytes:
    """An aECG file of several sequence sets in one rhythm series."""
    whole = vendors.aecg().decode()
    made = [
        vendors.aecg(counts).decode().replace('value="2002"', f'value="{start}"')
        for counts, start in zip(found, starts, strict=False)
    ]
    parts = [re.search(r"<component><sequenceSet>.*</sequenceSet></component>", one, re.DOTALL) for one in made]
    inside = "".join(part[0] for part in parts if part is not None)
    return re.sub(r"<component><sequenceSet>.*</sequenceSet></component>", lambda _: inside, whole, flags=re.DOTALL).encode()


def some(leads: tuple[str, ...], samples: int = 5000) -> dict[str, np.ndarray]:
    return {lead: make_counts()[lead][:samples] for lead in leads}


@pytest.mark.parametrize(
    "found",
    [
        (some(LEADS, 600), some(LEADS)),
        (some(LEADS), some(LEADS, 600)),
        (some(LEADS[:6]), some(LEADS[6:])),
        (some(LEADS[9:]), some(LEADS, 600), some(LEADS[:9])),
    ],
)
def test_sequence_sets_of_one_time_are_one_recording_and_the_longest_of_equals_counts(
    found: tuple[dict[str, np.ndarray], ...], tmp_path: Path
) -> None:
    recording = formats.read(put(tmp_path, "1.xml", sequence_sets(*found)))
    for lead in LEADS:
        np.testing.assert_array_equal(recording.leads[lead], make_counts()[lead] * UV + 10)


def test_sequence_sets_of_different_times_are_not_joined(tmp_path: Path) -> None:
    content = sequence_sets(some(LEADS[:6]), some(LEADS[6:]), starts=("2002", "2003"))
    assert tried(tmp_path, content) == "twelve leads, but in groups that differ in start, rate or length"


# Scales

BAD_NUMBERS = ("", " ", "0", "nan", "inf", "****", "2,5", "5_0", "٥")
SCALES: dict[str, tuple[Callable[[str], str], str]] = {
    "cardiosoft": (lambda x: make_xml(resolution=f'<Resolution units="uVperLsb">{x}</Resolution>'), "Resolution"),
    "muse": (lambda x: vendors.muse(per_bit="VALUE").decode("latin-1").replace("VALUE", x), "LeadAmplitudeUnitsPerBit"),
    "aecg": (lambda x: vendors.aecg(scale="VALUE").decode().replace("VALUE", x), "scale of lead I"),
    "philips 1.03": (
        lambda x: vendors.philips(version="1.03").decode("utf-16").replace(">5</signalres", f">{x}</signalres"),
        "resolution",
    ),
    "exercise": (
        lambda x: vendors.exercise().decode("latin-1").replace('uVperLsb">5<', f'uVperLsb">{x}<'),
        "Resolution",
    ),
}  # fmt: skip


@pytest.mark.parametrize("value", BAD_NUMBERS)
@pytest.mark.parametrize("name", SCALES)
def test_a_scale_that_cannot_be_used_is_refused_by_its_name(name: str, value: str, tmp_path: Path) -> None:
    make, field = SCALES[name]
    text = re.sub(r'encoding="[^"]*"', 'encoding="UTF-8"', make(value), count=1)
    reason = tried(tmp_path, text.encode())
    assert isinstance(reason, str)
    assert field in reason


UNITS = ("", "mmHg", "counts", "****")
WITH_UNIT: dict[str, Callable[[str], str]] = {
    "cardiosoft": lambda x: make_xml(resolution=f'<Resolution units="{x}">5</Resolution>'),
    "muse": lambda x: vendors.muse(unit=x).decode("latin-1"),
    "aecg": lambda x: vendors.aecg(unit=x).decode(),
}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", WITH_UNIT)
def test_a_unit_of_no_voltage_is_refused(name: str, unit: str, tmp_path: Path) -> None:
    reason = tried(tmp_path, WITH_UNIT[name](unit).encode("latin-1"))
    assert isinstance(reason, str)
    assert reason.startswith("unknown unit ")


# Philips

MEASURED_103 = {
    "heart_rate_bpm": 41.0, "pr_ms": 151.0, "qrs_ms": 135.0, "qt_ms": 476.0, "p_axis_deg": 66.0, "qrs_axis_deg": -21.0,
    "t_axis_deg": 59.0,
}  # fmt: skip


@pytest.mark.parametrize("compression", ["XLI", "Uncompressed"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_version_1_03_is_read_as_the_library_reads_it(compression: str, encoding: str, tmp_path: Path) -> None:
    path = put(tmp_path, "1.xml", vendors.philips(version="1.03", encoding=encoding, compression="XLI"))
    recording = formats.read(path)
    theirs = sierraecg.read_file(str(path))
    assert [lead.label for lead in theirs.leads] == list(recording.leads)
    for lead in theirs.leads:
        np.testing.assert_array_equal(recording.leads[lead.label], lead.samples * UV)
    assert dict(recording.device) == MEASURED_103
    plain = put(tmp_path, "2.xml", vendors.philips(version="1.03", encoding=encoding, compression=compression))
    np.testing.assert_array_equal(formats.read(plain).leads["aVF"], recording.leads["aVF"])


def test_version_1_04_keeps_its_own_names(tmp_path: Path) -> None:
    recording = formats.read(put(tmp_path, "1.xml", vendors.philips(version="1.04")))
    assert dict(recording.device) == {"heart_rate_bpm": 41.0, "qt_ms": 564.0}


RESOLUTIONS = {
    "1.03 with a fraction": ("1.03", ("<signalresolution>5<", "<signalresolution>2.50<"), 2.5),
    "1.03 with the name of 1.04": ("1.03", ("signalresolution>", "resolution>"), 5.0),
    "1.04 with the name of 1.03": ("1.04", (' resolution="5"', ' signalresolution="5"'), 5.0),
    "1.04 by its element alone": ("1.04", (' resolution="5"', ""), 5.0),
    "1.04 by its attribute alone": ("1.04", ("<resolution>5</resolution>", ""), 5.0),
    "1.04 with an empty element": ("1.04", ("<resolution>5</resolution>", "<resolution/>"), 5.0),
    "both names": ("1.03", ("<signalresolution>", "<resolution>5.0</resolution><signalresolution>"), 5.0),
}  # fmt: skip


@pytest.mark.parametrize("name", RESOLUTIONS)
def test_every_name_of_the_resolution(name: str, tmp_path: Path) -> None:
    version, (old, new), uv = RESOLUTIONS[name]
    text = vendors.philips(version=version).decode("utf-16")
    assert old in text
    recording = formats.read(put(tmp_path, "1.xml", text.replace(old, new).encode("utf-16")))
    np.testing.assert_array_equal(recording.leads["V3"], make_counts()["V3"] * uv)


CONTRADICTIONS = {
    "resolution": (("<resolution>5<", "<resolution>2.5<"), "resolution is stated with different values"),
    "rate": (("<samplingrate>500<", "<samplingrate>1000<"), "samplespersecond is stated with different values"),
    "no number": (("<resolution>5<", "<resolution>auto<"), "no number in resolution: 'auto'"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_resolution_or_rate_that_contradicts_itself(name: str, tmp_path: Path) -> None:
    (old, new), reason = CONTRADICTIONS[name]
    text = vendors.philips().decode("utf-16")
    assert tried(tmp_path, text.replace(old, new).encode("utf-16")) == reason
