"""Pacemakers' spikes: planted ones are found as long as they last, natural beats have none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.delineation.pacing_spikes import bridge_spikes, find_spikes, sample_before_spike
from ecgwas.leads import INDEPENDENT
from tests.factories import make_clean_beats

TIMES = (np.arange(475) - 175) * 2.0
SIGNS = np.array([1, -1, 1, 1, -1, -1, -1, 1])[:, None]


def wide() -> NDArray[np.float64]:
    """(8, T) a paced QRS, from 54 ms before R to 86 ms after."""
    size = np.array([1, -1, 1.5, 2, -2, -2.5, -1, 1])[:, None]
    return 350 * size * (1 - np.cos(2 * np.pi * np.clip(TIMES + 54, 0, 140) / 140))


def tailed(start_ms: float) -> NDArray[np.float64]:
    """(8, T) 1 mV that decays with a time constant of 6 ms."""
    after = TIMES - start_ms
    return np.where(after >= 0, 1000 * SIGNS * np.exp(-np.clip(after, 0, None) / 6.0), 0.0)


def test_natural_beats_have_no_spikes() -> None:
    rng = np.random.default_rng(2)
    for beat in make_clean_beats(40, 5)[:, INDEPENDENT].astype(np.float64):
        assert not find_spikes(beat, TIMES).any()
        assert not find_spikes(beat + rng.normal(0, 10, beat.shape), TIMES).any()


def test_a_spike_with_a_tail_lasts_until_the_muscle_answers() -> None:
    beat = wide() + tailed(-82.0)
    found = TIMES[find_spikes(beat, TIMES)]
    assert found[0] in (-84.0, -82.0)
    assert -66.0 <= found[-1] <= -50.0
    np.testing.assert_array_equal(np.diff(found), 2.0)
    assert np.abs(bridge_spikes(beat, find_spikes(beat, TIMES)) - wide()).max() < 100.0


def test_a_spike_that_meets_a_qrs_already_begun_is_left_in_it() -> None:
    """Without a calm after it nothing tells it from the heart's own activity."""
    found = find_spikes(wide() + tailed(0.0), TIMES)
    assert not found.any()


def test_p_ends_before_the_spike_that_leads_to_qrs() -> None:
    spike = (TIMES >= -84.0) & (TIMES < -60.0)
    qrs_on = int(np.searchsorted(TIMES, -56.0))
    assert TIMES[sample_before_spike(spike, qrs_on, 30)] == -86.0
    assert sample_before_spike(np.zeros(475, dtype=bool), qrs_on, 30) == qrs_on
    assert sample_before_spike(np.roll(spike, -60), qrs_on, 30) == qrs_on  # an atrial spike is no bound


def test_a_dead_beat_has_none() -> None:
    assert not find_spikes(np.zeros((8, 475)), TIMES).any()
