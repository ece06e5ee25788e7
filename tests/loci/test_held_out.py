"""Loci discovered without the held-out participants: noise stays within the limit, a planted effect exceeds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from bed_reader import to_bed
from numpy.typing import NDArray

from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci.held_out import DiscoverySample, Rule, discover
from ecgwas.loci.thresholds import table
from ecgwas.privacy import matching as m
from ecgwas.scan import matrix
from ecgwas.study import LociOptions
from ecgwas.tables import Covariates, Traits
from tests.genotypes import fileset

PEOPLE, VARIANTS, TRAITS = 150, 600, 6
APART_BP = 2_000_000
LENIENT = 5e-3
"""About twenty of the variants pass it by chance."""


def drawn(stem: Path, seed: int, effect: float = 0.0) -> tuple[Genotypes, Traits, Covariates]:
    """Independent common variants; the first affects all traits, as does a covariate correlated with the second trait."""
    rng = np.random.default_rng([seed, 8])
    copies = rng.binomial(2, rng.uniform(0.2, 0.5, VARIANTS), size=(PEOPLE, VARIANTS)).astype(np.int8)
    values = rng.standard_normal((PEOPLE, TRAITS))
    more = rng.standard_normal((PEOPLE, 1))
    values += effect * (copies[:, :1] - copies[:, 0].mean()) * rng.choice([-1.0, 1.0], TRAITS) + 0.3 * more
    names = [f"p{i}" for i in range(PEOPLE)]
    to_bed(stem.with_suffix(".bed"), np.ascontiguousarray(copies), properties={
        "fid": names, "iid": names, "sid": [f"v{j}" for j in range(VARIANTS)], "chromosome": ["1"] * VARIANTS,
        "bp_position": [APART_BP * j + 1 for j in range(VARIANTS)],
    })  # fmt: skip
    traits = Traits(tuple(names), tuple(f"made.I.f{k}" for k in range(TRAITS)), values)
    return fileset.opened(fileset.matrix_options(stem)), traits, Covariates(tuple(names), ("c",), more)


def rule(stem: Path, traits: Traits, p: float = LENIENT) -> Rule:
    options = LociOptions(threshold=p)
    return Rule(fileset.matrix_options(stem), options, table(options, [], traits, TRAITS))


def chosen_in(
    rule: Rule, opened: Genotypes, traits: Traits, covariates: Covariates, people: NDArray[np.int64]
) -> NDArray[np.float64]:  # fmt: skip
    """(N, L) copies of the lead variants discovered in these participants."""
    eids = tuple(traits.eids[i] for i in people)
    own = Traits(eids, traits.names, traits.values[people])
    sample = DiscoverySample(
        own, Covariates(eids, covariates.names, covariates.values[people]), np.zeros(len(people), dtype=np.int64)
    )
    leads = discover(rule, sample, opened, seed=1).lead_index
    return np.array([opened.dosage_of(int(place), traits.eids) for place in leads]).reshape(-1, PEOPLE).T


def judged(stem: Path, seed: int, *, effect: float = 0.0, by_others: bool = True, p: float = LENIENT) -> dict[str, float]:
    """The area under the curve, with each fold's loci discovered in the other participants, or in all."""
    opened, traits, covariates = drawn(stem, seed, effect)
    study, everyone, every = rule(stem, traits, p), np.arange(PEOPLE), np.arange(TRAITS)
    held = m.assign_folds(PEOPLE, seed=seed)
    sample = [np.setdiff1d(everyone, people) for people in held] if by_others else [everyone]
    found = [chosen_in(study, opened, traits, covariates, people) for people in sample] * (1 if by_others else len(held))
    folds = [m.Fold(people, every, {"loci": loci}) for people, loci in zip(held, found, strict=True)]
    return m.matching(traits.values, folds, seed=seed).frame.row(0, named=True)


def test_noise_exceeds_the_limit_as_rarely_as_stated(tmp_path: Path) -> None:
    """In one of 40 cases; loci discovered in the held-out participants themselves always exceeded it."""
    found = [judged(tmp_path / "cohort", seed) for seed in range(40)]
    assert np.mean([one["rate"] for one in found]) == pytest.approx(0.5, abs=0.015)
    assert sum(m.beyond_chance(one) is True for one in found) <= 4  # Of 40 with a chance of 0.025 each: more in 0.3 %.
    wrong = [judged(tmp_path / "cohort", seed, by_others=False) for seed in range(10)]
    assert sum(m.beyond_chance(one) is True for one in wrong) == 10
    assert np.mean([one["rate"] for one in wrong]) > 0.62


def test_a_planted_effect_exceeds_the_limit(tmp_path: Path) -> None:
    found = [judged(tmp_path / "cohort", seed, effect=0.9, p=1e-5) for seed in range(5)]
    assert all(m.beyond_chance(one) for one in found)
    assert all(one["rate"] > 0.62 for one in found)


def test_without_loci_all_matches_are_equally_likely(tmp_path: Path) -> None:
    row = judged(tmp_path / "cohort", 1, p=1e-12)
    assert (row["rate"], row["chance_limit"]) == (0.5, 0.5)
    assert m.beyond_chance(row) is False


def test_held_out_participants_do_not_affect_the_loci(tmp_path: Path) -> None:
    """Whatever genomes and traits they have, the loci are the same."""
    opened, traits, covariates = drawn(tmp_path / "cohort", 4, effect=0.9)
    study, held = rule(tmp_path / "cohort", traits), m.assign_folds(PEOPLE, seed=1)[0]
    rest = np.setdiff1d(np.arange(PEOPLE), held)
    before = chosen_in(study, opened, traits, covariates, rest)
    changed = traits.values.copy()
    changed[held] = 50 * np.arange(len(held))[:, None]
    after = chosen_in(study, opened, Traits(traits.eids, traits.names, changed), covariates, rest)
    np.testing.assert_array_equal(before, after)
    assert before.shape[1] > 0


def test_leads_follow_the_rule_of_the_study(tmp_path: Path) -> None:
    """One lead per locus, its strongest test, as in stage loci; traits with hits, each with its strongest."""
    opened, traits, covariates = drawn(tmp_path / "cohort", 6, effect=0.9)
    study = rule(tmp_path / "cohort", traits, 1e-4)
    found = discover(study, DiscoverySample(traits, covariates, np.zeros(PEOPLE, dtype=np.int64)), opened, seed=1)
    rows = matrix.scan(fileset.matrix_options(tmp_path / "cohort"), traits, covariates, opened, seed=1).associations.frame
    hits = rows.filter(pl.col("neglog10p") > 4)
    assert sorted(str(opened.variants[place]) for place in found.lead_index) == sorted(hits["variant"].unique())
    assert 0 in found.lead_index
    strongest = dict(hits.group_by("trait").agg(pl.col("neglog10p").max()).iter_rows())
    assert dict(found.traits.iter_rows()) == pytest.approx(strongest)


@pytest.mark.parametrize("sets", [True, False])
def test_trait_sets_find_loci_if_the_study_has_a_threshold_for_sets(tmp_path: Path, sets: bool) -> None:
    opened, traits, covariates = drawn(tmp_path / "cohort", 7, effect=0.5)
    options = LociOptions(threshold=1e-30, set_p=1e-6 if sets else None)
    engine = fileset.matrix_options(tmp_path / "cohort", permutations=20)
    study = Rule(engine, options, table(options, [], traits, TRAITS))
    found = discover(study, DiscoverySample(traits, covariates, np.zeros(PEOPLE, dtype=np.int64)), opened, seed=1)
    assert found.lead_index.tolist() == ([0] if sets else [])
    assert found.traits.height == (1 if sets else 0)
