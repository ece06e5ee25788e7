"""Squared correlations, such as the linkage disequilibrium of variants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def r2(rows: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V,) squared correlation of each row (V, N) with `other` (N,), without missing values; 0 where a row is constant."""
    centred, centred_other = rows - rows.mean(axis=1, keepdims=True), other - other.mean()
    total_ss = np.maximum(np.einsum("vn,vn->v", centred, centred) * float(centred_other @ centred_other), 1e-300)
    return np.asarray((centred @ centred_other) ** 2 / total_ss)
