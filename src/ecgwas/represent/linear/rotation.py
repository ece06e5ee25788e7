"""Rotation of components, so that each has one thing to say: large in few leads and times, or independent of the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDS, ENOUGH = 500, 1e-10


def varimax(directions: Floats) -> Floats:
    """(F, F) orthogonal R for which R'directions, (F, D), have the greatest variance of squared entries within each row.

    Kaiser, Psychometrika 23:187 (1958), by the singular values of the criterion's gradient; the criterion never falls, and
    the search ends when it grows by less than 1e-10 of itself.
    """
    loadings = np.asarray(directions, dtype=np.float64).T  # (D, F)
    rotation = np.eye(loadings.shape[1])
    before = 0.0
    for _ in range(ROUNDS):
        rotated = loadings @ rotation
        gradient = loadings.T @ (rotated**3 - rotated * np.mean(rotated**2, axis=0))
        left, sizes, right = np.linalg.svd(gradient)
        rotation = left @ right
        if sizes.sum() < before * (1 + ENOUGH):
            break
        before = float(sizes.sum())
    return rotation


def whitening(covariance: Floats) -> Floats:
    """(F, F) symmetric W for which scores (N, F) of that covariance have unit covariance as scores @ W."""
    sizes, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors / np.sqrt(sizes)) @ vectors.T, dtype=np.float64)


def independent(white: Floats) -> Floats:
    """(F, F) orthogonal R for which white scores (N, F) @ R are as independent as a rotation makes them.

    FastICA with symmetric decorrelation and log cosh (Hyvarinen, IEEE Trans Neural Netw 10:626, 1999), begun from the scores
    themselves; it ends when no axis turns by more than 1e-10 in its cosine, or after 500 rounds. Gaussian scores have no
    independent axes of their own: theirs follow from chance.
    """
    rotation = np.eye(white.shape[1])
    for _ in range(ROUNDS):
        bent = np.tanh(white @ rotation)  # (N, F)
        step = white.T @ bent / len(white) - rotation * (1.0 - np.square(bent)).mean(axis=0)
        left, _, right = np.linalg.svd(step)
        before, rotation = rotation, left @ right
        if np.abs(np.abs((before * rotation).sum(axis=0)) - 1.0).max() < ENOUGH:
            break
    return rotation
