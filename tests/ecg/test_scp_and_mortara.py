"""SCP-ECG and Mortara ELI XML: values, what is refused, damage, and nothing of the person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgwas.ecg import formats
from ecgwas.ecg.formats import mortara as mortara_format
from ecgwas.ecg.formats import scp as scp_format
from ecgwas.ecg.recording import Recording
from ecgwas.errors import InputError
from ecgwas.leads import INDEPENDENT_LEADS, LEADS
from tests.ecg.make_recordings import make_counts, put, read_folder, reasons
from tests.ecg.scp_files import mortara, scp


def tried(tmp_path: Path, content: bytes) -> Recording | str:
    """The recording, or the reason why there is none."""
    try:
        return formats.read(put(tmp_path, "1", content))
    except InputError as error:
        return error.problem


def refused(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        formats.read(put(tmp_path, "1", content))
    return caught.value.problem


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_scp_gives_the_samples_that_were_written(order: int, packed: bool, tmp_path: Path) -> None:
    content = scp(order=order, packed=packed)
    path = put(tmp_path, "1_20205_2_0.xml", content)
    assert formats.recognise(content, path) is scp_format
    recording = formats.read(path)
    assert (recording.rate_hz, recording.warning) == (500.0, "")
    assert list(recording.leads) == list(INDEPENDENT_LEADS)
    for lead, values in recording.leads.items():
        np.testing.assert_array_equal(values, make_counts()[lead] * 5.0)
    assert reasons(read_folder(tmp_path)) == {"1": ""}


def test_every_number_that_16_bits_hold_survives_the_code(tmp_path: Path) -> None:
    steep = np.array([0, 1, -1, 8, -8, 9, -9, 127, 128, -128, -129, 32767, -32768, *range(-300, 300)])
    recording = formats.read(put(tmp_path, "1", scp({lead: steep for lead in INDEPENDENT_LEADS}, order=0)))
    np.testing.assert_array_equal(recording.leads["V5"], steep * 5.0)


@pytest.mark.parametrize(("nv", "interval_us", "rate_hz"), [(2500, 1000, 1000.0), (1000, 4000, 250.0), (4880, 2000, 500.0)])
def test_scale_and_rate_of_scp_are_those_of_the_file(nv: int, interval_us: int, rate_hz: float, tmp_path: Path) -> None:
    recording = formats.read(put(tmp_path, "1", scp(nv=nv, interval_us=interval_us)))
    assert recording.rate_hz == rate_hz
    np.testing.assert_allclose(recording.leads["II"], make_counts()["II"] * nv / 1000, rtol=1e-12)


def test_old_versions_and_all_twelve_leads(tmp_path: Path) -> None:
    recording = formats.read(put(tmp_path, "1", scp(make_counts(), reserved=bytes(6))))
    assert set(recording.leads) == set(LEADS)
    np.testing.assert_array_equal(recording.leads["aVF"], make_counts()["aVF"] * 5.0)


def test_leads_of_different_times_are_not_one_recording(tmp_path: Path) -> None:
    starts = {lead: 5001 for lead in ("V1", "V2", "V3", "V4", "V5", "V6")}
    assert refused(tmp_path, scp(starts=starts)) == "twelve leads, but in groups that differ in start, rate or length"


SCP_REFUSED = {
    "reference beat": (scp(flags=5), "SCP-ECG with a reference beat subtracted"),
    "bimodal": (scp(bimodal=1), "SCP-ECG with bimodal compression"),
    "table of its own": (scp(table=1), "SCP-ECG with a private Huffman table"),
    "no amplitude": (scp(nv=0), "SCP-ECG: nV of one count is 0"),
    "no time": (scp(interval_us=0), "SCP-ECG: time between samples is 0"),
    "wrong checksum": (scp(wrong=(6,)), "SCP-ECG: section 6 does not match its checksum"),
    "cut off": (scp()[:-100], "SCP-ECG record is cut off"),
    "no such lead": (scp({"V7": make_counts()["V6"]}), "no standard lead"),
}  # fmt: skip


@pytest.mark.parametrize("name", SCP_REFUSED)
def test_what_scp_cannot_give_is_refused_in_words(name: str, tmp_path: Path) -> None:
    content, reason = SCP_REFUSED[name]
    assert refused(tmp_path, content) == reason


def test_scp_of_a_program_that_counts_no_checksums_has_a_doubt(tmp_path: Path) -> None:
    recording = formats.read(put(tmp_path, "1", scp(wrong=(2, 3, 6))))
    assert recording.warning == "the checksum of every section is wrong"


def test_scp_with_any_byte_changed_or_cut_is_a_recording_or_a_reason(tmp_path: Path) -> None:
    content = scp({lead: row[:200] for lead, row in make_counts().items()})
    random = np.random.default_rng(1)
    for place in [*range(500), *random.integers(0, len(content), 200)]:
        changed = bytearray(content)
        changed[place] ^= int(random.integers(1, 256))
        for one in (bytes(changed), content[:place]):
            found = tried(tmp_path, one)
            if isinstance(found, str):
                assert 3 < len(found) < 100
                continue
            assert all(np.isfinite(values).all() for values in found.leads.values())


def test_mortara_gives_samples_and_measurements(tmp_path: Path) -> None:
    content = mortara()
    path = put(tmp_path, "1_20205_2_0.xml", content)
    assert formats.recognise(content, path) is mortara_format
    recording = formats.read(path)
    assert (set(recording.leads), recording.rate_hz) == (set(LEADS), 500.0)
    for lead, values in recording.leads.items():
        np.testing.assert_array_equal(values, make_counts()[lead] * 5.0)
    assert dict(recording.device) == {
        "heart_rate_bpm": 62.0, "rr_ms": 968.0, "pr_ms": 174.0, "qrs_ms": 89.0, "qt_ms": 416.0, "p_axis_deg": 50.0,
        "qrs_axis_deg": 53.0,
    }  # fmt: skip
    assert reasons(read_folder(tmp_path)) == {"1": ""}


def test_mortara_of_other_scales_and_a_length_in_ms(tmp_path: Path) -> None:
    recording = formats.read(put(tmp_path, "1", mortara(units="400", rate="1000", DURATION="5000")))
    np.testing.assert_array_equal(recording.leads["V1"], make_counts()["V1"] * 2.5)
    assert formats.read(put(tmp_path, "1", mortara(DURATION="10000"))).seconds == 10


MORTARA_REFUSED = {
    "units 0": (mortara(units="0"), "no number above 0 in UNITS_PER_MV of lead I"),
    "units comma": (mortara(units="2,5"), "no number above 0 in UNITS_PER_MV of lead I"),
    "rate": (mortara(rate="fast"), "no number above 0 in SAMPLE_FREQ of lead I"),
    "offset": (mortara(OFFSET="3"), "OFFSET of lead I is not 0"),
    "bits": (mortara(BITS="12"), "BITS of lead I is not 16"),
    "count": (mortara(DURATION="4999"), "lead I does not have as many samples as the file states"),
    "data": (mortara(DATA="!!!"), "lead I is not base64"),
    "a lead twice": (mortara(NAME="V1"), "lead V1 is given twice"),
    "no lead": (mortara(NAME="X"), "no CHANNEL of a standard lead"),
    "cut off": (mortara()[:50_000], "XML cut off or malformed"),
}


@pytest.mark.parametrize("name", MORTARA_REFUSED)
def test_what_mortara_cannot_give_is_refused_in_words(name: str, tmp_path: Path) -> None:
    content, reason = MORTARA_REFUSED[name]
    assert refused(tmp_path, content) == reason


@pytest.mark.parametrize("content", [scp(), mortara()], ids=["scp", "mortara"])
def test_nothing_of_the_person_is_read(content: bytes, tmp_path: Path) -> None:
    recording = formats.read(put(tmp_path, "1", content))
    assert "read" not in repr((recording.notes, dict(recording.device), list(recording.leads))).lower()
