"""Matching of ECGs and genomes against direct counting, a planted effect and chance."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ecgwas.privacy import matching as m

PEOPLE, FEATURES = 150, 12


def cohort(effect: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    genomes = rng.binomial(2, 0.4, (PEOPLE, 8)).astype(float)
    return rng.standard_normal((PEOPLE, FEATURES)) + effect * genomes @ rng.standard_normal((8, FEATURES)), genomes


def fold(features: np.ndarray, predictors: dict[str, np.ndarray], seed: int) -> pl.DataFrame:
    """Matched by predictors that were not chosen at all."""
    every = np.arange(features.shape[1])
    folds = [m.Fold(people, every, predictors) for people in m.assign_folds(len(features), seed=seed)]
    return m.matching(features, folds, seed=seed).frame


def rate(table: pl.DataFrame, matched: str, measure: str) -> dict[str, float]:
    return table.filter((pl.col("matched") == matched) & pl.col("measure").str.starts_with(measure)).row(0, named=True)


def test_a_strong_effect_is_matched_and_none_is_not() -> None:
    features, genomes = cohort(1.0)
    found = fold(features, {"strong": genomes}, 1)
    assert rate(found, m.PAIR, "area")["rate"] > 0.95
    assert rate(found, m.GENOME_OF_ECG, "first")["rate"] > 0.3
    features, genomes = cohort(0.0)
    found = fold(features, {"nothing": genomes}, 1)
    assert abs(rate(found, m.PAIR, "area")["rate"] - 0.5) < 0.08
    for row in found.iter_rows(named=True):
        assert 0 <= row["rate"] <= 1
        assert row["people"] == PEOPLE
    assert rate(found, m.GENOME_OF_ECG, "first")["chance"] == pytest.approx(1 / PEOPLE)


def test_chance_is_what_random_matches_give() -> None:
    """Without effects the rates stay within their limits in most cohorts."""
    beyond = 0
    for seed in range(20):
        features, genomes = cohort(0.0, seed)
        found = fold(features, {"nothing": genomes}, seed)
        beyond += rate(found, m.PAIR, "area")["rate"] > rate(found, m.PAIR, "area")["chance_limit"]
    assert beyond <= 3


def test_measures_are_those_of_direct_counting() -> None:
    rng = np.random.default_rng(5)
    scores = np.round(rng.standard_normal((30, 30)) + 1.5 * np.eye(30), 1)
    own = np.arange(30)
    others = scores[~np.eye(30, dtype=bool)]
    wins = (scores[own, own][:, None] > others).mean() + (scores[own, own][:, None] == others).mean() / 2
    from scipy import stats

    ranks = stats.rankdata(scores.ravel()).reshape(scores.shape)
    assert m.roc_area(ranks, own) == pytest.approx(wins)
    limits = np.unique(scores)
    refused = np.array([(scores[own, own] < at).mean() for at in limits])
    taken = np.array([(others >= at).mean() for at in limits])
    crossing = np.abs(refused - taken).argmin()
    direct = (refused[crossing] + taken[crossing]) / 2
    assert m.equal_error_rate(scores[own, own], np.sort(scores.ravel())) == pytest.approx(direct, abs=0.05)


def test_equal_candidates_come_in_random_order() -> None:
    scores = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0], [1.0, 1.0, 1.0]])
    np.testing.assert_allclose(m.in_short_list(scores, 1), [[0.5, 0.5, 0], [0, 1, 0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(m.in_short_list(scores, 2)[2], [2 / 3] * 3)


def test_no_predictor_knows_the_person_that_it_is_tried_on() -> None:
    """One predictor a person: in-sample effects would match everybody, effects of others match nobody."""
    rng = np.random.default_rng(3)
    found = fold(rng.standard_normal((60, 5)), {"oneself": np.eye(60)}, 2)
    assert rate(found, m.GENOME_OF_ECG, "first")["rate"] < 0.1


def test_missing_values_and_too_few_people() -> None:
    features, genomes = cohort(1.0)
    features[::7, 0], genomes[::9, 1] = np.nan, np.nan
    assert rate(fold(features, {"strong": genomes}, 1), m.PAIR, "area")["rate"] > 0.9
    assert fold(features[: m.MIN_PEOPLE - 1], {"strong": genomes[: m.MIN_PEOPLE - 1]}, 1).height == 0


def test_shrinkage_is_that_of_ledoit_and_wolf() -> None:
    """Between sample and target; hardly any for many people, much for few."""
    rng = np.random.default_rng(4)
    mixing = rng.standard_normal((6, 6))
    many = rng.standard_normal((20_000, 6)) @ mixing
    np.testing.assert_allclose(m.shrunk_covariance(many), many.T @ many / len(many), rtol=0.05, atol=0.15)
    few = m.shrunk_covariance(rng.standard_normal((4, 6)))
    assert np.linalg.eigvalsh(few).min() > 0.05


@pytest.mark.parametrize(("people", "folds"), [(50, 10), (466, 10), (1000, 10), (1500, 7), (4000, 3), (10_000, 1), (80_000, 1)])
def test_nine_tenths_choose_and_a_biobank_once(people: int, folds: int) -> None:
    dealt = m.assign_folds(people, seed=3)
    everyone = np.concatenate(dealt)
    assert len(dealt) == folds == m.count_of_folds(people)
    assert len(everyone) == len(set(everyone)) == min(people, m.MAX_PEOPLE)
    assert max(len(one) for one in dealt) <= -(-people // m.FOLDS)


def test_a_random_match_is_somebody_else_of_the_fold() -> None:
    number = np.repeat([0, 1, 2], [5, 6, 5])
    found = m._random_match(number, np.random.default_rng(1))
    assert sorted(found) == list(range(16))
    assert (found != np.arange(16)).all()
    np.testing.assert_array_equal(number[found], number)


def test_folds_that_help_each_other_to_choose_spread_further() -> None:
    assert m.null_sd_inflation(1, 1000, 20_000) == 1.0
    assert m.null_sd_inflation(10, 500, 500) == pytest.approx(1.82, abs=0.005)
    assert m.null_sd_inflation(2, 1000, 5000) == pytest.approx(1.12, abs=0.005)
