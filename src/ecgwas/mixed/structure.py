"""Whether participants are related or of several ancestries, by the correlation of variants on different chromosomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.mixed.relationship import standardised

LIMIT, MIN_Z = 0.1, 5.0
"""An excess above LIMIT that is MIN_Z standard errors from 0 is structure."""


@dataclass(frozen=True)
class Structure:
    """excess: N times the mean squared correlation of two variants on different chromosomes, beyond that of unrelated people of
    one ancestry, N / (N - 1); z: divided by its standard error among these; variants: number of them."""

    excess: float
    z: float
    variants: int

    @property
    def is_there(self) -> bool:
        """Relatives or several ancestries."""
        return self.excess > LIMIT and self.z > MIN_Z


def structure(copies: NDArray[np.floating], chromosome: NDArray[np.int64]) -> Structure | None:
    """Of variants (V, N), missing NaN, and their chromosomes (V,); None without two chromosomes that have some that vary.

    In unrelated people of one ancestry N r^2 has mean N / (N - 1) and variance 2. In a family each further member adds the
    square of the relationship: 0.25 per sibling. Variants should be common and not in linkage disequilibrium. The limit of 0.1
    is that of LDAK-KVIK (Hof and Speed 2025, Nat Genet).
    """
    varies = np.nanmax(copies, axis=1, initial=-1.0) > np.nanmin(copies, axis=1, initial=3.0)
    scaled = standardised(copies[varies])
    people = copies.shape[1]
    squared = np.square(scaled @ scaled.T / np.float32(people))
    different = chromosome[varies][:, None] != chromosome[varies]
    pairs = int(different.sum()) // 2
    if pairs == 0 or people < 2:
        return None
    excess = people * float(squared[different].mean(dtype=np.float64)) - people / (people - 1)
    return Structure(excess, excess / float(np.sqrt(2 / pairs)), len(scaled))
