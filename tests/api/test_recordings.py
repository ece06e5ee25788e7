"""One recording as arrays gives what stage `read` and kind `intervals` give of its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ecgwas
from ecgwas import ecg
from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.errors import InputError
from ecgwas.leads import ALL_LEADS, LEADS
from ecgwas.progress import silent
from ecgwas.represent.intervals import measure
from ecgwas.signals import LEAD_STATUS
from ecgwas.simulate import device_measurements, draw_hearts, record, simulate_signals
from ecgwas.simulate import files as simulated_files
from ecgwas.study import ReadOptions

NOISY = LEADS.index("V5")


def recording(seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return simulate_signals(draw_hearts(1, rng), rng).noisy_uv[0].astype(np.float64)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 500 Hz with noise in V5, in the format of UK Biobank."""
    rng = np.random.default_rng(3)
    hearts = draw_hearts(1, rng)
    recorded = record(hearts, 0, rng)
    counts, device = recorded.counts, device_measurements(hearts, 0, recorded.r_samples, rng.spawn(1)[0])
    counts[NOISY] += rng.normal(0, 120, counts[NOISY].shape).astype(counts.dtype)
    path = tmp_path_factory.mktemp("file") / "17_20205_2_0.xml"
    path.write_bytes(simulated_files.cardiosoft(counts, LEADS, device, age=60, male=True))
    return path


def test_the_same_as_the_stages_find(file: Path) -> None:
    read = ecgwas.read_recording(file)
    ours = ecgwas.delineate(read.leads, read.rate_hz)
    batch = ecg.read_recordings(ReadOptions(recordings=file.parent), [ecg.Source("17", "2_0", {ALL_LEADS: file})], track=silent)
    assert batch.signals is not None
    signals = with_fiducials(batch.signals)
    np.testing.assert_array_equal(ours.median_beat_uv, signals.beats[0])
    np.testing.assert_array_equal(np.rint(ours.r_peaks_s * 500), signals.r_samples[0])
    np.testing.assert_array_equal(ours.normal, signals.normal[0])
    np.testing.assert_array_equal(ours.times_ms, signals.beat_times_ms)
    np.testing.assert_array_equal(ours.fiducials["ms"].fill_null(np.nan), signals.beat_fiducials_ms[0])
    assert ours.lead_status["status"].to_list() == [LEAD_STATUS[code] for code in signals.lead_status[0]]
    assert ours.lead_status.row(NOISY) == ("V5", "unusable", "noise")
    for lead, values in measure(signals, 0).items():
        for name, value in values.items():
            row = ours.measurements.filter(lead=lead, measurement=name).row(0, named=True)
            assert (row["value"] is None and np.isnan(value)) or row["value"] == value
    assert {"beats/min", "ms", "µV"} < set(ours.measurements["unit"])


def test_arrays_and_names_and_another_rate_give_the_same(file: Path) -> None:
    signals = recording()
    of_array, of_names = ecgwas.delineate(signals, 500), ecgwas.delineate(dict(zip(LEADS, signals, strict=True)), 500)
    assert of_array.measurements.equals(of_names.measurements)
    eight = {lead: signals[LEADS.index(lead)] for lead in ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")}
    eight["III"] = np.full(signals.shape[1], np.nan)
    derived = ecgwas.delineate(eight, 500)
    assert derived.fiducials["ms"].to_numpy() == pytest.approx(of_array.fiducials["ms"].to_numpy(), abs=2)
    # The same heart at half the rate: QT agrees within a sample.
    slower = ecgwas.delineate(signals[:, ::2], 250)
    qt = [found.measurements.filter(lead="12L", measurement="qt_ms")["value"].item() for found in (of_array, slower)]
    assert qt[0] == pytest.approx(qt[1], abs=4)


def test_arguments_are_not_changed() -> None:
    signals = recording()
    before = signals.copy()
    ecgwas.delineate(signals, 500)
    np.testing.assert_array_equal(signals, before)


def gap(signals: np.ndarray) -> np.ndarray:
    changed = signals.copy()
    changed[3, 100:120] = np.nan
    return changed


@pytest.mark.parametrize(
    ("change", "rate_hz", "problem"),
    [
        (lambda signals: signals[:8], 500, "signals of shape (8, 5000), not (12, samples)"),
        (lambda signals: signals / 1000, 500, "not an ECG, or the stated unit is wrong"),
        (lambda signals: signals * 1000, 500, "more than 20 mV"),
        (lambda signals: signals[:, :1000], 500, "2 s; at least 3 s are needed"),
        (lambda signals: signals, 100, "a rate of 100 Hz"),
        (lambda signals: signals, float("nan"), "a rate of nan Hz"),
        (gap, 500, "samples are missing or infinite in lead aVR"),
        (lambda signals: signals * np.nan, 500, "fewer than 4 of the eight independent leads"),
        (lambda signals: {"I": signals[0], "II": signals[1]}, 500, "fewer than 4 of the eight independent leads"),
        (lambda signals: {"I": signals[0], "II": signals[1, :100]}, 500, "the leads differ in length"),
        (lambda signals: {"X": signals[0]}, 500, "none of the leads is known: X"),
        (lambda signals: np.where(np.arange(12)[:, None] == 2, 7.0, signals), 500, "flat lead III"),
        (lambda signals: np.random.default_rng(1).normal(0, 300, signals.shape), 500, "fewer than 4 normal beats"),
    ],
    ids=["eight rows", "mV", "nV", "short", "slow", "no rate", "gap", "all missing", "two leads", "lengths", "names", "flat",
         "noise"],
)  # fmt: skip
def test_mistakes_get_one_clear_error(change: object, rate_hz: float, problem: str) -> None:
    with pytest.raises(InputError) as error:
        ecgwas.delineate(change(recording()), rate_hz)
    assert problem in error.value.problem
    assert error.value.fix


def test_a_missing_file_gets_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        ecgwas.read_recording(str(tmp_path / "absent.xml"))
