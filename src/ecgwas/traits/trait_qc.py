"""Trait QC: which features become traits, why the others are excluded, and the guards on traits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from ecgwas.statistics.projection import residuals, span
from ecgwas.study import TraitOptions
from ecgwas.tables import Covariates, Guards
from ecgwas.traits.transform import transformed

MAX_SKEWNESS, MAX_KURTOSIS = 1.0, 3.0
"""Beyond these limits, a trait's few largest values dominate its test. Rank-normal traits are well within them."""

SAME_CORRELATION = 1.0 - 1e-12
"""Traits whose absolute correlation is above this are the same trait."""

REPORT_SCHEMA: dict[str, Any] = {
    "trait": pl.String, "status": pl.String, "reason": pl.String, "n": pl.Int64,
    "skewness_before": pl.Float64, "kurtosis_before": pl.Float64,
    "skewness_after": pl.Float64, "kurtosis_after": pl.Float64,
}  # fmt: skip


def usable_traits(
    options: TraitOptions, candidates: Mapping[str, NDArray[np.float64]], covariates: Covariates, strata: NDArray[np.int64],
    concerned: Mapping[str, int],
) -> tuple[list[str], NDArray[np.float64], list[dict[str, Any]]]:  # fmt: skip
    """Names of the traits kept, their values (N, K), and one row of the report for each candidate.

    concerned: representation -> number of participants whom it could have represented, of whom `min_share` is a share.
    """
    kept: dict[str, NDArray[np.float64]] = {}
    rows: dict[str, dict[str, Any]] = {}
    spans: dict[bytes, NDArray[np.float64]] = {}
    for name, values in candidates.items():
        present = np.isfinite(values)
        rows[name] = {"trait": name, "status": "kept", "reason": "", "n": int(present.sum())}
        observed = values[present]
        reason = _unusable(observed, concerned[name.split(".")[0]], options)
        if reason is None:
            key = present.tobytes()
            if key not in spans:
                spans[key] = span(covariates.values[present])
            reason = _too_few_for_covariates(observed, spans[key]) or _explained_by_covariates(
                observed, residuals(observed, spans[key])
            )
        if reason is not None:
            rows[name] |= {"status": "left_out", "reason": reason}
            continue
        after = transformed(options, observed, spans[key], strata[present])
        rows[name] |= _shape(observed, "before") | _shape(residuals(after, spans[key]), "after")
        column = np.full(len(values), np.nan)
        column[present] = after
        kept[name] = column
    for name, first in _duplicates({name: candidates[name] for name in kept}).items():
        rows[name] |= {"status": "left_out", "reason": f"the same as {first}"}
        del kept[name]
    for name, first in _duplicates(kept).items():
        rows[name] |= {"status": "left_out", "reason": f"the same as {first} after the transformation"}
        del kept[name]
    matrix = np.column_stack(list(kept.values())) if kept else np.empty((len(covariates.eids), 0))
    return list(kept), matrix, list(rows.values())


def _unusable(observed: NDArray[np.float64], people: int, options: TraitOptions) -> str | None:
    """Reason to exclude a feature for its observed values alone; None if there is none."""
    if len(observed) < options.min_people:
        return f"measured in {len(observed)} people, fewer than {options.min_people}"
    if len(observed) < options.min_share * people:
        return f"measured in {len(observed)} of {people} people, less than a share of {options.min_share:g}"
    if np.ptp(observed) == 0:
        return "the same value in everyone"
    same = float(np.unique(observed, return_counts=True)[1].max()) / len(observed)
    if same > options.max_same:
        return f"the same value in {same:.0%} of people: the few others would determine every test"
    return None


def _too_few_for_covariates(observed: NDArray[np.float64], basis: NDArray[np.float64]) -> str | None:
    """Reason to exclude a feature if the covariates that vary among its participants leave no degree of freedom for a test."""
    if len(observed) > basis.shape[1] + 1:
        return None
    return f"measured in {len(observed)} people, too few for {basis.shape[1] - 1} covariates"


def _explained_by_covariates(observed: NDArray[np.float64], residual: NDArray[np.float64]) -> str | None:
    """Reason to exclude a feature if the covariates explain it completely."""
    if np.std(residual) > 1e-7 * np.std(observed):
        return None
    return "a combination of the covariates: nothing remains to test"


def _shape(values: NDArray[np.float64], when: str) -> dict[str, float]:
    """Skewness and excess kurtosis (biased estimators), for the columns of the report."""
    return {f"skewness_{when}": float(stats.skew(values)), f"kurtosis_{when}": float(stats.kurtosis(values))}


def _duplicates(columns: Mapping[str, NDArray[np.float64]]) -> dict[str, str]:
    """Name -> first earlier trait that is the same except for sign, scale and shift, among the same participants."""
    groups: dict[bytes, list[str]] = {}
    for name, values in columns.items():
        groups.setdefault(np.isfinite(values).tobytes(), []).append(name)
    duplicates: dict[str, str] = {}
    for names in groups.values():
        present = np.isfinite(columns[names[0]])
        values = np.column_stack([columns[name][present] for name in names])
        centred = values - values.mean(axis=0)
        unit = centred / np.linalg.norm(centred, axis=0)
        later, earlier = np.nonzero(np.tril(np.abs(unit.T @ unit) > SAME_CORRELATION, k=-1))
        for i, j in zip(later, earlier, strict=True):
            duplicates.setdefault(names[i], names[j])
    return {name: first for name, first in duplicates.items() if first not in duplicates} | {
        name: duplicates[first] for name, first in duplicates.items() if first in duplicates
    }


def trait_guards(report: pl.DataFrame) -> Guards:
    """Guards on the number of traits excluded and on the shape of those kept."""
    kept = report.filter(pl.col("status") == "kept")
    excluded = report.height - kept.height
    rows: list[dict[str, Any]] = [
        {
            "guard": "usable_traits", "about": "traits", "status": "warn" if excluded else "pass", "value": float(kept.height),
            "limit": 1.0, "left_out": excluded, "of": report.height,
            "note": "traits kept; constant, duplicate, nearly empty ones and combinations of covariates are excluded",
        }
    ]  # fmt: skip
    for shape, limit in (("skewness", MAX_SKEWNESS), ("kurtosis", MAX_KURTOSIS)):
        before, after = (kept[f"{shape}_{when}"].abs().max() for when in ("before", "after"))
        worst = None if after is None else round(float(after), 6)  # type: ignore[arg-type]
        beyond = int((kept[f"{shape}_after"].abs() > limit).sum())
        status = "pass" if beyond == 0 else "warn"
        words = f"largest absolute {shape} of what is tested"
        note = words if before is None else f"{words}; before the transformation {float(before):.2f}"  # type: ignore[arg-type]
        rows.append(
            {"guard": shape, "about": "traits", "status": status, "value": worst, "limit": limit, "left_out": 0,
             "of": kept.height, "note": note}
        )  # fmt: skip
    return Guards.of(rows)
