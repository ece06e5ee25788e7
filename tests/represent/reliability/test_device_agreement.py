"""Agreement with the recorder against a direct computation; angles that cross the circle's seam; what is missing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ecgwas.represent.reliability.device_agreement import device_agreement, device_pairs
from ecgwas.tables import Features
from ecgwas.tables.recordings import DeviceMeasurements


def _features(**columns: list[float | None]) -> Features:
    n = len(next(iter(columns.values())))
    eids = [str(i) for i in range(n)]
    whole = pl.DataFrame({"eid": eids, "lead": ["12L"] * n, **columns})
    of_lead = whole.with_columns(pl.lit("I").alias("lead"), *(pl.lit(None, dtype=pl.Float64).alias(name) for name in columns))
    return Features(pl.concat([whole, of_lead]))


def _device(**columns: list[float | None]) -> DeviceMeasurements:
    n = len(next(iter(columns.values())))
    given = {"eid": [str(i) for i in range(n)]} | columns
    rest = {name: [None] * n for name in DeviceMeasurements.columns if name not in given}
    return DeviceMeasurements(pl.DataFrame(given | rest))


def test_limits_are_those_of_bland_and_altman() -> None:
    rng = np.random.default_rng(1)
    device = rng.normal(400, 20, 50)
    ours = device + rng.normal(-6, 8, 50)
    pairs = device_pairs(_features(qt_ms=ours.tolist()), _device(qt_ms=device.tolist()))
    row = device_agreement(pairs).frame.row(0, named=True)
    difference = ours - device
    assert row["n"] == 50
    assert row["mean_difference"] == pytest.approx(difference.mean())
    assert row["low"] == pytest.approx(difference.mean() - 1.96 * stats.tstd(difference))
    assert row["high"] == pytest.approx(difference.mean() + 1.96 * stats.tstd(difference))
    assert row["r"] == pytest.approx(stats.pearsonr(ours, device).statistic)


def test_angles_differ_the_smaller_way_round() -> None:
    pairs = device_pairs(_features(qrs_axis_deg=[179.0, -178.0, 10.0]), _device(qrs_axis_deg=[-179.0, 178.0, 355.0]))
    np.testing.assert_allclose(pairs.frame["difference"], [-2.0, 4.0, 15.0])


def test_only_people_and_measurements_of_both_sides_count() -> None:
    features = _features(pr_ms=[160.0, None, 170.0, 180.0], qrs_ms=[90.0, 91.0, 92.0, 93.0], own_ms=[1.0, 2.0, 3.0, 4.0])
    device = _device(pr_ms=[150.0, 155.0, None, 170.0], qrs_ms=[90.0, 90.0, 90.0, 90.0], rr_ms=[900.0] * 4)
    pairs = device_pairs(features, device)
    assert pairs.frame.filter(pl.col("measurement") == "pr_ms")["eid"].to_list() == ["0", "3"]
    found = device_agreement(pairs).frame
    assert found["measurement"].to_list() == ["qrs_ms"]  # two people with PR are too few
    assert found["r"].to_list() == [None]  # the recorder's do not vary


def test_a_recorder_that_says_nothing_gives_empty_tables() -> None:
    pairs = device_pairs(_features(qt_ms=[400.0, 410.0]), _device(qt_ms=[None, None]))
    assert pairs.frame.height == 0
    assert device_agreement(pairs).frame.height == 0
    assert device_pairs(_features(own=[1.0]), _device(qt_ms=[400.0])).frame.height == 0
