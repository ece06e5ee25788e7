"""Calibration of p-values: genomic inflation and the points of a QQ plot, from the scan's histograms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from ecgwas.tables import CHI2_EDGES, ScanResult

CHI2_MEDIAN = float(stats.chi2.median(1))
"""0.4549; the median of t squared at 100 degrees of freedom is 0.7 % larger, at 1,000 0.07 %."""

POINTS = 60
"""Points of a QQ plot from the histogram, evenly spaced on the -log10 scale."""

QQ_SCHEMA: dict[str, Any] = {
    "trait": pl.String, "expected": pl.Float64, "observed": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Totals:
    """Sums over the parts of a scan: arrays as in ScanResult, (K,) and (K, bins); people is the maximum over the parts."""

    traits: tuple[str, ...]
    people: NDArray[np.int64]
    tests: NDArray[np.int64]
    not_computed: NDArray[np.int64]
    chi2_counts: NDArray[np.int64]


def totals(results: Sequence[ScanResult]) -> Totals:
    """The sums over all parts. Raises ValueError if there are none or they tested different traits."""
    if not results:
        raise ValueError("a scan has at least one part")
    if len({result.traits for result in results}) > 1:
        raise ValueError("the parts of the scan tested different traits")
    return Totals(
        traits=results[0].traits,
        people=np.max([result.people for result in results], axis=0),
        tests=np.sum([result.tests for result in results], axis=0),
        not_computed=np.sum([result.not_computed for result in results], axis=0),
        chi2_counts=np.sum([result.chi2_counts for result in results], axis=0),
    )


def lambda_gc(counts: NDArray[np.int64]) -> float | None:
    """Median of t squared over its null median (Devlin and Roeder 1999, Biometrics 55:997); None without tests.

    counts (bins,) of CHI2_EDGES; the median is interpolated within its bin (width 0.01).
    """
    if counts.sum() == 0:
        return None
    return float(_quantiles(counts, np.array([0.5]))[0]) / CHI2_MEDIAN


def _quantiles(counts: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of t squared below which these shares of the tests lie; in the last, open bin its lower edge."""
    cumulative = np.cumsum(counts)
    ranks = shares * cumulative[-1]
    bins = np.minimum(np.searchsorted(cumulative, ranks, side="left"), np.flatnonzero(counts)[-1])
    within_bin = (ranks - (cumulative[bins] - counts[bins])) / np.maximum(counts[bins], 1)
    widths = np.append(np.diff(CHI2_EDGES[:-1]), 0.0)
    values: NDArray[np.float64] = CHI2_EDGES[bins] + within_bin * widths[bins]
    return values


def qq(results: Sequence[ScanResult], kept: Iterable[pl.DataFrame], *, covariates: int = 0) -> pl.DataFrame:
    """Points of every trait's QQ plot: trait, expected, observed, low, high, all -log10 p, smallest first.

    kept: trait and neglog10p of the rows that the scan kept, in batches; 8 bytes per row stay in memory. The strongest tests
    come from them (exact), the others from the histograms of t squared, as the p-value of a t test with people - 2 -
    covariates degrees of freedom. low and high: 95 % of the order statistic under the null, Beta(i, m + 1 - i), for
    independent tests; under LD the true band is wider.
    """
    sums = totals(results)
    batches = [_by_trait(rows, sums.traits) for rows in kept]
    df = sums.people - 2 - covariates
    points = [_points(trait, _descending(batches, k), sums.chi2_counts[k], int(df[k])) for k, trait in enumerate(sums.traits)]
    return pl.concat([pl.DataFrame(schema=QQ_SCHEMA), *points])


def _by_trait(rows: pl.DataFrame, traits: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(K + 1,) where each of K traits begins in the values, and the values that are not missing, ordered by trait."""
    known = rows.select(pl.col("trait").cast(pl.Enum(traits), strict=False).to_physical(), "neglog10p")
    known = known.drop_nulls().filter(pl.col("neglog10p").is_not_nan())
    trait_index = known["trait"].to_numpy()
    starts = np.append(0, np.cumsum(np.bincount(trait_index, minlength=len(traits))))
    return starts, known["neglog10p"].to_numpy()[np.argsort(trait_index, kind="stable")]


def _descending(batches: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]], k: int) -> NDArray[np.float64]:
    """All values of trait k, largest first; batches: from `_by_trait`."""
    values = np.concatenate([np.empty(0), *(values[starts[k] : starts[k + 1]] for starts, values in batches)])
    values.sort()
    return values[::-1]


def _points(trait: str, ordered: NDArray[np.float64], counts: NDArray[np.int64], df: int) -> pl.DataFrame:
    """ordered: -log10 p of the kept rows, largest first."""
    tests = int(counts.sum())
    if tests == 0 or df < 1:
        return pl.DataFrame(schema=QQ_SCHEMA)
    ranks = np.unique(np.concatenate([np.arange(1, min(tests, 20) + 1), np.geomspace(1, tests, POINTS).astype(np.int64)]))
    exact = ranks <= len(ordered)
    observed = np.empty(len(ranks))
    observed[exact] = ordered[ranks[exact] - 1]
    chi2 = _quantiles(counts, 1 - (ranks[~exact] - 0.5) / tests)
    observed[~exact] = -(stats.t.logsf(np.sqrt(chi2), df) + np.log(2)) / np.log(10)
    expected = -np.log10((ranks - 0.5) / tests)
    low, high = (-np.log10(stats.beta.ppf(q, ranks, tests + 1 - ranks)) for q in (0.975, 0.025))
    columns = {"trait": [trait] * len(ranks), "expected": expected, "observed": observed, "low": low, "high": high}
    return pl.DataFrame(columns, schema=QQ_SCHEMA).reverse()
