"""What every registered format keeps to, whichever it is: tests run over `formats.FORMATS` and the files of format_files.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgwas.ecg import formats
from ecgwas.ecg.formats import HasCompanions, cardiosoft, cardiosoft_exercise
from ecgwas.errors import InputError
from ecgwas.leads import INDEPENDENT_LEADS, LEADS
from tests.ecg.format_files import FORMAT_FILES, ORIGIN_UV, tried
from tests.ecg.make_recordings import make_counts

BY_NAME = {one.NAME: one for one in formats.FORMATS}


def test_every_format_is_registered_once_under_its_own_name() -> None:
    folder = Path(formats.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert {str(getattr(one, "__name__", "")).rpartition(".")[2] for one in formats.FORMATS} == files
    assert len(BY_NAME) == len(formats.FORMATS)


def test_every_registered_format_has_a_file_here() -> None:
    """A new format is tested as soon as it is registered: it needs an entry in tests/ecg/format_files.py."""
    tested = {module.NAME for module, _ in FORMAT_FILES.values()}
    assert tested == set(BY_NAME)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_format_describes_itself(name: str) -> None:
    module = BY_NAME[name]
    assert len(str(module.__doc__)) > 100, "the head of a format's file says what is read, and by which specification"
    assert module.sniff.__doc__
    assert module.parse.__doc__
    assert "InputError" in module.parse.__doc__


@pytest.mark.parametrize("name", FORMAT_FILES)
def test_a_format_recognises_its_file_and_reads_rate_leads_and_microvolts(name: str, tmp_path: Path) -> None:
    module, make = FORMAT_FILES[name]
    path = make(tmp_path)
    assert formats.recognise(path.read_bytes(), path) is module
    recording = formats.read(path)
    assert recording.rate_hz == 500
    assert all(values.dtype == np.float64 and values.ndim == 1 for values in recording.leads.values())
    assert set(recording.leads) >= {"I"} if name == "exercise" else set(recording.leads) >= set(INDEPENDENT_LEADS)
    for lead in set(recording.leads) & set(LEADS):
        expected = make_counts()[lead] * 5.0 + ORIGIN_UV.get(name, 0.0)
        np.testing.assert_allclose(recording.leads[lead], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", FORMAT_FILES)
def test_no_other_format_recognises_the_file(name: str, tmp_path: Path) -> None:
    module, make = FORMAT_FILES[name]
    content = make(tmp_path).read_bytes()
    taken = [one for one in formats.FORMATS if one.sniff(content)]
    assert taken == [module] or (module is cardiosoft_exercise and taken == [cardiosoft_exercise, cardiosoft])


@pytest.mark.parametrize("name", FORMAT_FILES)
def test_nothing_of_the_person_is_read(name: str, tmp_path: Path) -> None:
    recording = formats.read(FORMAT_FILES[name][1](tmp_path))
    told = repr((recording.notes, dict(recording.device), list(recording.leads))).lower()
    assert "read" not in told.replace("spread", "")


@pytest.mark.parametrize("name", FORMAT_FILES)
def test_truncated_files_are_refused_in_words(name: str, tmp_path: Path) -> None:
    path = FORMAT_FILES[name][1](tmp_path)
    content = path.read_bytes()
    for tenth in range(10):
        path.write_bytes(content[: len(content) * tenth // 10])
        recording, reason = tried(path)
        if recording is None:
            assert 5 < len(reason) < 80
            continue
        # Text of whole lines cannot know that more was to come: shorter, and left out for that.
        assert name.startswith("table")
        assert recording.seconds < 10


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"Dear colleague,\n", b"<html></html>", bytes(range(256)) * 20])
def test_no_format_recognises_what_is_not_a_recording(name: str, content: bytes) -> None:
    assert not BY_NAME[name].sniff(content)


@pytest.mark.parametrize("name", FORMAT_FILES)
def test_companions_are_named_whether_or_not_they_exist(name: str, tmp_path: Path) -> None:
    module, make = FORMAT_FILES[name]
    path = make(tmp_path)
    others = [other for other in tmp_path.iterdir() if other != path]
    named = formats.companions(path)
    assert isinstance(module, HasCompanions) or not named
    assert set(others) <= set(named)


def test_files_of_no_format_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear colleague,")
    with pytest.raises(InputError, match="not a recording") as caught:
        formats.read(path)
    assert caught.value.fix
