"""Clumping and thresholding: the same as one variant at a time, effects those of regressions outside each fold."""

from __future__ import annotations

import numpy as np
import statsmodels.api as sm

from ecgwas.mixed.ridge import Cohort
from ecgwas.scan import polygenic
from ecgwas.scores import thresholding
from tests.scores.panels import ArrayPanel, drawn_panel, positions

PEOPLE, VARIANTS = 120, 40


def cohort_of(panel: ArrayPanel, values: np.ndarray, covariates: np.ndarray) -> Cohort:
    return polygenic.prepare(values, covariates, panel, np.random.default_rng(1), 3).cohort


def by_hand(strength: np.ndarray, r2: np.ndarray, place: np.ndarray, least: float, min_r2: float, window: int) -> set[int]:
    """The strongest, then the strongest of what is left without its neighbours, and so on."""
    left, kept = {j for j in range(len(strength)) if strength[j] >= least}, set()
    while left:
        best = max(left, key=lambda j: (strength[j], j))
        kept.add(best)
        left -= {j for j in left if r2[best, j] >= min_r2 and abs(place[best] - place[j]) <= window} | {best}
    return kept


def test_clumps_are_those_of_one_variant_at_a_time() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        panel = drawn_panel(PEOPLE, VARIANTS, rng, copied=0.6, chroms=1)
        variants, place = panel.placed("1").variants, positions("1", np.arange(VARIANTS))
        window = int(rng.choice([15_000, 60_000, 1_000_000]))
        pairs = thresholding.neighbours(variants, place, PEOPLE, min_r2=0.2, window_bp=window)
        r2 = np.corrcoef(panel.copies["1"].T) ** 2
        strength = np.abs(rng.normal(size=VARIANTS)).round(1).astype(np.float32)
        expected = by_hand(strength, r2, place, 0.3, 0.2, window)
        assert set(np.flatnonzero(thresholding.clumped(strength, pairs, 0.3))) == expected


def test_effects_are_those_of_regressions_outside_the_fold() -> None:
    rng = np.random.default_rng(2)
    panel = drawn_panel(PEOPLE, VARIANTS, rng, chroms=1)
    values, covariates = rng.normal(size=(PEOPLE, 3)), rng.normal(size=(PEOPLE, 2))
    values[rng.random(PEOPLE) < 0.2, 1] = np.nan
    cohort = cohort_of(panel, values, covariates)
    whole = thresholding.effects_of_all(panel.placed("1").variants, cohort)
    outside = list(thresholding.effects_without_folds(panel.placed("1").variants, cohort))
    x = panel.copies["1"]
    for k in range(3):
        has = ~np.isnan(values[:, k])
        design = sm.add_constant(covariates[has])
        y = sm.OLS(values[has, k], design).fit().resid
        for j in (0, 7, 23):
            fit = sm.OLS(y, np.column_stack([design, x[has, j]])).fit()
            scale = y.std() / x[:, j].std()
            # Covariates are removed from the variants of all participants together, which is an approximation.
            np.testing.assert_allclose(whole.beta[j, k] * scale, fit.params[-1], atol=0.25 * fit.bse[-1])
            np.testing.assert_allclose(whole.strength[j, k], abs(fit.tvalues[-1]), atol=0.25)
            for fold, (start, stop) in enumerate(zip(cohort.folds, cohort.folds[1:], strict=False)):
                rest = has & ~np.isin(np.arange(PEOPLE), np.arange(start, stop))
                own = (sm.OLS(cohort.traits[k, rest], sm.add_constant(x[rest, j])).fit()).tvalues[-1]
                np.testing.assert_allclose(outside[fold].strength[j, k], abs(own), atol=0.35)


def test_nobody_contributes_to_the_effects_by_which_he_is_scored() -> None:
    """Other values of one fold change the scores of the other folds only."""
    rng = np.random.default_rng(3)
    panel = drawn_panel(PEOPLE, VARIANTS, rng)
    values, covariates = rng.normal(size=(PEOPLE, 2)), np.empty((PEOPLE, 0))
    cohort = cohort_of(panel, values, covariates)
    changed = Cohort(**{**cohort.__dict__, "traits": cohort.traits.copy()})
    start, stop = cohort.folds[1:3]
    changed.traits[:, start:stop] = rng.normal(size=(2, stop - start))
    first, second = (thresholding.Scorer(one, (0.05, 1.0), min_r2=0.2, window_bp=50_000) for one in (cohort, changed))
    for scorer in (first, second):
        for name in panel.common:
            scorer.add(panel.placed(name).variants, positions(name, np.arange(VARIANTS)))
    np.testing.assert_array_equal(first.values[:, :, start:stop], second.values[:, :, start:stop])
    assert not np.allclose(first.values[1, :, :start], second.values[1, :, :start])


def test_limits_of_t() -> None:
    limits = thresholding.t_limits((0.05, 1.0), np.array([102, 12]), 1)
    np.testing.assert_allclose(limits, [[1.984, 2.228], [0, 0]], atol=1e-3)
