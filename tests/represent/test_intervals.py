"""Measurements against the simulator's parameters, the formulas of the field, and a recorder's own measurements."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas import represent
from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.delineation.measurements import GLOBAL_MEASUREMENTS, LEAD_MEASUREMENTS, Values, rhythm
from ecgwas.delineation.single_beats import single_beats
from ecgwas.delineation.vectorcardiogram import INVERSE_DOWER
from ecgwas.ecg.beats import find_beats
from ecgwas.ecg.clean import highpass
from ecgwas.ecg.formats import read
from ecgwas.leads import INDEPENDENT, INDEPENDENT_LEADS, twelve_leads
from ecgwas.represent import intervals
from ecgwas.signals import UNUSABLE, Signals, StackedArrays
from ecgwas.simulate.device import true_measurements
from ecgwas.study import BeatOptions, BeatPoints, Intervals, Pca
from ecgwas.tables import Features
from tests.factories import make_delineated, make_hearts, with_beats

PEOPLE = 80
OPTIONS = Intervals(name="clinical")


@pytest.fixture(scope="module")
def signals() -> Signals:
    return make_delineated(PEOPLE, seed=8)


@pytest.fixture(scope="module")
def features(signals: Signals) -> Features:
    return represent.fit(OPTIONS, signals, seed=1).encode(signals)


def of_all_leads(features: Features) -> pl.DataFrame:
    return features.frame.filter(pl.col("lead") == "12L")


@pytest.mark.parametrize(
    ("measured", "true", "least"),
    [
        ("heart_rate_bpm", "hr_bpm", 0.95), ("pr_ms", "pr_ms", 0.95), ("qrs_ms", "qrs_ms", 0.93), ("qt_ms", "qt_ms", 0.97),
        ("qrs_axis_deg", "qrs_axis_deg", 0.8), ("t_axis_deg", "t_axis_deg", 0.8), ("p_axis_deg", "p_axis_deg", 0.8),
        ("r_axis_deg", "qrs_axis_deg", 0.95), ("r_tilt_deg", "qrs_tilt_deg", 0.95),
        ("q_axis_deg", "q_axis_deg", 0.6), ("q_tilt_deg", "q_tilt_deg", 0.7),
        ("t_tilt_deg", "t_tilt_deg", 0.8), ("t_vector_uv", "t_uv", 0.9), ("qrs_vector_uv", "r_uv", 0.9),
    ],
)  # fmt: skip
def test_measurements_follow_the_true_parameters(features: Features, measured: str, true: str, least: float) -> None:
    hearts = make_hearts(PEOPLE, 8)
    assert np.corrcoef(of_all_leads(features)[measured], hearts[true])[0, 1] > least


def test_u_is_measured_where_there_is_time_for_it(signals: Signals, features: Features) -> None:
    u_uv = of_all_leads(features)["u_vector_uv"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    slow = of_all_leads(features)["heart_rate_bpm"].to_numpy() < 65.0
    known = np.isfinite(u_uv)
    assert known[slow].mean() > 0.9
    assert np.corrcoef(u_uv[known], make_hearts(PEOPLE, 8)["u_uv"][known])[0, 1] > 0.6


def test_more_u_by_some_microvolts_is_measured_as_that(signals: Signals, features: Features) -> None:
    """30 µV more along T's vector at U's time, in a beat at rest: half of it is left of the mean of U less its sides."""
    person = int(np.argmin(of_all_leads(features)["heart_rate_bpm"].to_numpy()))
    t_peak_ms, t_off_ms = signals.beat_fiducials_ms[person, -2:]
    at_peak = np.asarray(signals.beats[person])[:, int(np.abs(signals.beat_times_ms - t_peak_ms).argmin())]
    u_wave = np.exp(-0.5 * ((signals.beat_times_ms - t_off_ms - 90.0) / 25.0) ** 2)
    beat = np.asarray(signals.beats[person]) + np.outer(
        at_peak / np.linalg.norm(INVERSE_DOWER @ at_peak[INDEPENDENT]), 30.0 * u_wave
    )
    with_u = replace(signals.select(np.array([person])), beats=StackedArrays([beat[None].astype(np.float32)]))
    before, after = (represent.fit(OPTIONS, one, seed=1).encode(one) for one in (signals.select(np.array([person])), with_u))
    gain = of_all_leads(after)["u_vector_uv"][0] - of_all_leads(before)["u_vector_uv"][0]
    assert 18.0 < gain < 30.0


def test_axes_are_those_of_the_net_areas_of_noise_free_waves(signals: Signals, features: Features) -> None:
    hearts, table = make_hearts(PEOPLE, 8), of_all_leads(features)
    true = [true_measurements(hearts, i, peaks[peaks >= 0]) for i, peaks in enumerate(signals.r_samples)]
    for wave in ("p", "qrs", "t"):
        name = f"{wave}_axis_deg"
        difference = (table[name].to_numpy() - [one[name] for one in true] + 180) % 360 - 180
        assert abs(np.median(difference)) < 4, name
        assert np.nanquantile(np.abs(difference), 0.95) < 12, name


def test_corrected_qt_is_the_formulas(features: Features) -> None:
    table = of_all_leads(features)
    rr_s = 60.0 / table["heart_rate_bpm"].to_numpy()
    qt = table["qt_ms"].to_numpy()
    np.testing.assert_allclose(table["qtc_bazett_ms"], qt / rr_s**0.5)
    np.testing.assert_allclose(table["qtc_fridericia_ms"], qt / rr_s ** (1 / 3))
    np.testing.assert_allclose(table["qtc_framingham_ms"], qt + 154 * (1 - rr_s))
    np.testing.assert_allclose(table["jt_ms"], qt - table["qrs_ms"], atol=1e-9)


def test_axes_are_those_of_a_known_vector() -> None:
    from ecgwas.delineation.vectorcardiogram import around, circular_mean_deg, frontal_axis_deg

    for degrees in (-150.0, -30.0, 0.0, 59.0, 120.0):
        one = np.array([np.cos(np.radians(degrees))])
        avf = np.sin(np.radians(degrees)) * np.sqrt(3) / 2  # Goldberger's lead is shorter
        assert frontal_axis_deg(one, avf + one / 2)[0] == pytest.approx(degrees)
    assert circular_mean_deg(np.array([170.0, -170.0, np.nan])) == pytest.approx(180.0)
    assert around(np.array([-170.0, 170.0]), 180.0).tolist() == [190.0, 170.0]


def test_rows_and_columns(features: Features, signals: Signals) -> None:
    assert features.names == [*GLOBAL_MEASUREMENTS, *LEAD_MEASUREMENTS]
    assert features.frame["lead"].to_list()[:9] == ["12L", *INDEPENDENT_LEADS]
    assert features.frame.height == 9 * len(signals)
    by_lead = features.frame.filter(pl.col("lead") == "V5")
    assert by_lead["qt_ms"].null_count() == by_lead.height
    assert by_lead["r_uv"].min() > 0
    assert of_all_leads(features)["r_uv"].null_count() == len(signals)
    assert not any(np.isnan(features.frame[name].drop_nulls().to_numpy()).any() for name in features.names)


def test_fitted_and_encoded_at_once_everyone_is_measured_once(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    few = signals.select(np.arange(5))
    apart = intervals.fit(OPTIONS, few, seed=0)
    expected = apart.encode(few)
    measured, measure = [], intervals.measure

    def counted(of: Signals, participant: int) -> dict[str, Values]:
        measured.append(participant)
        return measure(of, participant)

    monkeypatch.setattr(intervals, "measure", counted)
    encoder, features = intervals.fit_and_encode(OPTIONS, few)
    assert measured == [0, 1, 2, 3, 4]
    assert encoder == apart
    assert features.frame.equals(expected.frame)


def test_rhythm_uses_intervals_between_normal_beats() -> None:
    peaks = np.array([100, 600, 1100, 1350, 2100, 2600, -1], dtype=np.int32)
    normal = np.array([True, True, True, False, True, True, False])
    found = rhythm(peaks, normal, 500.0)
    assert found == {"heart_rate_bpm": 60.0, "rr_sd_ms": 0.0, "rmssd_ms": 0.0}
    assert np.isnan(rhythm(peaks, np.zeros(7, dtype=bool), 500.0)["heart_rate_bpm"])


def test_in_atrial_fibrillation_p_and_pr_are_missing_and_the_rest_is_there(signals: Signals) -> None:
    rng = np.random.default_rng(4)
    strips = np.asarray(signals.strips[np.arange(6)]).astype(np.float64)
    time = np.arange(strips.shape[2]) / signals.rate_hz
    chosen = signals.select(np.arange(6))
    for i in range(6):
        for peak in chosen.r_samples[i]:
            first, last = max(0, peak - 150), peak - 28
            if last > first:
                line = np.linspace(0, 1, last - first)
                strips[i, :, first:last] = strips[i, :, first, None] * (1 - line) + strips[i, :, last, None] * line
        flutter = 50 * np.sin(2 * np.pi * np.cumsum(rng.normal(6.5, 1.5, len(time))) / signals.rate_hz)
        strips[i] += flutter * rng.uniform(0.3, 1.2, (12, 1))
    fibrillating = replace(chosen, strips=StackedArrays([strips.astype(np.float32)]))
    medians = []
    for i in range(6):
        starts = chosen.r_samples[i][chosen.normal[i]] - chosen.r_sample
        medians.append(np.median(np.stack([strips[i][:, s : s + 475] for s in starts]), axis=0))
    fibrillating = with_fiducials(with_beats(fibrillating, np.array(medians, dtype=np.float32)))
    table = of_all_leads(represent.fit(OPTIONS, fibrillating, seed=1).encode(fibrillating))
    assert table["pr_ms"].null_count() >= 5
    assert table["p_axis_deg"].null_count() == table["pr_ms"].null_count()
    assert table["qrs_ms"].null_count() == table["qt_ms"].null_count() == 0


def test_single_beats_are_cut_around_r(signals: Signals) -> None:
    beats, normal = single_beats(signals, 0)
    assert beats.shape[1:] == (8, 475)
    assert len(beats) == len(normal) >= normal.sum() >= 4
    where = int(np.flatnonzero(signals.normal[0])[0])
    start = signals.r_samples[0][where] - signals.r_sample
    np.testing.assert_array_equal(
        beats[np.flatnonzero(normal)[0]], np.asarray(signals.strips[0])[INDEPENDENT, start : start + 475]
    )


def test_saved_and_loaded_it_measures_the_same(signals: Signals, features: Features, tmp_path: Path) -> None:
    encoder = represent.fit(OPTIONS, signals, seed=1)
    encoder.save(tmp_path)
    again = represent.load(OPTIONS, tmp_path).encode(signals)
    assert again.frame.equals(features.frame)
    assert encoder.decode(features) is None


@pytest.mark.real
def test_the_recorders_own_measurements(shared: Path) -> None:
    """GE CardioSoft's values in UK Biobank's example: QRS 76 ms, QT 378 ms, P onset 138 ms before QRS onset."""
    path = shared / "data" / "ecg" / "devices" / "cardiosoft_ukb_20205.xml"
    strip = highpass(twelve_leads(read(path).leads), cutoff_hz=0.5, order=2, rate_hz=500.0).astype(np.float32)
    beats = find_beats(BeatOptions(), strip, 500.0).beats
    assert beats is not None
    rows = [StackedArrays([array[None].astype(np.float32)]) for array in (strip, beats.median, beats.odd, beats.even)]
    noise, r_samples = beats.noise[None].astype(np.float32), beats.r_samples[None].astype(np.int32)
    one = with_fiducials(Signals(("1",), 500.0, 175, rows[0], rows[1], rows[2], rows[3], noise, r_samples, beats.normal[None]))
    found = of_all_leads(represent.fit(OPTIONS, one, seed=1).encode(one)).row(0, named=True)
    assert found["qrs_ms"] == pytest.approx(76, abs=8)
    assert found["qt_ms"] == pytest.approx(378, abs=20)
    assert found["pr_ms"] == pytest.approx(138, abs=16)


def test_of_an_unusable_lead_only_what_needs_it_is_missing(signals: Signals, features: Features) -> None:
    status = np.zeros((PEOPLE, 12), dtype=np.int8)
    v3 = signals.leads.index("V3")
    status[0, v3] = UNUSABLE
    marked = with_fiducials(replace(signals, lead_status=status))
    for table, present in (
        (represent.fit(OPTIONS, marked, seed=1).encode(marked).frame, ("V1", "12L")),
        (represent.fit(BeatPoints(name="b", points=20), marked, seed=1).encode(marked).frame, ("V1", "aVF")),
        (represent.fit(Pca(name="p", input="beat", leads="each", features=4), marked, seed=1).encode(marked).frame, ("V1",)),
    ):
        own = table.filter(pl.col("eid") == signals.eids[0])
        values = pl.exclude("eid", "lead", "mse")
        assert all(value is None for value in own.filter(pl.col("lead") == "V3").select(values).row(0))
        for lead in present:
            assert any(value is not None for value in own.filter(pl.col("lead") == lead).select(values).row(0))
        other = table.filter((pl.col("eid") == signals.eids[1]) & (pl.col("lead") == "V3"))
        assert any(value is not None for value in other.select(values).row(0))
    whole = represent.fit(OPTIONS, marked, seed=1).encode(marked).frame.row(0, named=True)
    assert all(whole[name] is not None for name in ("heart_rate_bpm", "qrs_ms", "qt_ms", "pr_ms", "qrs_axis_deg"))
    assert all(whole[name] is None for name in ("cornell_uv", "t_height_uv", "qrs_t_angle_deg"))
    assert whole["sokolow_lyon_uv"] is not None
    together = Pca(name="t", input="beat", leads="together", features=4)
    encoded = represent.fit(together, marked, seed=1).encode(marked)
    assert [encoded.frame[name].null_count() for name in encoded.names] == [1] * 4
