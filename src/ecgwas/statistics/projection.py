"""Projection on an orthonormal basis, such as that of intercept and covariates: residuals and weights."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", bound="np.floating[Any]")


def span(covariates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, R) orthonormal columns that span intercept and covariates; the first is the intercept's.

    R < C + 1 if covariates are constant or linearly dependent in these participants.
    """
    centred = covariates - covariates.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    varying = centred[:, norms > 1e-9 * np.maximum(np.abs(covariates).max(axis=0, initial=0.0), 1e-300)]
    unit = varying / np.linalg.norm(varying, axis=0)
    left, sizes, _ = np.linalg.svd(unit, full_matrices=False)
    intercept = np.full((len(covariates), 1), 1.0 / np.sqrt(len(covariates)))
    return np.hstack([intercept, left[:, sizes > 1e-7]])


def residuals(
    values: NDArray[Real], basis: NDArray[Real], *, passes: int = 1, out: NDArray[Real] | None = None
) -> NDArray[Real]:
    """(N,) or (..., N, K): residuals of the columns `values` after projection on the orthonormal basis (N, R).

    passes: 2 also removes the rounding errors of the first projection. out receives the result and may be `values` itself.
    """
    for _ in range(passes):
        values = np.subtract(values, basis @ (basis.T @ values), out=out)
    return values


def row_residuals(values: NDArray[np.float64], basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) or (V, N): residuals of the rows `values` after projection on the orthonormal basis (N, R), in two passes."""
    return project_rows(values, basis)[0]


def project_rows(values: NDArray[np.float64], basis: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`row_residuals` of values (N,) or (V, N), and their weights (R,) or (V, R) on the basis (N, R)."""
    first = values @ basis
    once = values - first @ basis.T
    second = once @ basis
    return once - second @ basis.T, first + second
