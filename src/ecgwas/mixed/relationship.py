"""The genomic relationship matrix, from standardised genotypes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

VARIANTS_PER_STEP = 1024


class Relationship:
    """Sums Z Z' over variants: G = Z Z' / M, with Z (N, M) the genotypes, each variant of mean 0 and variance 1.

    A missing call counts as the variant's mean. Products are in float32 and sums of them in float64. VanRaden 2008, J Dairy Sci
    91:4414, with each variant divided by its own standard deviation, as `gemma -gk 2` (Zhou and Stephens 2012).
    """

    def __init__(self, people: int) -> None:
        self.total = np.zeros((people, people))
        self.variants = 0

    def add(self, copies: NDArray[np.floating]) -> None:
        """Adds variants (V, N), copies of either allele, missing NaN. Variants without variation are not counted."""
        for start in range(0, len(copies), VARIANTS_PER_STEP):
            z = standardised(copies[start : start + VARIANTS_PER_STEP])
            self.total += z.T @ z
            self.variants += len(z)

    def matrix(self) -> NDArray[np.float64]:
        """(N, N) float64 G. Raises ValueError without variants."""
        if self.variants == 0:
            raise ValueError("a relationship needs at least one variant that varies")
        return self.total / self.variants


def standardised(copies: NDArray[np.floating]) -> NDArray[np.float32]:
    """(v, N) float32 of those of the variants (V, N) that vary: mean 0, variance 1, missing calls (NaN) at the mean."""
    called = ~np.isnan(copies)
    count = np.maximum(called.sum(axis=1), 1)
    mean = np.where(called, copies, 0.0).sum(axis=1, dtype=np.float64) / count
    centred = np.where(called, copies - mean[:, None], 0.0).astype(np.float32)
    spread = np.sqrt(np.einsum("vn,vn->v", centred, centred, dtype=np.float64) / copies.shape[1])
    varies = spread > 0
    scaled: NDArray[np.float32] = centred[varies] / spread[varies, None].astype(np.float32)
    return scaled


def relationship(people: int, blocks: Iterable[NDArray[np.floating]]) -> NDArray[np.float64]:
    """(N, N) G of the variants of all `blocks` (V, N)."""
    sums = Relationship(people)
    for block in blocks:
        sums.add(block)
    return sums.matrix()
