"""Cleaning: removal of baseline wander, then of noise. Pure functions of arrays whose last axis is time.

All take (..., S) of any float type and unit, compute in float64 and return float64 of the same shape and unit. They are invalid
for arrays with NaN or infinity, which are refused before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pywt
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d
from scipy.signal import sosfiltfilt

from ecgwas.ecg.filters import butterworth
from ecgwas.study import Fourier, HighPass, MovingAverage, ReadOptions, Untouched, Wavelet

Array = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

MAD_OF_NORMAL = 0.6744897501960817
"""Median absolute deviation of a standard normal."""


def clean(options: ReadOptions, raw: Array) -> NDArray[np.float32]:
    """(..., S) float32 without baseline wander, and without noise if the study removes it."""
    without_wander = remove_baseline(options.baseline, raw, rate_hz=options.rate_hz)
    return remove_noise(options.denoise, without_wander, rate_hz=options.rate_hz).astype(np.float32)


def remove_baseline(method: MovingAverage | HighPass | Untouched, signals: Array, *, rate_hz: float) -> Floats:
    """The signals without baseline wander."""
    exact = signals.astype(np.float64)
    if isinstance(method, MovingAverage):
        return minus_moving_average(exact, window=round(method.window_s * rate_hz))
    if isinstance(method, HighPass):
        return highpass(exact, cutoff_hz=method.cutoff_hz, order=method.order, rate_hz=rate_hz)
    return exact


def remove_noise(method: Wavelet | Fourier | Untouched, signals: Array, *, rate_hz: float) -> Floats:
    """The signals without noise."""
    exact = signals.astype(np.float64)
    if isinstance(method, Wavelet):
        return wavelet_shrinkage(exact, wavelet=method.wavelet, levels=method.levels, mode=method.mode)
    if isinstance(method, Fourier):
        return band(exact, low_hz=method.low_hz, high_hz=method.high_hz, rate_hz=rate_hz)
    return exact


def minus_moving_average(signals: Floats, *, window: int) -> Floats:
    """The signals minus their mean over `window` samples; ends are reflected, the last sample repeated (d c b a | a b c d).

    Its frequency response is 1 - sinc(f * window / rate): -3 dB at 0.8 / window_s Hz, 1.6 Hz for the source study's 0.5 s.
    """
    average: Floats = uniform_filter1d(signals, window, axis=-1, mode="reflect")
    return signals - average


def highpass(signals: Floats, *, cutoff_hz: float, order: int, rate_hz: float) -> Floats:
    """Butterworth, once forward and once backward: no phase shift, amplitude halved (-6 dB) at `cutoff_hz`.

    Ends are extended by odd reflection over one period of the cutoff, so that a trend continues without a step.
    """
    sections = butterworth(order, cutoff_hz, "highpass", rate_hz)
    padding = min(signals.shape[-1] - 1, round(rate_hz / cutoff_hz))
    passed: Floats = sosfiltfilt(sections, signals, axis=-1, padtype="odd", padlen=padding)
    return passed


def wavelet_shrinkage(signals: Floats, *, wavelet: str, levels: int, mode: str) -> Floats:
    """VisuShrink: every detail coefficient shrunk by sigma * sqrt(2 ln S), sigma = MAD of the finest detail / 0.6745.

    Each signal has its own sigma. Soft: coefficients move towards zero by the threshold; hard: those below it become zero.
    Donoho and Johnstone, Biometrika 81:425 (1994). Signals are extended symmetrically (PyWavelets' default).
    """
    samples = signals.shape[-1]
    approximation, *details = pywt.wavedec(signals, wavelet, level=levels, axis=-1)
    sigma = np.median(np.abs(details[-1]), axis=-1, keepdims=True) / MAD_OF_NORMAL
    threshold = sigma * np.sqrt(2 * np.log(samples))
    shrunk = [_shrink(detail, threshold, mode) for detail in details]
    smooth: Floats = pywt.waverec([approximation, *shrunk], wavelet, axis=-1)[..., :samples]
    return smooth


def _shrink(detail: Floats, threshold: Floats, mode: str) -> Floats:
    size = np.abs(detail)
    if mode == "hard":
        return np.where(size < threshold, 0.0, detail)
    return np.sign(detail) * np.maximum(size - threshold, 0.0)


def band(signals: Floats, *, low_hz: float, high_hz: float, rate_hz: float) -> Floats:
    """Only the frequencies from `low_hz` to `high_hz`, both included; the recording is treated as one period."""
    samples = signals.shape[-1]
    spectrum = fft.rfft(signals, axis=-1)
    hz = fft.rfftfreq(samples, 1 / rate_hz)
    spectrum[..., (hz < low_hz) | (hz > high_hz)] = 0
    kept: Floats = fft.irfft(spectrum, samples, axis=-1)
    return kept
