"""Positive controls in permuted participants, compared with statsmodels, exact ACAT and studies without any effect."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.loci import positive_controls, positive_controls_null
from ecgwas.loci.individual_data import Chromosome
from ecgwas.scan.engine.samples import Cohort
from ecgwas.scan.permutation.sample import sampled
from ecgwas.statistics import combine_p
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.tables.loci import KnownTested


class InMemory:
    """Genotypes (V, N) of one chromosome, 1 Mb apart."""

    def __init__(self, copies: NDArray[np.float64], chrom: str = "1") -> None:
        self.copies, self.chrom = copies, chrom
        self.variants = np.array([f"{chrom}_v{j}" for j in range(len(copies))], dtype=object)
        self.positions = 1_000_000 * (1 + np.arange(len(copies)))
        self.effect_alleles = np.full(len(copies), "G", dtype=object)
        self.other_alleles = np.full(len(copies), "A", dtype=object)

    def __len__(self) -> int:
        return len(self.copies)

    def dosages(self, start: int, stop: int) -> NDArray[np.float64]:
        return self.copies[start:stop]


def study(
    rng: np.random.Generator, *, people: int, variants: int, traits: int, alike: float, lacking: float = 0.0, chrom: str = "1"
) -> Chromosome:
    """A study without associations; traits have the correlation `alike`."""
    copies = rng.binomial(2, 0.3, size=(variants, people)).astype(float)
    values = alike**0.5 * rng.normal(size=(people, 1)) + (1 - alike) ** 0.5 * rng.normal(size=(people, traits))
    values[rng.random(values.shape) < lacking] = np.nan
    cohort = Cohort(np.arange(people), np.arange(people), values, rng.normal(size=(people, 2)), None, people)
    names = tuple(f"made.12L.f{k}" for k in range(traits))
    return Chromosome(cast(Genotypes, InMemory(copies, chrom)), cohort, names)


def known_rows(chromosome: Chromosome, *, trait: str | None = None) -> list[dict[str, Any]]:
    region = chromosome.region(np.arange(len(chromosome.genotypes.variants)))
    strengths = positive_controls.region_strengths(chromosome, region)
    combined = combine_p.acat(strengths)
    empty = {name: None for name in KnownTested.columns}
    rows = []
    for j in range(len(region)):
        row = empty | {"known_trait": "QT", "neglog10p_acat": combined[j], **region.variant_row(j)}
        if trait is not None:
            fit = chromosome.model(trait).fit(region.copies[j])
            row |= {"trait": trait, "known_beta": 1.0, "beta": fit.beta, "neglog10p_trait": fit.neglog10p}
            row["same_direction"] = fit.beta > 0
        rows.append(row)
    return rows


@pytest.mark.parametrize("df", [20, 97, 5000])
def test_p_values_and_acat_are_those_of_the_scan(df: int) -> None:
    rng = np.random.default_rng(1)
    r = np.tanh(rng.normal(size=(200, 12)) * 2 / df**0.5)
    exact = neglog10p(r * np.sqrt(df / (1 - r**2)), float(df))
    found = positive_controls_null.PValues(df).of(r)
    np.testing.assert_allclose(found, 10.0**-exact, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(positive_controls_null.combined(found), 10.0 ** -combine_p.acat(exact), rtol=1e-3, atol=1e-8)


def test_a_permutation_is_a_regression_of_permuted_residuals() -> None:
    """As in the scan: residuals on the covariates in the order of its generator, with the covariates in the model again."""
    rng = np.random.default_rng(2)
    chromosome = study(rng, people=60, variants=5, traits=4, alike=0.5)
    table = KnownTested.of(known_rows(chromosome, trait="made.12L.f2"))
    found = positive_controls_null.permuted(table, np.ones(5, dtype=bool), [chromosome], seed=9)
    more = sm.add_constant(chromosome.cohort.covariates)
    residual = np.column_stack([sm.OLS(column, more).fit().resid for column in chromosome.cohort.values.T])
    copies = chromosome.genotypes.dosages(0, 5)
    for shuffle in (0, 7, 299):
        order = np.random.default_rng([9, shuffle]).permutation(60)
        for j in range(5):
            fits = [sm.OLS(column, np.column_stack([more, copies[j]])).fit() for column in residual[order].T]
            p = np.array([fit.pvalues[-1] for fit in fits])
            exact = 10.0 ** -combine_p.acat(-np.log10(p)[None])[0]
            assert abs(exact - 0.05) < 1e-3 or found.any_trait[j, shuffle] == (exact < 0.05)
            assert found.same_direction[j, shuffle] == (fits[2].params[-1] > 0)
            assert found.confirmed[j, shuffle] == (fits[2].params[-1] > 0 and p[2] < 0.05)


@pytest.mark.parametrize(("traits", "alike", "lacking"), [(1, 0.0, 0.0), (12, 0.7, 0.0), (30, 0.3, 0.0), (12, 0.7, 0.3)])
def test_a_study_without_effects_passes_in_one_of_twenty_cases(
    traits: int, alike: float, lacking: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged by a binomial with 5 %, studies of correlated traits passed two or three times as often."""
    monkeypatch.setattr(positive_controls_null, "PERMUTATIONS", 79)
    p = {"any_trait": [], "same_direction": [], "confirmed": []}
    for seed in range(60):
        rng = np.random.default_rng([traits, seed])
        chromosome = study(rng, people=80, variants=40, traits=traits, alike=alike, lacking=lacking)
        table = KnownTested.of(known_rows(chromosome, trait=chromosome.names[0]))
        found = positive_controls.replicated_shares(table, [chromosome], seed=seed)
        for name, share in found.items():
            p[name].append(share.p)
    for values in p.values():
        shares = [(np.array(values) <= level).mean() for level in (0.05, 0.25)]
        assert shares[0] <= 0.15  # more than 9 of 60 have a chance of 0.1 %
        assert shares[1] <= 0.45
    if traits > 1:
        assert found["any_trait"].expected > 0.05


def test_effects_of_all_known_variants_replicate() -> None:
    rng = np.random.default_rng(3)
    chromosome = study(rng, people=300, variants=20, traits=5, alike=0.3)
    chromosome.cohort.values[:, 1] += 0.5 * chromosome.genotypes.dosages(0, 20).sum(axis=0)
    found = positive_controls.replicated_shares(
        KnownTested.of(known_rows(chromosome, trait="made.12L.f1")), [chromosome], seed=1
    )
    assert {share.p for share in found.values()} == {1 / 301}
    assert {row["status"] for row in positive_controls.guard_rows(found)} == {"pass"}


def test_of_many_participants_the_same_are_permuted_on_every_chromosome(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    chromosome = study(rng, people=300, variants=4, traits=3, alike=0.3)
    cohort = chromosome.cohort
    back = np.arange(300)[::-1]
    other = Cohort(back, back, cohort.values[back], cohort.covariates[back], None, 300)
    monkeypatch.setattr(positive_controls_null, "MAX_PEOPLE", 100)
    first, second = (sampled(one, 100, 5) for one in (cohort, other))
    assert len(first.fam_index) == 100
    assert set(first.table_index) == set(second.table_index)
    table = KnownTested.of(known_rows(chromosome))
    found = [positive_controls_null.permuted(
        table, np.ones(4, dtype=bool), [Chromosome(chromosome.genotypes, one, chromosome.names)],
        seed=5) for one in (cohort, other)]  # fmt: skip
    assert (found[0].any_trait != found[1].any_trait).mean() < 0.002
    assert found[0].any_trait.mean() == pytest.approx(0.05, abs=0.03)
