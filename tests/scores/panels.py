"""Variants in memory, in the form in which scores of own traits read them from files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.readers import pack
from ecgwas.mixed import ridge
from ecgwas.scan import polygenic
from ecgwas.scan.polygenic import PlacedVariants


class ArrayPanel:
    """Copies (N, V) of the minor allele by chromosome."""

    def __init__(self, copies: dict[str, NDArray[np.int64]]) -> None:
        self.copies = copies
        self.common = {name: values.shape[1] for name, values in copies.items()}

    @property
    def variants(self) -> int:
        return sum(self.common.values())

    @property
    def blocks(self) -> int:
        return sum(len(ridge.block_edges(count)) - 1 for count in self.common.values())

    def placed(self, name: str) -> PlacedVariants:
        values = self.copies[name].T
        counts = np.column_stack([np.full(len(values), values.shape[1]), (values == 1).sum(axis=1), (values == 2).sum(axis=1)])
        variants = polygenic.variants_of(pack(values.astype(np.uint8)), values.shape[1], counts)
        return PlacedVariants(variants, np.arange(len(values)), np.zeros(len(values), dtype=bool))


def drawn_panel(people: int, variants: int, rng: np.random.Generator, *, copied: float = 0.3, chroms: int = 2) -> ArrayPanel:
    """Independent variants, of which some are noisy copies of the one before."""
    copies = {}
    for chrom in range(chroms):
        frequency = rng.uniform(0.1, 0.5, variants)
        values = rng.binomial(2, frequency, (people, variants))
        for j in range(1, variants):
            if rng.random() < copied:
                same = rng.random(people) < 0.9
                values[same, j] = values[same, j - 1]
        copies[str(chrom + 1)] = values
    return ArrayPanel(copies)


def positions(_: str, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Variants 10 kb apart."""
    return 10_000 * (index + 1)
