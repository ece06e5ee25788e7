"""The same study as SLURM job arrays: one array per stage, one task per part, judged by the notes that parts leave.

A task that fails touches nothing of another's: a part's files appear with its note, or not at all, and only parts without a
fresh note are submitted again, with twice the memory and time. So an array is safe here where Snakemake's are not (its plugin,
version 2.8.0, lets one failed task take good results away). Account, partition and the like come from SLURM's own variables
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
from ecgwas.stages import STAGES, is_fresh
from ecgwas.stages import read as read_stage
from ecgwas.stages.base import Stage, note_path
from ecgwas.store import atomic_write, fingerprint
from ecgwas.study import Study
from ecgwas.workflow.planning import Job

logger = logging.getLogger(__name__)

ATTEMPTS = 3
SECONDS_BETWEEN_LOOKS = 5.0
GONE = "Invalid job id"
"""What squeue says of a job that it has forgotten."""


def run(study_file: Path, study: Study, planned: Sequence[Job], *, jobs: int, until: str | None, force: bool) -> None:
    """Every stage in order, each as one array of the parts that are not fresh; `jobs` tasks at a time.

    Raises ToolError without SLURM's commands, and for parts that failed ATTEMPTS times, with their logs.
    """
    absent = [program for program in ("sbatch", "squeue", "scancel") if shutil.which(program) is None]
    if absent:
        fix = "run it where SLURM's commands are, or without --on"
        raise ToolError(f"SLURM is not here: no {', '.join(absent)}", where=study_file, fix=fix)
    names = [stage.name for stage in STAGES]
    last = names.index(until) if until else len(names) - 1
    needs = {(job.stage, job.part): job for job in planned}
    for stage in STAGES[: last + 1]:
        for parts in _rounds(stage, study):
            if force:
                for part in parts:
                    note_path(study, stage.name, part).unlink(missing_ok=True)
            _Round(study_file.resolve(), study, stage, needs, jobs).make(parts)


def _rounds(stage: Stage, study: Study) -> list[list[str]]:
    """Parts of a stage that do not wait for each other; of `read` the list of recordings waits for all others."""
    parts = list(stage.parts(study))
    if stage.name != "read":
        return [parts]
    return [[part for part in parts if part != read_stage.JOIN], [read_stage.JOIN]]


class _Round:
    """Parts of one stage that are submitted together."""

    def __init__(self, study_file: Path, study: Study, stage: Stage, needs: Mapping[tuple[str, str], Job], jobs: int) -> None:
        self.study_file, self.study, self.stage, self.needs, self.jobs = study_file, study, stage, needs, jobs
        self.logs = study.results.resolve() / "logs"
        self.name = f"ecgwas-{fingerprint(str(study.results.resolve()))[:10]}-{stage.name}"

    def make(self, parts: Sequence[str]) -> None:
        """Submits what is not fresh until all is, ATTEMPTS times at most."""
        self._wait(["--name", self.name, "--me"])  # Of a run that was interrupted: its tasks go on.
        missing = self._missing(parts)
        if not missing:
            logger.info("%s: fresh", self.stage.name)
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
        """The array's number. Each task may take what the largest of the parts is planned with, `times` as much."""
        asked = [self.needs[self.stage.name, part] for part in parts]
        self.logs.mkdir(parents=True, exist_ok=True)
        listed = self.logs / f"{self.stage.name}.parts"
        with atomic_write(listed) as temporary:
            temporary.write_text("".join(f"{part}\n" for part in parts))
        script = str(files("ecgwas") / "workflow" / "array.sh")
        command = [
            "sbatch", "--parsable", f"--job-name={self.name}", f"--array=1-{len(parts)}%{self.jobs}", "--no-requeue",
            f"--mem={max(job.mem_mb for job in asked) * times}M", f"--time={max(job.minutes for job in asked) * times}",
            f"--cpus-per-task={max(job.need.cores for job in asked)}",
            f"--output={self.logs / f'{self.stage.name}.%a.log'}", script,
            sys.executable, str(self.study_file), self.stage.name, str(listed),
        ]  # fmt: skip
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            fix = "see what sbatch says; account and partition are set by SBATCH_ACCOUNT and SBATCH_PARTITION"
            raise ToolError(f"sbatch refused the array: {done.stderr.strip()[:500]}", where=self.study_file, fix=fix)
        return done.stdout.strip().split(";")[0]

    def _wait(self, which: Sequence[str]) -> None:
        """Until the queue holds none of these jobs any more; a controller that does not answer is asked again."""
        while True:
            seen = subprocess.run(["squeue", "--noheader", "--format=%i", *which], check=False, capture_output=True, text=True)
            if GONE in seen.stderr or (seen.returncode == 0 and not seen.stdout.strip()):
                return
            time.sleep(SECONDS_BETWEEN_LOOKS)
