"""Does a variance depend on something? Permutations of participants, and one test for all of them, assume that it does not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def breusch_pagan(residual: NDArray[np.float64], regressors: NDArray[np.float64]) -> float:
    """p-value for no regression of the squared residual (n,) on the regressors (n, C) and an intercept.

    n R2 has a chi-square distribution with as many degrees of freedom as the regressors have dimensions, whatever the kurtosis
    (Breusch and Pagan 1979, Econometrica 47:1287, in the form of Koenker 1981, J Econometrics 17:107). 1 if nothing varies.
    """
    squared = np.square(residual)
    squared = squared - squared.mean()
    centred = regressors - regressors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    basis = left[:, sizes > 1e-9 * max(float(sizes.max(initial=0.0)), 1e-300)]
    total = float(squared @ squared)
    if basis.shape[1] == 0 or total == 0:
        return 1.0
    explained = float(np.square(basis.T @ squared).sum()) / total
    return float(stats.chi2.sf(len(squared) * explained, basis.shape[1]))


def between_groups(residuals: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(K,) p-values for equal variances of each column of (n, K) residuals in the groups (n,), as `breusch_pagan`."""
    numbers, of_person = np.unique(labels, return_inverse=True)
    squared = np.square(residuals)
    squared -= squared.mean(axis=0)
    total, explained = np.square(squared).sum(axis=0), np.zeros(squared.shape[1])
    for number in range(len(numbers)):
        members = squared[of_person == number]
        explained += len(members) * np.square(members.mean(axis=0))
    r2 = np.divide(explained, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(stats.chi2.sf(len(squared) * r2, max(len(numbers) - 1, 1)))
