"""Arranges features in one column per representation, lead and feature: the candidates for traits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecgwas.leads import ALL_LEADS, LEADS
from ecgwas.tables import Features


def people_by_representation(features: Mapping[str, Features], kept: Sequence[str]) -> dict[str, int]:
    """Representation -> how many of the participants kept it has a row of: all whose recordings were read, or its table's."""
    people = set(kept)
    return {name: len(people.intersection(table.frame["eid"])) for name, table in features.items()}


def feature_columns(features: Mapping[str, Features], kept: Sequence[str]) -> tuple[dict[str, NDArray[np.float64]], list[str]]:
    """Trait name -> (N,) float64 of the participants kept, missing NaN; and messages about infinite values.

    A feature that applies to nobody at a lead is absent there.
    """
    candidates: dict[str, NDArray[np.float64]] = {}
    notes = []
    order = {lead: i for i, lead in enumerate((*LEADS, ALL_LEADS))}
    people = pl.DataFrame({"eid": list(kept)}, schema={"eid": pl.String})
    for representation, table in features.items():
        leads = sorted(table.frame["lead"].unique(), key=lambda lead: (order.get(lead, len(order)), lead))
        for lead in leads:
            rows = table.frame.filter(pl.col("lead") == lead)
            applies = [name for name in table.names if rows[name].null_count() < rows.height]
            joined = people.join(rows, on="eid", how="left", maintain_order="left")
            for name in applies:
                values = joined[name].cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
                infinite = int(np.isinf(values).sum())
                if infinite:
                    notes.append(f"{representation}.{lead}.{name}: {infinite} infinite value(s) taken as missing")
                values[~np.isfinite(values)] = np.nan
                candidates[f"{representation}.{lead}.{name}"] = values
    return candidates, notes
