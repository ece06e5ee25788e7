"""Guards on unequal variances. If participants differ in a trait's variance, permuting them does not give a valid null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.errors import first_few
from ecgwas.statistics.projection import residuals
from ecgwas.tables import Guards, Traits
from ecgwas.tables.loci import WITHIN_GROUPS
from ecgwas.traits import ancestry

LEVEL = 0.05
"""Family-wise significance level over the traits that are judged."""
MIN_GROUP = 10
"""The SD of a group is reported if at least this many of its participants have the trait."""


@dataclass(frozen=True)
class VarianceGroups:
    """Characteristics with which a trait's variance may differ, for the participants in the order of the traits.

    ancestry_groups  (N,) int64
    genotype_pcs     (N, C) float64; C may be 0
    sexes            (N,) int8, 1 male, 2 female, 0 unknown; all 0 if X is not tested, since nothing else depends on sex
    """

    ancestry_groups: NDArray[np.int64]
    genotype_pcs: NDArray[np.float64]
    sexes: NDArray[np.int8]


def check_variances(traits: Traits, covariates: NDArray[np.float64], strata: VarianceGroups) -> Guards:
    """Two rows: variance by ancestry (groups and components) and by sex; covariates (N, C) without missing values."""
    groups = np.unique(strata.ancestry_groups)
    dummies = np.column_stack(
        [strata.ancestry_groups == number for number in groups[1:]] or [np.empty((len(strata.ancestry_groups), 0))]
    )
    by_ancestry = np.column_stack([dummies.astype(np.float64), strata.genotype_pcs])
    sexed = (strata.sexes > 0) & (len(np.unique(strata.sexes[strata.sexes > 0])) > 1)
    by_sex = (strata.sexes == 1).astype(np.float64)[:, None]
    everyone = np.ones(len(strata.sexes), dtype=bool)
    rows = [
        _row("variance_by_ancestry", traits, covariates, by_ancestry, everyone, strata.ancestry_groups),
        _row("variance_by_sex", traits, covariates, by_sex if sexed.any() else by_sex[:, :0], sexed, strata.sexes),
    ]
    return Guards.of(rows)


def breusch_pagan(residual: NDArray[np.float64], regressors: NDArray[np.float64]) -> float:
    """p-value for no regression of the squared residual (n,) on the regressors (n, C) and an intercept.

    n R2 has a chi-square distribution with as many degrees of freedom as the regressors have dimensions, whatever the kurtosis
    (Breusch and Pagan 1979, Econometrica 47:1287, in the form of Koenker 1981, J Econometrics 17:107). 1 if nothing varies.
    """
    squared = np.square(residual)
    squared = squared - squared.mean()
    centred = regressors - regressors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    basis = left[:, sizes > 1e-9 * max(float(sizes.max(initial=0.0)), 1e-300)]
    total = float(squared @ squared)
    if basis.shape[1] == 0 or total == 0:
        return 1.0
    explained = float(np.square(basis.T @ squared).sum()) / total
    return float(stats.chi2.sf(len(squared) * explained, basis.shape[1]))


def _row(
    guard: str, traits: Traits, covariates: NDArray[np.float64], regressors: NDArray[np.float64], people: NDArray[np.bool_],
    labels: NDArray[Any],
) -> dict[str, Any]:  # fmt: skip
    """One guard. Its value is the smallest p over all traits, multiplied by their number."""
    row = {"guard": guard, "about": "traits", "limit": LEVEL, "left_out": 0, "of": len(traits.names)}
    if regressors.shape[1] == 0 or len(traits.names) == 0:
        why = (
            "X is not tested, or sexes are unknown or the same" if guard == "variance_by_sex" else "one ancestry, no components"
        )
        return row | {"status": "not judged", "value": None, "note": why}
    p = np.ones(len(traits.names))
    ratio = np.ones(len(traits.names))
    for k, values in enumerate(traits.values.T):
        present = np.isfinite(values) & people
        basis = _basis(covariates[present])
        residual = residuals(values[present], basis)
        p[k] = breusch_pagan(residual, regressors[present])
        ratio[k] = _ratio(residual, labels[present])
    unequal = np.flatnonzero(p * len(p) < LEVEL)
    note = "smallest p of equal variances over all traits, times their number (Breusch and Pagan, Koenker's form)"
    if len(unequal):
        worst = unequal[np.argsort(p[unequal], kind="stable")]
        note += f"; {len(unequal)} traits differ: {first_few(traits.names[k] for k in worst)}"
        note += f"; largest ratio of SDs between two groups {ratio[unequal].max():.2f}"
        permuted_within = guard == "variance_by_ancestry" and len(np.unique(labels)) > 1
        affected = f"p-values are then too small or too large ({WITHIN_GROUPS})" if permuted_within else (
            "permutation thresholds and p-values are then too lenient or too strict"
        )  # fmt: skip
        note += f"; {affected}: see traits.normalise_within"
    value = float(f"{min(float(p.min()) * len(p), 1.0):.4g}")
    return row | {"status": "warn" if len(unequal) else "pass", "value": value, "note": note}


def _basis(covariates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, R) orthonormal columns that span the intercept and the covariates."""
    design = np.column_stack([np.ones(len(covariates)), covariates])
    left, sizes, _ = np.linalg.svd(design / np.maximum(np.linalg.norm(design, axis=0), 1e-300), full_matrices=False)
    return np.asarray(left[:, sizes > 1e-9])


def _ratio(residual: NDArray[np.float64], labels: NDArray[Any]) -> float:
    """Ratio of the largest to the smallest SD among groups of at least MIN_GROUP participants."""
    spreads = [float(residual[people].std()) for people in ancestry.members_by_group(labels) if len(people) >= MIN_GROUP]
    return max(spreads) / max(min(spreads), 1e-300) if spreads else 1.0
