"""Measurements beside those of the recorder: Bland and Altman, Lancet 327:307 (1986)."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ecgwas.leads import ALL_LEADS
from ecgwas.tables import Features
from ecgwas.tables.recordings import DeviceAgreement, DeviceMeasurements, DevicePairs

LIMIT_SDS = 1.96
LEAST_PEOPLE = 3
"""Fewer differences have no limits worth naming."""


def device_pairs(features: Features, device: DeviceMeasurements) -> DevicePairs:
    """Every measurement that has the same name on both sides, of everybody in whom both have a value."""
    ours = features.frame.filter(pl.col("lead") == ALL_LEADS)
    names = [name for name in device.frame.columns if name != "eid" and name in features.names]
    if not names:
        return DevicePairs.empty()
    here, there = (
        frame.select("eid", *names).unpivot(index="eid", variable_name="measurement", value_name=value)
        for frame, value in ((ours, "measured"), (device.frame, "device"))
    )
    pairs = here.join(there, on=["eid", "measurement"], how="inner", maintain_order="left").drop_nulls()
    plain = pl.col("measured") - pl.col("device")
    angle = (plain + 180.0).mod(360.0) - 180.0
    return DevicePairs(
        pairs.with_columns(difference=pl.when(pl.col("measurement").str.ends_with("_deg")).then(angle).otherwise(plain))
    )


def device_agreement(pairs: DevicePairs) -> DeviceAgreement:
    """One row per measurement that at least three people have on both sides, in the order of `pairs`."""
    groups = pairs.frame.group_by("measurement", maintain_order=True)
    rows = [_row(str(name), group) for (name,), group in groups if group.height >= LEAST_PEOPLE]
    return DeviceAgreement.of(rows)


def _row(name: str, group: pl.DataFrame) -> dict[str, Any]:
    difference = group["difference"].to_numpy()
    measured, device = group["measured"].to_numpy(), group["device"].to_numpy()
    mean, sd = float(difference.mean()), float(difference.std(ddof=1))
    varies = np.ptp(measured) > 0 and np.ptp(device) > 0
    # An angle and itself a circle further are the same: the recorder's is counted from the measured one.
    near = measured - difference
    return {
        "measurement": name, "n": group.height, "mean_difference": mean, "sd": sd,
        "low": mean - LIMIT_SDS * sd, "high": mean + LIMIT_SDS * sd, "median_difference": float(np.median(difference)),
        "r": float(np.corrcoef(measured, near)[0, 1]) if varies and np.ptp(near) > 0 else None,
    }  # fmt: skip
