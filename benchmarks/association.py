#!/usr/bin/env python3
"""The matrix engine against PLINK 2 and against the bare product: CPU seconds, alternating runs, medians, ratios.

    python benchmarks/association.py [--quick] [--real STEM]

Each case draws N people, K traits, 30 covariates and variants whose frequencies are log-uniform between 0.5 and 50 %.
Both programs use one thread and write what reaches p = 0.001. PLINK's start-up and reading of the traits are taken off by
a second run over few variants; reading the genotypes counts on both sides. PLINK is run as installed, and with OpenBLAS
preloaded where a libopenblas is found. Differences are over all the rows that both wrote.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from bed_reader import to_bed
from threadpoolctl import threadpool_limits

from ecgwas.associate import codes, compiled, genotypes, kernels, matrix, plink2_files
from ecgwas.associate.cohort import assemble
from ecgwas.study.scan import Matrix, Plink2
from ecgwas.tables import Covariates, ScanResult, Traits

COVARIATES = 30
NO_CALL = -127
LIMIT = 3.0


@dataclass(frozen=True)
class Case:
    people: int
    traits: int
    missing: float
    variants: int
    plink_variants: int
    repeats: int


QUICK = (
    Case(1_000, 384, 0.0, 8_000, 2_000, 3), Case(10_000, 384, 0.0, 4_000, 300, 3),
    Case(1_000, 384, 0.01, 4_000, 300, 3), Case(10_000, 384, 0.01, 1_000, 40, 1),
)  # fmt: skip
FULL = (
    *(Case(n, k, m, v, p, 5) for n, k, m, v, p in (
        (1_000, 384, 0.0, 8_000, 8_000), (10_000, 384, 0.0, 8_000, 1_500), (1_000, 32, 0.0, 20_000, 20_000),
        (1_000, 384, 0.01, 4_000, 1_500), (10_000, 384, 0.01, 2_000, 120),
    )),
    Case(50_000, 384, 0.0, 2_000, 300, 3), Case(50_000, 384, 0.01, 600, 20, 1),
)  # fmt: skip


def simulate(case: Case, folder: Path) -> tuple[Path, Traits, Covariates]:
    rng = np.random.default_rng(case.people + case.traits)
    frequencies = np.exp(rng.uniform(np.log(0.005), np.log(0.5), case.variants))
    dosage = np.empty((case.people, case.variants), dtype=np.int8, order="F")
    for j, frequency in enumerate(frequencies):
        dosage[:, j] = rng.binomial(2, frequency, case.people)
        dosage[rng.random(case.people) < case.missing, j] = NO_CALL
    eids = [f"p{i}" for i in range(case.people)]
    sites = {"sid": [f"v{j}" for j in range(case.variants)], "chromosome": ["1"] * case.variants}
    to_bed(folder / "cohort.bed", dosage, properties={"fid": eids, "iid": eids, "sex": [1] * case.people, **sites,
           "bp_position": list(range(1, case.variants + 1)), "allele_1": ["G"] * case.variants,
           "allele_2": ["A"] * case.variants})  # fmt: skip
    covariates = rng.standard_normal((case.people, COVARIATES))
    names = tuple(f"made.12L.f{k + 1}" for k in range(case.traits))
    traits = Traits(tuple(eids), names, rng.standard_normal((case.people, case.traits)))
    return folder / "cohort", traits, Covariates(tuple(eids), tuple(f"c{k}" for k in range(COVARIATES)), covariates)


def options(stem: Path) -> dict[str, object]:
    return {"genotypes": stem, "threads": 1, "min_maf": 0, "min_mac": 0, "min_call_rate": 0, "min_hwe_p": 0,
            "keep_neglog10p": LIMIT}  # fmt: skip


def ours(stem: Path, traits: Traits, covariates: Covariates, kernel: str, threads: int = 1) -> tuple[float, float, ScanResult]:
    """CPU seconds, wall seconds, result."""
    made = Matrix.model_validate({**options(stem), "permutations": 0, "kernel": kernel, "threads": threads})
    chrom = genotypes.parts(made)[0]
    wall, cpu = time.perf_counter(), time.process_time()
    result = matrix.scan(made, traits, covariates, genotypes.open_part(made, chrom), seed=1)
    return time.process_time() - cpu, time.perf_counter() - wall, result


class Plink:
    """PLINK runs in one folder; CPU seconds of the child processes."""

    def __init__(self, stem: Path, traits: Traits, covariates: Covariates, folder: Path, blas: str | None) -> None:
        made = Plink2.model_validate(options(stem))
        part = genotypes.open_part(made, genotypes.parts(made)[0])
        cohort = assemble(traits, covariates, part)
        ids = plink2_files.write_people(folder, part, cohort)
        plink2_files.write_covariates(folder, ids, cohort)
        self.labels = plink2_files.labels(traits.names)
        plink2_files.write_traits(folder, ids, self.labels, cohort.values)
        self.part, self.folder, self.stem = part, folder, stem
        self.environment = {**os.environ, **({"LD_PRELOAD": blas} if blas else {}), "OMP_NUM_THREADS": "1"}

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

    def rows(self, names: tuple[str, ...]) -> pl.DataFrame:
        tables = [plink2_files.read(self.folder / f"plink2.{label}.glm.linear", self.part) for label in self.labels]
        return pl.concat([t.with_columns(trait=pl.lit(name)) for t, name in zip(tables, names, strict=True)])


def openblas() -> str | None:
    found = sorted(Path("/usr/lib").glob("*/openblas*/libopenblas.so.0"))
    return str(found[0]) if found else None


def differences(result: ScanResult, theirs: pl.DataFrame, variants: int) -> str:
    mine = result.associations.frame.filter(pl.col("pos") <= variants).with_columns(
        variant=pl.col("variant").str.slice(1).cast(pl.Int64)
    )
    both = mine.join(theirs, on=["variant", "trait"], suffix="_plink")
    apart = len(mine) + len(theirs) - 2 * len(both)
    relative = {c: ((both[c] - both[f"{c}_plink"]).abs() / both[f"{c}_plink"].abs()).max() for c in ("beta", "se", "t")}
    logp = (both["neglog10p"] - both["neglog10p_plink"]).abs().max()
    shown = ", ".join(f"{name} {value:.1e}" for name, value in relative.items())
    return f"{len(both)} rows of both, {apart} of one only; largest relative difference {shown}; -log10 p {logp:.1e}"


def median(times: int, work: Callable[[], float]) -> float:
    return statistics.median(work() for _ in range(times))


def run(case: Case, folder: Path) -> list[str]:
    stem, traits, covariates = simulate(case, folder)
    label = f"N={case.people} K={case.traits} missing={case.missing:g}"
    few = max(2, case.plink_variants // 10)
    engines: dict[str, Plink] = {"plink2": Plink(stem, traits, covariates, folder, None)}
    if openblas() is not None:
        engines["plink2+openblas"] = Plink(stem, traits, covariates, folder, openblas())
    mine: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(case.repeats):
        for kernel in ("table", "numpy") if compiled.there() else ("numpy",):
            mine.setdefault(kernel, []).append(ours(stem, traits, covariates, kernel)[0] / case.variants)
        for name, plink in engines.items():
            slope = plink.seconds(case.plink_variants) - plink.seconds(few)
            theirs[name].append(slope / (case.plink_variants - few))
    best = next(iter(mine))
    plink = engines["plink2"]
    plink.seconds(case.plink_variants)
    result = ours(stem, traits, covariates, best)[2]
    rate = case.traits / statistics.median(mine[best]) / 1e6
    lines = [f"\n{label}: {rate:.2f} M tests / s / core; {differences(result, plink.rows(traits.names), case.plink_variants)}"]
    lines += [f"RATIO {name} {label}: {statistics.median(t) / statistics.median(mine[best]):.1f}" for name, t in theirs.items()]
    if best == "table":
        lines.append(f"RATIO own-numpy-kernel {label}: {statistics.median(mine['numpy']) / statistics.median(mine[best]):.2f}")
        lines.append(f"RATIO sgemm {label}: {against_product(stem, case):.2f}")
    lines.append(f"RATIO one-thread-wall-of-two {label}: {scaling(stem, traits, covariates):.2f}")
    return lines


def against_product(stem: Path, case: Case) -> float:
    """The bare float32 product of NumPy over the table kernel's, in this process: no reading, no statistics."""
    made = Matrix.model_validate({**options(stem), "permutations": 0})
    packed = np.asarray(genotypes.open_part(made, "1").packed(0, min(case.variants, 2048)))
    block = codes.block(packed, case.people)
    columns = np.random.default_rng(1).standard_normal((case.people, case.traits + COVARIATES)).astype(np.float32)
    decoded, table = block.decoded(), kernels.TableKernel(columns)
    pairs = []
    with threadpool_limits(1, user_api="blas"):
        for _ in range(5):
            times = []
            for work in (lambda: decoded @ columns, lambda: table.products(block)):
                start = time.process_time()
                work()
                times.append(time.process_time() - start)
            pairs.append(times)
    product, looked_up = (statistics.median(column) for column in zip(*pairs, strict=True))
    return product / looked_up


def scaling(stem: Path, traits: Traits, covariates: Covariates) -> float:
    one, two = (statistics.median(ours(stem, traits, covariates, "auto", threads)[1] for _ in range(3)) for threads in (1, 2))
    return one / two


def real(stem: Path, traits: int) -> list[str]:
    """A real fileset, all its chromosomes, random traits: whole scans without and with 1,000 shuffles."""
    made = Matrix.model_validate({"genotypes": stem, "permutations": 0})
    eids = genotypes.people(made)
    rng = np.random.default_rng(1)
    names = tuple(f"made.12L.f{k + 1}" for k in range(traits))
    values = Traits(eids, names, rng.standard_normal((len(eids), traits)))
    covariates = Covariates(eids, ("a", "b", "c"), rng.standard_normal((len(eids), 3)))
    lines = []
    for shuffles in (0, 1000):
        options = made.model_copy(update={"permutations": shuffles})
        start, tests = time.perf_counter(), 0
        for chrom in genotypes.parts(options):
            tests += int(matrix.scan(options, values, covariates, genotypes.open_part(options, chrom), seed=1).tests.sum())
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rate = tests * max(shuffles, 1) / seconds / 1e6
        lines.append(f"{stem.name}: {len(eids)} people, {tests} tests, {shuffles} shuffles: {seconds:.1f} s wall, "
                     f"{rate:.1f} M tests / s, peak {peak:.0f} MiB")  # fmt: skip
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller cases, under three minutes")
    parser.add_argument("--real", type=Path, help="a real fileset (without ending): seconds of whole scans, with shuffles")
    parser.add_argument("--traits", type=int, default=384, help="traits of --real")
    given = parser.parse_args()
    lines = real(given.real, given.traits) if given.real else []
    for line in lines:
        print(line, flush=True)
    for case in () if given.real else QUICK if given.quick else FULL:
        with tempfile.TemporaryDirectory() as folder:
            found = run(case, Path(folder))
        print(found[0], flush=True)
        lines += [line for line in found if line.startswith("RATIO")]
    print("\n".join(["", *(line for line in lines if line.startswith("RATIO"))]))


if __name__ == "__main__":
    main()
