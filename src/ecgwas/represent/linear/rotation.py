"""Rotation of components: to few large entries in leads and times (varimax), or to independent scores (FastICA)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MAX_ITERATIONS, TOLERANCE = 500, 1e-10


def varimax(directions: Floats) -> Floats:
    """(F, F) orthogonal R that maximises the variance of squared entries within each row of R'directions, (F, D).

    Kaiser, Psychometrika 23:187 (1958), by the singular values of the criterion's gradient. The criterion never falls; the
    iteration ends when it grows by less than 1e-10 of itself.
    """
    loadings = np.asarray(directions, dtype=np.float64).T  # (D, F)
    rotation = np.eye(loadings.shape[1])
    criterion = 0.0
    for _ in range(MAX_ITERATIONS):
        rotated = loadings @ rotation
        gradient = loadings.T @ (rotated**3 - rotated * np.mean(rotated**2, axis=0))
        left, singular_values, right = np.linalg.svd(gradient)
        rotation = left @ right
        if singular_values.sum() < criterion * (1 + TOLERANCE):
            break
        criterion = float(singular_values.sum())
    return rotation


def whitening(covariance: Floats) -> Floats:
    """(F, F) symmetric W such that scores (N, F) with that covariance have unit covariance as scores @ W."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors / np.sqrt(eigenvalues)) @ vectors.T, dtype=np.float64)


def fast_ica(white: Floats) -> Floats:
    """(F, F) orthogonal R that makes white scores (N, F) @ R as independent as a rotation can.

    FastICA with symmetric decorrelation and log cosh (Hyvarinen, IEEE Trans Neural Netw 10:626, 1999), starting from the scores
    themselves. It ends when no axis turns by more than 1e-10 in its cosine, or after 500 iterations. Gaussian scores have no
    independent axes; the axes found for them are due to chance.
    """
    rotation = np.eye(white.shape[1])
    for _ in range(MAX_ITERATIONS):
        contrast = np.tanh(white @ rotation)  # (N, F)
        step = white.T @ contrast / len(white) - rotation * (1.0 - np.square(contrast)).mean(axis=0)
        left, _, right = np.linalg.svd(step)
        before, rotation = rotation, left @ right
        if np.abs(np.abs((before * rotation).sum(axis=0)) - 1.0).max() < TOLERANCE:
            break
    return rotation
