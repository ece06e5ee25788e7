from __future__ import annotations

import numpy as np
import pytest

from ecgwas.mixed.structure import structure
from tests.mixed import families


@pytest.mark.parametrize("seed", range(5))
def test_unrelated_people_of_one_ancestry_have_none(seed: int) -> None:
    made = families.draw(400, 400, related=0.0, seed=seed)
    found = structure(made.copies.T.astype(float), made.chromosome)
    assert found is not None
    assert not found.is_there
    assert abs(found.z) < 5


def test_families_have_the_excess_of_their_siblings() -> None:
    made = families.draw(400, 500, related=1.0, seed=3, segments=25)
    found = structure(made.copies.T.astype(float), made.chromosome)
    assert found is not None
    assert found.is_there
    # Two thirds live with three siblings, one third with one: 0.25 each, and what sharing varies around a half.
    assert 0.5 < found.excess < 0.8


def test_two_ancestries_are_seen_and_missing_calls_are_none() -> None:
    rng = np.random.default_rng(4)
    frequency = rng.uniform(0.2, 0.8, (400, 1))
    shift = np.where(np.arange(300) < 150, 0.1, -0.1)
    copies = rng.binomial(2, np.clip(frequency + shift * rng.choice([-1, 1], (400, 1)), 0.01, 0.99)).astype(float)
    copies[rng.random(copies.shape) < 0.01] = np.nan
    found = structure(copies, np.arange(400) % 4)
    assert found is not None
    assert found.is_there


def test_one_chromosome_is_not_judged() -> None:
    made = families.draw(50, 40, related=0.0, seed=1)
    assert structure(made.copies.T.astype(float), np.ones(40, dtype=np.int64)) is None
    assert structure(np.ones((4, 10)), np.arange(4)) is None
