"""Maxima of permutations against all tests of permuted features, one by one; family-wise error."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from ecgwas.outcomes import cox, linear, logistic, permutation
from ecgwas.outcomes.cox import Survival
from ecgwas.outcomes.score import Null
from ecgwas.statistics.projection import span
from tests.outcomes.cohorts import Cohort, drawn

COUNT, SEED = 12, 7


def survivals(cohort: Cohort, outcomes: int = 3) -> Survival:
    rng = np.random.default_rng(9)
    event = np.column_stack([cohort.event] * outcomes)
    event[rng.random(event.shape) < 0.15] = -1
    return Survival(event, np.column_stack([cohort.exit] * outcomes), cohort.entry, cohort.strata)


def measurements(cohort: Cohort) -> NDArray[np.float64]:
    rng = np.random.default_rng(8)
    values = rng.standard_normal((len(cohort.features), 5)) + cohort.covariates[:, :1] / 10
    values[:40, 1] = np.nan
    return values


def logistic_case(cohort: Cohort, basis: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[Null]]:
    return basis, [logistic.null_model(outcome, basis) for outcome in cohort.diseases.T]


def cox_case(cohort: Cohort, basis: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[Null]]:
    return basis[:, 1:], list(cox.nulls(survivals(cohort), np.ones(len(basis), dtype=bool), basis[:, 1:]))


def linear_case(cohort: Cohort, basis: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[Null]]:
    return basis, [linear.null_model(outcome, basis) for outcome in measurements(cohort).T]


def logistic_tests(cohort: Cohort, features: NDArray[np.float64]) -> NDArray[np.float64]:
    return logistic.screen(features, cohort.diseases, cohort.covariates).neglog10p


def cox_tests(cohort: Cohort, features: NDArray[np.float64]) -> NDArray[np.float64]:
    return cox.screen(features, survivals(cohort), cohort.covariates).neglog10p


def linear_tests(cohort: Cohort, features: NDArray[np.float64]) -> NDArray[np.float64]:
    return linear.regress(features, measurements(cohort), cohort.covariates, errors="ordinary").neglog10p


@pytest.mark.parametrize("people", [120, 400])
@pytest.mark.parametrize("kind", ["logistic", "cox", "linear"])
def test_maxima_are_those_of_all_tests_of_permuted_residuals(kind: str, people: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With few participants, covariates and risk sets take much of the information, so that the bound matters."""
    monkeypatch.setattr(permutation, "BLOCK", 2)
    case, tests = {
        "logistic": (logistic_case, logistic_tests),
        "cox": (cox_case, cox_tests),
        "linear": (linear_case, linear_tests),
    }[kind]
    cohort = drawn(people, 6, 5, seed=3)
    features = permutation.residualised(cohort.features, cohort.covariates)
    basis, nulls = case(cohort, span(cohort.covariates))
    got = permutation.maxima(features, basis, iter(nulls), count=COUNT, seed=SEED)
    expected = [np.nanmax(tests(cohort, features[permutation.order(people, SEED, k)])) for k in range(COUNT)]
    np.testing.assert_allclose(got, expected, rtol=1e-7)
    assert len(np.unique(got)) == COUNT


def test_residuals_are_on_the_covariates_of_those_with_the_feature() -> None:
    cohort = drawn(50)
    features = cohort.features.copy()
    features[:9, 1] = np.nan
    values = permutation.residualised(features, cohort.covariates)
    assert (values[:9, 1] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(values, axis=0), 1)
    np.testing.assert_allclose(cohort.covariates.T @ values, 0, atol=1e-9)


def test_nothing_to_test_gives_zero() -> None:
    cohort = drawn(60, 2, 1)
    basis = span(cohort.covariates)
    too_few = [logistic.null_model(np.zeros(60, dtype=np.int8), basis)]
    assert (permutation.maxima(cohort.features, basis, too_few, count=3, seed=1) == 0).all()
    nulls = [logistic.null_model(cohort.diseases[:, 0], basis, min_cases=1)]
    assert (permutation.maxima(np.zeros((60, 2)), basis, nulls, count=3, seed=1) == 0).all()


def test_progress_is_shown_for_each_block() -> None:
    cohort, labels = drawn(100, 2, 2), []

    def track(items: range, label: str, total: int) -> Iterator[int]:
        labels.append((label, total))
        yield from items

    basis, nulls = logistic_case(cohort, span(cohort.covariates))
    permutation.maxima(permutation.residualised(cohort.features, cohort.covariates), basis, nulls, count=4, seed=1, track=track)
    assert labels == [("permutations", 4)]


def test_adjusted_p_values_count_maxima_that_are_not_smaller() -> None:
    values = permutation.adjusted(np.array([[2.0, 3.0], [np.nan, 0.5]]), np.array([1.0, 2.0, 2.5]))
    np.testing.assert_array_equal(values, [[3 / 4, 1 / 4], [np.nan, 1.0]])


def correlated(rng: np.random.Generator, people: int, size: int) -> NDArray[np.float64]:
    return rng.standard_normal((people, 1)) + rng.standard_normal((people, size))


def null_study(seed: int, spread: float) -> float:
    """Smallest family-wise p-value of features with diseases and a survival time that share covariates alone."""
    rng, people = np.random.default_rng(seed), 150
    covariates = rng.standard_normal((people, 2))
    features = correlated(rng, people, 4) * np.exp(spread * covariates[:, :1]) + covariates[:, :1]
    liability = covariates[:, :1] + 0.7 * correlated(rng, people, 3)
    diseases = (liability > 0.8).astype(np.int8)
    time = rng.exponential(np.exp(-liability[:, :1]))
    survival = Survival((time < 1.5).astype(np.int8), np.minimum(time, 1.5))
    basis, values = span(covariates), permutation.residualised(features, covariates)
    both = [
        (basis, [logistic.null_model(outcome, basis, min_cases=5) for outcome in diseases.T]),
        (basis[:, 1:], cox.nulls(survival, np.ones(people, dtype=bool), basis[:, 1:], min_events=5)),
    ]
    largest = np.max([permutation.maxima(values, q, nulls, count=39, seed=seed) for q, nulls in both], axis=0)
    observed = np.r_[
        logistic.screen(features, diseases, covariates, min_cases=5).neglog10p.ravel(),
        cox.screen(features, survival, covariates, min_events=5).neglog10p.ravel(),
    ]
    return float(np.nanmin(permutation.adjusted(observed, largest)))


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_family_wise_error_is_at_its_level(spread: float) -> None:
    """A tenth of null studies has a family-wise p-value of 0.1 or less; a fair procedure crosses the bounds once in 10,000.

    spread: the features' SD depends on a covariate that raises the risk, so that residuals are not exchangeable.
    """
    studies = 150
    p = np.array([null_study(seed, spread) for seed in range(studies)])
    low, high = stats.binom.interval(0.9999, studies, 0.1)
    assert low <= (p <= 0.1 + 1e-9).sum() <= high
