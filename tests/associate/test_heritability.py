"""Heritability against simulated truth: unbiased, and its standard error is the spread of the estimates."""

from __future__ import annotations

import numpy as np
import pytest

from ecgwas.associate.heritability import heritability
from ecgwas.associate.panel import Panel, standardised
from ecgwas.tables import Covariates, Traits

PEOPLE, VARIANTS, REPEATS = 300, 400, 300


@pytest.mark.parametrize("share", [0.0, 0.4, 0.8])
def test_estimates_are_unbiased_and_errors_honest(share: float) -> None:
    rng = np.random.default_rng(1)
    codes = rng.binomial(2, rng.uniform(0.1, 0.5, VARIANTS)[:, None], (VARIANTS, PEOPLE)).astype(np.uint8)
    eids = tuple(str(i) for i in range(PEOPLE))
    panel = Panel(eids, codes, np.full(PEOPLE, VARIANTS), VARIANTS, np.empty((0, PEOPLE), dtype=np.uint8))
    genetic = standardised(codes).T @ rng.normal(size=(VARIANTS, REPEATS)) / np.sqrt(VARIANTS)
    values = np.sqrt(share) * genetic + np.sqrt(1 - share) * rng.normal(size=(PEOPLE, REPEATS))
    covariates = rng.normal(size=(PEOPLE, 5))
    values += covariates @ rng.normal(size=(5, REPEATS))
    traits = Traits(eids, tuple(f"t{k}" for k in range(REPEATS)), values)
    found = heritability(traits, Covariates(eids, tuple(f"c{k}" for k in range(5)), covariates), panel).frame
    spread = found["heritability"].std()
    assert found["heritability"].mean() == pytest.approx(share, abs=4 * spread / np.sqrt(REPEATS))
    assert found["se"].mean() == pytest.approx(spread, rel=0.15)


def test_without_variants_there_is_nothing_to_say() -> None:
    eids = ("a", "b")
    panel = Panel(eids, np.empty((0, 2), dtype=np.uint8), np.zeros(2, dtype=np.int64), 0, np.empty((0, 2), dtype=np.uint8))
    assert len(heritability(Traits(eids, ("t",), np.ones((2, 1))), Covariates(eids, (), np.empty((2, 0))), panel)) == 0
