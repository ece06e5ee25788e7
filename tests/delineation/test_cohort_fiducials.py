"""Fiducial points of a cohort: those of each median beat by itself, kept with the signals and in a table."""

from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import detrend

from ecgwas.delineation.cohort_fiducials import with_fiducials
from ecgwas.delineation.single_beats import fiducials_of_participant, single_beats, without_lines
from ecgwas.signals import FIDUCIAL_POINTS, MEDIAN_BEATS, Signals, StackedArrays
from ecgwas.stages.read import fiducial_points
from ecgwas.tables.recordings import FiducialPoints
from tests.factories import make_delineated, make_signals, with_beats

PEOPLE = 4


@pytest.fixture(scope="module")
def signals() -> Signals:
    return make_delineated(PEOPLE, seed=8)


def test_each_median_beat_has_its_own_points(signals: Signals) -> None:
    assert signals.fiducials_ms.shape == (PEOPLE, len(MEDIAN_BEATS), len(FIDUCIAL_POINTS))
    beats, normal = single_beats(signals, 2)
    for which, median_beats in enumerate((signals.beats, signals.odd_beats, signals.even_beats)):
        own = astuple(fiducials_of_participant(signals, 2, median_beats, beats[normal]))
        np.testing.assert_array_equal(signals.fiducials_ms[2, which], own)
    np.testing.assert_array_equal(signals.beat_fiducials_ms, signals.fiducials_ms[:, 0])


def test_halves_and_selections_keep_their_points_and_other_beats_have_none(signals: Signals) -> None:
    for half, which in zip(signals.odd_and_even, (1, 2), strict=True):
        np.testing.assert_array_equal(half.beat_fiducials_ms, signals.fiducials_ms[:, which])
    chosen = signals.select(np.array([3, 1]))
    np.testing.assert_array_equal(chosen.beat_fiducials_ms, signals.beat_fiducials_ms[[3, 1]])
    for without in (make_signals(PEOPLE, seed=8), with_beats(signals, signals.odd_beats)):
        with pytest.raises(ValueError, match="fiducial points have not been found"):
            _ = without.beat_fiducials_ms


def test_without_a_median_beat_there_are_no_points(signals: Signals) -> None:
    beats = np.asarray(signals.beats).copy()
    beats[1] = np.nan
    found = with_fiducials(replace(signals, beats=StackedArrays([beats])))
    assert np.isnan(found.fiducials_ms[1, 0]).all()
    np.testing.assert_array_equal(found.fiducials_ms[1, 1:], signals.fiducials_ms[1, 1:])


def test_the_table_holds_them_exactly(signals: Signals, tmp_path: Path) -> None:
    absent = signals.fiducials_ms.copy()
    absent[0, 0, :3] = np.nan
    table = fiducial_points(replace(signals, fiducials_ms=absent))
    assert table.frame["beats"].to_list() == list(MEDIAN_BEATS) * PEOPLE
    assert table.frame["p_on_ms"].null_count() == 1
    table.write(tmp_path / "fiducials.parquet")
    again = FiducialPoints.read(tmp_path / "fiducials.parquet").frame.drop("eid", "beats").to_numpy()
    np.testing.assert_array_equal(again.reshape(absent.shape), absent)


def test_straight_lines_are_removed_as_scipy_removes_them() -> None:
    traces = np.random.default_rng(4).normal(size=(5, 3, 61)).cumsum(axis=2) * 100
    np.testing.assert_allclose(without_lines(traces), detrend(traces, axis=2), atol=1e-9)
    assert not without_lines(np.zeros((2, 30))).any()
