"""WFDB headers as other programs write them: scales that cannot be used, checksums, names, encodings, MATLAB's signal files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from ecgwas.ecg import formats, read_recordings
from ecgwas.ecg.discovery import Source
from ecgwas.ecg.formats import wfdb
from ecgwas.ecg.recording import Recording
from ecgwas.errors import InputError
from ecgwas.leads import ALL_LEADS
from ecgwas.progress import silent
from ecgwas.study import ReadOptions
from tests.ecg import vendors
from tests.ecg.make_recordings import make_counts


def header(*, scale: str = "200(0)/mV", sums: Mapping[str, int] | None = None, first: str = "record 12 500 5000",
           file: str = "record.dat", coding: str = "16") -> str:  # fmt: skip
    """A header of the record that `vendors.wfdb_16` writes. sums: lead -> checksum; right where none is named."""
    lines = [first]
    for lead, row in make_counts().items():
        total = int(np.int64(row.sum()).astype(np.int16)) if sums is None else sums.get(lead, int(row.sum()) % 65536)
        lines.append(f"{file} {coding} {scale} 16 0 {row[0]} {total} 0 {lead}")
    return "\n".join(lines) + "\n"


def opened(folder: Path, text: str | bytes) -> Recording:
    path = vendors.wfdb_16(folder)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert formats.recognise(path.read_bytes(), path) is wfdb
    return formats.read(path)


def refused(folder: Path, text: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        opened(folder, text)
    return caught.value.problem


def assert_in_uv(recording: Recording, factor: float = 5.0) -> None:
    for lead, row in make_counts().items():
        np.testing.assert_allclose(recording.leads[lead], row * factor, rtol=0, atol=1e-9)


UNUSABLE = {
    "0": "gain of lead I is 0: it is not calibrated",
    "0(0)/mV": "gain of lead I is 0: it is not calibrated",
    "nan/mV": "gain of lead I is 'nan/mV', which is not valid",
    "1e400/mV": "gain of lead I is '1e400/mV', which is not valid",
    "200,5/mV": "gain of lead I is '200,5/mV', which is not valid",
    "200/": "gain of lead I is '200/', which is not valid",
    "200/adu": "unknown unit of lead I: 'adu'",
    "200(99999999999)/mV": "baseline of signal 'I' is beyond 32 bits",
    "200(zero)/mV": "gain of lead I is '200(zero)/mV', which is not valid",
}


@pytest.mark.parametrize("scale", UNUSABLE)
def test_a_scale_that_cannot_be_used_is_refused_by_its_field(scale: str, tmp_path: Path) -> None:
    """A gain of 0 or none means counts without calibration; 200 per mV was taken for it."""
    assert refused(tmp_path, header(scale=scale)) == UNUSABLE[scale]


def test_a_missing_gain_is_refused(tmp_path: Path) -> None:
    """Nor can a lead be named in so short a line: the description comes last."""
    assert refused(tmp_path, "record 1 500 5000\nrecord.dat 16\n") == "no signal of a standard lead"


def test_scales_that_the_format_allows(tmp_path: Path) -> None:
    assert_in_uv(opened(tmp_path, header(scale="200")))
    assert_in_uv(opened(tmp_path, header(scale="2.00E+2/mV")))
    assert_in_uv(opened(tmp_path, header(scale=".2/uV")))
    far = opened(tmp_path, header(scale="200(-100000)/mV")).leads["I"]
    np.testing.assert_allclose(far, make_counts()["I"] * 5.0 + 500_000, rtol=0, atol=1e-9)
    negative = opened(tmp_path, header(scale="-200/mV"))
    assert_in_uv(negative, factor=-5.0)
    assert negative.warning == "negative gain"


@pytest.mark.parametrize("unit", [b"\xb5V", "µV".encode(), "μV".encode(), b"\xe6V", b"uV", b"UV"])
def test_micro_signs_of_many_encodings(unit: bytes, tmp_path: Path) -> None:
    assert_in_uv(opened(tmp_path, header(scale="0.2/UNIT").encode().replace(b"UNIT", unit)))


def test_checksums(tmp_path: Path) -> None:
    """All wrong: the writer counted none. Some wrong: damage. A foreign signal's alone: no damage of a lead."""
    every = dict.fromkeys(make_counts(), 1)
    recording = opened(tmp_path, header(sums=every))
    assert_in_uv(recording)
    assert recording.warning == "the checksum of every signal is wrong"
    options = ReadOptions(recordings=tmp_path)
    batch = read_recordings(options, [Source("1", "", {ALL_LEADS: tmp_path / "record.hea"})], track=silent)
    assert batch.recordings.frame.select("status", "reason").row(0) == ("kept", "the checksum of every signal is wrong")
    assert refused(tmp_path, header(sums={"V2": 1})) == "lead V2 does not match its checksum"
    eleven = {lead: 1 for lead in make_counts() if lead != "V6"}
    assert refused(tmp_path, header(sums=eleven)) == "lead I does not match its checksum"
    assert refused(tmp_path, header(sums={**dict.fromkeys(make_counts(), 0), "V2": 1})).startswith("lead V2 does not match")
    assert opened(tmp_path, header(sums=dict.fromkeys(make_counts(), 0))).warning == ""
    foreign = header(sums={"V6": 1}).replace(" V6\n", " Resp\n")
    assert opened(tmp_path, foreign).warning == ""


NAMES = [
    "sub/record 12 500 5000", "records500/00000/record 12 500 5000", "records500/00000/00017 12 500 5000",
    r"C\data\record 12 500 5000", "./record 12 500 5000", "../up/record 12 500 5000", "record 12 500.0000000000000000000 5000",
    "record 12 5e2 5000 10:00:00 01/01/2001", "record 12 500/500(0) 5000", "record 12 500",
]  # fmt: skip


@pytest.mark.parametrize("first", NAMES)
def test_record_lines(first: str, tmp_path: Path) -> None:
    recording = opened(tmp_path, header(first=first))
    assert_in_uv(recording)
    assert (recording.rate_hz, recording.warning) == (500, "")


def test_encodings_and_line_ends(tmp_path: Path) -> None:
    plain = header()
    for content in (
        b"\xef\xbb\xbf" + plain.encode(), plain.replace("\n", "\r\n").encode(), plain.replace("\n", "\r").encode(),
        b"# before\n\n" + plain.encode() + "# Größe\n".encode("latin-1"), plain.encode() + bytes(40), plain.encode() + b"\x1a",
        plain.encode("utf-16"),
    ):  # fmt: skip
        assert_in_uv(opened(tmp_path, content))


def test_headers_without_an_ecg_are_named(tmp_path: Path) -> None:
    assert refused(tmp_path, "record 0 500 5000\n# no signals\n") == "a WFDB header without signals"
    numerics = "3000003n 2 0.01666666666666666667 5000\nn.dat 16 1/bpm 16 0 80 0 0 HR\nn.dat 16 1/% 16 0 97 0 0 SpO2\n"
    assert refused(tmp_path, numerics) == "no signal of a standard lead"
    for segments in ("record/3 12 500 5000\nrecord_1 5000\n", "sub/record/2 12 500 5000\nrecord_1 500\nrecord_2 500\n"):
        assert refused(tmp_path, segments) == "a WFDB record with several segments"
    assert refused(tmp_path, header(file="sub/record.dat")) == "a signal file with a path in its name"


def test_a_signal_file_longer_than_stated_is_doubted(tmp_path: Path) -> None:
    sums = {lead: int(row[:4000].sum()) for lead, row in make_counts().items()}
    recording = opened(tmp_path, header(first="record 12 500 4000", sums=sums))
    assert recording.seconds == 8
    assert recording.warning == "the signal file holds more samples than the header states"


# MATLAB's signal files


def rows() -> np.ndarray:
    return np.stack(list(make_counts().values()))


@pytest.mark.parametrize("version", ["4", "5"])
@pytest.mark.parametrize("dtype", ["int16", "float64", "int32"])
@pytest.mark.parametrize("compressed", [False, True])
def test_samples_in_matlab_files(version: str, dtype: str, compressed: bool, tmp_path: Path) -> None:
    """As the PhysioNet Challenges of 2020 and 2021 (16+24 of version 4), and as scipy.io.savemat or MATLAB writes it again."""
    path = tmp_path / "record.mat"
    scipy.io.savemat(path, {"val": rows().astype(dtype)}, format=version, do_compression=compressed and version == "5")
    assert_in_uv(opened(tmp_path, header(file="record.mat", coding="16+24")))
    assert formats.companions(tmp_path / "record.hea") == (path,)


def test_matlab_files_that_do_not_fit_the_header(tmp_path: Path) -> None:
    text = header(file="record.mat", coding="16+24")
    path = tmp_path / "record.mat"
    for variables, reason in (
        ({"val": rows()[:11]}, "signal file: val does not hold integers of as many signals as the header states"),
        ({"val": rows() / 200}, "signal file: val does not hold integers of as many signals as the header states"),
        ({"x": rows()}, "signal file: a MATLAB file without val"),
    ):
        scipy.io.savemat(path, variables)
        assert refused(tmp_path, text) == reason
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n")
    assert refused(tmp_path, text) == "a MATLAB file of version 7.3 (HDF5)"
