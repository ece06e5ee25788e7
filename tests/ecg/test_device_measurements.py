"""What recorders measured themselves comes through as the file says it, and only what can have been measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.ecg import formats
from ecgwas.ecg.device_measurements import MEASUREMENT_NAMES, plausible_measurements
from ecgwas.leads import LEADS
from tests.ecg.make_recordings import make_counts, make_xml, put, read_folder

MEASURED = (
    '<RestingECGMeasurements><VentricularRate units="BPM">61</VentricularRate><PQInterval units="ms"></PQInterval>'
    '<QRSDuration units="ms">0</QRSDuration><QTInterval units="s">0.4</QTInterval><RRInterval units="ms">many</RRInterval>'
    '<RAxis units="degrees">-31</RAxis><QOnset units="ms">428</QOnset></RestingECGMeasurements><StripData>'
)


def test_units_gaps_and_impossible_values(tmp_path: Path) -> None:
    path = put(tmp_path, "1.xml", make_xml(opening=MEASURED))
    assert formats.read(path).device == {"heart_rate_bpm": 61.0, "qrs_axis_deg": -31.0, "qrs_on_ms": 428.0}


def test_what_counts_as_measured() -> None:
    told = {"qt_ms": "400", "qrs_ms": 20_000.0, "pr_ms": "-1", "p_on_ms": 0.0, "t_axis_deg": 361.0, "heart_rate_bpm": "nan"}
    assert plausible_measurements(told) == {"qt_ms": 400.0, "p_on_ms": 0.0}
    assert plausible_measurements({"p_ms": 508, "pr_ms": 144}) == {"pr_ms": 144.0}
    assert plausible_measurements({"p_ms": 100}) == {"p_ms": 100.0}


def test_one_row_a_kept_person_and_null_where_nothing_is_told(tmp_path: Path) -> None:
    put(tmp_path, "1_20205_2_0.xml", make_xml(opening=MEASURED))
    put(tmp_path, "2_20205_2_0.xml", "no recording")
    put(tmp_path, "3_20205_2_0.xml")
    for lead in LEADS:
        opening = MEASURED if lead == "V6" else "<StripData>"
        put(tmp_path, f"4_{lead}_20205_2_0.xml", make_xml({lead: make_counts()[lead]}, opening=opening))
    frame = read_folder(tmp_path).device.frame
    assert frame["eid"].to_list() == ["1", "3", "4"]
    assert frame["qrs_axis_deg"].to_list() == [-31.0, None, -31.0]
    assert frame["qt_ms"].to_list() == [None, None, None]


@pytest.mark.real
def test_the_real_cardiosoft_file(shared: Path) -> None:
    device = formats.read(shared / "data" / "ecg" / "devices" / "cardiosoft_ukb_20205.xml").device
    assert device["heart_rate_bpm"] == 75
    assert device["qrs_ms"] == device["qrs_off_ms"] - device["qrs_on_ms"] == 76
    assert device["qt_ms"] == device["t_off_ms"] - device["qrs_on_ms"] == 378
    assert set(MEASUREMENT_NAMES) - set(device) == {"pr_ms", "p_ms", "qtc_fridericia_ms"}
