"""The scan on a GPU against the GPU's measured limits, and against the same machine's CPU.

    python -m benchmarks.speed.association_gpu [--quick]     the last lines are GPU lines

Each case simulates N participants, K traits, 30 covariates and variants with log-uniform frequencies of 0.5 to 50 %. Their
file repeats some variants until it is long enough to be timed. The floor of a variant is the larger of two times: its product's
operations (three parts of bfloat16) at the measured rate of a large square product, and its packed bytes at the measured
bandwidth from pinned memory. `device` is a block's time on one thread, from packed bytes in memory to the list of candidate
tests. `scan` is the whole scan, including files and float64, on all threads, at the default keep_neglog10p and at 5.
Differences are over every test of some variants; the CPU computes all of them, as for `dense`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.record import recorded
from benchmarks.speed.association import COVARIATES, Case, Ours, simulate
from ecgwas.genotypes.packed import SampleSelector
from ecgwas.genotypes.readers import BED_MAGIC
from ecgwas.scan.engine import backends, cuda_kernel, screening
from ecgwas.scan.engine.regression import Fitter
from ecgwas.scan.engine.samples import assemble, groups

QUICK = (Case(1_000, 0.0, 65_536, 0, 0, 1), Case(1_000, 0.01, 16_384, 0, 0, 1))
FULL = (
    Case(1_000, 0.0, 1_048_576, 0, 0, 3), Case(10_000, 0.0, 524_288, 0, 0, 3), Case(50_000, 0.0, 131_072, 0, 0, 3),
    Case(1_000, 0.01, 524_288, 0, 0, 3), Case(10_000, 0.01, 131_072, 0, 0, 3), Case(50_000, 0.01, 32_768, 0, 0, 3),
)  # fmt: skip
DRAWN = 50_000_000
"""Number of simulated genotypes, which the file repeats."""


def synchronised() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds(work: Callable[[], Any], repeats: int = 7) -> float:
    """Median wall seconds, without the first run."""
    found = []
    for _ in range(repeats + 1):
        synchronised()
        start = time.perf_counter()
        work()
        synchronised()
        found.append(time.perf_counter() - start)
    return statistics.median(found[1:])


def ceilings(where: torch.device) -> tuple[float, float]:
    """Operations per second of a large bfloat16 product, and bytes per second from pinned memory."""
    side, room = (8_192, 2**28) if where.type == "cuda" else (512, 2**24)
    left, right = (torch.randn(side, side, device=where, dtype=torch.bfloat16) for _ in range(2))
    rate = 2 * side**3 / seconds(lambda: left @ right, 20)
    source = torch.randint(0, 255, (room,), dtype=torch.uint8, pin_memory=where.type == "cuda")
    target = torch.empty(room, dtype=torch.uint8, device=where)
    return rate, room / seconds(lambda: target.copy_(source, non_blocking=True))


def repeated(stem: Path, case: Case, drawn: int) -> None:
    """Repeats the fileset's variants up to the number of the case."""
    bed = stem.with_suffix(".bed")
    rows = bed.read_bytes()[len(BED_MAGIC) :]
    with bed.open("ab") as file:
        for _ in range(case.variants // drawn - 1):
            file.write(rows)
    stem.with_suffix(".bim").write_text("".join(f"1\tv{j}\t0\t{j + 1}\tG\tA\n" for j in range(case.variants)))


def _here(array: Any) -> NDArray[np.float32]:
    return np.asarray(array.cpu() if torch.is_tensor(array) else array)


class OnDevice:
    """One block of a cohort, tested by one thread."""

    def __init__(self, ours: Ours, kernel: str, most: int = 16_384, **more: object) -> None:
        cohort = assemble(*ours.tables, ours.part)
        (group,) = groups(cohort, ours.tables[0].names)
        options = ours.options.model_copy(update={"kernel": kernel, **more})
        self.fitter = Fitter(options, group, keep_products=False)
        self.variants = min(len(ours.part), most)
        selector = SampleSelector(cohort.fam_index, len(ours.part.eids), backends.allocator(options))
        self.block = selector.select(np.asarray(ours.part.packed(0, self.variants)))
        self.t2_histogram = self.fitter.pool().local()

    def work(self) -> None:
        """From packed bytes to the list of candidates."""
        self.fitter.candidates(self.block, self.fitter.screen(self.block), self.t2_histogram)

    def t(self) -> NDArray[np.float64]:
        """Every t in float32, as compared with the limit."""
        screened = self.fitter.screen(self.block)
        trait_ss = None if screened.trait_ss is None else _here(screened.trait_ss)
        screened = replace(screened, cross_product=_here(screened.cross_product), trait_ss=trait_ss)
        signs = np.sign(screened.cross_product[:, : screened.traits])
        return np.where(screened.testable[:, None], signs * np.sqrt(screening.chi2(screened), dtype=np.float64), 0.0)


def differences(ours: Ours) -> str:
    """Differences of every t of a block between GPU and CPU (all tests, as for `dense`), and whether written rows are equal to
    the bit."""
    t = [OnDevice(ours, "torch", 2_048).t(), OnDevice(ours, "auto", 2_048, dense=True).t()]
    gpus, processors = (ours.run(kernel=kernel)[1].associations.frame for kernel in ("torch", "auto"))
    same = "the same bits" if gpus.equals(processors) else "OTHER BITS"
    return f"largest difference of {t[0].size} t: {np.abs(t[0] - t[1]).max():.1e}; {len(gpus)} rows written: {same}"


def run(case: Case, folder: Path, rate: float, bandwidth: float, where: torch.device) -> Iterator[str]:
    drawn = 2 ** int(np.log2(min(DRAWN // case.people, case.variants)))
    stem, traits, covariates = simulate(replace(case, variants=drawn), folder)
    few = Ours(stem, traits, covariates)
    yield f"\n{case.label}"
    yield f"  {differences(few)}"
    repeated(stem, case, drawn)
    ours = Ours(stem, traits, covariates)
    columns = case.traits + COVARIATES
    product = cuda_kernel.PARTS * 2 * case.people * columns / rate
    transfer = -(-case.people // 32) * 8 / bandwidth
    floor = max(product, transfer)
    block = OnDevice(ours, "torch")
    with threadpool_limits(1, user_api="blas"):
        device = seconds(block.work) / block.variants
    yield f"  floor {1e6 * floor:.3f} us per variant (product {1e6 * product:.3f}, transfer {1e6 * transfer:.3f})"
    yield f"GPU device {case.label}: {1e6 * device:.3f} us per variant, {device / floor:.1f} times the floor"
    for keep in (3.0, 5.0):
        for kernel in ("torch", "auto"):
            ours.run(kernel=kernel, threads=0, keep_neglog10p=keep)
            walls = [ours.run(kernel=kernel, threads=0, keep_neglog10p=keep)[0].wall for _ in range(case.repeats)]
            each = statistics.median(walls) / case.variants
            tests = case.traits / each / 1e6
            name = "scan" if kernel == "torch" else "processor"
            yield (
                f"GPU {name} {case.label} keep={keep:g}: {1e6 * each:.3f} us per variant, {each / floor:.1f} times the floor, "
                f"{tests:.0f} M tests / s"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1,000 people alone")
    parser.add_argument("--only", type=int, help="cases of so many people")
    given = parser.parse_args()
    where = cuda_kernel.device()
    name = torch.cuda.get_device_name() if where.type == "cuda" else "the processor in its place"
    rate, bandwidth = ceilings(where)
    cores = len(os.sched_getaffinity(0))
    print(
        f"{name}, {cores} cores, torch {torch.__version__}: {rate / 1e12:.0f} Tflop/s, {bandwidth / 1e9:.1f} GB/s", flush=True
    )
    for case in QUICK if given.quick else FULL:
        if given.only in (None, case.people):
            with tempfile.TemporaryDirectory() as folder:
                for line in run(case, Path(folder), rate, bandwidth, where):
                    print(line, flush=True)


if __name__ == "__main__":
    recorded(main, __file__)
