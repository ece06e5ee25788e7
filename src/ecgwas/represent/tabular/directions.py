"""Features in degrees: directions are counted from the cohort's mean direction, as those of kind `intervals` are.

Otherwise 179 and -179 degrees, which are similar directions, would lie 358 degrees apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.delineation.vectorcardiogram import around, circular_mean_deg
from ecgwas.represent.tabular.columns import FeatureColumn

UNITS = frozenset({"deg", "degree", "degrees", "°"})
"""Units of directions, in lower case."""

TURN = 360.0


def counted(
    columns: Sequence[FeatureColumn], values: NDArray[np.float64], tested: pl.DataFrame, others: pl.DataFrame
) -> tuple[NDArray[np.float64], list[str]]:
    """The values (N, F) with directions counted from their mean, and a warning for each feature with values that changed.

    tested, others: rows of the visit that is tested, and of the repeat visit, with columns lead and row (of `values`). On each
    lead, the mean direction is that of the visit tested. A value changes by whole turns or not at all.
    """
    changed, warnings = values.copy(), []
    for k, one in enumerate(columns):
        if (one.unit or "").lower() not in UNITS:
            continue
        for lead in tested["lead"].unique(maintain_order=True):
            of_lead = [part.filter(pl.col("lead") == lead)["row"].to_numpy() for part in (tested, others)]
            centre = round(circular_mean_deg(values[of_lead[0], k]), 6)
            rows = np.concatenate(of_lead)
            turns = np.rint((around(values[rows, k], centre) - values[rows, k]) / TURN)
            changed[rows, k] += TURN * turns
        moved = int((changed[:, k] != values[:, k])[np.isfinite(values[:, k])].sum())
        if moved:
            how = f"{moved} value(s) change by {TURN:g} {one.unit}, for directions are counted from their mean"
            warnings.append(f"feature {one.column}: {how}")
    return changed, warnings
