"""Good files give the right arrays in either layout; each bad file is left out with its reason and stops nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgwas.ecg import Source, find_recordings, read_recordings
from ecgwas.errors import InputError
from ecgwas.leads import LEADS
from ecgwas.progress import silent
from ecgwas.signals import MISSING
from ecgwas.study import ReadOptions
from tests.ecg import vendors
from tests.ecg.make_recordings import make_counts, make_xml, put, read_folder, reasons, wave

ARRAYS = ("strips", "beats", "odd_beats", "even_beats", "noise_uv", "r_samples", "normal")


def without(*leads: str) -> dict[str, np.ndarray]:
    return {lead: row for lead, row in make_counts().items() if lead not in leads}


def changed(lead: str, values: object, where: object = slice(None)) -> str:
    counts = make_counts()
    counts[lead][where] = values
    return make_xml(counts)


def waves_with(lead: str, text: str) -> str:
    """A file whose one lead holds a text in place of its numbers."""
    whole = "".join(wave(name, row) for name, row in without(lead).items())
    return make_xml(waves=whole + f'<WaveformData lead="{lead}">{text}</WaveformData>')


ENTITIES = "XML with a document type (entities are refused)"
ONES = ",".join(["1"] * 4999)
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + k)} "{f"&{chr(97 + k)};" * 10}">' for k in range(9)
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'

BAD = {
    "empty": (b"", "empty file"),
    "text": ("hello, I am no recording", "not a recording: not XML and no other known format"),
    "other XML": ("<?xml version='1.0'?><Electrocardiogram/>", "XML of no known format (root Electrocardiogram)"),
    "root deeper down": ("<x><CardiologyXML/></x>", "XML of no known format (root x)"),
    "truncated": (make_xml()[:40_000], "XML cut off or malformed"),
    "last byte gone": (make_xml().rstrip()[:-1], "XML cut off or malformed"),
    "bytes flipped": (make_xml().replace("<SampleRate", "<SampleR\x00te", 1), "XML cut off or malformed"),
    "entity bomb": (make_xml(before=BOMB + "]>").replace("do-not-read", "&j;"), ENTITIES),
    "outside entity": (make_xml(before=OUTSIDE).replace("do-not-read", "&a;"), ENTITIES),
    "UTF-16 document type": (
        make_xml(before=OUTSIDE).replace("ISO-8859-1", "UTF-16").encode("utf-16"),
        ENTITIES,
    ),
    "no strip": (make_xml(opening="<Median>", closing="</Median>"), "no StripData"),
    "two strips, both empty": (
        make_xml(waves="", closing="</StripData><StripData></StripData>"),
        "no WaveformData of a standard lead",
    ),
    "short lead": (
        make_xml(make_counts() | {"V3": make_counts()["V3"][:-1]}),
        "lead V3 does not have as many samples as the file states",
    ),
    "long lead": (waves_with("V4", ONES + ",1,1"), "lead V4 does not have as many samples as the file states"),
    "wrong count": (
        make_xml(count="<ChannelSampleCountTotal>6000</ChannelSampleCountTotal>"),
        "lead I does not have as many samples as the file states",
    ),
    "huge count": (
        make_xml(count="<ChannelSampleCountTotal>1000000000000</ChannelSampleCountTotal>"),
        "lead I does not have as many samples as the file states",
    ),
    "no count": (make_xml(count=""), "the file states no sample count"),
    "text in count": (make_xml(count="<SampleCountTotal>many</SampleCountTotal>"), "no number in SampleCountTotal: 'many'"),
    "text in waveform": (waves_with("V2", ONES + ",x"), "text in the waveform of lead V2"),
    "blank between numbers": (waves_with("V2", ONES + " 1"), "text in the waveform of lead V2"),
    "number left out": (waves_with("V2", ONES.replace("1,1", "1,,1", 1)), "text in the waveform of lead V2"),
    "element in waveform": (waves_with("V2", ONES + ",1<b/>"), "text in the waveform of lead V2"),
    "empty waveform": (waves_with("V2", " \n "), "lead V2 is empty"),
    "NaN": (waves_with("V5", ONES + ",nan"), "NaN or infinity in lead V5"),
    "infinity": (waves_with("V5", ONES + ",1e999"), "NaN or infinity in lead V5"),
    "unknown unit": (make_xml(resolution='<Resolution units="feet">5</Resolution>'), "unknown unit of the resolution: feet"),
    "no unit": (make_xml(resolution="<Resolution>5</Resolution>"), "unknown unit of the resolution: none"),
    "no resolution": (make_xml(resolution=""), "no number in Resolution"),
    "resolution 0": (make_xml(resolution='<Resolution units="uVperLsb">0</Resolution>'), "Resolution is not above 0"),
    "resolution NaN": (make_xml(resolution='<Resolution units="uVperLsb">nan</Resolution>'), "no number in Resolution: 'nan'"),
    "rate in kHz": (make_xml(rate='<SampleRate units="kHz">0.5</SampleRate>'), "unknown unit of the sample rate: khz"),
    "100 Hz": (make_xml(rate='<SampleRate units="Hz">100</SampleRate>'), "100 Hz, less than 200 Hz"),
    "a rate of no use": (
        make_xml(rate='<SampleRate units="Hz">437.1234567</SampleRate>'),
        "437.123 Hz cannot be resampled to 500 Hz",
    ),
    "8 s": (
        make_xml(
            {lead: row[:4000] for lead, row in make_counts().items()},
            count="<ChannelSampleCountTotal>4000</ChannelSampleCountTotal>",
        ),
        "8 s, not 10 s",
    ),
    "lead missing": (make_xml(without("V3")), "missing lead V3"),
    "one limb lead alone": (make_xml(without("I", "II", "III", "aVR", "aVL")), "missing lead I, II, III and 2 more"),
    "lead twice": (make_xml(waves=wave("V1", [1]) + wave("v1", [1])), "lead V1 is given twice"),
    "no standard lead": (make_xml(waves=wave("X", [1])), "no WaveformData of a standard lead"),
    "flat": (changed("V6", 7), "flat lead V6"),
    "flat for two seconds": (changed("V1", 3, slice(1000, 2000)), "flat lead V1"),
    "all flat": (make_xml({lead: row * 0 for lead, row in make_counts().items()}), "flat lead I, II, III and 9 more"),
    "far too large": (changed("V2", 30_000, 100), "more than 20 mV in lead V2"),
    "saturated": (make_xml(make_counts() | {"V2": np.clip(make_counts()["V2"], -20, 20)}), "saturated lead V2"),
    "noise only": (
        make_xml({lead: np.random.default_rng(k).integers(-99, 99, 5000) for k, lead in enumerate(LEADS)}),
        "fewer than 4 normal beats",
    ),
}  # fmt: skip


COST_A_LEAD = ("NaN", "infinity", "lead missing", "one limb lead alone")
"""Of BAD what leaves the other leads to be used."""


def test_each_bad_file_has_its_reason_and_stops_nobody(tmp_path: Path) -> None:
    put(tmp_path, "good_20205_2_0.xml")
    for k, (content, _) in enumerate(BAD.values()):
        put(tmp_path, f"bad{k}_20205_2_0.xml", content)
    batch = read_folder(tmp_path)
    found = reasons(batch)
    expected = {f"bad{k}": reason for k, (_, reason) in enumerate(BAD.values())}
    assert found == expected | {"good": ""}
    assert batch.signals is not None
    kept = {f"bad{k}" for k, name in enumerate(BAD) if name in COST_A_LEAD} | {"good"}
    assert set(batch.signals.eids) == kept
    frame = batch.recordings.frame
    assert frame.filter(frame["status"] == "kept")["row"].to_list() == list(range(len(kept)))
    assert frame.filter(frame["status"] != "kept")["row"].null_count() == len(BAD) + 1 - len(kept)


def test_a_folder_in_place_of_a_file_and_a_file_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    sources = [
        Source("1", "2_0", {"12L": tmp_path / "folder"}),
        Source("2", "2_0", {"12L": tmp_path / "nowhere.xml"}),
    ]
    batch = read_recordings(ReadOptions(recordings=tmp_path), sources, track=silent)
    assert reasons(batch) == {"1": "not a file", "2": "no such file"}
    assert batch.signals is None
    assert batch.raw_example is None


def test_values_are_those_of_the_file(tmp_path: Path) -> None:
    put(tmp_path, "1_20205_2_0.xml", make_xml(resolution='<Resolution units="UVPERLSB">2.5</Resolution>'))
    batch = read_folder(tmp_path, baseline={"kind": "none"})
    assert batch.signals is not None
    expected = np.stack(list(make_counts().values())) * 2.5
    np.testing.assert_array_equal(batch.signals.strips[0], expected.astype(np.float32))
    np.testing.assert_array_equal(batch.raw_example, expected.astype(np.float32))


def test_nanovolts_and_millivolts(tmp_path: Path) -> None:
    put(tmp_path, "1_20205_2_0.xml", make_xml(resolution='<Resolution units="nVperLsb">5000</Resolution>'))
    put(tmp_path, "2_20205_2_0.xml", make_xml(resolution='<Resolution units="mVperLsb">0.005</Resolution>'))
    signals = read_folder(tmp_path, baseline={"kind": "none"}).signals
    assert signals is not None
    np.testing.assert_allclose(signals.strips[0], signals.strips[1], rtol=1e-6)


def test_fractions_of_counts(tmp_path: Path) -> None:
    put(tmp_path, "1_20205_2_0.xml", waves_with("V2", ",".join(f"{value}.5" for value in abs(make_counts()["V2"]))))
    signals = read_folder(tmp_path, baseline={"kind": "none"}).signals
    assert signals is not None
    np.testing.assert_array_equal(signals.strips[0][7], (abs(make_counts()["V2"]) + 0.5) * 5)


def test_leads_that_follow_from_one_and_two_are_derived(tmp_path: Path) -> None:
    put(tmp_path, "1_20205_2_0.xml", make_xml(without("III", "aVR", "aVL", "aVF")))
    batch = read_folder(tmp_path, baseline={"kind": "none"})
    assert batch.signals is not None
    one, two, three, right, left, foot = batch.signals.strips[0][:6]
    np.testing.assert_array_equal(three, two - one)
    np.testing.assert_array_equal(right, -(one + two) / 2)
    np.testing.assert_array_equal(left, one - two / 2)
    np.testing.assert_array_equal(foot, two - one / 2)


def test_a_given_lead_is_kept_as_given(tmp_path: Path) -> None:
    counts = make_counts()
    counts["III"] = counts["III"] + 9
    put(tmp_path, "1_20205_2_0.xml", make_xml(counts))
    batch = read_folder(tmp_path, baseline={"kind": "none"})
    assert batch.signals is not None
    np.testing.assert_array_equal(batch.signals.strips[0][2], counts["III"] * 5.0)


@pytest.mark.parametrize(("opening", "closing"), [("<Strip><StripData>", "</StripData></Strip>")])
def test_other_place_of_the_strip_and_other_spelling_of_leads(tmp_path: Path, opening: str, closing: str) -> None:
    shouted = {lead.upper() if k % 2 else lead.lower(): row for k, (lead, row) in enumerate(make_counts().items())}
    put(tmp_path, "1_20205_2_0.xml", make_xml(shouted, opening=opening, closing=closing))
    put(tmp_path, "2_20205_2_0.xml")
    signals = read_folder(tmp_path).signals
    assert signals is not None
    np.testing.assert_array_equal(signals.strips[0], signals.strips[1])


def test_a_doubt_stands_in_the_row_of_a_file_that_is_kept(tmp_path: Path) -> None:
    put(tmp_path, "1_20205_2_0.xml", vendors.muse(crc=1).decode("latin-1"))
    row = read_folder(tmp_path).recordings.frame.row(0, named=True)
    assert (row["status"], row["reason"]) == ("kept", "the checksum of every lead is wrong")


def test_count_of_all_leads_together(tmp_path: Path) -> None:
    put(tmp_path, "1_20205_2_0.xml", make_xml(count="<SampleCountTotal>60000</SampleCountTotal>"))
    put(tmp_path, "2_20205_2_0.xml", make_xml(count="<SampleCountTotal>5000</SampleCountTotal>"))
    assert set(reasons(read_folder(tmp_path)).values()) == {""}


def test_one_lead_files_give_the_same_to_the_bit(tmp_path: Path) -> None:
    for seed in (1, 2):
        counts = make_counts(seed)
        put(tmp_path / "whole", f"{seed}_20205_2_0.xml", make_xml(counts))
        for lead in LEADS:
            put(tmp_path / "leads", f"{seed}_{lead}_20205_2_0.xml", make_xml({lead: counts[lead]}))
    whole, leads = read_folder(tmp_path / "whole"), read_folder(tmp_path / "leads")
    assert whole.signals is not None
    assert leads.signals is not None
    for name in ARRAYS:
        np.testing.assert_array_equal(np.asarray(getattr(whole.signals, name)), np.asarray(getattr(leads.signals, name)))
    assert leads.recordings.frame.filter(leads.recordings.frame["eid"] == "2")["row"].to_list() == [1] * 12


def test_batches_of_any_cut_give_the_same(tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        put(tmp_path, f"{seed}_20205_2_0.xml", make_xml(make_counts(seed)))
    options = ReadOptions(recordings=tmp_path)
    sources = find_recordings(options).sources
    together = read_recordings(options, sources, track=silent).signals
    alone = read_recordings(options, sources[2:], track=silent).signals
    assert together is not None
    assert alone is not None
    np.testing.assert_array_equal(together.strips[2], alone.strips[0])
    np.testing.assert_array_equal(together.beats[2], alone.beats[0])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (make_xml({"V3": make_counts()["V3"]}, rate='<SampleRate units="Hz">250</SampleRate>'), "disagree about the rate"),
        (
            make_xml({"V3": make_counts()["V3"][:4000]}, count="<ChannelSampleCountTotal>4000</ChannelSampleCountTotal>"),
            "disagree about the length",
        ),
        (make_xml({"V4": make_counts()["V4"]}), "file named for lead V3 holds V4"),
    ],
)
def test_a_one_lead_file_that_does_not_fit_costs_its_lead(tmp_path: Path, content: str, reason: str) -> None:
    for lead in LEADS:
        put(tmp_path, f"1_{lead}_20205_2_0.xml", make_xml({lead: make_counts()[lead]}))
    put(tmp_path, "1_V3_20205_2_0.xml", content)
    batch = read_folder(tmp_path)
    assert batch.signals is not None
    assert [LEADS[k] for k in np.flatnonzero(batch.signals.lead_status[0] == MISSING)] == ["V3"]
    assert np.isnan(batch.signals.strips[0][LEADS.index("V3")]).all()
    told = dict(batch.recordings.frame.select("lead", "reason").iter_rows())
    assert reason in told.pop("V3")
    assert set(told.values()) == {"unusable file of lead V3"}


def test_one_lead_files_of_which_no_majority_agrees_are_refused(tmp_path: Path) -> None:
    for k, lead in enumerate(LEADS):
        rate = '<SampleRate units="Hz">250</SampleRate>' if k % 2 else '<SampleRate units="Hz">500</SampleRate>'
        put(tmp_path, f"1_{lead}_20205_2_0.xml", make_xml({lead: make_counts()[lead]}, rate=rate))
    batch = read_folder(tmp_path)
    assert batch.signals is None
    assert all("disagree about the rate" in told for told in batch.recordings.frame["reason"])


def test_noise_limit(tmp_path: Path) -> None:
    put(tmp_path, "1_20205_2_0.xml")
    batch = read_folder(tmp_path, quality={"max_noise_uv": 1.0})
    assert reasons(batch) == {"1": "noise above 1 uV"}


def test_nothing_of_the_person_is_in_the_result(tmp_path: Path) -> None:
    put(tmp_path, "1_20205_2_0.xml")
    batch = read_folder(tmp_path)
    assert "do" not in str(batch.recordings.frame.to_dicts()).lower()


@pytest.mark.real
def test_the_real_file(tmp_path: Path, shared: Path) -> None:
    content = (shared / "data" / "ecg" / "devices" / "cardiosoft_ukb_20205.xml").read_bytes()
    put(tmp_path, "1000001_20205_2_0.xml", content)
    batch = read_folder(tmp_path, baseline={"kind": "none"})
    assert batch.signals is not None
    strip = batch.signals.strips[0]
    assert strip.shape == (12, 5000)
    np.testing.assert_array_equal(strip[2], strip[1] - strip[0])
    assert strip[0, :5].tolist() == [105.0, 105.0, 100.0, 105.0, 105.0]


def test_unreadable_pattern_is_a_mistake_of_the_study(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        ReadOptions(recordings=tmp_path, pattern="(")
    with pytest.raises(ValueError, match="lacks the group instance"):
        ReadOptions(recordings=tmp_path, pattern="(?P<eid>x)")


def test_nobody_at_all(tmp_path: Path) -> None:
    batch = read_recordings(ReadOptions(recordings=tmp_path), [], track=silent)
    assert batch.signals is None
    assert len(batch.recordings) == 0
    with pytest.raises(InputError, match="holds no file"):
        find_recordings(ReadOptions(recordings=tmp_path))
