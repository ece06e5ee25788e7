"""Blocks in which only some variants lack calls: microseconds per variant, with the others tested in one pass and without.

    python -m benchmarks.speed.missing_calls [--quick] [--people N]

MISSING  screen and candidates of a block of 8,192 variants against 384 traits with 30 covariates, one thread, CPU time, the
         least of seven (two with --quick). complete: share of variants of which no call is missing; of the others' calls 1 %
         are. undivided_us: the whole block with products that are written to memory. The rows are the same
         (tests/native/test_compiled.py).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.record import recorded
from ecgwas.genotypes.packed import PackedBlock, SampleSelector
from ecgwas.genotypes.readers import pack
from ecgwas.scan.engine.backends.compiled_backend import FusedBackend
from ecgwas.scan.engine.plink2_checks import Plink2Checks
from ecgwas.scan.engine.regression import Fitter
from ecgwas.scan.engine.samples import Group
from ecgwas.statistics.least_squares import design
from ecgwas.study.scan import Matrix

TRAITS, COVARIATES, VARIANTS = 384, 30, 8_192
SHARES = (1.0, 0.99, 0.9, 0.5, 0.1, 0.0)
REPEATS = 7


def fitter_of(people: int, rng: np.random.Generator) -> Fitter:
    covariates, values = rng.standard_normal((people, COVARIATES)), rng.standard_normal((people, TRAITS))
    basis = np.linalg.qr(np.column_stack([np.ones(people), covariates]))[0]
    group = Group(np.arange(TRAITS), np.arange(people), design(basis, values), Plink2Checks(basis, covariates))
    return Fitter(Matrix.model_validate({"genotypes": Path("none"), "keep_neglog10p": 3.0}), group, keep_products=False)


def block_of(codes: NDArray[np.uint8], complete: float, rng: np.random.Generator) -> PackedBlock:
    lacks = rng.random(len(codes)) >= complete
    made = codes.copy()
    made[(rng.random(codes.shape) < 0.01) & lacks[:, None]] = 1
    return SampleSelector(np.arange(codes.shape[1]), codes.shape[1]).select(pack(made))


def microseconds(fitter: Fitter, block: PackedBlock, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        fitter.candidates(block, fitter.screen(block), fitter.pool().local())
        times.append(time.process_time() - start)
    return 1e6 * min(times) / len(block)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    people, rng, repeats = given.people, np.random.default_rng(1), 2 if given.quick else REPEATS
    shares = np.exp(rng.uniform(np.log(0.005), np.log(0.5), (VARIANTS, 1)))
    codes = np.array([3, 2, 0], dtype=np.uint8)[rng.binomial(2, shares, (VARIANTS, people))]
    fitter, divided = fitter_of(people, rng), FusedBackend.MIN_COMPLETE
    with threadpool_limits(1):
        for complete in SHARES:
            block = block_of(codes, complete, rng)
            FusedBackend.MIN_COMPLETE = divided
            now = microseconds(fitter, block, repeats)
            FusedBackend.MIN_COMPLETE = np.inf
            before = microseconds(fitter, block, repeats)
            print(
                f"MISSING people={people} traits={TRAITS} complete={complete:g} us={now:.2f} undivided_us={before:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    recorded(main, __file__)
