"""ECGSYN: the closed form against SciPy's integration of the paper's three equations, and the places of its waves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.signal import find_peaks

from benchmarks.hearts import ecgsyn
from benchmarks.hearts.rhythms import LONG_S, STEP_S, rr_series

OMEGA = 2 * np.pi
"""One beat a second."""
NO_BASELINE = np.zeros(3)


def mean_heart(**changed: float) -> dict[str, float]:
    return {name: parameter.mean for name, parameter in ecgsyn.PARAMETERS.items()} | {"hr_bpm": 60.0} | changed


def along_the_axes(heart: dict[str, float], wave: str) -> ecgsyn.Attractors:
    """The attractors of a heart in which all waves but one are switched off."""
    others = {f"{other}_strength": 0.0 for other in ecgsyn.WAVES if other != wave}
    return ecgsyn.Attractors.of(heart | others)


def integrated(attractors: ecgsyn.Attractors, start: list[float], seconds: float) -> Callable[[np.ndarray], np.ndarray]:
    """(5, T) states at given times, by SciPy."""
    solved = solve_ivp(
        lambda _, state: ecgsyn.derivative(state, OMEGA, attractors, NO_BASELINE), (0, seconds), start, rtol=1e-9, atol=1e-12,
        dense_output=True, max_step=0.01,
    )  # fmt: skip
    assert solved.success
    return solved.sol


@pytest.mark.parametrize("start", [(0.1, 0.0), (0.0, 2.5)])
def test_the_limit_cycle_reaches_the_circle_and_keeps_its_speed(start: tuple[float, float]) -> None:
    states = integrated(ecgsyn.Attractors.of(mean_heart()), [*start, 0.0, 0.0, 0.0], 12.0)
    assert abs(np.hypot(*states(0.0)[:2]) - 1) > 0.5
    assert np.hypot(*states(12.0)[:2]) == pytest.approx(1, abs=1e-4)
    angles = np.unwrap(np.arctan2(*states(np.linspace(0, 12, 2000))[1::-1]))
    np.testing.assert_allclose(angles - angles[0], OMEGA * np.linspace(0, 12, 2000), atol=1e-4)


def test_the_closed_form_solves_the_papers_equations() -> None:
    attractors = ecgsyn.Attractors.of(mean_heart())
    times = np.arange(0, 3, 1 / 500)
    z = integrated(attractors, [-1.0, 0.0, 0.0, 0.0, 0.0], 3.0)(times)[2:].T
    closed = ecgsyn.vector(attractors, np.pi + OMEGA * times, np.zeros((len(times), 3)), 1 / 500)
    assert np.abs(z).max() > 0.03
    np.testing.assert_allclose(closed, z, atol=2e-3 * np.abs(z).max())


@pytest.mark.parametrize("wave", ecgsyn.WAVES)
def test_waves_lie_at_their_angles_and_point_where_they_should(wave: str) -> None:
    heart = mean_heart()
    attractors = along_the_axes(heart, wave)
    times = np.arange(0, 8, 1 / 500)
    z = ecgsyn.vector(attractors, np.pi + OMEGA * times, np.zeros((len(times), 3)), 1 / 500)
    size = np.linalg.norm(z, axis=1)
    peaks, _ = find_peaks(size[-1000:], height=0.5 * size[-1000:].max())
    angles = (np.pi + OMEGA * times[-1000:][peaks]) % (2 * np.pi)
    expected = np.deg2rad(heart.get(f"{wave}_angle_deg", 0.0))
    off = np.angle(np.exp(1j * (angles - expected)))
    assert len(peaks) == 2
    # The pull back to the baseline moves a wave's peak by a small part of its width.
    assert np.abs(off).max() < 0.1 * heart[f"{wave}_width_rad"] + OMEGA / 500
    peak = z[-1000:][peaks[0]]
    push = attractors.pushes[ecgsyn.WAVES.index(wave)]
    assert peak @ push / np.linalg.norm(peak) / np.linalg.norm(push) == pytest.approx(1, abs=1e-6)
    height = heart[f"{wave}_strength"] * heart[f"{wave}_width_rad"] ** 2 / OMEGA
    assert np.linalg.norm(peak) == pytest.approx(height, rel=0.25)


def test_fiducial_points_lie_around_the_waves_of_a_recorded_heart() -> None:
    heart = mean_heart(rr_sd_ms=0.01, p_width_rad=0.12)
    vector, r_s, points_ms = ecgsyn.recorded_vector(heart, np.random.default_rng(1))
    assert np.diff(r_s) == pytest.approx(1.0, abs=1e-3)
    after_r = points_ms - 1000 * r_s[:, None]
    assert (np.diff(after_r, axis=1) > 0).all()
    np.testing.assert_allclose(after_r[0, [1, 5]], [-1000 / 6, 250], atol=1)
    assert after_r[0, 6] == pytest.approx(250 + 2 * 400 / (2 * np.pi), abs=1)
    size = np.linalg.norm(vector - np.median(vector, axis=0), axis=1)
    inside = r_s[(r_s > 0.2) & (r_s < 9.8)]
    for r in np.rint(500 * inside).astype(int):
        assert abs(int(size[r - 50 : r + 50].argmax()) - 50) <= 2


def test_rr_series_has_its_mean_its_sd_and_two_bands() -> None:
    series = rr_series(0.9, 0.03, 0.3, np.random.default_rng(4), lf_hf=0.5)
    assert series.mean() == pytest.approx(0.9)
    assert series.std() == pytest.approx(0.03)
    hz = np.fft.rfftfreq(len(series), STEP_S)
    power = np.abs(np.fft.rfft(series - series.mean())) ** 2
    low, high = power[np.abs(hz - 0.1) < 0.05].sum(), power[np.abs(hz - 0.3) < 0.05].sum()
    assert low / high == pytest.approx(0.5, rel=1e-6)
    assert (low + high) / power.sum() == pytest.approx(1, abs=1e-6)
    assert len(series) * STEP_S == LONG_S
