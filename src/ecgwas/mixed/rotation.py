"""Coordinates in which the covariates are gone and the relationship matrix is diagonal.

With Q (N, R) an orthonormal basis of intercept and covariates and P = I - Q Q', the eigenvectors of P G P - c Q Q', c > 0, are
a basis of span(Q), with eigenvalue -c, and B (N, n), n = N - R, orthonormal and orthogonal to Q, with eigenvalues s >= 0. For

    y~ = B'y ~ N(B'x b, s2 (lambda diag(s) + I))

the likelihood is the restricted likelihood of y (Patterson and Thompson 1971, Biometrika 58:545; Kang et al. 2008, Genetics
178:1709), and nothing has to be done for covariates any more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg


@dataclass(frozen=True)
class Rotation:
    """basis (N, n) float64, C order, orthonormal and orthogonal to the covariates; values (n,) float64 ascending, at least 0.

    basis32 (N, n) float32: the same, for screens.
    """

    basis: NDArray[np.float64]
    basis32: NDArray[np.float32]
    values: NDArray[np.float64]

    @property
    def df(self) -> int:
        """Degrees of freedom of a test of one variant: N - R - 1."""
        return len(self.values) - 1


def rotation(relationship: NDArray[np.float64], covariates: NDArray[np.float64]) -> Rotation:
    """The rotation of G (N, N), positive semidefinite, and an orthonormal basis of intercept and covariates (N, R), R < N."""
    rank = covariates.shape[1]
    projected = relationship.copy()
    for _ in range(2):  # The second pass removes rounding errors of the first.
        projected -= covariates @ (covariates.T @ projected)
        projected -= (projected @ covariates) @ covariates.T
    projected += projected.T
    projected /= 2
    below = float(np.trace(projected)) / len(projected) + 1.0
    projected -= below * (covariates @ covariates.T)
    values, vectors = linalg.eigh(projected, overwrite_a=True, driver="evd", check_finite=False)
    basis = np.ascontiguousarray(vectors[:, rank:])
    return Rotation(basis, basis.astype(np.float32), np.maximum(values[rank:], 0.0))
