"""Max-T: the largest association in each permutation of the participants.

One permutation serves all traits, variants and chromosomes, which preserves the correlation of traits and the linkage
disequilibrium of variants (Westfall and Young 1993). The traits' residuals on the covariates are permuted, then made orthogonal
to the covariates and of unit length again (Freedman and Lane 1983; Winkler et al. 2014, NeuroImage 92:381). Divided by the norm
of the residualised genotype, every cross-product is a correlation, and the largest square gives the largest t squared. The
table kernel multiplies hard calls, at 466 participants in a third of the time of BLAS.

With several ancestry groups participants are permuted within theirs (`orders`). A variant that is common only in a group whose
variance is larger than that of the others then has large statistics in the permutations, too, as in the observed data.

Participants without a trait are permuted with the others and count as 0. A missing call counts as its fitted value. Both
preserve the null distribution of t to first order, and no test has fewer degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import GenotypeBlock, hard_calls
from ecgwas.native import compiled
from ecgwas.scan.engine.plink2_checks import MAX_VIF
from ecgwas.scan.engine.samples import Cohort, Group
from ecgwas.scan.permutation.strongest import DECIMALS, Strongest, neglog10p
from ecgwas.scan.permutation.trait_sets import TraitSets, sets
from ecgwas.statistics.projection import residuals, span

COLUMNS, ROWS = 2048, 1024
"""Permuted traits and variants per product: enough for speed, few enough for the product to stay in the cache."""

KEPT_BYTES = 2**29
"""Up to this size, permuted traits are kept for all blocks; otherwise they are recomputed for each block."""

OBSERVED_BYTES = 2**26
"""Residualised genotypes of which trait sets are tested at a time, if nobody is permuted."""

KEEP_SETS, FEW_VARIANTS = 3.0, 1000
"""Tests of trait sets are kept from this -log10 p on. On a chromosome of fewer variants all are kept, because thresholds may be
lower."""


@dataclass(frozen=True)
class SetTests:
    """R tests of trait sets in the observed data: variant (index in the block), index of the trait set, -log10 p of both tests,
    and the trait of the set with the smallest p-value."""

    variant: NDArray[np.int64]
    trait_set: NDArray[np.int64]
    omnibus: NDArray[np.float64]
    acat: NDArray[np.float64]
    best: NDArray[np.int64]

    @classmethod
    def none(cls) -> SetTests:
        """No tests."""
        integers, reals = np.empty(0, dtype=np.int64), np.empty(0)
        return cls(integers, integers, reals, reals, integers)

    @classmethod
    def joined(cls, parts: Sequence[SetTests]) -> SetTests:
        """Tests of several parts of a block, ordered by set and variant as those of a whole block."""
        if not parts:
            return cls.none()
        columns = [np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)]
        order = np.lexsort((columns[0], columns[1]))
        return cls(*(column[order] for column in columns))


@dataclass(frozen=True)
class Permuted:
    """maxima (B,) float64: the largest absolute correlation of a variant with a trait in each permutation. set_maxima (B,)
    float64: the largest -log10 p of a trait set. observed: the tests of trait sets in the observed data."""

    maxima: NDArray[np.float64]
    set_maxima: NDArray[np.float64]
    observed: SetTests


@dataclass(frozen=True)
class Columns:
    """`count` columns, a number per participant, in the kernel's format: tiles for the table kernel, or (N, count) float32."""

    values: NDArray[np.float32]
    count: int

    @classmethod
    def of(cls, values: NDArray[np.float32], *, use_table: bool) -> Columns:
        """From (N, C) float32."""
        return cls(compiled.tiled(values) if use_table else values, values.shape[1])

    def as_matrix(self, people: int) -> NDArray[np.float32]:
        """(people, count) float32."""
        if self.values.ndim == 2:
            return self.values
        return self.values.transpose(1, 0, 2).reshape(self.values.shape[1], -1)[:people, : self.count]


@dataclass(frozen=True)
class ShuffleBatch:
    """b permutations, residualised and of unit length: traits (b K columns) and components of the trait sets (b W columns)."""

    traits: Columns
    set_components: Columns


@dataclass(frozen=True)
class ResidualisedVariants:
    """V testable variants of a block.

    variant_index  (V,) int64, indices in the block
    genotypes      (V, N) float32, residualised on the covariates, of unit length
    packed         (V, W) uint8 for the table kernel, whose products are norm times the correlations; or None
    norm           (V,) float32, norm of the residualised genotype
    has_missing    (V,) bool, True with a missing call, which the table kernel would count as 0 copies
    blocks         the blocks, and block (V,) int64: the one of each variant
    """

    variant_index: NDArray[np.int64]
    genotypes: NDArray[np.float32]
    packed: NDArray[np.uint8] | None
    norm: NDArray[np.float32]
    has_missing: NDArray[np.bool_]
    blocks: tuple[GenotypeBlock, ...]
    block: NDArray[np.int64]

    @classmethod
    def joined(cls, blocks: Sequence[ResidualisedVariants]) -> ResidualisedVariants:
        """Variants of several blocks."""

        def together(name: str) -> NDArray[Any]:
            return np.concatenate([getattr(one, name) for one in blocks])

        packed = None if any(one.packed is None for one in blocks) else together("packed")
        firsts = np.cumsum([0, *(len(one.blocks) for one in blocks)])
        block = np.concatenate([first + one.block for first, one in zip(firsts, blocks, strict=False)])
        return cls(
            together("variant_index"), together("genotypes"), packed, together("norm"), together("has_missing"),
            tuple(block for one in blocks for block in one.blocks), block,
        )  # fmt: skip

    def exact(self, variant: int, basis: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) float64: one variant's row of `genotypes`; basis (N, R): orthonormal basis of the covariates."""
        block, index = self.blocks[self.block[variant]], int(self.variant_index[variant])
        copies = block.minor_copies_of(index)
        if self.has_missing[variant]:
            missing = block.samples_missing(index)
            called = np.delete(basis, missing, axis=0)
            copies -= basis @ np.linalg.lstsq(called, np.delete(copies, missing), rcond=None)[0]
            copies[missing] = 0.0
        else:
            residuals(copies, basis, out=copies)
        return np.asarray(copies / np.linalg.norm(copies))

    def correlations(self, start: int, columns: Columns) -> NDArray[np.float32]:
        """(v, C) float32: correlations of up to ROWS variants from `start` on."""
        chunk = slice(start, start + ROWS)
        if self.packed is None:
            return self.genotypes[chunk] @ columns.values
        products = compiled.products(self.packed[chunk], columns.values)[:, : columns.count]
        products /= self.norm[chunk, None]
        has_missing = np.flatnonzero(self.has_missing[chunk])
        if len(has_missing):
            products[has_missing] = self.genotypes[chunk][has_missing] @ columns.as_matrix(self.genotypes.shape[1])
        return products


class Shuffles:
    """`count` permutations of a cohort. The same seed and participants give the same permutations on every chromosome."""

    def __init__(
        self, cohort: Cohort, groups: list[Group], names: Sequence[str],
        *, count: int, seed: int, with_sets: bool = True, use_table: bool = False, variants: int = FEW_VARIANTS,
        min_copies: float = 0.0, set_count: int | None = None,
    ) -> None:  # fmt: skip
        """names: K traits, `<representation>.<lead>.<feature>`; with_sets: also test trait sets; use_table: use the table
        kernel; variants: number on the chromosome; min_copies: variants with fewer copies of the rarer allele are not tested.

        set_count: permutations in which trait sets are tested, the first ones; None: all. count may be 0 if only trait sets
        are to be tested in the observed data.
        """
        people, traits = cohort.values.shape
        self.count, self.traits, self.use_table, self.min_copies = count, traits, use_table, min_copies
        self.set_count = count if set_count is None else min(count, set_count)
        self.basis = span(cohort.covariates)
        self.df = people - self.basis.shape[1] - 1
        values = np.zeros((people, traits))
        for group in groups:
            values[np.ix_(group.people, group.traits)] = group.design.traits
        # Traits with missing values are residuals in fewer participants; here they must be residuals in all.
        residuals(values, self.basis, out=values)
        values /= np.linalg.norm(values, axis=0)
        self.values, self.exact_values = values.astype(np.float32), values
        self.orders = orders(cohort, count, seed)
        self.step = max(1, COLUMNS // traits)
        self.trait_sets = TraitSets(sets(names, self.values, self.basis, self.df) if with_sets else (), self.df)
        is_small = people * (traits + self.trait_sets.width) * count * self.values.itemsize <= KEPT_BYTES
        self.batches = list(self._batches()) if is_small else None
        self.keep_sets = KEEP_SETS if variants >= FEW_VARIANTS else 0.0
        # Maxima of trait sets so far. If two threads write simultaneously, one update is lost, which only costs time.
        self.set_maxima = np.zeros(self.set_count)

    def _batches(self) -> Iterator[ShuffleBatch]:
        """All permutations, in batches."""
        basis = self.basis.astype(np.float32)
        for start in range(0, self.count, self.step):
            orders = self.orders[start : start + self.step]
            columns = self.values[orders.T].reshape(len(self.values), -1)
            residuals(columns, basis, out=columns)
            columns /= np.linalg.norm(columns, axis=0)
            components = self.trait_sets.shuffled(orders[: max(0, self.set_count - start)], basis)
            yield ShuffleBatch(Columns.of(columns, use_table=self.use_table), Columns.of(components, use_table=self.use_table))

    def test(self, block: GenotypeBlock) -> Permuted:
        """Tests a block of variants in all permutations."""
        if self.count == 0:
            return Permuted(np.zeros(0), np.zeros(0), self._observed_in_steps(block))
        variants = self.residualised(block)
        if len(variants.variant_index) == 0:
            return Permuted(np.zeros(self.count), np.zeros(self.set_count), SetTests.none())
        return Permuted(*self.maxima(variants), self._observed(variants))

    def maxima(self, variants: ResidualisedVariants) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(B,) the largest absolute correlation in each permutation, and (set_count,) the largest -log10 p of a trait set."""
        if self.count == 0 or len(variants.variant_index) == 0:
            return np.zeros(self.count), np.zeros(self.set_count)
        strongest, of_sets, first = Strongest(self.count), [], 0
        for batch in self.batches if self.batches is not None else self._batches():
            shuffles = slice(first, first + batch.traits.count // self.traits)
            of_sets.append(self._maxima(variants, batch, strongest, first, self.set_maxima[shuffles]))
            self.set_maxima[shuffles] = np.maximum(self.set_maxima[shuffles], of_sets[-1])
            first = shuffles.stop
        return self._exact(variants, strongest), np.concatenate(of_sets)

    def _maxima(
        self, variants: ResidualisedVariants, batch: ShuffleBatch, strongest: Strongest, first: int, before: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Updates `strongest` by the permutations from `first` on; returns (c,) the larger of `before` (c,) and the largest
        -log10 p of a trait set in the first c of them."""
        shuffles, with_sets = batch.traits.count // self.traits, len(before)
        combined = before.copy()
        largest_q = np.zeros((with_sets, len(self.trait_sets.sets)), dtype=np.float32)
        for start in range(0, len(variants.variant_index), ROWS):
            correlations = variants.correlations(start, batch.traits)
            by_shuffle = correlations.reshape(len(correlations), shuffles, -1)
            largest = strongest.update(first, start, by_shuffle)
            if self.trait_sets.sets and with_sets:
                combined = self.trait_sets.acat_maxima(by_shuffle[:, :with_sets], largest[:with_sets], combined)
                with_components = variants.correlations(start, batch.set_components)
                largest_q = np.maximum(largest_q, self.trait_sets.omnibus(with_components).max(axis=0))
        return np.maximum(combined, self.trait_sets.max_neglog10p(largest_q))

    def _exact(self, variants: ResidualisedVariants, strongest: Strongest) -> NDArray[np.float64]:
        """(B,) float64: the largest absolute correlations."""
        maxima = np.zeros(self.count)
        for shuffles in strongest.permutations(len(self.basis)):
            distinct, place = np.unique(strongest.variant[shuffles], return_inverse=True)
            genotypes = np.stack([variants.exact(int(variant), self.basis) for variant in distinct])
            traits = self.exact_values[self.orders[shuffles], strongest.trait[shuffles][:, None]]
            weights = traits @ self.basis
            products = np.einsum("bn,bn->b", genotypes[place], traits)
            products -= np.einsum("br,br->b", (genotypes @ self.basis)[place], weights)
            squares = np.einsum("bn,bn->b", traits, traits) - np.einsum("br,br->b", weights, weights)
            maxima[shuffles] = np.abs(products) / np.sqrt(squares)
        return maxima

    def _observed_in_steps(self, block: GenotypeBlock) -> SetTests:
        """As `_observed`, with few variants residualised at a time."""
        step = observed_variants(block.people)
        steps = [np.arange(start, min(start + step, len(block))) for start in range(0, len(block), step)]
        tested = [(chosen, self._observed(self.residualised(block.select(chosen)))) for chosen in steps]
        return SetTests.joined([replace(each, variant=chosen[each.variant]) for chosen, each in tested])

    def _observed(self, variants: ResidualisedVariants) -> SetTests:
        """Tests of trait sets in the observed data with a -log10 p of `keep_sets` or more."""
        genotypes, tested = variants.genotypes, variants.variant_index
        if not self.trait_sets.sets:
            return SetTests.none()
        correlations = genotypes @ self.values
        limit, rows = self.trait_sets.min_correlation(self.keep_sets), []
        components = self.trait_sets.shuffled(np.arange(len(self.values))[None], self.basis.astype(np.float32))
        q = self.trait_sets.omnibus(genotypes @ components)[:, 0]
        for k, trait_set in enumerate(self.trait_sets.sets):
            within_set = correlations[:, trait_set.columns]
            omnibus = self.trait_sets.omnibus_neglog10p(q[:, k], trait_set)
            largest = np.abs(within_set).max(axis=1)
            combined = np.zeros(len(within_set))
            strong = np.flatnonzero(largest >= limit)
            combined[strong] = self.trait_sets.acat(within_set[strong])
            kept = np.flatnonzero(np.maximum(omnibus, combined) >= self.keep_sets)
            best = trait_set.columns[np.abs(within_set[kept]).argmax(axis=1)]
            rows.append((tested[kept], np.full(len(kept), k), omnibus[kept], combined[kept], best))
        variant, set_index, omnibus, combined, best = (np.concatenate(column) for column in zip(*rows, strict=True))
        return SetTests(variant, set_index, np.round(omnibus, DECIMALS), np.round(combined, DECIMALS), best)

    def residualised(self, block: GenotypeBlock) -> ResidualisedVariants:
        """The testable variants of a block."""
        genotypes = block.minor_copies()
        basis = self.basis.astype(np.float32)
        weights = (genotypes @ basis).astype(np.float64)
        weights[:, 0] = block.minor_alleles * self.basis[0, 0]
        has_missing = np.flatnonzero(block.missing_calls)
        for i in has_missing:
            rows = self.basis[block.samples_missing(int(i))]
            weights[i] = np.linalg.lstsq(np.eye(rows.shape[1]) - rows.T @ rows, weights[i], rcond=None)[0]
        genotypes -= weights.astype(np.float32) @ basis.T
        for i in has_missing:
            genotypes[i, block.samples_missing(int(i))] = 0.0
        residual_ss = np.einsum("vn,vn->v", genotypes, genotypes, dtype=np.float64)
        centred = block.raw_ss - block.minor_alleles**2 / np.maximum(block.called, 1)
        tested = (residual_ss > 0) & (residual_ss * MAX_VIF >= centred) & (centred > 0)
        tested &= block.minor_alleles >= self.min_copies
        norm = np.sqrt(residual_ss[tested]).astype(np.float32)
        packed = hard_calls(block).packed[tested] if self.use_table else None
        scaled = genotypes[tested] / norm[:, None]
        return ResidualisedVariants(
            np.flatnonzero(tested), scaled, packed, norm, block.missing_calls[tested] > 0, (block,),
            np.zeros(len(norm), dtype=np.int64),
        )  # fmt: skip

    def neglog10p(self, maxima: NDArray[np.float64]) -> NDArray[np.float64]:
        """(count,) -log10 p of the largest correlations."""
        return neglog10p(maxima, self.df)


def observed_variants(people: int) -> int:
    """Number of variants of so many participants of which trait sets are tested at a time, if nobody is permuted."""
    return max(1, OBSERVED_BYTES // (4 * people))


def orders(cohort: Cohort, count: int, seed: int) -> NDArray[np.int64]:
    """(count, N) int64: index of the participant whose traits each participant of the cohort receives.

    One seed gives the same orders on every chromosome. Orders are drawn for all participants with traits, independently of the
    order of the .fam; participants outside the cohort are then skipped. With several ancestry groups each participant receives
    the traits of one of the same group: if groups differ in a trait's variance, only participants of one group are exchangeable
    (Winkler et al. 2015, NeuroImage 123:253).
    """
    total = int(cohort.total)
    cohort_index = np.full(total, -1, dtype=np.int64)
    cohort_index[cohort.table_index] = np.arange(len(cohort.table_index))
    within = np.zeros(total, dtype=np.int64) if cohort.exchangeable is None else cohort.exchangeable
    blocks = [np.flatnonzero(within == number) for number in np.unique(within)]
    permuted = np.empty((count, len(cohort.table_index)), dtype=np.int64)
    for shuffle in range(count):
        rng = np.random.default_rng([seed, shuffle])
        for members in blocks:
            receivers, donors = cohort_index[members], cohort_index[members[rng.permutation(len(members))]]
            permuted[shuffle, receivers[receivers >= 0]] = donors[donors >= 0]
    return permuted
