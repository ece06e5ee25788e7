"""Membership told from shared statistics: against binomial likelihoods, ordinary regression, and what theory expects."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats

from ecgwas.privacy import membership as m

PEOPLE = 300
ALL = m.SharedStatistics(keep_neglog10p=3.0, min_maf=0.01, min_mac=10)


def genomes(variants: int, seed: int, people: int = PEOPLE) -> NDArray[np.uint8]:
    rng = np.random.default_rng([seed, 1])
    return rng.binomial(2, rng.uniform(0.1, 0.5, variants)[:, None], (variants, people)).astype(np.uint8)


def measured(variants: int, traits: int = 20, seed: int = 1, passed_on: m.SharedStatistics = ALL) -> pl.DataFrame:
    """Traits that no variant moves, independent like the variants."""
    values = np.random.default_rng([seed, 2]).standard_normal((PEOPLE, traits))
    codes = genomes(variants, seed)
    chromosomes = (apart(codes[start : start + 700]) for start in range(0, variants, 700))
    return m.membership(chromosomes, values, passed_on, seed=seed).frame


def apart(codes: NDArray[np.uint8]) -> m.GenotypeCalls:
    """Variants too far from each other to be looked at for linkage."""
    return m.GenotypeCalls(codes, np.arange(len(codes)) * 2_000_000)


def row(table: pl.DataFrame, shared: str, known: str, measure: str = m.AREA, extent: str = m.TESTED) -> dict[str, float]:
    chosen = {"shared": shared, "known": known, "measure": measure, "extent": extent}
    return table.filter(*(pl.col(name) == value for name, value in chosen.items())).row(0, named=True)


STATISTICS = ((m.FREQUENCIES, m.GENOME), (m.EFFECTS, m.GENOME), (m.EFFECTS, m.BOTH))


@pytest.mark.parametrize("what", STATISTICS, ids=["frequencies", "effects", "effects and ECG"])
def test_a_few_variants_tell_nothing_and_very_many_tell_everything(what: tuple[str, str]) -> None:
    few, many = (row(measured(variants, traits), *what) for variants, traits in ((2, 2), (20_000, 10)))
    assert abs(few["rate"] - 0.5) < 0.15
    assert many["rate"] > 0.99
    assert few["variants"] == 2
    assert many["variants"] > 19_990  # but for one or two too rare among the members


@pytest.mark.parametrize(("variants", "traits"), [(100, 20), (400, 20), (100, 5)])
@pytest.mark.parametrize("what", STATISTICS, ids=["frequencies", "effects", "effects and ECG"])
def test_rates_are_those_that_theory_expects(variants: int, traits: int, what: tuple[str, str]) -> None:
    found = [measured(variants, traits, seed) for seed in range(6)]
    for measure, near in ((m.AREA, 0.04), (m.TRUE_POSITIVES, 0.12)):
        told = [row(table, *what, measure) for table in found]
        assert np.mean([one["rate"] for one in told]) == pytest.approx(np.mean([one["expected"] for one in told]), abs=near)


def test_theory_in_numbers() -> None:
    """400 variants, 100 members, a panel of 100: sqrt(2) apart; the area is that of a normal variable below 1."""
    told = row(measured(400), m.FREQUENCIES, m.GENOME)
    assert (told["members"], told["outsiders"]) == (100, 100)
    assert told["expected"] == pytest.approx(stats.norm.cdf(1), abs=0.002)
    assert told["chance"] == 0.5
    assert 0.55 < told["chance_limit"] < 0.6  # 1.96 sqrt(201 / 12 / 100 / 100) above a half


def attack(codes: NDArray[np.uint8], traits: NDArray[np.float64], passed_on: m.SharedStatistics = ALL) -> m.Attack:
    made = m.Attack(np.random.default_rng(5).permutation(codes.shape[1]), traits, passed_on)
    made.add_variants(apart(codes), np.ones(len(codes), dtype=bool))
    return made


def test_of_variants_in_linkage_one_is_used() -> None:
    """Each variant four times over tells no more than once."""
    codes = genomes(200, 10)
    values = np.random.default_rng(11).standard_normal((PEOPLE, 5))
    once = m.membership(iter([apart(codes)]), values, ALL, seed=1).frame
    again = m.GenotypeCalls(np.repeat(codes, 4, axis=0), np.repeat(np.arange(200) * 2_000_000, 4) + np.tile(np.arange(4), 200))
    repeated = m.membership(iter([again]), values, ALL, seed=1).frame
    assert repeated.filter(pl.col("extent") == m.TESTED)["variants"].unique().to_list() == [800]
    assert repeated.drop("variants").equals(once.drop("variants"))


def test_the_ratio_is_that_of_binomial_likelihoods() -> None:
    codes = genomes(40, 3)
    codes[::3, 5] = 3
    made = attack(codes, np.zeros((PEOPLE, 1)))
    direct = np.zeros(PEOPLE)
    for line in codes:
        seen = line != 3
        inside, outside = (line[part][seen[part]] for part in (made.members, made.panel))
        share, usual = inside.mean() / 2, (outside.sum() + 0.5) / (2 * len(outside) + 1)
        direct[seen] += stats.binom.logpmf(line[seen], 2, share) - stats.binom.logpmf(line[seen], 2, usual)
    np.testing.assert_allclose(made.evidence[m.TESTED].ratio, direct, atol=1e-9)


def test_rows_kept_are_those_of_the_members_own_regressions() -> None:
    codes = genomes(300, 4)
    traits = np.random.default_rng(6).standard_normal((PEOPLE, 3))
    traits[:, 1] += 0.8 * codes[17]
    made = attack(codes, traits, m.SharedStatistics(2.0, 0.01, 10))
    expected = [
        (j, k) for j in range(300) for k in range(3)
        if stats.linregress(codes[j, made.members].astype(float), traits[made.members, k]).pvalue <= 1e-2
    ]  # fmt: skip
    told = made.evidence[m.KEPT]
    assert (17, 1) in expected
    assert (told.tests, told.variants) == (len(expected), len({j for j, _ in expected}))
    assert made.evidence[m.TESTED].tests == 900


def test_rare_alleles_are_not_passed_on_and_nothing_gives_no_rows() -> None:
    codes = genomes(30, 7)
    codes[:10] = 0
    codes[:10, :12] = 1  # about four of them among the members
    assert attack(codes, np.zeros((PEOPLE, 1))).evidence[m.TESTED].variants == 20
    none = iter([apart(codes[:10])])
    assert len(m.membership(none, np.zeros((PEOPLE, 1)), ALL, seed=1)) == 0


def test_too_few_people_give_no_rate_and_the_same_seed_the_same_ones() -> None:
    codes = genomes(50, 8, people=59)
    assert len(m.membership(iter([apart(codes)]), np.zeros((59, 2)), ALL, seed=1)) == 0
    assert measured(60).equals(measured(60))
    assert not measured(60).equals(measured(60, seed=2))


def test_rates_are_those_of_counting() -> None:
    rng = np.random.default_rng(9)
    members, outsiders = np.round(rng.normal(1, 1, 60), 1), np.round(rng.normal(0, 1, 80), 1)
    wins = (members[:, None] > outsiders).mean() + (members[:, None] == outsiders).mean() / 2
    area, caught = m.rates(members, outsiders)
    assert area == pytest.approx(wins)
    limit = np.sort(outsiders)[-5]  # four of eighty, 5 %, may lie above
    assert caught == (members > limit).mean()
