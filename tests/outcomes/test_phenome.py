"""All traits with all outcomes: z and p against statsmodels, the family-wise error of the threshold, what is estimated."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats
from statsmodels.genmod.families import Binomial

from ecgwas.outcomes import phenome
from ecgwas.outcomes.checks import Status
from ecgwas.outcomes.outcome import Outcome
from tests.outcomes import cohorts

JUST_AFTER = 1e-9
"""In statsmodels a participant is at risk at the moment of entry, here and in R's survival after it."""
NOBODY = np.zeros(300, dtype=np.int8)


def outcomes_of(drawn: cohorts.Cohort, rng: np.random.Generator) -> list[Outcome]:
    """Two diseases, two survivals (one with late entry), two numbers, of which half depend on the first trait."""
    people = len(drawn.features)
    nobody = np.zeros(people, dtype=np.int8)
    disease = np.where(drawn.diseases[:, 0] < 0, np.nan, drawn.diseases[:, 0])
    event = drawn.event.astype(np.float64)
    number = 0.3 * (drawn.features[:, 0] - 100) + rng.standard_normal(people)
    return [
        Outcome.of("disease", "binary", "a", disease, nobody),
        Outcome.of("other", "binary", "a", (rng.random(people) < 0.4).astype(float), nobody),
        Outcome.of("late", "incident", "b", event, nobody, exit_=drawn.exit, entry=drawn.entry),
        Outcome.of("death", "survival", "b", event, nobody, exit_=drawn.exit - drawn.entry),
        Outcome.of("number", "numeric", "c", number, nobody),
        Outcome.of("noise", "numeric", "c", rng.standard_normal(people), nobody),
    ]


def screened(drawn: cohorts.Cohort, outcomes: list[Outcome], permutations: int = 0) -> phenome.Screen:
    return phenome.screen(
        drawn.features, drawn.covariates, outcomes, min_cases=20, permutations=permutations, seed=3
    )  # fmt: skip


def logit_score(feature: NDArray[np.float64], y: NDArray[np.float64], covariates: NDArray[np.float64]) -> float:
    """Score test of statsmodels: of the model with the feature, at the estimates without it."""
    known = ~np.isnan(y)
    model = sm.GLM(y[known], cohorts.with_ones(covariates)[known], family=Binomial())
    _, p, _ = model.fit(tol=1e-12).model.score_test(
        model.fit(tol=1e-12).params, exog_extra=feature[known, None]
    )  # fmt: skip
    return float(np.asarray(p).item())


def test_score_tests_equal_statsmodels_and_survival_regression() -> None:
    drawn = cohorts.drawn()
    outcomes = outcomes_of(drawn, np.random.default_rng(2))
    found = screened(drawn, outcomes)
    assert found.status == (Status.TESTED,) * 6
    design = cohorts.with_ones(drawn.covariates)
    for k in range(drawn.features.shape[1]):
        p = logit_score(drawn.features[:, k], outcomes[0].values, drawn.covariates)
        assert 10 ** -found.neglog10p[k, 0] == pytest.approx(p, rel=1e-5)
        least_squares = sm.OLS(outcomes[4].values, np.column_stack([drawn.features[:, k], design])).fit()
        assert found.z[k, 4] == pytest.approx(least_squares.tvalues[0], rel=1e-8)
        assert 10 ** -found.neglog10p[k, 4] == pytest.approx(least_squares.pvalues[0], rel=1e-7)
        for column, entry in ((2, drawn.entry), (3, None)):
            estimate = phenome.estimate(drawn.features[:, k], outcomes[column], drawn.covariates, firth_below=0)
            # Score and likelihood ratio test differ, but not by much.
            assert found.neglog10p[k, column] == pytest.approx(estimate["neglog10p"], abs=0.15 + 0.05 * estimate["neglog10p"])
            phreg = sm.PHReg(
                outcomes[column].exit, np.column_stack([drawn.features[:, k], drawn.covariates]),
                status=drawn.event, entry=None if entry is None else entry + JUST_AFTER, ties="efron",
            ).fit()  # fmt: skip
            sd = drawn.features[:, k].std()
            assert estimate["beta"] == pytest.approx(phreg.params[0] * sd, rel=1e-5)
            assert estimate["se"] == pytest.approx(phreg.bse[0] * sd, rel=1e-4)


def test_traits_with_missing_values_are_tested_with_everybody_and_estimated_without_the_missing() -> None:
    drawn = cohorts.drawn()
    drawn.features[:40, 0] = np.nan
    outcomes = outcomes_of(cohorts.drawn(), np.random.default_rng(2))
    found = screened(drawn, outcomes)
    assert np.isfinite(found.neglog10p).all()
    estimate = phenome.estimate(drawn.features[:, 0], outcomes[4], drawn.covariates, firth_below=0)
    assert estimate["people"] == 260
    design = np.column_stack([drawn.features[:, 0], cohorts.with_ones(drawn.covariates)])[40:]
    fit = sm.OLS(outcomes[4].values[40:], design).fit(cov_type="HC3")
    sd = np.nanstd(drawn.features[:, 0])
    assert (estimate["beta"], estimate["se"]) == pytest.approx((fit.params[0] * sd, fit.bse[0] * sd), rel=1e-7)


def test_few_cases_are_not_tested_and_each_outcome_has_its_strongest_trait() -> None:
    drawn = cohorts.drawn()
    few = Outcome.of("few", "binary", "a", (np.arange(300) < 19).astype(float), NOBODY)
    nobody = Outcome.of("nobody", "survival", "a", np.full(300, np.nan), NOBODY, exit_=np.full(300, np.nan))
    outcomes = [*outcomes_of(drawn, np.random.default_rng(2)), few, nobody]
    found = screened(drawn, outcomes)
    assert found.status[6:] == (Status.TOO_FEW, Status.TOO_FEW)
    assert np.isnan(found.neglog10p[:, 6:]).all()
    pairs = phenome.chosen(found, 3.0)
    assert {d for _, d in pairs} == set(range(6))
    strength = [found.neglog10p[pair] for pair in pairs]
    assert strength == sorted(strength, reverse=True)
    assert (found.neglog10p >= 3).sum() <= len(pairs) <= (found.neglog10p >= 3).sum() + 6


def test_rare_outcomes_and_separated_ones_are_estimated_by_firth() -> None:
    drawn = cohorts.drawn()
    outcomes = outcomes_of(drawn, np.random.default_rng(2))
    by = {
        limit: phenome.estimate(drawn.features[:, 0], outcomes[0], drawn.covariates, firth_below=limit) for limit in (0, 10**6)
    }
    assert (by[0]["method"], by[10**6]["method"]) == ("logistic", "firth")
    assert 0 < by[10**6]["beta"] < by[0]["beta"]
    assert by[0]["ratio"] == pytest.approx(np.exp(by[0]["beta"]))
    separated = Outcome.of("all", "binary", "a", (drawn.features[:, 0] > np.median(drawn.features[:, 0])).astype(float), NOBODY)
    assert phenome.estimate(drawn.features[:, 0], separated, drawn.covariates, firth_below=0)["method"] == "firth"


def test_thresholds_with_and_without_permutations() -> None:
    drawn = cohorts.drawn()
    outcomes = outcomes_of(drawn, np.random.default_rng(2))
    without = phenome.thresholds(screened(drawn, outcomes))
    assert [one.kind for one in without] == ["bonferroni"]
    assert without[0].neglog10p == pytest.approx(-np.log10(0.05 / 24))
    found = screened(drawn, outcomes, permutations=199)
    used = phenome.thresholds(found)[0]
    assert used.kind == "permutation"
    assert used.neglog10p == np.sort(found.largest)[-10]
    assert used.low is not None
    assert used.high is not None
    assert used.low < used.neglog10p < used.high
    beyond = found.neglog10p > used.neglog10p
    assert ((found.p_family <= 0.05) == beyond).all()
    assert beyond[0, [0, 2, 3, 4]].all()


@pytest.mark.slow
def test_the_threshold_keeps_the_family_wise_error() -> None:
    """400 studies without effects, 5 correlated traits and 5 outcomes of all models, each with its own threshold."""
    studies, false = 400, 0
    for seed in range(studies):
        rng = np.random.default_rng([seed, 7])
        people = 90
        shared = rng.standard_normal((people, 1))
        traits = 0.7 * shared + rng.standard_normal((people, 5))
        covariates = np.column_stack([shared[:, 0] + rng.standard_normal(people), rng.random(people) < 0.5]).astype(float)
        liability = covariates[:, :1] + rng.standard_normal((people, 3))
        nobody = np.zeros(people, dtype=np.int8)
        time = rng.exponential(np.exp(-0.5 * covariates[:, 0]))
        censored = rng.exponential(1.5, people)
        outcomes = [
            Outcome.of("a", "binary", "", (liability[:, 0] > 0.6).astype(float), nobody),
            Outcome.of("b", "binary", "", (liability[:, 1] > 0).astype(float), nobody),
            Outcome.of("c", "survival", "", (time <= censored).astype(float), nobody, exit_=np.minimum(time, censored)),
            Outcome.of("d", "numeric", "", liability[:, 2], nobody),
            Outcome.of("e", "numeric", "", np.exp(liability[:, 2]), nobody),
        ]
        found = phenome.screen(traits, covariates, outcomes, min_cases=5, permutations=19, seed=seed)
        false += bool((found.neglog10p > phenome.thresholds(found)[0].neglog10p).any())
    low, high = stats.binom.ppf([0.001, 0.999], studies, 0.05)
    assert low <= false <= high, f"{false} of {studies} studies have a false association"
