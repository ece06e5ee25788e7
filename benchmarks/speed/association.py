"""The matrix engine against PLINK 2, tensorQTL and the bare product: CPU seconds, alternating runs, medians, ratios.

    python -m benchmarks.speed.association [--quick] [--tensorqtl PYTHON]     ratios; the last lines are RATIO lines
    python -m benchmarks.speed.association --real STEM [--traits K]           a real fileset: seconds of a whole process
    python -m benchmarks.speed.association --memory                           peak memory for V and 4 V variants

Each case simulates N participants, K traits, 30 covariates and variants with log-uniform frequencies of 0.5 to 50 %. Every
program uses one thread and writes tests with p below 0.001. Seconds per variant are compared. They exclude start-up, reading of
the traits and one-time computations: in other programs by a second run over fewer variants, in ours by a clock from the first
block of variants to the last. Reading the genotypes counts for us and PLINK, not for tensorQTL. PLINK is run with the reference
BLAS that Debian links it to, and with OpenBLAS preloaded, where these are installed (apt install libblas3 liblapack3
libopenblas0-pthread). tensorQTL needs a separate environment, whose Python is given. It replaces missing calls by the mean and
is therefore compared without missing calls. Differences from PLINK are over all rows that both wrote.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from benchmarks.record import recorded
from ecgwas.genotypes import chromosomes, packed
from ecgwas.genotypes.chromosomes import Genotypes
from ecgwas.genotypes.readers import BED_MAGIC, CODE_OF_COPIES, pack
from ecgwas.native import compiled
from ecgwas.scan import matrix, plink2_files
from ecgwas.scan.engine import kernels
from ecgwas.scan.engine.samples import assemble
from ecgwas.study.scan import Matrix, Plink2
from ecgwas.tables import Covariates, ScanResult, Traits

COVARIATES = 30
LIMIT = 3.0
PHASES = {"prepare": "choose, count, recode", "products": "product", "adjust_missing": "missing calls", "tests": "t, histogram",
          "products_and_tests": "product, t, histogram", "refit_exact": "hits in float64"}  # fmt: skip


@dataclass(frozen=True)
class Case:
    people: int
    missing: float
    variants: int
    plink_variants: int
    stock_variants: int
    repeats: int
    traits: int = 384

    @property
    def label(self) -> str:
        return f"N={self.people} K={self.traits} missing={self.missing:g}"


QUICK = (
    Case(1_000, 0.0, 131_072, 1_500, 700, 2), Case(10_000, 0.0, 8_192, 120, 60, 2),
    Case(1_000, 0.01, 32_768, 100, 20, 2), Case(10_000, 0.01, 4_096, 20, 4, 2),
)  # fmt: skip
FULL = (
    Case(1_000, 0.0, 131_072, 6_000, 3_000, 5), Case(10_000, 0.0, 8_192, 400, 200, 5), Case(50_000, 0.0, 4_096, 60, 40, 3),
    Case(1_000, 0.01, 32_768, 300, 60, 5), Case(10_000, 0.01, 4_096, 60, 8, 3), Case(50_000, 0.01, 2_048, 14, 4, 3),
)  # fmt: skip


def simulate(case: Case, folder: Path) -> tuple[Path, Traits, Covariates]:
    rng = np.random.default_rng(case.people + case.traits)
    frequencies = np.exp(rng.uniform(np.log(0.005), np.log(0.5), case.variants))
    with (folder / "cohort.bed").open("wb") as file:
        file.write(BED_MAGIC)
        for start in range(0, case.variants, 256):
            some = frequencies[start : start + 256, None]
            found = CODE_OF_COPIES[rng.binomial(2, some, (len(some), case.people))]
            found[rng.random(found.shape) < case.missing] = CODE_OF_COPIES[3]
            file.write(pack(found).tobytes())
    lines = (f"1\tv{j}\t0\t{j + 1}\tG\tA\n" for j in range(case.variants))
    (folder / "cohort.bim").write_text("".join(lines))
    eids = tuple(f"p{i}" for i in range(case.people))
    (folder / "cohort.fam").write_text("".join(f"{eid}\t{eid}\t0\t0\t1\t-9\n" for eid in eids))
    covariates = rng.standard_normal((case.people, COVARIATES))
    names = tuple(f"made.12L.f{k + 1}" for k in range(case.traits))
    traits = Traits(eids, names, rng.standard_normal((case.people, case.traits)))
    return folder / "cohort", traits, Covariates(eids, tuple(f"c{k}" for k in range(COVARIATES)), covariates)


def options(stem: Path) -> dict[str, Any]:
    return {"genotypes": stem, "threads": 1, "min_maf": 0, "min_mac": 0, "min_call_rate": 0, "min_hwe_p": 0,
            "keep_neglog10p": LIMIT}  # fmt: skip


class Clock:
    """Replaces a scan's progress display and measures CPU and wall seconds from the first block to the last."""

    cpu = wall = 0.0

    def __call__(self, steps: Iterable[Any], description: str, total: int) -> Iterator[Any]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield from steps
        self.cpu, self.wall = time.process_time() - cpu, time.perf_counter() - wall


class Ours:
    """Scans of one cohort in this process."""

    def __init__(self, stem: Path, traits: Traits, covariates: Covariates) -> None:
        self.options = Matrix.model_validate({**options(stem), "permutations": 0})
        self.tables = traits, covariates
        self.part = chromosomes.open_chromosome(self.options, chromosomes.available(self.options)[0])

    def run(self, **more: Any) -> tuple[Clock, ScanResult]:
        clock = Clock()
        result = matrix.scan(self.options.model_copy(update=more), *self.tables, self.part, seed=1, track=clock)
        return clock, result

    def each(self) -> float:
        """CPU seconds per variant on one thread, without setup."""
        return self.run()[0].cpu / len(self.part)


class Plink:
    """PLINK runs in one folder; CPU seconds of the child processes."""

    def __init__(self, stem: Path, traits: Traits, covariates: Covariates, folder: Path, preload: str) -> None:
        made = Plink2.model_validate(options(stem))
        self.part = chromosomes.open_chromosome(made, chromosomes.available(made)[0])
        cohort = assemble(traits, covariates, self.part)
        ids = plink2_files.write_people(folder, self.part, cohort)
        plink2_files.write_covariates(folder, ids, cohort)
        self.labels = plink2_files.labels(traits.names)
        plink2_files.write_traits(folder, ids, self.labels, cohort.values)
        self.folder, self.stem = folder, stem
        self.environment = {**os.environ, "LD_PRELOAD": preload, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

    def seconds(self, variants: int) -> float:
        arguments = [
            "plink2", "--bfile", str(self.stem), "--no-psam-pheno", "--input-missing-phenotype", "-99999",
            "--from-bp", "1", "--to-bp", str(variants), "--chr", "1", "--pheno", "traits.tsv", "--covar", "covariates.tsv",
            "--pfilter", repr(10.0**-LIMIT), "--glm", "hide-covar", "omit-ref", "log10",
            "cols=chrom,pos,ref,alt,a1freq,nobs,beta,se,tz,p,err", "--threads", "1", "--out", "plink2",
        ]  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(arguments, cwd=self.folder, env=self.environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    def slope(self, variants: int) -> float:
        few = max(2, variants // 10)
        return (self.seconds(variants) - self.seconds(few)) / (variants - few)

    def rows(self, names: tuple[str, ...]) -> pl.DataFrame:
        tables = [plink2_files.read(self.folder / f"plink2.{label}.glm.linear", self.part) for label in self.labels]
        return pl.concat([t.with_columns(trait=pl.lit(name)) for t, name in zip(tables, names, strict=True)])


def preloads() -> dict[str, str]:
    """Name of a PLINK variant -> libraries preloaded for it, whichever BLAS the machine's alternatives select."""
    found = {}
    for name, blas, lapack in (
        ("plink2-openblas", "openblas*/libblas.so.3", "openblas*/liblapack.so.3"),
        ("plink2-stock", "blas/libblas.so.3", "lapack/liblapack.so.3"),
    ):
        paths = [next(iter(sorted(Path("/usr/lib").glob(f"*/{pattern}"))), None) for pattern in (blas, lapack)]
        if all(paths):
            found[name] = ":".join(str(path) for path in paths)
    return found or {"plink2": ""}


class TensorQtl:
    """tensorQTL's map_trans in a separate Python, on the CPU."""

    def __init__(self, python: str, stem: Path, traits: Traits, covariates: Covariates, folder: Path) -> None:
        self.python, self.folder = python, folder
        part = chromosomes.open_chromosome(Matrix.model_validate(options(stem)), "1")
        np.save(folder / "dosages.npy", part.dosages(0, min(len(part), 2_000)).astype(np.int8))
        np.save(folder / "traits.npy", traits.values)
        np.save(folder / "covariates.npy", covariates.values)

    def slope(self) -> float:
        code = Path(__file__).with_name("association_tensorqtl.py")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        done = subprocess.run(
            [self.python, str(code), str(self.folder)], env=environment, check=True, capture_output=True, text=True
        )
        return float(done.stdout.splitlines()[-1])


def differences(result: ScanResult, theirs: pl.DataFrame, variants: int) -> str:
    mine = result.associations.frame.filter(pl.col("pos") <= variants).with_columns(
        variant=pl.col("variant").str.slice(1).cast(pl.Int64)
    )
    both = mine.join(theirs, on=["variant", "trait"], suffix="_plink")
    apart = len(mine) + len(theirs) - 2 * len(both)
    relative = {c: ((both[c] - both[f"{c}_plink"]).abs() / both[f"{c}_plink"].abs()).max() for c in ("beta", "se", "t")}
    logp = (both["neglog10p"] - both["neglog10p_plink"]).abs().max()
    shown = ", ".join(f"{name} {value or 0:.1e}" for name, value in relative.items())
    return f"{len(both)} rows of both, {apart} of one only; largest relative difference {shown}; -log10 p {logp or 0:.1e}"


def run(case: Case, folder: Path, tensorqtl: str | None) -> Iterator[str]:
    stem, traits, covariates = simulate(case, folder)
    ours = Ours(stem, traits, covariates)
    plinks = {name: Plink(stem, traits, covariates, folder, preload) for name, preload in preloads().items()}
    sizes = {name: case.stock_variants if name == "plink2-stock" else case.plink_variants for name in plinks}
    peer = TensorQtl(tensorqtl, stem, traits, covariates, folder) if tensorqtl and case.missing == 0 else None
    ours.run()  # one-time work, such as imports
    mine: list[float] = []
    others: dict[str, list[float]] = {}
    for _ in range(case.repeats):
        for name, plink in plinks.items():
            mine.append(ours.each())
            others.setdefault(name, []).append(plink.slope(sizes[name]))
        if peer is not None:
            mine.append(ours.each())
            others.setdefault("tensorqtl-cpu", []).append(peer.slope())
    each = statistics.median(mine)
    last = next(iter(plinks.values()))
    last.seconds(case.plink_variants)
    result = ours.run()[1]
    yield f"\n{case.label}: {1e6 * each:.2f} us per variant, {case.traits / each / 1e6:.2f} M tests / s / core"
    yield f"  against PLINK 2: {differences(result, last.rows(traits.names), case.plink_variants)}"
    yield f"  where the time goes: {shares(ours)}"
    for name, slopes in others.items():
        yield f"  {name}: {1e6 * statistics.median(slopes):.0f} us per variant ({spread(slopes)}); we {spread(mine)}"
        yield f"RATIO {name} {case.label} times={statistics.median(slopes) / each:.1f}"
    product, whole = against_product(ours.part, case)
    if compiled.is_available():
        yield f"RATIO numpy-sgemm {case.label} times={product:.2f}"
    yield f"  the bare sgemm of the same product takes {whole / each:.2f} times our whole scan"
    yield f"RATIO two-threads {case.label} times={scaling(ours):.2f}"


def spread(seconds: list[float]) -> str:
    return f"{1e6 * min(seconds):.2f} to {1e6 * max(seconds):.2f}"


@contextmanager
def timed(spent: dict[str, float]) -> Iterator[None]:
    """CPU seconds of each compiled function."""
    before = {name: getattr(compiled, name) for name in PHASES}

    def wrapped(name: str) -> Callable[..., Any]:
        def work(*arguments: Any, **named: Any) -> Any:
            start = time.process_time()
            found = before[name](*arguments, **named)
            spent[name] = spent.get(name, 0.0) + time.process_time() - start
            return found

        return work

    for name in PHASES:
        setattr(compiled, name, wrapped(name))
    yield
    for name, function in before.items():
        setattr(compiled, name, function)


def shares(ours: Ours) -> str:
    spent: dict[str, float] = {}
    with timed(spent):
        total = ours.run()[0].cpu
    parts = {PHASES[name]: spent[name] / total for name in PHASES if name in spent}
    parts["the rest (Python)"] = 1 - sum(parts.values())
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in parts.items())


def against_product(part: Genotypes, case: Case) -> tuple[float, float]:
    """Ratio of NumPy's bare float32 product to the table kernel, in this process, and its seconds per variant."""
    some = min(len(part), 2_048, max(256, 2**27 // (4 * case.people)))
    people = np.arange(case.people)
    block = packed.SampleSelector(people, case.people).select(np.asarray(part.packed(0, some)))
    columns = np.random.default_rng(1).standard_normal((case.people, case.traits + COVARIATES)).astype(np.float32)
    decoded = block.minor_copies()
    looked_up = kernels.make("auto", columns)
    pairs = []
    with threadpool_limits(1, user_api="blas"):
        for _ in range(5):
            times = []
            for work in (lambda: decoded @ columns, lambda: looked_up.products(block)):
                start = time.process_time()
                work()
                times.append(time.process_time() - start)
            pairs.append(times)
    product, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    return product / ours, product / some


def scaling(ours: Ours) -> float:
    """Wall seconds of one thread divided by those of two, without setup, in alternating runs with eight blocks."""
    block = len(ours.part) // 8
    pairs = [[ours.run(threads=threads, block=block)[0].wall for threads in (1, 2)] for _ in range(12)]
    one, two = (min(column) for column in zip(*pairs, strict=True))
    return one / two


REAL = """
import json, sys, time
start = time.perf_counter()
import numpy as np
from pathlib import Path
from ecgwas.genotypes import chromosomes
from ecgwas.scan import matrix
from ecgwas.progress import peak_memory_mib
from ecgwas.study.scan import Matrix
from ecgwas.tables import Covariates, Traits
given = json.loads(sys.argv[1])
made = Matrix.model_validate({"genotypes": Path(given["stem"]), "permutations": given["permutations"], **given["filters"]})
eids, rng, count = genotypes.people(made), np.random.default_rng(1), given["traits"]
values = Traits(eids, tuple(f"made.12L.f{k}" for k in range(count)), rng.standard_normal((len(eids), count)))
covariates = Covariates(eids, tuple("abcdefghij"), rng.standard_normal((len(eids), 10)))
results = [matrix.scan(made, values, covariates, genotypes.open_part(made, chrom), seed=1) for chrom in genotypes.parts(made)]
tests = sum(int(result.tests.sum()) for result in results)
peak = peak_memory_mib()
print(json.dumps({"people": len(eids), "tests": tests, "peak": peak}))
"""


def whole_process(**given: Any) -> tuple[float, float, dict[str, Any]]:
    """Wall and CPU seconds of a Python process that scans, including imports, and its report."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", REAL, json.dumps(given, default=str)], check=True, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return time.perf_counter() - start, cpu, json.loads(done.stdout)


def real(stem: Path, traits: int) -> None:
    """Times the whole process on all chromosomes of a real fileset, with random traits, ten covariates and all cores."""
    unfiltered = {"min_maf": 0, "min_mac": 0, "min_call_rate": 0, "min_hwe_p": 0}
    for what, filters, permutations in (
        ("no filters", unfiltered, 0),
        ("default filters", {}, 0),
        ("1,000 permutations", {}, 1000),
    ):
        count = traits if permutations == 0 else min(traits, 80)
        runs = [
            whole_process(stem=stem, traits=count, filters=filters, permutations=permutations)
            for _ in range(1 if permutations else 3)
        ]
        wall, cpu = (statistics.median(run[i] for run in runs) for i in (0, 1))
        said = runs[0][2]
        rate = said["tests"] * max(permutations, 1) / wall / 1e6
        print(f"{stem.name}, {said['people']} people, {count} traits, {what}: {said['tests']} tests, {wall:.1f} s wall, "
              f"{cpu:.1f} s CPU, {rate:.1f} M tests / s, peak {said['peak']:.0f} MiB", flush=True)  # fmt: skip


def memory() -> None:
    """Measures peak memory of the same cohort with V and 4 V variants."""
    for variants in (32_768, 65_536):
        with tempfile.TemporaryDirectory() as folder:
            stem, _, _ = simulate(Case(5_000, 0.01, variants, 0, 0, 0), Path(folder))
            said = whole_process(stem=stem, traits=384, filters={}, permutations=0)[2]
            print(f"N=5000 K=384 missing=0.01, {variants} variants: peak {said['peak']:.0f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller cases, under three minutes")
    parser.add_argument("--tensorqtl", help="a Python that has tensorqtl")
    parser.add_argument("--only", type=int, help="only cases of so many people")
    parser.add_argument("--real", type=Path, help="a real fileset (without ending): seconds of whole processes")
    parser.add_argument("--traits", type=int, default=384, help="traits of --real")
    parser.add_argument("--memory", action="store_true", help="peak memory by number of variants")
    given = parser.parse_args()
    if given.real:
        real(given.real, given.traits)
        return
    if given.memory:
        memory()
        return
    load = os.getloadavg()[0]
    said = compiled.instructions() if compiled.is_available() else "not installed"
    print(f"compiled part: {said}; {os.cpu_count()} cores, load {load:.1f}", flush=True)
    ratios = []
    for case in QUICK if given.quick else FULL:
        if given.only not in (None, case.people):
            continue
        with tempfile.TemporaryDirectory() as folder:
            for line in run(case, Path(folder), given.tensorqtl):
                ratios += [line] if line.startswith("RATIO") else []
                print(line, flush=True)
    print("\n".join(["", *ratios]))


if __name__ == "__main__":
    recorded(main, __file__)
