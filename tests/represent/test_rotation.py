"""Varimax against its criterion, a known simple structure, and every plane rotation that could still raise it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.stats import ortho_group

from ecgwas import represent
from ecgwas.represent.rotation import varimax
from ecgwas.study import Pca
from tests.factories import make_signals


def criterion(rows: np.ndarray) -> float:
    """Kaiser's: sum over components of the variance of squared loadings."""
    return float(np.var(rows**2, axis=1).sum())


def test_a_simple_structure_is_found_again() -> None:
    simple = np.zeros((4, 40))
    for k in range(4):
        simple[k, 10 * k : 10 * k + 10] = 1 / np.sqrt(10)
    mixed = ortho_group.rvs(4, random_state=1) @ simple
    found = varimax(mixed).T @ mixed
    overlap = np.abs(found @ simple.T)
    np.testing.assert_allclose(np.sort(overlap, axis=1)[:, -1], 1.0, atol=1e-6)
    assert len(set(overlap.argmax(axis=1))) == 4


def test_no_rotation_in_a_plane_raises_the_criterion() -> None:
    directions = np.linalg.qr(np.random.default_rng(2).standard_t(3, (60, 5)))[0].T
    rotation = varimax(directions)
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(5), atol=1e-10)
    best = criterion(rotation.T @ directions)
    assert best > criterion(directions)
    for i, j in combinations(range(5), 2):
        for angle in (-0.1, -0.01, 0.01, 0.1):
            turned = (rotation.T @ directions).copy()
            a, b = turned[i].copy(), turned[j].copy()
            turned[i], turned[j] = np.cos(angle) * a + np.sin(angle) * b, np.cos(angle) * b - np.sin(angle) * a
            assert criterion(turned) <= best * (1 + 1e-6)


def test_rotated_features_reconstruct_as_well_and_are_ordered() -> None:
    signals = make_signals(40, seed=4)
    plain, turned = (
        represent.fit(Pca.model_validate({"name": "p", "features": 6, "rotation": rotation}), signals, seed=1)
        for rotation in ("none", "varimax")
    )
    np.testing.assert_allclose(turned.errors["mse"], plain.errors["mse"], rtol=1e-4)
    np.testing.assert_allclose(turned.encode(signals).frame["mse"], plain.encode(signals).frame["mse"], rtol=1e-3)
    spread = turned.encode(signals).frame.select(turned.encode(signals).names).to_numpy().std(axis=0)
    assert (np.diff(spread) <= 1e-5).all()
    assert criterion(turned.components.directions) > criterion(plain.components.directions)
