"""Tables and arrays as other programs write them: heads, separators, decimal commas, units, sidecars, shapes of arrays."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecgwas import stages
from ecgwas.ecg import find_recordings, formats, read_recordings
from ecgwas.ecg.formats import table
from ecgwas.ecg.recording import Recording
from ecgwas.errors import InputError
from ecgwas.leads import LEADS
from ecgwas.progress import silent
from ecgwas.study import ReadOptions, Study
from tests.cohorts import make_cohort
from tests.ecg import vendors
from tests.ecg.make_recordings import make_counts

RATE = {"rate_hz": 500}
IN_UV = {**RATE, "unit": "uV"}
IN_MV = {**RATE, "unit": "mV"}
NAMES = list(LEADS)
MV = [[f"{value / 200:.3f}" for value in row] for row in np.stack([make_counts()[lead] for lead in LEADS]).T.tolist()]
"""(5000, 12) cells in mV; counts are whole numbers of 5 µV, so three decimals hold them."""


def written(folder: Path, text: str | bytes, sidecar: dict[str, object] | None, name: str = "1.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if sidecar is not None:
        (folder / "1.json").write_text(json.dumps(sidecar))
    return path


def opened(folder: Path, text: str | bytes, sidecar: dict[str, object] | None = None, name: str = "1.csv") -> Recording:
    path = written(folder, text, IN_MV if sidecar is None else sidecar, name)
    assert formats.recognise(path.read_bytes(), path) is table
    return formats.read(path)


def refused(folder: Path, text: str | bytes, sidecar: dict[str, object] | None = None) -> str:
    with pytest.raises(InputError) as caught:
        opened(folder, text, sidecar)
    return caught.value.problem


def assert_in_uv(recording: Recording, leads: list[str] = NAMES) -> None:
    assert recording.rate_hz == 500
    assert list(recording.leads) == leads
    for lead in leads:
        np.testing.assert_allclose(recording.leads[lead], make_counts()[lead] * 5.0, rtol=0, atol=1e-9)


def joined(
    cells: list[list[str]], separator: str = ",", *, first: list[str] | None = NAMES, units: list[str] | None = None
) -> str:
    return "\n".join(separator.join(row) for row in [*([first] if first else []), *([units] if units else []), *cells]) + "\n"


def commas(cells: list[list[str]]) -> list[list[str]]:
    return [[cell.replace(".", ",") for cell in row] for row in cells]


def timed(times: Callable[[int], str]) -> list[list[str]]:
    return [[times(k), *row] for k, row in enumerate(MV)]


def day(k: int) -> str:
    return f"{k // 30000}:{k // 500 % 60:02}.{k % 500 * 2:03}"


QUOTED = [[f'"{cell}"' for cell in row] for row in MV]
GOOD: dict[str, str | bytes] = {
    "a line of units": joined(MV, units=["mV"] * 12),
    "as rdsamp -c -v -p writes": joined(
        timed(lambda k: f"{k / 500:.3f}"), first=["Elapsed time", *NAMES], units=["seconds", *["mV"] * 12]
    ),
    "as PhysioBank ATM exports": joined(
        timed(lambda k: f"'{day(k)}'"), first=[f"'{name}'" for name in ["Elapsed time", *NAMES]],
        units=["'hh:mm:ss.mmm'", *["'mV'"] * 12],
    ),
    "times of day in brackets": joined(timed(lambda k: f"[10:00:{k / 500:06.3f} 01/01/2001]"), first=["time", *NAMES]),
    "dates": joined(timed(lambda k: f"2001-01-01 10:00:{k / 500:06.3f}"), first=["timestamp", *NAMES]),
    "units in brackets": joined(MV, units=["(mV)", *["[mV]"] * 11]),
    "units in the names": joined(MV, first=[f"{name} (mV)" for name in NAMES]),
    "units in the names, after a line": joined(MV, first=[f"{name}_mV" for name in NAMES]),
    "units in the names, in square brackets": joined(MV, first=[f"{name} [mV]" for name in NAMES]),
    "comments": "# recorder 7\n\n% x\n" + joined(MV[:10]) + "# pause\n" + joined(MV[10:], first=None) + "# end\n",
    "names in a comment, as numpy writes": "# " + joined(MV, " "),
    "semicolons": joined(MV, ";"),
    "semicolons and decimal commas": joined(commas(MV), ";"),
    "tabs and decimal commas": joined(commas(MV), "\t"),
    "blanks and decimal commas": joined(commas(MV), "  "),
    "commas and blanks": joined(MV, ", "),
    "quoted": joined(QUOTED, first=[f'"{name}"' for name in NAMES]),
    "quoted decimal commas": joined(commas(QUOTED)),
    "single quotes": joined([[f"'{cell}'" for cell in row] for row in MV], first=[f"'{name}'" for name in NAMES]),
    "a byte-order mark": joined(MV).encode("utf-8-sig"),
    "UTF-16": joined(MV).encode("utf-16"),
    "Windows line ends": joined(MV).replace("\n", "\r\n"),
    "old line ends": joined(MV).replace("\n", "\r"),
    "sep=; as Excel wants it": "sep=;\n" + joined(commas(MV), ";"),
    "empty rows of a spreadsheet": joined(MV) + ";" * 11 + "\n" + "," * 11 + "\n",
    "a separator at each end of a line": joined([[*row, ""] for row in MV]),
    "a separator at the end of the names": joined(MV, first=[*NAMES, ""]),
    "an index without a name": joined(timed(str), first=["", *NAMES]),
    "a column of text": joined([[*row, "N"] for row in MV], first=[*NAMES, "rhythm"]),
    "exponents": joined([[f"{float(cell):.4e}" for cell in row] for row in MV]),
    "times in milliseconds": joined(timed(lambda k: str(2 * k)), first=["time (ms)", *NAMES]),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_tables_as_many_programs_write_them(name: str, tmp_path: Path) -> None:
    assert_in_uv(opened(tmp_path, GOOD[name]))


def test_units_of_the_table_are_enough_and_may_differ_by_column(tmp_path: Path) -> None:
    assert_in_uv(opened(tmp_path, joined(MV, units=["mV"] * 12), RATE))
    assert_in_uv(opened(tmp_path, joined(MV, first=[f"{name} (mV)" for name in NAMES]), RATE))
    mixed = [[str(round(float(row[0]) * 1000)), *row[1:]] for row in MV]
    assert_in_uv(opened(tmp_path, joined(mixed, units=["uV", *["mV"] * 11]), RATE))
    latin = joined(mixed, units=["µV", *["mV"] * 11]).encode("latin-1")
    assert_in_uv(opened(tmp_path, latin, RATE))
    assert_in_uv(opened(tmp_path, joined(MV, first=["mV"] * 12), {**RATE, "leads": NAMES}))


def test_columns_without_names(tmp_path: Path) -> None:
    leads = {**IN_MV, "leads": NAMES}
    assert_in_uv(opened(tmp_path, joined(MV, first=None), leads))
    # 0, 1, 2, ... is how pandas names columns; it was taken for the first sample.
    assert_in_uv(opened(tmp_path, joined(MV, first=[str(k) for k in range(12)]), leads))
    assert_in_uv(opened(tmp_path, joined(MV, first=[f"channel {k}" for k in range(12)]), leads))
    assert_in_uv(opened(tmp_path, joined([[row[0]] for row in MV], first=None), {**IN_MV, "leads": ["I"]}), ["I"])


def changed(line: int, column: int, cell: str, cells: list[list[str]] = MV) -> list[list[str]]:
    """The cells with one replaced; line counts from 1 with a line of names before."""
    copy = [list(row) for row in cells]
    copy[line - 2][column] = cell
    return copy


THOUSANDS = [[f"{(int(float(cell) * 1000) + 1200):,}" for cell in row] for row in MV]
BAD: dict[str, tuple[str, dict[str, object] | None, str]] = {
    "a word": (joined(changed(57, 2, "oops")), None, "line 57, lead III: 'oops' is not a number"),
    "an empty cell": (joined(changed(57, 2, "")), None, "line 57, lead III: empty cell"),
    "an underscore": (joined(changed(57, 2, "4_6")), None, "line 57, lead III: '4_6' is not a number"),
    "digits of another alphabet": (joined(changed(57, 2, "٣")), None, "line 57, lead III: '٣' is not a number"),
    "a minus sign of typographers": (joined(changed(57, 2, "−0.1")), None, "line 57, lead III: '−0.1' is not a number"),
    "several words": (joined(changed(60, 2, "NA", changed(57, 2, "NA"))), None,
                      "line 57, lead III: 'NA' is not a number, and 1 more"),
    "quoted thousands": (joined(changed(57, 2, '"1,234"', QUOTED)), None,
                         "line 57, lead III: the comma in '1,234' is decimal or separates thousands"),
    "thousands": (joined([[cell if len(cell) > 3 else "1,111" for cell in row] for row in THOUSANDS], ";"), IN_UV,
                  "is decimal or separates thousands"),
    "thousands with decimals": (joined(changed(57, 2, "1.234,5"), ";"), None, "line 57, lead III: '1.234,5' is not a number"),
    "two commas": (joined(changed(57, 2, "1,234,567", commas(MV)), ";"), None,
                   "line 57, lead III: '1,234,567' is not a number"),
    "decimal commas between commas": (joined(commas(MV)), None, "24 columns, not 12"),
    "a column missing in a line": (joined([row if k != 55 else row[:-1] for k, row in enumerate(MV)]), None,
                                   "line 57 has 11 columns, not 12"),
    "a quote that does not end": (joined(changed(57, 2, '"0.1', QUOTED)), None, "line 57 has 11 columns, not 12"),
    "a quote that does not end in its line": (joined(changed(57, 11, '"0.1', QUOTED)), None, "a quoted cell does not end"),
    "a third line of words": (joined(MV, first=["I"] * 12, units=["mV"] * 12).replace("mV,mV\n", "mV,mV\nx,y\n", 1), None,
                              "line 3 holds neither numbers nor names or units of columns"),
    "units of some columns": (joined(MV, units=["mV"] * 11), None, "line 2 has 11 columns, not 12"),
    "an unknown unit": (joined(MV, units=["adu"] * 12), RATE, "unknown unit of lead I in the table: 'adu'"),
    "no unit": (joined(MV), RATE, "sidecar: no unit of voltage"),
    "units that disagree": (joined(MV, units=["uV"] * 12), None,
                            "table and sidecar name different units of lead I: 'uV' and 'mV'"),
    "units of names that disagree": (joined(MV, first=[f"{name} (uV)" for name in NAMES]), None,
                                     "table and sidecar name different units of lead I: 'uV' and 'mV'"),
    "leads that disagree": (joined(MV), {**IN_MV, "leads": NAMES[::-1]},
                            "the table's line of names and the sidecar name different leads"),
    "a rate that disagrees": (joined(timed(lambda k: f"{k / 1000:.3f}"), first=["time_s", *NAMES]), None,
                              "the table's times are those of 1000 Hz, rate_hz of the sidecar is 500"),
    "times without a unit at another rate": (joined(timed(lambda k: f"{k / 250:.3f}"), first=["time", *NAMES]), None,
                                             "the table's times are those of 250 Hz, rate_hz of the sidecar is 500"),
    "a gap of three seconds": (joined(timed(lambda k: f"{k / 500 + 3 * (k > 9):.3f}"), first=["time", *NAMES]), None,
                               "the table's times are not evenly spaced"),
    "times in another order": (joined(timed(lambda k: f"{(33 - k if k in (3, 30) else k) / 500:.3f}"), first=["time", *NAMES]),
                               None, "the table's times are not evenly spaced"),
    "times that run backwards": (joined(timed(lambda k: f"{10 - k / 500:.3f}"), first=["time", *NAMES]), None,
                                 "the table's times do not increase"),
    "times that do not increase": (joined(timed(lambda k: str(-k)), first=["time_ms", *NAMES]), None,
                                   "the table's times do not increase"),
    "a unit after a line that disagrees": (joined(MV, first=[f"{name}_uV" for name in NAMES]), None,
                                           "table and sidecar name different units of lead I: 'uV' and 'mV'"),
    "a lead twice": (joined(MV, first=["I", "I (mV)", *NAMES[2:]]), None, "lead I is given twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_tables_that_cannot_be_used_name_line_and_column(name: str, tmp_path: Path) -> None:
    text, sidecar, reason = BAD[name]
    assert reason in refused(tmp_path, text, sidecar)


def test_text_that_is_no_table(tmp_path: Path) -> None:
    for text in (
        "# Title\n\nSome words, and 5 numbers.\n", "Dear colleague,\n\n1\n", "a,b\nc,d\n1,2\n", "1. first\n2. second\n\n",
        (Path(__file__).parents[2] / "README.md").read_text(),
    ):  # fmt: skip
        path = written(tmp_path, text, None, "README.md")
        with pytest.raises(InputError, match="not a recording"):
            formats.read(path)


# Sidecars


def test_one_sidecar_for_a_folder(tmp_path: Path) -> None:
    """rate_hz, unit and leads of all tables and arrays of the folder; a recording's own sidecar is read in its place."""
    text = joined(MV)
    path = written(tmp_path, text, None)
    with pytest.raises(InputError, match="no sidecar") as caught:
        formats.read(path)
    assert caught.value.fix.startswith("write recordings.json for the whole folder, or 1.json for this file")
    shared = tmp_path / "recordings.yaml"
    shared.write_text(f"rate_hz: 500\nunit: mV\nleads: [{', '.join(NAMES)}]\n")
    assert_in_uv(formats.read(path))
    assert formats.companions(path) == (shared,)
    one = tmp_path / "3.csv"
    one.write_text(joined([[row[7]] for row in MV], first=["V2"]))
    assert_in_uv(formats.read(one), ["V2"])
    array = vendors.array(tmp_path, name="2")
    array.with_suffix(".json").unlink()
    assert_in_uv(formats.read(array))
    (tmp_path / "1.json").write_text(json.dumps({**RATE, "unit": "V"}))
    np.testing.assert_allclose(formats.read(path).leads["I"], make_counts()["I"] * 5e3)
    assert formats.companions(path) == (tmp_path / "1.json",)
    assert_in_uv(formats.read(array))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("unit: mV", "recordings.yaml: no rate_hz above 0"),
        ("rate_hz: 500", "recordings.yaml: no unit of voltage"),
        (
            "{rate_hz: 500, unit: mV, device: {qt_ms: 400}}",
            "recordings.yaml: device is allowed only in a recording's own sidecar",
        ),
        ("[", "recordings.yaml: cannot be read"),
        ("{rate_hz: 500, unit: mV, scale: 5}", "recordings.yaml: unknown key scale"),
    ],
)
def test_sidecars_of_folders_that_cannot_be_used(text: str, reason: str, tmp_path: Path) -> None:
    path = written(tmp_path, joined(MV), None)
    (tmp_path / "recordings.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        formats.read(path)
    assert caught.value.problem == reason


def test_a_folder_of_many_tables_with_one_sidecar(tmp_path: Path) -> None:
    folder = tmp_path / "ecg"
    folder.mkdir()
    (folder / "recordings.json").write_text(json.dumps({**IN_MV, "leads": NAMES}))
    for name, content in {
        "1_2.csv": joined(MV).encode(), "2_2.tsv": joined(commas(MV), "\t").encode(),
        "3_2.csv.gz": gzip.compress(joined(MV).encode()), "4_2.npy": saved(np.array(MV, dtype=float)),
        "5_2.csv": joined(changed(9, 0, "x")).encode(),
    }.items():  # fmt: skip
        (folder / name).write_bytes(content)
    options = ReadOptions(recordings=folder, pattern=r"^(?P<eid>\d+)_(?P<instance>2)\.(csv|tsv|csv\.gz|npy)$")
    manifest = find_recordings(options)
    batch = read_recordings(options, manifest.sources, track=silent)
    assert batch.signals is not None
    strips = np.asarray(batch.signals.strips)
    assert strips.shape == (4, 12, 5000)
    assert all(np.array_equal(strips[0], strip) for strip in strips)
    rows = batch.recordings.frame.filter(batch.recordings.frame["status"] == "left_out")
    assert rows.select("eid", "reason").rows() == [("5", "line 9, lead I: 'x' is not a number")]
    assert manifest.others.frame["path"].to_list() == ["recordings.json"]


def test_the_sidecar_of_a_folder_makes_a_study_fresh_or_not(tmp_path: Path) -> None:
    study = Study.read_file(make_cohort(tmp_path / "cohort", people=60, variants=40, read=False))
    folder = tmp_path / "ecg"
    folder.mkdir()
    (folder / "1_2.csv").write_text(joined(MV))
    shared = folder / "recordings.json"
    shared.write_text(json.dumps(IN_MV))
    named = {"recordings": folder, "pattern": r"^(?P<eid>\d+)_(?P<instance>2)\.csv$"}
    study = study.model_copy(update={"read": study.read.model_copy(update=named), "results": tmp_path / "results"})
    stages.run(study, until="read")
    assert stages.is_fresh(study, "read", "0000")
    shared.write_text(json.dumps({**IN_MV, "rate_hz": 499}))
    assert not stages.is_fresh(study, "read", "0000")


# gzip


def test_gzip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packed = gzip.compress(joined(MV).encode(), mtime=0)
    assert_in_uv(opened(tmp_path, packed, name="1.csv.gz"))
    array = saved(np.array(MV, dtype=float).T)
    assert_in_uv(opened(tmp_path, gzip.compress(array), {**IN_MV, "leads": NAMES}, "1.npy.gz"))
    for damaged in (packed[:-3], packed[:-8] + bytes(8), packed + b"more"):
        assert refused(tmp_path, damaged) == "gzip cut off or malformed"
    monkeypatch.setattr(table, "MAX_BYTES", 100_000)
    assert refused(tmp_path, packed) == "gzip of more than 0 MiB"


# Arrays


def saved(array: np.ndarray, **options: bool) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


COUNTS = np.stack([make_counts()[lead] for lead in LEADS])


@pytest.mark.parametrize(
    "array",
    [
        COUNTS * 5, COUNTS.T * 5, np.asfortranarray(COUNTS * 5), np.asfortranarray(COUNTS.T * 5), (COUNTS * 5).astype(">i2"),
        (COUNTS * 5).astype("<i2"), (COUNTS * 5).astype(">f8"), (COUNTS * 5).astype(np.float32), (COUNTS * 5)[np.newaxis],
        (COUNTS * 5)[:, :, np.newaxis],
    ],
)  # fmt: skip
def test_arrays_of_every_order_and_type(array: np.ndarray, tmp_path: Path) -> None:
    assert_in_uv(opened(tmp_path, saved(array), {**IN_UV, "leads": NAMES}, "1.npy"))


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (COUNTS[:11], "array of shape 11x5000 does not fit 12 leads"),
        (COUNTS[:, :12], "array of shape 12x12 does not fit 12 leads"),
        (COUNTS[0], "array of shape 5000 does not fit 12 leads"),
        (COUNTS.reshape(12, 10, 500), "array of shape 12x10x500 does not fit 12 leads"),
        (COUNTS + 0j, "array of complex128, not of integers or real numbers"),
        (COUNTS > 0, "array of bool, not of integers or real numbers"),
        (COUNTS.astype("S5"), "array of |S5, not of integers or real numbers"),
        (np.array([{}] * 12, dtype=object), "array of objects, which are never read (they would need pickle)"),
        (np.zeros(5, dtype=[("I", "f8")]), "array of [('I', '<f8')], not of integers or real numbers"),
    ],
)
def test_arrays_that_are_no_recording(array: np.ndarray, reason: str, tmp_path: Path) -> None:
    path = written(tmp_path, saved(array, allow_pickle=True), {**IN_UV, "leads": NAMES}, "1.npy")
    with pytest.raises(InputError) as caught:
        formats.read(path)
    assert caught.value.problem == reason
