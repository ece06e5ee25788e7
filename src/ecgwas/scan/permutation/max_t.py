"""The largest association that chance gives: people shuffled, everything tested again, the maximum kept.

One shuffle serves all traits, variants and chromosomes, so that the correlation of traits and the linkage of variants
stay as they are (max-T, Westfall and Young 1993). What is shuffled are the traits' residuals on the covariates; they are
made orthogonal to the covariates and of unit length again (Freedman and Lane 1983; Winkler et al. 2014, NeuroImage 92:381).
Divided by the length of the genotype without covariates, every product is a correlation, and its largest square is the largest
t squared. Hard calls are multiplied by the table kernel, a third of the time of the BLAS at 466 people.

Where traits lack people, the lacking ones are shuffled with the others and count as 0; a missing call counts as its
fitted value. Both leave the null distribution of t as it is to first order, and no test has fewer degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgwas.genotypes.dosages import AnyBlock
from ecgwas.genotypes.packed import Block
from ecgwas.native import compiled
from ecgwas.scan.engine.plink2_checks import MAX_INFLATION
from ecgwas.scan.engine.samples import Cohort, Group
from ecgwas.scan.permutation.trait_sets import TraitSets, sets
from ecgwas.statistics.least_squares import neglog10p
from ecgwas.statistics.transform import span

COLUMNS, ROWS = 2048, 1024
"""Shuffled traits and variants per product: enough to be fast, few enough that the product stays near the processor."""

KEPT_BYTES = 2**29
"""Shuffled traits are kept for all blocks up to this size, else made anew for each."""

DECIMALS = 6
"""Of the maxima: what float32 products determine whatever the block size."""


KEPT, FEW = 3.0, 1000
"""Sets of traits are kept from this -log10 p on, on a chromosome of fewer variants all of them: thresholds may lie below."""


@dataclass(frozen=True)
class Sets:
    """R tests of sets of traits, people as they are: variant (place in the block), number of the set, -log10 p of both tests,
    and the trait of the set with the smallest p by itself."""

    variant: NDArray[np.int64]
    number: NDArray[np.int64]
    omnibus: NDArray[np.float64]
    acat: NDArray[np.float64]
    best: NDArray[np.int64]

    @classmethod
    def none(cls) -> Sets:
        """No row."""
        whole, real = np.empty(0, dtype=np.int64), np.empty(0)
        return cls(whole, whole, real, real, whole)


@dataclass(frozen=True)
class Shuffled:
    """maxima (B,) float64, in each shuffle the largest absolute correlation of a variant with a trait; joint (B,) float64, the
    largest -log10 p of a set of traits; as_they_are: the sets that reach something in people unshuffled."""

    maxima: NDArray[np.float64]
    trait_sets: NDArray[np.float64]
    as_they_are: Sets


@dataclass(frozen=True)
class Columns:
    """`count` columns of numbers of people, as the kernel takes them: in tiles for the table kernel, or (N, count) float32."""

    values: NDArray[np.float32]
    count: int

    @classmethod
    def of(cls, values: NDArray[np.float32], *, table: bool) -> Columns:
        """From (N, C) float32."""
        return cls(compiled.tiled(values) if table else values, values.shape[1])

    def plain(self, people: int) -> NDArray[np.float32]:
        """(people, count) float32."""
        if self.values.ndim == 2:
            return self.values
        return self.values.transpose(1, 0, 2).reshape(self.values.shape[1], -1)[:people, : self.count]


@dataclass(frozen=True)
class ShuffleBatch:
    """b shuffles without covariates, of unit length: traits (b K columns) and scores of sets of traits (b W)."""

    traits: Columns
    scores: Columns


@dataclass(frozen=True)
class Prepared:
    """V variants of a block that can be tested: where they are in it, and what they are multiplied as.

    genotypes (V, N) float32, without what covariates explain, of unit length
    packed    (V, W) uint8 for the table kernel, which gives their products times the length, or None
    length    (V,) float32;  gaps (V,) bool: a missing call, which the table kernel would take for none of the alleles
    """

    places: NDArray[np.int64]
    genotypes: NDArray[np.float32]
    packed: NDArray[np.uint8] | None
    norm: NDArray[np.float32]
    has_missing: NDArray[np.bool_]

    def correlations(self, start: int, columns: Columns) -> NDArray[np.float32]:
        """(v, C) float32, of up to ROWS variants from `start` on."""
        some = slice(start, start + ROWS)
        if self.packed is None:
            return self.genotypes[some] @ columns.values
        found = compiled.products(self.packed[some], columns.values)[:, : columns.count]
        found /= self.norm[some, None]
        has_missing = np.flatnonzero(self.has_missing[some])
        if len(has_missing):
            found[has_missing] = self.genotypes[some][has_missing] @ columns.plain(self.genotypes.shape[1])
        return found


class Shuffles:
    """`count` shuffles of a cohort's people; the same seed and people give the same shuffles on every chromosome."""

    def __init__(
        self, cohort: Cohort, groups: list[Group], names: Sequence[str],
        *, count: int, seed: int, jointly: bool = True, table: bool = False, variants: int = FEW,
    ) -> None:  # fmt: skip
        """names: K traits, `<representation>.<lead>.<feature>`; jointly: sets of them, too; table: by the table kernel;
        variants: of the chromosome."""
        people, traits = cohort.values.shape
        self.count, self.traits, self.table = count, traits, table
        self.basis = span(cohort.covariates)
        self.df = people - self.basis.shape[1] - 1
        values = np.zeros((people, traits))
        for group in groups:
            values[np.ix_(group.people, group.traits)] = group.design.traits
        # Traits of different people are residuals on different covariates; on these they must be residuals, too.
        values -= self.basis @ (self.basis.T @ values)
        values /= np.linalg.norm(values, axis=0)
        self.values = values.astype(np.float32)
        self.orders = orders(cohort, count, seed)
        self.step = max(1, COLUMNS // traits)
        self.trait_sets = TraitSets(sets(names, self.values, self.basis, self.df) if jointly else (), self.df)
        small = people * (traits + self.trait_sets.width) * count * self.values.itemsize <= KEPT_BYTES
        self.kept = list(self._made()) if small else None
        self.keep = KEPT if variants >= FEW else 0.0
        # Reached by sets of traits in blocks that are done. If two threads write at once one is lost, which only costs time.
        self.reached = np.zeros(count)

    def _made(self) -> Iterator[ShuffleBatch]:
        """All shuffles, some at a time."""
        basis = self.basis.astype(np.float32)
        for start in range(0, self.count, self.step):
            orders = self.orders[start : start + self.step]
            columns = self.values[orders.T].reshape(len(self.values), -1)
            columns -= basis @ (basis.T @ columns)
            columns /= np.linalg.norm(columns, axis=0)
            scores = self.trait_sets.shuffled(orders, basis)
            yield ShuffleBatch(Columns.of(columns, table=self.table), Columns.of(scores, table=self.table))

    def look(self, block: AnyBlock) -> Shuffled:
        """All shuffles of a block of variants."""
        variants = self._prepared(block)
        if len(variants.places) == 0:
            return Shuffled(np.zeros(self.count), np.zeros(self.count), Sets.none())
        reached, start = [], 0
        for some in self.kept if self.kept is not None else self._made():
            shuffles = slice(start, start + some.traits.count // self.traits)
            reached.append(self._reached(variants, some, self.reached[shuffles]))
            self.reached[shuffles] = np.maximum(self.reached[shuffles], reached[-1][1])
            start = shuffles.stop
        single, trait_sets = (np.concatenate(each).astype(np.float64) for each in zip(*reached, strict=True))
        return Shuffled(single, trait_sets, self._as_they_are(variants))

    def _reached(
        self, variants: Prepared, some: ShuffleBatch, before: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """(b,) each: the largest absolute correlation in each shuffle, and the largest -log10 p of a set of traits, or what
        was reached `before` (b,) if that is larger."""
        shuffles = some.traits.count // self.traits
        single, combined = np.zeros(shuffles, dtype=np.float32), before.copy()
        largest_q = np.zeros((shuffles, len(self.trait_sets.sets)), dtype=np.float32)
        for start in range(0, len(variants.places), ROWS):
            seen = variants.correlations(start, some.traits)
            largest = np.maximum(seen.max(axis=0), -seen.min(axis=0)).reshape(shuffles, -1)
            single = np.maximum(single, largest.max(axis=1))
            if self.trait_sets.sets:
                combined = self.trait_sets.acat_maxima(seen.reshape(len(seen), shuffles, -1), largest, combined)
                with_scores = variants.correlations(start, some.scores)
                largest_q = np.maximum(largest_q, self.trait_sets.omnibus(with_scores).max(axis=0))
        return single, np.maximum(combined, self.trait_sets.strongest(largest_q))

    def _as_they_are(self, variants: Prepared) -> Sets:
        """Sets of traits and variants (places in the block) with a -log10 p of `keep` or more, people unshuffled."""
        genotypes, tested = variants.genotypes, variants.places
        if not self.trait_sets.sets:
            return Sets.none()
        correlations = genotypes @ self.values
        limit, rows = self.trait_sets.least(self.keep), []
        together = self.trait_sets.shuffled(np.arange(len(self.values))[None], self.basis.astype(np.float32))
        largest_q = self.trait_sets.omnibus(genotypes @ together)[:, 0]
        for k, one in enumerate(self.trait_sets.sets):
            own = correlations[:, one.columns]
            omnibus = self.trait_sets.strength(largest_q[:, k], one)
            largest = np.abs(own).max(axis=1)
            combined = np.zeros(len(own))
            strong = np.flatnonzero(largest >= limit)
            combined[strong] = self.trait_sets.acat(own[strong])
            kept = np.flatnonzero(np.maximum(omnibus, combined) >= self.keep)
            best = one.columns[np.abs(own[kept]).argmax(axis=1)]
            rows.append((tested[kept], np.full(len(kept), k), omnibus[kept], combined[kept], best))
        variant, number, omnibus, combined, best = (np.concatenate(column) for column in zip(*rows, strict=True))
        return Sets(variant, number, np.round(omnibus, DECIMALS), np.round(combined, DECIMALS), best)

    def _prepared(self, block: AnyBlock) -> Prepared:
        """Those that can be tested."""
        genotypes = block.decoded()
        basis = self.basis.astype(np.float32)
        weights = (genotypes @ basis).astype(np.float64)
        weights[:, 0] = block.minor * self.basis[0, 0]
        has_missing = np.flatnonzero(block.missing)
        for i in has_missing:
            rows = self.basis[block.absent(int(i))]
            weights[i] = np.linalg.lstsq(np.eye(rows.shape[1]) - rows.T @ rows, weights[i], rcond=None)[0]
        genotypes -= weights.astype(np.float32) @ basis.T
        for i in has_missing:
            genotypes[i, block.absent(int(i))] = 0.0
        norm = np.einsum("vn,vn->v", genotypes, genotypes, dtype=np.float64)
        centred = block.raw_ss - block.minor**2 / np.maximum(block.called, 1)
        tested = (norm > 0) & (norm * MAX_INFLATION >= centred) & (centred > 0)
        root = np.sqrt(norm[tested]).astype(np.float32)
        packed = block.packed[tested] if self.table and isinstance(block, Block) else None
        scaled = genotypes[tested] / root[:, None]
        return Prepared(np.flatnonzero(tested), scaled, packed, root, block.missing[tested] > 0)

    def neglog10p(self, maxima: NDArray[np.float64]) -> NDArray[np.float64]:
        """(count,) -log10 p of the largest correlations."""
        raw_ss = np.minimum(np.square(maxima), 1.0)
        with np.errstate(divide="ignore"):
            t = np.sqrt(raw_ss * self.df / (1.0 - raw_ss))
        return np.round(neglog10p(t, float(self.df)), DECIMALS)


def orders(cohort: Cohort, count: int, seed: int) -> NDArray[np.int64]:
    """(count, N) int64: whose traits each person of the cohort gets; equal for one seed wherever people are shuffled.

    Drawn for everyone with traits, whatever the order of the .fam; people who are not in the cohort are skipped.
    """
    everyone = int(cohort.total)
    place = np.full(everyone, -1, dtype=np.int64)
    place[cohort.order] = np.arange(len(cohort.order))
    receivers = place[place >= 0]
    found = np.empty((count, len(receivers)), dtype=np.int64)
    for shuffle in range(count):
        donors = place[np.random.default_rng([seed, shuffle]).permutation(everyone)]
        found[shuffle, receivers] = donors[donors >= 0]
    return found
