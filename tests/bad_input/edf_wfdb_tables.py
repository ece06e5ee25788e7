"""Recordings: EDF, WFDB, MATLAB, CSV and NPY. Each bad file lies in a folder with a good one of another person."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.io

from ecgwas.ecg import find_recordings, formats, read_recordings
from ecgwas.leads import LEADS
from ecgwas.progress import silent
from ecgwas.study import ReadOptions
from tests.bad_input.harness import BAD, BYTES, GOOD, LEFT_OUT, RIGHT, Case, Ending, put
from tests.ecg.edf_files import edf_file
from tests.ecg.make_recordings import make_counts

PATTERN = r"^(?P<eid>\d+)_(?P<instance>2)\.(xml|edf|hea|mat|csv|npy|csv\.gz)$"
ROWS = np.stack([make_counts()[lead] for lead in LEADS])
Files = dict[str, bytes | str]


def recording(kind: str, what: str, how: str, says: str, files: Callable[[], Files]) -> Case:
    """files: ending -> content; the first is the recording, `*` stands for the name of files that have another."""

    def run(at: Path) -> Ending:
        folder = at / "ecg"
        put(folder / f"{GOOD}_2.xml", BYTES)
        made = files()
        for ending, content in made.items():
            put(folder / (ending[1:] if ending.startswith("*") else f"{BAD}_2{ending}"), content)
        options = ReadOptions(recordings=folder, pattern=PATTERN)
        batch = read_recordings(options, find_recordings(options).sources, track=silent)
        rows = {
            eid: (status, reason) for eid, status, reason in batch.recordings.frame.select("eid", "status", "reason").rows()
        }
        if rows[GOOD][0] != "kept":
            return Ending("the good file was lost")
        status, reason = rows[BAD]
        if status != "kept":
            return Ending(LEFT_OUT, reason)
        leads = formats.read(folder / f"{BAD}_2{next(iter(made))}").leads
        is_right = all(np.allclose(leads[lead], row * 5.0, rtol=0, atol=1e-6) for lead, row in zip(LEADS, ROWS, strict=True))
        return Ending(RIGHT if is_right else "wrong voltages", reason or "")

    return Case("recordings", f"{kind}: {what}", how, says, run)


def edf(what: str, how: str, says: str, **changed: object) -> Case:
    return recording("EDF", what, how, says, lambda: {".edf": edf_file(**changed)})


def in_v5(what: str, says: str, **fields: str) -> Case:
    stated = {name.replace("_", " "): text for name, text in fields.items()}
    return edf(what, LEFT_OUT, says, changed={"V5": stated})


COMMAS = {"physical minimum": "-10000,0", "physical maximum": "10000,0"}
EDFS = [
    edf("decimal commas in the physical range", RIGHT, "", every=COMMAS),
    edf("decimal commas that may be thousands separators", LEFT_OUT, "physical minimum of lead I",
        every={"physical minimum": "-10,000"}),
    in_v5("a physical maximum that is blank", "physical maximum of lead V5 is blank", physical_maximum=""),
    in_v5("a physical maximum that did not fit into its field", "physical maximum of lead V5", physical_maximum="********"),
    in_v5("a physical maximum of NaN", "physical maximum of lead V5", physical_maximum="NaN"),
    in_v5("a physical maximum of 1e400", "physical maximum of lead V5", physical_maximum="1e400"),
    in_v5("a physical range from 0 to 0", "physical minimum and maximum of lead V5",
          physical_minimum="0", physical_maximum="0"),
    in_v5("a digital maximum below the minimum", "digital maximum of lead V5", digital_maximum="-3000"),
    in_v5("a digital minimum that is blank", "digital minimum of lead V5 is blank", digital_minimum=""),
    in_v5("a digital range beyond 16 bits", "digital range of lead V5", digital_maximum="65535"),
    in_v5("a unit that is blank", "unit of lead V5 is blank", unit=""),
    in_v5("a unit that is not a voltage", "unknown unit of lead V5: '%'", unit="%"),
    edf("a micro sign in Latin-1", RIGHT, "", every={"unit": b"\xb5V"}),
    edf("a Greek mu in UTF-8", RIGHT, "", every={"unit": "μV".encode()}),
    edf("-1 data records: counted from the file's size, with a warning", RIGHT, "-1 data records", records="-1"),
    edf("no number of data records", LEFT_OUT, "number of data records is blank", records=""),
    edf("a non-ECG signal without samples", RIGHT, "", foreign={"Marker": 0}),
    edf("annotations and a non-ECG signal of another rate", RIGHT, "", foreign={"EDF Annotations": 57, "Resp": 10}),
    edf("24 bits (BDF)", RIGHT, "", bits=24),
    edf("gaps (EDF+D)", LEFT_OUT, "gaps", reserved="EDF+D"),
    recording("EDF", "bytes beyond the data records: read, with a warning", RIGHT, "more bytes",
              lambda: {".edf": edf_file() + bytes(99)}),
    recording("EDF", "cut off", LEFT_OUT, "not have as many samples", lambda: {".edf": edf_file()[:-2]}),
]  # fmt: skip


def header(
    scale: str | bytes = "200/mV", first: str = "r 12 500 5000", checksum: int = 0, file: str = "r.dat", form: str = "16"
) -> bytes:
    unit = scale if isinstance(scale, bytes) else scale.encode()
    lines = [f"{file} {form} ".encode() + unit + f" 16 0 0 {checksum} 0 {lead}\n".encode() for lead in LEADS]
    return f"{first}\n".encode() + b"".join(lines)


def wfdb(what: str, how: str, says: str, content: bytes) -> Case:
    return recording("WFDB", what, how, says, lambda: {".hea": content, "*r.dat": ROWS.T.astype("<i2").tobytes()})


def matlab(**variables: object) -> bytes:
    stream = io.BytesIO()
    scipy.io.savemat(stream, variables, do_compression=True)
    return stream.getvalue()


CPSC = {"sex": "Male", "age": 74.0, "data": ROWS / 200}
WFDBS = [
    wfdb("every checksum wrong, from a program that computes none: kept, with a warning", RIGHT, "checksum", header(checksum=1)),
    wfdb("one checksum wrong", LEFT_OUT, "lead I does not match its checksum", header().replace(b" 0 0 I\n", b" 1 0 I\n")),
    wfdb("a folder before the record's name", RIGHT, "", header(first="records500/00000/00017 12 500 5000")),
    wfdb("a byte-order mark and Windows line endings", RIGHT, "", b"\xef\xbb\xbf" + header().replace(b"\n", b"\r\n")),
    wfdb("a micro sign in Latin-1", RIGHT, "", header(b"0.2/\xb5V")),
    wfdb("a gain of 0", LEFT_OUT, "gain of lead I is 0", header("0/mV")),
    wfdb("a gain of infinity", LEFT_OUT, "gain of lead I", header("1e400/mV")),
    wfdb("a gain with a decimal comma", LEFT_OUT, "gain of lead I", header("200,0/mV")),
    wfdb("a unit that is not a voltage", LEFT_OUT, "unknown unit of lead I: 'adu'", header("200/adu")),
    wfdb("a baseline beyond 32 bits", LEFT_OUT, "baseline", header("200(9999999999)/mV")),
    wfdb("several segments", LEFT_OUT, "several segments", b"r/2 12 500 10000\nr_1 5000\nr_2 5000\n"),
    wfdb("numerics", LEFT_OUT, "no signal of a standard lead",
         b"rn 1 0.01666666666666666667 5000\nr.dat 16 1/bpm 16 0 80 0 0 HR\n"),
    wfdb("no signals", LEFT_OUT, "without signals", b"r 0 500 5000\n"),
    recording("WFDB", "signals in a MATLAB file of version 5", RIGHT, "",
              lambda: {".hea": header(file="r.mat", form="16+24"), "*r.mat": matlab(val=ROWS)}),
    recording("MATLAB", "the struct of CPSC2018", RIGHT, "", lambda: {".mat": matlab(ECG=CPSC)}),
    recording("MATLAB", "samples without a scale", LEFT_OUT, "WFDB header", lambda: {".mat": matlab(val=ROWS)}),
    recording("MATLAB", "something else", LEFT_OUT, "without the struct ECG", lambda: {".mat": matlab(x=ROWS)}),
    recording("MATLAB", "version 7.3", LEFT_OUT, "version 7.3 (HDF5)", lambda: {".mat": b"MATLAB 7.3 MAT-file".ljust(520)}),
]  # fmt: skip

SHARED = {"*recordings.json": json.dumps({"rate_hz": 500, "unit": "mV", "leads": list(LEADS)})}
CELLS = [[f"{value / 200:.3f}" for value in row] for row in ROWS.T.tolist()]


def text(separator: str = ",", *, units: list[str] | None = None, comma: bool = False, first: list[str] | None = None) -> str:
    head = [list(LEADS) if first is None else first, *([units] if units else [])]
    body = [[cell.replace(".", ",") for cell in row] for row in CELLS] if comma else CELLS
    return "\n".join(separator.join(row) for row in [*head, *body]) + "\n"


def csv(what: str, how: str, says: str, content: str | bytes, sidecar: object = None, ending: str = ".csv") -> Case:
    shared: Files = dict(SHARED) if sidecar is None else {"*recordings.json": json.dumps(sidecar)} if sidecar else {}
    return recording("CSV", what, how, says, lambda: {ending: content, **shared})


def npy(what: str, how: str, says: str, values: np.ndarray) -> Case:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=True)
    return recording("NPY", what, how, says, lambda: {".npy": stream.getvalue(), **SHARED})


TABLES = [
    csv("one sidecar for the folder", RIGHT, "", text()),
    csv("no sidecar", LEFT_OUT, "recordings.json", text(), {}),
    csv("a sidecar without a unit", LEFT_OUT, "recordings.json: no unit", text(), {"rate_hz": 500}),
    csv("a sidecar without a rate", LEFT_OUT, "recordings.json: no rate_hz", text(), {"unit": "mV"}),
    csv("a line of units", RIGHT, "", text(units=["mV"] * 12), {"rate_hz": 500}),
    csv("a line of units that contradicts the sidecar", LEFT_OUT, "different units of lead I", text(units=["uV"] * 12)),
    csv("a line of unknown units", LEFT_OUT, "unknown unit of lead I in the table: 'adu'", text(units=["adu"] * 12)),
    csv("semicolons and decimal commas", RIGHT, "", text(";", comma=True)),
    csv("decimal commas between commas", LEFT_OUT, "24 columns, not 12", text(comma=True)),
    csv("a number that may have a thousands separator", LEFT_OUT, "line 2, lead I: the comma in '1,234'",
        text(";").replace(CELLS[0][0], "1,234", 1)),
    csv("comments and empty lines", RIGHT, "", "# recorder\n\n" + text()),
    csv("a byte-order mark, quotes and Windows line ends", RIGHT, "",
        ("\ufeff" + text('","').replace("\n", '"\n"')[:-1]).replace("\ufeff", '\ufeff"').replace("\n", "\r\n")),
    csv("a word among the numbers", LEFT_OUT, "line 2, lead I: 'x' is not a number", text().replace(CELLS[0][0], "x", 1)),
    csv("a line with a column missing", LEFT_OUT, "line 5001 has 11 columns, not 12", text().rsplit(",", 1)[0]),
    csv("names of leads that contradict the sidecar", LEFT_OUT, "different leads", text(first=list(LEADS)[::-1])),
    csv("gzip", RIGHT, "", gzip.compress(text().encode(), mtime=0), ending=".csv.gz"),
    csv("a gzip cut off", LEFT_OUT, "gzip cut off", gzip.compress(text().encode(), mtime=0)[:-9], ending=".csv.gz"),
    csv("a page of text", LEFT_OUT, "not a recording", "# Recordings\n\nThese are 12 leads.\n"),
    npy("an array in Fortran order", RIGHT, "", np.asfortranarray(ROWS / 200)),
    npy("samples first, big-endian", RIGHT, "", (ROWS.T / 200).astype(">f8")),
    npy("leads that do not match the sidecar", LEFT_OUT, "array of shape 11x5000", ROWS[:11] / 200),
    npy("three dimensions", LEFT_OUT, "array of shape 12x10x500", (ROWS / 200).reshape(12, 10, 500)),
    npy("complex numbers", LEFT_OUT, "complex128", ROWS / 200 + 0j),
    npy("objects", LEFT_OUT, "pickle", np.array([{}] * 12, dtype=object)),
]  # fmt: skip

CASES: list[Case] = [*EDFS, *WFDBS, *TABLES]
