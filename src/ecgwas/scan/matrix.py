"""The built-in engine: exact least squares of all traits, one product per block of variants, with the results of PLINK 2.

Every variant and trait is screened in float32. Tests that may reach `keep_neglog10p` are refitted in float64, so that the rows
written do not depend on kernel, block size or threads. The algebra is in least_squares.py.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ecgwas.genotypes import dosages
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.native import compiled
from ecgwas.progress import silent
from ecgwas.scan import family, relatives, relatives_work
from ecgwas.scan.block_scan import Prepared, Scanner
from ecgwas.scan.engine import all_tests, block_results, kernels
from ecgwas.scan.engine.block_results import BlockResult
from ecgwas.scan.engine.regression import Fitter
from ecgwas.scan.engine.samples import Cohort, Group, assemble, groups, people
from ecgwas.scan.permutation import max_t, sample, strongest
from ecgwas.scan.permutation.max_t import Shuffles
from ecgwas.scan.work import PartSize, Work, block_bytes, testing
from ecgwas.study.scan import Matrix
from ecgwas.tables import Covariates, ScanResult, Traits

logger = logging.getLogger(__name__)

PACKED_BYTES = 2**26
"""Size of a block's packed hard calls."""
ROTATED_BYTES = 2**28
"""Size of a block's rotated genotypes in the mixed model."""
Span = list[tuple[int, int]]
"""Neighbouring blocks of variants, as start and stop."""

BLOCKS_IN_MEMORY = 2
"""Blocks of full size in memory at a time. More threads use smaller blocks, so that a plan is valid on any machine."""


def check(options: Matrix) -> None:
    """Raises StudyError if the kernel requested is not available, InputError if relatives are kept and too few variants show
    who is related."""
    _check_kernel(options)
    if options.relatives == "polygenic":
        relatives.refuse_too_few_variants(options)


def _check_kernel(options: Matrix) -> None:
    kernels.check(options.kernel)
    if options.kernel == "auto" and not compiled.is_available():
        logger.info("scan: %s", kernels.NO_TABLE)


def scan(
    options: Matrix,
    traits: Traits,
    covariates: Covariates,
    genotypes: Genotypes,
    *,
    seed: int,
    track: Callable[..., Any] = silent,
    folder: Path | None = None,
    ancestry: NDArray[np.int64] | None = None,
    predictions: NDArray[np.float64] | None = None,
) -> ScanResult:
    """Tests every variant of `genotypes` against every trait; see ScanResult.

    With `options.dense`, `folder` receives every test. Traits and covariates have the same participants in the same order, all
    of them in `genotypes`. ancestry (N,): groups in which Hardy-Weinberg equilibrium is tested; None: one group. The same
    `seed` gives the same permutations on every chromosome. predictions (N, K) float64, of the traits in their units and order,
    without missing values: what the other chromosomes predict, subtracted before anything else. Invalid for related
    participants, but with `options.relatives`: polygenic, whose relationship is read from the study's other autosomes
    (relatives.py), or family, that of `options.kinship` (family.py). BLAS is limited to one thread, because the scan's threads
    share the blocks, and an idle BLAS thread keeps a core busy for a tenth of a second after its work.
    """
    if folder is None:
        options = options.model_copy(update={"dense": False})
    if predictions is not None:
        traits = Traits(traits.eids, traits.names, traits.values - predictions)
    with threadpool_limits(1, user_api="blas"):
        _check_kernel(options)
        pieces = genotypes.pieces()
        folders = [block_results.piece_folder(folder, number) for number in range(len(pieces))]
        scanned = [
            _scan(options, traits, covariates, piece.genotypes, piece_folder, seed, track, ancestry)
            for piece, piece_folder in zip(pieces, folders, strict=True)
        ]
    first = scanned[0]
    permuted = max(each.permuted for each in scanned)
    if len(scanned) == 1:
        return block_results.result(
            first.result, traits.names, first.people, genotypes, first.sets, permuted_people=permuted
        )  # fmt: skip
    results = [block_results.renumbered(each.result, piece.variant_index) for each, piece in zip(scanned, pieces, strict=True)]
    total = block_results.total(results, len(traits.names))
    return block_results.result(total, traits.names, first.people, genotypes, first.sets, permuted_people=permuted)


@dataclass(frozen=True)
class _Scanned:
    """The result of one piece, the number of participants with each trait (K,), the names of the trait sets, and the number of
    participants permuted."""

    result: BlockResult
    people: NDArray[np.int64]
    sets: tuple[str, ...]
    permuted: int


def _scan(
    options: Matrix, traits: Traits, covariates: Covariates, genotypes: Genotypes, folder: Path | None, seed: int,
    track: Callable[..., Any], ancestry: NDArray[np.int64] | None,
) -> _Scanned:  # fmt: skip
    """Scans the variants of one piece: those of which men have one copy, or those of which men have two."""
    cohort = assemble(traits, covariates, genotypes, ancestry, men_on_x=options.men_on_x)
    grouped = groups(cohort, traits.names)
    everyone = len(cohort.fam_index) if options.permutations else 0
    if options.relatives == "family":
        own = family.prepared(options, cohort, grouped, genotypes, seed)
        return _Scanned(_pass(options, cohort, own, genotypes, None, track), people(cohort), (), everyone)
    if options.relatives == "polygenic":
        prepared = relatives.prepared(options, cohort, grouped, genotypes, seed)
        results = [_pass(options, cohort, each, genotypes, None, track) for each in prepared]
        return _Scanned(relatives.joined(results, len(traits.names)), people(cohort), (), everyone)
    shuffles, part, permuted = _permutations(options, cohort, grouped, traits.names, genotypes, seed)
    hard, haploid = cohort.has_hard_calls(genotypes), cohort.haploid
    fitters = [Fitter(options, group, hard=hard, haploid=haploid, keep_products=False) for group in grouped]
    result = _pass(options, cohort, Prepared(fitters, shuffles, part), genotypes, folder, track, names=traits.names)
    names = () if shuffles is None else tuple(trait_set.name for trait_set in shuffles.trait_sets.sets)
    return _Scanned(result, people(cohort), names, permuted)


def _permutations(
    options: Matrix, cohort: Cohort, grouped: list[Group], names: Sequence[str], genotypes: Genotypes, seed: int
) -> tuple[Shuffles | None, sample.Sample | None, int]:
    """Permutations of everyone, or of a sample with tests of trait sets in the observed data; the number of people permuted."""
    if options.permutations == 0:
        return None, None, 0
    use_table = cohort.has_hard_calls(genotypes) and kernels.resolved(options.kernel) == "table"
    of_all: dict[str, Any] = {"seed": seed, "variants": len(genotypes)}
    more = {"count": options.permutations, "with_sets": options.tests_sets, "use_table": use_table, **of_all}
    n_permuted = sample.people_permuted(options, cohort.total, len(names))
    if n_permuted >= cohort.total:
        return Shuffles(cohort, grouped, names, **more), None, len(cohort.fam_index)
    part = sample.sample_of(cohort, grouped, names, people=n_permuted, **more)
    return sample.observed_sets(cohort, grouped, names, part, **of_all), part, len(part.cohort.fam_index)


def _pass(
    options: Matrix, cohort: Cohort, prepared: Prepared, genotypes: Genotypes, folder: Path | None, track: Callable[..., Any],
    *, names: Sequence[str] = (),
) -> BlockResult:  # fmt: skip
    """One pass over the variants. names: of the traits, needed if `folder` receives every test."""
    scanner = Scanner(options, cohort, prepared.fitters, genotypes, prepared.shuffles, prepared.sample)
    workers, traits = threads(options.threads), cohort.values.shape[1]
    step = block_size(
        options, people=len(genotypes.eids), variants=len(genotypes), hard=cohort.has_hard_calls(genotypes), workers=workers
    )
    edges = [*range(0, len(genotypes), step), len(genotypes)]
    spans = [[block] for block in pairwise(edges)]
    if prepared.sample is not None:
        spans = _spans(len(genotypes), prepared.sample.span_variants, step)
    steps: Iterator[BlockResult] = chain.from_iterable(in_order(scanner.test_span, spans, workers))
    if options.dense and folder is not None:
        steps = all_tests.written(steps, folder, genotypes, [each.group for each in prepared.fitters], names)
    result = block_results.total(track(steps, f"scan {genotypes.chrom}", sum(map(len, spans))), traits)
    result = replace(result, chi2_counts=scanner.histograms())
    permuted = prepared.shuffles if prepared.sample is None else prepared.sample.shuffles
    return result if permuted is None else replace(result, maxima=permuted.neglog10p(result.maxima))


def _spans(variants: int, span: int, step: int) -> list[Span]:
    """Spans of `span` variants, divided into blocks of up to `step`."""
    edges = [*range(0, variants, span), variants]
    return [
        [(block, min(block + step, stop)) for block in range(start, stop, step)] for start, stop in pairwise(edges)
    ]  # fmt: skip


def block_size(options: Matrix, *, people: int, variants: int, hard: bool, workers: int = 1) -> int:
    """Variants per block: `options.block`, or fewer if their hard calls (hard) or dosages would exceed a block's memory.

    people: samples in the file. With more than BLOCKS_IN_MEMORY workers, blocks shrink so that all workers together hold no
    more variants. There are at least two blocks, because a chromosome of a genotyping array usually fits in one.
    """
    fits = PACKED_BYTES * 4 // people if hard else dosages.BLOCK_BYTES // (dosages.BYTES_PER_DOSAGE * people)
    if options.relatives == "polygenic":
        fits = min(fits, ROTATED_BYTES // (4 * people))
    full = min(options.block, fits)
    size = full if workers <= BLOCKS_IN_MEMORY else full * BLOCKS_IN_MEMORY // workers
    return max(1, min(size, -(-variants // 2)))


def work(options: Matrix, size: PartSize) -> Work:
    """Work of one part: blocks as large as `scan` takes them, and the permutations."""
    block = block_size(
        options, people=size.people_in_files, variants=size.variants, hard=not size.dosages, workers=size.workers
    )  # fmt: skip
    if options.keeps_relatives:
        return relatives_work.work(options, size, min(block, size.variants))
    per_thread = block_bytes(size, min(block, size.variants))
    units, permuted = testing(size), replace(size, people=sample.people_permuted(options, size.people, size.traits))
    memory = 0.0
    if options.permutations:
        is_sample = permuted.people < size.people
        if is_sample and options.tests_sets:
            per_thread += _permuted_block_bytes(size, min(block, size.variants, max_t.observed_variants(size.people)))
            units |= _observed_set_units(size, units)
        together = sample.span_variants(permuted.people) if is_sample else block
        per_thread += _permuted_block_bytes(permuted, min(together, size.variants))
        units |= _permutation_units(options, permuted, together, set_share(options, size.people, size.traits))
        memory = _permutation_bytes(options, permuted) + 8.0 * (size.people - permuted.people)
    memory += size.workers * per_thread
    return Work(units, memory, 8.0 * size.tests if options.dense else 0.0)


def set_share(options: Matrix, people: int, traits: int) -> float:
    """Columns of a permutation per trait: as many components of trait sets, in the permutations in which sets are tested."""
    if not options.tests_sets or options.permutations == 0:
        return 1.0
    is_sample = sample.people_permuted(options, people, traits) < people
    return 1.0 + (min(1.0, sample.SET_PERMUTATIONS / options.permutations) if is_sample else 1.0)


def _observed_set_units(size: PartSize, units: Mapping[str, float]) -> dict[str, float]:
    """Trait sets in the observed data, if only a sample is permuted: one more product with traits and one with components."""
    test = "dosage_test_person" if size.dosages else "scan_test_person"
    return {test: 3.0 * units[test]}


def _permuted_block_bytes(size: PartSize, variants: int) -> float:
    """Of one thread: residualised genotypes of unit length, float32, and dosages; correlations of some variants with some
    permuted traits, twice; the strongest tests in float64."""
    each = (17.0 if size.dosages else 12.0) * variants * size.people
    return each + 8.0 * min(variants, max_t.ROWS) * max_t.COLUMNS + strongest.BYTES


def _permutation_units(options: Matrix, size: PartSize, block: int, with_sets: float) -> dict[str, float]:
    """Units of testing permuted traits; those that are not kept are permuted again for each block of variants.

    size: of the participants permuted; with_sets: see `set_share`.
    """
    values = float(size.people) * size.traits * options.permutations
    times = 1.0 if _kept_bytes(options, size) <= max_t.KEPT_BYTES else max(1.0, size.variants / block)
    return {"shuffle_value": times * values, "shuffle_test_person": size.variants * values * with_sets}


def _permutation_bytes(options: Matrix, size: PartSize) -> float:
    """The traits in float64, the orders of the people, and all permuted traits if they are kept, otherwise some of them."""
    kept, partial = _kept_bytes(options, size), 6.0 * 4 * max_t.COLUMNS * size.people
    return 8.0 * size.people * (options.permutations + size.traits) + (kept if kept <= max_t.KEPT_BYTES else partial)


def _kept_bytes(options: Matrix, size: PartSize) -> float:
    """Permuted traits, and as many components of trait sets."""
    return 4.0 * size.people * size.traits * options.permutations * (2 if options.tests_sets else 1)


def threads(requested: int) -> int:
    """`requested`, or if 0 the cores that this process may use: OMP_NUM_THREADS, which cluster jobs set, or all visible."""
    cores = len(os.sched_getaffinity(0))
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return requested or (min(cores, max(int(limit), 1)) if limit.isdigit() else cores)


def in_order(work: Callable[[Span], list[BlockResult]], spans: Sequence[Span], workers: int) -> Iterator[list[BlockResult]]:
    """Yields results in the order of `spans`, with a few in memory at a time."""
    if workers == 1:
        yield from map(work, spans)
        return
    pending: deque[Future[list[BlockResult]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for span in spans:
            pending.append(pool.submit(work, span))
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
