"""The plan of a study before it runs: processor seconds, memory and disk of every part, and whether they fit."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ecgwas import represent
from ecgwas.errors import EcgwasError, StudyError
from ecgwas.genotypes import chromosomes, filesets
from ecgwas.progress import Part
from ecgwas.stages import STAGES, feature_tables, polygenic, required_packages, stage_named
from ecgwas.stages import read as read_stage
from ecgwas.stages import scores as scores_stage
from ecgwas.stages.represent import options_of
from ecgwas.store import atomic_write, fingerprint
from ecgwas.study import Study
from ecgwas.tables import files
from ecgwas.workflow import costs, costs_of_outcomes, costs_of_relatives, costs_of_scores, costs_of_share
from ecgwas.workflow.costs import MIB, Cost, StudySize

logger = logging.getLogger(__name__)

MEMORY_MARGIN, TIME_MARGIN = 1.5, 6
"""A job requests this many times the expected memory and time."""
SNAKEMAKE_MIB = 300.0
"""Memory of the two Snakemake processes within a cluster job."""
MIN_MB = 900
MIN_MINUTES = 30


@dataclass(frozen=True)
class Job:
    """One part of one stage: fingerprint of its options, and its cost."""

    stage: str
    part: str
    fingerprint: str
    cost: Cost

    @property
    def mem_mb(self) -> int:
        """Memory requested from a cluster, MB; each retry doubles it."""
        return max(MIN_MB, round((self.cost.memory_mib * MEMORY_MARGIN + SNAKEMAKE_MIB) * MIB / 1e6))

    @property
    def minutes(self) -> int:
        """Wall-clock time requested from a cluster; each retry doubles it."""
        return max(MIN_MINUTES, round(self.cost.seconds * TIME_MARGIN / 60))


def jobs(study: Study, size: StudySize | None = None) -> tuple[Job, ...]:
    """Every part of every stage, in order. size: of a planned study; None: counted in this study's inputs."""
    if size is None:
        required_packages.refuse_missing(study, [stage.name for stage in STAGES])
    known_size = size_of(study) if size is None else size
    n_traits = sum(represent.traits_of(options) for options in study.represent)
    listed = []
    for stage in STAGES:
        parts = stage.parts(study) if size is None else _parts(study, stage.name, size)
        for part in parts:
            options = fingerprint(stage.options(study, part))[:16]
            listed.append(Job(stage.name, part, options, _cost(study, known_size, n_traits, stage.name, part)))
    return tuple(listed)


def _parts(study: Study, stage: str, size: StudySize) -> tuple[str, ...]:
    """Parts of a study of this size, without its inputs."""
    if stage == "read" and study.read is None:
        return ()
    if stage == "read":
        return read_stage.parts_for(study, size.recordings)
    if (stage == "outcomes" and study.outcomes is None) or (stage == "predict" and study.predict is None):
        return ()
    if stage == "scores":
        return scores_stage.STAGE.parts(study)
    if stage == "represent":
        return tuple(options.name for options in study.represent)
    if stage == "scan":
        return (*((polygenic.PART,) if costs_of_relatives.predicts(study.scan, size.in_files) else ()), *size.variants)
    return ("all",)


def _cost(study: Study, size: StudySize, n_traits: int, stage: str, part: str) -> Cost:
    if stage == "read":
        return _cost_of_reading(study, size, part)
    if stage == "represent":
        return costs.represent(study, options_of(study, part), size)
    if (stage, part) == ("scan", polygenic.PART):
        return costs_of_relatives.predictions(study, size, n_traits)
    if stage == "scan":
        return costs.scan(study, size, n_traits, size.variants[part])
    if stage == "genes":
        return costs.genes()
    if stage == "outcomes":
        return costs_of_outcomes.outcomes(study, size, n_traits)
    if stage == "predict":
        return costs_of_outcomes.predict(study, size, n_traits)
    if stage == "scores":
        return costs_of_scores.scores(study, size, n_traits, part)
    undivided = {"traits": costs.traits, "loci": costs.loci, "report": costs.report, "share": costs_of_share.share}
    return undivided[stage](study, size, n_traits)


def _cost_of_reading(study: Study, size: StudySize, part: str) -> Cost:
    if part == read_stage.JOIN:
        return costs.read_join(size)
    if part == read_stage.FIDUCIALS:
        return costs.fiducials(size)
    people = min(read_stage.options_of(study).people_per_part, size.recordings)
    repeats, compared = (people * count / max(size.recordings, 1) for count in (size.repeats, size.compared))
    return costs.read(study, people, repeats, compared)


def planned_seconds(study: Study) -> dict[Part, float] | None:
    """Seconds of each part on idle cores, within a run of the whole study, which starts ecgwas once.

    None if an input that the plan counts is missing: only the stage that reads it needs it.
    """
    try:
        return {(job.stage, job.part): job.cost.seconds_after_start for job in jobs(study)}
    except EcgwasError as error:
        logger.debug("the study cannot be planned: %s", error.problem)
        return None


def size_of(study: Study) -> StudySize:
    """Size of the study, counted in its inputs without reading recordings or genotypes. Raises InputError if one is missing."""
    manifest = None if study.read is None else read_stage.manifest_of(study)
    recorded = set() if manifest is None else {source.eid for source in manifest.sources}
    tables = list(feature_tables.eids_by_table(study).values())
    represented = recorded if any(options.uses_recordings for options in study.represent) else set[str]()
    tested = represented.union(*tables) & set(chromosomes.eids_in_all_files(study.scan))
    first = filesets.fileset(study.scan, chromosomes.available(study.scan)[0])
    return StudySize(
        recordings=len(recorded), tested=len(tested), variants=chromosomes.variant_counts(study.scan),
        dosages=first.format_name != "bed",
        genotyped=len(filesets.read_samples(first).eids),
        repeats=0 if manifest is None else len(manifest.repeats),
        compared=0 if manifest is None else sum(len(source.others) for source in manifest.sources),
        in_tables=max((len(eids) for eids in tables), default=0),
    )  # fmt: skip


def write(study: Study, planned: Sequence[Job]) -> Path:
    """results/plan.json, which the Snakefile reads: stage -> part -> fingerprint of its options, cost, parts it needs."""
    content: dict[str, dict[str, dict[str, object]]] = {stage.name: {} for stage in STAGES}
    for job in planned:
        content[job.stage][job.part] = {
            "fingerprint": job.fingerprint, "mem_mb": job.mem_mb, "minutes": job.minutes, "cores": job.cost.cores,
            "cpu_seconds": round(job.cost.cpu_seconds, 1), "memory_mib": round(job.cost.memory_mib),
            "disk_mib": round(job.cost.disk_mib, 2),
            "needs": [f"{stage}/{part}" for stage, part in stage_named(job.stage).needs(study, job.part)],
        }  # fmt: skip
    path = files.PLAN.path(study.results)
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1))
    return path


def start_seconds(planned: Sequence[Job]) -> float:
    """Processor seconds of starting ecgwas with the libraries of all jobs, once."""
    return max((job.cost.start_seconds for job in planned), default=0.0)


def table(planned: Sequence[Job]) -> pl.DataFrame:
    """One row per stage that has jobs: jobs, total cpu_hours and disk_gib, longest_hours and memory_gib of a single job.

    cpu_hours are without starting ecgwas, which a run on one machine does once, and a cluster once a job.
    """
    rows = []
    for stage in STAGES:
        of_stage = [job for job in planned if job.stage == stage.name]
        if not of_stage:
            continue
        rows.append({
            "stage": stage.name, "jobs": len(of_stage), "cpu_hours": sum(job.cost.work_seconds for job in of_stage) / 3600,
            "longest_hours": max(job.cost.seconds for job in of_stage) / 3600,
            "memory_gib": max(job.cost.memory_mib for job in of_stage) / 1024,
            "disk_gib": sum(job.cost.disk_mib for job in of_stage) / 1024,
        })  # fmt: skip
    return pl.DataFrame(rows)


def refuse_what_cannot_fit(study: Study, planned: Sequence[Job], *, memory_mib: float | None, disk_mib: float | None) -> None:
    """Raises StudyError, with advice, if a job needs more memory or all results more disk than there is.

    None: unknown limit (a cluster's nodes differ from this machine). Disk that the study's results occupy counts as free.
    """
    mistakes = [*_too_large(planned, memory_mib), *_too_many_bytes(study, planned, disk_mib)]
    if mistakes:
        problem = "this study does not fit:\n" + "\n".join(f"  {problem}" for problem, _ in mistakes)
        fix = "; ".join(dict.fromkeys(advice for _, advice in mistakes))
        raise StudyError(problem, where=study.folder, fix=fix)


ADVICE = {
    "read": "lower read.people_per_part",
    "represent": "take beats instead of strips (input: beat), or fewer features",
    "traits": "take fewer features; traits.guards.max_kinship: null if relatives are excluded already",
    "scan": "lower scan.block or scan.threads, split genotypes by chromosome, or take fewer permutations",
    "loci": "lower loci.window_bp, or raise scan.keep_neglog10p",
    "genes": "take a machine with more memory",
    "outcomes": "name fewer columns or diseases in outcomes.tables, or take fewer permutations",
    "predict": "name fewer targets, or take fewer permutations",
    "scores": "name fewer scoring files, take fewer permutations, or fewer methods of scores.own",
    "report": "raise scan.keep_neglog10p",
    "share": "raise scan.keep_neglog10p, lower scan.block or scan.threads, or set share.matching: false",
}


def _too_large(planned: Sequence[Job], memory_mib: float | None) -> Iterator[tuple[str, str]]:
    if memory_mib is None:
        return
    for stage in STAGES:
        of_stage = [job for job in planned if job.stage == stage.name and job.cost.memory_mib > memory_mib]
        if of_stage:
            largest = max(of_stage, key=lambda job: job.cost.memory_mib)
            problem = f"{stage.name} (part {largest.part}) needs {largest.cost.memory_mib / 1024:.1f} GiB of memory"
            yield f"{problem}, there are {memory_mib / 1024:.1f}", ADVICE[stage.name]


def _too_many_bytes(study: Study, planned: Sequence[Job], disk_mib: float | None) -> Iterator[tuple[str, str]]:
    needed = sum(job.cost.disk_mib for job in planned)
    if disk_mib is None or needed <= disk_mib:
        return
    largest = max(STAGES, key=lambda stage: sum(job.cost.disk_mib for job in planned if job.stage == stage.name))
    advice = {"scan": "raise scan.keep_neglog10p, set scan.dense: false"}.get(largest.name, "choose another results folder")
    problem = f"the results take {needed / 1024:.1f} GiB of disk, most of it {largest.name}; {disk_mib / 1024:.1f} GiB are free"
    yield problem, advice


def memory_here_mib() -> float:
    """Free memory of this machine, or the limit of its control group."""
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = float(fields["MemAvailable"].split()[0]) / 1024
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.exists() else "max"
    return free if text == "max" else min(free, float(text) / MIB)


def disk_here_mib(study: Study) -> float:
    """Free disk space for the results, including what the study's results occupy now."""
    folder = study.results
    while not folder.exists():
        folder = folder.parent
    occupied = sum(_bytes(path) for path in study.results.rglob("*")) if study.results.exists() else 0
    return (shutil.disk_usage(folder).free + occupied) / MIB


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() and not path.is_symlink() else 0
