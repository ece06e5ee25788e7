"""Cox regression against statsmodels and R's survival: score tests, fits, proportional hazards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, stats

from ecgwas.errors import InputError
from ecgwas.outcomes import cox, cox_fit
from ecgwas.outcomes.checks import Status
from ecgwas.outcomes.cox import Survival
from tests.outcomes import r
from tests.outcomes.cohorts import Cohort, drawn


def survival(cohort: Cohort, *, late: bool = False, strata: bool = False) -> Survival:
    event = cohort.event[:, None]
    return Survival(event, cohort.exit[:, None], cohort.entry if late else None, cohort.strata if strata else None)


def theirs(cohort: Cohort, x: NDArray[np.float64], *, late: bool, strata: bool) -> sm.PHReg:
    # Entries between the rounded times, as statsmodels may count an entry at the time of an event as at risk.
    return sm.PHReg(
        cohort.exit,
        x,
        cohort.event,
        entry=cohort.entry if late else None,
        strata=cohort.strata if strata else None,
        ties="efron",
    )


def untied_entries(cohort: Cohort) -> Cohort:
    return Cohort(
        cohort.features, cohort.covariates, cohort.diseases, cohort.entry + 0.031, cohort.exit, cohort.event, cohort.strata
    )


@pytest.mark.parametrize(("late", "strata"), [(False, False), (True, False), (False, True), (True, True)])
def test_score_tests_and_fits_are_those_of_statsmodels(late: bool, strata: bool) -> None:
    cohort = untied_entries(drawn())
    given = survival(cohort, late=late, strata=strata)
    tested = cox.screen(cohort.features, given, cohort.covariates)
    assert len(np.unique(cohort.exit[cohort.event == 1])) < cohort.event.sum()  # There are ties.
    null = theirs(cohort, cohort.covariates, late=late, strata=strata).fit(disp=0)
    for f in range(cohort.features.shape[1]):
        x = np.column_stack([cohort.features[:, f] - 100, cohort.covariates])
        model = theirs(cohort, x, late=late, strata=strata)
        at = np.r_[0.0, null.params]
        score, information = model.score(at), -model.hessian(at)
        assert tested.z[f, 0] ** 2 == pytest.approx(score @ np.linalg.solve(information, score), rel=1e-6)
        full = model.fit(disp=0)
        fit = cox_fit.fit(cohort.features[:, f], given, cohort.covariates)
        assert (fit.beta, fit.se) == pytest.approx((full.params[0], full.bse[0]), rel=1e-6)
        assert (fit.low, fit.high) == pytest.approx(tuple(full.conf_int()[0]), rel=1e-5)
        assert fit.chi2 == pytest.approx(2 * (full.llf - null.llf), abs=1e-6)
        assert fit.score_chi2 == pytest.approx(tested.z[f, 0] ** 2, rel=1e-7)
        assert fit.status is Status.TESTED
        assert (fit.cases, fit.people) == (cohort.event.sum(), 300)
    assert tested.z[0, 0] > 3


SCRIPT = """
d$a <- {entry}
times <- Surv(d$a, d$b, d$e)
exact <- coxph.control(eps = 1e-12, toler.chol = 1e-14, timefix = FALSE)
full <- coxph(times ~ f + c1 + c2{strata}, d, ties = "efron", control = exact)
null <- coxph(times ~ c1 + c2{strata}, d, ties = "efron", control = exact)
begin <- c(0, coef(null))
at <- coxph(times ~ f + c1 + c2{strata}, d, init = begin, control = coxph.control(iter.max = 0, timefix = FALSE))
zph <- sapply(c("km", "identity", "log"), function(g) cox.zph(full, g)$table[1, 1])
effect <- c(coef(full)[1], sqrt(vcov(full)[1, 1]), 2 * (full$loglik[2] - null$loglik[2]), at$score)
write(c(effect, zph), stdout(), ncolumns = 1)
"""


@pytest.mark.parametrize(("late", "strata"), [(False, False), (True, False), (True, True)])
def test_fits_and_proportional_hazards_are_those_of_r(late: bool, strata: bool, tmp_path: Path) -> None:
    """Ties of events with each other, with censorings and with entries."""
    cohort = drawn(200, decimals=0, seed=4)
    script = SCRIPT.replace("{entry}", "d$a" if late else "0 * d$a").replace("{strata}", " + strata(s)" if strata else "")
    columns = {"a": cohort.entry, "b": cohort.exit, "e": cohort.event, "f": cohort.features[:, 0], "s": cohort.strata,
               "c1": cohort.covariates[:, 0], "c2": cohort.covariates[:, 1]}  # fmt: skip
    expected = r.survival(script, tmp_path, **columns)
    for k, transform in enumerate(("km", "identity", "log")):
        fit = cox_fit.fit(
            cohort.features[:, 0], survival(cohort, late=late, strata=strata), cohort.covariates, transform=transform
        )
        assert (fit.beta, fit.se, fit.chi2, fit.score_chi2) == pytest.approx(tuple(expected[:4]), rel=1e-7)
        assert fit.ph_chi2 == pytest.approx(expected[4 + k], rel=1e-6)


def test_proportional_hazards_by_definition() -> None:
    cohort = drawn(200, decimals=0, seed=4)
    fit = cox_fit.fit(cohort.features[:, 0], survival(cohort, late=True), cohort.covariates, transform="rank")
    x = np.column_stack([cohort.features[:, 0], cohort.covariates])
    x -= x.mean(axis=0)
    event = cohort.event == 1
    ranks = dict(zip(cohort.exit[event], stats.rankdata(cohort.exit[event]), strict=True))
    full = coefficients(cohort, x)
    assert full[0] == pytest.approx(fit.beta, rel=1e-5)
    score, information = np.zeros(4), np.zeros((4, 4))
    for time, rank in ranks.items():
        dying = event & (cohort.exit == time)
        for j in range(int(dying.sum())):
            counts = np.exp(x @ full) * (((cohort.exit >= time) & (cohort.entry < time)) - j / dying.sum() * dying)
            both = np.column_stack([x, rank * x[:, 0]])  # The feature's effect may change with the rank of time.
            mean = counts @ both / counts.sum()
            score += both[dying].mean(axis=0) - mean
            information += ((both - mean) * counts[:, None]).T @ (both - mean) / counts.sum()
    assert np.abs(score[:3]).max() < 1e-3
    assert fit.ph_chi2 == pytest.approx(score[3] ** 2 * np.linalg.inv(information)[3, 3], rel=1e-3)


def coefficients(cohort: Cohort, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Maximum of Efron's partial likelihood, written out, by a general optimiser."""
    event = cohort.event == 1

    def loss(at: NDArray[np.float64]) -> float:
        eta, value = x @ at, 0.0
        for time in np.unique(cohort.exit[event]):
            dying = event & (cohort.exit == time)
            risk, tied = np.exp(eta)[(cohort.exit >= time) & (cohort.entry < time)].sum(), np.exp(eta)[dying].sum()
            value += eta[dying].sum() - np.log(risk - np.arange(dying.sum()) / dying.sum() * tied).sum()
        return -value

    return np.asarray(optimize.minimize(loss, np.zeros(x.shape[1]), method="BFGS", tol=1e-9).x)


def test_an_effect_that_fades_is_not_proportional() -> None:
    rng = np.random.default_rng(2)
    feature = rng.standard_normal(2000)
    early, late = rng.exponential(np.exp(-feature)), rng.exponential(1, 2000)
    time = np.where(early < 0.5, early, 0.5 + late)
    given = Survival(np.ones((2000, 1), dtype=np.int8), time[:, None])
    for transform in ("km", "rank", "identity", "log"):
        fit = cox_fit.fit(feature, given, np.empty((2000, 0)), transform=transform)
        assert fit.ph_z < -5
        assert fit.ph_neglog10p > 5
    steady = Survival(given.event, rng.exponential(np.exp(-feature))[:, None])
    assert abs(cox_fit.fit(feature, steady, np.empty((2000, 0))).ph_z) < 3


def test_outcomes_differ_in_participants_entries_and_features() -> None:
    cohort = drawn()
    event = np.column_stack([cohort.event, cohort.event, cohort.event]).astype(np.int8)
    event[:50, 1], event[250:, 2] = -1, -1
    exit_ = np.column_stack([cohort.exit] * 3)
    exit_[:50, 1] = np.nan  # Not read where the code is -1.
    entry = np.column_stack([cohort.entry, cohort.entry / 2, cohort.entry])
    features = cohort.features.copy()
    features[100:110, 1] = np.nan
    tested = cox.screen(features, Survival(event, exit_, entry, cohort.strata), cohort.covariates)
    for k in range(3):
        for f in range(features.shape[1]):
            rows = (event[:, k] >= 0) & ~np.isnan(features[:, f])
            given = Survival(event[rows, k : k + 1], exit_[rows, k : k + 1], entry[rows, k], cohort.strata[rows])
            alone = cox.screen(features[rows, f : f + 1], given, cohort.covariates[rows])
            assert tested.z[f, k] == pytest.approx(alone.z[0, 0], rel=1e-8)
            assert tested.people[f, k] == alone.people[0, 0] == rows.sum()


def test_monotone_likelihood_is_reported() -> None:
    cohort = drawn(100, 1, 1)
    order = np.argsort(cohort.features[:, 0])
    exit_ = np.empty(100)
    exit_[order[::-1]] = np.arange(1.0, 101.0)  # The higher the feature, the earlier the event.
    given = Survival(np.ones((100, 1), dtype=np.int8), exit_[:, None])
    fit = cox_fit.fit(cohort.features[:, 0], given, cohort.covariates)
    assert fit.status is Status.INFINITE
    assert np.isnan([fit.beta, fit.se, fit.chi2, fit.score_chi2, fit.ph_chi2]).all()


def test_a_group_without_events_counts_as_excluded() -> None:
    cohort = drawn(400)
    group = np.arange(400) < 30
    event = np.where(group, 0, cohort.event).astype(np.int8)[:, None]
    covariates = np.column_stack([cohort.covariates, group])
    tested = cox.screen(cohort.features, Survival(event, cohort.exit[:, None]), covariates)
    without = cox.screen(cohort.features[~group], Survival(event[~group], cohort.exit[~group, None]), cohort.covariates[~group])
    np.testing.assert_allclose(tested.z, without.z, rtol=1e-5)
    assert (tested.status == Status.SEPARATED).all()


def test_what_cannot_be_tested_says_why() -> None:
    cohort = drawn(100, 1, 1)
    few = np.where(np.arange(100) < 4, cohort.event, 0).astype(np.int8)
    event = np.column_stack([cohort.event, few, np.zeros(100)]).astype(np.int8)
    exit_ = np.column_stack([cohort.exit] * 3)
    features = np.column_stack([cohort.features, np.ones(100), cohort.strata])
    tested = cox.screen(features, Survival(event, exit_, None, cohort.strata), cohort.covariates)
    np.testing.assert_array_equal(tested.status[:, 1:], Status.TOO_FEW)
    np.testing.assert_array_equal(tested.status[:, 0], [Status.TESTED, Status.CONSTANT, Status.CONSTANT])
    assert (np.isfinite(tested.z) == (tested.status == 0)).all()
    for feature, outcome, status in ((0, 2, Status.TOO_FEW), (1, 0, Status.CONSTANT), (2, 0, Status.CONSTANT)):
        fit = cox_fit.fit(features[:, feature], Survival(event, exit_, None, cohort.strata), cohort.covariates, outcome=outcome)
        assert fit.status is status


def test_refusals_in_words() -> None:
    cohort = drawn(50, 1, 1)
    with pytest.raises(InputError, match="exit of 50 participants is not after their entry"):
        cox.screen(cohort.features, Survival(cohort.event[:, None], cohort.exit[:, None], cohort.exit), cohort.covariates)
    with pytest.raises(InputError, match="neither 0 nor 1"):
        Survival(np.full((50, 1), 3, dtype=np.int8), cohort.exit[:, None])
    with pytest.raises(ValueError, match="differ in shape"):
        Survival(cohort.event[:, None], cohort.exit)
    with pytest.raises(ValueError, match="neither the shape"):
        Survival(cohort.event[:, None], cohort.exit[:, None], cohort.entry[:9])
    with pytest.raises(ValueError, match="strata"):
        Survival(cohort.event[:, None], cohort.exit[:, None], None, cohort.strata[:9])
    with pytest.raises(InputError, match="no logarithm"):
        cox_fit.fit(
            cohort.features[:, 0],
            Survival(cohort.event[:, None], cohort.exit[:, None] - 10),
            cohort.covariates,
            transform="log",
        )


@given(
    people=st.integers(2, 30),
    kind=st.sampled_from(["ties", "all at one time", "normal", "constant"]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_odd_inputs_give_numbers_or_reasons(people: int, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    feature = {"constant": np.full(people, 0.1), "ties": rng.integers(0, 2, people)}.get(kind, rng.standard_normal(people))
    exit_ = {"ties": rng.integers(1, 4, people), "all at one time": np.ones(people)}.get(kind, rng.uniform(1, 9, people))
    event = rng.integers(-1, 2, (people, 1)).astype(np.int8)
    covariates = rng.standard_normal((people, int(rng.integers(0, 3))))
    given = Survival(event, exit_.astype(float)[:, None], np.zeros(people) if rng.random() < 0.5 else None)
    tested = cox.screen(feature.astype(float)[:, None], given, covariates, min_events=1)
    valid = tested.status[0, 0] in (Status.TESTED, Status.SEPARATED)
    assert np.isfinite(tested.z[0, 0]) == valid
    fit = cox_fit.fit(feature.astype(float), given, covariates)
    assert np.isfinite([fit.beta, fit.se, fit.low, fit.high, fit.chi2, fit.score_chi2]).all() == fit.status.has_result
    assert (fit.cases, fit.people) == (tested.cases[0, 0], tested.people[0, 0])


def test_level_of_the_score_test() -> None:
    rng = np.random.default_rng(6)
    cohort = drawn(500, 1, 1, effect=0.0)
    tested = cox.screen(rng.standard_normal((500, 400)), survival(cohort, late=True), cohort.covariates)
    assert stats.kstest(tested.z[:, 0], "norm").pvalue > 1e-3
    assert tested.z.std() == pytest.approx(1.0, abs=0.08)
