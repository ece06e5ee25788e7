"""Computes the traits of a study again from other features of the same participants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ecgwas.statistics.projection import span
from ecgwas.study import TraitOptions
from ecgwas.tables import Covariates, Features, Traits
from ecgwas.traits.feature_columns import feature_columns
from ecgwas.traits.transform import transformed


def remeasured(
    options: TraitOptions, features: Mapping[str, Features], covariates: Covariates, names: Sequence[str],
    strata: NDArray[np.int64] | None = None,
) -> Traits:  # fmt: skip
    """The traits `names` from other features of the same participants; absent, constant and too sparse ones are excluded.

    strata (N,): the group within which each participant is normalised, as in `Ancestry`; None: one group.
    """
    within = np.ones(len(covariates.eids), dtype=np.int64) if strata is None else strata
    candidates, _ = feature_columns(features, covariates.eids)
    columns: dict[str, NDArray[np.float64]] = {}
    for name in names:
        values = candidates.get(name)
        present = None if values is None else np.isfinite(values)
        if values is None or present is None or present.sum() < options.min_people or np.ptp(values[present]) == 0:
            continue
        basis = span(covariates.values[present])
        observed = values[present]
        columns[name] = np.full(len(values), np.nan)
        columns[name][present] = transformed(options, observed, basis, within[present])
    matrix = np.column_stack(list(columns.values())) if columns else np.empty((len(covariates.eids), 0))
    return Traits(covariates.eids, tuple(columns), matrix)
