"""Polygenic predictions of many traits for more people than the exact mixed model allows: time, memory, disk, and how good.

    python -m benchmarks.speed.polygenic [--quick]

POLYGENIC  minutes: processor time of all threads, to predict every trait for every chromosome; gib: peak memory of the process;
           temporary_bytes: largest size of files that are neither genotypes nor results during the run; r2: share of variance
           predicted out of fold, mean over the heritable traits; theory: what `loco.expected_r2` expects of them with their
           true heritability and as many segments as variants; to_100000: minutes for 100,000 people by the number of
           multiplications (scan/relatives_work.py), with the same variants and traits.
BY_H2      found and expected by true heritability, and the estimate of the heritability, mean and SD over traits.

Genotypes are simulated: independent variants on 22 chromosomes; half of the people are pairs of siblings. Traits are mixtures
of 60 factors, each with a polygenic part, as features of ECGs are, and have heritabilities of 0 to 0.5.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import recorded
from ecgwas.genotypes.readers import pack
from ecgwas.mixed import loco, ridge
from ecgwas.scan import matrix, polygenic, relatives_work
from ecgwas.scan.work import PartSize
from ecgwas.study.scan import Matrix
from ecgwas.tables import Covariates, Traits

LARGE = 100_000
FACTORS = 60
SHARES = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
LENGTHS = np.array([249, 243, 198, 191, 181, 171, 159, 146, 141, 136, 135, 134, 115, 107, 103, 90, 81, 78, 59, 63, 48, 51])
"""Of the autosomes, in millions of base pairs."""
SIBLINGS = 0.5
CODES = np.array([3, 2, 0], dtype=np.uint8)
"""Copies of the first allele -> code in a .bed."""


def write(stem: Path, people: int, variants: int, traits: int) -> None:
    """The fileset, and the traits (N, K) in a .npy."""
    rng = np.random.default_rng(1)
    chromosome = np.sort(rng.choice(22, size=variants, p=LENGTHS / LENGTHS.sum())) + 1
    genetic = np.zeros((people, FACTORS))
    with stem.with_suffix(".bed").open("wb") as bed:
        bed.write(bytes([0x6C, 0x1B, 0x01]))
        for start in range(0, variants, 500):
            copies = drawn(rng, people, min(500, variants - start))
            bed.write(pack(CODES[copies]).tobytes())
            scaled = copies.astype(np.float32)
            scaled -= scaled.mean(axis=1, keepdims=True)
            scaled /= scaled.std(axis=1, keepdims=True)
            genetic += scaled.T @ rng.standard_normal((len(copies), FACTORS)).astype(np.float32)
    bim = "".join(f"{chrom}\tv{i}\t0\t{i + 1}\tG\tA\n" for i, chrom in enumerate(chromosome))
    stem.with_suffix(".bim").write_text(bim)
    stem.with_suffix(".fam").write_text("".join(f"f{i} p{i} 0 0 {1 + i % 2} -9\n" for i in range(people)))
    mixing = rng.standard_normal((FACTORS, traits)) * np.linspace(1, 0.1, FACTORS)[:, None]
    own, other = genetic / genetic.std(axis=0) @ mixing, rng.standard_normal((people, FACTORS)) @ mixing
    share = np.resize(SHARES, traits)
    np.save(stem.with_suffix(".npy"), own / own.std(axis=0) * np.sqrt(share) + other / other.std(axis=0) * np.sqrt(1 - share))


def drawn(rng: np.random.Generator, people: int, variants: int) -> NDArray[np.uint8]:
    """(V, N) copies; the second of two siblings has each allele of the first with a chance of one half."""
    limit = rng.integers(20, 129, size=(1, variants, 1), dtype=np.uint8)
    alleles = (rng.integers(0, 256, size=(2, variants, people), dtype=np.uint8) < limit).astype(np.uint8)
    pairs = int(SIBLINGS * people) // 2
    first, second = alleles[:, :, : 2 * pairs : 2], alleles[:, :, 1 : 2 * pairs : 2]
    shared = rng.integers(0, 2, size=first.shape, dtype=np.uint8) == 1
    alleles[:, :, 1 : 2 * pairs : 2] = np.where(shared, first, second)
    copies: NDArray[np.uint8] = alleles.sum(axis=0, dtype=np.uint8)
    return copies


def measured(stem: Path, people: int, variants: int) -> None:
    values = np.load(stem.with_suffix(".npy"), allow_pickle=False)
    eids = tuple(f"p{i}" for i in range(people))
    traits = Traits(eids, tuple(f"made.I.f{k}" for k in range(values.shape[1])), values)
    covariates = Covariates(eids, ("x",), np.random.default_rng(2).standard_normal((people, 1)))
    results = stem.parent / "results"
    results.mkdir()
    temporary = [0]

    def store(name: str) -> NDArray[np.float32]:
        path = results / f"{name}.npy"
        if path.exists():
            return np.lib.format.open_memmap(path, mode="r+")
        return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(values.shape[1], people))

    def watched(names: Iterable[str], label: str, total: int) -> Iterator[str]:
        for name in names:
            yield name
            others = (path for path in stem.parent.iterdir() if path.is_file() and path.stem != stem.stem)
            temporary.append(sum(path.stat().st_size for path in others))

    options = Matrix.model_validate({"genotypes": stem, "relatives": "polygenic"})
    workers = matrix.threads(0)
    begun, wall = cpu_seconds(), time.monotonic()
    table = polygenic.predict(options, traits, covariates, seed=1, store=store, workers=workers, track=watched).frame
    minutes, elapsed = (cpu_seconds() - begun) / 60, (time.monotonic() - wall) / 60
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    share = np.resize(SHARES, values.shape[1])
    theory = loco.expected_r2(people * (1 - 1 / ridge.FOLDS), share, variants)
    found, used = table["r2"].to_numpy(), int(table["variants"][0])
    large = minutes * multiplications(LARGE, variants, values.shape[1]) / multiplications(people, variants, values.shape[1])
    print(
        f"POLYGENIC people={people} variants={used} traits={values.shape[1]} minutes={minutes:.2f} gib={gib:.2f} "
        f"temporary_bytes={max(temporary)} r2={found[share > 0].mean():.4f} theory={theory[share > 0].mean():.4f} "
        f"to_100000={large:.1f} threads={workers} elapsed={elapsed:.2f} load={os.getloadavg()[0]:.1f}",
        flush=True,
    )
    for h2 in SHARES:
        mine = share == h2
        estimate = table["h2"].to_numpy()[mine]
        print(
            f"BY_H2 h2={h2:.1f} r2={found[mine].mean():.4f} theory={theory[mine].mean():.4f} estimate={estimate.mean():.3f} "
            f"sd={estimate.std():.3f}",
            flush=True,
        )


def multiplications(people: int, variants: int, traits: int) -> float:
    """Of matrix products, by scan/relatives_work.py; a share COMMON of variants would be used there."""
    read = round(variants / relatives_work.COMMON)
    size = PartSize(people, people, traits, read // 22, False, 1, read)
    return relatives_work.predictions(size, read // 12).units["mixed_product"]


def cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small case, under three minutes")
    parser.add_argument("--size", type=int, nargs=3, metavar="N", help="other numbers of people, variants and traits")
    given = parser.parse_args()
    people, variants, traits = given.size or ((3_000, 10_000, 48) if given.quick else (20_000, 100_000, 384))
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "made"
        with ProcessPoolExecutor(
            1, mp_context=get_context("spawn")
        ) as pool:  # The memory of a process that simulates is not ours.
            pool.submit(write, stem, people, variants, traits).result()
        measured(stem, people, variants)


if __name__ == "__main__":
    recorded(main, __file__)
