"""The largest association that chance gives: people shuffled, everything tested again, the maximum kept.

One shuffle serves all traits, variants and chromosomes, so that the correlation of traits and the linkage of variants
stay as they are (max-T, Westfall and Young 1993). What is shuffled are the traits' residuals on the covariates; they are
made orthogonal to the covariates again, genotypes are residualised once (Freedman and Lane 1983; Winkler et al. 2014,
NeuroImage 92:381). With |g| = 1 after that, every test is a correlation, and its largest square is the largest t squared.

Where traits lack people, the lacking ones are shuffled with the others and count as 0; a missing call counts as its
fitted value. Both leave the null distribution of t as it is to first order, and no test has fewer degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ecgwas.associate.algebra import neglog10p
from ecgwas.associate.cohort import Cohort, Group
from ecgwas.associate.collinear import MAX_INFLATION
from ecgwas.associate.dosages import AnyBlock
from ecgwas.associate.traits import span

COLUMNS = 2048
"""Shuffled traits per product: enough to be fast, few enough that the product stays near the processor."""

KEPT_BYTES = 2**29
"""Shuffled traits are kept for all blocks up to this size, else made anew for each."""

DECIMALS = 6
"""Of the maxima: what float32 products determine whatever the block size."""


class Shuffles:
    """`count` shuffles of a cohort's people; the same seed and people give the same shuffles on every chromosome."""

    def __init__(self, cohort: Cohort, groups: list[Group], *, count: int, seed: int) -> None:
        people, traits = cohort.values.shape
        self.count, self.traits = count, traits
        self.basis = span(cohort.covariates)
        self.degrees = people - self.basis.shape[1] - 1
        values = np.zeros((people, traits))
        for group in groups:
            values[np.ix_(group.people, group.traits)] = group.design.traits
        # Traits of different people are residuals on different covariates; on these they must be residuals, too.
        values -= self.basis @ (self.basis.T @ values)
        values /= np.linalg.norm(values, axis=0)
        self.values = values.astype(np.float32)
        self.orders = _orders(cohort, count, seed)
        self.step = max(1, COLUMNS // traits)
        small = people * traits * count * self.values.itemsize <= KEPT_BYTES
        self.kept = list(self._made()) if small else None

    def _made(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Shuffled traits (N, b K) and what their correlations are multiplied with (b K,), some shuffles at a time."""
        basis = self.basis.T.astype(np.float32)
        for start in range(0, self.count, self.step):
            orders = self.orders[start : start + self.step]
            columns = self.values[orders.T].reshape(len(self.values), -1)
            lost = np.square(basis @ columns, dtype=np.float64).sum(axis=0)
            yield columns, (1.0 / np.sqrt(1.0 - lost)).astype(np.float32)

    def maxima(self, block: AnyBlock) -> NDArray[np.float64]:
        """(count,) float64: in each shuffle the largest absolute correlation of a variant with a trait."""
        genotypes = self._residuals(block)
        if len(genotypes) == 0:
            return np.zeros(self.count)
        found = []
        for columns, factors in self.kept if self.kept is not None else self._made():
            product = genotypes @ columns
            largest = np.maximum(product.max(axis=0), -product.min(axis=0)) * factors
            found.append(largest.reshape(-1, self.traits).max(axis=1))
        return np.concatenate(found).astype(np.float64)

    def _residuals(self, block: AnyBlock) -> NDArray[np.float32]:
        """(V', N) float32: genotypes that can be tested, without what covariates explain, of unit length."""
        genotypes = block.decoded()
        basis = self.basis.astype(np.float32)
        weights = (genotypes @ basis).astype(np.float64)
        weights[:, 0] = block.minor * self.basis[0, 0]
        gaps = np.flatnonzero(block.missing)
        for i in gaps:
            rows = self.basis[block.absent(int(i))]
            weights[i] = np.linalg.lstsq(np.eye(rows.shape[1]) - rows.T @ rows, weights[i], rcond=None)[0]
        genotypes -= weights.astype(np.float32) @ basis.T
        for i in gaps:
            genotypes[i, block.absent(int(i))] = 0.0
        length = np.einsum("vn,vn->v", genotypes, genotypes, dtype=np.float64)
        centred = block.squares - block.minor**2 / np.maximum(block.called, 1)
        tested = (length > 0) & (length * MAX_INFLATION >= centred) & (centred > 0)
        scaled: NDArray[np.float32] = genotypes[tested] / np.sqrt(length[tested]).astype(np.float32)[:, None]
        return scaled

    def neglog10p(self, maxima: NDArray[np.float64]) -> NDArray[np.float64]:
        """(count,) -log10 p of the largest correlations."""
        squares = np.minimum(np.square(maxima), 1.0)
        with np.errstate(divide="ignore"):
            t = np.sqrt(squares * self.degrees / (1.0 - squares))
        return np.round(neglog10p(t, float(self.degrees)), DECIMALS)


def _orders(cohort: Cohort, count: int, seed: int) -> NDArray[np.int64]:
    """(count, N) int64: whose traits each person of the cohort gets.

    Drawn for everyone with traits, whatever the order of the .fam; people who are not in the cohort are skipped.
    """
    everyone = int(cohort.total)
    place = np.full(everyone, -1, dtype=np.int64)
    place[cohort.order] = np.arange(len(cohort.order))
    receivers = place[place >= 0]
    orders = np.empty((count, len(receivers)), dtype=np.int64)
    for shuffle in range(count):
        donors = place[np.random.default_rng([seed, shuffle]).permutation(everyone)]
        orders[shuffle, receivers] = donors[donors >= 0]
    return orders
