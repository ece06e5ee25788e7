"""Agreement of measurements with those of the ECG device: Bland and Altman, Lancet 327:307 (1986)."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ecgwas.leads import ALL_LEADS
from ecgwas.tables import Features
from ecgwas.tables.recordings import DeviceAgreement, DeviceMeasurements, DevicePairs

LIMIT_SDS = 1.96
MIN_PEOPLE = 3
"""Fewest differences for limits of agreement."""


def device_pairs(features: Features, device: DeviceMeasurements) -> DevicePairs:
    """Every measurement that both have under the same name, for all participants with a value from both."""
    global_features = features.frame.filter(pl.col("lead") == ALL_LEADS)
    names = [name for name in device.frame.columns if name != "eid" and name in features.names]
    if not names:
        return DevicePairs.empty()
    measured_values, device_values = (
        frame.select("eid", *names).unpivot(index="eid", variable_name="measurement", value_name=value)
        for frame, value in ((global_features, "measured"), (device.frame, "device"))
    )
    pairs = measured_values.join(device_values, on=["eid", "measurement"], how="inner", maintain_order="left").drop_nulls()
    difference = pl.col("measured") - pl.col("device")
    of_angles = (difference + 180.0).mod(360.0) - 180.0
    return DevicePairs(
        pairs.with_columns(
            difference=pl.when(pl.col("measurement").str.ends_with("_deg")).then(of_angles).otherwise(difference)
        )
    )


def device_agreement(pairs: DevicePairs) -> DeviceAgreement:
    """One row per measurement that at least three participants have from both, in the order of `pairs`."""
    groups = pairs.frame.group_by("measurement", maintain_order=True)
    rows = [_row(str(name), group) for (name,), group in groups if group.height >= MIN_PEOPLE]
    return DeviceAgreement.of(rows)


def _row(name: str, group: pl.DataFrame) -> dict[str, Any]:
    difference = group["difference"].to_numpy()
    measured, device = group["measured"].to_numpy(), group["device"].to_numpy()
    mean, sd = float(difference.mean()), float(difference.std(ddof=1))
    varies = np.ptp(measured) > 0 and np.ptp(device) > 0
    # Angles 360 degrees apart are equal: the device's is counted from the measured one.
    device_near = measured - difference
    return {
        "measurement": name, "n": group.height, "mean_difference": mean, "sd": sd,
        "low": mean - LIMIT_SDS * sd, "high": mean + LIMIT_SDS * sd, "median_difference": float(np.median(difference)),
        "r": float(np.corrcoef(measured, device_near)[0, 1]) if varies and np.ptp(device_near) > 0 else None,
    }  # fmt: skip
