"""A small file of each registered format, for tests of all of them. A new format gets an entry in FORMAT_FILES."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.io

from ecgwas.ecg import formats
from ecgwas.ecg.formats import Format, aecg, cardiosoft, cardiosoft_exercise, dicom, edf, matlab, muse, philips, table
from ecgwas.ecg.formats import wfdb as wfdb_format
from ecgwas.ecg.recording import Recording
from ecgwas.errors import InputError
from tests.ecg import vendors
from tests.ecg.edf_files import edf_file
from tests.ecg.make_recordings import make_counts, make_xml
from tests.ecg.scp_files import mortara, scp

Maker = Callable[[Path], Path]


def written(name: str, content: Callable[[], bytes]) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content())
        return path

    return make


def gzipped_table(folder: Path) -> Path:
    plain = vendors.text_table(folder, name="packed")
    path = plain.with_suffix(".csv.gz")
    path.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    plain.unlink()
    return path


def cpsc_file() -> bytes:
    stream = io.BytesIO()
    data = np.stack(list(make_counts().values())) / 200
    scipy.io.savemat(stream, {"ECG": {"sex": "do not read", "age": 50.0, "data": data}}, do_compression=True)
    return stream.getvalue()


FORMAT_FILES: dict[str, tuple[Format, Maker]] = {
    "cardiosoft": (cardiosoft, written("1.xml", lambda: make_xml().encode("latin-1"))),
    "cardiosoft, UTF-16": (cardiosoft, written("2.xml", lambda: make_xml().replace("ISO-8859-1", "UTF-16").encode("utf-16"))),
    "exercise": (cardiosoft_exercise, written("3.xml", vendors.exercise)),
    "mortara": (formats.mortara, written("11.xml", mortara)),
    "scp": (formats.scp, written("12.scp", scp)),
    "muse": (muse, written("4.xml", vendors.muse)),
    "aecg": (aecg, written("5.xml", vendors.aecg)),
    "philips 1.04": (philips, written("6.xml", vendors.philips)),
    "philips 1.03": (philips, written("7.xml", lambda: vendors.philips(version="1.03", encoding="utf-8"))),
    "philips, plain": (philips, written("8.xml", lambda: vendors.philips(compression="Uncompressed"))),
    "dicom": (dicom, written("9.dcm", vendors.dicom)),
    "edf": (edf, written("10.edf", vendors.edf)),
    "wfdb": (wfdb_format, vendors.wfdb_16),
    "array": (table, vendors.array),
    "array, turned": (table, lambda folder: vendors.array(folder, name="turned", turned=True)),
    "table": (table, vendors.text_table),
    "table, no header": (table, lambda folder: vendors.text_table(folder, name="bare", separator=";", header=False)),
    "table, gzip": (table, gzipped_table),
    "bdf": (edf, written("11.bdf", lambda: edf_file(bits=24))),
    "matlab": (matlab, written("12.mat", cpsc_file)),
}  # fmt: skip
ORIGIN_UV = {"aecg": 10.0, "dicom": 10.0}
"""Name -> format, and what writes a file of ten seconds at 500 Hz whose counts are those of `make_counts`, 5 µV each."""


def tried(path: Path) -> tuple[Recording | None, str]:
    """The recording, or the reason why there is none."""
    try:
        return formats.read(path), ""
    except InputError as error:
        return None, error.problem
