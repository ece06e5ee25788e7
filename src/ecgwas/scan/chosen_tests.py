"""Single tests by the built-in engine: chosen pairs of a variant and a trait, in float64, without filters or a limit of p."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ecgwas.genotypes import dosages
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.scan import kept_relatives
from ecgwas.scan.engine import backends
from ecgwas.scan.engine.regression import Fitter
from ecgwas.scan.engine.samples import Cohort, Group, assemble, groups
from ecgwas.scan.kept_relatives import KeptRelatives
from ecgwas.scan.matrix import block_size
from ecgwas.study.scan import Matrix
from ecgwas.tables import Covariates, Traits


@dataclass(frozen=True)
class ChosenTests:
    """Pairs of a variant (H,) int64, index among the genotypes, and a trait (H,) int64, index among the traits."""

    variant: NDArray[np.int64]
    trait: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.variant)

    def pick(self, chosen: NDArray[np.bool_]) -> ChosenTests:
        """Those that are True in chosen (H,)."""
        return ChosenTests(self.variant[chosen], self.trait[chosen])


@dataclass(frozen=True)
class Effects:
    """Tests, (H,) float64 each: effect of one effect allele and its standard error, in the unit of the trait; -log10 p;
    participants; frequency of the effect allele among the group's participants with a call."""

    beta: NDArray[np.float64]
    se: NDArray[np.float64]
    neglog10p: NDArray[np.float64]
    n: NDArray[np.float64]
    eaf: NDArray[np.float64]

    @classmethod
    def empty(cls, count: int) -> Effects:
        """`count` tests that are NaN until they are computed."""
        return cls(*(np.full(count, np.nan) for _ in fields(cls)))


def fit(options: Matrix, traits: Traits, covariates: Covariates, genotypes: Genotypes, tests: ChosenTests) -> Effects:
    """The effects that `scan.matrix` finds: the same participants, covariates, coding of genotypes and rule for missing calls.

    Traits and covariates have the same participants in the same order, all of them in `genotypes`. Nothing is filtered: the
    scan must have computed these tests. Raises InputError for traits that the covariates explain entirely.
    """
    options = options.model_copy(update={"keep_neglog10p": 0.0, "dense": False})
    effects = Effects.empty(len(tests))
    if len(tests) == 0:
        return effects
    # Only variants and traits with a test are read and prepared.
    variants, variant = np.unique(tests.variant, return_inverse=True)
    names, trait = np.unique(tests.trait, return_inverse=True)
    chosen = Traits(traits.eids, tuple(traits.names[k] for k in names), traits.values[:, names])
    with threadpool_limits(1, user_api="blas"):
        for piece in genotypes.select(variants).pieces():
            own_index = _places(piece.variant_index, len(variants))[variant]
            in_piece = own_index >= 0
            _fit_piece(options, chosen, covariates, piece.genotypes, ChosenTests(own_index, trait), in_piece, effects)
    return effects


def _fit_piece(
    options: Matrix, traits: Traits, covariates: Covariates, genotypes: Genotypes, tests: ChosenTests,
    in_piece: NDArray[np.bool_], effects: Effects,
) -> None:  # fmt: skip
    """Fills in the tests `in_piece` (H,) of one piece, whose variants are indices among its genotypes."""
    cohort = assemble(traits, covariates, genotypes, men_on_x=options.men_on_x)
    relatives = kept_relatives.of_cohort(options, cohort, genotypes)
    for group in groups(cohort, traits.names):
        index_in_group = _places(group.traits, len(traits.names))[tests.trait]
        rows = np.flatnonzero(in_piece & (index_in_group >= 0))
        if len(rows) == 0:
            continue
        ordered = rows[np.lexsort((index_in_group[rows], tests.variant[rows]))]
        pairs = np.column_stack([tests.variant[ordered], index_in_group[ordered]]).astype(np.int32)
        fitted = _fit_group(options, cohort, group, genotypes, pairs, relatives)
        for field in fields(Effects):
            getattr(effects, field.name)[ordered] = getattr(fitted, field.name)


def _fit_group(
    options: Matrix, cohort: Cohort, group: Group, genotypes: Genotypes, pairs: NDArray[np.int32],
    relatives: KeptRelatives | None,
) -> Effects:  # fmt: skip
    """The tests (H,) of pairs (H, 2) int32 of a variant and a trait of the group, sorted by variant."""
    own = {"hard": cohort.has_hard_calls(genotypes), "haploid": cohort.haploid}
    fitter = Fitter(options, group, **own) if relatives is None else relatives.fitter(group, **own)
    men = None if cohort.counted_once is None else cohort.counted_once[group.people]
    selector = SampleSelector(cohort.fam_index[group.people], len(genotypes.eids), backends.allocator(options))
    effects = Effects.empty(len(pairs))
    for start, stop, rows in _blocks(options, genotypes, pairs[:, 0]):
        block = dosages.counted_once(dosages.block_reader(genotypes, start, stop)(selector), men)
        in_block = np.ascontiguousarray(pairs[rows] - np.array([start, 0], dtype=np.int32))
        fitted = fitter.fitted(block, in_block, fitter.df(block))
        for field in fields(Effects):
            getattr(effects, field.name)[rows] = fitted[field.name]
    return effects


def _blocks(options: Matrix, genotypes: Genotypes, variant: NDArray[np.int32]) -> Iterator[tuple[int, int, slice]]:
    """First and last variant of each block that fits in memory, and its rows among the sorted `variant` (H,)."""
    step = block_size(options, people=len(genotypes.eids), variants=len(genotypes), hard=genotypes.hard_calls_only)
    for start in range(0, len(genotypes), step):
        stop = min(start + step, len(genotypes))
        first, last = np.searchsorted(variant, [start, stop])
        if last > first:
            yield start, stop, slice(int(first), int(last))


def _places(index: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """(count,) place of each number in `index`; -1 where it is absent."""
    places = np.full(count, -1, dtype=np.int64)
    places[index] = np.arange(len(index))
    return places
