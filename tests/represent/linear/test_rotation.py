"""Independent components against a known mixing; varimax against its criterion, a simple structure and plane rotations."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import ortho_group

from ecgwas import represent
from ecgwas.represent.linear.components import Components
from ecgwas.represent.linear.rotation import fast_ica, varimax, whitening
from ecgwas.study import Pca
from tests.factories import components_of, make_signals


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
    assert criterion(components_of(turned).directions) > criterion(components_of(plain).directions)


def test_a_known_mixing_is_undone() -> None:
    rng = np.random.default_rng(6)
    sources = np.column_stack(
        [rng.uniform(-1, 1, 4000), rng.laplace(size=4000), rng.exponential(size=4000), rng.choice([-1.0, 1.0], 4000)]
    )
    sources = (sources - sources.mean(axis=0)) / sources.std(axis=0)
    mixed = sources @ rng.standard_normal((4, 4))
    white = mixed @ whitening(mixed.T @ mixed / len(mixed))
    np.testing.assert_allclose(white.T @ white / len(white), np.eye(4), atol=1e-8)
    rotation = fast_ica(white)
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(4), atol=1e-10)
    found = np.abs(np.corrcoef((white @ rotation).T, sources.T)[:4, 4:])
    np.testing.assert_allclose(np.sort(found, axis=1)[:, -1], 1.0, atol=0.01)
    assert len(set(found.argmax(axis=1))) == 4


def test_components_along_other_axes_regress_the_traces_on_their_scores() -> None:
    rng = np.random.default_rng(7)
    traces = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 30)) * 3 + 0.1 * rng.standard_normal((200, 30))
    traces -= traces.mean(axis=0)
    _, sizes, right = np.linalg.svd(traces, full_matrices=False)
    directions, spread = right[:5], sizes[:5] / np.sqrt(200)
    plain = Components(np.zeros(30, np.float32), directions, directions, spread)
    along = plain.recombined(rng.standard_normal((5, 3)))
    scores = traces @ along.directions.T
    np.testing.assert_allclose(scores.std(axis=0), along.spread, rtol=1e-4)
    shown = traces @ directions.T @ directions
    np.testing.assert_allclose(along.patterns, np.linalg.lstsq(scores, shown, rcond=None)[0], atol=1e-4)


@pytest.mark.parametrize("criterion", ["variance", "repeatable"])
def test_independent_features_reconstruct_as_well_and_are_uncorrelated(criterion: str) -> None:
    signals = make_signals(60, seed=4)
    plain, turned = (
        represent.fit(
            Pca.model_validate({"name": "p", "features": 5, "rotation": rotation, "criterion": criterion}), signals, seed=1
        )
        for rotation in ("none", "ica")
    )
    features = turned.encode(signals)
    np.testing.assert_allclose(features.frame["mse"], plain.encode(signals).frame["mse"], rtol=2e-3)
    correlations = np.corrcoef(features.frame.select(features.names).to_numpy().T)
    np.testing.assert_allclose(correlations, np.eye(5), atol=1e-3)
