"""Significance thresholds: published, Bonferroni, effective number of traits, permutation, given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import optimize, stats

from ecgwas.errors import StudyError
from ecgwas.scan.permutation.effective_tests import LEVELS
from ecgwas.study import LociOptions
from ecgwas.tables import ScanResult, Thresholds, Traits

GENOME_WIDE = 5e-8
"""Family-wise 5 % over about a million independent common variants (Pe'er et al. 2008, Genet Epidemiol 32:381)."""

SETS = "sets"
"""Kind of the threshold for trait sets."""

MIN_FITTED = 100
"""Fewest maxima to which a distribution is fitted."""

MAX_KURTOSIS = 0.5
"""Largest excess kurtosis of a trait at which a sample has the tails of all participants. Edgeworth's expansion multiplies the
probability of |t| > z by exp(k z^4 / 24) if t has an excess kurtosis of k, about that of the trait over the copies of the
allele. With 200 copies and z = 6 this raises the threshold by 0.06."""

ORDER_STATISTIC, FITTED, EFFECTIVE = "order statistic", "fitted", "effective tests"
"""How a threshold follows from permutations (`family_wise`, `fitted`, `of_effective_tests`)."""

NORMAL_975 = 1.959964

NO_SETS = "too few permutations for a threshold of trait sets; single traits have the whole error"


@dataclass(frozen=True)
class Quantile:
    """A family-wise threshold on the -log10 p scale with its 95 % Monte-Carlo interval, and how it was found.

    high: None if so few permutations set no upper limit;  estimator: ORDER_STATISTIC, FITTED or EFFECTIVE
    """

    value: float
    low: float
    high: float | None
    note: str
    estimator: str = ORDER_STATISTIC


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
    permuted = Permuted.of(results)
    tails = _heavy_tails(traits.values) if permuted.is_sample else ""
    if tails:
        # Single tests are not calibrated, and their effective number would give a threshold that is too lenient.
        permuted = replace(permuted, effective=np.empty((2, 0)))
    if len(maxima) or options.threshold == "permutation":
        note = permuted.note + tails + (f"; {NO_SETS}" if sets_asked and not sets_judged else "")
        rows += _permutation_rows(options, maxima, error, permuted, note)
    if isinstance(options.threshold, float):
        rows.append(_row("given", options.threshold, "p-value given in the study file"))
    rows += _set_rows(options, of_sets if sets_judged else np.empty(0), permuted)
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
        "people": None, "permutations": None, "estimator": None,
    }  # fmt: skip


@dataclass(frozen=True)
class Permuted:
    """Whom the scan permuted.

    people    number of participants permuted
    is_sample they are a sample of the participants
    added     what the tests that were not permuted in the sample add to each maximum (-log10 p); share: of all tests, 0 to 1
    effective (2, L) effective number of the tests permuted (scan/permutation/effective_tests.py); (2, 0): unknown
    """

    people: int
    is_sample: bool
    added: float
    share: float
    effective: NDArray[np.float64] = field(default_factory=lambda: np.empty((2, 0)))

    @classmethod
    def of(cls, results: Sequence[ScanResult]) -> Permuted:
        """Of the parts of a scan.

        Far out, the chance of a calibrated test beyond x is proportional to the number of tests: further tests that are as
        dependent as those permuted shift the distribution of the maximum by log10(all / permuted).
        """
        tested = [result for result in results if result.tests.sum() > 0]
        people = max((result.permuted_people for result in tested), default=0)
        if not any(result.permuted_tests for result in tested):
            return cls(people, False, 0.0, 0.0)
        every = float(sum(int(result.tests.sum()) for result in tested))
        permuted = float(sum(result.permuted_tests for result in tested))
        ratio = max(1.0, every / max(permuted, 1.0))
        each = [result.effective_tests for result in tested if result.effective_tests.size]
        effective = np.sum(each, axis=0) if len(each) == len(tested) else np.empty((2, 0))
        return cls(people, True, float(np.log10(ratio)), 1 - 1 / ratio, effective)

    @property
    def note(self) -> str:
        """What the note of a threshold says of the sample; empty if everyone was permuted."""
        if not self.is_sample:
            return ""
        words = f"; a random sample of {self.people:,} participants was permuted"
        if self.added < 0.0005:
            return words
        return f"{words}; {self.share:.1%} of the tests, too rare in it, were not permuted and add {self.added:.3f}"


def _heavy_tails(values: NDArray[np.float64]) -> str:
    """A warning for the note if traits (N, K), missing NaN, have tails that make the threshold of a sample too strict."""
    kurtosis = float(np.max(stats.kurtosis(values, axis=0, nan_policy="omit")))
    if kurtosis <= MAX_KURTOSIS:
        return ""
    why = f"traits have heavy tails (excess kurtosis up to {kurtosis:.1f}), which makes the threshold of a sample too strict"
    return f"; {why}: transform them, or permute everyone (scan.permuted_people: all)"


def _of_permutations(
    kind: str, maxima: NDArray[np.float64], error: float, permuted: Permuted, note: str
) -> list[dict[str, Any]]:
    """The row of a threshold by permutations; if a sample was permuted, preceded by a row of the other estimator.

    Of a sample, the effective number of tests is used for single traits, and a fitted distribution for trait sets: chance moves
    them less than the order statistic. Where they lie outside its interval they do not hold, and the order statistic is used.
    """
    rank = family_wise(maxima, error)
    better = _better(kind, maxima, error, permuted) if permuted.is_sample else None
    if better is None:
        return [_quantile_row(kind, rank, maxima, permuted, note)]
    if rank.low <= better.value and (rank.high is None or better.value <= rank.high):
        other = _quantile_row(f"{kind}_empirical", rank, maxima, permuted, note)
        return [other, _quantile_row(kind, better, maxima, permuted, note)]
    other = _quantile_row(f"{kind}_{better.estimator.split()[0]}", better, maxima, permuted, note)
    why = f"{note}; the estimate by {better.estimator} ({better.value:.2f}) lies outside the interval and is not used"
    return [other, _quantile_row(kind, rank, maxima, permuted, why)]


def _better(kind: str, maxima: NDArray[np.float64], error: float, permuted: Permuted) -> Quantile | None:
    """The estimate that is preferred to the order statistic of a sample's maxima; None if there is none."""
    if kind == SETS:
        return fitted(maxima, error) if len(maxima) >= MIN_FITTED else None
    return of_effective_tests(permuted.effective, error, permuted.added) if permuted.effective.size else None


def _quantile_row(kind: str, quantile: Quantile, maxima: NDArray[np.float64], permuted: Permuted, note: str) -> dict[str, Any]:
    words = quantile.note.replace("traits and variants", "trait sets and variants") if kind.startswith(SETS) else quantile.note
    of_permutations = {"people": permuted.people or None, "permutations": len(maxima), "estimator": quantile.estimator}
    limits = {"neglog10p": quantile.value, "low": quantile.low, "high": quantile.high}
    return _row(kind, 10.0**-quantile.value, words + note) | limits | of_permutations


def _set_rows(options: LociOptions, maxima: NDArray[np.float64], permuted: Permuted) -> list[dict[str, Any]]:
    """The threshold for trait sets; maxima (B,) of their permutations."""
    if options.threshold != "permutation":
        return [] if options.set_p is None else [_row(SETS, options.set_p, "p-value given in the study file, trait sets")]
    if len(maxima) == 0:
        return []
    return _of_permutations(SETS, maxima, options.family_wise_error * options.set_share, permuted, permuted.note)


def _permutation_rows(
    options: LociOptions, maxima: NDArray[np.float64], error: float, permuted: Permuted, note: str = ""
) -> list[dict[str, Any]]:
    """error: the family-wise error less the share of trait sets; note: added to the row's."""
    needed = max(_min_permutations_of_study(options), min_permutations(error))
    if len(maxima) >= needed:
        return _of_permutations("permutation", maxima, error, permuted, note)
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

    If a sample of the participants was permuted, each is raised by what the tests add that were not permuted (Permuted). Parts
    without a test are ignored. Raises ValueError if parts had different numbers of permutations.
    """
    name = "set_permutation_max" if of_sets else "permutation_max"
    tested = [getattr(result, name) for result in results if result.tests.sum() > 0]
    if not tested:
        return np.empty(0)
    if len({len(maxima) for maxima in tested}) > 1:
        raise ValueError("parts of the scan have different numbers of permutations")
    maxima: NDArray[np.float64] = np.max(np.stack(tested), axis=0)
    return maxima + Permuted.of(results).added


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


def fitted(maxima: NDArray[np.float64], error: float) -> Quantile:
    """The same quantile of a Gumbel distribution fitted to the maxima (B,) float64 by maximum likelihood.

    -log10 p of calibrated tests has an exponential tail, so its maxima tend to a Gumbel distribution; the scale is free, as the
    effective number of tests grows with -log10 p. The standard error is the asymptotic one, scale sqrt((1.109 + 0.514 y +
    0.608 y^2) / B) with y = -log(-log(1 - error)) (Johnson, Kotz and Balakrishnan 1995, chapter 22): for 1 % and 250 maxima
    0.11, where that of the order statistic is 0.27. Invalid if single tests are not calibrated far out, as with heavy tails.
    Raises ValueError with fewer than MIN_FITTED maxima.
    """
    count = len(maxima)
    if count < MIN_FITTED:
        raise ValueError(f"a distribution cannot be fitted to {count} maxima")
    location, scale = (float(number) for number in stats.gumbel_r.fit(maxima))
    reduced = -float(np.log(-np.log1p(-error)))
    value = location + scale * reduced
    margin = NORMAL_975 * scale * float(np.sqrt((1.109 + 0.514 * reduced + 0.608 * reduced**2) / count))
    fit = f"Gumbel distribution fitted to {count} permutations of the participants"
    words = f"{error:.2g} family-wise over all traits and variants, {fit}"
    return Quantile(value, value - margin, value + margin, words, FITTED)


def of_effective_tests(effective: NDArray[np.float64], error: float, added: float = 0.0) -> Quantile | None:
    """The -log10 p at which a study's effective number of tests has this family-wise error: M(x) 10^-x = -log(1 - error).

    effective (2, L): M at LEVELS of scan/permutation/effective_tests.py, of all parts, and the variance of its estimate;
    added: to log10 M, for tests that it does not count. M is interpolated on a log scale. The interval is that of importance
    sampling alone. None if x lies outside LEVELS.
    """
    log_m = np.log10(np.maximum(effective[0], 1e-300)) + added
    target = float(np.log10(-np.log1p(-error)))

    def excess(x: float) -> float:
        return float(np.interp(x, LEVELS, log_m)) - x - target

    if excess(LEVELS[0]) <= 0 or excess(LEVELS[-1]) >= 0:
        return None
    value = float(optimize.brentq(excess, LEVELS[0], LEVELS[-1]))
    relative = np.sqrt(effective[1]) / np.maximum(effective[0], 1e-300) / np.log(10)
    margin = NORMAL_975 * float(np.interp(value, LEVELS, relative))
    tests = 10.0 ** float(np.interp(value, LEVELS, log_m))
    note = f"{error:.2g} family-wise over all traits and variants, of {tests:,.0f} effective tests by importance sampling"
    return Quantile(value, value - margin, value + margin, note, EFFECTIVE)


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
