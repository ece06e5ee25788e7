"""The same study as jobs of a cluster, through Snakemake or as SLURM job arrays: every shell line is the command line."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from ecgwas.errors import StudyError, ToolError
from ecgwas.stages import STAGES, failures, is_fresh
from ecgwas.stages.base import note_path
from ecgwas.stages.locking import locked
from ecgwas.study import Study
from ecgwas.workflow import arrays, planning

PROFILES = ("local", "slurm")
ARRAYS = "slurm-array"
"""The same parts as SLURM job arrays, without Snakemake (arrays.py)."""


def run(study_file: Path, study: Study, *, profile: str, jobs: int, until: str | None, force: bool) -> None:
    """Run the study as jobs: through Snakemake as a subprocess, or as SLURM job arrays.

    profile: one of PROFILES, ARRAYS, or the folder of a Snakemake profile. Raises StudyError for another profile and where a
    job cannot fit, ToolError if the executor is not installed or a job fails, with where its log is.
    """
    arrays_asked = profile == ARRAYS
    chosen = None if arrays_asked else _profile(study_file, profile)
    failures.refuse_unusable_results(study.results)
    planned = planning.jobs(study)
    memory = planning.memory_here_mib() if profile == "local" else None
    planning.refuse_what_cannot_fit(study, planned, memory_mib=memory, disk_mib=planning.disk_here_mib(study))
    planning.write(study, planned)
    # The lock is the kernel's and ends with its holder, as Snakemake's own does not.
    with locked(study.results / "notes" / "workflow.lock", "this study, as jobs,"):
        if chosen is None:
            arrays.run(study_file, study, planned, jobs=jobs, until=until, force=force)
        else:
            _snakemake(study_file, study, chosen, jobs=jobs, until=until, force=force)


def _profile(study_file: Path, profile: str) -> Path:
    """The folder of a Snakemake profile whose executor is installed."""
    chosen = Path(str(files("ecgwas") / "workflow" / "profiles" / profile)) if profile in PROFILES else Path(profile)
    if not (chosen / "config.yaml").is_file():
        fix = f"`--on local`, `--on slurm`, `--on {ARRAYS}`, or the folder of a Snakemake profile (which holds a config.yaml)"
        raise StudyError(f"there is no profile '{profile}'", where=study_file, fix=fix)
    _must_be_installed(chosen)
    return chosen


def _snakemake(study_file: Path, study: Study, profile: Path, *, jobs: int, until: str | None, force: bool) -> None:
    workflow = files("ecgwas") / "workflow"
    command = [sys.executable, "-m", "snakemake", "-s", str(workflow / "Snakefile"), "--profile", str(profile.resolve())]
    command += ["--directory", str(study.results.resolve()), "--jobs", str(jobs), "--cores", str(jobs)]
    # What is stale has no note any more, so Snakemake needs no other reason than a note that is missing or older.
    command += ["--nolock", "--rerun-incomplete", "--rerun-triggers", "mtime"]
    command += ["--config", f"study={study_file.resolve()}", f"until={until or STAGES[-1].name}"]
    command += ["--forceall"] if force else []
    _settle(study)
    finished = subprocess.run(command, check=False)
    if finished.returncode != 0:
        fix = "read the log named above, mend the cause, run the same command again: finished parts are kept"
        raise ToolError(f"Snakemake ended with exit code {finished.returncode}", where=study.results / "logs", fix=fix)


def _must_be_installed(profile: Path) -> None:
    lines = (profile / "config.yaml").read_text().splitlines()
    executor = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("executor:")), "local")
    if executor != "slurm" or importlib.util.find_spec("snakemake_executor_plugin_slurm") is not None:
        return
    fix = "pip install 'ecgwas[slurm]'"
    raise ToolError("Snakemake has no executor for SLURM here", where=profile, fix=fix)


def _settle(study: Study) -> None:
    """Makes what Snakemake sees say what ecgwas knows.

    Snakemake judges by times of change. A note that is not fresh is taken away, so that its part is made again, and those
    that are fresh get times in the order of the stages: whoever made them, with Snakemake or without, they are not made
    again. Its marks of unfinished files go, too: a note is there whole or not at all.
    """
    shutil.rmtree(study.results / ".snakemake" / "incomplete", ignore_errors=True)
    for stage in STAGES:
        for part in stage.parts(study):
            path = note_path(study, stage.name, part)
            if is_fresh(study, stage.name, part):
                os.utime(path)
            else:
                path.unlink(missing_ok=True)
