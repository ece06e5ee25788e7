"""A study as SLURM job arrays: one array per stage, one task per part. A part has succeeded if it has a fresh note.

A failed task does not affect others: a part's files appear together with its note or not at all, and only parts without a
fresh note are submitted again, with twice the memory and time. Job arrays are therefore safe here, unlike Snakemake's (its
plugin, version 2.8.0, can remove good results after one task fails). Account, partition and so on come from SLURM's variables
(SBATCH_ACCOUNT, SBATCH_PARTITION): https://slurm.schedmd.com/sbatch.html#SECTION_INPUT-ENVIRONMENT-VARIABLES.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from ecgwas.errors import ToolError, first_few
from ecgwas.progress import Part
from ecgwas.stages import STAGES, is_fresh
from ecgwas.stages.base import Stage, note_path
from ecgwas.store import atomic_write, fingerprint
from ecgwas.study import Study
from ecgwas.workflow.planning import Job
from ecgwas.workflow.watching import Watch

logger = logging.getLogger(__name__)

ATTEMPTS = 3
POLL_SECONDS = 5.0
GONE = "Invalid job id"
"""squeue's message about a job that it no longer knows."""


def run(
    study_file: Path, study: Study, planned: Sequence[Job], *, jobs: int, until: str | None, force: bool, watch: Watch
) -> None:  # fmt: skip
    """Runs the stages in order, each as one array of the parts that are not fresh, with `jobs` tasks at a time.

    watch: shows the parts that are made.

    Raises ToolError if SLURM's commands are missing, or, naming the logs, if parts failed ATTEMPTS times.
    """
    absent = [program for program in ("sbatch", "squeue", "scancel") if shutil.which(program) is None]
    if absent:
        fix = "run it where SLURM's commands are, or without --on"
        raise ToolError(f"SLURM is not here: no {', '.join(absent)}", where=study_file, fix=fix)
    names = [stage.name for stage in STAGES]
    last = names.index(until) if until else len(names) - 1
    job_of = {(job.stage, job.part): job for job in planned}
    for stage in STAGES[: last + 1]:
        for parts in _rounds(stage, study):
            if force:
                for part in parts:
                    note_path(study, stage.name, part).unlink(missing_ok=True)
            _Submission(study_file.resolve(), study, stage, job_of, jobs, watch).run(parts)


def _rounds(stage: Stage, study: Study) -> list[list[str]]:
    """Parts of a stage that do not depend on each other, and then those that depend on them."""
    parts = list(stage.parts(study))
    first = [part for part in parts if all(name != stage.name for name, _ in stage.needs(study, part))]
    return [each for each in (first, [part for part in parts if part not in first]) if each]


class _Submission:
    """Parts of one stage that are submitted together."""

    def __init__(
        self, study_file: Path, study: Study, stage: Stage, job_of: Mapping[Part, Job], jobs: int, watch: Watch
    ) -> None:  # fmt: skip
        self.watch = watch
        self.study_file, self.study, self.stage, self.job_of, self.jobs = study_file, study, stage, job_of, jobs
        self.logs = study.results.resolve() / "logs"
        self.name = f"ecgwas-{fingerprint(str(study.results.resolve()))[:10]}-{stage.name}"

    def run(self, parts: Sequence[str]) -> None:
        """Submits the parts that are not fresh, at most ATTEMPTS times."""
        self._wait(["--name", self.name, "--me"])  # Tasks of an interrupted run continue.
        missing = self._missing(parts)
        if not missing:
            logger.debug("%s: fresh", self.stage.name)
        for attempt in range(ATTEMPTS):
            if not missing:
                return
            array = self._submit(missing, 2**attempt)
            logger.info("%s: array %s of %d parts submitted", self.stage.name, array, len(missing))
            try:
                self._wait(["--jobs", array])
            except KeyboardInterrupt:
                subprocess.run(["scancel", array], check=False)
                raise
            self.watch.look()
            missing = self._missing(missing)
            if missing:
                logger.warning("%s: not made: %s; logs in %s", self.stage.name, first_few(missing), self.logs)
        if missing:
            problem = f"{self.stage.name}: {len(missing)} parts failed {ATTEMPTS} times: {first_few(missing)}"
            fix = "read their logs, remove the cause, run the same command again: finished parts are kept"
            raise ToolError(problem, where=self.logs, fix=fix)

    def _missing(self, parts: Sequence[str]) -> list[str]:
        return [part for part in parts if not is_fresh(self.study, self.stage.name, part)]

    def _submit(self, parts: Sequence[str], times: int) -> str:
        """The array's number. Each task may use `times` what is planned for the largest of the parts."""
        planned = [self.job_of[self.stage.name, part] for part in parts]
        self.logs.mkdir(parents=True, exist_ok=True)
        part_list = self.logs / f"{self.stage.name}.parts"
        with atomic_write(part_list) as temporary:
            temporary.write_text("".join(f"{part}\n" for part in parts))
        script = str(files("ecgwas") / "workflow" / "array.sh")
        command = [
            "sbatch", "--parsable", f"--job-name={self.name}", f"--array=1-{len(parts)}%{self.jobs}", "--no-requeue",
            f"--mem={max(job.mem_mb for job in planned) * times}M", f"--time={max(job.minutes for job in planned) * times}",
            f"--cpus-per-task={max(job.cost.cores for job in planned)}",
            f"--output={self.logs / f'{self.stage.name}.%a.log'}", script,
            sys.executable, str(self.study_file), self.stage.name, str(part_list),
        ]  # fmt: skip
        submitted = subprocess.run(command, check=False, capture_output=True, text=True)
        if submitted.returncode != 0:
            fix = "see what sbatch says; account and partition are set by SBATCH_ACCOUNT and SBATCH_PARTITION"
            raise ToolError(f"sbatch refused the array: {submitted.stderr.strip()[:500]}", where=self.study_file, fix=fix)
        return submitted.stdout.strip().split(";")[0]

    def _wait(self, selection: Sequence[str]) -> None:
        """Waits until none of these jobs is in the queue; retries if the controller does not answer."""
        while True:
            queue = subprocess.run(
                ["squeue", "--noheader", "--format=%i", *selection], check=False, capture_output=True, text=True
            )
            if GONE in queue.stderr or (queue.returncode == 0 and not queue.stdout.strip()):
                return
            self.watch.look()
            time.sleep(POLL_SECONDS)
