"""Delineation against the simulator's true times, a cardiologist's marks, and beats whose waves were taken away."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import detrend

from ecgwas.delineation.fiducials import Fiducials, delineate, delineate_by_rules
from ecgwas.delineation.single_beats import coherence, fiducials_of_beats, fiducials_of_median
from ecgwas.leads import INDEPENDENT
from tests.factories import make_clean_beats, make_hearts

TIMES = (np.arange(475) - 175) * 2.0


def clean(people: int = 40, seed: int = 5) -> NDArray[np.float64]:
    return make_clean_beats(people, seed)[:, INDEPENDENT].astype(np.float64)


def found_in(beats: NDArray[np.float64], seed: int = 5) -> list[Fiducials]:
    rates = make_hearts(len(beats), seed)["hr_bpm"]
    return [delineate(beat, TIMES, 60_000 / rate) for beat, rate in zip(beats, rates, strict=True)]


def test_intervals_of_clean_beats_are_the_simulators() -> None:
    hearts = make_hearts(40, 5)
    found = found_in(clean())
    for name, measured, spread_ms, offset_ms in (
        ("pr_ms", [f.qrs_on - f.p_on for f in found], 6.0, 15.0),
        ("qrs_ms", [f.qrs_off - f.qrs_on for f in found], 4.0, 15.0),
        ("qt_ms", [f.t_off - f.qrs_on for f in found], 4.0, 25.0),
    ):
        error = np.array(measured) - hearts[name]
        assert np.std(error) < spread_ms, name
        assert abs(np.mean(error)) < offset_ms, name


def test_shifted_in_time_all_fiducials_shift() -> None:
    beat = clean(1)[0]
    here, later = delineate(beat, TIMES, 900.0), delineate(beat, TIMES + 7.0, 900.0)
    moved = [later.p_peak - here.p_peak, later.t_peak - here.t_peak, later.t_off - here.t_off]
    np.testing.assert_allclose(moved, 7.0, atol=0.5)


def test_no_p_is_invented() -> None:
    for beat, whole in zip(clean(), found_in(clean()), strict=True):
        flat = beat.copy()
        before = whole.qrs_on - 2.0 > TIMES
        flat[:, before] = flat[:, np.flatnonzero(before)[-1], None]
        found = delineate(flat, TIMES, 900.0)
        assert np.isnan([found.p_on, found.p_peak, found.p_off]).all()
        assert np.isfinite(found.qrs_on)


def test_a_pacemakers_spike_is_not_qrs() -> None:
    beat = clean(1)[0]
    plain = delineate(beat, TIMES, 900.0)
    spiked = beat.copy()
    place = int(np.searchsorted(TIMES, plain.qrs_on - 30.0))
    spiked[:, place] += 900.0
    assert delineate(spiked, TIMES, 900.0).qrs_on >= TIMES[place]
    assert delineate(spiked, TIMES, 900.0).qrs_on == pytest.approx(plain.qrs_on, abs=16.0)


def test_qrs_after_a_spike_with_a_tail_begins_when_the_muscle_answers() -> None:
    """A paced beat: 1 mV that decays over some 10 ms, a slow and wide QRS from 28 ms after it on."""
    size = np.array([1, -1, 1.5, 2, -2, -2.5, -1, 1])[:, None]
    wide = 350 * size * (1 - np.cos(2 * np.pi * np.clip(TIMES + 54, 0, 140) / 140))
    after = TIMES + 82.0
    spike = np.where(after >= 0, 1000 * np.sign(size) * np.exp(-np.clip(after, 0, None) / 6.0), 0.0)
    alone, paced = delineate(wide, TIMES, np.nan), delineate(wide + spike, TIMES, np.nan)
    assert paced.qrs_on > -76.0
    assert paced.qrs_on == pytest.approx(alone.qrs_on, abs=12.0)
    assert paced.qrs_off == pytest.approx(alone.qrs_off, abs=4.0)


def test_a_slow_end_belongs_to_qrs() -> None:
    """Right bundle branch block: after 20 ms of near rest a late wave, a fifth as fast as what went before."""
    beat = clean(1)[0]
    plain = delineate(beat, TIMES, 900.0)
    slow = np.exp(-0.5 * ((TIMES - plain.qrs_off - 30.0) / 10.0) ** 2) * np.array([-1, 0, 2, 1, 0, 0, -1, -1])[:, None]
    late = delineate(beat + 200.0 * slow, TIMES, 900.0)
    by_rules = delineate_by_rules(beat + 200.0 * slow, TIMES, 900.0)
    assert by_rules.qrs_off == pytest.approx(plain.qrs_off + 55.0, abs=15.0)
    assert plain.qrs_off + 20.0 < late.qrs_off < by_rules.qrs_off + 5.0
    assert late.qrs_on == pytest.approx(plain.qrs_on, abs=3.0)


def test_waves_of_the_baseline_do_not_pull_qrs_apart() -> None:
    """Fibrillation's waves move faster than 4 % of QRS' greatest speed; QRS begins and ends where it rises out of them."""
    rng = np.random.default_rng(4)
    errors = []
    for beat, plain in zip(clean(), found_in(clean()), strict=True):
        waves = gaussian_filter1d(rng.normal(0, 1, (8, 475)), 4.0, axis=1)
        noisy = delineate(beat + 12.0 * waves / waves.std(), TIMES, 900.0)
        errors.append((noisy.qrs_on - plain.qrs_on, noisy.qrs_off - plain.qrs_off))
    assert np.abs(np.mean(errors, axis=0)).max() < 6.0
    assert np.std(errors, axis=0).max() < 6.0


def test_a_flat_line_has_no_waves() -> None:
    assert np.isnan(delineate(np.zeros((8, 475)), TIMES, 900.0).qrs_on)


def test_coherence_tells_atrial_waves_that_follow_the_beat_from_those_that_do_not() -> None:
    rng = np.random.default_rng(1)
    beat = clean(1)[0]
    same = beat + gaussian_filter1d(rng.normal(0, 20, (10, 8, 475)), 3, axis=2)
    assert coherence(same, TIMES, -45.0) > 0.8
    flutter = np.stack([60 * np.sin(2 * np.pi * (6.5 * TIMES / 1000 + rng.random())) for _ in range(10)])
    without_p = np.where(TIMES < -45.0, 0.0, beat) + flutter[:, None, :]
    assert coherence(without_p, TIMES, -45.0) < 0.5
    assert np.isnan(coherence(same[:2], TIMES, -45.0))


@pytest.mark.parametrize("qrs_on", [-45.0, -120.0, -30.5])
def test_coherence_is_that_of_beats_smoothed_as_a_whole(qrs_on: float) -> None:
    beats = clean(6) + np.random.default_rng(1).normal(0, 30, (6, 8, len(TIMES)))
    from_onset = TIMES - qrs_on
    window = (from_onset >= -250) & (from_onset <= -30)
    smooth = gaussian_filter1d(beats, 4.0, axis=2)[:, :, window]
    flat = detrend(smooth, axis=2).reshape(6, -1)
    others = flat.sum(axis=0) - flat
    cosines = (flat * others).sum(axis=1) / np.linalg.norm(flat, axis=1) / np.linalg.norm(others, axis=1)
    assert coherence(beats, TIMES, qrs_on) == pytest.approx(cosines.mean(), abs=1e-12)


def test_p_that_comes_earlier_in_one_beat_is_found_earlier_there() -> None:
    beat = clean(1)[0]
    found = delineate(beat, TIMES, 900.0)
    early = beat.copy()
    before = found.qrs_on - 4.0 > TIMES
    early[:, before] = np.roll(beat, -8, axis=1)[:, before]
    beats = np.stack([beat, early, beat])
    each = fiducials_of_beats(beats, np.array([True, True, True]), beat, found, TIMES)
    np.testing.assert_allclose(each[:, 1] - found.p_peak, [0.0, -16.0, 0.0], atol=2.0)
    np.testing.assert_allclose(each[:, 3], found.qrs_on)


def test_an_ectopic_beat_has_its_own_qrs_and_no_p() -> None:
    beat = clean(1)[0]
    found = delineate(beat, TIMES, 900.0)
    wide = np.exp(-0.5 * ((TIMES - 10) / 45) ** 2) * np.array([1, -1, 1.5, 2, -2, -2.5, -1, 1])[:, None] * 700
    each = fiducials_of_beats(np.stack([beat, wide]), np.array([True, False]), beat, found, TIMES)
    assert each[1, 4] - each[1, 3] > 1.4 * (found.qrs_off - found.qrs_on)
    assert np.isnan(each[1, :3]).all()


def test_a_sharp_r_is_no_pacemakers_spike() -> None:
    """A tall R of 24 ms rises 120 µV above its neighbours' median; QRS begins before it, and what comes before R is no P."""
    beat = clean(1)[0]
    plain = delineate(beat, TIMES, 900.0)
    sharp = beat + np.clip(1 - np.abs(TIMES) / 12.0, 0, None) * np.full((8, 1), 1800.0)
    found = delineate(sharp, TIMES, 900.0)
    assert found.qrs_on < -15.0
    assert found.p_peak == pytest.approx(plain.p_peak, abs=10.0)


def only_in_v1(height_uv: float, rng: np.random.Generator, rr_ms: float = 526.0) -> NDArray[np.float64]:
    """(20, 8, T) beats of a regular tachycardia whose P shows in V1 alone, after a T that moves all leads."""
    times_ms = (np.arange(475) - 175) * 2.0

    def wave(centre: float, width: float) -> NDArray[np.float64]:
        return np.asarray(sum(np.exp(-0.5 * ((times_ms - centre + k * rr_ms) / width) ** 2) for k in (-1, 0, 1)))

    qrs = np.array([600, 900, -700, -1100, -500, 900, 1200, 1000])[:, None]
    t = np.array([150, 220, -60, 350, 400, 350, 300, 200])[:, None]
    beat = qrs * (wave(0, 12) - 0.25 * wave(-20, 8) - 0.3 * wave(25, 10)) + t * wave(230, 32)
    beat[2] += height_uv * wave(-110, 18)
    return beat + 8 * rng.standard_normal((20, 8, 475))


def test_p_that_v1_shows_alone_is_found_in_a_regular_tachycardia() -> None:
    times_ms = (np.arange(475) - 175) * 2.0
    beats = only_in_v1(50.0, np.random.default_rng(1))
    median = np.median(beats, axis=0)
    assert np.isnan(delineate(median, times_ms, 526.0).p_peak)
    found = fiducials_of_median(median, beats, times_ms, 526.0, regular=True)
    assert abs(found.p_peak + 110) < 10
    assert 100 < found.qrs_on - found.p_on < 130


def test_without_p_none_is_found_in_one_lead() -> None:
    """Neither in a regular rhythm nor, with a wave in one lead, in an irregular one."""
    times_ms = (np.arange(475) - 175) * 2.0
    beats = only_in_v1(0.0, np.random.default_rng(2))
    assert np.isnan(fiducials_of_median(np.median(beats, axis=0), beats, times_ms, 526.0, regular=True).p_peak)
    beats = only_in_v1(50.0, np.random.default_rng(1))
    assert np.isnan(fiducials_of_median(np.median(beats, axis=0), beats, times_ms, 526.0, regular=False).p_peak)
