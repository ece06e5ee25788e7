"""The stage `read` on a folder of many recorders' files; what belongs to a recording makes it fresh or not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas import stages
from ecgwas.stages.read import load_device_measurements, load_signals
from ecgwas.study import Study
from tests.cohorts import make_cohort
from tests.ecg import vendors
from tests.ecg.make_recordings import make_counts, make_xml

PATTERN = r"^(?P<eid>\w+)_(?P<instance>2)\.(xml|dcm|edf|hea|npy)$"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study whose recordings are still to be named."""
    return Study.read_file(make_cohort(tmp_path_factory.mktemp("cohort"), people=60, variants=40, read=False))


def with_recordings(study: Study, folder: Path, **options: object) -> Study:
    read = study.read.model_copy(update={"recordings": folder, "pattern": PATTERN, **options})
    return study.model_copy(update={"read": read, "results": folder.parent / "results"})


def test_a_folder_of_many_formats(cohort: Study, tmp_path: Path) -> None:
    folder = tmp_path / "ecg"
    folder.mkdir()
    for name, content in {
        "cardiosoft_2.xml": make_xml().encode("latin-1"), "muse_2.xml": vendors.muse(), "aecg_2.xml": vendors.aecg(),
        "philips_2.xml": vendors.philips(), "dicom_2.dcm": vendors.dicom(), "edf_2.edf": vendors.edf(),
        "exercise_2.xml": vendors.exercise(),
    }.items():  # fmt: skip
        (folder / name).write_bytes(content)
    vendors.wfdb_16(folder, name="wfdb_2")
    vendors.array(folder, name="array_2")
    study = with_recordings(cohort, folder)
    stages.run(study, until="read")
    table = pl.read_parquet(study.results / "read" / "recordings.parquet")
    kept = table.filter(pl.col("status") == "kept")["eid"].to_list()
    assert kept == ["aecg", "array", "cardiosoft", "dicom", "edf", "muse", "philips", "wfdb"]
    assert table.filter(pl.col("eid") == "exercise")["reason"][0].startswith(
        "fewer than 4 of the eight independent leads: missing lead II"
    )
    assert load_signals(study).strips.shape == (8, 12, 5000)
    device = load_device_measurements(study).frame
    assert device["eid"].to_list() == kept
    assert device.filter(pl.col("eid") == "muse")["qt_ms"].item() == 400
    assert device.filter(pl.col("eid") == "wfdb")["qt_ms"].item() is None


def test_signal_files_and_sidecars_belong_to_a_recording(cohort: Study, tmp_path: Path) -> None:
    folder = tmp_path / "ecg"
    folder.mkdir()
    vendors.wfdb_16(folder, name="wfdb_2")
    array = vendors.array(folder, name="array_2")
    study = with_recordings(cohort, folder)
    stages.run(study, until="read")
    assert stages.is_fresh(study, "read", "0000")
    vendors.wfdb_16(folder, {lead: row[::-1] for lead, row in make_counts().items()}, name="other_2")
    shutil.move(folder / "other_2.dat", folder / "wfdb_2.dat")
    (folder / "other_2.hea").unlink()
    assert not stages.is_fresh(study, "read", "0000")
    stages.run(study, until="read")
    assert "checksum" not in str(pl.read_parquet(study.results / "read" / "recordings.parquet")["reason"].to_list())
    array.with_suffix(".json").write_text('{"rate_hz": 500, "unit": "uV", "leads": []}')
    assert not stages.is_fresh(study, "read", "0000")


@pytest.mark.real
def test_real_recorders_files_together(cohort: Study, shared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Rates of 500 and 1000 Hz, lengths of 10, 11 and 38 s, eight leads and fifteen: every whole recording is kept."""
    folder = tmp_path / "ecg"
    folder.mkdir()
    devices = shared / "data" / "ecg" / "devices"
    for path in devices.iterdir():
        name = path.name if path.suffix in (".dat", ".xyz") else f"{path.stem}_2{path.suffix}"
        (folder / name).write_bytes(path.read_bytes())
    study = with_recordings(cohort, folder)
    with caplog.at_level("INFO", logger="ecgwas"):
        stages.run(study, until="read")
    assert "2 kept files resampled to 500 Hz, 3 longer than 10 s cut" in caplog.text
    table = pl.read_parquet(study.results / "read" / "recordings.parquet")
    named = table.filter(pl.col("eid").is_not_null())
    reasons = {eid: reason for eid, reason in zip(named["eid"], named["reason"], strict=True) if reason}
    swapped = "lead I is inverted relative to V6 (swapped arm electrodes, or dextrocardia)"
    assert reasons == {"aecg_minimum": "0.026 s, not 10 s", "cardiosoft_ukb_20205": swapped}
    assert dict(zip(named["eid"], named["rate_hz"], strict=True))["s0010_re"] == 1000
    signals = load_signals(study)
    assert signals.strips.shape == (8, 12, 5000)
    assert np.isfinite(np.asarray(signals.beats)).all()
