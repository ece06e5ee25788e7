"""Files of formats that are not read: the reason names them, by their first bytes or root element."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas.ecg import formats
from ecgwas.ecg.unsupported_formats import identify
from ecgwas.errors import InputError
from tests.ecg.make_recordings import make_xml, put, read_folder, reasons


def zipped(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, "x")
    return stream.getvalue()


def parquet() -> bytes:
    stream = io.BytesIO()
    pl.DataFrame({"I": [1]}).write_parquet(stream)
    return stream.getvalue()


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, I=np.zeros(3))
    return stream.getvalue()


HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(500)
FOREIGN = {
    "ISHNE": (b"ISHNE1.0" + bytes(600), "ISHNE Holter file"),
    "MFER": (b"\x40\x20MFR Standard 12 leads ECG".ljust(34) + bytes(90), "MFER file"),
    "GDF": (b"GDF 2.20" + bytes(248), "GDF file"),
    "AliveCor ATC": (b"ALIVE\0\0\0" + bytes(100), "AliveCor ATC file"),
    "AliveCor JSON": (b'{"id": "x", "recordedAt": "2020", "data": {}}', "AliveCor Kardia JSON"),
    "JSON": (b'\xef\xbb\xbf {"a": 1}', "JSON file"),
    "HDF5": (HDF5, "HDF5 file"),
    "HDF5 after 512 bytes": (bytes(512) + HDF5, "HDF5 file"),
    "gzip": (gzip.compress(make_xml().encode()), "gzip file"),
    "bzip2": (bz2.compress(make_xml().encode()), "bzip2 file"),
    "xz": (lzma.compress(make_xml().encode()), "xz file"),
    "ZIP": (zipped("ecg.xml"), "ZIP file"),
    "Excel": (zipped("xl/workbook.xml"), "Microsoft Office document"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Microsoft Office document"),
    "npz": (npz(), "numpy .npz file"),
    "pickle": (pickle.dumps({"I": [1, 2]}, protocol=4), "Python pickle"),
    "Parquet": (parquet(), "Parquet file"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "PDF document"),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG picture"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(20), "PNG picture"),
    "HTML": (b"\n<!DOCTYPE html>\n<!-- <RestingECGX> -->\n<HTML lang='en'><body>404</body></HTML>", "web page"),
    "HTML in small letters": (b"<!doctype html><html><body>Please log in</body></html>", "web page"),
    "SVG": (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG picture"),
    "Schiller": (b'<?xml version="1.0"?><examdescript type="ECG"><x/></examdescript>', "Schiller XML"),
    "Schiller by its address": (b'<data xmlns="http://www.schiller.ch/x"/>', "Schiller XML"),
    "Sapphire": ('<?xml version="1.0" encoding="UTF-16"?><sapphire xmlns="urn:ge:sapphire:dcar_1"/>'.encode("utf-16"),
                 "GE Sapphire XML (MAC, DCAR)"),
    "Zoncare": (b"<ECG_DATA><Manufacturer>ZONCARE</Manufacturer></ECG_DATA>", "Zoncare XML"),
    "HL7 document": (b'<p:ClinicalDocument xmlns:p="urn:hl7-org:v3"></p:ClinicalDocument>', "HL7 clinical document"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_the_reason_says_what_the_file_is(name: str, tmp_path: Path) -> None:
    content, what = FOREIGN[name]
    with pytest.raises(InputError) as caught:
        formats.read(put(tmp_path, "1_20205_2_0.xml", content))
    assert caught.value.problem == f"{what}; ecgwas does not read it"
    assert "leave the file out" not in caught.value.fix
    assert reasons(read_folder(tmp_path)) == {"1": caught.value.problem}


def test_a_root_that_nobody_knows_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        formats.read(put(tmp_path, "1.xml", b"<?xml version='1.0'?><!-- <CardiologyXMLish> --><hospital:Curve at='1'/>"))
    assert caught.value.problem == "XML of no known format (root Curve)"


@pytest.mark.parametrize("content", [b"Dear colleague", bytes(5000), b"I,II\n1,2\n", b"<", b"< 5 mV", b"<?xml", b"\x40 abc"])
def test_what_the_bytes_do_not_tell_is_not_guessed(content: bytes) -> None:
    assert identify(content) is None
