"""The built-in engine: all traits at once, one product per block of variants, exact least squares, PLINK 2's numbers.

The product is computed in float32 for every variant and trait; tests that may reach `keep_neglog10p` are computed again
in float64, so that what is written does not depend on kernel, block size or threads. The algebra is in least_squares.py.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ecgwas.genotypes import dosages
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.native import compiled
from ecgwas.progress import silent
from ecgwas.scan.block_scan import Scanner
from ecgwas.scan.engine import all_tests, block_results, kernels
from ecgwas.scan.engine.block_results import BlockResult
from ecgwas.scan.engine.samples import assemble, groups, people
from ecgwas.scan.permutation.max_t import Shuffles
from ecgwas.study.scan import Matrix
from ecgwas.tables import Covariates, ScanResult, Traits

logger = logging.getLogger(__name__)

PACKED_BYTES = 2**26
"""Packed hard calls of a block."""
BLOCKS_HELD = 2
"""Blocks of full size in memory at once: more threads than that take smaller ones, so that a plan holds on any machine."""


def check(options: Matrix) -> None:
    """Raises StudyError if the kernel asked for is not there."""
    kernels.check(options.kernel)
    if options.kernel == "auto" and not compiled.there():
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
) -> ScanResult:
    """Every variant of `genotypes` against every trait; see ScanResult. `folder` receives every test, if `options.dense`.

    Traits and covariates: the same people in the same order, all of them in `genotypes`. ancestry (N,): their groups, in
    which Hardy-Weinberg is judged; None: one group. `seed` shuffles people; the same seed gives the same shuffles on every
    chromosome. Invalid for related people. BLAS works on one thread throughout: the blocks are what threads share, and a
    thread of BLAS that has had work turns on a core for a tenth of a second after it.
    """
    if folder is None:
        options = options.model_copy(update={"dense": False})
    with threadpool_limits(1, user_api="blas"):
        check(options)
        pieces = genotypes.pieces()
        places = [block_results.piece_folder(folder, number) for number in range(len(pieces))]
        found = [
            _scan(options, traits, covariates, piece.genotypes, place, seed, track, ancestry)
            for piece, place in zip(pieces, places, strict=True)
        ]
    first = found[0]
    if len(found) == 1:
        return block_results.result(first.found, traits.names, first.people, genotypes, first.sets)
    moved = [block_results.moved(one.found, piece.places) for one, piece in zip(found, pieces, strict=True)]
    total = block_results.total(moved, len(traits.names))
    return block_results.result(total, traits.names, first.people, genotypes, first.sets)


@dataclass(frozen=True)
class _Scanned:
    """What one piece gives: people (K,) with each trait, and the names of the sets of traits."""

    found: BlockResult
    people: NDArray[np.int64]
    sets: tuple[str, ...]


def _scan(
    options: Matrix, traits: Traits, covariates: Covariates, genotypes: Genotypes, folder: Path | None, seed: int,
    track: Callable[..., Any], ancestry: NDArray[np.int64] | None,
) -> _Scanned:  # fmt: skip
    """Variants of one file that men have once, or twice."""
    cohort = assemble(traits, covariates, genotypes, ancestry)
    grouped = groups(cohort, traits.names)
    shuffles = None
    if options.permutations:
        count, jointly = options.permutations, options.sets_of_traits
        table = genotypes.hard and kernels.chosen(options.kernel) == "table"
        shuffles = Shuffles(
            cohort, grouped, traits.names, count=count, seed=seed, jointly=jointly, table=table, variants=len(genotypes)
        )
    scanner = Scanner(options, cohort, grouped, genotypes, shuffles)
    workers = threads(options.threads)
    step = block_size(options, people=len(genotypes.eids), variants=len(genotypes), hard=genotypes.hard, workers=workers)
    edges = [*range(0, len(genotypes), step), len(genotypes)]
    steps = in_order(scanner.block, list(pairwise(edges)), workers)
    if options.dense and folder is not None:
        steps = all_tests.written(steps, folder, genotypes, grouped, traits.names)
    found = block_results.total(track(steps, f"scan {genotypes.chrom}", len(edges) - 1), len(traits.names))
    found = replace(found, chi2_counts=scanner.histograms())
    if shuffles is not None:
        found = replace(found, maxima=shuffles.neglog10p(found.maxima))
    names = () if shuffles is None else tuple(one.name for one in shuffles.trait_sets.sets)
    return _Scanned(found, people(cohort), names)


def block_size(options: Matrix, *, people: int, variants: int, hard: bool, workers: int = 1) -> int:
    """Variants per block of a chromosome: `options.block`, or as many as a block may hold calls (hard) or dosages of.

    people: those in the file. Beyond BLOCKS_HELD workers blocks shrink, so that all workers together hold no more variants.
    There are two blocks at least: a chromosome of an array is less than one as a rule.
    """
    fits = PACKED_BYTES * 4 // people if hard else dosages.BYTES // (dosages.BYTES_EACH * people)
    full = min(options.block, fits)
    held = full if workers <= BLOCKS_HELD else full * BLOCKS_HELD // workers
    return max(1, min(held, -(-variants // 2)))


def threads(asked: int) -> int:
    """`asked`, or as many cores as this process may use: OMP_NUM_THREADS, as a cluster's jobs have it, or all it can see."""
    cores = len(os.sched_getaffinity(0))
    told = os.environ.get("OMP_NUM_THREADS", "")
    return asked or (min(cores, max(int(told), 1)) if told.isdigit() else cores)


def in_order(work: Callable[[int, int], BlockResult], spans: list[tuple[int, int]], workers: int) -> Iterator[BlockResult]:
    """Results in the order of `spans`, a few of them at a time in memory."""
    if workers == 1:
        yield from (work(*span) for span in spans)
        return
    pending: deque[Future[BlockResult]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for span in spans:
            pending.append(pool.submit(work, *span))
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
