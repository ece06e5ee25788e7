"""Why genomic inflation of the mixed model differs from 1 in the 1,940 mice: chance, and variants outside the relationship.

    python -m benchmarks.findings.inflation_mice [--quick] [--mice STEM]

Variants of chromosome 1 are tested in 96 traits with the relationship that common variants (MAF above 5 %) of the other
chromosomes give, 16 traits of each heritability in 0 to 0.8. Each line gives the median inflation of the 96 traits, as its
mean over drawings, and the interval with 95 of 100 of them. The file has four chromosomes in long linkage disequilibrium, so
that the median of one drawing varies by several per cent.

    model    traits are drawn from the model itself, with the relationship that is tested: what chance alone gives
    common   traits are sums of effects of the variants that make the relationship
    all      traits are sums of effects of all variants of those chromosomes, of which some are rarer
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bed_reader import open_bed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.record import recorded
from benchmarks.speed.mixed_model import MEDIAN, MICE, SHARES
from ecgwas.mixed import variant_tests
from ecgwas.mixed.relationship import relationship
from ecgwas.mixed.rotation import Rotation, rotation
from ecgwas.statistics.least_squares import design
from ecgwas.statistics.projection import span
from tests.mixed import families

Floats = NDArray[np.float64]
PER_SHARE = 16
LEAST_MAF, LEAST_TESTED = 0.05, 0.01


def line(label: str, draw: Callable[[int], Floats], count: int, turned: Rotation, variants: NDArray[np.float32]) -> str:
    """draw: seed -> traits (N, K)."""
    basis = span(np.empty((len(turned.basis), 0)))
    by_trait = np.empty((count, PER_SHARE * len(SHARES)))
    for seed in range(count):
        traits = variant_tests.rotated(turned, design(basis, draw(seed)).traits)
        by_trait[seed] = np.median(variant_tests.screen(variants, traits), axis=0) / MEDIAN
    medians = np.median(by_trait, axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    heritable = np.median(by_trait[:, len(SHARES) - 1 :: len(SHARES)])
    return (
        f"INFLATION mice traits={label} drawings={count} lambda={medians.mean():.3f} se={medians.std() / count**0.5:.3f} "
        f"low={low:.3f} high={high:.3f} at_h2_{SHARES[-1]:g}={heritable:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer drawings")
    parser.add_argument("--mice", type=Path, default=MICE, help="fileset of the 1,940 mice, without ending")
    given = parser.parse_args()
    count = 20 if given.quick else 200
    bed = open_bed(f"{given.mice}.bed")
    copies, chromosome = bed.read(dtype="int8"), bed.chromosome.astype(np.int64)
    called = np.where(copies < 0, np.nan, copies.astype(float))
    filled = np.where(np.isnan(called), np.nanmean(called, axis=0), called)
    maf = np.minimum(filled.mean(axis=0) / 2, 1 - filled.mean(axis=0) / 2)
    elsewhere = chromosome != 1
    common = elsewhere & (maf > LEAST_MAF)
    with threadpool_limits(1):
        turned = rotation(relationship(len(copies), [called.T[common]]), span(np.empty((len(copies), 0))))
        tested = variant_tests.rotate(filled[:, ~elsewhere & (maf > LEAST_TESTED)].T, turned).astype(np.float32)
        shares = np.tile(SHARES, PER_SHARE)

        def of_model(seed: int) -> Floats:
            rng = np.random.default_rng(seed)
            scale = np.sqrt(np.outer(turned.values, shares / (1 - shares)) + 1)
            return np.asarray(turned.basis @ (scale * rng.standard_normal(scale.shape)))

        def of_variants(chosen: NDArray[np.bool_]) -> Callable[[int], Floats]:
            return lambda seed: families.polygenic(filled[:, chosen], shares, seed)

        for label, draw in (("model", of_model), ("common", of_variants(common)), ("all", of_variants(elsewhere))):
            print(line(label, draw, count, turned, tested), flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
