"""A study as cluster jobs, run by Snakemake or as SLURM job arrays. Every job is an ecgwas command line."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from ecgwas import extras
from ecgwas.errors import StudyError, ToolError, first_few
from ecgwas.progress import Part, TimeLeft, label_of, plan_line, study_progress
from ecgwas.stages import STAGES, Parts, failures, is_fresh, stale_parts
from ecgwas.stages.base import note_path
from ecgwas.stages.locking import locked
from ecgwas.study import Study
from ecgwas.workflow import arrays, planning
from ecgwas.workflow.watching import Watch

logger = logging.getLogger(__name__)

PROFILES = ("local", "slurm")
ARRAYS = "slurm-array"
"""SLURM job arrays without Snakemake (arrays.py)."""
SNAKEMAKE_LOG = "snakemake.log"
LOOK_SECONDS = 0.5
"""Time between two looks at the notes."""


def run(
    study_file: Path, study: Study, *, profile: str, jobs: int, until: str | None, force: bool, verbose: bool = False
) -> Parts:  # fmt: skip
    """Runs the study as jobs, by Snakemake in a subprocess or as SLURM job arrays; nothing is started if every part is fresh.

    profile: one of PROFILES, ARRAYS, or the folder of a Snakemake profile. verbose: Snakemake's own messages are shown too.
    Raises StudyError for another profile or if a job cannot fit, and ToolError, with the place of the log, if the executor is
    not installed or a job fails.
    """
    profile_folder = None if profile == ARRAYS else _profile(study_file, profile)
    failures.refuse_unusable_results(study.results)
    # The kernel releases this lock when its holder ends; Snakemake's own lock stays.
    with locked(study.results / "notes" / "workflow.lock", "this study, as jobs,"):
        parts = _parts(study, until)
        stale = stale_parts(study, parts, force=force)
        if not stale:
            return Parts(0, len(parts))
        planned = planning.jobs(study)
        memory = planning.memory_here_mib() if profile == "local" else None
        planning.refuse_what_cannot_fit(study, planned, memory_mib=memory, disk_mib=planning.disk_here_mib(study))
        planning.write(study, planned)
        left = _time_left(planned, stale, jobs)
        logger.info(plan_line(len(parts), len(stale), left))
        with study_progress(len(parts), left, bars=not verbose) as shown:
            if profile_folder is not None:
                _synchronise(study)
            watch = Watch(study, stale, shown)
            if profile_folder is None:
                arrays.run(study_file, study, planned, jobs=jobs, until=until, force=force, watch=watch)
            else:
                command = _snakemake(study_file, study, profile_folder, jobs=jobs, until=until, force=force)
                _watched(command, study, watch, verbose=verbose)
            watch.end()
        return Parts(watch.computed, len(parts) - watch.computed)


def _parts(study: Study, until: str | None) -> list[Part]:
    """The parts of all stages, or of those until this one."""
    names = [stage.name for stage in STAGES]
    last = names.index(until) if until else len(names) - 1
    return [(stage.name, part) for stage in STAGES[: last + 1] for part in stage.parts(study)]


def _time_left(planned: Sequence[planning.Job], stale: Sequence[Part], jobs: int) -> TimeLeft:
    seconds = {(job.stage, job.part): job.cost.seconds for job in planned}
    return TimeLeft({part: seconds[part] for part in stale}, jobs=jobs)


def _profile(study_file: Path, profile: str) -> Path:
    """The folder of a Snakemake profile whose executor is installed."""
    folder = Path(str(files("ecgwas") / "workflow" / "profiles" / profile)) if profile in PROFILES else Path(profile)
    if not (folder / "config.yaml").is_file():
        fix = f"`--on local`, `--on slurm`, `--on {ARRAYS}`, or the folder of a Snakemake profile (which holds a config.yaml)"
        raise StudyError(f"there is no profile '{profile}'", where=study_file, fix=fix)
    _check_executor(folder, profile)
    return folder


def _snakemake(study_file: Path, study: Study, profile: Path, *, jobs: int, until: str | None, force: bool) -> list[str]:
    """The command."""
    workflow = files("ecgwas") / "workflow"
    command = [sys.executable, "-m", "snakemake", "-s", str(workflow / "Snakefile"), "--profile", str(profile.resolve())]
    command += ["--directory", str(study.results.resolve()), "--jobs", str(jobs), "--cores", str(jobs)]
    # _synchronise removes the notes of stale parts, so the only reason to run a job is a missing or older note.
    command += ["--nolock", "--rerun-incomplete", "--rerun-triggers", "mtime"]
    command += ["--config", f"study={study_file.resolve()}", f"until={until or STAGES[-1].name}"]
    return [*command, *(["--forceall"] if force else [])]


def _watched(command: Sequence[str], study: Study, watch: Watch, *, verbose: bool) -> None:
    """Runs Snakemake, and shows the parts that it makes. Its own messages go to a log, or to the terminal if verbose."""
    log = study.results / "logs" / SNAKEMAKE_LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    begun = time.time()
    with log.open("w") as messages:
        output = None if verbose else messages
        process = subprocess.Popen(command, stdout=output, stderr=None if verbose else subprocess.STDOUT)
        try:
            while process.poll() is None:
                watch.look()
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            process.wait()  # Snakemake, which is interrupted too, ends its jobs.
            raise
        except BaseException:
            process.terminate()
            process.wait()
            raise
    watch.look()
    if process.returncode == 0:
        return
    failed = [part for part in watch.waiting if _log_is_newer(study, part, begun)]
    named = f"; failed: {first_few(label_of(*part) for part in failed)}" if failed else ""
    logs = first_few([_log_name(part) for part in failed] or [SNAKEMAKE_LOG])
    fix = f"read {logs} there, remove the cause, run the same command again: finished parts are kept"
    raise ToolError(f"Snakemake ended with exit code {process.returncode}{named}", where=log.parent, fix=fix)


def _log_name(part: Part) -> str:
    """As the Snakefile calls the log of a part."""
    return f"{part[0]}.log" if part[1] == "all" else f"{part[0]}.{part[1]}.log"


def _log_is_newer(study: Study, part: Part, seconds: float) -> bool:
    path = study.results / "logs" / _log_name(part)
    return path.exists() and path.stat().st_mtime >= seconds


def _check_executor(profile: Path, name: str) -> None:
    """Raises ToolError unless Snakemake and the profile's executor are installed."""
    lines = (profile / "config.yaml").read_text().splitlines()
    executor = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("executor:")), "local")
    otherwise = f"leave `--on` out, or `--on {ARRAYS}`, which does without Snakemake"
    plugins = ("snakemake_executor_plugin_slurm",) if executor == "slurm" else ()
    extras.require("snakemake", *plugins, by=f"`ecgwas run --on {name}`", where=profile, otherwise=otherwise)


def _synchronise(study: Study) -> None:
    """Makes the times of notes, by which Snakemake decides, agree with what is fresh.

    Notes of stale parts are removed, so that Snakemake runs these parts. Notes of fresh parts get new times in the order of the
    stages, so that Snakemake does not run them again, whoever ran them before. Snakemake's markers of incomplete files are
    removed too: a note appears whole or not at all.
    """
    shutil.rmtree(study.results / ".snakemake" / "incomplete", ignore_errors=True)
    for stage in STAGES:
        for part in stage.parts(study):
            path = note_path(study, stage.name, part)
            if is_fresh(study, stage.name, part):
                os.utime(path)
            else:
                path.unlink(missing_ok=True)
