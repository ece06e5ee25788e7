"""Small simulated cohorts with their study files, each simulated and read once per session; what tests ask of results."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from ecgwas import stages
from ecgwas.commands.init import write_study
from ecgwas.simulate import simulate
from ecgwas.store import file_digest
from ecgwas.study import Study

SMALL = """\
  - {kind: intervals, name: clinical}
  - {kind: pca, name: pca, features: 8}
  - {kind: residual_autoencoder, name: ae, leads: together, features: 4, channels: [8, 8, 8], epochs: 3, dropout: 0.1,
     other_seeds: 1}
"""
"""One representation of each sort: measured, computed, trained."""


KEPT = "ECGWAS_TEST_COHORTS"
"""Environment variable: the folder in which the workers of a session share cohorts; without it each is made anew."""


def make_cohort(
    folder: Path, *, people: int = 120, variants: int = 150, permutations: int = 100, represent: str = SMALL, read: bool = True
) -> Path:
    """A cohort of a few seconds under `folder`; gives its study file.

    read: with the results of stage `read`, where a session shares cohorts; False where that stage itself is what is tested.
    """
    if KEPT in os.environ:
        kept = _kept(Path(os.environ[KEPT]), people, variants, fiducials="intervals" in represent)
        shutil.copytree(kept, folder, dirs_exist_ok=True, ignore=None if read else shutil.ignore_patterns("results"))
        (folder / "study.yaml").unlink()
    else:
        simulate(folder, people=people, seed=5, variants_per_chromosome=variants)
    path = write_study(folder, represent=represent)
    path.write_text(with_limits(path.read_text(), permutations))
    return path


def _kept(shared: Path, people: int, variants: int, *, fiducials: bool) -> Path:
    """The cohort with its recordings read, made by the worker that asks first."""
    folder = shared / f"{people}_{variants}_{'with' if fiducials else 'without'}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = folder.with_suffix(".part")
            simulate(made, people=people, seed=5, variants_per_chromosome=variants)
            path = write_study(made, represent=SMALL if fiducials else "  - {kind: pca, name: pca}\n")
            stages.run(Study.read_file(path), until="read")
            made.rename(folder)
    return folder


def with_limits(text: str, permutations: int) -> str:
    """A first study file with a limit that suits few people, fewer shuffles, and its threshold as a line to be changed."""
    text = text.replace("  # min_mac: 20", f"  min_mac: 10\n  permutations: {permutations}")
    return text.replace("# loci:\n#   threshold: permutation", "loci:\n  threshold: permutation")


def copy_inputs(study_file: Path, folder: Path) -> Path:
    """The same cohort elsewhere, without results; times of change are kept, as `cp -a` keeps them."""
    shutil.copytree(study_file.parent, folder, ignore=shutil.ignore_patterns("results"))
    return folder / study_file.name


def contents(study: Study) -> dict[str, str]:
    """SHA-256 of every result file; notes (which tell of time and host), logs and locks are not results."""
    private = ("compare.csv", "notes", "logs", "cache", ".snakemake", "plan.json")
    paths = [path for path in study.results.rglob("*") if path.is_file()]
    names = {str(path.relative_to(study.results)): path for path in paths}
    return {name: file_digest(path) for name, path in sorted(names.items()) if name.split("/")[0] not in private}
