"""Two programs' tests of the same variants and traits, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

MEDIAN = 0.454936
"""Median of chi-square with one degree of freedom."""


@dataclass(frozen=True)
class Agreement:
    """rows: tests that both have; missing: tests of ours that the other program lacks; the rest is NaN without rows.

    max_rel_chi2        largest difference of chi-squares, divided by the larger of theirs and 1
    max_diff_neglog10p  largest difference of -log10 p, where theirs does not underflow
    correlation         of chi-squares;  lambda_ours, lambda_theirs: genomic inflation of the rows compared
    """

    rows: int
    missing: int
    max_rel_chi2: float
    max_diff_neglog10p: float
    correlation: float
    lambda_ours: float
    lambda_theirs: float

    def is_within(self, tolerance: float) -> bool:
        """Every test of ours is among theirs, and no chi-square differs by more."""
        return self.rows > 0 and self.missing == 0 and self.max_rel_chi2 <= tolerance


def of_trait(own_tests: pl.DataFrame, other_tests: pl.DataFrame) -> Agreement:
    """Of one trait; both frames have columns variant, chi2, neglog10p, each variant once."""
    both = own_tests.join(other_tests, on="variant", suffix="_theirs").filter(pl.col("chi2_theirs").is_finite())
    missing = own_tests.height - both.height
    if both.height == 0:
        return Agreement(0, missing, *(float("nan"),) * 5)
    own, other, p, p_other = (both[name].to_numpy() for name in ("chi2", "chi2_theirs", "neglog10p", "neglog10p_theirs"))
    p_differences = np.abs(p - p_other)[np.isfinite(p_other)]
    varies = both.height > 1 and np.ptp(own) > 0 and np.ptp(other) > 0
    return Agreement(
        both.height, missing,
        float((np.abs(own - other) / np.maximum(other, 1.0)).max()),
        float(p_differences.max()) if len(p_differences) else float("nan"),
        float(np.corrcoef(own, other)[0, 1]) if varies else float("nan"),
        float(np.median(own)) / MEDIAN, float(np.median(other)) / MEDIAN,
    )  # fmt: skip


def of_all(traits: Sequence[Agreement]) -> Agreement:
    """The worst of several traits: largest differences, smallest correlation; rows are added, and medians taken of lambda."""
    if not traits:
        return Agreement(0, 0, *(float("nan"),) * 5)
    return Agreement(
        sum(each.rows for each in traits), sum(each.missing for each in traits),
        max(each.max_rel_chi2 for each in traits), max(each.max_diff_neglog10p for each in traits),
        min(each.correlation for each in traits),
        float(np.median([each.lambda_ours for each in traits])), float(np.median([each.lambda_theirs for each in traits])),
    )  # fmt: skip
