"""A study as cluster jobs, run by Snakemake or as SLURM job arrays. Every job is an ecgwas command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from ecgwas import extras
from ecgwas.errors import StudyError, ToolError
from ecgwas.stages import STAGES, failures, is_fresh
from ecgwas.stages.base import note_path
from ecgwas.stages.locking import locked
from ecgwas.study import Study
from ecgwas.workflow import arrays, planning

PROFILES = ("local", "slurm")
ARRAYS = "slurm-array"
"""SLURM job arrays without Snakemake (arrays.py)."""


def run(study_file: Path, study: Study, *, profile: str, jobs: int, until: str | None, force: bool) -> None:
    """Runs the study as jobs, by Snakemake in a subprocess or as SLURM job arrays.

    profile: one of PROFILES, ARRAYS, or the folder of a Snakemake profile. Raises StudyError for another profile or if a job
    cannot fit, and ToolError, with the place of the log, if the executor is not installed or a job fails.
    """
    profile_folder = None if profile == ARRAYS else _profile(study_file, profile)
    failures.refuse_unusable_results(study.results)
    planned = planning.jobs(study)
    memory = planning.memory_here_mib() if profile == "local" else None
    planning.refuse_what_cannot_fit(study, planned, memory_mib=memory, disk_mib=planning.disk_here_mib(study))
    planning.write(study, planned)
    # The kernel releases this lock when its holder ends; Snakemake's own lock stays.
    with locked(study.results / "notes" / "workflow.lock", "this study, as jobs,"):
        if profile_folder is None:
            arrays.run(study_file, study, planned, jobs=jobs, until=until, force=force)
        else:
            _snakemake(study_file, study, profile_folder, jobs=jobs, until=until, force=force)


def _profile(study_file: Path, profile: str) -> Path:
    """The folder of a Snakemake profile whose executor is installed."""
    folder = Path(str(files("ecgwas") / "workflow" / "profiles" / profile)) if profile in PROFILES else Path(profile)
    if not (folder / "config.yaml").is_file():
        fix = f"`--on local`, `--on slurm`, `--on {ARRAYS}`, or the folder of a Snakemake profile (which holds a config.yaml)"
        raise StudyError(f"there is no profile '{profile}'", where=study_file, fix=fix)
    _check_executor(folder, profile)
    return folder


def _snakemake(study_file: Path, study: Study, profile: Path, *, jobs: int, until: str | None, force: bool) -> None:
    workflow = files("ecgwas") / "workflow"
    command = [sys.executable, "-m", "snakemake", "-s", str(workflow / "Snakefile"), "--profile", str(profile.resolve())]
    command += ["--directory", str(study.results.resolve()), "--jobs", str(jobs), "--cores", str(jobs)]
    # _synchronise removes the notes of stale parts, so the only reason to run a job is a missing or older note.
    command += ["--nolock", "--rerun-incomplete", "--rerun-triggers", "mtime"]
    command += ["--config", f"study={study_file.resolve()}", f"until={until or STAGES[-1].name}"]
    command += ["--forceall"] if force else []
    _synchronise(study)
    finished = subprocess.run(command, check=False)
    if finished.returncode != 0:
        fix = "read the log named above, remove the cause, run the same command again: finished parts are kept"
        raise ToolError(f"Snakemake ended with exit code {finished.returncode}", where=study.results / "logs", fix=fix)


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
