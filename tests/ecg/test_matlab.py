"""MATLAB files: CPSC2018's struct as scipy writes it, and all else named and refused."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from ecgwas.ecg import formats
from ecgwas.ecg.formats import matlab
from ecgwas.ecg.recording import Recording
from ecgwas.errors import InputError
from tests.ecg.make_recordings import make_counts

ROWS = np.stack(list(make_counts().values())) / 200
PERSON = {"sex": "Male", "age": 74.0}


def saved(folder: Path, **options: Any) -> Path:
    """A .mat of the variables; options of scipy.io.savemat begin with an underscore."""
    path = folder / "A0001.mat"
    given = {name[1:]: value for name, value in options.items() if name.startswith("_")}
    scipy.io.savemat(path, {name: value for name, value in options.items() if not name.startswith("_")}, **given)
    return path


def refused(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        formats.read(path)
    return caught.value


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("order", [("sex", "age", "data"), ("data", "sex", "age")])
def test_cpsc_2018(compressed: bool, order: tuple[str, ...], tmp_path: Path) -> None:
    ecg = {name: {**PERSON, "data": ROWS}[name] for name in order}
    path = saved(tmp_path, ECG=ecg, _do_compression=compressed)
    assert formats.recognise(path.read_bytes(), path) is matlab
    recording: Recording = formats.read(path)
    assert (recording.rate_hz, recording.seconds, dict(recording.device), recording.notes) == (500, 10, {}, ())
    for lead, row in make_counts().items():
        np.testing.assert_allclose(recording.leads[lead], row * 5.0, rtol=0, atol=1e-9)


NO_CPSC = "a MATLAB file without the struct ECG (sex, age, data) of CPSC2018"
NO_DATA = "data of the struct ECG are not twelve leads in mV"
SAMPLES = "a MATLAB file without a scale, which is in its WFDB header (.hea)"


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"ECG": {**PERSON, "data": ROWS[:11]}}, NO_DATA),
        ({"ECG": {**PERSON, "data": ROWS.T}}, NO_DATA),
        ({"ECG": {**PERSON, "data": (ROWS * 200).astype(np.int16)}}, NO_DATA),
        ({"ECG": {**PERSON, "data": ROWS + 1j}}, "MATLAB file cut off or malformed"),
        ({"ECG": {**PERSON, "data": "text"}}, "MATLAB file cut off or malformed"),
        ({"ECG": {"data": ROWS}}, NO_CPSC),
        ({"ECG": ROWS}, NO_CPSC),
        ({"signal": ROWS, "Fs": 500}, NO_CPSC),
        ({"val": ROWS}, SAMPLES),
        ({"val": ROWS, "_format": "4"}, SAMPLES),
    ],
)
def test_everything_else_is_named_and_refused(variables: dict[str, Any], reason: str, tmp_path: Path) -> None:
    assert refused(saved(tmp_path, **variables)).problem == reason


def test_a_file_of_samples_points_to_its_header(tmp_path: Path) -> None:
    path = saved(tmp_path, val=ROWS)
    assert refused(path).fix == "put its header (.hea) next to it, or save the samples as .npy"
    path.with_suffix(".hea").write_text("")
    assert refused(path).fix == "read its header, A0001.hea"


def test_version_7_3_is_named(tmp_path: Path) -> None:
    path = tmp_path / "A0001.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(100))
    error = refused(path)
    assert (error.problem, error.fix) == ("a MATLAB file of version 7.3 (HDF5)", "save it in MATLAB with the option -v7")


def test_cut_off_and_packed_without_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = saved(tmp_path, ECG={**PERSON, "data": ROWS}, _do_compression=True)
    content = path.read_bytes()
    for tenth in range(10):
        path.write_bytes(content[: len(content) * tenth // 10])
        assert refused(path).problem
    monkeypatch.setattr(matlab, "MAX_BYTES", 100_000)
    bomb = zlib.compress(bytes(10_000_000))
    path.write_bytes(content[:128] + np.array([15, len(bomb)], "<u4").tobytes() + bomb)
    assert refused(path).problem == "MATLAB file cut off or malformed"
