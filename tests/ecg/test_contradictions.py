"""Files that contradict themselves or their sidecar: times, layouts, units. Which of two holds is not guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecgwas.ecg import formats
from ecgwas.ecg.recording import Recording
from ecgwas.errors import InputError
from ecgwas.leads import LEADS
from ecgwas.study import ReadOptions
from tests.ecg import vendors
from tests.ecg.dicom_files import code, group, some, whole
from tests.ecg.edf_files import edf_file
from tests.ecg.make_recordings import make_counts, make_xml, put, read_folder, reasons

ROWS = np.stack([make_counts()[lead] for lead in LEADS])
SAMPLES = 60


def opened(folder: Path, name: str, content: str | bytes) -> Recording:
    return formats.read(put(folder, name, content))


def refused(folder: Path, name: str, content: str | bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        opened(folder, name, content)
    assert caught.value.fix
    return caught.value


def assert_in_uv(recording: Recording, samples: int | None = None) -> None:
    assert set(recording.leads) == set(LEADS)
    for lead, row in zip(LEADS, ROWS, strict=True):
        np.testing.assert_allclose(recording.leads[lead], row[:samples] * 5.0, rtol=0, atol=1e-9)


# Tables: a column of times, and the sidecar's rate


def table(folder: Path, head: str = "", times: Callable[[int], str] | None = None, *, leads: tuple[str, ...] = LEADS) -> str:
    """The text of a table of SAMPLES lines in µV, with a column of times before the leads, beside a sidecar of 500 Hz."""
    (folder / "1.json").write_text(json.dumps({"rate_hz": 500, "unit": "uV"}))
    lines = [",".join([*([] if times is None else [head]), *leads])]
    for k in range(SAMPLES):
        cells = [str(value * 5) for value in ROWS[:, k]]
        lines.append(",".join([*([] if times is None else [times(k)]), *cells]))
    return "\n".join(lines) + "\n"


def moment(k: int, rate_hz: float, form: str) -> str:
    at = datetime(2024, 2, 29, 23, 59, 59, 990_000) + timedelta(seconds=k / rate_hz)
    return at.strftime(form)


TIMES: dict[str, tuple[str, Callable[[int, float], str]]] = {
    "timestamp": ("timestamp", lambda k, hz: f"{k / hz:.4f}"),
    "timestamp in milliseconds": ("Timestamp (ms)", lambda k, hz: f"{1000 * k / hz:.1f}"),
    "since 1970, in milliseconds": ("time_stamp", lambda k, hz: f"{1.7e12 + 1000 * k / hz:.0f}"),
    "seconds": ("seconds", lambda k, hz: f"{k / hz:.4f}"),
    "ms": ("ms", lambda k, hz: f"{1000 * k / hz:.0f}"),
    "s, in brackets": ("Elapsed [s]", lambda k, hz: f"{k / hz:.4f}"),
    "sec after a line": ("sample_time_sec", lambda k, hz: f"{k / hz:.4f}"),
    "Zeit": ("Zeit", lambda k, hz: f"{k / hz:.4f}"),
    "an index of pandas": ("", lambda k, hz: f"{k / hz:.4f}"),
    "an index that pandas wrote twice": ("Unnamed: 0", lambda k, hz: f"{k / hz:.4f}"),
    "dates": ("date", lambda k, hz: moment(k, hz, "%Y-%m-%d %H:%M:%S.%f")),
    "ISO 8601": ("when", lambda k, hz: moment(k, hz, "%Y-%m-%dT%H:%M:%S.%fZ")),
    "times of day, over midnight": ("clock", lambda k, hz: moment(k, hz, "%H:%M:%S.%f")),
}


@pytest.mark.parametrize("name", TIMES)
def test_a_column_of_times_is_held_against_the_rate(name: str, tmp_path: Path) -> None:
    """Only columns called time or t were: with any other name 250 Hz were read as 500."""
    head, times = TIMES[name]
    assert_in_uv(opened(tmp_path, "1.csv", table(tmp_path, head, lambda k: times(k, 500.0))), SAMPLES)
    error = refused(tmp_path, "1.csv", table(tmp_path, head, lambda k: times(k, 250.0)))
    assert re.fullmatch(r"the table's times are those of 2(50|49\.\d|50\.\d) Hz, rate_hz of the sidecar is 500", error.problem)
    assert error.fix == "correct rate_hz of the sidecar, or the column of times"


def test_columns_that_only_look_like_times(tmp_path: Path) -> None:
    for head, times in (
        ("", str), ("index", str), ("sample", lambda k: str(2 * k)), ("time", str), ("heart rate", lambda k: str(60 + k % 3)),
        ("minute", lambda k: "10:31"), ("note", lambda k: "ratio 10:30"), ("date", lambda k: "2024-02-29 10:31:00"),
    ):  # fmt: skip
        assert_in_uv(opened(tmp_path, "1.csv", table(tmp_path, head, times)), SAMPLES)


def test_times_may_be_rounded(tmp_path: Path) -> None:
    """To hundredths of a second, five samples have one time; a gap is still seen."""
    assert_in_uv(opened(tmp_path, "1.csv", table(tmp_path, "time", lambda k: f"{k // 5 / 100:.2f}")), SAMPLES)
    error = refused(tmp_path, "1.csv", table(tmp_path, "time", lambda k: f"{k // 5 / 100 + (k > 40):.2f}"))
    assert error.problem.startswith("the table's times are not evenly spaced")


# Tables: other lines and columns than leads


def test_a_table_with_leads_in_its_lines_is_told_so(tmp_path: Path) -> None:
    """It was "not a recording": no second line began within the first bytes."""
    (tmp_path / "1.json").write_text(json.dumps({"rate_hz": 500, "unit": "uV", "leads": list(LEADS)}))
    named = "\n".join(",".join([lead, *map(str, row * 5)]) for lead, row in zip(LEADS, ROWS, strict=True))
    for text, lines, columns in (
        (named, 12, 5001),
        ("\n".join(" ".join(map(str, row * 5)) for row in ROWS), 12, 5000),
        ("\n".join(";".join(map(str, row[:300] * 5)) for row in ROWS[:8]), 8, 300),
    ):
        error = refused(tmp_path, "1.csv", text)
        assert error.problem == f"a table of {lines} lines and {columns} columns has one lead per line"
        assert "transpose" in str(error.fix)


@pytest.mark.parametrize("before", ["Sampling rate: 250 Hz", "Device,X\nGain,10", "Name,Do not read\nDate,2024-01-01\nGain,10"])
def test_lines_before_the_names_are_refused_and_not_shown(before: str, tmp_path: Path) -> None:
    """One such line ended in "table has 1 columns but 12 names"."""
    error = refused(tmp_path, "1.csv", before + "\n" + table(tmp_path))
    assert error.problem == "line 1 holds neither numbers nor names or units of columns"
    assert error.fix == "remove such lines, or begin them with #"
    assert "Do not read" not in str(error)


@pytest.mark.parametrize("form", ["{}.uV", "{}/uV", "ECG {}, uV", "Lead {}: uV", "{} uV"])
def test_units_after_other_signs(form: str, tmp_path: Path) -> None:
    leads = tuple(f'"{form.format(lead)}"' for lead in LEADS)
    assert_in_uv(opened(tmp_path, "1.csv", table(tmp_path, leads=leads)), SAMPLES)
    wrong = tuple(one.replace("uV", "mV") for one in leads)
    assert "different units" in refused(tmp_path, "1.csv", table(tmp_path, leads=wrong)).problem


def test_d1_is_lead_i(tmp_path: Path) -> None:
    """D for derivation; with Arabic numbers these three were passed over, and derived from the others."""
    assert_in_uv(opened(tmp_path, "1.csv", table(tmp_path, leads=("D1", "D2", "D3", *LEADS[3:]))), SAMPLES)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_byte_order_mark(encoding: str, tmp_path: Path) -> None:
    assert_in_uv(opened(tmp_path, "1.csv", table(tmp_path).encode(encoding)), SAMPLES)
    header = vendors.wfdb_16(tmp_path)
    header.write_bytes(header.read_text().encode(encoding))
    assert_in_uv(formats.read(header))


def test_a_table_without_leads_says_how_to_name_them(tmp_path: Path) -> None:
    error = refused(tmp_path, "1.csv", table(tmp_path, leads=tuple(f"Lead{k}" for k in range(12))))
    assert error.problem == "no standard lead"
    assert "`leads` of the sidecar" in str(error.fix)


# Units: what no ECG can be


def array(folder: Path, scale: float) -> None:
    np.save(folder / "1000001_20205_2_0.npy", ROWS * 5.0 * scale)
    sidecar = {"rate_hz": 500, "unit": "uV", "leads": list(LEADS)}
    (folder / "1000001_20205_2_0.json").write_text(json.dumps(sidecar))


def test_millivolts_called_microvolts_are_no_ecg(tmp_path: Path) -> None:
    """R waves of 6 µV were usable, or told as "fewer than 4 normal beats"."""
    pattern = {"pattern": r"^(?P<eid>\d+)_20205_(?P<instance>\d)_0\.npy$"}
    for scale in (0.001, 0.005, 0.03):
        array(tmp_path, scale)
        batch = read_folder(tmp_path, **pattern)
        assert reasons(batch) == {"1000001": "no lead reaches 100 uV: not an ECG, or the stated unit is wrong"}
    array(tmp_path, 0.15)
    assert reasons(read_folder(tmp_path, **pattern)) == {"1000001": ""}
    array(tmp_path, 0.03)
    assert reasons(read_folder(tmp_path, **pattern, quality={"min_amplitude_uv": None})) == {"1000001": ""}
    assert ReadOptions(recordings=tmp_path).quality.min_amplitude_uv == 100


# DICOM: times and states of channels, layout of samples


def channels(change: Callable[[int, Any], None]) -> bytes:
    made = group(some(LEADS))
    for k, one in enumerate(made.ChannelDefinitionSequence):
        change(k, one)
    return whole(made)


def setting(element: str, value: Callable[[int], Any]) -> bytes:
    return channels(lambda k, one: setattr(one, element, value(k)))


@pytest.mark.parametrize(
    ("element", "much", "little"),
    [
        ("ChannelSampleSkew", lambda k: str(5 * k), lambda k: "3"),
        ("ChannelSampleSkew", lambda k: "1" if k == 7 else "0", lambda k: f"{k / 20}"),
        ("ChannelTimeSkew", lambda k: f"{0.02 * k:.2f}", lambda k: f"{0.0001 * k:.4f}"),
        ("ChannelOffset", lambda k: "2.5" if k > 5 else "0", lambda k: "2.5"),
    ],
)
def test_channels_that_are_shifted_are_refused(
    element: str, much: Callable[[int], str], little: Callable[[int], str], tmp_path: Path
) -> None:
    """They were read as if all began together."""
    assert refused(tmp_path, "1.dcm", setting(element, much)).problem == f"leads begin at different times ({element})"
    assert_in_uv(opened(tmp_path, "1.dcm", setting(element, little)))


def test_what_a_channel_says_of_itself_is_heard(tmp_path: Path) -> None:
    for state in ("UNCALIBRATED", "TEST DATA"):
        content = setting("ChannelStatus", lambda k, state=state: ["OK", state] if k == 8 else "OK")
        assert refused(tmp_path, "1.dcm", content).problem == f"ChannelStatus {state} of lead V3"
    for state, warning in (("DISCONNECTED", "ChannelStatus DISCONNECTED of lead V1, V3"), ("UNZEROED", ""), ("OK", "")):
        content = setting("ChannelStatus", lambda k, state=state: state if k in (6, 8) else "OK")
        recording = opened(tmp_path, "1.dcm", content)
        assert_in_uv(recording)
        assert recording.warning == warning


@pytest.mark.parametrize("stated", [{"channels": 8}, {"samples": 4000}, {"channels": 11, "samples": 5454}])
def test_samples_of_another_number_of_channels_are_refused(stated: dict[str, int], tmp_path: Path) -> None:
    """Channels are interleaved: what was left over was passed over, and every lead was a mixture of all."""
    made = group(some(LEADS))
    made.NumberOfWaveformChannels = stated.get("channels", 12)
    made.NumberOfWaveformSamples = stated.get("samples", 5000)
    made.ChannelDefinitionSequence = made.ChannelDefinitionSequence[: stated.get("channels", 12)]
    content = whole(made)
    if stated.get("channels") == 11:
        # Six samples are left over, fewer than one of each channel: within the padding that a program may write.
        assert len(opened(tmp_path, "1.dcm", content).leads) == 11
        return
    assert refused(tmp_path, "1.dcm", content).problem == "leads do not have as many samples as the file states"


def test_a_unit_is_sought_in_code_and_meaning(tmp_path: Path) -> None:
    for unit, reason in (
        (code("uV/bit", "UCUM", "microvolt"), ""),
        (code("x", "99", "kPa"), "unknown unit 'x' in ChannelSensitivityUnitsSequence of lead I"),
    ):
        content = setting("ChannelSensitivityUnitsSequence", lambda k, unit=unit: [unit])
        if not reason:
            assert_in_uv(opened(tmp_path, "1.dcm", content))
        else:
            assert refused(tmp_path, "1.dcm", content).problem == reason


# MUSE and aECG: times


@pytest.mark.parametrize("element", ["LeadTimeOffset", "LeadOffsetFirstSample"])
def test_leads_of_muse_that_begin_at_different_times_are_refused(element: str, tmp_path: Path) -> None:
    text = vendors.muse().decode("latin-1")
    zero = text.replace("<LeadID>", f"<{element}>0</{element}><LeadID>")
    assert len(opened(tmp_path, "1.xml", zero).leads) == 8
    assert len(opened(tmp_path, "1.xml", zero.replace(f"<{element}>0<", f"<{element}>40<")).leads) == 8
    one = text.replace("<LeadID>V3<", f"<{element}>40</{element}><LeadID>V3<")
    assert refused(tmp_path, "1.xml", one).problem == f"leads begin at different times ({element})"


def test_an_electrode_that_muse_calls_off_is_a_doubt(tmp_path: Path) -> None:
    text = vendors.muse().decode("latin-1").replace("<LeadID>V3<", "<LeadOff>TRUE</LeadOff><LeadID>V3<")
    assert opened(tmp_path, "1.xml", text).warning == "LeadOff of lead V3"
    assert opened(tmp_path, "1.xml", text.replace("TRUE", "FALSE")).warning == ""


@pytest.mark.parametrize(
    ("increment", "reason"),
    [
        ('<increment value="0.002" unit="sec"/>', "unknown unit of increment: 'sec' (s, ms, us)"),
        ('<increment value="500" unit="Hz"/>', "unknown unit of increment: 'Hz' (s, ms, us)"),
        ('<increment value="0.002"/>', "unknown unit of increment: '' (s, ms, us)"),
        ('<increment value="0" unit="s"/>', "no number above 0 in increment"),
        ('<increment value="0,002" unit="s"/>', "no number above 0 in increment"),
    ],
)
def test_a_time_between_samples_of_aecg_that_cannot_be_used_is_named(increment: str, reason: str, tmp_path: Path) -> None:
    """All of them were "no time between samples"."""
    assert refused(tmp_path, "1.xml", vendors.aecg(increment=increment)).problem == reason


# EDF+D and WFDB: layout


def discontinuous(begins: Callable[[int], float], *, bits: int = 16, form: str = "+{:g}\x14\x14\0") -> bytes:
    """EDF+D of ten records of a second, with the time at which each begins."""
    label = "BDF Annotations" if bits == 24 else "EDF Annotations"
    content = edf_file(bits=bits, reserved="BDF+D" if bits == 24 else "EDF+D", foreign={label: 20})
    size, header = 20 * bits // 8, 256 * 14
    record = (len(content) - header) // 10
    made = bytearray(content)
    for k in range(10):
        stop = header + (k + 1) * record
        made[stop - size : stop] = form.format(begins(k)).encode("latin-1").ljust(size, b"\0")
    return bytes(made)


@pytest.mark.parametrize("bits", [16, 24])
def test_edf_d_without_a_gap_is_read(bits: int, tmp_path: Path) -> None:
    """Programs write EDF+D for whatever could have gaps."""
    for begins in (lambda k: k, lambda k: 3600 + k, lambda k: k + 0.001 * (k % 2)):
        assert_in_uv(opened(tmp_path, "1.edf", discontinuous(begins, bits=bits)))


@pytest.mark.parametrize(
    "content",
    [
        discontinuous(lambda k: k + (k > 4)), discontinuous(lambda k: k + 0.01 * k), discontinuous(lambda k: 0),
        discontinuous(lambda k: k, form="{:g}"), discontinuous(lambda k: 9 - k), edf_file(reserved="EDF+D"),
    ],
    ids=["a gap", "small gaps", "no time", "no annotation", "backwards", "no annotations"],
)  # fmt: skip
def test_edf_d_with_a_gap_or_without_times_is_refused(content: bytes, tmp_path: Path) -> None:
    error = refused(tmp_path, "1.edf", content)
    assert error.problem == "EDF with gaps (EDF+D)"
    assert error.fix == "export the stretch without gaps, as EDF+C"


def record(folder: Path, first: str, signals: int, checksum: Callable[[int], int]) -> Recording:
    path = vendors.wfdb_16(folder)
    lines = [f"record.dat 16 200/mV 16 0 0 {checksum(k)} 0 {LEADS[k]}" for k in range(signals)]
    path.write_text("\n".join([first, *lines]) + "\n")
    return formats.read(path)


def test_a_signal_file_of_more_signals_than_stated_is_refused(tmp_path: Path) -> None:
    """Signals are interleaved: eight of twelve stated were mixtures of all twelve, with a doubt about length alone."""
    for checksum in (lambda k: 0, lambda k: 1):
        with pytest.raises(InputError, match="more signals or more samples than the header states"):
            record(tmp_path, "record 8 500 5000", 8, checksum)
    sums = ROWS[:, :4000].sum(axis=1) % 65536
    assert record(tmp_path, "record 12 500 4000", 12, lambda k: int(sums[k])).seconds == 8
    assert record(tmp_path, "record 12 500 4700", 12, lambda k: 0).seconds == 9.4
    assert record(tmp_path, "record 12 500 2500", 12, lambda k: 0).seconds == 5
    flat = ROWS.T.reshape(-1)[: 8 * 5000].reshape(-1, 8).sum(axis=0) % 65536
    assert record(tmp_path, "record 8 500 5000", 8, lambda k: int(flat[k])).warning.startswith("the signal file holds more")


def test_other_files_of_a_wfdb_record_point_to_its_header(tmp_path: Path) -> None:
    path = vendors.wfdb_16(tmp_path)
    for other in (path.with_suffix(".dat"), put(tmp_path, "record.atr", bytes(range(1, 200)))):
        with pytest.raises(InputError) as caught:
            formats.read(other)
        assert caught.value.problem == "part of a WFDB record, which is read through its header"
        assert caught.value.fix == "use the header, record.hea"
    for name in ("record.xml", "record.csv"):
        assert "WFDB" not in refused(tmp_path, name, make_xml()[:400]).problem
