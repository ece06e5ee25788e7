"""The choice of atoms in `benchmarks.findings.local_atoms`, against the same choice computed plainly."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.findings.local_atoms import HALF_SHARE, LARGEST_SHARE, Candidates, RandomEffects, chosen
from ecgwas.represent.linear.atoms import Atom


def test_each_atom_adds_most_to_those_before_it() -> None:
    rng = np.random.default_rng(2)
    shares = rng.exponential(0.5, (40, 60)).astype(np.float32)
    atoms = tuple(Atom("V1", float(k), 8.0) for k in range(40))
    found = Candidates(atoms, np.where(np.arange(40) % 4, 0.9, 0.1), shares)
    gains = np.log1p(np.minimum(shares, LARGEST_SHARE) / HALF_SHARE)
    left, expected, reached = [k for k in range(40) if k % 4], [], np.zeros(60)
    for _ in range(12):
        best = max(left, key=lambda k: np.maximum(gains[k], reached).sum())
        expected.append(atoms[best])
        reached = np.maximum(reached, gains[best])
        left.remove(best)
    assert chosen(found, 12, 0.5) == expected


def test_information_is_that_of_a_regression_on_the_projection() -> None:
    times_ms = np.arange(-200.0, 400.0, 4.0)
    effects = RandomEffects.drawn(times_ms, -200.0, 380.0, seed=1, count=3)
    beats = np.random.default_rng(3).standard_normal((50, 8, len(times_ms))).astype(np.float32)
    for k, found in enumerate(effects.information(beats)):
        bump = np.outer(effects.patterns[k], effects.bumps[k])
        projection = (beats * bump).sum(axis=(1, 2))
        assert found == pytest.approx((bump**2).sum() ** 2 / projection.var(), rel=1e-4)
