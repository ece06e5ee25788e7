"""Cleaning against scipy and PyWavelets signal by signal, and against what frequency responses must be."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfreqz

from ecgwas.ecg.clean import band, clean, highpass, minus_moving_average, wavelet_shrinkage
from ecgwas.study import Fourier, HighPass, MovingAverage, ReadOptions, Untouched, Wavelet

RATE = 500.0


def noise(*shape: int, seed: int = 1) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(shape) * 100


def sine(hz: float, seconds: float = 10.0) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def gain(filtered: NDArray[np.float64], original: NDArray[np.float64]) -> float:
    """Signed amplitude of the part in phase with the original, middle half."""
    middle = slice(len(original) // 4, 3 * len(original) // 4)
    return float(filtered[middle] @ original[middle] / (original[middle] @ original[middle]))


def test_moving_average_is_scipys_signal_by_signal() -> None:
    signals = noise(2, 3, 5000)
    cleaned = minus_moving_average(signals, window=250)
    for person in range(2):
        for lead in range(3):
            one = signals[person, lead]
            np.testing.assert_array_equal(cleaned[person, lead], one - uniform_filter1d(one, 250, mode="reflect"))


@pytest.mark.parametrize("hz", [0.5, 1.0, 1.6, 3.0, 10.0])
def test_moving_average_has_the_response_of_a_high_pass_at_1_6_hz(hz: float) -> None:
    wave = sine(hz)
    assert gain(minus_moving_average(wave, window=250), wave) == pytest.approx(1 - np.sinc(0.5 * hz), abs=0.02)


@pytest.mark.parametrize("cutoff_hz", [0.5, 1.0])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_highpass_halves_the_cutoff_and_keeps_the_phase(cutoff_hz: float, order: int) -> None:
    long = sine(cutoff_hz, seconds=60)
    passed = highpass(long, cutoff_hz=cutoff_hz, order=order, rate_hz=RATE)
    assert gain(passed, long) == pytest.approx(0.5, abs=0.005)
    quarter = np.roll(long, round(RATE / cutoff_hz / 4))
    assert gain(passed, quarter) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("hz", [0.1, 0.3, 0.7, 2.0, 20.0])
def test_highpass_has_scipys_response_twice(hz: float) -> None:
    wave = sine(hz, seconds=120)
    response = np.abs(sosfreqz(butter(2, 0.5, "highpass", fs=RATE, output="sos"), [hz], fs=RATE)[1][0]) ** 2
    assert gain(highpass(wave, cutoff_hz=0.5, order=2, rate_hz=RATE), wave) == pytest.approx(response, abs=0.005)


def test_highpass_is_the_same_backward_in_time() -> None:
    signals = noise(3, 5000)
    forward = highpass(signals, cutoff_hz=0.5, order=2, rate_hz=RATE)
    backward = highpass(signals[:, ::-1], cutoff_hz=0.5, order=2, rate_hz=RATE)[:, ::-1]
    np.testing.assert_allclose(forward[:, 1000:-1000], backward[:, 1000:-1000], atol=0.5)


def test_highpass_takes_a_trend_away_to_the_ends() -> None:
    trend = np.linspace(-500, 900, 5000)
    assert np.abs(highpass(trend, cutoff_hz=0.5, order=2, rate_hz=RATE)).max() < 20


@pytest.mark.parametrize("mode", ["soft", "hard"])
@pytest.mark.parametrize("wavelet", ["db4", "sym8"])
def test_wavelet_is_visushrink_signal_by_signal(mode: str, wavelet: str) -> None:
    signals = noise(2, 4, 5000) + 300 * sine(3.0)
    cleaned = wavelet_shrinkage(signals, wavelet=wavelet, levels=4, mode=mode)
    assert cleaned.shape == signals.shape
    for person in range(2):
        for lead in range(4):
            one = signals[person, lead]
            parts = pywt.wavedec(one, wavelet, level=4)
            limit = np.median(np.abs(parts[-1])) / 0.6744897501960817 * np.sqrt(2 * np.log(len(one)))
            parts[1:] = [pywt.threshold(part, limit, mode) for part in parts[1:]]
            np.testing.assert_allclose(cleaned[person, lead], pywt.waverec(parts, wavelet)[:5000], atol=1e-9)


def test_wavelet_lowers_white_noise() -> None:
    smooth = 300 * sine(2.0)
    noisy = smooth + 0.3 * noise(5000)
    cleaned = wavelet_shrinkage(noisy, wavelet="db4", levels=4, mode="soft")
    assert np.std(cleaned - smooth) < 0.4 * np.std(noisy - smooth)


def test_wavelet_of_odd_length_and_of_a_silent_signal() -> None:
    assert wavelet_shrinkage(noise(2, 4999), wavelet="db4", levels=4, mode="hard").shape == (2, 4999)
    np.testing.assert_allclose(wavelet_shrinkage(np.full((1, 512), 7.0), wavelet="db4", levels=4, mode="soft"), 7.0)


@pytest.mark.parametrize(("hz", "expected"), [(0.3, 0.0), (0.5, 1.0), (10.0, 1.0), (40.0, 1.0), (41.0, 0.0), (50.0, 0.0)])
def test_band_keeps_its_frequencies_and_no_other(hz: float, expected: float) -> None:
    np.testing.assert_allclose(band(sine(hz), low_hz=0.5, high_hz=40, rate_hz=RATE), expected * sine(hz), atol=1e-9)


BASELINES = [MovingAverage(), HighPass(), Untouched()]
DENOISERS = [Wavelet(), Wavelet(mode="hard"), Fourier(), Untouched()]


@settings(max_examples=25, deadline=None)
@given(
    baseline=st.sampled_from(BASELINES),
    denoise=st.sampled_from(DENOISERS),
    samples=st.integers(600, 1200),
    seed=st.integers(0, 99),
)
def test_leads_do_not_touch_each_other(
    baseline: MovingAverage | HighPass | Untouched, denoise: Wavelet | Fourier | Untouched, samples: int, seed: int
) -> None:
    options = ReadOptions(recordings=".", baseline=baseline, denoise=denoise)
    raw = noise(2, 3, samples, seed=seed)
    before = raw.copy()
    together = clean(options, raw)
    assert together.dtype == np.float32
    assert together.shape == raw.shape
    np.testing.assert_array_equal(raw, before)
    np.testing.assert_allclose(together[1, 2], clean(options, raw[1, 2]), atol=1e-3)


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="must be below"):
        Fourier(low_hz=40, high_hz=1)
    with pytest.raises(ValueError, match="not a discrete wavelet"):
        Wavelet(wavelet="db99")
