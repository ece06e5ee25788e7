"""Thresholds of significance, side by side: published, Bonferroni, effective number of traits, permutation, given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from ecgwas.errors import StudyError
from ecgwas.study import LociOptions
from ecgwas.tables import ScanResult, Thresholds, Traits

GENOME_WIDE = 5e-8
"""Family-wise 5 % over about a million independent common variants (Pe'er et al. 2008, Genet Epidemiol 32:381)."""

SETS = "sets"
"""Kind of the threshold of tests of several traits at once."""

NO_SETS = "too few shuffles for a threshold of sets of traits, whose share single traits have"


@dataclass(frozen=True)
class Quantile:
    """A family-wise threshold on the -log10 p scale with its 95 % Monte-Carlo interval, and how it was found.

    high: None where so few shuffles set no upper limit
    """

    value: float
    low: float
    high: float | None
    note: str


def table(options: LociOptions, results: Sequence[ScanResult], traits: Traits, features_per_lead: int) -> Thresholds:
    """All thresholds that can be had, the study's marked `used`; counts beyond them are null until loci are found.

    results: one per genotype part, shuffled alike; features_per_lead: what the published threshold divides by.
    Raises StudyError where the study asks for `permutation` and the scan made no shuffles, or too few.
    """
    count = len(traits.names)
    li_ji, galwey = effective_numbers(traits.values)
    rows = [
        _row("published", GENOME_WIDE / features_per_lead, f"5e-8 / {features_per_lead} features of a lead"),
        _row("bonferroni", GENOME_WIDE / count, f"5e-8 / {count} traits"),
        _row("effective", GENOME_WIDE / li_ji, f"5e-8 / {li_ji:.1f} effective traits (Li and Ji 2005) of {count}"),
        _row("effective_galwey", GENOME_WIDE / galwey, f"5e-8 / {galwey:.1f} effective traits (Galwey 2009) of {count}"),
    ]
    maxima, of_sets = joint_maxima(results), joint_maxima(results, of_sets=True)
    wanted = options.set_share > 0 and options.threshold == "permutation" and bool((of_sets > 0).any())
    shared = wanted and len(of_sets) >= fewest(options.family_wise_error * options.set_share)
    error = options.family_wise_error * (1 - options.set_share if shared else 1)
    if len(maxima) or options.threshold == "permutation":
        rows += _permutation_rows(options, maxima, error, f"; {NO_SETS}" if wanted and not shared else "")
    if isinstance(options.threshold, float):
        rows.append(_row("given", options.threshold, "p-value given in the study file"))
    rows += _set_rows(options, of_sets if shared else np.empty(0))
    used = "given" if isinstance(options.threshold, float) else options.threshold
    return Thresholds.of([row | {"used": row["kind"] == used} for row in rows])


def foresee(options: LociOptions, permutations: int, keep_neglog10p: float) -> None:
    """Raises StudyError, before anything is computed, where `table` or the search for loci would for these options.

    permutations: that the scan will make; keep_neglog10p: rows below it are not kept.
    """
    if isinstance(options.threshold, float):
        refuse_lost_hits(-float(np.log10(options.threshold)), keep_neglog10p)
    if options.threshold == "permutation" and permutations < _fewest_of_study(options):
        _refuse_few(options, permutations, _fewest_of_study(options))


def refuse_lost_hits(limit: float, keep_neglog10p: float) -> None:
    """Raises StudyError if rows between the study's threshold, -log10 p `limit`, and keep_neglog10p are not kept."""
    if limit < keep_neglog10p:
        problem = f"the threshold (-log10 p {limit:.2f}) lies below scan.keep_neglog10p ({keep_neglog10p:g}): hits are missing"
        raise StudyError(problem, fix=f"set scan.keep_neglog10p to {np.floor(limit * 10) / 10:g} or less")


def used(table: Thresholds) -> float:
    """-log10 p of the study's threshold."""
    return float(table.frame.filter(pl.col("used"))["neglog10p"].item())


def _row(kind: str, p: float, note: str) -> dict[str, Any]:
    return {
        "kind": kind, "p": p, "neglog10p": -np.log10(p), "low": None, "high": None,
        "significant": None, "loci": None, "used": False, "note": note,
    }  # fmt: skip


def _set_rows(options: LociOptions, maxima: NDArray[np.float64]) -> list[dict[str, Any]]:
    """The threshold of tests of several traits at once."""
    if options.threshold != "permutation":
        return [] if options.set_p is None else [_row(SETS, options.set_p, "p-value given in the study file, sets of traits")]
    if len(maxima) == 0:
        return []
    found = family_wise(maxima, options.family_wise_error * options.set_share)
    row = _row(SETS, 10.0**-found.value, found.note.replace("traits and variants", "sets of traits and variants"))
    return [row | {"neglog10p": found.value, "low": found.low, "high": found.high}]


def _permutation_rows(options: LociOptions, maxima: NDArray[np.float64], error: float, more: str = "") -> list[dict[str, Any]]:
    """error: what sets of traits leave of the family-wise error; more: to be noted."""
    needed = max(_fewest_of_study(options), fewest(error))
    if len(maxima) >= needed:
        found = family_wise(maxima, error)
        row = _row("permutation", 10.0**-found.value, found.note + more)
        return [row | {"neglog10p": found.value, "low": found.low, "high": found.high}]
    if options.threshold != "permutation":
        return []
    _refuse_few(options, len(maxima), needed)
    return []


def _fewest_of_study(options: LociOptions) -> int:
    return int(np.ceil(2 / options.family_wise_error))


def _refuse_few(options: LociOptions, made: int, needed: int) -> None:
    if made == 0:
        problem = "loci.threshold is permutation, but the scan makes no permutations"
        fix = "set loci.threshold: bonferroni, or use scan: {kind: matrix, permutations: 1000}"
        raise StudyError(problem, fix=fix)
    problem = f"{made} permutations are too few for a family-wise error of {options.family_wise_error:g}"
    raise StudyError(problem, fix=f"set scan.permutations to {needed} or more (1000 is good), or loci.threshold: bonferroni")


def joint_maxima(results: Sequence[ScanResult], *, of_sets: bool = False) -> NDArray[np.float64]:
    """(B,) largest -log10 p of each shuffle over all parts, traits (or sets of traits) and variants; empty without shuffles.

    Parts without a test say nothing. Raises ValueError if parts had different numbers of shuffles.
    """
    name = "set_permutation_max" if of_sets else "permutation_max"
    tested = [getattr(result, name) for result in results if result.tests.sum() > 0]
    if not tested:
        return np.empty(0)
    if len({len(maxima) for maxima in tested}) > 1:
        raise ValueError("parts of the scan have different numbers of permutations")
    maxima: NDArray[np.float64] = np.max(np.stack(tested), axis=0)
    return maxima


def family_wise(maxima: NDArray[np.float64], error: float) -> Quantile:
    """The -log10 p that the maximum of a null study exceeds with chance `error` (Westfall and Young 1993, max T).

    maxima (B,) float64. The k-th smallest with k = ceil((1 - error)(B + 1)): a further maximum exceeds it with chance
    1 - k / (B + 1), which is `error` or the next smaller that B shuffles can tell; its interval from order statistics, whose
    ranks are binomial quantiles. No tail is fitted: a generalised Pareto tail of 40 shuffles had 6.3 % for 5 %, of 100 1.4 %
    for 1 %. Raises ValueError with fewer than 1 / error shuffles, of which even the largest is exceeded more often.
    """
    ordered = np.sort(maxima)
    shuffles = len(ordered)
    if shuffles < fewest(error):
        raise ValueError(f"{shuffles} shuffles cannot tell a family-wise error of {error:g}")
    rank = min(int(np.ceil((1 - error) * (shuffles + 1) - 1e-9)), shuffles)
    low_rank = int(stats.binom.ppf(0.025, shuffles, 1 - error))
    high_rank = int(stats.binom.ppf(0.975, shuffles, 1 - error)) + 1
    low, high = ordered[max(low_rank, 1) - 1], ordered[high_rank - 1] if high_rank <= shuffles else None
    note = f"{error:.2g} family-wise over all traits and variants, {shuffles} shuffles of people"
    return Quantile(float(ordered[rank - 1]), float(low), None if high is None else float(high), note)


def fewest(error: float) -> int:
    """Shuffles that a threshold of this family-wise error takes at least."""
    return int(np.ceil(1 / error - 1e-9))


def effective_numbers(values: NDArray[np.float64]) -> tuple[float, float]:
    """Effective number of traits by Li and Ji and by Galwey, from values (N, K) float64, missing NaN."""
    eigenvalues = correlation_eigenvalues(values)
    return li_ji(eigenvalues), galwey(eigenvalues)


def correlation_eigenvalues(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Eigenvalues of the traits' correlation matrix, min(N, K) of them, the others being 0.

    values (N, K) float64; a missing value (NaN) counts as its column's mean, which keeps the matrix without negative
    eigenvalues. Columns must vary.
    """
    centred = np.nan_to_num(values - np.nanmean(values, axis=0), nan=0.0)
    unit = centred / np.linalg.norm(centred, axis=0)
    small = unit.T @ unit if unit.shape[1] <= unit.shape[0] else unit @ unit.T
    eigenvalues: NDArray[np.float64] = np.clip(np.linalg.eigvalsh(small), 0.0, None)
    return eigenvalues


def li_ji(eigenvalues: NDArray[np.float64]) -> float:
    """Sum of I(x >= 1) + (x - floor(x)) over the eigenvalues of a correlation matrix (Li and Ji 2005, Heredity 95:221)."""
    # 3 that comes out as 2.9999999999 would count twice.
    rounded = np.round(eigenvalues, 8)
    return float(np.sum((rounded >= 1) + (rounded - np.floor(rounded))))


def galwey(eigenvalues: NDArray[np.float64]) -> float:
    """(sum of square roots)^2 / sum of the eigenvalues (Galwey 2009, Genet Epidemiol 33:559); negative ones count as 0."""
    positive = np.clip(eigenvalues, 0.0, None)
    return float(np.sqrt(positive).sum() ** 2 / positive.sum())
