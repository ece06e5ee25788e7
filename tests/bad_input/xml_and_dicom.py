"""Recordings: XML and DICOM, and unsupported formats recognised by their first bytes."""

from __future__ import annotations

import re

from ecgwas.leads import LEADS
from tests.bad_input.harness import LEFT_OUT, RIGHT, TEXT, Case, ecg
from tests.ecg import vendors
from tests.ecg.dicom_files import group, some, source, whole
from tests.ecg.make_recordings import make_counts, make_xml, wave
from tests.ecg.scp_files import mortara, scp
from tests.ecg.test_unsupported_formats import FOREIGN

LIMBS, CHEST = LEADS[:6], LEADS[6:]
UTF_8 = TEXT.replace("ISO-8859-1", "UTF-8")
NAMED = UTF_8.replace("Do not read", "M\u00fcller")
MUSE = vendors.muse().decode("latin-1")
PHILIPS = vendors.philips().decode("utf-16")


def median_first() -> bytes:
    return whole(group(some(LEADS, 0, 600)), group(some(LEADS)))


def padded(value: int, start: int, stop: int) -> bytes:
    counts = some(LEADS)
    counts["V1"][start:stop] = value
    return whole(group(counts, padding=value))


def channel(**elements: str | None) -> bytes:
    return whole(group(some(LEADS), channel=elements))


def two_strips() -> str:
    short = "".join(wave(lead, row[:600]) for lead, row in make_counts().items())
    return make_xml(closing=f"</StripData><StripData><SampleRate>500</SampleRate>{short}</StripData>")


XML = [
    ecg("CardioSoft with a default namespace", RIGHT, "",
        lambda: TEXT.replace("<CardiologyXML>", '<CardiologyXML xmlns="urn:x">')),
    ecg("CardioSoft with a namespace of one element", RIGHT, "",
        lambda: TEXT.replace("<StripData>", '<StripData xmlns="urn:x">')),
    ecg("CardioSoft with a prefix on every name", RIGHT, "",
        lambda: re.sub(r"<(/?)([A-Z])", r"<\1c:\2", TEXT).replace("<c:CardiologyXML>", '<c:CardiologyXML xmlns:c="urn:x">')),
    ecg("GE MUSE with a default namespace", RIGHT, "", lambda: MUSE.replace("<RestingECG>", '<RestingECG xmlns="urn:x">')),
    ecg("a Latin-1 letter in a name, UTF-8 declared", RIGHT, "", lambda: NAMED.encode("latin-1")),
    ecg("a letter of code page 1252 in a name, UTF-8 declared", RIGHT, "",
        lambda: NAMED.replace("\u00fc", "\u20ac").encode("cp1252")),
    ecg("a name in Shift JIS, UTF-8 declared", RIGHT, "",
        lambda: NAMED.replace("M\u00fcller", "\u6771\u4eac").encode("shift_jis")),
    ecg("a Latin-1 letter, cut off", LEFT_OUT, "cut off", lambda: NAMED.encode("latin-1")[:40_000]),
    ecg("UTF-16, UTF-8 declared", RIGHT, "", lambda: NAMED.encode("utf-16")),
    ecg("UTF-16 without a byte-order mark, Latin-1 declared", RIGHT, "", lambda: TEXT.encode("utf-16-be")),
    ecg("UTF-8, UTF-16 declared", RIGHT, "", lambda: NAMED.replace("UTF-8", "UTF-16").encode()),
    ecg("a control character in a name", RIGHT, "", lambda: NAMED.replace("\u00fc", "\x01").encode()),
    ecg("a reference to a control character in a name", RIGHT, "", lambda: NAMED.replace("\u00fc", "&#1;").encode()),
    ecg("a control character among the samples", LEFT_OUT, "lead V2",
        lambda: re.sub('(lead="V2">)', "\\1\x01", UTF_8).encode()),
    ecg("zeros after the end", RIGHT, "", lambda: UTF_8.encode() + bytes(512)),
    ecg("a blank line before the declaration", RIGHT, "", lambda: b"\n" + UTF_8.encode()),
    ecg("an entity, hidden by a wrong encoding", LEFT_OUT, "document type",
        lambda: NAMED.replace("<CardiologyXML>", '<!DOCTYPE x [<!ENTITY e "e">]><CardiologyXML>').encode("utf-16")),
    ecg("CardioSoft with a second, shorter strip", RIGHT, "", two_strips),
    ecg("Philips 1.03 with its own element names", RIGHT, "", lambda: vendors.philips(version="1.03")),
    ecg("Philips with two different resolutions", LEFT_OUT, "resolution",
        lambda: PHILIPS.replace("<resolution>5<", "<resolution>1<").encode("utf-16")),
    ecg("Philips without a resolution", LEFT_OUT, "resolution",
        lambda: PHILIPS.replace("<resolution>5</resolution>", "").replace(' resolution="5"', "").encode("utf-16")),
    ecg("GE MUSE with a comma in its scale", LEFT_OUT, "LeadAmplitudeUnitsPerBit", lambda: vendors.muse(per_bit="4,88")),
    ecg("GE MUSE without a unit", LEFT_OUT, "unit", lambda: vendors.muse(unit="")),
    ecg("aECG with a scale of ****", LEFT_OUT, "scale of lead I", lambda: vendors.aecg(scale="****")),
]  # fmt: skip

DICOM = [
    ecg("DICOM with limb and chest leads in two groups", RIGHT, "", lambda: whole(group(some(LIMBS)), group(some(CHEST)))),
    ecg("DICOM with groups that start at different times", LEFT_OUT, "groups that differ in start",
        lambda: whole(group(some(LIMBS)), group(some(CHEST), offset="2500"))),
    ecg("DICOM with the names of CID 3001", RIGHT, "", lambda: whole(group(some(LEADS)))),
    ecg("DICOM with codes and names in another language", RIGHT, "",
        lambda: whole(group(some(LEADS), sources={lead: (*source(lead)[:2], f"Ableitung {lead}") for lead in LEADS}))),
    ecg("DICOM whose names and codes contradict each other", LEFT_OUT, "code of another lead",
        lambda: whole(group(some(LEADS), sources={"V1": (*source("V2")[:2], "Lead V1"), "V2": (*source("V1")[:2], "V2")}))),
    ecg("DICOM with the median beat first", RIGHT, "", median_first),
    ecg("DICOM with 0.4 s of padding", RIGHT, "NaN or infinity in lead V1", lambda: padded(0, 2000, 2200)),
    ecg("DICOM with one sample of padding", RIGHT, "NaN or infinity in lead V1", lambda: padded(-32768, 2000, 2001)),
    ecg("DICOM without its preamble", RIGHT, "", lambda: whole(group(some(LEADS)))[132:]),
    ecg("DICOM without a sensitivity", LEFT_OUT, "ChannelSensitivity", lambda: channel(ChannelSensitivity=None)),
    ecg("DICOM with a sensitivity of 0", LEFT_OUT, "ChannelSensitivity", lambda: channel(ChannelSensitivity="0")),
    ecg("DICOM with a correction factor of 0", LEFT_OUT, "CorrectionFactor",
        lambda: channel(ChannelSensitivityCorrectionFactor="0")),
    ecg("DICOM with a decimal comma", LEFT_OUT, "ChannelSensitivity",
        lambda: channel(ChannelSensitivity="7.77").replace(b"7.77", b"7,77")),
    ecg("DICOM without a correction factor: kept, with a warning", RIGHT, "",
        lambda: channel(ChannelSensitivityCorrectionFactor=None)),
]  # fmt: skip

OTHERS = [
    ecg("SCP-ECG", RIGHT, "", scp),
    ecg("SCP-ECG of an old version, without compression", RIGHT, "", lambda: scp(order=0, packed=False, reserved=bytes(6))),
    ecg("SCP-ECG with a reference beat subtracted", LEFT_OUT, "reference beat", lambda: scp(flags=5)),
    ecg("SCP-ECG with a scale of 0", LEFT_OUT, "nV of one count is 0", lambda: scp(nv=0)),
    ecg("SCP-ECG cut off", LEFT_OUT, "cut off", lambda: scp()[:20_000]),
    ecg("Mortara ELI XML", RIGHT, "", mortara),
    ecg("Mortara ELI XML without its scale", LEFT_OUT, "UNITS_PER_MV", lambda: mortara(units="")),
    ecg("XML with an unknown root element", LEFT_OUT, "root Curve", lambda: "<Curve/>"),
]  # fmt: skip

FOREIGN_CASES = [
    ecg(f"a file of another kind: {name}", LEFT_OUT, what, lambda content=content: content)
    for name, (content, what) in FOREIGN.items()
]

CASES: list[Case] = [*XML, *DICOM, *OTHERS, *FOREIGN_CASES]
