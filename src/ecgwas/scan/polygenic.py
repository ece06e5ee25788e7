"""What the other chromosomes predict of every trait, for more people than the exact mixed model allows (relatives.py).

Common, evenly spaced variants of the autosomes, and ridge regression in blocks (mixed/ridge.py). Each trait is residualised for
the covariates in the people who have it; a missing value then counts as 0 where variants are regressed on, and not at all where
predictions are weighed. The scan subtracts the prediction from the trait, and tests what is left with the relationship within
families. Needs no temporary files: of the genotypes, one chromosome is in memory, two bits a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosomes, pruned_panel
from ecgwas.genotypes.packed import NO_CALL, PackedBlock
from ecgwas.genotypes.readers import unpack
from ecgwas.mixed import loco, ridge
from ecgwas.progress import silent
from ecgwas.statistics.least_squares import design
from ecgwas.statistics.projection import residuals, span
from ecgwas.study.scan import Matrix, Scan
from ecgwas.tables import Covariates, Traits
from ecgwas.tables.calibration import Polygenic

MAX_VARIANTS = 200_000
"""Autosomal variants that are read, evenly spaced."""
MIN_VARIANTS = 200
"""With fewer common variants nothing can be predicted."""
PROBES = 30
"""Random signs by which the trace of the squared relationship is estimated."""
MIN_PEOPLE = ridge.FOLDS * 20
AUTOSOMES = "autosomes"
"""Name of the prediction by all autosomes, with which X, Y and MT are tested."""
CODES = unpack(np.arange(256, dtype=np.uint8)[:, None], 4)
"""(256, 4) codes in a byte."""


def chromosome_of(part: str) -> str:
    """Name of the prediction with which a chromosome is tested: its own, or AUTOSOMES for X, Y and MT."""
    return part if part in pruned_panel.AUTOSOMES else AUTOSOMES


@dataclass(frozen=True)
class PackedVariants:
    """Variants of one chromosome in blocks; see ridge.Variants.

    packed  (V, ceil(N / 4)) uint8: copies of the minor allele, two bits a person, 3 where missing;  people N
    values  (V, 4) float32: what each code stands for; 0 for a missing call;  edges: first variant of each block, and V
    """

    packed: NDArray[np.uint8]
    people: int
    values: NDArray[np.float32]
    edges: Sequence[int]

    def __len__(self) -> int:
        return len(self.edges) - 1

    def block(self, number: int, start: int, stop: int) -> NDArray[np.float32]:
        """See ridge.Variants; `start` must be a multiple of 4."""
        rows = range(self.edges[number], self.edges[number + 1])
        first, last = start // 4, -(-stop // 4)
        copies = np.empty((len(rows), last - first, 4), dtype=np.float32)
        for place, row in enumerate(rows):
            np.take(self.values[row][CODES], self.packed[row, first:last], axis=0, out=copies[place], mode="clip")
        return copies.reshape(len(rows), -1)[:, : stop - start]


def variants_of(packed: NDArray[np.uint8], people: int, counts: NDArray[np.int64]) -> PackedVariants:
    """counts (V, 3): people with a call, with one and with two minor alleles; every variant varies."""
    called, ones, twos = counts.T.astype(np.float64)
    mean = (ones + 2 * twos) / called
    # A missing call stands for the mean, so the variance is over all people.
    spread = np.sqrt((ones + 4 * twos - called * mean**2) / people)
    values = (np.arange(4.0) - mean[:, None]) / spread[:, None]
    values[:, NO_CALL] = 0.0
    return PackedVariants(packed, people, values.astype(np.float32), ridge.block_edges(len(packed)))


class Counted(Protocol):
    """What the regression must know of the variants of all chromosomes."""

    @property
    def variants(self) -> int: ...

    @property
    def blocks(self) -> int: ...


@dataclass(frozen=True)
class PlacedVariants:
    """Variants, (V,) their indices among those of the chromosome, and whether the allele that they count, the minor one, is the
    other allele of the genotypes (V,)."""

    variants: PackedVariants
    index: NDArray[np.int64]
    minor_is_other: NDArray[np.bool_]


class Panel:
    """The common, evenly spaced variants of the study's autosomes, for some participants in the order of `eids`."""

    def __init__(self, options: Scan, eids: Sequence[str]) -> None:
        """Raises InputError if there are fewer than MIN_VARIANTS."""
        self.options, self.eids = options, tuple(eids)
        names = [name for name in chromosomes.available(options) if name in pruned_panel.AUTOSOMES]
        total = sum(len(chromosomes.open_chromosome(options, name)) for name in names)
        self.stride = max(1, -(-total // MAX_VARIANTS))
        # The parameters of the regression depend on the number of variants of all chromosomes.
        self.common = {name: sum(int(_usable(block).sum()) for _, block in self._blocks(name)) for name in names}
        if self.variants < MIN_VARIANTS:
            problem = "traits are predicted from common variants of the autosomes, and these are "
            problem += f"{self.variants}; at least {MIN_VARIANTS} are needed"
            fix = "name all autosomes in scan.chromosomes, do without scan.variants, or do without relatives: polygenic and "
            fix += "scores.own"
            raise InputError(problem, where=options.genotypes, fix=fix)

    @property
    def variants(self) -> int:
        """Common variants of all chromosomes."""
        return sum(self.common.values())

    @property
    def blocks(self) -> int:
        """Blocks of all chromosomes."""
        return sum(len(ridge.block_edges(count)) - 1 for count in self.common.values())

    def chromosome(self, name: str) -> PackedVariants:
        """The variants of one chromosome."""
        return self.placed(name).variants

    def placed(self, name: str) -> PlacedVariants:
        """The variants of one chromosome, and which of its variants they are."""
        width = -(-len(self.eids) // 4)
        packed, counts = np.empty((self.common[name], width), dtype=np.uint8), np.empty((self.common[name], 3), dtype=np.int64)
        index, is_other = np.empty(self.common[name], dtype=np.int64), np.empty(self.common[name], dtype=bool)
        filled = 0
        for places, block in self._blocks(name):
            usable = np.flatnonzero(_usable(block))
            chosen = block.select(usable)
            rows = slice(filled, filled + len(chosen))
            packed[rows] = chosen.packed[:, :width]
            counts[rows] = np.column_stack([chosen.called, chosen.ones, chosen.twos])
            index[rows], is_other[rows] = places[usable] * self.stride, chosen.minor_is_other
            filled += len(chosen)
        return PlacedVariants(variants_of(packed, len(self.eids), counts), index, is_other)

    def _blocks(self, name: str) -> Iterator[tuple[NDArray[np.int64], PackedBlock]]:
        """The chromosome is opened anew: a file that is mapped for every chromosome would seem to fill the memory."""
        part = chromosomes.open_chromosome(self.options, name)
        thinned = part.select(np.arange(0, len(part), self.stride))
        return pruned_panel.read_blocks(thinned, self.eids, 1)


def _usable(block: PackedBlock) -> NDArray[np.bool_]:
    """(V,) common, and neither all heterozygous nor all alike."""
    return pruned_panel.is_common(block) & ~block.is_constant


@dataclass(frozen=True)
class Prepared:
    """Traits ready for the regression, with the scale (K,) of each, in its unit, and whom it has (K,)."""

    cohort: ridge.Cohort
    scale: NDArray[np.float64]
    people: NDArray[np.int64]


def predict(
    options: Matrix, traits: Traits, covariates: Covariates, *, seed: int,
    store: Callable[[str], NDArray[np.float32]], workers: int = 1, track: Callable[..., Any] = silent,
) -> Polygenic:  # fmt: skip
    """Fills in what the other chromosomes predict of each trait, for every autosome, and for AUTOSOMES; how well they do.

    store: chromosome -> (K, N) float32 array, as of a memory-mapped file, which receives the predictions in the traits' units,
    participants in the order of `traits`; it is called several times for each autosome. They are out of fold and
    have no missing values. Traits and covariates have the same participants in the same order. Raises InputError for too few
    people or variants.
    """
    if len(traits.eids) < MIN_PEOPLE:
        problem = f"scan.relatives: polygenic needs {MIN_PEOPLE} people to predict traits, and {len(traits.eids)} are tested"
        raise InputError(problem, fix="write relatives: family")
    # In the order of the files, people need not be reordered in every block; families that are listed together share a fold.
    first = next(name for name in chromosomes.available(options) if name in pruned_panel.AUTOSOMES)
    order = np.argsort(chromosomes.open_chromosome(options, first).sample_index(traits.eids), kind="stable")
    panel = Panel(options, [traits.eids[i] for i in order])
    prepared = prepare(traits.values[order], covariates.values[order], panel, np.random.default_rng(seed))
    cohort, names = prepared.cohort, list(panel.common)
    totals = loco.Totals(*cohort.traits.shape)
    stacked, sums = {}, []
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        for name in track(names, "polygenic predictions", len(names)):
            own = ridge.prediction(panel.chromosome(name), cohort, pool.map if workers > 1 else map)
            totals.add(own.values, own.is_stacked)
            store(name)[:] = own.values
            stacked[name] = own.is_stacked
            sums.append((own.squares, own.trace, own.probed))
    explained = []
    for name in names:
        others = totals.without(np.asarray(store(name)), stacked[name])
        explained.append(_store(others, prepared, order, store(name)))
    _store(totals, prepared, order, store(AUTOSOMES))
    squares, traces, probed = zip(*sums, strict=True)
    genome = loco.GenomeSums(np.sum(squares, axis=0), sum(traces), np.sum(probed, axis=0), panel.variants)
    h2 = loco.heritability(genome, cohort.traits, cohort.observed, cohort.basis.shape[1])
    used = prepared.people * (1 - 1 / ridge.FOLDS)
    return Polygenic.of([
        {"trait": name, "people": people, "variants": panel.variants, "h2": own_h2, "expected_r2": expected, "r2": r2}
        for name, people, own_h2, expected, r2 in zip(
            traits.names, prepared.people.tolist(), h2.tolist(), loco.expected_r2(used, h2).tolist(),
            np.mean(explained, axis=0).tolist(), strict=True,
        )
    ])  # fmt: skip


def _store(totals: loco.Totals, prepared: Prepared, order: NDArray[np.int64], out: NDArray[np.float32]) -> NDArray[np.float64]:
    """Writes the prediction by some chromosomes in the traits' units and order; (K,) the share of variance that it explains."""
    cohort = prepared.cohort
    values = totals.prediction(cohort.traits, cohort.observed, cohort.folds)
    out[:, order] = values * prepared.scale[:, None].astype(np.float32)
    return loco.explained(values, cohort.traits, cohort.observed)


def prepare(
    values: NDArray[np.float64], covariates: NDArray[np.float64], panel: Counted, rng: np.random.Generator,
    folds: int = ridge.FOLDS,
) -> Prepared:  # fmt: skip
    """values (N, K), missing NaN; covariates (N, C); both in the order of the panel."""
    has_trait = ~np.isnan(values)
    scaled, scale = np.zeros(values.shape, dtype=np.float32), np.zeros(values.shape[1])
    patterns: dict[bytes, list[int]] = {}
    for k in range(values.shape[1]):
        patterns.setdefault(has_trait[:, k].tobytes(), []).append(k)
    for members in map(np.array, patterns.values()):
        people = np.flatnonzero(has_trait[:, members[0]])
        own = design(span(covariates[people]), values[np.ix_(people, members)])
        scaled[np.ix_(people, members)] = own.traits * np.sqrt(len(people))
        scale[members] = own.norms / np.sqrt(len(people))
    basis = span(covariates)
    probes = residuals(rng.choice([-1.0, 1.0], size=(len(values), PROBES)), basis)
    cohort = ridge.Cohort(
        traits=np.ascontiguousarray(scaled.T), observed=None if has_trait.all() else np.ascontiguousarray(has_trait.T),
        basis=basis.astype(np.float32), folds=ridge.folds(len(values), folds),
        probes=np.ascontiguousarray(probes.T, dtype=np.float32),
        variants=panel.variants, blocks=panel.blocks,
    )  # fmt: skip
    return Prepared(cohort, scale, has_trait.sum(axis=0))
