"""All traits with all outcomes: score tests, one threshold over all, and estimates of the strongest.

Score tests and permutations take participants without a trait as having its fitted value, so that each outcome has one null
model; estimates are of the participants with the trait.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ecgwas.outcomes import cox, cox_fit, linear, logistic, logistic_fit, permutation
from ecgwas.outcomes.checks import Status
from ecgwas.outcomes.outcome import Model, Outcome
from ecgwas.outcomes.score import Null, products
from ecgwas.progress import Track, silent
from ecgwas.statistics.projection import span

FAMILY_WISE_ERROR = 0.05
MEASURES: Mapping[Model, str] = {"logistic": "odds ratio", "cox": "hazard ratio", "linear": "slope"}


@dataclass(frozen=True)
class Screen:
    """Score tests of K traits with D outcomes.

    z          (K, D) float64, signed; NaN where there is no test
    neglog10p  (K, D) float64, likewise
    status     D, of the null model of each outcome
    largest    (B,) float64, the largest -log10 p over all in each permutation
    """

    z: NDArray[np.float64]
    neglog10p: NDArray[np.float64]
    status: tuple[Status, ...]
    largest: NDArray[np.float64]

    @property
    def tests(self) -> int:
        """Number of tests."""
        return int(np.isfinite(self.neglog10p).sum())

    @property
    def p_family(self) -> NDArray[np.float64]:
        """(K, D) family-wise p by permutation; NaN without permutations."""
        if len(self.largest) == 0:
            return np.full(self.neglog10p.shape, np.nan)
        return permutation.adjusted(self.neglog10p, self.largest)


@dataclass(frozen=True)
class Threshold:
    """-log10 p beyond which a test is significant, with its 95 % Monte-Carlo interval; None: exact, or no upper limit."""

    kind: str
    neglog10p: float
    low: float | None
    high: float | None
    note: str


def screen(
    traits: NDArray[np.float64], covariates: NDArray[np.float64], outcomes: Sequence[Outcome], *,
    min_cases: int, permutations: int, seed: int, track: Track[int] = silent,
) -> Screen:  # fmt: skip
    """Score tests of traits (N, K), missing NaN, with the outcomes of the same participants, given covariates (N, C).

    min_cases: outcomes with fewer cases, controls or events, or numbers of fewer participants, are not tested. The same seed
    gives the same order of participants in each permutation, for all models. Invalid for related participants.
    """
    features = permutation.residualised(traits, covariates)
    basis = span(covariates)
    z, neglog10p = np.full((2, features.shape[1], len(outcomes)), np.nan)
    status = [Status.TOO_FEW] * len(outcomes)
    largest = np.zeros(permutations)
    for model in MEASURES:
        place = [k for k, outcome in enumerate(outcomes) if outcome.model == model]
        own = basis[:, 1:] if model == "cox" else basis
        waiting = iter(place)
        while block := list(islice(waiting, permutation.BLOCK)):
            nulls = [null_model(outcomes[k], basis, min_cases=min_cases) for k in block]
            for k, null, tested in zip(block, nulls, _tests(features, nulls, own), strict=True):
                status[k], (z[:, k], neglog10p[:, k]) = null.status, tested
            if permutations:
                of_block = permutation.maxima(features, own, nulls, count=permutations, seed=seed, track=track)
                largest = np.maximum(largest, of_block)
    return Screen(z, neglog10p, tuple(status), largest)


def null_model(outcome: Outcome, basis: NDArray[np.float64], *, min_cases: int) -> Null:
    """The null model of an outcome on basis (N, p), of which the first column is the intercept."""
    if outcome.model == "logistic":
        return logistic.null_model(outcome.coded, basis, min_cases=min_cases)
    if outcome.model == "linear":
        return linear.null_model(outcome.values, basis, min_people=max(min_cases, linear.MIN_PEOPLE))
    followed = _survival(outcome)
    rows, sets = followed.sets(0, np.ones(len(basis), dtype=bool))
    return cox.null_model(rows, sets, basis[:, 1:], min_events=min_cases)


def _survival(outcome: Outcome) -> cox.Survival:
    if outcome.exit is None:
        raise ValueError(f"{outcome.name} has no times")
    return cox.Survival(outcome.coded[:, None], outcome.exit[:, None], outcome.entry)


def _tests(
    features: NDArray[np.float64], nulls: Sequence[Null], basis: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """z and -log10 p (K,) of each null model; NaN without a test."""
    for null, (score, square, cross) in zip(nulls, products(features, nulls, basis), strict=True):
        value = null.information(features, square, cross) if null.status.has_result else np.zeros(len(score))
        ratio = np.divide(score**2, value, out=np.full(len(score), np.nan), where=value > 0)
        size = np.sqrt(ratio)
        if null.df is not None:
            r2 = np.minimum(ratio, 1 - 1e-15)
            size = np.sqrt(r2 * null.df / (1 - r2))
        yield np.sign(score) * size, null.neglog10p(ratio)


def thresholds(screened: Screen) -> list[Threshold]:
    """The threshold by permutation, if there is one, and Bonferroni's; the first is the one to use."""
    tests, count = max(screened.tests, 1), len(screened.largest)
    bonferroni = -np.log10(FAMILY_WISE_ERROR / tests)
    rows = [Threshold("bonferroni", float(bonferroni), None, None, f"{FAMILY_WISE_ERROR:g} / {tests:,} tests")]
    if count:
        ordered = np.sort(screened.largest)[::-1]
        rank = int(FAMILY_WISE_ERROR * (count + 1) + 1e-9)
        # Of the rank of the quantile among the permutations, binomial.
        low_rank, high_rank = (int(stats.binom.ppf(q, count, FAMILY_WISE_ERROR)) for q in (0.025, 0.975))
        high = float(ordered[low_rank - 1]) if low_rank > 0 else None
        note = f"{rank}. largest of {count} permutations of participants, over all traits and outcomes"
        rows.insert(
            0, Threshold("permutation", float(ordered[rank - 1]), float(ordered[min(high_rank, count - 1)]), high, note)
        )
    return rows


def chosen(screened: Screen, keep_neglog10p: float) -> list[tuple[int, int]]:
    """(trait, outcome) of tests to estimate, strongest first: from keep_neglog10p on, and each outcome's strongest."""
    strength = np.nan_to_num(screened.neglog10p, nan=-1.0)
    take = strength >= keep_neglog10p
    if len(strength):
        best = strength.argmax(axis=0)
        take[best, np.arange(strength.shape[1])] = strength.max(axis=0) >= 0
    take &= strength >= 0
    pairs = [(int(trait), int(outcome)) for trait, outcome in np.argwhere(take)]
    return sorted(pairs, key=lambda pair: (-strength[pair], pair[1], pair[0]))


def estimate(
    trait: NDArray[np.float64], outcome: Outcome, covariates: NDArray[np.float64], *, firth_below: int
) -> dict[str, Any]:  # fmt: skip
    """Columns of OutcomeTests of one trait (N,), missing NaN, and one outcome: effect per SD of the trait, interval, p.

    Logistic regression is Firth's with fewer cases or controls than firth_below, and if the trait separates the two.
    """
    unit = (trait - np.nanmean(trait)) / np.nanstd(trait)
    if outcome.model == "linear":
        return _slope(unit, outcome, covariates)
    if outcome.model == "cox":
        fit = cox_fit.fit(unit, _survival(outcome), covariates, transform="km" if outcome.entry is None else "rank")
        return _ratio(fit, "hazard ratio", "cox") | {"neglog10p_ph": _finite(fit.ph_neglog10p)}
    coded = outcome.coded
    known = (coded >= 0) & ~np.isnan(trait)
    cases = int((coded[known] == 1).sum())
    if min(cases, int(known.sum()) - cases) >= firth_below:
        plain = logistic_fit.maximum_likelihood(unit, coded, covariates)
        if plain.status is not Status.INFINITE:
            return _ratio(plain, "odds ratio", "logistic")
    return _ratio(logistic_fit.firth(unit, coded, covariates), "odds ratio", "firth")


def _ratio(fit: logistic_fit.Fit, measure: str, method: str) -> dict[str, Any]:
    beta, low, high = (_finite(value) for value in (fit.beta, fit.low, fit.high))
    ratios = [None if value is None else _finite(float(np.exp(min(value, 700.0)))) for value in (beta, low, high)]
    return {
        "measure": measure, "people": fit.people, "cases": fit.cases, "beta": beta, "se": _finite(fit.se), "low": low,
        "high": high, **dict(zip(("ratio", "ratio_low", "ratio_high"), ratios, strict=True)),
        "neglog10p": _finite(fit.neglog10p), "method": method, "status": in_words(fit.status),
    }  # fmt: skip


def _slope(unit: NDArray[np.float64], outcome: Outcome, covariates: NDArray[np.float64]) -> dict[str, Any]:
    fit = linear.regress(unit[:, None], outcome.values[:, None], covariates)
    beta, se, df = float(fit.beta[0, 0]), float(fit.se[0, 0]), int(fit.df[0, 0])
    half = float(stats.t.ppf(0.975, max(df, 1))) * se
    return {
        "measure": "slope", "people": int(fit.people[0, 0]), "beta": _finite(beta), "se": _finite(se),
        "low": _finite(beta - half), "high": _finite(beta + half), "neglog10p": _finite(float(fit.neglog10p[0, 0])),
        "method": "linear", "status": in_words(Status(int(fit.status[0, 0]))),
    }  # fmt: skip


def in_words(status: Status) -> str:
    """`too few` for TOO_FEW."""
    return status.name.lower().replace("_", " ")


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
