"""The beat itself at regular times: read back, stretched, missing where it cannot be stretched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecgwas import represent
from ecgwas.leads import LEADS
from ecgwas.signals import Signals
from ecgwas.study import BeatPoints
from tests.factories import make_hearts, make_signals, with_beats

PEOPLE = 40


@pytest.fixture(scope="module")
def signals() -> Signals:
    return make_signals(PEOPLE, seed=6)


def options(**given: object) -> BeatPoints:
    return BeatPoints.model_validate({"name": "points", **given})


def test_as_many_points_as_samples_are_the_beat(signals: Signals) -> None:
    encoder = represent.fit(options(points=475), signals, seed=1)
    features = encoder.encode(signals)
    values = features.frame.select(features.names).to_numpy().reshape(PEOPLE, 12, 475)
    np.testing.assert_allclose(values, np.asarray(signals.beats), atol=1e-3)
    assert features.frame["lead"].to_list()[:12] == list(LEADS)
    decoded = encoder.decode(features)
    assert decoded is not None
    np.testing.assert_allclose(decoded, np.asarray(signals.beats), atol=1e-3)


def test_fewer_points_are_the_beat_between_samples(signals: Signals) -> None:
    encoder = represent.fit(options(points=200), signals, seed=1)
    features = encoder.encode(signals)
    times = np.linspace(signals.beat_times_ms[0], signals.beat_times_ms[-1], 200)
    row = features.frame.filter((pl.col("eid") == signals.eids[3]) & (pl.col("lead") == "V2"))
    expected = np.interp(times, signals.beat_times_ms, np.asarray(signals.beats[3])[LEADS.index("V2")])
    np.testing.assert_allclose(row.select(features.names).to_numpy()[0], expected, atol=1e-3)


def test_stretched_beats_no_longer_tell_pr_and_qt(signals: Signals) -> None:
    """Where T ends follows QT among beats as they are, and no longer does among stretched ones."""
    hearts = make_hearts(PEOPLE, 6)
    follows = []
    for stretch in (False, True):
        features = represent.fit(options(stretch=stretch), signals, seed=1).encode(signals)
        beats = features.frame.select(features.names).to_numpy().reshape(PEOPLE, 12, 500)
        length = np.linalg.norm(beats, axis=1)
        t_peak = 220 + length[:, 220:480].argmax(axis=1)
        follows.append(abs(np.corrcoef(t_peak, hearts["qt_ms"])[0, 1]))
    assert follows[0] > 0.8
    assert follows[1] < 0.5


def test_without_p_a_stretched_beat_is_missing_before_r(signals: Signals) -> None:
    beats = np.asarray(signals.beats[np.arange(2)])
    beats[1, :, :140] = beats[1, :, 140, None]
    features = represent.fit(options(stretch=True, points=100), signals, seed=1).encode(
        with_beats(signals.select(np.arange(2)), beats)
    )
    values = features.frame.select(features.names).fill_null(float("nan")).to_numpy().reshape(2, 12, 100)
    times = np.linspace(signals.beat_times_ms[0], signals.beat_times_ms[-1], 100)
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1][:, times < 0]).all()
    assert np.isfinite(values[1][:, times >= 0]).all()


def test_saved_and_loaded(signals: Signals, tmp_path: Path) -> None:
    encoder = represent.fit(options(points=50), signals, seed=1)
    encoder.save(tmp_path)
    again = represent.load(options(points=50), tmp_path)
    assert again.encode(signals).frame.equals(encoder.encode(signals).frame)
