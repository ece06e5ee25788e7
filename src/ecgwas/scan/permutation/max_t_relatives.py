"""Max-T with relatives: the largest association of the mixed model in each permutation of whitened residuals.

Relatives are not exchangeable, but whitened residuals are. With B the rotation of all participants and w_k the weights of trait
k (mixed/variant_tests.py), e_k = B W_k^(1/2) B'y_k has variance s2 B B': that of independent participants from whom the
covariates have been regressed out. These residuals are permuted as in max_t.py, one permutation for all traits, variants and
chromosomes, made orthogonal to the covariates again (by B'), and tested as the trait with the variance that it has under the
model:

    r = x~'W_k^(1/2) B'(pi e_k) / sqrt(x~'W_k x~ |B'(pi e_k)|^2)        t^2 = r^2 df / (1 - r^2)

which for pi = 1 is the statistic of the observed data, with lambda_k estimated without a variant; it is not estimated again.

Participants are permuted, not rotated coordinates. Each chromosome has a rotation of its own, whose coordinates correspond to
nobody's, so that a permutation of coordinates would be another one on each chromosome, and its maxima would not be those of one
cohort. Coordinates are also sums over all participants, so that their permutations would hide heavy tails of the traits, for
whose sake thresholds are found by permutation. Without relatedness (lambda = 0) the residuals and their permutations are those
of max_t.py. Correlations of traits are preserved as far as they are the same for the genetic part and the rest.

Participants without a trait are permuted with the others and count as 0, as in max_t.py. Winkler et al. 2014, NeuroImage 92:381
(permutation of residuals); Abney 2015, Genet Epidemiol 39:249 (of whitened residuals with relatives).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock
from ecgwas.mixed import reml
from ecgwas.mixed.rotation import Rotation
from ecgwas.scan.engine.plink2_checks import MAX_VIF
from ecgwas.scan.engine.samples import Cohort
from ecgwas.scan.permutation.max_t import COLUMNS, KEPT_BYTES, ROWS, Permuted, SetTests, orders
from ecgwas.scan.permutation.strongest import Strongest, neglog10p
from ecgwas.scan.permutation.trait_sets import TraitSets


def whitened(rotation: Rotation, traits: NDArray[np.float64], lambdas: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, K) residuals of traits (N, K) with these lambdas (K,), uncorrelated between participants but for covariates."""
    roots = np.sqrt(reml.weights(rotation.values, lambdas)).T
    return np.asarray(rotation.basis @ (roots * (rotation.basis.T @ traits)))


class MixedShuffles:
    """`count` permutations of a cohort; the same seed and participants give the same permutations on every chromosome."""

    def __init__(
        self, cohort: Cohort, rotation: Rotation, residuals: NDArray[np.float64], lambdas: NDArray[np.float64],
        *, count: int, seed: int, copies_of: Callable[[GenotypeBlock], NDArray[np.float32]],
    ) -> None:  # fmt: skip
        """rotation: of all N people; residuals (N, K): whitened, 0 for people without the trait; lambdas (K,).

        copies_of: block (V, N) -> (V, N) float32 copies without missing values.
        """
        self.rotation, self.count, self.traits = rotation, count, len(lambdas)
        self.residuals, self.exact_residuals, self.copies_of = residuals.astype(np.float32), residuals, copies_of
        self.lambdas = lambdas
        weights = reml.weights(rotation.values, lambdas).T
        self.weights, self.roots = weights.astype(np.float32), np.sqrt(weights).astype(np.float32)
        self.orders = orders(cohort, count, seed)
        self.step = max(1, COLUMNS // self.traits)
        self.trait_sets = TraitSets((), rotation.df)
        is_small = rotation.values.size * self.traits * count * 4 <= KEPT_BYTES
        self.batches = list(self._batches()) if is_small else None

    def _batches(self) -> Iterator[NDArray[np.float32]]:
        """(n, b K) float32 in turn: b permutations of all traits in rotated coordinates, of unit length, times W^(1/2)."""
        for start in range(0, self.count, self.step):
            permuted = self.residuals[self.orders[start : start + self.step].T].reshape(len(self.residuals), -1)
            columns = self.rotation.basis32.T @ permuted
            columns /= np.linalg.norm(columns, axis=0)
            by_shuffle = columns.reshape(len(columns), -1, self.traits)
            by_shuffle *= self.roots[:, None, :]
            yield columns

    def test(self, block: GenotypeBlock) -> Permuted:
        """Tests a block of variants in all permutations."""
        index, variants, scale = self._rotated(block)
        strongest, first = Strongest(self.count), 0
        for columns in self.batches or self._batches():
            self._update(strongest, first, variants, scale, columns)
            first += columns.shape[1] // self.traits
        return Permuted(self._exact(block, index, strongest), np.zeros(self.count), SetTests.none())

    def _rotated(
        self, block: GenotypeBlock
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
        """Testable variants: (v,) indices in the block, (v, n) in rotated coordinates, and 1 / sqrt(x~'W_k x~) (v, K)."""
        variants = np.empty((len(block), len(self.rotation.values)), dtype=np.float32)
        for start in range(0, len(block), ROWS):
            chosen = np.arange(start, min(start + ROWS, len(block)))
            variants[chosen] = self.copies_of(block.select(chosen)) @ self.rotation.basis32
        left = np.einsum("vn,vn->v", variants, variants, dtype=np.float64)
        centred = block.raw_ss - block.minor_alleles**2 / np.maximum(block.called, 1)
        tested = (left * MAX_VIF >= centred) & (centred > 0)
        variants = variants if tested.all() else variants[tested]
        scale = np.empty((len(variants), self.traits), dtype=np.float32)
        for start in range(0, len(variants), ROWS):
            scale[start : start + ROWS] = np.square(variants[start : start + ROWS]) @ self.weights
        np.reciprocal(np.sqrt(scale, out=scale), out=scale)
        return np.flatnonzero(tested), variants, scale

    def _update(
        self, strongest: Strongest, first: int, variants: NDArray[np.float32], scale: NDArray[np.float32],
        columns: NDArray[np.float32],
    ) -> None:  # fmt: skip
        """Updates the strongest tests of the permutations from `first` on."""
        for start in range(0, len(variants), ROWS):
            products = (variants[start : start + ROWS] @ columns).reshape(-1, columns.shape[1] // self.traits, self.traits)
            products *= scale[start : start + ROWS, None, :]
            strongest.update(first, start, products)

    def _exact(self, block: GenotypeBlock, index: NDArray[np.int64], strongest: Strongest) -> NDArray[np.float64]:
        """(count,) float64: the largest absolute correlations."""
        maxima, basis = np.zeros(self.count), self.rotation.basis
        for permutations in strongest.permutations(len(basis)):
            distinct, place = np.unique(strongest.variant[permutations], return_inverse=True)
            trait = strongest.trait[permutations]
            variants = (self.copies_of(block.select(index[distinct])).astype(np.float64) @ basis)[place]
            traits = self.exact_residuals[self.orders[permutations], trait[:, None]] @ basis
            weights = reml.weights(self.rotation.values, self.lambdas[trait])
            products = np.einsum("bn,bn,bn->b", variants, np.sqrt(weights), traits)
            squares = np.einsum("bn,bn,bn->b", variants, weights, variants) * np.einsum("bn,bn->b", traits, traits)
            maxima[permutations] = np.abs(products) / np.sqrt(squares)
        return maxima

    def neglog10p(self, maxima: NDArray[np.float64]) -> NDArray[np.float64]:
        """(count,) -log10 p of the largest correlations."""
        return neglog10p(maxima, self.rotation.df)
