"""Kinship of all pairs and principal components at a biobank's size: CPU seconds, memory, PLINK 2's numbers, extrapolation.

    python -m benchmarks.speed.kinship [--quick] [--people N ...]
    python -m benchmarks.speed.kinship --slice      256 of 100,000 people with everyone, half a minute

KINSHIP     all pairs of N people over 20,000 variants, as sample QC compares them; 0.5 % of calls missing, one in 100
            people a full sibling of another; limit 0.0442. seconds: CPU, one thread; screened: pairs were given up after some
            of the variants, by default in cohorts of more than 20,000 people. gib: peak memory of this process.
            max_difference_from_plink2: over all pairs above the limit, which must be the same pairs (if PLINK 2 is installed;
            plink2_seconds: its CPU seconds, `--make-king-table` with a filter, one thread).
            to_100000_minutes: wall-clock minutes for 100,000 people on 2 cores, (a 100000 / N + b (100000 / N)^2) / 120, where
            a are the seconds of arranging calls and estimating noise, b those of the pairs. to_100000_gib: 2 bits per call
            twice (in the panel and in strips), and 0.3.
SLICE       random calls of 100,000 people, arranged in strips, and 256 people with all others, every pair over all variants.
INSTRUCTIONS  nanoseconds per pair with each instruction set of this machine, every pair over all variants.
COMPONENTS  ten principal components of N people over V variants; a pass over the calls is a twelfth of the seconds.
            to_100000_minutes: CPU minutes for 100,000 people and as many variants, all passes, one core; seconds grow with N V.
            smallest_correlation: of each of the first ten components with those of NumPy's exact decomposition, 600 people.
"""

from __future__ import annotations

import argparse
import platform
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.record import machine, recorded
from ecgwas.genotypes.packed_calls import PackedCalls, packed_calls
from ecgwas.genotypes.pruned_panel import standardised
from ecgwas.genotypes.readers import BED_MAGIC, pack
from ecgwas.native import compiled
from ecgwas.progress import peak_memory_mib, reset_peak_memory
from ecgwas.traits import genotype_pcs, kinship, pair_counts

VARIANTS = 20_000
LIMIT = 0.0442
MISSING = 0.005
BIOBANK = 100_000
GIB = 2.0**30
VARIANTS_AT_ONCE = 500


def simulated(people: int, variants: int, seed: int, *, populations: int = 1) -> PackedCalls:
    """Unlinked variants with frequencies of 5 to 50 %; of the first hundredth 0 and 1, 2 and 3, ... are full siblings."""
    rng = np.random.default_rng(seed)
    siblings = people // 200
    packed = np.empty((variants, -(-people // 4)), dtype=np.uint8)
    for start in range(0, variants, VARIANTS_AT_ONCE):
        count = min(VARIANTS_AT_ONCE, variants - start)
        shares = np.clip(
            rng.uniform(0.05, 0.5, (count, 1)) + rng.normal(0, 0.1, (count, populations)) * (populations > 1), 0.02, 0.98
        )
        share = np.rint(256 * shares[:, np.arange(people) % populations]).astype(np.uint8)
        alleles = np.stack([rng.integers(0, 256, (count, people), dtype=np.uint8) < share for _ in range(2)])
        parents = rng.random((count, 2, 2, siblings)) < (share[:, None, None, : 2 * siblings : 2] / 256)
        for child in (0, 1):
            for parent in (0, 1):
                taken = rng.integers(0, 2, (count, siblings), dtype=np.uint8) > 0
                alleles[parent][:, child : 2 * siblings : 2] = np.where(taken, parents[:, parent, 0], parents[:, parent, 1])
        codes = alleles.sum(axis=0, dtype=np.uint8)
        codes[rng.integers(0, 1000, codes.shape, dtype=np.uint16) < 1000 * MISSING] = 3
        packed[start : start + count] = pack(codes)
    return PackedCalls(packed, people)


def plink2_pairs(calls: PackedCalls, folder: Path) -> tuple[dict[tuple[int, int], float], float]:
    """PLINK 2's kinship of pairs above 0.04, and its CPU seconds."""
    stem = folder / "cohort"
    with stem.with_suffix(".bed").open("wb") as file:
        file.write(BED_MAGIC)
        for _, codes in calls.blocks():
            # Two copies of the first allele are 0 in a .bed, a missing call 1.
            file.write(pack(np.array([3, 2, 0, 1], dtype=np.uint8)[codes]).tobytes())
    stem.with_suffix(".fam").write_text("".join(f"0 p{i} 0 0 0 -9\n" for i in range(calls.people)))
    stem.with_suffix(".bim").write_text("".join(f"{1 + v * 22 // len(calls)} v{v} 0 {v + 1} A G\n" for v in range(len(calls))))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    files = ["--bfile", str(stem), "--out", str(stem), "--threads", "1"]
    wanted = ["--make-king-table", "cols=id,kinship", "--king-table-filter", "0.04"]
    subprocess.run(["plink2", *files, *wanted], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    table = pl.read_csv(stem.with_suffix(".kin0"), separator="\t")
    rows = ((int(a[1:]), int(b[1:]), value) for a, b, value in table.select("#IID1", "IID2", "KINSHIP").iter_rows())
    pairs = {(min(a, b), max(a, b)): value for a, b, value in rows}
    return pairs, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def difference(found: kinship.RelatedPairs, theirs: dict[tuple[int, int], float]) -> float:
    """Largest difference of kinship; infinity if the pairs are not the same (within PLINK's six digits of the limit)."""
    lowest = max(found.limit, found.chance_limit)
    ours = dict(zip(zip(found.first.tolist(), found.second.tolist(), strict=True), found.kinship.tolist(), strict=True))
    sure = {pair for pair, value in theirs.items() if value > lowest + 1e-6}
    if not sure <= set(ours) or not set(ours) <= set(theirs):
        return float("inf")
    return max((abs(ours[pair] - theirs[pair]) for pair in ours), default=0.0)


def of_kinship(people: int, *, screened: bool, with_plink2: bool) -> str:
    calls = simulated(people, VARIANTS, people)
    kinship.MOST_IN_FULL = 0 if screened else max(people, kinship.MOST_IN_FULL)
    reset_peak_memory()
    start = time.process_time()
    found = kinship.related_pairs(calls, LIMIT)
    seconds, gib = time.process_time() - start, peak_memory_mib() / 1024
    start = time.process_time()
    pair_counts.in_strips(calls)
    kinship.chance_limit(calls, people)
    if screened:
        kinship.noisy_sd(calls)
    once = time.process_time() - start
    pairs, times = people * (people - 1) // 2, BIOBANK / people
    minutes = (once * times + max(seconds - once, 0.0) * times**2) / 120
    line = f"KINSHIP people={people} variants={VARIANTS} pairs={pairs} screened={int(screened)} related={len(found.first)} "
    line += (
        f"seconds={seconds:.2f} per_pair_ns={1e9 * (seconds - once) / pairs:.0f} to_100000_minutes={minutes:.1f} gib={gib:.2f} "
    )
    line += f"to_100000_gib={2 * VARIANTS * BIOBANK / 4 / GIB + 0.3:.2f}"
    if with_plink2 and shutil.which("plink2"):
        with tempfile.TemporaryDirectory() as folder:
            theirs, plink2_seconds = plink2_pairs(calls, Path(folder))
        line += f" max_difference_from_plink2={difference(found, theirs):.2g} plink2_seconds={plink2_seconds:.1f}"
    return line


def of_slice(firsts: int = 256) -> str:
    packed = np.random.default_rng(1).integers(0, 256, (VARIANTS, BIOBANK // 4), dtype=np.uint8)
    reset_peak_memory()
    start = time.process_time()
    strips = pair_counts.in_strips(PackedCalls(packed, BIOBANK))
    arranged = time.process_time() - start
    limits = kinship.screen(strips.variants, LIMIT, np.inf)
    start = time.process_time()
    compiled.related(strips.calls, strips.variants, limits, 0, firsts)
    seconds, pairs = time.process_time() - start, firsts * (BIOBANK - firsts) + firsts * (firsts - 1) // 2
    minutes = (arranged + seconds * BIOBANK * (BIOBANK - 1) / 2 / pairs) / 120
    line = f"SLICE people={BIOBANK} variants={VARIANTS} firsts={firsts} arranging_seconds={arranged:.1f} seconds={seconds:.1f} "
    return line + f"per_pair_ns={1e9 * seconds / pairs:.0f} all_pairs_minutes={minutes:.1f} gib={peak_memory_mib() / 1024:.2f}"


def of_instructions(people: int) -> str:
    strips = pair_counts.in_strips(simulated(people, VARIANTS, 1))
    limits = kinship.screen(strips.variants, LIMIT, np.inf)
    before, words = compiled.instructions(), []
    for name in ("baseline", "avx2", "avx512f", "avx512vpopcntdq"):
        try:
            compiled.instructions(name)
        except ValueError:
            continue
        start = time.process_time()
        pair_counts.pairs_above(strips, limits)
        words.append(f"{name}={2e9 * (time.process_time() - start) / people / (people - 1):.0f}")
    compiled.instructions(before)
    return f"INSTRUCTIONS people={people} variants={VARIANTS} " + " ".join(words)


def of_components(people: int, variants: int) -> str:
    calls = simulated(people, variants, 2, populations=4)
    reset_peak_memory()
    start = time.process_time()
    genotype_pcs.genotype_pcs(calls, 10, seed=1)
    seconds, gib = time.process_time() - start, peak_memory_mib() / 1024
    passes = genotype_pcs.ROUNDS + 2
    minutes = seconds * (BIOBANK / people) * (BIOBANK / variants) / 60
    each = seconds / passes
    line = f"COMPONENTS people={people} variants={variants} passes={passes} seconds={seconds:.1f} seconds_per_pass={each:.2f} "
    line += f"per_call_ns={1e9 * each / people / variants:.1f} gib={gib:.2f} to_100000_minutes={minutes:.0f} "
    return line + f"smallest_correlation={smallest_correlation():.6f}"


def smallest_correlation() -> float:
    """Of the first ten components with those of the whole matrix's decomposition."""
    codes = simulated(600, 3_000, 3, populations=4).unpacked()
    ours: NDArray[np.float64] = genotype_pcs.genotype_pcs(packed_calls(codes), 10, seed=1)
    exact = np.linalg.svd(standardised(codes), full_matrices=False)[2][:10].T
    return float(min(abs(np.corrcoef(ours[:, k], exact[:, k])[0, 1]) for k in range(10)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="2,000 and 4,000 people")
    parser.add_argument("--slice", action="store_true", help="256 of 100,000 people with everyone")
    parser.add_argument("--people", type=int, nargs="+", default=None)
    options = parser.parse_args()
    sizes = options.people or ([2_000, 4_000] if options.quick else [5_000, 10_000, 20_000])
    print(f"{machine()['machine']}; {platform.machine()}; instructions {compiled.instructions()}")
    if options.slice:
        print(of_slice(), flush=True)
        return 0
    with threadpool_limits(1):
        for people in sizes:
            for screened in (False, True):
                print(of_kinship(people, screened=screened, with_plink2=screened and people == sizes[-1]), flush=True)
        print(of_instructions(sizes[0]), flush=True)
        print(of_components(sizes[0], VARIANTS), flush=True)
    return 0


if __name__ == "__main__":
    recorded(main, __file__)
