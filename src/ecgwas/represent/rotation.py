"""Rotation of components, so that each is large in few leads and times and has one thing to say."""

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
