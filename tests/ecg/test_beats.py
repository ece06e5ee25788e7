"""Beats against the simulator's truth and, on real recordings, against a cardiologist's marks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from lxml import etree
from numpy.typing import NDArray

from ecgwas.ecg.beats import Beats, find_beats, qrs_onset, qrs_samples
from ecgwas.ecg.clean import highpass, minus_moving_average
from ecgwas.ecg.formats import read
from ecgwas.leads import INDEPENDENT, LEADS, twelve_leads
from ecgwas.simulate import PARAMETERS, Hearts, clean_beats, simulate_signals
from ecgwas.simulate.waves import SimulatedSignals
from ecgwas.study import BeatOptions
from tests.ecg.wfdb_files import read_signals, read_waves
from tests.factories import make_hearts

RATE = 500.0
R = 175
OPTIONS = BeatOptions()


def strip_of(raw: NDArray[np.floating]) -> NDArray[np.float32]:
    return highpass(raw.astype(np.float64), cutoff_hz=0.5, order=2, rate_hz=RATE).astype(np.float32)


def beats_of(raw: NDArray[np.floating], options: BeatOptions = OPTIONS) -> Beats:
    beats = find_beats(options, strip_of(raw), RATE).beats
    assert beats is not None
    return beats


@lru_cache
def simulated(people: int = 60, seed: int = 7) -> tuple[SimulatedSignals, tuple[Beats, ...]]:
    signals = simulate_signals(make_hearts(people, seed), np.random.default_rng(seed))
    return signals, tuple(beats_of(raw) for raw in signals.noisy_uv)


@dataclass(frozen=True)
class Agreement:
    """Peaks that were found, missed and invented, and how far off those found are, in samples."""

    found: int
    missed: int
    invented: int
    errors: NDArray[np.float64]


def agreement(peaks: NDArray[np.integer], truth: NDArray[np.floating], tolerance: int) -> Agreement:
    away = np.abs(peaks[:, None] - truth[None])
    hit = away.min(axis=0) <= tolerance
    invented = int((away.min(axis=1) > tolerance).sum())
    errors = (peaks[away.argmin(axis=0)] - truth)[hit].astype(np.float64)
    return Agreement(int(hit.sum()), int((~hit).sum()), invented, errors)


def test_r_peaks_are_the_simulators() -> None:
    signals, beats = simulated()
    found = missed = invented = 0
    errors = []
    for i, one in enumerate(beats):
        truth = signals.r_samples[i][(signals.r_samples[i] >= 0) & ~signals.ectopic[i]].astype(float)
        result = agreement(one.r_samples, signals.r_samples[i][signals.r_samples[i] >= 0].astype(float), 25)
        found, missed, invented = found + result.found, missed + result.missed, invented + result.invented
        errors.append(agreement(one.r_samples, truth, 25).errors)
    assert found / (found + missed) > 0.99
    assert found / (found + invented) > 0.995
    # One sample is 2 ms: between people the same wave is R, within a person it is the same sample of it.
    assert max(abs(np.median(error)) for error in errors) <= 1
    assert max(np.std(error) for error in errors) < 0.6


def test_median_beat_is_the_clean_beat() -> None:
    """Against the noise-free strip at the true R peaks (so breathing is the same), QRS to T."""
    signals, beats = simulated()
    differences = []
    for i, one in enumerate(beats):
        truth = signals.r_samples[i][(signals.r_samples[i] >= R) & (signals.r_samples[i] < 4700) & ~signals.ectopic[i]]
        cut = np.stack([signals.clean_uv[i][:, peak - R : peak + 300] for peak in truth])
        cut = cut - cut[:, :, R - 30 : R - 25].mean(axis=2, keepdims=True)
        median = one.median - one.median[:, R - 30 : R - 25].mean(axis=1, keepdims=True)
        best = min(np.sqrt(np.mean((np.roll(median, k, 1) - np.median(cut, 0))[:, R - 50 : R + 200] ** 2)) for k in (-1, 0, 1))
        differences.append(best)
    assert np.median(differences) < 10
    assert np.max(differences) < 40


def test_halves_differ_by_no_more_than_the_noise_explains() -> None:
    _, beats = simulated()
    for one in beats:
        half = one.normal.sum() / 2
        apart = np.sqrt(np.mean((one.odd - one.even) ** 2, axis=1))
        # The difference of two medians of n/2 beats has SD noise * sqrt(pi/2 * 4/n) if noise is Gaussian.
        assert np.median(apart / (one.noise * np.sqrt(np.pi / 2 * 2 / half))) < 1.5


def test_noise_is_the_noise_that_was_added() -> None:
    hearts = make_hearts(1, 3)
    clean = simulate_signals(hearts, np.random.default_rng(3)).clean_uv[0]
    quiet = beats_of(clean)
    rng = np.random.default_rng(4)
    loud = beats_of(clean + rng.normal(0, 40, clean.shape))
    added = np.sqrt(loud.noise**2 - quiet.noise**2)
    np.testing.assert_allclose(added, 40, rtol=0.12)


def test_ectopic_beats_do_not_enter_the_median() -> None:
    signals = simulate_signals(make_hearts(150, 11), np.random.default_rng(11))
    with_ectopics = np.flatnonzero(signals.ectopic.any(axis=1))
    assert len(with_ectopics) >= 3
    for i in with_ectopics:
        one = beats_of(signals.noisy_uv[i])
        for peak in signals.r_samples[i][signals.ectopic[i]]:
            assert not one.normal[np.abs(one.r_samples - peak).argmin()]
        assert one.normal.sum() >= len(one.r_samples) - 2 - signals.ectopic[i].sum()


def test_every_second_beat_ectopic_leaves_one_family() -> None:
    """Bigeminy: two shapes are not mixed into one median."""
    narrow, wide = np.zeros((12, 400)), np.zeros((12, 400))
    time = np.arange(400)
    for k in range(12):
        narrow[k] = 900 * np.exp(-0.5 * ((time - 200) / 6) ** 2) * np.cos(k)
        wide[k] = -1200 * np.exp(-0.5 * ((time - 200) / 22) ** 2) * np.cos(2 * k + 1)
    raw = np.concatenate([narrow, wide] * 6 + [narrow, narrow[:, :200]], axis=1)
    raw = raw + np.random.default_rng(1).normal(0, 4, raw.shape)
    one = beats_of(raw[:, :5000])
    shapes = {int(peak - 200 + 100) // 400 % 2 for peak in one.r_samples[one.normal]}
    assert shapes == {0}


def test_zero_line_is_the_pq_segment() -> None:
    signals, _ = simulated()
    for clean in signals.clean_uv[:20]:
        one = beats_of(clean)
        onset = qrs_onset(one.median[INDEPENDENT], R, RATE)
        assert onset is not None
        assert 20 <= (R - onset) * 2 <= 80
        assert np.abs(one.median[:, onset - 10 : onset].mean(axis=1)).max() < 3


def test_incomplete_beats_are_peaks_but_not_normal() -> None:
    _, beats = simulated()
    for one in beats:
        complete = (one.r_samples >= R) & (one.r_samples + 300 <= 5000)
        assert not one.normal[~complete].any()
        assert (np.diff(one.r_samples) > 0).all()
    assert any(len(one.normal) > one.normal.sum() for one in beats)


def test_voltage_and_polarity_do_not_matter() -> None:
    signals, beats = simulated()
    for factor in (0.2, -1.0, 3.0):
        again = beats_of(signals.noisy_uv[0] * factor)
        np.testing.assert_array_equal(again.r_samples, beats[0].r_samples)
        np.testing.assert_allclose(again.median, factor * beats[0].median, atol=0.01)


def hearts_with(people: int, **parameters: float) -> Hearts:
    """Simulated hearts alike in some parameters."""
    hearts = make_hearts(people, 31)
    values = hearts.values.copy()
    for name, value in parameters.items():
        values[:, list(PARAMETERS).index(name)] = value
    return Hearts(values, hearts.lead_vectors)


def test_tall_narrow_t_waves_are_no_beats() -> None:
    """Once each was a beat, the heart rate twice what it is, in 4 simulated people of 1,000."""
    hearts = hearts_with(40, r_uv=750, s_uv=450, t_uv=520, t_ms=36, t_skew=0.3)
    signals = simulate_signals(hearts, np.random.default_rng(31))
    for raw, truth in zip(signals.noisy_uv, signals.r_samples, strict=True):
        result = agreement(beats_of(raw).r_samples, truth[truth >= 0].astype(float), 25)
        assert result.invented == 0


def test_s_a_little_longer_than_r_is_not_r() -> None:
    hearts = hearts_with(40, r_uv=920, s_uv=1060, qrs_axis_deg=42, s_axis_deg=222, qrs_tilt_deg=32, s_tilt_deg=46)
    signals = simulate_signals(hearts, np.random.default_rng(31))
    for raw, truth in zip(signals.noisy_uv, signals.r_samples, strict=True):
        errors = agreement(beats_of(raw).r_samples, truth[truth >= 0].astype(float), 25).errors
        assert abs(np.median(errors)) <= 3


def test_r_of_a_broad_qrs_after_a_spike_is_its_peak() -> None:
    """Paced: zero is the level beside QRS, and two samples of a spike are not R."""
    raw, truth = np.zeros((12, 5000)), np.arange(300, 4800, 420)
    time = np.arange(5000)
    for peak in truth:
        raw -= 1500 * np.exp(-0.5 * ((time - peak) / 18) ** 2) + 300 * np.exp(-0.5 * ((time - peak - 140) / 25) ** 2)
        raw[:, peak - 45 : peak - 43] += 1200
    raw *= np.where(np.arange(12) == LEADS.index("I"), -0.3, 1.0)[:, None]
    raw += np.random.default_rng(2).normal(0, 8, raw.shape)
    result = agreement(beats_of(raw).r_samples, truth.astype(float), 12)
    assert (result.missed, result.invented) == (0, 0)


@pytest.mark.parametrize("bpm", [35, 60, 110, 170])
def test_slow_and_fast_hearts(bpm: int) -> None:
    beat = clean_beats(make_hearts(1, 5))[0].astype(np.float64)[:, 125:330]  # QRS and T alone
    raw = np.zeros((12, 6000))
    truth = np.arange(300, 4800, round(60 / bpm * RATE))
    for peak in truth:
        raw[:, peak - 50 : peak + 155] += beat
    raw += np.random.default_rng(2).normal(0, 8, raw.shape)
    peaks = qrs_samples(strip_of(raw[:, :5000])[INDEPENDENT].astype(np.float64), RATE)
    result = agreement(peaks, truth.astype(float), 25)
    assert (result.missed, result.invented) == (0, 0)


@pytest.mark.parametrize(
    "raw", [np.zeros((12, 5000)), np.ones((12, 5000)) * 500, np.linspace(0, 900, 60_000).reshape(12, 5000)]
)
def test_nothing_to_find(raw: NDArray[np.float64]) -> None:
    assert find_beats(OPTIONS, raw.astype(np.float32), RATE).beats is None


def consensus(record: Path) -> NDArray[np.float64]:
    """QRS of a record, samples: the median over leads of the cardiologist's peaks, by the lead with most of them."""
    leads = [
        np.array([wave.peak for wave in read_waves(record.with_suffix(f".{lead.lower()}")) if wave.kind == "N"])
        for lead in LEADS
    ]
    most = max(leads, key=len)
    near = [
        [peaks[np.abs(peaks - one).argmin()] for peaks in leads if len(peaks) and np.abs(peaks - one).min() <= 40]
        for one in most
    ]
    return np.array([np.median(peaks) for peaks in near])


@lru_cache
def of_ludb(shared: Path) -> list[tuple[Path, Beats]]:
    """Each record of LUDB and its beats."""
    records = sorted((shared / "data" / "ecg" / "ludb" / "data").glob("*.hea"))
    return [(record, beats_of(read_signals(record))) for record in records]


@pytest.mark.real
def test_r_peaks_are_a_cardiologists(shared: Path) -> None:
    """140 people of LUDB within 100 ms; first and last beats, which the cardiologist left out, are not counted."""
    found = missed = invented = 0
    for record, one in of_ludb(shared):
        truth = consensus(record)
        between = (one.r_samples > truth.min() - 50) & (one.r_samples < truth.max() + 50)
        result = agreement(one.r_samples[between], truth, 50)
        found, missed, invented = found + result.found, missed + result.missed, invented + result.invented
    assert found > 1200
    assert missed == 0
    assert found / (found + invented) > 0.995


@pytest.mark.real
def test_r_lies_within_a_cardiologists_qrs(shared: Path) -> None:
    """In all 140 people, those with pacemakers and bundle branch blocks among them."""
    outside = []
    for record, one in of_ludb(shared):
        waves = [wave for lead in LEADS for wave in read_waves(record.with_suffix(f".{lead.lower()}")) if wave.kind == "N"]
        inside = np.zeros(5000, dtype=bool)
        for wave in waves:
            inside[wave.onset : wave.offset + 1] = True
        marked = np.flatnonzero(inside)
        normal = one.r_samples[one.normal]
        if not inside[normal[(normal > marked[0]) & (normal < marked[-1])]].all():
            outside.append(record.stem)
    assert outside == []


@pytest.mark.real
def test_qrs_begins_where_the_device_says(shared: Path) -> None:
    """The device's median beat and QOnset (428 ms on its own time axis) against ours, on the real file."""
    path = shared / "data" / "ecg" / "devices" / "cardiosoft_ukb_20205.xml"
    root = etree.parse(path).getroot()
    texts = {element.get("lead"): element.text for element in root.find("RestingECGMeasurements").iter("WaveformData")}
    device = np.array([[float(value) for value in texts[lead].split(",")] for lead in LEADS]) * 5
    ours = beats_of(twelve_leads(read(path).leads)).median[:, R - 100 : R + 100]
    likeness = [np.corrcoef(device[:, k : k + 200].ravel(), ours.ravel())[0, 1] for k in range(400)]
    assert max(likeness) > 0.99
    onset = qrs_onset(beats_of(twelve_leads(read(path).leads)).median[INDEPENDENT], R, RATE)
    assert onset is not None
    assert abs((onset - (R - 100) + int(np.argmax(likeness))) * 2 - 428) <= 8


@pytest.mark.real
def test_moving_average_flattens_st_on_the_real_file(shared: Path) -> None:
    """V3, 60 ms after the device's QRS end, against straight lines from PQ to PQ as the baseline."""
    path = shared / "data" / "ecg" / "devices" / "cardiosoft_ukb_20205.xml"
    raw = twelve_leads(read(path).leads)
    beats = beats_of(raw)
    onset = qrs_onset(beats.median[INDEPENDENT], R, RATE)
    assert onset is not None
    knots = beats.r_samples - R + onset - 5
    levels = [raw[8, k - 5 : k + 5].mean() for k in knots]
    level = raw.copy()
    level[8] -= np.interp(np.arange(5000), knots, levels)
    reference = st60(level, beats, onset)
    passed = st60(highpass(raw, cutoff_hz=0.5, order=2, rate_hz=RATE), beats, onset)
    moved = st60(minus_moving_average(raw, window=250), beats, onset)
    assert abs(passed - reference) < 0.15 * reference
    assert moved < 0.4 * reference


def st60(cleaned: NDArray[np.float64], beats: Beats, onset: int) -> float:
    """µV in V3 60 ms after the end of the device's QRS of 76 ms; the 20 ms before QRS are zero."""
    whole = beats.r_samples[beats.normal][1:-1]
    v3 = np.median(cleaned[8][whole[:, None] + np.arange(-R, 300)], axis=0)
    return float(v3[onset + 68] - v3[onset - 10 : onset].mean())
