"""The same study through Snakemake: every shell line of the Snakefile is the ecgwas command line."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from ecgwas.errors import StudyError, ToolError
from ecgwas.stages import STAGES, is_fresh
from ecgwas.stages.base import note_path
from ecgwas.store import fingerprint, whole
from ecgwas.study import Study

PROFILES = ("local", "slurm")


def write_plan(study: Study) -> Path:
    """results/plan.json: the parts of every stage and a mark of each stage's options.

    The Snakefile is evaluated again in every job of a cluster run, so it reads the plan instead of making it.
    """
    plan = {stage.name: _planned(study, stage.name) for stage in STAGES}
    path = study.results / "plan.json"
    with whole(path) as temporary:
        temporary.write_text(json.dumps(plan, indent=1))
    return path


def _planned(study: Study, name: str) -> dict[str, object]:
    stage = next(stage for stage in STAGES if stage.name == name)
    parts = stage.parts(study)
    return {"parts": parts, "marks": [fingerprint(stage.options(study, part))[:16] for part in parts]}


def _forget_stale(study: Study) -> None:
    """Takes away the notes of parts that are not fresh.

    Snakemake judges by times of change and by what it remembers of its own runs; it would take a note that a run without
    it left, for an older study file, as good.
    """
    for stage in STAGES:
        for part in stage.parts(study):
            if not is_fresh(study, stage.name, part):
                note_path(study, stage.name, part).unlink(missing_ok=True)


def run(study_file: Path, study: Study, *, profile: str, jobs: int, until: str | None, force: bool) -> None:
    """Run the study through Snakemake as a subprocess. Raises ToolError if a job fails, with where its log is."""
    workflow = files("ecgwas") / "workflow"
    chosen = str(workflow / "profiles" / profile) if profile in PROFILES else profile
    if not Path(chosen).is_dir():
        fix = "`--on local`, `--on slurm`, or the folder of a Snakemake profile"
        raise StudyError(f"there is no profile '{profile}'", where=study_file, fix=fix)
    write_plan(study)
    _forget_stale(study)
    command = [sys.executable, "-m", "snakemake", "-s", str(workflow / "Snakefile"), "--profile", chosen]
    command += ["--directory", str(study.results), "--jobs", str(jobs), "--cores", str(jobs)]
    command += ["--config", f"study={study_file.resolve()}", f"until={until or STAGES[-1].name}"]
    command += ["--forceall"] if force else []
    finished = subprocess.run(command, check=False)
    if finished.returncode != 0:
        fix = "read the log named above, mend the cause, run the same command again: finished parts are kept"
        raise ToolError(f"Snakemake ended with exit code {finished.returncode}", where=study.results / "logs", fix=fix)
