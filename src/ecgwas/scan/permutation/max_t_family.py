"""Max-T with families: as max_t_relatives.py, with the sparse relationship of mixed/families.py.

The whitened residuals of trait k, e_k = V_k^-1/2 (y_k - Q a_k), have the same variance in all people and no correlation between
relatives. They are permuted, made orthogonal to the whitened covariates again, and tested as the trait V_k^1/2 (pi e_k) with
lambda_k: with u = V_k^-1/2 (pi e_k),

    z = u - V_k^-1 Q (Q'V_k^-1 Q)^-1 Q'u        r = g'z / sqrt(g'P_k g |z|^2_V)        t^2 = r^2 df / (1 - r^2)

where |z|^2_V = |pi e_k|^2 - (Q'u)'(Q'V_k^-1 Q)^-1 Q'u. Without relatives these are the permutations of max_t.py. Everything is
multiplied by 1 + lambda_k, as in mixed/family_screen.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock, hard_calls
from ecgwas.mixed import family_screen
from ecgwas.mixed.family_model import Covered
from ecgwas.native import compiled
from ecgwas.scan.engine import kernels
from ecgwas.scan.engine.family_denominators import BlockFactors, filled
from ecgwas.scan.engine.plink2_checks import MAX_VIF
from ecgwas.scan.engine.samples import Cohort
from ecgwas.scan.permutation.max_t import COLUMNS, KEPT_BYTES, ROWS, Columns, Permuted, SetTests, orders
from ecgwas.scan.permutation.strongest import Strongest, neglog10p
from ecgwas.scan.permutation.trait_sets import TraitSets
from ecgwas.study.scan import Matrix


class FamilyShuffles:
    """`count` permutations of a cohort; the same seed and participants give the same permutations on every chromosome."""

    def __init__(
        self, cohort: Cohort, model: Covered, residuals: NDArray[np.float64], lambdas: NDArray[np.float64],
        *, options: Matrix, count: int, seed: int, hard: bool,
    ) -> None:  # fmt: skip
        """model: of all N people; residuals (N, K): whitened, 0 for people without the trait; lambdas (K,); hard: genotypes are
        hard calls."""
        self.model, self.count, self.traits, self.df = model, count, len(lambdas), model.df
        self.use_table = hard and kernels.resolved(options.kernel) == "table"
        self.residuals, self.exact_residuals, self.lambdas = residuals.astype(np.float32), residuals, lambdas
        own = family_screen.screen(model, lambdas, np.empty((len(model.basis), 0)))
        self.factors = BlockFactors(options.model_copy(update={"missing": "mean"}), own, hard=hard)
        members = model.families.members
        self.vectors = model.families.vectors.astype(np.float32)
        deviations = family_screen.deviation(model.families.values[:, None], lambdas)
        self.deviations = deviations.astype(np.float32)  # (J, K)
        self.roots = (np.sqrt(deviations + 1) - 1).astype(np.float32)
        self.exact_inverse = np.linalg.inv(family_screen.gram(model, lambdas))
        self.inverse = self.exact_inverse.astype(np.float32)
        self.basis, self.own_basis = model.basis.astype(np.float32), model.own_basis.astype(np.float32)
        self.members = members
        self.orders = orders(cohort, count, seed)
        self.step = max(1, COLUMNS // self.traits)
        self.trait_sets = TraitSets((), self.df)
        is_small = residuals.size * count * 4 <= KEPT_BYTES
        self.batches = list(self._batches()) if is_small else None

    def _batches(self) -> Iterator[Columns]:
        """In turn, the columns z of b permutations of all traits, b K columns of length 1."""
        for start in range(0, self.count, self.step):
            columns = self.residuals[self.orders[start : start + self.step].T]  # (N, b, K)
            yield Columns.of(self._tested(columns), use_table=self.use_table)

    def _tested(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, b K) columns z of permuted residuals (N, b, K)."""
        people, shuffles, traits = columns.shape
        ss = np.einsum("nbk,nbk->bk", columns, columns, dtype=np.float64)
        own = self._turned(columns)
        columns[self.members] += self._back(own * self.roots[:, None, :])
        products = np.tensordot(self.basis, columns, axes=(0, 0))  # (R, b, K)
        effects = np.einsum("krs,sbk->rbk", self.inverse, products)
        ss -= np.einsum("rbk,rbk->bk", products, effects, dtype=np.float64)
        columns -= np.tensordot(self.basis, effects, axes=(1, 0))
        of_families = np.tensordot(self.own_basis, effects, axes=(1, 0)) * self.deviations[:, None, :]
        columns[self.members] -= self._back(of_families)
        columns /= np.sqrt(np.maximum(ss, np.finfo(np.float32).tiny)).astype(np.float32)
        return columns.reshape(people, shuffles * traits)

    def _turned(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        """(J, b, K) coordinates of the members among (N, b, K)."""
        rows = columns[self.members]
        if len(rows) == 0:
            return rows
        return np.asarray(self.vectors.T @ rows.reshape(len(rows), -1)).reshape(rows.shape)

    def _back(self, coordinates: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(coordinates) == 0:
            return coordinates
        return np.asarray(self.vectors @ coordinates.reshape(len(coordinates), -1)).reshape(coordinates.shape)

    def test(self, block: GenotypeBlock) -> Permuted:
        """Tests a block of variants in all permutations."""
        sums = self.factors.backend.sums(block)
        denominators = self.factors.denominators(block, sums.cross_product).denominators
        centred = block.raw_ss - block.minor_alleles**2 / np.maximum(block.called, 1)
        tested = np.flatnonzero((sums.genotype_ss * MAX_VIF >= centred) & (centred > 0) & (sums.genotype_ss > 0))
        scale = np.reciprocal(np.sqrt(denominators[tested]))
        chosen = block.select(tested)
        strongest, first = Strongest(self.count), 0
        for columns in self.batches or self._batches():
            self._update(strongest, first, chosen, scale, columns)
            first += columns.count // self.traits
        return Permuted(self._exact(chosen, strongest), np.zeros(self.count), SetTests.none())

    def _update(
        self, strongest: Strongest, first: int, block: GenotypeBlock, scale: NDArray[np.float32], columns: Columns
    ) -> None:
        """Updates the strongest tests of the permutations from `first` on."""
        for start in range(0, len(block), ROWS):
            rows = np.arange(start, min(start + ROWS, len(block)))
            products = self._products(block.select(rows), columns).reshape(len(rows), -1, self.traits)
            products *= scale[rows, None, :]
            strongest.update(first, start, products)

    def _exact(self, block: GenotypeBlock, strongest: Strongest) -> NDArray[np.float64]:
        """(count,) float64: the largest absolute correlations."""
        maxima = np.zeros(self.count)
        for permutations in strongest.permutations(block.people):
            distinct, place = np.unique(strongest.variant[permutations], return_inverse=True)
            copies = filled(block.select(distinct)).astype(np.float64)
            for trait in np.unique(strongest.trait[permutations]):
                chosen = np.flatnonzero(strongest.trait[permutations] == trait)
                permuted = self.exact_residuals[self.orders[permutations[chosen]], trait].T
                maxima[permutations[chosen]] = self._correlations(copies[place[chosen]].T, permuted, int(trait))
        return maxima

    def _correlations(
        self, copies: NDArray[np.float64], permuted: NDArray[np.float64], trait: int
    ) -> NDArray[np.float64]:  # fmt: skip
        """(c,) absolute correlations of copies (N, c) with permuted residuals (N, c) of one trait."""
        model = self.model
        factors = family_screen.deviation(model.families.values, self.lambdas[trait])[:, None]
        u = family_screen.times_function(model, np.sqrt(factors + 1) - 1, permuted)
        solved = family_screen.times_function(model, factors, copies)
        with_u, with_copies = model.basis.T @ u, model.basis.T @ solved
        effects = self.exact_inverse[trait] @ with_u
        products = np.einsum("nc,nc->c", copies, u) - np.einsum("rc,rc->c", with_copies, effects)
        squares = np.einsum("nc,nc->c", permuted, permuted) - np.einsum("rc,rc->c", with_u, effects)
        squares *= np.einsum("nc,nc->c", copies, solved) - np.einsum(
            "rc,rc->c", with_copies, self.exact_inverse[trait] @ with_copies
        )
        return np.asarray(np.abs(products) / np.sqrt(squares))

    def _products(self, block: GenotypeBlock, columns: Columns) -> NDArray[np.float32]:
        """(v, b K) float32 of genotypes with missing calls at the mean."""
        if not self.use_table:
            return filled(block) @ columns.values
        products = compiled.products(hard_calls(block).packed, columns.values)[:, : columns.count]
        missing = np.flatnonzero(block.missing_calls)
        if len(missing):
            products[missing] = filled(block.select(missing)) @ columns.as_matrix(block.people)
        return np.ascontiguousarray(products)

    def neglog10p(self, maxima: NDArray[np.float64]) -> NDArray[np.float64]:
        """(count,) -log10 p of the largest correlations."""
        return neglog10p(maxima, self.df)
