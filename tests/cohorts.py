"""Small simulated cohorts with their study files, each simulated and read once per session; what tests ask of results."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
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


SHARED = "ECGWAS_TEST_COHORTS"
"""Environment variable: the folder in which the workers of a session share cohorts; without it each is made anew."""


def make_cohort(
    folder: Path, *, people: int = 120, variants: int = 150, permutations: int = 100, represent: str = SMALL, read: bool = True
) -> Path:
    """A cohort of a few seconds under `folder`; gives its study file.

    read: with the results of stage `read`, where a session shares cohorts.
    """

    def simulated(made: Path) -> None:
        simulate(made, people=people, seed=5, variants_per_chromosome=variants)

    def recordings_read(made: Path) -> None:
        copied_once("simulated", size, made, simulated)
        stages.run(Study.read_file(write_study(made, represent=SMALL)), until="read")
        (made / "study.yaml").unlink()

    size = f"{people}_{variants}"
    if read and SHARED in os.environ:
        copied_once("read", size, folder, recordings_read)
        if "intervals" not in represent:
            for path in [*(folder / "results").rglob("fiducials*")]:
                path.unlink()
    else:
        copied_once("simulated", size, folder, simulated)
    path = write_study(folder, represent=represent)
    path.write_text(with_limits(path.read_text(), permutations))
    return path


def copied_once(kind: str, name: str, folder: Path, make: Callable[[Path], object]) -> None:
    """Fills `folder` with a copy of what `make` makes in a folder: once for all workers of a session, by the one first to ask.

    kind, name: of what is made. Signals are hard links, for results are never changed in place.
    """
    if SHARED not in os.environ:
        make(folder)
        return
    made = Path(os.environ[SHARED]) / kind / name
    made.parent.mkdir(exist_ok=True)
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            unfinished = made.with_suffix(".part")
            make(unfinished)
            unfinished.rename(made)
    shutil.copytree(made, folder, dirs_exist_ok=True, copy_function=_copy)


def _copy(path: str, to: str) -> None:
    if "/results/read/" in path:
        os.link(path, to)
    else:
        shutil.copy2(path, to)


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


def with_few_cases(path: Path) -> Path:
    """The study file, with outcomes of as few as five cases tested, so that `check` has nothing to say of a small cohort."""
    path.write_text(path.read_text().replace("  follow_up: outcomes", "  min_cases: 5\n  follow_up: outcomes"))
    return path
