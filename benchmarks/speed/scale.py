"""How the cost of stages scales, what a biobank costs, and whether the plan of a study is accurate.

    python -m benchmarks.speed.scale --scan [--quick]       50,000 samples x 20,000 variants x 384 traits: CPU seconds, memory
    python -m benchmarks.speed.scale --read [--quick]       10,000 recordings: per second and core, MB/s with those of the disk
    python -m benchmarks.speed.scale --growth [--quick]     the scan by samples, variants and traits, with fitted exponents
    python -m benchmarks.speed.scale --plan [--quick]       a study of 1,000 participants, run and compared with its plan
    python -m benchmarks.speed.scale --biobank              costs at UK Biobank's sizes, by the plan's formulas; nothing is run
    python -m benchmarks.speed.scale --calibrate [--quick]  new measurements for the constants of src/ecgwas/workflow/costs.py

Every measured piece runs in a separate process on one core (OMP_NUM_THREADS=1, scan.threads 1), so that its peak memory can be
measured. Seconds are CPU seconds, on which the load of the machine has little effect.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.record import recorded
from benchmarks.speed.association import COVARIATES, Case, Clock, simulate  # in this folder
from ecgwas import represent
from ecgwas.commands.init import write_study
from ecgwas.commands.terminal import plan_lines
from ecgwas.ecg.discovery import find_recordings
from ecgwas.ecg.reading import read_recordings
from ecgwas.genotypes import chromosomes
from ecgwas.progress import cpu_seconds, peak_memory_mib, reset_peak_memory, silent
from ecgwas.scan import matrix
from ecgwas.simulate import simulate as simulate_cohort
from ecgwas.store import Note
from ecgwas.study import ReadOptions, Study
from ecgwas.study.scan import Matrix
from ecgwas.tables import Covariates, Traits
from ecgwas.workflow import costs, planning
from ecgwas.workflow.costs import StudySize

ROOT = Path(__file__).resolve().parents[2]

REPRESENT = """\
  - {kind: intervals, name: clinical}
  - {kind: pca, name: pca, features: 16, align: waves, scaling: none}
  - {kind: pca, name: plain, features: 16}
  - {kind: residual_autoencoder, name: ae, leads: together, features: 8, epochs: 3}
  - {kind: residual_autoencoder, name: each, leads: each, features: 8, channels: [8, 16, 16], epochs: 1}
"""


def cohort(folder: Path, people: int, variants: int) -> Study:
    """A simulated cohort with a study file, and six chromosomes of `variants` variants."""
    simulate_cohort(folder, people=people, seed=7, variants_per_chromosome=variants)
    path = write_study(folder, represent=REPRESENT)
    text = path.read_text().replace("  # min_mac: 20", "  min_mac: 20\n  threads: 1\n  permutations: 1000")
    path.write_text(text)
    return Study.read_file(path)


@dataclass(frozen=True)
class Outcome:
    """A part that was made, and its plan: CPU seconds of its process, its peak memory and its files, MiB."""

    job: planning.Job
    cpu_seconds: float
    memory_mib: float
    disk_mib: float


def run_parts(study: Study, jobs: Sequence[planning.Job]) -> Iterator[Outcome]:
    """Makes each part in a separate process, through the command line, as a cluster does."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for job in jobs:
        command = [sys.executable, "-m", "ecgwas", job.stage, str(study.folder / "study.yaml"), "--part", job.part]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        note = Note.read(study.results / "notes" / job.stage / f"{job.part}.json")
        assert note is not None
        seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        disk = sum(int(seen["bytes"]) for seen in note.outputs.values()) / costs.MIB
        yield Outcome(job, seconds, note.facts["peak_memory_mib"], disk)


def plan_comes_true(quick: bool, folder: Path) -> Iterator[str]:
    people, variants = (150, 200) if quick else (1000, 1500)
    study = cohort(folder / "study", people, variants)
    jobs = planning.jobs(study)
    yield f"a study of {people} people, {6 * variants} variants: planned, run part by part, each in its own process"
    yield f"{'stage':<12}{'core seconds':>24}{'peak memory, MiB':>24}{'disk, MiB':>24}"
    yield f"{'':<12}{'planned    took  ratio':>24}{'planned    took  ratio':>24}{'planned    took  ratio':>24}"
    outcomes = list(run_parts(study, jobs))
    stages = {stage: [one for one in outcomes if one.job.stage == stage] for stage in dict.fromkeys(job.stage for job in jobs)}
    of_stage = {stage: compared(mine) for stage, mine in (stages | {"in all": outcomes}).items()}
    for stage, found in of_stage.items():
        yield f"{stage:<12}" + "".join(f"{one.planned:>12.1f}{one.took:>8.1f}{one.ratio:>6.2f}" for one in found.values())
    for stage, found in of_stage.items():
        yield f"PLAN {stage} " + " ".join(f"{what} {one.ratio:.2f}" for what, one in found.items())
    worst = max(((one.factor, stage, what) for stage, found in of_stage.items() for what, one in found.items() if one.counts))
    yield f"PLAN worst factor {worst[0]:.2f}: {worst[1]}, {worst[2]} (disk where either is {LEAST_DISK_MIB:g} MiB or more)"


LEAST_DISK_MIB = 1.0
"""Size of a stage's results below which the plan is not compared."""


@dataclass(frozen=True)
class Compared:
    """Planned and actual cost; counts: False if both are negligible."""

    planned: float
    took: float
    counts: bool

    @property
    def ratio(self) -> float:
        """Planned divided by actual cost."""
        return self.planned / self.took if self.took > 0 else float("inf")

    @property
    def factor(self) -> float:
        """The factor by which the plan is wrong in either direction, at least 1."""
        return max(self.ratio, 1 / self.ratio)


def compared(outcomes: Sequence[Outcome]) -> dict[str, Compared]:
    """Total seconds and disk space, and the largest memory."""
    job_costs = [one.job.cost for one in outcomes]
    disk = sum(cost.disk_mib for cost in job_costs), sum(one.disk_mib for one in outcomes)
    return {
        "time": Compared(sum(cost.cpu_seconds for cost in job_costs), sum(one.cpu_seconds for one in outcomes), True),
        "memory": Compared(max(cost.memory_mib for cost in job_costs), max(one.memory_mib for one in outcomes), True),
        "disk": Compared(*disk, max(disk) >= LEAST_DISK_MIB),
    }


def calibrated(quick: bool, folder: Path) -> Iterator[str]:
    """One line per part and size: the data to which the plan's formulas are fitted."""
    for people, variants in ((100, 100), (200, 200)) if quick else ((150, 200), (500, 1000)):
        study = cohort(folder / f"c{people}", people, variants)
        for outcome in run_parts(study, planning.jobs(study)):
            cost = outcome.job.cost
            pairs = (
                ("core s", cost.cpu_seconds, outcome.cpu_seconds), ("MiB", cost.memory_mib, outcome.memory_mib),
                ("MiB of disk", cost.disk_mib, outcome.disk_mib),
            )  # fmt: skip
            told = ", ".join(f"{took:.2f} {unit} (planned {plan:.2f})" for unit, plan, took in pairs)
            yield f"{people} people, {6 * variants} variants, {outcome.job.stage} {outcome.job.part}: {told}"


@dataclass(frozen=True)
class Scanned:
    """A scan in a separate process: CPU seconds in total and of the blocks, peak memory, kept rows, MiB on disk."""

    cpu_seconds: float
    blocks_seconds: float
    memory_mib: float
    rows: int
    disk_mib: float


def make(folder: Path, people: int, variants: int, traits: int) -> Path:
    """Writes a folder of simulated genotypes, traits and covariates, without missing calls."""
    folder.mkdir()
    _, table, covariates = simulate(Case(people, 0.0, variants, 0, 0, 1, traits), folder)
    table.write(folder / "traits.parquet")
    covariates.write(folder / "covariates.parquet")
    return folder


def scan_alone(folder: Path) -> Scanned:
    """Scans the data of `make` in a separate process on one thread, without permutations."""
    command = [sys.executable, "-m", "benchmarks.speed.scale", "--one-scan", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return Scanned(**json.loads(done.stdout.splitlines()[-1]))


def one_scan(folder: Path) -> None:
    """The work of the process that `scan_alone` starts."""
    start = cpu_seconds()
    options = Matrix.model_validate({"genotypes": folder / "cohort", "threads": 1, "permutations": 0, "min_maf": 0.0})
    tables = Traits.read(folder / "traits.parquet"), Covariates.read(folder / "covariates.parquet")
    clock = Clock()
    found = matrix.scan(options, *tables, chromosomes.open_chromosome(options, "1"), seed=1, track=clock)
    found.associations.write(folder / "1.parquet")
    outcome = Scanned(
        cpu_seconds=cpu_seconds() - start, blocks_seconds=clock.cpu, memory_mib=peak_memory_mib(),
        rows=len(found.associations), disk_mib=(folder / "1.parquet").stat().st_size / costs.MIB,
    )  # fmt: skip
    print(json.dumps(asdict(outcome)))


def large_scan(quick: bool, folder: Path) -> Iterator[str]:
    people, variants, traits = (2_000, 4_000, 96) if quick else (50_000, 20_000, 384)
    found = scan_alone(make(folder / "large", people, variants, traits))
    tests = variants * traits
    yield f"scan of {people:,} people x {variants:,} variants x {traits} traits, {COVARIATES} covariates, one thread:"
    yield f"  {found.cpu_seconds:.1f} processor seconds, of them {found.blocks_seconds:.1f} in blocks of variants"
    yield f"  {tests / found.blocks_seconds / 1e6:.2f} M tests / s, peak memory {found.memory_mib:.0f} MiB"
    yield (
        f"SCAN people={people} variants={variants} traits={traits} cpu_seconds={found.cpu_seconds:.1f} "
        f"block_seconds={found.blocks_seconds:.1f} peak_mib={found.memory_mib:.0f}"
    )
    yield f"  {found.rows:,} rows kept, {found.disk_mib * costs.MIB / max(found.rows, 1):.0f} bytes each on disk"


FACTORS = (1, 2, 4, 8, 16)
MOST_BYTES = 700.0
"""Maximum memory per further variant: its id, position and alleles, and its kept rows. Its calls take people / 4."""


def growth(quick: bool, folder: Path) -> Iterator[str]:
    """Doubles participants, variants or traits four times, one at a time: exponents of seconds and memory above the start.

    A chromosome of the smallest size is a whole block of variants, so that larger ones cannot have larger blocks.
    """
    base = {"people": 1_000 if quick else 4_000, "variants": 8_192, "traits": 24 if quick else 96}
    begun, repeats = time.monotonic(), 1 if quick else 2
    empty = scan_alone(make(folder / "empty", 64, 64, 1)).memory_mib
    yield f"the scan, one thread, from {base}; a process with almost nothing to do takes {empty:.0f} MiB"
    last = []
    for name in base:
        sizes, found = [], []
        for size in (base | {name: base[name] * factor} for factor in FACTORS):
            made = make(folder / "made", **size)
            again = [scan_alone(made) for _ in range(repeats)]
            shutil.rmtree(made)
            yield f"  {name} {size[name]:,}: " + "; ".join(f"{x.blocks_seconds:.2f} s, {x.memory_mib:.0f} MiB" for x in again)
            sizes, found = sizes + [size[name]] * repeats, found + again
        seconds = exponent(sizes, [one.blocks_seconds for one in found])
        memory = exponent(sizes, [one.memory_mib - empty for one in found])
        last.append(f"GROWTH {name} over a factor {FACTORS[-1]}: seconds {seconds}, memory above the start {memory}")
        if name == "variants":
            each = stats.linregress(sizes, [one.memory_mib * costs.MIB for one in found])
            verdict = "calls are not held" if each.slope < MOST_BYTES else "TOO MUCH"
            last.append(f"GROWTH memory of another variant: {each.slope:.0f} +- {each.stderr:.0f} bytes, its calls being "
                        f"{base['people'] / 4:.0f} packed, at most {MOST_BYTES:.0f}: {verdict}")  # fmt: skip
    yield from last
    yield f"GROWTH took {time.monotonic() - begun:.0f} s by the clock"


def exponent(sizes: Sequence[float], values: Sequence[float]) -> str:
    """Slope on logarithmic axes, with its standard error."""
    line = stats.linregress(np.log(sizes), np.log(np.maximum(values, 1e-3)))
    return f"^{line.slope:.2f} +- {line.stderr:.2f}"


def recordings_read(quick: bool, folder: Path) -> Iterator[str]:
    """Reads a few hundred simulated recordings, linked until there is one file per participant."""
    count, distinct = (200, 50) if quick else (10_000, 200)
    simulate_cohort(folder / "made", people=distinct, seed=3, variants_per_chromosome=10, repeats=0.0)
    made = sorted((folder / "made" / "ecg").iterdir())
    (folder / "ecg").mkdir()
    for k in range(count):
        shutil.copyfile(made[k % distinct], folder / "ecg" / f"{5_000_000 + k}_20205_2_0.xml")
    size = sum(path.stat().st_size for path in (folder / "ecg").iterdir()) / 1e6
    options = ReadOptions(recordings=folder / "ecg")
    sources = find_recordings(options).sources
    step, peaks, start, clock = options.people_per_part, [], cpu_seconds(), time.monotonic()
    for first in range(0, count, step):
        reset_peak_memory()
        read_recordings(options, sources[first : first + step], track=silent)
        peaks.append(peak_memory_mib())
    cpu, wall = cpu_seconds() - start, time.monotonic() - clock
    yield f"read: {count:,} recordings of {size / count * 1000:.0f} kB: {cpu:.0f} processor seconds, {wall:.0f} s by the clock"
    yield f"  {count / cpu:.0f} recordings / s / core, {size / cpu:.1f} MB / s / core of files"
    yield f"  peak memory of each part of {step}: {', '.join(f'{peak:.0f}' for peak in peaks)} MiB"
    yield f"  the disk, not in cache: {disk_rate(folder / 'ecg'):.0f} MB / s over the same files, read one by one"


def disk_rate(folder: Path) -> float:
    """MB/s of reading files after removal from the system's cache."""
    paths = sorted(folder.iterdir())
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    start = time.monotonic()
    total = sum(len(path.read_bytes()) for path in paths)
    return total / 1e6 / (time.monotonic() - start)


LENGTHS = (
    249, 243, 198, 191, 181, 171, 159, 146, 141, 136, 135, 134, 115, 107, 103, 90, 81, 78, 59, 63, 48, 51, 155,
)  # fmt: skip
"""Length of chromosomes 1 to 22 and X in Mb; variants are distributed in proportion."""
CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X")


def biobank(quick: bool, folder: Path) -> Iterator[str]:
    """Costs at UK Biobank's sizes by the plan's formulas, without the section `scores`; nothing is run or read."""
    text = (ROOT / "examples" / "study.yaml").read_text()
    for label, people, variants, permutations, changes in (
        ("42,000 people, array", 42_000, 800_000, 0, {}),
        ("70,000 people, array", 70_000, 800_000, 0, {}),
        ("70,000 people, imputed", 70_000, 10_000_000, 0, {}),
        ("70,000 people, imputed, every test kept", 70_000, 10_000_000, 0, {"dense": True}),
        ("70,000 people, array, 1,000 permutations", 70_000, 800_000, 1000, {}),
        ("70,000 people, imputed, 1,000 permutations", 70_000, 10_000_000, 1000, {}),
    ):
        path = folder / "study.yaml"
        path.write_text(text.replace("permutations: 1000", f"permutations: {permutations}"))
        study = Study.read_file(path)
        study = study.model_copy(update={"scan": study.scan.model_copy(update=changes), "scores": None})
        share = {name: round(variants * length / sum(LENGTHS)) for name, length in zip(CHROMOSOMES, LENGTHS, strict=True)}
        size = StudySize(recordings=people, tested=people, variants=share, dosages=variants > 1_000_000)
        jobs = planning.jobs(study, size)
        traits = sum(represent.traits_of(options) for options in study.represent)
        yield f"\n{label}: {variants:,} variants x {traits} traits, {len(jobs)} jobs"
        yield from plan_lines(study, jobs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    for name in PIECES:
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--one-scan", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one_scan is not None:
        one_scan(chosen.one_scan)
        return
    wanted = [name for name in PIECES if getattr(chosen, name)] or [name for name in PIECES if name != "calibrate"]
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="ecgwas_scale_") as folder:
            for line in PIECES[name](chosen.quick, Path(folder)):
                print(line, flush=True)


PIECES: dict[str, Any] = {
    "scan": large_scan, "read": recordings_read, "growth": growth, "plan": plan_comes_true, "biobank": biobank,
    "calibrate": calibrated,
}  # fmt: skip

if __name__ == "__main__":
    recorded(main, __file__)
