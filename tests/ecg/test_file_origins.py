"""When, with which device and, only if asked, whose: the headers of every format; nothing else about the person is taken."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from ecgwas.ecg import file_origins, formats, spellings
from ecgwas.ecg.file_origins import FileOrigin, file_origin
from tests.ecg import vendors
from tests.ecg.scp_files import mortara, scp, section

MUSE_WHO = (
    "<PatientDemographics><PatientID> 4711 </PatientID><PatientLastName>Do not read</PatientLastName></PatientDemographics>"
)
MUSE_WHEN = (
    "<TestDemographics><AcquisitionDevice>MAC55</AcquisitionDevice><CartNumber>{cart}</CartNumber>"
    "<AcquisitionDate>{date}</AcquisitionDate><AcquisitionTime>14:05:00</AcquisitionTime></TestDemographics>"
)


def muse(date: str = "03-31-2019", cart: int = 3) -> bytes:
    """A MUSE file that says who, when and where."""
    plain = vendors.muse().decode("latin-1")
    head = "<PatientDemographics><PatientLastName>Do not read</PatientLastName></PatientDemographics>"
    assert head in plain
    return plain.replace(head, MUSE_WHO + MUSE_WHEN.format(date=date, cart=cart)).encode("latin-1")


def of(content: bytes, path: Path = Path("a"), *, with_id: bool = True) -> FileOrigin:
    return file_origin(formats.recognise(content, path), content, path, with_id=with_id)


def test_muse_and_the_id_only_if_asked() -> None:
    origin = of(muse())
    assert (origin.own_id, origin.time) == ("4711", "2019-03-31 14:05:00")
    assert of(muse(), with_id=False) == FileOrigin("", origin.time, origin.device)


def test_a_device_is_the_same_hash_and_another_device_another() -> None:
    assert of(muse()).device == of(muse("01-01-2020")).device != of(muse(cart=4)).device
    assert len(of(muse()).device) == 8
    assert "MAC" not in of(muse()).device


@pytest.mark.parametrize("date", ["13-45-2019", "soon", "", "01-01-1904"])
def test_a_date_that_is_none_is_empty(date: str) -> None:
    assert of(muse(date)).time == ""


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("20190331140507", "2019-03-31 14:05:07"),
        ("201903311405", "2019-03-31 14:05:00"),
        ("20190331", "2019-03-31"),
        ("2019033114", ""),
    ],
)
def test_digits_alone_are_read_by_their_number(digits: str, expected: str) -> None:
    aecg = vendors.aecg().decode().replace(
        "<subject><name>Do not read</name></subject>", f'<effectiveTime><low value="{digits}"/></effectiveTime>'
    )  # fmt: skip
    assert of(aecg.encode()).time == expected


def test_other_xml() -> None:
    aecg = vendors.aecg().decode().replace(
        "<subject><name>Do not read</name></subject>",
        '<effectiveTime><low value="20190331140500.000+0100"/></effectiveTime>'
        '<trialSubject><id extension="s1"/></trialSubject>',
    )  # fmt: skip
    assert of(aecg.encode()) == FileOrigin("s1", "2019-03-31 14:05:00", "")
    philips = vendors.philips(encoding="utf-8").decode().replace(
        "<patient><name><lastname>Do not read</lastname></name></patient><dataacquisition>",
        "<patient><generalpatientdata><patientid>77</patientid><name>Do not read</name></generalpatientdata>"
        '</patient><dataacquisition date="2019-03-31" time="14:05:00"><machine machineid="EKG1">PageWriter</machine>',
    )  # fmt: skip
    origin = of(philips.encode())
    assert (origin.own_id, origin.time, len(origin.device)) == ("77", "2019-03-31 14:05:00", 8)
    assert of(mortara(), with_id=False) == FileOrigin("", "2020-01-02 03:04:05", "")


@pytest.fixture
def decoded_texts(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Whatever bytes of a header become text."""
    seen: list[bytes] = []
    decode = spellings.decoded

    def recorded(content: bytes) -> str:
        seen.append(content)
        return decode(content)

    monkeypatch.setattr(file_origins, "decoded", recorded)
    return seen


def test_an_id_that_was_not_asked_for_is_not_decoded(decoded_texts: list[bytes]) -> None:
    edf = bytearray(vendors.edf())
    edf[8:88], edf[168:184] = b"MCH-0234567 F 02-MAY-1951 Do_not_read".ljust(80), b"31.03.1914.05.00"
    for content, own_id in ((bytes(edf), "MCH-0234567"), (scp_with_id(), "55")):
        origin = of(content, with_id=False)
        assert (origin.own_id, origin.time) == ("", "2019-03-31 14:05:00")
        assert not any(own_id.encode() in text for text in decoded_texts)
        assert of(content).own_id == own_id
        assert any(own_id.encode() in text for text in decoded_texts)


def test_edf_and_wfdb(tmp_path: Path) -> None:
    edf = bytearray(vendors.edf())
    edf[8:88] = b"MCH-0234567 F 02-MAY-1951 Do_not_read".ljust(80)
    edf[168:184] = b"31.03.1914.05.00"
    assert of(bytes(edf)) == FileOrigin("MCH-0234567", "2019-03-31 14:05:00", "")
    header = vendors.wfdb_16(tmp_path)
    lines = header.read_text().splitlines()
    lines[0] += " 14:05:00 31/03/2019"
    origin = of("\n".join(lines).encode(), header)
    assert origin == FileOrigin("", "2019-03-31 14:05:00", "")
    assert of(header.read_bytes(), header) == FileOrigin()


def test_dicom() -> None:
    pydicom = pytest.importorskip("pydicom")
    whole = pydicom.dcmread(io.BytesIO(vendors.dicom()))
    whole.PatientID, whole.AcquisitionDateTime, whole.DeviceSerialNumber = "P-1", "20190331140500.12", "9"
    stream = io.BytesIO()
    whole.save_as(stream)
    origin = of(stream.getvalue())
    assert (origin.own_id, origin.time, len(origin.device)) == ("P-1", "2019-03-31 14:05:00", 8)
    assert "Do^Not^Read" not in str(origin)


def tag(number: int, body: bytes) -> bytes:
    return struct.pack("<BH", number, len(body)) + body


def scp_with_id() -> bytes:
    """A further section 1 at the end, to which the second pointer of section 0 leads."""
    day, clock = struct.pack("<HBB", 2019, 3, 31), bytes([14, 5, 0])
    who = section(1, tag(0, b"Do not read\0") + tag(2, b"55\0") + tag(25, day) + tag(26, clock) + b"\xff\0\0")
    content = bytearray(scp())
    struct.pack_into("<HII", content, 6 + 16 + 10, 1, len(who), len(content) + 1)
    content += who
    struct.pack_into("<I", content, 2, len(content))
    return bytes(content)


def test_scp() -> None:
    origin = of(scp_with_id())
    assert (origin.own_id, origin.time) == ("55", "2019-03-31 14:05:00")


@pytest.mark.parametrize("content", [b"<RestingECG", b"1234567 " * 40, b"", vendors.muse()[:900]])
def test_what_cannot_be_read_has_no_origin(content: bytes) -> None:
    for file_format in formats.FORMATS:
        origin = file_origin(file_format, content, Path("a"), with_id=True)
        assert origin.time == ""
