"""Squared correlations of variants: linkage disequilibrium."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def r2(variants: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    """(V,) squared correlation of V variants (V, N) with another variant (N,), in N participants.

    Genotypes are copies of an allele or dosages. A missing call (NaN) counts as the variant's mean. The result is 0 where
    either variant does not vary.
    """
    return np.asarray((unit_length(variants) @ unit_length(other[None])[0]) ** 2)


def unit_length(variants: NDArray[Any]) -> NDArray[np.float64]:
    """(V, N) float64 rows of mean 0 and length 1, missing calls 0; all 0 where a variant does not vary."""
    called = np.isfinite(variants)
    mean = np.where(called, variants, 0.0).sum(axis=1) / np.maximum(called.sum(axis=1), 1)
    centred = np.where(called, variants - mean[:, None], 0.0)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    np.divide(centred, length, out=centred, where=length > 0)
    return centred
