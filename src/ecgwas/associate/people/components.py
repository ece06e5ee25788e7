"""Principal components of the genotypes: ancestry, by a randomised singular value decomposition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.associate.people.panel import standardised

OVERSAMPLED = 20
ROUNDS = 10
"""Blocks of the Krylov space: behind ancestry the eigenvalues of a homogeneous cohort lie close together."""
DECIMALS = 6


def components(codes: NDArray[np.uint8], count: int, *, seed: int) -> NDArray[np.float64]:
    """(N, count) float64 first principal components of N people, each of unit variance; its largest value is positive.

    codes (V, N) as in Panel. Fewer columns if there are fewer people or variants. Randomised block Krylov iteration: all
    blocks are kept, which tells close eigenvalues apart (Musco and Musco 2015, NeurIPS 28, algorithm 2).
    """
    values = standardised(codes)
    count = min(count, *(size - 1 for size in values.shape))
    if count < 1:
        return np.empty((codes.shape[1], 0))
    start = np.random.default_rng(seed).standard_normal((len(values), min(count + OVERSAMPLED, *values.shape)))
    blocks = [np.linalg.qr(values.T @ start.astype(np.float32))[0]]
    for _ in range(ROUNDS):
        blocks.append(np.linalg.qr(values.T @ (values @ blocks[-1]))[0])
    basis = np.linalg.qr(np.hstack(blocks).astype(np.float64))[0]
    _, _, turned = np.linalg.svd(values @ basis, full_matrices=False)
    found = basis @ turned[:count].T
    found -= found.mean(axis=0)
    found /= found.std(axis=0)
    largest = found[np.abs(found).argmax(axis=0), np.arange(count)]
    # Rounded, so that the same people give the same covariates whatever linear algebra library computed them.
    return np.asarray(np.round(found * np.sign(largest), DECIMALS))
