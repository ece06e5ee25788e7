"""Heritability, compared with simulated truth and the explicit restricted likelihood; errors with the SD of estimates."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from ecgwas.genotypes.packed_calls import PackedCalls, packed_calls
from ecgwas.genotypes.pruned_panel import PrunedGenotypes, standardised
from ecgwas.loci.heritability import greml, heritability
from ecgwas.tables import Covariates, Traits

PEOPLE, VARIANTS, REPEATS = 300, 400, 300


@pytest.mark.parametrize("share", [0.0, 0.4, 0.8])
def test_estimates_are_unbiased_and_errors_honest(share: float) -> None:
    rng = np.random.default_rng(1)
    codes = rng.binomial(2, rng.uniform(0.1, 0.5, VARIANTS)[:, None], (VARIANTS, PEOPLE)).astype(np.uint8)
    eids = tuple(str(i) for i in range(PEOPLE))
    panel = PrunedGenotypes(eids, packed_calls(codes), np.full(PEOPLE, VARIANTS), VARIANTS, no_calls(PEOPLE))
    genetic = standardised(codes).T @ rng.normal(size=(VARIANTS, REPEATS)) / np.sqrt(VARIANTS)
    values = np.sqrt(share) * genetic + np.sqrt(1 - share) * rng.normal(size=(PEOPLE, REPEATS))
    covariates = rng.normal(size=(PEOPLE, 5))
    values += covariates @ rng.normal(size=(5, REPEATS))
    traits = Traits(eids, tuple(f"t{k}" for k in range(REPEATS)), values)
    found = heritability(traits, Covariates(eids, tuple(f"c{k}" for k in range(5)), covariates), panel).frame
    spread = found["heritability"].std()
    assert found["heritability"].mean() == pytest.approx(share, abs=4 * spread / np.sqrt(REPEATS))
    assert found["se"].mean() == pytest.approx(spread, rel=0.15)
    # An estimate confined to 0..1 is unbiased only away from the ends.
    likely = found["greml"].std()
    if share == 0.4:
        assert found["greml"].mean() == pytest.approx(share, abs=4 * likely / np.sqrt(REPEATS))
        assert found["greml_se"].mean() == pytest.approx(likely, rel=0.2)
    if share == 0.0:
        # Half of the estimates are 0, and one in twenty has p below 0.05.
        assert (found["greml"] == 0).mean() == pytest.approx(0.5, abs=0.12)
        assert (found["greml_p"] < 0.05).mean() == pytest.approx(0.05, abs=0.04)
    if share == 0.8:
        assert (found["greml_p"] < 0.05).mean() > 0.5


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_greml_is_where_the_restricted_likelihood_is_largest(share: float) -> None:
    """Against the likelihood written out with dense matrices: |V|, |X'V^-1 X| and y'Py (Patterson and Thompson 1971)."""
    rng = np.random.default_rng(2)
    people, fixed = 120, np.column_stack([np.ones(120), rng.normal(size=(120, 3))])
    codes = rng.binomial(2, 0.3, (200, people)).astype(float)
    scaled = (codes - codes.mean(1, keepdims=True)) / codes.std(1, keepdims=True)
    relationship = scaled.T @ scaled / 200
    root = np.linalg.cholesky(share * relationship + (1 - share) * np.eye(people))
    trait = fixed @ [1.0, 2.0, -1.0, 0.5] + root @ rng.normal(size=people)

    def loss(log_variances: NDArray[np.float64]) -> float:
        genetic, rest = np.exp(log_variances)
        inverse = np.linalg.inv(genetic * relationship + rest * np.eye(people))
        inside = fixed.T @ inverse @ fixed
        projected = inverse - inverse @ fixed @ np.linalg.solve(inside, fixed.T @ inverse)
        return float(-np.linalg.slogdet(inverse)[1] + np.linalg.slogdet(inside)[1] + trait @ projected @ trait)

    direct = optimize.minimize(loss, np.log([0.5, 0.5]), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10})
    genetic, rest = np.exp(direct.x)
    basis = np.linalg.qr(fixed)[0]
    off = np.eye(people) - basis @ basis.T
    values, vectors = np.linalg.eigh(off @ relationship @ off + 1e6 * basis @ basis.T)
    inside, along = values[:-4], vectors[:, :-4]
    found = greml(inside, along.T @ trait)
    assert found.share == pytest.approx(genetic / (genetic + rest), abs=1e-4)
    nothing = loss(np.array([-40.0, np.log(trait @ off @ trait / 116)]))
    assert found.p == pytest.approx(stats.chi2.sf(nothing - direct.fun, 1) / 2, rel=1e-3)


def no_calls(people: int) -> PackedCalls:
    return packed_calls(np.empty((0, people), dtype=np.uint8))


def test_without_variants_the_table_is_empty() -> None:
    eids = ("a", "b")
    panel = PrunedGenotypes(eids, no_calls(2), np.zeros(2, dtype=np.int64), 0, no_calls(2))
    assert len(heritability(Traits(eids, ("t",), np.ones((2, 1))), Covariates(eids, (), np.empty((2, 0))), panel)) == 0


@pytest.mark.parametrize("lacking", [0.2, 0.5])
def test_covariates_are_regressed_out_among_the_participants_with_the_trait(lacking: float) -> None:
    """Untransformed, with covariates and a mean far from 0, to which participants without the trait must not contribute."""
    rng = np.random.default_rng(3)
    codes = rng.binomial(2, rng.uniform(0.1, 0.5, VARIANTS)[:, None], (VARIANTS, PEOPLE)).astype(np.uint8)
    eids = tuple(str(i) for i in range(PEOPLE))
    panel = PrunedGenotypes(eids, packed_calls(codes), np.full(PEOPLE, VARIANTS), VARIANTS, no_calls(PEOPLE))
    genetic = standardised(codes).T @ rng.normal(size=(VARIANTS, REPEATS)) / np.sqrt(VARIANTS)
    values = np.sqrt(0.6) * genetic + np.sqrt(0.4) * rng.normal(size=(PEOPLE, REPEATS))
    covariates = rng.normal(size=(PEOPLE, 5))
    values += 50 + covariates @ rng.normal(size=(5, REPEATS))
    values[rng.random(values.shape) < lacking] = np.nan
    traits = Traits(eids, tuple(f"t{k}" for k in range(REPEATS)), values)
    found = heritability(traits, Covariates(eids, tuple(f"c{k}" for k in range(5)), covariates), panel).frame
    spread = found["heritability"].std()
    assert found["heritability"].mean() == pytest.approx(0.6, abs=4 * spread / np.sqrt(REPEATS))
    assert found["se"].mean() == pytest.approx(spread, rel=0.15)
    if lacking == 0.2:  # With half of the people GREML is often at its bound of 1.
        assert found["greml"].mean() == pytest.approx(0.6, abs=4 * found["greml"].std() / np.sqrt(REPEATS))
