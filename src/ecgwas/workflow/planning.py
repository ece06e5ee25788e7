"""The plan of a study before its first job: every part with its processor seconds, memory and disk, and whether it fits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ecgwas import represent
from ecgwas.errors import StudyError
from ecgwas.genotypes import chromosomes, filesets
from ecgwas.stages import STAGES
from ecgwas.stages import read as read_stage
from ecgwas.store import atomic_write, fingerprint
from ecgwas.study import Study
from ecgwas.tables import files
from ecgwas.workflow import costs, costs_of_share
from ecgwas.workflow.costs import MIB, Need, Size

MARGIN = 1.5
"""A job asks for so many times the memory that is expected, and MINUTES_MARGIN times the time."""
MINUTES_MARGIN = 6
SNAKEMAKE_MIB = 300.0
"""Snakemake starts twice in a cluster's job and stays beside what it runs."""
LEAST_MIB = 900
LEAST_MINUTES = 30


@dataclass(frozen=True)
class Job:
    """One part of one stage, what options it rests on, and what it needs."""

    stage: str
    part: str
    mark: str
    need: Need

    @property
    def mem_mb(self) -> int:
        """What it asks a cluster for, MB, before a retry doubles it."""
        return max(LEAST_MIB, round((self.need.memory_mib * MARGIN + SNAKEMAKE_MIB) * MIB / 1e6))

    @property
    def minutes(self) -> int:
        """Likewise, by the clock."""
        return max(LEAST_MINUTES, round(self.need.seconds * MINUTES_MARGIN / 60))


def jobs(study: Study, size: Size | None = None) -> tuple[Job, ...]:
    """Every part of every stage, in order. size: of another study; none: measured from this one's inputs."""
    measured = size_of(study) if size is None else size
    count = sum(represent.traits_of(options) for options in study.represent)
    found = []
    for stage in STAGES:
        parts = stage.parts(study) if size is None else _parts(study, stage.name, size)
        for part in parts:
            mark = fingerprint(stage.options(study, part))[:16]
            found.append(Job(stage.name, part, mark, _need(study, measured, count, stage.name, part)))
    return tuple(found)


def _parts(study: Study, stage: str, size: Size) -> tuple[str, ...]:
    """Parts of a study that is only described."""
    if stage == "read":
        count = -(-size.recordings // study.read.people_per_part)
        return (*(f"{i:04d}" for i in range(count)), read_stage.JOIN)
    if stage == "represent":
        return tuple(options.name for options in study.represent)
    return tuple(size.variants) if stage == "scan" else ("all",)


def _need(study: Study, size: Size, count: int, stage: str, part: str) -> Need:
    if stage == "read":
        people = 0 if part == read_stage.JOIN else min(study.read.people_per_part, size.recordings)
        repeats = people * size.repeats / max(size.recordings, 1)
        return costs.read_join(size) if part == read_stage.JOIN else costs.read(study, people, repeats)
    if stage == "represent":
        return costs.represent(study, next(options for options in study.represent if options.name == part), size)
    if stage == "scan":
        return costs.scan(study, size, count, size.variants[part])
    if stage == "genes":
        return costs.genes()
    of_all = {"traits": costs.traits, "loci": costs.loci, "report": costs.report, "share": costs_of_share.share}
    return of_all[stage](study, size, count)


def size_of(study: Study) -> Size:
    """Counted in the inputs; no recording and no genotype is read. Raises InputError where one is missing."""
    manifest = read_stage.listed(study)
    sources = manifest.sources
    with_genotypes = set(chromosomes.people(study.scan))
    tested = sum(source.eid in with_genotypes for source in sources)
    first = filesets.fileset(study.scan, chromosomes.parts(study.scan)[0])
    return Size(
        recordings=len(sources), tested=tested, variants=chromosomes.counts(study.scan), dosages=first.kind != "bed",
        genotyped=len(filesets.read_people(first).eids), repeats=len(manifest.repeats),
    )  # fmt: skip


def write(study: Study, planned: Sequence[Job]) -> Path:
    """results/plan.json, which the Snakefile reads: stage -> part -> what it rests on and needs."""
    content: dict[str, dict[str, dict[str, object]]] = {stage.name: {} for stage in STAGES}
    for job in planned:
        content[job.stage][job.part] = {
            "mark": job.mark, "mem_mb": job.mem_mb, "minutes": job.minutes, "cores": job.need.cores,
            "cpu_seconds": round(job.need.cpu_seconds, 1), "memory_mib": round(job.need.memory_mib),
            "disk_mib": round(job.need.disk_mib, 2),
        }  # fmt: skip
    path = files.PLAN.path(study.results)
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1))
    return path


def table(planned: Sequence[Job]) -> pl.DataFrame:
    """One row per stage: jobs, cpu_hours of all, hours and gib of the largest job, disk_gib of all."""
    rows = []
    for stage in STAGES:
        mine = [job for job in planned if job.stage == stage.name]
        rows.append({
            "stage": stage.name, "jobs": len(mine), "cpu_hours": sum(job.need.cpu_seconds for job in mine) / 3600,
            "longest_hours": max(job.need.seconds for job in mine) / 3600,
            "memory_gib": max(job.need.memory_mib for job in mine) / 1024,
            "disk_gib": sum(job.need.disk_mib for job in mine) / 1024,
        })  # fmt: skip
    return pl.DataFrame(rows)


def refuse_what_cannot_fit(study: Study, planned: Sequence[Job], *, memory_mib: float | None, disk_mib: float | None) -> None:
    """Raises StudyError, with advice, where a job needs more memory than there is, or the results more disk.

    None: no limit known (a cluster's nodes differ from this machine). What is fresh on disk already counts as free.
    """
    mistakes = [*_too_large(planned, memory_mib), *_too_many_bytes(study, planned, disk_mib)]
    if mistakes:
        problem = "this study does not fit:\n" + "\n".join(f"  {problem}" for problem, _ in mistakes)
        fix = "; ".join(dict.fromkeys(advice for _, advice in mistakes))
        raise StudyError(problem, where=study.folder, fix=fix)


ADVICE = {
    "read": "lower read.people_per_part",
    "represent": "take beats instead of strips (input: beat), or fewer features",
    "traits": "take fewer features; traits.guards.max_kinship: null where relatives are left out already",
    "scan": "lower scan.block or scan.threads, split genotypes by chromosome, or take fewer permutations",
    "loci": "lower loci.window_bp, or raise scan.keep_neglog10p",
    "genes": "take a machine with more memory",
    "report": "raise scan.keep_neglog10p",
    "share": "raise scan.keep_neglog10p, lower scan.block or scan.threads, or set share.matching: false",
}


def _too_large(planned: Sequence[Job], memory_mib: float | None) -> Iterator[tuple[str, str]]:
    if memory_mib is None:
        return
    for stage in STAGES:
        mine = [job for job in planned if job.stage == stage.name and job.need.memory_mib > memory_mib]
        if mine:
            worst = max(mine, key=lambda job: job.need.memory_mib)
            words = f"{stage.name} (part {worst.part}) needs {worst.need.memory_mib / 1024:.1f} GiB of memory"
            yield f"{words}, there are {memory_mib / 1024:.1f}", ADVICE[stage.name]


def _too_many_bytes(study: Study, planned: Sequence[Job], disk_mib: float | None) -> Iterator[tuple[str, str]]:
    needed = sum(job.need.disk_mib for job in planned)
    if disk_mib is None or needed <= disk_mib:
        return
    largest = max(STAGES, key=lambda stage: sum(job.need.disk_mib for job in planned if job.stage == stage.name))
    advice = {"scan": "raise scan.keep_neglog10p, set scan.dense: false"}.get(largest.name, "choose another results folder")
    words = f"the results take {needed / 1024:.1f} GiB of disk, most of it {largest.name}; {disk_mib / 1024:.1f} GiB are free"
    yield words, advice


def memory_here_mib() -> float:
    """Memory of this machine that is not taken, or what its control group allows."""
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = float(fields["MemAvailable"].split()[0]) / 1024
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.exists() else "max"
    return free if text == "max" else min(free, float(text) / MIB)


def disk_here_mib(study: Study) -> float:
    """Free disk where the results go, and what the study's results take there now."""
    folder = study.results
    while not folder.exists():
        folder = folder.parent
    measured = sum(_bytes(path) for path in study.results.rglob("*")) if study.results.exists() else 0
    return (shutil.disk_usage(folder).free + measured) / MIB


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() and not path.is_symlink() else 0
