"""Significance thresholds: published, Bonferroni, effective number of traits, permutation, given."""

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
"""Kind of the threshold for trait sets."""

NO_SETS = "too few permutations for a threshold of trait sets; single traits have the whole error"


@dataclass(frozen=True)
class Quantile:
    """A family-wise threshold on the -log10 p scale with its 95 % Monte-Carlo interval, and how it was found.

    high: None if so few permutations set no upper limit
    """

    value: float
    low: float
    high: float | None
    note: str


def table(options: LociOptions, results: Sequence[ScanResult], traits: Traits, features_per_lead: int) -> Thresholds:
    """All thresholds available, the study's marked `used`; counts beyond them are null until loci are found.

    results: one per genotype part, with the same permutations; features_per_lead: divisor of the published threshold.
    Raises StudyError if the study asks for `permutation` and the scan made no permutations, or too few.
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
    sets_asked = options.set_share > 0 and options.threshold == "permutation" and bool((of_sets > 0).any())
    sets_judged = sets_asked and len(of_sets) >= min_permutations(options.family_wise_error * options.set_share)
    error = options.family_wise_error * (1 - options.set_share if sets_judged else 1)
    if len(maxima) or options.threshold == "permutation":
        rows += _permutation_rows(options, maxima, error, f"; {NO_SETS}" if sets_asked and not sets_judged else "")
    if isinstance(options.threshold, float):
        rows.append(_row("given", options.threshold, "p-value given in the study file"))
    rows += _set_rows(options, of_sets if sets_judged else np.empty(0))
    kind_used = "given" if isinstance(options.threshold, float) else options.threshold
    return Thresholds.of([row | {"used": row["kind"] == kind_used} for row in rows])


def check(options: LociOptions, permutations: int, keep_neglog10p: float) -> None:
    """Raises StudyError, before anything is computed, if `table` or the search for loci would with these options.

    permutations: the number that the scan will make; keep_neglog10p: rows below it are not kept.
    """
    if isinstance(options.threshold, float):
        refuse_lost_hits(-float(np.log10(options.threshold)), keep_neglog10p)
    if options.threshold == "permutation" and permutations < _min_permutations_of_study(options):
        _refuse_few(options, permutations, _min_permutations_of_study(options))


def refuse_lost_hits(limit: float, keep_neglog10p: float) -> None:
    """Raises StudyError if rows between the study's threshold, -log10 p `limit`, and keep_neglog10p are not kept."""
    if limit < keep_neglog10p:
        problem = f"the threshold (-log10 p {limit:.2f}) lies below scan.keep_neglog10p ({keep_neglog10p:g}): hits are missing"
        raise StudyError(problem, fix=f"set scan.keep_neglog10p to {np.floor(limit * 10) / 10:g} or less")


def neglog10p_used(table: Thresholds) -> float:
    """-log10 p of the study's threshold."""
    return float(table.frame.filter(pl.col("used"))["neglog10p"].item())


def _row(kind: str, p: float, note: str) -> dict[str, Any]:
    return {
        "kind": kind, "p": p, "neglog10p": -np.log10(p), "low": None, "high": None,
        "significant": None, "loci": None, "used": False, "note": note,
    }  # fmt: skip


def _set_rows(options: LociOptions, maxima: NDArray[np.float64]) -> list[dict[str, Any]]:
    """The threshold for trait sets; maxima (B,) of their permutations."""
    if options.threshold != "permutation":
        return [] if options.set_p is None else [_row(SETS, options.set_p, "p-value given in the study file, trait sets")]
    if len(maxima) == 0:
        return []
    threshold = family_wise(maxima, options.family_wise_error * options.set_share)
    row = _row(SETS, 10.0**-threshold.value, threshold.note.replace("traits and variants", "trait sets and variants"))
    return [row | {"neglog10p": threshold.value, "low": threshold.low, "high": threshold.high}]


def _permutation_rows(options: LociOptions, maxima: NDArray[np.float64], error: float, note: str = "") -> list[dict[str, Any]]:
    """error: the family-wise error less the share of trait sets; note: added to the row's."""
    needed = max(_min_permutations_of_study(options), min_permutations(error))
    if len(maxima) >= needed:
        threshold = family_wise(maxima, error)
        row = _row("permutation", 10.0**-threshold.value, threshold.note + note)
        return [row | {"neglog10p": threshold.value, "low": threshold.low, "high": threshold.high}]
    if options.threshold != "permutation":
        return []
    _refuse_few(options, len(maxima), needed)
    return []


def _min_permutations_of_study(options: LociOptions) -> int:
    return int(np.ceil(2 / options.family_wise_error))


def _refuse_few(options: LociOptions, permutations: int, needed: int) -> None:
    if permutations == 0:
        problem = "loci.threshold is permutation, but the scan makes no permutations"
        fix = "set loci.threshold: bonferroni, or use scan: {kind: matrix, permutations: 1000}"
        raise StudyError(problem, fix=fix)
    problem = f"{permutations} permutations are too few for a family-wise error of {options.family_wise_error:g}"
    raise StudyError(problem, fix=f"set scan.permutations to {needed} or more (1000 is good), or loci.threshold: bonferroni")


def joint_maxima(results: Sequence[ScanResult], *, of_sets: bool = False) -> NDArray[np.float64]:
    """(B,) largest -log10 p of each permutation over all parts, traits (or trait sets) and variants; empty without any.

    Parts without a test are ignored. Raises ValueError if parts had different numbers of permutations.
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
    """The -log10 p that the maximum of a null study exceeds with probability `error` (Westfall and Young 1993, max-T).

    maxima (B,) float64. The k-th smallest with k = ceil((1 - error)(B + 1)): a further maximum exceeds it with probability
    1 - k / (B + 1), which is `error` or the next smaller value that B permutations can resolve. The interval is of order
    statistics, whose ranks are binomial quantiles. No tail is fitted: a generalised Pareto tail of 40 permutations gave 6.3 %
    for 5 %, of 100 1.4 % for 1 %. Raises ValueError with fewer than 1 / error permutations, as even the largest maximum is
    then exceeded more often.
    """
    ordered = np.sort(maxima)
    permutations = len(ordered)
    if permutations < min_permutations(error):
        raise ValueError(f"{permutations} permutations cannot control a family-wise error of {error:g}")
    rank = min(int(np.ceil((1 - error) * (permutations + 1) - 1e-9)), permutations)
    low_rank = int(stats.binom.ppf(0.025, permutations, 1 - error))
    high_rank = int(stats.binom.ppf(0.975, permutations, 1 - error)) + 1
    low, high = ordered[max(low_rank, 1) - 1], ordered[high_rank - 1] if high_rank <= permutations else None
    note = f"{error:.2g} family-wise over all traits and variants, {permutations} permutations of the participants"
    return Quantile(float(ordered[rank - 1]), float(low), None if high is None else float(high), note)


def min_permutations(error: float) -> int:
    """The fewest permutations that can control this family-wise error."""
    return int(np.ceil(1 / error - 1e-9))


def effective_numbers(values: NDArray[np.float64]) -> tuple[float, float]:
    """Effective number of traits by Li and Ji and by Galwey, from values (N, K) float64, missing NaN."""
    eigenvalues = correlation_eigenvalues(values)
    return li_ji(eigenvalues), galwey(eigenvalues)


def correlation_eigenvalues(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Eigenvalues of the traits' correlation matrix, min(N, K) of them; the others are 0.

    values (N, K) float64; a missing value (NaN) counts as its column's mean, so that no eigenvalue is negative.
    Columns must vary.
    """
    centred = np.nan_to_num(values - np.nanmean(values, axis=0), nan=0.0)
    unit = centred / np.linalg.norm(centred, axis=0)
    smaller_gram = unit.T @ unit if unit.shape[1] <= unit.shape[0] else unit @ unit.T
    eigenvalues: NDArray[np.float64] = np.clip(np.linalg.eigvalsh(smaller_gram), 0.0, None)
    return eigenvalues


def li_ji(eigenvalues: NDArray[np.float64]) -> float:
    """Sum of I(x >= 1) + (x - floor(x)) over the eigenvalues of a correlation matrix (Li and Ji 2005, Heredity 95:221)."""
    # Rounding errors: 2.9999999999 instead of 3 would count twice.
    rounded = np.round(eigenvalues, 8)
    return float(np.sum((rounded >= 1) + (rounded - np.floor(rounded))))


def galwey(eigenvalues: NDArray[np.float64]) -> float:
    """(sum of square roots)^2 / sum of the eigenvalues (Galwey 2009, Genet Epidemiol 33:559); negative ones count as 0."""
    positive = np.clip(eigenvalues, 0.0, None)
    return float(np.sqrt(positive).sum() ** 2 / positive.sum())
