"""Sets of traits tested at once: against Hotelling's T squared, direct computation, and their own permutations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats

from ecgwas.loci import merge, thresholds
from ecgwas.loci.merge import LociTables
from ecgwas.scan import matrix
from ecgwas.scan.permutation import trait_sets
from ecgwas.scan.permutation.trait_sets import TraitSets
from ecgwas.statistics import combine_p
from ecgwas.study import LociOptions
from ecgwas.tables import ScanResult, Traits
from tests.genotypes import fileset

PEOPLE = 200


NO_COVARIATES = np.full((PEOPLE, 1), PEOPLE**-0.5)


def unit(values: NDArray[np.float64]) -> NDArray[np.float32]:
    centred = values - values.mean(axis=0)
    return (centred / np.linalg.norm(centred, axis=0)).astype(np.float32)


def the_set(values: NDArray[np.float32], df: int = PEOPLE - 2) -> TraitSets:
    names = [f"made.12L.f{k}" for k in range(values.shape[1])]
    return TraitSets(trait_sets.sets(names, values, NO_COVARIATES, df), df)


def strengths(made: TraitSets, genotypes: NDArray[np.float32]) -> NDArray[np.float64]:
    """(V,) of the only set, people as they are."""
    one = made.sets[0]
    return made.omnibus_neglog10p(made.omnibus(genotypes @ one.components)[:, 0, 0], one)


def test_sets_are_of_a_lead_and_of_a_representation() -> None:
    names = ["a.I.f1", "a.I.f2", "a.II.f1", "b.12L.x", "b.12L.y", "c.12L.x"]
    values = unit(np.random.default_rng(1).normal(size=(PEOPLE, 6)))
    found = trait_sets.sets(names, values, NO_COVARIATES, PEOPLE - 2)
    assert [(one.name, one.columns.tolist()) for one in found] == [("a.I", [0, 1]), ("b.12L", [3, 4]), ("a", [0, 1, 2])]
    assert trait_sets.sets(names, values, NO_COVARIATES, 4) == ()


def hotelling(group: NDArray[np.bool_], points: NDArray[np.float64]) -> float:
    """-log10 p of two groups' means, T squared of Hotelling 1931."""
    first, second = points[group], points[~group]
    m, n, count = len(first), len(second), points.shape[1]
    pooled = ((m - 1) * np.cov(first.T) + (n - 1) * np.cov(second.T)) / (m + n - 2)
    difference = first.mean(0) - second.mean(0)
    t2 = m * n / (m + n) * difference @ np.linalg.solve(pooled, difference)
    rest = m + n - 1 - count
    return -stats.f.logsf(t2 * rest / ((m + n - 2) * count), count, rest) / np.log(10)


def test_the_omnibus_is_hotellings_t_squared_of_the_scores() -> None:
    rng = np.random.default_rng(2)
    traits = rng.normal(size=(PEOPLE, 4)) @ (np.eye(4) + 0.3 * rng.normal(size=(4, 4)))
    group = np.arange(PEOPLE) < 70
    traits[:, 1] += 0.7 * group
    made = the_set(unit(traits))
    found = strengths(made, unit(group[:, None].astype(float)).T).item()
    assert found == pytest.approx(hotelling(group, made.sets[0].components.astype(np.float64)), rel=1e-4)
    # Normal traits lose next to nothing by their components.
    assert found == pytest.approx(hotelling(group, traits), rel=0.25)


def test_scores_are_orthonormal_without_covariates_and_as_far_out_as_normal_people() -> None:
    rng = np.random.default_rng(7)
    traits = rng.standard_t(2, size=(PEOPLE, 6)) @ rng.normal(size=(6, 6))
    basis = np.linalg.qr(np.column_stack([np.ones(PEOPLE), rng.normal(size=(PEOPLE, 3))]))[0]
    values = traits - basis @ (basis.T @ traits)
    found = trait_sets.set_components((values / np.linalg.norm(values, axis=0)).astype(np.float32), basis).astype(np.float64)
    np.testing.assert_allclose(found.T @ found, np.eye(found.shape[1]), atol=1e-5)
    np.testing.assert_allclose(basis.T @ found, 0, atol=1e-5)
    leverage = np.sort((found**2).sum(axis=1))
    expected = stats.chi2.ppf((np.arange(PEOPLE) + 1) / (PEOPLE + 1), found.shape[1])
    assert leverage[-1] < 1.5 * expected[-1] * leverage.sum() / expected.sum()
    assert np.square(values @ np.linalg.inv(np.linalg.cholesky(values.T @ values)).T).sum(axis=1).max() > 3 * leverage[-1]


def test_shuffled_scores_are_orthonormal_and_without_covariates() -> None:
    rng = np.random.default_rng(8)
    basis = np.linalg.qr(np.column_stack([np.ones(PEOPLE), rng.normal(size=(PEOPLE, 20))]))[0]
    values = rng.normal(size=(PEOPLE, 5))
    values -= basis @ (basis.T @ values)
    names = ["a.I.f1", "a.I.f2", "b.I.f1", "b.I.f2", "b.I.f3"]
    made = TraitSets(trait_sets.sets(names, unit(values), basis, PEOPLE - 22), PEOPLE - 22)
    orders = np.stack([rng.permutation(PEOPLE) for _ in range(2)])
    moved = made.shuffled(orders, basis.astype(np.float32)).astype(np.float64)
    np.testing.assert_allclose(basis.T @ moved, 0.0, atol=1e-5)
    for shuffle in range(2):
        for columns in (slice(0, 2), slice(2, 5)):
            own = moved[:, 5 * shuffle :][:, columns]
            np.testing.assert_allclose(own.T @ own, np.eye(own.shape[1]), atol=1e-5)
            # The same space as that of the components in the other order, without covariates.
            plain = made.components[orders[shuffle]][:, columns].astype(np.float64)
            plain -= basis @ (basis.T @ plain)
            np.testing.assert_allclose(own @ (own.T @ plain), plain, atol=1e-5)


def test_acat_is_that_of_the_single_p_values() -> None:
    correlations = np.array([[0.3, -0.1, 0.05], [0.0, 0.0, 0.02]])
    made = the_set(unit(np.random.default_rng(3).normal(size=(PEOPLE, 3))))
    t = correlations * np.sqrt((PEOPLE - 2) / (1 - correlations**2))
    direct = combine_p.acat(-np.log10(2 * stats.t.sf(np.abs(t), PEOPLE - 2)))
    np.testing.assert_allclose(made.acat(correlations), direct, rtol=1e-8)


@pytest.mark.parametrize("tail", [np.inf, 3.0])
def test_p_values_are_uniform_under_the_null_however_heavy_the_tails(tail: float) -> None:
    rng = np.random.default_rng(4)
    points = rng.normal(size=(PEOPLE, 6)) @ rng.normal(size=(6, 6))
    if np.isfinite(tail):
        points *= np.sqrt(tail / rng.chisquare(tail, (PEOPLE, 1)))  # Whoever is odd is so in all traits.
    made = the_set(unit(points))
    rare = unit((rng.random((PEOPLE, 20_000)) < 0.05).astype(float)).T
    strength = strengths(made, rare)
    assert (strength > 2).mean() == pytest.approx(0.01, abs=0.003)
    assert (strength > 3).mean() == pytest.approx(0.001, abs=0.0009)


@pytest.mark.parametrize(("variants", "traits", "alike", "strong"), [
    (1, 2, 0.0, 0.0), (3, 5, 0.5, 0.0), (300, 5, 0.0, 0.6), (300, 5, 0.0, 0.0), (40, 30, 0.9, 0.0), (1000, 12, 0.3, 0.95),
])  # fmt: skip
def test_the_largest_of_a_shuffle_is_that_of_every_variant_and_set(
    variants: int, traits: int, alike: float, strong: float
) -> None:
    """Whatever the number of variants, traits, and how like each other traits are; block after block."""
    rng = np.random.default_rng(variants + traits)
    values = unit(rng.normal(size=(PEOPLE, traits)) + alike * 2 * rng.normal(size=(PEOPLE, 1)))
    names = [f"made.{'I' if k < traits // 2 else 'II'}.f{k}" for k in range(traits)]
    made = TraitSets(trait_sets.sets(names, values, NO_COVARIATES, PEOPLE - 2), PEOPLE - 2)
    genotypes = unit(rng.normal(size=(PEOPLE, variants))).T
    genotypes[0] = values[:, 1] * strong + genotypes[0] * (1 - strong**2) ** 0.5
    orders = [np.arange(PEOPLE), *(rng.permutation(PEOPLE) for _ in range(20))]
    correlations = np.stack([genotypes @ values[order] for order in orders], axis=1)
    found = np.zeros(len(orders))
    for block in np.array_split(correlations, min(3, variants)):
        found = made.acat_maxima(block, np.abs(block).max(axis=0), found)
    direct = [max(made.acat(correlations[:, b, one.columns]).max() for one in made.sets) for b in range(len(orders))]
    np.testing.assert_allclose(found, direct, rtol=1e-9)
    if strong == 0.0:
        assert np.min(direct) < 2.5  # Far below what a genome of variants reaches.


def test_what_was_reached_elsewhere_is_never_lost() -> None:
    rng = np.random.default_rng(9)
    values = unit(rng.normal(size=(PEOPLE, 5)))
    made, genotypes = the_set(values), unit(rng.normal(size=(PEOPLE, 50))).T
    correlations = np.stack([genotypes @ values[rng.permutation(PEOPLE)] for _ in range(6)], axis=1)
    before = np.array([0.0, 0.5, 1.0, 2.0, 5.0, 40.0])
    direct = [made.acat(correlations[:, b]).max() for b in range(6)]
    found = made.acat_maxima(correlations, np.abs(correlations).max(axis=0), before)
    np.testing.assert_allclose(found, np.maximum(direct, before), rtol=1e-9)


@pytest.mark.parametrize("variants", [1, 20])
def test_p_values_of_sets_are_uniform_where_few_variants_are_tested(variants: int, tmp_path: Path) -> None:
    """The rank of people as they are among shuffles, 200 null studies: shuffles whose ACAT was weak once counted as none."""
    ranks = []
    rng = np.random.default_rng(variants)
    for seed in range(200):
        values = rng.normal(size=(80, 6)) + rng.normal(size=(80, 1))
        dosage = rng.binomial(2, 0.3, size=(variants, 80)).astype(float)
        eids = tuple(str(i) for i in range(80))
        traits = Traits(eids, tuple(f"made.{'I' if k % 2 else 'II'}.f{k}" for k in range(6)), values)
        ranks.append(rank_of(traits, dosage, seed))
    shares = [np.mean(np.array(ranks) <= level) for level in (0.1, 0.3, 0.5)]
    assert shares == pytest.approx([0.1, 0.3, 0.5], abs=0.105)


def rank_of(traits: Traits, dosage: NDArray[np.float64], seed: int) -> float:
    """p of the largest set of people as they are, among 19 shuffles."""
    values = unit(traits.values)
    people = len(values)
    basis = np.full((people, 1), people**-0.5)
    made = TraitSets(trait_sets.sets(traits.names, values, basis, people - 2), people - 2)
    genotypes = unit(dosage.T).T
    rng = np.random.default_rng([seed, 5])
    orders = np.stack([np.arange(people), *(rng.permutation(people) for _ in range(19))])
    correlations = np.stack([genotypes @ values[order] for order in orders], axis=1)
    found = made.acat_maxima(correlations, np.abs(correlations).max(axis=0), np.zeros(20))
    components = made.shuffled(orders, basis.astype(np.float32))
    found = np.maximum(found, made.max_neglog10p(made.omnibus(genotypes @ components).max(axis=0)))
    return float((found >= found[0]).mean())


def test_the_omnibus_of_several_sets_and_shuffles_is_that_of_each() -> None:
    rng = np.random.default_rng(6)
    values, genotypes = unit(rng.normal(size=(PEOPLE, 5))), unit(rng.normal(size=(PEOPLE, 50))).T
    names = ["a.I.f1", "a.I.f2", "b.I.f1", "b.I.f2", "b.I.f3"]
    made = TraitSets(trait_sets.sets(names, values, NO_COVARIATES, PEOPLE - 2), PEOPLE - 2)
    orders = np.stack([rng.permutation(PEOPLE) for _ in range(3)])
    shuffled = made.shuffled(orders, NO_COVARIATES.astype(np.float32))
    found = made.max_neglog10p(made.omnibus(genotypes @ shuffled).max(axis=0))
    for order, value in zip(orders, found, strict=True):
        alone = []
        for one in made.sets:
            q = np.square(genotypes.astype(np.float64) @ one.components[order]).sum(axis=1)
            rest, count = PEOPLE - 1 - one.components.shape[1], one.components.shape[1]
            alone.append((-stats.f.logsf(q / (1 - q) * rest / count, count, rest) / np.log(10)).max())
        assert value == pytest.approx(max(alone), rel=1e-4)


def scanned(folder: Path, effect: float) -> ScanResult:
    """120 people, 60 variants; one variant moves every trait of a set a little."""
    dosage = fileset.draw(300, 60, 1)
    eids = fileset.write(folder / "cohort", dosage)
    traits, covariates = fileset.tables(eids, 8, 2, 1)
    place = {eid: i for i, eid in enumerate(eids)}
    copies = dosage[[place[eid] for eid in traits.eids], 30].astype(float)
    names = tuple(f"made.12L.f{k}" for k in range(8))
    planted = Traits(traits.eids, names, traits.values + effect * copies[:, None])
    options = fileset.matrix_options(folder / "cohort", permutations=400)
    return matrix.scan(options, planted, covariates, fileset.opened(options), seed=1)


def judged(result: ScanResult, **options: object) -> LociTables:
    made = LociOptions.model_validate({"threshold": "permutation", **options})
    values = np.random.default_rng(0).normal(size=(50, 8))
    table = thresholds.table(made, [result], Traits(tuple(map(str, range(50))), result.traits, values), 8)
    return merge.find_loci(made, table, result.associations, [result])


def test_what_moves_many_traits_a_little_is_found_by_the_set_and_labelled(tmp_path: Path) -> None:
    result = scanned(tmp_path, 0.22)
    found = judged(result)
    kinds = {row["kind"]: row for row in found.thresholds.frame.iter_rows(named=True)}
    assert "0.01 family-wise over all trait sets" in kinds["sets"]["note"]
    assert "0.04 family-wise" in kinds["permutation"]["note"]
    assert not kinds["sets"]["used"]
    assert found.hits.frame.filter(pl.col("variant") == "v30").height == 0
    assert found.set_hits.frame["variant"].to_list() == ["v30"]
    locus = found.loci.frame.filter(pl.col("lead_variant") == "v30").row(0, named=True)
    assert (locus["test"], locus["set"], locus["traits"]) == ("omnibus", "made.12L", 0)
    assert locus["best_trait"] in result.traits


def test_sets_take_nothing_where_they_have_no_share(tmp_path: Path) -> None:
    found = judged(scanned(tmp_path, 0.22), set_share=0.0)
    assert "sets" not in found.thresholds.frame["kind"].to_list()
    assert "0.05 family-wise" in found.thresholds.frame.filter(pl.col("kind") == "permutation")["note"].item()
    assert len(found.set_hits) == 0


def test_a_single_trait_leads_where_there_is_one(tmp_path: Path) -> None:
    found = judged(scanned(tmp_path, 1.0))
    locus = found.loci.frame.filter(pl.col("lead_variant") == "v30").row(0, named=True)
    assert (locus["test"], locus["set"], locus["traits"]) == ("single", "made.12L", 8)


def test_a_set_without_anything_keeps_few_rows(tmp_path: Path) -> None:
    result = scanned(tmp_path, 0.0)
    assert len(result.set_permutation_max) == 400
    assert len(result.sets) == 60  # Of so few variants all: the threshold may lie below 3.
    assert result.sets.frame.filter(pl.max_horizontal("omnibus", "acat") >= 3).height < 5


def test_rows_and_loci_beyond_the_threshold_of_sets_are_those_of_sets(tmp_path: Path) -> None:
    """Not those of single traits that pass the same number: 2 rows in 1 locus were told where no set was a hit."""
    found = judged(scanned(tmp_path, 0.22))
    row = found.thresholds.frame.filter(pl.col("kind") == "sets").row(0, named=True)
    assert (row["significant"], row["loci"]) == (len(found.set_hits), 1) == (1, 1)
    single = scanned(tmp_path, 1.0)
    none = replace(single, sets=single.sets.empty())
    row = judged(none).thresholds.frame.filter(pl.col("kind") == "sets").row(0, named=True)
    assert (row["significant"], row["loci"]) == (0, 0)
    assert len(judged(none).hits) > 0
